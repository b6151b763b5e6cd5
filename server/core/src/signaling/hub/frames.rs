//! What peers send each other through the server: reliable frames in order while both are there,
//! volatile ones only while they are new, and no more than link, player and lobby may.

use bytes::Bytes;
use parlor_shared::api::signal::{Refused, request};

use super::*;
use crate::{rate::Rate, signaling::settings::rate};

/// How old a volatile frame may be when its receiver can take it, in milliseconds.
const VOLATILE_MAX_AGE_MS: u32 = 200;
/// How often one is told that frames of a link are refused.
const REFUSAL_INTERVAL: Duration = Duration::from_millis(100);
/// Bytes that a frame costs beside its own.
const FRAME_OVERHEAD_BYTES: u32 = 64;

impl Hub {
    /// Passes a frame on to the other end of a link. `volatile`: the channel and key of which only
    /// the newest counts.
    ///
    /// # Errors
    /// Why it is dropped, for who wants an answer.
    pub(in crate::signaling) fn relay(
        &mut self,
        now: Time,
        number: u32,
        (link, bytes): (u32, Bytes),
        volatile: Option<(u8, u32)>,
        out: &mut Out<'_>,
    ) -> Result<Done, Refusal> {
        let Some((at, side)) = self.link_of(number, link) else {
            out.figures.dropped[0] += 1;
            return Err(not_found());
        };
        let to = self.links[at].end(side.other()).peer;
        let Some(socket) = self.peer(to).and_then(|peer| peer.socket) else {
            out.figures.dropped[1] += 1;
            return Err(unavailable());
        };
        let n_bytes = bytes.len() as u32 + FRAME_OVERHEAD_BYTES;
        if let Err(wait) = self.spend(now, (at, side), (number, to), n_bytes, out.settings) {
            out.figures.dropped[2] += 1;
            return Err(self.refuse(now, (at, side), number, wait, out));
        }
        let kind = usize::from(volatile.is_some());
        out.figures.frames[kind] += 1;
        out.figures.bytes[kind] += bytes.len() as u64;
        let (name, delivery) = match volatile {
            None => (request::RELIABLE, Delivery::Reliable),
            Some((channel, key)) => {
                // Others' keys for this receiver are those of other links.
                let key = u64::from(link) << 40 | u64::from(channel) << 32 | u64::from(key);
                let max_age_ms = VOLATILE_MAX_AGE_MS;
                (request::VOLATILE, Delivery::Fleeting { key, max_age_ms })
            }
        };
        let frame = super::super::effect::relayed(name, link, bytes);
        out.effects.push(SignalEffect::Push(socket, frame, delivery));
        Ok(Done {})
    }

    /// Takes so many bytes from what link, players and lobby may have relayed; or says how long it
    /// takes until there are so many.
    fn spend(
        &mut self,
        now: Time,
        (at, side): (usize, Side),
        (from, to): (u32, u32),
        n_bytes: u32,
        settings: &SignalSettings,
    ) -> Result<(), Duration> {
        let budget = settings.budget;
        let mut taken: Vec<(u32, Rate)> = Vec::new();
        let mut take = |allowance: &mut Allowance, rate: Rate| {
            let n = allowance.take_up_to(now, rate, n_bytes);
            taken.push((n, rate));
            n == n_bytes
        };
        let fits = take(&mut self.links[at].end_mut(side).budget, rate(budget.link))
            && self.peer_mut(from).is_some_and(|peer| take(&mut peer.sends, rate(budget.player)))
            && self.peer_mut(to).is_some_and(|peer| take(&mut peer.gets, rate(budget.player)))
            && take(&mut self.budget, rate(budget.lobby));
        if fits || fault::is_planted(Fault::RelayUnlimited) {
            return Ok(());
        }
        let (n, lacking) = *taken.last().expect("the first was asked");
        // What was taken in vain comes back, of each as much as there was.
        for (which, (n, rate)) in taken.into_iter().enumerate() {
            let allowance = match which {
                0 => Some(&mut self.links[at].end_mut(side).budget),
                1 => self.peer_mut(from).map(|peer| &mut peer.sends),
                2 => self.peer_mut(to).map(|peer| &mut peer.gets),
                _ => Some(&mut self.budget),
            };
            allowance.into_iter().for_each(|allowance| allowance.give_back(rate, n));
        }
        Err(lacking.every * (n_bytes - n))
    }

    /// Says that a frame is dropped, but not each time: it comes in crowds.
    fn refuse(
        &mut self,
        now: Time,
        (at, side): (usize, Side),
        number: u32,
        wait: Duration,
        out: &mut Out<'_>,
    ) -> Refusal {
        let sentence = "more is relayed than may be; wait, or send less";
        let link = self.links[at].number;
        let end = self.links[at].end_mut(side);
        if end.refused.is_none_or(|told| told + REFUSAL_INTERVAL <= now) {
            end.refused = Some(now);
            let refused = Refused {
                link,
                code: signal_code::RELAY_BUDGET.to_owned(),
                message: sentence.to_owned(),
                retry_ms: (wait.as_millis() as u32).max(1),
            };
            self.tell(number, &event(push::REFUSED, &refused), out);
        }
        Refusal::new(signal_code::RELAY_BUDGET, sentence)
    }
}
