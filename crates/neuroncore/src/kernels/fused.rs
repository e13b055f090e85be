//! Products with a norm, a gate or an adapter around them, and attention.

use super::build::{Builder, Tile};
use crate::op::ActFn;
use crate::trace::{Dge, OpCode, Trace};
use crate::{Dtype, Gen};

const P: u16 = 128;
const F: Dtype = Dtype::Fp32;
use OpCode::{Reciprocal, TensorReduce, TensorScalar, TensorTensor};

fn loaded(b: &mut Builder, width: u32) -> Tile {
    let t = b.sbuf(P, width, F);
    b.load(t);
    t
}

fn turn(b: &mut Builder, one: Tile, data: Tile) -> Tile {
    let dst = b.sbuf(data.elements() as u16, u32::from(data.partitions), F);
    turn_into(b, one, data, dst);
    dst
}

fn turn_into(b: &mut Builder, one: Tile, data: Tile, dst: Tile) {
    let wide = b.psum(data.elements() as u16, u32::from(data.partitions));
    b.transpose(wide, data, one);
    b.scalar(dst, wide);
}

/// Sum of squares and reciprocal root of a row tile.
fn norm(b: &mut Builder, x: Tile) -> Tile {
    let (sum, root) = (b.sbuf(P, 1, F), b.sbuf(P, 1, F));
    for c in (0..x.elements()).step_by(512) {
        let (square, scaled) = (b.sbuf(P, 512, F), b.sbuf(P, 512, F));
        b.act(ActFn::Square, square, x.cols(c, 512));
        b.scalar(scaled, square);
        b.vector(TensorReduce, sum, &[scaled]);
    }
    b.act(ActFn::Rsqrt, root, sum);
    root
}

/// NKIBench `rmsnorm_matmul`: M 4096, K 1024, N 2048, eight row tiles normalised and turned before their products.
pub fn rmsnorm_matmul(version: Gen) -> Trace {
    let mut b = Builder::new(version, Dge::None);
    b.line(1);
    let one = loaded(&mut b, 128);
    for _ in 0..4 {
        let mut left = Vec::new();
        for _ in 0..8 {
            b.line(2);
            let x = loaded(&mut b, 1024);
            b.line(3);
            let root = norm(&mut b, x);
            b.line(4);
            let again = loaded(&mut b, 1024);
            let y = b.sbuf(P, 1024, F);
            for c in [0, 512] {
                b.vector(TensorScalar, y.cols(c, 512), &[again.cols(c, 512), root]);
            }
            b.line(5);
            left.push((0..8).map(|k| turn(&mut b, one, y.cols(k * 128, 128))).collect::<Vec<_>>());
        }
        for _ in 0..2 {
            b.line(6);
            let right: Vec<Tile> = (0..8).map(|_| loaded(&mut b, 1024)).collect();
            for row in &left {
                products(&mut b, row, &right, 1024, 7);
            }
        }
    }
    b.finish()
}

/// Products of one row of left tiles with right tiles of `width` columns, stored.
fn products(b: &mut Builder, left: &[Tile], right: &[Tile], width: u32, line: u32) {
    let out = b.sbuf(P, width, F);
    for c in (0..width).step_by(512) {
        let sum = b.psum(P, 512);
        b.line(line);
        for (l, r) in left.iter().zip(right) {
            b.matmul(sum, *l, r.cols(c, 512));
        }
        b.line(line + 1);
        b.scalar(out.cols(c, 512), sum);
    }
    b.line(line + 2);
    b.store(out);
}

/// NKIBench `add_rmsnorm_matmul`: as above with a residual; each block of 512 columns turns its left operand again.
pub fn add_rmsnorm_matmul(version: Gen) -> Trace {
    let mut b = Builder::new(version, Dge::None);
    b.line(1);
    let one = loaded(&mut b, 128);
    let gain = loaded(&mut b, 1024);
    // The right operand fits and is loaded once, as the byte counter says.
    let right: Vec<Vec<Tile>> = (0..4).map(|_| (0..8).map(|_| loaded(&mut b, 512)).collect()).collect();
    for _ in 0..32 {
        b.line(2);
        let (x, z) = (loaded(&mut b, 1024), loaded(&mut b, 1024));
        let a = b.sbuf(P, 1024, F);
        b.vector(TensorTensor, a, &[x, z]);
        b.line(3);
        let root = norm(&mut b, a);
        b.line(4);
        let (y, w) = (b.sbuf(P, 1024, F), b.sbuf(P, 1024, F));
        b.scalar(y, a);
        let _ = root;
        b.vector(TensorTensor, w, &[y, gain]);
        for block in &right {
            b.line(5);
            let left: Vec<Tile> = (0..8).map(|k| turn(&mut b, one, w.cols(k * 128, 128))).collect();
            products(&mut b, &left, block, 512, 6);
        }
    }
    b.finish()
}

/// NKIBench `matmul_add_rmsnorm`: M 4096, K 2048, N 2048, the norm over the product's rows.
pub fn matmul_add_rmsnorm(version: Gen) -> Trace {
    let mut b = Builder::new(version, Dge::None);
    b.line(1);
    let one = loaded(&mut b, 128);
    let gain = loaded(&mut b, 2048);
    // 16 MiB: stays on the chip.
    let right: Vec<Vec<Tile>> = (0..4).map(|_| (0..16).map(|_| loaded(&mut b, 512)).collect()).collect();
    for _ in 0..32 {
        b.line(2);
        let x = loaded(&mut b, 2048);
        let product = b.sbuf(P, 2048, F);
        for (n, block) in right.iter().enumerate() {
            b.line(3);
            let left: Vec<Tile> = (0..16).map(|k| turn(&mut b, one, x.cols(k * 128, 128))).collect();
            let sum = b.psum(P, 512);
            b.line(4);
            for (l, r) in left.iter().zip(block) {
                b.matmul(sum, *l, *r);
            }
            b.line(5);
            b.scalar(product.cols(n as u32 * 512, 512), sum);
        }
        b.line(6);
        let z = loaded(&mut b, 2048);
        let a = b.sbuf(P, 2048, F);
        b.vector(TensorTensor, a, &[product, z]);
        let root = norm(&mut b, a);
        let (y, w) = (b.sbuf(P, 2048, F), b.sbuf(P, 2048, F));
        b.line(7);
        b.vector(TensorScalar, y, &[a, root]);
        b.vector(TensorTensor, w, &[y, gain]);
        b.line(8);
        b.store(w);
    }
    b.finish()
}

/// Loads `[4 x 128 rows, ks * 128]` and turns it: `ks` tiles of 512 columns.
fn turned_block(b: &mut Builder, one: Tile, ks: u32, line: u32) -> Vec<Tile> {
    let tiles: Vec<Tile> = (0..ks).map(|_| b.sbuf(P, 512, F)).collect();
    for r in 0..4 {
        b.line(line);
        let raw = loaded(b, ks * 128);
        b.line(line + 1);
        for (k, tile) in tiles.iter().enumerate() {
            turn_into(b, one, raw.cols(k as u32 * 128, 128), tile.cols(r * 128, 128));
        }
    }
    tiles
}

/// NKIBench `swiglu`: M 4096, hidden 1024, inner 3072; the gated product goes through device memory.
pub fn swiglu(version: Gen) -> Trace {
    let mut b = Builder::new(version, Dge::None);
    b.line(1);
    let one = loaded(&mut b, 128);
    let mut gates: Vec<Vec<Tile>> = Vec::new();
    let away: Vec<Vec<Tile>> = (0..24).map(|_| (0..8).map(|_| b.spill(128 * 512 * 4)).collect()).collect();
    for _ in 0..3 {
        b.line(2);
        let w: Vec<Tile> = (0..8).map(|_| loaded(&mut b, 1024)).collect();
        let mut outs = vec![Vec::new(); 8];
        for _ in 0..8 {
            let x = turned_block(&mut b, one, 8, 3);
            for (i, list) in outs.iter_mut().enumerate() {
                list.push(product_of(&mut b, &w, i as u32, &x, 5, true));
            }
        }
        gates.extend(outs);
    }
    for (j, block) in (0..3).map(|i| (i, gates[i * 8..i * 8 + 8].to_vec())) {
        b.line(7);
        let w: Vec<Tile> = (0..8).map(|_| loaded(&mut b, 1024)).collect();
        for m in 0..8 {
            let x = turned_block(&mut b, one, 8, 8);
            for (i, gate) in block.iter().enumerate() {
                let up = product_of(&mut b, &w, i as u32, &x, 10, false);
                let [e, d, r, s, out] = [(); 5].map(|()| b.sbuf(P, 512, F));
                let g = gate[m];
                b.line(11);
                b.act(ActFn::Exp, e, g);
                b.scalar(d, e);
                b.vector(Reciprocal, r, &[d]);
                b.vector(TensorTensor, s, &[g, r]);
                b.vector(TensorTensor, out, &[s, up]);
                b.line(12);
                b.spill_out(out, away[j * 8 + i][m]);
            }
        }
    }
    b.line(13);
    let down: Vec<Tile> = (0..24).map(|_| loaded(&mut b, 1024)).collect();
    for m in 0..8 {
        b.line(14);
        let x: Vec<Tile> = away
            .iter()
            .map(|row| {
                let t = b.sbuf(P, 512, F);
                b.spill_in(t, row[m]);
                t
            })
            .collect();
        for r in 0..4 {
            let left: Vec<Tile> = x.iter().map(|t| t.cols(r * 128, 128)).collect();
            products(&mut b, &left, &down, 1024, 15);
        }
    }
    b.finish()
}

/// `w[:, 128 i..].T @ x` in PSUM, copied to SBUF when `out`.
fn product_of(b: &mut Builder, w: &[Tile], i: u32, x: &[Tile], line: u32, out: bool) -> Tile {
    let sum = b.psum(P, 512);
    b.line(line);
    for (l, r) in w.iter().zip(x) {
        b.matmul(sum, l.cols(i * 128, 128), *r);
    }
    if !out {
        return sum;
    }
    b.line(line + 1);
    let dst = b.sbuf(P, 512, F);
    b.scalar(dst, sum);
    dst
}

/// NKIBench `lora`: M 4096, K 5120, N 12288, rank 128; sums of four K blocks are added in SBUF.
pub fn lora(version: Gen) -> Trace {
    let mut b = Builder::new(version, Dge::None);
    b.line(1);
    let one = loaded(&mut b, 128);
    let adapter: Vec<Tile> = (0..40).map(|_| loaded(&mut b, 128)).collect();
    let mut low = Vec::new();
    for _ in 0..8 {
        let mut x = Vec::new();
        for _ in 0..5 {
            x.extend(turned_block(&mut b, one, 8, 2));
        }
        low.push(product_of(&mut b, &adapter, 0, &x, 4, true));
    }
    for _ in 0..12 {
        b.line(6);
        let up = loaded(&mut b, 1024);
        let sums: Vec<Vec<Tile>> = (0..8).map(|_| (0..8).map(|_| b.sbuf(P, 512, F)).collect()).collect();
        for k in 0..4 {
            b.line(7);
            let w: Vec<Tile> = (0..10).map(|_| loaded(&mut b, 1024)).collect();
            for row in &sums {
                let mut x = turned_block(&mut b, one, 5, 8);
                x.extend(turned_block(&mut b, one, 5, 8));
                for (i, sum) in row.iter().enumerate() {
                    let part = product_of(&mut b, &w, i as u32, &x, 10, false);
                    b.line(11);
                    if k == 0 { b.scalar(*sum, part) } else { b.vector(TensorTensor, *sum, &[*sum, part]) }
                }
            }
        }
        for (m, row) in sums.iter().enumerate() {
            for (i, sum) in row.iter().enumerate() {
                b.line(12);
                let extra = b.psum(P, 512);
                b.matmul(extra, up.cols(i as u32 * 128, 128), low[m]);
                let all = b.sbuf(P, 512, F);
                b.vector(TensorTensor, all, &[*sum, extra]);
                for r in 0..4 {
                    b.line(13);
                    let out = turn(&mut b, one, all.cols(r * 128, 128));
                    b.line(14);
                    b.store(out);
                }
            }
        }
    }
    b.finish()
}
