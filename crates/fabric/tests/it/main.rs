//! Closed forms against equations, against the message simulator, and against published figures.

mod closed_forms;
mod machines;
mod monotone;
mod placement;
mod simulation;
mod topology;
