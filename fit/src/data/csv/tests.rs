use super::{Dialect, Reader};
use crate::data::{Block, Choice, Columns, Plan};
use crate::error::chain;

const PLAIN: Dialect = Dialect { delimiter: None, decimal_comma: false };

/// The names and all numbers of a text, every column of which is a feature.
fn read_as(text: &str, file: &str, dialect: Dialect) -> Result<(Vec<String>, Vec<f64>), String> {
    let mut reader = Reader::new(text.as_bytes(), None, file, &dialect).map_err(|error| chain(&error))?;
    let names = reader.names().to_vec();
    let columns = Columns::find(file, &names, &Choice::default()).map_err(|error| chain(&error))?;
    let plan = columns.plan(names.len()).map_err(|error| chain(&error))?;
    let mut block = Block::default();
    while reader.read(&plan, 2, &mut block).map_err(|error| chain(&error))? > 0 {}
    Ok((names, block.features.to_vec()))
}

fn read(text: &str) -> Result<(Vec<String>, Vec<f64>), String> {
    read_as(text, "a.csv", PLAIN)
}

#[test]
fn quotes_blanks_and_line_ends() {
    let (names, numbers) =
        read("\u{feff}a,\"b, \"\"c\"\"\", d\u{a0}\r\n1,-2.5e3, 3 \r\n\r\n\"4\" ,.5,6").unwrap();
    assert_eq!(names, ["a", "b, \"c\"", "d"]);
    assert_eq!(numbers, [1.0, -2500.0, 3.0, 4.0, 0.5, 6.0]);
}

#[test]
fn numbers_are_those_of_the_standard_library() {
    let mut random = 1_u64;
    let mut draw = || {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        random >> 20
    };
    for _ in 0..3000 {
        let mut texts = Vec::new();
        for _ in 0..6 {
            let (bits, digits) = (draw(), draw() % 25);
            texts.push(match bits % 6 {
                0 => (bits % 10).to_string(),
                1 => (draw() << 20 >> (draw() % 64)).to_string(),
                2 => format!("{}.{}", bits % 1000, draw() % 100_000),
                3 => format!("-{:.1$}", bits as f64 / 1e9, digits as usize),
                4 => format!("{:e}", f64::from_bits(draw() << 20)),
                _ => format!("{}{}", "0".repeat(digits as usize), draw()),
            });
        }
        let finite = |text: &String| text.parse::<f64>().is_ok_and(f64::is_finite);
        texts.iter_mut().filter(|text| !finite(text)).for_each(|text| *text = "0".to_owned());
        let text = format!("a,b,c,d,e,f\n{}\n", texts.join(","));
        let want: Vec<f64> = texts.iter().map(|text| text.parse().unwrap()).collect();
        assert_eq!(read(&text).unwrap().1, want, "{text}");

        let mut reader = Reader::new(text.as_bytes(), None, "a.csv", &PLAIN).unwrap();
        let mut block = Block::<f32>::with_infinities();
        let singles: Vec<f32> = texts.iter().map(|text| text.parse().unwrap()).collect();
        match reader.read(&Plan::all(6), 9, &mut block) {
            Ok(_) => assert_eq!(block.features[..], singles[..], "{text}"),
            Err(error) => {
                assert!(error.to_string().contains("too large for f32"), "{error}");
                assert!(singles.iter().any(|x| x.is_infinite()), "{text}");
            }
        }
    }
}

#[test]
fn messages_name_the_line_after_any_mix_of_line_ends() {
    let mut random = 1_u64;
    let mut pick = |of: &[&'static str]| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        of[(random >> 33) as usize % of.len()]
    };
    for _ in 0..3000 {
        let mut text = String::new();
        for rows in
            [&["", " "][..], &["a,b", "\"a\",b"], &["1,2", "\"3\",4", "\"5\n\",6", "\"7\r\",8", "", "  "]]
        {
            for _ in 0..if rows[0] == "a,b" { 1 } else { 4 } {
                text += pick(rows);
                text += pick(&["\n", "\r\n", "\r"]);
            }
        }
        let lines = text.replace("\r\n", "\n").replace('\r', "\n").matches('\n').count();
        let place = format!("a.csv, line {}", lines + 1);
        assert_eq!(
            read(&format!("{text}1,x")).unwrap_err(),
            format!("{place}, column 2 (`b`): `x` is not a number"),
            "{text:?}"
        );
        assert_eq!(
            read(&format!("{text}1\n")).unwrap_err(),
            format!("{place}: 1 cell, but 2 columns"),
            "{text:?}"
        );
        assert_eq!(
            read(&format!("{text}1,\"2\r\n3,4\n\n")).unwrap_err(),
            format!("{place}, column 2 (`b`): the quote that opens here is not closed"),
            "{text:?}"
        );
    }
}

#[test]
fn blank_lines_are_missing_values_only_in_one_column() {
    let (_, numbers) = read("\n \na,b\n\n1,2\n\n\n3,4\n\n\n").unwrap();
    assert_eq!(numbers, [1.0, 2.0, 3.0, 4.0]);

    let mut reader = Reader::new("\n\na\n1\n\n \n2\n\"\"\n\n\n".as_bytes(), None, "a.csv", &PLAIN).unwrap();
    let mut block = Block::<f64>::default();
    let mut read = Vec::new();
    loop {
        read.push(reader.read(&Plan::all(1), 2, &mut block).unwrap());
        if read.ends_with(&[0]) {
            break;
        }
    }
    assert_eq!(read, [2, 2, 1, 0]);
    assert_eq!(
        block.features.iter().map(|x| x.is_nan()).collect::<Vec<_>>(),
        [false, true, true, false, true]
    );
    assert_eq!(block.missing.describe(), "3 missing cells, the first in line 5, column 1 (`a`): it is empty");
}

#[test]
fn dialects() {
    let numbers = |text, file, delimiter, decimal_comma| {
        read_as(text, file, Dialect { delimiter, decimal_comma }).map(|(_, numbers)| numbers)
    };
    assert_eq!(numbers("a\tb\n1\t2\n", "a.tsv", None, false), Ok(vec![1.0, 2.0]));
    assert_eq!(numbers("a\tb\n1\t2\n", "A.TAB.gz", None, false), Ok(vec![1.0, 2.0]));
    assert_eq!(numbers("a;b\n1,5;-2,5e1\n", "a.csv", Some(b';'), true), Ok(vec![1.5, -25.0]));
    assert_eq!(numbers("a\tb\n1,5\t2\n", "a.tsv", None, true), Ok(vec![1.5, 2.0]));
    assert_eq!(numbers("a b\n1 2\n", "a.csv", Some(b' '), false), Ok(vec![1.0, 2.0]));
    assert_eq!(numbers("a;b\n1\n", "a.csv", Some(b','), false), Ok(vec![1.0]));
    let refused =
        |text, file, delimiter, decimal_comma| numbers(text, file, delimiter, decimal_comma).unwrap_err();
    assert_eq!(
        refused("a;b\n1;2\n", "a.csv", None, false),
        "a.csv, line 1: the header is one name, which looks separated by `;`: say so with `--delimiter ';'`"
    );
    assert!(
        refused("a\tb\n1\t2\n", "a.csv", None, false).ends_with("`\\u{9}`: say so with `--delimiter tab`")
    );
    assert!(refused("a,b\n1,2\n", "a.tsv", None, false).contains("--delimiter ','"));
    assert_eq!(
        refused("a;b\n1,5;2.5\n", "a.csv", Some(b';'), true),
        "a.csv, line 2, column 2 (`b`): `2.5` is not a number"
    );
    assert!(refused("a,b\n", "a.csv", None, true).contains("decimal comma, cells need another delimiter"));
    for delimiter in [b'"', b'\n', b'\r', b'1', b'e', b'.', b'-', b'+', 0, 0xe4] {
        assert!(refused("a,b\n", "a.csv", Some(delimiter), false).contains("cannot stand between cells"));
    }
}

#[test]
fn messages_name_the_place() {
    for (text, message) in [
        ("", "a.csv is empty: there is no header line"),
        ("\n \n\r\n", "a.csv is empty: there is no header line"),
        ("a,b\n1,2\n3,x\n", "a.csv, line 3, column 2 (`b`): `x` is not a number"),
        ("a,b\n1,2\n3,4\u{a0}x\u{1b}\n", "a.csv, line 3, column 2 (`b`): `4\\u{a0}x\\u{1b}` is not a number"),
        ("a,b\n1,inf\n", "a.csv, line 2, column 2 (`b`): `inf` is not finite"),
        ("a,b\n1, 1e400\n", "a.csv, line 2, column 2 (`b`): ` 1e400` is too large for f64"),
        ("a,b\n1,2\n\n1\n", "a.csv, line 4: 1 cell, but 2 columns"),
        ("a,b\nx,2,3\n", "a.csv, line 2: 3 cells, but 2 columns"),
        ("a,b\n\"1\",2,3\n", "a.csv, line 2: 3 cells, but 2 columns"),
        ("a,b\n\"1\"\n", "a.csv, line 2: 1 cell, but 2 columns"),
        ("1,2\n3,4\n", "a.csv, line 1: a header line with the names of the columns is missing"),
        ("\n1,2,\n3,4,\n", "a.csv, line 2: a header line with the names of the columns is missing"),
        (",,\n1,2,3\n", "a.csv, line 1: no column has a name"),
        ("a\0,b\n", "a.csv, line 1: the names of the columns are not text in UTF-8"),
        ("a,b\n\"1,2\n3,4\n", "a.csv, line 2, column 1 (`a`): the quote that opens here is not closed"),
        ("a,b\n\"\n\",\"x\n3,4\n", "a.csv, line 3, column 2 (`b`): the quote that opens here is not closed"),
        ("a,\"b\n1,2\n", "a.csv, line 1, column 2: the quote that opens here is not closed"),
        ("a,b\n\"1\"x,2\n", "a.csv, line 2, column 1 (`a`): `\"1\"x` is not a number"),
        (
            "a,b,\n1,2,\n3,4,5\n",
            "a.csv, line 3, column 3: `5` stands in a column without a name: give it a name in \
          the header line to keep it, or ignore it with `--ignore 2`",
        ),
    ] {
        assert_eq!(read(text).unwrap_err(), message, "{text:?}");
    }
    let latin = Reader::new(&b"gr\xf6\xdfe,y\n1,2\n"[..], None, "a.csv", &PLAIN).unwrap_err();
    assert_eq!(chain(&latin), "a.csv, line 1: the names of the columns are not text in UTF-8");
}

#[test]
fn columns_that_are_not_used_may_hold_anything() {
    let text = "id,b,y,a,s,\nr1,2,yes,1,0.5,\n\"r\n2\",4,no,3,2,\n";
    let mut reader = Reader::new(text.as_bytes(), None, "a.csv", &PLAIN).unwrap();
    let choice = Choice { label: Some("y"), sample_weight: Some("s"), ignore: &["id".to_owned()] };
    let columns = Columns::find("a.csv", reader.names(), &choice).unwrap();
    let mut block = Block::<f32>::new(crate::data::Labels::new(Some("no")).unwrap(), crate::Dtype::F32);
    assert_eq!(reader.read(&columns.plan(6).unwrap(), 9, &mut block).unwrap(), 2);
    assert_eq!(block.features[..], [2.0, 1.0, 4.0, 3.0]);
    assert_eq!(
        (block.labels.codes.as_slice(), block.sample_weights.as_slice()),
        (&[0.0, 1.0][..], &[0.5, 2.0][..])
    );
    // In the order of the plan, and for as many columns as there are.
    let mut reader = Reader::new(text.as_bytes(), None, "a.csv", &PLAIN).unwrap();
    let mut block = Block::<f64>::default();
    reader.read(&Plan::new(6, &[3, 1]), 1, &mut block).unwrap();
    assert_eq!(block.features[..], [1.0, 2.0]);
    assert!(reader.read(&Plan::all(5), 1, &mut block).is_err());
}

#[test]
fn sample_weights_are_numbers_that_fit() {
    let weight = |cell: &str, arithmetic| {
        let text = format!("a,s\n1,{cell}\n");
        let mut reader = Reader::new(text.as_bytes(), None, "a.csv", &PLAIN).unwrap();
        let choice = Choice { sample_weight: Some("s"), ..Choice::default() };
        let columns = Columns::find("a.csv", reader.names(), &choice).unwrap();
        let mut block = Block::<f64>::new(crate::data::Labels::default(), arithmetic);
        let read =
            reader.read(&columns.plan(2).unwrap(), 9, &mut block).map(|_| block.sample_weights.clone());
        read.map_err(|error| error.to_string())
    };
    use crate::Dtype::{F32, F64};
    assert_eq!(weight("1e39", F64), Ok(vec![1e39]));
    for (cell, arithmetic, words) in [
        ("1e39", F32, "the sample weight 1e39 is too large for f32"),
        ("1e-320", F32, "is 0 in f32"),
        ("1e400", F64, "the sample weight `1e400` is too large"),
        ("-1", F64, "the sample weight -1 is not a finite number of at least 0"),
        ("inf", F64, "the sample weight inf is not a finite number"),
        ("", F64, "the sample weight is missing"),
        ("NA", F64, "the sample weight is missing (`NA`)"),
        ("x", F64, "the sample weight `x` is not a number"),
    ] {
        let text = weight(cell, arithmetic).unwrap_err();
        assert!(text.starts_with("a.csv, line 2, column 2 (`s`): ") && text.contains(words), "{text}");
    }
}
