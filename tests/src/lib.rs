//! What Parlor's proofs share: the application they talk to, a bare client and the simulator.
//! The tools are under `bin`.

pub mod app;
pub mod harness;
pub mod sim;
