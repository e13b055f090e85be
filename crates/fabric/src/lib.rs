//! Topology, placement of groups, and the time of collectives, in closed form and message by message.
//!
//! Three questions, three pure functions:
//! - [`place`] (or [`Slice::place`] for a job of known size): where do the members of a group sit?
//! - [`cost`]: how long does a collective of that group take, with the algorithm its library would pick?
//! - [`simulate`]: what does the same collective do message by message? It judges the closed forms in tests.
//!
//! Bandwidths are bytes per second, one direction, per chip; times are seconds; sizes are bytes.
//! Every equation and its source stands in `docs/fabric.md`.
//!
//! Never here: layers, operators, money, and any fitted number. Efficiencies, software latencies and the size
//! thresholds of libraries come in as [`Efficiency`] and [`Library`].

mod cost;
mod flat;
mod place;
pub mod simulate;
mod stage;
mod staged;
pub mod topology;
mod torus;
mod types;

pub use cost::cost;
pub use place::{MAX_LEVELS, Placement, Slice, TorusPart, place, slice_shape};
pub use types::{Algorithm, Bound, Collective, Cost, Efficiency, Library, LibraryKind, Thresholds};
