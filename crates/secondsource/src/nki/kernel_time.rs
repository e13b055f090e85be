//! Time of one of the library's kernels from its profile.

use secondsource_catalog::profile::{Kernel, KernelProfile};
use secondsource_neuroncore::kernels::library::{Format, Work};

/// Seconds on one core; `rows` counts for streamed kernels only. None where the core lacks the unit.
pub(super) fn library_seconds(profile: &KernelProfile, kernel: Kernel, shape: &[f64], rows: f64) -> Option<f64> {
    let curve = profile.curve(kernel)?;
    let work = match (kernel, shape) {
        (Kernel::MatmulBf16 | Kernel::MatmulFp8 | Kernel::MatmulMxFp8, [m, n, k]) => 2.0 * m * n * k,
        (Kernel::AttentionForward, [seq, width]) => 2.0 * seq * seq * width,
        (Kernel::AttentionBackward, [seq, width]) => 5.0 * seq * seq * width,
        (_, [width]) => rows * width * streamed_bytes(kernel),
        _ => return None,
    };
    Some(work / curve.at(shape))
}

/// Bytes an element that cross device memory once.
fn streamed_bytes(kernel: Kernel) -> f64 {
    let one = |rows: u32, width: u32| match kernel {
        Kernel::Norm => Work::RmsNorm { rows, width },
        Kernel::Rotary => Work::Rotary { rows, width },
        Kernel::SwiGlu => Work::SwiGlu { rows, width },
        Kernel::Softmax => Work::Softmax { rows, width },
        Kernel::CrossEntropy => Work::CrossEntropy { rows, width },
        Kernel::AdamW => Work::AdamW { rows, width },
        Kernel::Dispatch => Work::Dispatch { rows, width },
        // Not streamed: never asked for.
        Kernel::MatmulBf16 | Kernel::MatmulFp8 | Kernel::MatmulMxFp8 | Kernel::AttentionForward | Kernel::AttentionBackward => {
            Work::Matmul { format: Format::Bf16, m: 0, n: 0, k: 0 }
        }
    };
    one(1, 1).bytes()
}
