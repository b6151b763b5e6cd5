//! One client's party: it founds one or comes into a friend's, is ready, leads, and goes; and comes
//! back to it by another connection. Whether all is right, the oracle says.

use parlor_core::time::Time;
use parlor_shared::api::{Refusal, matchmaking as api};
use serde_json::{Value, json};

use crate::sim::{
    Invariant, Sim,
    chance::Chance as _,
    oracle::{Asked, Belief},
    queues::{Line, account},
};

impl Sim {
    /// It does something about its party; false if it has nothing to do there.
    pub(super) fn gathers(&mut self, n: usize) -> bool {
        match self.oracle.parties.belief(n) {
            Belief::Unknown => self.returns_to_party(n),
            Belief::Outside => self.seeks_party(n),
            Belief::In(_) => self.acts_in_party(n),
        }
    }

    /// By a new connection one asks where one was.
    fn returns_to_party(&mut self, n: usize) -> bool {
        let is_asking = self.clients[n].seeker.asked.values().any(|asked| asked.event == "party");
        let token = self.oracle.parties.token(n).map(str::to_owned);
        match token {
            _ if is_asking => return false,
            Some(token) if !self.random.one_in(6) => {
                self.seek(n, "party", &json!({ "token": token }));
            }
            _ => self.seek(n, "party", &Value::Null),
        }
        true
    }

    fn seeks_party(&mut self, n: usize) -> bool {
        let is_founder = self.random.one_in(4);
        let nth = self.random.below(3) as usize;
        let code = self.oracle.parties.code(nth).filter(|_| !is_founder).map(str::to_owned);
        let name = self.new_name(n);
        self.oracle.lobbies.may_be_seated(&name);
        match code {
            Some(code) => self.seek(n, "party:join", &json!({ "code": code, "name": name })),
            None => self.seek(n, "party:create", &json!({ "name": name })),
        }
        true
    }

    fn acts_in_party(&mut self, n: usize) -> bool {
        let Some((party, own)) = self.oracle.parties.party(n) else { return false };
        let leads = party.leader == own;
        let member = party.members.iter().find(|one| one.member == own);
        let is_ready = member.is_some_and(|one| one.ready);
        let others = party.members.iter().filter(|one| one.member != own);
        let others: Vec<(u32, bool)> =
            others.map(|one| (one.member, one.ready && !one.away)).collect();
        let are_ready = others.iter().all(|(_, is_ready)| *is_ready);
        let is_enough = !others.is_empty() || self.random.one_in(6);
        let other =
            (!others.is_empty()).then(|| others[self.random.below(others.len() as u32) as usize].0);
        match self.random.below(40) {
            0..20 if leads && is_enough && (are_ready || self.random.one_in(8)) => {
                self.seeks_together(n, others.len() + 1);
            }
            0..20 if !leads && !is_ready => self.seek(n, "party:ready", &json!({ "ready": true })),
            20 => self.seek(n, "party:ready", &json!({ "ready": !is_ready })),
            21 | 22 => self.leaves_party(n),
            23 | 24 => {
                let member = other.unwrap_or(own);
                self.oracle.parties.may_go(n, member);
                self.seek(n, "party:kick", &json!({ "member": member }));
            }
            25..28 => self.seek(n, "party:promote", &json!({ "member": other.unwrap_or(own) })),
            28 => self.seeks_together(n, 1),
            29 => return self.seeks_party(n),
            30 => self.seek(n, "party", &Value::Null),
            _ => return false,
        }
        true
    }

    pub(super) fn leaves_party(&mut self, n: usize) {
        let Some((_, own)) = self.oracle.parties.party(n) else { return };
        self.oracle.parties.may_go(n, own);
        self.seek(n, "party:leave", &Value::Null);
    }

    /// All of the party, who are so many, want the same.
    fn seeks_together(&mut self, n: usize, n_members: usize) {
        let line = match self.plan.queues.favourite {
            _ if self.random.one_in(4) => self.random.pick(&Line::ALL),
            Line::Pairs if n_members < 3 => Line::Pairs,
            _ => Line::Arena,
        };
        let mut create = line.wish(&mut self.random);
        create["queue"] = json!(line.name());
        create["party"] = json!(true);
        if self.random.one_in(2) {
            // It may come twice, and counts once.
            let name = self.new_name(n);
            create["key"] = json!(format!("{name}-asks-but-once"));
            self.seek(n, "create", &create);
        }
        self.seek(n, "create", &create);
    }

    // ---- what it is told -----------------------------------------------------------------------

    /// A request about a party was answered.
    pub(super) fn party_answered(&mut self, n: usize, asked: &Asked, answer: &str) {
        let result = match asked.event {
            "party" | "party:create" | "party:join" => match serde_json::from_str(answer) {
                Ok(own) => {
                    self.is_who_it_was(n, asked);
                    self.oracle.parties.answered(n, asked.event, &own)
                }
                Err(error) => Err(format!("{error}: {answer}")),
            },
            event => {
                let member = asked.payload["member"].as_u64().unwrap_or_default();
                self.oracle.parties.done(n, event, member as u32)
            }
        };
        self.hold_party(n, result);
    }

    /// By its token it goes on as who it was.
    fn is_who_it_was(&mut self, n: usize, asked: &Asked) {
        let (epoch, seeker) = (self.clients[n].epoch, &mut self.clients[n].seeker);
        if asked.payload["token"].is_string() {
            if seeker.person != seeker.member {
                // What becomes of the tickets that it has handed in since is not told here.
                (seeker.person, seeker.is_attached) = (seeker.member, false);
                self.oracle.tickets.is_another(n, epoch);
            }
        } else {
            seeker.member = seeker.person;
        }
    }

    pub(super) fn party_refused(&mut self, n: usize, asked: &Asked, refusal: &Refusal) {
        let request = (asked.event, &asked.payload);
        let result = self.oracle.parties.refused(self.now, n, request, refusal);
        self.hold_party(n, result);
    }

    pub(super) fn party_pushed(&mut self, n: usize, name: &str, data: &str) {
        let result = if name == "party" {
            let party: Result<api::Party, _> = serde_json::from_str(data);
            party.map(|party| self.oracle.parties.changed(n, &party))
        } else {
            let left: Result<api::PartyLeft, _> = serde_json::from_str(data);
            left.map(|left| self.oracle.parties.left(n, left))
        };
        self.hold_party(n, result.unwrap_or_else(|error| Err(format!("{error}: {data}"))));
    }

    /// A request that named a ticket has made it who hands that in, if it has no account.
    pub(super) fn goes_on_as_owner(&mut self, n: usize, ticket: &str, asked_at: Time) {
        let (epoch, seeker) = (self.clients[n].epoch, &mut self.clients[n].seeker);
        let owner = seeker.persons.get(ticket).copied().unwrap_or(seeker.person);
        if account(n).is_none() && owner != seeker.person {
            seeker.person = owner;
            self.oracle.tickets.is_another(n, epoch);
            self.oracle.parties.lost(asked_at, n, false);
        }
    }

    /// It has received all that there is.
    pub(super) fn party_drained(&mut self, n: usize) {
        let oracle = &self.oracle;
        let parties = &oracle.parties;
        let result = parties.drained(self.now, n, |at| oracle.closed_at(at));
        let result = result.and_then(|()| oracle.tickets.has_its_share(self.now, n, parties));
        self.hold_party(n, result);
    }

    fn hold_party(&mut self, n: usize, result: Result<(), String>) {
        if let Err(what) = result {
            self.oracle.broken(Invariant::Parties, format!("client {n}: {what}"));
        }
    }
}
