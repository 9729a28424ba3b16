//! The CSV reader: no panic, memory in proportion to the file, and as many numbers as rows and columns, the
//! same in both types but for rounding.
#![no_main]

#[path = "../../src/bin/lanegrad"]
#[allow(dead_code, reason = "a part of the command line is under test")]
mod cli {
    pub mod data;
    pub mod dtype;
}
use cli::dtype;

use cli::data::Source;
use cli::data::csv::Reader;
use libfuzzer_sys::fuzz_target;

/// Numbers until the end or an error.
fn read<T>(
    bytes: &[u8],
    size: bool,
    block: usize,
    mut next: impl FnMut(&mut Reader<&[u8]>, usize, &mut Vec<T>) -> anyhow::Result<usize>,
) -> Result<Vec<T>, String> {
    let size = size.then_some(bytes.len() as u64);
    let text = |error: anyhow::Error| format!("{error:#}");
    let mut reader = Reader::new(bytes, size, "a.csv").map_err(text)?;
    let cols = reader.names().len();
    assert!(cols > 0 && reader.names().iter().all(|name| name.len() <= bytes.len()));
    let (mut numbers, mut rows) = (Vec::new(), 0);
    loop {
        let read = next(&mut reader, block, &mut numbers);
        assert!(numbers.len() <= bytes.len(), "each number takes a byte");
        let read = read.map_err(text)?;
        rows += read;
        assert_eq!(numbers.len(), rows * cols);
        for row in [0, rows / 2, rows.saturating_sub(1)] {
            assert!(reader.place(row).starts_with("line "));
        }
        reader.rows_expected();
        if read == 0 {
            return Ok(numbers);
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    let doubles = read(bytes, true, 3, |reader, rows, out| reader.read_f64(rows, out));
    let blocks = read(bytes, false, 1000, |reader, rows, out| reader.read_f64(rows, out));
    let bits = |numbers: &Result<Vec<f64>, String>| {
        numbers.clone().map(|numbers| numbers.iter().map(|x| x.to_bits()).collect::<Vec<_>>())
    };
    assert_eq!(bits(&doubles), bits(&blocks));
    let singles = read(bytes, true, 3, |reader, rows, out| reader.read_f32(rows, out));
    match (doubles, singles) {
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
        (doubles, singles) => assert_eq!(doubles.err(), singles.err()),
    }
});
