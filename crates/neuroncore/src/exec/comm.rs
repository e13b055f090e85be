//! Registers, exchange between the cores of a rank, and collectives over ranks.
//!
//! An exchange is posted by each participant and takes effect when the last one has posted its part; until then
//! the participants wait.

use crate::access::{Access, Cursor};
use crate::alu;
use crate::exec::Cx;
use crate::exec::cx::integers;
use crate::fault::Fault;
use crate::generation::Gen;
use crate::machine::Machine;
use crate::op::{AluOp, Collective, Metadata, Op, RegisterValue};
use crate::tensor::{Place, RegId, View};
use crate::trace::{Cost, Dge, Direction, Engine, Flags, InstrId};

/// What a core has posted and waits for.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "one a core, and the large variant is the common one")]
pub(crate) enum Pending {
    SendRecv { dst: Access, src: Access, send_to: u16, recv_from: u16, pipe: u32, instr: InstrId },
    Barrier { instr: InstrId },
    Collective(Box<Posted>),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Posted {
    kind: Collective,
    op: AluOp,
    dsts: Vec<Access>,
    srcs: Vec<Access>,
    /// Ranks that take part, in order.
    members: Vec<u16>,
    pairs: Vec<(u16, u16)>,
    dim: usize,
    metadata: Option<Counts>,
    instr: InstrId,
}

/// A collective of varying sizes: where its counts stand.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Counts {
    table: Access,
    counts_known: bool,
    displacements: bool,
}

impl Pending {
    fn instr(&self) -> InstrId {
        match self {
            Pending::SendRecv { instr, .. } | Pending::Barrier { instr } => *instr,
            Pending::Collective(p) => p.instr,
        }
    }
}

pub(super) fn run(cx: &mut Cx<'_>, op: &Op) -> Result<InstrId, Fault> {
    match op {
        Op::RegisterMove { dst, value } => register_move(cx, *dst, *value),
        Op::RegisterLoad { dst, src } => register_load(cx, *dst, src),
        Op::RegisterStore { dst, src } => register_store(cx, dst, *src),
        Op::SendRecv { dst, src, send_to, recv_from, pipe, gpsimd_dma } => {
            send_recv(cx, (dst, src), (*send_to, *recv_from), *pipe, *gpsimd_dma)
        }
        Op::CoreBarrier { data, engine } => barrier(cx, data.as_ref(), *engine),
        Op::Collective { kind, dsts, srcs, op, groups, pairs, dim, metadata } => {
            collective(cx, *kind, (dsts, srcs), *op, (groups, pairs), usize::from(*dim), metadata.as_deref())
        }
        _ => Err(cx.fault("internal", "", "no exchange", None)),
    }
}

fn known(cx: &Cx<'_>, operand: &'static str, r: RegId) -> Result<i32, Fault> {
    cx.m.register_value(r).ok_or_else(|| cx.fault("register", operand, "no such register", None))
}

fn register_move(cx: &mut Cx<'_>, dst: RegId, value: RegisterValue) -> Result<InstrId, Fault> {
    known(cx, "dst", dst)?;
    let value = match value {
        RegisterValue::Constant(v) => v,
        RegisterValue::Register(r) => {
            cx.reads_register(r.0);
            known(cx, "src", r)?
        }
    };
    cx.writes_register(dst.0);
    cx.m.registers[dst.0 as usize] = value;
    Ok(cx.finish(Engine::Sync, Cost { elements: 1, ..Cost::NONE }))
}

fn register_load(cx: &mut Cx<'_>, dst: RegId, src: &View) -> Result<InstrId, Fault> {
    known(cx, "dst", dst)?;
    let src = cx.read("src", src)?;
    cx.placed("src", &src, &[Place::Sbuf, Place::Hbm])?;
    if src.elements() != 1 {
        return Err(cx.fault("register-shape", "src", format!("{} elements; one is needed", src.elements()), None));
    }
    let value = integers(&cx.m.memory, &src)[0] as i32;
    cx.writes_register(dst.0);
    cx.m.registers[dst.0 as usize] = value;
    let cost = cx.cost(&[&src], &src);
    Ok(cx.finish(Engine::Sync, cost))
}

fn register_store(cx: &mut Cx<'_>, dst: &View, src: RegId) -> Result<InstrId, Fault> {
    let value = known(cx, "src", src)?;
    let dst = cx.write("dst", dst)?;
    cx.placed("dst", &dst, &[Place::Sbuf, Place::Hbm])?;
    if dst.elements() != 1 {
        return Err(cx.fault("register-shape", "dst", format!("{} elements; one is needed", dst.elements()), None));
    }
    cx.reads_register(src.0);
    if dst.dtype.is_integer() {
        cx.memory().write_bits(&dst, &mut Cursor::new(&dst, 0), &[value as u32]);
    } else {
        cx.memory().write_all(&dst, &[value as f32]);
    }
    let cost = cx.cost(&[], &dst);
    Ok(cx.finish(Engine::Sync, cost))
}

/// Gives all waiting cores of a list the same meeting and lets them go.
fn meet(m: &mut Machine, cores: &[u16]) {
    m.meetings += 1;
    for core in cores {
        if let Some(p) = m.cores[usize::from(*core)].pending.take() {
            m.trace.instrs[p.instr().0 as usize].meeting = m.meetings;
        }
    }
}

/// Takes back the part that was just posted, because it does not fit to the others'.
fn withdraw(cx: &mut Cx<'_>, fault: Fault) -> Fault {
    cx.m.cores[usize::from(cx.core)].pending = None;
    if let Some(i) = cx.m.trace.instrs.pop() {
        cx.m.trace.ranges.truncate(i.reads.start as usize);
    }
    fault
}

fn lnc_only(cx: &Cx<'_>, what: &str) -> Result<(), Fault> {
    cx.generation(Gen::Gen3, what)?;
    if cx.m.lnc < 2 {
        let message = format!("{what} joins the two physical cores of a logical one; this launch has one");
        return Err(cx.fault("lnc", "", message, Some("launch with `kernel[2]`")));
    }
    Ok(())
}

fn send_recv(cx: &mut Cx<'_>, (dst, src): (&View, &View), (to, from): (u8, u8), pipe: u32, gpsimd: bool) -> Result<InstrId, Fault> {
    lnc_only(cx, "sendrecv")?;
    let src = cx.read("src", src)?;
    let dst = cx.write("dst", dst)?;
    for (name, a) in [("src", &src), ("dst", &dst)] {
        cx.placed(name, a, &[Place::Sbuf])?;
    }
    cx.same_dtype("dst", &dst, "src", &src)?;
    cx.same_shape("dst", &dst, "src", &src)?;
    let lnc = cx.m.lnc;
    for (name, r) in [("send_to_rank", to), ("recv_from_rank", from)] {
        if u16::from(r) >= lnc {
            return Err(cx.fault("sendrecv-rank", name, format!("{r}; there are ranks 0 to {}", lnc - 1), None));
        }
    }
    let size = src.dtype.size();
    if gpsimd && src.free() * size > 256 * size {
        let message = format!("{} bytes a partition; at most {} for {}", src.free() * size, 256 * size, src.dtype.name());
        return Err(cx.fault("sendrecv-size", "src", message, Some("use `dma_engine.dma`")));
    }
    let bytes = (src.elements() * size) as u64;
    let trigger = if gpsimd { Engine::GpSimd } else { Engine::Sync };
    let cost = Cost {
        rows: src.first() as u32,
        row_bytes: (src.free() * size) as u32,
        bytes,
        direction: Direction::SbufToSbuf,
        dge: if gpsimd { Dge::Software } else { Dge::Unknown },
        trigger,
        queue: trigger as u8,
        ..cx.cost(&[&src], &dst)
    };
    let instr = cx.finish(Engine::Dma, cost);
    let first = cx.core / lnc * lnc;
    let posted = Pending::SendRecv { dst, src, send_to: first + u16::from(to), recv_from: first + u16::from(from), pipe, instr };
    cx.m.cores[usize::from(cx.core)].pending = Some(posted);
    let cores: Vec<u16> = (first..first + lnc).collect();
    let parts: Option<Vec<(u16, Pending)>> = cores
        .iter()
        .map(|c| match &cx.m.cores[usize::from(*c)].pending {
            Some(p @ Pending::SendRecv { pipe: other, .. }) if *other == pipe => Some((*c, p.clone())),
            _ => None,
        })
        .collect();
    let Some(parts) = parts else { return Ok(instr) };
    let sent = |c: u16| parts.iter().find_map(|(at, p)| (*at == c).then_some(p));
    // All sources first: an exchange may read what another part of it writes.
    let mut moves = Vec::new();
    for (core, part) in &parts {
        let Pending::SendRecv { dst, recv_from, .. } = part else { continue };
        let Some(Pending::SendRecv { src, send_to, .. }) = sent(*recv_from) else { continue };
        if send_to != core || src.elements() != dst.elements() || src.dtype != dst.dtype {
            let message = format!(
                "core {} receives from core {}, which sends to core {} or another shape",
                core % lnc,
                recv_from % lnc,
                send_to % lnc
            );
            let fault = cx.fault("sendrecv-mismatch", "recv_from_rank", message, None);
            return Err(withdraw(cx, fault));
        }
        let mut raw = vec![0u8; src.elements() * src.dtype.size()];
        cx.m.memory.read_raw(src, &mut Cursor::new(src, 0), &mut raw);
        moves.push((*dst, raw));
    }
    for (dst, raw) in moves {
        cx.memory().write_raw(&dst, &mut Cursor::new(&dst, 0), &raw);
    }
    meet(cx.m, &cores);
    Ok(instr)
}

fn barrier(cx: &mut Cx<'_>, data: Option<&View>, engine: Option<Engine>) -> Result<InstrId, Fault> {
    lnc_only(cx, "core_barrier")?;
    if let Some(data) = data {
        let data = cx.read("data", data)?;
        cx.placed("data", &data, &[Place::Hbm])?;
    }
    let engine = engine.unwrap_or(Engine::GpSimd);
    if engine == Engine::Dma {
        return Err(cx.fault("engine", "engine", "a barrier runs on an engine with an instruction stream", None));
    }
    let instr = cx.finish(engine, Cost::NONE);
    cx.m.cores[usize::from(cx.core)].pending = Some(Pending::Barrier { instr });
    let lnc = cx.m.lnc;
    let first = cx.core / lnc * lnc;
    let cores: Vec<u16> = (first..first + lnc).collect();
    let all = cores.iter().all(|c| matches!(cx.m.cores[usize::from(*c)].pending, Some(Pending::Barrier { .. })));
    if all {
        meet(cx.m, &cores);
    }
    Ok(instr)
}

fn collective(
    cx: &mut Cx<'_>,
    kind: Collective,
    (dsts, srcs): (&[View], &[View]),
    op: AluOp,
    (groups, pairs): (&[Vec<u16>], &[(u16, u16)]),
    dim: usize,
    metadata: Option<&Metadata>,
) -> Result<InstrId, Fault> {
    let sides = if kind == Collective::PermuteReduce { 2 } else { 1 };
    let varying = matches!(kind, Collective::AllGatherV | Collective::AllToAllV);
    if varying && (srcs.len() != 1 || metadata.is_none()) {
        return Err(cx.fault("collective-lists", "srcs", "exactly one tensor, and its metadata", None));
    }
    if sides * dsts.len() != srcs.len() || srcs.is_empty() {
        let message = format!("{} sources and {} destinations", srcs.len(), dsts.len());
        return Err(cx.fault("collective-lists", "srcs", message, None));
    }
    let reduces = matches!(kind, Collective::AllReduce | Collective::ReduceScatter | Collective::PermuteReduce);
    if reduces && !matches!(op, AluOp::Add | AluOp::Max | AluOp::Min) {
        let message = format!("`{}`; add, maximum and minimum are known", op.name());
        return Err(cx.fault("reduce-op", "op", message, None));
    }
    let (mut from, mut to) = (Vec::new(), Vec::new());
    for (s, d) in srcs.iter().zip(dsts.iter().cycle()) {
        let s = cx.read("srcs", s)?;
        let d = cx.write("dsts", d)?;
        for (name, a) in [("srcs", &s), ("dsts", &d)] {
            cx.placed(name, a, &[Place::Sbuf, Place::Hbm])?;
        }
        if s.place != d.place || s.place != from.first().map_or(s.place, |a: &Access| a.place) {
            return Err(cx.fault("collective-places", "dsts", "all tensors must be in HBM, or all in SBUF", None));
        }
        cx.same_dtype("dsts", &d, "srcs", &s)?;
        if kind == Collective::PermuteReduce {
            cx.same_shape("dsts", &d, "srcs", &s)?;
        }
        let hbm_only = varying || kind == Collective::AllToAll;
        // A ring sends one tensor a channel.
        let ring = matches!(kind, Collective::Permute | Collective::PermuteReduce);
        if s.place == Place::Sbuf && (hbm_only || srcs.len() > 1 && !ring) {
            return Err(cx.fault("collective-places", "srcs", "SBUF is not supported here", Some("use tensors in HBM")));
        }
        let limit = if s.place == Place::Sbuf && kind == Collective::AllGather { 1 } else { 0 };
        if dim > limit {
            return Err(cx.fault("collective-dim", "collective_dim", format!("{dim}; at most {limit} here"), None));
        }
        from.push(s);
        to.push(d);
    }
    to.truncate(dsts.len());
    let lnc = cx.m.lnc;
    let rank = cx.core / lnc;
    let ranks = cx.m.ranks();
    let members: Vec<u16> = if !pairs.is_empty() {
        let mut all: Vec<u16> = pairs.iter().flat_map(|p| [p.0, p.1]).collect();
        all.push(rank);
        all.sort_unstable();
        all.dedup();
        all
    } else if groups.is_empty() {
        (0..ranks).collect()
    } else {
        match groups.iter().find(|g| g.contains(&rank)) {
            Some(g) => g.clone(),
            None => return Err(cx.fault("replica-group", "replica_group", format!("rank {rank} is in no group"), None)),
        }
    };
    if let Some(r) = members.iter().find(|r| **r >= ranks) {
        return Err(cx.fault("replica-group", "replica_group", format!("rank {r} of {ranks}"), Some("run with more ranks")));
    }
    let counts = metadata.filter(|_| varying).map(|m| counts(cx, kind, m, members.len())).transpose()?;
    let bytes: u64 = from.iter().map(|a| (a.elements() * a.dtype.size()) as u64).sum();
    let direction = if from[0].place == Place::Hbm { Direction::HbmToHbm } else { Direction::SbufToSbuf };
    let cost = Cost { bytes, rows: members.len() as u32, direction, n: kind as u16, alu0: op as u8, ..cx.cost(&[&from[0]], &to[0]) };
    let instr = cx.finish(Engine::Dma, Cost { flags: cost.flags.with(Flags::ENGINE_GIVEN), ..cost });
    let posted = Posted { kind, op, dsts: to, srcs: from, members: members.clone(), pairs: pairs.to_vec(), dim, metadata: counts, instr };
    cx.m.cores[usize::from(cx.core)].pending = Some(Pending::Collective(Box::new(posted)));
    // Physical core i of one rank meets physical core i of the others.
    let cores: Vec<u16> = members.iter().map(|r| r * lnc + cx.core % lnc).collect();
    let parts: Option<Vec<Posted>> = cores
        .iter()
        .map(|c| match &cx.m.cores[usize::from(*c)].pending {
            Some(Pending::Collective(p)) if p.kind == kind && p.members == members => Some((**p).clone()),
            _ => None,
        })
        .collect();
    if let Some(parts) = parts {
        exchange(cx, kind, op, &parts).map_err(|fault| withdraw(cx, fault))?;
        meet(cx.m, &cores);
    }
    Ok(instr)
}

/// Checks the table of a collective of varying sizes.
fn counts(cx: &mut Cx<'_>, kind: Collective, m: &Metadata, ranks: usize) -> Result<Counts, Fault> {
    let wrong = |cx: &Cx<'_>, message: String| cx.fault("collective-metadata", "metadata_tensor", message, None);
    let table = cx.read("metadata_tensor", &m.view)?;
    if !m.counts_known {
        cx.write("metadata_tensor", &m.view)?;
    }
    cx.placed("metadata_tensor", &table, &[Place::Sbuf, Place::Hbm])?;
    cx.typed("metadata_tensor", &table, &[crate::Dtype::U32])?;
    let rows = if m.displacements { 4 } else { 3 };
    if table.elements() != rows * ranks {
        return Err(wrong(cx, format!("{} elements; {rows} rows of {ranks} ranks are needed", table.elements())));
    }
    if kind == Collective::AllGatherV {
        if cx.m.lnc != 2 || ranks != 4 {
            return Err(wrong(cx, format!("{ranks} ranks of {} cores; only 4 ranks of 2 cores can do this", cx.m.lnc)));
        }
        if m.displacements {
            return Err(wrong(cx, "receive places of one's own are not supported here".into()));
        }
    }
    Ok(Counts { table, counts_known: m.counts_known, displacements: m.displacements })
}

/// Moves the chunks of a collective of varying sizes; tensors are flat lists of elements.
fn exchange_varying(cx: &mut Cx<'_>, kind: Collective, parts: &[Posted]) -> Result<(), Fault> {
    let n = parts.len();
    let wrong = |cx: &Cx<'_>, message: String| cx.fault("collective-metadata", "metadata_tensor", message, None);
    let tables: Vec<Counts> = parts.iter().filter_map(|p| p.metadata).collect();
    if tables.len() != n {
        return Err(wrong(cx, "a rank without metadata".into()));
    }
    let values: Vec<Vec<u32>> = tables.iter().map(|c| cx.m.memory.all_bits(&c.table)).collect();
    let sent: Vec<Vec<u32>> = parts.iter().map(|p| cx.m.memory.all_bits(&p.srcs[0])).collect();
    let mut writes = Vec::with_capacity(2 * n);
    for (r, (part, table)) in parts.iter().zip(&tables).enumerate() {
        let dst = part.dsts[0];
        let mut bits = cx.m.memory.all_bits(&dst);
        let mut received = values[r].clone();
        let slot = bits.len() / n;
        for s in 0..n {
            let column = if kind == Collective::AllGatherV { 0 } else { r };
            let (count, from) = (values[s][column] as usize, values[s][n + column] as usize);
            let (to, room) = if table.displacements { (values[r][3 * n + s] as usize, bits.len()) } else { (s * slot, slot) };
            let chunk = from.checked_add(count).and_then(|end| sent[s].get(from..end));
            let place = to.checked_add(count).and_then(|end| bits.get_mut(to..end)).filter(|_| count <= room);
            let (Some(chunk), Some(place)) = (chunk, place) else {
                let message = format!("{count} elements from {from} of rank {s}, to {to} of rank {r}, leave the tensors or their slot");
                return Err(wrong(cx, message));
            };
            place.copy_from_slice(chunk);
            received[2 * n + s] = count as u32;
        }
        writes.push((dst, bits));
        if !table.counts_known {
            writes.push((table.table, received));
        }
    }
    for (to, bits) in writes {
        cx.memory().write_bits(&to, &mut Cursor::new(&to, 0), &bits);
    }
    Ok(())
}

/// Runs a collective whose participants are all there.
fn exchange(cx: &mut Cx<'_>, kind: Collective, op: AluOp, parts: &[Posted]) -> Result<(), Fault> {
    if matches!(kind, Collective::AllGatherV | Collective::AllToAllV) {
        return exchange_varying(cx, kind, parts);
    }
    let n = parts.len();
    let wrong = |cx: &Cx<'_>| cx.fault("collective-shape", "dsts", "sizes of the ranks do not fit together", None);
    for t in 0..parts[0].dsts.len() {
        let src = |r: usize| parts[r].srcs.get(t).copied();
        let sources: Option<Vec<Access>> = (0..n).map(src).collect();
        let sources = sources.ok_or_else(|| wrong(cx))?;
        // Everything is read before anything is written.
        let raw: Vec<Vec<u32>> = sources.iter().map(|a| cx.m.memory.all_bits(a)).collect();
        let values = |cx: &Cx<'_>| -> Vec<Vec<f32>> { sources.iter().map(|a| cx.m.memory.all(a)).collect() };
        let reduced = match kind {
            Collective::AllReduce | Collective::ReduceScatter => {
                let mut all = values(cx).into_iter();
                let mut sum = all.next().unwrap_or_default();
                for x in all {
                    if x.len() != sum.len() {
                        return Err(wrong(cx));
                    }
                    alu::binary(op, &mut sum, &x, false);
                }
                sum
            }
            _ => Vec::new(),
        };
        let sent: Vec<Vec<f32>> = match kind {
            Collective::PermuteReduce => parts
                .iter()
                .zip(values(cx))
                .map(|(p, mut left)| {
                    let right = p.srcs.get(p.dsts.len() + t).map(|a| cx.m.memory.all(a)).unwrap_or_default();
                    if left.len() != right.len() {
                        return Err(wrong(cx));
                    }
                    alu::binary(op, &mut left, &right, false);
                    Ok(left)
                })
                .collect::<Result<_, _>>()?,
            _ => Vec::new(),
        };
        for (r, part) in parts.iter().enumerate() {
            let (dst, dim) = (part.dsts[t], part.dim);
            match kind {
                Collective::AllReduce => {
                    if dst.elements() != reduced.len() {
                        return Err(wrong(cx));
                    }
                    cx.memory().write_all(&dst, &reduced);
                }
                Collective::ReduceScatter => {
                    let share = reduced.len() / n;
                    if dst.elements() != share || share * n != reduced.len() {
                        return Err(wrong(cx));
                    }
                    cx.memory().write_all(&dst, &reduced[r * share..(r + 1) * share]);
                }
                Collective::AllGather => {
                    for (s, x) in raw.iter().enumerate() {
                        let piece = dst.part(dim, s, n).filter(|p| p.elements() == x.len()).ok_or_else(|| wrong(cx))?;
                        cx.memory().write_bits(&piece, &mut Cursor::new(&piece, 0), x);
                    }
                }
                Collective::AllToAll => {
                    for (s, x) in raw.iter().enumerate() {
                        let share = x.len() / n;
                        let piece = dst.part(dim, s, n).filter(|p| p.elements() == share).ok_or_else(|| wrong(cx))?;
                        cx.memory().write_bits(&piece, &mut Cursor::new(&piece, 0), &x[r * share..(r + 1) * share]);
                    }
                }
                Collective::Permute | Collective::PermuteReduce => {
                    let me = part.members[r];
                    let Some((from, _)) = part.pairs.iter().find(|p| p.1 == me) else { continue };
                    let at = part.members.iter().position(|m| m == from).ok_or_else(|| wrong(cx))?;
                    if raw[at].len() != dst.elements() {
                        return Err(wrong(cx));
                    }
                    match sent.get(at) {
                        Some(values) => cx.memory().write_all(&dst, values),
                        None => cx.memory().write_bits(&dst, &mut Cursor::new(&dst, 0), &raw[at]),
                    }
                }
                // Sizes that vary have their own exchange.
                Collective::AllGatherV | Collective::AllToAllV => return Err(wrong(cx)),
            }
        }
    }
    Ok(())
}
