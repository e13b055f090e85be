mod agree;
mod energy_and_length;
mod power;
mod published;
mod simulation;
