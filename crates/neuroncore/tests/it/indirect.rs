//! Addresses that are known only when the kernel runs.

use secondsource_neuroncore::op::*;
use secondsource_neuroncore::trace::Dge;
use secondsource_neuroncore::*;

use crate::copies::dma;
use crate::support::{Lab, noise, rounded};

fn rows(data: &View, row: u32, n: u32, index: &View, bound: u32) -> View {
    let mut v = View::new(data.tensor, data.dtype, 0, &[(i64::from(row), n), (1, row)]).expect("two dimensions");
    v.indirect = Some(Box::new(Indirect::Vector { index: index.clone(), row: i64::from(row), rows: bound }));
    v
}

#[test]
fn gather_and_scatter_of_rows() {
    let mut lab = Lab::new(Gen::Gen3);
    let x = noise(20 * 8, 1);
    let data = lab.hbm(Dtype::Fp32, &x);
    let index = lab.sbuf(Dtype::I32, 5, &[3.0, 19.0, 0.0, 7.0, 7.0]);
    let tile = lab.tile(Place::Sbuf, Dtype::Fp32, 5, 8);
    let id = lab.run(dma(&tile, &rows(&data, 8, 5, &index, 20)));
    let want: Vec<f32> = [3, 19, 0, 7, 7].iter().flat_map(|r| x[r * 8..r * 8 + 8].to_vec()).collect();
    assert_eq!(lab.get(&tile), want);
    let i = lab.m.trace().instrs[id.0 as usize];
    assert!(i.cost.flags.has(Flags::INDIRECT) && i.cost.dge == Dge::Software && i.cost.trigger == Engine::GpSimd);
    // The index is read, and any row of the data may be.
    let reads = lab.m.trace().reads(&i);
    assert_eq!(reads.iter().map(|r| r.high - r.low).collect::<Vec<_>>(), [4, 20 * 8 * 4]);

    let index = lab.sbuf(Dtype::U32, 3, &[4.0, 1.0, 9.0]);
    let out = lab.hbm(Dtype::Fp32, &[0.0; 80]);
    let three = lab.sbuf(Dtype::Fp32, 3, &x[..24]);
    lab.run(dma(&rows(&out, 8, 3, &index, 10), &three));
    let got = lab.get(&out);
    for (k, r) in [4usize, 1, 9].iter().enumerate() {
        assert_eq!(got[r * 8..r * 8 + 8], x[k * 8..k * 8 + 8]);
    }
    assert_eq!(got.iter().filter(|v| **v != 0.0).count(), 24);
}

#[test]
fn indices_outside_are_an_error_or_skipped() {
    let mut lab = Lab::new(Gen::Gen3);
    let data = lab.hbm(Dtype::Fp32, &noise(80, 1));
    let index = lab.sbuf(Dtype::I32, 2, &[10.0, -1.0]);
    let tile = lab.sbuf(Dtype::Fp32, 2, &[5.0; 16]);
    let src = rows(&data, 8, 2, &index, 10);
    let fault = lab.try_run(dma(&tile, &src)).expect_err("10 of 10");
    assert_eq!((fault.rule, fault.operand), ("index-out-of-bounds", "src"));
    let Op::DmaCopy { dst, src, dge, engine, priority, .. } = dma(&tile, &src) else { unreachable!() };
    lab.run(Op::DmaCopy { dst, src, oob: OutOfBounds::Skip, dge, engine, priority });
    assert_eq!(lab.get(&tile), [5.0; 16]);
}

#[test]
fn a_scalar_offset_comes_from_a_tensor_or_a_register() {
    let mut lab = Lab::new(Gen::Gen3);
    let x = noise(4 * 2 * 8, 1);
    let data = lab.hbm(Dtype::Fp32, &x);
    let which = lab.sbuf(Dtype::I32, 1, &[3.0]);
    let tile = lab.tile(Place::Sbuf, Dtype::Fp32, 2, 8);
    let mut src = View::new(data.tensor, Dtype::Fp32, 0, &[(8, 2), (1, 8)]).expect("two dimensions");
    src.indirect = Some(Box::new(Indirect::Scalar { index: ScalarIndex::View(which.clone()), row: 16, rows: 4 }));
    let id = lab.run(dma(&tile, &src));
    assert_eq!(lab.get(&tile), x[48..]);
    assert!(lab.m.trace().instrs[id.0 as usize].cost.flags.has(Flags::DYNAMIC));

    let r = lab.m.register();
    lab.run(Op::RegisterLoad { dst: r, src: which });
    assert_eq!(lab.m.register_value(r), Some(3));
    let other = lab.m.register();
    lab.run(Op::RegisterMove { dst: other, value: RegisterValue::Constant(1) });
    src.indirect = Some(Box::new(Indirect::Scalar { index: ScalarIndex::Register(other), row: 16, rows: 4 }));
    lab.run(dma(&tile, &src));
    assert_eq!(lab.get(&tile), x[16..32]);
    lab.run(Op::RegisterMove { dst: other, value: RegisterValue::Register(r) });
    let out = lab.hbm(Dtype::I32, &[0.0]);
    lab.run(Op::RegisterStore { dst: out.clone(), src: other });
    assert_eq!(lab.get(&out), [3.0]);
    // Out of the dimension's bound.
    lab.run(Op::RegisterMove { dst: other, value: RegisterValue::Constant(4) });
    assert_eq!(lab.try_run(dma(&tile, &src)).expect_err("4 of 4").rule, "index-out-of-bounds");
}

#[test]
fn tensor_indirection_of_generation_4() {
    let mut lab = Lab::new(Gen::Gen4);
    let x: Vec<f32> = (0..32 * 50).map(|i| i as f32).collect();
    let t = lab.sbuf(Dtype::Fp32, 32, &x);
    // Offset i of a group of 16 partitions stands at index[i % 16, i / 16]: 20 of them take two columns.
    let offset = |group: usize, i: usize| (7 * i + 3 * group) % 50;
    let mut values = vec![0.0; 32 * 2];
    for group in 0..2 {
        for i in 0..20 {
            values[(group * 16 + i % 16) * 2 + i / 16] = offset(group, i) as f32;
        }
    }
    let index = lab.sbuf(Dtype::U32, 32, &values);
    let view = |t: &View| {
        let mut v = View::new(t.tensor, t.dtype, 0, &[(50, 32), (0, 20)]).expect("two dimensions");
        v.indirect = Some(Box::new(Indirect::Free { index: index.clone() }));
        v
    };
    let dst = lab.tile(Place::Sbuf, Dtype::Fp32, 32, 20);
    lab.run(Op::TensorCopy { dst: dst.clone(), src: view(&t), engine: None });
    let got = lab.get(&dst);
    for (k, v) in got.iter().enumerate() {
        let (p, i) = (k / 20, k % 20);
        assert_eq!(*v, x[p * 50 + offset(p / 16, i)]);
    }
    // And back: a scatter writes the positions it gathered.
    let out = lab.sbuf(Dtype::Fp32, 32, &[-1.0; 32 * 50]);
    lab.run(Op::TensorCopy { dst: view(&out), src: dst, engine: None });
    let got = lab.get(&out);
    for p in 0..32 {
        for i in 0..20 {
            let at = p * 50 + offset(p / 16, i);
            assert_eq!(got[at], x[at]);
        }
    }
    let mut old = Lab::new(Gen::Gen3);
    let (t, dst) = (old.sbuf(Dtype::Fp32, 32, &x), old.tile(Place::Sbuf, Dtype::Fp32, 32, 20));
    let i = old.sbuf(Dtype::U32, 32, &values);
    let mut src = View::new(t.tensor, t.dtype, 0, &[(50, 32), (0, 20)]).expect("two dimensions");
    src.indirect = Some(Box::new(Indirect::Free { index: i }));
    assert_eq!(old.try_run(Op::TensorCopy { dst, src, engine: None }).expect_err("trn3 only").rule, "generation");
}

#[test]
fn gathers_on_gpsimd() {
    let mut lab = Lab::new(Gen::Gen3);
    let x = rounded(Dtype::Bf16, &noise(32 * 40, 1));
    let data = lab.sbuf(Dtype::Bf16, 32, &x);
    let pick = |p: usize, j: usize| (p * 5 + j * 3) % 40;
    let i: Vec<f32> = (0..32 * 6).map(|k| pick(k / 6, k % 6) as f32).collect();
    let indices = lab.sbuf(Dtype::U32, 32, &i);
    let dst = lab.tile(Place::Sbuf, Dtype::Bf16, 32, 6);
    lab.run(Op::NcNGather { dst: dst.clone(), data: data.clone(), indices });
    let got = lab.get(&dst);
    assert!((0..32 * 6).all(|k| got[k] == x[k / 6 * 40 + pick(k / 6, k % 6)]));

    // One list of 20 indices for each 16 partitions, two elements an index.
    let list = |g: usize, j: usize| (g * 11 + j * 2) % 38;
    let mut i = vec![0.0; 32 * 2];
    (0..2).for_each(|g| (0..20).for_each(|j| i[(g * 16 + j % 16) * 2 + j / 16] = list(g, j) as f32));
    let index = lab.sbuf(Dtype::U16, 32, &i);
    let dst = lab.tile(Place::Sbuf, Dtype::Bf16, 32, 40);
    lab.run(Op::LocalGather { dst: dst.clone(), src: data, index, elems: 2, valid: Some(20) });
    let got = lab.get(&dst);
    for p in 0..32 {
        for j in 0..20 {
            let at = p * 40 + list(p / 16, j);
            assert_eq!(got[p * 40 + 2 * j..p * 40 + 2 * j + 2], x[at..at + 2]);
        }
    }
}

#[test]
fn gathered_rows_transposed() {
    let mut lab = Lab::new(Gen::Gen3);
    let x = rounded(Dtype::Bf16, &noise(64 * 24, 1));
    let data = lab.hbm(Dtype::Bf16, &x);
    let i: Vec<f32> = (0..16).map(|k| ((k * 13 + 5) % 64) as f32).collect();
    let index = lab.sbuf(Dtype::U32, 16, &i);
    let dst = lab.tile(Place::Sbuf, Dtype::Bf16, 24, 16);
    let src = rows(&data, 24, 16, &index, 64);
    lab.run(Op::DmaTranspose { dst: dst.clone(), src, oob: OutOfBounds::Error, dge: Dge::Unknown, priority: 0 });
    let got = lab.get(&dst);
    assert!((0..16 * 24).all(|k| got[k] == x[i[k % 16] as usize * 24 + k / 16]));
}

#[test]
fn read_modify_write_into_and_out_of_hbm() {
    let mut lab = Lab::new(Gen::Gen3);
    let (x, y) = (noise(10 * 4, 1), noise(3 * 4, 2));
    let data = lab.hbm(Dtype::Fp32, &x);
    let tile = lab.sbuf(Dtype::Fp32, 3, &y);
    let index = lab.sbuf(Dtype::I32, 3, &[8.0, 2.0, 5.0]);
    let at = rows(&data, 4, 3, &index, 10);
    let add = |dst: &View, a: &View, b: &View| Op::DmaCompute {
        dst: dst.clone(),
        srcs: vec![a.clone(), b.clone()],
        op: AluOp::Add,
        scales: vec![1.0, 1.0],
        oob: OutOfBounds::Error,
        unique: true,
    };
    lab.run(add(&at, &at, &tile));
    let got = lab.get(&data);
    for (k, r) in [8usize, 2, 5].iter().enumerate() {
        for c in 0..4 {
            assert_eq!(got[r * 4 + c], x[r * 4 + c] + y[k * 4 + c]);
        }
    }
    lab.run(add(&tile, &at, &tile));
    let sum = lab.get(&tile);
    assert!((0..12).all(|i| sum[i] == got[[8, 2, 5][i / 4] * 4 + i % 4] + y[i]));
}
