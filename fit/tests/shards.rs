//! Data sets in many places: what is fitted to their shards is what is fitted to all files in one place, whoever answers,
//! in whatever order, and whoever is lost.
#![cfg(feature = "files")]

use lanegrad_fit::data::{Label, npy, safetensors};
use lanegrad_fit::{
    Arrays, Checkpoint, DataOptions, DataSet, Dtype, Error, Fit, Missing, Model, Observer, Options, Plan,
    Progress, Quantization, ShardRows, Take, Workers,
};
use rand::rngs::SmallRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use std::ops::{ControlFlow, Range};
use std::path::{Path, PathBuf};

/// Workers that answer in any order; now and then one is lost, and another reads its shard again.
struct Cluster<F> {
    rng: SmallRng,
    shards: Vec<ShardRows>,
    read: F,
    lost: f64,
    asked: usize,
}

impl<F: Fn(usize) -> Result<ShardRows, Error>> Cluster<F> {
    fn new(shards: usize, lost: f64, read: F) -> Result<Self, Error> {
        let rows = (0..shards).map(&read).collect::<Result<_, _>>()?;
        Ok(Self { rng: SmallRng::seed_from_u64(shards as u64), shards: rows, read, lost, asked: 0 })
    }
}

impl<F: Fn(usize) -> Result<ShardRows, Error>> Workers for Cluster<F> {
    fn ask(&mut self, question: &[u8], shards: Range<usize>, take: Take<'_>) -> Result<(), Error> {
        self.asked += 1;
        let mut shards: Vec<usize> = shards.collect();
        shards.shuffle(&mut self.rng);
        for shard in shards {
            if self.rng.random_bool(self.lost) {
                let _ = self.shards[shard].answer(question);
                self.shards[shard] = (self.read)(shard)?;
            }
            take(shard, &self.shards[shard].answer(question)?)?;
        }
        Ok(())
    }
}

fn fit_shards(
    paths: &[PathBuf],
    data: &DataOptions,
    options: &Options,
    shards: usize,
    lost: f64,
) -> Result<(Model, Fit), Error> {
    let plan = Plan::of_files(paths, data, shards)?;
    let plan = Plan::from_bytes(&plan.to_bytes()?)?;
    assert!((1..=shards).contains(&plan.shards()));
    let mut workers = Cluster::new(plan.shards(), lost, |shard| ShardRows::read(&plan.recipe(shard)?))?;
    plan.fit(options, None, &mut workers, &mut ())
}

fn fit_here(paths: &[PathBuf], data: &DataOptions, options: &Options) -> Result<(Model, Fit), Error> {
    DataSet::read(paths, data)?.fit(options, |_| {})
}

/// The texts of an error and its causes.
fn chain(error: &Error) -> String {
    let first: &dyn std::error::Error = error;
    let causes = std::iter::successors(Some(first), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// A random table with a label in the column `y`, and perhaps a weight, a text and missing cells.
struct Table {
    ncols: usize,
    label: usize,
    weight: Option<usize>,
    text: Option<usize>,
    missing: bool,
    signed: bool,
    words: bool,
}

impl Table {
    fn draw(rng: &mut SmallRng) -> Self {
        let ncols = rng.random_range(4..9);
        let mut places: Vec<usize> = (0..ncols).collect();
        places.shuffle(rng);
        let mut some = |chance: f64| if rng.random_bool(chance) { places.pop() } else { None };
        let (label, weight, text) = (some(1.0).unwrap(), some(0.4), some(0.3));
        let (missing, signed, words) = (rng.random_bool(0.3), rng.random_bool(0.2), rng.random_bool(0.2));
        Self { ncols, label, weight, text, missing, signed, words }
    }

    fn names(&self) -> Vec<String> {
        (0..self.ncols).map(|i| i.to_string()).collect()
    }

    fn options(&self) -> DataOptions {
        let mut options = DataOptions::new(Label::Column(self.label.to_string()));
        options.sample_weight = self.weight.map(|i| i.to_string());
        options.ignore = self.text.iter().map(ToString::to_string).collect();
        options.missing = if self.missing { Missing::Mean } else { Missing::Refuse };
        options.positive = self.words.then(|| if self.signed { "-1" } else { "1" }.to_owned());
        options
    }

    fn rows(&self, nrows: usize, rng: &mut SmallRng) -> Vec<f64> {
        let number = |column: usize, rng: &mut SmallRng| {
            if column == self.label {
                match (rng.random_bool(0.5), self.signed) {
                    (true, _) => 1.0,
                    (false, true) => -1.0,
                    (false, false) => 0.0,
                }
            } else if Some(column) == self.weight {
                f64::from(rng.random_range(0_u8..4))
            } else if self.missing && Some(column) != self.text && rng.random_bool(0.01) {
                f64::NAN
            } else {
                f64::from(rng.random_range(-1000_i32..1000)) / 64.0 + column as f64
            }
        };
        (0..nrows * self.ncols).map(|i| number(i % self.ncols, rng)).collect()
    }

    fn csv(&self, rows: &[f64]) -> String {
        let cell = |(column, x): (usize, &f64)| match x {
            _ if Some(column) == self.text => "text".to_owned(),
            x if x.is_nan() => String::new(),
            x => x.to_string(),
        };
        let line = |row: &[f64]| row.iter().enumerate().map(cell).collect::<Vec<_>>().join(",") + "\n";
        let header = self.names().join(",") + "\n";
        header + &rows.chunks(self.ncols).map(line).collect::<String>()
    }
}

fn npy_bytes(dtype: Dtype, rows: &[f64], ncols: usize) -> Vec<u8> {
    let mut bytes = npy::header(dtype, rows.len() / ncols, ncols).unwrap();
    for &x in rows {
        match dtype {
            Dtype::F16 => bytes.extend(half::f16::from_f64(x).to_le_bytes()),
            Dtype::F32 => bytes.extend((x as f32).to_le_bytes()),
            _ => bytes.extend(x.to_le_bytes()),
        }
    }
    bytes
}

fn write_files(table: &Table, directory: &Path, rng: &mut SmallRng) -> Vec<PathBuf> {
    let kinds =
        [&["csv"][..], &["f32"], &["f64"], &["f16"], &["csv", "f16", "f32", "f64"]][rng.random_range(0..5)];
    let count = rng.random_range(1..7);
    let write = |i: usize| {
        let nrows = match rng.random_range(0..6) {
            0 => 0,
            1 => rng.random_range(1..20),
            2 => 4096,
            _ => rng.random_range(100..9000),
        };
        let nrows = if i == 0 { nrows.max(300) } else { nrows };
        let (rows, kind) = (table.rows(nrows, rng), kinds[rng.random_range(0..kinds.len())]);
        // The columns of a `.npy` have numbers as names.
        let (extension, bytes) = match kind {
            "csv" => ("csv", table.csv(&rows).into_bytes()),
            "f16" => ("npy", npy_bytes(Dtype::F16, &rows, table.ncols)),
            "f32" => ("npy", npy_bytes(Dtype::F32, &rows, table.ncols)),
            _ => ("npy", npy_bytes(Dtype::F64, &rows, table.ncols)),
        };
        let path = directory.join(format!("{i}.{extension}"));
        std::fs::write(&path, bytes).unwrap();
        path
    };
    (0..count).map(write).collect()
}

#[test]
fn shards_give_the_model_of_one_place() {
    let mut cut = 0;
    for seed in 0..150 {
        let rng = &mut SmallRng::seed_from_u64(seed);
        let directory = tempfile::tempdir().unwrap();
        let table = Table::draw(rng);
        let paths = write_files(&table, directory.path(), rng);
        let mut data = table.options();
        if rng.random_bool(0.3) {
            (data.dtype, data.arithmetic) = (Some(Dtype::F32), Dtype::F32);
        }
        let mut options = Options::default();
        (options.l2, options.standardize) = (1e-3, rng.random_bool(0.5));
        (options.bias, options.tolerance) = (rng.random_bool(0.8), 1e-7);
        let here = fit_here(&paths, &data, &options);
        for shards in [1, 2, 3, 8] {
            let context = format!("seed {seed}, {shards} shards");
            let lost = if shards == 3 { 0.2 } else { 0.0 };
            let there = fit_shards(&paths, &data, &options, shards, lost);
            match (&here, there) {
                (Ok((model, fit)), Ok((found, other))) => {
                    assert_eq!(found.to_json(), model.to_json(), "{context}");
                    let all = |fit: &Fit| {
                        (fit.passes, fit.iterations, fit.ending, fit.loss.to_bits(), fit.objective.to_bits())
                    };
                    assert_eq!(all(&other), all(fit), "{context}");
                    assert!(other.metrics.is_none());
                    cut += usize::from(shards > paths.len());
                }
                (Err(here), Err(there)) => assert_eq!(chain(&there), chain(here), "{context}"),
                (here, there) => panic!("{context}: {here:?} and {there:?}"),
            }
        }
    }
    assert!(cut > 20, "{cut}");
}

#[test]
fn labels_in_files_of_their_own_are_cut_too() {
    let directory = tempfile::tempdir().unwrap();
    let rng = &mut SmallRng::seed_from_u64(5);
    let path = |name: &str| directory.path().join(name);
    let (mut data, mut labels) = (Vec::new(), Vec::new());
    for (i, nrows) in [5000, 0, 3000].into_iter().enumerate() {
        let x: Vec<f64> = (0..nrows * 3).map(|_| rng.random_range(-1.0..1.0)).collect();
        let y: Vec<f64> =
            x.chunks(3).map(|row| f64::from(u8::from(row[0] + row[1] * row[2] > 0.1))).collect();
        data.push(path(&format!("x{i}.npy")));
        std::fs::write(&data[i], npy_bytes(Dtype::F64, &x, 3)).unwrap();
        labels.push(path(&format!("y{i}.npy")));
        std::fs::write(&labels[i], npy_bytes(Dtype::F32, &y, 1)).unwrap();
    }
    let options = Options::default();
    let of = |labels: &[PathBuf]| DataOptions::new(Label::Files(labels.to_vec()));
    let (model, _) = fit_here(&data, &of(&labels), &options).unwrap();
    for shards in [1, 2, 5, 100] {
        let plan = Plan::of_files(&data, &of(&labels), shards).unwrap();
        assert!(shards < 5 || plan.shards() > 3, "{}", plan.shards());
        assert_eq!(fit_shards(&data, &of(&labels), &options, shards, 0.1).unwrap().0, model);
    }
    // A text among them: then files are not cut.
    let y: String = (0..3000).map(|i| format!("{}\n", i % 2)).collect();
    labels[2] = path("y.csv");
    std::fs::write(&labels[2], format!("y\n{y}")).unwrap();
    let (model, _) = fit_here(&data, &of(&labels), &options).unwrap();
    assert_eq!(fit_shards(&data, &of(&labels), &options, 7, 0.1).unwrap().0, model);
    // Of another length.
    std::fs::write(&labels[0], npy_bytes(Dtype::F32, &[1.0; 17], 1)).unwrap();
    let [here, there] =
        [fit_here(&data, &of(&labels), &options), fit_shards(&data, &of(&labels), &options, 4, 0.0)];
    assert_eq!(chain(&there.unwrap_err()), chain(&here.unwrap_err()));
}

/// Columns that stand for others, labels in a tensor of the same file, and no bias, for which 0 is a number between.
#[test]
fn quantised_tensors_are_cut_too() {
    let directory = tempfile::tempdir().unwrap();
    let rng = &mut SmallRng::seed_from_u64(6);
    let scaling = Quantization::new(vec![0.01, 1.0, -2.0], vec![0.3, 0.0, 5.0]).unwrap();
    let (mut data, mut labels) = (Vec::new(), Vec::new());
    for (i, nrows) in [5000, 0, 3000].into_iter().enumerate() {
        let path = directory.path().join(format!("{i}.safetensors"));
        let start =
            safetensors::header(&[("X", Dtype::I8, &[nrows, 3]), ("y", Dtype::U8, &[nrows])], Some(&scaling));
        let x: Vec<u8> = (0..3 * nrows).map(|_| rng.random()).collect();
        let label = |row: &[u8]| {
            u8::from(rng.random_range(-99..99) < i16::from(row[0] as i8) / 2 - i16::from(row[2] as i8))
        };
        let y: Vec<u8> = x.chunks(3).map(label).collect();
        std::fs::write(&path, [start, x, y].concat()).unwrap();
        data.push(PathBuf::from(format!("{}#X", path.display())));
        labels.push(PathBuf::from(format!("{}#y", path.display())));
    }
    let of = DataOptions::new(Label::Files(labels));
    for bias in [true, false] {
        let mut options = Options::default();
        (options.bias, options.l2) = (bias, 0.01);
        let (model, _) = fit_here(&data, &of, &options).unwrap();
        assert_eq!(model.quantization.as_ref(), Some(&scaling));
        assert_eq!(model.bias == 0.0, !bias);
        for shards in [1, 3, 7] {
            let plan = Plan::of_files(&data, &of, shards).unwrap();
            assert_eq!(plan.shards(), shards);
            assert_eq!(fit_shards(&data, &of, &options, shards, 0.1).unwrap().0, model);
        }
    }
    // Other scales in one of them.
    let other = Quantization::new(vec![0.01, 1.0, -2.5], vec![0.3, 0.0, 5.0]).unwrap();
    let start = safetensors::header(&[("X", Dtype::I8, &[1, 3])], Some(&other));
    std::fs::write(directory.path().join("2.safetensors"), [start, vec![1, 2, 3]].concat()).unwrap();
    let here = chain(&fit_here(&data, &of, &Options::default()).unwrap_err());
    assert!(
        here.contains("2.safetensors#X and") && here.contains("not quantised with the same scales"),
        "{here}"
    );
    let there = fit_shards(&data, &of, &Options::default(), 3, 0.0);
    assert_eq!(chain(&there.unwrap_err()), here);
}

#[cfg(feature = "parquet")]
#[test]
fn parquet_files_are_shards_too() {
    let directory = tempfile::tempdir().unwrap();
    let small = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/small.parquet");
    let paths = ["a", "b", "c"].map(|name| directory.path().join(format!("{name}.parquet"))).to_vec();
    for path in &paths {
        std::fs::copy(&small, path).unwrap();
    }
    let names = lanegrad_fit::data::Source::open(&small, &Default::default()).unwrap().names().to_vec();
    let data = DataOptions::new(Label::Column(names.last().unwrap().clone()));
    let mut options = Options::default();
    options.l2 = 0.1;
    let (model, _) = fit_here(&paths, &data, &options).unwrap();
    for shards in [1, 2, 9] {
        assert_eq!(fit_shards(&paths, &data, &options, shards, 0.1).unwrap().0, model);
    }
}

/// Weights at the ends of what `f32` can be computed with are judged as they are rounded.
#[test]
fn extreme_weights_are_judged_as_in_one_place() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.npy");
    for weight in [1.000_000_01e9, 1e9, 1.1e9, 1e-9, 1.1e-9, 0.0] {
        let rows: Vec<f64> = (0..300)
            .flat_map(|i| [f64::from(i * 37 % 60), f64::from(u8::from(i * 7 % 11 > 4)), weight])
            .collect();
        std::fs::write(&path, npy_bytes(Dtype::F64, &rows, 3)).unwrap();
        let mut data = DataOptions::new(Label::Column("1".to_owned()));
        (data.sample_weight, data.arithmetic) = (Some("2".to_owned()), Dtype::F32);
        let paths = [path.clone()];
        let here = fit_here(&paths, &data, &Options::default());
        let there = fit_shards(&paths, &data, &Options::default(), 2, 0.0);
        match (here, there) {
            (Ok((here, _)), Ok((there, _))) => assert_eq!(here, there, "{weight:e}"),
            (Err(here), Err(there)) => assert_eq!(chain(&here), chain(&there), "{weight:e}"),
            (here, there) => panic!("{weight:e}: {here:?} and {there:?}"),
        }
    }
}

#[test]
fn an_array_in_memory_is_one_table() {
    let rng = &mut SmallRng::seed_from_u64(6);
    for (label, dtype) in [(None, Dtype::F64), (Some(1), Dtype::F64), (Some(1), Dtype::F32)] {
        let (nrows, ncols) = (7001, 4);
        let x: Vec<f64> = (0..nrows * ncols)
            .map(|i| match label {
                Some(place) if i % ncols == place => f64::from(rng.random_range(0_u8..2)),
                _ => rng.random_range(-1.0..1.0),
            })
            .collect();
        let y: Vec<f64> = (0..nrows).map(|_| f64::from(rng.random_range(0_u8..2))).collect();
        let s: Vec<f64> = (0..nrows).map(|i| (i % 3) as f64).collect();
        let mut data =
            DataOptions::new(label.map_or(Label::Arrays, |place| Label::Column(place.to_string())));
        data.dtype = Some(dtype);
        let arrays = |rows: Range<usize>| {
            let numbers = &x[rows.start * ncols..rows.end * ncols];
            let mut arrays = Arrays::new("data", npy::Array::of(numbers, rows.len(), ncols).unwrap());
            let column = |of| npy::Array::of(of, rows.len(), 1).unwrap();
            arrays.labels = label.is_none().then(|| column(&y[rows.clone()]));
            arrays.sample_weights = Some(column(&s[rows.clone()]));
            arrays
        };
        let options = Options::default();
        let set = DataSet::of_arrays(vec![arrays(0..nrows)], None, &data).unwrap();
        let (model, _) = set.fit(&options, |_| {}).unwrap();
        let names: Vec<String> = (0..ncols).map(|i| i.to_string()).collect();
        for shards in [1, 2, 5] {
            let plan = Plan::of_array(nrows, &names, Dtype::F64, &data, shards).unwrap();
            assert_eq!(plan.shards(), shards);
            let read = |shard| ShardRows::of_arrays(&plan.recipe(shard)?, arrays(plan.rows(shard)));
            let mut workers = Cluster::new(shards, 0.1, read).unwrap();
            let (found, _) = plan.fit(&options, None, &mut workers, &mut ()).unwrap();
            assert_eq!(found.to_json(), model.to_json(), "{shards} shards");
            assert!(ShardRows::of_arrays(&plan.recipe(0).unwrap(), arrays(0..3)).is_err());
            let mut wrong = arrays(plan.rows(0));
            wrong.labels = if label.is_none() { None } else { Some(npy::Array::of(&y, nrows, 1).unwrap()) };
            let refused = ShardRows::of_arrays(&plan.recipe(0).unwrap(), wrong).unwrap_err();
            assert!(refused.to_string().contains("labels"), "{refused}");
            // Weights beside some shards alone.
            let read = |shard| {
                let mut some = arrays(plan.rows(shard));
                some.sample_weights = some.sample_weights.filter(|_| shard > 0);
                ShardRows::of_arrays(&plan.recipe(shard)?, some)
            };
            let mixed = plan.fit(&options, None, &mut Cluster::new(shards, 0.0, read).unwrap(), &mut ());
            assert_eq!(mixed.is_err(), shards > 1);
        }
    }
}

/// What each file holds, and the error.
#[test]
fn what_is_refused_names_file_and_row() {
    let directory = tempfile::tempdir().unwrap();
    let npy = |rows: &[f64], ncols| npy_bytes(Dtype::F64, rows, ncols);
    let good: Vec<f64> =
        (0..30_000).map(|i| if i % 3 == 2 { f64::from(i % 2) } else { f64::from(i % 7) }).collect();
    let with = |place: usize, x: f64| {
        let mut bad = good.clone();
        bad[place] = x;
        bad
    };
    let close = |i: usize| if i.is_multiple_of(3) { 1e-300 * (i % 5) as f64 } else { good[i] };
    let cases: [(Vec<u8>, &str); 8] = [
        // Row 8000 is in a shard of its own that does not start with the file.
        (npy(&with(7999 * 3, f64::NAN), 3), "bad.npy: 1 missing cell, in row 8000, column 1"),
        (npy(&with(7999 * 3 + 1, f64::INFINITY), 3), "bad.npy, row 8000, column 2 (`1`): inf is not finite"),
        (
            npy(&with(9000 * 3 + 2, 3.0), 3),
            "bad.npy, row 9001, column 3 (`2`): the label 3 is not between 0 and 1",
        ),
        (npy(&with(9000 * 3 + 2, f64::NAN), 3), "bad.npy, row 9001, column 3 (`2`): the label is missing"),
        (npy(&good, 2), "bad.npy has 2 columns"),
        (b"\x93NUMPY".to_vec(), "cannot read"),
        (b"0,1,2\n1,2,1\n1,x,0\n".to_vec(), "not a NumPy file"),
        (Vec::new(), "bad.npy"),
    ];
    let paths = ["good.npy", "bad.npy"].map(|name| directory.path().join(name));
    std::fs::write(&paths[0], npy(&good, 3)).unwrap();
    let data = DataOptions::new(Label::Column("-1".to_owned()));
    for (bytes, words) in cases {
        std::fs::write(&paths[1], bytes).unwrap();
        let [here, there] = [
            fit_here(&paths, &data, &Options::default()),
            fit_shards(&paths, &data, &Options::default(), 6, 0.0),
        ]
        .map(|found| chain(&found.unwrap_err()));
        assert!(there.contains(words), "{there}, and not {words}");
        assert_eq!(there, here);
    }
    let all: Vec<f64> = (0..good.len()).map(close).collect();
    paths.iter().for_each(|path| std::fs::write(path, npy(&all, 3)).unwrap());
    let found = fit_shards(&paths, &data, &Options::default(), 6, 0.0).unwrap_err();
    assert!(chain(&found).contains("and another file, column 1 (`0`): its numbers differ by too little"));

    let plan = |paths: &[PathBuf], shards| Plan::of_files(paths, &data, shards).unwrap_err().to_string();
    assert!(plan(&[], 1).contains("no file of data"));
    assert!(plan(&paths, 0).contains("shards is 0"));
    assert!(plan(&[paths[0].clone(), paths[0].clone()], 1).contains("is there twice"));
    assert!(plan(&[directory.path().to_owned()], 1).contains("is no file"));
    std::fs::remove_file(&paths[1]).unwrap();
    assert!(plan(&paths, 1).contains("bad.npy"));
}

/// Rows that change between the plan and the reading, or are gone.
#[test]
fn a_file_that_is_gone_or_changed_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.npy");
    let rows: Vec<f64> = (0..12_000).map(|i| f64::from(i % 2)).collect();
    std::fs::write(&path, npy_bytes(Dtype::F64, &rows, 2)).unwrap();
    let data = DataOptions::new(Label::Column("1".to_owned()));
    let plan = Plan::of_files(&[&path], &data, 2).unwrap();
    let recipe = plan.recipe(1).unwrap();
    assert!(plan.recipe(2).is_err() && plan.rows(7) == (0..0));
    assert!(
        plan.describe(1).contains("a.npy (rows 2049 to 6000)") || plan.describe(1).contains("a.npy (rows ")
    );
    std::fs::write(&path, npy_bytes(Dtype::F64, &rows[..2000], 2)).unwrap();
    assert!(chain(&ShardRows::read(&recipe).unwrap_err()).contains("there are 1000 rows"));
    std::fs::write(&path, npy_bytes(Dtype::F64, &rows, 3)).unwrap();
    assert!(chain(&ShardRows::read(&recipe).unwrap_err()).contains("has 3 columns"));
    std::fs::remove_file(&path).unwrap();
    assert!(chain(&ShardRows::read(&recipe).unwrap_err()).contains("cannot read"));
    let elsewhere =
        String::from_utf8(plan.to_bytes().unwrap()).unwrap().replace("\"segment\":0", "\"segment\":9");
    assert!(chain(&Plan::from_bytes(elsewhere.as_bytes()).unwrap_err()).contains("does not name"));
    let text = String::from_utf8(recipe).unwrap();
    let other = text.replace(env!("CARGO_PKG_VERSION"), "0.0.1");
    assert!(chain(&ShardRows::read(other.as_bytes()).unwrap_err()).contains("of lanegrad 0.0.1"));
    for bytes in [&b""[..], b"{}", b"\x00", &text.as_bytes()[..30]] {
        assert!(ShardRows::read(bytes).is_err() && Plan::from_bytes(bytes).is_err());
    }
}

#[derive(Default)]
struct Kept {
    checkpoints: Vec<Checkpoint>,
}

impl Observer for Kept {
    fn iterated(&mut self, _: &Progress, checkpoint: &dyn Fn() -> Checkpoint) -> ControlFlow<()> {
        self.checkpoints.push(checkpoint());
        ControlFlow::Continue(())
    }
}

/// Workers that are cancelled, or fail, when they are asked for the nth time.
struct Until<W>(W, usize, fn() -> Error);

impl<W: Workers> Workers for Until<W> {
    fn ask(&mut self, question: &[u8], shards: Range<usize>, take: Take<'_>) -> Result<(), Error> {
        self.1 = self.1.checked_sub(1).ok_or_else(self.2)?;
        self.0.ask(question, shards, take)
    }
}

#[test]
fn a_driver_that_is_lost_goes_on_from_a_checkpoint_of_either_kind() {
    let directory = tempfile::tempdir().unwrap();
    let rng = &mut SmallRng::seed_from_u64(9);
    let table =
        Table { ncols: 5, label: 4, weight: None, text: None, missing: false, signed: false, words: false };
    let paths = [4000, 3000].map(|nrows| {
        let path = directory.path().join(format!("{nrows}.npy"));
        std::fs::write(&path, npy_bytes(Dtype::F64, &table.rows(nrows, rng), 5)).unwrap();
        path
    });
    let (data, mut options) = (table.options(), Options::default());
    options.tolerance = 1e-10;
    let plan = Plan::of_files(&paths, &data, 3).unwrap();
    let read = |shard: usize| ShardRows::read(&plan.recipe(shard)?);
    let mut kept = Kept::default();
    let mut workers = Cluster::new(3, 0.0, read).unwrap();
    let (model, whole) = plan.fit(&options, None, &mut workers, &mut kept).unwrap();
    let asked = workers.asked;
    assert!(kept.checkpoints.len() > 4);
    let set = DataSet::read(&paths, &data).unwrap();
    for checkpoint in kept.checkpoints {
        // The workers that hold rows, and others.
        let (found, fit) = plan.fit(&options, Some(checkpoint.clone()), &mut workers, &mut ()).unwrap();
        assert_eq!((found.to_json(), fit.passes), (model.to_json(), whole.passes));
        let (found, _) = set.fit_with(&options, Some(checkpoint), &mut ()).unwrap();
        assert_eq!(found.to_json(), model.to_json());
    }
    // Cancelled in any pass: the best point so far, or nothing before the first.
    for last in 0..asked {
        let mut until = Until(Cluster::new(3, 0.0, read).unwrap(), last, Error::cancelled);
        let found = plan.fit(&options, None, &mut until, &mut ());
        match found {
            Ok((_, fit)) => assert_eq!(fit.ending, lanegrad_fit::Ending::Cancelled, "{last}"),
            Err(error) => assert!(last < 6 && error.to_string().contains("cancelled"), "{last}: {error}"),
        }
        let mut until = Until(Cluster::new(3, 0.0, read).unwrap(), last, || Error::new("worker 3 is gone"));
        let failed = plan.fit(&options, None, &mut until, &mut ()).unwrap_err();
        assert!(chain(&failed).contains("worker 3 is gone"), "{last}: {failed}");
    }
    // Not all of them converge to the tolerance at once, and all are as large as they were.
    assert_eq!(whole.nrows, 7000);
}

/// Workers that answer what they should not.
struct Wrong<W>(W, Change);

/// What becomes of the answer of a shard.
type Change = fn(usize, &[u8]) -> Vec<(usize, Vec<u8>)>;

impl<W: Workers> Workers for Wrong<W> {
    fn ask(&mut self, question: &[u8], shards: Range<usize>, take: Take<'_>) -> Result<(), Error> {
        let change = self.1;
        self.0.ask(question, shards, &mut |shard, answer| {
            change(shard, answer).iter().try_for_each(|(shard, answer)| take(*shard, answer))
        })
    }
}

/// Workers of one shard that answer the nth question as the one before.
struct Late<W>(W, Vec<u8>, usize);

impl<W: Workers> Workers for Late<W> {
    fn ask(&mut self, question: &[u8], shards: Range<usize>, take: Take<'_>) -> Result<(), Error> {
        let Self(workers, before, left) = self;
        workers.ask(question, shards, &mut |shard, answer| {
            *left = left.saturating_sub(1);
            let answer = if *left == 0 { before.clone() } else { answer.to_vec() };
            *before = answer.clone();
            take(shard, &answer)
        })
    }
}

#[test]
fn answers_that_do_not_belong_are_errors() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.npy");
    let rng = &mut SmallRng::seed_from_u64(1);
    let rows: Vec<f64> =
        (0..18_000).map(|i| if i % 3 == 2 { f64::from(i % 2) } else { rng.random() }).collect();
    std::fs::write(&path, npy_bytes(Dtype::F64, &rows, 3)).unwrap();
    let data = DataOptions::new(Label::Column("2".to_owned()));
    let plan = Plan::of_files(&[&path], &data, 3).unwrap();
    let changes: [(Change, &str); 5] = [
        (|shard, answer| vec![(shard, answer.to_vec()); 1 + usize::from(shard == 1)], "has answered twice"),
        (
            |shard, answer| if shard == 1 { vec![] } else { vec![(shard, answer.to_vec())] },
            "has not answered",
        ),
        (|shard, answer| vec![((shard + 1) % 3, answer.to_vec())], "of another shard"),
        (|shard, answer| vec![(shard, answer[..answer.len() / 2].to_vec())], "cannot be used"),
        (|shard, _| vec![(shard, vec![7; 64])], "cannot be used"),
    ];
    // An answer to the question before.
    let plan_of_one = Plan::of_files(&[&path], &data, 1).unwrap();
    let late = |_: usize| ShardRows::read(&plan_of_one.recipe(0)?);
    let found = plan_of_one.fit(
        &Options::default(),
        None,
        &mut Late(Cluster::new(1, 0.0, late).unwrap(), Vec::new(), 6),
        &mut (),
    );
    assert!(chain(&found.unwrap_err()).contains("one to another question"));
    for (change, words) in changes {
        let workers = Cluster::new(3, 0.0, |shard| ShardRows::read(&plan.recipe(shard)?)).unwrap();
        let found = plan.fit(&Options::default(), None, &mut Wrong(workers, change), &mut ());
        let found = chain(&found.unwrap_err());
        assert!(found.contains(words), "{found}, and not {words}");
    }
}
