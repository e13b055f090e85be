//! Time of one executed instruction, by kind and size.

#[path = "../tests/support/mod.rs"]
#[expect(dead_code, reason = "shared with the tests")]
mod support;

use divan::Bencher;
use divan::counter::ItemsCount;
use secondsource_neuroncore::op::*;
use secondsource_neuroncore::*;
use support::{Lab, noise};

fn main() {
    divan::main();
}

fn time(bencher: Bencher<'_, '_>, mut lab: Lab, op: &Op, items: usize) {
    let op = op.clone();
    let mut n = 0u32;
    bencher.counter(ItemsCount::new(items)).bench_local(move || {
        n += 1;
        if n.is_multiple_of(4096) {
            lab.m.take_trace();
        }
        lab.m.exec(0, op.clone(), SourceLine::default())
    });
}

const FLOATS: [Dtype; 4] = [Dtype::Fp32, Dtype::Bf16, Dtype::Fp16, Dtype::Fp8E4];

/// Items are floating-point operations.
#[divan::bench(args = FLOATS)]
fn matmul_128x128x512(bencher: Bencher<'_, '_>, dtype: Dtype) {
    let mut lab = Lab::new(Gen::Gen3);
    let stationary = lab.sbuf(dtype, 128, &noise(128 * 128, 1));
    let moving = lab.sbuf(dtype, 128, &noise(128 * 512, 2));
    let dst = lab.tile(Place::Psum, Dtype::Fp32, 128, 512);
    let op =
        Op::NcMatmul { dst, stationary, moving, accumulate: Some(false), transpose: false, double_row: false, tile: None, one_zero: false };
    time(bencher, lab, &op, 2 * 128 * 128 * 512);
}

/// Items are elements, here and below.
#[divan::bench(args = [(Dtype::Bf16, 2048), (Dtype::Fp32, 2048), (Dtype::Bf16, 512), (Dtype::Fp32, 64), (Dtype::Fp32, 1)])]
fn tensor_tensor_128(bencher: Bencher<'_, '_>, (dtype, free): (Dtype, usize)) {
    let mut lab = Lab::new(Gen::Gen3);
    let data1 = lab.sbuf(dtype, 128, &noise(128 * free, 1));
    let data2 = lab.sbuf(dtype, 128, &noise(128 * free, 2));
    let dst = lab.tile(Place::Sbuf, dtype, 128, free as u64);
    time(bencher, lab, &Op::TensorTensor { dst, data1, data2, op: AluOp::Add, engine: None }, 128 * free);
}

#[divan::bench(args = [ActFn::Exp, ActFn::Silu, ActFn::Tanh, ActFn::Gelu, ActFn::Log])]
fn activation_128x2048_bf16(bencher: Bencher<'_, '_>, function: ActFn) {
    let mut lab = Lab::new(Gen::Gen3);
    let data = lab.sbuf(Dtype::Bf16, 128, &noise(128 * 2048, 1));
    let dst = lab.tile(Place::Sbuf, Dtype::Bf16, 128, 2048);
    let op = Op::Activation { dst, data, function, scale: Operand::Value(0.5), bias: None, reduction: Reduction::NONE };
    time(bencher, lab, &op, 128 * 2048);
}

#[divan::bench(args = [512, 2048])]
fn exp_with_sum_128_fp32(bencher: Bencher<'_, '_>, free: usize) {
    let mut lab = Lab::new(Gen::Gen3);
    let data = lab.sbuf(Dtype::Fp32, 128, &noise(128 * free, 1));
    let dst = lab.tile(Place::Sbuf, Dtype::Bf16, 128, free as u64);
    let result = lab.tile(Place::Sbuf, Dtype::Fp32, 128, 1);
    let reduction = Reduction { cmd: ReduceCmd::ResetReduce, result: Some(result), ..Reduction::NONE };
    let op = Op::Activation { dst, data, function: ActFn::Exp, scale: Operand::Value(1.0), bias: None, reduction };
    time(bencher, lab, &op, 128 * free);
}

#[divan::bench(args = [(Dtype::Bf16, 2048), (Dtype::Fp32, 512), (Dtype::Fp32, 1)])]
fn tensor_scalar_by_column_128(bencher: Bencher<'_, '_>, (dtype, free): (Dtype, usize)) {
    let mut lab = Lab::new(Gen::Gen3);
    let data = lab.sbuf(dtype, 128, &noise(128 * free, 1));
    let column = lab.sbuf(Dtype::Fp32, 128, &noise(128, 2));
    let dst = lab.tile(Place::Sbuf, dtype, 128, free as u64);
    let stage0 = AluStage { op: AluOp::Multiply, operand: Operand::View(column), reverse: false };
    let stage1 = AluStage { op: AluOp::Add, operand: Operand::Value(1.0), reverse: false };
    time(bencher, lab, &Op::TensorScalar { dst, data, stage0, stage1: Some(stage1), engine: None }, 128 * free);
}

#[divan::bench(args = [(Dtype::Bf16, 2048), (Dtype::Fp32, 512), (Dtype::Fp32, 8)])]
fn tensor_reduce_max_128(bencher: Bencher<'_, '_>, (dtype, free): (Dtype, usize)) {
    let mut lab = Lab::new(Gen::Gen3);
    let data = lab.sbuf(dtype, 128, &noise(128 * free, 1));
    let dst = lab.tile(Place::Sbuf, Dtype::Fp32, 128, 1);
    time(bencher, lab, &Op::TensorReduce { dst, data, op: AluOp::Max, axes: 1, negate: false }, 128 * free);
}

#[divan::bench(args = [(Dtype::Bf16, Dtype::Bf16), (Dtype::Fp32, Dtype::Bf16)])]
fn tensor_copy_128x512(bencher: Bencher<'_, '_>, (from, to): (Dtype, Dtype)) {
    let mut lab = Lab::new(Gen::Gen3);
    let src = lab.sbuf(from, 128, &noise(128 * 512, 1));
    let dst = lab.tile(Place::Sbuf, to, 128, 512);
    time(bencher, lab, &Op::TensorCopy { dst, src, engine: None }, 128 * 512);
}

#[divan::bench]
fn scan_128x2048_fp32(bencher: Bencher<'_, '_>) {
    let mut lab = Lab::new(Gen::Gen3);
    let data0 = lab.sbuf(Dtype::Fp32, 128, &noise(128 * 2048, 1));
    let data1 = lab.sbuf(Dtype::Fp32, 128, &noise(128 * 2048, 2));
    let dst = lab.tile(Place::Sbuf, Dtype::Fp32, 128, 2048);
    let initial = Operand::Value(0.0);
    let op = Op::TensorTensorScan { dst, data0, data1, initial, op0: AluOp::Multiply, op1: AluOp::Add, reverse0: false, reverse1: false };
    time(bencher, lab, &op, 128 * 2048);
}

/// A 128 x 2048 tile out of a wider matrix in HBM.
#[divan::bench]
fn dma_copy_128x2048_bf16(bencher: Bencher<'_, '_>) {
    let mut lab = Lab::new(Gen::Gen3);
    let matrix = lab.hbm(Dtype::Bf16, &noise(128 * 4096, 1));
    let src = View::new(matrix.tensor, Dtype::Bf16, 1024, &[(4096, 128), (1, 2048)]).expect("two dimensions");
    let dst = lab.tile(Place::Sbuf, Dtype::Bf16, 128, 2048);
    let op = Op::DmaCopy { dst, src, oob: OutOfBounds::Error, dge: trace::Dge::Unknown, engine: None, priority: 0 };
    time(bencher, lab, &op, 128 * 2048);
}

#[divan::bench]
fn nc_transpose_128x128_bf16(bencher: Bencher<'_, '_>) {
    let mut lab = Lab::new(Gen::Gen3);
    let data = lab.sbuf(Dtype::Bf16, 128, &noise(128 * 128, 1));
    let dst = lab.tile(Place::Psum, Dtype::Bf16, 128, 128);
    time(bencher, lab, &Op::NcTranspose { dst, data, engine: None }, 128 * 128);
}

/// The overhead of an instruction: one element for each partition.
#[divan::bench]
fn smallest(bencher: Bencher<'_, '_>) {
    let mut lab = Lab::new(Gen::Gen3);
    let data1 = lab.sbuf(Dtype::Fp32, 128, &noise(128, 1));
    let data2 = lab.sbuf(Dtype::Fp32, 128, &noise(128, 2));
    let dst = lab.tile(Place::Sbuf, Dtype::Fp32, 128, 1);
    time(bencher, lab, &Op::TensorTensor { dst, data1, data2, op: AluOp::Add, engine: None }, 1);
}
