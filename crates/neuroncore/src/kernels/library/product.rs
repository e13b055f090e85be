//! A tiled product: a block of the left operand stays in SBUF while panels of the right one pass.

use super::Format;
use crate::kernels::build::{Builder, Tile};
use crate::trace::{Dge, OpCode, Trace};
use crate::{Dtype, Gen};

const P: u16 = 128;
const T: u32 = 128;
/// Columns of a PSUM bank.
const WIDE: u32 = 512;
/// Bytes of a partition that the left block and one right panel may take; SBUF has 192 KiB or more.
const LEFT: u32 = 64 << 10;
const RIGHT: u32 = 48 << 10;
/// Bytes of a partition that one DMA moves: 512 KiB in all, well beyond what descriptors cost.
const TRANSFER: u32 = 4 << 10;

/// The largest multiple of `unit` within `limit`, at least one unit, at most `all`.
fn part(limit: u32, unit: u32, all: u32) -> u32 {
    (limit / unit * unit).max(unit).min(all)
}

pub fn matmul(version: Gen, format: Format, m: u32, n: u32, k: u32) -> Trace {
    let mut b = Builder::new(version, Dge::Unknown);
    let ks = (k / format.depth()).max(1);
    let wide = WIDE.min(n);
    let per = ks * format.dtype().size() as u32;
    let rows = part(LEFT / per, T, m);
    let cols = part(RIGHT / per, wide, n);
    let load = |b: &mut Builder, width: u32| -> Vec<Tile> {
        // Several contraction tiles a DMA, each with runs of `width`.
        let size = format.dtype().size() as u32;
        let group = (TRANSFER / (width * size)).clamp(1, ks);
        (0..ks)
            .step_by(group as usize)
            .flat_map(|from| {
                let count = group.min(ks - from);
                let all = b.sbuf(P, count * width, format.dtype());
                b.load_rows(all, width * size);
                (0..count).map(move |i| all.cols(i * width, width))
            })
            .collect()
    };
    let mut turn = 0u32;
    for row in (0..m).step_by(rows as usize) {
        b.line(1);
        let left = load(&mut b, rows.min(m - row));
        for col in (0..n).step_by(cols as usize) {
            let width = cols.min(n - col);
            b.line(2);
            let right = load(&mut b, width);
            for r in 0..rows.min(m - row) / T {
                let out = b.sbuf(P, width, Dtype::Bf16);
                for c in (0..width).step_by(wide as usize) {
                    let w = wide.min(width - c);
                    let sum = b.psum(P, w);
                    b.line(3);
                    for (l, x) in left.iter().zip(&right) {
                        let (l, x) = (l.cols(r * T, T), x.cols(c, w));
                        match format {
                            Format::Bf16 => b.matmul(sum, l, x),
                            Format::Fp8 => b.matmul_double_row(sum, l, x),
                            Format::MxFp8 => b.matmul_mx(sum, l, x),
                        }
                    }
                    b.line(4);
                    turn += 1;
                    // Both engines that reach PSUM share the copies.
                    if turn.is_multiple_of(2) {
                        b.scalar(out.cols(c, w), sum);
                    } else {
                        b.vector(OpCode::TensorCopy, out.cols(c, w), &[sum]);
                    }
                }
                b.line(5);
                b.store(out);
            }
        }
    }
    b.finish()
}
