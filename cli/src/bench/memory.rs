//! What counts as memory: the size of data from which on a read is no slower than one of more data.
//!
//! The caches that a CPU reports do not tell: a virtual machine may be told of a third level that it shares with many
//! others, and several caches of one level may serve one core or all. So a plain read is timed over growing sizes.

use super::data::Mapping;
use super::setting::Pages;
use anyhow::Result;
use lanegrad::{Isa, roofline};
use rayon::ThreadPool;
use serde::{Deserialize, Serialize};
use std::fs;
use std::hint::black_box;
use std::time::Instant;

/// The most data that a measurement of memory takes, and the least where the reads do not tell.
pub(crate) const MOST: usize = 768 << 20;

/// The reads of a run, and what follows from them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Memory {
    /// The size of data that come from memory.
    pub(crate) bytes: usize,
    /// The size from which on no read of more data was slower, if there is one.
    pub(crate) plateau: Option<usize>,
    /// What decided on the size.
    pub(crate) reason: Reason,
    /// The reads, of growing sizes, on the fewest and on the most threads.
    pub(crate) sweep: Vec<Read>,
    /// GB/s at which data are prepared.
    pub(crate) fill: f64,
}

/// The reason of a size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reason {
    /// It is four times the size from which on reads are no slower.
    FourTimesThePlateau,
    /// It is [`MOST`]: reads became slower up to there, or to more than a quarter of it.
    Most,
    /// It is a quarter of the memory that is free.
    Free,
}

/// A read of data of a size.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Read {
    pub(crate) threads: usize,
    pub(crate) bytes: usize,
    /// GB/s: the fastest of some.
    pub(crate) rate: f64,
}

impl Memory {
    /// What follows from reads, where some memory is free.
    pub(crate) fn new(sweep: Vec<Read>, fill: f64, free: usize) -> Self {
        let mut threads: Vec<usize> = sweep.iter().map(|read| read.threads).collect();
        threads.dedup();
        let plateaus = threads.iter().map(|&threads| {
            let reads = sweep.iter().filter(|read| read.threads == threads);
            plateau(&reads.map(|read| (read.bytes, read.rate)).collect::<Vec<_>>())
        });
        // On more threads there may be more caches.
        let plateau = plateaus.collect::<Option<Vec<usize>>>().and_then(|all| all.into_iter().max());
        let wanted = plateau.map_or(MOST, |plateau| 4 * plateau);
        // Half of what is free, as a group may have two sets of data.
        let (bytes, reason) = match (wanted, free / 4) {
            (wanted, free) if free < wanted.min(MOST) => (free >> 20 << 20, Reason::Free),
            (wanted, _) if wanted >= MOST => (MOST, Reason::Most),
            (wanted, _) => (wanted, Reason::FourTimesThePlateau),
        };
        Self { bytes: bytes.max(1 << 20), plateau, reason, sweep, fill }
    }

    /// GB/s at which some threads read the most data.
    pub(crate) fn rate(&self, threads: usize) -> f64 {
        let reads = self.sweep.iter().filter(|read| read.threads <= threads);
        let most = reads.max_by_key(|read| (read.threads, read.bytes)).or(self.sweep.last());
        most.map_or(4.0, |read| read.rate)
    }

    /// The size and its reason in words.
    pub(crate) fn describe(&self) -> String {
        let size = super::setting::size(self.bytes);
        let plateau = self.plateau.map_or(String::new(), super::setting::size);
        match self.reason {
            Reason::FourTimesThePlateau => {
                format!("{size}, four times the {plateau} from which on a read of more is no slower")
            }
            Reason::Most if self.plateau.is_some() => {
                format!("{size}, the most; reads are no slower from {plateau} on")
            }
            Reason::Most => format!("{size}, the most; reads became slower up to there"),
            Reason::Free => format!("{size}, a quarter of what is free"),
        }
    }
}

/// The smallest size from which on no read is faster than the largest ones, by more than noise: a read may be slow by
/// chance, but not fast. `None` if that are fewer than three sizes.
fn plateau(reads: &[(usize, f64)]) -> Option<usize> {
    const NOISE: f64 = 1.15;
    let (_, largest) = reads.split_at_checked(reads.len().checked_sub(3)?)?;
    let mut rates: Vec<f64> = largest.iter().map(|&(_, rate)| rate).collect();
    rates.sort_by(f64::total_cmp);
    let flat = reads.iter().rev().take_while(|&&(_, rate)| rate <= NOISE * rates[1]).count();
    (flat >= 3).then(|| reads[reads.len() - flat].0)
}

/// Reads data of growing sizes, on the fewest and on the most threads, in pages of a kind. The memory of the data is
/// left for what comes then.
pub(crate) fn sweep(pools: &[ThreadPool], isa: Isa, pages: Pages) -> Result<(Memory, Mapping)> {
    let free = free().unwrap_or(4 * MOST);
    let most = MOST.min(((free / 4) >> 20) << 20).max(1 << 20);
    // Room for two arrays that each start with a page of 2 MB.
    let mut map = Mapping::new(most + (8 << 20), pages)?;
    let (mut sweep, mut fill) = (Vec::new(), 0.0);
    // From the most threads on, each of which is the first to write its part.
    for pool in pools.iter().rev() {
        let threads = pool.current_num_threads();
        let start = Instant::now();
        map.fill(most / threads / 64 * 64, pool);
        // The first time, memory has to come from the system.
        fill = f64::max(fill, most as f64 / 1e9 / start.elapsed().as_secs_f64());
        let sizes = std::iter::successors(Some(64 << 10), |bytes| Some(bytes * 2));
        for bytes in sizes.take_while(|&bytes| bytes < most).chain([most]) {
            let x: &[f32] = bytemuck::cast_slice(&map.bytes()[..bytes]);
            let part = x.len() / threads / 64 * 64;
            // As many calls as take a millisecond at 10 GB/s, and the fastest of five.
            let calls = (10_000_000 / bytes).max(1);
            let rate = |streams: usize| {
                let start = Instant::now();
                pool.broadcast(|thread| {
                    let x = &x[thread.index() * part..][..part];
                    let quarter = x.len() / 4;
                    let parts = [0, 1, 2, 3].map(|i| &x[i * quarter..][..quarter]);
                    for _ in 0..calls {
                        let _ = black_box(match streams {
                            1 => roofline::read(isa, black_box([x])),
                            _ => roofline::read(isa, black_box(parts)),
                        });
                    }
                });
                (calls * bytes) as f64 / 1e9 / start.elapsed().as_secs_f64()
            };
            let rate = [1, 4].repeat(5).into_iter().map(rate).fold(0.0, f64::max);
            sweep.push(Read { threads, bytes, rate });
        }
    }
    sweep.sort_by_key(|read: &Read| (read.threads, read.bytes));
    Ok((Memory::new(sweep, fill, free), map))
}

/// The bytes of memory that are free, where the system tells.
fn free() -> Option<usize> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let free = line.trim().strip_suffix("kB")?.trim().parse::<usize>().ok()?.checked_mul(1024)?;
    // A container may have less.
    let number = |name: &str| fs::read_to_string(name).ok()?.trim().parse::<usize>().ok();
    let limit = number("/sys/fs/cgroup/memory.max");
    let used = number("/sys/fs/cgroup/memory.current").unwrap_or(0);
    Some(limit.map_or(free, |limit| free.min(limit.saturating_sub(used))))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::{MOST, Memory, Read, Reason, plateau};

    const MB: usize = 1 << 20;

    /// Reads of 1, 2, 4 … 512 and 768 MB, at a rate that depends on the size in MB.
    fn reads(rate: impl Fn(f64) -> f64) -> Vec<(usize, f64)> {
        let sizes = (0..10).map(|i| MB << i).chain([MOST]);
        sizes.map(|bytes| (bytes, rate((bytes / MB) as f64))).collect()
    }

    /// Memory of a machine whose reads have this plateau.
    pub(crate) fn memory(plateau: usize, rate: f64) -> Memory {
        let read = |threads| Read { threads, bytes: MOST, rate: rate * f64::from(threads as u32).min(2.0) };
        let mut memory = Memory::new(vec![read(1), read(2)], rate / 5.0, 64 << 30);
        memory.plateau = Some(plateau);
        memory.bytes = MOST.min(4 * plateau);
        memory
    }

    #[test]
    fn a_plateau_starts_where_reads_stop_falling() {
        // A cache of 32 MB, the end of which is blurred.
        let cache = |mb: f64| if mb <= 16.0 { 100.0 } else { 30.0 + 40.0 * (32.0 / mb).powi(4).min(1.0) };
        assert_eq!(plateau(&reads(cache)), Some(64 * MB));
        // Noise of 10 %, and slow reads by chance.
        let noisy =
            |mb: f64| cache(mb) * if (mb as usize).trailing_zeros().is_multiple_of(2) { 0.92 } else { 1.0 };
        assert_eq!(plateau(&reads(noisy)), Some(64 * MB));
        let slow = |mb: f64| if mb == 256.0 || mb == 768.0 { 11.0 } else { cache(mb) };
        assert_eq!(plateau(&reads(slow)), None, "two slow ones are no chance");
        let slow = |mb: f64| if mb == 256.0 { 11.0 } else { cache(mb) };
        assert_eq!(plateau(&reads(slow)), Some(64 * MB));
        assert_eq!(plateau(&reads(|_| 30.0)), Some(MB), "no cache");
        assert_eq!(plateau(&reads(|mb| 100.0 / mb)), None, "falls for ever");
        // A cache of 480 MB that is there.
        assert_eq!(plateau(&reads(|mb| if mb < 480.0 { 90.0 } else { 20.0 })), None);
        // Too few to tell.
        assert_eq!(plateau(&[]), None);
        assert_eq!(plateau(&[(MB, 1.0), (2 * MB, 1.0)]), None);
    }

    #[test]
    fn memory_is_four_times_the_plateau_and_bounded() {
        let of = |threads: usize, rate: fn(f64) -> f64| {
            reads(rate).into_iter().map(move |(bytes, rate)| Read { threads, bytes, rate })
        };
        let flat = |mb: f64| if mb <= 32.0 { 90.0 } else { 20.0 };
        let memory = Memory::new(of(1, flat).collect(), 2.0, 64 << 30);
        assert_eq!((memory.bytes, memory.reason), (256 * MB, Reason::FourTimesThePlateau));
        // More threads have more caches.
        let more = |mb: f64| if mb <= 64.0 { 180.0 } else { 40.0 };
        let memory = Memory::new(of(1, flat).chain(of(2, more)).collect(), 2.0, 64 << 30);
        assert_eq!((memory.bytes, memory.plateau), (512 * MB, Some(128 * MB)));
        assert_eq!((memory.rate(1), memory.rate(2), memory.rate(64)), (20.0, 40.0, 40.0));
        let memory = Memory::new(of(1, |mb| 100.0 / mb).collect(), 2.0, 64 << 30);
        assert_eq!((memory.bytes, memory.reason), (MOST, Reason::Most));
        let memory = Memory::new(of(1, flat).collect(), 2.0, 400 * MB);
        assert_eq!((memory.bytes, memory.reason), (100 * MB, Reason::Free));
        assert!(memory.describe().contains("a quarter of what is free"));
    }
}
