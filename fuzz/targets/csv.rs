//! The CSV reader: no panic, memory in proportion to the file, the same numbers however the input is cut, and the same
//! in both types but for rounding.
#![no_main]

use lanegrad_fit::data::csv::{Dialect, Reader};
use lanegrad_fit::data::{Block, Choice, Columns};
use lanegrad_fit::{Error, Number};
use libfuzzer_sys::fuzz_target;
use std::io::{self, Read};

/// An input that is read a few bytes at a time.
struct Cut<'a>(&'a [u8], usize);

impl Read for Cut<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.1 = self.1 % 7 + 1;
        let len = self.1.min(out.len()).min(self.0.len());
        let (now, rest) = self.0.split_at(len);
        out[..len].copy_from_slice(now);
        self.0 = rest;
        Ok(len)
    }
}

/// Numbers until the end or an error, of columns of which the last is the label if there are several.
fn read<T: Number>(input: impl Read, len: usize, dialect: &Dialect, rows: usize) -> Result<Vec<T>, String> {
    let text = |error: Error| error.to_string();
    let mut reader = Reader::new(input, Some(len as u64), "a.csv", dialect).map_err(text)?;
    let names = reader.names();
    assert!(!names.is_empty() && names.iter().all(|name| name.len() <= 3 * len));
    let choice = Choice { label: (names.len() > 1).then_some("-1"), ..Choice::default() };
    let columns = Columns::find("a.csv", names, &choice).map_err(text)?;
    let plan = columns.plan(names.len()).map_err(text)?;
    let (mut block, mut all) = (Block::<T>::with_infinities(), 0);
    loop {
        let read = reader.read(&plan, rows, &mut block);
        assert!(block.features().len() <= len + columns.features.len(), "each number takes a byte");
        let read = read.map_err(text)?;
        all += read;
        assert!(read <= rows && block.features().len() == all * columns.features.len());
        reader.rows_expected();
        if read == 0 {
            return Ok(block.features().to_vec());
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    // An input may choose another dialect.
    let (dialect, bytes) = match bytes {
        [b';', bytes @ ..] => (Dialect { delimiter: Some(b';'), decimal_comma: true }, bytes),
        _ => (Dialect::default(), bytes),
    };
    let doubles = read::<f64>(bytes, bytes.len(), &dialect, 3);
    let in_parts = read::<f64>(Cut(bytes, 0), bytes.len(), &dialect, 1000);
    let bits = |numbers: &Result<Vec<f64>, String>| {
        numbers.clone().map(|numbers| numbers.iter().map(|x| x.to_bits()).collect::<Vec<_>>())
    };
    assert_eq!(bits(&doubles), bits(&in_parts));
    match (doubles, read::<f32>(bytes, bytes.len(), &dialect, 3)) {
        (Ok(doubles), Ok(singles)) => {
            assert_eq!(doubles.len(), singles.len());
            for (double, single) in doubles.into_iter().zip(singles) {
                // Decimal text is rounded once, and so may be a step away from what is rounded twice.
                let twice = double as f32;
                assert!(
                    (single.is_nan() && twice.is_nan())
                        || [twice.next_down(), twice, twice.next_up()].contains(&single),
                    "{double}, {single}"
                );
            }
        }
        (Ok(_), Err(error)) => assert!(error.contains("too large for f32"), "{error}"),
        (Err(error), singles) => assert!(singles.is_err(), "{error}"),
    }
});
