//! Matrix products.

use crate::{Class, Cost, Engine};
use secondsource_base::Dtype;

/// Rows and columns of the tile that one core computes at a time. 128 is the side of the arrays in TPU and
/// Trainium and of the usual output tile on GPUs (CUTLASS, hipBLASLt and NKI documentation).
const TILE: f64 = 128.0;
/// Rows of the matrix instructions of NVIDIA's and AMD's tensor cores (PTX `mma.m16n8k16`, MFMA 16x16).
const FRAGMENT: f64 = 16.0;

/// Which number format a product runs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rate {
    Linear,
    Bf16,
}

impl Engine {
    /// One product of `m` x `k` by `k` x `n` in the recipe's linear format; operands and result cross HBM once.
    pub fn linear(&self, m: f64, n: f64, k: f64) -> Cost {
        let bytes = self.linear.bytes() * (m * k + k * n) + self.linear.bytes().max(2.0) * m * n;
        self.product(m, n, k, Rate::Linear, 1.0, self.fill, bytes)
    }

    /// A product of few rows, as decoding has them: `m` may be far below a tile. GPU libraries then turn the product
    /// around and cut the rows in groups of 16 (the fragment of their matrix instructions); arrays that hold the
    /// weights still (TPU, NeuronCore, Gaudi) take a whole tile's time for fewer rows than it has.
    pub fn thin(&self, m: f64, n: f64, k: f64) -> Cost {
        let flops = 2.0 * m * n * k;
        if flops <= 0.0 {
            return Cost::ZERO;
        }
        let rows = match self.class {
            Class::Gpu => (m / FRAGMENT).ceil() * FRAGMENT,
            Class::Tpu | Class::Neuron | Class::Gaudi => m.max(TILE),
        };
        let bytes = self.linear.bytes() * (m * k + k * n) + 2.0 * m * n;
        let fill = 1.0 + self.fill * self.relative_rate() * (1.0 / rows.max(TILE) + 1.0 / n.max(TILE) + 1.0 / k.max(TILE));
        let matrix = flops / self.rate_linear * (rows / m) * self.waves(m, n) * fill;
        self.powered(Cost { seconds: join(matrix, bytes / self.stream), flops, bytes, matrix_seconds: matrix, joules: 0.0 }, false)
    }

    /// Weight gradient of a linear layer: `k` x `m` by `m` x `n`, added into the gradient buffer.
    pub fn weight_gradient(&self, m: f64, n: f64, k: f64) -> Cost {
        let bytes = self.linear.bytes() * (m * k + m * n) + 2.0 * self.grad_bytes * k * n;
        self.product(k, n, m, Rate::Linear, 1.0, self.fill, bytes)
    }

    /// A product in bf16 whatever the recipe (output matrix, router).
    pub fn bf16(&self, m: f64, n: f64, k: f64) -> Cost {
        let bytes = 2.0 * (m * k + k * n + m * n);
        self.product(m, n, k, Rate::Bf16, 1.0, self.fill, bytes)
    }

    /// `experts` products of `m` x `k` by `k` x `n` each, launched together. `backward_weight` adds the
    /// accumulator traffic of weight gradients.
    pub fn grouped(&self, experts: f64, m: f64, n: f64, k: f64, backward_weight: bool) -> Cost {
        let e = self.linear.bytes();
        let bytes =
            experts * (e * (m * k) + 2.0 * m * n + if backward_weight { e * m * n + 2.0 * self.grad_bytes * k * n } else { e * k * n });
        // One expert per chip is an ordinary product; the loss grows with the number of experts that share
        // the launch and is full at eight.
        let share = (experts.max(1.0).log2() / 3.0).min(1.0);
        let efficiency = self.moe_gemm.powf(share);
        let one = if backward_weight { (k, n, m) } else { (m, n, k) };
        if self.kernels.is_some() {
            // Experts one after the other, each over all cores.
            let c = self.product(one.0, one.1, one.2, Rate::Linear, efficiency, 0.0, bytes / experts.max(1e-9));
            return c.times(experts);
        }
        let mut c = self.product(one.0 * experts, one.1, one.2, Rate::Linear, efficiency, 0.0, bytes);
        // Several experts: rows are gathered by index and edges are ragged.
        let fill = self.fill + self.moe_fill * if experts > 1.0 { 1.0 } else { 0.0 };
        let penalty = 1.0 + fill * self.relative_rate() * (1.0 / m.max(1.0) + 1.0 / n + 1.0 / k);
        c.matrix_seconds *= penalty;
        c.seconds = join(c.matrix_seconds, c.bytes / self.stream);
        self.powered(c, false)
    }

    /// A faster chip loses more elements to fill and drain: square root of its sustained rate over that of an H100.
    fn relative_rate(&self) -> f64 {
        (self.rate_bf16 / 700e12).sqrt()
    }

    #[expect(clippy::too_many_arguments, reason = "three shapes and four properties of one private kernel")]
    fn product(&self, m: f64, n: f64, k: f64, rate: Rate, efficiency: f64, fill: f64, bytes: f64) -> Cost {
        let flops = 2.0 * m * n * k;
        if flops <= 0.0 {
            return Cost::ZERO;
        }
        let bf16 = rate == Rate::Bf16;
        if let Some(kernels) = &self.kernels {
            // The kernel's time has its own transfers in it; what the operator moves beyond them may still be longer.
            let matrix = flops / (kernels.product(bf16, m, n, k) * efficiency);
            let seconds = matrix.max(bytes / self.stream);
            return self.powered(Cost { seconds, flops, bytes, matrix_seconds: matrix, joules: 0.0 }, bf16);
        }
        let rate = match rate {
            Rate::Linear => self.rate_linear,
            Rate::Bf16 => self.rate_bf16,
        };
        let padded = (m / TILE).ceil() * (n / TILE).ceil() * TILE * TILE / (m * n);
        // A dimension below one tile is padded to it, and the padding is what fills.
        let fill = 1.0 + fill * self.relative_rate() * (1.0 / m.max(TILE) + 1.0 / n.max(TILE) + 1.0 / k.max(TILE));
        let matrix = flops / (rate * efficiency) * padded.min(1.0 + TILE / m.min(n)) * self.waves(m, n) * fill;
        self.powered(Cost { seconds: join(matrix, bytes / self.stream), flops, bytes, matrix_seconds: matrix, joules: 0.0 }, bf16)
    }

    /// Loss from a partly filled last wave: tiles of 128 x 256 over the cores, softened by `wave_loss` since
    /// libraries choose other tiles or split K when the last wave is poor.
    fn waves(&self, m: f64, n: f64) -> f64 {
        if self.cores < 8.0 {
            return 1.0;
        }
        let tiles = (m / TILE).ceil() * (n / (2.0 * TILE)).ceil();
        let waves = tiles / self.cores;
        1.0 + self.wave_loss * (waves.ceil() / waves - 1.0).min(1.0)
    }

    /// Bytes per stored activation element of the linear layers' inputs.
    pub fn linear_dtype(&self) -> Dtype {
        self.linear
    }
}

/// Compute and memory overlap inside a kernel, but not perfectly: cubic norm.
fn join(compute: f64, memory: f64) -> f64 {
    (compute * compute * compute + memory * memory * memory).cbrt()
}
