//! Copies, fills, and moves between partitions on chip.

use crate::Dtype;
use crate::access::{Access, Cursor};
use crate::convert;
use crate::exec::Cx;
use crate::exec::cx::Input;
use crate::exec::map::map;
use crate::fault::Fault;
use crate::generation::Gen;
use crate::op::{Op, Operand};
use crate::tensor::{Place, View};
use crate::trace::{Cost, Engine, Flags, InstrId};

pub(super) fn run(cx: &mut Cx<'_>, op: &Op) -> Result<InstrId, Fault> {
    match op {
        Op::TensorCopy { dst, src, engine } => tensor_copy(cx, dst, src, *engine),
        Op::TensorCopyPredicated { dst, src, predicate, reverse } => predicated(cx, dst, src, predicate, *reverse),
        Op::Memset { dst, value, engine } => memset(cx, dst, *value, *engine),
        Op::NcTranspose { dst, data, engine } => transpose(cx, dst, data, *engine),
        Op::NcStreamShuffle { dst, src, mask } => shuffle(cx, dst, src, mask),
        _ => Err(cx.fault("internal", "", "not a copy", None)),
    }
}

fn tensor_copy(cx: &mut Cx<'_>, dst: &View, src: &View, engine: Option<Engine>) -> Result<InstrId, Fault> {
    let src = cx.read("src", src)?;
    let dst = cx.write("dst", dst)?;
    cx.on_chip("src", &src)?;
    cx.on_chip("dst", &dst)?;
    cx.same_shape("dst", &dst, "src", &src)?;
    if src.dtype != dst.dtype {
        cx.unpacked("src", &src)?;
        cx.unpacked("dst", &dst)?;
    }
    let gen2 = cx.m.generation.version == Gen::Gen2;
    if engine == Some(Engine::Scalar) && gen2 {
        let hint = "use the Vector engine, or `activation` with `copy`";
        return Err(cx.fault("engine", "engine", "the Scalar engine of trn1 has no tensor_copy", Some(hint)));
    }
    let ran = cx.engine(engine, &[Engine::Vector, Engine::Scalar, Engine::GpSimd], &[&src, &dst])?;
    if src.dtype == dst.dtype {
        cx.memory().copy(&dst, &src);
    } else {
        map(cx, &dst, &[Input::Access(src)], false, &|_, _| {});
    }
    let cost = cx.cost(&[&src], &dst);
    Ok(cx.finish(ran, Cost { flags: cost.flags.with_if(engine.is_some(), Flags::ENGINE_GIVEN), ..cost }))
}

fn predicated(cx: &mut Cx<'_>, dst: &View, src: &Operand, predicate: &View, reverse: bool) -> Result<InstrId, Fault> {
    let predicate = cx.read("predicate", predicate)?;
    let dst = cx.write("dst", dst)?;
    cx.on_chip("predicate", &predicate)?;
    cx.on_chip("dst", &dst)?;
    cx.typed("predicate", &predicate, &[Dtype::U8, Dtype::U16, Dtype::U32])?;
    cx.same_shape("predicate", &predicate, "dst", &dst)?;
    // What is not selected stays.
    cx.also_reads(&dst);
    let take = |bits: u32| (bits != 0) != reverse;
    let mut inputs = vec![predicate];
    let values = match src {
        Operand::Value(v) => {
            let mut all = cx.memory().all_bits(&dst);
            all.fill(convert::encode_constant(dst.dtype, *v));
            all
        }
        Operand::View(v) => {
            let src = cx.read("src", v)?;
            cx.on_chip("src", &src)?;
            cx.same_dtype("src", &src, "dst", &dst)?;
            cx.same_shape("src", &src, "dst", &dst)?;
            cx.not_both_psum("src", &src, "predicate", &predicate)?;
            inputs.insert(0, src);
            cx.memory().all_bits(&src)
        }
    };
    let memory = cx.memory();
    let chosen = memory.all_bits(&predicate);
    let mut out = memory.all_bits(&dst);
    for ((o, v), p) in out.iter_mut().zip(&values).zip(&chosen) {
        *o = if take(*p) { *v } else { *o };
    }
    memory.write_bits(&dst, &mut Cursor::new(&dst, 0), &out);
    [values, chosen, out].into_iter().for_each(|v| memory.give_bits(v));
    let refs: Vec<&Access> = inputs.iter().collect();
    let cost = cx.cost(&refs, &dst);
    Ok(cx.finish(Engine::Vector, cost))
}

fn memset(cx: &mut Cx<'_>, dst: &View, value: f64, engine: Option<Engine>) -> Result<InstrId, Fault> {
    let dst = cx.write("dst", dst)?;
    cx.on_chip("dst", &dst)?;
    if dst.dtype.is_packed() && value != 0.0 {
        return Err(cx.fault(
            "memset-packed",
            "value",
            "packed types can only be set to 0",
            Some("view the tile as uint32 and set the bits"),
        ));
    }
    let ran = cx.engine(engine, &[Engine::Vector, Engine::GpSimd], &[&dst])?;
    cx.memory().fill(&dst, convert::encode_constant(dst.dtype, value));
    let cost = cx.cost(&[], &dst);
    let flags = cost.flags.with_if(value == 0.0, Flags::ZERO).with_if(engine.is_some(), Flags::ENGINE_GIVEN);
    Ok(cx.finish(ran, Cost { flags, ..cost }))
}

fn transpose(cx: &mut Cx<'_>, dst: &View, data: &View, engine: Option<Engine>) -> Result<InstrId, Fault> {
    let data = cx.read("data", data)?;
    let dst = cx.write("dst", dst)?;
    cx.on_chip("data", &data)?;
    cx.on_chip("dst", &dst)?;
    let (p, f) = (data.first(), data.free());
    if dst.first() != f || dst.free() != p {
        let message = format!("{} x {}, but the transpose of {p} x {f} is needed", dst.first(), dst.free());
        return Err(cx.fault("transpose-shape", "dst", message, None));
    }
    let small = p <= 32 && f <= 32;
    let ran = match engine {
        None if dst.place == Place::Psum && data.place == Place::Sbuf => Engine::Tensor,
        None if small => Engine::Vector,
        None => Engine::Tensor,
        Some(_) => cx.engine(engine, &[Engine::Tensor, Engine::Vector], &[])?,
    };
    let size = dst.dtype.size();
    // From trn2 on the Tensor engine moves 8-bit types in 16-bit slots.
    let slots = ran == Engine::Tensor && data.dtype.size() == 1 && size == 2;
    if !slots {
        cx.same_dtype("dst", &dst, "data", &data)?;
    }
    if ran == Engine::Tensor {
        cx.placed("data", &data, &[Place::Sbuf])?;
        cx.placed("dst", &dst, &[Place::Psum])?;
        if f > 128 {
            return Err(cx.fault("transpose-size", "data", format!("{p} x {f}; the Tensor engine transposes at most 128 x 128"), None));
        }
    } else if !small {
        let message = format!("{p} x {f}; the Vector engine transposes at most 32 x 32");
        return Err(cx.fault("transpose-size", "data", message, Some("use the Tensor engine")));
    }
    let gen2 = cx.m.generation.version == Gen::Gen2;
    let memory = cx.memory();
    let bits = memory.all_bits(&data);
    let mut turned = memory.all_bits(&data);
    turn(&bits, &mut turned, p, f);
    memory.give_bits(bits);
    if gen2 && ran == Engine::Tensor && data.dtype.is_float() {
        spread(memory, &data, &mut turned, p, f);
    }
    memory.write_bits(&dst, &mut Cursor::new(&dst, 0), &turned);
    memory.give_bits(turned);
    let cost = cx.cost(&[&data], &dst);
    let flags = cost.flags.with(Flags::TRANSPOSE).with_if(engine.is_some(), Flags::ENGINE_GIVEN);
    let flags = flags.with_if(ran == Engine::Tensor && matches!(data.dtype, Dtype::Fp32 | Dtype::Tf32), Flags::FP32);
    Ok(cx.finish(ran, Cost { flags, k: p as u16, m: f as u16, n: p as u16, ..cost }))
}

/// `to[j][i] = from[i][j]` for `p x f`, in squares that stay in the cache.
fn turn(from: &[u32], to: &mut [u32], p: usize, f: usize) {
    const SIDE: usize = 16;
    for i0 in (0..p).step_by(SIDE) {
        for j0 in (0..f).step_by(SIDE) {
            for j in j0..(j0 + SIDE).min(f) {
                for i in i0..(i0 + SIDE).min(p) {
                    to[j * p + i] = from[i * f + j];
                }
            }
        }
    }
}

/// Trainium1 multiplies by the identity: a NaN or infinity of a column reaches that whole row of the result.
fn spread(memory: &crate::memory::Memory, data: &Access, turned: &mut [u32], p: usize, f: usize) {
    let values = memory.all(data);
    for j in 0..f {
        let column = || (0..p).map(|i| values[i * f + j]);
        let bad = column().filter(|v| !v.is_finite()).count();
        if bad == 0 {
            continue;
        }
        for i in 0..p {
            let v = values[i * f + j];
            // infinity * 0 is NaN for every other place; alone it stays itself.
            if bad > 1 || v.is_finite() || v.is_nan() {
                turned[j * p + i] = convert::encode_one(data.dtype, f32::NAN);
            }
        }
    }
}

fn shuffle(cx: &mut Cx<'_>, dst: &View, src: &View, mask: &[u8; 32]) -> Result<InstrId, Fault> {
    let src = cx.read("src", src)?;
    let dst = cx.write("dst", dst)?;
    for (name, a) in [("src", &src), ("dst", &dst)] {
        cx.placed(name, a, &[Place::Sbuf, Place::Psum])?;
        if !a.regular {
            return Err(cx.fault("partition-step", name, "the first dimension must walk over partitions one by one", None));
        }
    }
    cx.same_dtype("dst", &dst, "src", &src)?;
    cx.same_free("dst", &dst, "src", &src)?;
    let active = src.first().max(dst.first()).div_ceil(32) * 32;
    let step = match active {
        96.. => 128,
        64 => 64,
        _ => 32,
    };
    for (name, a) in [("src", &src), ("dst", &dst)] {
        if a.partition % step != 0 {
            let message = format!("{active} active partitions from partition {}; they must start at a multiple of {step}", a.partition);
            return Err(cx.fault("start-partition", name, message, None));
        }
    }
    let free = src.free();
    let memory = cx.memory();
    let from = memory.all_bits(&src);
    let mut to = memory.all_bits(&dst);
    let mut keeps = false;
    for (row, out) in to.chunks_mut(free).enumerate() {
        let chosen = mask[row % 32];
        if chosen == 255 {
            keeps = true;
            continue;
        }
        let row = row / 32 * 32 + usize::from(chosen);
        if chosen >= 32 || row >= src.first() {
            let message = format!("takes partition {row} of a source of {}", src.first());
            return Err(cx.fault("shuffle-mask", "shuffle_mask", message, Some("entries are 0 to 31, or 255 to keep")));
        }
        out.copy_from_slice(&from[row * free..(row + 1) * free]);
    }
    memory.write_bits(&dst, &mut Cursor::new(&dst, 0), &to);
    [from, to].into_iter().for_each(|v| memory.give_bits(v));
    if keeps {
        cx.also_reads(&dst);
    }
    let cost = cx.cost(&[&src], &dst);
    Ok(cx.finish(Engine::Vector, cost))
}
