//! Times of kernels and instructions on this machine, one JSON line each, for `validation/neuroncore_speed.py`.
//!
//! With `check` as its argument: a million executed instructions, then their checks and schedule.

#[path = "../tests/support/mod.rs"]
#[expect(dead_code, reason = "shared with the tests")]
mod support;

use secondsource_neuroncore::op::*;
use secondsource_neuroncore::schedule::schedule;
use secondsource_neuroncore::*;
use std::time::Instant;
use support::{Lab, noise};

/// Fastest of several runs of `f`, in seconds, after one that warms caches.
fn fastest(runs: usize, mut f: impl FnMut()) -> f64 {
    f();
    let mut best = f64::INFINITY;
    for _ in 0..runs {
        let start = Instant::now();
        f();
        best = best.min(start.elapsed().as_secs_f64());
    }
    best
}

fn say(case: &str, seconds: f64, instructions: usize) {
    println!("{{\"case\": \"{case}\", \"seconds\": {seconds:e}, \"instructions\": {instructions}}}");
}

/// The tutorial's tiled product: every tile loaded again for every product.
fn product(n: usize, dtype: Dtype) {
    let mut lab = Lab::new(Gen::Gen3);
    let (left, right) = (lab.hbm(dtype, &noise(n * n, 1)), lab.hbm(dtype, &noise(n * n, 2)));
    let out = lab.tile_hbm(dtype, (n * n) as u64);
    let (a, b) = (lab.tile(Place::Sbuf, dtype, 128, 128), lab.tile(Place::Sbuf, dtype, 128, 512));
    let (sum, c) = (lab.tile(Place::Psum, Dtype::Fp32, 128, 512), lab.tile(Place::Sbuf, dtype, 128, 512));
    let tile = |v: &View, row: usize, column: usize, width: u32| {
        View::new(v.tensor, dtype, (row * n + column) as i64, &[(n as i64, 128), (1, width)]).expect("two dimensions")
    };
    let copy =
        |dst: View, src: View| Op::DmaCopy { dst, src, oob: OutOfBounds::Error, dge: trace::Dge::Unknown, engine: None, priority: 0 };
    let mut instructions = 0;
    let seconds = fastest(3, || {
        lab.m.take_trace();
        for m in (0..n).step_by(128) {
            for column in (0..n).step_by(512) {
                for k in (0..n).step_by(128) {
                    lab.run(copy(a.clone(), tile(&left, k, m, 128)));
                    lab.run(copy(b.clone(), tile(&right, k, column, 512)));
                    lab.run(Op::NcMatmul {
                        dst: sum.clone(),
                        stationary: a.clone(),
                        moving: b.clone(),
                        accumulate: Some(k > 0),
                        transpose: false,
                        double_row: false,
                        tile: None,
                        one_zero: false,
                    });
                }
                lab.run(Op::TensorCopy { dst: c.clone(), src: sum.clone(), engine: None });
                lab.run(copy(tile(&out, m, column, 512), c.clone()));
            }
        }
        instructions = lab.m.trace().instrs.len();
    });
    say(&format!("matmul {n} {}", dtype.name()), seconds, instructions);
}

fn small(case: &str, lab: &mut Lab, op: &Op) {
    const N: usize = 4000;
    let seconds = fastest(5, || {
        lab.m.take_trace();
        for _ in 0..N {
            lab.run(op.clone());
        }
    });
    say(case, seconds / N as f64, 1);
}

fn instructions() {
    for dtype in [Dtype::Fp32, Dtype::Bf16] {
        for free in [1usize, 16, 64, 512] {
            let mut lab = Lab::new(Gen::Gen3);
            let x = lab.sbuf(dtype, 128, &noise(128 * free, 1));
            let y = lab.sbuf(dtype, 128, &noise(128 * free, 2));
            let column = lab.sbuf(Dtype::Fp32, 128, &noise(128, 3));
            let dst = lab.tile(Place::Sbuf, dtype, 128, free as u64);
            let max = lab.tile(Place::Sbuf, Dtype::Fp32, 128, 1);
            let name = |what: &str| format!("{what} {free} {}", dtype.name());
            let add = Op::TensorTensor { dst: dst.clone(), data1: x.clone(), data2: y, op: AluOp::Add, engine: None };
            small(&name("tensor_tensor"), &mut lab, &add);
            let stage0 = AluStage { op: AluOp::Multiply, operand: Operand::View(column), reverse: false };
            let stage1 = AluStage { op: AluOp::Add, operand: Operand::Value(1.0), reverse: false };
            let scale = Op::TensorScalar { dst: dst.clone(), data: x.clone(), stage0, stage1: Some(stage1), engine: None };
            small(&name("tensor_scalar"), &mut lab, &scale);
            small(
                &name("tensor_reduce"),
                &mut lab,
                &Op::TensorReduce { dst: max, data: x.clone(), op: AluOp::Max, axes: 1, negate: false },
            );
            for function in [ActFn::Exp, ActFn::Gelu, ActFn::Log] {
                let act = Op::Activation {
                    dst: dst.clone(),
                    data: x.clone(),
                    function,
                    scale: Operand::Value(0.5),
                    bias: None,
                    reduction: Reduction::NONE,
                };
                small(&name(function.name()), &mut lab, &act);
            }
            small(&name("tensor_copy"), &mut lab, &Op::TensorCopy { dst, src: x, engine: None });
        }
    }
}

/// A million instructions on tiles of 128 x 16, in a chain with a new destination each eight.
fn checks() {
    let mut lab = Lab::new(Gen::Gen3);
    let mut tiles: Vec<View> = (0..8).map(|i| lab.sbuf(Dtype::Bf16, 128, &noise(128 * 16, i))).collect();
    let start = Instant::now();
    for i in 0..1_000_000usize {
        if i % 8 == 0 {
            let fresh = lab.tile(Place::Sbuf, Dtype::Bf16, 128, 16);
            let old = std::mem::replace(&mut tiles[i / 8 % 8], fresh);
            let from = tiles[(i / 8 + 1) % 8].clone();
            lab.run(Op::TensorCopy { dst: tiles[i / 8 % 8].clone(), src: from, engine: None });
            lab.m.free(old.tensor);
            continue;
        }
        let (a, b, dst) = (tiles[i % 8].clone(), tiles[(i * 3 + 1) % 8].clone(), tiles[(i / 8) % 8].clone());
        lab.run(Op::TensorTensor { dst, data1: a, data2: b, op: AluOp::Max, engine: None });
    }
    say("executed", start.elapsed().as_secs_f64(), 1_000_000);
    let start = Instant::now();
    let found = check::check(&lab.m).len();
    say(&format!("checked, {found} findings"), start.elapsed().as_secs_f64(), 1_000_000);
    let t = Timing::embedded(Gen::Gen3).expect("tables");
    let start = Instant::now();
    let total = schedule(&t, lab.m.trace(), 32).map(|(_, s)| s.total).expect("short enough");
    say(&format!("scheduled, {total} ps"), start.elapsed().as_secs_f64(), 1_000_000);
}

fn main() {
    if std::env::args().nth(1).as_deref() == Some("check") {
        checks();
        return;
    }
    for n in [1024, 2048] {
        product(n, Dtype::Fp32);
        product(n, Dtype::Bf16);
    }
    instructions();
}
