//! One party: who is in it, who leads it, and what its members are called.

use parlor_shared::api::matchmaking as api;

use super::PartyCode;
use crate::{
    fault::{self, Fault},
    key::PersonKey,
    name,
    who::Who,
};

/// One party; it has a member at least.
#[derive(Debug)]
pub(super) struct Party {
    pub(super) code: PartyCode,
    pub(super) version: u64,
    pub(super) leader: PersonKey,
    /// The first to have come first.
    pub(super) members: Vec<Member>,
    /// The number of who comes next.
    next_number: u32,
}

/// Somebody who is in it.
#[derive(Debug, Clone)]
pub struct Member {
    /// The desk's key.
    pub person: PersonKey,
    /// Whose account and address.
    pub who: Who,
    /// How the member is called.
    pub name: Box<str>,
    /// What others call the member by; never another's.
    pub number: u32,
    /// Wants to play now.
    pub ready: bool,
    /// Has no connection.
    pub away: bool,
}

impl Party {
    /// Of one, who leads it.
    pub(super) fn new(code: PartyCode, leader: PersonKey, who: Who, name: &str) -> Self {
        let mut party = Self { code, version: 0, leader, members: Vec::new(), next_number: 0 };
        party.take_in(leader, who, name);
        party
    }

    /// One more.
    pub(super) fn take_in(&mut self, person: PersonKey, who: Who, name: &str) {
        let name = self.free_name(name).into();
        let number = self.next_number;
        self.members.push(Member { person, who, name, number, ready: false, away: false });
        self.next_number += 1;
        self.version += 1;
    }

    /// One less. Who leads goes on to the first who is there, or is expected back.
    pub(super) fn let_go(&mut self, person: PersonKey) {
        let stays = fault::is_planted(Fault::LeftStaysInParty) && self.members.len() > 1;
        self.members.retain(|member| member.person != person || stays);
        self.version += 1;
        if self.leader == person && !fault::is_planted(Fault::PartyLedByNobody) {
            let present = self.members.iter().find(|member| !member.away);
            let next = present.or_else(|| self.members.first());
            self.leader = next.map_or(person, |member| member.person);
        }
    }

    pub(super) fn place_of(&self, person: PersonKey) -> Option<usize> {
        self.members.iter().position(|member| member.person == person)
    }

    /// As its members are told it.
    pub(super) fn told(&self, max_members: u8) -> api::Party {
        let member = |member: &Member| api::PartyMember {
            member: member.number,
            name: member.name.to_string(),
            ready: member.ready,
            away: member.away,
        };
        let leader = self.place_of(self.leader).map_or(0, |place| self.members[place].number);
        api::Party {
            version: self.version,
            code: self.code.as_str().to_owned(),
            leader,
            max_members,
            members: self.members.iter().map(member).collect(),
        }
    }

    /// The name, with a number behind it if somebody looks the same.
    fn free_name(&self, name: &str) -> String {
        let taken: Vec<String> = self.members.iter().map(|other| name::fold(&other.name)).collect();
        let numbered = (2..).map(|n| name::numbered(name, n));
        std::iter::once(name.to_owned())
            .chain(numbered)
            .find(|name| !taken.contains(&name::fold(name)))
            .expect("there are fewer members than numbers")
    }
}
