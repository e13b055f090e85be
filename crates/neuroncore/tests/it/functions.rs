//! Activation functions, against f64 formulas from libm and their known points.

use secondsource_neuroncore::op::*;
use secondsource_neuroncore::*;

use crate::support::Lab;

fn apply(function: ActFn, x: &[f32]) -> Vec<f32> {
    let mut lab = Lab::new(Gen::Gen3);
    let data = lab.sbuf(Dtype::Fp32, 1, x);
    let dst = lab.tile(Place::Sbuf, Dtype::Fp32, 1, x.len() as u64);
    let op = Op::Activation { dst: dst.clone(), data, function, scale: Operand::Value(1.0), bias: None, reduction: Reduction::NONE };
    lab.run(op);
    lab.get(&dst)
}

fn phi(x: f64) -> f64 {
    0.5 * libm::erfc(-x / 2f64.sqrt())
}

fn sig(x: f64) -> f64 {
    1.0 / (1.0 + libm::exp(-x))
}

fn reference(f: ActFn, x: f64) -> f64 {
    let density = libm::exp(-0.5 * x * x) / (2.0 * std::f64::consts::PI).sqrt();
    match f {
        ActFn::Copy | ActFn::Reduce => x,
        ActFn::Square => x * x,
        ActFn::Sigmoid => sig(x),
        ActFn::Relu => x.max(0.0),
        ActFn::Prelu => x.max(0.0),
        ActFn::Gelu => x * phi(x),
        ActFn::GeluDx => phi(x) + x * density,
        ActFn::GeluTanh => 0.5 * x * (1.0 + libm::tanh((2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x.powi(3)))),
        ActFn::GeluSigmoid => x * sig(1.702 * x),
        ActFn::GeluSigmoidDx => sig(1.702 * x) + 1.702 * x * sig(1.702 * x) * sig(-1.702 * x),
        ActFn::Silu => x * sig(x),
        ActFn::SiluDx => sig(x) + x * sig(x) * sig(-x),
        ActFn::Tanh => libm::tanh(x),
        ActFn::TanhDx => 1.0 / libm::cosh(x).powi(2),
        ActFn::Softplus => libm::log1p(libm::exp(x)),
        ActFn::Mish => x * libm::tanh(libm::log1p(libm::exp(x))),
        ActFn::Erf => libm::erf(x),
        ActFn::ErfDx => 2.0 / std::f64::consts::PI.sqrt() * libm::exp(-x * x),
        ActFn::Exp => libm::exp(x),
        ActFn::Log => libm::log(x),
        ActFn::Sin => libm::sin(x),
        ActFn::Arctan => libm::atan(x),
        ActFn::Sqrt => x.sqrt(),
        ActFn::Rsqrt => 1.0 / x.sqrt(),
        ActFn::Reciprocal => 1.0 / x,
        ActFn::Sign => {
            if x > 0.0 {
                1.0
            } else if x < 0.0 {
                -1.0
            } else {
                0.0
            }
        }
        ActFn::Abs => x.abs(),
    }
}

#[test]
fn every_function_is_within_one_unit_of_the_exact_value() {
    let positive = [ActFn::Log, ActFn::Sqrt, ActFn::Rsqrt];
    for f in ActFn::ALL {
        let mut x: Vec<f32> = (-3000..=3000).map(|i| i as f32 / 1000.0).collect();
        x.extend((-500..=500).map(|i| i as f32 / 40.0));
        x.extend([1e-20, -1e-20, 1e-6, -1e-6]);
        x.retain(|v| *v != 0.0 && !(positive.contains(&f) && *v < 0.0) && !(f == ActFn::Sin && v.abs() > std::f32::consts::PI));
        for (x, got) in x.iter().zip(apply(f, &x)) {
            let want = reference(f, f64::from(*x));
            // Derivatives and GELU go through zero by a subtraction: an absolute bound there.
            let unit = f64::from(want.abs().max(1e-38) as f32) * 1.2e-7;
            let bound = if matches!(f, ActFn::GeluDx | ActFn::GeluSigmoidDx | ActFn::SiluDx | ActFn::TanhDx | ActFn::GeluTanh) {
                3e-8
            } else {
                0.0
            };
            assert!((f64::from(got) - want).abs() <= unit + bound, "{}({x}) = {got}, exactly {want}", f.name());
        }
    }
}

#[test]
fn ends_of_the_range() {
    let inf = f32::INFINITY;
    assert_eq!(apply(ActFn::Exp, &[-inf, -104.0, 89.0, inf, 0.0]), [0.0, 0.0, inf, inf, 1.0]);
    assert_eq!(apply(ActFn::Sigmoid, &[-inf, -200.0, 200.0, inf]), [0.0, 0.0, 1.0, 1.0]);
    assert_eq!(apply(ActFn::Tanh, &[-inf, -40.0, 0.0, 40.0, inf]), [-1.0, -1.0, 0.0, 1.0, 1.0]);
    assert_eq!(apply(ActFn::Silu, &[-inf, -200.0, 200.0]), [0.0, 0.0, 200.0]);
    assert_eq!(apply(ActFn::Softplus, &[-200.0, 200.0]), [0.0, 200.0]);
    assert!(ActFn::ALL.iter().filter(|f| !matches!(f, ActFn::Prelu | ActFn::Sign)).all(|f| apply(*f, &[f32::NAN])[0].is_nan()));
    // Denormal results of exp round like every other.
    let small = apply(ActFn::Exp, &[-100.0])[0];
    assert_eq!(small, libm::exp(-100.0) as f32);
}

/// The documentation prints sin(9.0) = 27.65 for the Scalar engine: no range reduction, the cubic goes on.
#[test]
fn sine_outside_its_range_is_the_documented_cubic() {
    let got = apply(ActFn::Sin, &[9.0, -9.0, 3.0]);
    assert!((got[0] - 27.65).abs() < 0.01 && got[1] == -got[0], "{got:?}");
    assert_eq!(got[2], libm::sin(3.0) as f32);
}

#[test]
fn scale_and_bias_come_before_the_function() {
    let mut lab = Lab::new(Gen::Gen3);
    let x: Vec<f32> = (0..64).map(|i| i as f32 / 64.0).collect();
    let data = lab.sbuf(Dtype::Fp32, 4, &x);
    let (scale, bias) = (lab.sbuf(Dtype::Fp32, 4, &[1.0, 2.0, 3.0, 4.0]), lab.sbuf(Dtype::Bf16, 4, &[0.5, -0.5, 1.5, 0.0]));
    let dst = lab.tile(Place::Sbuf, Dtype::Fp32, 4, 16);
    lab.run(Op::Activation {
        dst: dst.clone(),
        data,
        function: ActFn::Exp,
        scale: Operand::View(scale),
        bias: Some(Operand::View(bias)),
        reduction: Reduction::NONE,
    });
    for (i, got) in lab.get(&dst).iter().enumerate() {
        let (s, b) = ([1.0, 2.0, 3.0, 4.0][i / 16], [0.5, -0.5, 1.5, 0.0][i / 16]);
        let want = f64::from(x[i] * s + b).exp();
        assert!((f64::from(*got) / want - 1.0).abs() < 2e-7);
    }
}

#[test]
fn generation_4_instructions() {
    let mut lab = Lab::new(Gen::Gen4);
    let x = crate::support::noise(8 * 50, 11);
    let data = lab.sbuf(Dtype::Fp32, 8, &x);
    let max = lab.sbuf(Dtype::Fp32, 8, &[1.0; 8]);
    let dst = lab.tile(Place::Sbuf, Dtype::Fp32, 8, 50);
    let sum = lab.tile(Place::Sbuf, Dtype::Fp32, 8, 1);
    let reduction = Reduction { cmd: ReduceCmd::ResetReduce, result: Some(sum.clone()), ..Reduction::NONE };
    lab.run(Op::Exponential { dst: dst.clone(), src: data.clone(), max_value: Operand::View(max), reduction: reduction.clone() });
    let got = lab.get(&dst);
    for (i, got) in got.iter().enumerate() {
        assert!((f64::from(*got) / f64::from(x[i] - 1.0).exp() - 1.0).abs() < 2e-7);
    }
    for (row, s) in lab.get(&sum).iter().enumerate() {
        let want: f64 = x[row * 50..(row + 1) * 50].iter().map(|v| f64::from(v - 1.0).exp()).sum();
        assert!((f64::from(*s) / want - 1.0).abs() < 1e-6);
    }
    // max over a row of |2 x - 1| through activate2.
    let stage = |op, v| AluStage { op, operand: Operand::Value(v), reverse: false };
    lab.run(Op::Activate2 {
        dst,
        data,
        function: ActFn::Abs,
        stage0: stage(AluOp::Multiply, 2.0),
        stage1: stage(AluOp::Subtract, 1.0),
        relu_param: Operand::Value(0.0),
        reduction: Reduction { op: AluOp::Max, ..reduction },
    });
    for (row, s) in lab.get(&sum).iter().enumerate() {
        let want = x[row * 50..(row + 1) * 50].iter().fold(0.0f32, |m, v| m.max((v * 2.0 - 1.0).abs()));
        assert_eq!(*s, want);
    }
}
