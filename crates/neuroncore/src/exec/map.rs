//! Element by element: inputs to fp32 in blocks, a function over the blocks, and back, in one pass where memory allows.

use rayon::prelude::*;

use crate::Dtype;
use crate::access::{Access, Cursor};
use crate::convert;
use crate::exec::cx::Input;
use crate::exec::{Cx, shared};
use crate::memory::{BLOCK, Memory};
use crate::wide;

/// Inputs at most.
pub(crate) const INPUTS: usize = 4;
/// Elements from which an instruction is shared between threads: one operation each, or a function of tens.
pub(super) const PARALLEL: usize = 1 << 20;
pub(super) const PARALLEL_HEAVY: usize = 1 << 16;
/// Elements that one thread takes at a time.
const SHARE: usize = 16 * BLOCK;

pub(crate) type Blocks = [[f32; BLOCK]];

/// Fills block `i` from input `i`. Constants are filled once, by [`constants`].
fn load(memory: &Memory, inputs: &[Input], cursors: &mut [Option<Cursor>], blocks: &mut Blocks, n: usize) {
    for ((input, cursor), block) in inputs.iter().zip(cursors).zip(blocks) {
        if let (Input::Access(a), Some(c)) = (input, cursor) {
            memory.read(a, c, &mut block[..n]);
        }
    }
}

fn constants(inputs: &[Input], blocks: &mut Blocks, n: usize) {
    for (input, block) in inputs.iter().zip(blocks) {
        if let Input::Constant(v) = input {
            block[..n].fill(*v);
        }
    }
}

fn cursors(inputs: &[Input], start: usize) -> [Option<Cursor>; INPUTS] {
    let mut out = [None; INPUTS];
    for (slot, input) in out.iter_mut().zip(inputs) {
        if let Input::Access(a) = input {
            *slot = Some(Cursor::new(a, start));
        }
    }
    out
}

/// Rounds a block at random where the destination is below fp32; element numbers keep draws apart.
pub(crate) fn round_at_random(dtype: Dtype, key: u64, start: usize, x: &mut [f32]) {
    for (i, v) in x.iter_mut().enumerate() {
        *v = convert::stochastic(dtype, *v, draw(key, (start + i) as u64));
    }
}

/// 32 bits that depend on a key and a counter only.
pub(crate) fn draw(key: u64, counter: u64) -> u32 {
    let mut z = key.wrapping_add(counter.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 32) as u32
}

/// `dst = f(inputs)`: `f` gets the blocks of the inputs and the number of elements in them, and leaves its result
/// in block 0 (`heavy`: tens of operations each). All inputs are read before any part of `dst` that they may share is written.
pub(crate) fn map(cx: &mut Cx<'_>, dst: &Access, inputs: &[Input], heavy: bool, f: &(dyn Fn(&mut Blocks, usize) + Sync)) {
    let total = dst.elements();
    let random = cx.m.stochastic.then_some(cx.key);
    let overlaps = inputs.iter().any(|i| matches!(i, Input::Access(a) if a.may_touch(dst) && !a.same(dst)));
    let parallel = shared(total, if heavy { PARALLEL_HEAVY } else { PARALLEL });
    if overlaps || parallel {
        let size = dst.dtype.size();
        let mut raw = std::mem::take(&mut cx.m.scratch.raw);
        raw.resize(total * size, 0);
        let memory = &mut cx.m.memory;
        let one = |(share, out): (usize, &mut [u8])| {
            let mut blocks = [[0.0f32; BLOCK]; INPUTS];
            let mut at = share * SHARE;
            let mut from = cursors(inputs, at);
            constants(inputs, &mut blocks, BLOCK);
            for part in out.chunks_mut(BLOCK * size) {
                let n = part.len() / size;
                load(memory, inputs, &mut from, &mut blocks, n);
                f(&mut blocks, n);
                if let Some(key) = random {
                    round_at_random(dst.dtype, key, at, &mut blocks[0][..n]);
                }
                wide::encode(dst.dtype, &blocks[0][..n], part);
                constants(&inputs[..1], &mut blocks, BLOCK);
                at += n;
            }
        };
        if parallel {
            raw.par_chunks_mut(SHARE * size).enumerate().for_each(one);
        } else {
            raw.chunks_mut(SHARE * size).enumerate().for_each(one);
        }
        memory.write_raw(dst, &mut Cursor::new(dst, 0), &raw);
        cx.m.scratch.raw = raw;
        return;
    }
    let mut scratch = std::mem::take(&mut cx.m.scratch.blocks);
    scratch.resize(INPUTS * BLOCK, 0.0);
    let blocks = scratch.as_chunks_mut::<BLOCK>().0;
    let memory = &mut cx.m.memory;
    let mut from = cursors(inputs, 0);
    let mut to = Cursor::new(dst, 0);
    constants(inputs, blocks, total.min(BLOCK));
    let mut at = 0;
    while at < total {
        let n = (total - at).min(BLOCK);
        load(memory, inputs, &mut from, blocks, n);
        f(blocks, n);
        if let Some(key) = random {
            round_at_random(dst.dtype, key, at, &mut blocks[0][..n]);
        }
        memory.write(dst, &mut to, &blocks[0][..n]);
        constants(&inputs[..1], blocks, n);
        at += n;
    }
    cx.m.scratch.blocks = scratch;
}

/// As [`map`], on rows of `[partitions, free]`, and `fold` sees each finished row (before it is rounded to `dst`) in
/// pieces of at most [`BLOCK`] elements: it joins them into one number a row, starting from `start[row]`.
pub(crate) fn map_rows(
    cx: &mut Cx<'_>,
    dst: &Access,
    inputs: &[Input],
    start: &[f32],
    heavy: bool,
    f: &(dyn Fn(&mut Blocks, usize) + Sync),
    fold: &(dyn Fn(f32, &[f32]) -> f32 + Sync),
) -> Vec<f32> {
    let (rows, free) = (dst.first(), dst.free());
    let random = cx.m.stochastic.then_some(cx.key);
    let size = dst.dtype.size();
    let mut raw = std::mem::take(&mut cx.m.scratch.raw);
    raw.resize(rows * free * size, 0);
    let memory = &mut cx.m.memory;
    let mut results = vec![0.0; rows];
    let one = |blocks: &mut [[f32; BLOCK]; INPUTS], (row, (out, result)): (usize, (&mut [u8], &mut f32))| {
        let mut from = cursors(inputs, row * free);
        let mut sum = start.get(row).copied().unwrap_or(0.0);
        let mut at = row * free;
        for part in out.chunks_mut(BLOCK * size) {
            let n = part.len() / size;
            constants(inputs, blocks, n);
            load(memory, inputs, &mut from, blocks, n);
            f(blocks, n);
            sum = fold(sum, &blocks[0][..n]);
            if let Some(key) = random {
                round_at_random(dst.dtype, key, at, &mut blocks[0][..n]);
            }
            wide::encode(dst.dtype, &blocks[0][..n], part);
            at += n;
        }
        *result = sum;
    };
    if shared(rows * free, if heavy { PARALLEL_HEAVY } else { PARALLEL }) {
        let rows = raw.par_chunks_mut(free * size).zip(results.par_iter_mut()).enumerate().with_min_len(4);
        rows.for_each_init(|| [[0.0; BLOCK]; INPUTS], one);
    } else {
        let mut blocks = [[0.0; BLOCK]; INPUTS];
        raw.chunks_mut(free * size).zip(results.iter_mut()).enumerate().for_each(|row| one(&mut blocks, row));
    }
    memory.write_raw(dst, &mut Cursor::new(dst, 0), &raw);
    cx.m.scratch.raw = raw;
    results
}

/// Writes one number for each partition into a `[P, 1]` destination.
pub(crate) fn write_column(cx: &mut Cx<'_>, dst: &Access, values: &[f32]) {
    if cx.m.stochastic {
        let mut values = values.to_vec();
        round_at_random(dst.dtype, cx.key ^ 1, 0, &mut values);
        cx.memory().write_all(dst, &values);
    } else {
        cx.memory().write_all(dst, values);
    }
}
