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
    pub(crate) counted: Option<Counted>,
    /// Counts it as open.
    pub(crate) open: OpenConnection,
}

/// Counts one open connection until it is dropped.
#[derive(Debug)]
pub(crate) struct OpenConnection(Metrics);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.connections.dec();
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
    for shard in shards.iter().cycle() {
        let Some(accepted) = accept_one(&listener, &per_address, &proxies, &metrics).await else {
            continue;
        };
        if shard.send(accepted).await.is_err() {
            // The shard has ended, and so does the server.
            return;
        }
    }
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
    metrics.connections.inc();
    Some(Accepted { stream, address, counted, open: OpenConnection(metrics.clone()) })
}
