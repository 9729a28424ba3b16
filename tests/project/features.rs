//! Plain `cargo test` is to run the tests of every feature. A feature that was not enabled would leave its tests
//! out in silence.
//!
//! `LANEGRAD_SOME_FEATURES=1` is for builds that are meant to be without some of them.

use std::collections::BTreeSet;

/// Every feature, and whether this build has it.
const FEATURES: [(&str, bool); 7] = [
    ("alloc", cfg!(feature = "alloc")),
    ("narrow", cfg!(feature = "narrow")),
    ("ndarray", cfg!(feature = "ndarray")),
    ("rayon", cfg!(feature = "rayon")),
    ("scalar", cfg!(feature = "scalar")),
    ("serde", cfg!(feature = "serde")),
    ("std", cfg!(feature = "std")),
];

/// The features that the manifest has, but for `default`, which is a list of some.
fn of_the_manifest() -> BTreeSet<&'static str> {
    let manifest = include_str!("../../Cargo.toml");
    let section = manifest.split("\n[features]\n").nth(1).expect("the manifest has features");
    let section = section.split("\n[").next().expect("some text");
    // A list may go on over several lines, which start with spaces.
    let lines = section.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_alphabetic()));
    let names = lines.map(|line| line.split('=').next().expect("a name").trim());
    names.filter(|&name| name != "default").collect()
}

#[test]
fn every_feature_is_known_here() {
    let known = BTreeSet::from(FEATURES.map(|(name, _)| name));
    assert_eq!(of_the_manifest(), known, "a feature of `Cargo.toml` and its line in this file");
}

#[test]
fn every_feature_is_tested() {
    if std::env::var_os("LANEGRAD_SOME_FEATURES").is_some() {
        return;
    }
    let missing: Vec<&str> = FEATURES.iter().filter(|(_, enabled)| !enabled).map(|(name, _)| *name).collect();
    assert!(
        missing.is_empty(),
        "the tests of {missing:?} do not run; set LANEGRAD_SOME_FEATURES where that is meant to be so"
    );
}
