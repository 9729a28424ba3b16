//! The list of files of a data set, before any row is read.

use crate::data::{Label, Source, check_apart, name, shown};
use crate::error::{Error, bail, ensure};
use std::collections::HashMap;
use std::fs::Metadata;
use std::path::{Path, PathBuf};

/// Refuses a list without files, a file that is there twice, and labels that are not in as many files.
pub(crate) fn check(paths: &[&Path], label: Option<&Label>) -> Result<(), Error> {
    ensure!(!paths.is_empty(), "there is no file of data");
    check_distinct(paths)?;
    if let Some(Label::Files(files)) = label {
        ensure!(
            files.len() == paths.len(),
            "there are {} files of labels for {} of data: each has its own",
            files.len(),
            paths.len()
        );
        let labels: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
        check_distinct(&labels)?;
        for labels in labels {
            paths.iter().try_for_each(|data| check_apart(data, Some(labels)))?;
        }
    }
    Ok(())
}

/// Refuses a file that is in a list twice, also under two names. Pipes and devices are not known from each other.
fn check_distinct(paths: &[&Path]) -> Result<(), Error> {
    let mut seen: HashMap<Identity, &Path> = HashMap::new();
    for path in paths {
        let Some(identity) = Identity::of(path) else { continue };
        if let Some(first) = seen.insert(identity, path) {
            let same = if first == *path { String::new() } else { format!(", as {}", name(first)) };
            bail!("{} is there twice{same}", name(path));
        }
    }
    Ok(())
}

/// What tells a file from others.
#[derive(PartialEq, Eq, Hash)]
enum Identity {
    StandardInput,
    #[cfg(unix)]
    Node(u64, u64),
    #[cfg(not(unix))]
    Path(PathBuf),
}

impl Identity {
    /// That of a file, or of standard input; `None` for what is neither, or is not there.
    fn of(path: &Path) -> Option<Self> {
        if path.as_os_str() == "-" {
            return Some(Self::StandardInput);
        }
        let metadata = std::fs::metadata(path).ok().filter(Metadata::is_file)?;
        Self::of_file(path, &metadata)
    }

    #[cfg(unix)]
    fn of_file(_: &Path, metadata: &Metadata) -> Option<Self> {
        use std::os::unix::fs::MetadataExt;
        Some(Self::Node(metadata.dev(), metadata.ino()))
    }

    #[cfg(not(unix))]
    fn of_file(path: &Path, _: &Metadata) -> Option<Self> {
        std::fs::canonicalize(path).ok().map(Self::Path)
    }
}

/// Refuses a file whose columns are not those of the first one, of which this is the name.
pub(crate) fn check_columns(first: (&str, &[String]), source: &Source) -> Result<(), Error> {
    let ((first, wanted), (file, names)) = (first, (source.file(), source.names()));
    let same = "the files of a data set have the same columns in the same order";
    if let Some(place) = wanted.iter().zip(names).position(|(wanted, name)| wanted != name) {
        bail!(
            "{file}: column {} is `{}`, and in {first} it is `{}`: {same}",
            place + 1,
            shown(&names[place]),
            shown(&wanted[place])
        );
    }
    ensure!(
        names.len() == wanted.len(),
        "{file} has {} columns, and {first} has {}: {same}",
        names.len(),
        wanted.len()
    );
    Ok(())
}

/// The names of files in messages: the first, and how many others there are.
pub(crate) fn all_of(names: impl Iterator<Item = impl AsRef<str>>) -> String {
    let names: Vec<_> = names.collect();
    match &names[..] {
        [] => String::new(),
        [one] => one.as_ref().to_owned(),
        [one, others @ ..] => format!("{} and {} other files", one.as_ref(), others.len()),
    }
}
