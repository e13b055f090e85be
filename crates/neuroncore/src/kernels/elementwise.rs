//! Kernels bound by Vector, Scalar or memory.

use super::build::{Builder, Tile};
use crate::op::ActFn;
use crate::trace::{Dge, Engine, OpCode, Trace};
use crate::{Dtype, Gen};

const P: u16 = 128;
const F: Dtype = Dtype::Fp32;
use OpCode::{Reciprocal, ScalarTensorTensor, TensorCopy, TensorScalar, TensorTensor};

/// `x / (1 + exp(-x))` in tiles of `chunk` columns, computed 512 at a time as NKIBench's baseline does.
pub fn silu_unfused(version: Gen, tiles: u32, chunk: u32, step: u32) -> Trace {
    let mut b = Builder::new(version, Dge::None);
    for _ in 0..tiles {
        b.line(1);
        let x = b.sbuf(P, chunk, F);
        b.load(x);
        let y = b.sbuf(P, chunk, F);
        for c in (0..chunk).step_by(step as usize) {
            let (e, d, r) = (b.sbuf(P, step, F), b.sbuf(P, step, F), b.sbuf(P, step, F));
            b.line(2);
            b.act(ActFn::Exp, e, x.cols(c, step));
            b.line(3);
            b.scalar(d, e);
            b.line(4);
            b.vector(Reciprocal, r, &[d]);
            b.line(5);
            b.vector(TensorTensor, y.cols(c, step), &[x.cols(c, step), r]);
        }
        b.line(6);
        b.store(y);
    }
    b.finish()
}

/// The same with the function of the Scalar engine.
pub fn silu_fused(version: Gen, tiles: u32, chunk: u32) -> Trace {
    let mut b = Builder::new(version, Dge::None);
    for _ in 0..tiles {
        let (x, y) = (b.sbuf(P, chunk, F), b.sbuf(P, chunk, F));
        b.line(1);
        b.load(x);
        b.line(2);
        b.act(ActFn::Silu, y, x);
        b.line(3);
        b.store(y);
    }
    b.finish()
}

/// One AdamW step operation by operation, scalings on Scalar: NKIBench's baseline. `rows` x 2,048 elements.
pub fn adamw_unfused(version: Gen, rows: u32) -> Trace {
    let mut b = Builder::new(version, Dge::None);
    for from in (0..rows).step_by(128) {
        let p = (rows - from).min(128) as u16;
        for _ in 0..2 {
            b.line(1);
            let [theta, m, v, g] = [(); 4].map(|()| {
                let t = b.sbuf(p, 1024, F);
                b.load(t);
                t
            });
            let out = b.sbuf(p, 1024, F);
            for c in [0, 512] {
                adamw_half(&mut b, p, [theta, m, v, g].map(|t| t.cols(c, 512)), out.cols(c, 512));
            }
            b.line(9);
            b.store(out);
        }
    }
    b.finish()
}

fn adamw_half(b: &mut Builder, p: u16, [theta, m, v, g]: [Tile; 4], out: Tile) {
    let new = |b: &mut Builder| b.sbuf(p, 512, F);
    let scaled = |b: &mut Builder, x: Tile| {
        let y = new(b);
        b.scalar(y, x);
        y
    };
    let both = |b: &mut Builder, x: Tile, y: Tile| {
        let z = new(b);
        b.vector(TensorTensor, z, &[x, y]);
        z
    };
    b.line(2);
    let decay = scaled(b, theta);
    let kept = both(b, theta, decay);
    b.line(3);
    let (m9, g1) = (scaled(b, m), scaled(b, g));
    let momentum = both(b, m9, g1);
    let step = scaled(b, momentum);
    b.line(4);
    let (v9, g2) = (scaled(b, v), scaled(b, g));
    let square = both(b, g2, g);
    let second = both(b, v9, square);
    b.line(5);
    let root = new(b);
    b.act(ActFn::Sqrt, root, second);
    let shifted = scaled(b, root);
    b.line(6);
    let inverse = new(b);
    b.vector(Reciprocal, inverse, &[shifted]);
    b.line(7);
    let update = both(b, step, inverse);
    b.vector(TensorTensor, out, &[kept, update]);
}

/// AdamW with fused multiply-adds, tiles of `chunk` columns: 175,104 columns in all.
pub fn adamw_fused(version: Gen, chunk: u32) -> Trace {
    let mut b = Builder::new(version, Dge::None);
    for _ in 0..175_104 / chunk {
        b.line(1);
        let [theta, g, m, v] = [(); 4].map(|()| {
            let t = b.sbuf(P, chunk, F);
            b.load(t);
            t
        });
        let new = |b: &mut Builder| b.sbuf(P, chunk, F);
        let (g2, vhat, rden, mm, term, out) = (new(&mut b), new(&mut b), new(&mut b), new(&mut b), new(&mut b), new(&mut b));
        b.line(2);
        b.act(ActFn::Square, g2, g);
        b.line(3);
        b.vector(ScalarTensorTensor, vhat, &[v, g2]);
        b.line(4);
        b.act(ActFn::Rsqrt, rden, vhat);
        b.line(5);
        b.vector(ScalarTensorTensor, mm, &[m, g]);
        b.line(6);
        b.vector(ScalarTensorTensor, term, &[mm, rden]);
        b.line(7);
        b.vector(ScalarTensorTensor, out, &[theta, term]);
        b.line(8);
        b.store(out);
    }
    b.finish()
}

/// Rotary embedding of `[128, columns]`, halves on partitions 0-63 and 64-127, tiles of 512 columns.
pub fn rope(version: Gen, columns: u32) -> Trace {
    let mut b = Builder::new(version, Dge::None);
    let w = 512;
    for _ in 0..columns / w {
        b.line(1);
        let x = b.sbuf(P, w, F);
        b.load(x);
        let (cos, sin) = (b.sbuf(64, w, F), b.sbuf(64, w, F));
        b.load(cos);
        b.load(sin);
        b.line(2);
        let odd = b.sbuf(64, w, F);
        b.vector(TensorCopy, odd, &[x.rows(64)]);
        let even = x.rows(64);
        let [ec, oc, es, os] = [(); 4].map(|()| b.sbuf(64, w, F));
        b.line(3);
        b.vector(TensorTensor, ec, &[even, cos]);
        b.vector(TensorTensor, oc, &[odd, cos]);
        b.vector(TensorTensor, es, &[even, sin]);
        b.vector(TensorTensor, os, &[odd, sin]);
        b.line(4);
        let (up, low) = (b.sbuf(64, w, F), b.sbuf(64, w, F));
        b.vector(TensorTensor, up, &[ec, os]);
        b.vector(TensorTensor, low, &[oc, es]);
        b.line(5);
        b.store(up);
        b.store(low);
    }
    b.finish()
}

/// State-space scan: `channels` / 128 tiles, 16 states, `length` columns in pieces of `piece`.
#[derive(Debug, Clone, Copy)]
pub struct Scan {
    pub channels: u32,
    pub length: u32,
    pub piece: u32,
    /// Inputs stay over all states (v2, v3); else each state loads them again (v1).
    pub keep: bool,
}

/// Columns of PSUM that a row spread over partitions may take: beyond, it is copied to SBUF.
const SPREAD: u32 = 2048;

pub fn mamba(version: Gen, s: Scan) -> Trace {
    let mut b = Builder::new(version, Dge::Unknown);
    b.line(1);
    let ones = b.sbuf(1, 128, F);
    b.vector(OpCode::Memset, ones, &[]);
    for _ in 0..s.channels / 128 {
        b.line(1);
        let sums = b.sbuf(P, s.length, F);
        b.vector(OpCode::Memset, sums, &[]);
        let pair = |b: &mut Builder| {
            b.line(2);
            let (delta, u, product) = (b.sbuf(P, s.length, F), b.sbuf(P, s.length, F), b.sbuf(P, s.length, F));
            b.load(delta);
            b.load(u);
            b.line(5);
            for c in (0..s.length).step_by(s.piece as usize) {
                b.vector(TensorTensor, product.cols(c, s.piece), &[delta.cols(c, s.piece), u.cols(c, s.piece)]);
            }
            (delta, product)
        };
        let mut inputs = pair(&mut b);
        for state in 0..16 {
            // The product of both inputs is the same for all states: kept when the inputs are.
            if !s.keep && state > 0 {
                inputs = pair(&mut b);
            }
            b.line(2);
            let a = b.sbuf(P, 1, F);
            b.load(a);
            for c in (0..s.length).step_by(s.piece as usize) {
                let [delta, product, sum] = [inputs.0, inputs.1, sums].map(|t| t.cols(c, s.piece));
                mamba_piece(&mut b, ones, s.piece, delta, product, sum);
            }
        }
        b.line(9);
        b.store(sums);
    }
    b.finish()
}

/// Spreads a loaded row over all partitions by a product with ones.
fn spread(b: &mut Builder, ones: Tile, w: u32) -> Tile {
    let row = b.sbuf(1, w, F);
    b.load(row);
    if w <= SPREAD {
        let wide = b.psum(P, w);
        (0..w).step_by(512).for_each(|c| b.matmul(wide.cols(c, w.min(512)), ones, row.cols(c, w.min(512))));
        return wide;
    }
    let wide = b.sbuf(P, w, F);
    for c in (0..w).step_by(512) {
        let part = b.psum(P, 512);
        b.matmul(part, ones, row.cols(c, 512));
        b.scalar(wide.cols(c, 512), part);
    }
    wide
}

fn mamba_piece(b: &mut Builder, ones: Tile, w: u32, delta: Tile, product: Tile, sum: Tile) {
    let [decay, input, scan, scanned] = [(); 4].map(|()| b.sbuf(P, w, F));
    b.line(3);
    let (rows_b, rows_c) = (spread(b, ones, w), spread(b, ones, w));
    b.line(4);
    b.act(ActFn::Exp, decay, delta);
    b.line(5);
    b.vector(TensorTensor, input, &[product, rows_b]);
    b.line(6);
    b.vector(OpCode::TensorTensorScan, scan, &[decay, input]);
    b.line(7);
    b.vector(TensorTensor, scanned, &[scan, rows_c]);
    b.line(8);
    b.vector(TensorTensor, sum, &[sum, scanned]);
}

/// A chain of one-element Scalar instructions, each needing the last.
pub fn scalar_chain(version: Gen, links: u32) -> Trace {
    let mut b = Builder::new(version, Dge::None);
    let mut x = b.sbuf(P, 1, F);
    for _ in 0..links {
        let y = b.sbuf(P, 1, F);
        b.run(TensorScalar, Engine::Scalar, y, &[x]);
        x = y;
    }
    b.finish()
}
