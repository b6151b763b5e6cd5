//! Questions that sockets of several shards answer: asked here and there, gathered here.
//! How a client is asked, and which sockets are meant, is `socket_io`'s part.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use parlor_shared::id::SocketId;

use crate::{
    cluster::{AckOf, Answer, Question},
    effect::AckError,
    fault::{self, Fault},
    gather::Gathering,
    input::AckToken,
    key::{GatheringKey, ShardId, SocketKey},
    time::Time,
};

/// Longer than the clients' own time, so that a shard that is late still counts.
const MARGIN: Duration = Duration::from_secs(1);
/// How long another shard may take to look something up.
const LOOK_UP_TIMEOUT: Duration = Duration::from_secs(2);

/// The machine.
#[derive(Debug, Default)]
pub(crate) struct Questions {
    /// Questions of this shard, and which shards are still to answer.
    open: Gathering<GatheringKey, ShardId, Answer, (AckToken, Answer)>,
    /// Questions of any shard, and which clients of this one are still to answer.
    asked: Gathering<GatheringKey, SocketKey, AckOf, (ShardId, u64)>,
    /// Whose acknowledgement is awaited under which token.
    awaited: BTreeMap<AckToken, (GatheringKey, SocketKey, SocketId)>,
    n_awaited: u64,
}

/// An answer on its way to the shard that asked.
pub(crate) type Answered = (ShardId, u64, Answer);

impl Questions {
    /// Begins a question of this shard's to these shards; the number it has in messages.
    pub(crate) fn begin(
        &mut self,
        now: Time,
        token: AckToken,
        question: &Question,
        shards: &[ShardId],
    ) -> u64 {
        let (timeout, nothing) = match question {
            Question::Ask(.., timeout) => {
                (timeout.saturating_add(MARGIN), Answer::Acks(Vec::new()))
            }
            Question::Sockets(..) => (LOOK_UP_TIMEOUT, Answer::Sockets(Vec::new())),
        };
        let key = self.open.begin(now + timeout, (token, nothing), shards.iter().copied());
        key.number()
    }

    /// Begins a question of this shard's to the servers of these shards.
    pub(crate) fn begin_servers(
        &mut self,
        until: Time,
        token: AckToken,
        shards: impl IntoIterator<Item = ShardId>,
    ) -> u64 {
        self.open.begin(until, (token, Answer::Servers(Vec::new())), shards).number()
    }

    /// A shard has answered: the whole answer, if it was the last.
    pub(crate) fn answered(
        &mut self,
        from: ShardId,
        number: u64,
        answer: Answer,
    ) -> Option<(AckToken, Answer)> {
        let key = GatheringKey::of_number(number);
        self.open.answered(key, &from, [answer]);
        self.open.take_if_whole(key).map(whole)
    }

    /// These clients are asked for another shard, or this one: the token for each, or the answer
    /// if there are none.
    pub(crate) fn ask(
        &mut self,
        now: Time,
        asker: (ShardId, u64),
        timeout: Duration,
        sockets: &[(SocketKey, SocketId)],
    ) -> Result<Vec<(SocketKey, AckToken)>, Answered> {
        let waiting = sockets.iter().map(|(socket, _)| *socket);
        let key = self.asked.begin(now + timeout.saturating_add(MARGIN), asker, waiting);
        if let Some(none) = self.asked.take_if_whole(key) {
            return Err(all_acks(none));
        }
        let tokens = sockets.iter().map(|(socket, id)| {
            let token = AckToken::internal(self.n_awaited);
            self.n_awaited += 1;
            self.awaited.insert(token, (key, *socket, *id));
            (*socket, token)
        });
        Ok(tokens.collect())
    }

    /// A client has answered, or will not: the answer of all, if it was the last.
    pub(crate) fn acked(
        &mut self,
        token: AckToken,
        answer: Result<(String, Vec<Bytes>), AckError>,
    ) -> Option<Answered> {
        let (key, socket, id) = self.awaited.remove(&token)?;
        self.asked.answered(key, &socket, [AckOf { socket: id, answer }]);
        self.asked.take_if_whole(key).map(all_acks)
    }

    /// What came in time, where the time is up, and how many shards did not answer. What clients
    /// answered must have been told before.
    pub(crate) fn late(&mut self, now: Time) -> Option<(AckToken, Answer, usize)> {
        // Each client's own time was up before: this is for the tables' sake.
        while self.asked.take_late(now).is_some() {}
        let (late, n_silent) = self.open.take_late(now)?;
        let (token, answer) = whole(late);
        Some((token, answer, n_silent))
    }

    pub(crate) fn deadline(&self) -> Option<Time> {
        self.open.deadline().into_iter().chain(self.asked.deadline()).min()
    }

    /// True if nobody waits for anything.
    pub(crate) fn is_empty(&self) -> bool {
        self.open.len() + self.asked.len() + self.awaited.len() == 0
    }
}

fn whole(((token, mut all), parts): ((AckToken, Answer), Vec<Answer>)) -> (AckToken, Answer) {
    for part in parts {
        match (&mut all, part) {
            (Answer::Acks(all), Answer::Acks(part)) => {
                if fault::is_planted(Fault::GatheredTwice) {
                    all.extend(part.clone());
                }
                all.extend(part);
            }
            (Answer::Sockets(all), Answer::Sockets(part)) => all.extend(part),
            (Answer::Servers(all), Answer::Servers(part)) => all.extend(part),
            // Another node's mistake.
            (Answer::Acks(_) | Answer::Sockets(_) | Answer::Servers(_), _) => {}
        }
    }
    (token, all)
}

fn all_acks(((shard, number), acks): ((ShardId, u64), Vec<AckOf>)) -> Answered {
    (shard, number, Answer::Acks(acks))
}
