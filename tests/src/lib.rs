//! What Parlor's proofs share: the application they talk to, a bare client, the simulator, and the
//! wire scripts. The tools are under `bin`.

pub mod app;
pub mod fuzz;
pub mod harness;
pub mod load;
pub mod loopback;
pub mod sim;
pub mod wire;
