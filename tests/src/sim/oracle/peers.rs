//! The peers of all lobbies as they must be: told of all that reaches a hub, in that order, this
//! says what must come out of it, and for whom; and then that it arrives, once and in order.

mod budget;
mod cause;
mod hub;
mod link;
mod post;
mod told;
mod turn;
mod view;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use bytes::Bytes;
use parlor_core::{
    cluster::{Message, Neighbours, Owners},
    input::Input,
    key::{Key as _, LobbyKey, SessionKey, ShardId, SocketKey},
    seating::Admission,
    signaling::{SignalMessage, SignalRequest, SignalSettings, Signaling},
    time::Time,
};
use parlor_shared::{
    api::{Refusal, code, signal as api},
    id::PeerToken,
    socket_io::Frame,
};
use serde_json::{Value, json};

use super::{At, Invariant};
use crate::sim::{plan::Plan, seen::Seen};
pub(super) use cause::Cause;
use hub::Hub;
pub(in crate::sim) use link::ADDRESS;
use post::Packets;
use post::Post;
pub(in crate::sim) use post::Way;
use turn::{Outs, Said, Turn, is_of, read_request, read_said};
use view::View;

type Check = Result<(), (Invariant, String)>;

#[derive(Debug)]
pub(in crate::sim) struct Peers {
    settings: SignalSettings,
    neighbours: Neighbours,
    slack: Duration,
    /// How much later than it is written something may arrive that is polled.
    late: Duration,
    callers: BTreeMap<At, Caller>,
    /// Whose sockets shards name to each other.
    sockets: BTreeMap<(usize, SocketKey), At>,
    /// Events whose attachment is still to come.
    half: BTreeMap<At, String>,
    hubs: BTreeMap<(usize, LobbyKey), Hub>,
    /// What each peer that is here has been told, by the hub's shard.
    views: BTreeMap<(usize, At), View>,
    post: Post,
    /// Who has left, or had to, and is still there.
    left: BTreeSet<At>,
    /// Who had to just now.
    ended: Vec<At>,
}

/// A socket of `/signal`: the shard where it is a peer, or about to be, and how often it has asked
/// to become one.
#[derive(Debug, Clone, Copy, Default)]
struct Caller {
    home: Option<usize>,
    n_joins: u32,
}

impl Peers {
    pub(super) fn new(plan: &Plan, owners: Owners) -> Self {
        let (own, all) = (plan.shards[0], plan.shards.clone());
        Self {
            settings: plan.signaling.clone(),
            neighbours: Neighbours { own, all, owners },
            slack: plan.slack(),
            late: Duration::from_millis(plan.latency_ms + 2),
            callers: BTreeMap::new(),
            sockets: BTreeMap::new(),
            half: BTreeMap::new(),
            hubs: BTreeMap::new(),
            views: BTreeMap::new(),
            post: Post::default(),
            left: BTreeSet::new(),
            ended: Vec::new(),
        }
    }

    fn index_of(&self, shard: ShardId) -> usize {
        self.neighbours.all.iter().position(|own| *own == shard).expect("a shard of this run")
    }

    // ---- what comes out of it ------------------------------------------------------------------

    /// A world has taken something in: all that follows from it must be in what it says.
    pub(super) fn settled(
        &mut self,
        now: Time,
        at: usize,
        cause: Cause,
        seen: &[Seen],
        (admitted, signaling): (Vec<Admission>, &Signaling),
    ) -> Check {
        let wrong = |what: String| (Invariant::Peers, format!("shard {at}: {what}"));
        let (outs, released) = self.collect(now, at, &cause, seen).map_err(wrong)?;
        let mut turn = Turn::default();
        let is_forwarded = self.caused(now, at, cause, (&outs, seen), &mut turn).map_err(wrong)?;
        self.seated(at, admitted, &mut turn);
        if is_forwarded {
            let is_silent = outs.is_empty();
            return if is_silent { Ok(()) } else { Err(wrong(format!("not asked: {outs:?}"))) };
        }
        for (who, said) in outs {
            self.told(at, who, said, &mut turn)
                .map_err(|what| wrong(format!("{who:?}: {what}")))?;
        }
        if let Some((who, said)) = turn.data.iter().find(|(_, left)| !left.is_empty()) {
            return Err(wrong(format!("{who:?} is not told {said:?}")));
        }
        for who in &turn.released {
            if who.0 == at
                && let Some(caller) = self.callers.get_mut(who)
                && caller.home == Some(at)
            {
                caller.home = None;
            }
        }
        let abroad: BTreeSet<At> = turn.released.into_iter().filter(|who| who.0 != at).collect();
        if abroad != released {
            return Err(wrong(format!("{released:?} are let go, and not {abroad:?}")));
        }
        turn.wrong.map_or(Ok(()), |what| Err(wrong(what)))?;
        self.agree(at).map_err(wrong)?;
        self.count(at, signaling).map_err(wrong)
    }

    /// What a world says in `/signal`: to whom what, and who is let go on other shards.
    fn collect(
        &mut self,
        now: Time,
        at: usize,
        cause: &Cause,
        seen: &[Seen],
    ) -> Result<(Outs, BTreeSet<At>), String> {
        let (mut outs, mut released) = (Vec::new(), BTreeSet::new());
        for effect in seen {
            let (who, frame, delivery) = match effect {
                Seen::Send(session, frame, delivery) => ((at, *session), frame, *delivery),
                Seen::Tell(to, Message::Signal(message)) => {
                    let to = self.index_of(*to);
                    match message {
                        SignalMessage::Push(socket, frame, delivery) => {
                            let who = self.sockets.get(&(to, *socket));
                            let who = who.ok_or_else(|| format!("{socket:?} never asked"))?;
                            (*who, frame, *delivery)
                        }
                        SignalMessage::Released(socket, _) => {
                            released.extend(self.sockets.get(&(to, *socket)).copied());
                            continue;
                        }
                        SignalMessage::Ask(..) | SignalMessage::Gone(_) => continue,
                    }
                }
                _ => continue,
            };
            let packets: Packets = frame.packets().map(|(b, p)| (b, p.to_vec())).collect();
            if is_of(&packets, "40/signal,") {
                self.callers.insert(who, Caller::default());
            }
            if is_of(&packets, "41/signal,") {
                self.left.insert(who);
                self.ended.push(who);
            }
            let Some(said) = read_said(&packets) else { continue };
            if !matches!(cause, Cause::Passed) {
                self.post.pushed(now, (who, at), &packets, delivery);
                outs.push((who, said));
            }
            if delivery.is_volatile() && who.0 == at {
                self.post.sent(now, who, &packets);
            }
        }
        Ok((outs, released))
    }

    /// Lobbies say whose players may be peers, and who leads.
    fn seated(&mut self, at: usize, admitted: Vec<Admission>, turn: &mut Turn) {
        let mut seats: BTreeMap<LobbyKey, BTreeMap<PeerToken, u8>> = BTreeMap::new();
        for Admission { lobby, seat, token, links, host, .. } in admitted {
            seats.entry(lobby).or_default().insert(token, seat);
            let usual = self.settings.links;
            let hub = self.hubs.entry((at, lobby));
            hub.or_insert_with(|| Hub::new(links.unwrap_or(usual))).host_seat = host;
        }
        for ((_, lobby), hub) in self.hubs.range_mut(of_shard(at)) {
            hub.seat(seats.remove(lobby).unwrap_or_default(), turn);
        }
        self.hubs.retain(|(shard, _), hub| *shard != at || !hub.seats.is_empty());
    }

    // ---- what holds in between -----------------------------------------------------------------

    /// Every peer that is here knows what there is.
    fn agree(&mut self, at: usize) -> Result<(), String> {
        let mut n_here = 0;
        for ((_, key), hub) in self.hubs.range_mut(of_shard(at)) {
            for (number, peer) in &hub.peers {
                let Some(who) = peer.who else { continue };
                n_here += 1;
                let view = self.views.get(&(at, who)).filter(|v| v.lobby == *key);
                let view = view.ok_or_else(|| format!("{number} of {key:?} knows nothing"))?;
                hub.is_known_to(*number, view)?;
            }
            hub.is_linked()?;
            hub.is_led(self.views.range(here(at)).map(|(_, v)| v), *key)?;
        }
        let n_views = self.views.range(here(at)).count();
        if n_views == n_here { Ok(()) } else { Err(format!("{n_views} know of {n_here} peers")) }
    }

    /// As many as signaling itself counts.
    fn count(&self, at: usize, signaling: &Signaling) -> Result<(), String> {
        let hubs = || self.hubs.range(of_shard(at)).map(|(_, hub)| hub);
        let n = (hubs().map(|h| h.peers.len()).sum(), hubs().map(|h| h.pairs().len()).sum());
        let counted = (signaling.n_peers(), signaling.n_links().0);
        let what = || format!("{counted:?} peers and links are counted, where there are {n:?}");
        if counted == n { Ok(()) } else { Err(what()) }
    }

    /// Nobody is a peer for longer than may be.
    pub(super) fn check_due(&self, now: Time, at: usize, latest: Duration) -> Check {
        let after = self.settings.away_timeout + latest;
        let late = |(_, hub): (_, &Hub)| hub.overdue(now, after);
        match self.hubs.range(of_shard(at)).find_map(late) {
            Some(number) => Err((Invariant::Peers, format!("peer {number} is never given up"))),
            None => Ok(()),
        }
    }

    // ---- clients -------------------------------------------------------------------------------

    /// Something whole has reached a client.
    pub(in crate::sim) fn received(
        &mut self,
        now: Time,
        who: At,
        (text, attachment): (&[u8], Option<&[u8]>),
        way: Way,
    ) -> Check {
        if self.left.contains(&who) {
            return Ok(());
        }
        let text = [&b"4"[..], text].concat();
        let attachment = attachment.map(|bytes| (true, bytes.to_vec()));
        let packets = std::iter::once((false, text)).chain(attachment).collect();
        self.post.received(now, who, &packets, (way, self.late))
    }

    /// A session that can take something now gets this: it waits behind what is queued.
    pub(super) fn taken(&mut self, now: Time, who: At, frame: &Frame) {
        let packets: Packets = frame.packets().map(|(b, p)| (b, p.to_vec())).collect();
        self.post.taken(now, who, &packets);
    }

    pub(in crate::sim) fn offered(&mut self, now: Time, who: At, bytes: &[u8]) {
        self.post.offered(now, who, bytes);
    }

    pub(in crate::sim) fn drained(&self, now: Time, who: At) -> Check {
        if self.left.contains(&who) { Ok(()) } else { self.post.drained(now, who, self.slack) }
    }

    /// A client leaves the namespace: what it was told last may reach it, or not.
    pub(in crate::sim) fn leaves(&mut self, who: At) {
        self.left.insert(who);
    }

    pub(super) fn forget(&mut self, who: At) {
        self.left.remove(&who);
        self.post.forget(who);
    }
}

/// The hubs of a shard.
fn of_shard(at: usize) -> std::ops::Range<(usize, LobbyKey)> {
    (at, LobbyKey::new(0, 0))..(at + 1, LobbyKey::new(0, 0))
}

/// What peers of a shard's hubs know.
fn here(at: usize) -> std::ops::Range<(usize, At)> {
    let first = (0, SessionKey::new(0, 0));
    (at, first)..(at + 1, first)
}
