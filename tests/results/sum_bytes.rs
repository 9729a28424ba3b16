//! Sums as bytes: their form, and bytes that nobody wrote.

use crate::support::{as_words, rng, scalar, sealed, serial};
use lanegrad::{
    Batch, Error, Extent, Gradient, GradientStream, GradientSum, HessianProductStream, HessianProductSum,
    Isa, Params, Place, Rows,
};
use rand::RngExt;

const WEIGHTS: [f64; 2] = [0.5, -0.25];

fn params() -> Params<'static, f64> {
    Params::new(&WEIGHTS, 0.125)
}

fn with_batch<R>(rows: usize, f: impl FnOnce(&Batch<'_, f64, f64>) -> R) -> R {
    let data: Vec<f64> = (0..2 * rows).map(|i| (i % 13) as f64 - 6.0).collect();
    f(&Batch::new(Rows::new(&data, rows, 2).unwrap(), &vec![1.0; rows]).unwrap())
}

/// A sum of rows of a segment, and of those that follow it: each ends with its rows.
fn sum(place: Place, rows: &[usize]) -> GradientStream<f64, f64> {
    let mut stream = GradientStream::starting_at(serial(scalar()), params(), place).unwrap();
    for &rows in rows {
        with_batch(rows, |batch| stream.push(batch)).unwrap();
        stream.end_segment();
    }
    stream
}

/// Chunks 0 and 1 of segment 0 as one node, and 5 rows in chunk 2.
fn part() -> GradientSum {
    let mut stream = sum(Place::default(), &[]);
    with_batch(1029, |batch| stream.push(batch)).unwrap();
    stream.into_sum()
}

/// Three whole segments as two nodes, of which one has no rows, and rows 512 to 600 of another, whose end is known.
fn segments() -> GradientSum {
    let mut sum_of_whole = sum(Place::at(2, 0), &[3, 600, 0]).into_sum();
    sum_of_whole.merge(&sum(Place::at(7, 512), &[88]).into_sum()).unwrap();
    sum_of_whole
}

fn words(sum: &GradientSum) -> Vec<u64> {
    as_words(&sum.to_bytes())
}

fn read(words: &[u64]) -> Result<GradientSum, Error> {
    GradientSum::from_bytes(&sealed(words))
}

#[track_caller]
fn assert_refused(sum: &GradientSum, change: impl FnOnce(&mut Vec<u64>), text: &str) {
    let mut words = words(sum);
    change(&mut words);
    let error = read(&words).expect_err(text).to_string();
    assert!(error.contains(text), "{error}");
}

/// The places of words: the header, then the nodes. A node of `part` has 2 words and 5 numbers, and there are 4 words
/// before them; a node of whole segments has 3 words before its numbers.
const CONTRACT: usize = 2;
const KIND: usize = 3;
const TYPE_BITS: usize = 4;
const FUSED: usize = 5;
const NCOLS: usize = 6;
const CHUNK_ROWS: usize = 7;
const PARAMS: usize = 8;
const TAG: usize = 9;
const SEGMENTS: usize = 10;
const NODES: usize = 11;
const PARTS: usize = 12;
const BODY: usize = 13;
const PART_NODES: usize = BODY + 4;
const SECOND: usize = PART_NODES + 7;

#[test]
fn the_form_is_the_documented_one() {
    let words = words(&part());
    assert_eq!(words[0].to_le_bytes(), *b"lanesum\0");
    assert_eq!(words[1..BODY], [1, 2, 1, 64, 1, 2, 512, words[PARAMS], 0, u64::MAX, 0, 1]);
    assert_eq!(words[BODY..PART_NODES], [0, 1029, 0, 2]);
    assert_eq!(words[PART_NODES..PART_NODES + 2], [0, 1]);
    assert_eq!(words[SECOND..SECOND + 2], [2, 0]);
    assert_eq!(words.len(), SECOND + 7 + 1);
    assert_eq!(f64::from_bits(words[SECOND + 4]), 5.0, "the weight sum");
    assert_eq!(sealed(&words), part().to_bytes());

    let words = self::words(&segments());
    // Segments 2 and 3 are one node, 4 is another without rows.
    assert_eq!(words[SEGMENTS..BODY], [u64::MAX, 2, 1]);
    assert_eq!(words[BODY..BODY + 2], [2, 1]);
    assert_eq!(words[BODY + 8..BODY + 10], [4, 1 << 32]);
    // The node of chunk 1 stands for its parents.
    assert_eq!(words[BODY + 11..BODY + 17], [7, 600, 1, 1, 1, 0]);
}

#[test]
fn what_was_written_is_read() {
    for sum in
        [part(), segments(), sum(Place::default(), &[]).into_sum(), sum(Place::at(3, 1024), &[0]).into_sum()]
    {
        let again = GradientSum::from_bytes(&sum.to_bytes()).unwrap();
        assert!(again == sum);
        assert_eq!(again.to_bytes(), sum.to_bytes());
    }
    // The ends of all that can be counted.
    let most = 1 << 63;
    let last = sum(Place::at(most - 1, most - 512), &[512]).into_sum();
    assert!(GradientSum::from_bytes(&last.to_bytes()).unwrap() == last);
}

/// What a shard sends: the header and the part's own words, and for each node two words and d + 3 numbers.
#[test]
fn sizes_are_those_of_the_nodes() {
    // 31 chunks are nodes of 16, 8, 4, 2 and 1 of them, unless the segment ends.
    for (features, sizes) in
        [(30, [424, 424, 1544]), (1000, [8184, 8184, 40_344]), (100_000, [800_184, 800_184, 4_000_344])]
    {
        let weights = vec![0.5_f32; features];
        let chunk = lanegrad::chunk_rows::<f32>(features);
        let (data, labels) = (vec![1.0_f32; chunk * features], vec![1.0_f32; chunk]);
        let batch = Batch::new(Rows::new(&data, chunk, features).unwrap(), &labels).unwrap();
        for (chunks, size) in [1, 2, 31].into_iter().zip(sizes) {
            let mut stream = GradientStream::new(serial(Isa::best()), Params::new(&weights, 0.0));
            (0..chunks).for_each(|_| stream.push(&batch).unwrap());
            assert_eq!(stream.clone().into_sum().to_bytes().len(), size, "{chunks} chunks of {features}");
            // As a whole segment: one node, with a word more and without those of a part.
            stream.end_segment();
            assert_eq!(stream.into_sum().to_bytes().len(), sizes[0] - 24, "{chunks} chunks of {features}");
        }
    }
}

/// Every byte counts: a change of one is found, and so is any other length.
#[test]
fn every_changed_byte_is_found() {
    for sum in [part(), segments()] {
        let bytes = sum.to_bytes();
        for i in 0..bytes.len() {
            for change in [1, 0x80, 0xff] {
                let mut changed = bytes.clone();
                changed[i] ^= change;
                assert!(GradientSum::from_bytes(&changed).is_err(), "byte {i}");
            }
            assert!(GradientSum::from_bytes(&bytes[..i]).is_err(), "{i} bytes");
        }
        for more in 1..20 {
            assert!(GradientSum::from_bytes(&[&bytes[..], &vec![0; more]].concat()).is_err());
        }
    }
    let rng = &mut rng(22);
    for len in 0..300 {
        let bytes: Vec<u8> = (0..len).map(|_| rng.random()).collect();
        assert!(GradientSum::from_bytes(&bytes).is_err());
    }
}

/// Whatever word is there in place of another, under a right checksum, is refused or is read as what it says.
#[test]
fn what_is_read_is_what_is_written() {
    for sum in [part(), segments()] {
        let words = words(&sum);
        for i in 0..words.len() - 1 {
            let near =
                [words[i].wrapping_sub(1), words[i].wrapping_add(1), words[i] ^ 1 << 32, words[i] << 1];
            for word in
                [0, 1, 2, 5, 54, 63, 64, 512, 1 << 32, 1 << 62, 1 << 63, u64::MAX].into_iter().chain(near)
            {
                let mut changed = words.clone();
                changed[i] = word;
                let bytes = sealed(&changed);
                if let Ok(read) = GradientSum::from_bytes(&bytes) {
                    assert_eq!(read.to_bytes(), bytes, "word {i} is {word:x}");
                }
            }
        }
    }
}

#[test]
fn nodes_at_no_place_of_the_tree() {
    let text = "a node is at no place of the tree";
    assert_refused(&part(), |words| words[PART_NODES] = 1, text);
    assert_refused(&part(), |words| words[PART_NODES + 1] = 64, text);
    assert_refused(&part(), |words| words[PART_NODES + 1] = 1 << 32, text);
    assert_refused(&part(), |words| words[SECOND] = 1 << 54, text);
    assert_refused(&segments(), |words| words[BODY] = 1 << 63, text);
    assert_refused(&segments(), |words| words[BODY] = 3, text);
    let text = "a node is beyond the end";
    assert_refused(&part(), |words| words[SECOND + 1] = 1, text);
    assert_refused(&part(), |words| words[PART_NODES + 1] = 5, text);
}

#[test]
fn nodes_that_overlap_or_are_not_joined() {
    let text = "two nodes overlap";
    assert_refused(&part(), |words| words[SECOND] = 1, text);
    assert_refused(&segments(), |words| words[BODY + 8] = 3, text);
    let text = "two nodes overlap, or are not in order";
    let swap = |words: &mut Vec<u64>| {
        words[BODY + 1] = u64::MAX;
        for i in 0..7 {
            words.swap(PART_NODES + i, SECOND + i);
        }
    };
    assert_refused(&part(), swap, text);
    // An only child that does not stand for its parents.
    let text = "its nodes are not joined";
    assert_refused(&sum(Place::at(0, 1024), &[3]).into_sum(), |words| words[PART_NODES + 1] = 0, text);
    // An end inside a chunk that is not there.
    assert_refused(
        &sum(Place::at(0, 1024), &[0]).into_sum(),
        |words| words[BODY + 1] = 1025,
        "not in the last chunk",
    );
}

#[test]
fn ends_outside_of_the_last_chunk() {
    for (end, text) in [
        (0, "the end of a segment is none"),
        (512, "the end of a segment is none"),
        ((1 << 63) + 1, "the end of a segment is none"),
        (1, "beyond the end"),
        (1023, "at no place of the tree"),
        (1537, "the last row is not in the last chunk"),
    ] {
        assert_refused(&part(), |words| words[BODY + 1] = end, text);
    }
    assert_refused(&part(), |words| words[BODY + 2] = 1, "its nodes are not joined");
    assert_refused(&part(), |words| words[BODY + 2] = 2, "the end of a segment is none");
    let no_nodes = |words: &mut Vec<u64>| {
        words.drain(PART_NODES..PART_NODES + 14);
        words[BODY + 3] = 0;
    };
    assert_refused(&part(), no_nodes, "the last row is not in the last chunk");
    assert_refused(&part(), |words| words[SEGMENTS] = 0, "of a segment that is whole, or of none");
    assert_refused(&segments(), |words| words[BODY + 11] = 3, "of a segment that is whole, or of none");
    assert_refused(&segments(), |words| words[SEGMENTS] = (1 << 63) + 1, "too many segments");
}

#[test]
fn counts_that_are_wrong() {
    for (place, text) in
        [(NODES, "a NaN has other bits"), (PARTS, "it is truncated"), (BODY + 3, "it is truncated")]
    {
        for count in [1 << 32, u64::MAX] {
            let mut words = words(&part());
            words[place] = count;
            let error = read(&words).unwrap_err();
            assert!(matches!(error, Error::Malformed { .. }), "{error}, and perhaps {text}");
        }
    }
    assert_refused(&part(), |words| words[PARTS] = 0, "something follows the last node");
    assert_refused(&part(), |words| words[BODY + 3] = 1, "the last row is not in the last chunk");
}

/// Every NaN is one, and all other numbers keep their bits.
#[test]
fn numbers_keep_their_bits() {
    let special = [0, 1 << 63, 0x7ff0 << 48, 0xfff0 << 48, 0x7ff8 << 48, 1, 0.1_f64.to_bits()];
    for bits in special {
        let mut words = words(&part());
        words[SECOND + 5] = bits;
        let sum = read(&words).unwrap();
        assert_eq!(self::words(&sum)[SECOND + 5], bits);
    }
    for nan in [0xfff8 << 48, 0x7ff8_0000_0000_1234, (0x7ff0 << 48) + 1, u64::MAX] {
        assert_refused(
            &part(),
            |words| words[SECOND + 5] = nan,
            "a NaN has other bits than it is written with",
        );
    }
    let mut stream = GradientStream::new(serial(scalar()), Params::new(&[f64::NAN, f64::INFINITY], 0.0));
    with_batch(3, |batch| stream.push(batch)).unwrap();
    let sum = stream.into_sum();
    assert_eq!(words(&sum)[PART_NODES + 2], 0x7ff8 << 48);
    assert_eq!(GradientSum::from_bytes(&sum.to_bytes()).unwrap().to_bytes(), sum.to_bytes());
}

/// What no sum of this version can be is refused when it is read.
#[test]
fn sums_that_this_version_could_not_make() {
    for word in [0, 1, 3, u64::MAX] {
        assert_refused(&part(), |words| words[CONTRACT] = word, "a version of another numeric contract");
    }
    for word in [0, 2, u64::MAX] {
        assert_refused(&part(), |words| words[1] = word, "a version that writes sums in another form");
    }
    for word in [0, 2, 5, u64::MAX] {
        assert_refused(&part(), |words| words[KIND] = word, "something else was summed");
    }
    for word in [0, 8, 16, 33, 65, u64::MAX] {
        assert_refused(
            &part(),
            |words| words[TYPE_BITS] = word,
            "the type of the arithmetic is none that there is",
        );
    }
    assert_refused(&part(), |words| words[FUSED] = 2, "it does not say whether multiply-adds round once");
    assert_refused(&part(), |words| words[0] ^= 1, "these are not the bytes of a sum");
    let chunk = "the number of rows in a chunk is not that of rows of this width";
    for rows in [0, 3, 256, 511, 1024, 1 << 33, u64::MAX] {
        assert_refused(&part(), |words| words[CHUNK_ROWS] = rows, chunk);
    }
    let empty = || sum(Place::default(), &[]).into_sum();
    for (bits, ncols, rows) in [(32, 512, 128), (64, 256, 128), (64, 512, 64), (32, 2000, 64)] {
        let with = |rows| {
            move |words: &mut Vec<u64>| {
                (words[TYPE_BITS], words[NCOLS], words[CHUNK_ROWS]) = (bits, ncols, rows);
            }
        };
        let mut words = words(&empty());
        with(rows)(&mut words);
        assert!(read(&words).is_ok(), "{bits} bits, {ncols} features");
        assert_refused(&empty(), with(rows / 2), chunk);
        assert_refused(&empty(), with(2 * rows), chunk);
    }
}

/// Features that no machine has memory for, and no nodes that would have to hold them: nothing is allocated.
#[test]
fn more_features_than_memory() {
    for ncols in [u64::MAX, 1 << 63, 1 << 60] {
        let wide = |words: &mut Vec<u64>| (words[NCOLS], words[CHUNK_ROWS]) = (ncols, 64);
        let mut words = words(&sum(Place::default(), &[]).into_sum());
        wide(&mut words);
        let sum = read(&words).unwrap();
        assert_eq!(sum.to_bytes(), sealed(&words));
        assert_eq!(sum.finish(&Extent::of_rows(0)), Err(Error::NoRows));
        assert_eq!(sum.finish(&Extent::of_rows(1)), Err(Error::MissingRows { place: Place::default() }));
        assert_eq!(part().merge(&sum), Err(Error::ForeignSum { difference: "the number of features" }));
        for sum in [part(), segments()] {
            assert_refused(&sum, wide, "it is truncated");
        }
    }
}

/// A sum of other parameters or another type may be read, and then is foreign.
#[test]
fn sums_of_other_parameters_are_foreign() {
    for (place, word, difference) in [
        (TYPE_BITS, 32, "the type of the arithmetic"),
        (FUSED, 0, "fused multiply-add"),
        (PARAMS, 1, "parameters, direction or centres"),
        (TAG, 1, "the tag of the data set"),
    ] {
        let mut words = words(&sum(Place::default(), &[]).into_sum());
        words[place] = word;
        assert_eq!(part().merge(&read(&words).unwrap()), Err(Error::ForeignSum { difference }));
    }
}

/// The loss's sums and those of its curvature are of different types, and what one wrote the other does not read.
#[test]
fn loss_and_curvature_do_not_read_each_other() {
    let mut stream = HessianProductStream::new(serial(scalar()), params(), params()).unwrap();
    with_batch(600, |batch| stream.push(batch)).unwrap();
    let curvature = stream.into_sum();
    let reason = "something else was summed";
    assert_eq!(GradientSum::from_bytes(&curvature.to_bytes()), Err(Error::Malformed { reason }));
    assert_eq!(HessianProductSum::from_bytes(&part().to_bytes()), Err(Error::Malformed { reason }));
    assert_eq!(HessianProductSum::from_bytes(&curvature.to_bytes()), Ok(curvature));
}

/// The hexadecimal digits of the bytes in text, the bytes themselves in binary data.
#[cfg(feature = "serde")]
#[test]
fn serde_has_the_same_bytes() {
    let (sum, bytes) = (segments(), segments().to_bytes());
    let text = serde_json::to_string(&sum).unwrap();
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(text, format!("\"{digits}\""));
    assert!(serde_json::from_str::<GradientSum>(&text).unwrap() == sum);
    let mut binary = Vec::new();
    ciborium::into_writer(&sum, &mut binary).unwrap();
    assert!(binary.ends_with(&bytes) && binary.len() < bytes.len() + 10);
    assert!(ciborium::from_reader::<GradientSum, _>(&binary[..]).unwrap() == sum);
    // Formats without bytes have a list of numbers.
    let mut list = Vec::new();
    ciborium::into_writer(&bytes.iter().map(|&byte| u64::from(byte)).collect::<Vec<_>>(), &mut list).unwrap();
    assert!(ciborium::from_reader::<GradientSum, _>(&list[..]).unwrap() == sum);

    for bad in [
        "\"\"",
        "\"0\"",
        "\"0g\"",
        "\"é\"",
        "0",
        "null",
        "[]",
        "{}",
        &format!("\"{digits}0\""),
        &text.to_uppercase()[..9],
    ] {
        assert!(serde_json::from_str::<GradientSum>(bad).is_err(), "{bad}");
    }
    let wrong = text.replacen("6c", "6d", 1);
    let error = serde_json::from_str::<GradientSum>(&wrong).unwrap_err().to_string();
    assert!(error.contains("these are not the bytes of a sum"), "{error}");
}

#[test]
fn a_sum_that_was_sent_is_finished() {
    let mut all = sum(Place::default(), &[600, 5]).into_sum();
    let rest = sum(Place::at(2, 0), &[0, 7]).into_sum();
    all.merge(&GradientSum::from_bytes(&rest.to_bytes()).unwrap()).unwrap();
    let extent = Extent::of_segments([600, 5, 0, 7]);
    let got: Gradient = GradientSum::from_bytes(&all.to_bytes()).unwrap().finish(&extent).unwrap();
    assert_eq!(got, sum(Place::default(), &[600, 5, 0, 7]).finish().unwrap());
    assert_eq!(got.weight_sum, 612.0);
}
