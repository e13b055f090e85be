//! Gathers along the free dimension on the GpSimd engine.

use crate::Dtype;
use crate::access::Cursor;
use crate::exec::Cx;
use crate::fault::Fault;
use crate::op::Op;
use crate::tensor::{Place, View};
use crate::trace::{Cost, Engine, InstrId};

/// Partitions that one GpSimd core owns.
const CORE: usize = 16;

pub(super) fn run(cx: &mut Cx<'_>, op: &Op) -> Result<InstrId, Fault> {
    match op {
        Op::NcNGather { dst, data, indices } => each_partition(cx, dst, data, indices),
        Op::LocalGather { dst, src, index, elems, valid } => each_core(cx, dst, src, index, *elems as usize, *valid),
        _ => Err(cx.fault("internal", "", "not a gather", None)),
    }
}

fn each_partition(cx: &mut Cx<'_>, dst: &View, data: &View, indices: &View) -> Result<InstrId, Fault> {
    let data = cx.read("data", data)?;
    let index = cx.read("indices", indices)?;
    let dst = cx.write("dst", dst)?;
    for (name, a) in [("data", &data), ("indices", &index), ("dst", &dst)] {
        cx.placed(name, a, &[Place::Sbuf])?;
        cx.on_chip(name, a)?;
    }
    cx.typed("indices", &index, &[Dtype::U32])?;
    cx.same_dtype("dst", &dst, "data", &data)?;
    cx.same_partitions("indices", &index, "data", &data)?;
    cx.same_shape("dst", &dst, "indices", &index)?;
    let (n, count) = (data.free(), index.free());
    let memory = cx.memory();
    let values = memory.all_bits(&data);
    let mut out = memory.all_bits(&index);
    for (row, part) in out.chunks_mut(count).enumerate() {
        for v in part {
            if *v as usize >= n {
                let message = format!("index {v} of {n} elements a partition");
                return Err(cx.fault("index-out-of-bounds", "indices", message, None));
            }
            *v = values[row * n + *v as usize];
        }
    }
    memory.write_bits(&dst, &mut Cursor::new(&dst, 0), &out);
    let cost = cx.cost(&[&index, &data], &dst);
    Ok(cx.finish(Engine::GpSimd, cost))
}

fn each_core(cx: &mut Cx<'_>, dst: &View, src: &View, index: &View, elems: usize, valid: Option<u32>) -> Result<InstrId, Fault> {
    let src = cx.read("src_buffer", src)?;
    let index = cx.read("index", index)?;
    let dst = cx.write("dst", dst)?;
    for (name, a) in [("src_buffer", &src), ("index", &index), ("dst", &dst)] {
        cx.placed(name, a, &[Place::Sbuf])?;
        cx.on_chip(name, a)?;
    }
    cx.typed("index", &index, &[Dtype::U16])?;
    cx.same_dtype("dst", &dst, "src_buffer", &src)?;
    cx.same_partitions("index", &index, "src_buffer", &src)?;
    cx.same_partitions("dst", &dst, "src_buffer", &src)?;
    let (p, n, columns) = (src.first(), src.free(), index.free());
    if p % CORE != 0 {
        return Err(cx.fault("gather-partitions", "src_buffer", format!("{p} partitions; a multiple of {CORE} is needed"), None));
    }
    if ![1, 2, 4, 8, 16, 32].contains(&elems) {
        let message = format!("{elems}; 1, 2, 4, 8, 16 or 32 are known");
        return Err(cx.fault("gather-elements", "num_elem_per_idx", message, None));
    }
    let all = CORE * columns;
    let count = valid.map_or(all, |v| v as usize);
    if count > all || count > 4096 {
        let message = format!("{count} indices a core; at most {} here", all.min(4096));
        return Err(cx.fault("gather-count", "num_valid_indices", message, None));
    }
    if dst.free() != count * elems {
        let message = format!("{} elements a partition, but {count} x {elems} are gathered", dst.free());
        return Err(cx.fault("gather-shape", "dst", message, None));
    }
    let memory = cx.memory();
    let values = memory.all_bits(&src);
    let indices = memory.all_bits(&index);
    let mut out = vec![0; p * count * elems];
    for row in 0..p {
        let first = row / CORE * CORE;
        for j in 0..count {
            // Partition first, then column.
            let at = indices[(first + j % CORE) * columns + j / CORE] as usize;
            if at + elems > n {
                let message = format!("index {at} with {elems} elements of {n} a partition");
                return Err(cx.fault("index-out-of-bounds", "index", message, None));
            }
            let to = (row * count + j) * elems;
            out[to..to + elems].copy_from_slice(&values[row * n + at..row * n + at + elems]);
        }
    }
    memory.write_bits(&dst, &mut Cursor::new(&dst, 0), &out);
    let cost = cx.cost(&[&src], &dst);
    Ok(cx.finish(Engine::GpSimd, Cost { elements: count as u32, n: elems as u16, ..cost }))
}
