//! Block formats of generation 4.

use secondsource_neuroncore::convert::{decode_one, from_e8m0};
use secondsource_neuroncore::op::*;
use secondsource_neuroncore::*;

use crate::support::{Lab, noise, rounded};

/// Quantises `[p, 4 c]` and gives the tiles with the values that they stand for.
fn quantize(lab: &mut Lab, dtype: Dtype, p: usize, c: usize, seed: u64, spread: f32) -> (View, View, Vec<f32>, Vec<f32>) {
    let x: Vec<f32> = noise(p * c * 4, seed).iter().enumerate().map(|(i, v)| v * spread.powi((i % 7) as i32 - 3)).collect();
    let x = rounded(Dtype::Bf16, &x);
    let src = lab.sbuf(Dtype::Bf16, p as u32, &x);
    let dst = lab.tile(Place::Sbuf, dtype, p as u32, c as u64);
    let rows = if p > 32 { p } else { p / 8 };
    let scale = lab.tile(Place::Sbuf, Dtype::E8M0, rows as u32, c as u64);
    lab.run(Op::QuantizeMx { dst: dst.clone(), src, dst_scale: scale.clone() });
    let one = if dtype == Dtype::Fp8E5X4 { Dtype::Fp8E5 } else { Dtype::Fp8E4Fn };
    let (bytes, scales) = (lab.m.read(dst.tensor), lab.m.read(scale.tensor));
    let meant = (0..p * c * 4).map(|i| {
        let (row, column) = (i / (4 * c), i % (4 * c) / 4);
        let group = row / 8;
        let at = if p > 32 { group / 4 * 32 + group % 4 } else { group };
        decode_one(one, &bytes[i..=i]) * from_e8m0(scales[at * c + column])
    });
    let meant: Vec<f32> = meant.collect();
    (dst, scale, x, meant)
}

#[test]
fn each_group_has_the_documented_scale_and_keeps_its_precision() {
    for (dtype, largest, bits) in [(Dtype::Fp8E4FnX4, 8, 4), (Dtype::Fp8E5X4, 15, 3)] {
        for p in [32, 128] {
            let mut lab = Lab::new(Gen::Gen4);
            let (_, scale, x, meant) = quantize(&mut lab, dtype, p, 6, 1, 3.0);
            let scales = lab.m.read(scale.tensor);
            for g in 0..p / 8 {
                for c in 0..6 {
                    let amax = (0..32).map(|i| x[(g * 8 + i / 4) * 24 + c * 4 + i % 4].abs()).fold(0.0, f32::max);
                    let at = if p > 32 { g / 4 * 32 + g % 4 } else { g };
                    let want = amax.log2().floor() as i32 - (largest - 1) + 127;
                    assert_eq!(i32::from(scales[at * 6 + c]), want);
                    for i in 0..32 {
                        let k = (g * 8 + i / 4) * 24 + c * 4 + i % 4;
                        // Half a unit of the format at the value, or of its smallest step below the group's maximum.
                        let bound = (x[k].abs() * 2f32.powi(-bits)).max(amax * 2f32.powi(-14));
                        assert!((meant[k] - x[k]).abs() <= bound, "{dtype:?}: {} became {}", x[k], meant[k]);
                    }
                }
            }
        }
    }
}

#[test]
fn the_older_rule_has_no_headroom_and_saturates() {
    // 480 lies above the largest e4m3fn (448): 2^0 is the scale of the sample algorithm, 2^1 the scale with room.
    for (rule, code, first) in [(MxScale::Sample, 127, 448.0), (MxScale::Headroom, 128, 240.0)] {
        let mut lab = Lab::new(Gen::Gen4);
        lab.m.set_mx_scale(rule);
        let mut x = [1.0; 32 * 4];
        (x[0], x[1]) = (480.0, -480.0);
        let src = lab.sbuf(Dtype::Bf16, 32, &x);
        let (dst, scale) = (lab.tile(Place::Sbuf, Dtype::Fp8E4FnX4, 32, 1), lab.tile(Place::Sbuf, Dtype::U8, 4, 1));
        lab.run(Op::QuantizeMx { dst: dst.clone(), src, dst_scale: scale.clone() });
        let bytes = lab.m.read(dst.tensor);
        let value = |i: usize| decode_one(Dtype::Fp8E4Fn, &bytes[i..=i]);
        assert_eq!((value(0), value(1), lab.m.read(scale.tensor)[0]), (first, -first, code));
        // Groups without large values: 2^-8 or 2^-7, and 1 divided by it.
        assert_eq!((lab.m.read(scale.tensor)[1], value(127)), (code - 8, if code == 127 { 256.0 } else { 128.0 }));
    }
}

#[test]
fn unused_rows_of_the_scales_are_zero_and_those_of_others_stay() {
    let mut lab = Lab::new(Gen::Gen4);
    let src = lab.sbuf(Dtype::Bf16, 64, &[1.0; 64 * 4]);
    let (dst, scale) = (lab.tile(Place::Sbuf, Dtype::Fp8E4FnX4, 64, 1), lab.tile(Place::Sbuf, Dtype::U8, 64, 1));
    let mut before = lab.m.read(scale.tensor);
    before[5] = 99;
    lab.m.write(scale.tensor, &before).expect("right size");
    lab.run(Op::QuantizeMx { dst, src, dst_scale: scale.clone() });
    let mut want = [0; 64];
    for group in [0, 1, 2, 3, 32, 33, 34, 35] {
        want[group] = 120;
    }
    want[5] = 99;
    assert_eq!(lab.m.read(scale.tensor), want);
}

#[test]
fn a_group_of_zeros_has_the_smallest_scale() {
    let mut lab = Lab::new(Gen::Gen4);
    let src = lab.sbuf(Dtype::Fp16, 32, &[0.0; 32 * 4]);
    let (dst, scale) = (lab.tile(Place::Sbuf, Dtype::Fp8E4FnX4, 32, 1), lab.tile(Place::Sbuf, Dtype::U8, 4, 1));
    lab.run(Op::QuantizeMx { dst: dst.clone(), src, dst_scale: scale.clone() });
    assert_eq!((lab.m.read(dst.tensor), lab.m.read(scale.tensor)), (vec![0; 128], vec![0; 4]));
}

#[test]
fn the_matmul_undoes_the_quantisation() {
    for (da, db, p) in [(Dtype::Fp8E4FnX4, Dtype::Fp8E5X4, 128), (Dtype::Fp8E4FnX4, Dtype::Fp8E4FnX4, 32)] {
        let mut lab = Lab::new(Gen::Gen4);
        let (a, sa, _, x) = quantize(&mut lab, da, p, 10, 1, 2.0);
        let (b, sb, _, y) = quantize(&mut lab, db, p, 37, 2, 2.0);
        let dst = lab.tile(Place::Psum, Dtype::Fp32, 10, 37);
        let op = Op::NcMatmulMx {
            dst: dst.clone(),
            stationary: a,
            moving: b,
            stationary_scale: sa,
            moving_scale: sb,
            accumulate: None,
            tile: None,
        };
        lab.run(op.clone());
        lab.run(op);
        for (k, got) in lab.get(&dst).iter().enumerate() {
            let (m, n) = (k / 37, k % 37);
            let terms = (0..p * 4).map(|i| f64::from(x[i / 4 * 40 + m * 4 + i % 4]) * f64::from(y[i / 4 * 148 + n * 4 + i % 4]));
            let (sum, size) = terms.fold((0.0, 0.0), |(s, a), t| (s + t, a + t.abs()));
            assert!((f64::from(*got) - 2.0 * sum).abs() <= size * 1e-5, "{got} {}", 2.0 * sum);
        }
    }
}

#[test]
fn packed_fp4_is_four_codes_in_16_bits() {
    let mut lab = Lab::new(Gen::Gen4);
    // Codes 1, 2, 3, 4 (0.5, 1, 1.5, 2) in every element against ones: each partition adds 5.
    let fill = |lab: &mut Lab, code: u16, n: u32| {
        let t = lab.tile(Place::Sbuf, Dtype::Fp4X4, 32, u64::from(n));
        lab.m.write(t.tensor, &code.to_le_bytes().repeat(32 * n as usize)).expect("right size");
        t
    };
    let (a, b) = (fill(&mut lab, 0x4321, 2), fill(&mut lab, 0x2222, 3));
    let scale = |lab: &mut Lab, n: usize, code: u8| {
        let t = lab.tile(Place::Sbuf, Dtype::E8M0, 4, n as u64);
        lab.m.write(t.tensor, &vec![code; 4 * n]).expect("right size");
        t
    };
    let (sa, sb) = (scale(&mut lab, 2, 128), scale(&mut lab, 3, 126));
    let dst = lab.tile(Place::Psum, Dtype::Bf16, 2, 3);
    lab.run(Op::NcMatmulMx {
        dst: dst.clone(),
        stationary: a,
        moving: b,
        stationary_scale: sa,
        moving_scale: sb,
        accumulate: Some(false),
        tile: None,
    });
    // 32 partitions x 5, times 2 and a half from the scales.
    assert_eq!(lab.get(&dst), [160.0; 6]);
}
