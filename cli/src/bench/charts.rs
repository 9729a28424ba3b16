//! The charts of a report, as SVG.

use super::colors::{self, GRID, INK, MUTED, Role, SURFACE, themed};
use super::report::{BASELINE, Ceiling, Measurement, Report};
use super::setting::{Kernel, Level, Limit, Pages, Section, arithmetic, significant, size};
use anyhow::{Result, anyhow};
use lanegrad_fit::Dtype;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// A picture and its title.
pub(crate) struct Chart {
    pub(crate) title: String,
    /// An SVG element whose colours are defined by the page's style.
    pub(crate) svg: String,
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Draws a picture of a size in pixels, which the page may scale.
fn picture(title: String, size: (u32, u32), draw: impl FnOnce(&Area<'_>) -> Result<()>) -> Result<Chart> {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        draw(&area)?;
        drawn(area.present())?;
    }
    // Scaled by its container, with a label for screen readers.
    let (w, h) = size;
    let fixed = format!("<svg width=\"{w}\" height=\"{h}\"");
    let label = title.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
    let svg = themed(&svg).replacen(&fixed, &format!("<svg role=\"img\" aria-label=\"{label}\""), 1);
    Ok(Chart { title, svg })
}

/// An error of the drawing library, which borrows what it was drawing on.
fn drawn<T, E: std::fmt::Display>(result: std::result::Result<T, E>) -> Result<T> {
    result.map_err(|error| anyhow!("cannot draw a chart: {error}"))
}

/// A style of text. The library takes a size of its own, which is 1.24 times that of the picture: the smallest, 14 in
/// the panels, which a page of 1280 pixels shows as they are, has 11 pixels.
fn text(size: u32, color: &Role, pos: Pos) -> TextStyle<'static> {
    ("sans-serif", size).into_font().color(&color.stand_in).pos(pos)
}

const CENTRE: Pos = Pos { h_pos: HPos::Center, v_pos: VPos::Center };
const LEFT: Pos = Pos { h_pos: HPos::Left, v_pos: VPos::Center };
const RIGHT: Pos = Pos { h_pos: HPos::Right, v_pos: VPos::Center };

/// The instruction sets of some measurements, in their order.
fn isas<'a>(measurements: impl Iterator<Item = &'a Measurement>) -> Vec<&'a str> {
    let mut isas: Vec<&str> = Vec::new();
    for m in measurements {
        if !isas.contains(&&*m.isa) {
            isas.push(&m.isa);
        }
    }
    isas
}

/// The smallest number of threads, and the first type, of arithmetic if there is one: a chart shows these if a report has
/// several.
fn plainest(report: &Report) -> Option<(usize, Dtype)> {
    let levels = || report.measurements.iter().filter(|m| m.setting.section == Section::Levels);
    let dtype = levels().map(|m| m.setting.dtype).min_by_key(|&dtype| (dtype != arithmetic(dtype), dtype))?;
    Some((levels().map(|m| m.setting.threads).min()?, dtype))
}

/// The measurements of all instruction sets at a level, on the fewest threads.
fn at_level(report: &Report, level: Level) -> Vec<&Measurement> {
    let Some((threads, dtype)) = plainest(report) else { return Vec::new() };
    let all = report.measurements.iter();
    all.filter(|m| {
        m.setting.section == Section::Levels
            && m.setting.level == level
            && (m.setting.threads, m.setting.dtype) == (threads, dtype)
            && m.setting.pages != Pages::Huge
    })
    .collect()
}

/// The levels that were measured, innermost first.
fn levels(report: &Report) -> Vec<Level> {
    let mut levels: Vec<Level> = report
        .measurements
        .iter()
        .filter(|m| m.setting.section == Section::Levels)
        .map(|m| m.setting.level)
        .collect();
    levels.sort();
    levels.dedup();
    levels
}

/// Performance against intensity, a chart for each level: the ceilings of each instruction set as lines, the
/// kernels as points.
pub(crate) fn rooflines(report: &Report) -> Result<Vec<Chart>> {
    levels(report).into_iter().map(|level| roofline(report, level)).collect()
}

fn roofline(report: &Report, level: Level) -> Result<Chart> {
    let points = at_level(report, level);
    let setting = points.first().map(|m| m.setting.describe()).unwrap_or_default();
    let threads = points.first().map_or(1, |m| m.setting.threads);
    let dtype = points.first().map_or(Dtype::F32, |m| m.setting.dtype);
    let rate = |limit: Limit, isa: &str, level: Level| {
        let matches = |c: &&Ceiling| {
            (c.limit, &*c.isa, c.setting.level, c.setting.threads) == (limit, isa, level, threads)
                && c.setting.section == Section::Levels
                && c.setting.pages != Pages::Huge
                && (limit != Limit::MultiplyAdd || c.setting.dtype == arithmetic(dtype))
        };
        report.ceilings.iter().find(matches).map(|c| c.rate)
    };
    let mut roofs = Vec::new();
    for isa in isas(points.iter().copied()).into_iter().filter(|isa| *isa != BASELINE) {
        if let (Some(peak), Some(bandwidth)) =
            (rate(Limit::MultiplyAdd, isa, Level::Registers), rate(Limit::Read, isa, level))
        {
            roofs.push((isa, peak, bandwidth));
        }
    }
    let intensity = |m: &Measurement| m.amount.flops / m.amount.bytes_moved;
    let x = (0.1, 20.0);
    let top = roofs.iter().map(|(_, peak, _)| 2.0 * peak).fold(10.0, f64::max);
    let bottom = points.iter().map(|m| m.gflops_per_second / 3.0).fold(1.0, f64::min);
    picture(format!("Roofline, {setting}"), (760, 400), |area| {
        let mut chart = drawn(
            ChartBuilder::on(area)
                .margin(12)
                .margin_right(110)
                .x_label_area_size(44)
                .y_label_area_size(58)
                .build_cartesian_2d((x.0..x.1).log_scale(), (bottom..top).log_scale()),
        )?;
        drawn(
            chart
                .configure_mesh()
                .axis_style(INK.stand_in)
                .bold_line_style(GRID.stand_in)
                .light_line_style(TRANSPARENT)
                .label_style(text(13, &MUTED, CENTRE))
                .axis_desc_style(text(14, &INK, CENTRE))
                .x_desc("arithmetic intensity, FLOP per byte")
                .y_desc("GFLOP/s")
                .x_label_formatter(&|x| format!("{x}"))
                .y_label_formatter(&|y| format!("{y}"))
                .draw(),
        )?;
        // A thin line through the points of a kernel, named at its foot.
        let mut kernels: Vec<(Kernel, f64)> = points.iter().map(|m| (m.kernel, intensity(m))).collect();
        kernels.dedup_by_key(|(kernel, _)| *kernel);
        for (kernel, x) in kernels {
            let line = vec![(x, bottom * 1.6), (x, top)];
            drawn(chart.draw_series([PathElement::new(line, GRID.stand_in.stroke_width(2))]))?;
            let name = Text::new(kernel.to_string(), (x, bottom * 1.25), text(13, &INK, CENTRE));
            drawn(chart.draw_series([name]))?;
        }
        // Slower instruction sets have broader lines, so that both are seen if two roofs are the same.
        for (i, &(isa, peak, bandwidth)) in roofs.iter().enumerate() {
            let ridge = peak / bandwidth;
            let line =
                vec![(x.0, bandwidth * x.0), (ridge.clamp(x.0, x.1), peak.min(bandwidth * x.1)), (x.1, peak)];
            let color = colors::isa(isa).stand_in.stroke_width(1 + (roofs.len() - i) as u32);
            drawn(chart.draw_series([PathElement::new(line, color)]))?;
        }
        for (names, peak) in names_of_roofs(&roofs) {
            let label = Text::new(names, (8, 0), text(12, &INK, LEFT));
            drawn(chart.draw_series([EmptyElement::at((x.1, peak)) + label]))?;
        }
        for m in &points {
            let Some(bound) = &m.bound else { continue };
            let (place, ceiling) = (intensity(m), m.gflops_per_second / bound.share);
            let line = vec![(place / 1.07, ceiling), (place * 1.07, ceiling)];
            let color = colors::isa(&m.isa).stand_in.stroke_width(3);
            drawn(chart.draw_series([PathElement::new(line, color)]))?;
        }
        for m in &points {
            let place = (intensity(m), m.gflops_per_second);
            drawn(chart.draw_series([Circle::new(place, 6, SURFACE.stand_in.filled())]))?;
            drawn(chart.draw_series([Circle::new(place, 5, colors::isa(&m.isa).stand_in.filled())]))?;
        }
        Ok(())
    })
}

/// The roofs' names at their heights, those of about one height together.
fn names_of_roofs(roofs: &[(&str, f64, f64)]) -> Vec<(String, f64)> {
    let mut names: Vec<(String, f64)> = Vec::new();
    for &(isa, peak, _) in roofs {
        match names.iter_mut().find(|(_, other)| (*other / peak - 1.0).abs() < 0.3) {
            Some((name, other)) => {
                *name = format!("{name}, {isa}");
                *other = other.max(peak);
            }
            None => names.push((isa.to_owned(), peak)),
        }
    }
    names
}

/// The speedup of every instruction set over the plain loops, kernel by kernel, at the innermost level.
pub(crate) fn ladder(report: &Report) -> Result<Option<Chart>> {
    let Some(level) = levels(report).first().copied() else { return Ok(None) };
    let bars: Vec<&Measurement> = at_level(report, level).into_iter().filter(|m| m.isa != BASELINE).collect();
    let Some(first) = bars.first() else { return Ok(None) };
    let mut kernels: Vec<Kernel> = bars.iter().map(|m| m.kernel).collect();
    kernels.dedup();
    let isas = isas(bars.iter().copied());

    const BAR: i32 = 15;
    const GAP: i32 = 14;
    const TOP: i32 = 54;
    const NAMES: i32 = 150;
    const WIDTH: i32 = 760;
    let group = BAR * isas.len() as i32 + GAP;
    let height = TOP + group * kernels.len() as i32 + 12;
    let longest = bars.iter().filter_map(|m| m.speedup).fold(1.0, f64::max);
    let scale = f64::from(WIDTH - NAMES - 70) / longest;
    let title = format!("Speedup over plain loops, {}", first.setting.describe());
    let chart = picture(title, (WIDTH as u32, height as u32), |area| {
        legend(area, &isas, (NAMES, 16))?;
        // Plain loops: 1.
        let one = NAMES + scale as i32;
        let line = PathElement::new(vec![(one, TOP - 8), (one, height - 8)], MUTED.stand_in);
        drawn(area.draw(&line))?;
        drawn(area.draw(&Text::new("1x", (one, TOP - 15), text(12, &MUTED, CENTRE))))?;
        for (i, kernel) in kernels.iter().enumerate() {
            let y = TOP + group * i as i32;
            let middle = y + BAR * isas.len() as i32 / 2;
            drawn(area.draw(&Text::new(kernel.to_string(), (NAMES - 10, middle), text(14, &INK, RIGHT))))?;
            for m in bars.iter().filter(|m| m.kernel == *kernel) {
                let place = isas.iter().position(|isa| *isa == m.isa).unwrap_or_default() as i32;
                let (y, speedup) = (y + BAR * place, m.speedup.unwrap_or_default());
                let end = NAMES + (scale * speedup) as i32;
                let bar = [(NAMES, y + 1), (end.max(NAMES + 1), y + BAR - 1)];
                drawn(area.draw(&Rectangle::new(bar, colors::isa(&m.isa).stand_in.filled())))?;
                let label = format!("{}x", significant(speedup));
                // Not across the line of the plain loops.
                let place = if (end..end + 46).contains(&one) { one } else { end };
                drawn(area.draw(&Text::new(label, (place + 6, y + BAR / 2), text(13, &INK, LEFT))))?;
            }
        }
        Ok(())
    })?;
    Ok(Some(chart))
}

/// Names and colours of instruction sets, from left to right.
fn legend(area: &Area<'_>, isas: &[&str], (mut x, y): (i32, i32)) -> Result<()> {
    for isa in isas {
        let swatch = Rectangle::new([(x, y - 5), (x + 11, y + 6)], colors::isa(isa).stand_in.filled());
        drawn(area.draw(&swatch))?;
        drawn(area.draw(&Text::new((*isa).to_owned(), (x + 17, y), text(13, &INK, LEFT))))?;
        x += 36 + 8 * isa.len() as i32;
    }
    Ok(())
}

/// A line of a chart.
struct Line {
    color: RGBColor,
    dashed: bool,
    points: Vec<(f64, f64)>,
}

/// Lines over a logarithmic axis, with places on it marked.
fn lines(
    title: String,
    lines: &[Line],
    x_desc: &str,
    x_label: &dyn Fn(f64) -> String,
    marks: &[(f64, String)],
) -> Result<Chart> {
    let points = || lines.iter().flat_map(|line| &line.points);
    let least = points().map(|p| p.0).fold(f64::INFINITY, f64::min);
    let most = points().map(|p| p.0).fold(least, f64::max);
    let top = 1.12 * points().map(|p| p.1).fold(1e-9, f64::max);
    // Steps of powers of two, so that sizes and threads have whole labels.
    let x = |x: f64| x.log2();
    let range = x(least) - 0.2..x(most).max(x(least) + 1.0) + 0.2;
    picture(title, (480, 300), |area| {
        let mut chart = drawn(
            ChartBuilder::on(area)
                .margin(10)
                .margin_right(16)
                .x_label_area_size(48)
                .y_label_area_size(56)
                .build_cartesian_2d(range.clone(), 0.0..top),
        )?;
        let steps = (range.end - range.start) as usize;
        drawn(
            chart
                .configure_mesh()
                .disable_x_mesh()
                .axis_style(INK.stand_in)
                .bold_line_style(GRID.stand_in)
                .light_line_style(TRANSPARENT)
                .label_style(text(14, &MUTED, CENTRE))
                .axis_desc_style(text(15, &INK, CENTRE))
                .x_desc(x_desc)
                .y_desc("GB/s")
                .x_labels(steps.clamp(2, 7))
                .y_labels(6)
                .x_label_formatter(&|x| if x.fract() == 0.0 { x_label(x.exp2()) } else { String::new() })
                .y_label_formatter(&|y| format!("{y}"))
                .draw(),
        )?;
        for (place, name) in marks.iter().filter(|(place, _)| range.contains(&x(*place))) {
            let line = vec![(x(*place), 0.0), (x(*place), top)];
            drawn(chart.draw_series([PathElement::new(line, MUTED.stand_in.mix(0.6))]))?;
            let label = Text::new(name.clone(), (x(*place) - 0.15, top * 0.96), text(14, &MUTED, RIGHT));
            drawn(chart.draw_series([label]))?;
        }
        for line in lines {
            let points: Vec<(f64, f64)> = line.points.iter().map(|p| (x(p.0), p.1)).collect();
            if line.dashed {
                let dashes = DashedLineSeries::new(points, 6, 4, line.color.mix(0.7).into());
                drawn(chart.draw_series(dashes))?;
                continue;
            }
            drawn(chart.draw_series([PathElement::new(points.clone(), line.color.stroke_width(2))]))?;
            drawn(chart.draw_series(points.into_iter().map(|p| Circle::new(p, 3, line.color.filled()))))?;
        }
        Ok(())
    })
}

/// The ceiling, and a line for each instruction set.
fn with_ceiling<'a>(
    measurements: impl Iterator<Item = &'a Measurement> + Clone,
    x: impl Fn(&Measurement) -> f64 + Copy,
) -> Vec<Line> {
    let line = |isa: &str| {
        let mut points: Vec<(f64, f64)> =
            measurements.clone().filter(|m| m.isa == isa).map(|m| (x(m), m.gbytes_per_second)).collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        Line { color: colors::isa(isa).stand_in, dashed: false, points }
    };
    let lines = isas(measurements.clone()).into_iter().map(line);
    std::iter::once(ceiling(measurements.clone(), x)).chain(lines).collect()
}

/// The kernels of some measurements.
fn kernels<'a>(measurements: impl Iterator<Item = &'a Measurement>) -> Vec<Kernel> {
    let mut kernels: Vec<Kernel> = measurements.map(|m| m.kernel).collect();
    kernels.sort();
    kernels.dedup();
    kernels
}

/// Throughput against the size of the working set, a chart for each kernel; the caches' sizes are marked.
pub(crate) fn sizes(report: &Report) -> Result<Vec<Chart>> {
    let all = || report.measurements.iter().filter(|m| m.setting.section == Section::Sizes);
    let machine = &report.machine;
    let mut marks =
        vec![(machine.l1.bytes as f64, "L1".to_owned()), (machine.l2.bytes as f64, "L2".to_owned())];
    marks.extend(machine.l3.map(|l3| (l3.bytes as f64, "L3".to_owned())));
    let charts = kernels(all()).into_iter().map(|kernel| {
        let lines_of_tiers = with_ceiling(all().filter(|m| m.kernel == kernel), |m| m.setting.bytes as f64);
        let setting = all()
            .next()
            .map_or(String::new(), |m| format!("{}, {} thread", m.setting.dtype, m.setting.threads));
        let label = |bytes: f64| match bytes {
            b if b < 1024.0 * 1024.0 => format!("{} KB", b / 1024.0),
            b => format!("{} MB", b / 1024.0 / 1024.0),
        };
        lines(format!("{kernel}, {setting}"), &lines_of_tiers, "size of the working set", &label, &marks)
    });
    charts.collect()
}

/// Throughput from memory against the number of threads, a chart for each kernel. There are no charts if
/// only one number of threads was measured.
pub(crate) fn threads(report: &Report) -> Result<Vec<Chart>> {
    let Some((_, dtype)) = plainest(report) else { return Ok(Vec::new()) };
    let all = || {
        report.measurements.iter().filter(move |m| {
            matches!(m.setting.section, Section::Levels | Section::Threads)
                && m.setting.level == Level::Memory
                && m.setting.pages != Pages::Huge
                && m.setting.dtype == dtype
        })
    };
    let mut counts: Vec<usize> = all().map(|m| m.setting.threads).collect();
    counts.sort_unstable();
    counts.dedup();
    if counts.len() < 2 {
        return Ok(Vec::new());
    }
    let bytes = all().next().map_or(0, |m| m.setting.bytes);
    let charts = kernels(all()).into_iter().map(|kernel| {
        let lines_of_tiers = with_ceiling(all().filter(|m| m.kernel == kernel), |m| m.setting.threads as f64);
        let title = format!("{kernel}, {dtype}, memory ({})", size(bytes));
        lines(title, &lines_of_tiers, "threads", &|threads| threads.to_string(), &[])
    });
    charts.collect()
}

/// The rate of the loop of the same traffic on the same data, in the same seconds, on the last instruction set that
/// has such a rate. The line has no points if arithmetic bounds the kernel everywhere.
fn ceiling<'a>(
    measurements: impl Iterator<Item = &'a Measurement> + Clone,
    x: impl Fn(&Measurement) -> f64,
) -> Line {
    let last = isas(measurements.clone().filter(|m| m.traffic_ceiling.is_some())).pop().map(str::to_owned);
    let of_last = measurements.filter(|m| Some(&m.isa) == last.as_ref());
    let bound_by_bytes =
        |m: &Measurement| m.bound.as_ref().is_some_and(|bound| bound.limit != Limit::MultiplyAdd);
    if !of_last.clone().any(bound_by_bytes) {
        return Line { color: INK.stand_in, dashed: true, points: Vec::new() };
    }
    let mut points: Vec<(f64, f64)> = of_last.filter_map(|m| Some((x(m), m.traffic_ceiling?))).collect();
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    Line { color: INK.stand_in, dashed: true, points }
}

/// A picture that stands alone: with its own colours and background.
pub(crate) fn standalone(chart: &Chart) -> String {
    let style = format!("<style>{}</style>", colors::style());
    let open = chart.svg.find('>').map_or(0, |end| end + 1);
    let (head, body) = chart.svg.split_at(open);
    let background = "<rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"var(--surface)\"/>";
    format!("{head}{style}{background}{body}")
}
