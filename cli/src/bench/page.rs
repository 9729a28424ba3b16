//! The report as one HTML file: no network, no script.

use super::charts::{self, Chart};
use super::colors;
use super::report::{BASELINE, Bound, Ceiling, Measurement, Report};
use super::setting::{Level, Limit, Section, Setting, significant};
use super::summary;
use super::table::{LEGEND, duration, elements, pages, rows as rows_a_second};
use crate::info::caches;
use anyhow::Result;
use maud::{DOCTYPE, Markup, PreEscaped, html};

/// The whole page.
pub(crate) fn render(report: &Report) -> Result<String> {
    let machine = &report.machine;
    let ladder = charts::ladder(report)?;
    let rooflines = charts::rooflines(report)?;
    let sizes = charts::sizes(report)?;
    let threads = charts::threads(report)?;
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "lanegrad bench: " (machine.cpu) }
                style { (PreEscaped(colors::style())) (PreEscaped(STYLE)) }
            }
            body {
                header {
                    p.kicker { "lanegrad bench" }
                    h1 { (machine.cpu) }
                    dl {
                        (fact("Cores", &format!("{}, {} threads", machine.cores, machine.threads)))
                        (fact("Caches", &caches(machine)))
                        @if let Some(ghz) = report.clock_ghz {
                            (fact("Clock before the run", &format!("{ghz:.2} GHz")))
                        }
                        (fact("Instruction sets", &machine.isas.join(", ")))
                        (fact("System", &machine.system))
                        (fact("Build", &format!("lanegrad {}, {}", report.lanegrad, machine.compiler)))
                        (fact("Memory", &report.memory.describe()))
                        (fact("Pages", pages(report)))
                        (fact("Time", &report.budget.describe()))
                        (fact("Run", &format!("{}, {} plan, {:.0} s", report.started, report.plan, report.seconds)))
                    }
                }
                main {
                    (legend(report))
                    section {
                        h2 { "In short" }
                        ul.summary { @for line in summary::lines(report) { li { (line) } } }
                    }
                    @if let Some(ladder) = &ladder {
                        section {
                            h2 { "Against plain loops" }
                            p { "The speed relative to the loop that one would write first, in the same type, by the same compiler." }
                            (figure(ladder))
                        }
                    }
                    @if !rooflines.is_empty() {
                        section {
                            h2 { "Against the limits of the CPU" }
                            p {
                                "Lines: the roof of each instruction set, its slope how fast data can be read there, its flat part how fast "
                                "multiply-adds can be started. Points: the speed of the kernels. The short bar over a point is that "
                                "kernel's own ceiling, of reading, copying or adding, as it does, by turns with it on its data; or "
                                "of multiply-adds, if that is lower."
                            }
                            @for chart in &rooflines { (figure(chart)) }
                        }
                    }
                    @if !sizes.is_empty() {
                        section {
                            h2 { "By size of the working set" }
                            p { "Dashes: a loop of the same loads and stores, on the fastest instruction set, where bytes bound the kernel." }
                            div.panels { @for chart in &sizes { (figure(chart)) } }
                        }
                    }
                    section {
                        h2 { "By number of threads" }
                        @if threads.is_empty() {
                            p { "Only one number of threads was measured." }
                        } @else {
                            p { "From memory, which all threads share. Dashes: as above." }
                            div.panels { @for chart in &threads { (figure(chart)) } }
                        }
                    }
                    @if !report.budget.left_out.is_empty() {
                        section {
                            h2 { "Left out" }
                            p { "What did not fit into the time, the least important first." }
                            details {
                                summary { (report.budget.left_out.len()) " groups" }
                                ul { @for group in &report.budget.left_out { li { (group) } } }
                            }
                        }
                    }
                    section {
                        h2 { "Ceilings" }
                        p {
                            "The rates of loops that only load, copy, add or multiply: the fastest sample, alone before the kernels and by "
                            "turns with each of them on its data, or what a kernel moved, if that is more. The medians are beside it: if they "
                            "differ, the speed of the machine varied."
                        }
                        (ceilings(report))
                    }
                    section {
                        h2 { "Measurements" }
                        p { (LEGEND) }
                        @for (i, (setting, rows)) in by_setting(&report.measurements).into_iter().enumerate() {
                            details open[i == 0] {
                                summary { @if setting.section == Section::Sizes { "by size: " } (setting.describe()) }
                                (measurements(&rows))
                            }
                        }
                    }
                }
            }
        }
    };
    Ok(page.into_string())
}

fn fact(name: &str, value: &str) -> Markup {
    html! { div { dt { (name) } dd { (value) } } }
}

fn figure(chart: &Chart) -> Markup {
    html! { figure { figcaption { (chart.title) } (PreEscaped(&chart.svg)) } }
}

/// The colours of the instruction sets, which mean the same in every chart.
fn legend(report: &Report) -> Markup {
    let mut isas = vec![BASELINE];
    isas.extend(report.machine.isas.iter().map(String::as_str));
    html! {
        ul.legend aria-label="Colours" {
            @for isa in isas {
                li { span.swatch style={ "background:var(--" (colors::isa(isa).name) ")" } {} (isa) }
            }
        }
    }
}

fn ceilings(report: &Report) -> Markup {
    let rate = |c: &Ceiling| {
        let unit = if c.limit == Limit::MultiplyAdd { "GFLOP/s" } else { "GB/s" };
        format!("{} {unit}", significant(c.rate))
    };
    let at = |c: &Ceiling| {
        if c.setting.level == Level::Registers {
            c.setting.describe()
        } else {
            c.setting.describe().replacen("f32, ", "", 1)
        }
    };
    html! {
        details {
            summary { (report.ceilings.len()) " ceilings" }
            div.wide { table {
                thead { tr { th { "ceiling" } th { "instruction set" } th { "conditions" } th { "by" } th.number { "rate" } th.number { "medians" } } }
                tbody { @for c in &report.ceilings {
                    tr {
                        td { (c.limit) }
                        td { (isa(&c.isa)) }
                        td { (at(c)) }
                        td { (c.way) }
                        td.number { (rate(c)) }
                        td.number { (c.medians.iter().map(|m| significant(*m).to_string()).collect::<Vec<_>>().join(", ")) }
                    }
                } }
            } }
        }
    }
}

/// What bounds a kernel: the kind of loop, or that no loop is as fast.
fn limit(m: &Measurement, bound: &Bound) -> String {
    if bound.way == m.kernel.to_string() {
        format!("{} (its own)", bound.limit)
    } else {
        bound.limit.to_string()
    }
}

/// An instruction set with its colour.
fn isa(name: &str) -> Markup {
    html! { span.swatch style={ "background:var(--" (colors::isa(name).name) ")" } {} (name) }
}

/// Neighbours under the same conditions.
fn by_setting(measurements: &[Measurement]) -> Vec<(&Setting, Vec<&Measurement>)> {
    let mut groups: Vec<(&Setting, Vec<&Measurement>)> = Vec::new();
    for m in measurements {
        match groups.last_mut() {
            Some((setting, rows)) if **setting == m.setting => rows.push(m),
            _ => groups.push((&m.setting, vec![m])),
        }
    }
    groups
}

fn measurements(rows: &[&Measurement]) -> Markup {
    html! {
        div.wide { table {
            thead { tr {
                th { "kernel" } th { "instruction set" } th.number { "time" } th.number { "elements/s" } th.number { "rows/s" } th.number { "GB/s" }
                th.number { "GFLOP/s" } th.number { "cycles/element" } th.number { "cycles/row" } th.number { "worst ULP" }
                th.number { "of its ceiling" } th.number { "speedup" } th.number { "spread" }
            } }
            tbody { @for m in rows {
                tr class=[(m.isa == BASELINE).then_some("first")] {
                    td { @if m.isa == BASELINE { (m.kernel) } }
                    td { (isa(&m.isa)) }
                    td.number { (duration(m.time.median)) }
                    td.number { (elements(m.gelements_per_second)) }
                    td.number { @if let Some(mega) = m.mrows_per_second { (rows_a_second(mega)) } }
                    td.number { (significant(m.gbytes_per_second)) }
                    td.number { (significant(m.gflops_per_second)) }
                    td.number { @if let Some(cycles) = m.cycles_per_element { (significant(cycles)) } }
                    td.number { @if let Some(cycles) = m.cycles_per_row { (significant(cycles)) } }
                    td.number { @if let Some(ulp) = m.worst_ulp { (format!("{ulp:.3}")) } }
                    td.number { @if let Some(bound) = &m.bound {
                        (format!("{:.0} %", 100.0 * bound.share)) " " span.limit title=(bound.way) { (limit(m, bound)) }
                    } }
                    td.number { @if let Some(speedup) = m.speedup { (significant(speedup)) "x" } }
                    td.number.noisy[m.time.spread() > NOISY] { (format!("{:.0} %", 100.0 * m.time.spread())) }
                }
            } }
        } }
    }
}

/// A spread above this stands out.
const NOISY: f64 = 0.1;

const STYLE: &str = "
body{margin:0 auto;max-width:1040px;padding:32px 20px 64px;background:var(--surface);color:var(--ink);
 font:16px/1.5 system-ui,-apple-system,'Segoe UI',sans-serif}
h1{font-size:30px;line-height:1.2;margin:0 0 20px}
h2{font-size:20px;margin:48px 0 4px}
p{max-width:72ch;margin:4px 0 16px;color:var(--muted)}
.kicker{margin:0 0 4px;font-weight:600;color:var(--avx2)}
dl{display:grid;grid-template-columns:repeat(auto-fit,minmax(260px,1fr));gap:12px 28px;margin:0;
 padding:16px 0;border-block:1px solid var(--grid)}
dt{font-size:13px;color:var(--muted)}
dd{margin:0}
.legend{position:sticky;top:0;display:flex;flex-wrap:wrap;gap:4px 20px;list-style:none;margin:0;padding:10px 0;
 background:var(--surface);border-bottom:1px solid var(--grid);font-size:14px;z-index:1}
.swatch{display:inline-block;width:11px;height:11px;border-radius:2px;margin-right:6px}
ul.summary{margin:8px 0;padding-left:20px}
figure{margin:12px 0 28px}
figcaption{font-size:14px;font-weight:600;margin-bottom:4px}
figure svg{display:block;width:100%;height:auto}
.panels{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(420px,100%),1fr));gap:0 28px}
.wide{overflow-x:auto}
table{border-collapse:collapse;font-size:14px;width:100%;font-variant-numeric:tabular-nums}
th{text-align:left;font-weight:600;color:var(--muted);border-bottom:1px solid var(--ink)}
th,td{padding:3px 10px 3px 0;white-space:nowrap}
.number{text-align:right}
tr.first td{border-top:1px solid var(--grid);padding-top:6px}
.limit{color:var(--muted);display:inline-block;width:6.5em;text-align:left}
.noisy{color:var(--avx512);font-weight:600}
details{margin:8px 0}
summary{cursor:pointer;padding:6px 0;font-weight:600}
";
