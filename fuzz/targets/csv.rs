//! The CSV reader: no panic, memory in proportion to the file, and as many numbers as rows and columns, the
//! same in both types but for rounding.
#![no_main]

use lanegrad_fit::data::csv::Reader;
use lanegrad_fit::{Error, Number};
use libfuzzer_sys::fuzz_target;

/// Numbers until the end or an error.
fn read<T: Number>(bytes: &[u8], size: bool, block: usize) -> Result<Vec<T>, String> {
    let size = size.then_some(bytes.len() as u64);
    let text = |error: Error| error.to_string();
    let mut reader = Reader::new(bytes, size, "a.csv").map_err(text)?;
    let cols = reader.names().len();
    assert!(cols > 0 && reader.names().iter().all(|name| name.len() <= bytes.len()));
    let (mut numbers, mut rows) = (Vec::new(), 0);
    loop {
        let read = reader.read(block, &mut numbers);
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
    let doubles = read::<f64>(bytes, true, 3);
    let blocks = read::<f64>(bytes, false, 1000);
    let bits = |numbers: &Result<Vec<f64>, String>| {
        numbers.clone().map(|numbers| numbers.iter().map(|x| x.to_bits()).collect::<Vec<_>>())
    };
    assert_eq!(bits(&doubles), bits(&blocks));
    let singles = read::<f32>(bytes, true, 3);
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
