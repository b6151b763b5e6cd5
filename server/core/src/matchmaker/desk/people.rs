//! Who hands in tickets, and by which sockets they are reached: accounts by any of theirs, others
//! by that which knows their ticket, or what they are known by in their party.

use std::{collections::BTreeMap, sync::Arc};

use parlor_shared::id::MemberToken;

use super::super::pool::TicketKey;
use crate::{
    few::Few,
    key::{Address, PersonKey, Table},
};

/// Sockets of one player that are told of its tickets; with one more, the first is told no more.
pub(super) const MAX_SOCKETS: usize = 8;

/// Who somebody is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Identity {
    /// An account, or a guest with a token.
    Account(Arc<str>),
    /// Whoever knows this, or one of the tickets.
    Holder(MemberToken),
}

/// All whom the desk knows: those who have tickets, and those whose sockets have asked something.
#[derive(Debug, Default)]
pub(super) struct People {
    people: Table<PersonKey, Person>,
    by_identity: BTreeMap<Identity, PersonKey>,
    by_socket: BTreeMap<Address, PersonKey>,
}

#[derive(Debug)]
struct Person {
    identity: Identity,
    sockets: Few<Address>,
    /// In a party, which knows it by this key.
    is_kept: bool,
    /// Those that have not been forgotten, the newest last.
    tickets: Few<TicketKey>,
}

impl People {
    pub(super) fn is_empty(&self) -> bool {
        self.people.is_empty()
    }

    /// Who this socket is.
    pub(super) fn of_socket(&self, socket: Address) -> Option<PersonKey> {
        self.by_socket.get(&socket).copied()
    }

    pub(super) fn of_identity(&self, identity: &Identity) -> Option<PersonKey> {
        self.by_identity.get(identity).copied()
    }

    /// Somebody, who is known from now on.
    pub(super) fn come(&mut self, identity: Identity) -> PersonKey {
        if let Some(known) = self.of_identity(&identity) {
            return known;
        }
        let person = Person {
            identity: identity.clone(),
            sockets: Few::default(),
            is_kept: false,
            tickets: Few::default(),
        };
        let key = self.people.insert(person);
        self.by_identity.insert(identity, key);
        key
    }

    /// This socket is that player's from now on. Whose it was before, if that one has none now.
    pub(super) fn attach(&mut self, player: PersonKey, socket: Address) -> Option<PersonKey> {
        if self.of_socket(socket) == Some(player) {
            return None;
        }
        let before = self.lost(socket);
        let person = self.people.get_mut(player)?;
        let sockets = &mut person.sockets;
        self.by_socket.insert(socket, player);
        if sockets.len() == MAX_SOCKETS {
            let first = sockets.remove(0);
            self.by_socket.remove(&first);
        }
        sockets.push(socket);
        before
    }

    /// A socket is gone. Who has none any more by that, and is still known.
    pub(super) fn lost(&mut self, socket: Address) -> Option<PersonKey> {
        let player = self.detach(socket)?;
        let is_away = self.people.get(player)?.sockets.is_empty();
        is_away.then_some(player)
    }

    fn detach(&mut self, socket: Address) -> Option<PersonKey> {
        let player = self.by_socket.remove(&socket)?;
        if let Some(person) = self.people.get_mut(player) {
            person.sockets.retain(|own| *own != socket);
            self.settle(player);
        }
        Some(player)
    }

    pub(super) fn is_away(&self, player: PersonKey) -> bool {
        self.people.get(player).is_none_or(|person| person.sockets.is_empty())
    }

    /// What somebody without an account is known by.
    pub(super) fn holder(&self, player: PersonKey) -> Option<MemberToken> {
        match self.people.get(player)?.identity {
            Identity::Account(_) => None,
            Identity::Holder(token) => Some(token),
        }
    }

    pub(super) fn sockets(&self, player: PersonKey) -> &[Address] {
        self.people.get(player).map_or(&[], |person| &person.sockets)
    }

    pub(super) fn tickets(&self, player: PersonKey) -> &[TicketKey] {
        self.people.get(player).map_or(&[], |person| &person.tickets)
    }

    /// A ticket is that player's.
    pub(super) fn give(&mut self, player: PersonKey, ticket: TicketKey) {
        if let Some(person) = self.people.get_mut(player) {
            person.tickets.push(ticket);
        }
    }

    /// Somebody is in a party, or not any more.
    pub(super) fn keep(&mut self, player: PersonKey, is_kept: bool) {
        if let Some(person) = self.people.get_mut(player) {
            person.is_kept = is_kept;
            self.settle(player);
        }
    }

    /// A ticket is forgotten.
    pub(super) fn take(&mut self, player: PersonKey, ticket: TicketKey) {
        if let Some(person) = self.people.get_mut(player) {
            person.tickets.retain(|own| *own != ticket);
            self.settle(player);
        }
    }

    /// Forgets a player of whom there is nothing to know.
    fn settle(&mut self, player: PersonKey) {
        let is_done = |person: &Person| {
            !person.is_kept && person.sockets.is_empty() && person.tickets.is_empty()
        };
        if self.people.get(player).is_some_and(is_done)
            && let Some(person) = self.people.remove(player)
        {
            self.by_identity.remove(&person.identity);
        }
    }
}
