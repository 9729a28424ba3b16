//! Files of safetensors: written by the format's own crate, and by this one.

use super::{header, is_safetensors, metadata, split};
use crate::data::Source;
use crate::data::csv::Dialect;
use crate::number::Dtype;
use crate::quantization::Quantization;
use half::{bf16, f16};
use safetensors::tensor::{Dtype as Of, TensorView, serialize};
use std::path::{Path, PathBuf};

/// A directory with a file of these bytes, and the file's path.
fn file(bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.safetensors");
    std::fs::write(&path, bytes).unwrap();
    (dir, path)
}

/// A path with the name of a tensor.
fn named(path: &Path, tensor: &str) -> PathBuf {
    format!("{}#{tensor}", path.display()).into()
}

fn open(path: &Path) -> Result<Source<'static>, String> {
    Source::open_any(path, &Dialect::default()).map_err(|error| {
        let chain = std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source());
        chain.map(ToString::to_string).collect::<Vec<_>>().join(": ")
    })
}

/// A file with tensors of these names, types, shapes and bytes.
fn written(tensors: &[(&str, Of, &[usize], &[u8])]) -> Vec<u8> {
    let views = tensors.iter().map(|(name, of, shape, bytes)| {
        (name.to_string(), TensorView::new(*of, shape.to_vec(), bytes).unwrap())
    });
    serialize(views, None).unwrap()
}

#[test]
fn tensors_are_mapped_in_their_types() {
    let bf16s = [1.5, -2.0, 0.0, 3.0, 1e-40, 7.0].map(bf16::from_f64);
    let f16s = [0.5, 65_504.0].map(f16::from_f64);
    let bytes = written(&[
        ("rows", Of::BF16, &[3, 2], bytemuck::cast_slice(&bf16s)),
        ("vector", Of::F16, &[2], bytemuck::cast_slice(&f16s)),
        ("cube", Of::U8, &[1, 2, 3], &[0; 6]),
        ("eighths", Of::F8_E4M3, &[2, 3], &[0; 6]),
    ]);
    assert!(is_safetensors(&bytes));
    let (_dir, path) = file(&bytes);
    let source = open(&named(&path, "rows")).unwrap();
    let array = source.array().unwrap();
    assert_eq!((array.nrows(), array.ncols(), array.dtype(), array.is_vector()), (3, 2, Dtype::Bf16, false));
    assert_eq!(array.numbers::<bf16>().unwrap(), bf16s);
    assert!(array.numbers::<f16>().is_none());
    let source = open(&named(&path, "vector")).unwrap();
    let array = source.array().unwrap();
    assert_eq!((array.nrows(), array.dtype(), array.is_vector()), (2, Dtype::F16, true));
    assert_eq!(array.numbers::<f16>().unwrap(), f16s);
    for (tensor, words) in [
        ("cube", "3 dimensions"),
        ("eighths", "of type F8_E4M3, which is not read"),
        ("row", "no tensor `row`: it has"),
    ] {
        let error = open(&named(&path, tensor)).unwrap_err();
        assert!(error.starts_with("cannot read ") && error.contains(words), "{error}");
    }
    // Two matrices: neither is meant.
    let error = open(&path).unwrap_err();
    assert!(
        error.contains("name one of its tensors, as `FILE#NAME`: it has `rows` (BF16 [3, 2])"),
        "{error}"
    );
}

#[test]
fn the_only_matrix_needs_no_name() {
    let bytes = written(&[("y", Of::U8, &[2], &[0, 1]), ("x", Of::I8, &[2, 2], &[1, 2, 255, 4])]);
    let (_dir, path) = file(&bytes);
    assert_eq!(open(&path).unwrap().array().unwrap().numbers::<i8>().unwrap(), [1, 2, -1, 4]);
    let (_dir, path) = file(&written(&[("y", Of::U8, &[2], &[0, 1])]));
    assert_eq!(open(&path).unwrap().array().unwrap().numbers::<u8>().unwrap(), [0, 1]);
    let (_dir, path) = file(&written(&[]));
    assert!(open(&path).unwrap_err().contains("it has none"));
}

#[test]
fn damaged_files_are_refused() {
    let whole = written(&[("x", Of::F32, &[2, 1], &[0; 8])]);
    for end in 9..whole.len() {
        let (_dir, path) = file(&whole[..end]);
        let error = open(&path).unwrap_err();
        assert!(error.contains("truncated"), "{end}: {error}");
    }
    let (_dir, path) = file(&[&whole[..], b"more"].concat());
    assert!(open(&path).unwrap_err().contains("4 bytes follow its tensors"));
    let of = |json: &str| [&(json.len() as u64).to_le_bytes()[..], json.as_bytes(), &[0; 8]].concat();
    for json in [
        "{\"x\":",
        "{\"x\":1}",
        r#"{"x":{"dtype":"F32","shape":[2,2],"data_offsets":[0,8]}}"#,
        r#"{"x":{"dtype":"F32","shape":[2,1],"data_offsets":[4,8]}}"#,
        r#"{"x":{"dtype":"F99","shape":[2,1],"data_offsets":[0,8]}}"#,
        r#"{"x":{"dtype":"F32","shape":[18446744073709551615,3],"data_offsets":[0,8]}}"#,
    ] {
        let (_dir, path) = file(&of(json));
        assert!(open(&path).unwrap_err().contains("its header is damaged"), "{json}");
    }
    let (_dir, path) = file(&of(r#"{"x":{"dtype":"F32","shape":[4,0],"data_offsets":[0,0]}}"#));
    assert!(open(&path).unwrap_err().contains("8 bytes follow"));
    // Longer than is read.
    let (_dir, path) = file(&[&200_000_000_u64.to_le_bytes()[..], b"{}"].concat());
    assert!(open(&path).unwrap_err().contains("at most 100000000 are read"));
}

#[test]
fn names_are_of_tensors_alone() {
    let dir = tempfile::tempdir().unwrap();
    let odd = dir.path().join("a#b.csv");
    std::fs::write(&odd, "a,y\n1,0\n").unwrap();
    assert_eq!(split(&odd), (&*odd, None), "a file of that name");
    assert_eq!(split(Path::new("no#where#x")), (Path::new("no"), Some("where#x")));
    let of_odd = format!("{}#x#y", odd.display());
    assert_eq!(split(Path::new(&of_odd)), (&*odd, Some("x#y")));
    assert_eq!(split(Path::new("-")), (Path::new("-"), None));
    assert!(open(&odd).is_ok());
    assert!(open(&named(&odd, "x")).unwrap_err().contains("is no file of safetensors"));
    // A name promises the format.
    let wrong = dir.path().join("x.safetensors");
    std::fs::write(&wrong, "a,y\n1,0\n").unwrap();
    assert!(open(&wrong).unwrap_err().contains("it is not a file of safetensors"));
}

#[test]
fn a_header_that_is_written_reads_back() {
    let lengths = [0, 1, 9, 10, 123_456, usize::MAX / 8];
    let all = Quantization::new(vec![0.1, 1e-300, -7.0], vec![0.0, 1.0 / 3.0, 2.0]).unwrap();
    let scalings = [None, Some(&all)];
    for (dtype, scaling) in Dtype::ALL.iter().flat_map(|&dtype| scalings.map(|scaling| (dtype, scaling))) {
        let is_refused = scaling.is_some() && !matches!(dtype, Dtype::I8 | Dtype::U8);
        let mut len = None;
        for rows in lengths {
            let start = header(&[("a \"name\"", dtype, &[rows, 3]), ("y", Dtype::U8, &[rows])], scaling);
            assert!(start.len().is_multiple_of(64) && *len.get_or_insert(start.len()) == start.len());
            assert!(is_safetensors(&start));
            if rows > 1000 {
                continue;
            }
            let bytes = rows * (3 * dtype.bytes() + 1);
            let whole = [&start[..], &vec![0; bytes]].concat();
            let (found, offset) = metadata(&whole).unwrap();
            assert_eq!((offset, found.data_len()), (start.len(), bytes));
            assert_eq!(found.info("a \"name\"").unwrap().shape, [rows, 3]);
            assert_eq!(found.info("y").unwrap().dtype, Of::U8);
            let (_dir, path) = file(&whole);
            if is_refused {
                let error = open(&named(&path, "a \"name\"")).unwrap_err();
                assert!(error.contains("of integers of 8 bits, and it has none"), "{error}");
                continue;
            }
            assert_eq!(open(&path).unwrap().quantization(), scaling);
            assert_eq!(open(&named(&path, "y")).unwrap().quantization(), None);
        }
    }
}
