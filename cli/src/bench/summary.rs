//! One line for each kernel: what it reaches on the fastest instruction set, of what bounds it.

use super::report::{BASELINE, Measurement, Report};
use super::setting::{Level, Limit, Pages, Section, Setting, significant};

/// The lines, in the order of kernels and types.
pub(crate) fn lines(report: &Report) -> Vec<String> {
    let levels = || report.measurements.iter().filter(|m| m.setting.section == Section::Levels);
    let mut of: Vec<_> = levels().map(|m| (m.kernel, m.setting.dtype)).collect();
    of.sort();
    of.dedup();
    let one = |(kernel, dtype)| {
        let all = levels().filter(move |m| (m.kernel, m.setting.dtype) == (kernel, dtype));
        let all: Vec<&Measurement> = all.filter(|m| m.isa != BASELINE).collect();
        // From memory on the fewest threads, in the largest pages, on the fastest instruction set.
        let threads = all.iter().map(|m| m.setting.threads).min()?;
        let all = all.into_iter().filter(|m| m.setting.threads == threads);
        let found =
            all.enumerate().max_by_key(|(i, m)| (m.setting.level, m.setting.pages == Pages::Huge, *i));
        found.map(|(_, m)| line(m))
    };
    of.into_iter().filter_map(one).collect()
}

fn line(m: &Measurement) -> String {
    let mut line = format!("{} {}, {}:", m.kernel, m.setting.dtype, m.isa);
    match &m.bound {
        Some(bound) => {
            let own = if bound.way == m.kernel.to_string() { " (and no loop gives more)" } else { "" };
            let percent = 100.0 * bound.share;
            line += &format!(" {percent:.0} % of {}{own}", source(bound.limit, &m.setting));
        }
        None => line += &format!(" {} GB/s {}", significant(m.gbytes_per_second), place(&m.setting)),
    }
    if let Some(speedup) = m.speedup {
        line += &format!(", {} times the plain loop", significant(speedup));
    }
    if let Some(ulp) = m.worst_ulp {
        line += &format!(", within {ulp:.3} ULP");
    }
    line
}

/// What bounds a kernel, in words.
fn source(limit: Limit, setting: &Setting) -> String {
    match limit {
        Limit::MultiplyAdd => format!("the multiply-adds that {} can start", cores(setting.threads)),
        Limit::Read | Limit::Copy | Limit::Add => {
            let traffic = match limit {
                Limit::Copy => " to a copy",
                Limit::Add => " to an update",
                _ => "",
            };
            let from = if setting.level == Level::Memory {
                "memory".to_owned()
            } else {
                format!("{}", setting.level)
            };
            format!("what {from} gives{traffic} {}", place(setting))
        }
    }
}

/// The conditions in words.
fn place(setting: &Setting) -> String {
    let threads =
        if setting.threads == 1 { "one thread".to_owned() } else { format!("{} threads", setting.threads) };
    match (setting.level, setting.pages) {
        (_, Pages::Huge) => format!("on {threads} with 2 MB pages"),
        (Level::Memory, Pages::Small) => format!("on {threads} with 4 KB pages"),
        _ => format!("on {threads}"),
    }
}

fn cores(threads: usize) -> String {
    if threads == 1 { "a core".to_owned() } else { format!("{threads} cores") }
}

#[cfg(test)]
mod tests {
    use super::lines;
    use crate::bench::report::tests::report;
    use crate::bench::setting::{Level, Pages};

    #[test]
    fn a_line_says_what_is_reached_of_what() {
        let mut report = report();
        assert_eq!(
            lines(&report),
            ["dot f32, avx2: 80 % of what L1 gives on one thread, 8.00 times the plain loop"]
        );
        for m in &mut report.measurements {
            (m.setting.level, m.setting.pages) = (Level::Memory, Pages::Huge);
            m.worst_ulp = Some(0.78);
        }
        assert_eq!(
            lines(&report),
            [
                "dot f32, avx2: 80 % of what memory gives on one thread with 2 MB pages, 8.00 times the plain loop, \
              within 0.780 ULP"
            ]
        );
    }
}
