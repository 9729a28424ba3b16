//! The README says what the crate's documentation says, whose examples are compiled and run.

/// The first fenced block of Rust in a text, with the lines that rustdoc hides left out.
fn first_example(text: &str) -> String {
    let block = text.split("```").nth(1).expect("there is an example");
    let lines = block.lines().skip(1).filter(|line| !line.starts_with("# "));
    lines.map(|line| format!("{line}\n")).collect()
}

#[test]
fn the_first_example_is_that_of_the_crate() {
    let docs: String = include_str!("../src/lib.rs")
        .lines()
        .filter_map(|line| line.strip_prefix("//!"))
        .map(|line| format!("{}\n", line.strip_prefix(' ').unwrap_or(line)))
        .collect();
    assert_eq!(first_example(include_str!("../README.md")), first_example(&docs));
}
