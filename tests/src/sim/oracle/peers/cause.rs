//! Why a world says something in `/signal`, and what must come of that: where a request belongs,
//! and what the hub that it reaches must answer.

use super::*;

/// Why a world says something in `/signal`.
#[derive(Debug, Default)]
pub(in crate::sim::oracle) enum Cause {
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
    pub(in crate::sim::oracle) fn cause(&mut self, at: usize, input: &Input<'_>) -> Cause {
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

    /// What has to follow; true if it is for another shard.
    pub(super) fn caused(
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
}
