//! Relay: a match of a game that the server does not know. Players send each other what they like,
//! and their host keeps a state for all.
//! How much each may send is `bucket`'s part; what all of it is called on the wire is in
//! `parlor_shared::api::relay`.

mod bucket;

use std::{ops::RangeInclusive, sync::Arc, time::Duration};

use parlor_core::lobby::game::{Cx, Game, Outcome, Reject, Seat, SeatChange, To, Viewer, Views};
use parlor_shared::api::{
    self,
    relay::{Action, Config, Event, Group, Recipients, View, code, reason},
};
use serde_json::value::RawValue;

use bucket::Bucket;

/// The largest that [`Config::max_bytes`] may be: more would hold up what else a client waits for.
pub const MAX_BYTES: u32 = 64 * 1024;
/// Bytes of a published state: each who comes in, or falls behind, gets it as a whole.
pub const MAX_STATE_BYTES: usize = 64 * 1024;
/// The largest that [`Config::per_second`] may be: sixteen players who all send to all make
/// 25,600 messages of it.
pub const MAX_PER_SECOND: u32 = 100;
/// The largest that [`Config::burst`] may be.
pub const MAX_BURST: u32 = 200;
/// Code points of the reason for an end.
pub const MAX_REASON_CODE_POINTS: usize = 64;

/// What a host may not say, because the server does.
const RESERVED_REASONS: [&str; 2] = ["crashed", "abandoned"];

/// The game of passing on.
#[derive(Debug)]
pub struct Relay;

/// A relay match.
#[derive(Debug, Clone)]
pub struct State {
    config: Config,
    host: Option<Seat>,
    /// Those that play, in order, and how much each may still send.
    seats: Vec<(Seat, Bucket)>,
    /// Shared, because the whole state is cloned before each action.
    published: Option<Arc<RawValue>>,
    outcome: Option<Outcome>,
}

impl Game for Relay {
    type Config = Config;
    type State = State;
    type Action = Action;
    type View = View;
    type Event = Event;

    const SEATS: RangeInclusive<u8> = 1..=16;
    const GRACE: Duration = Duration::from_secs(120);
    const LATE_JOIN: bool = true;
    const VIEWS: Views = Views::Shared;

    fn check(config: &Config) -> Result<(), String> {
        let check = |name, value, most| match value {
            value if (1..=most).contains(&value) => Ok(()),
            _ => Err(format!("`{name}` is 1 to {most}")),
        };
        check("max_bytes", config.max_bytes, MAX_BYTES)?;
        check("per_second", config.per_second, MAX_PER_SECOND)?;
        check("burst", config.burst, MAX_BURST)
    }

    fn setup(config: &Config, cx: &mut Cx<'_, Self>) -> State {
        let seats = cx.seats().iter().map(|seat| (*seat, Bucket::default())).collect();
        let (config, host) = (config.clone(), cx.host());
        State { config, host, seats, published: None, outcome: None }
    }

    fn apply(
        state: &mut State,
        seat: Seat,
        action: Action,
        cx: &mut Cx<'_, Self>,
    ) -> Result<(), Reject> {
        match action {
            Action::Send { to, data, volatile } => {
                let max_bytes = state.config.max_bytes as usize;
                expect_size("a message", &data, max_bytes)?;
                let to = state.recipients(seat, to)?;
                state.meter(seat, cx)?;
                let event = Event::Message { from: seat.0, data };
                if volatile {
                    cx.emit_volatile(to, seat.0, event);
                } else {
                    cx.emit_to(to, event);
                }
                cx.keep_view();
            }
            Action::Publish { state: published } => {
                expect_host(seat, cx)?;
                expect_size("a state", &published, MAX_STATE_BYTES)?;
                state.meter(seat, cx)?;
                state.published = Some(published.into());
            }
            Action::Finish { winners, reason } => {
                expect_host(seat, cx)?;
                state.outcome = Some(state.judge(&winners, reason)?);
            }
        }
        Ok(())
    }

    fn seat(state: &mut State, seat: Seat, change: SeatChange, cx: &mut Cx<'_, Self>) {
        match change {
            SeatChange::Joined => {
                state.seats.push((seat, Bucket::default()));
                state.seats.sort_unstable_by_key(|(seat, _)| *seat);
            }
            SeatChange::Left => {
                state.seats.retain(|(own, _)| *own != seat);
                if state.seats.is_empty() && state.outcome.is_none() {
                    state.outcome = Some(Outcome::void(reason::ABANDONMENT));
                }
            }
            SeatChange::Dropped | SeatChange::Overdue | SeatChange::Returned => cx.keep_view(),
        }
    }

    fn host(state: &mut State, cx: &mut Cx<'_, Self>) {
        state.host = cx.host();
    }

    fn view(state: &State, _: Viewer) -> View {
        View {
            host: state.host.map(|seat| seat.0),
            seats: state.seats.iter().map(|(seat, _)| seat.0).collect(),
            state: state.published.as_deref().unwrap_or(RawValue::NULL).to_owned(),
        }
    }

    fn outcome(state: &State) -> Option<Outcome> {
        state.outcome.clone()
    }
}

impl State {
    fn plays(&self, seat: Seat) -> bool {
        self.seats.iter().any(|(own, _)| *own == seat)
    }

    /// Whom `from` speaks to.
    fn recipients(&self, from: Seat, to: Recipients) -> Result<To, Reject> {
        let refused = |message: &str| Err(Reject::new(code::RECIPIENT, message));
        match to {
            Recipients::Group(Group::All) => Ok(To::All),
            Recipients::Group(Group::Others) => Ok(To::AllBut(from)),
            Recipients::Group(Group::Host) => match self.host.filter(|host| self.plays(*host)) {
                Some(host) => Ok(To::Seat(host)),
                None => refused("no host plays in this match"),
            },
            Recipients::Seat(seat) if self.plays(Seat(seat)) => Ok(To::Seat(Seat(seat))),
            Recipients::Seats(seats) if seats.is_empty() => refused("a message is for somebody"),
            Recipients::Seats(seats) if seats.iter().all(|seat| self.plays(Seat(*seat))) => {
                Ok(To::Seats(seats.into_iter().map(Seat).collect()))
            }
            _ => refused("nobody plays in the seat that the message is for"),
        }
    }

    /// Counts what a seat sends.
    fn meter(&mut self, seat: Seat, cx: &Cx<'_, Relay>) -> Result<(), Reject> {
        let Config { per_second, burst, .. } = self.config;
        let Some((_, bucket)) = self.seats.iter_mut().find(|(own, _)| *own == seat) else {
            let message = "this seat does not play in the match";
            return Err(Reject::new(api::code::NOT_IN_MATCH, message));
        };
        if bucket.take(cx.now(), Duration::from_secs(1) / per_second, burst) {
            return Ok(());
        }
        let message = format!("at most {per_second} messages a second, and {burst} at once");
        Err(Reject::new(api::code::RATE, message))
    }

    /// The end as the host wants it, if it makes sense.
    fn judge(&self, winners: &[u8], reason: Option<String>) -> Result<Outcome, Reject> {
        let mut winners: Vec<Seat> = winners.iter().copied().map(Seat).collect();
        if !winners.iter().all(|seat| self.plays(*seat)) {
            return Err(Reject::new(code::OUTCOME, "only those who play can win"));
        }
        winners.sort_unstable();
        winners.dedup();
        let Some(reason) = reason else { return Ok(Outcome::new(winners, reason::FINISHED)) };
        let is_plain = |c: char| c.is_alphanumeric() || c.is_ascii_punctuation() || c == ' ';
        let n = reason.chars().count();
        let is_fine = (1..=MAX_REASON_CODE_POINTS).contains(&n)
            && reason.chars().all(is_plain)
            && !reason.trim().is_empty();
        if !is_fine || RESERVED_REASONS.contains(&&*reason) {
            let most = MAX_REASON_CODE_POINTS;
            let message =
                format!("a reason is 1 to {most} plain characters, and no word of the server's");
            return Err(Reject::new(code::OUTCOME, message));
        }
        Ok(Outcome::new(winners, reason))
    }
}

fn expect_host(seat: Seat, cx: &Cx<'_, Relay>) -> Result<(), Reject> {
    if cx.host() == Some(seat) {
        return Ok(());
    }
    Err(Reject::new(api::code::FORBIDDEN, "only the host may do this"))
}

fn expect_size(what: &str, json: &RawValue, most: usize) -> Result<(), Reject> {
    if json.get().len() <= most {
        return Ok(());
    }
    Err(Reject::new(code::TOO_LARGE, format!("{what} has at most {most} bytes of JSON")))
}

#[cfg(test)]
mod tests;
