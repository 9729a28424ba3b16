//! Where shards start: about as far apart as if all were of one size, and at boundaries that leave a shard few nodes of
//! the summation tree.

use crate::place::Place;
use alloc::vec;
use alloc::vec::Vec;

/// The most of the mean that a shard may have, as a fraction, where it has [`ENOUGH`] chunks in the mean.
const MOST: (u128, u128) = (11, 10);
const ENOUGH: u64 = 16;

/// How far from an even cut others are looked for, as a part of the mean.
const REACH: (u128, u128) = (3, 10);

/// How often a range of boundaries is divided at the highest in it, to find those to choose from: 2^4 - 1 of them.
const DEPTH: u32 = 4;

/// The most nodes that a shard's sum should have.
const NODES: u32 = 6;

/// A boundary between chunks.
#[derive(Clone, Copy, PartialEq)]
struct Boundary {
    /// The number of chunks before it.
    before: u64,
    /// The segment that it is in or in front of, and the number of chunks before it there.
    segment: u64,
    chunk: u64,
}

/// The chunks of segments, which are numbered through.
struct Chunks {
    /// The number of chunks before each segment, and that of all.
    before: Vec<u64>,
}

impl Chunks {
    fn new(segments: &[u64], chunk_rows: u64) -> Self {
        let mut before = vec![0];
        before.extend(segments.iter().scan(0_u64, |all, rows| {
            *all = all.saturating_add(rows.div_ceil(chunk_rows));
            Some(*all)
        }));
        Self { before }
    }

    fn count(&self) -> u64 {
        self.before.last().copied().unwrap_or(0)
    }

    /// The number of segments.
    fn segments(&self) -> u64 {
        self.before.len() as u64 - 1
    }

    /// The number of a segment's chunks.
    fn of(&self, segment: u64) -> u64 {
        self.before[segment as usize + 1] - self.before[segment as usize]
    }

    /// The boundary behind so many chunks: behind segments without rows too, if it is between segments.
    fn boundary(&self, before: u64) -> Boundary {
        let segment = self.before.partition_point(|&first| first <= before) - 1;
        Boundary { before, segment: segment as u64, chunk: before - self.before[segment] }
    }

    /// Of the boundaries behind `first` to `last` chunks, the one where the trees divide furthest up: between segments
    /// rather than inside one, and where the number of segments, or of chunks, has the most factors of 2.
    fn highest(&self, first: u64, last: u64) -> Boundary {
        let (from, to) = (self.boundary(first), self.boundary(last));
        let between = if from.chunk == 0 { from.segment } else { from.segment + 1 };
        self.boundary(if between <= to.segment {
            self.before[most_factors(between, to.segment) as usize]
        } else {
            self.before[from.segment as usize] + most_factors(from.chunk, to.chunk)
        })
    }

    /// Adds the highest boundaries behind `first` to `last` chunks, in order.
    fn add_highest(&self, first: u64, last: u64, depth: u32, found: &mut Vec<Choice>) {
        if depth > 0 && first <= last {
            let highest = self.highest(first, last);
            if let Some(left) = highest.before.checked_sub(1) {
                self.add_highest(first, left, depth - 1, found);
            }
            found.push(Choice::new(highest));
            self.add_highest(highest.before.saturating_add(1), last, depth - 1, found);
        }
    }

    /// The number of nodes of the sum of the chunks between two boundaries, whose segments, and the data set, have
    /// ended if these chunks are the last.
    fn nodes(&self, start: Boundary, end: Boundary) -> u32 {
        if start.segment == end.segment {
            return nodes(start.chunk, end.chunk, false);
        }
        let (mut count, mut first) = (0, start.segment);
        if start.chunk > 0 {
            count += nodes(start.chunk, self.of(first), true);
            first += 1;
        }
        count + nodes(first, end.segment, end.segment == self.segments()) + nodes(0, end.chunk, false)
    }
}

/// The number with the most factors of 2 in a range, both ends included.
const fn most_factors(first: u64, last: u64) -> u64 {
    if first == 0 || first == last {
        return first;
    }
    // The bits that all numbers of the range have in common, and the first that only some have.
    last & u64::MAX << ((first - 1) ^ last).ilog2()
}

/// The number of nodes of a tree that leaves from `first` to before `end` make up; where these are the last leaves, a
/// node stands for parents that have no other child.
const fn nodes(mut first: u64, end: u64, last: bool) -> u32 {
    let mut count = 0;
    while first < end {
        let size = if first == 0 { u64::MAX } else { first & first.wrapping_neg() };
        let left = end - first;
        first = if size >= left && last {
            end
        } else if size > left {
            first + (1 << left.ilog2())
        } else {
            first + size
        };
        count += 1;
    }
    count
}

/// A cut that may be chosen, with the best way there.
struct Choice {
    cut: Boundary,
    /// `None` if there is none.
    way: Option<Way>,
}

/// How good the shards before a cut are, what counts most first, and the place of the choice before it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Way {
    /// Their nodes beyond those that they should have.
    excess: u32,
    /// Their chunks beyond those of even shards.
    uneven: u64,
    /// Their nodes.
    nodes: u32,
    before: usize,
}

/// The most chunks of a shard: of an even one, and of any.
#[derive(Clone, Copy)]
struct Most {
    even: u64,
    any: u64,
}

impl Choice {
    const fn new(cut: Boundary) -> Self {
        Self { cut, way: None }
    }
}

/// The places where at most so many shards of some segments start, and the last one's end; none without rows. `rows`
/// are those of each segment.
///
/// From the cuts that may be chosen near each even one, those with the fewest nodes in all.
pub(super) fn cuts(rows: &[u64], chunk_rows: u64, shards: usize) -> Vec<Place> {
    let chunks = Chunks::new(rows, chunk_rows);
    let count = chunks.count();
    let shards = (shards as u64).min(count);
    if shards == 0 {
        return Vec::new();
    }
    let mean = count.div_ceil(shards);
    let most = (u128::from(count) * MOST.0 / (u128::from(shards) * MOST.1)) as u64;
    let most = if count / shards >= ENOUGH {
        Most { even: most.max(mean), any: most.max(mean) }
    } else {
        // A chunk more where nothing else does.
        Most { even: mean, any: mean.saturating_add(1) }
    };

    let reach = (u128::from(mean) * REACH.0 / REACH.1) as u64;
    let mut start = Choice::new(chunks.boundary(0));
    start.way = Some(Way { excess: 0, uneven: 0, nodes: 0, before: 0 });
    let mut layers = vec![vec![start]];
    for shard in 1..=shards {
        let (before, after) = (u128::from(shard), u128::from(shards - shard));
        let even = (u128::from(count) * before / u128::from(shards)) as u64;
        // Shards before and after it must neither be too large nor without rows.
        let least = (u128::from(count)).saturating_sub(after * u128::from(most.any)).max(before) as u64;
        let largest = (before * u128::from(most.any)).min(u128::from(count) - after) as u64;
        let mut choices = Vec::new();
        let (first, last) = (even.saturating_sub(reach).max(least), even.saturating_add(reach).min(largest));
        chunks.add_highest(first, last, DEPTH, &mut choices);
        if choices.iter().all(|choice| choice.cut.before != even) {
            choices.push(Choice::new(chunks.boundary(even)));
        }
        let ways = layers.last().map_or(&[][..], Vec::as_slice);
        for choice in &mut choices {
            choice.way = best_way(&chunks, ways, choice.cut, most);
        }
        layers.push(choices);
    }
    let mut places = Vec::new();
    let mut at = 0;
    for layer in layers.iter().rev() {
        let Choice { cut, way } = &layer[at];
        places.push(Place::at(cut.segment, cut.chunk * chunk_rows));
        at = way.map_or(0, |way| way.before);
    }
    places.reverse();
    places
}

/// The best way to a cut from those before it.
fn best_way(chunks: &Chunks, ways: &[Choice], cut: Boundary, most: Most) -> Option<Way> {
    let reachable = ways.iter().enumerate().filter_map(|(before, choice)| {
        let way = choice.way?;
        let size = cut.before.checked_sub(choice.cut.before).filter(|&size| size > 0 && size <= most.any)?;
        let nodes = chunks.nodes(choice.cut, cut);
        Some(Way {
            excess: way.excess.saturating_add(nodes.saturating_sub(NODES)),
            uneven: way.uneven.saturating_add(size.saturating_sub(most.even)),
            nodes: way.nodes.saturating_add(nodes),
            before,
        })
    });
    reachable.min()
}
