//! Kernels, limits and conditions: the words of a report.

use super::memory::Memory;
use crate::machine::Machine;
use clap::ValueEnum;
use lanegrad_fit::Dtype;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Columns of the rows that `logits` and `loss_and_gradient` are measured on.
pub(crate) const COLS: usize = 64;

/// A kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub(crate) enum Kernel {
    Dot,
    Axpy,
    Sigmoid,
    Softplus,
    Logits,
    LossAndGradient,
}

/// A limit of a kernel: a loop that only loads, copies, adds, or multiplies and adds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Limit {
    /// Loads, and nothing else.
    Read,
    /// A load and a store for each element.
    Copy,
    /// Two loads, and a store to the place of one of them.
    Add,
    /// Multiply-adds in registers.
    MultiplyAdd,
}

impl Kernel {
    /// The loop that only moves the same bytes.
    pub(crate) const fn traffic(self) -> Limit {
        match self {
            Self::Dot | Self::Logits | Self::LossAndGradient => Limit::Read,
            Self::Sigmoid | Self::Softplus => Limit::Copy,
            Self::Axpy => Limit::Add,
        }
    }

    /// True where it goes over rows.
    pub(crate) const fn is_pass(self) -> bool {
        matches!(self, Self::Logits | Self::LossAndGradient)
    }

    /// True where it is measured on numbers of a type. Those of less than four bytes are what rows are held in, for passes.
    pub(crate) fn takes(self, dtype: Dtype) -> bool {
        self.is_pass() || dtype == arithmetic(dtype)
    }

    /// True where an `Engine` shares it between threads. Otherwise each thread runs it on a part of the data.
    pub(crate) const fn has_engine(self) -> bool {
        !matches!(self, Self::Dot | Self::Axpy)
    }
}

/// The level of the memory hierarchy that the data are in, by their size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Level {
    #[serde(rename = "registers")]
    Registers,
    L1,
    L2,
    L3,
    #[serde(rename = "memory")]
    Memory,
}

/// The section of the report that a measurement belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Section {
    /// Every instruction set at every level.
    Levels,
    /// The same for slices that start at a cache line's start.
    Alignment,
    /// Throughput against the size of the working set.
    Sizes,
    /// Throughput against the number of threads.
    Threads,
}

/// The pages that data are in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Pages {
    /// Those of 4 KB, where the system lets a program choose.
    Small,
    /// Those of 2 MB.
    Huge,
    /// The system's, where it has no choice to offer.
    System,
}

/// The conditions of a measurement.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Setting {
    /// The section of the report.
    pub(crate) section: Section,
    /// The type of the numbers.
    pub(crate) dtype: Dtype,
    /// The level that the data are in.
    pub(crate) level: Level,
    /// The size of the data of all threads together.
    pub(crate) bytes: usize,
    /// The number of threads. At a level that belongs to a core, each has its own data.
    pub(crate) threads: usize,
    /// Bytes from a cache line's start to the start of each slice.
    pub(crate) offset: usize,
    /// The pages that the data are in.
    pub(crate) pages: Pages,
}

/// The type that numbers of a type are computed with.
pub(crate) const fn arithmetic(dtype: Dtype) -> Dtype {
    match dtype {
        Dtype::F64 => Dtype::F64,
        _ => Dtype::F32,
    }
}

impl Setting {
    /// True where both start at a cache line, or neither does.
    pub(crate) const fn is_aligned_like(&self, other: &Self) -> bool {
        (self.offset == 0) == (other.offset == 0)
    }

    /// True where times of an element can be compared: what counts as memory may be of another size in another run.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        let is_memory = self.level == Level::Memory && self.section != Section::Sizes;
        let bytes = if is_memory { other.bytes } else { self.bytes };
        Self { bytes, ..self.clone() } == *other
    }

    /// The conditions in words.
    pub(crate) fn describe(&self) -> String {
        let threads =
            if self.threads == 1 { "1 thread".to_owned() } else { format!("{} threads", self.threads) };
        if self.level == Level::Registers {
            return format!("{}, {threads}", self.dtype);
        }
        let alignment = match self.offset {
            0 => "aligned to cache lines".to_owned(),
            offset => format!("{offset} bytes after a cache line"),
        };
        let pages = match self.pages {
            Pages::Huge => ", pages of 2 MB",
            Pages::Small if self.level == Level::Memory => ", pages of 4 KB",
            Pages::Small | Pages::System => "",
        };
        format!("{}, {} ({}), {threads}, {alignment}{pages}", self.dtype, self.level, size(self.bytes))
    }
}

/// A number of bytes, in the decimal units of the rates.
pub(crate) fn size(bytes: usize) -> String {
    match bytes {
        0..1000 => format!("{bytes} B"),
        1000..1_000_000 => format!("{} KB", significant(bytes as f64 / 1e3)),
        _ => format!("{} MB", significant(bytes as f64 / 1e6)),
    }
}

/// Three significant digits.
pub(crate) fn significant(x: f64) -> impl fmt::Display {
    struct Significant(f64);
    impl fmt::Display for Significant {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            let decimals = match self.0.abs() {
                x if x >= 99.95 => 0,
                x if x >= 9.995 => 1,
                _ => 2,
            };
            write!(f, "{:.decimals$}", self.0)
        }
    }
    Significant(x)
}

/// The name that serialisation gives a value without fields.
macro_rules! display_as_serialised {
    ($($t:ty: { $($variant:ident => $name:literal),+ }),+ $(,)?) => {
        $(impl fmt::Display for $t {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(match self { $(Self::$variant => $name),+ })
            }
        })+
    };
}

display_as_serialised! {
    Kernel: {
        Dot => "dot", Axpy => "axpy", Sigmoid => "sigmoid", Softplus => "softplus", Logits => "logits",
        LossAndGradient => "loss_and_gradient"
    },
    Limit: { Read => "read", Copy => "copy", Add => "add", MultiplyAdd => "multiply_add" },
    Level: { Registers => "registers", L1 => "L1", L2 => "L2", L3 => "L3", Memory => "memory" },
    Pages: { Small => "small", Huge => "huge", System => "system" },
    Section: { Levels => "levels", Alignment => "alignment", Sizes => "sizes", Threads => "threads" },
}

/// The size of data that are in a level, for all threads together; `None` if the machine has no such level, or if
/// the threads' second-level caches hold as much as their share of the third. A third level that is larger by its
/// name than the reads tell counts as what they tell: of a cache that is shared, a program may have a part.
pub(crate) fn bytes_at(machine: &Machine, memory: &Memory, level: Level, threads: usize) -> Option<usize> {
    match level {
        Level::Registers => Some(0),
        // Half of it, as the stack and other programs on the core need some.
        Level::L1 => Some(machine.l1.bytes / 2 * threads),
        Level::L2 => Some(machine.l2.bytes / 2 * threads).filter(|_| machine.l2.bytes > machine.l1.bytes),
        Level::L3 => {
            let l3 = third(machine, memory)?;
            // A quarter, as other cores may share it, but more than fits into the level below.
            let bytes = (l3 / 4).max(2 * machine.l2.bytes * threads);
            (bytes <= l3 / 4 * 3).then_some(bytes)
        }
        Level::Memory => Some(memory.bytes),
    }
}

/// What the third level holds of data that are read.
fn third(machine: &Machine, memory: &Memory) -> Option<usize> {
    let slower = memory.plateau.map_or(memory.bytes, |plateau| plateau / 2);
    machine.l3.map(|l3| l3.bytes.min(slower))
}

/// The level that data of this size come from, if each thread has its share of them.
pub(crate) fn level_of(machine: &Machine, memory: &Memory, bytes: usize, threads: usize) -> Level {
    let share = bytes / threads.max(1);
    if share <= machine.l1.bytes {
        Level::L1
    } else if share <= machine.l2.bytes {
        Level::L2
    } else if third(machine, memory).is_some_and(|l3| bytes <= l3) {
        Level::L3
    } else {
        Level::Memory
    }
}
