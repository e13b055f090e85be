//! The Tensor engine against f64 sums, and its accumulation rules.

use secondsource_neuroncore::op::*;
use secondsource_neuroncore::*;

use crate::support::{Lab, noise, part, rounded};

fn matmul(dst: &View, stationary: &View, moving: &View, accumulate: Option<bool>) -> Op {
    Op::NcMatmul {
        dst: dst.clone(),
        stationary: stationary.clone(),
        moving: moving.clone(),
        accumulate,
        transpose: false,
        double_row: false,
        tile: None,
        one_zero: false,
    }
}

/// sum over k of a[k][m] b[k][n], and the sum of magnitudes, in f64.
fn exact(a: &[f32], b: &[f32], m: usize, n: usize) -> Vec<(f64, f64)> {
    let k = a.len() / m;
    let mut out = vec![(0.0, 0.0); m * n];
    for (i, o) in out.iter_mut().enumerate() {
        for r in 0..k {
            let p = f64::from(a[r * m + i / n]) * f64::from(b[r * n + i % n]);
            o.0 += p;
            o.1 += p.abs();
        }
    }
    out
}

#[test]
fn products_agree_with_f64_for_every_type_and_odd_sizes() {
    for (dtype, k, m, n) in [
        (Dtype::Fp32, 128, 128, 512),
        (Dtype::Bf16, 128, 128, 512),
        (Dtype::Fp16, 100, 37, 65),
        (Dtype::Fp8E4, 3, 1, 1),
        (Dtype::Fp8E5, 128, 64, 33),
        (Dtype::Tf32, 17, 12, 32),
    ] {
        let mut lab = Lab::new(Gen::Gen3);
        let (a, b) = (rounded(dtype, &noise(k * m, 1)), rounded(dtype, &noise(k * n, 2)));
        let (x, y) = (lab.sbuf(dtype, k as u32, &a), lab.sbuf(dtype, k as u32, &b));
        let dst = lab.tile(Place::Psum, Dtype::Fp32, m as u32, n as u64);
        lab.run(matmul(&dst, &x, &y, None));
        for (got, (want, size)) in lab.get(&dst).iter().zip(exact(&a, &b, m, n)) {
            assert!((f64::from(*got) - want).abs() <= size * 1e-6, "{dtype:?}: {got} {want}");
        }
    }
}

#[test]
fn the_first_matmul_overwrites_and_the_next_accumulate() {
    for explicit in [false, true] {
        let mut lab = Lab::new(Gen::Gen2);
        let (a, b) = (rounded(Dtype::Bf16, &noise(384 * 64, 3)), rounded(Dtype::Bf16, &noise(384 * 128, 4)));
        let dst = lab.tile(Place::Psum, Dtype::Fp32, 64, 128);
        for i in 0..3 {
            let x = lab.sbuf(Dtype::Bf16, 128, &a[i * 128 * 64..(i + 1) * 128 * 64]);
            let y = lab.sbuf(Dtype::Bf16, 128, &b[i * 128 * 128..(i + 1) * 128 * 128]);
            lab.run(matmul(&dst, &x, &y, explicit.then_some(i > 0)));
        }
        for (got, (want, size)) in lab.get(&dst).iter().zip(exact(&a, &b, 64, 128)) {
            assert!((f64::from(*got) - want).abs() <= size * 1e-6, "{got} {want}");
        }
        assert!(lab.m.trace().findings.is_empty());
    }
}

#[test]
fn accumulating_onto_what_no_matmul_started_is_found() {
    for (fill, version, found) in [(false, Gen::Gen3, true), (true, Gen::Gen3, true), (true, Gen::Gen4, false)] {
        let mut lab = Lab::new(version);
        let (x, y) = (lab.sbuf(Dtype::Bf16, 8, &noise(64, 5)), lab.sbuf(Dtype::Bf16, 8, &noise(128, 6)));
        let dst = lab.tile(Place::Psum, Dtype::Fp32, 8, 16);
        if fill {
            lab.run(Op::Memset { dst: dst.clone(), value: 0.0, engine: None });
        }
        lab.run(matmul(&dst, &x, &y, Some(true)));
        let rules: Vec<&str> = lab.m.trace().findings.iter().map(|f| f.rule).collect();
        assert_eq!(rules, if found { vec!["accumulate-unstarted"] } else { vec![] }, "{fill} {version:?}");
    }
}

#[test]
fn overwriting_a_partly_written_bank_keeps_the_other_part() {
    let mut lab = Lab::new(Gen::Gen3);
    let (a, b) = (rounded(Dtype::Bf16, &noise(16 * 16, 7)), rounded(Dtype::Bf16, &noise(16 * 32, 8)));
    let (x, y) = (lab.sbuf(Dtype::Bf16, 16, &a), lab.sbuf(Dtype::Bf16, 16, &b));
    let bank = lab.tile(Place::Psum, Dtype::Fp32, 16, 512);
    let left = part(&bank, 512, (0, 16), (0, 32));
    let right = part(&bank, 512, (0, 16), (32, 64));
    lab.run(matmul(&left, &x, &y, None));
    lab.run(matmul(&right, &x, &y, None));
    lab.run(matmul(&left, &x, &y, None));
    let got = lab.get(&bank);
    for (i, (want, _)) in exact(&a, &b, 16, 32).iter().enumerate() {
        let (row, column) = (i / 32, i % 32);
        assert!((f64::from(got[row * 512 + 32 + column]) - want).abs() < 1e-4);
        assert!((f64::from(got[row * 512 + column]) - 2.0 * want).abs() < 1e-4);
    }
}

#[test]
fn double_row_contracts_over_two_rows_of_fp8() {
    let mut lab = Lab::new(Gen::Gen3);
    let (a, b) = (rounded(Dtype::Fp8E4, &noise(128 * 2 * 64, 9)), rounded(Dtype::Fp8E4, &noise(128 * 2 * 96, 10)));
    let (x, y) = (lab.sbuf(Dtype::Fp8E4, 128, &a), lab.sbuf(Dtype::Fp8E4, 128, &b));
    let pair = |v: &View, n: i64| View::new(v.tensor, v.dtype, 0, &[(2 * n, 128), (n, 2), (1, n as u32)]).expect("three dimensions");
    let dst = lab.tile(Place::Psum, Dtype::Fp32, 64, 96);
    lab.run(Op::NcMatmul {
        dst: dst.clone(),
        stationary: pair(&x, 64),
        moving: pair(&y, 96),
        accumulate: None,
        transpose: false,
        double_row: true,
        tile: None,
        one_zero: false,
    });
    // Contraction row (p, r) holds a[p][r][m]: 256 rows in memory order.
    for (got, (want, size)) in lab.get(&dst).iter().zip(exact(&a, &b, 64, 96)) {
        assert!((f64::from(*got) - want).abs() <= size * 1e-6);
    }
}

#[test]
fn transpose_mode_moves_bits_from_trn2_on_and_multiplies_on_trn1() {
    let mut data = noise(32 * 32, 11);
    data[5] = f32::NAN;
    data[40] = f32::INFINITY;
    let mut identity = vec![0.0; 32 * 32];
    (0..32).for_each(|i| identity[i * 33] = 1.0);
    for version in [Gen::Gen2, Gen::Gen3] {
        let mut lab = Lab::new(version);
        let (x, i) = (lab.sbuf(Dtype::Fp32, 32, &data), lab.sbuf(Dtype::Fp32, 32, &identity));
        let dst = lab.tile(Place::Psum, Dtype::Fp32, 32, 32);
        let op = matmul(&dst, &x, &i, None);
        let Op::NcMatmul { dst: d, stationary, moving, .. } = op else { unreachable!() };
        lab.run(Op::NcMatmul {
            dst: d,
            stationary,
            moving,
            accumulate: None,
            transpose: true,
            double_row: false,
            tile: None,
            one_zero: true,
        });
        let got = lab.get(&dst);
        let exact = (0..32 * 32).filter(|k| got[k % 32 * 32 + k / 32].to_bits() == data[*k].to_bits()).count();
        if version == Gen::Gen3 {
            assert_eq!(exact, 32 * 32);
        } else {
            // NaN times zero is NaN: whole rows 5 and 8 of the result are lost.
            assert!(got[5 * 32..6 * 32].iter().all(|v| v.is_nan()) && exact < 32 * 32 - 31);
            assert!(got[8 * 32..9 * 32].iter().filter(|v| v.is_nan()).count() >= 31);
        }
    }
}

#[test]
fn nc_transpose_on_both_engines() {
    for (p, f, place, engine, ran) in [
        (128, 128, Place::Psum, None, Engine::Tensor),
        (32, 20, Place::Sbuf, None, Engine::Vector),
        (30, 32, Place::Psum, Some(Engine::Vector), Engine::Vector),
        (100, 7, Place::Psum, Some(Engine::Tensor), Engine::Tensor),
    ] {
        let mut lab = Lab::new(Gen::Gen3);
        let x = rounded(Dtype::Bf16, &noise(p * f, 12));
        let data = lab.sbuf(Dtype::Bf16, p as u32, &x);
        let dst = lab.tile(place, Dtype::Bf16, f as u32, p as u64);
        let id = lab.run(Op::NcTranspose { dst: dst.clone(), data, engine });
        assert_eq!(lab.m.trace().instrs[id.0 as usize].engine, ran);
        let got = lab.get(&dst);
        assert!((0..p * f).all(|i| got[i % f * p + i / f] == x[i]));
    }
}

#[test]
fn costs_tell_the_scheduler_what_ran() {
    let mut lab = Lab::new(Gen::Gen3);
    let (x, y) = (lab.sbuf(Dtype::Fp32, 64, &noise(64 * 32, 1)), lab.sbuf(Dtype::Fp32, 64, &noise(64 * 200, 2)));
    let dst = lab.tile(Place::Psum, Dtype::Fp32, 32, 200);
    lab.run(matmul(&dst, &x, &y, None));
    let id = lab.run(matmul(&dst, &x, &y, None));
    let i = lab.m.trace().instrs[id.0 as usize];
    assert_eq!((i.cost.k, i.cost.m, i.cost.n, i.engine), (64, 32, 200, Engine::Tensor));
    assert!(i.cost.flags.has(Flags::FP32.with(Flags::ACCUMULATE)) && !i.cost.flags.has(Flags::DOUBLE_ROW));
    // Accumulating reads what it writes.
    assert_eq!((lab.m.trace().reads(&i).len(), lab.m.trace().writes(&i).len()), (3, 1));
}
