//! The report for a terminal, 80 columns wide.

use super::report::{BASELINE, Ceiling, Measurement, Report};
use super::setting::{Level, Limit, Section, Setting, significant};
use crate::info::caches;
use std::fmt::{Result, Write};

/// The whole report.
pub(crate) fn render(report: &Report) -> String {
    let mut text = String::new();
    write_all(&mut text, report).expect("a string takes all that is written to it");
    text
}

fn write_all(text: &mut String, report: &Report) -> Result {
    let machine = &report.machine;
    writeln!(text, "lanegrad {}, {}", report.lanegrad, machine.compiler)?;
    writeln!(text, "{}, {} threads", machine.cpu, machine.threads)?;
    let clock = report.clock_ghz.map_or(String::new(), |ghz| format!(", {ghz:.2} GHz"));
    writeln!(text, "{}{clock}", caches(machine))?;
    writeln!(text)?;
    ceilings(text, report)?;
    let sections = [Section::Levels, Section::Threads, Section::Alignment];
    for section in sections {
        let mut last: Option<&Setting> = None;
        for m in report.measurements.iter().filter(|m| m.setting.section == section) {
            if last != Some(&m.setting) {
                writeln!(text, "\n{}", m.setting.describe())?;
                writeln!(text, "{HEADER}")?;
                last = Some(&m.setting);
            }
            row(text, m)?;
        }
    }
    let sizes = report.measurements.iter().filter(|m| m.setting.section == Section::Sizes).count();
    if sizes > 0 {
        writeln!(text, "\n{sizes} more, of working sets of other sizes: --json, --csv, --html.")?;
    }
    writeln!(text, "\n{}", LEGEND.trim_end())
}

const HEADER: &str = "kernel            isa          time elem/s   GB/s GFLOP/s ceiling speedup spread";

/// The meaning of the columns, for the table and the page.
pub(crate) const LEGEND: &str = "\
time: median of one call; spread: from the 10th to the 90th percentile, as a
share of it. GB/s: bytes loaded and stored. GFLOP/s: an addition, multiplication
or division counts one, a multiply-add two, comparisons and moving of bits
nothing; sigmoid and softplus as the kernels compute them. ceiling: the share of
what bounds the kernel on its isa: the fastest r(ead), c(opy) or a(dd) of the
same data by turns with it, or the rate of m(ultiply-adds). speedup: over the
plain loops (baseline), compiled by the same compiler for the CPUs that the
build is for.
";

fn row(text: &mut String, m: &Measurement) -> Result {
    let bound = m
        .bound
        .map_or(String::new(), |bound| format!("{:3.0} % {}", 100.0 * bound.share, letter(bound.limit)));
    let speedup = m.speedup.map_or(String::new(), |speedup| format!("{}x", significant(speedup)));
    writeln!(
        text,
        "{:17} {:8} {:>8} {:>6} {:>6} {:>7} {:>7} {:>7} {:>4.0} %",
        if m.isa == BASELINE { m.kernel.to_string() } else { String::new() },
        m.isa,
        duration(m.time.median),
        elements(m.gelements_per_second),
        significant(m.gbytes_per_second).to_string(),
        significant(m.gflops_per_second).to_string(),
        bound,
        speedup,
        100.0 * m.time.spread(),
    )
}

/// The initial that stands for a limit in the table.
const fn letter(limit: Limit) -> &'static str {
    match limit {
        Limit::Read => "r",
        Limit::Copy => "c",
        Limit::Add => "a",
        Limit::MultiplyAdd => "m",
    }
}

/// A time in the unit that suits it.
pub(crate) fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 1e-6 => format!("{} ns", significant(s * 1e9)),
        s if s < 1e-3 => format!("{} µs", significant(s * 1e6)),
        s if s < 1.0 => format!("{} ms", significant(s * 1e3)),
        s => format!("{} s", significant(s)),
    }
}

/// A rate of elements per second, given in units of 10^9.
pub(crate) fn elements(giga: f64) -> String {
    if giga >= 0.9995 { format!("{} G", significant(giga)) } else { format!("{} M", significant(giga * 1e3)) }
}

/// The ceilings: one line for each limit and instruction set, one column for each level.
fn ceilings(text: &mut String, report: &Report) -> Result {
    let mut settings: Vec<(usize, bool)> =
        report.ceilings.iter().map(|c| (c.setting.threads, c.setting.offset == 0)).collect();
    settings.sort();
    settings.dedup();
    for (threads, aligned) in settings {
        let all: Vec<&Ceiling> = report
            .ceilings
            .iter()
            .filter(|c| c.setting.threads == threads && (c.setting.offset == 0) == aligned)
            .collect();
        let mut levels: Vec<Level> =
            all.iter().map(|c| c.setting.level).filter(|&l| l != Level::Registers).collect();
        levels.sort();
        levels.dedup();
        if !levels.is_empty() {
            let alignment = if aligned { "aligned" } else { "not aligned" };
            write!(text, "{:32}", format!("GB/s, {}, {alignment}", plural(threads)))?;
            levels.iter().try_for_each(|level| write!(text, "{level:>9}"))?;
            writeln!(text)?;
            for limit in [Limit::Read, Limit::Copy, Limit::Add] {
                for isa in isas(&all, limit) {
                    write!(text, "  {limit:12} {isa:17}")?;
                    for level in &levels {
                        let rate =
                            all.iter().find(|c| (c.limit, &*c.isa, c.setting.level) == (limit, isa, *level));
                        let rate = rate.map_or(String::new(), |c| significant(c.rate).to_string());
                        write!(text, "{rate:>9}")?;
                    }
                    writeln!(text)?;
                }
            }
        }
        let peaks: Vec<&&Ceiling> = all.iter().filter(|c| c.limit == Limit::MultiplyAdd).collect();
        if !peaks.is_empty() {
            writeln!(text, "GFLOP/s, {}", plural(threads))?;
        }
        for peak in peaks {
            let cycle = report
                .clock_ghz
                .map_or(String::new(), |ghz| format!("  {:.1} a cycle", peak.rate / ghz / threads as f64));
            let rate = significant(peak.rate).to_string();
            writeln!(text, "  {:12} {:7} {:3}{rate:>9}{cycle}", peak.limit, peak.isa, peak.setting.dtype)?;
        }
    }
    Ok(())
}

fn isas<'a>(ceilings: &[&'a Ceiling], limit: Limit) -> Vec<&'a str> {
    let mut isas: Vec<&str> = Vec::new();
    for ceiling in ceilings.iter().filter(|ceiling| ceiling.limit == limit) {
        if !isas.contains(&&*ceiling.isa) {
            isas.push(&ceiling.isa);
        }
    }
    isas
}

fn plural(threads: usize) -> String {
    if threads == 1 { "1 thread".to_owned() } else { format!("{threads} threads") }
}
