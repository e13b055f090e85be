//! The binary as a user meets it: one file per subcommand, one for bad input, one for the help texts, one
//! that runs every example.

mod bad_input;
mod calibrate;
mod campaign;
mod catalog;
mod decide;
mod examples;
mod fit;
mod help;
mod kernel;
mod model;
mod nki;
mod orders;
mod own;
mod plan;
mod profile;
mod rent;
mod run;
mod sell;
mod step;
mod supply;
mod tokens;
mod validate;
