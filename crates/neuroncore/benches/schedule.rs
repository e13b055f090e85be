//! Scheduling: instructions a second, dependences included.

use divan::Bencher;
use divan::counter::ItemsCount;
use secondsource_neuroncore::kernels::Builder;
use secondsource_neuroncore::schedule::schedule;
use secondsource_neuroncore::trace::{Dge, OpCode, Trace};
use secondsource_neuroncore::{Dtype, Gen, Timing};

fn main() {
    divan::main();
}

/// About a million instructions: tiles loaded, multiplied eight times, copied, scaled, stored.
fn synthetic() -> Trace {
    let mut b = Builder::new(Gen::Gen3, Dge::None);
    let left = b.sbuf(128, 1024, Dtype::Bf16);
    b.load(left);
    for _ in 0..83_333 {
        let x = b.sbuf(128, 512, Dtype::Bf16);
        b.load(x);
        let sum = b.psum(128, 512);
        for k in 0..8 {
            b.matmul(sum, left.cols(k * 128, 128), x);
        }
        let (y, z) = (b.sbuf(128, 512, Dtype::Bf16), b.sbuf(128, 512, Dtype::Bf16));
        b.scalar(y, sum);
        b.vector(OpCode::TensorScalar, z, &[y]);
        b.store(z);
    }
    b.finish()
}

#[divan::bench(args = [1, 32], sample_count = 3, sample_size = 1)]
fn one_million_instructions(bencher: Bencher, window: usize) {
    let trace = synthetic();
    let t = Timing::embedded(Gen::Gen3).expect("tables");
    bencher.counter(ItemsCount::new(trace.instrs.len())).bench(|| schedule(&t, &trace, window).map(|(_, s)| s.total));
}
