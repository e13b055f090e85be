//! A machine: the memories of all cores of all ranks, and what has run on them.

use crate::fault::Fault;
use crate::generation::Generation;
use crate::op::Op;
use crate::tensor::{Place, RegId, Tensor, TensorId, View};
use crate::trace::{InstrId, SourceLine, Trace};
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

/// `ranks` devices-worth of logical cores, each of `lnc` physical cores. Core `rank * lnc + i` is physical core `i` of a rank.
#[derive(Debug)]
pub struct Machine {
    generation: Generation,
    ranks: u16,
    lnc: u16,
    seed: u64,
    pub(crate) tensors: Vec<Tensor>,
    pub(crate) registers: Vec<i32>,
    trace: Trace,
}

impl Machine {
    /// `seed` feeds stochastic rounding, dropout and the random generators.
    pub fn new(generation: Generation, ranks: u16, lnc: u16, seed: u64) -> Machine {
        Machine {
            generation,
            ranks: ranks.max(1),
            lnc: lnc.max(1),
            seed,
            tensors: Vec::new(),
            registers: Vec::new(),
            trace: Trace::default(),
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

    /// A new tensor, holding NaN (4 for integers) until written.
    ///
    /// # Errors
    /// Sizes outside the memory, explicit addresses that do not fit or are misaligned.
    pub fn alloc(&mut self, _request: Allocation) -> Result<TensorId, Fault> {
        Err(Fault { rule: "unsupported", op: "alloc", operand: "", message: "not built yet".into(), hint: None })
    }

    /// The kernel no longer holds the tensor. Its bytes may be reused by later allocations.
    pub fn free(&mut self, _tensor: TensorId) {}

    pub fn tensor(&self, id: TensorId) -> Option<&Tensor> {
        self.tensors.get(id.0 as usize)
    }

    /// Fills a tensor from bytes (row by row, little-endian), outside of any kernel.
    ///
    /// # Errors
    /// A length that is not the tensor's.
    pub fn write(&mut self, _tensor: TensorId, _bytes: &[u8]) -> Result<(), Fault> {
        Err(Fault { rule: "unsupported", op: "write", operand: "", message: "not built yet".into(), hint: None })
    }

    /// All bytes of a tensor, row by row.
    pub fn read(&self, _tensor: TensorId) -> Vec<u8> {
        Vec::new()
    }

    /// The elements of a view in row-major order, as f64.
    ///
    /// # Errors
    /// A view that leaves its tensor.
    pub fn values(&self, _view: &View) -> Result<Vec<f64>, Fault> {
        Ok(Vec::new())
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
    pub fn exec(&mut self, _core: u16, op: Op, _line: SourceLine) -> Result<InstrId, Fault> {
        let _ = op.code();
        Err(Fault { rule: "unsupported", op: "exec", operand: "", message: "not built yet".into(), hint: None })
    }

    /// True while a core waits for others at a barrier, sendrecv or collective.
    pub fn waiting(&self, _core: u16) -> bool {
        false
    }

    /// Orders `later` after all of `earlier` (`NkiInstruction.depends_on`).
    pub fn depends(&mut self, _later: InstrId, _earlier: &[InstrId]) {}

    /// Begins a loop whose trip count is known only at run time; instructions until [`Machine::end_loop`] are in it.
    pub fn begin_loop(&mut self, _line: SourceLine) {}

    /// Counts one iteration of the innermost loop.
    pub fn next_trip(&mut self) {}

    pub fn end_loop(&mut self) {}

    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    /// Takes the trace, leaving an empty one (storage ids stay valid).
    pub fn take_trace(&mut self) -> Trace {
        std::mem::take(&mut self.trace)
    }

    /// The storage of a tensor.
    pub fn storage_of(&self, tensor: TensorId) -> Option<StorageId> {
        self.tensor(tensor).map(|t| t.storage)
    }
}
