//! The event `time`: what the server's clock says, and how long a client takes to say something
//! back that it could not know before.
//! Nothing is kept for it: the server signs when it answered. Source: `parlor_shared::api::time`.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use parlor_core::{
    key::{Key as _, NamespaceKey, SocketKey},
    time::Time,
};
use parlor_shared::{
    api::{
        Refusal, Reply, code, lobby,
        time::{Ask, TIME, Told},
    },
    socket_io::Args,
};
use ring::hmac;

use super::{Handlers, Namespaces, context::answer};
use crate::chance;

/// An echo that is older says nothing about the way.
const MAX_AGE: Duration = Duration::from_secs(30);
/// The main namespace.
const MAIN: &str = "/";
/// Bytes of the time in an echo; the signature stands behind it.
const TIME_BYTES: usize = 8;

/// Signs when answers went out, for this shard's sockets.
pub(super) struct Stopwatch {
    key: hmac::Key,
}

impl Stopwatch {
    pub(super) fn new() -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, &chance::secret()) }
    }

    /// What this socket is to send back.
    fn start(&self, socket: SocketKey, now: Time) -> String {
        let at = (now.since_start().as_nanos() as u64).to_le_bytes();
        let signature = hmac::sign(&self.key, &signed(socket, at));
        URL_SAFE_NO_PAD.encode([at.as_slice(), signature.as_ref()].concat())
    }

    /// How long ago that was; `None`: it is no echo of ours to this socket, or too old.
    fn stop(&self, socket: SocketKey, now: Time, echo: &str) -> Option<Duration> {
        let bytes = URL_SAFE_NO_PAD.decode(echo).ok()?;
        let (at, signature) = bytes.split_first_chunk::<TIME_BYTES>()?;
        hmac::verify(&self.key, &signed(socket, *at), signature).ok()?;
        let at = Time::after_start(Duration::from_nanos(u64::from_le_bytes(*at)));
        Some(now.since(at)).filter(|age| *age <= MAX_AGE)
    }
}

fn signed(socket: SocketKey, at: [u8; TIME_BYTES]) -> Vec<u8> {
    let (index, generation) = socket.parts();
    [&index.to_le_bytes()[..], &generation.to_le_bytes(), &at].concat()
}

impl Handlers {
    /// A socket asks for the time, in `/` or where players are.
    pub(super) fn tell_time(
        &mut self,
        now: Time,
        (socket, namespace): (SocketKey, NamespaceKey),
        args: &Args<'_>,
        ack: Option<u64>,
    ) {
        let Some(id) = ack else { return };
        let is_main = self.time_namespace == Some(namespace);
        let played = self.played(namespace).unwrap_or(lobby::NAMESPACE);
        let name = if is_main { MAIN } else { played };
        let reply = match ask(args) {
            Ok(Ask { echo }) => Reply::Ok(Told {
                server_ms: self.gate.accounts().clock.epoch_ms()
                    + now.since_start().as_millis() as u64,
                rtt_ms: echo
                    .and_then(|echo| self.stopwatch.stop(socket, now, &echo))
                    .map(|trip| trip.as_micros() as f64 / 1000.0),
                echo: self.stopwatch.start(socket, now),
            }),
            Err(refusal) => Reply::Refused(refusal),
        };
        self.send(socket, namespace.into(), answer(name, id, (reply,)));
    }
}

/// `/`, unless it has a handler for `time`, or for whatever comes.
pub(super) fn time_namespace(namespaces: &Namespaces) -> Option<NamespaceKey> {
    let at = namespaces.iter().position(|(name, _)| name == MAIN)?;
    let is_free = namespaces[at].1.event(TIME).is_none();
    is_free.then_some(NamespaceKey(u32::try_from(at).expect("few namespaces")))
}

fn ask(args: &Args<'_>) -> Result<Ask, Refusal> {
    if args.raw().next().is_none_or(|raw| raw == "null") {
        return Ok(Ask::default());
    }
    args.get(0).map_err(|error| Refusal::new(code::BAD_REQUEST, error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Time {
        Time::after_start(Duration::from_millis(ms))
    }

    #[test]
    fn an_echo_tells_how_long_it_took_to_the_socket_that_it_was_told_and_to_no_other() {
        let (stopwatch, socket) = (Stopwatch::new(), SocketKey::new(1, 2));
        let echo = stopwatch.start(socket, at(1000));
        assert_eq!(stopwatch.stop(socket, at(1042), &echo), Some(Duration::from_millis(42)));
        assert_eq!(stopwatch.stop(SocketKey::new(1, 3), at(1042), &echo), None);
        assert_eq!(stopwatch.stop(SocketKey::new(2, 2), at(1042), &echo), None);
        assert_eq!(Stopwatch::new().stop(socket, at(1042), &echo), None, "another server's");
    }

    #[test]
    fn an_echo_counts_for_30_seconds_and_no_longer() {
        let (stopwatch, socket) = (Stopwatch::new(), SocketKey::new(1, 2));
        let echo = stopwatch.start(socket, at(0));
        assert!(stopwatch.stop(socket, at(30_000), &echo).is_some());
        assert_eq!(stopwatch.stop(socket, at(30_001), &echo), None);
    }

    #[test]
    fn nobody_can_make_an_echo_younger() {
        let (stopwatch, socket) = (Stopwatch::new(), SocketKey::new(1, 2));
        let echo = URL_SAFE_NO_PAD.decode(stopwatch.start(socket, at(1000))).unwrap();
        assert_eq!(echo.len(), TIME_BYTES + 32);
        for bit in 0..echo.len() * 8 {
            let mut forged = echo.clone();
            forged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(stopwatch.stop(socket, at(1042), &URL_SAFE_NO_PAD.encode(forged)), None);
        }
        for bad in ["", "AAAA", "no base64!", &"A".repeat(32), &"A".repeat(10_000)] {
            assert_eq!(stopwatch.stop(socket, at(1042), bad), None, "{bad:.20}");
        }
    }
}
