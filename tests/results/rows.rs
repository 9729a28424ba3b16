//! Views of rows, and of batches, show what they are made of.

use lanegrad::{Batch, Rows};

/// The rows as vectors.
fn contents(rows: Rows<'_, f32>) -> Vec<Vec<f32>> {
    assert_eq!(rows.iter().len(), rows.nrows());
    let by_row: Vec<_> = (0..rows.nrows()).map(|i| rows.row(i).unwrap().to_vec()).collect();
    assert_eq!(rows.iter().map(<[f32]>::to_vec).collect::<Vec<_>>(), by_row);
    by_row
}

/// What is printed is short, however large the data are.
#[test]
fn debug_output_is_the_shape() {
    let rows = Rows::with_stride(&[0.0_f32; 12], 3, 2, 5).unwrap();
    assert_eq!(format!("{rows:?}"), "Rows { nrows: 3, ncols: 2, row_stride: 5, .. }");
}

#[cfg(feature = "alloc")]
#[test]
fn debug_output_of_an_engine_is_what_it_runs_on() {
    let engine = lanegrad::Engine::serial().with_isa(lanegrad::Isa::from_name("scalar").unwrap());
    assert_eq!(format!("{engine:?}"), "Engine { isa: Isa(scalar), parallel: false }");
}

/// Elements that tell where they are.
fn counting(n: usize) -> Vec<f32> {
    (0..n).map(|i| i as f32).collect()
}

/// Every shape and stride, and every range of each, against indices.
#[test]
fn rows_and_ranges_of_rows() {
    for (n, cols, gap) in
        (0..6).flat_map(|n| (0..4).flat_map(move |cols| [0, 1, 5].map(|gap| (n, cols, gap))))
    {
        let stride = cols + gap;
        let data = counting(if n == 0 { 0 } else { (n - 1) * stride + cols });
        let rows = Rows::with_stride(&data, n, cols, stride).unwrap();
        assert_eq!((rows.nrows(), rows.ncols(), rows.row_stride()), (n, cols, stride));
        let want: Vec<Vec<f32>> =
            (0..n).map(|i| (0..cols).map(|j| (i * stride + j) as f32).collect()).collect();
        assert_eq!(contents(rows), want);
        assert_eq!(rows.row(n), None);
        for (start, end) in (0..=n).flat_map(|start| (start..=n).map(move |end| (start, end))) {
            let part = rows.slice(start..end).unwrap();
            assert_eq!((part.nrows(), part.ncols(), part.row_stride()), (end - start, cols, stride));
            assert_eq!(contents(part), want[start..end]);
            // A range of a range, to the end of what is there.
            let middle = (end - start) / 2;
            assert_eq!(contents(part.slice(middle..end - start).unwrap()), want[start + middle..end]);
        }
    }
}

#[test]
fn without_gaps_all_of_the_data_are_rows() {
    let data = counting(6);
    assert_eq!(contents(Rows::new(&data, 2, 3).unwrap()), [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]);
    // What follows the last row is not part of the view.
    assert_eq!(contents(Rows::with_stride(&data, 2, 1, 3).unwrap()), [[0.0], [3.0]]);
}

/// No copy: a row lies where the data lie, and lives as long as they do.
#[test]
fn rows_borrow_from_the_data() {
    let data = counting(6);
    let row = {
        let rows = Rows::new(&data, 2, 3).unwrap();
        rows.slice(1..2).unwrap().row(0).unwrap()
    };
    assert!(std::ptr::eq(row, &data[3..]));
}

#[test]
fn ranges_of_batches() {
    let (data, labels) = (counting(9), [0.0_f32, 0.5, 1.0]);
    let weights = [1.0, 0.0, 7.5];
    let batch = Batch::new(Rows::new(&data, 3, 3).unwrap(), &labels).unwrap();
    let weighted = batch.with_sample_weights(&weights).unwrap();
    for (start, end) in (0..=3).flat_map(|start| (start..=3).map(move |end| (start, end))) {
        let part = weighted.slice(start..end).unwrap();
        assert_eq!(contents(part.rows()), contents(weighted.rows())[start..end]);
        assert_eq!(part.labels(), &labels[start..end]);
        assert_eq!(part.sample_weights(), Some(&weights[start..end]));
        assert_eq!(batch.slice(start..end).unwrap().sample_weights(), None);
    }
}

#[cfg(feature = "ndarray")]
mod ndarray_views {
    use super::contents;
    use lanegrad::{Error, Rows};
    use ndarray::{Array2, ArrayView2, s};

    fn array() -> Array2<f32> {
        Array2::from_shape_fn((4, 3), |(i, j)| (3 * i + j) as f32)
    }

    fn error(view: ArrayView2<'_, f32>) -> Option<Error> {
        Rows::try_from(view).err()
    }

    #[test]
    fn standard_layout_needs_no_copy() {
        let array = array();
        let rows = Rows::try_from(array.view()).unwrap();
        assert_eq!((rows.nrows(), rows.ncols(), rows.row_stride()), (4, 3, 3));
        assert_eq!(rows.row(0).unwrap().as_ptr(), array.as_ptr());
        assert_eq!(contents(rows)[2], [6.0, 7.0, 8.0]);
        // Whole rows are in standard layout too.
        let part = Rows::try_from(array.slice(s![1..3, ..])).unwrap();
        assert_eq!(contents(part), contents(rows)[1..3]);
    }

    #[test]
    fn empty_arrays_are_rows() {
        for shape in [(0, 3), (3, 0), (0, 0)] {
            let array = Array2::<f32>::zeros(shape);
            let rows = Rows::try_from(array.view()).unwrap();
            assert_eq!((rows.nrows(), rows.ncols()), shape);
            assert_eq!(contents(rows), vec![Vec::<f32>::new(); shape.0]);
        }
    }

    #[test]
    fn another_layout_is_an_error() {
        let array = array();
        assert_eq!(error(array.t()), Some(Error::NotRowMajor));
        assert_eq!(error(array.slice(s![.., ..2])), Some(Error::NotRowMajor));
        assert_eq!(error(array.slice(s![..;2, ..])), Some(Error::NotRowMajor));
        assert_eq!(error(array.slice(s![..;-1, ..])), Some(Error::NotRowMajor));
        assert_eq!(error(array.slice(s![.., ..;-1])), Some(Error::NotRowMajor));
        let message = Error::NotRowMajor.to_string();
        assert_eq!(
            message,
            "the array is not in standard layout: its rows do not follow one another without gaps; copy it, or give the \
             slice of its parent to `Rows::with_stride`"
        );
        // The way out that the documentation names.
        let copy = array.t().as_standard_layout().into_owned();
        assert_eq!(contents(Rows::try_from(copy.view()).unwrap())[1], [1.0, 4.0, 7.0, 10.0]);
    }
}
