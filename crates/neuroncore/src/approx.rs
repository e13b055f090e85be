//! Elementary functions for fp32 results: f64 arithmetic without calls or branches, so that loops over them become vector
//! instructions, and the same operations in the same order on every machine.
//!
//! Every relative error stated here is below 1e-10, so after the one rounding to fp32 (half of 1.2e-7) a result is within 0.502
//! units in the last place of the exact one. Fused multiply-add is exact everywhere; where a processor lacks it, software
//! does it.

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_PI_2, FRAC_PI_4, LOG2_E, PI};

/// ln 2 in two parts, the first with its last 21 bits zero.
const LN2_HIGH: f64 = 6.931_471_803_691_238e-1;
const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;
/// pi minus the nearest f64.
const PI_LOW: f64 = 1.224_646_799_147_353_2e-16;

/// A polynomial, its constant first.
#[inline(always)]
fn sum<const N: usize>(x: f64, c: [f64; N]) -> f64 {
    let mut p = c[N - 1];
    let mut i = N - 1;
    while i > 0 {
        i -= 1;
        p = p.mul_add(x, c[i]);
    }
    p
}

/// 1/n! for n below 11.
const TAYLOR: [f64; 11] =
    [1.0, 1.0, 0.5, 1.0 / 6.0, 1.0 / 24.0, 1.0 / 120.0, 1.0 / 720.0, 1.0 / 5_040.0, 1.0 / 40_320.0, 1.0 / 362_880.0, 1.0 / 3_628_800.0];

/// e^x: x = k ln 2 + r with |r| <= 0.347, and e^r as its Taylor sum to r^10 (error 2e-13).
#[inline(always)]
pub(crate) fn exp(x: f64) -> f64 {
    // Inside the range of f64; fp32 is 0 or infinite long before.
    let c = if x > 700.0 { 700.0 } else { x };
    let c = if c < -700.0 { -700.0 } else { c };
    // Adding 1.5 * 2^52 rounds to an integer, which then stands in the low bits.
    const ROUND: f64 = 6_755_399_441_055_744.0;
    let shifted = c * LOG2_E + ROUND;
    let k = shifted - ROUND;
    let r = (-k).mul_add(LN2_LOW, (-k).mul_add(LN2_HIGH, c));
    let scale = f64::from_bits((shifted.to_bits().wrapping_add(1023)) << 52);
    // NaN is not clamped by the comparisons above, but its exponent bits are lost.
    if x.is_nan() { x } else { sum(r, TAYLOR) * scale }
}

/// e^x in fp32 throughout, within 0.75 units in the last place: as [`exp`], with a Taylor sum to r^7 (error 6e-9), and the power
/// of two in two factors, so that results below the normal numbers are rounded once too.
#[inline(always)]
pub(crate) fn exp_f32(x: f32) -> f32 {
    const ROUND: f32 = 12_582_912.0;
    const HIGH: f32 = 0.693_359_4;
    const LOW: f32 = -2.121_944_4e-4;
    const Q: [f32; 6] = [0.5, 1.0 / 6.0, 1.0 / 24.0, 1.0 / 120.0, 1.0 / 720.0, 1.0 / 5_040.0];
    let c = if x > 89.0 { 89.0 } else { x };
    let c = if c < -104.0 { -104.0 } else { c };
    let shifted = c.mul_add(std::f32::consts::LOG2_E, ROUND);
    let k = shifted - ROUND;
    // r with what its rounding lost, and 1 + r likewise: the small rest is added last.
    let high = (-k).mul_add(HIGH, c);
    let r = (-k).mul_add(LOW, high);
    let rest = (-k).mul_add(LOW, high - r);
    let q = Q[5].mul_add(r, Q[4]).mul_add(r, Q[3]).mul_add(r, Q[2]).mul_add(r, Q[1]).mul_add(r, Q[0]);
    let one = 1.0 + r;
    let p = one + (((1.0 - one) + r) + (r * r).mul_add(q, rest));
    let k = shifted.to_bits().wrapping_sub(ROUND.to_bits()) as i32;
    let power = |k: i32| f32::from_bits(((k.wrapping_add(127)) as u32) << 23);
    let half = k >> 1;
    let y = p * power(half) * power(k.wrapping_sub(half));
    if x.is_nan() { x } else { y }
}

/// 2/(2n + 1): 2 atanh(s)/s as a sum over s^2 (error 2e-12 for |s| <= 0.172).
const ATANH: [f64; 8] = [2.0, 2.0 / 3.0, 2.0 / 5.0, 2.0 / 7.0, 2.0 / 9.0, 2.0 / 11.0, 2.0 / 13.0, 2.0 / 15.0];

/// ln x of a positive normal number: x = m 2^e with m in [0.7, 1.42), ln m = 2 atanh((m - 1)/(m + 1)) (error 2e-12).
#[inline(always)]
fn log_positive(x: f64) -> f64 {
    // The bits of sqrt(1/2), so that the exponent steps there.
    const HALF_ROOT: u64 = 0x3fe6_a09e_667f_3bcd;
    let bits = x.to_bits().wrapping_sub(HALF_ROOT);
    let m = f64::from_bits((bits & 0x000f_ffff_ffff_ffff).wrapping_add(HALF_ROOT));
    // The exponent as a float: its low bits under those of 2^52 + 2^51.
    const SHIFT: u64 = 0x4338_0000_0000_0000;
    let e = f64::from_bits(((bits as i64 >> 52) as u64).wrapping_add(SHIFT)) - f64::from_bits(SHIFT);
    let s = (m - 1.0) / (m + 1.0);
    e.mul_add(LN2_HIGH, e.mul_add(LN2_LOW, s * sum(s * s, ATANH)))
}

/// ln x.
#[inline(always)]
pub(crate) fn log(x: f64) -> f64 {
    let y = log_positive(x);
    let y = if x == f64::INFINITY { x } else { y };
    let y = if x == 0.0 { f64::NEG_INFINITY } else { y };
    if x < 0.0 || x.is_nan() { f64::NAN } else { y }
}

/// 1 / (1 + e^-x).
#[inline(always)]
pub(crate) fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + exp(-x))
}

/// tanh, by (1 - e) / (1 + e) with e = e^(-2|x|), and the odd series where that cancels.
#[inline(always)]
pub(crate) fn tanh(x: f64) -> f64 {
    let a = x.abs();
    let e = exp(-2.0 * a);
    let far = (1.0 - e) / (1.0 + e);
    let q = a * a;
    let near = a * (1.0 - q * (1.0 / 3.0 - q * (2.0 / 15.0 - q * (17.0 / 315.0 - q * (62.0 / 2_835.0)))));
    let t = if a < 0.03 { near } else { far };
    let t = if x.is_nan() { x } else { t };
    t.copysign(x)
}

/// ln(1 + e^x): e^x small by 2 atanh(e/(2 + e)), else the logarithm, beyond 40 x itself (errors 2e-12).
#[inline(always)]
pub(crate) fn softplus(x: f64) -> f64 {
    let e = exp(if x > 40.0 { 40.0 } else { x });
    let s = e / (2.0 + e);
    let y = if e < 0.41 { s * sum(s * s, ATANH) } else { log_positive(1.0 + e) };
    let y = if x > 40.0 { x } else { y };
    if x.is_nan() { x } else { y }
}

/// x tanh(softplus x) = x n/(n + 2) with n = e^x (e^x + 2).
#[inline(always)]
pub(crate) fn mish(x: f64) -> f64 {
    let e = exp(if x > 40.0 { 40.0 } else { x });
    let n = e * (e + 2.0);
    let y = x * (n / (n + 2.0));
    let y = if x == f64::NEG_INFINITY { 0.0 } else { y };
    if x.is_nan() { x } else { y }
}

/// e^(x^2) erfc(x) (1 + x/2) for x in [0, 12], in z = (14 t - 8)/6 with t = 1/(1 + x/2): Chebyshev sum of degree 14 of
/// the exact function, rewritten in powers (error 1.2e-11).
const ERFCX: [f64; 15] = [
    0.562_774_478_793_979_7,
    0.329_561_919_195_782,
    0.107_370_930_217_260_02,
    0.007_247_760_084_012_007,
    -0.006_781_319_909_498_985,
    -0.000_828_022_244_924_742_3,
    0.000_704_361_056_608_662_6,
    1.695_290_270_675_047_5e-5,
    -8.667_259_751_002_219e-5,
    1.534_437_352_195_680_4e-5,
    8.130_901_026_138_898e-6,
    -4.232_057_336_741_733e-6,
    -3.430_727_039_303_054e-8,
    5.041_970_705_919e-7,
    -1.006_034_813_561_404_6e-7,
];

/// erfc(x) for x >= 0; beyond 12 it is below 1e-63, which no fp32 holds.
#[inline(always)]
fn erfc_positive(x: f64) -> f64 {
    let a = if x > 12.0 { 12.0 } else { x };
    let t = 1.0 / (1.0 + 0.5 * a);
    let y = exp(-a * a) * t * sum((14.0 * t - 8.0) / 6.0, ERFCX);
    if x > 12.0 { 0.0 } else { y }
}

/// erf(x)/x for |x| <= 1 in z = 2x^2 - 1: Chebyshev sum of degree 8, rewritten in powers (error 1e-12).
const ERF: [f64; 9] = [
    0.965_468_738_669_885_3,
    -0.140_536_089_015_529_3,
    0.019_852_496_688_084_684,
    -0.002_285_485_656_954_494_6,
    0.000_217_517_163_231_924_1,
    -1.753_682_468_737_180_7e-5,
    1.223_362_614_199_572e-6,
    -7.557_492_821_680_3e-8,
    4.138_779_625_734_516e-9,
];

/// The error function.
#[inline(always)]
pub(crate) fn erf(x: f64) -> f64 {
    let a = x.abs();
    let near = x * sum(2.0 * x * x - 1.0, ERF);
    let far = (1.0 - erfc_positive(a)).copysign(x);
    let y = if a <= 1.0 { near } else { far };
    if x.is_nan() { x } else { y }
}

/// The share of a normal distribution below x, erfc(-x / sqrt 2) / 2.
#[inline(always)]
pub(crate) fn normal(x: f64) -> f64 {
    let upper = 0.5 * erfc_positive(x.abs() * FRAC_1_SQRT_2);
    let y = if x > 0.0 { 1.0 - upper } else { upper };
    if x.is_nan() { x } else { y }
}

/// (-1)^n/(2n + 1)!: sin r / r as a sum over r^2 (error 1e-12 for |r| <= pi/2).
const SINE: [f64; 9] = [
    1.0,
    -1.0 / 6.0,
    1.0 / 120.0,
    -1.0 / 5_040.0,
    1.0 / 362_880.0,
    -1.0 / 39_916_800.0,
    1.0 / 6_227_020_800.0,
    -1.0 / 1_307_674_368_000.0,
    1.0 / 355_687_428_096_000.0,
];

/// sin x on [-pi, pi], and the cubic of the outermost piece continued: around pi, sin(pi + d) = -d + d^3/6.
#[inline(always)]
pub(crate) fn sin(x: f64) -> f64 {
    let a = x.abs();
    let back = (PI - a) + PI_LOW;
    let r = if a > FRAC_PI_2 { back } else { a };
    let inside = r * sum(r * r, SINE);
    let d = -back;
    let y = if a > PI { d * d * d / 6.0 - d } else { inside };
    let y = y * 1.0_f64.copysign(x);
    if x.is_nan() { x } else { y }
}

/// (-1)^n/(2n + 1): atan s / s as a sum over s^2 (error 2e-11 for |s| <= 0.4143).
const ARCTAN: [f64; 13] = [
    1.0,
    -1.0 / 3.0,
    1.0 / 5.0,
    -1.0 / 7.0,
    1.0 / 9.0,
    -1.0 / 11.0,
    1.0 / 13.0,
    -1.0 / 15.0,
    1.0 / 17.0,
    -1.0 / 19.0,
    1.0 / 21.0,
    -1.0 / 23.0,
    1.0 / 25.0,
];

/// arctan x: beyond 1 by its reciprocal, beyond tan(pi/8) by (a - 1)/(a + 1) around pi/4.
#[inline(always)]
pub(crate) fn arctan(x: f64) -> f64 {
    let a = x.abs();
    let b = if a > 1.0 { 1.0 / a } else { a };
    let s = if b > 0.414_2 { (b - 1.0) / (b + 1.0) } else { b };
    let y = s * sum(s * s, ARCTAN);
    let y = if b > 0.414_2 { y + FRAC_PI_4 } else { y };
    let y = if a > 1.0 { FRAC_PI_2 - y } else { y };
    let y = if x.is_nan() { x } else { y };
    y.copysign(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Largest difference from libm over a grid of `from..to`, in units of fp32's last place relative to the value.
    fn worst(f: impl Fn(f64) -> f64, exact: impl Fn(f64) -> f64, from: f64, to: f64) -> f64 {
        let n = 40_000;
        let mut most = 0.0f64;
        for i in 0..=n {
            let x = f64::from((from + (to - from) * f64::from(i) / f64::from(n)) as f32);
            let (a, b) = (f(x), exact(x));
            if b.abs() > 1e-45 && b.is_finite() {
                most = most.max((a / b - 1.0).abs());
            }
        }
        most
    }

    /// The errors that the page states, against libm's f64 functions (themselves within 1e-15).
    #[test]
    fn errors_are_as_stated() {
        const BOUND: f64 = 1e-10;
        let softplus_exact = |x: f64| if x > 40.0 { x } else { libm::log1p(libm::exp(x)) };
        let normal_exact = |x: f64| 0.5 * libm::erfc(-x * FRAC_1_SQRT_2);
        for (name, found) in [
            ("exp", worst(exp, libm::exp, -100.0, 88.0)),
            ("log", worst(log, libm::log, 1e-6, 4.0)),
            ("log near one", worst(log, libm::log, 0.999, 1.001)),
            ("log large", worst(log, libm::log, 4.0, 3e38)),
            ("sigmoid", worst(sigmoid, |x| 1.0 / (1.0 + libm::exp(-x)), -90.0, 30.0)),
            ("tanh", worst(tanh, libm::tanh, -10.0, 10.0)),
            ("tanh near zero", worst(tanh, libm::tanh, -0.1, 0.1)),
            ("softplus", worst(softplus, softplus_exact, -90.0, 90.0)),
            ("mish", worst(mish, |x| x * libm::tanh(softplus_exact(x)), -80.0, 60.0)),
            ("erf", worst(erf, libm::erf, -6.0, 6.0)),
            ("erf near zero", worst(erf, libm::erf, -1e-3, 1e-3)),
            ("normal", worst(normal, normal_exact, -13.5, 8.0)),
            ("sin", worst(sin, libm::sin, -PI, PI)),
            ("sin near pi", worst(sin, libm::sin, PI - 1e-4, PI)),
            ("arctan", worst(arctan, libm::atan, -50.0, 50.0)),
            ("arctan near zero", worst(arctan, libm::atan, -0.5, 0.5)),
        ] {
            assert!(found < BOUND, "{name}: {found:e}");
        }
    }

    #[test]
    fn exponential_in_fp32() {
        let mut most = 0.0f64;
        for i in -87_000..=88_700 {
            let x = i as f32 * 1e-3;
            let exact = libm::exp(f64::from(x));
            let unit = f64::from(f32::from_bits((exact as f32).to_bits() + 1)) - f64::from(exact as f32);
            most = most.max((f64::from(exp_f32(x)) - exact).abs() / unit);
        }
        assert!(most < 0.75, "{most}");
        let ends = [f32::INFINITY, 88.8, -103.9, -1e30, f32::NEG_INFINITY, -0.0].map(exp_f32);
        assert_eq!(ends, [f32::INFINITY, f32::INFINITY, f32::from_bits(1), 0.0, 0.0, 1.0]);
        assert!(exp_f32(f32::NAN).is_nan());
    }

    #[test]
    fn ends_of_the_range() {
        let inf = f64::INFINITY;
        assert!(log(0.0) == -inf && log(inf) == inf && log(-1.0).is_nan() && log(f64::from(f32::from_bits(1))) < -103.0);
        assert!(erf(inf) == 1.0 && erf(-inf) == -1.0 && normal(-inf) == 0.0 && normal(inf) == 1.0);
        assert!(arctan(inf) == FRAC_PI_2 && arctan(-inf) == -FRAC_PI_2 && arctan(-0.0).is_sign_negative());
        assert!(softplus(-inf) >= 0.0 && softplus(-inf) < 1e-300 && softplus(inf) == inf && mish(-inf) == 0.0 && mish(inf) == inf);
        for f in [exp, log, sigmoid, tanh, softplus, mish, erf, normal, sin, arctan] {
            assert!(f(f64::NAN).is_nan());
        }
    }
}
