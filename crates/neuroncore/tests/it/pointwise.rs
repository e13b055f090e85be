//! Element by element, each result against an f64 reference written here.

use secondsource_neuroncore::op::*;
use secondsource_neuroncore::*;

use crate::support::{Lab, noise, part, rounded};

const N: usize = 96;

fn reference(op: AluOp, a: f64, b: f64) -> f64 {
    let flag = |t: bool| if t { 1.0 } else { 0.0 };
    match op {
        AluOp::Add => a + b,
        AluOp::Subtract => a - b,
        AluOp::Multiply => a * b,
        AluOp::Divide => a / b,
        AluOp::Max => a.max(b),
        AluOp::Min => a.min(b),
        AluOp::AbsMax => a.abs().max(b.abs()),
        AluOp::AbsMin => a.abs().min(b.abs()),
        AluOp::Equal => flag(a == b),
        AluOp::NotEqual => flag(a != b),
        AluOp::Greater => flag(a > b),
        AluOp::GreaterEqual => flag(a >= b),
        AluOp::Less => flag(a < b),
        AluOp::LessEqual => flag(a <= b),
        AluOp::LogicalAnd => flag(a != 0.0 && b != 0.0),
        AluOp::LogicalOr => flag(a != 0.0 || b != 0.0),
        AluOp::LogicalXor => flag((a != 0.0) ^ (b != 0.0)),
        AluOp::Power => a.powf(b),
        _ => unreachable!("not a binary operator"),
    }
}

const BINARY: [AluOp; 17] = [
    AluOp::Add,
    AluOp::Subtract,
    AluOp::Multiply,
    AluOp::Divide,
    AluOp::Max,
    AluOp::Min,
    AluOp::AbsMax,
    AluOp::AbsMin,
    AluOp::Equal,
    AluOp::NotEqual,
    AluOp::Greater,
    AluOp::GreaterEqual,
    AluOp::Less,
    AluOp::LessEqual,
    AluOp::LogicalAnd,
    AluOp::LogicalOr,
    AluOp::LogicalXor,
];

fn close(got: f32, want: f64, what: &str) {
    let want = want as f32;
    assert!(got == want || (got - want).abs() <= want.abs() * 1.2e-7, "{what}: {got} but {want}");
}

#[test]
fn tensor_tensor_in_fp32_is_the_rounded_exact_result() {
    for op in BINARY {
        let mut lab = Lab::new(Gen::Gen3);
        let (mut x, mut y) = (noise(4 * N, 1), noise(4 * N, 2));
        // Equal pairs and zeros, for comparisons and logic.
        y[..20].copy_from_slice(&x.clone()[..20]);
        x[30..40].fill(0.0);
        y[35..45].fill(0.0);
        let (data1, data2) = (lab.sbuf(Dtype::Fp32, 4, &x), lab.sbuf(Dtype::Fp32, 4, &y));
        let dst = lab.tile(Place::Sbuf, Dtype::Fp32, 4, N as u64);
        lab.run(Op::TensorTensor { dst: dst.clone(), data1, data2, op, engine: None });
        for ((got, a), b) in lab.get(&dst).iter().zip(&x).zip(&y) {
            if op == AluOp::Divide && *b == 0.0 {
                continue;
            }
            close(*got, reference(op, f64::from(*a), f64::from(*b)), op.name());
        }
    }
}

#[test]
fn power_runs_on_gpsimd() {
    let mut lab = Lab::new(Gen::Gen3);
    let x: Vec<f32> = noise(N, 1).iter().map(|v| v.abs() + 0.1).collect();
    let y = noise(N, 2);
    let (data1, data2) = (lab.sbuf(Dtype::Fp32, 1, &x), lab.sbuf(Dtype::Fp32, 1, &y));
    let dst = lab.tile(Place::Sbuf, Dtype::Fp32, 1, N as u64);
    let id = lab.run(Op::TensorTensor { dst: dst.clone(), data1, data2, op: AluOp::Power, engine: None });
    assert_eq!(lab.m.trace().instrs[id.0 as usize].engine, Engine::GpSimd);
    for ((got, a), b) in lab.get(&dst).iter().zip(&x).zip(&y) {
        let want = f64::from(*a).powf(f64::from(*b));
        assert!((f64::from(*got) / want - 1.0).abs() < 3e-7);
    }
}

#[test]
fn bf16_rounds_once_at_the_end() {
    let mut lab = Lab::new(Gen::Gen3);
    let (x, y) = (rounded(Dtype::Bf16, &noise(512, 3)), rounded(Dtype::Bf16, &noise(512, 4)));
    let (data, b) = (lab.sbuf(Dtype::Bf16, 2, &x), lab.sbuf(Dtype::Bf16, 2, &y));
    let dst = lab.tile(Place::Sbuf, Dtype::Bf16, 2, 256);
    // (x * 1.7 - y): both steps in fp32.
    let stage0 = AluStage { op: AluOp::Multiply, operand: Operand::Value(1.7), reverse: false };
    lab.run(Op::ScalarTensorTensor { dst: dst.clone(), data, stage0, op1: AluOp::Subtract, operand1: b, reverse1: false });
    let want: Vec<f32> = x.iter().zip(&y).map(|(x, y)| x * 1.7f32 - y).collect();
    assert_eq!(lab.get(&dst), rounded(Dtype::Bf16, &want));
}

#[test]
fn tensor_scalar_takes_columns_constants_and_reversed_operators() {
    let mut lab = Lab::new(Gen::Gen3);
    let (x, c) = (noise(8 * 40, 5), noise(8, 6));
    let data = lab.sbuf(Dtype::Fp32, 8, &x);
    let column = lab.sbuf(Dtype::Fp32, 8, &c);
    let dst = lab.tile(Place::Sbuf, Dtype::Fp32, 8, 40);
    let stage0 = AluStage { op: AluOp::Subtract, operand: Operand::View(column), reverse: true };
    let stage1 = AluStage { op: AluOp::Divide, operand: Operand::Value(3.0), reverse: false };
    lab.run(Op::TensorScalar { dst: dst.clone(), data, stage0, stage1: Some(stage1), engine: None });
    for (i, got) in lab.get(&dst).iter().enumerate() {
        close(*got, f64::from((c[i / 40] - x[i]) / 3.0), "(c - x) / 3");
    }
}

#[test]
fn unary_operators_ignore_the_operand() {
    let x: Vec<f32> = noise(64, 7);
    for (op, f) in [
        (AluOp::Abs, f64::abs as fn(f64) -> f64),
        (AluOp::Square, |v| v * v),
        (AluOp::Relu, |v| v.max(0.0)),
        (AluOp::Reciprocal, |v| 1.0 / v),
        (AluOp::Negative, |v| -v),
    ] {
        let mut lab = Lab::new(Gen::Gen3);
        let data = lab.sbuf(Dtype::Fp32, 1, &x);
        let dst = lab.tile(Place::Sbuf, Dtype::Fp32, 1, 64);
        let stage0 = AluStage { op, operand: Operand::Value(0.0), reverse: false };
        lab.run(Op::TensorScalar { dst: dst.clone(), data, stage0, stage1: None, engine: None });
        lab.get(&dst).iter().zip(&x).for_each(|(got, x)| close(*got, f(f64::from(*x)), op.name()));
    }
}

#[test]
fn reciprocal_on_the_vector_engine() {
    let mut lab = Lab::new(Gen::Gen2);
    let x = noise(5 * 33, 12);
    let data = lab.sbuf(Dtype::Fp32, 5, &x);
    let dst = lab.tile(Place::Sbuf, Dtype::Fp32, 5, 33);
    lab.run(Op::Reciprocal { dst: dst.clone(), data });
    lab.get(&dst).iter().zip(&x).for_each(|(got, x)| close(*got, 1.0 / f64::from(*x), "reciprocal"));
}

fn ints(lab: &mut Lab, dtype: Dtype, values: &[i64]) -> View {
    let v = lab.tile(Place::Sbuf, dtype, 1, values.len() as u64);
    let bytes: Vec<u8> = values.iter().flat_map(|x| x.to_le_bytes()[..dtype.size()].to_vec()).collect();
    lab.m.write(v.tensor, &bytes).expect("right size");
    v
}

#[test]
fn integers_of_32_bits_are_exact_on_gpsimd_and_rounded_on_vector() {
    let big = 16_777_217i64; // 2^24 + 1: not an fp32 number.
    let run = |engine| {
        let mut lab = Lab::new(Gen::Gen3);
        let a = ints(&mut lab, Dtype::I32, &[big, -big, i64::from(i32::MAX)]);
        let b = ints(&mut lab, Dtype::I32, &[1, 1, 1]);
        let dst = lab.tile(Place::Sbuf, Dtype::I32, 1, 3);
        lab.run(Op::TensorTensor { dst: dst.clone(), data1: a, data2: b, op: AluOp::Add, engine });
        lab.m.values(&dst).expect("in bounds")
    };
    assert_eq!(run(None), [(big + 1) as f64, (1 - big) as f64, f64::from(i32::MIN)]);
    assert_eq!(run(Some(Engine::Vector)), [16_777_216.0, -16_777_215.0, f64::from(i32::MAX)]);
}

#[test]
fn bit_operators_work_on_patterns() {
    let (a, b) = (vec![0b1100, 0x7fff_ffff, -1], vec![0b1010, 4, 31]);
    for (op, want) in [
        (AluOp::BitwiseAnd, [0b1000, 4, 31]),
        (AluOp::BitwiseOr, [0b1110, 0x7fff_ffff, -1]),
        (AluOp::BitwiseXor, [0b0110, 0x7fff_fffb, -32]),
        (AluOp::LeftShift, [0b1100 << 10, -16, i64::from(i32::MIN)]),
        (AluOp::RightShift, [0, 0x07ff_ffff, 1]),
    ] {
        let mut lab = Lab::new(Gen::Gen3);
        let (x, y) = (ints(&mut lab, Dtype::I32, &a), ints(&mut lab, Dtype::I32, &b));
        let dst = lab.tile(Place::Sbuf, Dtype::I32, 1, 3);
        lab.run(Op::TensorTensor { dst: dst.clone(), data1: x, data2: y, op, engine: None });
        assert_eq!(lab.m.values(&dst).expect("in bounds"), want.map(|v| v as f64), "{}", op.name());
    }
    // An unsigned short type shifts in zeros.
    let mut lab = Lab::new(Gen::Gen3);
    let x = ints(&mut lab, Dtype::U8, &[0xf0]);
    let dst = lab.tile(Place::Sbuf, Dtype::U8, 1, 1);
    let stage0 = AluStage { op: AluOp::RightShift, operand: Operand::Value(4.0), reverse: false };
    lab.run(Op::TensorScalar { dst: dst.clone(), data: x, stage0, stage1: None, engine: None });
    assert_eq!(lab.get(&dst), [15.0]);
}

#[test]
fn a_tile_may_be_its_own_destination_also_shifted() {
    let mut lab = Lab::new(Gen::Gen3);
    let x = noise(32 * 64, 8);
    let t = lab.sbuf(Dtype::Fp32, 32, &x);
    lab.run(Op::TensorTensor { dst: t.clone(), data1: t.clone(), data2: t.clone(), op: AluOp::Add, engine: None });
    let doubled: Vec<f32> = x.iter().map(|v| v + v).collect();
    assert_eq!(lab.get(&t), doubled);
    // One column to the right: all of the source is read before any of it is overwritten.
    let (from, to) = (part(&t, 64, (0, 32), (0, 63)), part(&t, 64, (0, 32), (1, 64)));
    let stage0 = AluStage { op: AluOp::Multiply, operand: Operand::Value(1.0), reverse: false };
    lab.run(Op::TensorScalar { dst: to, data: from, stage0, stage1: None, engine: None });
    let got = lab.get(&t);
    for row in 0..32 {
        assert_eq!(got[row * 64 + 1..(row + 1) * 64], doubled[row * 64..row * 64 + 63]);
    }
}

#[test]
fn reductions_go_through_the_registers_of_the_engine() {
    let mut lab = Lab::new(Gen::Gen3);
    let x = noise(16 * 300, 9);
    let data = lab.sbuf(Dtype::Fp32, 16, &x);
    let dst = lab.tile(Place::Sbuf, Dtype::Bf16, 16, 300);
    let sum = lab.tile(Place::Sbuf, Dtype::Fp32, 16, 1);
    let act = |cmd, result: Option<View>| Op::Activation {
        dst: dst.clone(),
        data: data.clone(),
        function: ActFn::Square,
        scale: Operand::Value(2.0),
        bias: None,
        reduction: Reduction { cmd, result, ..Reduction::NONE },
    };
    // Twice into the registers, read out at the end: 2 x the sum of (2 x)^2.
    lab.run(act(ReduceCmd::ResetReduce, None));
    lab.run(act(ReduceCmd::Idle, None));
    lab.run(act(ReduceCmd::Reduce, Some(sum.clone())));
    for (row, got) in lab.get(&sum).iter().enumerate() {
        let want: f64 = x[row * 300..(row + 1) * 300].iter().map(|v| 8.0 * f64::from(*v) * f64::from(*v)).sum();
        assert!((f64::from(*got) / want - 1.0).abs() < 1e-6, "{got} {want}");
    }
    // The Vector engine has registers of its own.
    let out = lab.tile(Place::Sbuf, Dtype::Fp32, 16, 1);
    for (op, start, f) in [
        (AluOp::Max, -5.0, (|a: f64, b: f64| a.max(b)) as fn(f64, f64) -> f64),
        (AluOp::Min, 5.0, |a, b| a.min(b)),
        (AluOp::Add, 0.5, |a, b| a + b),
    ] {
        let reduction =
            Reduction { cmd: ReduceCmd::LoadReduce, op, result: Some(out.clone()), init: Some(Operand::Value(start)), negate: true };
        let stage0 = AluStage { op: AluOp::Add, operand: Operand::Value(1.0), reverse: false };
        lab.run(Op::TensorScalarReduce { dst: dst.clone(), data: data.clone(), stage0, reduction });
        for (row, got) in lab.get(&out).iter().enumerate() {
            let want = -x[row * 300..(row + 1) * 300].iter().fold(start, |a, v| f(a, f64::from(v + 1.0)));
            assert!((f64::from(*got) - want).abs() < 1e-4, "{}: {got} {want}", op.name());
        }
    }
}
