//! The `avx2` backend: AVX2, FMA and F16C, a vector in two registers.
//!
//! F16C is a CPUID bit of its own, which every CPU with AVX2 has, but not every virtual machine passes on.

#![expect(unsafe_code, reason = "intrinsics, under the token's proof; masked loads and stores by pointer")]

#[cfg(feature = "narrow")]
use super::small::Widen;
use super::{Arithmetic, Backend, Lane, Vector, fold, operators, proven, x86_token};
use core::arch::x86_64::*;
#[cfg(feature = "narrow")]
use half::{bf16, f16};

x86_token! {
    /// Proof of AVX2, FMA and F16C.
    Avx2, ["avx2", "fma", "f16c"]
}

/// Sixteen `f32`: lanes 0 to 7, and 8 to 15.
#[derive(Clone, Copy)]
pub(crate) struct F32(__m256, __m256);

/// Eight `f64`: lanes 0 to 3, and 4 to 7.
#[derive(Clone, Copy)]
pub(crate) struct F64(__m256d, __m256d);

/// One intrinsic on both halves of the operands.
macro_rules! halves {
    ($f:ident $(::<$i:ident>)? ($($x:expr),+)) => {
        proven!(Self($f$(::<$i>)?($($x.0),+), $f$(::<$i>)?($($x.1),+)))
    };
}

impl Backend for Avx2 {
    type F32 = F32;
    type F64 = F64;

    const FUSED: bool = true;
    const UNROLL: bool = true;

    #[inline(always)]
    fn vectorize<R>(self, f: impl FnOnce() -> R) -> R {
        self.run(f)
    }

    #[inline(always)]
    fn widen(self, x: &[f32; 8]) -> F64 {
        let (low, high) = x.split_at(4);
        // SAFETY: the token proves AVX2; each half has the four `f32` that are read.
        unsafe {
            F64(_mm256_cvtps_pd(_mm_loadu_ps(low.as_ptr())), _mm256_cvtps_pd(_mm_loadu_ps(high.as_ptr())))
        }
    }

    #[inline(always)]
    fn widen_partial(self, x: &[f32]) -> F64 {
        // SAFETY: the token proves AVX2; the mask selects no lane beyond the slice, and a masked
        // load does not touch the lanes beyond.
        unsafe { to_f64(_mm256_maskload_ps(x.as_ptr(), first_lanes_32(x.len()))) }
    }
}

/// Eight `f32` as `f64`. Needs AVX2: see the callers.
#[inline]
#[target_feature(enable = "avx2")]
fn to_f64(x: __m256) -> F64 {
    F64(_mm256_cvtps_pd(_mm256_castps256_ps128(x)), _mm256_cvtps_pd(_mm256_extractf128_ps::<1>(x)))
}

/// The mask of the first `n` of 8 lanes of 32 bits. Needs AVX2: see the callers.
#[inline]
#[target_feature(enable = "avx2")]
fn first_lanes_32(n: usize) -> __m256i {
    let lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    _mm256_cmpgt_epi32(_mm256_set1_epi32(n.min(8) as i32), lane)
}

/// The mask of the first `n` of 4 lanes of 64 bits. Needs AVX2: see the callers.
#[inline]
#[target_feature(enable = "avx2")]
fn first_lanes_64(n: usize) -> __m256i {
    let lane = _mm256_setr_epi64x(0, 1, 2, 3);
    _mm256_cmpgt_epi64(_mm256_set1_epi64x(n.min(4) as i64), lane)
}

fold! { "avx2",
    fold_4: __m256, _mm256_add_ps(_mm256_permute2f128_ps::<0x20>, _mm256_permute2f128_ps::<0x31>);
    fold_2: __m256, _mm256_add_ps(_mm256_shuffle_ps::<0b01_00_01_00>, _mm256_shuffle_ps::<0b11_10_11_10>);
    fold_1: __m256, _mm256_add_ps(_mm256_shuffle_ps::<0b10_00_10_00>, _mm256_shuffle_ps::<0b11_01_11_01>);
    fold_2_f64: __m256d, _mm256_add_pd(_mm256_permute2f128_pd::<0x20>, _mm256_permute2f128_pd::<0x31>);
    fold_1_f64: __m256d, _mm256_add_pd(_mm256_unpacklo_pd, _mm256_unpackhi_pd);
}

/// The first step of the reduction tree, on the two registers of one vector.
#[inline]
#[target_feature(enable = "avx2")]
fn fold_8(x: F32) -> __m256 {
    _mm256_add_ps(x.0, x.1)
}

/// [`fold_8`] for `f64`.
#[inline]
#[target_feature(enable = "avx2")]
fn fold_4_f64(x: F64) -> __m256d {
    _mm256_add_pd(x.0, x.1)
}

/// Small numbers as vectors, given by intrinsics that read eight of them as `f32`.
#[cfg(feature = "narrow")]
macro_rules! widen {
    ($($s:ident: |$x:ident| $eight:expr;)+) => {
        $(impl Widen<$s> for Avx2 {
            #[inline(always)]
            fn widen_to_f32(self, x: &[$s; 16]) -> F32 {
                let (low, high) = x.split_at(8);
                // SAFETY: the token proves AVX2 and F16C; each half has the eight numbers that are read.
                unsafe {
                    let $x = low.as_ptr();
                    let low = $eight;
                    let $x = high.as_ptr();
                    F32(low, $eight)
                }
            }

            #[inline(always)]
            fn widen_to_f64(self, x: &[$s; 8]) -> F64 {
                // SAFETY: the token proves AVX2 and F16C; the chunk has the eight numbers that are read.
                unsafe {
                    let $x = x.as_ptr();
                    to_f64($eight)
                }
            }
        })+
    };
}

#[cfg(feature = "narrow")]
widen! {
    bf16: |x| {
            let x = _mm256_cvtepu16_epi32(_mm_loadu_si128(x.cast()));
            _mm256_castsi256_ps(_mm256_slli_epi32::<16>(x))
        };
    f16: |x| _mm256_cvtph_ps(_mm_loadu_si128(x.cast()));
    i8: |x| _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64(x.cast())));
    u8: |x| _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64(x.cast())));
}

/// A vector type and its operations, given the names of the intrinsics for its element type.
macro_rules! vector {
    (
        $vector:ident, [$t:ident; $lanes:literal], half: $half:literal, stored_bits: $stored_bits:literal,
        memory: $loadu:ident $storeu:ident $maskload:ident $maskstore:ident $first_lanes:ident,
        arithmetic: $add:ident $sub:ident $mul:ident $div:ident $fmadd:ident $fnmadd:ident $min:ident,
        bitwise: $set1:ident $xor:ident $and:ident $or:ident $andnot:ident $blendv:ident $cmp:ident,
        integer: $to_bits:ident $from_bits:ident $slli:ident $srli:ident $add_bits:ident,
        sum: |$low:ident, $high:ident| $sum:expr, sums: |$vectors:ident| $sums:expr,
        unzip: |$a:ident, $b:ident| $unzip:expr $(,)?
    ) => {
        operators! { $vector,
            Neg: |x| {
                let sign = proven!($set1(-0.0));
                proven!(Self($xor(x.0, sign), $xor(x.1, sign)))
            },
            Add add: |a, b| halves!($add(a, b)),
            Sub sub: |a, b| halves!($sub(a, b)),
            Mul mul: |a, b| halves!($mul(a, b)),
            Div div: |a, b| halves!($div(a, b)),
        }

        impl Arithmetic for $vector {
            type Element = $t;
            type Mask = Self;

            const FUSED: bool = Avx2::FUSED;

            #[inline(always)]
            fn constant(self, x: $t) -> Self {
                Self::splat(Avx2(()), x)
            }

            #[inline(always)]
            fn mul_add(self, a: Self, b: Self) -> Self {
                halves!($fmadd(self, a, b))
            }

            #[inline(always)]
            fn neg_mul_add(self, a: Self, b: Self) -> Self {
                halves!($fnmadd(self, a, b))
            }

            #[inline(always)]
            fn abs(self) -> Self {
                let sign = proven!($set1(-0.0));
                proven!(Self($andnot(sign, self.0), $andnot(sign, self.1)))
            }

            // `min(a, b)` is `a < b ? a : b`, so the second operand wins where either is a NaN.
            #[inline(always)]
            fn min(self, bound: Self) -> Self {
                halves!($min(bound, self))
            }

            #[inline(always)]
            fn lt(self, other: Self) -> Self {
                halves!($cmp::<_CMP_LT_OQ>(self, other))
            }

            #[inline(always)]
            fn eq(self, other: Self) -> Self {
                halves!($cmp::<_CMP_EQ_OQ>(self, other))
            }

            #[inline(always)]
            fn select(mask: Self, yes: Self, no: Self) -> Self {
                halves!($blendv(no, yes, mask))
            }

            #[inline(always)]
            fn scale_by_exponent_in(self, shifted: Self) -> Self {
                proven!({
                    let low = $slli::<$stored_bits>($to_bits(shifted.0));
                    let high = $slli::<$stored_bits>($to_bits(shifted.1));
                    Self(
                        $from_bits($add_bits($to_bits(self.0), low)),
                        $from_bits($add_bits($to_bits(self.1), high)),
                    )
                })
            }

            #[inline(always)]
            fn exponent(self) -> Self {
                let [power, excess] = $t::EXPONENT;
                let (power, excess) = (proven!($set1(power)), proven!($set1(excess)));
                proven!({
                    let low = $from_bits($srli::<$stored_bits>($to_bits(self.0)));
                    let high = $from_bits($srli::<$stored_bits>($to_bits(self.1)));
                    Self($sub($or(low, power), excess), $sub($or(high, power), excess))
                })
            }

            #[inline(always)]
            fn leading_half(self) -> Self {
                let mask = proven!($set1($t::LEADING_HALF));
                proven!(Self($and(self.0, mask), $and(self.1, mask)))
            }
        }

        impl Vector for $vector {
            type Backend = Avx2;

            #[inline(always)]
            fn splat(_: Avx2, x: $t) -> Self {
                let half = proven!($set1(x));
                Self(half, half)
            }

            #[inline(always)]
            fn load(_: Avx2, x: &[$t; $lanes]) -> Self {
                let (low, high) = x.split_at($half);
                // SAFETY: the token proves AVX2; each half holds all elements that are read.
                unsafe { Self($loadu(low.as_ptr()), $loadu(high.as_ptr())) }
            }

            #[inline(always)]
            fn load_partial(_: Avx2, x: &[$t]) -> Self {
                let (low, high) = x.split_at(x.len().min($half));
                // SAFETY: the token proves AVX2; the masks select no lane beyond each slice, and a
                // masked load does not touch the lanes beyond.
                unsafe {
                    Self(
                        $maskload(low.as_ptr(), $first_lanes(low.len())),
                        $maskload(high.as_ptr(), $first_lanes(high.len())),
                    )
                }
            }

            #[inline(always)]
            fn store(self, out: &mut [$t; $lanes]) {
                let (low, high) = out.split_at_mut($half);
                // SAFETY: `self` proves AVX2; each half holds all elements that are written.
                unsafe {
                    $storeu(low.as_mut_ptr(), self.0);
                    $storeu(high.as_mut_ptr(), self.1);
                }
            }

            #[inline(always)]
            fn store_partial(self, out: &mut [$t]) {
                let (low, high) = out.split_at_mut(out.len().min($half));
                // SAFETY: `self` proves AVX2; the masks select no lane beyond each slice, and a
                // masked store does not touch the lanes beyond.
                unsafe {
                    $maskstore(low.as_mut_ptr(), $first_lanes(low.len()), self.0);
                    $maskstore(high.as_mut_ptr(), $first_lanes(high.len()), self.1);
                }
            }

            #[inline(always)]
            fn sum(self) -> $t {
                let ($low, $high) = (self.0, self.1);
                proven!($sum)
            }

            #[inline(always)]
            fn sums(vectors: &[Self]) -> Self {
                let vectors: &[Self; $lanes] = vectors.first_chunk().expect("a vector for each lane");
                let (low, high) = vectors.split_at($half);
                let $vectors = low;
                let first = proven!($sums);
                let $vectors = high;
                Self(first, proven!($sums))
            }

            #[inline(always)]
            fn unzip(self, other: Self) -> [Self; 2] {
                let ($a, $b) = (self.0, self.1);
                let [low_even, low_odd] = proven!($unzip);
                let ($a, $b) = (other.0, other.1);
                let [high_even, high_odd] = proven!($unzip);
                [Self(low_even, high_even), Self(low_odd, high_odd)]
            }
        }
    };
}

vector! {
    F32, [f32; 16], half: 8, stored_bits: 23,
    memory: _mm256_loadu_ps _mm256_storeu_ps _mm256_maskload_ps _mm256_maskstore_ps first_lanes_32,
    arithmetic: _mm256_add_ps _mm256_sub_ps _mm256_mul_ps _mm256_div_ps _mm256_fmadd_ps _mm256_fnmadd_ps
        _mm256_min_ps,
    bitwise: _mm256_set1_ps _mm256_xor_ps _mm256_and_ps _mm256_or_ps _mm256_andnot_ps _mm256_blendv_ps
        _mm256_cmp_ps,
    integer: _mm256_castps_si256 _mm256_castsi256_ps _mm256_slli_epi32 _mm256_srli_epi32 _mm256_add_epi32,
    sum: |low, high| {
        let eight = _mm256_add_ps(low, high);
        let four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps::<1>(eight));
        let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
        _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)))
    },
    sums: |v| {
        // Vectors that end up four lanes apart share a `quad`, one in each 128 bits of it.
        let quad = [
            fold_4(fold_8(v[0]), fold_8(v[4])),
            fold_4(fold_8(v[1]), fold_8(v[5])),
            fold_4(fold_8(v[2]), fold_8(v[6])),
            fold_4(fold_8(v[3]), fold_8(v[7])),
        ];
        fold_1(fold_2(quad[0], quad[1]), fold_2(quad[2], quad[3]))
    },
    unzip: |a, b| {
        // Within each 128 bits first: the pairs are then in the order 0, 2, 1, 3.
        let (even, odd) = (_mm256_shuffle_ps::<0b10_00_10_00>(a, b), _mm256_shuffle_ps::<0b11_01_11_01>(a, b));
        let (even, odd) = (_mm256_castps_pd(even), _mm256_castps_pd(odd));
        [
            _mm256_castpd_ps(_mm256_permute4x64_pd::<0b11_01_10_00>(even)),
            _mm256_castpd_ps(_mm256_permute4x64_pd::<0b11_01_10_00>(odd)),
        ]
    },
}

vector! {
    F64, [f64; 8], half: 4, stored_bits: 52,
    memory: _mm256_loadu_pd _mm256_storeu_pd _mm256_maskload_pd _mm256_maskstore_pd first_lanes_64,
    arithmetic: _mm256_add_pd _mm256_sub_pd _mm256_mul_pd _mm256_div_pd _mm256_fmadd_pd _mm256_fnmadd_pd
        _mm256_min_pd,
    bitwise: _mm256_set1_pd _mm256_xor_pd _mm256_and_pd _mm256_or_pd _mm256_andnot_pd _mm256_blendv_pd
        _mm256_cmp_pd,
    integer: _mm256_castpd_si256 _mm256_castsi256_pd _mm256_slli_epi64 _mm256_srli_epi64 _mm256_add_epi64,
    sum: |low, high| {
        let four = _mm256_add_pd(low, high);
        let two = _mm_add_pd(_mm256_castpd256_pd128(four), _mm256_extractf128_pd::<1>(four));
        _mm_cvtsd_f64(_mm_add_sd(two, _mm_unpackhi_pd(two, two)))
    },
    sums: |v| {
        let even = fold_2_f64(fold_4_f64(v[0]), fold_4_f64(v[2]));
        let odd = fold_2_f64(fold_4_f64(v[1]), fold_4_f64(v[3]));
        fold_1_f64(even, odd)
    },
    unzip: |a, b| {
        let (even, odd) = (_mm256_unpacklo_pd(a, b), _mm256_unpackhi_pd(a, b));
        [_mm256_permute4x64_pd::<0b11_01_10_00>(even), _mm256_permute4x64_pd::<0b11_01_10_00>(odd)]
    },
}
