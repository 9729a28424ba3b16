//! The `avx512` backend: a vector is one register, and a mask is a mask register.
//!
//! Needs AVX-512 F, DQ and VL, which all CPUs with AVX-512 but the Xeon Phi have together.

#![expect(unsafe_code, reason = "intrinsics, under the token's proof; loads and stores by pointer")]

#[cfg(feature = "narrow")]
use super::small::Widen;
use super::{Arithmetic, Backend, Lane, Vector, fold, operators, proven, x86_token};
use core::arch::x86_64::*;
#[cfg(feature = "narrow")]
use half::{bf16, f16};

x86_token! {
    /// Proof of AVX-512 F, DQ and VL, and of what they stand on.
    Avx512, ["avx512f", "avx512dq", "avx512vl", "avx2", "fma", "f16c"]
}

/// Sixteen `f32`.
#[derive(Clone, Copy)]
pub(crate) struct F32(__m512);

/// Eight `f64`.
#[derive(Clone, Copy)]
pub(crate) struct F64(__m512d);

/// The mask of the first `n` lanes of a vector of at most 16.
#[inline(always)]
fn first_lanes(n: usize) -> u16 {
    ((1_u32 << n.min(16)) - 1) as u16
}

fold! { "avx512f",
    fold_8: __m512, _mm512_add_ps(_mm512_shuffle_f32x4::<0b01_00_01_00>, _mm512_shuffle_f32x4::<0b11_10_11_10>);
    fold_4: __m512, _mm512_add_ps(_mm512_shuffle_f32x4::<0b10_00_10_00>, _mm512_shuffle_f32x4::<0b11_01_11_01>);
    fold_2: __m512, _mm512_add_ps(_mm512_shuffle_ps::<0b01_00_01_00>, _mm512_shuffle_ps::<0b11_10_11_10>);
    fold_1: __m512, _mm512_add_ps(_mm512_shuffle_ps::<0b10_00_10_00>, _mm512_shuffle_ps::<0b11_01_11_01>);
    fold_4_f64: __m512d, _mm512_add_pd(_mm512_shuffle_f64x2::<0b01_00_01_00>, _mm512_shuffle_f64x2::<0b11_10_11_10>);
    fold_2_f64: __m512d, _mm512_add_pd(_mm512_shuffle_f64x2::<0b10_00_10_00>, _mm512_shuffle_f64x2::<0b11_01_11_01>);
    fold_1_f64: __m512d, _mm512_add_pd(_mm512_unpacklo_pd, _mm512_unpackhi_pd);
}

impl Backend for Avx512 {
    type F32 = F32;
    type F64 = F64;

    const FUSED: bool = true;
    const UNROLL: bool = true;
    const FOUR_ROWS: bool = true;

    #[inline(always)]
    fn vectorize<R>(self, f: impl FnOnce() -> R) -> R {
        self.run(f)
    }

    #[inline(always)]
    fn widen(self, x: &[f32; 8]) -> F64 {
        // SAFETY: the token proves AVX-512; the chunk has the eight `f32` that are read.
        unsafe { F64(_mm512_cvtps_pd(_mm256_loadu_ps(x.as_ptr()))) }
    }

    #[inline(always)]
    fn widen_partial(self, x: &[f32]) -> F64 {
        // SAFETY: the token proves AVX-512; the mask selects no lane beyond the slice, and a masked
        // load does not touch the lanes beyond.
        unsafe { F64(_mm512_cvtps_pd(_mm256_maskz_loadu_ps(first_lanes(x.len()) as __mmask8, x.as_ptr()))) }
    }
}

/// Small numbers as sixteen `f32`, and as eight `f64`, given by intrinsics that read them.
#[cfg(feature = "narrow")]
macro_rules! widen {
    ($($s:ident: |$x:ident| $to_f32:expr, |$y:ident| $to_f64:expr;)+) => {
        $(impl Widen<$s> for Avx512 {
            #[inline(always)]
            fn widen_to_f32(self, x: &[$s; 16]) -> F32 {
                let $x = x.as_ptr();
                // SAFETY: the token proves AVX-512; the chunk has the 16 numbers that are read.
                unsafe { F32($to_f32) }
            }

            #[inline(always)]
            fn widen_to_f64(self, x: &[$s; 8]) -> F64 {
                let $y = x.as_ptr();
                // SAFETY: as above, for 8 numbers.
                unsafe { F64($to_f64) }
            }
        })+
    };
}

#[cfg(feature = "narrow")]
widen! {
    bf16: |x| {
            let x = _mm512_cvtepu16_epi32(_mm256_loadu_si256(x.cast()));
            _mm512_castsi512_ps(_mm512_slli_epi32::<16>(x))
        },
        |x| {
            let low = _mm256_cvtepu16_epi32(_mm_loadu_si128(x.cast()));
            _mm512_cvtps_pd(_mm256_castsi256_ps(_mm256_slli_epi32::<16>(low)))
        };
    f16: |x| _mm512_cvtph_ps(_mm256_loadu_si256(x.cast())),
        |x| _mm512_cvtps_pd(_mm256_cvtph_ps(_mm_loadu_si128(x.cast())));
    i8: |x| _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(x.cast()))),
        |x| _mm512_cvtepi32_pd(_mm256_cvtepi8_epi32(_mm_loadl_epi64(x.cast())));
    u8: |x| _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128(x.cast()))),
        |x| _mm512_cvtepi32_pd(_mm256_cvtepu8_epi32(_mm_loadl_epi64(x.cast())));
}

/// A vector type and its operations, given the names of the intrinsics for its element type.
macro_rules! vector {
    (
        $vector:ident, [$t:ident; $lanes:literal], mask: $mask:ident, stored_bits: $stored_bits:literal,
        memory: $loadu:ident $storeu:ident $maskz_loadu:ident $mask_storeu:ident,
        arithmetic: $add:ident $sub:ident $mul:ident $div:ident $fmadd:ident $fnmadd:ident $min:ident,
        bitwise: $set1:ident $xor:ident $and:ident $or:ident $andnot:ident $mask_blend:ident $cmp_mask:ident,
        integer: $to_bits:ident $from_bits:ident $slli:ident $srli:ident $add_bits:ident,
        sum: |$x:ident| $sum:expr, sums: |$vectors:ident| $sums:expr,
        unzip: |$a:ident, $b:ident| $unzip:expr $(,)?
    ) => {
        operators! { $vector,
            Neg: |x| proven!(Self($xor(x.0, $set1(-0.0)))),
            Add add: |a, b| proven!(Self($add(a.0, b.0))),
            Sub sub: |a, b| proven!(Self($sub(a.0, b.0))),
            Mul mul: |a, b| proven!(Self($mul(a.0, b.0))),
            Div div: |a, b| proven!(Self($div(a.0, b.0))),
        }

        impl Arithmetic for $vector {
            type Element = $t;
            type Mask = $mask;

            const FUSED: bool = Avx512::FUSED;

            #[inline(always)]
            fn constant(self, x: $t) -> Self {
                Self::splat(Avx512(()), x)
            }

            #[inline(always)]
            fn mul_add(self, a: Self, b: Self) -> Self {
                proven!(Self($fmadd(self.0, a.0, b.0)))
            }

            #[inline(always)]
            fn neg_mul_add(self, a: Self, b: Self) -> Self {
                proven!(Self($fnmadd(self.0, a.0, b.0)))
            }

            #[inline(always)]
            fn abs(self) -> Self {
                proven!(Self($andnot($set1(-0.0), self.0)))
            }

            // `min(a, b)` is `a < b ? a : b`, so the second operand wins where either is a NaN.
            #[inline(always)]
            fn min(self, bound: Self) -> Self {
                proven!(Self($min(bound.0, self.0)))
            }

            #[inline(always)]
            fn lt(self, other: Self) -> $mask {
                proven!($cmp_mask::<_CMP_LT_OQ>(self.0, other.0))
            }

            #[inline(always)]
            fn eq(self, other: Self) -> $mask {
                proven!($cmp_mask::<_CMP_EQ_OQ>(self.0, other.0))
            }

            #[inline(always)]
            fn select(mask: $mask, yes: Self, no: Self) -> Self {
                proven!(Self($mask_blend(mask, no.0, yes.0)))
            }

            #[inline(always)]
            fn scale_by_exponent_in(self, shifted: Self) -> Self {
                proven!({
                    let exponent = $slli::<$stored_bits>($to_bits(shifted.0));
                    Self($from_bits($add_bits($to_bits(self.0), exponent)))
                })
            }

            // Not the one instruction for it, whose results are others for all but normal numbers.
            #[inline(always)]
            fn exponent(self) -> Self {
                let [power, excess] = $t::EXPONENT;
                proven!({
                    let field = $from_bits($srli::<$stored_bits>($to_bits(self.0)));
                    Self($sub($or(field, $set1(power)), $set1(excess)))
                })
            }

            #[inline(always)]
            fn leading_half(self) -> Self {
                proven!(Self($and(self.0, $set1($t::LEADING_HALF))))
            }
        }

        impl Vector for $vector {
            type Backend = Avx512;

            #[inline(always)]
            fn splat(_: Avx512, x: $t) -> Self {
                proven!(Self($set1(x)))
            }

            #[inline(always)]
            fn load(_: Avx512, x: &[$t; $lanes]) -> Self {
                // SAFETY: the token proves AVX-512; the chunk holds all elements that are read.
                unsafe { Self($loadu(x.as_ptr())) }
            }

            #[inline(always)]
            fn load_partial(_: Avx512, x: &[$t]) -> Self {
                // SAFETY: the token proves AVX-512; the mask selects no lane beyond the slice, and a
                // masked load does not touch the lanes beyond.
                unsafe { Self($maskz_loadu(first_lanes(x.len()) as $mask, x.as_ptr())) }
            }

            #[inline(always)]
            fn store(self, out: &mut [$t; $lanes]) {
                // SAFETY: `self` proves AVX-512; the chunk holds all elements that are written.
                unsafe { $storeu(out.as_mut_ptr(), self.0) }
            }

            #[inline(always)]
            fn store_partial(self, out: &mut [$t]) {
                // SAFETY: `self` proves AVX-512; the mask selects no lane beyond the slice, and a
                // masked store does not touch the lanes beyond.
                unsafe { $mask_storeu(out.as_mut_ptr(), first_lanes(out.len()) as $mask, self.0) }
            }

            #[inline(always)]
            fn sum(self) -> $t {
                let $x = self.0;
                proven!($sum)
            }

            #[inline(always)]
            fn sums(vectors: &[Self]) -> Self {
                let $vectors: &[Self; $lanes] = vectors.first_chunk().expect("a vector for each lane");
                proven!(Self($sums))
            }

            #[inline(always)]
            fn unzip(self, other: Self) -> [Self; 2] {
                let ($a, $b) = (self.0, other.0);
                let [even, odd] = proven!($unzip);
                [Self(even), Self(odd)]
            }
        }
    };
}

vector! {
    F32, [f32; 16], mask: __mmask16, stored_bits: 23,
    memory: _mm512_loadu_ps _mm512_storeu_ps _mm512_maskz_loadu_ps _mm512_mask_storeu_ps,
    arithmetic: _mm512_add_ps _mm512_sub_ps _mm512_mul_ps _mm512_div_ps _mm512_fmadd_ps _mm512_fnmadd_ps
        _mm512_min_ps,
    bitwise: _mm512_set1_ps _mm512_xor_ps _mm512_and_ps _mm512_or_ps _mm512_andnot_ps _mm512_mask_blend_ps
        _mm512_cmp_ps_mask,
    integer: _mm512_castps_si512 _mm512_castsi512_ps _mm512_slli_epi32 _mm512_srli_epi32 _mm512_add_epi32,
    sum: |x| {
        let eight = _mm256_add_ps(_mm512_castps512_ps256(x), _mm512_extractf32x8_ps::<1>(x));
        let four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps::<1>(eight));
        let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
        _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)))
    },
    sums: |v| {
        // Vectors that end up four lanes apart share a `quad`, one in each 128 bits of it.
        let quad = [
            fold_4(fold_8(v[0].0, v[4].0), fold_8(v[8].0, v[12].0)),
            fold_4(fold_8(v[1].0, v[5].0), fold_8(v[9].0, v[13].0)),
            fold_4(fold_8(v[2].0, v[6].0), fold_8(v[10].0, v[14].0)),
            fold_4(fold_8(v[3].0, v[7].0), fold_8(v[11].0, v[15].0)),
        ];
        fold_1(fold_2(quad[0], quad[1]), fold_2(quad[2], quad[3]))
    },
    unzip: |a, b| {
        let even = _mm512_set_epi32(30, 28, 26, 24, 22, 20, 18, 16, 14, 12, 10, 8, 6, 4, 2, 0);
        let odd = _mm512_set_epi32(31, 29, 27, 25, 23, 21, 19, 17, 15, 13, 11, 9, 7, 5, 3, 1);
        [_mm512_permutex2var_ps(a, even, b), _mm512_permutex2var_ps(a, odd, b)]
    },
}

vector! {
    F64, [f64; 8], mask: __mmask8, stored_bits: 52,
    memory: _mm512_loadu_pd _mm512_storeu_pd _mm512_maskz_loadu_pd _mm512_mask_storeu_pd,
    arithmetic: _mm512_add_pd _mm512_sub_pd _mm512_mul_pd _mm512_div_pd _mm512_fmadd_pd _mm512_fnmadd_pd
        _mm512_min_pd,
    bitwise: _mm512_set1_pd _mm512_xor_pd _mm512_and_pd _mm512_or_pd _mm512_andnot_pd _mm512_mask_blend_pd
        _mm512_cmp_pd_mask,
    integer: _mm512_castpd_si512 _mm512_castsi512_pd _mm512_slli_epi64 _mm512_srli_epi64 _mm512_add_epi64,
    sum: |x| {
        let four = _mm256_add_pd(_mm512_castpd512_pd256(x), _mm512_extractf64x4_pd::<1>(x));
        let two = _mm_add_pd(_mm256_castpd256_pd128(four), _mm256_extractf128_pd::<1>(four));
        _mm_cvtsd_f64(_mm_add_sd(two, _mm_unpackhi_pd(two, two)))
    },
    sums: |v| {
        let even = fold_2_f64(fold_4_f64(v[0].0, v[2].0), fold_4_f64(v[4].0, v[6].0));
        let odd = fold_2_f64(fold_4_f64(v[1].0, v[3].0), fold_4_f64(v[5].0, v[7].0));
        fold_1_f64(even, odd)
    },
    unzip: |a, b| {
        let even = _mm512_set_epi64(14, 12, 10, 8, 6, 4, 2, 0);
        let odd = _mm512_set_epi64(15, 13, 11, 9, 7, 5, 3, 1);
        [_mm512_permutex2var_pd(a, even, b), _mm512_permutex2var_pd(a, odd, b)]
    },
}
