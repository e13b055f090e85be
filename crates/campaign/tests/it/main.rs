mod agree;
mod energy_and_length;
mod simulation;
