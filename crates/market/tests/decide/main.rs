//! The decision core against second routes: the extensive form of the program in another solver, brute force, and
//! closed forms.

mod cases;
mod extensive;
mod highs;
mod newsvendor;
mod program;
mod value;
mod waiting;
