//! The door: takes TCP connections, as many at once as wait. A lone shard stands at it itself;
//! several have an acceptor, which hands connections to them in turn.

use std::{
    io,
    net::IpAddr,
    os::fd::{AsRawFd, RawFd},
    time::Duration,
};

use mio::net::{TcpListener, TcpStream};
use prometheus_client::metrics::gauge::Gauge;
use tokio::{
    io::{Interest, unix::AsyncFd},
    sync::mpsc,
};

use crate::{
    address::{Counted, Network, PerAddress, TrustedProxies},
    mailbox::Mailbox,
    metrics::Metrics,
};

/// Connections that may wait for a shard; more wait in the kernel.
pub(crate) const MAX_HANDED_OVER: usize = 1024;
/// Connections that may wait in the kernel, as while a shard is at work: past it, clients try again
/// after a second.
const MAX_IN_KERNEL: i32 = 4096;
/// Connections taken before others have their turn.
pub(crate) const MAX_AT_ONCE: usize = 64;
/// How long the door stays closed when no connection can be had: out of descriptors, most likely,
/// of which some will come back.
pub(crate) const RESPITE: Duration = Duration::from_millis(20);

/// A connection on its way to a shard.
#[derive(Debug)]
pub(crate) struct Accepted {
    pub(crate) stream: TcpStream,
    pub(crate) address: IpAddr,
    pub(crate) open: OpenConnection,
}

/// One open connection, counted until it is dropped. It goes along with the descriptor.
#[derive(Debug)]
pub(crate) struct OpenConnection {
    n_open: Gauge,
    /// Its place among those of its address.
    _counted: Option<Counted>,
}

impl OpenConnection {
    fn new(n_open: Gauge, counted: Option<Counted>) -> Self {
        n_open.inc();
        Self { n_open, _counted: counted }
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.n_open.dec();
    }
}

/// A listener, and who may come in by it.
#[derive(Debug)]
pub(crate) struct Door {
    pub(crate) listener: TcpListener,
    per_address: PerAddress,
    proxies: TrustedProxies,
    metrics: Metrics,
    notsent_lowat: u32,
}

/// What is at the door.
#[derive(Debug)]
pub(crate) enum Arrival {
    Nobody,
    /// Its address has as many connections as it may.
    Refused,
    Came(Accepted),
}

impl Door {
    pub(crate) fn new(
        listener: std::net::TcpListener,
        per_address: PerAddress,
        proxies: TrustedProxies,
        metrics: Metrics,
        notsent_lowat: u32,
    ) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        // Whoever made it may have thought of few. Listening again only says how many.
        socket2::SockRef::from(&listener).listen(MAX_IN_KERNEL)?;
        if cfg!(target_os = "linux") {
            tune(&socket2::SockRef::from(&listener), notsent_lowat);
        }
        let listener = TcpListener::from_std(listener);
        Ok(Self { listener, per_address, proxies, metrics, notsent_lowat })
    }

    /// The next connection that waits.
    ///
    /// # Errors
    /// If none can be had for now.
    pub(crate) fn accept(&self) -> io::Result<Arrival> {
        let (stream, peer) = loop {
            match self.listener.accept() {
                Ok(accepted) => break accepted,
                Err(error) => match error.kind() {
                    io::ErrorKind::WouldBlock => return Ok(Arrival::Nobody),
                    io::ErrorKind::Interrupted => {}
                    _ => {
                        tracing::warn!(%error, "a connection could not be accepted");
                        return Err(error);
                    }
                },
            }
        };
        let address = peer.ip().to_canonical();
        let counted = if self.proxies.contains(address) {
            None
        } else if let Some(counted) = self.per_address.take(Network::of(address)) {
            Some(counted)
        } else {
            self.metrics.connections_refused.inc();
            return Ok(Arrival::Refused);
        };
        if !cfg!(target_os = "linux") {
            tune(&socket2::SockRef::from(&stream), self.notsent_lowat);
        }
        let open = OpenConnection::new(self.metrics.connections.clone(), counted);
        Ok(Arrival::Came(Accepted { stream, address, open }))
    }
}

impl AsRawFd for Door {
    fn as_raw_fd(&self) -> RawFd {
        self.listener.as_raw_fd()
    }
}

/// How connections are to send. On Linux they have it from their listener, which saves two system
/// calls for each.
fn tune(socket: &socket2::SockRef<'_>, notsent_lowat: u32) {
    if let Err(error) = socket.set_tcp_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY not set");
    }
    if notsent_lowat != 0
        && let Err(error) = socket.set_tcp_notsent_lowat(notsent_lowat)
    {
        tracing::debug!(%error, "TCP_NOTSENT_LOWAT not set");
    }
}

/// Where a shard takes connections from the acceptor.
pub(crate) struct Doorbell {
    pub(crate) queue: mpsc::Sender<Accepted>,
    pub(crate) mailbox: Mailbox,
}

/// Accepts for several shards until it is dropped, or until one of them has ended, and with it the
/// server.
pub(crate) async fn accept(door: Door, shards: Vec<Doorbell>) -> io::Result<()> {
    #[expect(deprecated, reason = "its successor is unsafe; the door keeps its descriptor open")]
    let door = AsyncFd::with_interest(door, Interest::READABLE)?;
    let mut turn = 0;
    loop {
        door.readable().await?.clear_ready();
        for n in 1.. {
            match door.get_ref().accept() {
                Ok(Arrival::Nobody) => break,
                Ok(Arrival::Refused) => {}
                Ok(Arrival::Came(accepted)) => {
                    if hand_over(accepted, &shards, turn).await.is_err() {
                        return Ok(());
                    }
                    turn += 1;
                }
                Err(_) => tokio::time::sleep(RESPITE).await,
            }
            if n % MAX_AT_ONCE == 0 {
                // Whoever stops the server is heard however many come.
                tokio::task::yield_now().await;
            }
        }
    }
}

/// Hands a connection to the shard whose turn it is, or to the next one that has room.
async fn hand_over(
    mut accepted: Accepted,
    shards: &[Doorbell],
    turn: usize,
) -> Result<(), mpsc::error::SendError<Accepted>> {
    for at in turn..turn + shards.len() {
        let shard = &shards[at % shards.len()];
        match shard.queue.try_send(accepted) {
            Ok(()) => {
                shard.mailbox.ring();
                return Ok(());
            }
            Err(mpsc::error::TrySendError::Full(back)) => accepted = back,
            Err(mpsc::error::TrySendError::Closed(back)) => {
                return Err(mpsc::error::SendError(back));
            }
        }
    }
    let shard = &shards[turn % shards.len()];
    shard.queue.send(accepted).await?;
    shard.mailbox.ring();
    Ok(())
}
