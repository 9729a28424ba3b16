//! A report: measurements, and the arithmetic from times to shares of a ceiling.

use super::accuracy::worst_ulp;
use super::memory::Memory;
use super::sample::Timing;
use super::setting::{COLS, Kernel, Limit, Setting, arithmetic};
use super::work::Amount;
use crate::machine::Machine;
use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The version of the report's format. It changes if fields are renamed, removed or given another meaning, and not
/// if fields are added.
pub(crate) const SCHEMA: u32 = 2;

/// The name of the plain loops among the names of the instruction sets.
pub(crate) const BASELINE: &str = "baseline";

/// The result of a run.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Report {
    /// [`SCHEMA`].
    pub(crate) schema: u32,
    /// The version of lanegrad that was measured.
    pub(crate) lanegrad: String,
    /// When the run started, in UTC.
    pub(crate) started: String,
    /// The duration of the run, in seconds.
    pub(crate) seconds: f64,
    /// `quick` or `full`.
    pub(crate) plan: String,
    /// The machine that was measured.
    pub(crate) machine: Machine,
    /// The clock of a core before the run, in GHz.
    pub(crate) clock_ghz: Option<f64>,
    /// What counts as memory, and why.
    pub(crate) memory: Memory,
    /// How the time was shared out.
    pub(crate) budget: Budget,
    /// The limits of the machine.
    pub(crate) ceilings: Vec<Ceiling>,
    /// The speed of the kernels.
    pub(crate) measurements: Vec<Measurement>,
}

/// The time of a run, and its use.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Budget {
    /// The seconds that were given to the measurements.
    pub(crate) seconds: f64,
    /// The parts of the run, in their order.
    pub(crate) parts: Vec<Part>,
    /// The measurements that did not fit into the time, in words.
    pub(crate) left_out: Vec<String>,
    /// The number of groups that had fewer samples than three, as the run had to end.
    pub(crate) cut_short: usize,
}

impl Budget {
    /// The time that was given, and what it went to, in words.
    pub(crate) fn describe(&self) -> String {
        let parts = self.parts.iter().map(|part| format!("{} {:.1}", part.name, part.seconds));
        let parts = parts.collect::<Vec<_>>().join(", ");
        let gone = match self.left_out.len() {
            0 => "nothing left out".to_owned(),
            1 => "1 group left out".to_owned(),
            n => format!("{n} groups left out"),
        };
        let short = match self.cut_short {
            0 => String::new(),
            n => format!(", {n} with fewer than three samples"),
        };
        format!("{:.0} s given, used: {parts}; {gone}{short}", self.seconds)
    }
}

/// A part of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Part {
    /// `memory`, `ceilings`, or the section of kernels.
    pub(crate) name: String,
    /// Groups of variants that were measured by turns.
    pub(crate) groups: usize,
    /// The seconds that it took.
    pub(crate) seconds: f64,
}

/// A limit of the machine, on one instruction set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Ceiling {
    /// The kind of limit.
    pub(crate) limit: Limit,
    /// The instruction set.
    #[serde(rename = "tier")]
    pub(crate) isa: String,
    /// The conditions.
    #[serde(flatten)]
    pub(crate) setting: Setting,
    /// GB/s, or GFLOP/s if the limit is `multiply_add`: the fastest sample of all.
    pub(crate) rate: f64,
    /// The loop that reached it, or the kernel if none was as fast.
    pub(crate) way: String,
    /// The medians: of the loop alone, and by turns with each kernel on its data. Their differences show how much the
    /// speed of the machine varied.
    pub(crate) medians: Vec<f64>,
}

/// The speed of a kernel, on one instruction set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Measurement {
    /// The kernel.
    pub(crate) kernel: Kernel,
    /// The instruction set, or `baseline`.
    #[serde(rename = "tier")]
    pub(crate) isa: String,
    /// The conditions.
    #[serde(flatten)]
    pub(crate) setting: Setting,
    /// Seconds of a call.
    pub(crate) time: Timing,
    /// The amount of work of a call.
    #[serde(flatten)]
    pub(crate) amount: Amount,
    /// 10^9 elements per second, from the median.
    pub(crate) gelements_per_second: f64,
    /// 10^6 rows per second, where there are rows.
    #[serde(default)]
    pub(crate) mrows_per_second: Option<f64>,
    /// GB/s, from the median.
    pub(crate) gbytes_per_second: f64,
    /// GFLOP/s, from the median.
    pub(crate) gflops_per_second: f64,
    /// Cycles of a core for an element, by the clock before the run.
    pub(crate) cycles_per_element: Option<f64>,
    /// The same for a row, where there are rows.
    pub(crate) cycles_per_row: Option<f64>,
    /// The largest error of the function's numbers, in ULP, where it is known.
    pub(crate) worst_ulp: Option<f64>,
    /// GB/s at which the loop of the same traffic moved the same data in the same seconds (its fastest sample), on
    /// the same instruction set, if that was measured.
    pub(crate) traffic_ceiling: Option<f64>,
    /// The ceiling that bounds the kernel, if that was measured.
    pub(crate) bound: Option<Bound>,
    /// The baseline's median over this one, under the same conditions.
    pub(crate) speedup: Option<f64>,
}

/// The lowest ceiling of a kernel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Bound {
    /// The kind of limit.
    pub(crate) limit: Limit,
    /// GB/s, or GFLOP/s if the limit is `multiply_add`: the fastest sample. That of moving bytes was taken on the
    /// kernel's data, in the same seconds. A kernel that moved bytes faster than every loop is its own ceiling.
    pub(crate) ceiling: f64,
    /// The loop that reached the ceiling, or the kernel itself.
    pub(crate) way: String,
    /// The share of the ceiling that was reached, from the median.
    pub(crate) share: f64,
}

impl Measurement {
    /// The rates, from an amount and the time that it took.
    pub(crate) fn new(
        kernel: Kernel,
        isa: &str,
        setting: Setting,
        time: Timing,
        amount: Amount,
        clock_ghz: Option<f64>,
    ) -> Self {
        let rate = |amount: f64| amount / time.median / 1e9;
        let cycles =
            |units: f64| clock_ghz.map(|ghz| 1e9 * ghz * time.median * setting.threads as f64 / units);
        Self {
            kernel,
            isa: isa.to_owned(),
            time,
            amount,
            gelements_per_second: rate(amount.elements),
            mrows_per_second: Some(1e3 * rate(amount.elements / COLS as f64)).filter(|_| kernel.is_pass()),
            gbytes_per_second: rate(amount.bytes_moved),
            gflops_per_second: rate(amount.flops),
            cycles_per_element: cycles(amount.elements),
            cycles_per_row: cycles(amount.elements / COLS as f64).filter(|_| kernel.is_pass()),
            worst_ulp: worst_ulp(kernel, setting.dtype, isa),
            setting,
            traffic_ceiling: None,
            bound: None,
            speedup: None,
        }
    }

    /// Compares the measurement with the ceilings of its instruction set and threads: the kernel needs at least the
    /// time to move its bytes, and at least the time to make its operations. A loop that the kernel passes is no
    /// ceiling: the kernel's fastest sample is one then, so that no share is above 1.
    fn hold_against(&mut self, ceilings: &[&Ceiling]) {
        let find = |limit: Limit| {
            ceilings.iter().find(|ceiling| {
                (ceiling.limit, &*ceiling.isa) == (limit, ceiling_isa(&self.isa))
                    && ceiling.setting.threads == self.setting.threads
                    && (limit != Limit::MultiplyAdd
                        || ceiling.setting.dtype == arithmetic(self.setting.dtype))
            })
        };
        let bound = |ceiling: &Ceiling, reached: f64, fastest: f64| {
            let (rate, way) = if fastest > ceiling.rate {
                (fastest, self.kernel.to_string())
            } else {
                (ceiling.rate, ceiling.way.clone())
            };
            Bound { limit: ceiling.limit, ceiling: rate, way, share: reached / rate }
        };
        let moving = find(self.kernel.traffic()).map(|ceiling| {
            bound(ceiling, self.gbytes_per_second, self.amount.bytes_moved / self.time.fastest / 1e9)
        });
        let computing = find(Limit::MultiplyAdd).map(|ceiling| {
            bound(ceiling, self.gflops_per_second, self.amount.flops / self.time.fastest / 1e9)
        });
        self.traffic_ceiling = moving.as_ref().map(|moving| moving.ceiling);
        self.bound = moving
            .zip(computing)
            .map(|(moving, computing)| if computing.share > moving.share { computing } else { moving });
    }
}

/// The instruction set whose ceilings a measurement is held against: the plain loops are compiled with the
/// instructions of `portable`.
pub(crate) fn ceiling_isa(isa: &str) -> &str {
    if isa == BASELINE { "portable" } else { isa }
}

/// Fills in the shares of the ceilings, which were measured on the same data, and the speedups, from measurements
/// under the same conditions.
pub(crate) fn relate(measurements: &mut [Measurement], ceilings: &[&Ceiling]) {
    let baseline = measurements.iter().find(|m| m.isa == BASELINE).map(|m| m.time.median);
    for m in measurements {
        m.hold_against(ceilings);
        m.speedup = baseline.map(|median| median / m.time.median);
    }
}

impl Report {
    /// Reads a file with a report, and checks it.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let text =
            std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        Self::from_json(&text)
            .with_context(|| format!("{} is not a report of `lanegrad bench`", path.display()))
    }

    /// Reads a report from JSON, and checks it.
    pub(crate) fn from_json(text: &str) -> Result<Self> {
        // The version first: a file of another one may lack fields.
        #[derive(Deserialize)]
        struct Version {
            schema: u32,
        }
        let Version { schema } = serde_json::from_str(text)?;
        ensure!(schema == SCHEMA, "its schema is {schema}, and this version reads {SCHEMA}");
        let report: Self = serde_json::from_str(text)?;
        report.check()?;
        Ok(report)
    }

    /// The report as JSON, which reads back to the same bits.
    pub(crate) fn to_json(&self) -> Result<String> {
        let mut json = serde_json::to_string_pretty(self)?;
        json.push('\n');
        Ok(json)
    }

    /// Refuses times that charts and comparisons cannot use.
    fn check(&self) -> Result<()> {
        let mut times = self.measurements.iter().flat_map(|m| [m.time.low, m.time.median, m.time.high]);
        ensure!(times.all(|time| time > 0.0 && time.is_finite()), "a time in it is not positive");
        Ok(())
    }

    /// The report as a table of its measurements, one to a line.
    pub(crate) fn to_csv(&self) -> Result<Vec<u8>> {
        let mut csv = csv::Writer::from_writer(Vec::new());
        csv.write_record([
            "section",
            "kernel",
            "dtype",
            "tier",
            "level",
            "bytes",
            "threads",
            "offset",
            "pages",
            "median_s",
            "low_s",
            "high_s",
            "fastest_s",
            "samples",
            "calls",
            "elements",
            "bytes_moved",
            "flops",
            "gelements_per_second",
            "gbytes_per_second",
            "gflops_per_second",
            "cycles_per_element",
            "cycles_per_row",
            "mrows_per_second",
            "worst_ulp",
            "limit",
            "ceiling",
            "way",
            "share",
            "speedup",
        ])?;
        for m in &self.measurements {
            let optional = |number: Option<f64>| number.map_or(String::new(), |number| number.to_string());
            let bound = m.bound.as_ref();
            csv.write_record([
                m.setting.section.to_string(),
                m.kernel.to_string(),
                m.setting.dtype.to_string(),
                m.isa.clone(),
                m.setting.level.to_string(),
                m.setting.bytes.to_string(),
                m.setting.threads.to_string(),
                m.setting.offset.to_string(),
                m.setting.pages.to_string(),
                m.time.median.to_string(),
                m.time.low.to_string(),
                m.time.high.to_string(),
                m.time.fastest.to_string(),
                m.time.samples.to_string(),
                m.time.calls.to_string(),
                m.amount.elements.to_string(),
                m.amount.bytes_moved.to_string(),
                m.amount.flops.to_string(),
                m.gelements_per_second.to_string(),
                m.gbytes_per_second.to_string(),
                m.gflops_per_second.to_string(),
                optional(m.cycles_per_element),
                optional(m.cycles_per_row),
                optional(m.mrows_per_second),
                optional(m.worst_ulp),
                bound.map_or(String::new(), |bound| bound.limit.to_string()),
                optional(bound.map(|bound| bound.ceiling)),
                bound.map_or(String::new(), |bound| bound.way.clone()),
                optional(bound.map(|bound| bound.share)),
                optional(m.speedup),
            ])?;
        }
        Ok(csv.into_inner()?)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::{BASELINE, Budget, Ceiling, Measurement, Part, Report, SCHEMA, relate};
    use crate::bench::memory::tests::memory;
    use crate::bench::sample::Timing;
    use crate::bench::setting::{Kernel, Level, Limit, Pages, Section, Setting};
    use crate::bench::work::Amount;
    use crate::machine::{Cache, Machine};
    use lanegrad_fit::Dtype;

    fn setting(level: Level) -> Setting {
        let (section, dtype) = (Section::Levels, Dtype::F32);
        Setting { section, dtype, level, bytes: 16_000, threads: 1, offset: 4, pages: Pages::Small }
    }

    fn measurement(kernel: Kernel, isa: &str, seconds: f64, amount: Amount) -> Measurement {
        Measurement::new(kernel, isa, setting(Level::L1), Timing::new(vec![seconds], 1), amount, Some(2.0))
    }

    fn ceiling(limit: Limit, isa: &str, level: Level, rate: f64) -> Ceiling {
        Ceiling {
            limit,
            isa: isa.to_owned(),
            setting: setting(level),
            rate,
            way: "a loop".to_owned(),
            medians: vec![rate],
        }
    }

    /// A report on fixed timings: 2000 pairs of numbers, in 1 µs by `avx2` and in 8 µs by the plain loops.
    pub(crate) fn report() -> Report {
        let amount = Amount { elements: 2000.0, bytes_moved: 16_000.0, flops: 4000.0 };
        let mut measurements = vec![
            measurement(Kernel::Dot, BASELINE, 8e-6, amount),
            measurement(Kernel::Dot, "avx2", 1e-6, amount),
        ];
        let ceilings = vec![
            ceiling(Limit::Read, "portable", Level::L1, 10.0),
            ceiling(Limit::Read, "avx2", Level::L1, 20.0),
            ceiling(Limit::MultiplyAdd, "portable", Level::Registers, 1.0),
            ceiling(Limit::MultiplyAdd, "avx2", Level::Registers, 64.0),
        ];
        relate(&mut measurements, &ceilings.iter().collect::<Vec<_>>());
        Report {
            schema: SCHEMA,
            lanegrad: "0.0.0".to_owned(),
            started: "2001-02-03T04:05:06Z".to_owned(),
            seconds: 1.0,
            plan: "quick".to_owned(),
            machine: Machine {
                cpu: "a CPU".to_owned(),
                cores: 1,
                threads: 1,
                system: "a system".to_owned(),
                l1: Cache { bytes: 32 << 10, count: 1 },
                l2: Cache { bytes: 1 << 20, count: 1 },
                l3: None,
                caches_assumed: false,
                isas: vec!["portable".to_owned(), "avx2".to_owned()],
                best: "avx2".to_owned(),
                compiler: "rustc".to_owned(),
            },
            clock_ghz: Some(2.0),
            memory: memory(1 << 20, 10.0),
            budget: Budget {
                seconds: 45.0,
                parts: vec![Part { name: "levels".to_owned(), groups: 1, seconds: 0.5 }],
                left_out: vec!["axpy f32, L1 (16.0 KB), 1 thread".to_owned()],
                cut_short: 0,
            },
            ceilings,
            measurements,
        }
    }

    #[test]
    fn shares_and_speedups_follow_from_times() {
        let report = report();
        let [baseline, avx2] = &report.measurements[..] else { panic!("there are two") };
        // 16 GB/s of 20, and 4 GFLOP/s of 64: bytes are what bounds it.
        let close = |got: f64, want: f64| assert!((got / want - 1.0).abs() < 1e-12, "{got}, not {want}");
        close(avx2.gelements_per_second, 2.0);
        close(avx2.gbytes_per_second, 16.0);
        close(avx2.gflops_per_second, 4.0);
        let bound = |m: &Measurement| m.bound.clone().unwrap();
        assert_eq!(
            (bound(avx2).limit, bound(avx2).ceiling, &*bound(avx2).way),
            (Limit::Read, 20.0, "a loop")
        );
        close(bound(avx2).share, 0.8);
        close(avx2.speedup.unwrap(), 8.0);
        // 2 GB/s of 10, and 0.5 GFLOP/s of 1: the plain loops are held against `portable`.
        assert_eq!((bound(baseline).limit, bound(baseline).ceiling), (Limit::MultiplyAdd, 1.0));
        close(bound(baseline).share, 0.5);
        // At 2 GHz, 1 µs for 2000 elements.
        close(avx2.cycles_per_element.unwrap(), 1.0);
        assert_eq!(avx2.cycles_per_row, None);
        close(baseline.speedup.unwrap(), 1.0);
    }

    #[test]
    fn a_loop_that_a_kernel_passes_is_no_ceiling() {
        let mut report = report();
        report.ceilings[1].rate = 12.0;
        relate(&mut report.measurements, &report.ceilings.iter().collect::<Vec<_>>());
        let bound = report.measurements[1].bound.clone().unwrap();
        assert_eq!((bound.limit, &*bound.way), (Limit::Read, "dot"));
        assert!((bound.ceiling - 16.0).abs() < 1e-9 && (bound.share - 1.0).abs() < 1e-9);
    }

    #[test]
    fn a_report_reads_back() {
        let report = report();
        let json = report.to_json().unwrap();
        assert_eq!(Report::from_json(&json).unwrap(), report);
    }

    #[test]
    fn what_is_no_report_is_refused() {
        let json = report().to_json().unwrap();
        let message = |text: &str| format!("{:#}", Report::from_json(text).unwrap_err());
        assert_eq!(
            message(&json.replace("\"schema\": 2,", "\"schema\": 3,")),
            "its schema is 3, and this version reads 2"
        );
        assert!(message(&json.replace("\"median\": 1e-6", "\"median\": -1e-6")).contains("not positive"));
        assert!(message("{}").contains("schema"));
        assert!(message("").contains("EOF"));
    }

    #[test]
    fn the_table_has_a_line_for_each_measurement() {
        let csv = String::from_utf8(report().to_csv().unwrap()).unwrap();
        let lines: Vec<&str> = csv.lines().collect();
        assert_eq!(lines.len(), 3);
        assert!(lines[2].starts_with("levels,dot,f32,avx2,L1,16000,1,4,small,0.000001,"), "{}", lines[2]);
        assert!(lines[2].ends_with(",read,20,a loop,0.8,8"), "{}", lines[2]);
    }
}
