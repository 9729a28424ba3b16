//! Numbers in memory, where a pass reads them fastest: from the start of a cache line on, and in pages of 2 MB.

use crate::number::{Encoding, Held};
use memmap2::MmapMut;
use std::alloc::{Layout, handle_alloc_error};
use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

/// Bytes that are mapped at once, at least: what a system needs for a page of its larger kind.
const LEAST: usize = 2 << 20;

/// Numbers that are appended, as in a `Vec`.
///
/// A mapping without a file holds them: it starts with a page, and can be advised as a whole before its pages are
/// there. An allocation of many numbers starts 16 bytes after a page in the C library of Linux, so that every vector
/// would lie in two cache lines, and advice on pages that are there already moves them later, or never.
pub(crate) struct Numbers<T> {
    /// The memory; `None` where nothing was reserved yet. It is zero where nothing was written.
    map: Option<MmapMut>,
    len: usize,
    of: PhantomData<T>,
}

impl<T: Held> Numbers<T> {
    /// No numbers.
    pub(crate) const fn new() -> Self {
        Self { map: None, len: 0, of: PhantomData }
    }

    /// Makes room for more numbers. Room takes addresses and no memory.
    ///
    /// # Errors
    ///
    /// If there are not enough addresses.
    pub(crate) fn try_reserve(&mut self, more: usize) -> io::Result<()> {
        let too_many = || io::Error::from(io::ErrorKind::OutOfMemory);
        let bytes = self.len.checked_add(more).and_then(|len| len.checked_mul(size_of::<T>()));
        let bytes = bytes.and_then(|bytes| bytes.checked_next_multiple_of(LEAST)).ok_or_else(too_many)?;
        match &mut self.map {
            _ if bytes == 0 => {}
            Some(map) if map.len() >= bytes => {}
            Some(map) => grow(map, bytes)?,
            None => self.map = Some(map(bytes)?),
        }
        Ok(())
    }

    /// Appends zeros.
    pub(crate) fn append(&mut self, more: usize) {
        let room = self.room();
        if room - self.len < more
            && self.try_reserve(more.max(room)).is_err()
            && self.try_reserve(more).is_err()
        {
            // As a `Vec` does.
            handle_alloc_error(
                Layout::array::<T>(self.len.saturating_add(more)).unwrap_or(Layout::new::<T>()),
            )
        }
        let first = self.len;
        self.len += more;
        self[first..].fill(T::default());
    }

    /// Removes the numbers, and keeps the room.
    pub(crate) fn clear(&mut self) {
        self.len = 0;
    }

    /// The most numbers that the mapping holds.
    fn room(&self) -> usize {
        self.map.as_ref().map_or(0, |map| map.len() / size_of::<T>())
    }
}

/// Memory without a file, in pages of 2 MB where the system gives them. It starts with a page.
fn map(bytes: usize) -> io::Result<MmapMut> {
    let map = MmapMut::map_anon(bytes)?;
    // Advice changes speed alone: a system that does not take it has other pages.
    #[cfg(target_os = "linux")]
    let _ = map.advise(memmap2::Advice::HugePage);
    Ok(map)
}

/// Makes a mapping longer. Its pages move with their addresses, so that nothing is copied.
#[cfg(target_os = "linux")]
fn grow(map: &mut MmapMut, bytes: usize) -> io::Result<()> {
    let options = memmap2::RemapOptions::new().may_move(true);
    // SAFETY: no file is mapped, behind whose end a page would be missing; and nobody has a reference into the
    // mapping, as this one is exclusive.
    #[expect(unsafe_code, reason = "a mapping of a file could end before its new length")]
    unsafe {
        map.remap(bytes, options)
    }
}

/// Makes a mapping longer.
#[cfg(not(target_os = "linux"))]
fn grow(old: &mut MmapMut, bytes: usize) -> io::Result<()> {
    let mut new = map(bytes)?;
    new[..old.len()].copy_from_slice(old);
    *old = new;
    Ok(())
}

impl<T: Held> Deref for Numbers<T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        let numbers = self.map.as_deref().and_then(T::Encoding::cast).unwrap_or_default();
        &numbers[..self.len]
    }
}

impl<T: Held> DerefMut for Numbers<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [T] {
        let numbers = self.map.as_deref_mut().and_then(T::Encoding::cast_mut).unwrap_or_default();
        &mut numbers[..self.len]
    }
}

impl<T: Held> Clone for Numbers<T> {
    fn clone(&self) -> Self {
        let mut clone = Self::new();
        clone.append(self.len);
        clone.copy_from_slice(self);
        clone
    }
}

/// As those of a slice.
impl<T: Held> fmt::Debug for Numbers<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::{LEAST, Numbers};

    #[test]
    fn numbers_stay_while_they_grow() {
        let mut numbers = Numbers::<f64>::new();
        assert!(numbers.is_empty());
        let mut next = 0.0;
        // Over the ends of several mappings.
        for more in [0, 1, 7, 300_000, 0, 1_000_000, 3] {
            let first = numbers.len();
            numbers.append(more);
            for x in &mut numbers[first..] {
                assert_eq!(*x, 0.0);
                *x = next;
                next += 1.0;
            }
            assert!(numbers.iter().enumerate().all(|(i, &x)| x == i as f64));
            assert!(numbers.is_empty() || numbers.as_ptr().align_offset(64) == 0, "a cache line starts it");
        }
        assert_eq!(numbers.clone()[..], numbers[..]);
        assert_eq!(format!("{:?}", numbers.clone()).len(), format!("{:?}", &numbers[..]).len());
        numbers.clear();
        assert!(numbers.is_empty());
        numbers.append(5);
        assert_eq!(numbers[..], [0.0; 5], "what was there before is gone");
    }

    #[test]
    fn more_than_there_is_room_for_is_an_error() {
        let mut numbers = Numbers::<f32>::new();
        numbers.append(3);
        for more in [usize::MAX, usize::MAX / 4, usize::MAX / 4 - LEAST] {
            assert!(numbers.try_reserve(more).is_err());
        }
        assert_eq!(numbers[..], [0.0; 3]);
    }
}
