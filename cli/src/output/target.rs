//! What the path of an output names.

use super::replace;
use super::stream::Stream;
use anyhow::{Result, bail};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// The place of an output.
#[derive(PartialEq)]
pub(super) enum Target {
    /// A descriptor that the shell opened.
    Stream(Stream),
    /// Something else that is there and is no regular file: a device, or a named pipe. It is opened, and written
    /// from its start.
    Special(PathBuf),
    /// A regular file, or one that is not there yet. It is replaced as a whole.
    File(PathBuf),
}

impl Target {
    /// Follows links, like the kernel: the last name of a path is read as long as it is one. That also leads to the
    /// place of a file that is not there yet, and stops at a stream, whose link tells less than its descriptor.
    pub(super) fn of(path: &Path) -> Result<Self> {
        /// The limit of Linux.
        const LINKS: usize = 40;
        if path.as_os_str() == "-" {
            return Ok(Self::Stream(Stream::OUT));
        }
        let mut path = path.to_owned();
        for _ in 0..=LINKS {
            if let Some(stream) = Stream::of(&path) {
                return Ok(Self::Stream(stream));
            }
            let Ok(link) = fs::read_link(&path) else { return Self::at(path) };
            if is_of_process(&path) {
                return match Self::at(path)? {
                    Self::File(_) => {
                        bail!("it is a file that another process holds; give the file's own name")
                    }
                    special => Ok(special),
                };
            }
            path = directory(&path).join(link);
        }
        bail!("there are more than {LINKS} links");
    }

    /// The place that a path names if its last name is no link.
    fn at(path: PathBuf) -> Result<Self> {
        if fs::metadata(&path).is_ok_and(|metadata| !metadata.is_file()) {
            return Ok(Self::Special(path));
        }
        let last = path.as_os_str().as_encoded_bytes().last();
        if last.is_none_or(|&byte| std::path::is_separator(char::from(byte))) || path.file_name().is_none() {
            bail!("it names a directory, which is not there");
        }
        Ok(Self::File(path))
    }

    /// Fails if it cannot be written. Changes nothing.
    pub(super) fn check(&self) -> Result<()> {
        match self {
            Self::Stream(stream) => drop(stream.writer()?),
            // The reader of a named pipe would take its closing for the end of the data.
            Self::Special(path) if is_pipe(path) => {}
            Self::Special(path) => drop(open(path)?),
            Self::File(path) => replace::check(path)?,
        }
        Ok(())
    }

    /// The same place under one name.
    pub(super) fn canonical(self) -> Self {
        let canonical = |path: PathBuf| {
            let directory = fs::canonicalize(directory(&path)).ok();
            let name = path.file_name();
            directory.zip(name).map(|(directory, name)| directory.join(name)).unwrap_or(path)
        };
        match self {
            Self::Stream(stream) if stream.is_standard_output() => Self::Stream(Stream::OUT),
            Self::Stream(stream) => Self::Stream(stream),
            Self::Special(path) => Self::Special(canonical(path)),
            Self::File(path) => Self::File(canonical(path)),
        }
    }
}

/// Opens what is there, for writing.
pub(super) fn open(path: &Path) -> std::io::Result<File> {
    File::options().write(true).open(path)
}

/// The directory of a file.
pub(super) fn directory(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// True for a link that stands for what a process holds, as its descriptors. The file may be deleted, or have another
/// name than the link's text says; and a file that a process has open is not replaced behind its back.
fn is_of_process(link: &Path) -> bool {
    cfg!(target_os = "linux")
        && fs::canonicalize(directory(link)).is_ok_and(|directory| directory.starts_with("/proc"))
}

#[cfg(unix)]
fn is_pipe(path: &Path) -> bool {
    use std::os::unix::fs::FileTypeExt;
    fs::metadata(path).is_ok_and(|metadata| metadata.file_type().is_fifo())
}

#[cfg(not(unix))]
fn is_pipe(_: &Path) -> bool {
    false
}
