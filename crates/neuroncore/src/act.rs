//! Functions of the Scalar engine.
//!
//! The hardware evaluates piecewise polynomials whose coefficients are not published. Here each function is computed
//! in f64 from basic operations only and rounded once, so results are within 0.51 units in the last place of the
//! exact one, and the same on every machine. Outside of [-pi, pi] `sin` extrapolates the cubic of the last
//! piece, as the documentation says; the other functions go on as the mathematical ones.

use crate::op::ActFn;
use crate::wide::wide;

impl ActFn {
    pub const ALL: [ActFn; 28] = [
        ActFn::Copy,
        ActFn::Square,
        ActFn::Sigmoid,
        ActFn::Relu,
        ActFn::Prelu,
        ActFn::Gelu,
        ActFn::GeluDx,
        ActFn::GeluTanh,
        ActFn::GeluSigmoid,
        ActFn::GeluSigmoidDx,
        ActFn::Silu,
        ActFn::SiluDx,
        ActFn::Tanh,
        ActFn::TanhDx,
        ActFn::Softplus,
        ActFn::Mish,
        ActFn::Erf,
        ActFn::ErfDx,
        ActFn::Exp,
        ActFn::Log,
        ActFn::Sin,
        ActFn::Arctan,
        ActFn::Sqrt,
        ActFn::Rsqrt,
        ActFn::Reciprocal,
        ActFn::Sign,
        ActFn::Abs,
        ActFn::Reduce,
    ];

    /// Name in `nki.language`.
    pub const fn name(self) -> &'static str {
        match self {
            ActFn::Copy => "copy",
            ActFn::Square => "square",
            ActFn::Sigmoid => "sigmoid",
            ActFn::Relu => "relu",
            ActFn::Prelu => "prelu",
            ActFn::Gelu => "gelu",
            ActFn::GeluDx => "gelu_dx",
            ActFn::GeluTanh => "gelu_apprx_tanh",
            ActFn::GeluSigmoid => "gelu_apprx_sigmoid",
            ActFn::GeluSigmoidDx => "gelu_apprx_sigmoid_dx",
            ActFn::Silu => "silu",
            ActFn::SiluDx => "silu_dx",
            ActFn::Tanh => "tanh",
            ActFn::TanhDx => "tanh_dx",
            ActFn::Softplus => "softplus",
            ActFn::Mish => "mish",
            ActFn::Erf => "erf",
            ActFn::ErfDx => "erf_dx",
            ActFn::Exp => "exp",
            ActFn::Log => "log",
            ActFn::Sin => "sin",
            ActFn::Arctan => "arctan",
            ActFn::Sqrt => "sqrt",
            ActFn::Rsqrt => "rsqrt",
            ActFn::Reciprocal => "reciprocal",
            ActFn::Sign => "sign",
            ActFn::Abs => "abs",
            ActFn::Reduce => "reduce",
        }
    }

    /// By its name in `nki.language`.
    pub fn parse(name: &str) -> Option<ActFn> {
        ActFn::ALL.into_iter().find(|f| f.name() == name)
    }
}

const LOG2E: f64 = std::f64::consts::LOG2_E;
/// ln 2 in two parts, the first with its last 21 bits zero.
const LN2_HIGH: f64 = 6.931_471_803_691_238e-1;
const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;

/// e^x to about 1e-13, for fp32 results: x = k ln 2 + r with |r| <= 0.35, and e^r as its Taylor sum to r^10.
#[inline(always)]
pub(crate) fn exp(x: f64) -> f64 {
    // Inside the range of f64; fp32 is 0 or infinite long before.
    let c = if x > 700.0 { 700.0 } else { x };
    let c = if c < -700.0 { -700.0 } else { c };
    // Adding 1.5 * 2^52 rounds to an integer, which then stands in the low bits.
    const ROUND: f64 = 6_755_399_441_055_744.0;
    let shifted = c * LOG2E + ROUND;
    let k = shifted - ROUND;
    let r = (c - k * LN2_HIGH) - k * LN2_LOW;
    let p = 1.0 / 3_628_800.0;
    let p = p * r + 1.0 / 362_880.0;
    let p = p * r + 1.0 / 40_320.0;
    let p = p * r + 1.0 / 5_040.0;
    let p = p * r + 1.0 / 720.0;
    let p = p * r + 1.0 / 120.0;
    let p = p * r + 1.0 / 24.0;
    let p = p * r + 1.0 / 6.0;
    let p = p * r + 0.5;
    let p = p * r + 1.0;
    let p = p * r + 1.0;
    let scale = f64::from_bits((shifted.to_bits().wrapping_add(1023)) << 52);
    // NaN is not clamped by the comparisons above, but its exponent bits are lost.
    if x.is_nan() { x } else { p * scale }
}

/// 1 / (1 + e^-x).
#[inline(always)]
fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + exp(-x))
}

/// tanh, by (1 - e) / (1 + e) with e = e^(-2|x|), and the odd series where that cancels.
#[inline(always)]
fn tanh(x: f64) -> f64 {
    let a = x.abs();
    let e = exp(-2.0 * a);
    let far = (1.0 - e) / (1.0 + e);
    let q = a * a;
    let near = a * (1.0 - q * (1.0 / 3.0 - q * (2.0 / 15.0 - q * (17.0 / 315.0 - q * (62.0 / 2_835.0)))));
    let t = if a < 0.03 { near } else { far };
    let t = if x.is_nan() { x } else { t };
    t.copysign(x)
}

fn erf(x: f64) -> f64 {
    libm::erf(x)
}

/// The cubic of the outermost piece continued: around pi, sin(pi + d) = -d + d^3/6.
fn sin(x: f64) -> f64 {
    use std::f64::consts::PI;
    if x.abs() <= PI || x.is_nan() {
        return libm::sin(x);
    }
    let d = x.abs() - PI;
    (d * d * d / 6.0 - d) * 1.0_f64.copysign(x)
}

const SQRT_2_OVER_PI: f64 = 0.797_884_560_802_865_4;
const INV_SQRT_2PI: f64 = 0.398_942_280_401_432_7;

#[inline(always)]
fn each(x: &mut [f32], f: impl Fn(f64) -> f64) {
    for v in x {
        *v = f(f64::from(*v)) as f32;
    }
}

#[inline(always)]
fn each_f32(x: &mut [f32], f: impl Fn(f32) -> f32) {
    for v in x {
        *v = f(*v);
    }
}

fn softplus(x: f64) -> f64 {
    if x > 40.0 { x } else { libm::log1p(libm::exp(x)) }
}

/// Applies a function to each element. `param` is the slope of `prelu`.
pub(crate) fn apply(function: ActFn, x: &mut [f32], param: f32) {
    match function {
        ActFn::Copy | ActFn::Reduce => {}
        ActFn::Square => wide!(each_f32(x, |v| v * v)),
        ActFn::Relu => wide!(each_f32(x, |v| if v > 0.0 || v.is_nan() { v } else { 0.0 })),
        ActFn::Prelu => wide!(each_f32(x, |v| if v > 0.0 { v } else { param * v })),
        ActFn::Abs => wide!(each_f32(x, f32::abs)),
        ActFn::Sign => wide!(each_f32(x, |v| if v > 0.0 {
            1.0
        } else if v < 0.0 {
            -1.0
        } else {
            v
        })),
        ActFn::Sqrt => wide!(each_f32(x, f32::sqrt)),
        ActFn::Reciprocal => wide!(each_f32(x, |v| 1.0 / v)),
        ActFn::Rsqrt => wide!(each(x, |v| 1.0 / v.sqrt())),
        ActFn::Exp => wide!(each(x, exp)),
        ActFn::Sigmoid => wide!(each(x, sigmoid)),
        ActFn::Silu => wide!(each(x, |v| if v == f64::NEG_INFINITY { 0.0 } else { v * sigmoid(v) })),
        ActFn::SiluDx => wide!(each(x, |v| {
            let s = sigmoid(v);
            s * (1.0 + v * (1.0 - s))
        })),
        ActFn::GeluSigmoid => wide!(each(x, |v| v * sigmoid(1.702 * v))),
        ActFn::GeluSigmoidDx => wide!(each(x, |v| {
            let s = sigmoid(1.702 * v);
            s * (1.0 + 1.702 * v * (1.0 - s))
        })),
        ActFn::Tanh => wide!(each(x, tanh)),
        ActFn::TanhDx => wide!(each(x, |v| {
            let t = tanh(v);
            1.0 - t * t
        })),
        ActFn::GeluTanh => wide!(each(x, |v| 0.5 * v * (1.0 + tanh(SQRT_2_OVER_PI * (v + 0.044_715 * v * v * v))))),
        ActFn::Gelu => each(x, |v| 0.5 * v * libm::erfc(-v * std::f64::consts::FRAC_1_SQRT_2)),
        ActFn::GeluDx => {
            each(x, |v| 0.5 * libm::erfc(-v * std::f64::consts::FRAC_1_SQRT_2) + v * INV_SQRT_2PI * libm::exp(-0.5 * v * v));
        }
        ActFn::Erf => each(x, erf),
        ActFn::ErfDx => wide!(each(x, |v| std::f64::consts::FRAC_2_SQRT_PI * exp(-v * v))),
        ActFn::Softplus => each(x, softplus),
        ActFn::Mish => each(x, |v| v * libm::tanh(softplus(v))),
        ActFn::Log => each(x, libm::log),
        ActFn::Sin => each(x, sin),
        ActFn::Arctan => each(x, libm::atan),
    }
}
