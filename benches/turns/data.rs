//! Memory with pages of a chosen size.

use memmap2::{Advice, MmapMut};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

#[derive(Clone, Copy, Default)]
pub(crate) enum Pages {
    /// 2 MB, where the system gives them.
    #[default]
    Huge,
    /// 4 KB.
    Small,
}

/// Numbers in pages of their own.
pub(crate) struct Numbers {
    map: MmapMut,
    start: usize,
    bytes: usize,
}

const PAGE: usize = 2 << 20;

impl Numbers {
    /// `len` random numbers between -1 and 1.
    pub(crate) fn random<T: Number>(len: usize, pages: Pages) -> Self {
        let bytes = len * size_of::<T>();
        let map = MmapMut::map_anon(bytes + 2 * PAGE).expect("memory");
        let advice = match pages {
            Pages::Huge => Advice::HugePage,
            Pages::Small => Advice::NoHugePage,
        };
        map.advise(advice).expect("advice on pages");
        let start = map.as_ptr().align_offset(PAGE);
        let mut numbers = Self { map, start, bytes };
        let mut random = SmallRng::seed_from_u64(7);
        for out in numbers.map[start..start + bytes].chunks_mut(size_of::<T>()) {
            T::write(random.random_range(-1.0..1.0), out);
        }
        numbers
    }

    pub(crate) fn as_slice<T: Number>(&self) -> &[T] {
        T::cast(&self.map[self.start..self.start + self.bytes])
    }
}

/// `f32` or `f64`.
pub(crate) trait Number: Copy + 'static {
    fn write(x: f64, out: &mut [u8]);
    fn cast(bytes: &[u8]) -> &[Self];
}

macro_rules! number {
    ($T:ty) => {
        impl Number for $T {
            fn write(x: f64, out: &mut [u8]) {
                out.copy_from_slice(&(x as $T).to_ne_bytes());
            }
            fn cast(bytes: &[u8]) -> &[Self] {
                bytemuck::cast_slice(bytes)
            }
        }
    };
}

number!(f32);
number!(f64);
