//! Single instructions and repeated DMAs.

use super::build::Builder;
use crate::op::ActFn;
use crate::trace::{Dge, Trace};
use crate::{Dtype, Gen};

/// `copies` loads of `[partitions, row_bytes]`, one after the other in one queue.
pub fn copies(version: Gen, copies: u32, partitions: u16, row_bytes: u32) -> Trace {
    let mut b = Builder::new(version, Dge::Hardware);
    for _ in 0..copies {
        let dst = b.sbuf(partitions, row_bytes, Dtype::U8);
        b.load(dst);
    }
    b.finish()
}

/// One load of `[partitions, elements]` bf16 followed by its exponential: the documentation's profile figure.
pub fn load_and_exp(version: Gen, partitions: u16, elements: u32) -> Trace {
    let mut b = Builder::new(version, Dge::Hardware);
    let x = b.sbuf(partitions, elements, Dtype::Bf16);
    let y = b.sbuf(partitions, elements, Dtype::Bf16);
    b.load(x);
    b.act(ActFn::Exp, y, x);
    b.finish()
}
