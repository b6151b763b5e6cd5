//! What some handlers listen to beside connections and events: rooms, sockets that are about to go,
//! and what is sent. Nothing of it is told by the world where nobody listens.

use std::sync::Arc;

use bytes::Bytes;
use parlor_core::{
    effect::{DisconnectReason, RoomChange},
    key::{NamespaceKey, SocketKey},
    socket_io::Listeners,
};
use parlor_shared::socket_io::{Args, Frame, Kind, Packet, Sender};

use super::{Context, Handlers, Namespace, Sessions};

type OnRoom = Arc<dyn Fn(&mut Context<'_>, &str) + Send + Sync>;
type OnLeaving = Arc<dyn Fn(&mut Context<'_>, DisconnectReason, &[&str]) + Send + Sync>;
type OnSending = Arc<dyn Fn(&Context<'_>, &Args<'_>) + Send + Sync>;

/// Of one namespace.
#[derive(Clone, Default)]
pub(super) struct Listening {
    created: Vec<OnRoom>,
    joined: Vec<OnRoom>,
    left: Vec<OnRoom>,
    deleted: Vec<OnRoom>,
    leaving: Vec<OnLeaving>,
    sending: Vec<OnSending>,
}

impl Namespace {
    /// Called when a room gets its first socket on a shard, by that socket.
    ///
    /// A socket's own room, of its id, is always there: nothing is told of it.
    pub fn on_create_room(
        &mut self,
        handler: impl Fn(&mut Context<'_>, &str) + Send + Sync + 'static,
    ) -> &mut Self {
        self.listening.created.push(Arc::new(handler));
        self
    }

    /// Called when a socket has joined a room, by whomever it was put there.
    ///
    /// ```
    /// # let mut server = parlor_server::Server::default();
    /// server
    ///     .namespace("/")
    ///     .on_join_room(|cx, room| {
    ///         let id = cx.id();
    ///         cx.to(room).emit("joined", (room, id));
    ///     })
    ///     .on_leave_room(|cx, room| {
    ///         let id = cx.id();
    ///         cx.to(room).emit("left", (room, id));
    ///     });
    /// ```
    pub fn on_join_room(
        &mut self,
        handler: impl Fn(&mut Context<'_>, &str) + Send + Sync + 'static,
    ) -> &mut Self {
        self.listening.joined.push(Arc::new(handler));
        self
    }

    /// Called when a socket has left a room, by its own will or because it disconnects.
    pub fn on_leave_room(
        &mut self,
        handler: impl Fn(&mut Context<'_>, &str) + Send + Sync + 'static,
    ) -> &mut Self {
        self.listening.left.push(Arc::new(handler));
        self
    }

    /// Called when the last socket on a shard has left a room.
    pub fn on_delete_room(
        &mut self,
        handler: impl Fn(&mut Context<'_>, &str) + Send + Sync + 'static,
    ) -> &mut Self {
        self.listening.deleted.push(Arc::new(handler));
        self
    }

    /// Called when a socket is going, with the rooms that it is still in; its end cannot be helped.
    /// [`Self::on_leave_room`] comes next for each of them, and then [`Self::on_disconnect`].
    ///
    /// ```
    /// # let mut server = parlor_server::Server::default();
    /// server.namespace("/").on_disconnecting(|cx, reason, rooms| {
    ///     let id = cx.id();
    ///     cx.to(rooms).emit("lost", (id, reason.as_str()));
    /// });
    /// ```
    pub fn on_disconnecting(
        &mut self,
        handler: impl Fn(&mut Context<'_>, DisconnectReason, &[&str]) + Send + Sync + 'static,
    ) -> &mut Self {
        self.listening.leaving.push(Arc::new(handler));
        self
    }

    /// Called with every event that is sent to a socket, for each that gets it, before it goes; not
    /// with acknowledgements. It cannot send anything itself. Of several, all are called, in order.
    /// It makes each broadcast of the namespace cost more.
    ///
    /// ```
    /// # let mut server = parlor_server::Server::default();
    /// server.namespace("/").on_any_outgoing(|cx, args| {
    ///     println!("{} is told {}", cx.id(), args.array());
    /// });
    /// ```
    pub fn on_any_outgoing(
        &mut self,
        listener: impl Fn(&Context<'_>, &Args<'_>) + Send + Sync + 'static,
    ) -> &mut Self {
        self.listening.sending.push(Arc::new(listener));
        self
    }
}

/// What the handlers of these namespaces listen to, for the world.
pub(crate) fn listeners(namespaces: &[(String, Namespace)]) -> Listeners {
    let mut listeners = Listeners::default();
    for (at, (_, namespace)) in namespaces.iter().enumerate() {
        let key = NamespaceKey(u32::try_from(at).expect("few namespaces"));
        let Listening { created, joined, left, deleted, leaving, sending } = &namespace.listening;
        if [created, joined, left, deleted].into_iter().any(|listeners| !listeners.is_empty()) {
            listeners.rooms.push(key);
        }
        if !leaving.is_empty() {
            listeners.leaving.push(key);
        }
        if !sending.is_empty() {
            listeners.sending.push(key);
        }
    }
    listeners
}

impl Handlers {
    pub(crate) fn room(
        &mut self,
        sessions: &dyn Sessions,
        socket: SocketKey,
        room: &str,
        change: RoomChange,
    ) {
        let Some((namespaces, at)) = self.namespace_of(socket) else { return };
        let Listening { created, joined, left, deleted, .. } = &namespaces[at].1.listening;
        let handlers = match change {
            RoomChange::Created => created,
            RoomChange::Joined => joined,
            RoomChange::Left => left,
            RoomChange::Deleted => deleted,
        };
        if !handlers.is_empty() {
            self.run(sessions, socket, |cx| handlers.iter().for_each(|handler| handler(cx, room)));
        }
    }

    pub(crate) fn disconnecting(
        &mut self,
        sessions: &dyn Sessions,
        socket: SocketKey,
        reason: DisconnectReason,
        rooms: &[&str],
    ) {
        let Some((namespaces, at)) = self.namespace_of(socket) else { return };
        let handlers = &namespaces[at].1.listening.leaving;
        if !handlers.is_empty() {
            if let Some(info) = self.sockets.get_mut(socket) {
                info.is_leaving = true;
            }
            self.run(sessions, socket, |cx| {
                handlers.iter().for_each(|handler| handler(cx, reason, rooms));
            });
        }
    }

    /// These sockets are sent this next.
    pub(crate) fn sending(&mut self, sessions: &dyn Sessions, to: &[SocketKey], frame: &Frame) {
        let mut packets = frame.packets();
        let Some((false, text)) = packets.next() else { return };
        let attachment = |(_, bytes): (bool, &[u8])| Bytes::copy_from_slice(bytes);
        let attachments: Vec<Bytes> = packets.map(attachment).collect();
        let text = std::str::from_utf8(text).ok().and_then(|text| text.strip_prefix('4'));
        let packet = text.and_then(|text| Packet::decode(text, Sender::Server).ok());
        let Some(packet) = packet.filter(|packet| packet.kind == Kind::Event) else { return };
        let args = packet.args(&attachments);
        for socket in to {
            let Some((namespaces, at)) = self.namespace_of(*socket) else { continue };
            for listener in &namespaces[at].1.listening.sending {
                self.run(sessions, *socket, |cx| listener(cx, &args));
            }
        }
    }
}
