//! Block formats of generation 4: quantisation, and the matmul that undoes it on the way.
//!
//! A group is 8 partitions x 4 elements under one power-of-two scale. Scales of partitions 32q..32q+31 stand in four
//! partitions of the same quadrant (side by side from the view's first partition when there is one quadrant).

use crate::Dtype;
use crate::access::{Access, Cursor};
use crate::convert;
use crate::exec::matmul::{self, Mode, Sizes};
use crate::exec::{Cx, psum};
use crate::fault::Fault;
use crate::generation::Gen;
use crate::machine::MxScale;
use crate::op::Op;
use crate::tensor::{Place, View};
use crate::trace::{Cost, Engine, Flags, InstrId};

const PACKED: [Dtype; 3] = [Dtype::Fp8E5X4, Dtype::Fp8E4FnX4, Dtype::Fp4X4];
const SCALES: [Dtype; 2] = [Dtype::E8M0, Dtype::U8];

pub(super) fn run(cx: &mut Cx<'_>, op: &Op) -> Result<InstrId, Fault> {
    match op {
        Op::QuantizeMx { dst, src, dst_scale } => quantize(cx, dst, src, dst_scale),
        Op::NcMatmulMx { dst, stationary, moving, stationary_scale, moving_scale, accumulate, tile } => {
            let mode = Mode { transpose: false, double_row: false, tile: *tile };
            matmul_mx(cx, dst, [stationary, moving], [stationary_scale, moving_scale], *accumulate, &mode)
        }
        _ => Err(cx.fault("internal", "", "not an MX instruction", None)),
    }
}

/// Row of the scale view that holds group `g` of 8 partitions, for data of `partitions` partitions.
fn scale_row(g: usize, partitions: usize) -> usize {
    if partitions <= 32 { g } else { g / 4 * 32 + g % 4 }
}

fn check_scale(cx: &Cx<'_>, name: &'static str, scale: &Access, partitions: usize, columns: usize) -> Result<(), Fault> {
    cx.placed(name, scale, &[Place::Sbuf])?;
    cx.typed(name, scale, &SCALES)?;
    let rows = scale_row(partitions / 8 - 1, partitions) + 1;
    if scale.first() < rows || scale.free() != columns {
        let message = format!("{} x {}, but {rows} rows of {columns} scales are needed", scale.first(), scale.free());
        return Err(cx.fault("mx-scale-shape", name, message, Some("[P/8, columns] for up to 32 partitions, else [P, columns]")));
    }
    let offset = scale.partition % 32;
    if !matches!(offset, 0 | 4 | 8 | 12) {
        let message = format!("starts at partition {}; scales stand at 0, 4, 8 or 12 of a quadrant", scale.partition);
        return Err(cx.fault("mx-scale-start", name, message, None));
    }
    Ok(())
}

fn groups(cx: &Cx<'_>, name: &'static str, a: &Access) -> Result<(), Fault> {
    let p = a.first();
    if p == 0 || !p.is_multiple_of(32) || p > 128 {
        return Err(cx.fault("mx-partitions", name, format!("{p} partitions; a multiple of 32 up to 128 is needed"), None));
    }
    Ok(())
}

fn quantize(cx: &mut Cx<'_>, dst: &View, src: &View, dst_scale: &View) -> Result<InstrId, Fault> {
    cx.generation(Gen::Gen4, "quantize_mx")?;
    let src = cx.read("src", src)?;
    let dst = cx.write("dst", dst)?;
    let scale = cx.write("dst_scale", dst_scale)?;
    for (name, a) in [("src", &src), ("dst", &dst)] {
        cx.placed(name, a, &[Place::Sbuf])?;
        cx.on_chip(name, a)?;
    }
    cx.typed("src", &src, &[Dtype::Bf16, Dtype::Fp16])?;
    cx.typed("dst", &dst, &[Dtype::Fp8E5X4, Dtype::Fp8E4FnX4])?;
    groups(cx, "src", &src)?;
    cx.same_partitions("dst", &dst, "src", &src)?;
    let (p, f) = (src.first(), src.free());
    if f % 4 != 0 || dst.free() != f / 4 {
        let message = format!("{} packed elements a partition for {f} of `src`", dst.free());
        return Err(cx.fault("mx-free", "dst", message, Some("a quarter of the source's, which must be a multiple of 4")));
    }
    check_scale(cx, "dst_scale", &scale, p, f / 4)?;
    let e5 = dst.dtype == Dtype::Fp8E5X4;
    let (format, largest, limit) = if e5 { (convert::E5M2, 15, 57_344.0) } else { (convert::E4M3FN, 8, 448.0) };
    let room = match cx.m.mx_scale {
        MxScale::Headroom => 1,
        MxScale::Sample => 0,
    };
    let memory = cx.memory();
    let x = memory.all(&src);
    let columns = f / 4;
    let mut packed = vec![0u32; p * columns];
    let mut scales = memory.all_bits(&scale);
    let across = scale.free();
    for g in 0..p / 8 {
        for c in 0..columns {
            let at = |i: usize| (g * 8 + i / 4) * f + c * 4 + i % 4;
            let amax = (0..32).fold(0.0f32, |m, i| crate::alu::max(m, x[at(i)].abs()));
            // 2^(floor(log2 amax) - (largest exponent - room)).
            let code = if amax == 0.0 {
                0
            } else if amax.is_finite() {
                (exponent(amax) - (largest - room) + 127).clamp(0, 254) as u32
            } else {
                255
            };
            let factor = f64::from(convert::from_e8m0(code as u8));
            for i in 0..32 {
                // Without room the largest values of a group may lie beyond the format: they saturate.
                let q = saturated((f64::from(x[at(i)]) / factor) as f32, limit);
                packed[(g * 8 + i / 4) * columns + c] |= u32::from(format.encode(q)) << (8 * (i % 4));
            }
            scales[scale_row(g, p) * across + c] = code;
        }
    }
    clear_unused(&mut scales, across, scale.dtype, p);
    memory.write_bits(&dst, &mut Cursor::new(&dst, 0), &packed);
    memory.write_bits(&scale, &mut Cursor::new(&scale, 0), &scales);
    let cost = cx.cost(&[&src], &dst);
    Ok(cx.finish(Engine::Vector, Cost { flags: cost.flags.with(Flags::MX), ..cost }))
}

/// Rows of the scale view between the groups' belong to other scales, or to nothing: those that still hold what fresh bytes hold
/// become zero, as the vendor's references have them.
fn clear_unused(scales: &mut [u32], across: usize, dtype: Dtype, partitions: usize) {
    if dtype != Dtype::U8 || across == 0 {
        return;
    }
    let fresh = u32::from(convert::sentinel(dtype)[0]);
    let used: Vec<usize> = (0..partitions / 8).map(|g| scale_row(g, partitions)).collect();
    for (row, values) in scales.chunks_exact_mut(across).enumerate() {
        if !used.contains(&row) && values.iter().all(|v| *v == fresh) {
            values.fill(0);
        }
    }
}

/// Finite values within `limit`; infinities and NaN as they are.
fn saturated(x: f32, limit: f32) -> f32 {
    if x.is_finite() { x.clamp(-limit, limit) } else { x }
}

/// floor(log2 x) of a positive finite number.
fn exponent(x: f32) -> i32 {
    ((f64::from(x).to_bits() >> 52) & 0x7ff) as i32 - 1023
}

/// Packed elements times their scales: `[4 P][columns]`, the four of a packed element one after the other.
fn unpacked(cx: &Cx<'_>, data: &Access, scale: &Access) -> Vec<f32> {
    let memory = &cx.m.memory;
    let (p, columns) = (data.first(), data.free());
    let (bits, scales) = (memory.all_bits(data), memory.all_bits(scale));
    let mut out = vec![0.0; 4 * p * columns];
    for row in 0..p {
        let scale_at = scale_row(row / 8, p) * scale.free();
        for c in 0..columns {
            let word = bits[row * columns + c];
            let factor = convert::from_e8m0(scales[scale_at + c] as u8);
            for q in 0..4 {
                let value = match data.dtype {
                    Dtype::Fp8E5X4 => convert::E5M2_VALUES[((word >> (8 * q)) & 0xff) as usize],
                    Dtype::Fp8E4FnX4 => convert::E4M3FN_VALUES[((word >> (8 * q)) & 0xff) as usize],
                    _ => convert::e2m1((word >> (4 * q)) as u8),
                };
                out[(row * 4 + q) * columns + c] = value * factor;
            }
        }
    }
    out
}

fn matmul_mx(
    cx: &mut Cx<'_>,
    dst: &View,
    data: [&View; 2],
    scales: [&View; 2],
    accumulate: Option<bool>,
    mode: &Mode,
) -> Result<InstrId, Fault> {
    cx.generation(Gen::Gen4, "nc_matmul_mx")?;
    let a = cx.read("stationary", data[0])?;
    let b = cx.read("moving", data[1])?;
    let sa = cx.read("stationary_scale", scales[0])?;
    let sb = cx.read("moving_scale", scales[1])?;
    let dst = cx.write("dst", dst)?;
    for (name, x) in [("stationary", &a), ("moving", &b)] {
        cx.placed(name, x, &[Place::Sbuf])?;
        cx.on_chip(name, x)?;
        cx.typed(name, x, &PACKED)?;
        groups(cx, name, x)?;
    }
    cx.same_partitions("stationary", &a, "moving", &b)?;
    check_scale(cx, "stationary_scale", &sa, a.first(), a.free())?;
    check_scale(cx, "moving_scale", &sb, b.first(), b.free())?;
    cx.placed("dst", &dst, &[Place::Psum])?;
    cx.on_chip("dst", &dst)?;
    cx.typed("dst", &dst, &[Dtype::Fp32, Dtype::Bf16])?;
    let s = Sizes { k: 4 * a.first(), m: a.free(), n: b.free() };
    if !s.m.is_multiple_of(2) || s.m > 128 {
        return Err(cx.fault("stationary-size", "stationary", format!("{} columns; an even number up to 128 is needed", s.m), None));
    }
    if let Some(t) = mode.tile.filter(|t| t.columns != 128 || t.column != 0 || usize::from(t.rows) < a.first()) {
        let message = format!("tile of {} x {} at ({}, {}); only row tiles of whole columns work here", t.rows, t.columns, t.row, t.column);
        return Err(cx.fault("pe-tile", "tile_size", message, None));
    }
    let most = cx.m.generation.psum_bytes() as usize / dst.dtype.size();
    if s.n > most {
        return Err(cx.fault("moving-size", "moving", format!("{} columns; at most {most}", s.n), None));
    }
    if dst.first() != s.m || dst.free() != s.n {
        let message = format!("{} x {}, but {} x {} is needed", dst.first(), dst.free(), s.m, s.n);
        return Err(cx.fault("matmul-shape", "dst", message, None));
    }
    let accumulates = matmul::start(cx, &dst, accumulate)?;
    let (left, right) = (unpacked(cx, &a, &sa), unpacked(cx, &b, &sb));
    let product = matmul::multiply_rows(&left, &right, s);
    matmul::store(cx, &dst, &product, accumulates);
    psum::written_by_matmul(cx.m, &dst);
    if accumulates {
        cx.also_reads(&dst);
    }
    let cost = matmul::cost(cx, (&dst, &a, &b), s, mode, accumulates);
    Ok(cx.finish(Engine::Tensor, Cost { flags: cost.flags.with(Flags::MX), ..cost }))
}
