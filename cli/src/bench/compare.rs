//! Two reports side by side: the ratio of each measurement's times, and whether it is outside the noise.

use super::report::{Measurement, Report};
use super::setting::{Setting, significant};
use super::table::duration;
use anyhow::{Result, ensure};
use std::fmt::Write;

/// The measurements that two reports share.
pub(crate) struct Comparison<'a> {
    old: &'a Report,
    new: &'a Report,
    rows: Vec<Row<'a>>,
}

/// A measurement of one kernel, on one instruction set, under the same conditions in both reports.
struct Row<'a> {
    old: &'a Measurement,
    new: &'a Measurement,
}

impl Row<'_> {
    /// The old median over the new one: above 1, it has become faster. Of data from memory that are not of one size,
    /// the medians of an element.
    fn ratio(&self) -> f64 {
        self.old.time.median / self.new.time.median * self.scale()
    }

    /// The elements of the new report for each of the old one.
    fn scale(&self) -> f64 {
        self.new.amount.elements / self.old.amount.elements
    }

    /// True where the two times, from the 10th to the 90th percentile, do not overlap.
    fn differs(&self) -> bool {
        let (old, new) = (&self.old.time, &self.new.time);
        let scale = self.scale();
        new.high < scale * old.low || scale * old.high < new.low
    }
}

impl<'a> Comparison<'a> {
    /// Pairs the measurements of two reports.
    ///
    /// # Errors
    ///
    /// If they have no measurement in common.
    pub(crate) fn new(old: &'a Report, new: &'a Report) -> Result<Self> {
        let counterpart = |new: &'a Measurement| {
            let same = |old: &&Measurement| {
                (old.kernel, &old.isa) == (new.kernel, &new.isa) && old.setting.is_like(&new.setting)
            };
            old.measurements.iter().find(same).map(|old| Row { old, new })
        };
        let rows: Vec<Row<'_>> = new.measurements.iter().filter_map(counterpart).collect();
        ensure!(!rows.is_empty(), "the two reports have no measurement in common");
        Ok(Self { old, new, rows })
    }

    /// The lowest of the ratios that are outside the noise.
    pub(crate) fn lowest(&self) -> Option<f64> {
        self.rows.iter().filter(|row| row.differs()).map(Row::ratio).reduce(f64::min)
    }

    /// The comparison for a terminal, 80 columns wide.
    pub(crate) fn render(&self) -> String {
        let mut text = String::new();
        self.write(&mut text).expect("a string takes all that is written to it");
        text
    }

    fn write(&self, text: &mut String) -> std::fmt::Result {
        writeln!(
            text,
            "\nold: {}, lanegrad {}, {}",
            self.old.started, self.old.lanegrad, self.old.machine.cpu
        )?;
        writeln!(
            text,
            "new: {}, lanegrad {}, {}",
            self.new.started, self.new.lanegrad, self.new.machine.cpu
        )?;
        if self.old.machine != self.new.machine {
            writeln!(text, "The machines or their compilers differ.")?;
        }
        let mut last: Option<&Setting> = None;
        for row in &self.rows {
            if last != Some(&row.new.setting) {
                writeln!(text, "\n{}", row.new.setting.describe())?;
                writeln!(text, "{:17} {:8} {:>10} {:>10} {:>9}", "kernel", "isa", "old", "new", "old/new")?;
                last = Some(&row.new.setting);
            }
            let mark = match row.ratio() {
                _ if !row.differs() => "",
                ratio if ratio > 1.0 => "  faster",
                _ => "  SLOWER",
            };
            writeln!(
                text,
                "{:17} {:8} {:>10} {:>10} {:>8}x{mark}",
                row.new.kernel,
                row.new.isa,
                duration(row.old.time.median),
                duration(row.new.time.median),
                significant(row.ratio()).to_string(),
            )?;
        }
        let only = |report: &Report| report.measurements.len().saturating_sub(self.rows.len());
        let differ = self.rows.iter().filter(|row| row.differs()).count();
        writeln!(
            text,
            "\n{} compared, {differ} outside the noise (the times from the 10th to the 90th\n\
             percentile do not overlap); {} only in the old report, {} only in the new one.",
            self.rows.len(),
            only(self.old),
            only(self.new),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::Comparison;
    use crate::bench::report::{Report, tests::report};
    use crate::bench::sample::Timing;

    /// The report with every time multiplied by a factor.
    fn slower(factor: f64) -> Report {
        let mut report = report();
        for m in &mut report.measurements {
            m.time = Timing::new([0.99, 1.0, 1.01].map(|x| x * factor * m.time.median).to_vec(), 1);
        }
        report
    }

    #[test]
    fn only_what_is_outside_the_noise_counts() {
        let (old, same, twice) = (slower(1.0), slower(1.005), slower(2.0));
        assert_eq!(Comparison::new(&old, &same).unwrap().lowest(), None);
        let comparison = Comparison::new(&old, &twice).unwrap();
        assert!((comparison.lowest().unwrap() - 0.5).abs() < 1e-12);
        assert!(comparison.render().contains("0.50x  SLOWER"));
        let comparison = Comparison::new(&twice, &old).unwrap();
        assert!((comparison.lowest().unwrap() - 2.0).abs() < 1e-12);
        assert!(comparison.render().contains("2.00x  faster"));
    }

    #[test]
    fn reports_without_a_common_measurement_do_not_compare() {
        let (old, mut new) = (report(), report());
        new.measurements.iter_mut().for_each(|m| m.setting.bytes += 1);
        assert!(Comparison::new(&old, &new).is_err());
    }
}
