//! Sessions that poll: what their GETs and POSTs come to.
//! The requests themselves are `transport::polling`'s.

use parlor_core::{
    delivery::NoViews,
    engine_io::{SessionInput, Transport},
    key::SessionKey,
};
use parlor_shared::engine_io as engine;
use tokio::sync::oneshot;

use super::{Carrier, Shard, sessions::Told};

/// What becomes of a GET.
#[derive(Debug)]
pub(crate) enum Polled {
    /// There was something to say.
    Answered(Vec<u8>),
    /// The answer comes by this. If it is dropped, so is the poll.
    Waits(oneshot::Receiver<Vec<u8>>),
}

/// Why a request about a session is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// No such session.
    Unknown,
    /// The session has another transport.
    OtherTransport,
    /// The session took the request amiss and may have ended over it.
    Overlap,
}

impl Shard {
    /// A GET is answered, or waits.
    pub(crate) fn poll_opened(&mut self, key: SessionKey) -> Result<Polled, Refused> {
        self.request(key, SessionInput::PollOpened)?;
        let Some(slot) = self.sessions.get_mut(key) else { return Err(Refused::Unknown) };
        if let Some(body) = slot.session.poll_answer(self.app.views(&mut NoViews)) {
            self.tally.bytes_sent += body.len() as u64;
            self.after_write(key);
            return Ok(Polled::Answered(body));
        }
        let (answer, receiver) = oneshot::channel();
        slot.carrier = Carrier::Polling(Some(answer));
        Ok(Polled::Waits(receiver))
    }

    /// The client gave up its GET.
    pub(crate) fn poll_aborted(&mut self, key: SessionKey) {
        self.tell(key, SessionInput::PollAborted, None);
    }

    /// A POST begins.
    pub(crate) fn post_opened(&mut self, key: SessionKey) -> Result<(), Refused> {
        self.request(key, SessionInput::PostOpened)
    }

    /// A POST's body is here: false if something in it could not be read, or if nobody reads it,
    /// because another came between.
    pub(crate) fn post_body(&mut self, key: SessionKey, body: &[u8]) -> bool {
        if !self.sessions.get(key).is_some_and(|slot| slot.session.expects_post()) {
            return false;
        }
        let mut is_fine = true;
        match std::str::from_utf8(body) {
            Err(_) => {
                is_fine = false;
                self.tell(key, SessionInput::Malformed, None);
            }
            Ok(body) => {
                // Those of messages count with them, unless there is something else among them.
                let mut n_bytes = body.len();
                for packet in engine::decode_payload(body) {
                    let Some(slot) = self.sessions.get(key) else { break };
                    match &packet {
                        Ok(packet) => {
                            let told = self.tell(key, SessionInput::Packet(packet), Some(packet));
                            if told == Told::Noise {
                                self.noise(key, std::mem::take(&mut n_bytes));
                            }
                        }
                        Err(_) if slot.session.is_closed() => break,
                        Err(_) => {
                            is_fine = false;
                            self.tell(key, SessionInput::Malformed, None);
                        }
                    }
                }
            }
        }
        self.tell(key, SessionInput::PostClosed, None);
        is_fine
    }

    /// A POST broke a rule or was cut off.
    pub(crate) fn post_broken(&mut self, key: SessionKey) {
        self.tell(key, SessionInput::PostBroken, None);
    }

    /// Tells a session of a request that begins, if it polls.
    fn request(&mut self, key: SessionKey, input: SessionInput<'_>) -> Result<(), Refused> {
        match self.transport(key) {
            None => return Err(Refused::Unknown),
            Some(Transport::WebSocket) => return Err(Refused::OtherTransport),
            Some(Transport::Polling) => {}
        }
        match self.tell(key, input, None) {
            Told::Refused => Err(Refused::Overlap),
            Told::Fine | Told::Noise => Ok(()),
        }
    }
}
