//! Inputs and outputs that touch pages without access rights: a read or a write one byte too far
//! ends the process.
#![expect(unsafe_code, reason = "maps memory whose neighbours may not be touched")]

use crate::support::kernels::{self, Run};
use crate::support::{Held, Number, assert_same_bits, for_small, held, isas, rng, uniform};
#[cfg(feature = "alloc")]
use crate::support::{numbers, thin};
use lanegrad::Storage;
#[cfg(feature = "alloc")]
use lanegrad::{Batch, Engine, Params, Rows};

/// Memory between two pages that may be neither read nor written.
struct Guarded {
    start: *mut u8,
    /// Bytes that may be used; a whole number of pages.
    len: usize,
    page: usize,
}

impl Guarded {
    /// Memory for at least `bytes` bytes.
    fn new(bytes: usize) -> Self {
        // SAFETY: a plain query, and an anonymous mapping at an address of the system's choice;
        // its first and last page are then closed.
        unsafe {
            let page = libc::sysconf(libc::_SC_PAGESIZE) as usize;
            let len = bytes.next_multiple_of(page);
            let (none, anonymous) = (libc::PROT_NONE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
            let base = libc::mmap(std::ptr::null_mut(), len + 2 * page, none, anonymous, -1, 0);
            assert_ne!(base, libc::MAP_FAILED);
            let start = base.cast::<u8>().add(page);
            assert_eq!(libc::mprotect(start.cast(), len, libc::PROT_READ | libc::PROT_WRITE), 0);
            Self { start, len, page }
        }
    }

    /// `n` elements that begin on the first byte after a closed page.
    fn first<T: Held>(&mut self, n: usize) -> &mut [T] {
        assert!(n * size_of::<T>() <= self.len);
        // SAFETY: within the mapping, which is writable, zeroed and aligned to a page.
        unsafe { std::slice::from_raw_parts_mut(self.start.cast(), n) }
    }

    /// `n` elements that end on the last byte before a closed page.
    fn last<T: Held>(&mut self, n: usize) -> &mut [T] {
        let bytes = n * size_of::<T>();
        assert!(bytes <= self.len);
        // SAFETY: within the mapping, and aligned: its end is, and `bytes` is a multiple of the size.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(self.len - bytes).cast(), n) }
    }

    /// `n` elements at the last place or the first.
    #[cfg(feature = "alloc")]
    fn place<T: Held>(&mut self, n: usize, at_the_end: bool) -> &mut [T] {
        if at_the_end { self.last(n) } else { self.first(n) }
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        // SAFETY: the mapping of `new`, which nothing borrows any more.
        unsafe { libc::munmap(self.start.sub(self.page).cast(), self.len + 2 * self.page) };
    }
}

fn check_all<S: Storage<T> + Held, T: Number>(list: Vec<(&str, Run<S, T>)>) {
    let [mut x, mut y, mut out] = [(); 3].map(|()| Guarded::new(8192));
    for (name, run) in list {
        for isa in isas() {
            for n in 0..=130 {
                let [last, first] = [true, false].map(|at_the_end| {
                    let (x, y, out) = if at_the_end {
                        (x.last::<S>(n), y.last::<T>(n), out.last::<T>(n))
                    } else {
                        (x.first::<S>(n), y.first::<T>(n), out.first::<T>(n))
                    };
                    let mut rng = rng(n as u64);
                    x.fill_with(|| held(&mut rng));
                    y.fill_with(|| uniform(&mut rng));
                    out.fill_with(|| uniform(&mut rng));
                    let result = run(isa, x, y, out);
                    [&[result], &*out].concat()
                });
                assert_same_bits(&last, &first, || format!("{name} on {isa}, n = {n}"));
            }
        }
    }
}

#[test]
fn f32_kernels() {
    check_all(kernels::all::<f32>());
}

#[test]
fn f64_kernels() {
    check_all(kernels::all::<f64>());
}

fn check_mixed<S: Storage<T> + Held, T: Number>() {
    check_all(kernels::mixed::<S, T>());
}

#[test]
fn data_of_another_type_than_the_arithmetic() {
    check_mixed::<f32, f64>();
    for_small!(check_mixed);
}

/// The passes over rows: with and without gaps between rows, the last one without a gap behind it.
#[cfg(feature = "alloc")]
fn check_passes<S: Storage<T> + Held, T: Number>() {
    const ROWS: [usize; 8] = [1, 2, 3, 5, 8, 16, 18, 33];
    let mut x = Guarded::new(33 * 133 * 8);
    let [mut y, mut s, mut o, mut w, mut v, mut out] = [(); 6].map(|()| Guarded::new(8192));
    for cols in (1..=70).chain([130]) {
        for (rows, gap) in thin(ROWS.into_iter().flat_map(|rows| [(rows, 0), (rows, 3)])) {
            let stride = cols + gap;
            for isa in isas() {
                let [last, first] = [true, false].map(|at_the_end| {
                    let rng = &mut rng((cols * 1000 + rows) as u64);
                    let x = x.place::<S>((rows - 1) * stride + cols, at_the_end);
                    x.fill_with(|| held(rng));
                    let [y, s, o] = [&mut y, &mut s, &mut o].map(|memory| {
                        let slice = memory.place::<T>(rows, at_the_end);
                        // Labels, sample weights, some of these 0, and offsets.
                        slice.fill_with(|| T::nearest((uniform::<f64>(rng) * 1.5).clamp(0.0, 1.0)));
                        &*slice
                    });
                    let [w, v] = [&mut w, &mut v].map(|memory| {
                        let slice = memory.place::<T>(cols, at_the_end);
                        slice.fill_with(|| uniform(rng));
                        &*slice
                    });
                    let out = out.place::<T>(rows, at_the_end);

                    let view = Rows::with_stride(&*x, rows, cols, stride).unwrap();
                    let batch = Batch::new(view, y).unwrap();
                    let order: Vec<u32> = (0..rows as u32).rev().collect();
                    let (params, direction) = (Params::new(w, v[0]), Params::new(v, w[0]));
                    let engine = Engine::serial().with_isa(isa);
                    let mut all = Vec::new();
                    let weighted =
                        batch.with_sample_weights(s).and_then(|batch| batch.with_offsets(o)).unwrap();
                    let by_class = weighted.with_class_weights([s[0], y[0]]).unwrap();
                    let gathered = weighted.gather(&order[..rows]).unwrap();
                    for batch in [batch, weighted, by_class, gathered] {
                        all.extend(numbers(&engine.loss_and_gradient(&batch, params).unwrap()));
                        all.extend(numbers(&engine.hessian_product(&batch, params, direction).unwrap()));
                        all.extend(numbers(&engine.hessian_diagonal(&batch, params).unwrap()));
                    }
                    engine.logits(view, params, out).unwrap();
                    all.extend(out.iter().map(|x| x.to_f64()));
                    engine.predict_proba(view, params, out).unwrap();
                    all.extend(out.iter().map(|x| x.to_f64()));
                    engine.predict_proba_with_offsets(view, params, o, out).unwrap();
                    all.extend(out.iter().map(|x| x.to_f64()));
                    all
                });
                assert_same_bits(&last, &first, || format!("{rows} x {cols}, stride {stride}, on {isa}"));
            }
        }
    }
}

#[cfg(feature = "alloc")]
#[test]
fn passes_over_rows() {
    check_passes::<f32, f32>();
    check_passes::<f64, f64>();
    check_passes::<f32, f64>();
    for_small!(check_passes);
}

/// Not a test of its own: the next one runs it in a process that it ends.
#[test]
#[ignore = "run as a child process by the test of the guards"]
fn child_reads_one_byte_too_far() {
    let mut memory = Guarded::new(8192);
    let last: *const u8 = memory.last::<f32>(1).as_ptr_range().end.cast();
    println!("reading");
    // SAFETY: none: the page is closed, and the process is to end here.
    let byte = unsafe { last.read_volatile() };
    println!("read {byte}");
}

/// The pages are closed: what the other tests rely on.
#[test]
fn a_byte_too_far_is_noticed() {
    let output = crate::support::child("guard_pages::child_reads_one_byte_too_far").output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(!output.status.success());
    assert!(printed.contains("reading") && !printed.contains("read "), "{printed}");
}
