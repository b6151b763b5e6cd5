//! The sockets of this shard that are in `/signal`: at which shard each is a peer, and how fast it
//! may ask. What becomes of what they ask is the hub's part, on the shard of its lobby.

use std::{collections::BTreeMap, time::Duration};

use parlor_shared::api::{Refusal, code};

use super::{
    hub::not_found,
    request::{Request, signal_bytes},
};
use crate::{
    cluster::Neighbours,
    key::{ShardId, SocketKey},
    rate::{Allowance, Rate},
    time::Time,
};

/// Descriptions and candidates of one socket.
const SIGNAL_RATE: Rate = Rate { burst: 200, every: Duration::from_millis(20) };
/// Their bytes: 256 kB in ten seconds.
const SIGNAL_BYTES_RATE: Rate = Rate { burst: 262_144, every: Duration::from_nanos(38_147) };
/// Reports, each of which all peers of the lobby are told, and links opened or closed.
const REPORT_RATE: Rate = Rate { burst: 40, every: Duration::from_secs(1) };
/// How often one may come, or go.
const JOIN_RATE: Rate = Rate { burst: 20, every: Duration::from_secs(1) };
/// Checkpoints.
const CHECKPOINT_RATE: Rate = Rate { burst: 20, every: Duration::from_millis(100) };

/// The sockets.
#[derive(Debug, Default)]
pub(super) struct Callers(BTreeMap<SocketKey, Caller>);

#[derive(Debug)]
struct Caller {
    /// The shard of the hub where it is a peer, or is about to be.
    at: Option<ShardId>,
    /// How often it has asked to join: what a hub says of an earlier time does not count.
    n_joins: u32,
    signals: Allowance,
    signal_bytes: Allowance,
    reports: Allowance,
    joins: Allowance,
    checkpoints: Allowance,
}

impl Callers {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A socket has joined `/signal`.
    pub(super) fn arrived(&mut self, now: Time, socket: SocketKey) {
        let caller = Caller {
            at: None,
            n_joins: 0,
            signals: Allowance::full(now, SIGNAL_RATE),
            signal_bytes: Allowance::full(now, SIGNAL_BYTES_RATE),
            reports: Allowance::full(now, REPORT_RATE),
            joins: Allowance::full(now, JOIN_RATE),
            checkpoints: Allowance::full(now, CHECKPOINT_RATE),
        };
        self.0.insert(socket, caller);
    }

    /// A socket is gone; the shard that is to hear of it.
    pub(super) fn gone(&mut self, socket: SocketKey) -> Option<ShardId> {
        self.0.remove(&socket)?.at
    }

    /// A socket is no peer of that shard's any more, unless it has asked to join again meanwhile.
    pub(super) fn released(&mut self, from: ShardId, socket: SocketKey, n_joins: u32) {
        if let Some(caller) = self.0.get_mut(&socket)
            && (caller.at, caller.n_joins) == (Some(from), n_joins)
        {
            caller.at = None;
        }
    }

    /// The shard that a request goes to, and how often its socket has asked to join.
    ///
    /// # Errors
    /// `E_RATE`, `E_NOT_IN_LOBBY`, `E_IN_LOBBY`, `E_NOT_FOUND`.
    pub(super) fn route(
        &mut self,
        now: Time,
        neighbours: &Neighbours,
        socket: SocketKey,
        request: &Request,
    ) -> Result<(ShardId, u32), Refusal> {
        let not_joined = || Refusal::new(code::NOT_IN_LOBBY, "join with a token first");
        let caller = self.0.get_mut(&socket).ok_or_else(not_joined)?;
        caller.may_ask(now, request)?;
        let Request::Join(join) = request else {
            return caller.at.map(|at| (at, caller.n_joins)).ok_or_else(not_joined);
        };
        let to = neighbours.of_id(&join.token.to_bytes()).ok_or_else(not_found)?;
        if caller.at.is_some_and(|at| at != to) {
            let sentence = "you are a peer of another lobby; leave it first";
            return Err(Refusal::new(code::IN_LOBBY, sentence));
        }
        caller.at = Some(to);
        caller.n_joins = caller.n_joins.wrapping_add(1);
        Ok((to, caller.n_joins))
    }
}

impl Caller {
    fn may_ask(&mut self, now: Time, request: &Request) -> Result<(), Refusal> {
        let may = match request {
            // By bytes, where the link is.
            Request::Reliable(..) | Request::Volatile(..) => true,
            Request::Signal(signal) => {
                let n_bytes = signal_bytes(signal) as u32;
                let taken = self.signal_bytes.take_up_to(now, SIGNAL_BYTES_RATE, n_bytes);
                if taken < n_bytes {
                    self.signal_bytes.give_back(SIGNAL_BYTES_RATE, taken);
                }
                taken == n_bytes && self.signals.take(now, SIGNAL_RATE)
            }
            Request::Report(_) | Request::Open(_) | Request::Close(_) => {
                self.reports.take(now, REPORT_RATE)
            }
            Request::Join(_) | Request::Leave => self.joins.take(now, JOIN_RATE),
            Request::Checkpoint(_) => self.checkpoints.take(now, CHECKPOINT_RATE),
        };
        let sentence = "too many such requests at once; wait a moment";
        may.then_some(()).ok_or_else(|| Refusal::new(code::RATE, sentence))
    }
}
