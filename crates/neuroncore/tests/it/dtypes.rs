//! Conversions, against formats written out here and against the `half` crate.

use secondsource_neuroncore::Dtype;
use secondsource_neuroncore::convert::{decode_one, e2m1, encode_one, from_e8m0, stochastic, to_e2m1, to_e8m0, to_tf32};

/// A small float format from its definition: (exponent bits, mantissa bits, bias, what codes at the top mean).
#[derive(Clone, Copy, PartialEq)]
enum Top {
    /// The largest exponent is infinity (mantissa 0) and NaN.
    Ieee,
    /// Only the all-ones code is NaN.
    AllOnes,
}

fn value(code: u32, e: u32, m: u32, bias: i32, top: Top) -> f64 {
    let sign = if code >> (e + m) & 1 == 1 { -1.0 } else { 1.0 };
    let (exp, frac) = (code >> m & ((1 << e) - 1), code & ((1 << m) - 1));
    let all = (1 << e) - 1;
    if top == Top::Ieee && exp == all {
        return if frac == 0 { sign * f64::INFINITY } else { f64::NAN };
    }
    if top == Top::AllOnes && exp == all && frac == (1 << m) - 1 {
        return f64::NAN;
    }
    let frac = f64::from(frac) / f64::from(1 << m);
    if exp == 0 { sign * frac * 2f64.powi(1 - bias) } else { sign * (1.0 + frac) * 2f64.powi(exp as i32 - bias) }
}

const SMALL: [(Dtype, u32, u32, i32, Top); 3] =
    [(Dtype::Fp8E4, 4, 3, 7, Top::Ieee), (Dtype::Fp8E4Fn, 4, 3, 7, Top::AllOnes), (Dtype::Fp8E5, 5, 2, 15, Top::Ieee)];

#[test]
fn every_8_bit_code_decodes_by_its_definition() {
    for (dtype, e, m, bias, top) in SMALL {
        for code in 0..=255u8 {
            let (got, want) = (f64::from(decode_one(dtype, &[code])), value(u32::from(code), e, m, bias, top));
            assert!(
                got == want && got.is_sign_negative() == want.is_sign_negative() || got.is_nan() && want.is_nan(),
                "{dtype:?} {code:#x}: {got} {want}"
            );
        }
    }
    assert_eq!(decode_one(Dtype::Fp8E4, &[0x77]), 240.0);
    assert_eq!(decode_one(Dtype::Fp8E4Fn, &[0x7e]), 448.0);
    assert_eq!(decode_one(Dtype::Fp8E5, &[0x7b]), 57_344.0);
}

/// Nearest finite value by search, ties to the even code; what lies half a step beyond the largest overflows.
fn nearest(x: f64, e: u32, m: u32, bias: i32, top: Top) -> Option<u32> {
    let finite: Vec<(u32, f64)> = (0..1u32 << (e + m)).map(|c| (c, value(c, e, m, bias, top))).filter(|v| v.1.is_finite()).collect();
    let (largest, step) = (finite[finite.len() - 1], finite[finite.len() - 1].1 - finite[finite.len() - 2].1);
    let beyond = largest.1 + step / 2.0;
    if x.abs() > beyond || x.abs() == beyond && largest.0 % 2 == 1 {
        return None;
    }
    let best = finite.iter().min_by(|a, b| {
        let (da, db) = ((a.1 - x.abs()).abs(), (b.1 - x.abs()).abs());
        da.total_cmp(&db).then((a.0 % 2).cmp(&(b.0 % 2)))
    })?;
    Some(best.0)
}

#[test]
fn encoding_to_8_bits_takes_the_nearest_and_ties_go_to_even() {
    for (dtype, e, m, bias, top) in SMALL {
        // Every value, every midpoint between neighbours, and a little to each side of them.
        let mut points = Vec::new();
        let all: Vec<f64> = (0..1u32 << (e + m)).map(|c| value(c, e, m, bias, top)).filter(|v| v.is_finite()).collect();
        for pair in all.windows(2) {
            let mid = (pair[0] + pair[1]) / 2.0;
            points.extend([pair[0], mid, mid * (1.0 + 1e-6), mid * (1.0 - 1e-6)]);
        }
        let last = all[all.len() - 1];
        points.extend([last, last * 1.01, last * 1.05, last * 1.1, last * 10.0]);
        for x in points {
            for x in [x as f32, -x as f32] {
                let code = encode_one(dtype, x);
                let want = nearest(f64::from(x), e, m, bias, top);
                let sign = u32::from(x.is_sign_negative()) << 7;
                match want {
                    Some(c) => assert_eq!(code, c | sign, "{dtype:?} {x}"),
                    None => {
                        let back = decode_one(dtype, &[code as u8]);
                        assert!(if top == Top::Ieee { back.is_infinite() } else { back.is_nan() }, "{dtype:?} {x}: {back}");
                    }
                }
            }
        }
        assert!(decode_one(dtype, &[encode_one(dtype, f32::NAN) as u8]).is_nan());
    }
}

#[test]
fn bf16_and_fp16_agree_with_the_half_crate() {
    for bits in 0..=u16::MAX {
        let (b, h) = (half::bf16::from_bits(bits), half::f16::from_bits(bits));
        let bytes = bits.to_le_bytes();
        for (got, want) in [(decode_one(Dtype::Bf16, &bytes), b.to_f32()), (decode_one(Dtype::Fp16, &bytes), h.to_f32())] {
            assert!(got.to_bits() == want.to_bits() || got.is_nan() && want.is_nan(), "{bits:#x}: {got} {want}");
        }
        // Around each bf16 value: its own neighbourhood in fp32 covers every rounding case.
        for low in [0u32, 1, 0x7fff, 0x8000, 0x8001, 0xffff] {
            let x = f32::from_bits(u32::from(bits) << 16 | low);
            if x.is_nan() {
                continue;
            }
            assert_eq!(encode_one(Dtype::Bf16, x), u32::from(half::bf16::from_f32(x).to_bits()), "{x:e}");
            assert_eq!(encode_one(Dtype::Fp16, x), u32::from(half::f16::from_f32(x).to_bits()), "{x:e}");
        }
        // And around each fp16 value.
        let v = h.to_f32();
        if v.is_finite() {
            for step in [-1i32, 0, 1, 0xfff, 0x1000, 0x1001] {
                let x = f32::from_bits(v.to_bits().wrapping_add_signed(step));
                if !x.is_nan() {
                    assert_eq!(encode_one(Dtype::Fp16, x), u32::from(half::f16::from_f32(x).to_bits()), "{x:e}");
                }
            }
        }
    }
}

#[test]
fn tf32_keeps_ten_bits() {
    assert_eq!(to_tf32(1.0 + 1.0 / 1024.0), 1.0 + 1.0 / 1024.0);
    // Halfway goes to even: down from 1 + 1/2048, up from 1 + 3/2048.
    assert_eq!(to_tf32(1.0 + 1.0 / 2048.0), 1.0);
    assert_eq!(to_tf32(1.0 + 3.0 / 2048.0), 1.0 + 2.0 / 1024.0);
    assert!(to_tf32(f32::NAN).is_nan() && to_tf32(f32::MAX).is_infinite());
}

#[test]
fn e8m0_is_a_power_of_two() {
    for code in 0..255u8 {
        assert_eq!(f64::from(from_e8m0(code)), 2f64.powi(i32::from(code) - 127));
        assert_eq!(to_e8m0(from_e8m0(code)), code);
    }
    assert!(from_e8m0(255).is_nan());
    assert_eq!((to_e8m0(1.4), to_e8m0(1.6), to_e8m0(-1.0), to_e8m0(0.0)), (127, 128, 255, 0));
}

#[test]
fn e2m1_has_sixteen_values() {
    let values: Vec<f32> = (0..16).map(e2m1).collect();
    assert_eq!(values, [0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, -0.0, -0.5, -1.0, -1.5, -2.0, -3.0, -4.0, -6.0]);
    // 2.5 lies between 2 (even code) and 3; 5 between 4 (even) and 6; beyond 6 it saturates.
    assert_eq!((to_e2m1(2.5), to_e2m1(5.0), to_e2m1(100.0), to_e2m1(-0.3)), (4, 6, 7, 9));
}

#[test]
fn integers_round_to_even_and_saturate() {
    let i8 = |x: f32| encode_one(Dtype::I8, x) as u8 as i8;
    assert_eq!((i8(2.5), i8(3.5), i8(-2.5), i8(1e9), i8(-1e9), i8(f32::NAN)), (2, 4, -2, 127, -128, 0));
    assert_eq!(encode_one(Dtype::U8, -3.0), 0);
    assert_eq!(encode_one(Dtype::I32, 3e9) as i32, i32::MAX);
    assert_eq!(encode_one(Dtype::U32, 3e9), 3_000_000_000);
    assert_eq!(encode_one(Dtype::U16, 70_000.0), 65_535);
}

#[test]
fn stochastic_rounding_is_unbiased_and_stays_between_neighbours() {
    // 1 + 1/4 of a bf16 step: up one time in four.
    let x = 1.0 + 0.25 / 128.0;
    let n = 1 << 16;
    let mut up = 0;
    for i in 0..n {
        let r = stochastic(Dtype::Bf16, x, i << 16);
        assert!(r == 1.0 || r == 1.0 + 1.0 / 128.0, "{r}");
        up += u32::from(r > 1.0);
    }
    assert_eq!(up, n / 4);
    // Exact values never move.
    assert!((0..1000).all(|i| stochastic(Dtype::Fp8E4, -3.5, i * 4_000_000) == -3.5));
}
