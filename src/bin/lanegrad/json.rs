//! Files of our own: JSON with the version of its format in `schema`.

use anyhow::{Context, Result, ensure};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// JSON for people to read too.
pub fn to_string(value: &impl Serialize) -> Result<String> {
    let mut json = serde_json::to_string_pretty(value)?;
    json.push('\n');
    Ok(json)
}

/// Reads a file of a format and checks what was read; `what` says what the file should be.
pub fn read<T: DeserializeOwned>(
    path: &Path,
    schema: u32,
    what: &str,
    check: impl FnOnce(&T) -> Result<()>,
) -> Result<T> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    parse(&text, schema, check).with_context(|| format!("{} is not {what}", path.display()))
}

/// Reads a text of a format, and checks what was read.
pub fn parse<T: DeserializeOwned>(
    text: &str,
    schema: u32,
    check: impl FnOnce(&T) -> Result<()>,
) -> Result<T> {
    // The version first: of another one, other fields may be missing.
    #[derive(Deserialize)]
    struct Version {
        schema: u32,
    }
    let version: Version = serde_json::from_str(text)?;
    ensure!(version.schema == schema, "its schema is {}, and this version reads {schema}", version.schema);
    let value = serde_json::from_str(text)?;
    check(&value)?;
    Ok(value)
}
