//! Matrices that are written row after row: `.npy` or, as the name of the file says, `.safetensors`.

use crate::output::{self, Output};
use anyhow::{Context, Result, ensure};
use lanegrad_fit::data::{npy, path_of_scaling, safetensors};
use lanegrad_fit::{Dtype, Quantization};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// A format of matrices.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Npy,
    Safetensors,
}

impl Format {
    /// The format that a file's name ends with.
    pub(crate) fn of(path: &Path) -> Self {
        let extension = path.extension().unwrap_or_default();
        if extension.eq_ignore_ascii_case("safetensors") { Self::Safetensors } else { Self::Npy }
    }

    /// The start of a file with the matrix, which `.safetensors` name `X`. It has the same length for any number of rows.
    /// What the numbers stand for is beside a `.npy`.
    pub(crate) fn header(
        self,
        dtype: Dtype,
        rows: usize,
        cols: usize,
        quantization: Option<&Quantization>,
    ) -> Result<Vec<u8>> {
        Ok(match self {
            Self::Npy => npy::header(dtype, rows, cols)?,
            Self::Safetensors => safetensors::header(&[("X", dtype, &[rows, cols])], quantization),
        })
    }
}

/// The file beside a `.npy` that says what its numbers stand for.
pub(crate) struct Beside(PathBuf);

impl Beside {
    /// That of an output, where it is a file of this format. It is checked that it can be written, and that what is there
    /// is another's scaling, and nothing else.
    pub(crate) fn of(output: &Path, format: Format) -> Result<Option<Self>> {
        let Some(file) = output::file(output).filter(|_| format == Format::Npy) else { return Ok(None) };
        let path = path_of_scaling(&file);
        output::check(&path)?;
        if let Some(text) = path.is_file().then(|| fs::read(&path).ok()).flatten() {
            let is_scaling = serde_json::from_slice::<Quantization>(&text).is_ok();
            ensure!(is_scaling, "{} is in the way: it is no scaling of columns", path.display());
        }
        Ok(Some(Self(path)))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Finishes an output, with what its numbers stand for beside it, if it has such a file; or removes that of a file which
    /// was there before.
    pub(crate) fn finish(
        beside: Option<Self>,
        out: Output,
        quantization: Option<&Quantization>,
    ) -> Result<()> {
        let Some(Self(path)) = &beside else { return out.finish() };
        let Some(quantization) = quantization else {
            out.finish()?;
            return match fs::remove_file(path) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    Err(error).with_context(|| format!("cannot remove {}", path.display()))
                }
                _ => Ok(()),
            };
        };
        // Written before either has its name, as each without the other would be taken for something else.
        let mut scaling = Output::create(path)?;
        scaling.write(quantization.to_json().as_bytes())?;
        out.finish()?;
        scaling.finish()
    }
}

/// `for_dtype!(dtype, S => expression)`: the expression, with `S` the type of this name.
macro_rules! for_dtype {
    ($dtype:expr, $S:ident => $e:expr) => {
        match $dtype {
            lanegrad_fit::Dtype::I8 => for_dtype!(type i8, $S => $e),
            lanegrad_fit::Dtype::U8 => for_dtype!(type u8, $S => $e),
            lanegrad_fit::Dtype::Bf16 => for_dtype!(type half::bf16, $S => $e),
            lanegrad_fit::Dtype::F16 => for_dtype!(type half::f16, $S => $e),
            lanegrad_fit::Dtype::F32 => for_dtype!(type f32, $S => $e),
            lanegrad_fit::Dtype::F64 => for_dtype!(type f64, $S => $e),
        }
    };
    (type $t:ty, $S:ident => $e:expr) => {{
        type $S = $t;
        $e
    }};
}
pub(crate) use for_dtype;
