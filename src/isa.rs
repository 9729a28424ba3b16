//! `Isa`: the choice of the instructions that run. Detected once, chosen once per call, never per row.

use crate::error::Error;
#[cfg(feature = "scalar")]
use crate::simd::scalar::Scalar;
use crate::simd::{Backend, portable::Portable};
#[cfg(target_arch = "x86_64")]
use crate::simd::{avx2::Avx2, avx512::Avx512};
use core::fmt;

/// An instruction set that this CPU has, to run kernels on.
///
/// | name | instructions | fused | where |
/// |---|---|---|---|
/// | `scalar` | plain loops with `mul_add`: the definition of every result's bits | yes | everywhere, with the feature `scalar` |
/// | `portable` | what the build enables: SSE2, NEON, wasm simd128 | on aarch64, and with `-C target-feature=+fma` | everywhere |
/// | `avx2` | AVX2, FMA and F16C | yes | x86-64 |
/// | `avx512` | AVX-512 F, DQ, VL, and what `avx2` has | yes | x86-64 |
///
/// The value is a proof that the CPU has the instructions: there is no way to make an `Isa` that
/// is not available (nor to read one from a file: it is never serialised). Instruction sets are ordered,
/// slowest first. Those that are fused ([`Isa::is_fused`]) give the same bits as one another.
///
/// ```
/// use lanegrad::Isa;
///
/// for isa in Isa::available() {
///     println!("{isa}: {:?}", isa.dot(&[1.0_f32, 2.0], &[3.0, 4.0]));
/// }
/// assert_eq!(Isa::from_name("scalar")?.dot(&[1.0_f32, 2.0], &[3.0, 4.0])?, 11.0);
/// # Ok::<(), lanegrad::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Isa(Token);

/// The token of a backend, slowest first; `dispatch!` matches it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Token {
    #[cfg(feature = "scalar")]
    Scalar(Scalar),
    Portable(Portable),
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
    #[cfg(target_arch = "x86_64")]
    Avx512(Avx512),
}

/// The names of all instruction sets of this architecture, slowest first.
const NAMES: &[&str] = &[
    #[cfg(feature = "scalar")]
    "scalar",
    "portable",
    #[cfg(target_arch = "x86_64")]
    "avx2",
    #[cfg(target_arch = "x86_64")]
    "avx512",
];

impl Isa {
    /// The instruction set that the free functions run on: the fastest one available, or the one
    /// that the environment variable `LANEGRAD_ISA` names, where it names an available one.
    ///
    /// Decided once per process, at the first call. A value of `LANEGRAD_ISA` that is unknown, or
    /// names an instruction set that this CPU lacks, is ignored (`Isa::from_env` tells). Without the feature `std`
    /// there is no environment to read and no detection: the best is what the build enables.
    #[inline]
    #[must_use]
    pub fn best() -> Self {
        #[cfg(feature = "std")]
        {
            static BEST: std::sync::OnceLock<Isa> = std::sync::OnceLock::new();
            *BEST.get_or_init(|| Self::from_env().ok().flatten().unwrap_or_else(Self::fastest))
        }
        #[cfg(not(feature = "std"))]
        Self::fastest()
    }

    /// The instruction set that the environment variable `LANEGRAD_ISA` names now; `None` where it is not set, or
    /// empty.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownIsa`] where it names none that this CPU has, which [`Isa::best`] ignores.
    ///
    /// # Examples
    ///
    /// ```
    /// use lanegrad::Isa;
    ///
    /// // What was asked for when the program started is what runs, or the program says so.
    /// if let Some(isa) = Isa::from_env()? {
    ///     assert_eq!(isa, Isa::best());
    /// }
    /// # Ok::<(), lanegrad::Error>(())
    /// ```
    #[cfg(feature = "std")]
    pub fn from_env() -> Result<Option<Self>, Error> {
        match std::env::var_os("LANEGRAD_ISA") {
            None => Ok(None),
            Some(name) if name.is_empty() => Ok(None),
            Some(name) => Self::from_name(&name.to_string_lossy()).map(Some),
        }
    }

    /// Every instruction set that this CPU has, slowest first.
    pub fn available() -> impl DoubleEndedIterator<Item = Self> + Clone {
        [
            #[cfg(feature = "scalar")]
            Some(Self(Token::Scalar(Scalar))),
            Some(Self(Token::Portable(Portable))),
            #[cfg(target_arch = "x86_64")]
            Avx2::detect().map(|token| Self(Token::Avx2(token))),
            #[cfg(target_arch = "x86_64")]
            Avx512::detect().map(|token| Self(Token::Avx512(token))),
        ]
        .into_iter()
        .flatten()
    }

    /// The available instruction set of that name, in any case of letters.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownIsa`] where no instruction set of this CPU has that name; its message lists the names.
    pub fn from_name(name: &str) -> Result<Self, Error> {
        let found = Self::available().find(|isa| isa.name().eq_ignore_ascii_case(name));
        // A CPU that has an instruction set has all before it in the list.
        found.ok_or_else(|| Error::UnknownIsa { available: &NAMES[..Self::available().count()] })
    }

    /// The name: `scalar`, `portable`, `avx2` or `avx512`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self.0 {
            #[cfg(feature = "scalar")]
            Token::Scalar(_) => "scalar",
            Token::Portable(_) => "portable",
            #[cfg(target_arch = "x86_64")]
            Token::Avx2(_) => "avx2",
            #[cfg(target_arch = "x86_64")]
            Token::Avx512(_) => "avx512",
        }
    }

    /// True where a multiply-add rounds once. All such ("fused") instruction sets give the same bits for the
    /// same inputs. The only one that may be unfused is `portable`: it is fused on aarch64, and where
    /// the build enables x86's FMA (`-C target-feature=+fma`, `-C target-cpu=…`).
    #[must_use]
    pub fn is_fused(self) -> bool {
        fn fused<B: Backend>(_: B) -> bool {
            B::FUSED
        }
        dispatch!(self, b => fused(b))
    }

    fn fastest() -> Self {
        // `portable` is always there.
        Self::available().next_back().unwrap_or(Self(Token::Portable(Portable)))
    }

    #[inline(always)]
    pub(crate) fn token(self) -> Token {
        self.0
    }
}

impl Default for Isa {
    fn default() -> Self {
        Self::best()
    }
}

impl core::str::FromStr for Isa {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        Self::from_name(name)
    }
}

impl fmt::Display for Isa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Debug for Isa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Isa({self})")
    }
}

/// `dispatch!(isa, b => expression of the backend token b)`: compiles the expression once for each
/// backend, with that backend's instructions, and runs the one that `isa` names.
///
/// The expression must call an `#[inline(always)]` function; the macro owns the closure around it,
/// whose own `#[inline(always)]` nobody then has to remember.
macro_rules! dispatch {
    ($isa:expr, $b:ident => $e:expr) => {{
        use $crate::simd::Backend as _;
        match $isa.token() {
            #[cfg(feature = "scalar")]
            $crate::isa::Token::Scalar($b) => $b.vectorize(
                #[inline(always)]
                || $e,
            ),
            $crate::isa::Token::Portable($b) => $b.vectorize(
                #[inline(always)]
                || $e,
            ),
            #[cfg(target_arch = "x86_64")]
            $crate::isa::Token::Avx2($b) => $b.vectorize(
                #[inline(always)]
                || $e,
            ),
            #[cfg(target_arch = "x86_64")]
            $crate::isa::Token::Avx512($b) => $b.vectorize(
                #[inline(always)]
                || $e,
            ),
        }
    }};
}
pub(crate) use dispatch;
