//! Reductions, scans and statistics against f64.

use secondsource_neuroncore::op::*;
use secondsource_neuroncore::*;

use crate::support::{Lab, noise, rounded};

#[test]
fn any_number_of_last_dimensions() {
    let x = rounded(Dtype::Bf16, &noise(4 * 3 * 5 * 70, 1));
    for (op, f) in [
        (AluOp::Add, (|a, b| a + b) as fn(f64, f64) -> f64),
        (AluOp::Max, f64::max),
        (AluOp::Min, f64::min),
        (AluOp::Multiply, |a, b| a * b),
    ] {
        for axes in 1..=3u8 {
            let mut lab = Lab::new(Gen::Gen3);
            let t = lab.sbuf(Dtype::Bf16, 4, &x);
            let data = View::new(t.tensor, t.dtype, 0, &[(1050, 4), (350, 3), (70, 5), (1, 70)]).expect("four dimensions");
            let each = [70, 350, 1050][usize::from(axes) - 1];
            let dst = lab.tile(Place::Sbuf, Dtype::Fp32, 4, 1050 / each as u64);
            lab.run(Op::TensorReduce { dst: dst.clone(), data, op, axes, negate: true });
            for (group, got) in x.chunks(each).zip(lab.get(&dst)) {
                let want = -group.iter().map(|v| f64::from(*v)).reduce(f).expect("not empty");
                assert!((f64::from(got) - want).abs() <= 1e-5 * want.abs().max(1.0), "{} {axes}: {got} {want}", op.name());
            }
        }
    }
}

#[test]
fn long_rows_are_summed_in_pieces() {
    let mut lab = Lab::new(Gen::Gen3);
    let x = noise(2 * 5000, 2);
    let data = lab.sbuf(Dtype::Fp32, 2, &x);
    let dst = lab.tile(Place::Sbuf, Dtype::Fp32, 2, 1);
    for (op, sign) in [(AluOp::Add, 1.0), (AluOp::Subtract, -1.0)] {
        lab.run(Op::TensorReduce { dst: dst.clone(), data: data.clone(), op, axes: 1, negate: false });
        for (row, got) in x.chunks(5000).zip(lab.get(&dst)) {
            let want = f64::from(row[0]) + sign * row[1..].iter().map(|v| f64::from(*v)).sum::<f64>();
            assert!((f64::from(got) - want).abs() < 1e-3, "{got} {want}");
        }
    }
}

#[test]
fn bits_reduce_as_bits() {
    let mut lab = Lab::new(Gen::Gen3);
    let data = lab.sbuf(Dtype::U16, 1, &[12.0, 10.0, 8.0]);
    let dst = lab.tile(Place::Sbuf, Dtype::U16, 1, 1);
    for (op, want) in [(AluOp::BitwiseAnd, 8.0), (AluOp::BitwiseOr, 14.0), (AluOp::BitwiseXor, 14.0)] {
        lab.run(Op::TensorReduce { dst: dst.clone(), data: data.clone(), op, axes: 1, negate: false });
        assert_eq!(lab.get(&dst), [want], "{}", op.name());
    }
}

#[test]
fn across_partitions() {
    let mut lab = Lab::new(Gen::Gen2);
    let x = noise(128 * 9, 3);
    let data = lab.sbuf(Dtype::Fp32, 128, &x);
    let dst = lab.tile(Place::Sbuf, Dtype::Fp32, 1, 9);
    for op in [AluOp::Add, AluOp::Average, AluOp::Max] {
        lab.run(Op::TensorPartitionReduce { dst: dst.clone(), data: data.clone(), op });
        for (c, got) in lab.get(&dst).iter().enumerate() {
            let column = (0..128).map(|r| f64::from(x[r * 9 + c]));
            let want = match op {
                AluOp::Max => column.fold(f64::MIN, f64::max),
                AluOp::Average => column.sum::<f64>() / 128.0,
                _ => column.sum(),
            };
            assert!((f64::from(*got) - want).abs() < 1e-4, "{}", op.name());
        }
    }
}

#[test]
fn scans_follow_their_recurrence() {
    let (x, y) = (noise(3 * 100, 4), noise(3 * 100, 5));
    let x: Vec<f32> = x.iter().map(|v| v * 0.4).collect();
    for (op0, op1, r0, r1) in [
        (AluOp::Multiply, AluOp::Add, false, false),
        (AluOp::Add, AluOp::Max, false, false),
        (AluOp::Subtract, AluOp::Subtract, true, true),
        (AluOp::Multiply, AluOp::Subtract, false, true),
    ] {
        let mut lab = Lab::new(Gen::Gen3);
        let (data0, data1) = (lab.sbuf(Dtype::Fp32, 3, &x), lab.sbuf(Dtype::Fp32, 3, &y));
        let start = lab.sbuf(Dtype::Fp32, 3, &[0.5, -1.0, 2.0]);
        let dst = lab.tile(Place::Sbuf, Dtype::Fp32, 3, 100);
        let initial = Operand::View(start);
        lab.run(Op::TensorTensorScan { dst: dst.clone(), data0, data1, initial, op0, op1, reverse0: r0, reverse1: r1 });
        let apply = |op, a: f32, b: f32, r: bool| {
            let (a, b) = if r { (b, a) } else { (a, b) };
            match op {
                AluOp::Add => a + b,
                AluOp::Subtract => a - b,
                AluOp::Multiply => a * b,
                _ => a.max(b),
            }
        };
        let got = lab.get(&dst);
        for row in 0..3 {
            let mut state = [0.5, -1.0, 2.0][row];
            for i in row * 100..(row + 1) * 100 {
                state = apply(op1, apply(op0, x[i], state, r0), y[i], r1);
                assert_eq!(got[i], state);
            }
        }
    }
}

#[test]
fn running_sums_go_on_in_the_registers() {
    let mut lab = Lab::new(Gen::Gen3);
    let x: Vec<f32> = (0..2 * 10).map(|i| i as f32).collect();
    let src = lab.sbuf(Dtype::Fp32, 2, &x);
    let dst = lab.tile(Place::Sbuf, Dtype::Fp32, 2, 10);
    let stage0 = AluStage { op: AluOp::Multiply, operand: Operand::Value(2.0), reverse: false };
    let with = |cmd, init| Op::TensorScalarCumulative {
        dst: dst.clone(),
        src: src.clone(),
        stage0: stage0.clone(),
        reduction: Reduction { cmd, op: AluOp::Add, init, ..Reduction::NONE },
    };
    lab.run(with(ReduceCmd::ResetReduce, None));
    assert_eq!(lab.get(&dst)[..4], [0.0, 2.0, 6.0, 12.0]);
    lab.run(with(ReduceCmd::Reduce, None));
    // 90 = 2 x (0 + ... + 9) is carried over.
    assert_eq!(lab.get(&dst)[..3], [90.0, 92.0, 96.0]);
    lab.run(with(ReduceCmd::LoadReduce, Some(Operand::Value(-1.0))));
    assert_eq!(lab.get(&dst)[..3], [-1.0, 1.0, 5.0]);
}

#[test]
fn batch_statistics_join_to_mean_and_variance() {
    let mut lab = Lab::new(Gen::Gen3);
    let x: Vec<f32> = noise(5 * 700, 6).iter().map(|v| v + 100.0).collect();
    let data = lab.sbuf(Dtype::Fp32, 5, &x);
    let stats = lab.tile(Place::Sbuf, Dtype::Fp32, 5, 12);
    for (i, (low, high)) in [(0u32, 512u32), (512, 700)].iter().enumerate() {
        let from = crate::support::part(&data, 700, (0, 5), (*low, *high));
        let to = crate::support::part(&stats, 12, (0, 5), (6 * i as u32, 6 * i as u32 + 6));
        lab.run(Op::BnStats { dst: to, data: from });
    }
    assert_eq!(lab.get(&stats)[0], 256.0);
    let out = lab.tile(Place::Sbuf, Dtype::Fp32, 5, 2);
    lab.run(Op::BnAggr { dst: out.clone(), data: stats });
    for (row, got) in x.chunks(700).zip(lab.get(&out).chunks(2)) {
        let mean = row.iter().map(|v| f64::from(*v)).sum::<f64>() / 700.0;
        let var = row.iter().map(|v| (f64::from(*v) - mean).powi(2)).sum::<f64>() / 700.0;
        assert!((f64::from(got[0]) - mean).abs() < 1e-4 && (f64::from(got[1]) / var - 1.0).abs() < 1e-4, "{got:?} {mean} {var}");
    }
}
