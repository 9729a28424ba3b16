//! Runs a plan: the ceilings, then the kernels, each by turns with its ceiling on the same data.

use super::plan::{Group, Plan};
use super::report::{Ceiling, Measurement, ceiling_isa, relate};
use super::sample::{Timing, by_turns};
use super::setting::{Kernel, Limit, Section};
use super::work::{Shape, Work, prepare};
use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressStyle};
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::time::{Duration, Instant};

/// The results of a plan.
pub(crate) struct Found {
    pub(crate) ceilings: Vec<Ceiling>,
    pub(crate) measurements: Vec<Measurement>,
}

/// A ceiling, and the work that reached it.
type Way = (Ceiling, Work);

/// Makes the measurements of a plan. If standard error is a terminal, it shows progress and the time left.
pub(crate) fn run(plan: &Plan) -> Result<Found> {
    let mut clock = Clock::new(plan);
    let mut ways: Vec<Way> = Vec::new();
    for group in &plan.ceilings {
        let timings = clock.measure(group, &group.variants)?;
        ways.extend(rates(group, &group.variants, &timings));
    }
    let mut measurements = Vec::new();
    for group in &plan.kernels {
        let Some(kernel) = group.kernel else { continue };
        let probes = probes(group, &ways);
        let variants = [&*group.variants, &*probes].concat();
        let mut timings = clock.measure(group, &variants)?;
        let of_probes = timings.split_off(group.variants.len());
        let shape = shape(group);
        let mut found: Vec<Measurement> = (group.variants.iter().zip(timings))
            .map(|((isa, work), time)| {
                let amount = shape.amount(*work, group.setting.dtype);
                Measurement::new(kernel, isa, group.setting.clone(), time, amount)
            })
            .collect();
        let on_its_data: Vec<Ceiling> =
            rates(group, &probes, &of_probes).into_iter().map(|(ceiling, _)| ceiling).collect();
        let peaks = ways.iter().map(|(ceiling, _)| ceiling).filter(|peak| peak.limit == Limit::MultiplyAdd);
        relate(&mut found, &peaks.chain(&on_its_data).collect::<Vec<_>>());
        measurements.extend(found);
        if group.setting.section != Section::Sizes {
            on_its_data.iter().for_each(|ceiling| raise(&mut ways, ceiling));
        }
    }
    clock.bar.finish_and_clear();
    Ok(Found { ceilings: ways.into_iter().map(|(ceiling, _)| ceiling).collect(), measurements })
}

/// The layout of a group's data.
fn shape(group: &Group) -> Shape {
    Shape::new(group.kernel, group.limit, &group.setting)
}

/// The ceilings of a group, one for each instruction set: that of its fastest variant.
fn rates(group: &Group, variants: &[(String, Work)], timings: &[Timing]) -> Vec<Way> {
    let shape = shape(group);
    let mut ways: Vec<Way> = Vec::new();
    for ((isa, work), time) in variants.iter().zip(timings) {
        let amount = shape.amount(*work, group.setting.dtype);
        let amount = if group.limit == Limit::MultiplyAdd { amount.flops } else { amount.bytes_moved };
        let (rate, median) = (amount / time.fastest / 1e9, amount / time.median / 1e9);
        let (limit, setting) = (group.limit, group.setting.clone());
        let ceiling = Ceiling { limit, isa: isa.clone(), setting, rate, medians: vec![median] };
        match ways.iter_mut().find(|(other, _)| other.isa == *isa) {
            Some(way) if way.0.rate < rate => *way = (ceiling, *work),
            Some(_) => {}
            None => ways.push((ceiling, *work)),
        }
    }
    ways
}

/// The loops that a group's variants are compared with, on the instruction set of each: the fastest under the
/// conditions most
/// like those of the group. A group of a curve over sizes has one loop, on its last instruction set.
fn probes<'a>(group: &'a Group, ways: &'a [Way]) -> Vec<(String, Work)> {
    let mut isas: Vec<&str> = Vec::new();
    for (isa, _) in &group.variants {
        if !isas.contains(&ceiling_isa(isa)) {
            isas.push(ceiling_isa(isa));
        }
    }
    if group.setting.section == Section::Sizes {
        isas.drain(..isas.len().saturating_sub(1));
    }
    let ways_of = |isa: &'a str| {
        let of_tier = ways.iter().filter(|(other, _)| (other.limit, &*other.isa) == (group.limit, isa));
        let unlike = |other: &Ceiling| {
            let (other, setting) = (&other.setting, &group.setting);
            (other.threads != setting.threads, other.level != setting.level, !other.is_aligned_like(setting))
        };
        let most_alike = of_tier.min_by_key(|(other, _)| unlike(other)).map(|&(_, work)| work);
        // Two arrays may be read best in another way than one.
        let pair = most_alike.and_then(|way| match way {
            Work::Read(isa, _) if group.kernel == Some(Kernel::Dot) => Some(Work::ReadPair(isa)),
            _ => None,
        });
        most_alike.into_iter().chain(pair).map(move |work| (isa.to_owned(), work))
    };
    isas.into_iter().flat_map(ways_of).collect()
}

/// Adds another measurement of a ceiling, on other data.
fn raise(ways: &mut [Way], found: &Ceiling) {
    let same = ways.iter_mut().map(|(ceiling, _)| ceiling).find(|ceiling| {
        (ceiling.limit, &ceiling.isa, ceiling.setting.threads, ceiling.setting.level)
            == (found.limit, &found.isa, found.setting.threads, found.setting.level)
            && ceiling.setting.is_aligned_like(&found.setting)
    });
    if let Some(ceiling) = same {
        ceiling.rate = ceiling.rate.max(found.rate);
        ceiling.medians.extend(&found.medians);
    }
}

/// Shares the time that is left between the measurements that are left.
struct Clock {
    end: Instant,
    /// The sum of the weights of all groups that are left.
    worth: f64,
    bar: ProgressBar,
    /// The threads of the last group.
    pool: Option<ThreadPool>,
}

/// The longest time for a variant: the clocks of the cores vary more over shorter times, and longer times make
/// medians no steadier.
const LONGEST: Duration = Duration::from_secs(3);

/// The weight of a group: the sum over its variants.
fn worth(group: &Group) -> f64 {
    group.weight * group.variants.len() as f64
}

impl Clock {
    fn new(plan: &Plan) -> Self {
        let worth = plan.ceilings.iter().chain(&plan.kernels).map(worth).sum::<f64>();
        let bar = ProgressBar::new(worth.ceil() as u64);
        let style = ProgressStyle::with_template("{bar:32} {percent:>3} %, {eta} left  {wide_msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.enable_steady_tick(Duration::from_millis(500));
        Self { end: Instant::now() + plan.time, worth, bar, pool: None }
    }

    /// Measures variants on a group's data.
    fn measure(&mut self, group: &Group, variants: &[(String, Work)]) -> Result<Vec<Timing>> {
        let name = group.kernel.map_or_else(|| group.limit.to_string(), |kernel| kernel.to_string());
        self.bar.set_message(format!("{name} {}", group.setting.describe()));
        let threads = group.setting.threads;
        let pool = match self.pool.take() {
            Some(pool) if pool.current_num_threads() == threads => pool,
            _ => {
                let pool = ThreadPoolBuilder::new().num_threads(threads).build();
                pool.with_context(|| format!("cannot start {threads} threads"))?
            }
        };
        let share = worth(group) / self.worth.max(f64::MIN_POSITIVE);
        let left = self.end.saturating_duration_since(Instant::now());
        let started = Instant::now();
        let timings = {
            let mut data = prepare(group.kernel, shape(group), &group.setting, &pool);
            let budget = left.mul_f64(share.min(1.0)).saturating_sub(started.elapsed());
            let budget = budget.min(LONGEST * variants.len() as u32);
            by_turns(variants.len(), budget, |variant, calls| data.sample(variants[variant].1, calls))
        };
        self.pool = Some(pool);
        self.worth -= worth(group);
        self.bar
            .set_position(self.bar.length().unwrap_or_default().saturating_sub(self.worth.max(0.0) as u64));
        Ok(timings)
    }
}
