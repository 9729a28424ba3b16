//! What a caller can get wrong, in words.

use crate::Isa;
use core::fmt;

/// Why a call did nothing. Every check is made before anything is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// Two slices that must be of one length are not.
    LengthMismatch {
        /// The arguments' names.
        names: [&'static str; 2],
        /// Their lengths, in the same order.
        lengths: [usize; 2],
    },
    /// No instruction set of that name is available on this CPU.
    UnknownIsa,
}

impl Error {
    /// `Ok` where all the named slices are as long as the first.
    pub(crate) fn unless_same_length<const N: usize>(slices: [(&'static str, usize); N]) -> Result<(), Self> {
        let (name, length) = slices[0];
        match slices.into_iter().find(|&(_, other)| other != length) {
            None => Ok(()),
            Some((other_name, other)) => {
                Err(Self::LengthMismatch { names: [name, other_name], lengths: [length, other] })
            }
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LengthMismatch { names: [a, b], lengths: [m, n] } => {
                write!(f, "lengths disagree: `{a}` has {m} elements, `{b}` has {n}")
            }
            Self::UnknownIsa => {
                f.write_str("no such instruction set on this CPU; available:")?;
                for (i, isa) in Isa::available().enumerate() {
                    write!(f, "{} {isa}", if i == 0 { "" } else { "," })?;
                }
                Ok(())
            }
        }
    }
}

impl core::error::Error for Error {}
