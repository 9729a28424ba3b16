//! A report: measurements, and the arithmetic from times to shares of a ceiling.

use super::sample::Timing;
use super::setting::{Kernel, Limit, Setting};
use super::work::Amount;
use crate::machine::Machine;
use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The version of the report's format. It changes if fields are renamed, removed or given another meaning, and not
/// if fields are added.
pub(crate) const SCHEMA: u32 = 1;

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
    /// The limits of the machine.
    pub(crate) ceilings: Vec<Ceiling>,
    /// The speed of the kernels.
    pub(crate) measurements: Vec<Measurement>,
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
    /// GB/s, from the median.
    pub(crate) gbytes_per_second: f64,
    /// GFLOP/s, from the median.
    pub(crate) gflops_per_second: f64,
    /// GB/s at which the loop of the same traffic moved the same data in the same seconds (its fastest sample), on
    /// the same instruction set, if that was measured.
    pub(crate) traffic_ceiling: Option<f64>,
    /// The ceiling that bounds the kernel, if that was measured.
    pub(crate) bound: Option<Bound>,
    /// The baseline's median over this one, under the same conditions.
    pub(crate) speedup: Option<f64>,
}

/// The lowest ceiling of a kernel.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Bound {
    /// The kind of limit.
    pub(crate) limit: Limit,
    /// GB/s, or GFLOP/s if the limit is `multiply_add`: the fastest sample. That of moving bytes was taken on the
    /// kernel's data, in the same seconds.
    pub(crate) ceiling: f64,
    /// The share of the ceiling that was reached, from the median.
    pub(crate) share: f64,
}

impl Measurement {
    /// The rates, from an amount and the time that it took.
    pub(crate) fn new(kernel: Kernel, isa: &str, setting: Setting, time: Timing, amount: Amount) -> Self {
        let rate = |amount: f64| amount / time.median / 1e9;
        Self {
            kernel,
            isa: isa.to_owned(),
            setting,
            time,
            amount,
            gelements_per_second: rate(amount.elements),
            gbytes_per_second: rate(amount.bytes_moved),
            gflops_per_second: rate(amount.flops),
            traffic_ceiling: None,
            bound: None,
            speedup: None,
        }
    }

    /// Compares the measurement with the ceilings of its instruction set and threads: the kernel needs at least the
    /// time to move its bytes, and at least the time to make its operations.
    fn hold_against(&mut self, ceilings: &[&Ceiling]) {
        let rate = |limit: Limit| {
            let ceiling = ceilings.iter().find(|ceiling| {
                (ceiling.limit, &*ceiling.isa) == (limit, ceiling_isa(&self.isa))
                    && ceiling.setting.threads == self.setting.threads
                    && (limit != Limit::MultiplyAdd || ceiling.setting.dtype == self.setting.dtype)
            });
            ceiling.map(|ceiling| ceiling.rate)
        };
        let bound =
            |limit: Limit, ceiling: f64, reached: f64| Bound { limit, ceiling, share: reached / ceiling };
        let traffic = self.kernel.traffic();
        self.traffic_ceiling = rate(traffic);
        self.bound = self.traffic_ceiling.zip(rate(Limit::MultiplyAdd)).map(|(moving, computing)| {
            let moving = bound(traffic, moving, self.gbytes_per_second);
            let computing = bound(Limit::MultiplyAdd, computing, self.gflops_per_second);
            if computing.share > moving.share { computing } else { moving }
        });
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
            "limit",
            "ceiling",
            "share",
            "speedup",
        ])?;
        for m in &self.measurements {
            let optional = |number: Option<f64>| number.map_or(String::new(), |number| number.to_string());
            csv.write_record([
                m.setting.section.to_string(),
                m.kernel.to_string(),
                m.setting.dtype.to_string(),
                m.isa.clone(),
                m.setting.level.to_string(),
                m.setting.bytes.to_string(),
                m.setting.threads.to_string(),
                m.setting.offset.to_string(),
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
                m.bound.map_or(String::new(), |bound| bound.limit.to_string()),
                optional(m.bound.map(|bound| bound.ceiling)),
                optional(m.bound.map(|bound| bound.share)),
                optional(m.speedup),
            ])?;
        }
        Ok(csv.into_inner()?)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::{BASELINE, Bound, Ceiling, Measurement, Report, SCHEMA, relate};
    use crate::bench::sample::Timing;
    use crate::bench::setting::{Kernel, Level, Limit, Section, Setting};
    use crate::bench::work::Amount;
    use crate::machine::{Cache, Machine};
    use lanegrad_fit::Dtype;

    fn setting(level: Level) -> Setting {
        let (section, dtype) = (Section::Levels, Dtype::F32);
        Setting { section, dtype, level, bytes: 16_000, threads: 1, offset: 4 }
    }

    fn measurement(kernel: Kernel, isa: &str, seconds: f64, amount: Amount) -> Measurement {
        Measurement::new(kernel, isa, setting(Level::L1), Timing::new(vec![seconds], 1), amount)
    }

    fn ceiling(limit: Limit, isa: &str, level: Level, rate: f64) -> Ceiling {
        Ceiling { limit, isa: isa.to_owned(), setting: setting(level), rate, medians: vec![rate] }
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
            clock_ghz: None,
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
        let Some(Bound { limit: Limit::Read, ceiling: 20.0, share }) = avx2.bound else {
            panic!("{:?}", avx2.bound)
        };
        close(share, 0.8);
        close(avx2.speedup.unwrap(), 8.0);
        // 2 GB/s of 10, and 0.5 GFLOP/s of 1: the plain loops are held against `portable`.
        let Some(Bound { limit: Limit::MultiplyAdd, ceiling: 1.0, share }) = baseline.bound else {
            panic!("{:?}", baseline.bound)
        };
        close(share, 0.5);
        close(baseline.speedup.unwrap(), 1.0);
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
            message(&json.replace("\"schema\": 1,", "\"schema\": 2,")),
            "its schema is 2, and this version reads 1"
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
        assert!(lines[2].starts_with("levels,dot,f32,avx2,L1,16000,1,4,0.000001,"), "{}", lines[2]);
        assert!(lines[2].ends_with(",read,20,0.8,8"), "{}", lines[2]);
    }
}
