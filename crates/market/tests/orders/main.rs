//! Orders: what a book promises and never promises twice.

mod book;
mod capable;
mod desk;
mod line;
mod plan;
mod share;
