//! Copies, fills, transposes and shuffles.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use secondsource_neuroncore::op::*;
use secondsource_neuroncore::trace::{Dge, Direction};
use secondsource_neuroncore::*;

use crate::support::{Lab, noise, part, rounded};

pub fn dma(dst: &View, src: &View) -> Op {
    Op::DmaCopy { dst: dst.clone(), src: src.clone(), oob: OutOfBounds::Error, dge: Dge::Unknown, engine: None, priority: 0 }
}

#[test]
fn a_tile_of_a_matrix_comes_back_as_it_was() {
    let mut lab = Lab::new(Gen::Gen3);
    let x = noise(300 * 200, 1);
    let matrix = lab.hbm(Dtype::Fp32, &x);
    let tile = lab.tile(Place::Sbuf, Dtype::Fp32, 100, 64);
    let src = View::new(matrix.tensor, Dtype::Fp32, 50 * 200 + 30, &[(200, 100), (1, 64)]).expect("two dimensions");
    let id = lab.run(dma(&tile, &src));
    let i = lab.m.trace().instrs[id.0 as usize];
    assert_eq!((i.cost.rows, i.cost.row_bytes, i.cost.bytes, i.cost.direction), (100, 256, 25_600, Direction::HbmToSbuf));
    let out = lab.hbm(Dtype::Fp32, &vec![0.0; 300 * 200]);
    let back = View::new(out.tensor, Dtype::Fp32, 50 * 200 + 30, &[(200, 100), (1, 64)]).expect("two dimensions");
    lab.run(dma(&back, &tile));
    for (i, got) in lab.get(&out).iter().enumerate() {
        let (r, c) = (i / 200, i % 200);
        let inside = (50..150).contains(&r) && (30..94).contains(&c);
        assert_eq!(*got, if inside { x[i] } else { 0.0 });
    }
}

proptest! {
    #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(1), failure_persistence: None, cases: 64, ..ProptestConfig::default() })]

    /// Any order and nesting of dimensions of an HBM tensor, to SBUF and back, leaves every element in its place.
    #[test]
    fn copies_with_any_strides_round_trip(
        counts in proptest::collection::vec(1u32..7, 1..5),
        order in any::<u64>(),
        partitions in 1u32..20,
        dtype in prop_oneof![Just(Dtype::Fp32), Just(Dtype::Bf16), Just(Dtype::U8)],
    ) {
        let mut lab = Lab::new(Gen::Gen3);
        let free: u32 = counts.iter().product();
        let total = (partitions * free) as usize;
        let bytes: Vec<u8> = (0..total * dtype.size()).map(|i| (i * 37 + 11) as u8).collect();
        let source = lab.tile_hbm(dtype, total as u64);
        lab.m.write(source.tensor, &bytes).unwrap();
        // Row-major strides, then permuted.
        let mut dims: Vec<(i64, u32)> = Vec::new();
        let mut step = i64::from(partitions);
        for c in counts.iter().rev() {
            dims.insert(0, (step, *c));
            step *= i64::from(*c);
        }
        let at = order as usize % dims.len();
        dims.rotate_left(at);
        dims.insert(0, (1, partitions));
        let view = View::new(source.tensor, dtype, 0, &dims).unwrap();
        let tile = lab.tile(Place::Sbuf, dtype, partitions, u64::from(free));
        lab.run(dma(&tile, &view));
        let back = lab.tile_hbm(dtype, total as u64);
        let view = View::new(back.tensor, dtype, 0, &dims).unwrap();
        lab.run(dma(&view, &tile));
        prop_assert_eq!(lab.m.read(back.tensor), bytes);
    }

    /// The same copy through a Vector instruction.
    #[test]
    fn tensor_copy_agrees_with_index_arithmetic(
        columns in 4u32..40, start in 0u32..4, step in 1i64..4, value in 0u32..1000,
    ) {
        let mut lab = Lab::new(Gen::Gen3);
        let x: Vec<f32> = (0..8 * columns).map(|i| (i + value) as f32).collect();
        let t = lab.sbuf(Dtype::Fp32, 8, &x);
        let n = (columns - start).div_ceil(step as u32);
        let src = View::new(t.tensor, Dtype::Fp32, i64::from(start), &[(i64::from(columns), 8), (step, n)]).unwrap();
        let dst = lab.tile(Place::Sbuf, Dtype::Bf16, 8, u64::from(n));
        lab.run(Op::TensorCopy { dst: dst.clone(), src, engine: None });
        let want: Vec<f32> = (0..8 * n).map(|i| x[(i / n * columns + start + (i % n) * step as u32) as usize]).collect();
        prop_assert_eq!(lab.get(&dst), rounded(Dtype::Bf16, &want));
    }
}

#[test]
fn dma_converts_through_fp32_and_other_types_bit_for_bit() {
    let mut lab = Lab::new(Gen::Gen3);
    let x = noise(64, 2);
    let src = lab.hbm(Dtype::Fp32, &x);
    for dtype in [Dtype::Bf16, Dtype::Fp16, Dtype::Fp8E4, Dtype::Fp8E5] {
        let dst = lab.tile(Place::Sbuf, dtype, 1, 64);
        let id = lab.run(dma(&dst, &src));
        assert_eq!(lab.get(&dst), rounded(dtype, &x));
        assert!(lab.m.trace().instrs[id.0 as usize].cost.flags.has(Flags::CAST));
    }
    // A NaN with a payload passes unchanged when the type stays.
    let odd = lab.hbm(Dtype::Fp32, &[0.0]);
    lab.m.write(odd.tensor, &0x7fa1_2345u32.to_le_bytes()).expect("4 bytes");
    let tile = lab.tile(Place::Sbuf, Dtype::Fp32, 1, 1);
    lab.run(dma(&tile, &odd));
    assert_eq!(lab.m.read(tile.tensor), 0x7fa1_2345u32.to_le_bytes());
}

#[test]
fn views_of_another_type_see_the_same_bytes() {
    let mut lab = Lab::new(Gen::Gen3);
    let t = lab.sbuf(Dtype::Fp32, 2, &[1.0, -2.0, 0.5, 4.0]);
    // fp32 1.0 is 0x3F800000: its upper half is bf16 1.0, its lower 0.
    let halves = View::new(t.tensor, Dtype::Bf16, 1, &[(4, 2), (2, 2)]).expect("two dimensions");
    assert_eq!(lab.m.values(&halves).expect("in bounds"), [1.0, -2.0, 0.5, 4.0]);
}

#[test]
fn dma_transposes_two_three_and_four_dimensions() {
    for dims in [vec![32u32, 48], vec![5, 16, 7], vec![4, 3, 2, 10]] {
        let mut lab = Lab::new(Gen::Gen3);
        let n: u32 = dims.iter().product();
        let x: Vec<f32> = (0..n).map(|i| i as f32).collect();
        let x = rounded(Dtype::Fp16, &x);
        let source = lab.hbm(Dtype::Fp16, &x);
        let mut strides = vec![1u32; dims.len()];
        for i in (0..dims.len() - 1).rev() {
            strides[i] = strides[i + 1] * dims[i + 1];
        }
        let pairs: Vec<(i64, u32)> = strides.iter().zip(&dims).map(|(s, d)| (i64::from(*s), *d)).collect();
        let src = View::new(source.tensor, Dtype::Fp16, 0, &pairs).expect("few dimensions");
        let order: &[usize] = [&[1, 0][..], &[2, 1, 0], &[3, 1, 2, 0]][dims.len() - 2];
        let out: Vec<u32> = order.iter().map(|a| dims[*a]).collect();
        let dst = lab.tile(Place::Sbuf, Dtype::Fp16, out[0], u64::from(n / out[0]));
        lab.run(Op::DmaTranspose { dst: dst.clone(), src, oob: OutOfBounds::Error, dge: Dge::Unknown, priority: 0 });
        for (i, got) in lab.get(&dst).iter().enumerate() {
            let mut rest = i as u32;
            let mut at = 0;
            for (axis, size) in order.iter().zip(&out).rev() {
                at += rest % size * strides[*axis];
                rest /= size;
            }
            assert_eq!(*got, x[at as usize], "{dims:?} at {i}");
        }
    }
}

#[test]
fn dma_compute_adds_in_fp32() {
    let mut lab = Lab::new(Gen::Gen3);
    let parts: Vec<Vec<f32>> = (0..5).map(|i| rounded(Dtype::Bf16, &noise(128, i))).collect();
    let srcs: Vec<View> = parts.iter().map(|p| lab.sbuf(Dtype::Bf16, 4, p)).collect();
    let dst = lab.tile(Place::Sbuf, Dtype::Fp32, 4, 32);
    lab.run(Op::DmaCompute { dst: dst.clone(), srcs, op: AluOp::Add, scales: vec![], oob: OutOfBounds::Error, unique: true });
    for (i, got) in lab.get(&dst).iter().enumerate() {
        let want: f64 = parts.iter().map(|p| f64::from(p[i])).sum();
        assert!((f64::from(*got) - want).abs() < 1e-6);
    }
}

#[test]
fn memset_sets_and_fresh_memory_is_nan_or_4() {
    let mut lab = Lab::new(Gen::Gen4);
    for dtype in Dtype::ALL {
        let t = lab.tile(Place::Sbuf, dtype, 3, 5);
        if dtype.is_float() {
            assert!(lab.get(&t).iter().all(|v| v.is_nan()), "{dtype:?}");
        } else if dtype.is_integer() && dtype != Dtype::Bool {
            assert!(lab.get(&t).iter().all(|v| *v == 4.0), "{dtype:?}");
        }
        let value = if dtype.is_packed() { 0.0 } else { 2.0 };
        lab.run(Op::Memset { dst: t.clone(), value, engine: None });
        if !dtype.is_packed() {
            let want = if dtype == Dtype::Bool { 1.0 } else { 2.0 };
            assert!(lab.get(&t).iter().all(|v| *v == want), "{dtype:?}");
        }
    }
    let t = lab.tile(Place::Sbuf, Dtype::I32, 1, 2);
    lab.run(Op::Memset { dst: t.clone(), value: -16_777_217.0, engine: Some(Engine::GpSimd) });
    assert_eq!(lab.m.values(&t).expect("in bounds"), [-16_777_217.0; 2]);
}

#[test]
fn predicated_copy_leaves_the_rest() {
    let mut lab = Lab::new(Gen::Gen3);
    let (x, y) = (noise(64, 1), noise(64, 2));
    let p: Vec<f32> = (0..64).map(|i| (i % 3) as f32).collect();
    let (src, predicate) = (lab.sbuf(Dtype::Fp32, 2, &x), lab.sbuf(Dtype::U8, 2, &p));
    for reverse in [false, true] {
        let dst = lab.sbuf(Dtype::Fp32, 2, &y);
        lab.run(Op::TensorCopyPredicated { dst: dst.clone(), src: Operand::View(src.clone()), predicate: predicate.clone(), reverse });
        let want: Vec<f32> = (0..64).map(|i| if (i % 3 != 0) != reverse { x[i] } else { y[i] }).collect();
        assert_eq!(lab.get(&dst), want);
    }
    let dst = lab.sbuf(Dtype::Fp32, 2, &y);
    lab.run(Op::TensorCopyPredicated { dst: dst.clone(), src: Operand::Value(-9.0), predicate, reverse: false });
    assert_eq!(lab.get(&dst)[1], -9.0);
    assert_eq!(lab.get(&dst)[3], y[3]);
}

#[test]
fn shuffle_moves_inside_each_quadrant() {
    let mut lab = Lab::new(Gen::Gen3);
    let x: Vec<f32> = (0..64 * 4).map(|i| i as f32).collect();
    let src = lab.sbuf(Dtype::Fp32, 64, &x);
    let dst = lab.sbuf(Dtype::Fp32, 64, &[-1.0; 64 * 4]);
    let mut mask: [u8; 32] = std::array::from_fn(|i| ((i + 31) % 32) as u8);
    mask[5] = 255;
    lab.run(Op::NcStreamShuffle { dst: dst.clone(), src, mask });
    let got = lab.get(&dst);
    for row in 0..64 {
        let from = row / 32 * 32 + (row % 32 + 31) % 32;
        let want = if row % 32 == 5 { [-1.0; 4].to_vec() } else { x[from * 4..from * 4 + 4].to_vec() };
        assert_eq!(got[row * 4..row * 4 + 4], want, "row {row}");
    }
    // One source partition to all of a quadrant.
    let one = lab.sbuf(Dtype::Fp32, 1, &[7.0, 8.0]);
    let all = lab.tile(Place::Sbuf, Dtype::Fp32, 32, 2);
    lab.run(Op::NcStreamShuffle { dst: all.clone(), src: one, mask: [0; 32] });
    assert_eq!(lab.get(&all), [7.0, 8.0].repeat(32));
}

#[test]
fn explicit_addresses_alias_real_bytes() {
    let mut lab = Lab::new(Gen::Gen3);
    let a = lab.alloc(0, Place::Sbuf, Dtype::Fp32, 64, 16, Some((0, 1024))).expect("fits");
    let b = lab.alloc(0, Place::Sbuf, Dtype::Fp32, 32, 4, Some((32, 1032))).expect("fits");
    let (a, b) = (lab.m.whole(a).expect("live"), lab.m.whole(b).expect("live"));
    lab.run(Op::Memset { dst: a.clone(), value: 1.0, engine: None });
    lab.run(Op::Memset { dst: b.clone(), value: 2.0, engine: None });
    let got = lab.get(&a);
    for row in 0..64 {
        for column in 0..16 {
            let inside = row >= 32 && (2..6).contains(&column);
            assert_eq!(got[row * 16 + column], if inside { 2.0 } else { 1.0 });
        }
    }
    // A tensor without an address never shares a byte with them.
    let c = lab.sbuf(Dtype::Fp32, 128, &vec![5.0; 128 * 512]);
    assert!(lab.get(&c).iter().all(|v| *v == 5.0) && lab.get(&a)[0] == 1.0);
    let _ = part(&a, 16, (0, 1), (0, 1));
}
