//! Questions of handlers to clients, of one socket or of many on all shards: each has one answer.

use std::{collections::BTreeMap, time::Duration};

use parlor_core::{
    cluster::{Answer, Question},
    effect::AckError,
    input::AckToken,
    key::{SessionKey, SocketKey},
    time::Time,
};
use parlor_shared::id::SocketId;

use super::{At, rooms::Member};

/// A gathering waits so much longer than its clients may take.
const MARGIN: Duration = Duration::from_secs(1);

#[derive(Debug, Default)]
pub(super) struct Questions {
    asks: BTreeMap<u64, Ask>,
    gatherings: BTreeMap<u64, Gathering>,
    /// What must be acknowledged by the input that is being handled.
    due: Option<(u64, String)>,
    /// Sockets that were said to be gone.
    said_gone: Vec<(usize, SocketKey)>,
}

#[derive(Debug)]
struct Ask {
    socket: (usize, SocketKey),
    session: Option<SessionKey>,
    until: Time,
    is_gone: bool,
}

#[derive(Debug)]
struct Gathering {
    until: Time,
    /// Shards that have not been asked yet.
    n_to_ask: usize,
    asked: Vec<Asked>,
    /// Sockets looked up, with their rooms.
    found: Vec<(SocketId, Vec<String>)>,
}

#[derive(Debug)]
struct Asked {
    socket: (usize, SocketKey),
    session: SessionKey,
    id: SocketId,
    until: Time,
    replied: Option<(Time, String)>,
    gone: Option<Time>,
}

impl Questions {
    /// One socket is asked.
    pub(super) fn ask(
        &mut self,
        token: AckToken,
        socket: (usize, SocketKey),
        session: Option<SessionKey>,
        until: Option<Time>,
    ) {
        let until = until.expect("handlers of the simulation do not wait for ever");
        self.asks.insert(token.0, Ask { socket, session, until, is_gone: session.is_none() });
    }

    /// Sockets of all shards are asked, or looked up.
    pub(super) fn gather(
        &mut self,
        now: Time,
        token: AckToken,
        question: &Question,
        n_shards: usize,
    ) {
        let until = match question {
            Question::Ask(.., timeout) => now + *timeout + MARGIN,
            Question::Sockets(..) => now + 2 * MARGIN,
        };
        let (asked, found) = (Vec::new(), Vec::new());
        self.gatherings.insert(token.0, Gathering { until, n_to_ask: n_shards, asked, found });
    }

    /// A shard asks its own.
    pub(super) fn asked_here(
        &mut self,
        until: Time,
        token: AckToken,
        at: usize,
        whom: &[(SocketKey, Member)],
    ) {
        let Some(gathering) = self.gatherings.get_mut(&token.0) else { return };
        gathering.n_to_ask -= 1;
        gathering.asked.extend(whom.iter().map(|(socket, member)| Asked {
            socket: (at, *socket),
            session: member.session,
            id: member.id,
            until,
            replied: None,
            gone: None,
        }));
    }

    pub(super) fn looked_up(&mut self, token: AckToken, found: &[(SocketKey, Member)]) {
        let Some(gathering) = self.gatherings.get_mut(&token.0) else { return };
        gathering.n_to_ask -= 1;
        let found = found.iter().map(|(_, m)| (m.id, m.rooms.iter().cloned().collect()));
        gathering.found.extend(found);
    }

    /// A client's text is about to reach the world: it may be an answer, `3<id>[number, …]`.
    pub(super) fn replied(&mut self, now: Time, at: At, text: &str) {
        let Some((head, rest)) = text.split_once('[') else { return };
        let is_ack = head.strip_prefix('3').is_some_and(|id| id.parse::<u64>().is_ok());
        let number = rest.split([',', ']']).next().and_then(|number| number.parse().ok());
        let (true, Some(number)) = (is_ack, number) else { return };
        let args = format!("[{rest}");
        if let Some(ask) = self.asks.get(&number)
            && (ask.socket.0, ask.session) == (at.0, Some(at.1))
            && !ask.is_gone
        {
            self.due = Some((number, args));
        } else if let Some(gathering) = self.gatherings.get_mut(&number) {
            let asked = gathering.asked.iter_mut();
            let mut own = asked.filter(|a| (a.socket.0, a.session) == at && a.gone.is_none());
            if let Some(asked) = own.next() {
                asked.replied.get_or_insert((now, args));
            }
        }
    }

    /// A socket is no more.
    pub(super) fn gone(&mut self, at: usize, socket: SocketKey) {
        for ask in self.asks.values_mut().filter(|ask| ask.socket == (at, socket)) {
            ask.is_gone = true;
        }
        for asked in self.gatherings.values_mut().flat_map(|gathering| &mut gathering.asked) {
            if asked.socket == (at, socket) {
                asked.gone.get_or_insert(Time::ZERO);
            }
        }
    }

    /// A handler has its answer.
    pub(super) fn acked(
        &mut self,
        now: Time,
        token: AckToken,
        answer: &Result<String, AckError>,
    ) -> Result<(), String> {
        let number = token.0;
        let Some(ask) = self.asks.remove(&number) else {
            return Err(format!("{number} is answered twice, or was never asked: {answer:?}"));
        };
        let is_right = match answer {
            Ok(args) => self.due.take() == Some((number, args.clone())),
            Err(AckError::Timeout) => ask.until <= now,
            Err(AckError::Disconnected) => {
                self.said_gone.push(ask.socket);
                true
            }
            Err(AckError::TooMany) => false,
        };
        if is_right { Ok(()) } else { Err(format!("{number} is answered wrongly: {answer:?}")) }
    }

    /// What this session said was against the rules: it counts for nothing.
    pub(super) fn not_heard(&mut self, at: At) {
        let is_its = |number: &u64| {
            let ask = self.asks.get(number);
            ask.is_some_and(|ask| (ask.socket.0, ask.session) == (at.0, Some(at.1)))
        };
        if self.due.as_ref().is_some_and(|(number, _)| is_its(number)) {
            self.due = None;
        }
    }

    /// Sockets that handlers were told are gone: by the time an input is handled, they are.
    pub(super) fn take_said_gone(&mut self) -> Vec<(usize, SocketKey)> {
        std::mem::take(&mut self.said_gone)
    }

    /// An input has been handled: the answer that it brought must have been handed on.
    pub(super) fn settled(&mut self) -> Result<(), String> {
        match self.due.take() {
            Some((number, args)) => Err(format!("the answer {args} to {number} was lost")),
            None => Ok(()),
        }
    }

    /// A handler has all its answers.
    pub(super) fn gathered(
        &mut self,
        now: Time,
        token: AckToken,
        answer: &Answer,
    ) -> Result<(), String> {
        let number = token.0;
        let Some(gathering) = self.gatherings.remove(&number) else {
            return Err(format!("{number} is answered twice, or was never asked"));
        };
        if gathering.n_to_ask > 0 {
            return Err(format!("{number}: not all shards have been asked"));
        }
        match answer {
            Answer::Sockets(sockets) => {
                let rooms = |rooms: &[String]| {
                    let mut rooms = rooms.to_vec();
                    rooms.sort();
                    rooms
                };
                let mut got: Vec<_> = sockets.iter().map(|s| (s.id, rooms(&s.rooms))).collect();
                got.sort();
                let mut expected = gathering.found;
                expected.sort();
                if got == expected {
                    return Ok(());
                }
                Err(format!("{number}: found {got:?}, where there are {expected:?}"))
            }
            Answer::Servers(_) => Err(format!("{number}: no server was asked")),
            Answer::Acks(acks) => {
                let mut got: Vec<_> = acks.iter().map(|ack| ack.socket).collect();
                got.sort_unstable();
                let mut expected: Vec<_> = gathering.asked.iter().map(|asked| asked.id).collect();
                expected.sort_unstable();
                if got != expected {
                    return Err(format!("{number}: {got:?} answered, but asked were {expected:?}"));
                }
                for ack in acks {
                    let asked = gathering.asked.iter().find(|asked| asked.id == ack.socket);
                    let asked = asked.expect("the lists are equal");
                    let is_right = match &ack.answer {
                        Ok((args, _)) => asked.replied.as_ref().is_some_and(|(_, a)| a == args),
                        Err(AckError::Timeout) => {
                            let in_time = |(at, _): &(Time, String)| *at < asked.until;
                            asked.until <= now && !asked.replied.as_ref().is_some_and(in_time)
                        }
                        Err(AckError::Disconnected) => asked.gone.is_some(),
                        Err(AckError::TooMany) => false,
                    };
                    if !is_right {
                        return Err(format!("{number}: {ack:?}, where it was {asked:?}"));
                    }
                }
                Ok(())
            }
        }
    }

    /// Questions that should have been answered before this time.
    pub(super) fn unanswered(&self, late: Time) -> Result<(), String> {
        let ask = self.asks.iter().find(|(_, ask)| ask.until < late).map(|(number, _)| number);
        let gathering = self.gatherings.iter().find(|(_, g)| g.until < late).map(|(n, _)| n);
        match ask.or(gathering) {
            Some(number) => Err(format!("{number} was never answered")),
            None => Ok(()),
        }
    }
}
