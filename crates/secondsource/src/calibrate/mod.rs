//! Calibration: priors and fitted values as files, the fit itself, held-out folds.

mod ablate;
mod files;
mod fit;

pub use ablate::Ablation;
pub(crate) use ablate::ablate;
pub use files::{Calibration, Fold, Prior, Priors, SpreadGroup};
pub use fit::{Fit, fit, hold_out, predict};
