//! The sockets of this shard that are in `/matchmaking`: whose they are, and how fast they may ask.
//! What becomes of what they ask is the desk's part, on the shard that all tickets are on.

use std::{collections::BTreeMap, time::Duration};

use parlor_shared::api::{Refusal, code};

use super::request::Request;
use crate::{
    key::SocketKey,
    rate::{Allowance, PerOrigin, Rate},
    time::Time,
    who::Who,
};

/// Tickets of one socket: each is looked at by every wave.
const CREATE_RATE: Rate = Rate { burst: 10, every: Duration::from_secs(1) };
/// Those of an address on this shard: who leaves and joins again has no more of them.
const CREATE_RATE_OF_ADDRESS: Rate = Rate { burst: 500, every: Duration::from_millis(20) };
/// Addresses whose tickets are counted; with one more, some other's are forgotten.
const MAX_ADDRESSES: usize = 4_096;
/// Everything else.
const ASK_RATE: Rate = Rate { burst: 40, every: Duration::from_millis(200) };

/// The sockets.
#[derive(Debug)]
pub(super) struct Callers {
    callers: BTreeMap<SocketKey, Caller>,
    creations: PerOrigin,
}

#[derive(Debug)]
struct Caller {
    who: Who,
    /// It has asked something: the desk may know it.
    is_known: bool,
    creations: Allowance,
    asks: Allowance,
}

impl Default for Callers {
    fn default() -> Self {
        let creations = PerOrigin::new(CREATE_RATE_OF_ADDRESS, MAX_ADDRESSES);
        Self { callers: BTreeMap::new(), creations }
    }
}

impl Callers {
    pub(super) fn is_empty(&self) -> bool {
        self.callers.is_empty()
    }

    /// A socket has joined `/matchmaking`.
    pub(super) fn arrived(&mut self, now: Time, socket: SocketKey, who: Who) {
        let caller = Caller {
            who,
            is_known: false,
            creations: Allowance::full(now, CREATE_RATE),
            asks: Allowance::full(now, ASK_RATE),
        };
        self.callers.insert(socket, caller);
    }

    /// A socket is gone. True if the desk is to hear of it.
    pub(super) fn gone(&mut self, socket: SocketKey) -> bool {
        self.callers.remove(&socket).is_some_and(|caller| caller.is_known)
    }

    /// Who asks this.
    ///
    /// # Errors
    /// `E_RATE`, or `E_NOT_FOUND` of a socket that is gone.
    pub(super) fn ask(
        &mut self,
        now: Time,
        socket: SocketKey,
        request: &Request,
    ) -> Result<Who, Refusal> {
        let gone = || Refusal::new(code::NOT_FOUND, "this socket is gone");
        let caller = self.callers.get_mut(&socket).ok_or_else(gone)?;
        let may = match request {
            Request::Create(_) => {
                caller.creations.take(now, CREATE_RATE)
                    && self.creations.take(now, caller.who.address)
            }
            _ => caller.asks.take(now, ASK_RATE),
        };
        if !may {
            let sentence = "too many such requests at once; wait a moment";
            return Err(Refusal::new(code::RATE, sentence));
        }
        caller.is_known = true;
        Ok(caller.who.clone())
    }
}
