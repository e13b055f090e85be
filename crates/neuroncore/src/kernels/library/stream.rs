//! Kernels that pass their data once: norms, embeddings, gates, losses, the optimizer, expert dispatch.

use crate::kernels::build::{Builder, Tile};
use crate::op::ActFn;
use crate::trace::{Dge, OpCode, Trace};
use crate::{Dtype, Gen};
use OpCode::{Reciprocal, ScalarTensorTensor, TensorReduce, TensorScalar, TensorTensor};

const P: u16 = 128;
const H: Dtype = Dtype::Bf16;
const F: Dtype = Dtype::Fp32;
/// Columns of a tile: long enough that fixed times hide, short enough for several tiles in SBUF.
const PIECE: u32 = 4096;

fn loaded(b: &mut Builder, width: u32, dtype: Dtype) -> Tile {
    let t = b.sbuf(P, width, dtype);
    b.load(t);
    t
}

/// Columns in pieces of at most [`PIECE`].
fn pieces(width: u32) -> impl Iterator<Item = u32> {
    (0..width).step_by(PIECE as usize).map(move |c| PIECE.min(width - c))
}

/// `rows` / 128 times.
fn tiles(rows: u32) -> std::ops::Range<u32> {
    0..(rows / u32::from(P)).max(1)
}

pub fn rms_norm(version: Gen, rows: u32, width: u32) -> Trace {
    let mut b = Builder::new(version, Dge::Unknown);
    b.line(1);
    let gain: Vec<Tile> = pieces(width).map(|w| loaded(&mut b, w, H)).collect();
    for _ in tiles(rows) {
        let (sum, root) = (b.sbuf(P, 1, F), b.sbuf(P, 1, F));
        let sums: Vec<Tile> = pieces(width)
            .map(|w| {
                b.line(2);
                let (x, r, y, square) = (loaded(&mut b, w, H), loaded(&mut b, w, H), b.sbuf(P, w, H), b.sbuf(P, w, H));
                b.line(3);
                b.vector(TensorTensor, y, &[x, r]);
                b.act_sum(ActFn::Square, square, y, sum, sum);
                b.line(4);
                b.store(y);
                y
            })
            .collect();
        b.line(5);
        b.act(ActFn::Rsqrt, root, sum);
        for (y, g) in sums.into_iter().zip(&gain) {
            let (scaled, out) = (b.sbuf(P, y.elements(), H), b.sbuf(P, y.elements(), H));
            b.line(6);
            b.vector(TensorScalar, scaled, &[y, root]);
            b.vector(TensorTensor, out, &[scaled, *g]);
            b.line(7);
            b.store(out);
        }
    }
    b.finish()
}

pub fn rotary(version: Gen, rows: u32, width: u32) -> Trace {
    let mut b = Builder::new(version, Dge::Unknown);
    for _ in tiles(rows) {
        b.line(1);
        // One pair of angle rows for all heads, read again along the free dimension.
        let (cos, sin) = (loaded(&mut b, 64, H), loaded(&mut b, 64, H));
        for w in pieces(width) {
            b.line(2);
            let (x, out) = (loaded(&mut b, w, H), b.sbuf(P, w, H));
            let half = w / 2;
            let (even, odd) = (x.cols(0, half), x.cols(half, half));
            let [ec, os, oc, es] = [(); 4].map(|()| b.sbuf(P, half, H));
            b.line(3);
            b.vector(TensorTensor, ec, &[even, cos]);
            b.vector(TensorTensor, os, &[odd, sin]);
            b.vector(TensorTensor, oc, &[odd, cos]);
            b.vector(TensorTensor, es, &[even, sin]);
            b.line(4);
            b.vector(TensorTensor, out.cols(0, half), &[ec, os]);
            b.vector(TensorTensor, out.cols(half, half), &[oc, es]);
            b.line(5);
            b.store(out);
        }
    }
    b.finish()
}

pub fn swiglu(version: Gen, rows: u32, width: u32) -> Trace {
    let mut b = Builder::new(version, Dge::Unknown);
    for _ in tiles(rows) {
        for w in pieces(width) {
            b.line(1);
            let (gate, up) = (loaded(&mut b, w, H), loaded(&mut b, w, H));
            let (silu, out) = (b.sbuf(P, w, H), b.sbuf(P, w, H));
            b.line(2);
            b.act(ActFn::Silu, silu, gate);
            b.line(3);
            b.vector(TensorTensor, out, &[silu, up]);
            b.line(4);
            b.store(out);
        }
    }
    b.finish()
}

pub fn softmax(version: Gen, rows: u32, width: u32) -> Trace {
    let mut b = Builder::new(version, Dge::Unknown);
    for _ in tiles(rows) {
        let [most, sum, inverse] = [(); 3].map(|()| b.sbuf(P, 1, F));
        b.line(1);
        let x: Vec<Tile> = pieces(width).map(|w| loaded(&mut b, w, H)).collect();
        b.line(2);
        x.iter().for_each(|x| b.vector(TensorReduce, most, &[*x]));
        let e: Vec<Tile> = x
            .iter()
            .map(|x| {
                let e = b.sbuf(P, x.elements(), H);
                b.line(3);
                b.act_sum(ActFn::Exp, e, *x, sum, most);
                e
            })
            .collect();
        b.line(4);
        b.vector(Reciprocal, inverse, &[sum]);
        for e in e {
            let out = b.sbuf(P, e.elements(), H);
            b.vector(TensorScalar, out, &[e, inverse]);
            b.line(5);
            b.store(out);
        }
    }
    b.finish()
}

pub fn cross_entropy(version: Gen, rows: u32, width: u32) -> Trace {
    let mut b = Builder::new(version, Dge::Unknown);
    for _ in tiles(rows) {
        let [most, sum, inverse] = [(); 3].map(|()| b.sbuf(P, 1, F));
        // A row of logits is longer than a partition: it passes twice, with a running maximum.
        for w in pieces(width) {
            b.line(1);
            let x = loaded(&mut b, w, H);
            let (high, scale, e) = (b.sbuf(P, 1, F), b.sbuf(P, 1, F), b.sbuf(P, w, H));
            b.line(2);
            b.vector(TensorReduce, high, &[x]);
            b.vector(TensorTensor, most, &[most, high]);
            b.line(3);
            b.act(ActFn::Exp, scale, most);
            b.act_sum(ActFn::Exp, e, x, sum, most);
            b.vector(ScalarTensorTensor, sum, &[sum, scale]);
        }
        b.line(4);
        b.vector(Reciprocal, inverse, &[sum]);
        for w in pieces(width) {
            b.line(5);
            let x = loaded(&mut b, w, H);
            let (e, out) = (b.sbuf(P, w, H), b.sbuf(P, w, H));
            b.line(6);
            b.act_with(ActFn::Exp, e, x, most);
            b.line(7);
            b.vector(TensorScalar, out, &[e, inverse]);
            b.line(8);
            b.store(out);
        }
    }
    b.finish()
}

pub fn adamw(version: Gen, rows: u32, width: u32) -> Trace {
    let mut b = Builder::new(version, Dge::Unknown);
    // Eleven fp32 tiles at once.
    let piece = 1024.min(width);
    for _ in tiles(rows) {
        for _ in 0..(width / piece).max(1) {
            b.line(1);
            let [weight, grad, m, v] = [(); 4].map(|()| loaded(&mut b, piece, F));
            let [square, second, root, first, step, out] = [(); 6].map(|()| b.sbuf(P, piece, F));
            let copy = b.sbuf(P, piece, H);
            b.line(2);
            b.act(ActFn::Square, square, grad);
            b.line(3);
            b.vector(ScalarTensorTensor, second, &[v, square]);
            b.line(4);
            b.act(ActFn::Rsqrt, root, second);
            b.line(5);
            b.vector(ScalarTensorTensor, first, &[m, grad]);
            b.line(6);
            b.vector(ScalarTensorTensor, step, &[first, root]);
            b.line(7);
            b.vector(ScalarTensorTensor, out, &[weight, step]);
            b.line(8);
            b.scalar(copy, out);
            b.line(9);
            [second, first, out, copy].into_iter().for_each(|t| b.store(t));
        }
    }
    b.finish()
}

pub fn dispatch(version: Gen, rows: u32, width: u32) -> Trace {
    let mut b = Builder::new(version, Dge::Software);
    for _ in tiles(rows) {
        b.line(1);
        let t = b.sbuf(P, width, H);
        b.gather(t);
        b.line(2);
        b.store(t);
    }
    b.finish()
}
