use super::Source;
use crate::data::csv::Dialect;
use crate::data::npy::header;
use crate::data::{Block, Plan};
use crate::error::chain;
use crate::number::Dtype;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write;
use std::path::Path;

/// Bytes compressed with gzip.
fn pack(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// All numbers of a file.
fn read(path: &Path) -> Result<Vec<f64>, String> {
    let text = |error: crate::Error| chain(&error);
    let mut source = Source::open(path, &Dialect::default()).map_err(text)?;
    let plan = Plan::all(source.names().len());
    let mut block = Block::default();
    source.read_all(&plan, &mut block, &mut |_| std::ops::ControlFlow::Continue(())).map_err(text)?;
    Ok(block.features.to_vec())
}

/// All numbers of a file of this name and content.
fn numbers(name: &str, content: &[u8]) -> Result<Vec<f64>, String> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(name);
    std::fs::write(&path, content).unwrap();
    read(&path).map_err(|text| text.replace(&format!("{}/", directory.path().display()), ""))
}

#[test]
fn gzip_is_unpacked_whole_or_not_at_all() {
    let whole = pack(b"a\n1\n2\n3\n");
    assert_eq!(numbers("a.csv.gz", &whole), Ok(vec![1.0, 2.0, 3.0]));
    assert_eq!(numbers("a.csv", &[whole.clone(), pack(b"4\n")].concat()), Ok(vec![1.0, 2.0, 3.0, 4.0]));
    for end in 2..whole.len() {
        let text = numbers("a.csv.gz", &whole[..end]).unwrap_err();
        assert!(text.starts_with("cannot ") && text.contains("a.csv.gz"), "{end}: {text}");
    }
    let mut broken = whole.clone();
    let last = broken.len() - 6;
    broken[last] ^= 1;
    assert!(numbers("a.csv.gz", &broken).unwrap_err().starts_with("cannot unpack a.csv.gz: "));
}

#[test]
fn what_is_in_gzip_is_named() {
    let array = [header(Dtype::F64, 1, 1).unwrap(), 1_f64.to_le_bytes().to_vec()].concat();
    assert_eq!(numbers("a.csv", &array), Ok(vec![1.0]));
    assert_eq!(
        numbers("a.npy.gz", &pack(&array)),
        Err("what a.npy.gz holds is a NumPy file: unpack it with `gzip -d`".to_owned())
    );
    let text = numbers("a.gz", &pack(&pack(b"a\n1\n"))).unwrap_err();
    assert_eq!(text, "what a.gz holds is compressed with gzip: unpack it with `gzip -d`");
    let text = numbers("a.gz", &pack(b"PK\x03\x04")).unwrap_err();
    assert!(text.starts_with("what a.gz holds is a zip archive"), "{text}");
    assert_eq!(numbers("a.csv", &pack(b"")).unwrap_err(), "a.csv is empty: there is no header line");
}

#[test]
fn a_name_demands_its_format() {
    let named = |name: &str, content: &[u8]| numbers(name, content).unwrap_err();
    assert_eq!(named("a.npy", b"a\n1\n"), "cannot read a.npy: it is not a NumPy file");
    assert_eq!(
        named("a.NPY", &pack(b"a\n1\n")),
        "cannot read a.NPY: it is not a NumPy file, but compressed with gzip"
    );
    assert_eq!(named("a.parquet", b"a\n1\n"), "cannot read a.parquet: it is not a Parquet file");
    assert_eq!(named("a.npy", b"PAR1"), "cannot read a.npy: it is not a NumPy file, but a Parquet file");
    #[cfg(not(feature = "parquet"))]
    assert_eq!(
        named("a.csv", b"PAR1"),
        "cannot read a.csv: it is a Parquet file, and this build is without the feature `parquet`"
    );
    assert_eq!(numbers("a.parquet.csv", b"a\n1\n"), Ok(vec![1.0]));
}

#[test]
fn what_is_no_file_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    assert!(read(directory.path()).unwrap_err().starts_with("cannot read "));
    assert!(read(&directory.path().join("none")).unwrap_err().starts_with("cannot read "));
}
