//! Fused causal attention of one head, forward and backward (Dao et al. 2022), a row tile of 128 queries at a time.

use crate::kernels::build::{Builder, Tile};
use crate::op::ActFn;
use crate::trace::{Dge, Engine, OpCode, Trace};
use crate::{Dtype, Gen};
use OpCode::{AffineSelect, Reciprocal, ScalarTensorTensor, TensorCopy, TensorReduce, TensorScalar, TensorTensor};

const P: u16 = 128;
const T: u32 = 128;
/// Keys of a PSUM bank of scores.
const BANK: u32 = 512;
/// Keys of which the maximum is taken before anything is rescaled: four banks.
const SECTION: u32 = 2048;
const H: Dtype = Dtype::Bf16;
const F: Dtype = Dtype::Fp32;

/// Widths above the array's 128 rows contract in two passes.
fn halves(width: u32) -> Vec<u16> {
    (0..width.div_ceil(T)).map(|i| (width - i * T).min(T) as u16).collect()
}

/// `[width, seq]` by columns: one tile for each pass of the contraction.
fn by_columns(b: &mut Builder, width: u32, seq: u32) -> Vec<Tile> {
    halves(width)
        .into_iter()
        .map(|p| {
            let t = b.sbuf(p, seq, H);
            b.load(t);
            t
        })
        .collect()
}

/// `[seq, width]` by rows: tiles of 128.
fn by_rows(b: &mut Builder, width: u32, seq: u32) -> Vec<Tile> {
    (0..seq / T)
        .map(|_| {
            let t = b.sbuf(P, width, H);
            b.load(t);
            t
        })
        .collect()
}

fn scores(b: &mut Builder, left: &[Tile], row: u32, right: &[Tile], key: u32) -> Tile {
    let sum = b.psum(P, BANK);
    for (l, r) in left.iter().zip(right) {
        b.matmul(sum, l.cols(row * T, T), r.cols(key, BANK));
    }
    sum
}

/// Turns `[128, 512]` in four pieces through PSUM; copies out by Scalar and Vector in turn.
fn turned(b: &mut Builder, one: Tile, data: Tile, by_scalar: bool) -> Tile {
    let (wide, out) = (b.psum(P, BANK), b.sbuf(P, BANK, H));
    (0..4).for_each(|i| b.transpose(wide.cols(i * T, T), data.cols(i * T, T), one));
    if by_scalar {
        b.scalar(out, wide)
    } else {
        b.vector(TensorCopy, out, &[wide])
    }
    out
}

/// Removes keys after the query: GpSimd reaches SBUF only.
fn mask(b: &mut Builder, tile: Tile) {
    b.run(AffineSelect, Engine::GpSimd, tile, &[tile]);
}

fn identity(b: &mut Builder) -> Tile {
    let one = b.sbuf(P, T, H);
    b.load(one);
    one
}

pub fn forward(version: Gen, seq: u32, width: u32) -> Trace {
    let mut b = Builder::new(version, Dge::Unknown);
    b.line(1);
    let one = identity(&mut b);
    let (q, k) = (by_columns(&mut b, width, seq), by_columns(&mut b, width, seq));
    let v = by_rows(&mut b, width, seq);
    let mut even = version == Gen::Gen2;
    for row in 0..seq / T {
        let last = ((row + 1) * T).div_ceil(BANK) * BANK;
        let [most, sum, scale] = [(); 3].map(|()| b.sbuf(P, 1, F));
        let result = b.sbuf(P, width, F);
        for section in (0..last).step_by(SECTION as usize) {
            let keys: Vec<u32> = (section..last.min(section + SECTION)).step_by(BANK as usize).collect();
            let [high, new, part] = [(); 3].map(|()| b.sbuf(P, 1, F));
            b.line(2);
            let banks: Vec<Tile> = keys.iter().map(|key| scores(&mut b, &q, row, &k, *key)).collect();
            b.line(3);
            // One pass takes the scores out of PSUM and their maximum: generation 2 lets Vector and Scalar at PSUM in turn only.
            let banks: Vec<Tile> = banks
                .into_iter()
                .map(|bank| {
                    let s = b.sbuf(P, BANK, F);
                    b.scale_and_reduce(s, high, bank);
                    s
                })
                .collect();
            b.vector(TensorTensor, new, &[high, most]);
            let product = b.psum(P, width);
            for (key, s) in keys.iter().zip(&banks) {
                let p = b.sbuf(P, BANK, H);
                b.line(4);
                b.act_sum(ActFn::Exp, p, *s, part, new);
                if key + BANK > row * T {
                    mask(&mut b, p);
                }
                b.line(5);
                let turned = turned(&mut b, one, p, even);
                even = version == Gen::Gen2 || !even;
                b.line(6);
                (0..4).for_each(|i| b.matmul(product, turned.cols(i * T, T), v[(key / T + i) as usize]));
            }
            b.line(7);
            b.act(ActFn::Exp, scale, most);
            b.vector(ScalarTensorTensor, sum, &[sum, part]);
            b.vector(ScalarTensorTensor, result, &[product, result]);
            b.vector(TensorCopy, most, &[new]);
        }
        b.line(8);
        let (inverse, out) = (b.sbuf(P, 1, F), b.sbuf(P, width, H));
        b.vector(Reciprocal, inverse, &[sum]);
        b.vector(TensorScalar, out, &[result, inverse]);
        b.line(9);
        b.store(out);
    }
    b.finish()
}

pub fn backward(version: Gen, seq: u32, width: u32) -> Trace {
    let mut b = Builder::new(version, Dge::Unknown);
    b.line(1);
    let one = identity(&mut b);
    let [qt, kt, vt, dt] = [(); 4].map(|()| by_columns(&mut b, width, seq));
    let [q, k, d] = [(); 3].map(|()| by_rows(&mut b, width, seq));
    // Row sums of output times its gradient, and the forward pass's log-sums.
    let rows: Vec<(Tile, Tile, Tile)> = d
        .iter()
        .map(|d| {
            let (o, delta, log) = (b.sbuf(P, width, H), b.sbuf(P, 1, F), b.sbuf(P, 1, F));
            b.load(o);
            b.load(log);
            b.line(2);
            let product = b.sbuf(P, width, F);
            b.vector(TensorTensor, product, &[*d, o]);
            b.vector(TensorReduce, delta, &[product]);
            (delta, log, b.sbuf(P, width, F))
        })
        .collect();
    let mut even = version == Gen::Gen2;
    for key in (0..seq).step_by(BANK as usize) {
        let pieces: Vec<(Tile, Tile)> = (0..4).map(|_| (b.psum(P, width), b.psum(P, width))).collect();
        for row in key / T..seq / T {
            let (delta, log, dq) = rows[row as usize];
            b.line(3);
            let s = scores(&mut b, &qt, row, &kt, key);
            let g = scores(&mut b, &dt, row, &vt, key);
            b.line(4);
            let (p, ds) = (b.sbuf(P, BANK, H), b.sbuf(P, BANK, H));
            b.act_with(ActFn::Exp, p, s, log);
            if key + BANK > row * T {
                mask(&mut b, p);
            }
            b.line(5);
            b.vector(ScalarTensorTensor, ds, &[g, p, delta]);
            b.line(6);
            for (i, (dv, dk)) in pieces.iter().enumerate() {
                let i = i as u32 * T;
                b.matmul(*dv, p.cols(i, T), d[row as usize]);
                b.matmul(*dk, ds.cols(i, T), q[row as usize]);
            }
            b.line(7);
            let turned = turned(&mut b, one, ds, even);
            even = version == Gen::Gen2 || !even;
            b.line(8);
            let part = b.psum(P, width);
            (0..4).for_each(|i| b.matmul(part, turned.cols(i * T, T), k[(key / T + i) as usize]));
            b.vector(TensorTensor, dq, &[part, dq]);
        }
        for (dv, dk) in pieces {
            b.line(9);
            let (v, k) = (b.sbuf(P, width, H), b.sbuf(P, width, H));
            b.scalar(v, dv);
            b.scalar(k, dk);
            b.store(v);
            b.store(k);
        }
    }
    for (_, _, dq) in rows {
        b.line(10);
        let out = b.sbuf(P, width, H);
        b.vector(TensorCopy, out, &[dq]);
        b.store(out);
    }
    b.finish()
}
