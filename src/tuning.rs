//! Constants that change speed and no bit: how much is done at a time, how far ahead memory is asked for, and
//! how much work is worth another thread.
//!
//! Those that belong to the numeric contract, and change bits, stand with their algorithm: the vectors of a
//! leaf of `dot` (`pass::dot`), the accumulators of a narrow gradient (`pass::narrow`, `pass::columns`), and the rows
//! of a chunk (`tree`).

/// Bytes of a cache line, on nearly every CPU that this runs on.
pub(crate) const CACHE_LINE: usize = 64;

/// True for numbers of two bytes or one. To widen them takes so long that memory idles meanwhile, unless it is asked for
/// in advance.
pub(crate) const fn is_small<S>() -> bool {
    size_of::<S>() < size_of::<f32>()
}

/// Where rows come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(unnameable_types, reason = "what a sealed trait stands on")]
pub enum Source {
    /// They are taken to be in cache, where nothing has to be asked for.
    Cache,
    /// From memory, which is asked for at these distances.
    Memory(Ahead),
}

/// Distances in bytes from rows that are read to the memory that is asked for meanwhile; 0 if none is, as the
/// hardware does better by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(unnameable_types, reason = "what a sealed trait stands on")]
pub struct Ahead {
    /// For rows of at most four vectors.
    pub(crate) narrow: usize,
    /// For longer rows.
    pub(crate) wide: usize,
    /// For rows of numbers of two bytes or one, which are asked for into the second-level cache.
    pub(crate) small: usize,
}

impl Ahead {
    /// For CPUs that were not measured with these loops: what suited an Intel Xeon (family 6 model 167) with earlier
    /// ones.
    const DEFAULT: Self = Self { narrow: 4 << 10, wide: 8 << 10, small: 16 << 10 };

    /// For AMD's Zen 3 and Zen 4. Their second-level cache fetches twice as many lines at a time for itself as a core
    /// can ask for, and asking gets in its way: measured on a Zen 4 (`BENCHMARKS.md`, "Measured while tuning").
    const ZEN_4: Self = Self { narrow: 0, wide: 0, small: 16 << 10 };

    /// The distances for a CPU.
    pub(crate) const fn on(cpu: Option<Cpu>) -> Self {
        match cpu {
            Some(Cpu { vendor: [b'A', b'u', b't', b'h', ..], family: 0x19 }) => Self::ZEN_4,
            _ => Self::DEFAULT,
        }
    }
}

/// A CPU's maker, as it names itself, and its family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cpu {
    pub(crate) vendor: [u8; 12],
    pub(crate) family: u32,
}

/// Size in bytes below which rows are taken to be in cache.
pub(crate) const IN_CACHE: usize = 1 << 20;

/// Rows whose probabilities are computed while their logits are in cache: a multiple of the lanes of every vector.
pub(crate) const GROUP: usize = 256;

/// Most rows whose lanes are added up row by row, and not those of as many rows as a vector has lanes at once.
pub(crate) const FEW_ROWS: usize = 4;

/// Rows of a block of at most half a vector each.
pub(crate) const COLUMNS_BLOCK: usize = 64;

/// Rows of a block of `vectors` vectors each, up to four.
///
/// From memory at most 4 KB: scored, they are no more loads than a core keeps track of, so that the block before them
/// is accumulated while their memory arrives. In cache as many as keep the functions of logits busy, side by side.
pub(crate) const fn narrow_block(vectors: usize, source: Source) -> usize {
    match (source, vectors) {
        (_, 1) => 64,
        (Source::Memory(_), 2) => 32,
        (Source::Memory(_), _) => 16,
        (Source::Cache, 2) => 64,
        (Source::Cache, _) => 32,
    }
}

/// Rows of a block of rows of more than four vectors, of `bytes` bytes each: no more than half of a second-level cache
/// holds, but at least four, as so many are accumulated at a time.
///
/// From memory some widths gain from blocks of about 4 KB, as narrow rows do: a fifth to a third at 448 to 640 bytes, a
/// tenth at 1 KB. Rows of 384 bytes lose a third by them, and such of 1280 a tenth, on a Zen 4. Rows of `small` numbers
/// gain from shorter blocks, of 16 KB, or of eight rows up to 64 KB.
pub(crate) const fn wide_block(bytes: usize, small: bool, source: Source) -> usize {
    if let (false, Source::Memory(_), 448..=1024) = (small, source, bytes) {
        return if bytes <= 704 { 8 } else { 4 };
    }
    let most = match bytes {
        2048..=8192 if small => 8 * bytes,
        _ if small => 16 << 10,
        _ => 256 << 10,
    };
    match most / if bytes == 0 { 1 } else { bytes } {
        rows if rows >= 64 => 64,
        rows if rows >= 4 => 1 << rows.ilog2(),
        _ => 4,
    }
}

/// How many rows of `bytes` bytes each are asked for ahead of the one that is copied, where rows lie anywhere: 4 KB of
/// them at 256 bytes, 12 KB at 3 KB, on a Zen 4.
pub(crate) const fn rows_ahead(bytes: usize) -> usize {
    if bytes <= 512 { 16 } else { 4 }
}

/// Least work, in operations on an element, that is worth handing to another thread: about 10 µs of a core.
#[cfg(feature = "alloc")]
pub(crate) const SMALLEST_PIECE: usize = 1 << 18;

/// Pieces of work for each thread: several, so that other threads can take over from one that is held up.
#[cfg(feature = "alloc")]
pub(crate) const PIECES_PER_THREAD: usize = 8;

/// Cost of an element of an elementwise kernel, in operations of a dot product on an element.
#[cfg(feature = "alloc")]
pub(crate) const ELEMENT_COST: usize = 16;
