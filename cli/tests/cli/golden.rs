//! Golden models: the bytes that every fused instruction set and every later version must write, unless its changelog
//! calls the change a breaking one. They hold means and scales too.
//!
//! `LANEGRAD_BLESS=1 cargo test -p lanegrad-cli --test cli golden` writes `tests/data/golden_models` anew.

use crate::support::{Directory, data, lanegrad, numbers, succeed};
use serde_json::Value;
use std::fs;

/// The fits, by the names of their models, and how far weights may be from them where multiply-adds round twice.
fn fits(directory: &Directory) -> Vec<(&'static str, f64, Vec<String>)> {
    let of = |data: &[String], options: &str| {
        data.iter().cloned().chain(options.split(' ').map(str::to_owned)).collect::<Vec<String>>()
    };
    let cancer = [data("breast_cancer.csv")];
    // Three files, of which one has no rows.
    let text = fs::read_to_string(data("magic04.csv")).unwrap();
    let (header, rows) = text.split_once('\n').unwrap();
    let rows: Vec<&str> = rows.split_inclusive('\n').collect();
    let files = [0..7000, 7000..7000, 7000..rows.len()].map(|range| {
        let name = format!("{}-{}.csv", range.start, range.end);
        directory.file(&name, format!("{header}\n{}", rows[range].concat()))
    });
    vec![
        ("standardized", 1e-9, of(&cancer, "--label malignant --standardize --l2 1e-2")),
        ("single", 1e-2, of(&cancer, "--label malignant --arithmetic f32 --l2 1e-2")),
        ("files", 1e-6, of(&files, "--label gamma --l2 1e-3")),
    ]
}

#[test]
fn models_have_the_golden_bytes() {
    let directory = Directory::new();
    for (name, tolerance, args) in fits(&directory) {
        let (golden, model) = (data(&format!("golden_models/{name}.json")), directory.path("model.json"));
        succeed(lanegrad(["fit", "--quiet", "--model", &model]).args(args));
        let found = fs::read_to_string(model).unwrap();
        if std::env::var_os("LANEGRAD_BLESS").is_some() {
            fs::write(golden, found).unwrap();
            continue;
        }
        let wanted = fs::read_to_string(golden).unwrap();
        if lanegrad::Isa::best().is_fused() {
            assert_eq!(found, wanted, "{name}");
        } else {
            // Without fused multiply-add the bits are others, and the model is the same.
            let [found, wanted] = [found, wanted].map(|text| serde_json::from_str::<Value>(&text).unwrap());
            for (a, b) in numbers(&found["weights"]).iter().zip(numbers(&wanted["weights"])) {
                assert!((a - b).abs() <= tolerance * b.abs().max(1e-3), "{name}: {a}, {b}");
            }
        }
    }
}
