//! The measurements of a run, their order, and their shares of the time.

use super::report::BASELINE;
use super::setting::{Kernel, Level, Limit, Section, Setting, bytes_at, level_of};
use super::work::{CHAINS, STREAMS, Work};
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
}

/// A run: the ceilings, then the kernels.
pub(crate) struct Plan {
    pub(crate) ceilings: Vec<Group>,
    pub(crate) kernels: Vec<Group>,
    /// The time that the run should take. It takes more if three samples of everything take more.
    pub(crate) time: Duration,
}

impl Plan {
    /// Plans a run. `--quick` is single precision in the smallest cache and from memory, and fewer sizes.
    pub(crate) fn new(wish: &Wish, machine: &Machine) -> Self {
        let levels: &[Level] = if wish.quick {
            &[Level::L1, Level::Memory]
        } else {
            &[Level::L1, Level::L2, Level::L3, Level::Memory]
        };
        let mut planner = Planner { wish, machine, ceilings: Vec::new(), kernels: Vec::new() };
        for &threads in &wish.threads {
            planner.multiply_add(threads);
            for &level in levels {
                planner.memory(Section::Levels, level, threads);
                planner.kernels(Section::Levels, level, threads, &wish.dtypes);
            }
        }
        if let Some(&threads) = wish.threads.first() {
            let aligned = if wish.quick { &levels[..1] } else { levels };
            for &level in aligned {
                planner.memory(Section::Alignment, level, threads);
                planner.kernels(Section::Alignment, level, threads, &wish.dtypes[..1]);
            }
            planner.sizes(threads);
        }
        planner.scaling();
        let time = Duration::from_secs(wish.seconds.into());
        Self { ceilings: planner.ceilings, kernels: planner.kernels, time }
    }
}

struct Planner<'a> {
    wish: &'a Wish,
    machine: &'a Machine,
    ceilings: Vec<Group>,
    kernels: Vec<Group>,
}

/// The offset from a cache line's start: one element, as few slices start exactly at a cache line, or 0 in the
/// section that measures alignment.
const fn offset(section: Section, dtype: Dtype) -> usize {
    match section {
        Section::Alignment => 0,
        _ => dtype.bytes(),
    }
}

impl Planner<'_> {
    /// The instruction sets whose ceilings are measured: those asked for, and that of the plain loops.
    fn ceiling_isas(&self) -> impl Iterator<Item = Isa> {
        Isa::available().filter(|isa| self.wish.isas.contains(isa) || isa.name() == "portable")
    }

    fn ceiling(&mut self, limit: Limit, setting: Setting, works: impl Fn(Isa) -> Vec<Work>) {
        let variants = self
            .ceiling_isas()
            .flat_map(|isa| works(isa).into_iter().map(move |work| (isa.to_string(), work)));
        let group = Group { kernel: None, limit, setting, variants: variants.collect(), weight: 0.1 };
        self.ceilings.push(group);
    }

    /// The rates of multiply-adds.
    fn multiply_add(&mut self, threads: usize) {
        for dtype in self.wish.dtypes.clone() {
            let setting = Setting {
                section: Section::Levels,
                dtype,
                level: Level::Registers,
                bytes: 0,
                threads,
                offset: 0,
            };
            self.ceiling(Limit::MultiplyAdd, setting, |isa| {
                CHAINS.map(|chains| Work::MultiplyAdd(isa, chains)).to_vec()
            });
        }
    }

    /// The rates at which a level can be read, copied and updated. They do not depend on the type.
    fn memory(&mut self, section: Section, level: Level, threads: usize) {
        let Some(bytes) = bytes_at(self.machine, level, threads) else { return };
        let dtype = Dtype::F32;
        let setting = Setting { section, dtype, level, bytes, threads, offset: offset(section, dtype) };
        let mut needed: Vec<Limit> = self.wish.kernels.iter().map(|kernel| kernel.traffic()).collect();
        needed.sort();
        needed.dedup();
        for limit in needed {
            self.ceiling(limit, setting.clone(), |isa| match limit {
                Limit::Read => {
                    let streams = STREAMS.iter().map(|&streams| Work::Read(isa, streams));
                    streams.chain([Work::ReadPair(isa)]).collect()
                }
                Limit::Copy => vec![Work::Copy(isa), Work::SystemCopy],
                // The compiler's loop may be the better one on the instructions of the build.
                Limit::Add if isa.name() == "portable" => vec![Work::Add(isa), Work::PlainAdd],
                Limit::Add => vec![Work::Add(isa)],
                Limit::MultiplyAdd => Vec::new(),
            });
        }
    }

    fn kernels(&mut self, section: Section, level: Level, threads: usize, dtypes: &[Dtype]) {
        let Some(bytes) = bytes_at(self.machine, level, threads) else { return };
        for &dtype in dtypes {
            let setting = Setting { section, dtype, level, bytes, threads, offset: offset(section, dtype) };
            for &kernel in &self.wish.kernels {
                // From memory, samples are long and vary.
                let weight = if level == Level::Memory { 3.0 } else { 1.0 };
                let share = if section == Section::Alignment { 0.5 } else { 1.0 };
                self.kernel(kernel, setting.clone(), weight * share);
            }
        }
    }

    fn kernel(&mut self, kernel: Kernel, setting: Setting, weight: f64) {
        let isas = self.wish.isas.iter().map(|&isa| (isa.to_string(), Work::Kernel(kernel, isa)));
        let variants = std::iter::once((BASELINE.to_owned(), Work::Baseline(kernel))).chain(isas).collect();
        self.kernels.push(Group { kernel: Some(kernel), limit: kernel.traffic(), setting, variants, weight });
    }

    /// Sizes from 8 KB to one that certainly comes from memory, each twice (quick: four times) the one before.
    fn sizes(&mut self, threads: usize) {
        let dtype = self.wish.dtypes[0];
        let largest = bytes_at(self.machine, Level::Memory, threads).unwrap_or_default();
        let step = if self.wish.quick { 4 } else { 2 };
        let sizes = std::iter::successors(Some(8 << 10), |bytes| Some(bytes * step));
        for bytes in sizes.take_while(|&bytes| bytes <= largest) {
            let level = level_of(self.machine, bytes, threads);
            let section = Section::Sizes;
            let setting = Setting { section, dtype, level, bytes, threads, offset: offset(section, dtype) };
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
            self.memory(Section::Threads, Level::Memory, threads);
            self.kernels(Section::Threads, Level::Memory, threads, &self.wish.dtypes[..1]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Plan, Wish};
    use crate::bench::setting::{Kernel, Level, Limit, Section};
    use crate::machine::{Cache, Machine};
    use clap::ValueEnum;
    use lanegrad::Isa;
    use lanegrad_fit::Dtype;

    fn machine(threads: usize) -> Machine {
        let cache = |bytes, count| Cache { bytes, count };
        Machine {
            cpu: "a CPU".to_owned(),
            cores: threads,
            threads,
            system: "a system".to_owned(),
            l1: cache(32 << 10, threads),
            l2: cache(1 << 20, threads),
            l3: Some(cache(32 << 20, 1)),
            caches_assumed: false,
            isas: Vec::new(),
            best: "scalar".to_owned(),
            compiler: "rustc".to_owned(),
        }
    }

    fn wish(quick: bool, threads: &[usize]) -> Wish {
        Wish {
            quick,
            seconds: 45,
            kernels: Kernel::value_variants().to_vec(),
            isas: Isa::available().collect(),
            dtypes: vec![Dtype::F32, Dtype::F64],
            threads: threads.to_vec(),
        }
    }

    #[test]
    fn every_kernel_has_the_ceilings_that_it_is_held_against() {
        for quick in [false, true] {
            for threads in [1, 2, 6, 64] {
                let plan = Plan::new(&wish(quick, &[1, threads]), &machine(threads));
                for group in plan.kernels.iter().filter(|group| group.setting.section != Section::Sizes) {
                    let has = |limit: Limit, level: Level| {
                        plan.ceilings.iter().any(|ceiling| {
                            ceiling.limit == limit
                                && ceiling.setting.level == level
                                && ceiling.setting.threads == group.setting.threads
                        })
                    };
                    assert!(has(group.limit, group.setting.level), "{}", group.setting.describe());
                    assert!(has(Limit::MultiplyAdd, Level::Registers), "{}", group.setting.describe());
                }
            }
        }
    }

    #[test]
    fn working_sets_belong_to_their_levels() {
        for threads in [1, 2, 6, 64] {
            let machine = machine(threads);
            let plan = Plan::new(&wish(false, &[1, threads]), &machine);
            for group in plan.kernels.iter().filter(|group| group.setting.section != Section::Sizes) {
                let share = group.setting.bytes / group.setting.threads;
                match group.setting.level {
                    Level::L1 => assert!(share <= machine.l1.bytes),
                    Level::L2 => assert!(machine.l1.bytes < share && share <= machine.l2.bytes),
                    Level::L3 => assert!(machine.l2.bytes < share && group.setting.bytes <= 32 << 20),
                    Level::Memory => assert!(group.setting.bytes >= 4 * machine.last_cache()),
                    Level::Registers => panic!("a kernel has data"),
                }
            }
            // 64 second-level caches hold more than the third level.
            let l3 = plan.kernels.iter().filter(|group| group.setting.level == Level::L3);
            let threads_at_l3: Vec<usize> = l3
                .filter(|group| group.setting.section == Section::Levels)
                .map(|group| group.setting.threads)
                .collect();
            assert_eq!(threads_at_l3.contains(&threads), threads < 64);
        }
    }
}
