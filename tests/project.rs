//! The tests of what is written about the project, and of how it is built.

#[path = "project/features.rs"]
mod features;
#[path = "project/layers.rs"]
mod layers;
#[path = "project/readme.rs"]
mod readme;

use std::fs;
use std::path::Path;

/// The Rust files below a directory of the project, by their paths from its root, with their texts.
fn sources(directory: &str) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    let mut directories = vec![root.join(directory)];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).expect("a directory") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name =
                    path.strip_prefix(root).expect("below the root").to_string_lossy().replace('\\', "/");
                files.push((name, fs::read_to_string(&path).expect("a text")));
            }
        }
    }
    files
}
