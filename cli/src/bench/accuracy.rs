//! The largest error of each function, to stand beside its speed. It was found by sweeps that take minutes
//! (`BENCHMARKS.md`, "Accuracy"), and no run of a benchmark measures it.

use super::setting::Kernel;
use lanegrad::Isa;
use lanegrad_fit::Dtype;

/// The worst cases of the table in `BENCHMARKS.md`, in ULP: on fused instruction sets, and on others.
const WORST: [(Kernel, Dtype, [f64; 2]); 4] = [
    (Kernel::Sigmoid, Dtype::F32, [0.780, 0.780]),
    (Kernel::Softplus, Dtype::F32, [0.859, 0.903]),
    (Kernel::Sigmoid, Dtype::F64, [0.800, 0.809]),
    (Kernel::Softplus, Dtype::F64, [0.857, 0.902]),
];

/// The largest error of a kernel's numbers in ULP; `None` for sums, whose bounds are no number of ULP, and for the
/// plain loops, for which there is no bound.
pub(crate) fn worst_ulp(kernel: Kernel, dtype: Dtype, isa: &str) -> Option<f64> {
    let isa = Isa::from_name(isa).ok()?;
    let (.., worst) = WORST.iter().find(|(of, in_type, _)| (*of, *in_type) == (kernel, dtype))?;
    Some(worst[usize::from(!isa.is_fused())])
}

#[cfg(test)]
mod tests {
    use super::{WORST, worst_ulp};
    use crate::bench::setting::Kernel;
    use clap::ValueEnum;
    use lanegrad_fit::Dtype;

    /// Every figure is that of the table in `BENCHMARKS.md`, and every figure of the table is here.
    #[test]
    fn figures_are_those_of_the_table() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../BENCHMARKS.md");
        let text = std::fs::read_to_string(path).unwrap();
        let mut found = 0;
        for line in text.lines().filter(|line| line.contains(" ULP | ")) {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            let Ok(kernel) = Kernel::from_str(cells[1], false) else { continue };
            let dtype: Dtype = cells[2].trim_matches('`').parse().unwrap();
            let unfused = usize::from(cells[3].contains("SSE2"));
            let ulp: f64 = cells[4].strip_suffix(" ULP").unwrap().parse().unwrap();
            let here = WORST.iter().find(|(of, in_type, _)| (*of, *in_type) == (kernel, dtype));
            assert_eq!(here.map(|(.., worst)| worst[unfused]), Some(ulp), "{line}");
            found += 1;
        }
        assert_eq!(found, 2 * WORST.len());
    }

    #[test]
    fn sums_and_plain_loops_have_no_figure() {
        assert_eq!(worst_ulp(Kernel::Dot, Dtype::F32, "scalar"), None);
        assert_eq!(worst_ulp(Kernel::Sigmoid, Dtype::F32, "baseline"), None);
        assert!(worst_ulp(Kernel::Sigmoid, Dtype::F32, "scalar").is_some_and(|ulp| ulp < 1.0));
    }
}
