//! The prefetch: a hint to the memory, which changes when data arrive and no value.

#![cfg_attr(
    target_arch = "x86_64",
    expect(unsafe_code, reason = "the instruction takes a pointer, which it does not dereference")
)]

#[cfg(target_arch = "x86_64")]
use core::arch::x86_64::{_MM_HINT_T0, _MM_HINT_T1, _mm_prefetch};

/// Asks for the cache line `bytes` after the start of `x`, which may lie beyond the slice. Does nothing
/// where stable Rust has no such instruction.
#[inline(always)]
pub(crate) fn prefetch<S>(x: &[S], bytes: usize) {
    #[cfg(target_arch = "x86_64")]
    ask::<_MM_HINT_T0, S>(x, bytes);
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (x, bytes);
}

/// The same, into the second-level cache and not the first.
#[inline(always)]
pub(crate) fn prefetch_second_level<S>(x: &[S], bytes: usize) {
    #[cfg(target_arch = "x86_64")]
    ask::<_MM_HINT_T1, S>(x, bytes);
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (x, bytes);
}

/// The instruction, with a hint at the level.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn ask<const HINT: i32, S>(x: &[S], bytes: usize) {
    // SAFETY: SSE, which has the instruction, is part of x86-64; a prefetch reads nothing that the
    // program could see and does not fault, whatever the address.
    unsafe { _mm_prefetch::<HINT>(x.as_ptr().wrapping_byte_add(bytes).cast()) }
}
