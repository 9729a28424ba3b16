//! Where results go: standard output, and files that are whole or not there at all.

use anyhow::{Context, Result};
use std::fs;
use std::io::{self, Write};
use std::path::Path;

/// Prints to standard output. A reader that has gone away is an error, not a panic.
pub fn print(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).context("cannot write to standard output")
}

/// Fails where [`write()`] to this path would fail, before the work is done that it is to keep.
pub fn check(path: &Path) -> Result<()> {
    (if is_special(path) {
        fs::OpenOptions::new().write(true).open(path).map(drop)
    } else {
        beside(path).map(drop)
    })
    .with_context(|| cannot_write(path))
}

/// Writes a file: beside its place, and then renamed into it, so that whoever looks finds all of it or
/// what was there before. Devices and pipes are written directly.
pub fn write(path: &Path, content: &[u8]) -> Result<()> {
    (if is_special(path) { write_directly(path, content) } else { replace(path, content) })
        .with_context(|| cannot_write(path))
}

fn cannot_write(path: &Path) -> String {
    format!("cannot write {}", path.display())
}

/// Whether something is there that is not a regular file. Links are followed.
fn is_special(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| !metadata.is_file())
}

fn write_directly(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).open(path)?;
    file.write_all(content)?;
    file.flush()
}

fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    // Through a link, to the file that it names.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let mut file = beside(&path)?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    file.persist(&path)?;
    Ok(())
}

/// A new file in the directory of `path`, removed again unless it is renamed.
fn beside(path: &Path) -> io::Result<tempfile::NamedTempFile> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    // Readable as any file that is made without further ado; what may be read is for the umask to say.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.prefix(".lanegrad-").tempfile_in(directory)
}
