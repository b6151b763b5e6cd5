//! What Parlor's proofs share: a bare client and the simulator. The tools are under `bin`.

pub mod harness;
pub mod loopback;
pub mod sim;
