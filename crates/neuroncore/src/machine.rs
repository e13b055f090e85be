//! A machine: the memories of all cores of all ranks, and what has run on them.

use std::collections::BTreeMap;

use crate::access::{Access, Misfit};
use crate::exec;
use crate::exec::comm::Pending;
use crate::exec::psum::PsumState;
use crate::fault::Fault;
use crate::generation::Generation;
use crate::memory::{Memory, Storage, fill_sentinel};
use crate::op::Op;
use crate::tensor::{Place, RegId, Tensor, TensorId, View};
use crate::trace::{Finding, InstrId, Loop, Range, SourceLine, Span, StorageInfo, Trace};
use crate::{Dtype, StorageId};

/// What to allocate.
#[derive(Debug, Clone, PartialEq)]
pub struct Allocation {
    pub core: u16,
    pub place: Place,
    pub dtype: Dtype,
    /// Partitions on chip; must be 1 in HBM.
    pub rows: u32,
    /// Elements of each partition; all elements in HBM.
    pub row_elements: u64,
    /// (first partition, byte in the partition): honoured, and aliasing whatever else is there.
    pub address: Option<(u32, u32)>,
    pub name: String,
    pub line: SourceLine,
}

/// How `quantize_mx` chooses the scale of a group whose largest magnitude is `a`, for a format whose largest exponent is `e`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MxScale {
    /// `2^(floor(log2 a) - (e - 1))`: the largest values round up without saturating. The vendor's rule from SDK 2.31 on.
    #[default]
    Headroom,
    /// `2^(floor(log2 a) - e)`, the sample algorithm of the OCP specification, where they saturate. SDK 2.30 and before.
    Sample,
}

/// Registers of a core's engines that outlive an instruction.
#[derive(Debug, Clone)]
pub(crate) struct CoreState {
    /// Accumulators, one a lane.
    pub vector: Vec<f32>,
    pub scalar: Vec<f32>,
    /// Random generators of the Vector and GpSimd engines, one for each lane: a key and how many were drawn.
    pub random: [Vec<(u64, u64)>; 2],
    pub pending: Option<Pending>,
}

/// Buffers that instructions use again and again, so that none asks the system for memory.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    pub blocks: Vec<f32>,
    pub raw: Vec<u8>,
    pub left: Vec<f32>,
    pub right: Vec<f32>,
    pub product: Vec<f32>,
    /// Ranges of the instruction under way.
    pub reads: Vec<Range>,
    pub writes: Vec<Range>,
}

/// `ranks` logical devices of `lnc` physical cores each. Core `rank * lnc + i` is physical core `i` of a rank.
#[derive(Debug)]
pub struct Machine {
    pub(crate) generation: Generation,
    ranks: u16,
    pub(crate) lnc: u16,
    pub(crate) seed: u64,
    pub(crate) stochastic: bool,
    pub(crate) mx_scale: MxScale,
    pub(crate) static_descriptors: bool,
    pub(crate) tensors: Vec<Tensor>,
    pub(crate) memory: Memory,
    pub(crate) registers: Vec<i32>,
    pub(crate) cores: Vec<CoreState>,
    /// What wrote each PSUM tensor, by tensor.
    pub(crate) psum: BTreeMap<u32, PsumState>,
    /// Storage of the SBUF and PSUM image of each core, made on first use.
    images: Vec<[Option<u32>; 2]>,
    /// Buffers of freed storages, to use again.
    spare: Vec<Vec<u8>>,
    pub(crate) scratch: Scratch,
    pub(crate) trace: Trace,
    lines: BTreeMap<SourceLine, u32>,
    /// The line asked for last, and its index.
    last_line: Option<(SourceLine, u32)>,
    loops: Vec<u16>,
    pub(crate) meetings: u32,
    register_storage: Option<u32>,
}

/// Buffers kept for reuse at most.
const SPARE: usize = 64;

impl Machine {
    /// `seed` feeds stochastic rounding, dropout and the random generators.
    pub fn new(generation: Generation, ranks: u16, lnc: u16, seed: u64) -> Machine {
        let (ranks, lnc) = (ranks.max(1), lnc.max(1));
        let cores = usize::from(ranks) * usize::from(lnc);
        let core = |i: usize| {
            let key = |engine: u64, lane: u64| seed ^ (engine << 48) ^ ((i as u64) << 32) ^ (lane << 16);
            let lanes = |engine: u64| (0..128).map(|lane| (key(engine, lane), 0)).collect();
            CoreState { vector: vec![0.0; 128], scalar: vec![0.0; 128], random: [lanes(1), lanes(2)], pending: None }
        };
        Machine {
            generation,
            ranks,
            lnc,
            seed,
            stochastic: false,
            mx_scale: MxScale::default(),
            static_descriptors: false,
            tensors: Vec::new(),
            memory: Memory::default(),
            registers: Vec::new(),
            cores: (0..cores).map(core).collect(),
            psum: BTreeMap::new(),
            images: vec![[None; 2]; cores],
            spare: Vec::new(),
            scratch: Scratch::default(),
            trace: Trace::default(),
            lines: BTreeMap::new(),
            last_line: None,
            loops: Vec::new(),
            meetings: 0,
            register_storage: None,
        }
    }

    pub fn generation(&self) -> &Generation {
        &self.generation
    }

    pub fn cores(&self) -> u16 {
        self.ranks * self.lnc
    }

    pub fn ranks(&self) -> u16 {
        self.ranks
    }

    pub fn lnc(&self) -> u16 {
        self.lnc
    }

    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Rounds results of the engines to types below fp32 at random instead of to nearest even.
    pub fn set_stochastic_rounding(&mut self, on: bool) {
        self.stochastic = on;
    }

    /// The rule of `quantize_mx` from here on.
    pub fn set_mx_scale(&mut self, rule: MxScale) {
        self.mx_scale = rule;
    }

    /// DMAs that leave the mode open have descriptors prepared before the kernel starts (the compiler's `--disable-dge`).
    pub fn set_static_descriptors(&mut self, on: bool) {
        self.static_descriptors = on;
    }

    /// A new tensor, holding NaN (4 for integers) until written. An explicit address keeps what stands there.
    ///
    /// # Errors
    /// Sizes outside the memory, explicit addresses that do not fit.
    pub fn alloc(&mut self, request: Allocation) -> Result<TensorId, Fault> {
        let fault = |rule, message: String, hint: Option<String>| Err(Fault { rule, op: "alloc", operand: "", message, hint });
        let g = &self.generation;
        if request.core >= self.cores() {
            return fault("core", format!("core {} of {}", request.core, self.cores()), None);
        }
        let row_bytes = request.row_elements.saturating_mul(request.dtype.size() as u64);
        let (rows, limit) = match request.place {
            Place::Sbuf => (g.partitions, u64::from(g.sbuf_physical)),
            Place::Psum => (g.partitions, u64::from(g.psum_bytes())),
            Place::Hbm => (1, u64::from(u32::MAX)),
            Place::Register => return fault("place", "tensors cannot stand in registers".into(), None),
        };
        if request.rows == 0 || request.rows > rows {
            let hint = request.place.on_chip().then(|| format!("split the first dimension into tiles of at most {rows}"));
            return fault("partitions", format!("{} partitions in {}, which has {rows}", request.rows, request.place.name()), hint);
        }
        let start = request.address.map_or(0, |a| u64::from(a.1));
        if row_bytes.saturating_add(start) > limit {
            let message = format!("{row_bytes} bytes a partition at byte {start} in {}, which has {limit}", request.place.name());
            return fault("capacity", message, Some("use a smaller tile or a lower address".into()));
        }
        let row_bytes = row_bytes as u32;
        let (storage, first_partition, first_byte) = match request.address {
            Some((partition, byte)) if request.place.on_chip() => {
                if u64::from(partition) + u64::from(request.rows) > u64::from(rows) {
                    let message = format!("partitions {partition} to {} of {rows}", u64::from(partition) + u64::from(request.rows) - 1);
                    return fault("partitions", message, None);
                }
                (self.image(request.core, request.place), partition, byte)
            }
            _ => (self.new_storage(&request, row_bytes), 0, 0),
        };
        let id = TensorId(self.tensors.len() as u32);
        let line = self.line(request.line);
        self.tensors.push(Tensor {
            name: request.name,
            place: request.place,
            core: request.core,
            dtype: request.dtype,
            storage: StorageId(storage),
            first_partition,
            first_byte,
            rows: request.rows,
            row_bytes,
            explicit: request.address.is_some() && request.place.on_chip(),
            live: true,
            line,
        });
        if request.place == Place::Psum {
            self.psum.insert(id.0, PsumState::new(request.rows, row_bytes));
        }
        Ok(id)
    }

    fn new_storage(&mut self, request: &Allocation, row_bytes: u32) -> u32 {
        let size = row_bytes as usize * request.rows as usize;
        let fits = |b: &Vec<u8>| b.capacity() >= size && b.capacity() <= 2 * size;
        let mut bytes = match self.spare.iter().rposition(fits) {
            Some(i) => self.spare.swap_remove(i),
            None => Vec::with_capacity(size),
        };
        bytes.resize(size, 0);
        fill_sentinel(&mut bytes, request.dtype);
        self.push_storage(request.place, request.core, request.rows, row_bytes, bytes, false)
    }

    fn push_storage(&mut self, place: Place, core: u16, rows: u32, pitch: u32, bytes: Vec<u8>, image: bool) -> u32 {
        let id = self.memory.storages.len() as u32;
        self.memory.storages.push(Storage { bytes, pitch: pitch as usize });
        let born = self.trace.instrs.len() as u32;
        let owner = if place == Place::Hbm { core / self.lnc * self.lnc } else { core };
        self.trace.storages.push(StorageInfo { place, core: owner, partitions: rows as u16, bytes: pitch, image, born, died: u32::MAX });
        id
    }

    fn image(&mut self, core: u16, place: Place) -> u32 {
        let slot = usize::from(place == Place::Psum);
        if let Some(id) = self.images[usize::from(core)][slot] {
            return id;
        }
        let g = &self.generation;
        let (rows, pitch) = (g.partitions, if place == Place::Psum { g.psum_bytes() } else { g.sbuf_physical });
        let mut bytes = vec![0; rows as usize * pitch as usize];
        fill_sentinel(&mut bytes, Dtype::Fp32);
        let id = self.push_storage(place, core, rows, pitch, bytes, true);
        self.images[usize::from(core)][slot] = Some(id);
        id
    }

    /// The one storage of all registers, for ranges in the trace.
    pub(crate) fn registers_storage(&mut self) -> u32 {
        match self.register_storage {
            Some(id) => id,
            None => {
                let id = self.push_storage(Place::Register, 0, 1, 0, Vec::new(), false);
                self.register_storage = Some(id);
                id
            }
        }
    }

    /// A tensor of its own for one instruction's gathered data. Removed again by `drop_temporary`.
    pub(crate) fn temporary(&mut self, like: &Access, rows: u32, row_elements: u32) -> (TensorId, u32) {
        let id = TensorId(self.tensors.len() as u32);
        let pitch = row_elements as usize * like.dtype.size();
        let storage = self.memory.storages.len() as u32;
        self.memory.storages.push(Storage { bytes: vec![0; pitch * rows as usize], pitch });
        self.tensors.push(Tensor {
            name: String::new(),
            place: like.place,
            core: 0,
            dtype: like.dtype,
            storage: StorageId(storage),
            first_partition: 0,
            first_byte: 0,
            rows,
            row_bytes: pitch as u32,
            explicit: false,
            live: true,
            line: 0,
        });
        (id, storage)
    }

    pub(crate) fn drop_temporary(&mut self) {
        self.tensors.pop();
        self.memory.storages.pop();
    }

    /// The kernel no longer holds the tensor. Its bytes may be reused by later allocations.
    pub fn free(&mut self, tensor: TensorId) {
        let now = self.trace.instrs.len() as u32;
        let Some(t) = self.tensors.get_mut(tensor.0 as usize) else { return };
        if !t.live {
            return;
        }
        t.live = false;
        let (storage, explicit) = (t.storage.0 as usize, t.explicit);
        self.psum.remove(&tensor.0);
        if explicit {
            return;
        }
        if let Some(s) = self.memory.storages.get_mut(storage) {
            let bytes = std::mem::take(&mut s.bytes);
            if self.spare.len() < SPARE {
                self.spare.push(bytes);
            }
        }
        if let Some(info) = self.trace.storages.get_mut(storage) {
            info.died = now;
        }
    }

    /// Every tensor ever allocated, freed ones included; a [`TensorId`] is an index.
    pub fn tensors(&self) -> &[Tensor] {
        &self.tensors
    }

    pub fn tensor(&self, id: TensorId) -> Option<&Tensor> {
        self.tensors.get(id.0 as usize)
    }

    /// All of a tensor as a view of its own element type: partitions (on chip), then elements.
    pub fn whole(&self, id: TensorId) -> Option<View> {
        let t = self.tensor(id)?;
        let row = t.row_bytes / t.dtype.size() as u32;
        if t.place.on_chip() {
            View::new(id, t.dtype, 0, &[(i64::from(row), t.rows), (1, row)])
        } else {
            View::new(id, t.dtype, 0, &[(1, row)])
        }
    }

    /// Fills a tensor from bytes (row by row, little-endian), outside of any kernel.
    ///
    /// # Errors
    /// A length that is not the tensor's, or a freed tensor.
    pub fn write(&mut self, tensor: TensorId, bytes: &[u8]) -> Result<(), Fault> {
        let bad = |message: String| Fault { rule: "host-write", op: "write", operand: "", message, hint: None };
        let t = self.live(tensor).ok_or_else(|| bad("no such tensor".into()))?;
        let (rows, row, first, byte, storage) =
            (t.rows, t.row_bytes as usize, t.first_partition as usize, t.first_byte as usize, t.storage.0);
        let size = rows as usize * row;
        if bytes.len() != size {
            return Err(bad(format!("{} bytes for a tensor of {size}", bytes.len())));
        }
        if self.trace.host_written.last() != Some(&StorageId(storage)) {
            self.trace.host_written.push(StorageId(storage));
        }
        let s = &mut self.memory.storages[storage as usize];
        if row > 0 {
            for (i, part) in bytes.chunks_exact(row).enumerate() {
                let at = (first + i) * s.pitch + byte;
                s.bytes[at..at + row].copy_from_slice(part);
            }
        }
        Ok(())
    }

    /// All bytes of a tensor, row by row; empty for a freed one.
    pub fn read(&self, tensor: TensorId) -> Vec<u8> {
        let Some(t) = self.live(tensor) else { return Vec::new() };
        let s = &self.memory.storages[t.storage.0 as usize];
        let row = t.row_bytes as usize;
        let mut out = Vec::with_capacity(row * t.rows as usize);
        for i in 0..t.rows as usize {
            let at = (t.first_partition as usize + i) * s.pitch + t.first_byte as usize;
            out.extend_from_slice(&s.bytes[at..at + row]);
        }
        out
    }

    fn live(&self, tensor: TensorId) -> Option<&Tensor> {
        self.tensor(tensor).filter(|t| t.live)
    }

    /// The elements of a view in row-major order, as f64. Indices of an indirect view are ignored.
    ///
    /// # Errors
    /// A view that leaves its tensor.
    pub fn values(&self, view: &View) -> Result<Vec<f64>, Fault> {
        let access = self.place("values", "view", view)?;
        if matches!(access.dtype, Dtype::I32 | Dtype::U32) {
            let signed = access.dtype == Dtype::I32;
            let value = |b: u32| if signed { f64::from(b as i32) } else { f64::from(b) };
            return Ok(self.memory.all_bits(&access).into_iter().map(value).collect());
        }
        Ok(self.memory.all(&access).into_iter().map(f64::from).collect())
    }

    /// Checks a view against its tensor; indices are not looked at.
    pub(crate) fn place(&self, op: &'static str, operand: &'static str, view: &View) -> Result<Access, Fault> {
        let fault = |rule, message: String, hint: Option<&str>| Fault { rule, op, operand, message, hint: hint.map(str::to_owned) };
        let Some(t) = self.tensor(view.tensor) else {
            return Err(fault("tensor", "no such tensor".into(), None));
        };
        if !t.live {
            return Err(fault("freed", format!("`{}` was freed", t.name), None));
        }
        let pitch = self.memory.storages[t.storage.0 as usize].pitch;
        Access::place(view, t, pitch).map_err(|m| match m {
            Misfit::Row => {
                fault("row", format!("a row of {} bytes is no whole number of {} elements", t.row_bytes, view.dtype.name()), None)
            }
            Misfit::Partition(low, high, rows) => {
                fault("out-of-bounds", format!("reaches partitions {low} to {high} of a tensor of {rows}"), None)
            }
            Misfit::Free(low, high, row) => {
                let hint = "slice inside the tensor, or allocate a larger one";
                let what = if t.place.on_chip() { "a partition" } else { "the tensor" };
                fault("out-of-bounds", format!("reaches elements {low} to {high}, but {what} has {row}"), Some(hint))
            }
        })
    }

    /// A new register (0 until written).
    pub fn register(&mut self) -> RegId {
        self.registers.push(0);
        RegId(self.registers.len() as u32 - 1)
    }

    pub fn register_value(&self, register: RegId) -> Option<i32> {
        self.registers.get(register.0 as usize).copied()
    }

    /// Runs one instruction on a core: checks it, computes, and appends it to the trace.
    ///
    /// `send_recv`, `core_barrier` and collectives take effect when the last participant has issued its part;
    /// until then [`Machine::waiting`] is true for the cores that have, and they must issue nothing else.
    ///
    /// # Errors
    /// The rule that the instruction breaks; memory and trace are then unchanged.
    pub fn exec(&mut self, core: u16, op: Op, line: SourceLine) -> Result<InstrId, Fault> {
        exec::run(self, core, &op, line)
    }

    /// True while a core waits for others at a barrier, sendrecv or collective.
    pub fn waiting(&self, core: u16) -> bool {
        self.cores.get(usize::from(core)).is_some_and(|c| c.pending.is_some())
    }

    /// Orders `later` after all of `earlier` (`NkiInstruction.depends_on`).
    pub fn depends(&mut self, later: InstrId, earlier: &[InstrId]) {
        let Some(instr) = self.trace.instrs.get_mut(later.0 as usize) else { return };
        let old = instr.after;
        let start = self.trace.after.len() as u32;
        let had: Vec<InstrId> = self.trace.after.get(old.start as usize..old.start as usize + usize::from(old.len)).unwrap_or(&[]).to_vec();
        self.trace.after.extend(had);
        self.trace.after.extend(earlier.iter().filter(|e| e.0 < later.0));
        let len = (self.trace.after.len() as u32 - start).min(u32::from(u16::MAX));
        instr.after = Span { start, len: len as u16 };
    }

    /// Begins a loop whose trip count is known only at run time; instructions until [`Machine::end_loop`] are in it.
    pub fn begin_loop(&mut self, line: SourceLine) {
        let line = self.line(line);
        let now = InstrId(self.trace.instrs.len() as u32);
        let parent = self.current_loop();
        if self.trace.loops.len() < usize::from(u16::MAX) {
            self.trace.loops.push(Loop { line, parent, first: now, end: now, trips: 0 });
        }
        self.loops.push(self.trace.loops.len() as u16);
    }

    /// Counts one iteration of the innermost loop.
    pub fn next_trip(&mut self) {
        if let Some(l) = self.loops.last().and_then(|l| self.trace.loops.get_mut(usize::from(*l) - 1)) {
            l.trips += 1;
        }
    }

    pub fn end_loop(&mut self) {
        let now = InstrId(self.trace.instrs.len() as u32);
        if let Some(l) = self.loops.pop().and_then(|l| self.trace.loops.get_mut(usize::from(l) - 1)) {
            l.end = now;
        }
    }

    pub(crate) fn current_loop(&self) -> u16 {
        self.loops.last().copied().unwrap_or(0)
    }

    /// Index of a source line in the trace.
    pub(crate) fn line(&mut self, line: SourceLine) -> u32 {
        match self.last_line {
            Some((last, i)) if last == line => i,
            _ => {
                let lines = &mut self.trace.lines;
                let i = *self.lines.entry(line).or_insert_with(|| {
                    lines.push(line);
                    lines.len() as u32 - 1
                });
                self.last_line = Some((line, i));
                i
            }
        }
    }

    pub(crate) fn find(&mut self, finding: Finding) {
        // The same rule at the same line is told once.
        if self.trace.findings.iter().all(|f| (f.rule, f.line) != (finding.rule, finding.line)) {
            self.trace.findings.push(finding);
        }
    }

    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    /// Takes the trace, leaving one without instructions (storages and lines keep their numbers).
    pub fn take_trace(&mut self) -> Trace {
        let mut host_written = self.trace.host_written.clone();
        host_written.sort_unstable();
        host_written.dedup();
        let (storages, lines) = (self.trace.storages.clone(), self.trace.lines.clone());
        let rest = Trace { storages, lines, host_written, ..Trace::default() };
        std::mem::replace(&mut self.trace, rest)
    }

    /// The storage of a tensor.
    pub fn storage_of(&self, tensor: TensorId) -> Option<StorageId> {
        self.tensor(tensor).map(|t| t.storage)
    }
}
