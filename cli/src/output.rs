//! Output: streams that a shell opened, and files that are either whole or not there.
//!
//! A path is a [`target`]: a [`stream`] or a device, which are written directly, or a file, which one under another
//! name [`replace`]s once it is whole. Outputs are kept [`apart`] from inputs.

mod apart;
mod replace;
mod stream;
mod target;

pub(crate) use self::apart::{distinct, same};
#[cfg(unix)]
pub(crate) use self::replace::remove_unfinished;

use self::replace::NewFile;
use self::target::Target;
use anyhow::{Context, Result, bail};
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Standard output among the paths of outputs.
pub(crate) fn standard() -> &'static Path {
    Path::new("-")
}

/// Prints to standard output. A closed output is an error, not a panic.
pub(crate) fn print(text: &str) -> Result<()> {
    write(standard(), text.as_bytes())
}

/// Prints a summary beside the files that a command wrote: to standard output or, if one of the files is standard
/// output, to standard error.
pub(crate) fn print_beside<'a>(files: impl IntoIterator<Item = &'a PathBuf>, text: &str) -> Result<()> {
    if files.into_iter().any(|path| apart::is_standard_output(path)) {
        crate::note(text.trim_end());
        return Ok(());
    }
    print(text)
}

/// Fails if an [`Output`] of this path would fail: a check before the work whose result it is to hold, and before
/// the program opens files of its own, whose descriptors a path could name. It leaves nothing, and changes nothing.
pub(crate) fn check(path: &Path) -> Result<()> {
    let checked = Target::of(path).and_then(|target| target.check());
    checked.with_context(|| format!("cannot write {}", name(path)))
}

/// Writes a file.
pub(crate) fn write(path: &Path, content: &[u8]) -> Result<()> {
    let mut out = Output::create(path)?;
    out.write(content)?;
    out.finish()
}

/// The file that a path of an output names, through links; `None` for a stream or a device.
pub(crate) fn file(path: &Path) -> Option<PathBuf> {
    match Target::of(path) {
        Ok(Target::File(path)) => Some(path),
        _ => None,
    }
}

/// True if an output failed as the reader of its pipe went away.
pub(crate) fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let mut causes = error.chain().filter_map(|cause| cause.downcast_ref::<io::Error>());
    causes.any(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// The first failure of several outputs. A reader that went away counts if nothing else failed.
pub(crate) fn first_failure(results: impl IntoIterator<Item = Result<()>>) -> Result<()> {
    let mut closed = Ok(());
    for result in results {
        match result {
            Err(error) if is_closed_pipe(&error) => closed = closed.and(Err(error)),
            result => result?,
        }
    }
    closed
}

/// The path of an output in a message.
fn name(path: &Path) -> String {
    if path == standard() { "to standard output".to_owned() } else { path.display().to_string() }
}

/// An output that is being written. A file is written under another name in its directory, and then renamed, so that
/// its path holds either all of it or the file that was there before. Streams, devices and pipes are written
/// directly.
pub(crate) struct Output {
    name: String,
    place: Place,
}

enum Place {
    Direct(BufWriter<Box<dyn Write>>),
    Beside(Box<BufWriter<NewFile>>),
}

impl Output {
    /// An output at this path.
    pub(crate) fn create(path: &Path) -> Result<Self> {
        Self::new(path, Target::of(path))
    }

    /// An output whose start can be [written again](Self::overwrite_start).
    pub(crate) fn create_file(path: &Path) -> Result<Self> {
        let target = Target::of(path).and_then(|target| match target {
            Target::File(_) => Ok(target),
            _ => bail!("it must be a file, as its header has the number of rows, which is known at the end"),
        });
        Self::new(path, target)
    }

    fn new(path: &Path, target: Result<Target>) -> Result<Self> {
        let direct = |file| Place::Direct(BufWriter::with_capacity(1 << 16, file));
        let place = target.and_then(|target| match target {
            Target::Stream(stream) => Ok(direct(stream.writer()?)),
            Target::Special(path) => Ok(direct(Box::new(target::open(&path)?))),
            Target::File(path) => {
                Ok(Place::Beside(Box::new(BufWriter::with_capacity(1 << 20, NewFile::beside(path)?))))
            }
        });
        let name = name(path);
        let place = place.with_context(|| format!("cannot write {name}"))?;
        Ok(Self { name, place })
    }

    /// Appends.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        match &mut self.place {
            Place::Direct(out) => out.write_all(bytes),
            Place::Beside(out) => out.write_all(bytes),
        }
        .with_context(|| format!("cannot write {}", self.name))
    }

    /// Writes over the start of a file, or does nothing if it is not one.
    pub(crate) fn overwrite_start(&mut self, bytes: &[u8]) -> Result<()> {
        let Place::Beside(out) = &mut self.place else { return Ok(()) };
        out.seek(SeekFrom::Start(0))
            .and_then(|_| out.write_all(bytes))
            .with_context(|| format!("cannot write {}", self.name))
    }

    /// Finishes the output: a file then has its name.
    pub(crate) fn finish(self) -> Result<()> {
        let finish = || match self.place {
            Place::Direct(mut out) => out.flush(),
            Place::Beside(out) => (*out).into_inner()?.keep(),
        };
        finish().with_context(|| format!("cannot write {}", self.name))
    }
}
