//! Chips, nodes, racks, links, prices and sources as checked values; the embedded default and user overlays.
//!
//! Never here: operators, layouts, or any figure that is not in a data file.

pub mod calibration;
mod catalog;
pub mod fields;
pub mod hardware;
mod merge;
mod power;
pub mod prices;
pub mod profile;
mod read;
mod resolve;
mod series;
mod sheet;
mod types;
pub mod walk;

pub use catalog::{Catalog, embedded_files};
pub use hardware::{ChipKernels, ChipPower, ChipSpec, Hardware, NetworkLevel, ScaleUpShape};
pub use merge::check;
pub use series::{HistoryRow, Statement, SupplyRow};
pub use sheet::{ListRow, Sheet, SheetLevel, SheetRow, SourceRef};
pub use types::{Chip, Fact, Facts, FigureSet, Figures, Level, Link, Price, Reference, Shape, Source, System, Table, Thing};
