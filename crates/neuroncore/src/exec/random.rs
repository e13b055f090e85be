//! Random numbers. The hardware's generators are not published; here each lane has a counter-based one, so that draws
//! depend on the seed and on how many were drawn before, and on nothing else.

use crate::Dtype;
use crate::access::{Access, Cursor};
use crate::exec::Cx;
use crate::exec::cx::Input;
use crate::exec::map::draw;
use crate::fault::Fault;
use crate::generation::Gen;
use crate::op::{Op, Operand};
use crate::tensor::{Place, View};
use crate::trace::{Engine, InstrId};

/// State words of a lane on GpSimd and on Vector.
const WORDS: [usize; 2] = [24, 6];

pub(super) fn run(cx: &mut Cx<'_>, op: &Op) -> Result<InstrId, Fault> {
    match op {
        Op::Dropout { dst, data, prob } => dropout(cx, dst, data, prob),
        Op::Rng { dst, engine } => rng(cx, dst, *engine),
        Op::Rand2 { dst, min, max } => rand2(cx, dst, min, max),
        Op::RandSetState { src, engine } => set_state(cx, src, *engine),
        Op::RandGetState { dst, engine } => get_state(cx, dst, *engine),
        Op::SetRngSeed { src } => set_seed(cx, src),
        _ => Err(cx.fault("internal", "", "no random instruction", None)),
    }
}

fn slot(engine: Engine) -> usize {
    usize::from(engine == Engine::GpSimd)
}

/// 32 random bits for each element of a tile, from its lanes' generators.
fn draws(cx: &mut Cx<'_>, engine: Engine, dst: &Access) -> Vec<u32> {
    let (rows, free) = (dst.first(), dst.free());
    let lanes = &mut cx.m.cores[usize::from(cx.core)].random[slot(engine)];
    let mut out = Vec::with_capacity(rows * free);
    for row in 0..rows {
        let (key, drawn) = &mut lanes[(dst.partition as usize + row) % 128];
        out.extend((0..free as u64).map(|i| draw(*key, *drawn + i)));
        *drawn += free as u64;
    }
    out
}

fn dropout(cx: &mut Cx<'_>, dst: &View, data: &View, prob: &Operand) -> Result<InstrId, Fault> {
    let data = cx.read("data", data)?;
    let dst = cx.write("dst", dst)?;
    for (name, a) in [("data", &data), ("dst", &dst)] {
        cx.on_chip(name, a)?;
        cx.unpacked(name, a)?;
    }
    cx.same_shape("dst", &dst, "data", &data)?;
    cx.same_dtype("dst", &dst, "data", &data)?;
    let prob = match cx.operand("prob", prob, data.first(), data.free())? {
        Input::Constant(v) => vec![v; data.elements()],
        Input::Access(a) => {
            if data.dtype.is_integer() {
                cx.typed("prob", &a, &[Dtype::Fp32])?;
            } else if !a.dtype.is_float() {
                return Err(cx.fault("dtype", "prob", format!("{} is no float type", a.dtype.name()), None));
            }
            cx.memory().all(&a)
        }
    };
    let random = draws(cx, Engine::Vector, &dst);
    let memory = cx.memory();
    let mut bits = memory.all_bits(&data);
    for ((b, r), p) in bits.iter_mut().zip(random).zip(prob) {
        // Uniform in (0, 1): never dropped at probability 0, always at 1.
        if (f64::from(r) + 0.5) / 4_294_967_296.0 < f64::from(p) {
            *b = 0;
        }
    }
    memory.write_bits(&dst, &mut Cursor::new(&dst, 0), &bits);
    let cost = cx.cost(&[&data], &dst);
    Ok(cx.finish(Engine::Vector, cost))
}

fn rng(cx: &mut Cx<'_>, dst: &View, engine: Option<Engine>) -> Result<InstrId, Fault> {
    let dst = cx.write("dst", dst)?;
    cx.on_chip("dst", &dst)?;
    cx.typed("dst", &dst, &[Dtype::I8, Dtype::I16, Dtype::I32, Dtype::U8, Dtype::U16, Dtype::U32])?;
    if engine == Some(Engine::GpSimd) {
        cx.generation(Gen::Gen3, "rng on GpSimd")?;
    }
    let ran = cx.engine(engine, &[Engine::Vector, Engine::GpSimd], &[&dst])?;
    let bits = draws(cx, ran, &dst);
    cx.memory().write_bits(&dst, &mut Cursor::new(&dst, 0), &bits);
    let cost = cx.cost(&[], &dst);
    Ok(cx.finish(ran, cost))
}

fn rand2(cx: &mut Cx<'_>, dst: &View, min: &Operand, max: &Operand) -> Result<InstrId, Fault> {
    cx.generation(Gen::Gen4, "rand2")?;
    let dst = cx.write("dst", dst)?;
    cx.on_chip("dst", &dst)?;
    cx.unpacked("dst", &dst)?;
    let (rows, free) = (dst.first(), dst.free());
    let mut ends = Vec::new();
    for (name, operand) in [("min", min), ("max", max)] {
        ends.push(match cx.operand(name, operand, rows, free)? {
            Input::Constant(v) => vec![v; rows * free],
            Input::Access(a) => {
                cx.typed(name, &a, &[Dtype::Fp32])?;
                cx.memory().all(&a)
            }
        });
    }
    if ends[0].iter().zip(&ends[1]).any(|(a, b)| a >= b) {
        return Err(cx.fault("rand-range", "min", "must be below `max`", None));
    }
    let random = draws(cx, Engine::Vector, &dst);
    let x: Vec<f32> = random
        .iter()
        .zip(ends[0].iter().zip(&ends[1]))
        .map(|(r, (a, b))| {
            let u = (f64::from(*r) + 0.5) / 4_294_967_296.0;
            (f64::from(*a) + u * (f64::from(*b) - f64::from(*a))) as f32
        })
        .collect();
    cx.memory().write_all(&dst, &x);
    let cost = cx.cost(&[], &dst);
    Ok(cx.finish(Engine::Vector, cost))
}

fn state_engine(cx: &Cx<'_>, engine: Option<Engine>) -> Result<Engine, Fault> {
    cx.generation(Gen::Gen3, "the random state")?;
    let engine = engine.unwrap_or(Engine::GpSimd);
    match engine {
        Engine::GpSimd => {}
        Engine::Vector => cx.generation(Gen::Gen4, "the random state of the Vector engine")?,
        _ => return Err(cx.fault("engine", "engine", format!("does not run on {}", engine.name()), None)),
    }
    Ok(engine)
}

fn set_state(cx: &mut Cx<'_>, src: &View, engine: Option<Engine>) -> Result<InstrId, Fault> {
    let engine = state_engine(cx, engine)?;
    let src = cx.read("src_seeds", src)?;
    cx.placed("src_seeds", &src, &[Place::Sbuf])?;
    cx.on_chip("src_seeds", &src)?;
    cx.typed("src_seeds", &src, &[Dtype::U32])?;
    cx.free_is("src_seeds", &src, WORDS[slot(engine)])?;
    let words = cx.memory().all_bits(&src);
    let first = src.partition as usize;
    let lanes = &mut cx.m.cores[usize::from(cx.core)].random[slot(engine)];
    for (row, w) in words.chunks(WORDS[slot(engine)]).enumerate() {
        let pair = |i: usize| u64::from(w[i]) | u64::from(w[i + 1]) << 32;
        // What `rand_get_state` wrote comes back as it was; any other seed is mixed in.
        let rest = w[4..].iter().fold(0u64, |h, v| {
            if h == 0 && *v == 0 { 0 } else { h.rotate_left(13) ^ (u64::from(*v) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) }
        });
        lanes[(first + row) % 128] = (pair(0) ^ rest, pair(2));
    }
    let cost = cx.cost(&[&src], &src);
    Ok(cx.finish(engine, cost))
}

fn get_state(cx: &mut Cx<'_>, dst: &View, engine: Option<Engine>) -> Result<InstrId, Fault> {
    let engine = state_engine(cx, engine)?;
    let dst = cx.write("dst", dst)?;
    if engine == Engine::GpSimd || cx.m.generation.version < Gen::Gen4 {
        cx.placed("dst", &dst, &[Place::Sbuf])?;
    }
    cx.on_chip("dst", &dst)?;
    cx.typed("dst", &dst, &[Dtype::U32])?;
    let n = WORDS[slot(engine)];
    cx.free_is("dst", &dst, n)?;
    let lanes = &cx.m.cores[usize::from(cx.core)].random[slot(engine)];
    let mut words = vec![0u32; dst.first() * n];
    for (row, w) in words.chunks_mut(n).enumerate() {
        let (key, drawn) = lanes[(dst.partition as usize + row) % 128];
        w[..4].copy_from_slice(&[key as u32, (key >> 32) as u32, drawn as u32, (drawn >> 32) as u32]);
    }
    cx.memory().write_bits(&dst, &mut Cursor::new(&dst, 0), &words);
    let cost = cx.cost(&[], &dst);
    Ok(cx.finish(engine, cost))
}

fn set_seed(cx: &mut Cx<'_>, src: &View) -> Result<InstrId, Fault> {
    let src = cx.read("src_seeds", src)?;
    cx.on_chip("src_seeds", &src)?;
    if src.elements() != 1 || src.dtype.size() != 4 {
        return Err(cx.fault("seed-shape", "src_seeds", "one 32-bit value is needed", None));
    }
    let seed = u64::from(cx.memory().all_bits(&src)[0]);
    let lanes = &mut cx.m.cores[usize::from(cx.core)].random[0];
    for (i, lane) in lanes.iter_mut().enumerate() {
        *lane = (seed ^ (i as u64) << 40, 0);
    }
    let cost = cx.cost(&[&src], &src);
    Ok(cx.finish(Engine::Vector, cost))
}
