//! Functions of the Scalar engine.
//!
//! The hardware evaluates piecewise polynomials whose coefficients are not published. Here `exp` is computed in fp32, within
//! 0.75 units in the last place of the exact value, and each other function in f64 and rounded once, within 0.51 units; from
//! basic operations only (see [`crate::approx`]), so the same on every machine. Outside of [-pi, pi] `sin` extrapolates the
//! cubic of the last piece, as the documentation says; the other functions go on as the mathematical ones.

use crate::approx::{arctan, erf, exp, exp_f32, log, mish, normal, sigmoid, sin, softplus, tanh};
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
        ActFn::Exp => wide!(each_f32(x, exp_f32)),
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
        ActFn::Gelu => wide!(each(x, |v| v * normal(v))),
        ActFn::GeluDx => wide!(each(x, |v| normal(v) + v * INV_SQRT_2PI * exp(-0.5 * v * v))),
        ActFn::Erf => wide!(each(x, erf)),
        ActFn::ErfDx => wide!(each(x, |v| std::f64::consts::FRAC_2_SQRT_PI * exp(-v * v))),
        ActFn::Softplus => wide!(each(x, softplus)),
        ActFn::Mish => wide!(each(x, mish)),
        ActFn::Log => wide!(each(x, log)),
        ActFn::Sin => wide!(each(x, sin)),
        ActFn::Arctan => wide!(each(x, arctan)),
    }
}
