//! Constants that change speed and no bit: how much is done at a time, how far ahead memory is asked for, and
//! how much work is worth another thread.
//!
//! Those that belong to the numeric contract, and change bits, stand with their algorithm: the vectors of a
//! leaf of `dot` (`pass::dot`), the accumulators of a narrow gradient (`pass::narrow`), and the rows of a
//! chunk (`tree`).

/// Bytes of a cache line, on nearly every CPU that this runs on.
pub(crate) const CACHE_LINE: usize = 64;

/// Distance in bytes from a row that is scored to the memory that is asked for meanwhile.
#[cfg(feature = "alloc")]
pub(crate) const AHEAD: usize = 12 << 10;

/// Size in bytes below which rows are taken to be in cache: no memory is asked for ahead of them.
#[cfg(feature = "alloc")]
pub(crate) const IN_CACHE: usize = 1 << 20;

/// Number of rows whose logits are held at a time: a multiple of the lanes of every vector.
#[cfg(feature = "alloc")]
pub(crate) const GROUP: usize = 256;

/// Fewest rows of a block: a multiple of the number of accumulators of `pass::narrow`.
#[cfg(feature = "alloc")]
pub(crate) const LEAST_BLOCK: usize = 4;

/// Bytes of a block of rows.
#[cfg(feature = "alloc")]
pub(crate) const BLOCK_BYTES: usize = 12 << 10;

/// Bytes of a block of long rows that come from memory. It is shorter than other blocks, and so is the time
/// of the steps that ask for no memory.
#[cfg(feature = "alloc")]
pub(crate) const LONG_ROWS_BLOCK_BYTES: usize = 4 << 10;

/// Least work, in operations on an element, that is worth handing to another thread: about 10 µs of a core.
#[cfg(feature = "alloc")]
pub(crate) const SMALLEST_PIECE: usize = 1 << 18;

/// Pieces of work for each thread: several, so that other threads can take over from one that is held up.
#[cfg(feature = "alloc")]
pub(crate) const PIECES_PER_THREAD: usize = 8;

/// Cost of an element of an elementwise kernel, in operations of a dot product on an element.
#[cfg(feature = "alloc")]
pub(crate) const ELEMENT_COST: usize = 16;
