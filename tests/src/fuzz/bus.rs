//! Any bytes as what another node says: what is no message is refused, what is one is written again
//! and reads the same, and no message at all harms the world that is told of it.

use parlor_core::{cluster::Message, key::ShardId};

use super::world::Lone;

pub(super) fn bus(data: &[u8]) {
    let Ok(message) = rmp_serde::from_slice::<Message>(data) else { return };
    let _ = message.n_bytes();
    let written = rmp_serde::to_vec_named(&message).expect("it came as bytes");
    let again: Message = rmp_serde::from_slice(&written).expect("it was just written");
    assert_eq!(format!("{again:?}"), format!("{message:?}"));
    for from in [ShardId { node: 0, shard: 1 }, ShardId { node: 9, shard: 9 }] {
        let mut lone = Lone::with_clients();
        lone.told(from, message.clone());
        lone.live_on();
    }
}
