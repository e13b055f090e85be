//! Calibration: priors and fitted values as files, the fit itself, held-out folds, intervals, own runs.

mod ablate;
mod files;
mod fit;
mod mine;
mod overlay;
pub mod own;
pub mod spread;
mod table;

pub use ablate::Ablation;
pub(crate) use ablate::ablate;
pub use files::{Calibration, Fold, Prior, Priors, SpreadGroup};
pub use fit::{Fit, Prediction, fit, hold_out, predict, predict_parts};
pub(crate) use fit::{huber, huber_weight, solve};
pub use overlay::{OwnRuns, OwnStack};
