//! Patterns, masks and random numbers.

use secondsource_neuroncore::op::*;
use secondsource_neuroncore::*;

use crate::support::{Lab, noise};

#[test]
fn iota_counts_in_four_dimensions() {
    let mut lab = Lab::new(Gen::Gen2);
    let dst = lab.tile(Place::Sbuf, Dtype::I32, 3, 24);
    let pattern = Pattern { dims: vec![(100, 2), (-7, 3), (1, 4)], offset: 5, channel: 1000 };
    lab.run(Op::Iota { dst: dst.clone(), pattern: pattern.clone() });
    let got = lab.get(&dst);
    for (k, v) in got.iter().enumerate() {
        let (p, i) = (k / 24, k % 24);
        let want = 5 + 1000 * p as i32 + 100 * (i / 12) as i32 - 7 * (i / 4 % 3) as i32 + (i % 4) as i32;
        assert_eq!(*v, want as f32);
    }
    let float = lab.tile(Place::Sbuf, Dtype::Bf16, 3, 24);
    lab.run(Op::Iota { dst: float.clone(), pattern });
    assert_eq!(lab.get(&float)[0], 5.0);
}

#[test]
fn affine_select_makes_the_causal_mask() {
    let mut lab = Lab::new(Gen::Gen3);
    let x = noise(8 * 8, 1);
    let on_true = lab.sbuf(Dtype::Fp32, 8, &x);
    let dst = lab.tile(Place::Sbuf, Dtype::Bf16, 8, 8);
    // Row - column >= 0.
    let pattern = Pattern { dims: vec![(-1, 8)], offset: 0, channel: 1 };
    lab.run(Op::AffineSelect { dst: dst.clone(), pattern, on_true, on_false: -9984.0, op: AluOp::GreaterEqual });
    for (k, v) in lab.get(&dst).iter().enumerate() {
        let want = if k / 8 >= k % 8 { half::bf16::from_f32(x[k]).to_f32() } else { -9984.0 };
        assert_eq!(*v, want);
    }
}

#[test]
fn range_select_keeps_a_range_and_its_maximum() {
    let mut lab = Lab::new(Gen::Gen3);
    let x = noise(4 * 1500, 2);
    let data = lab.sbuf(Dtype::Fp32, 4, &x);
    let (low, high) = (lab.sbuf(Dtype::Fp32, 4, &[100.0, 0.0, 1199.0, 5000.0]), lab.sbuf(Dtype::Fp32, 4, &[110.0, 9e9, 1300.0, 9e9]));
    let dst = lab.tile(Place::Sbuf, Dtype::Fp32, 4, 1500);
    let max = lab.tile(Place::Sbuf, Dtype::Fp32, 4, 1);
    lab.run(Op::RangeSelect {
        dst: dst.clone(),
        data,
        op0: AluOp::GreaterEqual,
        op1: AluOp::Less,
        bound0: low,
        bound1: high,
        start: 50,
        on_false: f32::MIN,
        reduction: Reduction { cmd: ReduceCmd::ResetReduce, op: AluOp::Max, result: Some(max.clone()), ..Reduction::NONE },
    });
    let (got, max) = (lab.get(&dst), lab.get(&max));
    for row in 0..4 {
        let (a, b) = ([100, 0, 1199, 5000][row], [110, 9_000_000, 1300, 9_000_000][row]);
        let mut best = f32::MIN;
        for i in 0..1500 {
            let want = if (a..b).contains(&(i + 50)) { x[row * 1500 + i] } else { f32::MIN };
            assert_eq!(got[row * 1500 + i], want);
            best = best.max(want);
        }
        assert_eq!(max[row], best);
    }
}

#[test]
fn select_reduce_chooses_by_predicate() {
    let mut lab = Lab::new(Gen::Gen3);
    let x = noise(4 * 30, 3);
    let p: Vec<f32> = (0..120).map(|i| (i % 4) as f32).collect();
    let (on_true, predicate) = (lab.sbuf(Dtype::Fp32, 4, &x), lab.sbuf(Dtype::U8, 4, &p));
    let other = lab.sbuf(Dtype::Fp32, 4, &[1.0, 2.0, 3.0, -30.0]);
    let (dst, max) = (lab.tile(Place::Sbuf, Dtype::Fp32, 4, 30), lab.tile(Place::Sbuf, Dtype::Fp32, 4, 1));
    lab.run(Op::SelectReduce {
        dst: dst.clone(),
        predicate,
        on_true,
        on_false: Operand::View(other),
        reverse: true,
        reduction: Reduction { cmd: ReduceCmd::ResetReduce, op: AluOp::Max, result: Some(max.clone()), ..Reduction::NONE },
    });
    let got = lab.get(&dst);
    let want: Vec<f32> = (0..120).map(|i| if i % 4 == 0 { x[i] } else { [1.0, 2.0, 3.0, -30.0][i / 30] }).collect();
    assert_eq!(got, want);
    assert!(lab.get(&max).iter().zip(want.chunks(30)).all(|(m, row)| *m == row.iter().copied().fold(f32::MIN, f32::max)));
}

#[test]
fn random_numbers_follow_the_seed_and_the_state() {
    let run = |seed: f32| {
        let mut lab = Lab::new(Gen::Gen3);
        let s = lab.sbuf(Dtype::U32, 1, &[seed]);
        let dst = lab.tile(Place::Sbuf, Dtype::U16, 16, 512);
        lab.run(Op::SetRngSeed { src: s });
        lab.run(Op::Rng { dst: dst.clone(), engine: None });
        let first = lab.get(&dst);
        lab.run(Op::Rng { dst: dst.clone(), engine: None });
        assert_ne!(first, lab.get(&dst));
        first
    };
    assert_eq!(run(5.0), run(5.0));
    assert_ne!(run(5.0), run(6.0));
    let mean = run(5.0).iter().map(|v| f64::from(*v)).sum::<f64>() / (16.0 * 512.0);
    // Uniform on 0..65535: standard error of the mean 65536 / sqrt(12 x 8192) = 209.
    assert!((mean - 32_767.5).abs() < 1000.0, "{mean}");
}

#[test]
fn a_saved_state_brings_the_same_numbers_back() {
    let mut lab = Lab::new(Gen::Gen4);
    let state = lab.tile(Place::Sbuf, Dtype::U32, 8, 24);
    let dst = lab.tile(Place::Sbuf, Dtype::Fp32, 8, 100);
    let vector = Some(Engine::Vector);
    lab.run(Op::RandGetState { dst: state.clone(), engine: vector });
    let draw = Op::Rand2 { dst: dst.clone(), min: Operand::Value(-1.0), max: Operand::Value(3.0) };
    lab.run(draw.clone());
    let first = lab.get(&dst);
    lab.run(Op::RandSetState { src: state, engine: vector });
    lab.run(draw);
    assert_eq!(first, lab.get(&dst));
    assert!(first.iter().all(|v| (-1.0..=3.0).contains(v)));
    let seeds = lab.sbuf(Dtype::U32, 8, &noise(8 * 24, 1).iter().map(|v| (v.abs() * 1e6).floor()).collect::<Vec<_>>());
    lab.run(Op::RandSetState { src: seeds, engine: vector });
    lab.run(Op::Rand2 { dst: dst.clone(), min: Operand::Value(-1.0), max: Operand::Value(3.0) });
    assert_ne!(first, lab.get(&dst));
}

#[test]
fn dropout_drops_the_stated_share() {
    let mut lab = Lab::new(Gen::Gen3);
    let x = vec![3.0; 4 * 4096];
    let data = lab.sbuf(Dtype::Bf16, 4, &x);
    let prob = lab.sbuf(Dtype::Fp32, 4, &[0.0, 0.25, 0.5, 1.0]);
    let dst = lab.tile(Place::Sbuf, Dtype::Bf16, 4, 4096);
    lab.run(Op::Dropout { dst: dst.clone(), data, prob: Operand::View(prob) });
    for (row, p) in lab.get(&dst).chunks(4096).zip([0.0, 0.25, 0.5, 1.0]) {
        let zeros = row.iter().filter(|v| **v == 0.0).count() as f64 / 4096.0;
        assert!(row.iter().all(|v| *v == 0.0 || *v == 3.0) && (zeros - p).abs() < 0.03, "{zeros} {p}");
        assert!(p != 0.0 && p != 1.0 || zeros == p);
    }
}
