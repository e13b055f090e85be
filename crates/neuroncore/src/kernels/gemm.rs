//! Matrix products: the documentation's tutorial in its steps, and the fp32 products of NKIBench and autocomp.

use super::build::{Builder, Tile};
use crate::op::ActFn;
use crate::trace::{Dge, OpCode, Trace};
use crate::{Dtype, Gen};

/// Sizes of a product, in elements.
#[derive(Debug, Clone, Copy)]
pub struct Sizes {
    pub m: u32,
    pub k: u32,
    pub n: u32,
    pub dtype: Dtype,
}

const P: u16 = 128;
const T: u32 = 128;
const WIDE: u32 = 512;

/// A loop nest over blocks of output tiles, all of K inside, operands loaded by K tile.
#[derive(Debug, Clone, Copy)]
pub struct Blocks {
    /// Output tiles of a block: rows of 128 and columns of 512.
    pub rows: u32,
    pub cols: u32,
    /// The left operand of a block of rows stays for all columns.
    pub keep_left: bool,
    /// One DMA for all tiles of a block instead of one for each.
    pub joined: bool,
    /// Loads stand beside the product that uses them, K tile by K tile; else all K tiles of a block are loaded first.
    pub by_k: bool,
}

fn loads(b: &mut Builder, s: Sizes, tiles: u32, width: u32, joined: bool) -> Vec<Tile> {
    if joined {
        let all = b.sbuf(P, tiles * width, s.dtype);
        b.load(all);
        return (0..tiles).map(|i| all.cols(i * width, width)).collect();
    }
    (0..tiles)
        .map(|_| {
            let tile = b.sbuf(P, width, s.dtype);
            b.load(tile);
            tile
        })
        .collect()
}

/// `lhsT[K, M]`, `rhs[K, N]`: tiled with the given blocks. The copy out of PSUM is Scalar's or Vector's.
pub fn tiled(version: Gen, dge: Dge, s: Sizes, x: Blocks, copy_on_vector: bool) -> Trace {
    let mut b = Builder::new(version, dge);
    let ks = s.k / T;
    for _ in 0..s.m / T / x.rows {
        let mut left: Vec<Vec<Tile>> = Vec::new();
        if x.keep_left {
            b.line(1);
            left = (0..ks).map(|_| loads(&mut b, s, x.rows, T, x.joined)).collect();
        }
        for _ in 0..s.n / WIDE / x.cols {
            let sums: Vec<Tile> = (0..x.rows * x.cols).map(|_| b.psum(P, WIDE)).collect();
            let mut right: Vec<Vec<Tile>> = Vec::new();
            if !x.by_k {
                b.line(2);
                right = (0..ks).map(|_| loads(&mut b, s, x.cols, WIDE, x.joined)).collect();
            }
            let row_of = |b: &mut Builder, left: &[Vec<Tile>], right: &[Vec<Tile>], k: usize| {
                let (mut l, mut r) = (Vec::new(), Vec::new());
                b.line(2);
                if !x.keep_left {
                    l = loads(b, s, x.rows, T, x.joined);
                }
                if x.by_k {
                    r = loads(b, s, x.cols, WIDE, x.joined);
                }
                (left.get(k).cloned().unwrap_or(l), right.get(k).cloned().unwrap_or(r))
            };
            if x.by_k {
                for k in 0..ks as usize {
                    let (l, r) = row_of(&mut b, &left, &right, k);
                    b.line(3);
                    for (i, sum) in sums.iter().enumerate() {
                        b.matmul(*sum, l[i / x.cols as usize], r[i % x.cols as usize]);
                    }
                }
            } else {
                b.line(3);
                for (i, sum) in sums.iter().enumerate() {
                    for k in 0..ks as usize {
                        b.matmul(*sum, left[k][i / x.cols as usize], right[k][i % x.cols as usize]);
                    }
                }
            }
            for sum in sums {
                b.line(4);
                let out = b.sbuf(P, WIDE, s.dtype);
                if copy_on_vector {
                    b.vector(OpCode::TensorCopy, out, &[sum])
                } else {
                    b.scalar(out, sum)
                }
                b.line(5);
                b.store(out);
            }
        }
    }
    b.finish()
}

/// The tutorial's last step: all three dimensions in blocks, sums kept in SBUF over the blocks of K.
pub fn k_blocked(version: Gen, s: Sizes, block_m: u32, block_n: u32, block_k: u32) -> Trace {
    let mut b = Builder::new(version, Dge::Unknown);
    let (nm, nn, nk) = (s.m / T / block_m, s.n / WIDE / block_n, s.k / T / block_k);
    for _ in 0..nn {
        b.line(1);
        let sums: Vec<Tile> = (0..nm * block_m * block_n)
            .map(|_| {
                let sum = b.sbuf(P, WIDE, Dtype::Fp32);
                b.vector(OpCode::Memset, sum, &[]);
                sum
            })
            .collect();
        for _ in 0..nk {
            b.line(2);
            let right: Vec<Vec<Tile>> = (0..block_k).map(|_| loads(&mut b, s, block_n, WIDE, true)).collect();
            for m in 0..nm {
                b.line(3);
                let left: Vec<Vec<Tile>> = (0..block_k).map(|_| loads(&mut b, s, block_m, T, true)).collect();
                for bn in 0..block_n {
                    for bm in 0..block_m {
                        b.line(4);
                        let part = b.psum(P, WIDE);
                        for k in 0..block_k as usize {
                            b.matmul(part, left[k][bm as usize], right[k][bn as usize]);
                        }
                        b.line(5);
                        let sum = sums[((m * block_m + bm) * block_n + bn) as usize];
                        b.vector(OpCode::TensorTensor, sum, &[sum, part]);
                    }
                }
            }
        }
        for row in sums.chunks(block_n as usize) {
            b.line(6);
            let packed = b.sbuf(P, WIDE * block_n, Dtype::Fp32);
            for (i, sum) in row.iter().enumerate() {
                b.vector(OpCode::TensorCopy, packed.cols(i as u32 * WIDE, WIDE), &[*sum]);
            }
            b.line(7);
            b.store(packed);
        }
    }
    b.finish()
}

fn identity(b: &mut Builder) -> Tile {
    b.line(1);
    let one = b.sbuf(P, T, Dtype::Fp32);
    b.load(one);
    one
}

/// Transposes 128 columns of `data` through PSUM into `dst`.
fn turn(b: &mut Builder, one: Tile, data: Tile, dst: Tile) {
    let wide = b.psum(data.elements() as u16, u32::from(data.partitions));
    b.transpose(wide, data, one);
    b.scalar(dst, wide);
}

/// One block of left rows: loads `ks * 128` columns and transposes them tile by tile.
fn turned(b: &mut Builder, one: Tile, ks: u32, dtype: Dtype) -> Vec<Tile> {
    let mut out = Vec::new();
    for from in (0..ks).step_by(8) {
        let count = (ks - from).min(8);
        b.line(2);
        let raw = b.sbuf(P, count * T, dtype);
        b.load(raw);
        for i in 0..count {
            b.line(3);
            let dst = b.sbuf(P, T, dtype);
            turn(b, one, raw.cols(i * T, T), dst);
            out.push(dst);
        }
    }
    out
}

/// Product with the left operand given by rows, so transposed on the chip; columns in blocks of 1,024 whose right
/// operand is loaded once for each block. `reload`: again for each row tile, as the byte counters of NKIBench's `matmul` say.
pub fn left_by_rows(version: Gen, s: Sizes, block: u32, reload: bool) -> Trace {
    let mut b = Builder::new(version, Dge::None);
    let one = identity(&mut b);
    let ks = s.k / T;
    for _ in 0..s.n / block {
        let right = |b: &mut Builder| -> Vec<Tile> {
            b.line(4);
            (0..ks)
                .map(|_| {
                    let tile = b.sbuf(P, block, s.dtype);
                    b.load(tile);
                    tile
                })
                .collect()
        };
        let held = if reload { Vec::new() } else { right(&mut b) };
        for _ in 0..s.m / T {
            let left = turned(&mut b, one, ks, s.dtype);
            let sums: Vec<Tile> = (0..block / WIDE).map(|_| b.psum(P, WIDE)).collect();
            if reload {
                for l in &left {
                    b.line(4);
                    let r = b.sbuf(P, block, s.dtype);
                    b.load(r);
                    b.line(5);
                    sums.iter().enumerate().for_each(|(c, sum)| b.matmul(*sum, *l, r.cols(c as u32 * WIDE, WIDE)));
                }
            } else {
                b.line(5);
                for (c, sum) in sums.iter().enumerate() {
                    left.iter().zip(&held).for_each(|(l, r)| b.matmul(*sum, *l, r.cols(c as u32 * WIDE, WIDE)));
                }
            }
            let out = b.sbuf(P, block, s.dtype);
            b.line(6);
            for (c, sum) in sums.iter().enumerate() {
                b.scalar(out.cols(c as u32 * WIDE, WIDE), *sum);
            }
            b.line(7);
            b.store(out);
        }
    }
    b.finish()
}

/// `transpose_matmul`: the left operand comes with K on partitions; blocks of 1,024 x 1,024, the last columns cut.
pub fn left_by_columns(version: Gen, s: Sizes, row_tiles: u32, block: u32) -> Trace {
    let mut b = Builder::new(version, Dge::None);
    let ks = s.k / T;
    for _ in 0..s.m / T / row_tiles {
        b.line(1);
        let left: Vec<Tile> = (0..ks)
            .map(|_| {
                let tile = b.sbuf(P, row_tiles * T, s.dtype);
                b.load(tile);
                tile
            })
            .collect();
        for from in (0..s.n).step_by(block as usize) {
            let width = block.min(s.n - from);
            b.line(2);
            let right: Vec<Tile> = (0..ks)
                .map(|_| {
                    let tile = b.sbuf(P, width, s.dtype);
                    b.load(tile);
                    tile
                })
                .collect();
            for m in 0..row_tiles {
                let out = b.sbuf(P, width, s.dtype);
                for c in (0..width).step_by(WIDE as usize) {
                    let w = WIDE.min(width - c);
                    let sum = b.psum(P, w);
                    b.line(3);
                    for (l, r) in left.iter().zip(&right) {
                        b.matmul(sum, l.cols(m * T, T), r.cols(c, w));
                    }
                    b.line(4);
                    b.scalar(out.cols(c, w), sum);
                }
                b.line(5);
                b.store(out);
            }
        }
    }
    b.finish()
}

/// Batched product with K = 64, the left operand by rows.
pub fn batched(version: Gen, batch: u32, s: Sizes, softmax: bool) -> Trace {
    let mut b = Builder::new(version, Dge::None);
    let one = identity(&mut b);
    let (rows, blocks) = (s.m / T, s.n / 1024);
    for _ in 0..batch {
        let mut scores: Vec<Vec<Tile>> = vec![Vec::new(); rows as usize];
        let mut maxima: Vec<Vec<Tile>> = vec![Vec::new(); rows as usize];
        for _ in 0..blocks {
            b.line(2);
            let right = b.sbuf(s.k as u16, 1024, s.dtype);
            b.load(right);
            for group in 0..rows / 8 {
                let left: Vec<Tile> = (0..8)
                    .map(|_| {
                        b.line(3);
                        let raw = b.sbuf(P, s.k, s.dtype);
                        b.load(raw);
                        b.line(4);
                        let dst = b.sbuf(s.k as u16, T, s.dtype);
                        turn(&mut b, one, raw, dst);
                        dst
                    })
                    .collect();
                for (i, l) in left.into_iter().enumerate() {
                    let row = (group * 8) as usize + i;
                    let out = b.sbuf(P, 1024, s.dtype);
                    for c in 0..2 {
                        b.line(5);
                        let sum = b.psum(P, WIDE);
                        b.matmul(sum, l, right.cols(c * WIDE, WIDE));
                        b.line(6);
                        b.scalar(out.cols(c * WIDE, WIDE), sum);
                        if softmax {
                            let most = b.sbuf(P, 1, s.dtype);
                            b.vector(OpCode::TensorReduce, most, &[out.cols(c * WIDE, WIDE)]);
                            maxima[row].push(most);
                        }
                    }
                    if softmax {
                        // 16 MiB of scores a batch do not stay on the chip.
                        b.line(7);
                        let away = b.spill(T * 1024 * 4);
                        b.spill_out(out, away);
                        scores[row].push(away);
                    } else {
                        b.line(7);
                        b.store(out);
                    }
                }
            }
        }
        for (score, most) in scores.iter().zip(&maxima).filter(|_| softmax) {
            softmax_row(&mut b, score, most, s.dtype);
        }
    }
    b.finish()
}

/// Reduces the maxima, exponentiates, sums, scales and stores one row of tiles.
fn softmax_row(b: &mut Builder, score: &[Tile], maxima: &[Tile], dtype: Dtype) {
    b.line(8);
    let most = b.sbuf(P, 1, dtype);
    for m in maxima {
        b.vector(OpCode::TensorTensor, most, &[*m, most]);
    }
    let sum = b.sbuf(P, 1, dtype);
    let score: Vec<Tile> = score
        .iter()
        .map(|away| {
            let tile = b.sbuf(P, 1024, dtype);
            b.spill_in(tile, *away);
            tile
        })
        .collect();
    for tile in &score {
        for c in 0..tile.elements() / WIDE {
            b.line(9);
            b.act(ActFn::Exp, tile.cols(c * WIDE, WIDE), tile.cols(c * WIDE, WIDE));
            b.line(10);
            b.vector(OpCode::TensorReduce, sum, &[tile.cols(c * WIDE, WIDE)]);
        }
    }
    b.line(11);
    let inverse = b.sbuf(P, 1, dtype);
    b.vector(OpCode::Reciprocal, inverse, &[sum]);
    for tile in &score {
        for c in 0..tile.elements() / WIDE {
            b.line(12);
            b.vector(OpCode::TensorScalar, tile.cols(c * WIDE, WIDE), &[tile.cols(c * WIDE, WIDE), inverse]);
        }
        b.line(13);
        b.store(*tile);
    }
}

/// Rows in blocks of `rows` tiles, turned once and kept for all columns; 512 columns at a time.
pub fn left_blocked(version: Gen, s: Sizes, rows: u32) -> Trace {
    let mut b = Builder::new(version, Dge::None);
    let one = identity(&mut b);
    let ks = s.k / T;
    for _ in 0..s.m / T / rows {
        let left: Vec<Vec<Tile>> = (0..rows).map(|_| turned(&mut b, one, ks, s.dtype)).collect();
        for _ in 0..s.n / WIDE {
            let sums: Vec<Tile> = left.iter().map(|_| b.psum(P, WIDE)).collect();
            for k in 0..ks as usize {
                b.line(4);
                let right = b.sbuf(P, WIDE, s.dtype);
                b.load(right);
                b.line(5);
                for (l, sum) in left.iter().zip(&sums) {
                    b.matmul(*sum, l[k], right);
                }
            }
            for sum in sums {
                b.line(6);
                let out = b.sbuf(P, WIDE, s.dtype);
                b.scalar(out, sum);
                b.line(7);
                b.store(out);
            }
        }
    }
    b.finish()
}
