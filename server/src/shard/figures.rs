//! What a shard counts, and when the metrics are told.

use parlor_core::matchmaker::QueueFigures;

use super::{App, Shard};

/// What has been counted on this shard since the metrics, which all shards share, were told.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) messages_received: u64,
    pub(super) bytes_received: u64,
    pub(super) frames_sent: u64,
    pub(super) bytes_sent: u64,
    pub(super) volatile_replaced: u64,
    pub(super) states_coalesced: u64,
}

impl Shard {
    /// Brings this shard's part of the metrics up to date that nobody counts along the way; cost
    /// grows with the number of lobbies and connections.
    pub(crate) fn gauge(&mut self) {
        self.report();
        let metrics = &self.settings.metrics;
        let n_blocked = self.connections.iter().filter(|(_, c)| c.is_blocked).count();
        let mut now = [0, 0, 0, 0, n_blocked, 0, 0, 0];
        if let App::SocketIo { world, .. } = &self.app {
            let (n_full, n_delta) = world.gallery().n_encoded();
            metrics.encoded("full", n_full - self.n_encoded.0);
            metrics.encoded("delta", n_delta - self.n_encoded.1);
            self.n_encoded = (n_full, n_delta);
            let (sockets, lobbies) = (world.socket_io(), world.lobbies());
            let n_unasked = sockets.n_unasked_acks();
            metrics.acks_unasked.inc_by(n_unasked - self.n_unasked_acks);
            self.n_unasked_acks = n_unasked;
            let n_parked = sockets.n_parked();
            let n_sockets = sockets.n_sockets() - n_parked;
            let signaling = world.signaling();
            metrics.signaling.add(&self.signaled, signaling.figures());
            self.signaled = *signaling.figures();
            let queues = world.matchmaker().figures();
            self.matched.resize(queues.len(), QueueFigures::default());
            for ((name, now), before) in queues.into_iter().zip(&mut self.matched) {
                metrics.matchmaking.tell(name, before, &now);
                *before = now;
            }
            let (n_links, n_direct) = signaling.n_links();
            let lobbies = [lobbies.len(), lobbies.n_playing()];
            let peers = [signaling.n_peers(), n_links, n_direct];
            now = [
                n_sockets, n_parked, lobbies[0], lobbies[1], n_blocked, peers[0], peers[1],
                peers[2],
            ];
        }
        let now = now.map(|n| n as i64);
        let gauges = [
            &metrics.sockets,
            &metrics.sockets_parked,
            &metrics.lobbies,
            &metrics.matches,
            &metrics.connections_blocked,
            &metrics.peers,
            &metrics.links,
            &metrics.links_direct,
        ];
        for ((gauge, now), before) in gauges.into_iter().zip(now).zip(self.gauged) {
            gauge.inc_by(now - before);
        }
        self.gauged = now;
    }

    /// Tells the metrics what was counted.
    pub(super) fn report(&mut self) {
        let (metrics, tally) = (&self.settings.metrics, std::mem::take(&mut self.tally));
        for (count, n) in [
            (&metrics.messages_received, tally.messages_received),
            (&metrics.bytes_received, tally.bytes_received),
            (&metrics.frames_sent, tally.frames_sent),
            (&metrics.bytes_sent, tally.bytes_sent),
            (&metrics.volatile_replaced, tally.volatile_replaced),
            (&metrics.states_coalesced, tally.states_coalesced),
        ] {
            if n > 0 {
                count.inc_by(n);
            }
        }
    }
}
