//! The error of this crate: a text, and its cause.

use std::fmt;

/// The reason why data, a model or a fit was refused: a text for people, which names file, line and column
/// if it can. Its cause is its [source](std::error::Error::source).
#[derive(Debug)]
pub struct Error {
    message: String,
    source: Option<Source>,
    is_cancellation: bool,
}

type Source = Box<dyn std::error::Error + Send + Sync>;

impl Error {
    /// An error that nothing else caused: also of an [`Objective`](crate::Objective) or of [`Passes`](crate::Passes)
    /// outside of this crate.
    ///
    /// ```
    /// let error = lanegrad_fit::Error::new("worker 3 is gone");
    /// assert_eq!(error.to_string(), "worker 3 is gone");
    /// ```
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), source: None, is_cancellation: false }
    }

    /// The end of a pass that was cancelled, of an [`Objective`](crate::Objective) or of [`Passes`](crate::Passes) whose
    /// passes take long: a minimisation ends with the best point so far, as after a `Break` of its
    /// [`Observer`](crate::Observer). Before the first pass was made there is none, and this is its error.
    #[must_use]
    pub fn cancelled() -> Self {
        Self { is_cancellation: true, ..Self::new("the pass was cancelled") }
    }

    /// True for what [`cancelled`](Self::cancelled) made.
    pub(crate) const fn is_cancellation(&self) -> bool {
        self.is_cancellation
    }

    /// An error with its cause.
    #[must_use]
    pub fn because(
        message: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self { message: message.into(), source: Some(source.into()), is_cancellation: false }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

impl From<lanegrad::Error> for Error {
    fn from(error: lanegrad::Error) -> Self {
        Self::because("the kernels refused the data", error)
    }
}

/// A text for an error, before the text of its cause.
pub(crate) trait Context<T> {
    /// Adds a text in front of the cause.
    fn context(self, message: impl Into<String>) -> Result<T, Error>;

    /// The same, with a text that is only made if it is needed.
    fn with_context(self, message: impl FnOnce() -> String) -> Result<T, Error>;
}

impl<T, E: Into<Source>> Context<T> for Result<T, E> {
    fn context(self, message: impl Into<String>) -> Result<T, Error> {
        self.map_err(|source| Error::because(message, source))
    }

    fn with_context(self, message: impl FnOnce() -> String) -> Result<T, Error> {
        self.map_err(|source| Error::because(message(), source))
    }
}

impl<T> Context<T> for Option<T> {
    fn context(self, message: impl Into<String>) -> Result<T, Error> {
        self.ok_or_else(|| Error::new(message))
    }

    fn with_context(self, message: impl FnOnce() -> String) -> Result<T, Error> {
        self.ok_or_else(|| Error::new(message()))
    }
}

/// Returns an error of a formatted text.
macro_rules! bail {
    ($($message:tt)+) => {
        return Err($crate::error::Error::new(format!($($message)+)).into())
    };
}

/// Returns an error of a formatted text unless a condition holds.
macro_rules! ensure {
    ($condition:expr, $($message:tt)+) => {
        if !$condition {
            $crate::error::bail!($($message)+);
        }
    };
}

pub(crate) use {bail, ensure};

/// The texts of an error and its causes, as a program prints them.
#[cfg(test)]
pub(crate) fn chain(error: &Error) -> String {
    let first: &dyn std::error::Error = error;
    let causes = std::iter::successors(Some(first), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
