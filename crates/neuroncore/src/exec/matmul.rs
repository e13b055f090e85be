//! The Tensor engine: `dst = stationary^T x moving`.
//!
//! Each output is one chain of fused multiply-adds over the contraction rows in order, starting from zero, whatever
//! the vector width and the number of threads, so results are the same bytes everywhere. For inputs of 16 bits
//! and less the products are exact in fp32, so fused and separate rounding give the same sum.
//! A processor without fused multiply-add computes it in software: same bytes, some tens of times slower.

use rayon::prelude::*;

use crate::Dtype;
use crate::access::{Access, Cursor};
use crate::convert;
use crate::exec::map::round_at_random;
use crate::exec::{Cx, psum, shared};
use crate::fault::Fault;
use crate::generation::Gen;
use crate::memory::Memory;
use crate::op::{Op, Tile};
use crate::tensor::{Place, View};
use crate::trace::{Cost, Engine, Finding, Flags, InstrId};
use crate::wide::wide;

/// Outputs computed together: rows of the stationary side, columns of the moving side.
const MR: usize = 12;
const NR: usize = 32;
/// Multiply-adds from which columns are shared between threads.
const PARALLEL: usize = 1 << 20;

const FLOATS: [Dtype; 7] = [Dtype::Fp8E4, Dtype::Fp8E4Fn, Dtype::Fp8E5, Dtype::Bf16, Dtype::Fp16, Dtype::Tf32, Dtype::Fp32];

pub(super) fn run(cx: &mut Cx<'_>, op: &Op) -> Result<InstrId, Fault> {
    let Op::NcMatmul { dst, stationary, moving, accumulate, transpose, double_row, tile, one_zero } = op else {
        return Err(cx.fault("internal", "", "not a matmul", None));
    };
    let mode = Mode { transpose: *transpose, double_row: *double_row, tile: *tile };
    let (dst, a, b, sizes) = check(cx, (dst, stationary, moving), &mode)?;
    let gen2 = cx.m.generation.version == Gen::Gen2;
    let moves_bits = mode.transpose && !gen2;
    let accumulates = start(cx, &dst, *accumulate)?;
    if moves_bits {
        permute(cx, &dst, &a, &b, sizes)?;
    } else {
        let mut s = std::mem::take(&mut cx.m.scratch);
        pack::<MR>(&cx.m.memory, &a, sizes.k, sizes.m, &mut s.left);
        pack::<NR>(&cx.m.memory, &b, sizes.k, sizes.n, &mut s.right);
        multiply(&s.left, &s.right, sizes, &mut s.product);
        store(cx, &dst, &s.product, accumulates);
        cx.m.scratch = s;
    }
    psum::written_by_matmul(cx.m, &dst);
    if accumulates {
        cx.also_reads(&dst);
    }
    let cost = cost(cx, (&dst, &a, &b), sizes, &mode, accumulates);
    Ok(cx.finish(Engine::Tensor, Cost { flags: cost.flags.with_if(*one_zero, Flags::ONE_ZERO), ..cost }))
}

pub(super) struct Mode {
    pub transpose: bool,
    pub double_row: bool,
    pub tile: Option<Tile>,
}

/// Contraction rows, stationary columns, moving columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sizes {
    pub k: usize,
    pub m: usize,
    pub n: usize,
}

type Operands = (Access, Access, Access, Sizes);

fn check(cx: &mut Cx<'_>, (dst, stationary, moving): (&View, &View, &View), mode: &Mode) -> Result<Operands, Fault> {
    let version = cx.m.generation.version;
    let a = cx.read("stationary", stationary)?;
    let b = cx.read("moving", moving)?;
    let dst = cx.write("dst", dst)?;
    let floats: &[Dtype] =
        if version == Gen::Gen4 { &FLOATS } else { &[Dtype::Fp8E4, Dtype::Fp8E5, Dtype::Bf16, Dtype::Fp16, Dtype::Tf32, Dtype::Fp32] };
    for (name, x) in [("stationary", &a), ("moving", &b)] {
        cx.placed(name, x, &[Place::Sbuf])?;
        cx.on_chip(name, x)?;
        if !mode.transpose || version == Gen::Gen2 {
            cx.typed(name, x, floats)?;
        }
    }
    cx.placed("dst", &dst, &[Place::Psum])?;
    cx.on_chip("dst", &dst)?;
    let wide = |x: &Access| matches!(x.dtype, Dtype::Fp32 | Dtype::Tf32);
    if wide(&a) != wide(&b) && !mode.transpose {
        let message = format!("{} with `moving` {}: float32 goes with float32 only", a.dtype.name(), b.dtype.name());
        return Err(cx.fault("dtype-pair", "stationary", message, Some("convert one of them with `tensor_copy`")));
    }
    let pair = [a.dtype, b.dtype];
    if pair.contains(&Dtype::Fp8E4) && pair.contains(&Dtype::Fp8E4Fn) {
        return Err(cx.fault("dtype-pair", "stationary", "float8_e4m3 and float8_e4m3fn cannot be mixed", None));
    }
    cx.same_partitions("stationary", &a, "moving", &b)?;
    let mut sizes = Sizes { k: a.first(), m: a.free(), n: b.free() };
    if mode.double_row {
        cx.generation(Gen::Gen3, "double_row")?;
        for (name, x) in [("stationary", &a), ("moving", &b)] {
            if !matches!(x.dtype, Dtype::Fp8E4 | Dtype::Fp8E5 | Dtype::Fp8E4Fn) {
                return Err(cx.fault("double-row-dtype", name, format!("{}; double_row takes 8-bit floats only", x.dtype.name()), None));
            }
            if x.len < 3 || x.strides[1].count != 2 {
                return Err(cx.fault("double-row-shape", name, "the first free dimension must be 2", Some("shape [P, 2, columns]")));
            }
        }
        if mode.transpose || mode.tile.is_some_and(|t| t.columns < 128) {
            return Err(cx.fault("double-row-mode", "perf_mode", "cannot be combined with transpose or column tiles", None));
        }
        sizes = Sizes { k: 2 * sizes.k, m: sizes.m / 2, n: sizes.n / 2 };
    }
    tiles(cx, mode.tile, a.first(), sizes.m)?;
    let bank = cx.m.generation.psum_bank_bytes;
    let most = if version == Gen::Gen4 { (cx.m.generation.psum_bytes() as usize) / dst.dtype.size() } else { bank as usize / 4 };
    if sizes.n > most {
        let message = format!("{} columns; at most {most}", sizes.n);
        return Err(cx.fault("moving-size", "moving", message, Some("split the free dimension of `moving`")));
    }
    if dst.first() != sizes.m || dst.free() != sizes.n {
        let message = format!("{} x {}, but {} x {} is needed", dst.first(), dst.free(), sizes.m, sizes.n);
        return Err(cx.fault("matmul-shape", "dst", message, Some("[columns of `stationary`, columns of `moving`]")));
    }
    if mode.transpose && version > Gen::Gen2 {
        if dst.dtype != a.dtype && !(a.dtype.size() == 1 && dst.dtype.size() == 2) {
            return Err(cx.fault("dtype-pair", "dst", format!("{}, but a transpose keeps {}", dst.dtype.name(), a.dtype.name()), None));
        }
    } else if version == Gen::Gen4 {
        cx.typed("dst", &dst, &[Dtype::Fp32, Dtype::Bf16])?;
    } else {
        cx.typed("dst", &dst, &[Dtype::Fp32])?;
    }
    if version < Gen::Gen4 && dst.low / bank != (dst.high - 1) / bank {
        let message = format!("bytes {} to {} of a partition cross a bank of {bank} bytes", dst.low, dst.high - 1);
        return Err(cx.fault("psum-bank", "dst", message, Some("keep each matmul's result inside one bank")));
    }
    Ok((dst, a, b, sizes))
}

fn tiles(cx: &Cx<'_>, tile: Option<Tile>, k: usize, m: usize) -> Result<(), Fault> {
    let t = tile.unwrap_or(Tile { row: 0, column: 0, rows: 128, columns: 128 });
    let least = if cx.m.generation.version == Gen::Gen2 { 64 } else { 32 };
    for (what, size, start) in [("row", t.rows, t.row), ("column", t.columns, t.column)] {
        let fits = [32, 64, 128].contains(&size) && size >= least;
        if !fits || start % size.max(1) != 0 || u16::from(start) + u16::from(size) > 128 {
            let message = format!("{what} tile of {size} at {start}; sizes are {least} to 128, starts a multiple of the size");
            return Err(cx.fault("pe-tile", "tile_position", message, None));
        }
    }
    if k > usize::from(t.rows) || m > usize::from(t.columns) {
        let message = format!("{k} x {m}; at most {} x {}", t.rows, t.columns);
        return Err(cx.fault("stationary-size", "stationary", message, Some("split the contraction or the columns")));
    }
    Ok(())
}

/// Whether this matmul adds to what its destination holds, with what is undefined about that.
pub(super) fn start(cx: &mut Cx<'_>, dst: &Access, accumulate: Option<bool>) -> Result<bool, Fault> {
    let found = psum::look(cx.m, dst);
    let adds = accumulate.unwrap_or(found.matmul && !found.nothing);
    let undefined = if found.nothing {
        Some("memory that nothing has written")
    } else if found.others && cx.m.generation.version < Gen::Gen4 {
        Some("memory that another instruction wrote, not a matmul")
    } else {
        None
    };
    if let (true, Some(what)) = (adds, undefined) {
        let (core, line) = (cx.core, cx.line());
        cx.m.find(Finding {
            rule: "accumulate-unstarted",
            core,
            line,
            other: None,
            message: format!("nc_matmul accumulates onto {what}: undefined on the hardware"),
            hint: Some("start the sum with `accumulate=False`, or leave `accumulate` out".into()),
        });
    }
    Ok(adds)
}

/// An operand as fp32 in panels of `W` columns: `out[panel][row][column]`, padded with zeros.
fn pack<const W: usize>(memory: &Memory, x: &Access, rows: usize, columns: usize, out: &mut Vec<f32>) {
    let panels = columns.div_ceil(W);
    out.resize(panels * rows * W, 0.0);
    if !columns.is_multiple_of(W) {
        out[(panels - 1) * rows * W..].fill(0.0);
    }
    let mut row = vec![0.0; columns];
    let mut cursor = Cursor::new(x, 0);
    for k in 0..rows {
        memory.read(x, &mut cursor, &mut row);
        if x.dtype == Dtype::Tf32 {
            row.iter_mut().for_each(|v| *v = convert::to_tf32(*v));
        }
        for (panel, part) in row.chunks(W).enumerate() {
            let at = (panel * rows + k) * W;
            out[at..at + part.len()].copy_from_slice(part);
        }
    }
}

/// One block of outputs: `MR` chains of `NR`.
#[inline(always)]
fn block(left: &[f32], right: &[f32]) -> [[f32; NR]; MR] {
    let mut acc = [[0.0f32; NR]; MR];
    let (rows, columns) = (left.as_chunks::<MR>().0, right.as_chunks::<NR>().0);
    for (l, r) in rows.iter().zip(columns) {
        for i in 0..MR {
            for j in 0..NR {
                acc[i][j] = l[i].mul_add(r[j], acc[i][j]);
            }
        }
    }
    acc
}

/// All outputs of one panel of moving columns: `out[m][NR]`.
#[inline(always)]
fn panel(left: &[f32], right: &[f32], k: usize, m: usize, out: &mut [f32]) {
    for (p, l) in left.chunks_exact(k * MR).enumerate() {
        let acc = block(l, right);
        for (i, row) in acc.iter().enumerate() {
            let at = p * MR + i;
            if at < m {
                out[at * NR..(at + 1) * NR].copy_from_slice(row);
            }
        }
    }
}

/// The product in panels of `NR` columns: `out[panel][m][NR]`.
pub(super) fn multiply(left: &[f32], right: &[f32], s: Sizes, out: &mut Vec<f32>) {
    out.resize(s.n.div_ceil(NR) * s.m * NR, 0.0);
    let one = |(o, r): (&mut [f32], &[f32])| wide!(panel(left, r, s.k, s.m, o));
    if shared(s.k * s.m * s.n, PARALLEL) {
        out.par_chunks_mut(s.m * NR).zip(right.par_chunks_exact(s.k * NR)).for_each(one);
    } else {
        out.chunks_mut(s.m * NR).zip(right.chunks_exact(s.k * NR)).for_each(one);
    }
}

/// Writes the product, or adds it to what PSUM holds.
pub(super) fn store(cx: &mut Cx<'_>, dst: &Access, product: &[f32], accumulates: bool) {
    let (m, n) = (dst.first(), dst.free());
    let random = cx.m.stochastic.then_some(cx.key);
    let memory = &mut cx.m.memory;
    let mut row = vec![0.0; n];
    let mut old = vec![0.0; n];
    let (mut from, mut to) = (Cursor::new(dst, 0), Cursor::new(dst, 0));
    for i in 0..m {
        for (p, part) in row.chunks_mut(NR).enumerate() {
            let at = (p * m + i) * NR;
            part.copy_from_slice(&product[at..at + part.len()]);
        }
        if accumulates {
            memory.read(dst, &mut from, &mut old);
            row.iter_mut().zip(&old).for_each(|(r, o)| *r += o);
        }
        if let Some(key) = random {
            round_at_random(dst.dtype, key, i * n, &mut row);
        }
        memory.write(dst, &mut to, &row);
    }
}

/// Packs plain rows of fp32 (`[k][m]` and `[k][n]`) and multiplies them.
pub(super) fn multiply_rows(left: &[f32], right: &[f32], s: Sizes) -> Vec<f32> {
    fn packed<const W: usize>(x: &[f32], rows: usize, columns: usize) -> Vec<f32> {
        let mut out = vec![0.0; columns.div_ceil(W) * rows * W];
        for (k, row) in x.chunks(columns.max(1)).enumerate() {
            for (panel, part) in row.chunks(W).enumerate() {
                let at = (panel * rows + k) * W;
                out[at..at + part.len()].copy_from_slice(part);
            }
        }
        out
    }
    let mut out = Vec::new();
    multiply(&packed::<MR>(left, s.k, s.m), &packed::<NR>(right, s.k, s.n), s, &mut out);
    out
}

/// Transpose mode from trn2 on: bits pass where the moving matrix (an identity, or rows of one) holds a one.
fn permute(cx: &mut Cx<'_>, dst: &Access, a: &Access, b: &Access, s: Sizes) -> Result<(), Fault> {
    let memory = cx.memory();
    let ones = memory.all(b);
    let bits = memory.all_bits(a);
    let mut source = vec![None; s.n];
    for (k, row) in ones.chunks(s.n).enumerate() {
        for (n, v) in row.iter().enumerate() {
            if *v != 0.0 && (source[n].replace(k).is_some() || *v != 1.0) {
                let message = "transpose mode needs a moving matrix with one 1.0 a column and zeros elsewhere";
                return Err(cx.fault("transpose-identity", "moving", message, Some("use an identity matrix")));
            }
        }
    }
    let out: Vec<u32> = (0..s.m)
        .flat_map(|m| source.iter().map(move |k| k.map_or(0, |k| k * s.m + m + 1)))
        .map(|i| if i == 0 { 0 } else { bits[i - 1] })
        .collect();
    memory.write_bits(dst, &mut Cursor::new(dst, 0), &out);
    Ok(())
}

pub(super) fn cost(cx: &Cx<'_>, (dst, a, b): (&Access, &Access, &Access), s: Sizes, mode: &Mode, accumulates: bool) -> Cost {
    let base = cx.cost(&[b, a], dst);
    let wide = |x: &Access| matches!(x.dtype, Dtype::Fp32);
    let flags = base
        .flags
        .with_if(wide(a) && wide(b), Flags::FP32)
        .with_if(mode.double_row, Flags::DOUBLE_ROW)
        .with_if(mode.transpose, Flags::TRANSPOSE)
        .with_if(accumulates, Flags::ACCUMULATE);
    let tile = mode.tile.map_or([0, 0, 128, 128], |t| [t.row, t.column, t.rows, t.columns]);
    Cost { elements: s.n as u32, flags, k: s.k as u16, m: s.m as u16, n: s.n as u16, tile, ..base }
}
