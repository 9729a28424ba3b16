//! Inputs and outputs that touch pages without access rights: a read or a write one byte too far
//! ends the process.
#![cfg(unix)]
#![expect(unsafe_code, reason = "maps memory whose neighbours may not be touched")]

mod support;

use lanegrad::Storage;
use support::kernels::{self, Run};
use support::{TestFloat, assert_same_bits, isas, rng, uniform};

/// Memory between two pages that may be neither read nor written.
struct Guarded {
    start: *mut u8,
    /// Bytes that may be used; a whole number of pages.
    len: usize,
    page: usize,
}

impl Guarded {
    fn new() -> Self {
        // SAFETY: a plain query, and an anonymous mapping at an address of the system's choice;
        // its first and last page are then closed.
        unsafe {
            let page = libc::sysconf(libc::_SC_PAGESIZE) as usize;
            let len = 2 * page;
            let (none, anonymous) = (libc::PROT_NONE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
            let base = libc::mmap(std::ptr::null_mut(), len + 2 * page, none, anonymous, -1, 0);
            assert_ne!(base, libc::MAP_FAILED);
            let start = base.cast::<u8>().add(page);
            assert_eq!(libc::mprotect(start.cast(), len, libc::PROT_READ | libc::PROT_WRITE), 0);
            Self { start, len, page }
        }
    }

    /// `n` elements that begin on the first byte after a closed page.
    fn first<T: TestFloat>(&mut self, n: usize) -> &mut [T] {
        assert!(n * size_of::<T>() <= self.len);
        // SAFETY: within the mapping, which is writable, zeroed and aligned to a page.
        unsafe { std::slice::from_raw_parts_mut(self.start.cast(), n) }
    }

    /// `n` elements that end on the last byte before a closed page.
    fn last<T: TestFloat>(&mut self, n: usize) -> &mut [T] {
        let bytes = n * size_of::<T>();
        assert!(bytes <= self.len);
        // SAFETY: within the mapping, and aligned: its end is, and `bytes` is a multiple of the size.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(self.len - bytes).cast(), n) }
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        // SAFETY: the mapping of `new`, which nothing borrows any more.
        unsafe { libc::munmap(self.start.sub(self.page).cast(), self.len + 2 * self.page) };
    }
}

fn check_all<S: Storage<T> + TestFloat, T: TestFloat>(list: Vec<(&str, Run<S, T>)>) {
    let (mut x, mut y, mut out) = (Guarded::new(), Guarded::new(), Guarded::new());
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
                    x.fill_with(|| uniform(&mut rng));
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

#[test]
fn f32_data_in_f64() {
    check_all(kernels::mixed::<f32, f64>());
}

/// Not a test of its own: the next one runs it in a process that it ends.
#[test]
#[ignore = "run as a child process by the test of the guards"]
fn child_reads_one_byte_too_far() {
    let mut memory = Guarded::new();
    let last: *const u8 = memory.last::<f32>(1).as_ptr_range().end.cast();
    println!("reading");
    // SAFETY: none: the page is closed, and the process is to end here.
    let byte = unsafe { last.read_volatile() };
    println!("read {byte}");
}

/// The pages are closed: what the other tests rely on.
#[test]
fn a_byte_too_far_is_noticed() {
    let output = support::child("child_reads_one_byte_too_far").output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(!output.status.success());
    assert!(printed.contains("reading") && !printed.contains("read "), "{printed}");
}
