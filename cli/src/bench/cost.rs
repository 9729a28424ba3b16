//! Estimates of how long things take, for the plan of a run: from the speed of memory, which was measured, and the
//! time of an element, from figures that lie above those of CPUs of the last ten years.

use super::memory::Memory;
use super::plan::Group;
use super::report::BASELINE;
use super::sample::SAMPLE;
use super::setting::{Kernel, arithmetic};
use super::work::{Shape, Work};
use std::time::Duration;

/// The time of one element of a kernel on a core, in nanoseconds, without that of memory: of the plain loops, and on
/// each instruction set.
fn nanoseconds(kernel: Kernel, isa: &str) -> f64 {
    let column = [BASELINE, "scalar", "portable", "avx2", "avx512"].iter().position(|name| *name == isa);
    let row = match kernel {
        Kernel::Dot => [1.0, 0.4, 0.3, 0.2, 0.1],
        Kernel::Axpy => [0.3, 0.3, 0.3, 0.2, 0.2],
        Kernel::Sigmoid => [4.0, 3.0, 5.0, 1.5, 0.8],
        Kernel::Softplus => [12.0, 5.0, 8.0, 3.0, 2.0],
        Kernel::Logits => [1.0, 0.6, 0.4, 0.2, 0.1],
        Kernel::LossAndGradient => [2.0, 1.2, 0.6, 0.3, 0.2],
    };
    row[column.unwrap_or(1)]
}

/// The seconds of a call on all threads: of moving the bytes, and of computing.
fn call(memory: &Memory, group: &Group, isa: &str, work: Work) -> (f64, f64) {
    let setting = &group.setting;
    let amount = Shape::new(group.kernel, group.limit, setting).amount(work, setting.dtype);
    // In caches faster, but then samples take the shortest time.
    let moving = amount.bytes_moved / 1e9 / memory.rate(setting.threads);
    let computing = match work {
        Work::MultiplyAdd(..) => amount.flops / 2.0 * 0.5e-9,
        _ => group.kernel.map_or(0.0, |kernel| 1e-9 * nanoseconds(kernel, isa) * amount.elements),
    };
    let wide = (arithmetic(setting.dtype).bytes() / 4) as f64;
    (moving, computing * wide / setting.threads as f64)
}

/// The time of a group with that many samples of each variant, its data being new.
pub(crate) fn least(memory: &Memory, group: &Group, samples: usize) -> Duration {
    let sampled = |seconds: f64| (samples as f64 + 1.0) * seconds.max(1.5 * SAMPLE);
    let of_variant = |(isa, work): &(String, Work)| {
        let (moving, computing) = call(memory, group, isa, *work);
        // A kernel's variant is compared with a loop that only moves the bytes.
        let probe = if group.kernel.is_some() { sampled(moving) } else { 0.0 };
        sampled(moving + computing) + probe
    };
    let prepared = group.setting.bytes as f64 / 1e9 / memory.fill.max(0.1);
    Duration::from_secs_f64(prepared + group.variants.iter().map(of_variant).sum::<f64>())
}

/// The most time that a group can use.
pub(crate) fn most(group: &Group) -> Duration {
    /// The clocks of the cores vary more over shorter times, and longer times make medians no steadier.
    const LONGEST: Duration = Duration::from_secs(3);
    LONGEST * group.variants.len() as u32
}
