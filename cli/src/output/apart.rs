//! Outputs that are inputs, or one another.

use super::target::Target;
use anyhow::{Result, ensure};
use lanegrad_fit::data;
use same_file::Handle;
use std::fs;
use std::path::Path;

/// Refuses an output that is the same file as an input, under whatever names, before anything is read. `-` is
/// standard output or standard input.
///
/// A command that prints to standard output has [it](super::standard) among its outputs. Then a file that it goes to
/// is no output under its own name either: what is printed would be lost with the file that is replaced.
pub(crate) fn distinct(outputs: &[&Path], inputs: &[&Path]) -> Result<()> {
    for output in outputs {
        let Some(file) = written(output) else { continue };
        for input in inputs {
            // With what its numbers stand for.
            let is_input = data::files_of(input).iter().any(|part| read(part).as_ref() == Some(&file));
            ensure!(
                !is_input,
                "cannot write {}: it is the same file as the input {}",
                super::name(output),
                data::name(input)
            );
        }
        let is_replaced = matches!(Target::of(output), Ok(Target::File(_)));
        if is_replaced && outputs.contains(&super::standard()) {
            ensure!(
                written(super::standard()).as_ref() != Some(&file),
                "cannot write {}: standard output goes there",
                super::name(output)
            );
        }
    }
    Ok(())
}

/// True if two outputs have the same place.
pub(crate) fn same(a: &Path, b: &Path) -> bool {
    let place = |path| Target::of(path).ok().map(Target::canonical);
    a == b || place(a).is_some_and(|a| Some(a) == place(b))
}

/// The regular file that an output writes, if it is there.
fn written(path: &Path) -> Option<Handle> {
    match Target::of(path).ok()? {
        Target::Stream(stream) => stream.handle().filter(is_regular),
        Target::Special(_) => None,
        Target::File(path) => regular(&path),
    }
}

/// The regular file that is read for an input.
fn read(path: &Path) -> Option<Handle> {
    if path.as_os_str() == "-" { Handle::stdin().ok().filter(is_regular) } else { regular(path) }
}

/// A regular file. Another is not opened: a named pipe would wait for its other end.
fn regular(path: &Path) -> Option<Handle> {
    fs::metadata(path).is_ok_and(|metadata| metadata.is_file()).then(|| Handle::from_path(path).ok())?
}

fn is_regular(handle: &Handle) -> bool {
    handle.as_file().metadata().is_ok_and(|metadata| metadata.is_file())
}

/// True if a path names standard output.
pub(super) fn is_standard_output(path: &Path) -> bool {
    matches!(Target::of(path), Ok(Target::Stream(stream)) if stream.is_standard_output())
}
