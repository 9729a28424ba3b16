//! Streams: the descriptors that were open when the program started. A shell says which files they are, so they are
//! written as they are: where it appends, from its offset on, and never under another name.

use same_file::Handle;
use std::io::{self, Write};
use std::path::Path;

#[cfg(unix)]
use filedescriptor::{Error, FileDescriptor};
#[cfg(unix)]
use rustix::fs::OFlags;
#[cfg(unix)]
use std::fs::{self, File};

/// A descriptor, by its number.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Stream(i32);

impl Stream {
    /// Standard output.
    pub(super) const OUT: Self = Self(1);

    /// The stream that a path names by itself; where a link leads is not its concern.
    #[cfg(unix)]
    pub(super) fn of(path: &Path) -> Option<Self> {
        // Links in Linux, but their names are enough where they are something else.
        let names = ["/dev/stdin", "/dev/stdout", "/dev/stderr"];
        if let Some(number) = names.iter().position(|name| path == Path::new(name)) {
            return i32::try_from(number).ok().map(Self);
        }
        let name = path.file_name()?.to_str()?;
        let number = name.parse().ok().filter(|number: &i32| *number >= 0 && number.to_string() == name)?;
        holds_descriptors(path.parent()?).then_some(Self(number))
    }

    /// Only `-` is a stream.
    #[cfg(not(unix))]
    pub(super) fn of(_: &Path) -> Option<Self> {
        None
    }

    /// The stream, to be written.
    ///
    /// # Errors
    ///
    /// If it is not open, or only for reading.
    #[cfg(unix)]
    pub(super) fn writer(self) -> io::Result<Box<dyn Write>> {
        Ok(Box::new(self.duplicate()?))
    }

    /// Standard output, whose text a console needs in its own encoding.
    #[cfg(not(unix))]
    pub(super) fn writer(self) -> io::Result<Box<dyn Write>> {
        Ok(Box::new(io::stdout()))
    }

    /// The file behind it. `None` if it is closed, or open for reading only.
    #[cfg(unix)]
    pub(super) fn handle(self) -> Option<Handle> {
        Handle::from_file(self.duplicate().ok()?).ok()
    }

    #[cfg(not(unix))]
    pub(super) fn handle(self) -> Option<Handle> {
        Handle::stdout().ok()
    }

    /// True for standard output, and for another descriptor of the same pipe or file.
    pub(super) fn is_standard_output(self) -> bool {
        // Two descriptors of a terminal or of `/dev/null` need not have the same purpose.
        self == Self::OUT || self.handle().is_some_and(|it| !is_device(&it) && Self::OUT.handle() == Some(it))
    }

    /// A second descriptor of the same open file: with its offset and its way to append. To open `/dev/fd/3` would
    /// not do in Linux, where that opens the file anew; and its `pidfd_getfd` needs a right that containers withhold.
    #[cfg(unix)]
    fn duplicate(self) -> io::Result<File> {
        let file = FileDescriptor::dup(&self.0).and_then(|descriptor| descriptor.as_file());
        let file = file.map_err(|error| match error {
            Error::Dup { source, .. }
                if source.raw_os_error() == Some(rustix::io::Errno::BADF.raw_os_error()) =>
            {
                io::Error::other("it is not open")
            }
            Error::Dup { source, .. } => source,
            error => io::Error::other(error),
        })?;
        let access = rustix::fs::fcntl_getfl(&file)? & OFlags::RWMODE;
        if access == OFlags::RDONLY {
            return Err(io::Error::other("it is open for reading only"));
        }
        Ok(file)
    }
}

#[cfg(unix)]
fn is_device(handle: &Handle) -> bool {
    use std::os::unix::fs::FileTypeExt;
    handle.as_file().metadata().is_ok_and(|metadata| metadata.file_type().is_char_device())
}

#[cfg(not(unix))]
fn is_device(_: &Handle) -> bool {
    false
}

/// True for a directory with a file for each descriptor of this process.
#[cfg(unix)]
fn holds_descriptors(directory: &Path) -> bool {
    let Ok(directory) = fs::canonicalize(directory) else { return false };
    if directory == Path::new("/dev/fd") {
        // Not in Linux, where it is a link.
        return true;
    }
    // `/proc/<process>/fd`, or `/proc/<process>/task/<thread>/fd`.
    let Ok(process) = fs::canonicalize("/proc/self") else { return false };
    directory.strip_prefix(process).is_ok_and(|rest| {
        let mut names = rest.components().map(|name| name.as_os_str());
        match (names.next(), names.next(), names.next(), names.next()) {
            (Some(fd), None, ..) => fd == "fd",
            (Some(task), Some(_), Some(fd), None) => task == "task" && fd == "fd",
            _ => false,
        }
    })
}
