//! A data set whose rows are in many places: a driver asks questions of shards, and workers answer them, each of the
//! rows that it holds. How bytes get from one to the other is the business of whoever runs them: an engine of a cluster,
//! threads, MPI.
//!
//! From the driver: [`Plan`] says which rows make up each shard; `driver` fits a model, as the passes that it asks for.
//! On a worker: [`ShardRows`] are the rows of one shard, which answer. `question` is what is sent.

mod driver;
mod plan;
mod question;
mod rows;

pub use self::plan::Plan;
pub use self::rows::ShardRows;

use crate::error::Error;
use std::ops::Range;

/// Who takes the answer of a shard, of this number.
pub type Take<'t> = &'t mut dyn FnMut(usize, &[u8]) -> Result<(), Error>;

/// Those who hold the shards of a data set, as its driver sees them.
pub trait Workers {
    /// Puts a question to each of some shards ([`ShardRows::answer`]), and hands every shard's answer to `take`, with the
    /// number of the shard, in whatever order they come. Each answer depends on the shard and the question alone, and so
    /// one that is lost can be asked for again, of anybody who holds the same shard.
    ///
    /// # Errors
    ///
    /// Whatever keeps it from an answer, and what `take` returns: it ends the fit. [`Error::cancelled`] ends it with
    /// what was reached.
    fn ask(&mut self, question: &[u8], shards: Range<usize>, take: Take<'_>) -> Result<(), Error>;
}
