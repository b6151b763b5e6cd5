//! What peers send each other through the server: reliable frames in order while both are there,
//! volatile ones only while they are new, and no more than link, player and lobby may.

use bytes::Bytes;
use parlor_shared::api::signal::{Budget, Refused, request};

use super::*;
use crate::{
    rate::Rate,
    signaling::{effect::relayed, settings::rate},
};

/// How old a volatile frame may be when its receiver can take it, in milliseconds.
const VOLATILE_MAX_AGE_MS: u32 = 200;
/// How often one is told that frames of a link are refused.
const REFUSAL_INTERVAL: Duration = Duration::from_millis(100);
/// Bytes that a frame costs beside its own.
const FRAME_OVERHEAD_BYTES: u32 = 64;

/// What is left to each who may have something relayed, and how it grows.
type Limits<'a> = [(&'a mut Allowance, Rate); 4];

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
        let Some((socket, limits)) = self.way((at, side), out.settings.budget) else {
            out.figures.dropped[1] += 1;
            return Err(unavailable());
        };
        let n_bytes = bytes.len() as u32 + FRAME_OVERHEAD_BYTES;
        if let Err(wait) = spend(now, limits, n_bytes) {
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
        let frame = relayed(name, link, bytes);
        out.effects.push(SignalEffect::Push(socket, frame, delivery));
        Ok(Done {})
    }

    /// Where frames from this end of a link go, and what limits them: by the link, from one player,
    /// to the other, by the lobby. `None` while nobody is there.
    fn way(&mut self, (at, side): (usize, Side), budget: Budget) -> Option<(Address, Limits<'_>)> {
        let link = &mut self.links[at];
        let [from, to] = [side, side.other()].map(|side| {
            let number = link.end(side).peer;
            self.peers.binary_search_by_key(&number, |peer| peer.number)
        });
        let [from, to] = self.peers.get_disjoint_mut([from.ok()?, to.ok()?]).ok()?;
        let limits = [
            (&mut link.end_mut(side).budget, rate(budget.link)),
            (&mut from.sends, rate(budget.player)),
            (&mut to.gets, rate(budget.player)),
            (&mut self.budget, rate(budget.lobby)),
        ];
        Some((to.socket?, limits))
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

/// Takes so many bytes within all limits, or none of any; then says how long it takes until there
/// are so many.
fn spend(now: Time, mut limits: Limits<'_>, n_bytes: u32) -> Result<(), Duration> {
    for at in 0..limits.len() {
        let (allowance, rate) = &mut limits[at];
        let taken = allowance.take_up_to(now, *rate, n_bytes);
        if taken == n_bytes || fault::is_planted(Fault::RelayUnlimited) {
            continue;
        }
        allowance.give_back(*rate, taken);
        let wait = rate.every * (n_bytes - taken);
        limits[..at].iter_mut().for_each(|(earlier, rate)| earlier.give_back(*rate, n_bytes));
        return Err(wait);
    }
    Ok(())
}
