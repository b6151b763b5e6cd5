//! Any sequence of inputs into one session: it never panics, time always gets on, and what waits
//! for the client stays within its limit.

use std::{sync::Arc, time::Duration};

use parlor_core::{
    close::CloseReason,
    delivery::{Delivery, Shown, Views},
    engine_io::{Session, SessionEffect, SessionInput, Settings, Transport},
    key::{Key as _, LobbyKey, ShardId, ViewId, ViewerKey},
    time::Time,
};
use parlor_shared::{engine_io::Packet, socket_io::Frame, websocket::Violation};

const MAX_QUEUE_BYTES: usize = 500;
/// The longest frame, a pong and a last word may come on top of it.
const MOST_BYTES: usize = MAX_QUEUE_BYTES + 127 + 127 + 127;

/// Every other view has something to show, and some of it is a key.
struct Numbered(u64);

impl Views for Numbered {
    fn frame(&mut self, view: ViewId, base: Option<u64>) -> Option<Shown> {
        assert!(base.is_none_or(|base| base <= self.0));
        self.0 += 1;
        let is_shown = view.lobby.parts().0.is_multiple_of(2);
        let key = self.0.is_multiple_of(3).then_some(self.0);
        is_shown.then(|| Shown { frame: Frame::message_text("a state"), key })
    }
}

pub(super) fn session(data: &[u8]) {
    let Some((first, rest)) = data.split_first() else { return };
    let transport = if first % 2 == 0 { Transport::Polling } else { Transport::WebSocket };
    let settings = Settings { max_queue_bytes: MAX_QUEUE_BYTES, ..Settings::default() };
    let mut now = Time::ZERO;
    let mut session = Session::open(now, transport, "0{}", Arc::new(settings));
    let mut views = Numbered(0);
    let mut n_closed = 0;
    let texts = ["1", "2", "2probe", "3", "4a", "5", "6", "0", "bAQ=="];
    for pair in rest.chunks(2) {
        let (kind, argument) = (pair[0], *pair.last().expect("one or two"));
        let text = texts[usize::from(argument) % texts.len()];
        let packet = Packet::decode(text).expect("a packet");
        let frame = Frame::message_text("some words");
        let view = ViewId {
            shard: ShardId::default(),
            lobby: LobbyKey::new(u32::from(argument % 16), 0),
            viewer: ViewerKey::Everybody,
            format: Default::default(),
        };
        let input = match kind % 25 {
            0 => SessionInput::PollOpened,
            1 => SessionInput::PollAborted,
            2 => SessionInput::PostOpened,
            3 => SessionInput::PostClosed,
            4 => SessionInput::PostBroken,
            5 | 6 => SessionInput::Packet(&packet),
            7 => SessionInput::Malformed,
            8 => SessionInput::Violated(Violation { code: 1002, reason: "fuzz" }),
            9 => SessionInput::WebSocketPing(b"x"),
            10 => SessionInput::WebSocketPong,
            11 => SessionInput::TransportGone { clean: argument % 2 == 0 },
            12 => SessionInput::Blocked,
            13 => SessionInput::Writable,
            14 => SessionInput::CandidateOpened,
            15 => SessionInput::CandidatePacket(&packet),
            16 => SessionInput::CandidateGone,
            17 => SessionInput::Send(frame, Delivery::Reliable),
            18 => SessionInput::Send(frame, Delivery::Volatile { key: u64::from(argument) }),
            19 | 20 => SessionInput::Show { view, deltas: argument % 3 > 0 },
            21 => SessionInput::Hide { view },
            22 => SessionInput::Rebase { view },
            23 => SessionInput::WebSocketClosing(Some(1000 + u16::from(argument))),
            _ => SessionInput::Close(CloseReason::ALL[usize::from(argument) % 9]),
        };
        let mut effects = Vec::new();
        session.handle(now, input, &mut effects);
        if effects.contains(&SessionEffect::Upgraded) {
            session.upgrade();
        }
        assert!(session.queued_bytes() <= MOST_BYTES, "{}", session.queued_bytes());
        let _ = session.poll_answer(&mut views);
        let n: usize = session.poll_transmit(&mut views).map(<[u8]>::len).sum();
        session.written(now, n.min(usize::from(argument)));
        now = now + Duration::from_millis(u64::from(argument) * 20);
        for n_fired in 0.. {
            assert!(n_fired < 1000, "deadlines do not get on");
            match session.deadline() {
                Some(at) if at <= now => session.handle(now, SessionInput::Timeout, &mut effects),
                _ => break,
            }
        }
        let is_close = |effect: &&SessionEffect| matches!(effect, SessionEffect::Closed(_));
        n_closed += effects.iter().filter(is_close).count();
        assert_eq!(n_closed, usize::from(session.is_closed()), "it ends once");
        assert_eq!(session.deadline().is_none(), session.is_gone());
    }
}
