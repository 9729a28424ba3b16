//! Random tables, as CSV and as `.npy`, against what was put into them.

use super::{Arrays, Copied, DataOptions, DataSet, Memory, Missing, Tables, Targets};
use crate::data::Label;
use crate::data::csv::Dialect;
use crate::data::npy::{Array, header};
use crate::error::chain;
use crate::number::Dtype;
use std::ops::ControlFlow;
use std::path::Path;

struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % n
    }

    fn of<'a>(&mut self, some: &[&'a str]) -> &'a str {
        some[self.below(some.len())]
    }
}

/// Numbers of a table, and what its columns are for.
struct Numbers {
    ncols: usize,
    rows: Vec<f64>,
    label: usize,
    weight: Option<usize>,
    ignored: Option<usize>,
}

impl Numbers {
    fn draw(random: &mut Random) -> Self {
        let (nrows, ncols) = (3 + random.below(6), 4 + random.below(4));
        let label = random.below(ncols);
        let mut other = || Some(random.below(2 * ncols)).filter(|&column| column < ncols && column != label);
        let (weight, ignored) = (other(), other());
        let ignored = ignored.filter(|_| ignored != weight);
        let mut rows = Vec::new();
        for row in 0..nrows {
            for column in 0..ncols {
                let number = (random.below(2000) as f64 - 1000.0) / 64.0;
                rows.push(if column == label {
                    (row % 2) as f64
                } else if Some(column) == weight {
                    [0.0_f64, 0.5, 1.0, 3.0][random.below(4)].max(if row < 2 { 0.25 } else { 0.0 })
                } else if row > 1 && random.below(6) == 0 {
                    f64::NAN
                } else {
                    number
                });
            }
        }
        Self { ncols, rows, label, weight, ignored }
    }

    fn features(&self) -> Vec<usize> {
        let used = |column: &usize| [Some(self.label), self.weight, self.ignored].contains(&Some(*column));
        (0..self.ncols).filter(|column| !used(column)).collect()
    }

    fn column(&self, column: usize) -> impl Iterator<Item = f64> {
        self.rows.chunks(self.ncols).map(move |row| row[column])
    }

    /// The mean of a column's numbers, in the obvious way.
    fn mean(&self, column: usize) -> f64 {
        let weights =
            || self.rows.chunks(self.ncols).map(|row| self.weight.map_or(1.0, |weight| row[weight]));
        let numbers = || self.column(column).zip(weights()).filter(|(x, _)| !x.is_nan());
        numbers().map(|(x, s)| x * s).sum::<f64>() / numbers().map(|(_, s)| s).sum::<f64>()
    }

    /// The table as CSV, in one of the ways to write it.
    fn csv(&self, random: &mut Random) -> String {
        let end = random.of(&["\n", "\r\n", "\r"]);
        let mut text = end.repeat(random.below(3));
        let line = |cells: Vec<String>, random: &mut Random| {
            let cells: Vec<String> = cells
                .into_iter()
                .map(|cell| match random.below(8) {
                    0 => format!("\"{cell}\""),
                    1 => format!(" {cell}\u{a0}"),
                    _ => cell,
                })
                .collect();
            cells.join(";") + end + &end.repeat(random.below(8) / 7)
        };
        text += &line((0..self.ncols).map(|column| format!("c{column}")).collect(), random);
        for row in self.rows.chunks(self.ncols) {
            let mut cells = Vec::new();
            for (column, x) in row.iter().enumerate() {
                cells.push(if Some(column) == self.ignored {
                    random.of(&["red", "\"a;\n\"\"b\"", "", "1e999"]).to_owned()
                } else if x.is_nan() {
                    random.of(&["", "NA", "nan", "?", "null"]).to_owned()
                } else {
                    x.to_string().replace('.', ",")
                });
            }
            // A cell that is quoted already stays as it is.
            let quoted = cells.iter().any(|cell| cell.starts_with('"'));
            text += &if quoted { cells.join(";") + end } else { line(cells, random) };
        }
        text
    }

    fn npy(&self) -> Vec<u8> {
        let numbers = self.rows.iter().flat_map(|x| x.to_le_bytes());
        header(Dtype::F64, self.rows.len() / self.ncols, self.ncols)
            .unwrap()
            .into_iter()
            .chain(numbers)
            .collect()
    }

    /// Checks that a set is that of these numbers.
    fn check(&self, set: &DataSet<'_>, context: &str) {
        let nrows = self.rows.len() / self.ncols;
        let features = self.features();
        let fills = set.schema.fills.as_ref().expect("means are kept");
        for (&fill, &column) in fills.iter().zip(&features) {
            assert!((fill - self.mean(column)).abs() < 1e-12, "{context}: {fill}, not {}", self.mean(column));
        }
        let Targets::F64(labels, weights) = &set.targets else { panic!("the arithmetic is f64") };
        assert!(labels.iter().copied().eq(self.column(self.label)), "{context}");
        match (weights, self.weight) {
            (Some(weights), Some(column)) => {
                assert!(weights.iter().copied().eq(self.column(column)), "{context}")
            }
            (None, None) => {}
            _ => panic!("{context}: sample weights"),
        }
        let mut missing = 0;
        for row in 0..nrows {
            for (feature, (&fill, &column)) in fills.iter().zip(&features).enumerate() {
                let x = self.rows[row * self.ncols + column];
                let Tables::F64(table) = &set.table else { panic!("the type is f64") };
                let held = match &table.files[0].memory {
                    Memory::Held(_) => table.held[row * table.layout.width + table.layout.places[feature]],
                    Memory::Mapped(array) => array.numbers::<f64>().unwrap()[row * self.ncols + column],
                };
                assert_eq!(held, if x.is_nan() { fill } else { x }, "{context}: row {row}, column {column}");
                missing += u64::from(x.is_nan());
            }
        }
        assert_eq!((set.nrows(), set.filled()), (nrows, missing), "{context}");
    }
}

#[test]
fn random_tables_are_read_as_they_were_written() {
    let directory = tempfile::tempdir().unwrap();
    let mut random = Random(1);
    let (mut filled, mut between, mut mapped) = (0, 0, 0);
    for round in 0..1500 {
        let table = Numbers::draw(&mut random);
        if table.features().is_empty() {
            continue;
        }
        let csv = table.csv(&mut random);
        let options = |prefix: &str| {
            let mut options = DataOptions::new(Label::Column(format!("{prefix}{}", table.label)));
            options.sample_weight = table.weight.map(|column| format!("{prefix}{column}"));
            options.ignore = table.ignored.iter().map(|column| format!("{prefix}{column}")).collect();
            options.dialect = Dialect { delimiter: Some(b';'), decimal_comma: true };
            options
        };
        let read = |name: &str, content: &[u8], prefix: &str| {
            let path = directory.path().join(name);
            std::fs::write(&path, content).unwrap();
            let mut options = options(prefix);
            let refused = DataSet::read(&[Path::new(&path)], &options).map_err(|error| chain(&error));
            options.missing = Missing::Mean;
            let set = DataSet::read(&[Path::new(&path)], &options);
            let context = format!("{round}, {name}: {csv:?}");
            let set = set.unwrap_or_else(|error| panic!("{context}: {}", chain(&error)));
            table.check(&set, &context);
            // Numbers of a mapped file that nothing else depends on are looked at by the fit.
            match refused {
                Ok(_) => assert!(set.filled() == 0 || name == "a.npy", "{context}"),
                Err(text) => assert!(set.filled() > 0 && text.contains(" missing cell"), "{context}: {text}"),
            }
            set
        };
        read("a.csv", csv.as_bytes(), "c");
        let set = read("a.npy", &table.npy(), "");
        // The same numbers in memory.
        let array = Array::of(&table.rows, set.nrows(), table.ncols).unwrap();
        let mut options = options("");
        options.missing = Missing::Mean;
        let held = DataSet::of_arrays(vec![Arrays::new("array", array)], None, &options).unwrap();
        table.check(&held, "array");
        assert_eq!((held.tag(), held.copied()), (set.tag(), set.copied()));
        match set.copied() {
            Some(Copied::Filled) => filled += 1,
            Some(Copied::Between) => between += 1,
            None => mapped += 1,
        }
        let Tables::F64(table) = &set.table else { panic!("the type is f64") };
        let is_mapped = matches!(table.files[0].memory, Memory::Mapped(_));
        assert_eq!(is_mapped, set.copied().is_none());
    }
    assert!(filled > 100 && between > 10 && mapped > 100, "{filled}, {between}, {mapped}");
}

#[test]
fn reading_can_be_watched_and_ended() {
    let directory = tempfile::tempdir().unwrap();
    let paths = ["a.csv", "b.csv"].map(|name| directory.path().join(name));
    let nrows = 40_000;
    paths
        .iter()
        .for_each(|path| std::fs::write(path, format!("x,y\n{}", "1,0\n2,1\n".repeat(nrows / 2))).unwrap());
    let options = DataOptions::new(Label::Column("y".to_owned()));
    let mut seen = Vec::new();
    let mut watch = |limit: usize| {
        seen.clear();
        let set = DataSet::read_watched(&paths, &options, |file, rows| {
            seen.push((file, rows));
            if seen.len() > limit { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        (set.map(|set| set.nrows()).map_err(|error| chain(&error)), seen.clone())
    };
    let (found, whole) = watch(usize::MAX);
    assert_eq!(found, Ok(2 * nrows));
    assert!(
        whole.contains(&(0, 0)) && whole.contains(&(0, nrows)) && whole.contains(&(1, nrows)),
        "{whole:?}"
    );
    for limit in 0..whole.len() {
        let (found, some) = watch(limit);
        assert!(found.unwrap_err().contains(".csv was ended"));
        assert_eq!(some, whole[..=limit]);
    }
}

#[test]
fn labels_and_weights_in_arrays_are_those_of_columns() {
    let table = [0.5, 1.0, 1.0, 2.0, -1.0, 0.0, 0.0, 1.0, 2.0, 1.5, 0.0, 0.5, 0.0, -0.5, 1.0, 1.0];
    let column = |j: usize| table.iter().skip(j).step_by(4).copied().collect::<Vec<f64>>();
    let rows: Vec<f64> = table.chunks(4).flat_map(|row| [row[0], row[1]]).collect();
    let (y, s) = (column(2), column(3));
    let options = |label: Label, weight: Option<&str>| {
        let mut options = DataOptions::new(label);
        options.sample_weight = weight.map(str::to_owned);
        options
    };
    let of = |range: std::ops::Range<usize>, with: [bool; 2]| {
        let mut arrays = Arrays::new("x", Array::of(&rows[2 * range.start..2 * range.end], range.len(), 2)?);
        arrays.labels = with[0].then(|| Array::of(&y[range.clone()], range.len(), 1)).transpose()?;
        arrays.sample_weights = with[1].then(|| Array::of(&s[range.clone()], range.len(), 1)).transpose()?;
        Ok::<_, crate::Error>(arrays)
    };
    let whole = vec![Arrays::new("x", Array::of(&table, 4, 4).unwrap())];
    let columns =
        DataSet::of_arrays(whole, None, &options(Label::Column("2".to_owned()), Some("3"))).unwrap();
    let (wanted, _) = columns.fit(&Default::default(), |_| {}).unwrap();
    let beside = options(Label::Arrays, None);
    let held = DataSet::of_arrays(vec![of(0..4, [true; 2]).unwrap()], None, &beside).unwrap();
    let (found, _) = held.fit(&Default::default(), |_| {}).unwrap();
    assert_eq!((&found.weights, found.bias), (&wanted.weights, wanted.bias));
    // Two segments, with names.
    let names = ["a".to_owned(), "b".to_owned()];
    let two = || vec![of(0..3, [true; 2]).unwrap(), of(3..4, [true; 2]).unwrap()];
    let set = DataSet::of_arrays(two(), Some(&names), &beside).unwrap();
    assert_eq!(
        (set.segments(), set.fit(&Default::default(), |_| {}).unwrap().0.columns),
        (vec![3, 1], names.into())
    );

    let refused = |segments, names: Option<&[String]>, options: &DataOptions| {
        chain(&DataSet::of_arrays(segments, names, options).unwrap_err())
    };
    assert!(refused(vec![], None, &beside).contains("no array of data"));
    assert!(refused(two(), Some(&["a".to_owned()]), &beside).contains("2 columns, and there are 1 names"));
    let one = |with| vec![of(0..4, with).unwrap()];
    assert!(refused(one([false, false]), None, &beside).contains("x needs an array of labels"));
    let in_column = options(Label::Column("1".to_owned()), None);
    assert!(refused(one([true, false]), None, &in_column).contains("labels in a column and in an array"));
    let twice = options(Label::Arrays, Some("1"));
    assert!(refused(one([true, true]), None, &twice).contains("in a column and in an array"));
    let some = vec![of(0..2, [true, true]).unwrap(), of(2..4, [true, false]).unwrap()];
    assert!(refused(some, None, &beside).contains("some arrays have sample weights"));
    let mut short = of(0..4, [true, false]).unwrap();
    short.labels = Some(Array::of(&y[..3], 3, 1).unwrap());
    assert!(refused(vec![short], None, &beside).contains("labels of x has 3 labels, but x has 4 rows"));
    assert!(
        Array::of(&y, 3, 1).is_err() && Array::of(&y, usize::MAX, 3).is_err() && Array::of(&y, 0, 0).is_err()
    );
}
