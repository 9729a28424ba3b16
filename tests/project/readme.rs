//! What is written about the crate agrees: the README with the crate's documentation, whose examples are
//! compiled and run, and both with the code.

use super::sources;
use std::fs;
use std::path::Path;

const README: &str = include_str!("../../README.md");
const CHECKS: &str = include_str!("../../src/checks.md");

/// The crate's documentation.
fn docs() -> String {
    include_str!("../../src/lib.rs")
        .lines()
        .filter_map(|line| line.strip_prefix("//!"))
        .map(|line| format!("{}\n", line.strip_prefix(' ').unwrap_or(line)))
        .collect()
}

/// The first fenced block of Rust in a text, with the lines that rustdoc hides left out.
fn first_example(text: &str) -> String {
    let block = text.split("```").nth(1).expect("there is an example");
    let lines = block.lines().skip(1).filter(|line| !line.starts_with("# "));
    lines.map(|line| format!("{line}\n")).collect()
}

/// A text without line breaks.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A text without line breaks and links.
fn words(text: &str) -> String {
    let text = one_line(text);
    let mut plain = String::new();
    let mut rest = &*text;
    while let Some((before, after)) = rest.split_once('[') {
        let (label, after) = after.split_once(']').expect("a label that ends");
        plain.push_str(before);
        plain.push_str(label);
        rest = &after[target(after)..];
    }
    plain + rest
}

/// The length of the target in parentheses that a text starts with, if it does; that of a function has some of
/// its own.
fn target(text: &str) -> usize {
    let mut depth = 0;
    for (i, byte) in text.bytes().enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' if depth == 1 => return i + 1,
            b')' if depth > 1 => depth -= 1,
            _ if depth == 0 => return 0,
            _ => {}
        }
    }
    0
}

/// The part of a text under a heading of any level.
fn section<'a>(text: &'a str, heading: &str) -> &'a str {
    let start = text.find(&format!("# {heading}\n")).expect("the heading is there");
    let body = text[start..].split_once('\n').expect("a line").1;
    body.find("\n#").map_or(body, |end| &body[..end])
}

#[test]
fn the_first_example_is_that_of_the_crate() {
    assert_eq!(first_example(README), first_example(&docs()));
}

#[test]
fn the_introduction_is_that_of_the_crate() {
    let introduction = |text: &str| words(text.split("```").next().expect("some text"));
    let readme = introduction(README);
    assert_eq!(readme.strip_prefix("# lanegrad "), Some(&*introduction(&docs())));
}

#[test]
fn the_features_are_those_of_the_crate() {
    assert_eq!(words(section(README, "Features")), words(section(&docs(), "Features")));
    let manifest = include_str!("../../Cargo.toml");
    let features =
        manifest.split("[features]\n").nth(1).expect("features").split("\n[").next().expect("some");
    for line in features.lines().filter(|line| line.contains(" = [")) {
        let name = line.split(' ').next().expect("a name");
        assert!(name == "default" || README.contains(&format!("`{name}`")), "{name} is not in the README");
    }
}

#[test]
fn the_promises_are_those_of_the_crate() {
    // After the line with the link to the page of checks; the README has more to say at the end.
    let promises = |text: &str| words(section(text, "Promises").split_once("- **").expect("a list").1);
    assert!(promises(README).starts_with(&promises(&docs())));
}

/// Every file that the page of checks names is there, and every test, fuzz target and script is on the page.
#[test]
fn the_page_of_checks_is_complete() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for name in CHECKS.split('`').filter(|name| name.contains('/') && !name.contains(' ')) {
        assert!(name.starts_with("expected/") || root.join(name).exists(), "{name} is on the page only");
    }
    let stems = |directory: &str| -> Vec<String> {
        let entries = fs::read_dir(root.join(directory)).expect("a directory");
        let paths = entries.map(|entry| entry.expect("an entry").path()).filter(|path| path.is_file());
        paths.map(|path| path.file_stem().expect("a name").to_string_lossy().into_owned()).collect()
    };
    for directory in ["tests", "tests/results", "tests/project"] {
        for test in stems(directory) {
            assert!(
                CHECKS.contains(&format!("`{directory}/{test}.rs`")),
                "{directory}/{test}.rs holds no promise"
            );
        }
    }
    for script in ["run", "full"] {
        assert!(CHECKS.contains(&format!("`bash .ci/{script}`")), ".ci/{script}");
    }
    let manifest = fs::read_to_string(root.join("fuzz/Cargo.toml")).expect("the fuzz package");
    for target in stems("fuzz/targets") {
        assert!(manifest.contains(&format!("path = \"targets/{target}.rs\"")), "{target} is never built");
        assert!(CHECKS.contains(&format!("`{target}`")), "the fuzz target {target} holds no promise");
    }
}

/// A file of tests that no program has as a module would never be compiled.
#[test]
fn every_file_of_tests_is_a_module() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    for program in ["results", "project"] {
        let text = fs::read_to_string(root.join(program).with_extension("rs")).expect("a program of tests");
        let files = sources(&format!("tests/{program}"));
        assert!(!files.is_empty());
        for (file, _) in files {
            let file = file.trim_start_matches("tests/");
            assert!(text.contains(&format!("#[path = \"{file}\"]")), "tests/{program}.rs has not {file}");
        }
    }
}

#[test]
fn the_unsafe_blocks_are_where_the_readme_says() {
    let (mut backends, mut others) = (0, Vec::new());
    for (name, text) in ["src", "fit/src", "cli/src"].into_iter().flat_map(sources) {
        let code = text.lines().map(str::trim_start).filter(|line| !line.starts_with("//"));
        let blocks = code.map(|line| line.matches("unsafe {").count()).sum::<usize>();
        if name == "src/simd.rs" || name.starts_with("src/simd/") {
            backends += blocks;
        } else {
            others.extend(std::iter::repeat_n(name, blocks));
        }
    }
    assert!(one_line(README).contains(&format!("has {backends} `unsafe` blocks")), "{backends}");
    others.sort();
    assert_eq!(others, ["fit/src/data/npy.rs", "fit/src/data/numbers.rs"]);
}
