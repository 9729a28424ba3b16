//! Matrices that are written row after row: `.npy` or, as the name of the file says, `.safetensors`.

use anyhow::Result;
use lanegrad_fit::Dtype;
use lanegrad_fit::data::{npy, safetensors};
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

    /// The start of a file with the matrix; `.safetensors` name it `X`, and may have a vector of bytes, `y`, behind it. It
    /// has the same length for any number of rows.
    pub(crate) fn header(self, dtype: Dtype, rows: usize, cols: usize, has_vector: bool) -> Result<Vec<u8>> {
        let tensors: [safetensors::Tensor<'_>; 2] = [("X", dtype, &[rows, cols]), ("y", Dtype::U8, &[rows])];
        Ok(match self {
            Self::Npy => npy::header(dtype, rows, cols)?,
            Self::Safetensors => safetensors::header(&tensors[..1 + usize::from(has_vector)]),
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
