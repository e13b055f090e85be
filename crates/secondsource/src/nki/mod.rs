//! NeuronCore kernels: published timings against the instruction model, its calibration, and reports of single kernels.

mod fit;
mod kernel;
mod kernel_time;
mod own_kernel;
mod profile;
mod profile_answer;
mod table;
mod validate;

pub use fit::{NkiCalibrateAnswer, NkiParameter, calibrate};
pub use kernel::{KernelAnswer, KernelEngine, KernelLine, KernelWhatIf, kernel, kernel_names};
pub use own_kernel::{KernelSource, OwnKernel, parse_own_kernel, reported_seconds};
pub use profile::{profile, profile_file};
pub use profile_answer::{ProfileAnswer, ProfileKernel, ProfilePoint, profile_answer};
pub use table::{Quantity, Timing, read};
pub use validate::{NkiAnswer, NkiGroup, NkiKernelRank, NkiRow, validate};

/// The timing table that ships (`validation/nki_timings.csv`).
pub const EMBEDDED: &str = include_str!("../../../../validation/nki_timings.csv");

/// How far the compiler looks ahead in each engine's stream when it reorders. Longer windows change no published row by 1%.
pub const WINDOW: usize = 32;
