//! Storage of 16 and 8 bits: `bf16`, `f16`, `i8` and `u8`, which are widened to `f32` or `f64` as they are loaded.
//!
//! Every number of these types is a number of `f32`, so that a pass over them has the bits of one over the same
//! numbers held as `f32`: subnormals are kept, and NaN stays NaN. (So `vdpbf16ps` and its like are not used, which
//! flush subnormals and round otherwise.)

/// What a backend widens beyond `f32`: nothing.
#[cfg(not(feature = "narrow"))]
pub(crate) trait Widens {}

#[cfg(not(feature = "narrow"))]
impl<B> Widens for B {}

#[cfg(feature = "narrow")]
pub(crate) use self::on::{Widen, Widens};

#[cfg(feature = "narrow")]
mod on {
    use crate::simd::{Backend, LoadAs};
    use bytemuck::Pod;
    use half::{bf16, f16};

    /// The storage types that every backend widens.
    pub(crate) trait Widens: Widen<bf16> + Widen<f16> + Widen<i8> + Widen<u8> {}

    impl<B: Widen<bf16> + Widen<f16> + Widen<i8> + Widen<u8>> Widens for B {}

    /// Vectors of numbers that are held as `S`. Exact.
    pub(crate) trait Widen<S>: Sized {
        /// Sixteen of them as `f32`.
        fn widen_to_f32(self, x: &[S; 16]) -> Self::F32
        where
            Self: Backend;

        /// Eight of them as `f64`.
        fn widen_to_f64(self, x: &[S; 8]) -> Self::F64
        where
            Self: Backend;
    }

    macro_rules! load_as {
        ($s:ident as $t:ident by $widen:ident, $lanes:literal in $words:literal words, $vector:ident, |$x:ident| $convert:expr) => {
            impl LoadAs<$t> for $s {
                type Chunk = [$s; $lanes];

                #[inline(always)]
                fn convert(self) -> $t {
                    let $x = self;
                    $convert
                }

                #[inline(always)]
                fn chunks(x: &[Self]) -> (&[Self::Chunk], &[Self]) {
                    x.as_chunks()
                }

                #[inline(always)]
                fn load<B: Backend>(b: B, x: &Self::Chunk) -> B::$vector {
                    Widen::<$s>::$widen(b, x)
                }

                #[inline(always)]
                fn load_partial<B: Backend>(b: B, x: &[Self]) -> B::$vector {
                    Widen::<$s>::$widen(b, &bytemuck::cast(words::<Self, $words>(x)))
                }
            }
        };
    }

    load_as!(bf16 as f32 by widen_to_f32, 16 in 4 words, F32, |x| number_of_bf16(x));
    load_as!(bf16 as f64 by widen_to_f64, 8 in 2 words, F64, |x| number_of_bf16(x).into());
    load_as!(f16 as f32 by widen_to_f32, 16 in 4 words, F32, |x| number_of_f16(x));
    load_as!(f16 as f64 by widen_to_f64, 8 in 2 words, F64, |x| number_of_f16(x).into());
    load_as!(i8 as f32 by widen_to_f32, 16 in 2 words, F32, |x| x.into());
    load_as!(i8 as f64 by widen_to_f64, 8 in 1 words, F64, |x| x.into());
    load_as!(u8 as f32 by widen_to_f32, 16 in 2 words, F32, |x| x.into());
    load_as!(u8 as f64 by widen_to_f64, 8 in 1 words, F64, |x| x.into());

    /// The first numbers of a chunk of lanes from `x` (no more than there are), and 0 in those beyond.
    ///
    /// In registers: what is put together in memory is not there yet when a vector of it is loaded, which then waits.
    #[inline(always)]
    fn words<S: Pod, const N: usize>(x: &[S]) -> [u64; N] {
        let mut bytes: &[u8] = bytemuck::cast_slice(x);
        let mut words = [0; N];
        for out in &mut words {
            let (first, rest) = bytes.split_at(bytes.len().min(8));
            *out = word(first).to_le();
            bytes = rest;
        }
        words
    }

    /// Up to eight bytes as a number, of which the first is the lowest, and 0 in those beyond: by two loads, which
    /// overlap.
    #[inline(always)]
    fn word(x: &[u8]) -> u64 {
        if let Some(x) = x.first_chunk() {
            return u64::from_le_bytes(*x);
        }
        if let (Some(first), Some(last)) = (x.first_chunk(), x.last_chunk()) {
            let last = u64::from(u32::from_le_bytes(*last)) << (8 * (x.len() - 4));
            return u64::from(u32::from_le_bytes(*first)) | last;
        }
        if let (Some(first), Some(last)) = (x.first_chunk(), x.last_chunk()) {
            let last = u64::from(u16::from_le_bytes(*last)) << (8 * (x.len() - 2));
            return u64::from(u16::from_le_bytes(*first)) | last;
        }
        x.first().map_or(0, |&x| x.into())
    }

    /// The number: the upper half of an `f32`.
    #[inline(always)]
    fn number_of_bf16(x: bf16) -> f32 {
        f32::from_bits(u32::from(x.to_bits()) << 16)
    }

    /// The number, by operations of which a compiler makes those of vectors: all cases are computed, and one is chosen.
    /// (`half` asks for the CPU's instructions each time.)
    #[inline(always)]
    fn number_of_f16(x: f16) -> f32 {
        const LARGEST_EXPONENT: u32 = 0x1f << 23;
        let bits = u32::from(x.to_bits());
        // With the significand at its place, the exponent is too small by the difference of the biases.
        let shifted = (bits & 0x7fff) << 13;
        let normal = shifted + ((127 - 15) << 23);
        // 2^-14 times a fraction without the leading 1: added to 2^-14, and that subtracted, which is exact.
        let subnormal = f32::from_bits(normal + (1 << 23)) - f32::from_bits((127 - 14) << 23);
        // Infinite or NaN: the largest exponent here is the largest there.
        let magnitude = if shifted >= LARGEST_EXPONENT { normal + ((128 - 16) << 23) } else { normal };
        let magnitude = if shifted < 1 << 23 { subnormal.to_bits() } else { magnitude };
        f32::from_bits(magnitude | (bits & 0x8000) << 16)
    }
}
