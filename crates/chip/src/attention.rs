//! The score product of attention, fused or through memory.

use crate::{Cost, Engine};

impl Engine {
    /// Forward attention core of one chip: `tokens` queries against a mean of `keys` keys, for `heads` heads
    /// of score width `qk` and value width `v`; `seq` is the full length (what an unfused kernel computes).
    ///
    /// FLOPs: 2 x tokens x keys x heads x (qk + v) (Dao et al. 2022, with the mask's mean number of keys).
    pub fn attention_forward(&self, tokens: f64, keys: f64, seq: f64, heads: f64, qk: f64, v: f64) -> Cost {
        self.attention_core(tokens, keys, seq, heads, qk, v, 1.0)
    }

    /// Backward attention core: 2.5 times the forward products (five instead of two).
    pub fn attention_backward(&self, tokens: f64, keys: f64, seq: f64, heads: f64, qk: f64, v: f64) -> Cost {
        self.attention_core(tokens, keys, seq, heads, qk, v, 2.5)
    }

    #[expect(clippy::too_many_arguments, reason = "the shape of one private kernel")]
    fn attention_core(&self, tokens: f64, keys: f64, seq: f64, heads: f64, qk: f64, v: f64, factor: f64) -> Cost {
        if tokens <= 0.0 || heads <= 0.0 {
            return Cost::ZERO;
        }
        let flops = 2.0 * tokens * keys * heads * (qk + v) * factor;
        let io = 2.0 * tokens * heads * (qk + v) * 2.0 * if factor > 1.0 { 2.0 } else { 1.0 };
        match self.unfused_passes {
            None => {
                let own = self.kernels.as_ref().and_then(|k| k.attention(factor > 1.0, keys, (qk + v) / 2.0));
                if let Some(rate) = own {
                    // The kernel's rate counts unmasked scores only, so the mask's tiles are in it.
                    let matrix = flops / rate;
                    return self.powered(
                        Cost { seconds: matrix.max(io / self.stream), flops, bytes: io, matrix_seconds: matrix, joules: 0.0 },
                        true,
                    );
                }
                let width = ((qk + v) / 256.0).min(1.25).powf(self.attention_width);
                // Short windows leave most of each score tile masked: a tile of 128 keys on either side.
                let tile = 1.0 + 128.0 / keys.max(1.0) * 0.5;
                let matrix = flops * tile / (self.attention * width);
                self.powered(Cost { seconds: matrix.max(io / self.stream), flops, bytes: io, matrix_seconds: matrix, joules: 0.0 }, true)
            }
            Some(passes) => {
                // The whole square is computed and travels through memory.
                let square = 2.0 * tokens * seq * heads * (qk + v) * if factor > 1.0 { 2.0 } else { 1.0 };
                let matrix = square / self.attention;
                let scores = tokens * seq * heads * 2.0 * passes * if factor > 1.0 { 1.6 } else { 1.0 };
                let bytes = scores + io;
                let powered = Cost { seconds: matrix + bytes / self.stream, flops: square, bytes, matrix_seconds: matrix, joules: 0.0 };
                Cost { flops, ..self.powered(powered, true) }
            }
        }
    }
}
