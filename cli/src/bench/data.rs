//! Memory for data: in pages of a kind, written by the threads that will read it, and kept from group to group.

use super::setting::Pages;
use anyhow::{Context, Result};
use memmap2::MmapMut;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use rayon::ThreadPool;

/// Bytes of the random numbers that a thread draws; copies of them fill its part. No loop here gets faster if numbers
/// repeat.
const BLOCK: usize = 4 << 20;

/// Memory that no file stands behind. It starts with a page.
pub(crate) struct Mapping(MmapMut);

impl Mapping {
    /// Memory that was not touched yet.
    pub(crate) fn new(bytes: usize, pages: Pages) -> Result<Self> {
        let map = MmapMut::map_anon(bytes.max(1)).context("there is not enough memory for the data")?;
        #[cfg(target_os = "linux")]
        {
            // Advice that is not taken is found by `kinds`.
            let _ = match pages {
                Pages::Small => map.advise(memmap2::Advice::NoHugePage),
                Pages::Huge => map.advise(memmap2::Advice::HugePage),
                Pages::System => Ok(()),
            };
        }
        #[cfg(not(target_os = "linux"))]
        let _ = pages;
        Ok(Self(map))
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }

    /// Writes random numbers, each thread those of its own part of these bytes.
    pub(crate) fn fill(&mut self, part: usize, pool: &ThreadPool) {
        let numbers: &mut [f32] = bytemuck::cast_slice_mut(&mut self.0);
        fill(numbers, part / size_of::<f32>(), pool, |rng| rng.random_range(-1.0_f32..1.0));
    }
}

/// Writes numbers, each thread those of its own part, so that the system gives it memory near to it.
pub(crate) fn fill<T: Copy + Send>(
    numbers: &mut [T],
    part: usize,
    pool: &ThreadPool,
    draw: impl Fn(&mut SmallRng) -> T + Sync,
) {
    let threads = pool.current_num_threads();
    let parts = super::work::one_each(numbers.chunks_mut(part.max(1)).take(threads));
    pool.broadcast(|thread| {
        let mut rng = SmallRng::seed_from_u64(thread.index() as u64);
        if thread.index() < parts.len() {
            let part = super::work::take(&parts, thread.index());
            let (block, rest) = part.split_at_mut(part.len().min(BLOCK / size_of::<T>()));
            block.fill_with(|| draw(&mut rng));
            for copy in rest.chunks_mut(block.len().max(1)) {
                copy.copy_from_slice(&block[..copy.len()]);
            }
        }
    });
}

/// The kinds of pages that a program can choose here, the smaller first.
pub(crate) fn kinds() -> Vec<Pages> {
    match huge_pages_work() {
        Some(true) => vec![Pages::Small, Pages::Huge],
        Some(false) => vec![Pages::Small],
        None => vec![Pages::System],
    }
}

/// True where advice makes pages of 2 MB, false where all pages are of 4 KB; `None` where the system does not tell.
fn huge_pages_work() -> Option<bool> {
    let huge = || {
        let text = std::fs::read_to_string("/proc/self/smaps_rollup").ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix("AnonHugePages:"))?;
        line.trim().strip_suffix("kB")?.trim().parse::<usize>().ok()
    };
    let before = huge()?;
    let mut map = Mapping::new(16 << 20, Pages::Huge).ok()?;
    map.bytes_mut().fill(1);
    Some(huge()? > before)
}
