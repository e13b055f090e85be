//! Largest values, their places, and other searches along a partition.

use crate::Dtype;
use crate::access::{Access, Cursor};
use crate::exec::Cx;
use crate::fault::Fault;
use crate::generation::Gen;
use crate::op::Op;
use crate::tensor::{Place, View};
use crate::trace::{Cost, Engine, InstrId};

pub(super) fn run(cx: &mut Cx<'_>, op: &Op) -> Result<InstrId, Fault> {
    match op {
        Op::Max8 { dst, src } => max8(cx, dst, src),
        Op::NcFindIndex8 { dst, data, vals } => find_index8(cx, dst, data, vals),
        Op::NcMatchReplace8 { dst, data, vals, imm, dst_idx } => match_replace8(cx, dst, data, vals, *imm, dst_idx.as_ref()),
        Op::Topk { val_dst, idx_dst, src, n } => topk(cx, val_dst, idx_dst, src, *n as usize),
        Op::NonzeroWithCount { dst, src, index_offset, padding } => nonzero(cx, dst, src, *index_offset, *padding),
        Op::SequenceBounds { dst, segment_ids } => sequence_bounds(cx, dst, segment_ids),
        _ => Err(cx.fault("internal", "", "not a search", None)),
    }
}

/// 8 to 16,384 elements a partition.
fn searched(cx: &Cx<'_>, name: &'static str, a: &Access) -> Result<(), Fault> {
    cx.on_chip(name, a)?;
    cx.unpacked(name, a)?;
    if (8..=16_384).contains(&a.free()) {
        return Ok(());
    }
    Err(cx.fault("search-size", name, format!("{} elements a partition; 8 to 16384 are known", a.free()), None))
}

fn max8(cx: &mut Cx<'_>, dst: &View, src: &View) -> Result<InstrId, Fault> {
    let src = cx.read("src", src)?;
    let dst = cx.write("dst", dst)?;
    searched(cx, "src", &src)?;
    cx.on_chip("dst", &dst)?;
    cx.same_partitions("dst", &dst, "src", &src)?;
    cx.free_is("dst", &dst, 8)?;
    let x = cx.memory().all(&src);
    let mut out = Vec::with_capacity(8 * src.first());
    for row in x.chunks(src.free()) {
        // The eight largest so far, falling; an equal later value goes behind.
        let mut best = [f32::NEG_INFINITY; 8];
        for v in row {
            if *v > best[7] {
                let at = best.iter().position(|b| *v > *b).unwrap_or(7);
                best[at..].rotate_right(1);
                best[at] = *v;
            }
        }
        out.extend(best);
    }
    cx.memory().write_all(&dst, &out);
    let cost = cx.cost(&[&src], &dst);
    Ok(cx.finish(Engine::Vector, cost))
}

fn find_index8(cx: &mut Cx<'_>, dst: &View, data: &View, vals: &View) -> Result<InstrId, Fault> {
    let data = cx.read("data", data)?;
    let vals = cx.read("vals", vals)?;
    let dst = cx.write("dst", dst)?;
    searched(cx, "data", &data)?;
    for (name, a) in [("vals", &vals), ("dst", &dst)] {
        cx.on_chip(name, a)?;
        cx.same_partitions(name, a, "data", &data)?;
        cx.free_is(name, a, 8)?;
    }
    cx.typed("dst", &dst, &[Dtype::U16, Dtype::U32])?;
    let memory = cx.memory();
    let (x, v) = (memory.all(&data), memory.all(&vals));
    let mut out = Vec::with_capacity(v.len());
    for (row, wanted) in x.chunks(data.free()).zip(v.chunks(8)) {
        let mut taken = [usize::MAX; 8];
        for i in 0..8 {
            taken[i] = find(row, wanted[i], &taken[..i]);
            // All ones when it is not there.
            out.push(taken[i] as u32);
        }
    }
    memory.write_bits(&dst, &mut Cursor::new(&dst, 0), &out);
    let cost = cx.cost(&[&data, &vals], &dst);
    Ok(cx.finish(Engine::Vector, cost))
}

/// First place of a value that is not taken yet.
fn find(row: &[f32], value: f32, taken: &[usize]) -> usize {
    row.iter().enumerate().position(|(i, x)| *x == value && !taken.contains(&i)).unwrap_or(usize::MAX)
}

fn match_replace8(cx: &mut Cx<'_>, dst: &View, data: &View, vals: &View, imm: f32, dst_idx: Option<&View>) -> Result<InstrId, Fault> {
    let data = cx.read("data", data)?;
    let vals = cx.read("vals", vals)?;
    let dst = cx.write("dst", dst)?;
    searched(cx, "data", &data)?;
    cx.on_chip("vals", &vals)?;
    cx.same_partitions("vals", &vals, "data", &data)?;
    cx.free_is("vals", &vals, 8)?;
    cx.on_chip("dst", &dst)?;
    cx.same_shape("dst", &dst, "data", &data)?;
    let index = match dst_idx {
        Some(v) => {
            let a = cx.write("dst_idx", v)?;
            cx.on_chip("dst_idx", &a)?;
            cx.typed("dst_idx", &a, &[Dtype::U16, Dtype::U32])?;
            cx.same_partitions("dst_idx", &a, "data", &data)?;
            cx.free_is("dst_idx", &a, 8)?;
            Some(a)
        }
        None => None,
    };
    let memory = cx.memory();
    let (mut x, v) = (memory.all(&data), memory.all(&vals));
    let mut places = vec![u32::MAX; v.len()];
    for (r, row) in x.chunks_mut(data.free()).enumerate() {
        let mut taken = Vec::with_capacity(8);
        // From the last value to the first, so that of equal values the last has the first place.
        for i in (0..8).rev() {
            let at = find(row, v[r * 8 + i], &taken);
            if at != usize::MAX {
                taken.push(at);
                places[r * 8 + i] = at as u32;
            }
        }
        for at in taken {
            row[at] = imm;
        }
    }
    memory.write_all(&dst, &x);
    if let Some(a) = index {
        memory.write_bits(&a, &mut Cursor::new(&a, 0), &places);
    }
    let cost = cx.cost(&[&data, &vals], &dst);
    Ok(cx.finish(Engine::Vector, cost))
}

/// Groups of 16 partitions hold one list in a snake (element i in partition i mod 16, column i / 16); every partition
/// of the group gets the `k` largest, rising, and their numbers in the list. Equal values: the earlier first.
fn topk(cx: &mut Cx<'_>, val_dst: &View, idx_dst: &View, src: &View, n: usize) -> Result<InstrId, Fault> {
    let src = cx.read("src", src)?;
    let val = cx.write("val_dst", val_dst)?;
    let idx = cx.write("idx_dst", idx_dst)?;
    for (name, a, dtype) in [("src", &src, Dtype::Bf16), ("val_dst", &val, Dtype::Bf16), ("idx_dst", &idx, Dtype::U32)] {
        cx.placed(name, a, &[Place::Sbuf])?;
        cx.on_chip(name, a)?;
        cx.typed(name, a, &[dtype])?;
        cx.same_partitions(name, a, "src", &src)?;
    }
    cx.same_free("idx_dst", &idx, "val_dst", &val)?;
    let (p, width, k) = (src.first(), src.free(), val.free());
    if p % 16 != 0 {
        return Err(cx.fault("topk-partitions", "src", format!("{p} partitions; a multiple of 16 is needed"), None));
    }
    if !(8..65_536).contains(&n) || width < n.div_ceil(16) {
        return Err(cx.fault("topk-size", "n", format!("{n} elements in 16 x {width}; 8 to 65535 that fit are known"), None));
    }
    if k == 0 || k > n || k >= 32_768 {
        return Err(cx.fault("topk-k", "val_dst", format!("{k} of {n} values; 1 to {} are known", n.min(32_767)), None));
    }
    let memory = cx.memory();
    let x = memory.all(&src);
    let (mut values, mut places) = (Vec::with_capacity(p * k), Vec::with_capacity(p * k));
    for group in 0..p / 16 {
        let mut list: Vec<(f32, u32)> = (0..n).map(|i| (x[(group * 16 + i % 16) * width + i / 16], i as u32)).collect();
        list.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        list.truncate(k);
        list.reverse();
        for _ in 0..16 {
            values.extend(list.iter().map(|e| e.0));
            places.extend(list.iter().map(|e| e.1));
        }
    }
    memory.write_all(&val, &values);
    memory.write_bits(&idx, &mut Cursor::new(&idx, 0), &places);
    let cost = cx.cost(&[&src], &val);
    Ok(cx.finish(Engine::GpSimd, Cost { elements: n as u32, n: k as u16, ..cost }))
}

fn nonzero(cx: &mut Cx<'_>, dst: &View, src: &View, offset: i32, padding: i32) -> Result<InstrId, Fault> {
    cx.generation(Gen::Gen3, "nonzero_with_count")?;
    let src = cx.read("src", src)?;
    let dst = cx.write("dst", dst)?;
    for (name, a) in [("src", &src), ("dst", &dst)] {
        cx.placed(name, a, &[Place::Sbuf])?;
        cx.on_chip(name, a)?;
    }
    cx.typed("src", &src, &[Dtype::Fp32, Dtype::I32])?;
    cx.typed("dst", &dst, &[Dtype::I32])?;
    cx.same_partitions("dst", &dst, "src", &src)?;
    let t = src.free();
    if dst.free() != t + 1 {
        let message = format!("{} elements a partition, but {} are needed", dst.free(), t + 1);
        return Err(cx.fault("nonzero-shape", "dst", message, Some("one more than `src`, for the count")));
    }
    let memory = cx.memory();
    let x = memory.all(&src);
    let mut out = memory.all_bits(&dst);
    for (row, part) in out.chunks_mut(t + 1).enumerate() {
        // Each GpSimd core works on its first partition only.
        if !(src.partition as usize + row).is_multiple_of(16) {
            continue;
        }
        let found: Vec<u32> = (0..t).filter(|i| x[row * t + i] != 0.0).map(|i| (i as i32).wrapping_add(offset) as u32).collect();
        part[..t].fill(padding as u32);
        part[..found.len()].copy_from_slice(&found);
        part[t] = found.len() as u32;
    }
    memory.write_bits(&dst, &mut Cursor::new(&dst, 0), &out);
    let cost = cx.cost(&[&src], &dst);
    Ok(cx.finish(Engine::GpSimd, cost))
}

fn sequence_bounds(cx: &mut Cx<'_>, dst: &View, segment_ids: &View) -> Result<InstrId, Fault> {
    let ids = cx.read("segment_ids", segment_ids)?;
    let dst = cx.write("dst", dst)?;
    for (name, a) in [("segment_ids", &ids), ("dst", &dst)] {
        cx.placed(name, a, &[Place::Sbuf])?;
        cx.on_chip(name, a)?;
        cx.typed(name, a, &[Dtype::Fp32, Dtype::I32])?;
        if a.first() != 1 {
            return Err(cx.fault("bounds-partitions", name, format!("{} partitions; only 1 is known", a.first()), None));
        }
    }
    let n = ids.free();
    if dst.free() != 2 * n {
        return Err(cx.fault("bounds-shape", "dst", format!("{} elements, but 2 x {n} are needed", dst.free()), None));
    }
    let memory = cx.memory();
    let x = memory.all(&ids);
    let mut out = vec![0.0f32; 2 * n];
    for i in 0..n {
        out[i] = match x[i] {
            0.0 => n as f32,
            v if i > 0 && x[i - 1] == v => out[i - 1],
            _ => i as f32,
        };
        let j = n - 1 - i;
        out[n + j] = match x[j] {
            0.0 => -1.0,
            v if j + 1 < n && x[j + 1] == v => out[n + j + 1],
            _ => (j + 1) as f32,
        };
    }
    memory.write_all(&dst, &out);
    let cost = cx.cost(&[&ids], &dst);
    Ok(cx.finish(Engine::GpSimd, cost))
}
