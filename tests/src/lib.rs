//! What Parlor's proofs share: the simulator. The fixture and the tools are under `bin`.

pub mod sim;
