//! The report for a terminal, 80 columns wide.

use super::report::{BASELINE, Ceiling, Measurement, Report};
use super::setting::{Level, Limit, Pages, Section, Setting, significant};
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
    wrapped(text, &format!("memory: {}", report.memory.describe()))?;
    writeln!(text, "pages: {}", pages(report))?;
    wrapped(text, &format!("time: {}", report.budget.describe()))?;
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
    writeln!(text, "\n{}", LEGEND.trim_end())?;
    if !report.budget.left_out.is_empty() {
        let left_out = &report.budget.left_out;
        let shown: Vec<&str> = left_out.iter().take(3).map(String::as_str).collect();
        let more = if left_out.len() > 3 { "; … (all: --json, --html)" } else { "" };
        writeln!(text)?;
        wrapped(text, &format!("left out, as time was short: {}{more}", shown.join("; ")))?;
    }
    let lines = super::summary::lines(report);
    if !lines.is_empty() {
        writeln!(text)?;
    }
    lines.iter().try_for_each(|line| wrapped(text, line))
}

const HEADER: &str = "kernel            isa          time elem/s   GB/s cyc/el. ceiling speedup spread";

/// The meaning of the columns, for the table and the page.
pub(crate) const LEGEND: &str = "\
time: median of one call; spread: from the 10th to the 90th percentile, as a
share of it. elem/s: of passes rows of 64 elements a second (Mr, 10^6). GB/s:
bytes loaded and stored. cycles: of a core, by the clock before the run.
GFLOP/s: an addition, multiplication or division counts one, a multiply-add two,
comparisons and moving of bits nothing; sigmoid and softplus as the kernels
compute them. ceiling: the share of what bounds the kernel on its isa: the
fastest r(ead), c(opy) or a(dd) of the same data by turns with it, or the rate
of m(ultiply-adds). Where no such loop was as fast as the kernel's own fastest
sample, that is the ceiling (*, \"its own\"). speedup: over the plain loops
(baseline), compiled by the same compiler for the CPUs that the build is for.
";

fn row(text: &mut String, m: &Measurement) -> Result {
    let bound = m.bound.as_ref().map_or(String::new(), |bound| {
        let own = if bound.way == m.kernel.to_string() { "*" } else { "" };
        format!("{:3.0}% {}{own}", 100.0 * bound.share, letter(bound.limit))
    });
    let cycles = m.cycles_per_element.map_or(String::new(), |cycles| significant(cycles).to_string());
    let speedup = m.speedup.map_or(String::new(), |speedup| format!("{}x", significant(speedup)));
    writeln!(
        text,
        "{:17} {:8} {:>8} {:>6} {:>6} {:>7} {:>7} {:>7} {:>4.0} %",
        if m.isa == BASELINE { m.kernel.to_string() } else { String::new() },
        m.isa,
        duration(m.time.median),
        m.mrows_per_second.map_or_else(|| elements(m.gelements_per_second), rows),
        significant(m.gbytes_per_second).to_string(),
        cycles,
        bound,
        speedup,
        100.0 * m.time.spread(),
    )
}

/// The kinds of pages that were measured.
pub(crate) fn pages(report: &Report) -> &'static str {
    let has = |pages: Pages| report.measurements.iter().any(|m| m.setting.pages == pages);
    match (has(Pages::System), has(Pages::Huge)) {
        (true, _) => "those that the system gives: it has no choice to offer",
        (false, true) => "of 4 KB, and from memory also of 2 MB",
        (false, false) => "of 4 KB: there are none of 2 MB, or there was no time for them",
    }
}

/// A text in lines of at most 80 characters.
fn wrapped(text: &mut String, words: &str) -> Result {
    let mut width = 0;
    for word in words.split(' ') {
        let len = word.chars().count();
        let (space, indent) = if width == 0 {
            ("", 0)
        } else if width + 1 + len > 80 {
            ("\n  ", 2)
        } else {
            (" ", 1)
        };
        width = if space.starts_with('\n') { indent + len } else { width + indent + len };
        write!(text, "{space}{word}")?;
    }
    writeln!(text)
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

/// A rate of rows per second, given in units of 10^6.
pub(crate) fn rows(mega: f64) -> String {
    if mega >= 999.5 {
        format!("{} Gr", significant(mega / 1e3))
    } else {
        format!("{} Mr", significant(mega))
    }
}

/// The ceilings: one line for each limit and instruction set, one column for each level.
fn ceilings(text: &mut String, report: &Report) -> Result {
    let of = |c: &Ceiling| (c.setting.threads, c.setting.offset == 0);
    let mut settings: Vec<(usize, bool)> = report.ceilings.iter().map(of).collect();
    settings.sort();
    settings.dedup();
    for (threads, aligned) in settings {
        let all: Vec<&Ceiling> = report.ceilings.iter().filter(|c| of(c) == (threads, aligned)).collect();
        let column = |c: &Ceiling| (c.setting.level, c.setting.pages);
        let mut levels: Vec<(Level, Pages)> =
            all.iter().map(|c| column(c)).filter(|&(level, _)| level != Level::Registers).collect();
        levels.sort();
        levels.dedup();
        if !levels.is_empty() {
            let alignment = if aligned { "aligned" } else { "not aligned" };
            write!(text, "{:32}", format!("GB/s, {}, {alignment}", plural(threads)))?;
            for (level, pages) in &levels {
                let name = if *pages == Pages::Huge { "2M pages".to_owned() } else { level.to_string() };
                write!(text, "{name:>9}")?;
            }
            writeln!(text)?;
            for limit in [Limit::Read, Limit::Copy, Limit::Add] {
                for isa in isas(&all, limit) {
                    write!(text, "  {limit:12} {isa:17}")?;
                    for level in &levels {
                        let rate = all.iter().find(|c| (c.limit, &*c.isa, column(c)) == (limit, isa, *level));
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
