//! One good and one bad instruction for each rule.

use secondsource_neuroncore::op::*;
use secondsource_neuroncore::trace::Dge;
use secondsource_neuroncore::*;

use crate::support::{Lab, part};

/// Runs what a closure builds on a fresh machine; gives the broken rule, or None.
fn verdict(version: Gen, build: impl FnOnce(&mut Lab) -> Op) -> Option<Fault> {
    let mut lab = Lab::new(version);
    let op = build(&mut lab);
    lab.try_run(op).err()
}

fn check(rule: &str, version: Gen, good: impl FnOnce(&mut Lab) -> Op, bad: impl FnOnce(&mut Lab) -> Op) {
    if let Some(f) = verdict(version, good) {
        panic!("{rule}: the good one fails: {f}");
    }
    let fault = verdict(version, bad).unwrap_or_else(|| panic!("{rule}: the bad one passes"));
    assert_eq!(fault.rule, rule, "{fault}");
    assert!(!fault.message.is_empty() && !fault.message.ends_with('.') && fault.op != "exec", "{fault}");
}

fn tile(lab: &mut Lab, dtype: Dtype, rows: u32, row: u64) -> View {
    lab.tile(Place::Sbuf, dtype, rows, row)
}

fn psum(lab: &mut Lab, rows: u32, row: u64) -> View {
    lab.tile(Place::Psum, Dtype::Fp32, rows, row)
}

fn copy(dst: View, src: View) -> Op {
    Op::TensorCopy { dst, src, engine: None }
}

fn add(dst: View, data1: View, data2: View) -> Op {
    Op::TensorTensor { dst, data1, data2, op: AluOp::Add, engine: None }
}

fn mm(dst: View, stationary: View, moving: View) -> Op {
    Op::NcMatmul { dst, stationary, moving, accumulate: None, transpose: false, double_row: false, tile: None, one_zero: false }
}

fn f32_tile(lab: &mut Lab, rows: u32, row: u64) -> View {
    tile(lab, Dtype::Fp32, rows, row)
}

#[test]
fn where_tiles_start_and_how_they_step() {
    for (n, good, bad) in [(32, 96, 16), (64, 64, 32), (33, 0, 32), (128, 0, 0)] {
        let start = |at: u32| {
            move |lab: &mut Lab| {
                let t = f32_tile(lab, 128, 8);
                let d = f32_tile(lab, n, 8);
                copy(d, part(&t, 8, (at, at + n), (0, 8)))
            }
        };
        if bad == 0 {
            assert!(verdict(Gen::Gen3, start(good)).is_none());
        } else {
            check("start-partition", Gen::Gen3, start(good), start(bad));
        }
    }
    let step = |q: i64| {
        move |lab: &mut Lab| {
            let (t, d) = (f32_tile(lab, 64, 8), f32_tile(lab, 16, 8));
            copy(d, View::new(t.tensor, t.dtype, 0, &[(8 * q, 16), (1, 8)]).expect("two dimensions"))
        }
    };
    check("partition-step", Gen::Gen3, step(1), step(2));
    let free = |n: u64| {
        move |lab: &mut Lab| {
            let t = psum(lab, 4, n);
            Op::Memset { dst: t, value: 0.0, engine: None }
        }
    };
    assert!(verdict(Gen::Gen3, free(4096)).is_none());
    let reach = |n: u32| {
        move |lab: &mut Lab| {
            let (t, d) = (f32_tile(lab, 4, 10), f32_tile(lab, 4, u64::from(n)));
            copy(d, View::new(t.tensor, t.dtype, 1, &[(10, 4), (1, n)]).expect("two dimensions"))
        }
    };
    check("out-of-bounds", Gen::Gen3, reach(9), reach(10));
}

#[test]
fn sizes_must_agree() {
    let rows = |n: u32| move |lab: &mut Lab| copy(f32_tile(lab, n, 8), f32_tile(lab, 8, 8));
    check("partitions-differ", Gen::Gen3, rows(8), rows(9));
    let free = |n: u64| move |lab: &mut Lab| copy(f32_tile(lab, 8, n), f32_tile(lab, 8, 8));
    check("free-differ", Gen::Gen3, free(8), free(9));
    let column = |n: u64| {
        move |lab: &mut Lab| {
            let (d, a, c) = (f32_tile(lab, 8, 8), f32_tile(lab, 8, 8), f32_tile(lab, 8, n));
            let stage0 = AluStage { op: AluOp::Add, operand: Operand::View(c), reverse: false };
            Op::TensorScalar { dst: d, data: a, stage0, stage1: None, engine: None }
        }
    };
    check("operand-shape", Gen::Gen3, column(1), column(2));
    let elements = |n: usize| {
        move |lab: &mut Lab| {
            let src = lab.hbm(Dtype::Fp32, &vec![0.0; n]);
            crate::copies::dma(&f32_tile(lab, 8, 8), &src)
        }
    };
    check("elements-differ", Gen::Gen3, elements(64), elements(63));
}

#[test]
fn memories_that_engines_reach() {
    check(
        "psum-both",
        Gen::Gen3,
        |lab| add(f32_tile(lab, 8, 8), psum(lab, 8, 8), f32_tile(lab, 8, 8)),
        |lab| add(f32_tile(lab, 8, 8), psum(lab, 8, 8), psum(lab, 8, 8)),
    );
    check(
        "place",
        Gen::Gen3,
        |lab| mm(psum(lab, 8, 8), f32_tile(lab, 8, 8), f32_tile(lab, 8, 8)),
        |lab| mm(f32_tile(lab, 8, 8), f32_tile(lab, 8, 8), f32_tile(lab, 8, 8)),
    );
    check(
        "gpsimd-psum",
        Gen::Gen3,
        |lab| Op::Memset { dst: f32_tile(lab, 8, 8), value: 0.0, engine: Some(Engine::GpSimd) },
        |lab| Op::Memset { dst: psum(lab, 8, 8), value: 0.0, engine: Some(Engine::GpSimd) },
    );
    check(
        "engine",
        Gen::Gen3,
        |lab| Op::TensorCopy { dst: f32_tile(lab, 8, 8), src: f32_tile(lab, 8, 8), engine: Some(Engine::Scalar) },
        |lab| Op::TensorCopy { dst: f32_tile(lab, 8, 8), src: f32_tile(lab, 8, 8), engine: Some(Engine::Tensor) },
    );
    let scalar_copy = |lab: &mut Lab| Op::TensorCopy { dst: f32_tile(lab, 8, 8), src: f32_tile(lab, 8, 8), engine: Some(Engine::Scalar) };
    assert_eq!(verdict(Gen::Gen2, scalar_copy).map(|f| f.rule), Some("engine"));
    check(
        "place",
        Gen::Gen3,
        |lab| crate::copies::dma(&f32_tile(lab, 8, 8), &f32_tile(lab, 8, 8)),
        |lab| crate::copies::dma(&f32_tile(lab, 8, 8), &psum(lab, 8, 8)),
    );
}

#[test]
fn types_that_go_together() {
    let pair = |a, b| move |lab: &mut Lab| mm(psum(lab, 8, 8), tile(lab, a, 8, 8), tile(lab, b, 8, 8));
    check("dtype-pair", Gen::Gen3, pair(Dtype::Bf16, Dtype::Fp8E5), pair(Dtype::Fp32, Dtype::Bf16));
    check("dtype-pair", Gen::Gen4, pair(Dtype::Fp8E4Fn, Dtype::Fp8E5), pair(Dtype::Fp8E4Fn, Dtype::Fp8E4));
    check("dtype", Gen::Gen3, pair(Dtype::Fp16, Dtype::Fp16), pair(Dtype::I8, Dtype::I8));
    assert_eq!(verdict(Gen::Gen3, pair(Dtype::Fp8E4Fn, Dtype::Fp8E4Fn)).map(|f| f.rule), Some("dtype"));
    let bits = |d: Dtype| {
        move |lab: &mut Lab| Op::TensorTensor {
            dst: tile(lab, d, 4, 4),
            data1: tile(lab, d, 4, 4),
            data2: tile(lab, d, 4, 4),
            op: AluOp::BitwiseAnd,
            engine: None,
        }
    };
    check("bitvec-dtype", Gen::Gen3, bits(Dtype::U16), bits(Dtype::Bf16));
    let column = |d: Dtype| {
        move |lab: &mut Lab| {
            let stage0 = AluStage { op: AluOp::Add, operand: Operand::View(tile(lab, d, 4, 1)), reverse: false };
            Op::TensorScalar { dst: f32_tile(lab, 4, 4), data: f32_tile(lab, 4, 4), stage0, stage1: None, engine: None }
        }
    };
    check("operand-dtype", Gen::Gen3, column(Dtype::Fp32), column(Dtype::Bf16));
    let mixed = |op1: AluOp| {
        move |lab: &mut Lab| {
            let stage = |op| AluStage { op, operand: Operand::Value(1.0), reverse: false };
            Op::TensorScalar {
                dst: tile(lab, Dtype::I32, 4, 4),
                data: tile(lab, Dtype::I32, 4, 4),
                stage0: stage(AluOp::BitwiseOr),
                stage1: Some(stage(op1)),
                engine: None,
            }
        }
    };
    check("operator-mix", Gen::Gen3, mixed(AluOp::LeftShift), mixed(AluOp::Add));
    check(
        "dtype",
        Gen::Gen4,
        |lab| copy(tile(lab, Dtype::Fp8E4FnX4, 4, 4), tile(lab, Dtype::Fp8E4FnX4, 4, 4)),
        |lab| copy(f32_tile(lab, 4, 4), tile(lab, Dtype::Fp8E4FnX4, 4, 4)),
    );
    check(
        "memset-packed",
        Gen::Gen4,
        |lab| Op::Memset { dst: tile(lab, Dtype::Fp4X4, 4, 4), value: 0.0, engine: None },
        |lab| Op::Memset { dst: tile(lab, Dtype::Fp4X4, 4, 4), value: 1.0, engine: None },
    );
    check(
        "dma-cast",
        Gen::Gen4,
        |lab| crate::copies::dma(&tile(lab, Dtype::Bf16, 4, 4), &f32_tile(lab, 4, 4)),
        |lab| crate::copies::dma(&tile(lab, Dtype::Fp8E5X4, 4, 4), &f32_tile(lab, 4, 4)),
    );
}

#[test]
fn matmul_sizes_tiles_and_banks() {
    let size = |k: u32, m: u64, n: u64| {
        move |lab: &mut Lab| mm(psum(lab, m.min(128) as u32, n.min(512)), f32_tile(lab, k, m), f32_tile(lab, k, n))
    };
    check("stationary-size", Gen::Gen3, size(128, 128, 512), size(128, 129, 512));
    check("moving-size", Gen::Gen3, size(8, 8, 512), size(8, 8, 513));
    assert!(verdict(Gen::Gen4, |lab| mm(psum(lab, 8, 4096), f32_tile(lab, 8, 8), f32_tile(lab, 8, 4096))).is_none());
    let shape = |m: u32| move |lab: &mut Lab| mm(psum(lab, m, 16), f32_tile(lab, 8, 8), f32_tile(lab, 8, 16));
    check("matmul-shape", Gen::Gen3, shape(8), shape(16));
    let bank = |at: u32| {
        move |lab: &mut Lab| {
            let p = psum(lab, 8, 1024);
            mm(part(&p, 1024, (0, 8), (at, at + 64)), f32_tile(lab, 8, 8), f32_tile(lab, 8, 64))
        }
    };
    check("psum-bank", Gen::Gen3, bank(512), bank(480));
    let pe = |row, rows| {
        move |lab: &mut Lab| {
            let tile = Some(Tile { row, column: 0, rows, columns: 128 });
            let op = mm(psum(lab, 8, 8), f32_tile(lab, 32, 8), f32_tile(lab, 32, 8));
            let Op::NcMatmul { dst, stationary, moving, .. } = op else { unreachable!() };
            Op::NcMatmul { dst, stationary, moving, accumulate: None, transpose: false, double_row: false, tile, one_zero: false }
        }
    };
    check("pe-tile", Gen::Gen3, pe(96, 32), pe(16, 32));
    check("pe-tile", Gen::Gen2, pe(64, 64), pe(32, 32));
    let rows = |d: Dtype, pair: u32| {
        move |lab: &mut Lab| {
            let shaped = |v: View| {
                View::new(v.tensor, v.dtype, 0, &[(16, 8), (16 / i64::from(pair), pair), (1, 16 / pair)]).expect("three dimensions")
            };
            let (a, b) = (tile(lab, d, 8, 16), tile(lab, d, 8, 16));
            Op::NcMatmul {
                dst: psum(lab, 8, 8),
                stationary: shaped(a),
                moving: shaped(b),
                accumulate: None,
                transpose: false,
                double_row: true,
                tile: None,
                one_zero: false,
            }
        }
    };
    check("double-row-dtype", Gen::Gen3, rows(Dtype::Fp8E4, 2), rows(Dtype::Bf16, 2));
    check("double-row-shape", Gen::Gen3, rows(Dtype::Fp8E5, 2), rows(Dtype::Fp8E5, 4));
    assert_eq!(verdict(Gen::Gen2, rows(Dtype::Fp8E5, 2)).map(|f| f.rule), Some("generation"));
    let turn = |f: u64, engine| {
        move |lab: &mut Lab| {
            let d = lab.tile(if engine == Engine::Tensor { Place::Psum } else { Place::Sbuf }, Dtype::Fp32, f.min(128) as u32, 32);
            Op::NcTranspose { dst: d, data: f32_tile(lab, 32, f), engine: Some(engine) }
        }
    };
    check("transpose-size", Gen::Gen3, turn(32, Engine::Vector), turn(33, Engine::Vector));
    assert_eq!(verdict(Gen::Gen3, turn(129, Engine::Tensor)).map(|f| f.rule), Some("transpose-shape"));
}

#[test]
fn what_a_generation_has() {
    let bias = |value: f64| {
        move |lab: &mut Lab| Op::Activation {
            dst: f32_tile(lab, 4, 4),
            data: f32_tile(lab, 4, 4),
            function: ActFn::Exp,
            scale: Operand::Value(1.0),
            bias: Some(Operand::Value(value)),
            reduction: Reduction::NONE,
        }
    };
    check("bias-scalar", Gen::Gen2, bias(0.0), bias(1.0));
    assert!(verdict(Gen::Gen3, bias(1.0)).is_none());
    let dge = |mode| {
        move |lab: &mut Lab| {
            let (dst, src) = (f32_tile(lab, 4, 4), f32_tile(lab, 4, 4));
            Op::DmaCopy { dst, src, oob: OutOfBounds::Error, dge: mode, engine: None, priority: 0 }
        }
    };
    check("generation", Gen::Gen2, dge(Dge::Unknown), dge(Dge::Hardware));
    assert!(verdict(Gen::Gen3, dge(Dge::Hardware)).is_none());
    let exponential = |lab: &mut Lab| Op::Exponential {
        dst: f32_tile(lab, 4, 4),
        src: f32_tile(lab, 4, 4),
        max_value: Operand::Value(0.0),
        reduction: Reduction::NONE,
    };
    assert_eq!(verdict(Gen::Gen3, exponential).map(|f| f.rule), Some("generation"));
    let stage = |op| AluStage { op, operand: Operand::Value(1.0), reverse: false };
    let scalar = |op| {
        move |lab: &mut Lab| Op::TensorScalar {
            dst: f32_tile(lab, 4, 4),
            data: f32_tile(lab, 4, 4),
            stage0: stage(op),
            stage1: None,
            engine: Some(Engine::Scalar),
        }
    };
    check("engine", Gen::Gen3, scalar(AluOp::Multiply), scalar(AluOp::Max));
    assert!(verdict(Gen::Gen4, scalar(AluOp::Max)).is_none());
}

#[test]
fn limits_of_single_instructions() {
    let bn = |n: u64| move |lab: &mut Lab| Op::BnStats { dst: f32_tile(lab, 4, 6), data: f32_tile(lab, 4, n) };
    check("bn-size", Gen::Gen3, bn(512), bn(513));
    let max = |n: u64| move |lab: &mut Lab| Op::Max8 { dst: f32_tile(lab, 4, 8), src: f32_tile(lab, 4, n) };
    check("search-size", Gen::Gen3, max(8), max(7));
    check("search-size", Gen::Gen3, max(16_384), max(16_385));
    let axes = |n: u8| {
        move |lab: &mut Lab| Op::TensorReduce {
            dst: f32_tile(lab, 4, 1),
            data: f32_tile(lab, 4, 8),
            op: AluOp::Add,
            axes: n,
            negate: false,
        }
    };
    check("reduce-axes", Gen::Gen3, axes(1), axes(2));
    let op = |op| move |lab: &mut Lab| Op::TensorReduce { dst: f32_tile(lab, 4, 1), data: f32_tile(lab, 4, 8), op, axes: 1, negate: false };
    check("reduce-op", Gen::Gen3, op(AluOp::Max), op(AluOp::Divide));
    let iota = |n: u32| {
        move |lab: &mut Lab| Op::Iota {
            dst: tile(lab, Dtype::I32, 4, 12),
            pattern: Pattern { dims: vec![(1, n), (5, 3)], offset: 0, channel: 0 },
        }
    };
    check("pattern-size", Gen::Gen3, iota(4), iota(5));
    let shuffle = |m: u8| move |lab: &mut Lab| Op::NcStreamShuffle { dst: f32_tile(lab, 32, 4), src: f32_tile(lab, 32, 4), mask: [m; 32] };
    check("shuffle-mask", Gen::Gen3, shuffle(31), shuffle(32));
    let mx = |rows: u32| {
        move |lab: &mut Lab| Op::QuantizeMx {
            dst: tile(lab, Dtype::Fp8E5X4, rows, 4),
            src: tile(lab, Dtype::Bf16, rows, 16),
            dst_scale: tile(lab, Dtype::E8M0, 128, 4),
        }
    };
    check("mx-partitions", Gen::Gen4, mx(64), mx(48));
    let gather = |n: u32| {
        move |lab: &mut Lab| Op::LocalGather {
            dst: f32_tile(lab, 16, 16 * u64::from(n)),
            src: lab.sbuf(Dtype::Fp32, 16, &[0.0; 16 * 64]),
            index: lab.sbuf(Dtype::U16, 16, &[0.0; 16]),
            elems: n,
            valid: None,
        }
    };
    check("gather-elements", Gen::Gen3, gather(4), gather(3));
    let scales = |s: f32| {
        move |lab: &mut Lab| Op::DmaCompute {
            dst: f32_tile(lab, 4, 4),
            srcs: vec![f32_tile(lab, 4, 4), f32_tile(lab, 4, 4)],
            op: AluOp::Add,
            scales: vec![1.0, s],
            oob: OutOfBounds::Error,
            unique: true,
        }
    };
    check("dma-scales", Gen::Gen3, scales(1.0), scales(2.0));
    let cmp = |op| {
        move |lab: &mut Lab| Op::AffineSelect {
            dst: f32_tile(lab, 4, 4),
            pattern: Pattern { dims: vec![(1, 4)], offset: 0, channel: 0 },
            on_true: f32_tile(lab, 4, 4),
            on_false: 0.0,
            op,
        }
    };
    check("operator", Gen::Gen3, cmp(AluOp::Less), cmp(AluOp::Add));
}

#[test]
fn allocations_fit_their_memory() {
    for (version, place, good, bad) in [
        (Gen::Gen2, Place::Sbuf, 192 * 1024, 192 * 1024 + 1),
        (Gen::Gen3, Place::Sbuf, 224 * 1024, 224 * 1024 + 1),
        (Gen::Gen4, Place::Sbuf, 256 * 1024, 256 * 1024 + 1),
        (Gen::Gen3, Place::Psum, 16 * 1024, 16 * 1024 + 1),
    ] {
        let mut lab = Lab::new(version);
        assert!(lab.alloc(0, place, Dtype::U8, 1, good, None).is_ok());
        assert_eq!(lab.alloc(0, place, Dtype::U8, 1, bad, None).expect_err("too large").rule, "capacity");
        assert_eq!(lab.alloc(0, place, Dtype::U8, 1, 512, Some((0, good as u32 - 511))).expect_err("too high").rule, "capacity");
    }
    let mut lab = Lab::new(Gen::Gen3);
    assert_eq!(lab.alloc(0, Place::Sbuf, Dtype::Fp32, 129, 1, None).expect_err("too many").rule, "partitions");
    assert_eq!(lab.alloc(0, Place::Sbuf, Dtype::Fp32, 64, 1, Some((96, 0))).expect_err("too low").rule, "partitions");
    let t = lab.tile(Place::Sbuf, Dtype::Fp32, 4, 4);
    lab.m.free(t.tensor);
    assert_eq!(lab.try_run(Op::Memset { dst: t, value: 0.0, engine: None }).expect_err("freed").rule, "freed");
}
