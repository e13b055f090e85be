//! DMA: copies with a change of type, gather and scatter of rows, transposes, and sums.

use crate::Dtype;
use crate::access::{Access, Cursor, Stride};
use crate::exec::Cx;
use crate::exec::cx::{Input, RowIndex, shape};
use crate::exec::map::map;
use crate::fault::Fault;
use crate::generation::Gen;
use crate::op::{AluOp, Op, OutOfBounds};
use crate::tensor::{MAX_DIMS, Place, View};
use crate::trace::{Cost, Dge, Direction, Engine, Flags, InstrId};

/// Sources of one `dma_compute` at most.
const SOURCES: usize = 16;

pub(super) fn run(cx: &mut Cx<'_>, op: &Op) -> Result<InstrId, Fault> {
    match op {
        Op::DmaCopy { dst, src, oob, dge, engine, priority } => copy(cx, dst, src, *oob, (*dge, *engine, *priority)),
        Op::DmaTranspose { dst, src, oob, dge, priority } => transpose(cx, dst, src, *oob, *dge, *priority),
        Op::DmaCompute { dst, srcs, op, scales, oob, unique } => compute(cx, dst, srcs, *op, scales, *oob, *unique),
        _ => Err(cx.fault("internal", "", "not a DMA", None)),
    }
}

/// The rows that a vector index chooses: place of each, or None where it is outside and skipped.
struct Rows {
    base: Vec<Option<Access>>,
}

/// Checks the index of an operand against its bound and places every row.
fn rows_of(cx: &Cx<'_>, operand: &'static str, at: &Access, index: RowIndex, oob: OutOfBounds) -> Result<Rows, Fault> {
    let (values, row, rows) = index;
    let step = row.saturating_mul(at.dtype.size() as i64);
    let row_end = cx.m.memory.bytes(at).len() as i64;
    let wanted = at.first();
    if values.len() < wanted {
        let message = format!("{} indices for {wanted} rows", values.len());
        return Err(cx.fault("vector-offset", operand, message, None));
    }
    let one = at.rows(0, 1);
    let reach = |s: &Stride| s.step as i64 * (s.count as i64 - 1);
    let strides = &one.strides[..usize::from(one.len)];
    let (above, below) = (strides.iter().map(|s| reach(s).max(0)).sum::<i64>(), strides.iter().map(|s| reach(s).min(0)).sum::<i64>());
    let mut base = Vec::with_capacity(wanted);
    for v in values.iter().take(wanted) {
        let start = (one.base as i64).saturating_add(v.saturating_mul(step));
        let inside = *v >= 0
            && *v < i64::from(rows)
            && start.saturating_add(below) >= 0
            && start.saturating_add(above + at.dtype.size() as i64) <= row_end;
        match (inside, oob) {
            (true, _) => base.push(Some(Access { base: start as usize, ..one })),
            (false, OutOfBounds::Skip) => base.push(None),
            (false, OutOfBounds::Error) => {
                let message = format!("index {v} of a dimension of {rows}");
                return Err(cx.fault("index-out-of-bounds", operand, message, Some("`oob_mode.skip` leaves such rows out")));
            }
        }
    }
    Ok(Rows { base })
}

/// Contiguous runs of an access, and none longer than a partition.
fn runs(a: &Access) -> usize {
    let mut free = *a;
    let mut outer = 1;
    if a.place.on_chip() && a.len > 0 {
        outer = a.strides[0].count;
        free.strides[0].count = 1;
        free.flatten();
    }
    let size = a.dtype.size() as isize;
    let inner = free.flat[usize::from(free.flat_len) - 1];
    let run = if inner.count == 1 || inner.step == size { inner.count } else { 1 };
    outer * free.elements() / run.max(1)
}

fn priced(cx: &Cx<'_>, dst: &Access, src: &Access, dge: Dge, engine: Option<Engine>, priority: u8) -> Cost {
    let rows = runs(dst).max(runs(src));
    let bytes = src.elements() as u64 * src.dtype.size() as u64;
    let direction = match (src.place, dst.place) {
        (Place::Hbm, Place::Hbm) => Direction::HbmToHbm,
        (Place::Hbm, _) => Direction::HbmToSbuf,
        (_, Place::Hbm) => Direction::SbufToHbm,
        _ => Direction::SbufToSbuf,
    };
    let cost = cx.cost(&[src], dst);
    let indirect = cost.flags.has(Flags::INDIRECT);
    let dge = match dge {
        Dge::Unknown if indirect => Dge::Software,
        Dge::Unknown if cx.m.static_descriptors => Dge::None,
        given => given,
    };
    let trigger = match (engine, dge) {
        (Some(e), _) => e,
        (None, Dge::Software) => Engine::GpSimd,
        _ => Engine::Sync,
    };
    let on_chip = if dst.place.on_chip() { dst.first() } else { src.first() };
    Cost {
        rows: rows as u32,
        row_bytes: (bytes / rows.max(1) as u64) as u32,
        bytes,
        direction,
        dge,
        trigger,
        queue: trigger as u8,
        priority,
        partitions: on_chip.min(128) as u16,
        flags: cost.flags.with_if(src.dtype != dst.dtype, Flags::CAST).with_if(engine.is_some(), Flags::ENGINE_GIVEN),
        ..cost
    }
}

fn check_places(cx: &Cx<'_>, operands: &[(&'static str, &Access)]) -> Result<(), Fault> {
    for (name, a) in operands {
        cx.placed(name, a, &[Place::Sbuf, Place::Hbm])?;
    }
    Ok(())
}

fn check_mode(cx: &Cx<'_>, dge: Dge, engine: Option<Engine>, indirect: bool, priority: u8) -> Result<(), Fault> {
    if dge == Dge::Hardware {
        cx.generation(Gen::Gen3, "hardware descriptor generation")?;
        if indirect {
            let hint = "use `dge_mode.swdge` or leave the mode out";
            return Err(cx.fault("dge-indirect", "dge_mode", "gather and scatter need software descriptor generation", Some(hint)));
        }
    }
    if dge == Dge::None && indirect {
        return Err(cx.fault("dge-indirect", "dge_mode", "gather and scatter need software descriptor generation", None));
    }
    match engine {
        Some(Engine::Sync | Engine::Scalar) if dge == Dge::Hardware => {}
        Some(Engine::GpSimd) if dge == Dge::Software => {}
        Some(_) if dge == Dge::Hardware => {
            return Err(cx.fault("dge-engine", "engine", "hardware descriptor generation starts from Sync or Scalar", None));
        }
        _ => {}
    }
    if priority > 3 {
        return Err(cx.fault("priority", "priority", format!("class {priority}; there are 0 to 3"), None));
    }
    if priority > 0 {
        cx.generation(Gen::Gen4, "DMA priority")?;
    }
    Ok(())
}

/// Copies elements in order, changing the type through fp32 where it differs.
fn move_elements(cx: &mut Cx<'_>, dst: &Access, src: &Access) {
    if dst.dtype == src.dtype {
        cx.memory().copy(dst, src);
    } else {
        // DMA rounds to nearest even only.
        let stochastic = std::mem::replace(&mut cx.m.stochastic, false);
        map(cx, dst, &[Input::Access(*src)], false, &|_, _| {});
        cx.m.stochastic = stochastic;
    }
}

/// A dynamic address outside its tensor, which the kernel has asked to skip.
fn left_out(fault: &Fault, oob: OutOfBounds) -> bool {
    oob == OutOfBounds::Skip && fault.rule == "index-out-of-bounds"
}

/// A copy that is issued and moves nothing.
fn nothing(cx: &mut Cx<'_>, dge: Dge, engine: Option<Engine>, priority: u8) -> InstrId {
    let trigger = engine.unwrap_or(if dge == Dge::Software { Engine::GpSimd } else { Engine::Sync });
    cx.forget_operands();
    let cost = Cost { rows: 1, dge, trigger, queue: trigger as u8, priority, direction: Direction::HbmToSbuf, ..Cost::NONE };
    cx.finish(Engine::Dma, Cost { flags: cost.flags.with(Flags::DYNAMIC), ..cost })
}

fn copy(
    cx: &mut Cx<'_>,
    dst: &View,
    src: &View,
    oob: OutOfBounds,
    (dge, engine, priority): (Dge, Option<Engine>, u8),
) -> Result<InstrId, Fault> {
    let (source, gather) = match cx.dma("src", src, false) {
        Err(fault) if left_out(&fault, oob) => return Ok(nothing(cx, dge, engine, priority)),
        other => other?,
    };
    let (target, scatter) = match cx.dma("dst", dst, true) {
        Err(fault) if left_out(&fault, oob) => return Ok(nothing(cx, dge, engine, priority)),
        other => other?,
    };
    // A vector index leaves one row of the access; the pattern has as many as the view says.
    let full = |a: Access, view: &View, indexed: bool| if indexed { a.rows(0, view.partitions() as usize) } else { a };
    let (source, target) = (full(source, src, gather.is_some()), full(target, dst, scatter.is_some()));
    check_places(cx, &[("src", &source), ("dst", &target)])?;
    if source.elements() != target.elements() {
        let message =
            format!("{} elements ({}), but `src` has {} ({})", target.elements(), shape(&target), source.elements(), shape(&source));
        return Err(cx.fault("elements-differ", "dst", message, None));
    }
    if source.dtype != target.dtype {
        for (name, a) in [("src", &source), ("dst", &target)] {
            if a.dtype.is_packed() || a.dtype == Dtype::E8M0 {
                return Err(cx.fault("dma-cast", name, format!("DMA does not convert {}", a.dtype.name()), None));
            }
        }
    }
    check_mode(cx, dge, engine, gather.is_some() || scatter.is_some(), priority)?;
    match (gather, scatter) {
        (None, None) => move_elements(cx, &target, &source),
        (Some(index), None) => {
            let rows = rows_of(cx, "src", &source, index, oob)?;
            let each = source.free();
            for (i, row) in rows.base.iter().enumerate() {
                if let Some(from) = row {
                    let part = section(&target, i * each, each);
                    part.iter().try_for_each(|to| copy_section(cx, to, from))?;
                }
            }
        }
        (None, Some(index)) => {
            let rows = rows_of(cx, "dst", &target, index, oob)?;
            let each = target.free();
            for (i, row) in rows.base.iter().enumerate() {
                if let Some(to) = row {
                    let part = section(&source, i * each, each);
                    part.iter().try_for_each(|from| copy_section(cx, to, from))?;
                }
            }
        }
        (Some(_), Some(_)) => {
            return Err(cx.fault("vector-offset", "dst", "only one side of a copy can have a vector index", Some("copy through SBUF")));
        }
    }
    let cost = priced(cx, &target, &source, dge, engine, priority);
    Ok(cx.finish(Engine::Dma, cost))
}

/// Elements `start..start + n` of an access, where they are whole rows of dimension 0; else a list of single elements
/// would be needed, which no documented pattern asks for.
fn section(a: &Access, start: usize, n: usize) -> Option<Access> {
    let free = a.free();
    if free > 0 && start.is_multiple_of(free) && n.is_multiple_of(free) {
        return Some(a.rows(start / free, n / free));
    }
    // One dimension: cut it.
    if usize::from(a.flat_len) == 1 {
        let mut cut = *a;
        cut.base = a.base.wrapping_add_signed(a.flat[0].step * start as isize);
        cut.strides = [Stride::default(); MAX_DIMS];
        cut.strides[0] = Stride { step: a.flat[0].step, count: n };
        cut.len = 1;
        cut.flatten();
        return Some(cut);
    }
    None
}

fn copy_section(cx: &mut Cx<'_>, to: &Access, from: &Access) -> Result<(), Fault> {
    if to.elements() != from.elements() {
        return Err(cx.fault("elements-differ", "dst", "the rows of the gather do not line up with those of the tile", None));
    }
    move_elements(cx, to, from);
    Ok(())
}

/// The order of the source dimensions in the destination.
fn axes(dims: usize) -> Option<&'static [usize]> {
    match dims {
        2 => Some(&[1, 0]),
        3 => Some(&[2, 1, 0]),
        4 => Some(&[3, 1, 2, 0]),
        _ => None,
    }
}

fn transpose(cx: &mut Cx<'_>, dst: &View, src: &View, oob: OutOfBounds, dge: Dge, priority: u8) -> Result<InstrId, Fault> {
    let (source, index) = cx.dma("src", src, false)?;
    let indirect = index.is_some();
    let source = if indirect { source.rows(0, src.partitions() as usize) } else { source };
    let target = cx.write("dst", dst)?;
    check_places(cx, &[("src", &source)])?;
    cx.placed("dst", &target, &[Place::Sbuf, Place::Hbm])?;
    cx.same_dtype("dst", &target, "src", &source)?;
    let dims: Vec<usize> = source.strides[..usize::from(source.len)].iter().map(|s| s.count).collect();
    let Some(order) = axes(dims.len()) else {
        return Err(cx.fault("transpose-dims", "src", format!("{} dimensions; 2, 3 or 4 are known", dims.len()), None));
    };
    let wanted: Vec<usize> = order.iter().map(|a| dims[*a]).collect();
    let have: Vec<usize> = target.strides[..usize::from(target.len)].iter().map(|s| s.count).collect();
    if target.elements() != source.elements() || (have.len() == wanted.len() && have != wanted) {
        let text: Vec<String> = wanted.iter().map(ToString::to_string).collect();
        return Err(cx.fault("transpose-shape", "dst", format!("{}, but {} is needed", shape(&target), text.join(" x ")), None));
    }
    let (first, last) = (dims[0], dims[dims.len() - 1]);
    if dge == Dge::Hardware || indirect {
        if source.dtype.size() != 2 {
            return Err(cx.fault("transpose-dtype", "src", format!("{} is no 2-byte type", source.dtype.name()), None));
        }
        if last > 128 {
            return Err(cx.fault("transpose-size", "src", format!("last dimension {last}; at most 128"), None));
        }
    }
    if dge == Dge::Hardware {
        let fits = if dims.len() == 2 {
            first == 16
        } else {
            [1, 2, 4, 8, 16].contains(&first) && (first * dims[dims.len() - 2]).is_multiple_of(16)
        };
        if !fits {
            let message =
                format!("first dimension {first}; hardware descriptors need 16 (2-D), or a divisor of 16 whose rows come in sixteens");
            return Err(cx.fault("transpose-size", "src", message, Some("leave `dge_mode` out")));
        }
    }
    if indirect {
        cx.generation(Gen::Gen3, "indirect transpose")?;
        if first % 16 != 0 {
            return Err(cx.fault("transpose-size", "src", format!("{first} gathered rows; a multiple of 16 is needed"), None));
        }
        if dims.len() == 4 && dims[1] != 1 && dims[2] != 1 {
            return Err(cx.fault("transpose-size", "src", "one of the two middle dimensions must be 1", None));
        }
    }
    check_mode(cx, dge, None, indirect, priority)?;
    let turned = |a: &Access| {
        let mut t = *a;
        for (to, from) in order.iter().enumerate() {
            t.strides[to] = a.strides[*from];
        }
        t.flatten();
        t
    };
    match index {
        None => {
            let from = turned(&source);
            cx.memory().copy(&target, &from);
        }
        Some(index) => {
            let rows = rows_of(cx, "src", &source, index, oob)?;
            let size = source.dtype.size();
            let each = source.free();
            let memory = cx.memory();
            // What is skipped keeps the bytes that stood at its place.
            let mut gathered = vec![None; first];
            for (slot, row) in gathered.iter_mut().zip(&rows.base) {
                *slot = row.as_ref().map(|r| {
                    let mut raw = vec![0u8; each * size];
                    memory.read_raw(r, &mut Cursor::new(r, 0), &mut raw);
                    raw
                });
            }
            let mut out = vec![0u8; first * each * size];
            memory.read_raw(&target, &mut Cursor::new(&target, 0), &mut out);
            scatter_turned(&gathered, &dims, order, size, &mut out);
            memory.write_raw(&target, &mut Cursor::new(&target, 0), &out);
        }
    }
    let cost = priced(cx, &target, &source, dge, None, priority);
    Ok(cx.finish(Engine::Dma, Cost { flags: cost.flags.with(Flags::TRANSPOSE), ..cost }))
}

/// Puts element (i, rest) of each gathered row to its place in the transposed order.
fn scatter_turned(rows: &[Option<Vec<u8>>], dims: &[usize], order: &[usize], size: usize, out: &mut [u8]) {
    // Stride of each source dimension in the destination.
    let mut strides = vec![0; dims.len()];
    let mut step = 1;
    for axis in order.iter().rev() {
        strides[*axis] = step;
        step *= dims[*axis];
    }
    for (i, row) in rows.iter().enumerate() {
        let Some(raw) = row else { continue };
        for (k, one) in raw.chunks_exact(size).enumerate() {
            let mut rest = k;
            let mut at = i * strides[0];
            for axis in (1..dims.len()).rev() {
                at += rest % dims[axis] * strides[axis];
                rest /= dims[axis];
            }
            out[at * size..(at + 1) * size].copy_from_slice(one);
        }
    }
}

fn compute(
    cx: &mut Cx<'_>,
    dst: &View,
    srcs: &[View],
    op: AluOp,
    scales: &[f32],
    oob: OutOfBounds,
    unique: bool,
) -> Result<InstrId, Fault> {
    if op != AluOp::Add {
        return Err(cx.fault("reduce-op", "reduce_op", format!("`{}`, but must be `add`", op.name()), None));
    }
    if scales.iter().any(|s| *s != 1.0) {
        return Err(cx.fault("dma-scales", "scales", "all must be 1.0", Some("scale with `tensor_scalar` first")));
    }
    if srcs.is_empty() || srcs.len() > SOURCES {
        return Err(cx.fault("dma-sources", "srcs", format!("{} sources; 1 to {SOURCES} are known", srcs.len()), None));
    }
    let indexed = |v: &View| matches!(v.indirect.as_deref(), Some(crate::Indirect::Vector { .. }));
    if indexed(dst) || srcs.iter().any(indexed) {
        return modify(cx, dst, srcs, oob, unique);
    }
    let mut inputs = Vec::new();
    for s in srcs {
        inputs.push(cx.read("srcs", s)?);
    }
    let target = cx.write("dst", dst)?;
    check_places(cx, &[("dst", &target)])?;
    for a in &inputs {
        check_places(cx, &[("srcs", a)])?;
        cx.unpacked("srcs", a)?;
        if a.elements() != target.elements() {
            let message = format!("{} elements, but `dst` has {}", a.elements(), target.elements());
            return Err(cx.fault("elements-differ", "srcs", message, None));
        }
    }
    cx.unpacked("dst", &target)?;
    let memory = cx.memory();
    let mut sum = memory.all(&inputs[0]);
    for a in &inputs[1..] {
        sum.iter_mut().zip(memory.all(a)).for_each(|(s, v)| *s += v);
    }
    memory.write_all(&target, &sum);
    let cost = priced(cx, &target, &inputs[0], Dge::None, None, 0);
    let bytes = inputs.iter().map(|a| a.elements() as u64 * a.dtype.size() as u64).sum();
    Ok(cx.finish(Engine::Dma, Cost { bytes, elements: inputs.len() as u32, ..cost }))
}

/// Read, add, write of rows chosen by a vector index: into HBM (`dst` indexed) or into SBUF (a source indexed).
fn modify(cx: &mut Cx<'_>, dst: &View, srcs: &[View], oob: OutOfBounds, unique: bool) -> Result<InstrId, Fault> {
    if srcs.len() != 2 {
        return Err(cx.fault("dma-sources", "srcs", "read-modify-write takes exactly two sources", None));
    }
    if !unique {
        return Err(cx.fault("unique-indices", "unique_indices", "indices that repeat are not supported", None));
    }
    let (target, scatter) = cx.dma("dst", dst, true)?;
    let (a, gather_a) = cx.dma("srcs", &srcs[0], false)?;
    let (b, gather_b) = cx.dma("srcs", &srcs[1], false)?;
    let indexed = [(a, gather_a, &srcs[0]), (b, gather_b, &srcs[1])];
    let Some((rows_at, index)) = indexed.iter().find_map(|(at, i, v)| i.clone().map(|i| (at.rows(0, v.partitions() as usize), i))) else {
        return Err(cx.fault("vector-offset", "srcs", "one source must carry the index of `dst`", None));
    };
    let Some(plain) = indexed.iter().find_map(|(at, i, _)| i.is_none().then_some(*at)) else {
        return Err(cx.fault("vector-offset", "srcs", "one source must be a plain tile", None));
    };
    let rows = rows_of(cx, "srcs", &rows_at, index, oob)?;
    let each = rows_at.free();
    if plain.elements() != rows_at.elements() {
        return Err(cx.fault("elements-differ", "srcs", format!("{} and {} elements", plain.elements(), rows_at.elements()), None));
    }
    let memory = cx.memory();
    let tile = memory.all(&plain);
    let into_hbm = scatter.is_some();
    let mut out = tile.clone();
    for (i, row) in rows.base.iter().enumerate() {
        let Some(row) = row else { continue };
        let mut values = memory.all(row);
        values.iter_mut().zip(&tile[i * each..]).for_each(|(v, t)| *v += t);
        if into_hbm {
            memory.write_all(row, &values);
        } else {
            out[i * each..(i + 1) * each].copy_from_slice(&values);
        }
    }
    if !into_hbm {
        memory.write_all(&target, &out);
    }
    let cost = priced(cx, if into_hbm { &rows_at } else { &target }, &plain, Dge::Software, None, 0);
    let bytes = 2 * rows_at.elements() as u64 * rows_at.dtype.size() as u64;
    Ok(cx.finish(Engine::Dma, Cost { bytes, elements: 2, ..cost }))
}
