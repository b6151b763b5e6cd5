//! One client in namespace `/matchmaking`: what it waits for, what it says to what is proposed, and
//! how it comes to the seat that it gets. Whether all is right, the oracle says.

mod party;

use std::collections::BTreeMap;

use parlor_shared::{
    api::{
        Reply, code,
        matchmaking::{self as api, State},
    },
    socket_io::{Args, Kind, Packet, Sender},
};
use serde_json::{Value, json};

use crate::sim::{
    Invariant, Sim,
    agenda::Happening,
    chance::Chance as _,
    oracle::{Asked, At, Oracle, Told},
    queues::Line,
};

#[derive(Debug, Default)]
pub(super) struct Seeker {
    is_in: bool,
    is_asking: bool,
    /// It was sent away with the whole session.
    is_done: bool,
    n_ids: u64,
    asked: BTreeMap<u64, Asked>,
    /// The last ticket that it has handed in, and how it stood with it.
    ticket: Option<(String, State)>,
    /// It has asked about it by this connection, or handed it in.
    is_attached: bool,
    /// What it is called by each of its tickets.
    names: BTreeMap<String, String>,
    /// Who it is, if it has no account: somebody new by each connection, until it says whose ticket
    /// it has, or place in a party; and who that was.
    person: u64,
    n_persons: u64,
    member: u64,
    persons: BTreeMap<String, u64>,
    pub(super) seat: Option<Seat>,
}

/// A seat that waits for it.
#[derive(Debug, Clone)]
pub(super) struct Seat {
    pub(super) lobby: String,
    pub(super) seat: u8,
    pub(super) token: String,
    pub(super) name: String,
}

impl Sim {
    /// The client has nothing better to do, or something to hurry for.
    pub(super) fn seeker_acts(&mut self, n: usize) {
        let seeker = &self.clients[n].seeker;
        if !seeker.is_in {
            if !seeker.is_asking && !seeker.is_done && !self.clients[n].mood.is_idle {
                self.clients[n].seeker.is_asking = true;
                self.say(n, "40/matchmaking,");
            }
            return;
        }
        if seeker.asked.len() > 4 {
            return;
        }
        let which = seeker.ticket.as_ref().map(|(id, _)| json!({ "ticket": id }));
        let which = which.unwrap_or(Value::Null);
        let state = seeker.ticket.as_ref().map(|(_, state)| *state);
        if state.is_some() && !seeker.is_attached && !self.random.one_in(4) {
            // Whoever has lost a connection asks how it stands.
            return self.seek(n, "ticket", &which);
        }
        let is_hurried = self.is_in_a_hurry(n);
        if !is_hurried && self.random.below(20) < self.plan.queues.sociable && self.gathers(n) {
            return;
        }
        match (state, self.random.below(20)) {
            (Some(State::Proposed), 0..14) => self.seek(n, "accept", &which),
            (Some(State::Proposed), 14) => self.seek(n, "decline", &which),
            (Some(State::Assigned), 0..16) => self.take_seat(n),
            (Some(State::Queued | State::Proposed | State::Accepted), 17) => {
                self.seek(n, "cancel", &which);
            }
            (Some(State::Queued), 18) | (None | Some(State::Ended), 0..14) => self.create(n),
            (Some(State::Proposed | State::Assigned), 18) => self.leaves_party(n),
            (_, 16) => {
                let event = self.random.pick(&["accept", "decline", "cancel", "ticket"]);
                let which = if self.random.one_in(2) { Value::Null } else { which };
                self.seek(n, event, &which);
            }
            (_, 19) => {
                let event = self.random.pick(&["queues", "ratings", "nonsense"]);
                self.seek(n, event, &Value::Null);
            }
            _ => {}
        }
    }

    /// It does something about it before long.
    pub(super) fn hurries(&mut self, n: usize) {
        let later = self.now + self.random.ms(20, 1_500);
        self.agenda.note(later, Happening::Hurry(n));
    }

    pub(in crate::sim) fn hurry(&mut self, n: usize) {
        if !self.is_ending && self.clients[n].is_greeted {
            self.seeker_acts(n);
        }
    }

    /// True if it would not waste time now.
    pub(super) fn is_in_a_hurry(&self, n: usize) -> bool {
        let states = [State::Proposed, State::Assigned];
        let ticket = self.clients[n].seeker.ticket.as_ref();
        ticket.is_some_and(|(_, state)| states.contains(state))
    }

    fn create(&mut self, n: usize) {
        let is_elsewhere = self.random.one_in(3);
        let line =
            if is_elsewhere { self.random.pick(&Line::ALL) } else { self.plan.queues.favourite };
        let mut create = line.wish(&mut self.random);
        let name = self.new_name(n);
        self.oracle.lobbies.may_be_seated(&name);
        create["queue"] = json!(line.name());
        create["name"] = json!(name);
        if self.random.one_in(4) {
            // It may come twice, and counts once.
            create["key"] = json!(format!("{name}-asks-but-once"));
            self.seek(n, "create", &create);
        }
        self.seek(n, "create", &create);
    }

    fn seek(&mut self, n: usize, event: &'static str, payload: &Value) {
        if self.clients[n].mood.is_silent {
            return;
        }
        let epoch = self.clients[n].epoch;
        self.oracle.parties.asks(n, self.clients[n].at);
        let seeker = &mut self.clients[n].seeker;
        let id = seeker.n_ids;
        seeker.n_ids += 1;
        let asked = Asked { client: n, epoch, event, payload: payload.clone(), at: self.now };
        self.oracle.tickets.asked(&asked);
        seeker.asked.insert(id, asked);
        self.say(n, &format!("42/matchmaking,{id}{}", json!([event, payload])));
    }

    // ---- what it is told -----------------------------------------------------------------------

    pub(super) fn seeker_packet(&mut self, n: usize, text: &str) {
        let packet = match Packet::decode(text, Sender::Server) {
            Ok(packet) if packet.kind == Kind::Connect => {
                let seeker = &mut self.clients[n].seeker;
                (seeker.is_in, seeker.is_asking) = (true, false);
                seeker.n_persons += 1;
                seeker.person = seeker.n_persons;
                return;
            }
            Ok(packet) if packet.kind == Kind::Disconnect => {
                self.seeker_lost(n, self.clients[n].at);
                self.clients[n].seeker.is_done = true;
                return;
            }
            Ok(packet) if matches!(packet.kind, Kind::Ack | Kind::Event) => packet,
            other => return self.seeker_wonders(n, &format!("{other:?}")),
        };
        let data = packet.data.unwrap_or("null");
        if packet.kind == Kind::Ack {
            let asked = packet.id.and_then(|id| self.clients[n].seeker.asked.remove(&id));
            let Some(asked) = asked else {
                return self.seeker_wonders(n, &format!("nobody asked {text}"));
            };
            let answer = Args::of_ack(data, &[]).raw().next().unwrap_or("null").to_owned();
            return self.sought(n, asked, &answer);
        }
        let args = Args::of_event(data, &[]);
        let (name, data) = (args.name(), args.raw().next().unwrap_or("null"));
        match &*name {
            "ticket" => match serde_json::from_str(data) {
                Ok(ticket) => self.ticket_told(n, &ticket, &Told::Pushed),
                Err(error) => self.seeker_wonders(n, &format!("{error}: {data}")),
            },
            "progress" => {}
            "rated" => match serde_json::from_str(data) {
                Ok(rated) => self.rated(n, &rated),
                Err(error) => self.seeker_wonders(n, &format!("{error}: {data}")),
            },
            "party" | "party:left" => self.party_pushed(n, &name, data),
            other => self.seeker_wonders(n, &format!("{other} is no push")),
        }
    }

    fn seeker_wonders(&mut self, n: usize, what: &str) {
        let what = format!("client {n} in /matchmaking: {what}");
        self.oracle.broken(Invariant::Tickets, what);
    }

    fn sought(&mut self, n: usize, asked: Asked, answer: &str) {
        let reply: Reply<Value> = match serde_json::from_str(answer) {
            Ok(reply) => reply,
            Err(error) => return self.seeker_wonders(n, &format!("{error}: {answer}")),
        };
        let named = asked.payload["ticket"].as_str();
        if let Some(named) = named.filter(|_| is_attaching(&reply)) {
            self.goes_on_as_owner(n, named, asked.at);
        }
        if let Reply::Refused(refusal) = reply {
            self.trace.n_refused += 1;
            if asked.event.starts_with("party") {
                return self.party_refused(n, &asked, &refusal);
            }
            let is_unknown = answer.contains("E_NOT_FOUND") && asked.event != "create";
            let seeker = &mut self.clients[n].seeker;
            if is_unknown && seeker.ticket.as_ref().is_some_and(|(id, _)| Some(&**id) == named) {
                (seeker.ticket, seeker.seat) = (None, None);
                return self.oracle.tickets.forgotten(named.unwrap_or_default());
            }
            return;
        }
        self.trace.n_accepted += 1;
        if asked.event.starts_with("party") {
            return self.party_answered(n, &asked, answer);
        }
        if asked.event == "ratings" {
            return match serde_json::from_str::<api::Ratings>(answer) {
                Ok(told) => told.ratings.iter().for_each(|rating| self.rating_told(n, rating)),
                Err(error) => self.seeker_wonders(n, &format!("{error}: {answer}")),
            };
        }
        if ["create", "ticket", "cancel", "accept", "decline"].contains(&asked.event) {
            match serde_json::from_str::<api::Ticket>(answer) {
                Ok(ticket) => self.ticket_told(n, &ticket, &Told::Answered(asked)),
                Err(error) => self.seeker_wonders(n, &format!("{error}: {answer}")),
            }
        }
    }

    fn rated(&mut self, n: usize, rated: &api::Rated) {
        let Oracle { ratings, tickets, .. } = &mut self.oracle;
        let result = ratings.rated(n, rated, |lobby| tickets.has_failed(lobby));
        self.hold_rating(n, result);
    }

    fn rating_told(&mut self, n: usize, rating: &api::Rating) {
        let Oracle { ratings, tickets, .. } = &mut self.oracle;
        let result = ratings.told(n, rating, |lobby| tickets.has_failed(lobby));
        self.hold_rating(n, result);
    }

    fn hold_rating(&mut self, n: usize, result: Result<(), String>) {
        if let Err(what) = result {
            self.oracle.broken(Invariant::Ratings, format!("client {n}: {what}"));
        }
    }

    fn ticket_told(&mut self, n: usize, ticket: &api::Ticket, how: &Told) {
        let (now, epoch) = (self.now, self.clients[n].epoch);
        let id = ticket.ticket.to_string();
        let name_in_party = self.oracle.parties.name(n);
        let seeker = &mut self.clients[n].seeker;
        if let Told::Answered(asked) = how {
            seeker.is_attached = true;
            if asked.event == "create" {
                let is_with_party = asked.payload["party"] == true;
                let own = asked.payload["name"].as_str().map(str::to_owned);
                let name = if is_with_party { name_in_party.clone() } else { own };
                seeker.names.extend(name.map(|name| (id.clone(), name)));
            }
        }
        // One of its own whose first answer was lost is not told as news.
        let is_news = ticket.state == State::Queued && ticket.waited_ms == 0;
        if let Some(name) = name_in_party.filter(|_| is_news && matches!(how, Told::Pushed)) {
            seeker.names.entry(id.clone()).or_insert(name);
        }
        seeker.persons.entry(id.clone()).or_insert(seeker.person);
        let is_newest = match how {
            Told::Answered(_) => true,
            Told::Pushed => {
                let is_other = |own: &(String, State)| own.0 != id && own.1 != State::Ended;
                !seeker.ticket.as_ref().is_some_and(is_other)
            }
        };
        if is_newest {
            // Of a ticket whose first answer was lost the name is not known.
            let seat = ticket.assignment.as_ref().zip(seeker.names.get(&id));
            seeker.seat = seat.map(|(assignment, name)| Seat {
                lobby: assignment.lobby.to_string(),
                seat: assignment.seat,
                token: assignment.token.clone(),
                name: name.clone(),
            });
            seeker.ticket = Some((id, ticket.state));
        }
        if [State::Proposed, State::Assigned].contains(&ticket.state) && !self.random.one_in(8) {
            self.hurries(n);
        }
        if let Some(assignment) = &ticket.assignment {
            // Friends hear of it.
            if !self.codes.contains(&assignment.code) {
                self.codes.push(assignment.code.clone());
            }
            self.trace.n_seats += 1;
            self.oracle.lobbies.reserved(assignment.lobby.as_str());
        }
        self.oracle.ratings.seated(n, ticket);
        let told = self.oracle.tickets.told(now, (n, epoch), ticket, how, &self.oracle.parties);
        if let Err(what) = told {
            self.oracle.broken(Invariant::Tickets, format!("client {n}: {what}"));
        }
    }

    /// The session is gone.
    pub(super) fn seeker_lost(&mut self, n: usize, at: Option<At>) {
        let seeker = &mut self.clients[n].seeker;
        (seeker.is_in, seeker.is_asking, seeker.is_done) = (false, false, false);
        seeker.is_attached = false;
        // The server may have ended the session some time ago.
        let closed_at = at.and_then(|at| self.oracle.closed_at(at)).unwrap_or(self.now);
        self.oracle.parties.lost(closed_at.min(self.now), n, true);
        let seeker = &mut self.clients[n].seeker;
        for asked in std::mem::take(&mut seeker.asked).into_values() {
            self.oracle.tickets.unanswered(&asked);
        }
    }

    /// It has received all that there is.
    pub(super) fn seeker_drained(&mut self, n: usize) {
        self.party_drained(n);
        let seeker = &self.clients[n].seeker;
        let Some((id, _)) = seeker.ticket.as_ref().filter(|_| seeker.is_attached) else { return };
        let here = self.clients[n].player.story.as_ref();
        let parties = &self.oracle.parties;
        if let Err(what) = self.oracle.tickets.drained(self.now, id, here, parties) {
            self.oracle.broken(Invariant::Tickets, format!("client {n}: {what}"));
        }
    }
}

/// True if the server has found the ticket that was named, whatever else it says: it knows then
/// whose the socket is.
fn is_attaching(reply: &Reply<Value>) -> bool {
    match reply {
        Reply::Ok(_) => true,
        Reply::Refused(refusal) => ![code::NOT_FOUND, code::RATE].contains(&&*refusal.code),
    }
}
