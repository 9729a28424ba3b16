//! `Checkpoint`: the state of a minimisation, from which it goes on with the same bits.
//!
//! L-BFGS remembers pairs of steps and of changes of the gradient. They are differences of points that follow one
//! another, and so the points are kept: going on, the method is led through them once more, without a pass.

use super::trail::{KEPT, Trail};
use super::{MEMORY, PATIENCE, Point};
use crate::error::{Context, Error, bail, ensure};
use crate::words::{Reader, Writer};
use std::collections::VecDeque;

/// The state of a minimisation after an iteration, or before the first: a fit goes on from it with the same passes and
/// the same bits, and ends with the same result.
///
/// It knows which fit it is of: to go on with another is an error, which the identity shows, or the objective's value
/// at the last point. [`to_bytes`](Self::to_bytes) makes bytes of it, which are kept in a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    pub(super) identity: Identity,
    pub(super) iterations: u64,
    pub(super) passes: u64,
    pub(super) best: Point,
    pub(super) run: Run,
    pub(super) trail: Trail,
}

/// What a fit is told from another by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// The tag of the data set.
    pub data: u64,
    /// A number made of all else that the function depends on: the penalty, the type of the arithmetic.
    pub function: u64,
}

/// A run of L-BFGS: it starts anew where it finds no step.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Run {
    /// The lowest value when it started.
    pub(super) before: f64,
    /// The points that it went through: the last of them, as many as the method remembers steps, and one more.
    pub(super) points: VecDeque<Point>,
    /// The lowest value and slope so far, and the number of iterations since one of them became lower.
    pub(super) lowest: f64,
    pub(super) flattest: f64,
    pub(super) idle: u32,
}

impl Run {
    /// A run from a point.
    pub(super) fn new(start: Point) -> Self {
        let before = start.value;
        let (lowest, flattest) = (f64::INFINITY, f64::INFINITY);
        Self { before, points: VecDeque::from([start]), lowest, flattest, idle: 0 }
    }

    /// Adds the next point.
    pub(super) fn push(&mut self, point: &Point) {
        if self.points.len() > MEMORY {
            self.points.pop_front();
        }
        self.points.push_back(point.clone());
        self.idle = if point.value < self.lowest || point.slope < self.flattest { 0 } else { self.idle + 1 };
        self.lowest = self.lowest.min(point.value);
        self.flattest = self.flattest.min(point.slope);
    }
}

const MAGIC: u64 = u64::from_le_bytes(*b"lanefit\0");
const VERSION: u64 = 1;
const DAMAGED: &str = "it is damaged: truncated, changed, or of something else";

impl Checkpoint {
    /// The iterations that were made.
    #[must_use]
    pub const fn iterations(&self) -> u64 {
        self.iterations
    }

    /// The passes that were made.
    #[must_use]
    pub const fn passes(&self) -> u64 {
        self.passes
    }

    /// What the fit is told from another by.
    #[must_use]
    pub const fn identity(&self) -> Identity {
        self.identity
    }

    /// The state as bytes: every number by its bits, with a version and a checksum. Equal states have equal bytes:
    /// about 16 for each coordinate and each of up to 65 points.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let Self { identity, iterations, passes, best, run, trail } = self;
        let mut out = Writer::new();
        let dimensions = best.coordinates.len() as u64;
        for word in [MAGIC, VERSION, identity.data, identity.function, dimensions, *iterations, *passes] {
            out.word(word);
        }
        write_point(best, &mut out);
        out.numbers(&[run.before, run.lowest, run.flattest]);
        out.word(run.idle.into());
        out.word(run.points.len() as u64);
        run.points.iter().for_each(|point| write_point(point, &mut out));
        out.numbers(&[trail.lowest]);
        out.word(trail.seen);
        out.word(trail.recent.len() as u64);
        trail.recent.iter().for_each(|point| out.numbers(point));
        out.word(trail.marks.len() as u64);
        trail.marks.iter().for_each(|point| out.numbers(point));
        out.finish()
    }

    /// Reads what [`to_bytes`](Self::to_bytes) made.
    ///
    /// # Errors
    ///
    /// If these are not the bytes of a checkpoint, or those of another version.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let first = bytes.first_chunk().map(|word| u64::from_le_bytes(*word));
        ensure!(first == Some(MAGIC), "it is no checkpoint");
        let mut reader = Reader::new(bytes).context(DAMAGED)?;
        let [_, version] = [reader.word(), reader.word()];
        let version = version.context(DAMAGED)?;
        ensure!(version == VERSION, "its version is {version}, and this program goes on from {VERSION}");
        read(&mut reader).context(DAMAGED)
    }

    /// `Ok` where this is a checkpoint of a fit of this identity, in so many coordinates.
    pub(super) fn check(&self, identity: Identity, dimensions: usize) -> Result<(), Error> {
        if self.identity.data != identity.data {
            bail!("the checkpoint is of a fit to other data");
        }
        ensure!(
            self.identity.function == identity.function && self.best.coordinates.len() == dimensions,
            "the checkpoint is of a fit with other options"
        );
        Ok(())
    }
}

/// The words after the version.
fn read(reader: &mut Reader<'_>) -> Option<Checkpoint> {
    let identity = Identity { data: reader.word()?, function: reader.word()? };
    let dimensions = usize::try_from(reader.word()?).ok()?;
    let (iterations, passes) = (reader.word()?, reader.word()?);
    let best = read_point(reader, dimensions)?;
    let [before, lowest, flattest] = reader.numbers(3)?.try_into().ok()?;
    let idle = u32::try_from(reader.word()?).ok()?;
    let count = at_most(MEMORY + 1, reader)?;
    let points: VecDeque<Point> =
        (0..count).map(|_| read_point(reader, dimensions)).collect::<Option<_>>()?;
    let run = Run { before, points, lowest, flattest, idle };
    let trail_lowest = reader.numbers(1)?[0];
    let seen = reader.word()?;
    let mut points = |most| -> Option<Vec<Vec<f64>>> {
        let count = at_most(most, reader)?;
        (0..count).map(|_| reader.numbers(dimensions)).collect()
    };
    // Numbers of points have no more powers of 2, and the start is a mark too.
    let (recent, marks) = (VecDeque::from(points(KEPT)?), points(65)?);
    let trail = Trail { recent, marks, seen, lowest: trail_lowest };
    // Counts that can be counted on.
    let counts = [iterations, passes].iter().all(|&count| count < 1 << 62) && trail.seen <= iterations;
    let is_sound = counts && run.idle <= PATIENCE && !run.points.is_empty() && !trail.recent.is_empty();
    let checkpoint = Checkpoint { identity, iterations, passes, best, run, trail };
    (is_sound && reader.is_empty()).then_some(checkpoint)
}

/// A number of points that is no larger than it can be.
fn at_most(most: usize, reader: &mut Reader<'_>) -> Option<u64> {
    reader.word().filter(|&count| count <= most as u64)
}

fn write_point(point: &Point, out: &mut Writer) {
    let Point { coordinates, loss, value, gradient, slope } = point;
    out.numbers(coordinates);
    out.numbers(gradient);
    out.numbers(&[*loss, *value, *slope]);
}

fn read_point(reader: &mut Reader<'_>, dimensions: usize) -> Option<Point> {
    let (coordinates, gradient) = (reader.numbers(dimensions)?, reader.numbers(dimensions)?);
    let [loss, value, slope] = reader.numbers(3)?.try_into().ok()?;
    Some(Point { coordinates, loss, value, gradient, slope })
}
