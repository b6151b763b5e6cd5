//! The peers of all lobbies as they must be: told of all that reaches a hub, in that order, this
//! says what must come out of it, and for whom; and then that it arrives, once and in order.

mod budget;
mod hub;
mod link;
mod post;
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

/// Why a world says something in `/signal`.
#[derive(Debug, Default)]
pub(super) enum Cause {
    #[default]
    Other,
    Timeout,
    /// A socket of this shard asks something, which may be for another.
    Asks(At, Result<SignalRequest, Refusal>, Option<u64>),
    /// A socket of another shard does.
    Asked(At, SignalRequest, Option<u64>),
    /// A socket is gone.
    Gone(At),
    /// A hub of another shard says something to a socket of this one.
    Passed,
    /// A hub of that shard says that it is no peer since it asked for the so many-th time.
    Released(At, usize, u32),
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

    // ---- what reaches a world ------------------------------------------------------------------

    pub(super) fn cause(&mut self, at: usize, input: &Input<'_>) -> Cause {
        match input {
            Input::Text(session, text) if text.starts_with("2/signal,") => {
                read_request((at, *session), text, &[])
            }
            Input::Text(session, text) if text.starts_with("51-/signal,") => {
                self.half.insert((at, *session), (*text).to_owned());
                Cause::Other
            }
            Input::Bytes(session, bytes) => match self.half.remove(&(at, *session)) {
                Some(text) => read_request((at, *session), &text, &[Bytes::copy_from_slice(bytes)]),
                None => Cause::Other,
            },
            Input::Text(session, text) if text.starts_with("1/signal,") => {
                Cause::Gone((at, *session))
            }
            Input::Closed(session, _) => Cause::Gone((at, *session)),
            Input::Timeout => Cause::Timeout,
            Input::Told(from, Message::Signal(message)) => {
                let from = self.index_of(*from);
                let who = |socket: &SocketKey| self.sockets.get(&(from, *socket)).copied();
                match message {
                    SignalMessage::Ask(socket, request, ack, _) => {
                        let asked = |who| Cause::Asked(who, request.clone(), *ack);
                        who(socket).map_or(Cause::Other, asked)
                    }
                    SignalMessage::Gone(socket) => who(socket).map_or(Cause::Other, Cause::Gone),
                    SignalMessage::Push(..) => Cause::Passed,
                    SignalMessage::Released(socket, n) => {
                        let who = self.sockets.get(&(at, *socket));
                        who.map_or(Cause::Other, |who| Cause::Released(*who, from, *n))
                    }
                }
            }
            _ => Cause::Other,
        }
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

    /// What has to follow; true if it is for another shard.
    fn caused(
        &mut self,
        now: Time,
        at: usize,
        cause: Cause,
        (outs, seen): (&[(At, Said)], &[Seen]),
        turn: &mut Turn,
    ) -> Result<bool, String> {
        for who in std::mem::take(&mut self.ended) {
            self.lose(now, at, who);
        }
        let (who, request, ack) = match cause {
            Cause::Other | Cause::Passed => return Ok(false),
            Cause::Timeout => {
                for (_, hub) in self.hubs.range_mut(of_shard(at)) {
                    hub.timeout(now, self.settings.away_timeout, turn);
                }
                return Ok(false);
            }
            Cause::Released(who, from, n_joins) => {
                let caller = self.callers.get_mut(&who);
                let is_it = |c: &&mut Caller| (c.home, c.n_joins) == (Some(from), n_joins);
                caller.filter(is_it).into_iter().for_each(|caller| caller.home = None);
                return Ok(false);
            }
            Cause::Gone(who) => {
                self.lose(now, at, who);
                return Ok(false);
            }
            Cause::Asks(who, request, ack) => {
                let is_cut = seen.iter().any(|e| matches!(e, Seen::Close(s, _) if *s == who.1));
                let Some(caller) = self.callers.get(&who).copied().filter(|_| !is_cut) else {
                    return Ok(false);
                };
                let forwarded = seen.iter().find_map(|effect| match effect {
                    Seen::Tell(to, Message::Signal(SignalMessage::Ask(socket, ..))) => {
                        Some((*to, *socket))
                    }
                    _ => None,
                });
                let to = forwarded.map(|(to, socket)| {
                    self.sockets.insert((at, socket), who);
                    self.index_of(to)
                });
                match self.route(caller.home, request) {
                    Ok((_, home)) if to.unwrap_or(at) != home => {
                        return Err(format!("{who:?} is to be heard by {home}, not {to:?}"));
                    }
                    Ok((request, to)) => {
                        if matches!(request, SignalRequest::Join(_)) {
                            let n_joins = caller.n_joins + 1;
                            self.callers.insert(who, Caller { home: Some(to), n_joins });
                        }
                        if to != at {
                            return Ok(true);
                        }
                        (who, request, ack)
                    }
                    Err(expected) => {
                        turn.expect_answer(who, ack, Err(&expected), outs)?;
                        return Ok(false);
                    }
                }
            }
            Cause::Asked(who, request, ack) => (who, request, ack),
        };
        let reply = self.asked(now, (at, who), &request, outs, turn);
        turn.expect_answer(who, ack, reply, outs)?;
        Ok(false)
    }

    /// A socket is gone.
    fn lose(&mut self, now: Time, at: usize, who: At) {
        if who.0 == at {
            self.callers.remove(&who);
        }
        if let Some(view) = self.views.remove(&(at, who))
            && let Some(hub) = self.hubs.get_mut(&(at, view.lobby))
        {
            hub.lose(now, view.number);
        }
    }

    /// Where a request belongs, or the code by which it is refused.
    fn route(
        &self,
        caller: Option<usize>,
        request: Result<SignalRequest, Refusal>,
    ) -> Result<(SignalRequest, usize), String> {
        let request = request.map_err(|refusal| refusal.code)?;
        let SignalRequest::Join(join) = &request else {
            let home = caller.ok_or_else(|| code::NOT_IN_LOBBY.to_owned())?;
            return Ok((request, home));
        };
        let home = self.neighbours.of_id(&join.token.to_bytes());
        let home = self.index_of(home.ok_or_else(|| code::NOT_FOUND.to_owned())?);
        if caller.is_some_and(|caller| caller != home) {
            return Err(code::IN_LOBBY.to_owned());
        }
        Ok((request, home))
    }

    /// A hub of this shard is asked something: what it must answer.
    fn asked(
        &mut self,
        now: Time,
        (at, who): (usize, At),
        request: &SignalRequest,
        outs: &[(At, Said)],
        turn: &mut Turn,
    ) -> Result<(), &'static str> {
        let place = self.views.get(&(at, who)).map(|v| (v.lobby, v.number));
        if let SignalRequest::Join(join) = request {
            return self.comes(at, (who, join), place, outs, turn);
        }
        let is_frame = matches!(request, SignalRequest::Reliable(..) | SignalRequest::Volatile(..));
        let otherwise = if is_frame { code::NOT_FOUND } else { code::NOT_IN_LOBBY };
        let (lobby, number) = place.ok_or(otherwise)?;
        let hub = self.hubs.get_mut(&(at, lobby)).ok_or(otherwise)?;
        let has_passed = outs.iter().any(|(_, said)| matches!(said, Said::Frame(..)));
        hub.ask(now, number, request, (&self.settings, has_passed), turn)?;
        if let (SignalRequest::Close(close), Some(view)) = (request, self.views.get_mut(&(at, who)))
        {
            view.links.remove(&close.link);
        }
        Ok(())
    }

    fn comes(
        &mut self,
        at: usize,
        (who, join): (At, &api::Join),
        place: Option<(LobbyKey, u32)>,
        outs: &[(At, Said)],
        turn: &mut Turn,
    ) -> Result<(), &'static str> {
        let result = self.comes_in(at, (who, join), place, outs, turn);
        if result.is_err() && place.is_none() {
            turn.released.insert(who);
        }
        result
    }

    fn comes_in(
        &mut self,
        at: usize,
        (who, join): (At, &api::Join),
        place: Option<(LobbyKey, u32)>,
        outs: &[(At, Said)],
        turn: &mut Turn,
    ) -> Result<(), &'static str> {
        let mut hubs = self.hubs.range_mut(of_shard(at));
        let found = hubs.find(|(_, hub)| hub.seats.contains_key(&join.token));
        let ((_, lobby), hub) = found.ok_or(code::NOT_FOUND)?;
        let seat_of = |number: u32| hub.peers.get(&number).map(|peer| peer.seat);
        let is_of_seat =
            |(key, number)| key == *lobby && seat_of(number) == hub.seats.get(&join.token).copied();
        if place.is_some_and(|place| !is_of_seat(place)) {
            return Err(code::IN_LOBBY);
        }
        let joined = outs.iter().find_map(|(to, said)| match said {
            Said::Answer(_, value) if *to == who => serde_json::from_value(value.clone()).ok(),
            _ => None,
        });
        let joined: Option<api::Joined> = joined;
        hub.join((who, join), joined.as_ref(), &self.settings, turn)?;
        let number = turn.came.map_or(0, |(number, _)| number);
        let view = View::new(*lobby, number);
        self.views.insert((at, who), view);
        Ok(())
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

    /// A socket is told something.
    fn told(&mut self, at: usize, who: At, said: Said, turn: &mut Turn) -> Result<(), String> {
        let is_due = |turn: &mut Turn, said: &Said| {
            let next = turn.data.get_mut(&who).and_then(VecDeque::pop_front);
            let is_it = next.as_ref() == Some(said);
            if is_it { Ok(()) } else { Err(format!("{said:?}, where it should be {next:?}")) }
        };
        let Said::Push(name, what) = &said else {
            if let Said::Frame(_, link, _) = &said {
                self.knows_link(at, who, *link)?;
            }
            is_due(turn, &said)?;
            return match said {
                Said::Answer(_, answer) if answer["topology"].is_string() => {
                    self.has_joined(at, who, &answer, turn)
                }
                _ => Ok(()),
            };
        };
        match name.as_str() {
            "signal" => {
                self.knows_link(at, who, what["link"].as_u64().unwrap_or_default() as u32)?;
                is_due(turn, &said)
            }
            "quality" => is_due(turn, &said),
            "refused" => {
                let short = json!([what["link"], what["code"]]);
                is_due(turn, &Said::Push("refused".to_owned(), short))
            }
            "ended" => {
                self.views.remove(&(at, who));
                is_due(turn, &said)
            }
            _ => {
                let view = self.views.get_mut(&(at, who)).ok_or("no peer, but told so")?;
                let key = view.lobby;
                let hub = self.hubs.get_mut(&(at, key));
                view.told(name, what, hub, turn)
            }
        }
    }

    fn knows_link(&self, at: usize, who: At, link: u32) -> Result<(), String> {
        let view = self.views.get(&(at, who));
        let knows = view.is_some_and(|view| view.links.contains_key(&link));
        if knows { Ok(()) } else { Err(format!("link {link} is not known there")) }
    }

    fn has_joined(
        &mut self,
        at: usize,
        who: At,
        answer: &Value,
        turn: &Turn,
    ) -> Result<(), String> {
        let joined: api::Joined =
            serde_json::from_value(answer.clone()).map_err(|error| error.to_string())?;
        let Some(view) = self.views.get_mut(&(at, who)) else { return Ok(()) };
        let key = view.lobby;
        let Some(hub) = self.hubs.get_mut(&(at, key)) else { return Ok(()) };
        if turn.came != Some((joined.peer, joined.resumed)) {
            return Err(format!("{:?} has come, and not {joined:?}", turn.came));
        }
        let own = hub.peers.get(&joined.peer).map(|peer| peer.seat);
        if own != Some(joined.seat) || joined.topology != hub.topology {
            return Err(format!("{joined:?} of seat {own:?}"));
        }
        view.number = joined.peer;
        view.peers = joined.peers.iter().map(|peer| (peer.peer, peer.clone())).collect();
        view.links = joined.links.iter().map(|link| (link.link, *link)).collect();
        (view.host, view.term) = (joined.host.peer, joined.host.term);
        joined.links.iter().try_for_each(|link| hub.announce(joined.peer, link))?;
        hub.hand(joined.peer, &joined.host)
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
