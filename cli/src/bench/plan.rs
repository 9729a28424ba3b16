//! The measurements of a run, their order, and their shares of the time.
//!
//! A plan is made before anything but memory is measured, and fits into its time: what would take longer by
//! estimate ([`cost`](super::cost)) is left out, the least important first. If even the most important groups take too
//! long, they have fewer samples. What was left out comes at the end if there is time, as the machine may be faster than
//! the estimates, and the report names the rest. If nothing is left out, time that is left goes into more samples.

use super::cost::least;
use super::memory::Memory;
use super::report::BASELINE;
use super::sample::FEWEST;
use super::setting::{Kernel, Level, Limit, Pages, Section, Setting, arithmetic, bytes_at, level_of};
use super::work::{CHAINS, PLAIN_READINGS, READINGS, Reading, Work};
use crate::machine::Machine;
use lanegrad::Isa;
use lanegrad_fit::Dtype;
use std::time::Duration;

/// The measurements that the user asks for.
pub(crate) struct Wish {
    /// True for a part of the measurements.
    pub(crate) quick: bool,
    /// The time to share between the measurements.
    pub(crate) seconds: u32,
    /// Only these kernels.
    pub(crate) kernels: Vec<Kernel>,
    /// Only these instruction sets, and the baseline.
    pub(crate) isas: Vec<Isa>,
    /// Only these types.
    pub(crate) dtypes: Vec<Dtype>,
    /// Only these numbers of threads.
    pub(crate) threads: Vec<usize>,
}

/// Variants of a kernel or ceiling under the same conditions, measured by turns.
pub(crate) struct Group {
    /// A kernel, or else a ceiling.
    pub(crate) kernel: Option<Kernel>,
    /// The kernel's traffic, or the ceiling.
    pub(crate) limit: Limit,
    /// The conditions.
    pub(crate) setting: Setting,
    /// The variants, with the names of their instruction sets. Several variants of a ceiling may have one name.
    pub(crate) variants: Vec<(String, Work)>,
    /// The share of the time that each variant gets, relative to others.
    pub(crate) weight: f64,
    /// The place in the order in which groups are left out, the highest first; 0 is always measured.
    pub(crate) rank: u8,
}

/// A run: the ceilings, then the kernels.
pub(crate) struct Plan {
    pub(crate) ceilings: Vec<Group>,
    pub(crate) kernels: Vec<Group>,
    /// The kernels that would take too long, the most important first, and the ceilings that only they need.
    pub(crate) left_out: Vec<Group>,
    pub(crate) ceilings_left_out: Vec<Group>,
    /// The fewest samples of a variant.
    pub(crate) fewest: usize,
    /// The time of the measurements.
    pub(crate) time: Duration,
}

impl Plan {
    /// Plans a run. `--quick` is single precision in the smallest cache and from memory, and fewer sizes.
    pub(crate) fn new(wish: &Wish, machine: &Machine, memory: &Memory, pages: &[Pages]) -> Self {
        let levels: &[Level] = if wish.quick {
            &[Level::L1, Level::Memory]
        } else {
            &[Level::L1, Level::L2, Level::L3, Level::Memory]
        };
        let mut planner = Planner { wish, machine, memory, pages, ceilings: Vec::new(), kernels: Vec::new() };
        for &threads in &wish.threads {
            planner.multiply_add(threads);
            for &level in levels {
                let kinds = if level == Level::Memory { pages } else { &pages[..pages.len().min(1)] };
                for &pages in kinds {
                    planner.memory(Section::Levels, level, threads, pages);
                    planner.kernels(Section::Levels, level, threads, &wish.dtypes, pages);
                }
            }
        }
        if let Some(&threads) = wish.threads.first() {
            let aligned = if wish.quick { &levels[..1] } else { levels };
            for &level in aligned {
                let pages = planner.plain();
                planner.memory(Section::Alignment, level, threads, pages);
                planner.kernels(Section::Alignment, level, threads, &wish.dtypes[..1], pages);
            }
            planner.sizes(threads);
        }
        planner.scaling();
        let Planner { ceilings, kernels, .. } = planner;
        let time = Duration::from_secs(wish.seconds.into());
        let mut plan = Self {
            ceilings,
            kernels,
            left_out: Vec::new(),
            ceilings_left_out: Vec::new(),
            fewest: FEWEST,
            time,
        };
        plan.shorten(memory);
        plan
    }

    /// The time that everything takes with the fewest samples.
    pub(crate) fn least(&self, memory: &Memory) -> Duration {
        self.groups().map(|group| least(memory, group, self.fewest)).sum()
    }

    /// All groups that are measured.
    pub(crate) fn groups(&self) -> impl Iterator<Item = &Group> {
        self.ceilings.iter().chain(&self.kernels)
    }

    /// Leaves out groups until the others fit into the time: those of the highest rank first, of these the last. A
    /// ceiling that no kernel is held against goes too.
    fn shorten(&mut self, memory: &Memory) {
        let mut over = self.least(memory).saturating_sub(self.time);
        while over > Duration::ZERO {
            let rank = self.kernels.iter().map(|group| group.rank).max().filter(|&rank| rank > 0);
            let Some(last) = self.kernels.iter().rposition(|group| Some(group.rank) == rank) else { break };
            let group = self.kernels.remove(last);
            over = over.saturating_sub(least(memory, &group, self.fewest));
            self.left_out.insert(0, group);
            let kernels = &self.kernels;
            let mut kept = Vec::new();
            for ceiling in self.ceilings.drain(..) {
                if kernels.iter().any(|kernel| kernel.is_held_against(&ceiling)) {
                    kept.push(ceiling);
                } else {
                    over = over.saturating_sub(least(memory, &ceiling, self.fewest));
                    self.ceilings_left_out.push(ceiling);
                }
            }
            self.ceilings = kept;
        }
        while self.fewest > 1 && self.least(memory) > self.time {
            self.fewest -= 1;
        }
    }
}

impl Group {
    /// True where a ceiling bounds the kernel.
    pub(crate) fn is_held_against(&self, ceiling: &Self) -> bool {
        let (of, here) = (&ceiling.setting, &self.setting);
        of.threads == here.threads
            && match ceiling.limit {
                Limit::MultiplyAdd => of.dtype == arithmetic(here.dtype),
                limit => {
                    limit == self.limit
                        && (of.level, of.pages, of.offset == 0) == (here.level, here.pages, here.offset == 0)
                }
            }
    }
}

struct Planner<'a> {
    wish: &'a Wish,
    machine: &'a Machine,
    memory: &'a Memory,
    /// The kinds of pages that there are, the plain one first.
    pages: &'a [Pages],
    ceilings: Vec<Group>,
    kernels: Vec<Group>,
}

/// The offset from a cache line's start: one element of the arithmetic, as few slices start exactly at a cache line, or 0
/// in the section that measures alignment.
const fn offset(section: Section, dtype: Dtype) -> usize {
    match section {
        Section::Alignment => 0,
        _ => arithmetic(dtype).bytes(),
    }
}

impl Planner<'_> {
    /// The pages of all that is measured in one kind.
    fn plain(&self) -> Pages {
        self.pages.first().copied().unwrap_or(Pages::System)
    }

    /// The instruction sets whose ceilings are measured: those asked for, and that of the plain loops.
    fn ceiling_isas(&self) -> impl Iterator<Item = Isa> + Clone {
        Isa::available().filter(|isa| self.wish.isas.contains(isa) || isa.name() == "portable")
    }

    fn ceiling(&mut self, limit: Limit, setting: Setting, works: impl Fn(Isa) -> Vec<Work>) {
        let variants = self
            .ceiling_isas()
            .flat_map(|isa| works(isa).into_iter().map(move |work| (isa.to_string(), work)));
        let variants = variants.collect();
        self.ceilings.push(Group { kernel: None, limit, setting, variants, weight: 0.1, rank: 0 });
    }

    /// The rates of multiply-adds.
    fn multiply_add(&mut self, threads: usize) {
        let mut dtypes: Vec<Dtype> = self.wish.dtypes.iter().map(|&dtype| arithmetic(dtype)).collect();
        dtypes.sort_unstable();
        dtypes.dedup();
        for dtype in dtypes {
            let setting = Setting {
                section: Section::Levels,
                dtype,
                level: Level::Registers,
                bytes: 0,
                threads,
                offset: 0,
                pages: self.plain(),
            };
            self.ceiling(Limit::MultiplyAdd, setting, |isa| {
                CHAINS.map(|chains| Work::MultiplyAdd(isa, chains)).to_vec()
            });
        }
    }

    /// The rates at which a level can be read, copied and updated. They do not depend on the type.
    fn memory(&mut self, section: Section, level: Level, threads: usize, pages: Pages) {
        let Some(bytes) = bytes_at(self.machine, self.memory, level, threads) else { return };
        let dtype = Dtype::F32;
        let setting =
            Setting { section, dtype, level, bytes, threads, offset: offset(section, dtype), pages };
        let is_measured = |kernel: &&Kernel| self.wish.dtypes.iter().any(|&dtype| kernel.takes(dtype));
        let kernels = self.wish.kernels.iter().filter(is_measured);
        let mut needed: Vec<Limit> = kernels.map(|kernel| kernel.traffic()).collect();
        needed.sort();
        needed.dedup();
        let fastest = self.ceiling_isas().last();
        for limit in needed {
            self.ceiling(limit, setting.clone(), |isa| match limit {
                Limit::Read => {
                    let readings: &[Reading] = if level == Level::Memory && fastest != Some(isa) {
                        &PLAIN_READINGS
                    } else {
                        &READINGS
                    };
                    readings.iter().map(|&reading| Work::Read(isa, reading)).collect()
                }
                Limit::Copy if level == Level::Memory && fastest != Some(isa) => vec![Work::Copy(isa)],
                Limit::Copy => vec![Work::Copy(isa), Work::SystemCopy],
                // The compiler's loop may be the better one on the instructions of the build.
                Limit::Add if isa.name() == "portable" => vec![Work::Add(isa), Work::PlainAdd],
                Limit::Add => vec![Work::Add(isa)],
                Limit::MultiplyAdd => Vec::new(),
            });
        }
    }

    fn kernels(&mut self, section: Section, level: Level, threads: usize, dtypes: &[Dtype], pages: Pages) {
        let Some(bytes) = bytes_at(self.machine, self.memory, level, threads) else { return };
        for &dtype in dtypes {
            let offset = offset(section, dtype);
            let setting = Setting { section, dtype, level, bytes, threads, offset, pages };
            // Those that share their data after each other.
            for passes in [true, false] {
                for &kernel in self.wish.kernels.iter().filter(|kernel| kernel.is_pass() == passes) {
                    // From memory, samples are long and vary.
                    let weight = if level == Level::Memory { 3.0 } else { 1.0 };
                    let share = if section == Section::Alignment { 0.5 } else { 1.0 };
                    self.kernel(kernel, setting.clone(), weight * share);
                }
            }
        }
    }

    fn kernel(&mut self, kernel: Kernel, setting: Setting, weight: f64) {
        if !kernel.takes(setting.dtype) {
            return;
        }
        let isas = self.wish.isas.iter().map(|&isa| (isa.to_string(), Work::Kernel(kernel, isa)));
        let variants = std::iter::once((BASELINE.to_owned(), Work::Baseline(kernel))).chain(isas).collect();
        let rank = self.rank(kernel, &setting);
        let limit = kernel.traffic();
        self.kernels.push(Group { kernel: Some(kernel), limit, setting, variants, weight, rank });
    }

    /// The place in the order in which groups are left out: what reads memory is what the library is for, and what is
    /// bound by arithmetic in cache is no other from memory.
    fn rank(&self, kernel: Kernel, setting: &Setting) -> u8 {
        let first = self.wish.threads.first() == Some(&setting.threads)
            && self.wish.dtypes.first() == Some(&setting.dtype);
        let reads = kernel.traffic() == Limit::Read;
        let is_plain = setting.pages == self.plain();
        match (setting.section, setting.level) {
            (Section::Levels, Level::L1) if first => 0,
            (Section::Levels, Level::Memory) if first && reads => u8::from(!is_plain),
            (Section::Levels, _) if reads => 2,
            (Section::Levels, Level::Memory) if first && is_plain => 3,
            (Section::Levels, _) => 4,
            (Section::Threads, _) => 5,
            (Section::Sizes, _) => 6,
            (Section::Alignment, _) => 7,
        }
    }

    /// Sizes from 8 KB to that of memory, each twice (quick: four times) the one before.
    fn sizes(&mut self, threads: usize) {
        let (dtype, pages) = (self.wish.dtypes[0], self.plain());
        let step = if self.wish.quick { 4 } else { 2 };
        let sizes = std::iter::successors(Some(8 << 10), |bytes| Some(bytes * step));
        for bytes in sizes.take_while(|&bytes| bytes <= self.memory.bytes) {
            let level = level_of(self.machine, self.memory, bytes, threads);
            let section = Section::Sizes;
            let offset = offset(section, dtype);
            let setting = Setting { section, dtype, level, bytes, threads, offset, pages };
            for &kernel in &self.wish.kernels {
                if !self.wish.quick
                    || matches!(kernel, Kernel::Dot | Kernel::Sigmoid | Kernel::LossAndGradient)
                {
                    self.kernel(kernel, setting.clone(), 0.15);
                }
            }
        }
    }

    /// Numbers of threads that are powers of two between one and all, from memory.
    fn scaling(&mut self) {
        let (Some(&least), Some(&most)) = (self.wish.threads.iter().min(), self.wish.threads.iter().max())
        else {
            return;
        };
        let between = std::iter::successors(Some(2), |threads| Some(threads * 2))
            .take_while(|&threads| threads < most)
            .filter(|threads| *threads > least && !self.wish.threads.contains(threads));
        for threads in between.collect::<Vec<usize>>() {
            self.multiply_add(threads);
            let pages = self.plain();
            self.memory(Section::Threads, Level::Memory, threads, pages);
            self.kernels(Section::Threads, Level::Memory, threads, &self.wish.dtypes[..1], pages);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Group, Plan, Wish};
    use crate::bench::memory::MOST;
    use crate::bench::memory::tests::memory;
    use crate::bench::setting::{Kernel, Level, Limit, Pages, Section};
    use crate::machine::{Cache, Machine};
    use clap::ValueEnum;
    use lanegrad::Isa;
    use lanegrad_fit::Dtype;
    use std::time::Duration;

    const PAGES: [Pages; 2] = [Pages::Small, Pages::Huge];

    fn machine(threads: usize, l3: usize) -> Machine {
        let cache = |bytes, count| Cache { bytes, count };
        Machine {
            cpu: "a CPU".to_owned(),
            cores: threads,
            threads,
            system: "a system".to_owned(),
            l1: cache(32 << 10, threads),
            l2: cache(1 << 20, threads),
            l3: Some(cache(l3 << 20, 1)),
            caches_assumed: false,
            isas: Vec::new(),
            best: "scalar".to_owned(),
            compiler: "rustc".to_owned(),
        }
    }

    fn wish(quick: bool, threads: &[usize]) -> Wish {
        Wish {
            quick,
            seconds: if quick { 45 } else { 12 * 60 },
            kernels: Kernel::value_variants().to_vec(),
            isas: Isa::available().collect(),
            dtypes: if quick { vec![Dtype::F32] } else { vec![Dtype::F32, Dtype::F64] },
            threads: threads.to_vec(),
        }
    }

    /// Machines with a third level of 32 and 480 MB, which a program has or has not, and with slow and fast memory.
    fn plans(check: impl Fn(&Plan, &Machine, &crate::bench::memory::Memory, &str)) {
        for quick in [false, true] {
            for (l3, plateau) in [(32, 64), (480, 64), (480, 512)] {
                for threads in [1, 2, 6, 64] {
                    for rate in [3.0, 10.0, 40.0] {
                        let (machine, memory) = (machine(threads, l3), memory(plateau << 20, rate));
                        let threads: &[usize] = if threads == 1 { &[1] } else { &[1, threads] };
                        let plan = Plan::new(&wish(quick, threads), &machine, &memory, &PAGES);
                        let context =
                            format!("quick {quick}, {l3} MB, {plateau} MB, {threads:?} threads, {rate} GB/s");
                        check(&plan, &machine, &memory, &context);
                    }
                }
            }
        }
    }

    #[test]
    fn a_run_ends_in_time_whatever_caches_the_cpu_reports() {
        plans(|plan, _, memory, context| {
            let least = plan.least(memory);
            assert!(least <= plan.time, "{least:?} for {context}");
            // Before it: the sweep over sizes and the clock. A run never begins a group that would end after a quarter
            // more than its time.
            let promised = if context.starts_with("quick true") { 60 } else { 15 * 60 };
            assert!(plan.time.mul_f64(1.25) <= Duration::from_secs(promised), "{context}");
            assert!(plan.groups().all(|group| group.setting.bytes <= MOST.max(64 << 20)), "{context}");
        });
    }

    #[test]
    fn what_is_left_out_is_the_least_important() {
        let memory = memory(64 << 20, 10.0);
        let short = Wish { seconds: 8, ..wish(true, &[1, 2]) };
        let plan = Plan::new(&short, &machine(2, 32), &memory, &PAGES);
        let kept = plan.kernels.iter().map(|group| group.rank).max();
        let gone = plan.left_out.iter().map(|group| group.rank).min();
        assert!(kept <= gone && gone.is_some(), "{kept:?}, {gone:?}");
        let none = Wish { seconds: 1, ..short };
        let plan = Plan::new(&none, &machine(2, 32), &memory, &PAGES);
        let left: Vec<_> = plan.kernels.iter().map(|group| group.kernel).collect();
        assert!(left.contains(&Some(Kernel::LossAndGradient)), "something is always measured");
        let copies = |group: &&Group| group.limit == Limit::Copy;
        assert!(plan.kernels.iter().filter(copies).all(|group| group.setting.level == Level::L1));
        assert!(plan.ceilings.iter().filter(copies).all(|group| group.setting.level == Level::L1));
    }

    #[test]
    fn every_kernel_has_the_ceilings_that_it_is_held_against() {
        plans(|plan, _, _, context| {
            for group in plan.kernels.iter().filter(|group| group.setting.section != Section::Sizes) {
                let has = |limit: Limit, level: Level| {
                    plan.ceilings.iter().any(|ceiling| {
                        ceiling.limit == limit
                            && ceiling.setting.level == level
                            && ceiling.setting.threads == group.setting.threads
                            && (level == Level::Registers || ceiling.setting.pages == group.setting.pages)
                    })
                };
                assert!(has(group.limit, group.setting.level), "{}, {context}", group.setting.describe());
                assert!(has(Limit::MultiplyAdd, Level::Registers), "{}", group.setting.describe());
            }
        });
    }

    #[test]
    fn working_sets_belong_to_their_levels() {
        plans(|plan, machine, memory, context| {
            for group in plan.kernels.iter().filter(|group| group.setting.section != Section::Sizes) {
                let share = group.setting.bytes / group.setting.threads;
                let l3 = machine.l3.map_or(0, |l3| l3.bytes).min(memory.plateau.unwrap() / 2);
                match group.setting.level {
                    Level::L1 => assert!(share <= machine.l1.bytes),
                    Level::L2 => assert!(machine.l1.bytes < share && share <= machine.l2.bytes),
                    Level::L3 => assert!(machine.l2.bytes < share && group.setting.bytes <= l3, "{context}"),
                    Level::Memory => assert_eq!(group.setting.bytes, memory.bytes),
                    Level::Registers => panic!("a kernel has data"),
                }
            }
        });
        // 64 second-level caches hold more than the third level.
        let memory = memory(64 << 20, 40.0);
        let plan = Plan::new(&wish(false, &[1, 64]), &machine(64, 32), &memory, &PAGES);
        let l3 = plan.kernels.iter().filter(|group| group.setting.level == Level::L3);
        assert!(l3.filter(|group| group.setting.section == Section::Levels).all(|g| g.setting.threads == 1));
    }
}
