//! A file that replaces another as a whole: it is written under another name in the directory, and then renamed.

use super::target::{directory, open};
use crate::signals;
use anyhow::{Context, Result, bail};
use std::fs::{self, File, Metadata};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tempfile::NamedTempFile;

/// The files that are being written, for [`remove_unfinished`].
static UNFINISHED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

fn unfinished() -> MutexGuard<'static, Vec<PathBuf>> {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Removes the files that are being written, before a signal ends the program. From then on none is begun or
/// finished.
#[cfg_attr(not(unix), expect(dead_code, reason = "there are no signals"))]
pub(crate) fn remove_unfinished() {
    let unfinished = unfinished();
    for path in unfinished.iter() {
        // The program ends: there is nothing to do about an error.
        let _ = fs::remove_file(path);
    }
    std::mem::forget(unfinished);
}

/// The new file. It is removed again unless it is [kept](Self::keep).
pub(super) struct NewFile {
    file: NamedTempFile,
    target: PathBuf,
    old: Option<Metadata>,
    // Dropped after the file, which is then gone.
    listed: Listed,
}

impl NewFile {
    /// A file that is to replace `target`.
    pub(super) fn beside(target: PathBuf) -> Result<Self> {
        let old = existing(&target)?;
        let mut builder = tempfile::Builder::new();
        #[cfg(unix)]
        {
            // A new file has the usual permissions, from which the umask takes away. One that gets those of another
            // file at the end is nobody else's before.
            let mode = if old.is_some() { 0o600 } else { 0o666 };
            builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(mode));
        }
        signals::watch();
        // Under the lock, so that no signal comes between the file and its name in the list.
        let mut unfinished = unfinished();
        let directory = directory(&target);
        let file =
            builder.prefix(".lanegrad-").tempfile_in(directory).with_context(|| no_file_in(directory))?;
        unfinished.push(file.path().to_owned());
        drop(unfinished);
        let listed = Listed(file.path().to_owned());
        Ok(Self { file, target, old, listed })
    }

    /// Gives the file its name, once all of it is on the disk.
    pub(super) fn keep(self) -> io::Result<()> {
        let Self { listed, file, target, old } = self;
        if let Some(old) = old {
            // At the end: writing takes set-user-ID away.
            keep_rights(file.as_file(), &old)?;
        }
        file.as_file().sync_all()?;
        // Under the lock: a signal comes before, and nothing is kept, or after.
        let lock = unfinished();
        file.persist(&target)?;
        drop(lock);
        drop(listed);
        Ok(())
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Seek for NewFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

/// An entry of [`UNFINISHED`].
struct Listed(PathBuf);

impl Drop for Listed {
    fn drop(&mut self) {
        unfinished().retain(|path| *path != self.0);
    }
}

/// Fails if [`NewFile::beside`] or [`NewFile::keep`] would fail. Leaves nothing.
pub(super) fn check(target: &Path) -> Result<()> {
    let old = existing(target)?;
    let directory = directory(target);
    // In Linux this file has no name at all.
    let probe = tempfile::tempfile_in(directory).with_context(|| no_file_in(directory))?;
    if let Some(old) = old
        && is_stuck(directory, &old, &probe.metadata()?)?
    {
        bail!("it belongs to another user, and only its owner may replace a file of {}", directory.display());
    }
    Ok(())
}

fn no_file_in(directory: &Path) -> String {
    format!("no new file can be made in {}", directory.display())
}

/// The file that will be replaced, if there is one.
///
/// # Errors
///
/// If it may not be written. Its directory alone would let it be replaced all the same.
fn existing(target: &Path) -> io::Result<Option<Metadata>> {
    match open(target) {
        Ok(file) => file.metadata().map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Gives a new file the owner, the group and the mode of an old one, where this process may.
#[cfg(unix)]
fn keep_rights(new: &File, old: &Metadata) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
    // The group first: one that may not give files away may still give them to its groups.
    let group = fchown(new, None, Some(old.gid()));
    let owner = fchown(new, Some(old.uid()), None);
    // Set-user-ID and set-group-ID would lend another user's rights.
    let kept = if group.is_ok() && owner.is_ok() { 0o7777 } else { 0o1777 };
    let mode = old.mode() & kept;
    if new.metadata()?.mode() & 0o7777 != mode {
        // Some file systems know no modes. The content matters more, and the mode until then allows less.
        let _ = new.set_permissions(PermissionsExt::from_mode(mode));
    }
    Ok(())
}

#[cfg(not(unix))]
fn keep_rights(_: &File, _: &Metadata) -> io::Result<()> {
    Ok(())
}

/// True for a file that this process, which owns `probe`, may write but not replace: in a directory like `/tmp`
/// only the owner of a file, or of the directory, renames over it.
#[cfg(unix)]
fn is_stuck(directory: &Path, old: &Metadata, probe: &Metadata) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    const STICKY: u32 = 0o1000;
    let directory = fs::metadata(directory)?;
    let me = probe.uid();
    Ok(directory.mode() & STICKY != 0 && me != 0 && me != old.uid() && me != directory.uid())
}

#[cfg(not(unix))]
fn is_stuck(_: &Path, _: &Metadata, _: &Metadata) -> io::Result<bool> {
    Ok(false)
}
