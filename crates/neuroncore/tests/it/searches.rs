//! Searches, on the examples that the documentation works out and on sorted references.

use secondsource_neuroncore::op::*;
use secondsource_neuroncore::*;

use crate::support::{Lab, noise, rounded};

#[test]
fn eight_largest_and_their_places() {
    let mut lab = Lab::new(Gen::Gen3);
    let x = noise(6 * 90, 1);
    let data = lab.sbuf(Dtype::Fp32, 6, &x);
    let vals = lab.tile(Place::Sbuf, Dtype::Fp32, 6, 8);
    let at = lab.tile(Place::Sbuf, Dtype::U32, 6, 8);
    lab.run(Op::Max8 { dst: vals.clone(), src: data.clone() });
    lab.run(Op::NcFindIndex8 { dst: at.clone(), data, vals: vals.clone() });
    let (v, i) = (lab.get(&vals), lab.get(&at));
    for row in 0..6 {
        let mut sorted = x[row * 90..(row + 1) * 90].to_vec();
        sorted.sort_by(|a, b| b.total_cmp(a));
        assert_eq!(v[row * 8..row * 8 + 8], sorted[..8]);
        assert!((0..8).all(|k| x[row * 90 + i[row * 8 + k] as usize] == sorted[k]));
    }
}

/// The worked example of the documentation: equal values are paired from the last slot up.
#[test]
fn match_replace_pairs_duplicates_in_falling_order_and_find_in_rising() {
    let mut lab = Lab::new(Gen::Gen3);
    let data = lab.sbuf(Dtype::Fp32, 1, &[1.0, 2.0, 3.0, 4.0, 8.0, 8.0, 8.0, 8.0, 8.0, 8.0, 8.0]);
    let vals = lab.sbuf(Dtype::Fp32, 1, &[3.0, 8.0, 8.0, 8.0, 8.0, 8.0, 8.0, 8.0]);
    let (dst, idx) = (lab.tile(Place::Sbuf, Dtype::Fp32, 1, 11), lab.tile(Place::Sbuf, Dtype::U32, 1, 8));
    lab.run(Op::NcMatchReplace8 { dst: dst.clone(), data: data.clone(), vals: vals.clone(), imm: -1.0, dst_idx: Some(idx.clone()) });
    assert_eq!(lab.get(&idx), [2.0, 10.0, 9.0, 8.0, 7.0, 6.0, 5.0, 4.0]);
    assert_eq!(lab.get(&dst), [1.0, 2.0, -1.0, 4.0, -1.0, -1.0, -1.0, -1.0, -1.0, -1.0, -1.0]);
    lab.run(Op::NcFindIndex8 { dst: idx.clone(), data: data.clone(), vals });
    assert_eq!(lab.get(&idx), [2.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0]);
    // What is not there is all ones.
    let absent = lab.sbuf(Dtype::Fp32, 1, &[77.0; 8]);
    let short = lab.tile(Place::Sbuf, Dtype::U16, 1, 8);
    lab.run(Op::NcFindIndex8 { dst: short.clone(), data, vals: absent });
    assert_eq!(lab.get(&short), [65_535.0; 8]);
}

/// The worked example of the documentation.
#[test]
fn nonzero_with_count() {
    let mut lab = Lab::new(Gen::Gen3);
    let mut x = vec![0.0; 32 * 8];
    for row in [0, 16] {
        x[row * 8..row * 8 + 8].copy_from_slice(&[0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0]);
    }
    let src = lab.sbuf(Dtype::Fp32, 32, &x);
    let dst = lab.sbuf(Dtype::I32, 32, &[55.0; 32 * 9]);
    lab.run(Op::NonzeroWithCount { dst: dst.clone(), src, index_offset: 16, padding: -1 });
    let got = lab.get(&dst);
    for row in 0..32 {
        let want = if row % 16 == 0 { [17.0, 18.0, 21.0, -1.0, -1.0, -1.0, -1.0, -1.0, 3.0] } else { [55.0; 9] };
        assert_eq!(got[row * 9..row * 9 + 9], want, "partition {row}");
    }
}

/// The worked example of the documentation.
#[test]
fn sequence_bounds() {
    let mut lab = Lab::new(Gen::Gen3);
    let ids = lab.sbuf(Dtype::I32, 1, &[0.0, 1.0, 1.0, 2.0, 2.0, 2.0, 0.0, 3.0, 3.0]);
    let dst = lab.tile(Place::Sbuf, Dtype::I32, 1, 18);
    lab.run(Op::SequenceBounds { dst: dst.clone(), segment_ids: ids });
    assert_eq!(lab.get(&dst), [9.0, 1.0, 1.0, 3.0, 3.0, 3.0, 9.0, 7.0, 7.0, -1.0, 3.0, 3.0, 6.0, 6.0, 6.0, -1.0, 9.0, 9.0]);
}

#[test]
fn topk_of_a_snake_of_sixteen_partitions() {
    let mut lab = Lab::new(Gen::Gen3);
    let x = rounded(Dtype::Bf16, &noise(16 * 3, 4));
    let src = lab.sbuf(Dtype::Bf16, 16, &x);
    let (val, idx) = (lab.tile(Place::Sbuf, Dtype::Bf16, 16, 5), lab.tile(Place::Sbuf, Dtype::U32, 16, 5));
    lab.run(Op::Topk { val_dst: val.clone(), idx_dst: idx.clone(), src, n: 42 });
    let snake: Vec<f32> = (0..42).map(|i| x[i % 16 * 3 + i / 16]).collect();
    let mut sorted = snake.clone();
    sorted.sort_by(f32::total_cmp);
    let (v, i) = (lab.get(&val), lab.get(&idx));
    assert_eq!(v[..5], sorted[37..]);
    assert!((0..5).all(|k| snake[i[k] as usize] == v[k]));
}
