//! The machine that is measured: its CPU, its caches, its instruction sets, and the compiler of the program.

use anyhow::{Context, Result};
use lanegrad::Isa;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;

/// The description of a machine in a report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Machine {
    /// The CPU's own name, with family and model if it reports them.
    pub(crate) cpu: String,
    /// Cores of the machine, if the system reports them, else its threads.
    pub(crate) cores: usize,
    /// Threads that this process can run at once.
    pub(crate) threads: usize,
    /// Operating system and architecture.
    pub(crate) system: String,
    /// First-level data cache of a core.
    pub(crate) l1: Cache,
    /// Second-level cache.
    pub(crate) l2: Cache,
    /// Third-level cache, if there is one.
    pub(crate) l3: Option<Cache>,
    /// True where the cache sizes are guesses, because the system does not report them.
    pub(crate) caches_assumed: bool,
    /// The instruction sets that were found, slowest first.
    pub(crate) isas: Vec<String>,
    /// The instruction set that the library chooses.
    pub(crate) best: String,
    /// The compiler's version, and what the build enables beyond its target's minimum.
    pub(crate) compiler: String,
}

/// A cache.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Cache {
    /// The size of one such cache.
    pub(crate) bytes: usize,
    /// The number of such caches in the machine.
    pub(crate) count: usize,
}

impl Machine {
    /// Describes this machine. An instruction set in `LANEGRAD_ISA` that it does not have is an error here (the
    /// library ignores it): otherwise another one would be measured.
    pub(crate) fn detect() -> Result<Self> {
        let best = lowered()?.unwrap_or_else(fastest);
        let caches = system_caches().or_else(cpuid_caches);
        let caches_assumed = caches.is_none();
        let [l1, l2, l3] = caches.unwrap_or([
            Some(Cache { bytes: 32 << 10, count: 1 }),
            Some(Cache { bytes: 512 << 10, count: 1 }),
            Some(Cache { bytes: 32 << 20, count: 1 }),
        ]);
        let l1 = l1.unwrap_or(Cache { bytes: 32 << 10, count: 1 });
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Self {
            cpu: cpu_name().unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
            cores: cores().unwrap_or(threads),
            threads,
            system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            l1,
            l2: l2.unwrap_or(l1),
            l3,
            caches_assumed,
            isas: Isa::available().map(|isa| isa.to_string()).collect(),
            best: best.to_string(),
            compiler: compiler(),
        })
    }
}

/// The fastest instruction set of this CPU.
pub(crate) fn fastest() -> Isa {
    Isa::available().next_back().unwrap_or_default()
}

/// The instruction set that `LANEGRAD_ISA` names, if that is set.
pub(crate) fn lowered() -> Result<Option<Isa>> {
    Isa::from_env().with_context(|| {
        format!("LANEGRAD_ISA={}", std::env::var_os("LANEGRAD_ISA").unwrap_or_default().display())
    })
}

/// The version of `rustc`, and the instruction sets that the build enables, with which `portable` and the baseline
/// are compiled.
fn compiler() -> String {
    let enabled = [
        ("sse2", cfg!(target_feature = "sse2")),
        ("avx2", cfg!(target_feature = "avx2")),
        ("fma", cfg!(target_feature = "fma")),
        ("avx512f", cfg!(target_feature = "avx512f")),
        ("neon", cfg!(target_feature = "neon")),
        ("simd128", cfg!(target_feature = "simd128")),
    ];
    let enabled: Vec<&str> = enabled.iter().filter(|(_, enabled)| *enabled).map(|(name, _)| *name).collect();
    format!("rustc {}, enabled: {}", rustc_version_runtime::version(), enabled.join(" "))
}

#[cfg(target_arch = "x86_64")]
fn cpu_name() -> Option<String> {
    let cpuid = raw_cpuid::CpuId::new();
    let brand = cpuid.get_processor_brand_string()?;
    let name = brand.as_str().trim();
    Some(match cpuid.get_feature_info() {
        Some(info) => format!("{name}, family {}, model {}", info.family_id(), info.model_id()),
        None => name.to_owned(),
    })
}

/// The name of a CPU as Linux reports it.
#[cfg(not(target_arch = "x86_64"))]
fn cpu_name() -> Option<String> {
    let info = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = info.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// The directories in which Linux describes CPUs.
fn cpu_directories() -> impl Iterator<Item = PathBuf> {
    (0..)
        .map(|cpu| PathBuf::from(format!("/sys/devices/system/cpu/cpu{cpu}")))
        .take_while(|directory| directory.exists())
}

/// The number of cores, as Linux reports it: CPUs that are not threads of one core.
fn cores() -> Option<usize> {
    let siblings = |cpu: PathBuf| fs::read_to_string(cpu.join("topology/thread_siblings_list")).ok();
    let siblings: Option<HashSet<String>> = cpu_directories().map(siblings).collect();
    siblings.map(|cores| cores.len()).filter(|&cores| cores > 0)
}

/// The caches of the first, second and third level, as Linux reports them.
fn system_caches() -> Option<[Option<Cache>; 3]> {
    let mut found: [Vec<(usize, String)>; 3] = Default::default();
    for cpu in cpu_directories() {
        for index in 0.. {
            let read = |file: &str| {
                let text = fs::read_to_string(cpu.join(format!("cache/index{index}/{file}"))).ok()?;
                Some(text.trim().to_owned())
            };
            let Some(level) = read("level").and_then(|level| level.parse::<usize>().ok()) else { break };
            if read("type").as_deref() == Some("Instruction") {
                continue;
            }
            let size = read("size").and_then(|size| parse_size(&size));
            let (Some(size), Some(shared)) = (size, read("shared_cpu_list")) else { continue };
            let Some(found) = level.checked_sub(1).and_then(|level| found.get_mut(level)) else { continue };
            if !found.iter().any(|(_, other)| *other == shared) {
                found.push((size, shared));
            }
        }
    }
    let caches = found.map(|found| found.first().map(|&(bytes, _)| Cache { bytes, count: found.len() }));
    caches[0].is_some().then_some(caches)
}

/// A number of bytes as Linux writes it: `48K`.
fn parse_size(text: &str) -> Option<usize> {
    let digits = text.trim_end_matches(['K', 'M', 'G']);
    let unit = match &text[digits.len()..] {
        "" => 1,
        "K" => 1 << 10,
        "M" => 1 << 20,
        "G" => 1 << 30,
        _ => return None,
    };
    digits.parse::<usize>().ok()?.checked_mul(unit)
}

/// The caches of the first, second and third level, as the CPU reports them: one of each.
#[cfg(target_arch = "x86_64")]
fn cpuid_caches() -> Option<[Option<Cache>; 3]> {
    use raw_cpuid::CacheType;

    let mut caches = [None; 3];
    for cache in raw_cpuid::CpuId::new().get_cache_parameters()? {
        if matches!(cache.cache_type(), CacheType::Data | CacheType::Unified)
            && let Some(slot) =
                usize::from(cache.level()).checked_sub(1).and_then(|level| caches.get_mut(level))
        {
            let bytes = cache.sets()
                * cache.associativity()
                * cache.coherency_line_size()
                * cache.physical_line_partitions();
            *slot = Some(Cache { bytes, count: 1 });
        }
    }
    caches[0].is_some().then_some(caches)
}

#[cfg(not(target_arch = "x86_64"))]
fn cpuid_caches() -> Option<[Option<Cache>; 3]> {
    None
}

/// The clock of one core, measured now: from a chain of rotations and exclusive ors, each of which takes one cycle
/// on all recent x86-64 cores. `None` on other architectures.
pub(crate) fn clock_hz() -> Option<f64> {
    const STEPS: u32 = 1_000_000;
    if !cfg!(target_arch = "x86_64") {
        return None;
    }
    let seconds = (0..20).map(|_| {
        let start = std::time::Instant::now();
        let (mut x, key) = std::hint::black_box((1_u64, 12345));
        for _ in 0..STEPS / 8 {
            for _ in 0..8 {
                x = x.rotate_left(7) ^ key;
            }
        }
        std::hint::black_box(x);
        start.elapsed().as_secs_f64()
    });
    Some(2.0 * f64::from(STEPS) / seconds.fold(f64::INFINITY, f64::min))
}

#[cfg(test)]
mod tests {
    use super::parse_size;

    #[test]
    fn sizes_have_units() {
        assert_eq!(parse_size("48K"), Some(48 << 10));
        assert_eq!(parse_size("32768K"), Some(32 << 20));
        assert_eq!(parse_size("1M"), Some(1 << 20));
        assert_eq!(parse_size("64"), Some(64));
        assert_eq!(parse_size("K"), None);
        assert_eq!(parse_size("99999999999999999999K"), None);
    }
}
