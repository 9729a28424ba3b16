//! What a driver asks of a shard, as bytes; and answers that are numbers.

use crate::data::LabelKind;
use crate::error::{Context, Error, bail, ensure};
use crate::words::{Hash, Reader, Writer};
use serde::{Deserialize, Serialize};

const VERSION: u64 = 1;
const DAMAGED: &str = "a question is damaged: truncated, changed, or something else";

/// A question.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Question {
    /// What was found when the rows were read: a [`Survey`].
    Survey,
    /// The means of features so far, in their words, with the numbers of this shard added.
    Means(Vec<f64>),
    /// Something that depends on what is known of the whole data set.
    Of(Whole, About),
}

/// What a shard must know of the whole data set.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Whole {
    pub(super) tag: u64,
    /// The value of each feature that missing cells are filled with.
    pub(super) fills: Option<Vec<f64>>,
}

/// A question about rows. Features are numbered from 0, and every slice has an entry for each.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum About {
    /// The features of the first row that counts; nothing if there is none.
    FirstRow,
    /// The sum of distances from centres, or of their squares.
    Deviations { centres: Vec<f64>, squared: bool },
    /// The sum of loss and gradient at these weights, and this bias.
    Gradient { weights: Vec<f64>, bias: f64 },
    /// The place of the first number of a feature that is not finite, in words; nothing if all are.
    Fault(usize),
    /// The first of these features that has another number than the one beside it; nothing if none has.
    Differs(Vec<(usize, f64)>),
}

/// What is found when the rows of a shard are read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Survey {
    /// The number of rows of each piece.
    pub(super) nrows: Vec<u64>,
    pub(super) labels: LabelKind,
    /// The bits of the largest sample weight, if there are any.
    pub(super) largest_weight: Option<u64>,
}

impl Question {
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut out = Writer::new();
        out.word(VERSION);
        match self {
            Self::Survey => out.word(0),
            Self::Means(words) => {
                out.word(1);
                out.list(words);
            }
            Self::Of(Whole { tag, fills }, about) => {
                out.word(2);
                out.word(*tag);
                out.word(fills.is_some().into());
                out.list(fills.as_deref().unwrap_or_default());
                about.write(&mut out);
            }
        }
        out.finish()
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(bytes).context(DAMAGED)?;
        let version = reader.word().context(DAMAGED)?;
        ensure!(version == VERSION, "a question is of version {version}, and this worker knows {VERSION}");
        let question = Self::read(&mut reader).filter(|_| reader.is_empty());
        question.context(DAMAGED)
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        Some(match reader.word()? {
            0 => Self::Survey,
            1 => Self::Means(reader.list()?),
            2 => {
                let tag = reader.word()?;
                let (has_fills, fills) = (reader.word()? == 1, reader.list()?);
                Self::Of(Whole { tag, fills: has_fills.then_some(fills) }, About::read(reader)?)
            }
            _ => return None,
        })
    }
}

impl About {
    fn write(&self, out: &mut Writer) {
        match self {
            Self::FirstRow => out.word(0),
            Self::Deviations { centres, squared } => {
                out.word(if *squared { 2 } else { 1 });
                out.list(centres);
            }
            Self::Gradient { weights, bias } => {
                out.word(3);
                out.numbers(&[*bias]);
                out.list(weights);
            }
            Self::Fault(feature) => {
                out.word(4);
                out.word(*feature as u64);
            }
            Self::Differs(features) => {
                out.word(5);
                out.word(features.len() as u64);
                for &(feature, number) in features {
                    out.word(feature as u64);
                    out.numbers(&[number]);
                }
            }
        }
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        Some(match reader.word()? {
            0 => Self::FirstRow,
            kind @ (1 | 2) => Self::Deviations { squared: kind == 2, centres: reader.list()? },
            3 => Self::Gradient { bias: reader.number()?, weights: reader.list()? },
            4 => Self::Fault(reader.index()?),
            5 => {
                let mut features = Vec::new();
                for _ in 0..reader.word()? {
                    features.push((reader.index()?, reader.number()?));
                }
                Self::Differs(features)
            }
            _ => return None,
        })
    }
}

/// What an answer begins with: which shard was asked, and what.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Mark(Hash);

impl Mark {
    /// The mark of a shard's answers, before the question is known.
    pub(super) fn of_recipe(recipe: &[u8]) -> Self {
        Self(Hash::EMPTY.and_bytes(recipe))
    }

    fn bytes(self, question: &[u8]) -> [u8; 8] {
        self.0.and_bytes(question).get().to_le_bytes()
    }

    /// An answer, marked.
    pub(super) fn put(self, question: &[u8], answer: &[u8]) -> Vec<u8> {
        [&self.bytes(question)[..], answer].concat()
    }

    /// The answer, if it is that of this shard to this question.
    pub(super) fn strip<'a>(self, question: &[u8], answer: &'a [u8]) -> Result<&'a [u8], Error> {
        let rest = answer.strip_prefix(&self.bytes(question));
        rest.context("it is one to another question, or of another shard")
    }
}

/// Numbers as an answer.
pub(super) fn answer_numbers(numbers: &[f64]) -> Vec<u8> {
    let mut out = Writer::new();
    out.list(numbers);
    out.finish()
}

/// The numbers that an answer is, of which there must be so many.
pub(super) fn numbers_of(answer: &[u8], count: usize) -> Result<Vec<f64>, Error> {
    let numbers = Reader::new(answer).and_then(|mut reader| reader.list().filter(|_| reader.is_empty()));
    match numbers {
        Some(numbers) if numbers.len() == count => Ok(numbers),
        Some(numbers) => bail!("an answer has {} numbers, and not {count}", numbers.len()),
        None => bail!("an answer is damaged"),
    }
}

#[cfg(test)]
mod tests {
    use super::{About, Question, Whole, answer_numbers, numbers_of};

    #[test]
    fn questions_are_read_as_they_were_written() {
        let about = [
            About::FirstRow,
            About::Deviations { centres: vec![0.1, -0.0, f64::INFINITY], squared: false },
            About::Deviations { centres: vec![], squared: true },
            About::Gradient { weights: vec![f64::MIN_POSITIVE, 1e300], bias: -0.25 },
            About::Fault(usize::MAX),
            About::Differs(vec![(3, 0.5), (7, -1.0)]),
        ];
        let wholes = [Whole::default(), Whole { tag: u64::MAX, fills: Some(vec![1.5]) }];
        let of = wholes.iter().flat_map(|whole| about.iter().map(|about| (whole.clone(), about.clone())));
        let of = of.map(|(whole, about)| Question::Of(whole, about));
        for question in [Question::Survey, Question::Means(vec![1.0, 2.0])].into_iter().chain(of) {
            let bytes = question.to_bytes();
            assert_eq!(Question::from_bytes(&bytes).unwrap(), question);
            for end in 0..bytes.len() {
                assert!(Question::from_bytes(&bytes[..end]).is_err(), "{end}");
            }
            for place in 0..bytes.len() {
                let mut changed = bytes.clone();
                changed[place] ^= 0x10;
                assert!(Question::from_bytes(&changed).is_err(), "{place}");
            }
        }
    }

    #[test]
    fn answers_have_as_many_numbers_as_were_asked_for() {
        let answer = answer_numbers(&[1.0, -0.0]);
        assert_eq!(numbers_of(&answer, 2).unwrap(), [1.0, -0.0]);
        assert!(numbers_of(&answer, 3).unwrap_err().to_string().contains("2 numbers, and not 3"));
        assert!(numbers_of(&answer[8..], 1).is_err());
        assert!(numbers_of(&[], 0).is_err());
    }
}
