//! Matrices that are written row after row: `.npy` or, as the name of the file says, `.safetensors`.

use anyhow::Result;
use lanegrad_fit::data::{npy, safetensors};
use lanegrad_fit::{Dtype, Quantization};
use std::path::Path;

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
