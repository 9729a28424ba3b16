//! The list of files of a data set, before any row is read.

use crate::data::safetensors::split;
use crate::data::{Label, Source, name, shown};
use crate::error::{Error, bail, ensure};
use crate::quantization::Quantization;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Refuses a list without files, a file that is there twice, and labels that are not in as many files, or come from
/// standard input as the data do.
pub(crate) fn check(paths: &[&Path], label: Option<&Label>) -> Result<(), Error> {
    ensure!(!paths.is_empty(), "there is no file of data");
    check_distinct(paths)?;
    if let Some(Label::Files(files)) = label {
        ensure!(
            files.len() == paths.len(),
            "the number of files of labels is {}, and that of data {}: each has its own",
            files.len(),
            paths.len()
        );
        let labels: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
        check_distinct(&labels)?;
        let input = Path::new("-");
        let both = paths.contains(&input) && labels.contains(&input);
        ensure!(!both, "data and labels cannot both come from standard input");
    }
    Ok(())
}

/// Refuses a file that is in a list twice, also under two names.
fn check_distinct(paths: &[&Path]) -> Result<(), Error> {
    let mut seen: HashMap<Identity, Vec<(Option<&str>, &Path)>> = HashMap::new();
    for path in paths {
        // Tensors of one file are several, and one without a name may be any.
        let (file, tensor) = split(path);
        let Some(identity) = Identity::of(file) else { continue };
        let others = seen.entry(identity).or_default();
        let again = others.iter().find(|(other, _)| other.is_none() || tensor.is_none() || *other == tensor);
        let again = again.map(|&(_, path)| path);
        others.push((tensor, path));
        if let Some(first) = again {
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
    /// That of a file, of a pipe, or of standard input, which a shell may have opened on a file; `None` for what is not
    /// there.
    #[cfg(unix)]
    fn of(path: &Path) -> Option<Self> {
        use std::os::unix::fs::MetadataExt;
        let is_input = path.as_os_str() == "-";
        let metadata = std::fs::metadata(if is_input { Path::new("/dev/stdin") } else { path });
        let node = metadata.ok().map(|metadata| Self::Node(metadata.dev(), metadata.ino()));
        node.or_else(|| is_input.then_some(Self::StandardInput))
    }

    /// That of a file or of standard input; `None` for what is not there.
    #[cfg(not(unix))]
    fn of(path: &Path) -> Option<Self> {
        let is_input = path.as_os_str() == "-";
        if is_input { Some(Self::StandardInput) } else { std::fs::canonicalize(path).ok().map(Self::Path) }
    }
}

/// The columns of the first file of a data set, which all have: their names, and what their numbers stand for.
#[derive(Clone, Copy)]
pub(crate) struct Heading<'a> {
    pub(crate) file: &'a str,
    pub(crate) names: &'a [String],
    pub(crate) quantization: Option<&'a Quantization>,
}

impl<'a> Heading<'a> {
    pub(crate) fn of(source: &'a Source<'_>) -> Self {
        Self { file: source.file(), names: source.names(), quantization: source.quantization() }
    }
}

/// Refuses a file whose columns are not those of the first one.
pub(crate) fn check_columns(first: Heading<'_>, source: &Source<'_>) -> Result<(), Error> {
    let Heading { file: first, names: wanted, quantization } = first;
    let (file, names) = (source.file(), source.names());
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
    ensure!(
        source.quantization() == quantization,
        "{file} and {first} are not quantised with the same scales, as the files of a data set are"
    );
    Ok(())
}

/// The names of files in messages: the first, and how many others there are.
pub(crate) fn all_of(names: impl Iterator<Item = impl AsRef<str>>) -> String {
    let names: Vec<_> = names.collect();
    match &names[..] {
        [] => String::new(),
        [one] => one.as_ref().to_owned(),
        [one, _] => format!("{} and another file", one.as_ref()),
        [one, others @ ..] => format!("{} and {} other files", one.as_ref(), others.len()),
    }
}
