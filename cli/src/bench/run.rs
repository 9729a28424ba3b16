//! Runs a plan: the ceilings, then the kernels, each by turns with its ceiling on the same data.

use super::cost::{least, most};
use super::memory::Memory;
use super::plan::{Group, Plan};
use super::report::{BASELINE, Budget, Ceiling, Measurement, Part, ceiling_isa, relate};
use super::sample::{FEWEST, Timing, by_turns};
use super::setting::{Kernel, Limit, Section};
use super::work::{Reading, Shape, Store, Work};
use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressStyle};
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::time::{Duration, Instant};

/// The results of a plan.
pub(crate) struct Found {
    pub(crate) ceilings: Vec<Ceiling>,
    pub(crate) measurements: Vec<Measurement>,
    pub(crate) budget: Budget,
}

/// A ceiling, and the work that reached it.
type Way = (Ceiling, Work);

/// Makes the measurements of a plan, which is held against this memory. If standard error is a terminal, it shows
/// progress and the time left.
pub(crate) fn run(plan: &Plan, memory: &Memory, clock_ghz: Option<f64>, mut store: Store) -> Result<Found> {
    let mut clock = Clock::new(plan, memory);
    let mut ways: Vec<Way> = Vec::new();
    // Multiply-adds have no data. The other ceilings are measured on those of the first kernel that needs them.
    let (first, mut later): (Vec<&Group>, Vec<&Group>) = plan
        .ceilings
        .iter()
        .chain(&plan.ceilings_left_out)
        .partition(|group| group.limit == Limit::MultiplyAdd);
    for group in first {
        let timings = clock.measure("ceilings", group, &group.variants, &mut store)?;
        ways.extend(rates(group, &group.variants, &timings));
    }
    let mut measurements = Vec::new();
    for group in plan.kernels.iter().chain(&plan.left_out) {
        let Some(kernel) = group.kernel else { continue };
        let needed = |ceiling: &&Group| group.is_held_against(ceiling);
        if !clock.has_time_for(later.iter().copied().filter(needed).chain([group])) {
            clock.skip(group);
            continue;
        }
        for ceiling in later.extract_if(.., |ceiling| needed(&&**ceiling)) {
            let timings = clock.measure("ceilings", ceiling, &ceiling.variants, &mut store)?;
            ways.extend(rates(ceiling, &ceiling.variants, &timings));
        }
        let probes = probes(group, &ways);
        let variants = [&*group.variants, &*probes].concat();
        let name = group.setting.section.to_string();
        let mut timings = clock.measure(&name, group, &variants, &mut store)?;
        let of_probes = timings.split_off(group.variants.len());
        let shape = shape(group);
        let mut found: Vec<Measurement> = (group.variants.iter().zip(timings))
            .map(|((isa, work), time)| {
                let amount = shape.amount(*work, group.setting.dtype);
                Measurement::new(kernel, isa, group.setting.clone(), time, amount, clock_ghz)
            })
            .collect();
        let mut on_its_data: Vec<Ceiling> =
            rates(group, &probes, &of_probes).into_iter().map(|(ceiling, _)| ceiling).collect();
        let peaks = ways.iter().map(|(ceiling, _)| ceiling).filter(|peak| peak.limit == Limit::MultiplyAdd);
        relate(&mut found, &peaks.chain(&on_its_data).collect::<Vec<_>>());
        // What a kernel moved can be moved.
        for m in found.iter().filter(|m| m.isa != BASELINE) {
            let moved = m.amount.bytes_moved / m.time.fastest / 1e9;
            if let Some(ceiling) = on_its_data.iter_mut().find(|c| c.isa == m.isa && c.rate < moved) {
                (ceiling.rate, ceiling.way) = (moved, kernel.to_string());
            }
        }
        measurements.extend(found);
        if group.setting.section != Section::Sizes {
            on_its_data.iter().for_each(|ceiling| raise(&mut ways, ceiling));
        }
    }
    clock.bar.finish_and_clear();
    let ceilings = ways.into_iter().map(|(ceiling, _)| ceiling).collect();
    Ok(Found { ceilings, measurements, budget: clock.budget })
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
        let (isa, way) = (isa.clone(), work.describe());
        let ceiling = Ceiling { limit, isa, setting, rate, way, medians: vec![median] };
        match ways.iter_mut().find(|(other, _)| other.isa == ceiling.isa) {
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
            (
                other.threads != setting.threads,
                other.level != setting.level,
                other.pages != setting.pages,
                !other.is_aligned_like(setting),
            )
        };
        let most_alike = of_tier.min_by_key(|(other, _)| unlike(other)).map(|&(_, work)| work);
        // Two arrays may be read best in another way than one.
        let pair = most_alike.and_then(|way| match way {
            Work::Read(isa, reading) if group.kernel == Some(Kernel::Dot) && reading != Reading::Pair => {
                Some(Work::Read(isa, Reading::Pair))
            }
            _ => None,
        });
        most_alike.into_iter().chain(pair).map(move |work| (isa.to_owned(), work))
    };
    isas.into_iter().flat_map(ways_of).collect()
}

/// Adds another measurement of a ceiling, on other data.
fn raise(ways: &mut [Way], found: &Ceiling) {
    let same = ways.iter_mut().map(|(ceiling, _)| ceiling).find(|ceiling| {
        (ceiling.limit, &ceiling.isa, ceiling.setting.threads, ceiling.setting.level, ceiling.setting.pages)
            == (found.limit, &found.isa, found.setting.threads, found.setting.level, found.setting.pages)
            && ceiling.setting.is_aligned_like(&found.setting)
    });
    if let Some(ceiling) = same {
        if ceiling.rate < found.rate {
            (ceiling.rate, ceiling.way) = (found.rate, found.way.clone());
        }
        ceiling.medians.extend(&found.medians);
    }
}

/// Shares the time that is left between the measurements that are left.
struct Clock<'a> {
    memory: &'a Memory,
    start: Instant,
    /// The time of the measurements.
    time: Duration,
    /// The fewest samples of a variant.
    fewest: usize,
    /// True where the plan left something out.
    is_short: bool,
    /// The sum of the weights of all groups that are left, and of their least times.
    worth: f64,
    least: Duration,
    bar: ProgressBar,
    /// The threads of the last group.
    pool: Option<ThreadPool>,
    budget: Budget,
}

/// The time of a group after which no more samples than needed are taken where time is short.
const ENOUGH: Duration = Duration::from_millis(300);

/// The weight of a group: the sum over its variants.
fn worth(group: &Group) -> f64 {
    group.weight * group.variants.len() as f64
}

/// A group in words.
fn describe(group: &Group) -> String {
    let name = group.kernel.map_or_else(|| group.limit.to_string(), |kernel| kernel.to_string());
    format!("{name} {}", group.setting.describe())
}

impl<'a> Clock<'a> {
    fn new(plan: &Plan, memory: &'a Memory) -> Self {
        let groups = || plan.groups().chain(&plan.ceilings_left_out).chain(&plan.left_out);
        let worth = groups().map(worth).sum::<f64>();
        let bar = ProgressBar::new(worth.ceil() as u64);
        let style = ProgressStyle::with_template("{bar:32} {percent:>3} %, {eta} left  {wide_msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.enable_steady_tick(Duration::from_millis(500));
        let budget = Budget {
            seconds: plan.time.as_secs_f64(),
            parts: Vec::new(),
            left_out: Vec::new(),
            cut_short: 0,
        };
        let (start, time, fewest) = (Instant::now(), plan.time, plan.fewest);
        let least = groups().map(|group| least(memory, group, fewest)).sum();
        let is_short = !plan.left_out.is_empty();
        Self { memory, start, time, fewest, is_short, worth, least, bar, pool: None, budget }
    }

    /// False where groups would end too late, by their estimate.
    fn has_time_for<'b>(&self, groups: impl Iterator<Item = &'b Group> + Clone) -> bool {
        let least = groups.clone().map(|group| least(self.memory, group, self.fewest));
        let expected = self.start.elapsed() + least.sum::<Duration>();
        expected <= self.time || groups.last().is_some_and(|group| group.rank == 0)
    }

    /// Leaves out a group.
    fn skip(&mut self, group: &Group) {
        self.budget.left_out.push(describe(group));
        self.forget(group);
    }

    fn forget(&mut self, group: &Group) {
        self.worth -= worth(group);
        self.least = self.least.saturating_sub(least(self.memory, group, self.fewest));
        let done = self.bar.length().unwrap_or_default().saturating_sub(self.worth.max(0.0) as u64);
        self.bar.set_position(done);
    }

    /// Measures variants on a group's data.
    fn measure(
        &mut self,
        part: &str,
        group: &Group,
        variants: &[(String, Work)],
        store: &mut Store,
    ) -> Result<Vec<Timing>> {
        self.bar.set_message(describe(group));
        let started = Instant::now();
        let threads = group.setting.threads;
        let pool = match self.pool.take() {
            Some(pool) if pool.current_num_threads() == threads => pool,
            _ => start(threads)?,
        };
        // The least of what is left is set aside, also of what was left out; the rest is shared.
        let left = self.time.saturating_sub(self.start.elapsed());
        let share = (worth(group) / self.worth.max(f64::MIN_POSITIVE)).min(1.0);
        let more = left.saturating_sub(self.least).mul_f64(share);
        let own = least(self.memory, group, self.fewest);
        // Where time is short, more groups are worth more than more samples of long calls.
        let budget = if self.is_short { own.min(ENOUGH) } else { own + more };
        let budget = budget.min(left).min(most(group));
        let end = self.start + self.time.mul_f64(1.1);
        let timings = {
            let mut data = store.prepare(group.kernel, shape(group), &group.setting, &pool)?;
            let budget = budget.saturating_sub(started.elapsed());
            by_turns(variants.len(), budget, (self.fewest, end), |variant, calls| {
                data.sample(variants[variant].1, calls)
            })
        };
        self.pool = Some(pool);
        self.budget.cut_short += usize::from(timings.iter().any(|timing| timing.samples < FEWEST));
        self.forget(group);
        self.spent(part, 1, started.elapsed());
        Ok(timings)
    }

    fn spent(&mut self, name: &str, groups: usize, time: Duration) {
        let parts = &mut self.budget.parts;
        let seconds = time.as_secs_f64();
        match parts.iter_mut().find(|part| part.name == name) {
            Some(part) => (part.groups, part.seconds) = (part.groups + groups, part.seconds + seconds),
            None => parts.push(Part { name: name.to_owned(), groups, seconds }),
        }
    }
}

/// A pool of threads.
pub(crate) fn start(threads: usize) -> Result<ThreadPool> {
    let pool = ThreadPoolBuilder::new().num_threads(threads).build();
    pool.with_context(|| format!("cannot start {threads} threads"))
}
