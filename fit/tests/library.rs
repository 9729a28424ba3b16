//! Training as a library: fits whose rows are elsewhere, interrupted fits that go on, and functions of one's own.

use lanegrad::{
    Batch, ColumnSums, DeviationsStream, DeviationsSum, Engine, Extent, Gradient, GradientStream,
    GradientSum, Params, PartialSum, Place, Rows, Shard, Storage, SumStream, Summand, Total, chunk_rows,
};
use lanegrad_fit::{
    Checkpoint, Ending, Error, Evaluation, Fit, Identity, MinimizeOptions, Model, Number, Objective,
    Observer, Options, Passes, Progress, fit, minimize, train,
};
use rand::rngs::SmallRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use std::ops::ControlFlow;

/// The rows of some files, and a driver that asks workers for the sums of shards of them, who send bytes.
struct Cluster<S, T> {
    ncols: usize,
    files: Vec<(Vec<S>, Vec<T>)>,
    extent: Extent,
    shards: usize,
    tag: u64,
    rng: SmallRng,
    /// The answer that is lost, of all that are sent.
    lost: Option<usize>,
    sent: usize,
}

impl<S: Number + Storage<T>, T: Number> Cluster<S, T> {
    fn batch(&self, segment: u64) -> Batch<'_, S, T> {
        let (x, y) = &self.files[segment as usize];
        Batch::new(Rows::new(x, y.len(), self.ncols).unwrap(), y).unwrap()
    }

    /// A worker's answer: the sum of a shard, as bytes.
    fn answer<Q: Summand<T>>(&self, shard: &Shard, stream: SumStream<S, T, Q>) -> Vec<u8> {
        let mut stream = stream.with_tag(self.tag);
        for piece in shard.pieces() {
            let rows = piece.rows.start as usize..piece.rows.end as usize;
            stream.push(&self.batch(piece.segment).slice(rows).unwrap()).unwrap();
            if piece.ends_segment {
                stream.end_segment();
            }
        }
        if shard.ends_data() {
            stream.end_data();
        }
        stream.into_sum().to_bytes()
    }

    /// The driver's work: every shard is asked, and asked again if its answer is lost; answers come in any order.
    fn sum<Q: Summand<T>>(&mut self, start: impl Fn(Place) -> SumStream<S, T, Q>) -> Result<Q::Total, Error>
    where
        Q::Total: Total,
    {
        let mut shards = self.extent.plan(chunk_rows::<T>(self.ncols), self.shards);
        shards.shuffle(&mut self.rng);
        let mut sum: Option<PartialSum<Q::Total>> = None;
        while let Some(shard) = shards.pop() {
            let bytes = self.answer(&shard, start(shard.start()));
            self.sent += 1;
            if Some(self.sent) == self.lost {
                shards.insert(0, shard);
                continue;
            }
            let answer = PartialSum::from_bytes(&bytes)?;
            match &mut sum {
                Some(sum) => sum.merge(&answer)?,
                None => sum = Some(answer),
            }
        }
        Ok(sum.expect("a shard").finish(&self.extent)?)
    }
}

impl<S: Number + Storage<T>, T: Number> Passes for Cluster<S, T> {
    type Number = T;

    fn nfeatures(&self) -> usize {
        self.ncols
    }

    fn nrows(&self) -> u64 {
        self.extent.nrows()
    }

    fn tag(&self) -> u64 {
        self.tag
    }

    fn first_row(&mut self) -> Result<Vec<f64>, Error> {
        let first = self.files.iter().find(|(_, y)| !y.is_empty()).expect("a row");
        Ok(first.0[..self.ncols].iter().map(|x| x.double()).collect())
    }

    fn deviations(&mut self, centres: &[f64], squared: bool) -> Result<ColumnSums, Error> {
        self.sum(|place| DeviationsStream::starting_at(Engine::serial(), centres, squared, place).unwrap())
    }

    fn loss_and_gradient(&mut self, params: Params<'_, T>, out: &mut Gradient) -> Result<(), Error> {
        *out = self.sum(|place| GradientStream::starting_at(Engine::serial(), params, place).unwrap())?;
        Ok(())
    }
}

/// Files of random rows of a logistic model; one of them has no rows.
fn cluster<S: Number + Storage<T>, T: Number>(rows: &[usize], ncols: usize, shards: usize) -> Cluster<S, T> {
    let mut rng = SmallRng::seed_from_u64(20);
    let mut file = |rows: usize| {
        let x: Vec<f64> = (0..rows * ncols).map(|_| rng.random_range(-1.0..1.0)).collect();
        let label = |row: &[f64]| {
            let z: f64 = row.iter().enumerate().map(|(j, x)| x * (j as f64 - 1.5)).sum();
            f64::from(u8::from(rng.random_range(0.0..1.0) < 1.0 / (1.0 + (-z).exp())))
        };
        let y: Vec<T> = x.chunks(ncols).map(label).map(T::nearest).collect();
        (x.into_iter().map(S::nearest).collect(), y)
    };
    Cluster {
        ncols,
        files: rows.iter().map(|&rows| file(rows)).collect(),
        extent: Extent::of_segments(rows.iter().map(|&rows| rows as u64)),
        shards,
        tag: 77,
        rng: SmallRng::seed_from_u64(shards as u64),
        lost: None,
        sent: 0,
    }
}

fn options() -> Options {
    let mut options = Options::default();
    (options.l2, options.tolerance) = (1e-4, 1e-9);
    options
}

/// A model as its file.
fn json(fit: &Fit) -> String {
    let names = (0..fit.weights.len()).map(|i| format!("x{i}")).collect();
    Model::new(fit, &options(), names).unwrap().to_json()
}

fn check_clusters<S: Number + Storage<T>, T: Number>() {
    let rows = [1500, 0, 2048, 700];
    let local = train(&mut cluster::<S, T>(&rows, 5, 1), &options(), None, &mut ()).unwrap();
    assert!(local.ending == Ending::Converged || size_of::<T>() == 4);
    for shards in [2, 3, 7, 100] {
        let mut cluster = cluster::<S, T>(&rows, 5, shards);
        let found = train(&mut cluster, &options(), None, &mut ()).unwrap();
        assert_eq!(json(&found), json(&local), "{shards} shards");
        assert_eq!((found.passes, found.iterations), (local.passes, local.iterations));
    }
    // Any answer of the first passes is lost.
    for lost in 1..=18 {
        let mut cluster = cluster::<S, T>(&rows, 5, 3);
        cluster.lost = Some(lost);
        let found = train(&mut cluster, &options(), None, &mut ()).unwrap();
        assert_eq!(json(&found), json(&local), "answer {lost} is lost");
        assert_eq!(cluster.sent, 3 * (found.passes + 2) + 1);
    }
}

#[test]
fn a_cluster_gives_the_model_of_one_machine() {
    check_clusters::<f32, f64>();
    check_clusters::<f64, f64>();
    check_clusters::<f32, f32>();
    // In one piece, it is the fit in memory.
    let mut one = cluster::<f64, f64>(&[3000], 5, 4);
    let found = train(&mut one, &options(), None, &mut ()).unwrap();
    let local = fit(&one.batch(0), &options(), |_| {}).unwrap();
    assert_eq!(json(&found), json(&local));
    assert!(found.metrics.is_none() && local.metrics.is_some());
}

/// Files on one machine, and the same files summed by workers.
#[cfg(feature = "files")]
#[test]
fn a_cluster_gives_the_model_of_files_on_one_machine() {
    let directory = tempfile::tempdir().unwrap();
    let rows = [1500, 0, 2048, 700];
    for shards in [1, 2, 3, 9] {
        let mut cluster = cluster::<f64, f64>(&rows, 5, shards);
        let paths: Vec<_> = (0..rows.len()).map(|i| directory.path().join(format!("{i}.npy"))).collect();
        for (path, (x, y)) in paths.iter().zip(&cluster.files) {
            let mut bytes = lanegrad_fit::data::npy::header(lanegrad_fit::Dtype::F64, y.len(), 6).unwrap();
            let table = x.chunks(5).zip(y).flat_map(|(row, y)| row.iter().chain([y]));
            table.for_each(|x| bytes.extend(x.to_le_bytes()));
            std::fs::write(path, bytes).unwrap();
        }
        let label = lanegrad_fit::data::Label::Column("-1".to_owned());
        let set = lanegrad_fit::DataSet::read(&paths, &lanegrad_fit::DataOptions::new(label)).unwrap();
        assert_eq!(set.segments(), cluster.extent.segments());
        let (_, of_files) = set.fit(&options(), |_| {}).unwrap();
        let found = train(&mut cluster, &options(), None, &mut ()).unwrap();
        assert_eq!(json(&found), json(&of_files), "{shards} shards");
        assert_eq!((found.passes, found.loss.to_bits()), (of_files.passes, of_files.loss.to_bits()));
    }
}

/// A warning depends on the way that a fit took, which a checkpoint has.
#[cfg(feature = "files")]
#[test]
fn a_fit_that_goes_on_warns_as_it_would_have() {
    use lanegrad_fit::Warning;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.csv");
    // All rows with the indicator are positive, the others of both classes.
    let row = |i: u32| {
        let (x, indicator) = ((i * 7919 % 613) as f64 / 300.0 - 1.0, i % 17 == 3);
        let label = indicator || x + f64::from(i % 5) > 2.0;
        format!("{x},{},{}\n", u8::from(indicator), u8::from(label))
    };
    std::fs::write(&path, format!("x,indicator,y\n{}", (0..1000).map(row).collect::<String>())).unwrap();
    let label = lanegrad_fit::data::Label::Column("y".to_owned());
    let set = lanegrad_fit::DataSet::read(&[&path], &lanegrad_fit::DataOptions::new(label)).unwrap();
    let mut all = Recorder::default();
    let (model, whole) = set.fit_with(&Options::default(), None, &mut all).unwrap();
    assert_eq!(whole.warnings, [Warning::QuasiSeparable]);
    for checkpoint in all.checkpoints {
        let (found, fit) = set.fit_with(&Options::default(), Some(checkpoint), &mut ()).unwrap();
        assert_eq!(
            (found.to_json(), fit.warnings, fit.metrics),
            (model.to_json(), whole.warnings.clone(), whole.metrics)
        );
    }
}

/// What cannot be summed is an error, and never a sum.
#[test]
fn mistakes_of_workers_are_errors() {
    let cluster = cluster::<f64, f64>(&[1500, 700], 2, 3);
    let params = Params::new(&[0.5, -0.25], 0.1);
    let start = |params| move |place| GradientStream::starting_at(Engine::serial(), params, place).unwrap();
    let shards = cluster.extent.plan(chunk_rows::<f64>(2), 3);
    let [first, second, third] =
        [0, 1, 2].map(|i| cluster.answer(&shards[i], start(params)(shards[i].start())));
    let read = |bytes: &[u8]| GradientSum::from_bytes(bytes);
    let mut sum = read(&first).unwrap();
    sum.merge(&read(&third).unwrap()).unwrap();
    assert!(sum.finish(&cluster.extent).is_err(), "a shard is missing");
    assert!(sum.merge(&read(&third).unwrap()).is_err(), "a shard twice");
    let late = cluster.answer(&shards[1], start(Params::new(&[0.5, 0.25], 0.1))(shards[1].start()));
    assert!(sum.merge(&read(&late).unwrap()).is_err(), "an answer for other parameters");
    let mut stream = start(params)(shards[1].start()).with_tag(78);
    stream.push(&cluster.batch(1).slice(0..0).unwrap()).unwrap();
    assert!(sum.merge(&stream.into_sum()).is_err(), "another data set");
    assert!(DeviationsSum::from_bytes(&second).is_err(), "a sum of something else");
    assert!(read(&second[..second.len() - 8]).is_err(), "truncated");
    sum.merge(&read(&second).unwrap()).unwrap();
    assert_eq!(sum.finish(&cluster.extent).unwrap().weight_sum, 2200.0);
    assert!(sum.finish(&Extent::of_segments([700, 1500])).is_err(), "other files");
}

/// An observer that keeps every checkpoint, and ends the fit after a pass.
#[derive(Default)]
struct Recorder {
    checkpoints: Vec<Checkpoint>,
    iterations: Vec<(u64, u64)>,
    last_pass: Option<u64>,
    passes: u64,
}

impl Observer for Recorder {
    fn passed(&mut self, passes: u64) -> ControlFlow<()> {
        self.passes = passes;
        if self.last_pass == Some(passes) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn iterated(&mut self, progress: &Progress, checkpoint: &dyn Fn() -> Checkpoint) -> ControlFlow<()> {
        let checkpoint = checkpoint();
        assert_eq!(checkpoint.iterations(), progress.iteration);
        self.iterations.push((progress.iteration, progress.loss.to_bits()));
        self.checkpoints.push(checkpoint);
        ControlFlow::Continue(())
    }
}

/// Problems that end in each way, and start anew on the way.
fn problems() -> Vec<(Vec<f64>, Vec<f64>, Options)> {
    let rng = &mut SmallRng::seed_from_u64(3);
    let mut problems = Vec::new();
    for (l2, tolerance, most, spread) in [
        (1e-4, 1e-9, 1000, 1.0),
        (0.0, 0.0, 1000, 1.0),
        (1e-2, 1e-9, 4, 1.0),
        (0.0, 1e-12, 1000, 1e6),
        (0.0, 1e-6, 1000, 0.0),
    ] {
        let mut options = Options::default();
        (options.l2, options.tolerance, options.max_iterations) = (l2, tolerance, most);
        let x: Vec<f64> =
            (0..900).map(|i| rng.random_range(-1.0..1.0) * f64::powi(spread + 0.5, i % 3)).collect();
        // Separable ones too, of which a fit ends far out.
        let label = |row: &[f64]| f64::from(u8::from(row[0] + rng.random_range(-0.5..0.5) * spread > 0.0));
        let y = x.chunks(3).map(label).collect();
        problems.push((x, y, options));
    }
    problems
}

fn one_file(x: &[f64], y: &[f64]) -> Cluster<f64, f64> {
    let mut cluster = cluster(&[y.len()], 3, 1);
    cluster.files = vec![(x.to_vec(), y.to_vec())];
    cluster
}

#[test]
fn a_fit_that_goes_on_ends_as_it_would_have() {
    let (mut endings, mut starts_anew) = (Vec::new(), false);
    for (x, y, options) in problems() {
        let mut all = Recorder::default();
        let whole = train(&mut one_file(&x, &y), &options, None, &mut all).unwrap();
        endings.push(whole.ending);
        // A run that starts anew has fewer points.
        let sizes: Vec<usize> =
            all.checkpoints.iter().map(|checkpoint| checkpoint.to_bytes().len()).collect();
        starts_anew |= sizes.windows(2).any(|pair| pair[1] < pair[0]);
        assert_eq!(all.checkpoints[0].iterations(), 0);
        // After every iteration, or every few of many.
        let step = all.checkpoints.len().div_ceil(40);
        for (i, checkpoint) in all.checkpoints.iter().enumerate().step_by(step) {
            let sent = Checkpoint::from_bytes(&checkpoint.to_bytes()).unwrap();
            assert_eq!(sent, *checkpoint);
            let mut rest = Recorder::default();
            let found = train(&mut one_file(&x, &y), &options, Some(sent), &mut rest).unwrap();
            assert_eq!(json(&found), json(&whole), "from iteration {i} of {}", whole.iterations);
            assert_eq!(
                (found.passes, found.iterations, found.ending),
                (whole.passes, whole.iterations, whole.ending)
            );
            assert_eq!(
                (found.objective.to_bits(), found.gradient.to_bits()),
                (whole.objective.to_bits(), whole.gradient.to_bits())
            );
            // The same iterations and the same checkpoints from there on.
            assert_eq!(rest.iterations, all.iterations[i + 1..]);
            assert_eq!(rest.checkpoints, all.checkpoints[i + 1..]);
        }
    }
    for ending in [Ending::Converged, Ending::Stalled, Ending::OutOfIterations] {
        assert!(endings.contains(&ending), "{endings:?}");
    }
    assert!(starts_anew, "none of the fits started anew on its way");
}

/// With another largest number of iterations too.
#[test]
fn a_fit_that_ran_out_of_iterations_goes_on() {
    let (x, y, options) = problems().swap_remove(0);
    let whole = train(&mut one_file(&x, &y), &options, None, &mut ()).unwrap();
    let mut short = options;
    short.max_iterations = 3;
    let mut recorder = Recorder::default();
    let part = train(&mut one_file(&x, &y), &short, None, &mut recorder).unwrap();
    assert_eq!((part.ending, part.iterations), (Ending::OutOfIterations, 3));
    let last = recorder.checkpoints.pop();
    let found = train(&mut one_file(&x, &y), &options, last, &mut ()).unwrap();
    assert_eq!((json(&found), found.passes), (json(&whole), whole.passes));
}

#[test]
fn a_cancelled_fit_makes_no_other_pass() {
    let (x, y, options) = problems().swap_remove(0);
    let whole = train(&mut one_file(&x, &y), &options, None, &mut ()).unwrap();
    let mut lowest = f64::INFINITY;
    for last in 1..=whole.passes as u64 {
        let mut recorder = Recorder { last_pass: Some(last), ..Recorder::default() };
        let mut cluster = one_file(&x, &y);
        let found = train(&mut cluster, &options, None, &mut recorder).unwrap();
        // And those of means and scales.
        assert_eq!((found.passes as u64, recorder.passes, cluster.sent as u64), (last, last, last + 2));
        let is_last = last == whole.passes as u64;
        assert_eq!(found.ending, if is_last { Ending::Converged } else { Ending::Cancelled }, "{last}");
        assert!(found.objective <= lowest || is_last);
        lowest = found.objective;
        // It goes on from its last checkpoint, and from there makes the passes of the whole.
        let mut rest = one_file(&x, &y);
        if let Some(checkpoint) = recorder.checkpoints.pop() {
            let found = train(&mut rest, &options, Some(checkpoint), &mut ()).unwrap();
            assert_eq!((json(&found), found.passes), (json(&whole), whole.passes));
        }
    }
}

#[test]
fn checkpoints_of_other_fits_and_damaged_ones_are_refused() {
    let (x, y, options) = problems().swap_remove(0);
    let mut recorder = Recorder::default();
    train(&mut one_file(&x, &y), &options, None, &mut recorder).unwrap();
    let checkpoint = recorder.checkpoints.swap_remove(2);
    let refused = |cluster: &mut Cluster<f64, f64>, options: &Options| {
        train(cluster, options, Some(checkpoint.clone()), &mut ()).unwrap_err().to_string()
    };
    let mut other = one_file(&x, &y);
    other.tag = 78;
    assert_eq!(refused(&mut other, &options), "the checkpoint is of a fit to other data");
    // Other data of the same shape: a number, or a label.
    for change in
        [|(x, _): &mut (Vec<f64>, Vec<f64>)| x[5] += 0.25, |(_, y): &mut (Vec<f64>, Vec<f64>)| y[7] = 0.5]
    {
        let mut other = one_file(&x, &y);
        change(&mut other.files[0]);
        assert!(refused(&mut other, &options).starts_with("the checkpoint is of a fit to other data: "));
    }
    let other_options = "the checkpoint is of a fit with other options";
    for change in
        [|options: &mut Options| options.l2 = 1e-3, |options: &mut Options| options.standardize = true]
    {
        let mut changed = options;
        change(&mut changed);
        assert_eq!(refused(&mut one_file(&x, &y), &changed), other_options);
    }
    let mut single = cluster::<f32, f32>(&[300], 3, 1);
    let error = train(&mut single, &options, Some(checkpoint.clone()), &mut ()).unwrap_err();
    assert_eq!(error.to_string(), other_options);

    let bytes = checkpoint.to_bytes();
    for i in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[i] ^= 1 << (i % 8);
        assert!(Checkpoint::from_bytes(&changed).is_err(), "byte {i}");
        assert!(Checkpoint::from_bytes(&bytes[..i]).is_err(), "{i} bytes");
    }
    assert!(Checkpoint::from_bytes(&[&bytes[..], &[0; 8]].concat()).is_err());
    assert_eq!(Checkpoint::from_bytes(b"{\"schema\": 2}").unwrap_err().to_string(), "it is no checkpoint");
}

/// A function of one's own: Σ c (x - m)² + exp(x), convex, and of any number of coordinates.
struct Bowl {
    evaluations: usize,
    fails_at: Option<usize>,
}

impl Objective for Bowl {
    fn evaluate(&mut self, x: &[f64]) -> Result<Evaluation, Error> {
        self.evaluations += 1;
        if self.fails_at == Some(self.evaluations) {
            return Err(Error::because("a worker is gone", lanegrad::Error::NoRows));
        }
        let term = |(i, x): (usize, &f64)| {
            let (c, m) = (1.0 + i as f64, i as f64 - 2.0);
            (c * (x - m) * (x - m) + x.exp(), 2.0 * c * (x - m) + x.exp())
        };
        let terms: Vec<(f64, f64)> = x.iter().enumerate().map(term).collect();
        Ok(Evaluation::new(terms.iter().map(|term| term.0).sum(), terms.iter().map(|term| term.1).collect()))
    }
}

#[test]
fn a_function_of_ones_own_is_minimised() {
    let start = [0.0; 6];
    let mut bowl = Bowl { evaluations: 0, fails_at: None };
    let mut options = MinimizeOptions::default();
    options.tolerance = 1e-10;
    let found = minimize(&mut bowl, &start, &options, &mut ()).unwrap();
    assert_eq!((found.ending, found.passes), (Ending::Converged, bowl.evaluations as u64));
    for (i, x) in found.point.coordinates.iter().enumerate() {
        // Newton's method on each coordinate by itself.
        let (c, m) = (1.0 + i as f64, i as f64 - 2.0);
        let newton = (0..200).fold(0.0_f64, |x, _| x - (2.0 * c * (x - m) + x.exp()) / (2.0 * c + x.exp()));
        assert!((x - newton).abs() < 1e-9, "{x}, {newton}");
    }
    // An evaluation that fails ends it, wherever it is.
    for fails_at in 1..=bowl.evaluations {
        let mut bowl = Bowl { evaluations: 0, fails_at: Some(fails_at) };
        let error = minimize(&mut bowl, &start, &options, &mut ()).unwrap_err();
        assert!(std::error::Error::source(&error).is_some(), "{error}");
        assert_eq!(bowl.evaluations, fails_at);
    }
    // A checkpoint knows what it is of.
    let mut recorder = Recorder::default();
    options.identity = Identity { data: 1, function: 2 };
    minimize(&mut bowl, &start, &options, &mut recorder).unwrap();
    options.resume = recorder.checkpoints.pop();
    assert_eq!(minimize(&mut bowl, &start, &options, &mut ()).unwrap().point, found.point);
    assert!(minimize(&mut bowl, &start[1..], &options, &mut ()).is_err());
    options.identity.data = 3;
    assert!(minimize(&mut bowl, &start, &options, &mut ()).is_err());
}

/// Σ c (x - 1)⁴ + c (x - 1)², with c from 1 to 10⁶: it takes more steps than L-BFGS remembers.
struct Valley;

impl Objective for Valley {
    fn evaluate(&mut self, x: &[f64]) -> Result<Evaluation, Error> {
        let terms = x.iter().enumerate().map(|(i, x)| (10_f64.powf(6.0 * i as f64 / 299.0), x - 1.0));
        let terms: Vec<(f64, f64)> = terms.collect();
        let value = terms.iter().map(|(c, d)| c * d * d * (d * d + 1.0)).sum();
        Ok(Evaluation::new(value, terms.iter().map(|(c, d)| c * d * (4.0 * d * d + 2.0)).collect()))
    }
}

#[test]
fn a_minimisation_that_has_forgotten_its_first_steps_goes_on() {
    let (start, mut options) = (vec![0.0; 300], MinimizeOptions::default());
    let mut all = Recorder::default();
    let whole = minimize(&mut Valley, &start, &options, &mut all).unwrap();
    let sizes: Vec<usize> = all.checkpoints.iter().map(|checkpoint| checkpoint.to_bytes().len()).collect();
    let full = sizes.iter().max().unwrap();
    assert!(sizes.iter().filter(|size| *size > &(full - 8 * 300)).count() > 10, "{sizes:?}");
    for checkpoint in all.checkpoints.into_iter().step_by(25) {
        options.resume = Some(checkpoint);
        assert_eq!(minimize(&mut Valley, &start, &options, &mut ()).unwrap(), whole);
    }
}
