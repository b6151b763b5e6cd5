//! A world's effects, written down as they come.

use std::time::Duration;

use parlor_core::{
    close::CloseReason,
    cluster::{Answer, Message},
    delivery::Delivery,
    effect::{AckError, Effect, Effects},
    input::AckToken,
    key::{NamespaceKey, SessionKey, ShardId, SocketKey, ViewId},
};
use parlor_shared::{
    id::{Pid, SocketId},
    socket_io::Frame,
};

/// An effect that outlives its input.
#[derive(Debug)]
pub(super) enum Seen {
    Send(SessionKey, Frame, Delivery),
    Close(SessionKey, CloseReason),
    Connecting {
        socket: SocketKey,
        id: SocketId,
        session: SessionKey,
        namespace: NamespaceKey,
        auth: Option<String>,
    },
    Connected(SocketKey, NamespaceKey),
    Event {
        socket: SocketKey,
        namespace: NamespaceKey,
        name: String,
        args: String,
        ack: Option<u64>,
    },
    Acked(AckToken, Result<String, AckError>),
    Gathered(AckToken, Answer),
    Tell(ShardId, Message),
    Recovered(SocketKey, Pid),
    Kept(SocketKey, Pid),
    Forgotten(Pid),
    Disconnected(SocketKey),
    Abandoned(SocketKey),
    Show(SessionKey, ViewId, bool),
    Hide(SessionKey, ViewId),
    Rebase(SessionKey, ViewId),
    Ticked(Duration, u64),
}

#[derive(Debug, Default)]
pub(super) struct Log(pub(super) Vec<Seen>);

impl Effects for Log {
    fn push(&mut self, effect: Effect<'_>) {
        self.0.push(match effect {
            Effect::Send(to, frame, delivery) => {
                let seen = |to: &SessionKey| Seen::Send(*to, frame.clone(), delivery);
                return self.0.extend(to.iter().map(seen));
            }
            Effect::Close(session, reason) => Seen::Close(session, reason),
            Effect::Connecting { socket, id, session, namespace, auth, .. } => {
                let auth = auth.map(str::to_owned);
                Seen::Connecting { socket, id, session, namespace, auth }
            }
            other @ (Effect::Unlisted { .. }
            | Effect::Disconnecting(..)
            | Effect::Room(..)
            | Effect::ServerSide(..)
            | Effect::Sending(..)) => unreachable!("nobody listens to {other:?}"),
            // Right before its first socket is connected; for the metrics.
            Effect::Joined(_) | Effect::Linked(..) | Effect::Recorded(_) => return,
            Effect::Connected(socket, namespace, _) => Seen::Connected(socket, namespace),
            Effect::Event { socket, namespace, args, ack } => {
                let (name, args) = (args.name().into_owned(), args.array().to_owned());
                Seen::Event { socket, namespace, name, args, ack }
            }
            Effect::Acked(token, answer) => {
                Seen::Acked(token, answer.map(|args| args.array().to_owned()))
            }
            Effect::Gathered(token, answer, _) => Seen::Gathered(token, answer),
            Effect::Tell(shard, message) => Seen::Tell(shard, message),
            Effect::Recovered { socket, pid, .. } => Seen::Recovered(socket, pid),
            Effect::Kept(socket, pid) => Seen::Kept(socket, pid),
            Effect::Forgotten(pid) => Seen::Forgotten(pid),
            Effect::Disconnected(socket, ..) => Seen::Disconnected(socket),
            Effect::Abandoned(socket) => Seen::Abandoned(socket),
            Effect::Show(session, view, deltas) => Seen::Show(session, view, deltas),
            Effect::Hide(session, view) => Seen::Hide(session, view),
            Effect::Rebase(session, view) => Seen::Rebase(session, view),
            Effect::Ticked(late, n_skipped) => Seen::Ticked(late, n_skipped),
        });
    }
}
