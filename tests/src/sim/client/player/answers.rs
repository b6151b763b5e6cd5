//! What a client makes of the answers to what it asked in namespace `/lobby`.

use parlor_core::time::Time;
use parlor_shared::api::{
    Refusal, Reply, chess, code,
    lobby::{self as api, Joined, Listing},
};
use serde_json::Value;

use super::{AGAIN, Asked, Check, Token, read};
use crate::sim::{
    Invariant, Sim,
    oracle::{Came, GameKind, Left, Said, Story},
    plan::GRACE,
};

impl Sim {
    pub(super) fn acked(&mut self, n: usize, asked: &Asked, data: &str) -> Check {
        let reply: Reply<Value> = read(data)?;
        if let Reply::Refused(refusal) = reply {
            self.trace.n_refused += 1;
            return self.refused(n, asked, &refusal);
        }
        self.trace.n_accepted += 1;
        let now = self.now;
        let player = &mut self.clients[n].player;
        match asked.event {
            event @ ("create" | "join" | "quick" | "resume") => {
                if event != "resume" {
                    // The numbers of a seat go with its player, also in a match that is on still.
                    player.last_input = None;
                }
                self.entered(n, asked, &read(data)?)
            }
            "list" => {
                let listing: Listing = read(data)?;
                player.listed = listing.lobbies.iter().map(|lobby| lobby.id.clone()).collect();
                self.oracle.lobbies.listed(&listing)
            }
            "watch" => {
                let listing: Listing = read(data)?;
                player.watched = listing.lobbies.iter().map(|lobby| lobby.id.clone()).collect();
                self.oracle.lobbies.listed(&listing)
            }
            "unwatch" => {
                player.watched.clear();
                Ok(())
            }
            "leave" => {
                player.forget_place();
                Ok(())
            }
            event => {
                let Some(story) = &mut player.story else {
                    return Err((Invariant::Versions, format!("{event} in no lobby")));
                };
                // What waited for its tick was asked for before it came back.
                let is_after = |token: &&mut Token| token.asked_by < asked.wish.id;
                let token = player.token.as_mut().filter(|_| !story.is_fan);
                if let Some(token) = token.filter(is_after) {
                    player.stale.extend(token.previous.take());
                }
                self.oracle.lobbies.granted(now, story, asked.wish, event)?;
                match event {
                    "resync" => story.awaits_whole = true,
                    "vote" => return self.oracle.lobbies.voted(story, &asked.payload),
                    "peer" => {
                        let admitted: api::PeerAdmitted = read(data)?;
                        self.peer_admitted(n, admitted.token.as_str());
                    }
                    "claim" => return self.oracle.lobbies.claimed(story),
                    "chat" => story.said.extend(Said::read(&asked.about)),
                    "input" if asked.about == AGAIN => {
                        let Some((place, seq, _, first)) = &player.last_input else {
                            return Ok(());
                        };
                        // Since it was sent another one may have been accepted.
                        if *place != story.place() || asked.payload[0].as_u64() != Some(*seq) {
                            return Ok(());
                        }
                        let acted: api::Acted = read(data)?;
                        return story.acted_again(*first, acted.turn);
                    }
                    "action" | "input" => {
                        let acted: api::Acted = read(data)?;
                        let about = serde_json::from_str(&asked.about).ok();
                        let (seq, action): (Option<u64>, Value) = about.unwrap_or_default();
                        if let Some(seq) = seq {
                            player.last_input =
                                Some((story.place(), seq, action.clone(), acted.turn));
                        }
                        let did = (seq, &action);
                        return self.oracle.lobbies.acted(now, story, did, acted.turn);
                    }
                    _ => {}
                }
                Ok(())
            }
        }
    }

    fn refused(&mut self, n: usize, asked: &Asked, refusal: &Refusal) -> Check {
        let now = self.now;
        let player = &mut self.clients[n].player;
        let rules = [chess::code::TURN, chess::code::ILLEGAL_MOVE];
        let place = player.story.as_ref().map(Story::place);
        let is_same_seat = place == player.last_input.as_ref().map(|(of, ..)| of.clone());
        if asked.about == AGAIN && is_same_seat && rules.contains(&refusal.code.as_str()) {
            return Err((Invariant::Inputs, format!("taken anew, and refused: {refusal:?}")));
        }
        if refusal.code == code::MATCH_CRASH
            && let Some(story) = &player.story
        {
            self.oracle.lobbies.crashed(story)?;
        }
        self.denied(n, asked, refusal)?;
        let player = &mut self.clients[n].player;
        let is_own = |token: &Token| token.text == asked.about && asked.event == "resume";
        if refusal.code != code::TOKEN || !player.token.as_ref().is_some_and(is_own) {
            return Ok(());
        }
        let token = player.token.take().expect("just seen");
        let lobbies = &self.oracle.lobbies;
        let is_away = lobbies.may_be_sent_away(&token.lobby, token.seat, &token.name);
        // Where nobody said or did anything for long, the lobby itself may have ended.
        let may_have_ended =
            now > Time::ZERO + self.plan.lobbies.open_timeout || lobbies.is_waiting(&token.lobby);
        let is_kept = token.is_sure && !is_away && !may_have_ended;
        if is_kept && token.lost_at.is_some_and(|lost_at| now < lost_at + GRACE) {
            return Err((Invariant::Grace, format!("{token:?} was not kept")));
        }
        player.stale.push(token.text);
        Ok(())
    }

    /// What is to be learned from a refusal about who decides, and who may come in.
    fn denied(&mut self, n: usize, asked: &Asked, refusal: &Refusal) -> Check {
        let lobbies = &mut self.oracle.lobbies;
        asked.lobby.iter().for_each(|lobby| lobbies.denied(lobby, asked.wish));
        match (asked.event, refusal.code.as_str()) {
            ("join", code) => lobbies.turned_away(asked.wish, &asked.payload, code)?,
            ("vote", code) => {
                let story = self.clients[n].player.story.as_ref();
                story.map_or(Ok(()), |story| lobbies.not_voted(story, asked.wish, code))?;
            }
            ("claim", code::NOT_OVERDUE) => {
                let story = self.clients[n].player.story.as_ref();
                story.map_or(Ok(()), |story| lobbies.claimed_in_vain(story))?;
            }
            _ => {}
        }
        if asked.is_outside && refusal.code == code::IN_LOBBY {
            let what =
                format!("{} of {:?} is refused by {}", asked.event, asked.wish, refusal.code);
            return Err((Invariant::Outside, what));
        }
        Ok(())
    }

    fn entered(&mut self, n: usize, asked: &Asked, joined: &Joined) -> Check {
        let (now, slack) = (self.now, self.plan.slack());
        let keep = GameKind::of(&joined.lobby.game).keep();
        let player = &mut self.clients[n].player;
        let mut name = asked.about.clone();
        let mut previous = None;
        if asked.event == "resume" {
            if player.stale.contains(&asked.about) {
                return Err((Invariant::Tokens, format!("{} works again", asked.about)));
            }
            let current = player.token.take().filter(|token| token.text == asked.about);
            let before = asked.token.clone().map(|token| Token { lost_for_sure_at: None, ..token });
            let Some(token) = current.or(before) else {
                return Err((Invariant::Tokens, "nobody has this token".to_owned()));
            };
            if (&token.lobby, token.seat) != (&joined.lobby.id, joined.seat) {
                return Err((Invariant::Seats, format!("{token:?} leads to {:?}", joined.seat)));
            }
            let is_late = |lost_at: Time| asked.wish.at > lost_at + keep + slack;
            if token.lost_for_sure_at.is_some_and(is_late) {
                return Err((Invariant::Grace, format!("{token:?} was kept too long")));
            }
            name = token.name;
            previous = Some(token.text);
        } else if player.story.is_some() {
            return Err((Invariant::Seats, format!("{} as well", joined.lobby.id)));
        }
        let (lobbies, id) = (&mut self.oracle.lobbies, &joined.lobby.id);
        if asked.event == "resume" {
            lobbies.came_back(id, &name, asked.wish.at)?;
        } else if !joined.created {
            let said = asked.payload["password"].as_str().unwrap_or_default();
            lobbies.let_in(id, asked.wish, said)?;
        }
        if joined.created {
            lobbies.opened(now, id, asked.wish, &asked.payload);
            if asked.event == "quick" {
                lobbies.opened_quickly(now, joined, asked.wish);
            }
            self.codes.push(joined.lobby.code.clone());
        }
        let is_fan = joined.token.is_empty();
        player.token = (!is_fan).then(|| Token {
            text: joined.token.clone(),
            previous,
            asked_by: asked.wish.id,
            lobby: joined.lobby.id.clone(),
            name: name.clone(),
            seat: joined.seat,
            left: None,
            lost_at: None,
            lost_for_sure_at: None,
            is_sure: player.asked.values().all(|asked| asked.event != "resume"),
        });
        let before = player.story.take().filter(|story| {
            let is_there =
                !story.is_fan && (&story.lobby, story.seat) == (&joined.lobby.id, joined.seat);
            is_there && story.version == joined.lobby.version
        });
        let stays = before.as_ref().map(Left::of);
        let came = match (asked.event, &stays) {
            ("resume", Some(left)) => Came::Stays(left),
            ("resume", None) => Came::Back(asked.token.as_ref().and_then(|t| t.left.as_ref())),
            _ => Came::New,
        };
        let story = self.oracle.lobbies.joined(now, joined, &name, came)?;
        if joined.lobby.state.is_some() {
            let begun = self.oracle.tickets.begun(&joined.lobby.id);
            begun.map_err(|what| (Invariant::Tickets, what))?;
        }
        self.trace.n_missed += u64::from(joined.missed.unwrap_or_default());
        player.story = Some(story);
        Ok(())
    }
}
