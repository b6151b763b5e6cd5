//! The one acceptor: takes TCP connections and hands them to the shards in turn.

use std::net::IpAddr;

use tokio::{net::TcpListener, sync::mpsc};

use crate::{
    address::{Counted, PerAddress, TrustedProxies},
    metrics::Metrics,
};

/// Connections that may wait for a shard; more wait in the kernel.
pub(crate) const MAX_HANDED_OVER: usize = 1024;

/// A connection on its way to a shard.
#[derive(Debug)]
pub(crate) struct Accepted {
    pub(crate) stream: std::net::TcpStream,
    pub(crate) address: IpAddr,
    pub(crate) open: OpenConnection,
}

/// One open connection, counted until it is dropped. It goes along with the descriptor.
#[derive(Debug)]
pub(crate) struct OpenConnection {
    metrics: Metrics,
    /// Its place among those of its address.
    _counted: Option<Counted>,
}

impl OpenConnection {
    fn new(metrics: Metrics, counted: Option<Counted>) -> Self {
        metrics.connections.inc();
        Self { metrics, _counted: counted }
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.metrics.connections.dec();
    }
}

/// Accepts until it is dropped.
pub(crate) async fn accept(
    listener: TcpListener,
    shards: Vec<mpsc::Sender<Accepted>>,
    per_address: PerAddress,
    proxies: TrustedProxies,
    metrics: Metrics,
) {
    for turn in 0.. {
        let Some(accepted) = accept_one(&listener, &per_address, &proxies, &metrics).await else {
            continue;
        };
        if hand_over(accepted, &shards, turn).await.is_err() {
            // A shard has ended, and so does the server.
            return;
        }
    }
}

/// Hands a connection to the shard whose turn it is, or to the next one that has room.
async fn hand_over(
    mut accepted: Accepted,
    shards: &[mpsc::Sender<Accepted>],
    turn: usize,
) -> Result<(), mpsc::error::SendError<Accepted>> {
    for at in turn..turn + shards.len() {
        match shards[at % shards.len()].try_send(accepted) {
            Ok(()) => return Ok(()),
            Err(mpsc::error::TrySendError::Full(back)) => accepted = back,
            Err(mpsc::error::TrySendError::Closed(back)) => {
                return Err(mpsc::error::SendError(back));
            }
        }
    }
    shards[turn % shards.len()].send(accepted).await
}

async fn accept_one(
    listener: &TcpListener,
    per_address: &PerAddress,
    proxies: &TrustedProxies,
    metrics: &Metrics,
) -> Option<Accepted> {
    let (stream, peer) = match listener.accept().await {
        Ok(accepted) => accepted,
        Err(error) => {
            // Out of descriptors, most likely: some will come back.
            tracing::warn!(%error, "a connection could not be accepted");
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            return None;
        }
    };
    let address = peer.ip().to_canonical();
    let counted = if proxies.contains(address) {
        None
    } else if let Some(counted) = per_address.take(address) {
        Some(counted)
    } else {
        metrics.connections_refused.inc();
        return None;
    };
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY not set");
    }
    let stream = stream.into_std().ok()?;
    Some(Accepted { stream, address, open: OpenConnection::new(metrics.clone(), counted) })
}
