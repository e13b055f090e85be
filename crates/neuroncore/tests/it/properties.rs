//! What holds for every machine: the same bytes under any number of threads, and memory untouched by refused work.

use secondsource_neuroncore::op::*;
use secondsource_neuroncore::*;

use crate::support::{Lab, noise};

/// Runs one large instruction of each parallel kind and gives all of the bytes.
fn all_bytes(threads: usize) -> Vec<u8> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
    pool.install(|| {
        let mut lab = Lab::new(Gen::Gen4);
        lab.m.set_stochastic_rounding(true);
        let data = lab.sbuf(Dtype::Bf16, 128, &noise(128 * 9000, 1));
        let other = lab.sbuf(Dtype::Bf16, 128, &noise(128 * 9000, 2));
        let dst = lab.tile(Place::Sbuf, Dtype::Fp8E5, 128, 9000);
        let sum = lab.tile(Place::Sbuf, Dtype::Fp32, 128, 1);
        let scan = lab.tile(Place::Sbuf, Dtype::Fp16, 128, 9000);
        let (x, y) = (lab.sbuf(Dtype::Bf16, 128, &noise(128 * 128, 3)), lab.sbuf(Dtype::Bf16, 128, &noise(128 * 512, 4)));
        let product = lab.tile(Place::Psum, Dtype::Bf16, 128, 512);
        let mut out = Vec::new();
        let mut run = |op: Op, t: &View| {
            lab.run(op);
            out.extend(lab.m.read(t.tensor));
        };
        let one = Operand::Value(1.0);
        run(Op::TensorTensor { dst: dst.clone(), data1: data.clone(), data2: other.clone(), op: AluOp::Multiply, engine: None }, &dst);
        let reduction = Reduction { cmd: ReduceCmd::ResetReduce, result: Some(sum.clone()), ..Reduction::NONE };
        let act = Op::Activation { dst: dst.clone(), data: data.clone(), function: ActFn::Silu, scale: one.clone(), bias: None, reduction };
        run(act, &sum);
        run(Op::TensorReduce { dst: sum.clone(), data: data.clone(), op: AluOp::Add, axes: 1, negate: false }, &sum);
        let (op0, op1) = (AluOp::Multiply, AluOp::Add);
        run(
            Op::TensorTensorScan { dst: scan.clone(), data0: data, data1: other, initial: one, op0, op1, reverse0: false, reverse1: false },
            &scan,
        );
        let op = Op::NcMatmul {
            dst: product.clone(),
            stationary: x,
            moving: y,
            accumulate: None,
            transpose: false,
            double_row: false,
            tile: None,
            one_zero: false,
        };
        run(op, &product);
        out
    })
}

#[test]
fn one_thread_and_two_give_the_same_bytes() {
    assert!(all_bytes(1) == all_bytes(2));
}

#[test]
fn refused_instructions_change_nothing() {
    let mut lab = Lab::new(Gen::Gen3);
    let a = lab.sbuf(Dtype::Fp32, 4, &noise(64, 1));
    let b = lab.sbuf(Dtype::Fp32, 4, &noise(32, 2));
    let before = (lab.m.read(a.tensor), lab.m.trace().instrs.len(), lab.m.trace().ranges.len());
    assert!(lab.try_run(Op::TensorTensor { dst: a.clone(), data1: a.clone(), data2: b, op: AluOp::Add, engine: None }).is_err());
    assert_eq!(before, (lab.m.read(a.tensor), lab.m.trace().instrs.len(), lab.m.trace().ranges.len()));
}

#[test]
fn ranges_tell_columns_and_rows_apart() {
    let mut lab = Lab::new(Gen::Gen3);
    let t = lab.tile(Place::Sbuf, Dtype::Bf16, 64, 100);
    // Every other column from 1: 2-byte runs every 4 bytes, up to the last element's end.
    let odd = View::new(t.tensor, t.dtype, 1, &[(100, 64), (2, 50)]).expect("two dimensions");
    let id = lab.run(Op::Memset { dst: odd, value: 0.0, engine: None });
    let i = lab.m.trace().instrs[id.0 as usize];
    let w = lab.m.trace().writes(&i)[0];
    assert_eq!((w.first, w.last, w.low, w.high, w.period, w.run), (0, 64, 2, 200, 4, 2));
    // A tile of a matrix in HBM: runs of its width, a row apart.
    let m = lab.hbm(Dtype::Fp32, &[0.0; 1000]);
    let tile = View::new(m.tensor, m.dtype, 205, &[(100, 3), (1, 10)]).expect("two dimensions");
    let s = lab.tile(Place::Sbuf, Dtype::Fp32, 3, 10);
    let id = lab.run(crate::copies::dma(&s, &tile));
    let i = lab.m.trace().instrs[id.0 as usize];
    let r = lab.m.trace().reads(&i)[0];
    assert_eq!((r.low, r.high, r.period, r.run), (820, 820 + 840, 400, 40));
}

#[test]
fn loops_and_extra_order_stand_in_the_trace() {
    let mut lab = Lab::new(Gen::Gen3);
    let t = lab.tile(Place::Sbuf, Dtype::Fp32, 1, 1);
    let set = Op::Memset { dst: t, value: 1.0, engine: None };
    let first = lab.run(set.clone());
    lab.m.begin_loop(SourceLine { file: 0, line: 99 });
    for _ in 0..3 {
        lab.m.next_trip();
        lab.run(set.clone());
    }
    lab.m.end_loop();
    let last = lab.run(set);
    lab.m.depends(last, &[first]);
    lab.m.depends(last, &[InstrId(2)]);
    let trace = lab.m.trace();
    assert_eq!((trace.loops[0].trips, trace.loops[0].first, trace.loops[0].end), (3, InstrId(1), InstrId(4)));
    assert_eq!(trace.instrs.iter().map(|i| i.in_loop).collect::<Vec<_>>(), [0, 1, 1, 1, 0]);
    assert_eq!(trace.after(&trace.instrs[4]), [first, InstrId(2)]);
}
