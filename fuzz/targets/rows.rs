//! The checked views, `Rows` and `Batch`, and what passes say of arguments that do not fit: an error where the
//! plain rules say so, never a panic, and nothing written.
#![no_main]

use arbitrary::Arbitrary;
use lanegrad::{Batch, Engine, Error, Gradient, Params, Rows};
use lanegrad_fuzz::{Numbers, Value, fractions};
use libfuzzer_sys::fuzz_target;

/// Small mostly, as large as can be sometimes.
#[derive(Arbitrary, Clone, Copy, Debug)]
enum Size {
    Small(u8),
    Any(usize),
}

impl Size {
    fn get(self) -> usize {
        match self {
            Self::Small(n) => n.into(),
            Self::Any(n) => n,
        }
    }
}

#[derive(Arbitrary, Debug)]
struct Input {
    rows: Size,
    cols: Size,
    stride: Option<Size>,
    /// As many elements as the view needs, up to 4096, if nothing else is said.
    len: Option<u16>,
    slice: [Size; 2],
    /// As many as there are rows, if nothing else is said.
    label_count: Option<u8>,
    /// Whether there are sample weights, and how many.
    sample_weights: Option<Option<u8>>,
    /// As many as there are columns, if nothing else is said.
    weight_count: Option<u8>,
    /// As many as there are rows, if nothing else is said.
    out_count: Option<u8>,
    /// A label and a sample weight that may be none, and where they are.
    odd: Option<[(u16, Value); 2]>,
    data: Numbers,
    weights: Numbers,
}

impl Input {
    /// The end of the last row; without a stride the product of rows and columns.
    fn end(&self) -> u128 {
        let [rows, cols] = [self.rows, self.cols].map(|size| size.get() as u128);
        let stride = self.stride.map_or(cols, |stride| stride.get() as u128);
        if rows == 0 { 0 } else { (rows - 1) * stride + cols }
    }
}

/// The view, where the rules allow it.
fn view<'a>(input: &Input, data: &'a [f32]) -> Option<Rows<'a, f32>> {
    let [rows, cols] = [input.rows, input.cols].map(Size::get);
    let (view, valid) = match input.stride.map(Size::get) {
        None => (Rows::new(data, rows, cols), input.end() == data.len() as u128),
        Some(stride) => {
            let valid = stride >= cols && input.end() <= data.len() as u128;
            (Rows::with_stride(data, rows, cols, stride), valid)
        }
    };
    assert_eq!(view.is_ok(), valid, "{view:?}");
    let view = view.ok()?;
    let stride = view.row_stride();
    assert_eq!((view.nrows(), view.ncols()), (rows, cols));
    for (i, row) in view.iter().enumerate().take(300) {
        assert_eq!(row.len(), cols);
        assert_eq!(row.as_ptr_range(), data[i * stride..][..cols].as_ptr_range());
        assert_eq!(view.row(i).map(<[f32]>::as_ptr), Some(row.as_ptr()));
    }
    assert!(view.row(rows).is_none() && view.row(usize::MAX).is_none());

    let [start, end] = input.slice.map(Size::get);
    let part = view.slice(start..end);
    assert_eq!(part.is_ok(), start <= end && end <= rows);
    if let Ok(part) = part {
        assert_eq!((part.nrows(), part.ncols(), part.row_stride()), (end - start, cols, stride));
        assert_eq!(
            part.row(0).map(<[f32]>::as_ptr),
            if end > start { view.row(start).map(<[f32]>::as_ptr) } else { None }
        );
    }
    Some(view)
}

/// A batch of the rows, where the rules allow it.
fn batch<'a>(
    rows: Rows<'a, f32>,
    labels: &'a [f32],
    sample_weights: Option<&'a [f32]>,
) -> Option<Batch<'a, f32, f32>> {
    let made = Batch::new(rows, labels);
    let wrong = labels.iter().position(|y| !(0.0..=1.0).contains(y));
    match (&made, labels.len() == rows.nrows(), wrong) {
        (Err(Error::LengthMismatch { .. }), false, _) | (Ok(_), true, None) => {}
        (Err(Error::Label { index, .. }), true, Some(first)) => assert_eq!(*index, first),
        other => panic!("{other:?}"),
    }
    let batch = made.ok()?;
    let Some(sample_weights) = sample_weights else { return Some(batch) };
    let made = batch.with_sample_weights(sample_weights);
    let wrong = sample_weights.iter().position(|s| !(*s >= 0.0 && s.is_finite()));
    match (&made, sample_weights.len() == rows.nrows(), wrong) {
        (Err(Error::LengthMismatch { .. }), false, _) | (Ok(_), true, None) => {}
        (Err(Error::SampleWeight { index, .. }), true, Some(first)) => assert_eq!(*index, first),
        other => panic!("{other:?}"),
    }
    made.ok()
}

fuzz_target!(|input: Input| {
    let len = input.len.map_or(input.end().min(4096) as usize, usize::from);
    let data = input.data.get::<f32>(len);
    let Some(rows) = view(&input, &data) else { return };
    // Rows without features are no data, and may be any number.
    let count = |said: Option<u8>, fits: usize| said.map_or(fits.min(4096), usize::from);
    let mut labels = fractions::<f32>(1, count(input.label_count, rows.nrows()));
    let mut sample_weights = input.sample_weights.map(|said| fractions::<f32>(2, count(said, rows.nrows())));
    if let Some([label, weight]) = input.odd {
        for (numbers, (place, value)) in [(Some(&mut labels), label), (sample_weights.as_mut(), weight)] {
            if let Some(numbers) = numbers.filter(|numbers| !numbers.is_empty()) {
                let place = usize::from(place) % numbers.len();
                numbers[place] = value.get();
            }
        }
    }
    let weights = input.weights.get::<f32>(count(input.weight_count, rows.ncols()));
    let params = Params::new(&weights, 0.5);

    let mut out = vec![7.0; count(input.out_count, rows.nrows())];
    let engine = Engine::serial();
    let fits = weights.len() == rows.ncols();
    for pass in [Engine::logits, Engine::predict_proba] {
        let done = pass(&engine, rows, params, &mut out);
        assert_eq!(done.is_ok(), fits && out.len() == rows.nrows(), "{done:?}");
        assert!(done.is_ok() || out.iter().all(|&x| x == 7.0));
        out.fill(7.0);
    }

    let Some(batch) = batch(rows, &labels, sample_weights.as_deref()) else { return };
    let [start, end] = input.slice.map(Size::get);
    assert_eq!(batch.slice(start..end).is_ok(), start <= end && end <= rows.nrows());
    let mut gradient = Gradient::default();
    gradient.loss = 7.0;
    let done = engine.loss_and_gradient_into(&batch, params, &mut gradient);
    assert_eq!(done.is_ok(), fits, "{done:?}");
    assert!(fits || gradient.loss == 7.0);
    if fits {
        assert_eq!(gradient.dw.len(), rows.ncols());
        let product = engine.hessian_product(&batch, params, Params::new(&weights, 1.0)).expect("what fits");
        assert_eq!(product.by_weights.len(), rows.ncols());
        assert_eq!(product.weight_sum, gradient.weight_sum);
    }
});
