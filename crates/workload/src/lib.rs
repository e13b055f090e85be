//! Models as shapes: what a configuration file says, turned into layers with exact parameter counts and
//! FLOPs; and the words for a parallel layout and a training recipe.
//!
//! Never here: time, bandwidth, chips or money.

pub mod breakdown;
pub mod builtin;
pub mod cells;
pub mod flops;
pub mod import;
pub mod layout;
pub mod model;
pub mod recipe;

pub use breakdown::{Breakdown, Part, RunPart};
pub use builtin::{BuiltinModel, builtin, builtin_names};
pub use cells::{ArchCells, AttentionKind, from_cells};
pub use flops::{FlopsConvention, LayerFlops};
pub use import::{ImportOptions, import_config};
pub use layout::{CpMode, Layout, Recompute, Schedule, Zero};
pub use model::{Attention, AttentionMask, Ffn, Layer, LayerRun, Mla, Model, Moe, Ssm};
pub use recipe::{AttentionKernel, ExtraRecompute, Launch, Overlap, Recipe, Software, Task};
