//! The colours of a report: one for each instruction set, the same in every chart, in a light and in a dark version.
//!
//! Charts are drawn in stand-ins, which [`themed`] replaces by variables of the page's style.

use super::report::BASELINE;
use plotters::style::RGBColor;
use std::fmt::Write;

/// A colour by its role.
pub(crate) struct Role {
    /// The name of its variable.
    pub(crate) name: &'static str,
    light: &'static str,
    dark: &'static str,
    /// The colour that charts are drawn in, before it is replaced.
    pub(crate) stand_in: RGBColor,
}

/// Text, axes and frames.
pub(crate) const INK: Role = color("ink", "#1b2430", "#e6eaf0", 1);
/// Text and marks of less importance.
pub(crate) const MUTED: Role = color("muted", "#5b6675", "#9aa6b5", 2);
/// Lines of the grid.
pub(crate) const GRID: Role = color("grid", "#e3e7ec", "#2b3440", 3);
/// The background of charts.
pub(crate) const SURFACE: Role = color("surface", "#ffffff", "#171d26", 4);

/// The instruction sets, slowest first. Chosen to differ in lightness too, for those who see fewer hues.
const ISAS: [Role; 5] = [
    color(BASELINE, "#8a94a3", "#7f8b9b", 11),
    color("scalar", "#9a5fb5", "#c792e0", 12),
    color("portable", "#0f8f7b", "#35c4ab", 13),
    color("avx2", "#2463d6", "#6ea3ff", 14),
    color("avx512", "#d9480f", "#ff8a4c", 15),
];

const fn color(name: &'static str, light: &'static str, dark: &'static str, id: u8) -> Role {
    // No colour that a library would choose by itself.
    Role { name, light, dark, stand_in: RGBColor(1, 2, id) }
}

/// The colour of a instruction set.
pub(crate) fn isa(name: &str) -> &'static Role {
    static OTHER: Role = MUTED;
    ISAS.iter().find(|color| color.name == name).unwrap_or(&OTHER)
}

fn all() -> impl Iterator<Item = &'static Role> {
    const OTHERS: [Role; 4] = [INK, MUTED, GRID, SURFACE];
    OTHERS.iter().chain(&ISAS)
}

/// The chart with variables in place of the stand-ins.
pub(crate) fn themed(svg: &str) -> String {
    all().fold(svg.to_owned(), |svg, color| {
        let RGBColor(r, g, b) = color.stand_in;
        svg.replace(&format!("#{r:02X}{g:02X}{b:02X}"), &format!("var(--{})", color.name))
    })
}

/// The variables, as the style of a page or of a picture.
pub(crate) fn style() -> String {
    let variables = |value: fn(&Role) -> &str| {
        all().fold(String::new(), |mut text, color| {
            let _ = write!(text, "--{}:{};", color.name, value(color));
            text
        })
    };
    let (light, dark) = (variables(|color| color.light), variables(|color| color.dark));
    format!(":root{{color-scheme:light dark;{light}}}@media(prefers-color-scheme:dark){{:root{{{dark}}}}}")
}
