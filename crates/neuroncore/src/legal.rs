//! The rules that every instruction checks, as methods of the instruction under way.
//!
//! Sources: the documentation of `nki.isa` and the architecture guides of the AWS Neuron SDK (docs/neuroncore-machine.md).

use crate::Dtype;
use crate::access::Access;
use crate::exec::Cx;
use crate::fault::Fault;
use crate::generation::Gen;
use crate::op::AluOp;
use crate::tensor::Place;
use crate::trace::Engine;

/// Most elements of a partition that one Vector, Scalar or GpSimd instruction reads or writes, in SBUF and PSUM.
const FREE_SBUF: usize = 65_536;
const FREE_PSUM: usize = 4_096;
/// Free dimensions that the hardware steps through.
const FREE_DIMS: usize = 4;

impl Cx<'_> {
    /// The instruction exists from this generation on.
    pub fn generation(&self, least: Gen, what: &str) -> Result<(), Fault> {
        let have = self.m.generation.version;
        if have >= least {
            return Ok(());
        }
        let message = format!("{what} needs {} ({}); this is {} ({})", least.chip(), least.name(), have.chip(), have.name());
        Err(self.fault("generation", "", message, None))
    }

    /// SBUF or PSUM, one partition after the other, from a partition that the hardware can start at, within the free size.
    pub fn on_chip(&self, operand: &'static str, a: &Access) -> Result<(), Fault> {
        self.placed(operand, a, &[Place::Sbuf, Place::Psum])?;
        if !a.regular {
            let hint = "take whole rows of consecutive partitions; only DMA can step over partitions";
            return Err(self.fault("partition-step", operand, "the first dimension must walk over partitions one by one", Some(hint)));
        }
        self.start_partition(operand, a)?;
        let limit = if a.place == Place::Psum { FREE_PSUM } else { FREE_SBUF };
        // Elements that a step of 0 repeats take no room in PSUM.
        let repeats = |s: &&crate::access::Stride| !(a.place == Place::Psum && s.step == 0);
        let free: usize = a.strides[1..usize::from(a.len).max(1)].iter().filter(repeats).map(|s| s.count).product();
        if free > limit {
            let message = format!("{free} elements a partition in {}; at most {limit}", a.place.name());
            return Err(self.fault("free-size", operand, message, Some("split the free dimension")));
        }
        let mut row = *a;
        row.strides[0].count = 1;
        row.flatten();
        if usize::from(row.flat_len) > FREE_DIMS {
            let message = format!("{} free dimensions that cannot be joined; at most {FREE_DIMS}", row.flat_len);
            return Err(self.fault("free-dims", operand, message, None));
        }
        Ok(())
    }

    /// More than 64 partitions start at 0, more than 32 at 0 or 64, others at a multiple of 32.
    pub fn start_partition(&self, operand: &'static str, a: &Access) -> Result<(), Fault> {
        let n = a.first();
        let (step, may) = match n {
            65.. => (128, "0"),
            33..=64 => (64, "0 or 64"),
            _ => (32, "0, 32, 64 or 96"),
        };
        if a.partition.is_multiple_of(step) {
            return Ok(());
        }
        let nearest = a.partition / step * step;
        let message = format!("{n} partitions from partition {}; they must start at {may}", a.partition);
        Err(self.fault("start-partition", operand, message, Some(&format!("start at partition {nearest}"))))
    }

    pub fn placed(&self, operand: &'static str, a: &Access, places: &[Place]) -> Result<(), Fault> {
        if places.contains(&a.place) {
            return Ok(());
        }
        let names: Vec<&str> = places.iter().map(|p| p.name()).collect();
        let hint = match (a.place, places) {
            (Place::Hbm, _) => "load it with `dma_copy` first",
            (Place::Psum, _) => "copy it to SBUF with `tensor_copy` first",
            _ => "use the other memory",
        };
        Err(self.fault("place", operand, format!("stands in {}, but must be in {}", a.place.name(), names.join(" or ")), Some(hint)))
    }

    pub fn typed(&self, operand: &'static str, a: &Access, may: &[Dtype]) -> Result<(), Fault> {
        if may.contains(&a.dtype) {
            return Ok(());
        }
        let names: Vec<&str> = may.iter().map(|d| d.name()).collect();
        Err(self.fault("dtype", operand, format!("{}, but must be {}", a.dtype.name(), names.join(", ")), None))
    }

    pub fn same_dtype(&self, operand: &'static str, a: &Access, with: &'static str, b: &Access) -> Result<(), Fault> {
        if a.dtype == b.dtype {
            return Ok(());
        }
        let message = format!("{}, but `{with}` is {}", a.dtype.name(), b.dtype.name());
        Err(self.fault("dtype-pair", operand, message, Some("both must have one type")))
    }

    /// Not one of the packed types of block formats.
    pub fn unpacked(&self, operand: &'static str, a: &Access) -> Result<(), Fault> {
        if !a.dtype.is_packed() {
            return Ok(());
        }
        let hint = "only `nc_matmul_mx`, `quantize_mx`, copies and DMA take packed types";
        Err(self.fault("dtype", operand, format!("{} is a packed type", a.dtype.name()), Some(hint)))
    }

    pub fn same_partitions(&self, operand: &'static str, a: &Access, with: &'static str, b: &Access) -> Result<(), Fault> {
        if a.first() == b.first() {
            return Ok(());
        }
        let message = format!("{} partitions, but `{with}` has {}", a.first(), b.first());
        Err(self.fault("partitions-differ", operand, message, None))
    }

    pub fn same_free(&self, operand: &'static str, a: &Access, with: &'static str, b: &Access) -> Result<(), Fault> {
        if a.free() == b.free() {
            return Ok(());
        }
        let message = format!("{} elements a partition, but `{with}` has {}", a.free(), b.free());
        Err(self.fault("free-differ", operand, message, None))
    }

    /// Element by element between two tiles of one shape.
    pub fn same_shape(&self, operand: &'static str, a: &Access, with: &'static str, b: &Access) -> Result<(), Fault> {
        self.same_partitions(operand, a, with, b)?;
        self.same_free(operand, a, with, b)
    }

    pub fn free_is(&self, operand: &'static str, a: &Access, n: usize) -> Result<(), Fault> {
        if a.free() == n {
            return Ok(());
        }
        Err(self.fault("free-size", operand, format!("{} elements a partition; exactly {n} are needed", a.free()), None))
    }

    /// The Vector engine cannot read two inputs from PSUM at a time.
    pub fn not_both_psum(&self, operand: &'static str, a: &Access, with: &'static str, b: &Access) -> Result<(), Fault> {
        if a.place != Place::Psum || b.place != Place::Psum {
            return Ok(());
        }
        let message = format!("stands in PSUM, and so does `{with}`; only one of them may");
        Err(self.fault("psum-both", operand, message, Some("copy one to SBUF with `tensor_copy`")))
    }

    /// Operators on bits take and give integers only.
    pub fn bitvec(&self, op: AluOp, operands: &[(&'static str, &Access)]) -> Result<(), Fault> {
        for (name, a) in operands {
            if op.is_bitvec() && !a.dtype.is_integer() {
                let message = format!("{}, but `{}` works on integers only", a.dtype.name(), op.name());
                return Err(self.fault("bitvec-dtype", name, message, Some("view the tile as an integer type of the same size")));
            }
        }
        Ok(())
    }

    /// Picks the engine: what the kernel said, else the first that may. GpSimd has no way to PSUM.
    pub fn engine(&self, given: Option<Engine>, may: &[Engine], touched: &[&Access]) -> Result<Engine, Fault> {
        let psum = touched.iter().any(|a| a.place == Place::Psum);
        let engine = match given {
            Some(e) if !may.contains(&e) => {
                let names: Vec<&str> = may.iter().map(|e| e.name()).collect();
                return Err(self.fault("engine", "", format!("does not run on {}; it runs on {}", e.name(), names.join(", ")), None));
            }
            Some(e) => e,
            None => may.iter().copied().find(|e| !(psum && *e == Engine::GpSimd)).unwrap_or(Engine::Vector),
        };
        if psum && engine == Engine::GpSimd {
            let hint = "use the Vector or Scalar engine, or copy to SBUF first";
            return Err(self.fault("gpsimd-psum", "", "the GpSimd engine cannot reach PSUM", Some(hint)));
        }
        Ok(engine)
    }
}
