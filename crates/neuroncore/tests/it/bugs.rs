//! Kernels with a bug that the hardware would show, each caught; and the same kernels without it, in which nothing is found.

use secondsource_neuroncore::check::{capacity, check};
use secondsource_neuroncore::op::*;
use secondsource_neuroncore::*;

use crate::copies::dma;
use crate::support::{Lab, noise, part};

fn rules(lab: &Lab) -> Vec<&'static str> {
    check(&lab.m).iter().map(|f| f.rule).collect()
}

/// Runs a kernel twice: without its bug nothing is found, with it exactly `rule`.
fn caught(rule: &str, kernel: impl Fn(bool) -> Lab) {
    let good = kernel(false);
    assert!(check(&good.m).is_empty(), "{rule}: found in the correct kernel: {:?}", check(&good.m));
    let bad = kernel(true);
    assert_eq!(rules(&bad), [rule]);
    let f = &check(&bad.m)[0];
    assert!(f.line > 0 && f.hint.is_some() && !f.message.ends_with('.'), "{f:?}");
}

fn at(lab: &mut Lab, place: Place, rows: u32, row: u64, address: (u32, u32), name: &str) -> View {
    let t = lab
        .m
        .alloc(Allocation {
            core: 0,
            place,
            dtype: Dtype::Fp32,
            rows,
            row_elements: row,
            address: Some(address),
            name: name.into(),
            line: SourceLine { file: 0, line: 1000 },
        })
        .expect("fits");
    lab.m.whole(t).expect("live")
}

fn set(dst: &View, value: f64) -> Op {
    Op::Memset { dst: dst.clone(), value, engine: None }
}

fn copy(dst: &View, src: &View) -> Op {
    Op::TensorCopy { dst: dst.clone(), src: src.clone(), engine: None }
}

#[test]
fn explicit_tiles_that_overlap_while_both_live() {
    caught("overlap-live", |bug| {
        let mut lab = Lab::new(Gen::Gen3);
        let out = lab.tile(Place::Sbuf, Dtype::Fp32, 128, 64);
        let weights = at(&mut lab, Place::Sbuf, 128, 64, (0, 0), "weights");
        // One word too low, in the lower partitions only.
        let bias = at(&mut lab, Place::Sbuf, 32, 16, (96, if bug { 252 } else { 256 }), "bias");
        lab.run(set(&weights, 1.0));
        lab.run(set(&bias, 2.0));
        lab.run(copy(&out, &weights));
        lab
    });
    // Reuse of an address after the last read of the first tile is fine, and so are ping-pong buffers.
    let mut lab = Lab::new(Gen::Gen3);
    let out = lab.tile(Place::Sbuf, Dtype::Fp32, 64, 64);
    for i in 0..6 {
        let t = at(&mut lab, Place::Sbuf, 64, 64, (0, 256 * (i % 2)), "buffer");
        lab.run(set(&t, f64::from(i)));
        lab.run(copy(&out, &t));
    }
    assert!(rules(&lab).is_empty());
}

#[test]
fn a_message_names_both_tiles() {
    let mut lab = Lab::new(Gen::Gen3);
    let out = lab.tile(Place::Sbuf, Dtype::Fp32, 8, 8);
    let (a, b) = (at(&mut lab, Place::Sbuf, 8, 8, (0, 0), "k_tile"), at(&mut lab, Place::Sbuf, 8, 8, (0, 16), "v_tile"));
    lab.run(set(&a, 1.0));
    lab.run(set(&b, 1.0));
    lab.run(copy(&out, &a));
    let f = &check(&lab.m)[0];
    assert_eq!(f.message, "tensor_copy reads `k_tile` after `v_tile` was written over part of it");
    let line = |i: u32| lab.m.trace().lines[i as usize].line;
    assert_eq!((line(f.line), f.other.map(line)), (3, Some(2)));
}

#[test]
fn reads_of_what_was_never_written() {
    caught("read-unwritten", |bug| {
        let mut lab = Lab::new(Gen::Gen2);
        let x = lab.hbm(Dtype::Fp32, &noise(32 * 64, 1));
        let tile = lab.tile(Place::Sbuf, Dtype::Fp32, 32, 64);
        let out = lab.tile(Place::Sbuf, Dtype::Fp32, 32, 64);
        // The last column is never loaded.
        let n = if bug { 63 } else { 64 };
        let src = View::new(x.tensor, x.dtype, 0, &[(64, 32), (1, n)]).expect("two dimensions");
        lab.run(dma(&part(&tile, 64, (0, 32), (0, n)), &src));
        lab.run(copy(&out, &tile));
        lab
    });
    // Written in two interleaved halves, then read whole: complete.
    let mut lab = Lab::new(Gen::Gen3);
    let tile = lab.tile(Place::Sbuf, Dtype::Bf16, 16, 32);
    let out = lab.tile(Place::Sbuf, Dtype::Bf16, 16, 32);
    for first in 0..2 {
        let half = View::new(tile.tensor, tile.dtype, first, &[(32, 16), (2, 16)]).expect("two dimensions");
        lab.run(set(&half, 1.0));
    }
    lab.run(copy(&out, &tile));
    assert!(rules(&lab).is_empty());
}

#[test]
fn accumulation_that_nothing_started() {
    caught("accumulate-unstarted", |bug| {
        let mut lab = Lab::new(Gen::Gen3);
        let (x, y) = (lab.sbuf(Dtype::Bf16, 128, &noise(128 * 64, 1)), lab.sbuf(Dtype::Bf16, 128, &noise(128 * 64, 2)));
        let sum = lab.tile(Place::Psum, Dtype::Fp32, 64, 64);
        if bug {
            lab.run(set(&sum, 0.0));
        }
        for i in 0..4 {
            lab.run(Op::NcMatmul {
                dst: sum.clone(),
                stationary: x.clone(),
                moving: y.clone(),
                accumulate: Some(bug || i > 0),
                transpose: false,
                double_row: false,
                tile: None,
                one_zero: false,
            });
        }
        lab
    });
}

/// Two cores, each fills half of a shared tensor and reads all of it.
fn halves(barrier: bool, overlap: bool) -> Lab {
    let mut lab = Lab::with(Gen::Gen3, 1, 2);
    let shared = lab.tile_hbm(Dtype::Fp32, 256);
    for core in 0..2u16 {
        let tile = lab.tile_on(core, Place::Sbuf, Dtype::Fp32, 16, 8);
        lab.try_on(core, set(&tile, f64::from(core))).expect("legal");
        let first = if overlap && core == 1 { 120 } else { 128 * i64::from(core) };
        let half = View::new(shared.tensor, shared.dtype, first, &[(8, 16), (1, 8)]).expect("two dimensions");
        lab.try_on(core, dma(&half, &tile)).expect("legal");
        if barrier {
            lab.try_on(core, Op::CoreBarrier { data: Some(shared.clone()), engine: None }).expect("posted");
        }
    }
    if !overlap {
        for core in 0..2u16 {
            let all = lab.tile_on(core, Place::Sbuf, Dtype::Fp32, 16, 16);
            lab.try_on(core, dma(&all, &shared)).expect("legal");
        }
    }
    lab
}

#[test]
fn two_cores_without_a_barrier() {
    assert_eq!(check(&halves(true, false).m), []);
    let lab = halves(false, false);
    let found = check(&lab.m);
    assert!(!found.is_empty() && found.iter().all(|f| f.rule == "missing-barrier"), "{found:?}");
    // Both write one row, before any barrier.
    assert_eq!(rules(&halves(true, true)), ["missing-barrier"]);
}

#[test]
fn columns_of_one_matrix_by_two_cores_are_no_race() {
    let mut lab = Lab::with(Gen::Gen3, 1, 2);
    let shared = lab.tile_hbm(Dtype::Fp32, 64 * 32);
    for core in 0..2u16 {
        let tile = lab.tile_on(core, Place::Sbuf, Dtype::Fp32, 64, 16);
        lab.try_on(core, set(&tile, 1.0)).expect("legal");
        let half = View::new(shared.tensor, shared.dtype, 16 * i64::from(core), &[(32, 64), (1, 16)]).expect("two dimensions");
        lab.try_on(core, dma(&half, &tile)).expect("legal");
    }
    assert!(rules(&lab).is_empty());
}

#[test]
fn a_core_that_never_comes_to_the_barrier() {
    let mut lab = Lab::with(Gen::Gen3, 1, 2);
    lab.try_on(0, Op::CoreBarrier { data: None, engine: None }).expect("posted");
    assert_eq!(rules(&lab), ["barrier-unmet"]);
}

#[test]
fn more_than_the_memory_holds() {
    for (version, place, tiles, fits) in [
        (Gen::Gen2, Place::Sbuf, 3, true),
        (Gen::Gen2, Place::Sbuf, 4, false),
        (Gen::Gen3, Place::Sbuf, 4, false),
        (Gen::Gen4, Place::Sbuf, 4, true),
    ] {
        let mut lab = Lab::new(version);
        let views: Vec<View> = (0..tiles).map(|_| lab.tile(place, Dtype::Fp32, 128, 16 * 1024)).collect();
        for v in &views {
            lab.run(set(v, 1.0));
        }
        for v in &views {
            lab.run(copy(&part(v, 16 * 1024, (0, 128), (0, 8)), &part(v, 16 * 1024, (0, 128), (8, 16))));
        }
        assert_eq!(rules(&lab).is_empty(), fits, "{version:?} {tiles}");
        if !fits {
            let f = &check(&lab.m)[0];
            assert!(f.rule == "capacity" && f.hint.as_ref().is_some_and(|h| h.matches("65536 x 128").count() == tiles), "{f:?}");
        }
    }
    // One after the other they share the room, and short tiles stand beside each other.
    let mut lab = Lab::new(Gen::Gen2);
    for _ in 0..8 {
        let v = lab.tile(Place::Sbuf, Dtype::Fp32, 128, 16 * 1024);
        lab.run(set(&v, 1.0));
    }
    let short: Vec<View> = (0..8).map(|_| lab.tile(Place::Sbuf, Dtype::Fp32, 32, 16 * 1024)).collect();
    for v in short.iter().chain(&short) {
        lab.run(set(v, 1.0));
    }
    assert!(rules(&lab).is_empty());
    let usage = capacity(lab.m.trace(), lab.m.tensors(), lab.m.generation());
    assert_eq!((usage.len(), usage[0].peak, usage[0].limit), (1, 2 * 65_536, 192 * 1024));
}

#[test]
fn explicit_addresses_count_by_the_bytes_that_they_take() {
    // A stack from below and a heap from above, together 192 of 224 KiB, and 32 KiB without an address.
    let run = |extra: u64| {
        let mut lab = Lab::new(Gen::Gen3);
        let low = at(&mut lab, Place::Sbuf, 128, 24 * 1024, (0, 0), "low");
        let high = at(&mut lab, Place::Sbuf, 128, 24 * 1024, (0, 128 * 1024), "high");
        let alias = at(&mut lab, Place::Sbuf, 128, 1024, (0, 0), "alias");
        let free = lab.tile(Place::Sbuf, Dtype::Fp32, 128, extra);
        for v in [&low, &high, &alias, &free, &low, &high, &alias, &free] {
            lab.run(set(v, 0.0));
        }
        rules(&lab)
    };
    assert!(run(8 * 1024).is_empty());
    assert_eq!(run(8 * 1024 + 1), ["capacity"]);
}
