//! Mean and standard deviation of every feature: two sums over the tree of chunks, as a gradient is.
//!
//! The first is of the distances from a row, so that equal numbers have exactly their mean; the second of the
//! squared distances from the means, so that nothing cancels.

use crate::error::{Error, ensure};
use crate::number::{Dtype, Number};
use crate::passes::Passes;
use lanegrad::ColumnSums;

/// Mean and scale of some features.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Moments {
    pub(crate) means: Vec<f64>,
    /// Standard deviations, with the number of rows (or the sum of their weights) as the divisor; 0 where all
    /// numbers are equal.
    pub(crate) scales: Vec<f64>,
}

/// The reason for which there is no result: a feature, whose name and column the caller knows, or something else.
#[derive(Debug)]
pub(crate) enum Failure {
    Feature(usize, Fault),
    Other(Error),
}

impl<E: Into<Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Other(error.into())
    }
}

/// The fault of a feature that cannot be computed with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fault {
    /// A row of a segment has a number that is not finite.
    NotFinite { segment: usize, row: usize, number: f64 },
    /// The numbers are so large that sums of them overflow, or not finite.
    TooLarge,
    /// The numbers differ by so little that products underflow.
    TooClose,
}

impl Fault {
    /// The fault in words, that follow the column's name; for a number that is not finite they follow the row's too.
    pub(crate) fn words(self) -> String {
        match self {
            Self::NotFinite { number, .. } => format!("{number:?} is not finite"),
            Self::TooLarge => "its numbers are too large to compute with".to_owned(),
            Self::TooClose => {
                "its numbers differ by too little to compute with, or only in rows of hardly any weight"
                    .to_owned()
            }
        }
    }
}

/// The least standard deviation of numbers that are not equal; its inverse is the largest. Then squares, in `f64`, and
/// products with a residual and a sample weight, in the arithmetic's type, neither overflow nor underflow, and a weight
/// of about 1 for each standard deviation is a number of that type: 10^-140 squared, times 10^-25, is 10^-305 in `f64`,
/// and 10^-25 times 10^-9 is 10^-34 in `f32`.
fn least_scale<T: Number>() -> f64 {
    match T::DTYPE {
        Dtype::F64 => 1e-140,
        _ => 1e-25,
    }
}

impl Moments {
    /// The features whose numbers are all equal, as far as sums say, each with that number.
    pub(crate) fn constants(&self) -> impl Iterator<Item = (usize, f64)> {
        let both = self.means.iter().zip(&self.scales).enumerate();
        both.filter(|(_, (_, scale))| **scale == 0.0).map(|(feature, (mean, _))| (feature, *mean))
    }

    /// Mean and scale of each feature, in two passes over the rows, of which one has a sample weight above 0. Rows of
    /// weight 0 do not count, whatever they hold. Where `centres` are given, they stand for the means: the scale is the
    /// root mean square of the distances from them, of one pass.
    pub(crate) fn of<P: Passes>(passes: &mut P, centres: Option<Vec<f64>>) -> Result<Self, Failure> {
        let nfeatures = passes.nfeatures();
        let check = |numbers: &[f64]| {
            ensure!(
                numbers.len() == nfeatures,
                "there are {} numbers for {nfeatures} features",
                numbers.len()
            );
            Ok::<(), Error>(())
        };
        let average =
            |sums: ColumnSums| -> Vec<f64> { sums.sums.iter().map(|sum| sum / sums.weight_sum).collect() };
        let (first, distances) = match centres {
            Some(centres) => (centres, vec![0.0; nfeatures]),
            None => {
                let first = passes.first_row()?;
                check(&first)?;
                let distances = average(passes.deviations(&first, false)?);
                check(&distances)?;
                (first, distances)
            }
        };
        let means: Vec<f64> =
            first.iter().zip(&distances).map(|(first, distance)| first + distance).collect();
        let squares = average(passes.deviations(&means, true)?);
        check(&squares)?;

        let least = least_scale::<P::Number>();
        let mut scales = Vec::with_capacity(means.len());
        for (feature, ((first, distance), (mean, square))) in
            first.iter().zip(&distances).zip(means.iter().zip(&squares)).enumerate()
        {
            // How far the mean was moved by rounding it.
            let rounding = distance - (mean - first);
            let variance = square - rounding * rounding;
            let scale = variance.max(0.0).sqrt();
            if !mean.is_finite() || variance.is_nan() || scale > 1.0 / least {
                return Err(Failure::Feature(feature, Fault::TooLarge));
            }
            if scale >= least && variance > 0.0 {
                scales.push(scale);
            } else if *distance == 0.0 && *square == 0.0 {
                // As equal numbers have it.
                scales.push(0.0);
            } else {
                return Err(Failure::Feature(feature, Fault::TooClose));
            }
        }
        Ok(Self { means, scales })
    }
}

#[cfg(test)]
mod tests {
    use super::{Failure, Fault, Moments};
    use crate::features::Features;
    use crate::passes::InMemory;
    use crate::solve::moments_of;
    use lanegrad::{Batch, Rows};

    fn moments(x: &[f64], ncols: usize, weights: Option<&[f64]>) -> Result<Moments, (usize, Fault)> {
        let labels = vec![0.0; x.len() / ncols];
        let mut batch = Batch::new(Rows::new(x, labels.len(), ncols).unwrap(), &labels).unwrap();
        if let Some(weights) = weights {
            batch = batch.with_sample_weights(weights).unwrap();
        }
        let (segments, features) = ([batch], Features::all(ncols));
        moments_of(&mut InMemory::new(&segments, &features, 0), None).map_err(|failure| match failure {
            Failure::Feature(place, fault) => (place, fault),
            Failure::Other(error) => panic!("{error}"),
        })
    }

    #[test]
    fn they_are_those_of_the_definition() {
        let nrows = 70_001;
        let x: Vec<f64> = (0..nrows)
            .flat_map(|i| {
                let x = (i * 7919 % 104_729) as f64;
                [1e6 + x / 1e5, x - 5e4, 7.0]
            })
            .collect();
        let found = moments(&x, 3, None).unwrap();
        for column in 0..2 {
            let numbers = || x.iter().skip(column).step_by(3);
            let mean = numbers().sum::<f64>() / nrows as f64;
            let variance = numbers().map(|x| (x - mean) * (x - mean)).sum::<f64>() / nrows as f64;
            assert!((found.means[column] / mean - 1.0).abs() < 1e-12);
            assert!((found.scales[column] / variance.sqrt() - 1.0).abs() < 1e-9, "{found:?}");
        }
        assert_eq!((found.means[2], found.scales[2]), (7.0, 0.0));
    }

    #[test]
    fn equal_numbers_have_exactly_their_mean_and_no_scale() {
        for x in [0.1, 1e12, 1.7e18, 1e300, 5e-324, 0.0] {
            let found = moments(&vec![x; 10_007], 1, None);
            assert_eq!(found, Ok(Moments { means: vec![x], scales: vec![0.0] }));
        }
    }

    #[test]
    fn a_mean_between_two_numbers_is_no_spread() {
        // Neighbours: their mean is one of them.
        let found = moments(&[1.7e18, 1.7e18 + 256.0], 1, None).unwrap();
        assert_eq!(found.scales, [128.0]);
    }

    #[test]
    fn weights_count_rows_as_often() {
        let weighted = moments(&[1.0, 5.0, f64::NAN, 2.0], 1, Some(&[2.0, 1.0, 0.0, 1.0])).unwrap();
        let repeated = moments(&[1.0, 1.0, 5.0, 2.0], 1, None).unwrap();
        assert!((weighted.means[0] - repeated.means[0]).abs() < 1e-15);
        assert!((weighted.scales[0] - repeated.scales[0]).abs() < 1e-15);
    }

    #[test]
    fn what_cannot_be_computed_with_is_named_whatever_comes_first() {
        let many: Vec<f64> = (0..1000).map(|i| f64::from(i) - 300.0).collect();
        let scaled = |scale: f64| many.iter().map(|x| x * scale).collect::<Vec<_>>();
        for (scale, fault) in [(1e160, Fault::TooLarge), (1e305, Fault::TooLarge), (1e-170, Fault::TooClose)]
        {
            for repeat in [1, 64] {
                let x = scaled(scale).repeat(repeat);
                assert_eq!(moments(&x, 1, None), Err((0, fault)), "{scale}");
                let backwards: Vec<f64> = x.iter().rev().copied().collect();
                assert_eq!(moments(&backwards, 1, None), Err((0, fault)), "{scale}");
            }
        }
        for scale in [1e-130, 1e130] {
            let (found, plain) =
                (moments(&scaled(scale), 1, None).unwrap(), moments(&many, 1, None).unwrap());
            assert!((found.scales[0] / scale / plain.scales[0] - 1.0).abs() < 1e-12);
        }
        for number in [f64::NAN, f64::INFINITY] {
            let mut x = many.clone();
            x[77] = number;
            match moments(&x, 2, None) {
                Err((1, Fault::NotFinite { segment: 0, row: 38, number: found })) => {
                    assert_eq!(found.to_bits(), number.to_bits());
                }
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn threads_change_no_bit() {
        let x: Vec<f64> = (0..700_000_u64).map(|i| (i * 7919 % 104_729) as f64 * 0.37).collect();
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| moments(&x, 7, None))
        };
        assert_eq!(on(1), on(3));
    }
}
