//! Output: standard output, and files that are either whole or not there.

use anyhow::{Context, Result};
use std::fs::{self, File};
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use tempfile::NamedTempFile;

/// Prints to standard output. A closed output is an error, not a panic.
pub(crate) fn print(text: &str) -> Result<()> {
    let mut out = Output::create(Path::new("-"))?;
    out.write(text.as_bytes())?;
    out.finish()
}

/// Prints a summary beside the files that a command wrote: to standard output or, if one of the files is standard
/// output, to standard error.
pub(crate) fn print_beside<'a>(files: impl IntoIterator<Item = &'a PathBuf>, text: &str) -> Result<()> {
    if files.into_iter().any(|path| path.as_os_str() == "-") {
        crate::note(text.trim_end());
        return Ok(());
    }
    print(text)
}

/// Fails if an [`Output`] of this path would fail: a check before the work whose result it is to hold.
pub(crate) fn check(path: &Path) -> Result<()> {
    // The reader of a named pipe would take its closing for the end of the data.
    #[cfg(unix)]
    if fs::metadata(path).is_ok_and(|metadata| std::os::unix::fs::FileTypeExt::is_fifo(&metadata.file_type()))
    {
        return Ok(());
    }
    Output::create(path).map(drop)
}

/// The files that are being written, for [`remove_unfinished`].
static UNFINISHED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Removes the files that are being written, as an interrupt does before it ends the program.
pub(crate) fn remove_unfinished() {
    let unfinished = UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner);
    for path in unfinished.iter() {
        // The program ends: there is nothing to do about an error.
        let _ = fs::remove_file(path);
    }
}

/// Writes a file.
pub(crate) fn write(path: &Path, content: &[u8]) -> Result<()> {
    let mut out = Output::create(path)?;
    out.write(content)?;
    out.finish()
}

/// A file that is being written: under another name in its directory, and then renamed, so that its path holds
/// either all of it or the file that was there before. Devices, pipes and standard output (`-`) are written
/// directly.
pub(crate) struct Output {
    name: String,
    place: Place,
}

enum Place {
    Direct(BufWriter<Box<dyn Write>>),
    /// The new file, removed again unless it is renamed, and its final path.
    Beside(BufWriter<NamedTempFile>, PathBuf),
}

impl Output {
    pub(crate) fn create(path: &Path) -> Result<Self> {
        let direct = |file: Box<dyn Write>| Place::Direct(BufWriter::with_capacity(1 << 16, file));
        let (name, place) = if path.as_os_str() == "-" {
            ("to standard output".to_owned(), Ok(direct(Box::new(io::stdout()))))
        } else if is_special(path) {
            let file = File::options().write(true).open(path);
            (path.display().to_string(), file.map(|file| direct(Box::new(file))))
        } else {
            // A link is followed to the file that it names.
            let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
            let file = beside(&target);
            let place = file.map(|file| Place::Beside(BufWriter::with_capacity(1 << 20, file), target));
            (path.display().to_string(), place)
        };
        let place = place.with_context(|| format!("cannot write {name}"))?;
        Ok(Self { name, place })
    }

    /// Appends.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        match &mut self.place {
            Place::Direct(out) => out.write_all(bytes),
            Place::Beside(out, _) => out.write_all(bytes),
        }
        .with_context(|| format!("cannot write {}", self.name))
    }

    /// True where its start can be written again.
    pub(crate) fn is_a_file(&self) -> bool {
        matches!(self.place, Place::Beside(..))
    }

    /// Writes over its start, or does nothing if it is not a file.
    pub(crate) fn overwrite_start(&mut self, bytes: &[u8]) -> Result<()> {
        let Place::Beside(out, _) = &mut self.place else { return Ok(()) };
        out.seek(SeekFrom::Start(0))
            .and_then(|_| out.write_all(bytes))
            .with_context(|| format!("cannot write {}", self.name))
    }

    /// Finishes the output: a file then has its name.
    pub(crate) fn finish(self) -> Result<()> {
        let finish = || match self.place {
            Place::Direct(mut out) => out.flush(),
            Place::Beside(out, path) => {
                let file = out.into_inner()?;
                file.as_file().sync_all()?;
                file.persist(&path)?;
                Ok(())
            }
        };
        finish().with_context(|| format!("cannot write {}", self.name))
    }
}

/// True where the path is something else than a regular file. Links are followed.
fn is_special(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| !metadata.is_file())
}

/// A new file in the directory of `path`.
fn beside(path: &Path) -> io::Result<NamedTempFile> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    // The usual permissions of a new file, from which the umask takes away.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    // Under the lock, so that no interrupt comes between the file and its name in the list.
    let mut unfinished = UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner);
    let file = builder.prefix(".lanegrad-").tempfile_in(directory)?;
    unfinished.push(file.path().to_owned());
    Ok(file)
}
