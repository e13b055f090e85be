//! What was wrong with an instruction or an allocation.

use std::fmt;

/// A broken rule of the machine. The front end adds the kernel's file and line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Short stable name of the rule ("start-partition", "psum-both"...), for tests and filters.
    pub rule: &'static str,
    /// Instruction as written in `nki.isa` ("nc_matmul"), or "alloc".
    pub op: &'static str,
    /// Operand as named there ("stationary"); empty when it is about the whole.
    pub operand: &'static str,
    /// What is wrong and the limit, in one sentence without a full stop.
    pub message: String,
    /// The nearest thing that would be right.
    pub hint: Option<String>,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.op)?;
        if !self.operand.is_empty() {
            write!(f, ", `{}`", self.operand)?;
        }
        write!(f, ": {}", self.message)?;
        if let Some(hint) = &self.hint {
            write!(f, "\n  hint: {hint}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Fault {}
