//! The second adapter: two nodes, which are two processes of this machine, with one TCP connection
//! between them. It proves that what shards say to each other are values: here they travel as
//! MessagePack. For tests alone: a connection that breaks is not made again.

use std::{
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Mutex,
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread,
    time::Duration,
};

use parlor_server::cluster::{Adapter, Inlet, Message, ShardId};

/// Batches that wait to be written; more come back to the shard.
const MAX_BATCHES: usize = 256;
/// Largest batch on the wire.
const MAX_BATCH_BYTES: usize = 256 << 20;

/// One end of the connection.
#[derive(Debug)]
pub struct Loopback {
    batches: SyncSender<Vec<u8>>,
    start: Mutex<Option<(Peer, Receiver<Vec<u8>>)>>,
}

#[derive(Debug)]
enum Peer {
    Awaited(TcpListener),
    At(SocketAddr),
}

impl Loopback {
    /// Waits for the other node on a free port, which is told.
    ///
    /// # Errors
    /// If there is none.
    pub fn listen() -> io::Result<(Self, SocketAddr)> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        Ok((Self::new(Peer::Awaited(listener)), address))
    }

    /// Connects to the node that listens there.
    pub fn connect(address: SocketAddr) -> Self {
        Self::new(Peer::At(address))
    }

    fn new(peer: Peer) -> Self {
        let (batches, to_write) = sync_channel(MAX_BATCHES);
        Self { batches, start: Mutex::new(Some((peer, to_write))) }
    }
}

impl Adapter for Loopback {
    fn send(&self, from: ShardId, to: ShardId, batch: Vec<Message>) -> Result<(), Vec<Message>> {
        let bytes = match rmp_serde::to_vec_named(&(from, to, &batch)) {
            Ok(bytes) => bytes,
            Err(error) => {
                tracing::error!(%error, "a batch has no MessagePack form");
                return Ok(());
            }
        };
        match self.batches.try_send(bytes) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(_)) => Err(batch),
            Err(TrySendError::Disconnected(_)) => Ok(()),
        }
    }

    fn start(&self, inlet: Inlet) {
        let peer = self.start.lock().ok().and_then(|mut start| start.take());
        let Some((peer, batches)) = peer else { return };
        thread::spawn(move || {
            if let Err(error) = run(peer, &batches, inlet) {
                tracing::error!(%error, "the other node is gone");
            }
        });
    }
}

fn run(peer: Peer, batches: &Receiver<Vec<u8>>, inlet: Inlet) -> io::Result<()> {
    let stream = match peer {
        Peer::Awaited(listener) => listener.accept()?.0,
        Peer::At(address) => TcpStream::connect(address)?,
    };
    stream.set_nodelay(true)?;
    let (reader, mut writer) = (stream.try_clone()?, stream);
    thread::spawn(move || {
        if let Err(error) = read(reader, &inlet) {
            tracing::debug!(%error, "the other node says no more");
        }
    });
    for batch in batches {
        let length = u32::try_from(batch.len()).map_err(io::Error::other)?;
        writer.write_all(&length.to_be_bytes())?;
        writer.write_all(&batch)?;
    }
    Ok(())
}

fn read(mut stream: TcpStream, inlet: &Inlet) -> io::Result<()> {
    loop {
        let mut length = [0; 4];
        stream.read_exact(&mut length)?;
        let length = u32::from_be_bytes(length) as usize;
        if length > MAX_BATCH_BYTES {
            return Err(io::Error::other("a batch is too large"));
        }
        let mut bytes = vec![0; length];
        stream.read_exact(&mut bytes)?;
        let (from, to, mut batch): (ShardId, ShardId, Vec<Message>) =
            rmp_serde::from_slice(&bytes).map_err(io::Error::other)?;
        // A shard that has much waiting holds up what comes from the other node.
        while let Err(back) = inlet.deliver(from, to, batch) {
            batch = back;
            thread::sleep(Duration::from_millis(1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parlor_core::{
        assignment::{Assigned, Reservation, Reserved},
        cluster::{AckOf, Answer, Change, Question, SocketInfo},
        delivery::Delivery,
        effect::AckError,
        input::{Scope, Target},
        key::{Address, Key as _, LobbyKey, NamespaceKey, SocketKey, ViewId, ViewerKey},
        lobby::{
            Answer as LobbyAnswer, Ask, BlockMessage, BlockSet, BlockWish, Card, LobbyMessage,
            PresenceMessage, Prospect, QuickMessage, Request, WatchMessage, Wish,
        },
        views::ViewMessage,
    };
    use parlor_shared::{
        api::{
            Refusal,
            lobby::{Format, Listed, Phase, Unblock},
        },
        id::{LobbyId, ResumeToken, SocketId},
        socket_io::{Args, Draft, Frame},
    };
    use serde_json::value::RawValue;

    const REQUESTS: [&str; 21] = [
        r#"["create",{"game":"chess","config":{"a":[1,"é"]},"name":"A"}]"#,
        r#"["join",{"code":"BCDFG","name":"A","role":"spectator"}]"#,
        r#"["quick",{"game":"g","name":"A","filter":{"free":2,"metadata":{"a":{"max":1}}}}]"#,
        r#"["watch",{"text":"x","sort":"+n"}]"#,
        r#"["unwatch"]"#,
        r#"["block",{"seat":1}]"#,
        r#"["unblock",{"player":"é"}]"#,
        r#"["blocks"]"#,
        r#"["presence",{"players":["a","é"]}]"#,
        r#"["resume",{"token":"x"}]"#,
        r#"["list",{"game":"chess","metadata":{"a":{"in":[1,"x"]},"b":{"min":2}},"sort":"-b"}]"#,
        r#"["settings",{"metadata":{"a":-0.5}}]"#,
        r#"["ready",{"ready":true}]"#,
        r#"["start"]"#,
        r#"["chat",{"text":"\u0000"}]"#,
        r#"["typing",{"typing":false}]"#,
        r#"["action",{"deep":[{"x":1e3}]}]"#,
        r#"["input",9007199254740991,{"x":-0.5}]"#,
        r#"["resync"]"#,
        r#"["rematch"]"#,
        r#"["leave"]"#,
    ];

    /// One of each kind of message, with every kind of value in it.
    fn messages() -> Vec<Message> {
        let socket = SocketKey::new(7, u32::MAX);
        let id = SocketId::from_bytes([9; 18]);
        let target = Target {
            rooms: ["a room".into()].into(),
            except: ["".into()].into(),
            ..Target::default()
        };
        let namespace = Scope::Listed(NamespaceKey(3));
        let child = Scope::Child("/game-1".into());
        let mut draft = Draft::event("e").unwrap();
        draft.arg(&parlor_shared::socket_io::Binary(vec![1, 2, 3].into())).unwrap();
        let frame = draft.clone().into_event("/x", Some(5)).unwrap();
        let timeout = Duration::new(3, 5);
        let acks = vec![
            AckOf { socket: id, answer: Ok(("[1]".to_owned(), vec![vec![0, 255].into()])) },
            AckOf { socket: id, answer: Err(AckError::Timeout) },
        ];
        let shard = ShardId { node: 1, shard: 2 };
        let (rooms, details) = (vec!["r".to_owned()], Some("{}".into()));
        let info = SocketInfo { id, shard, socket, rooms, details };
        let listed = Listed {
            id: "i".to_owned(),
            game: "g".to_owned(),
            host: "h".to_owned(),
            players: 1,
            bots: 0,
            capacity: 2,
            phase: Phase::Open,
            password: true,
            locked: true,
            made_ms: 1,
            metadata: serde_json::from_str(r#"{"a":1,"b":"é","c":false}"#).unwrap(),
        };
        let card = Card { serial: 1, listed: listed.into() };
        let volatile = Delivery::Volatile { key: u64::MAX };
        let answer = LobbyAnswer {
            socket,
            number: 8,
            frame: Some(frame.clone()),
            is_inside: Some(true),
            is_hit: true,
        };
        let mut all = vec![
            Message::Emit(namespace.clone(), target.clone(), frame.clone(), volatile),
            Message::Emit(child.clone(), target.clone(), frame.clone(), volatile),
            Message::EmitEach(
                Scope::Listed(NamespaceKey(0)),
                target.clone(),
                draft.clone(),
                volatile,
            ),
            Message::Change(child, target.clone(), Change::Join(vec!["r".to_owned()])),
            Message::Change(namespace.clone(), target.clone(), Change::Disconnect(true)),
            Message::Question(
                u64::MAX,
                Question::Ask(namespace.clone(), target.clone(), draft, timeout),
            ),
            Message::Question(1, Question::Sockets(namespace, target)),
            Message::Answer(1, Answer::Acks(acks)),
            Message::Answer(2, Answer::Sockets(vec![info])),
            Message::ServerSide(Draft::event("x").unwrap(), Some(3)),
            Message::Answer(3, Answer::Servers(vec![(shard, Some(("[1]".to_owned(), vec![])))])),
            Message::Lobby(LobbyMessage::Gone(socket)),
            Message::Lobby(LobbyMessage::List(4, Default::default())),
            Message::Lobby(LobbyMessage::Listed(4, vec![card.clone()])),
            Message::Lobby(LobbyMessage::Answer(answer)),
            Message::Lobby(LobbyMessage::Push(socket, frame, Delivery::Reliable)),
            Message::Lobby(LobbyMessage::Disconnect(socket)),
            Message::Lobby(LobbyMessage::Removed(socket)),
            Message::Lobby(LobbyMessage::BlockSet("ada".into(), BlockSet::default())),
            Message::Lobby(LobbyMessage::Blocked(socket, ["bob".into()].into_iter().collect())),
        ];
        let filter = serde_json::from_str(r#"{"game":"g","metadata":{"a":{"in":["x",2]}}}"#);
        let wish = Wish { filter: filter.unwrap(), capacity: Some(3) };
        let prospect = Prospect { id: "i".into(), free: 1, made_ms: u64::MAX };
        let watch = [
            WatchMessage::Watch(1, Box::new(wish.filter.clone())),
            WatchMessage::Shown(1, vec![card], vec![u64::MAX]),
            WatchMessage::Unwatch(1),
        ];
        all.extend(watch.map(|message| Message::Lobby(LobbyMessage::Watch(message))));
        let presence = [
            PresenceMessage::Here("ada".into(), true),
            PresenceMessage::Follow(None, vec!["ada".into()]),
            PresenceMessage::Unfollow(Some("bob".into()), vec!["ada".into()]),
            PresenceMessage::Shown(Some("bob".into()), vec![("ada".into(), false)]),
        ];
        all.extend(presence.map(|message| Message::Lobby(LobbyMessage::Presence(message))));
        let wishes = [
            BlockWish::Block("bob".into(), Some("B".into())),
            BlockWish::Unblock(Unblock::Number(u64::MAX)),
            BlockWish::List,
        ];
        all.extend(wishes.map(|wish| {
            let (player, socket) = ("ada".into(), Address { shard, socket });
            let message = BlockMessage { player, socket, ack: Some(1), wish };
            Message::Lobby(LobbyMessage::Block(message))
        }));
        let quick = [
            QuickMessage::Probe(1, Box::new(wish.filter.clone())),
            QuickMessage::Seek(socket, 2, Box::new(wish)),
            QuickMessage::Found("g".into(), 1, vec![prospect]),
            QuickMessage::Go(socket, 2, Some("i".into())),
            QuickMessage::Go(socket, 2, None),
            QuickMessage::Full(socket, 2),
            QuickMessage::Settled("g".into(), socket, 2, true),
        ];
        all.extend(quick.map(|message| Message::Lobby(LobbyMessage::Quick(message))));
        let lobby = LobbyKey::new(3, 4);
        let viewers = [ViewerKey::Everybody, ViewerKey::Seat(255), ViewerKey::Spectators];
        for viewer in viewers {
            let (view, text) = (
                ViewId { shard, lobby, viewer, format: Format::Msgpack },
                r#"{"é":[1]}"#.to_owned(),
            );
            all.extend([
                Message::View(ViewMessage::Watch { view, socket, deltas: true }),
                Message::View(ViewMessage::Unwatch { view, socket }),
                Message::View(ViewMessage::Resync { view, socket }),
                Message::View(ViewMessage::Full { view, n: 1, text: text.clone() }),
                Message::View(ViewMessage::Delta { view, key: 1, n: u64::MAX, text }),
                Message::View(ViewMessage::Gone { view }),
            ]);
        }
        all.extend(reservations());
        all.extend(REQUESTS.map(|event| {
            let request = Request::read(&Args::of_event(event, &[])).unwrap();
            let ask = Ask {
                socket,
                who: Default::default(),
                number: 9,
                request,
                ack: Some(1),
                is_elsewhere: true,
                blocked: Some(["bob".into()].into_iter().collect()),
            };
            Message::Lobby(LobbyMessage::Ask(ask))
        }));
        all
    }

    fn reservations() -> [Message; 6] {
        let config = || RawValue::from_string(r#"{"a": [1]}"#.to_owned()).unwrap();
        let reservation = |config| Reservation {
            number: 1,
            game: "chess".into(),
            config,
            seats: vec![Reserved {
                seat: 1,
                player: Some("bob".into()),
                address: Default::default(),
                name: "Bob".into(),
            }],
            n_bots: 1,
            hold: Duration::from_secs(15),
            rated: true,
        };
        let (lobby, tokens) =
            (LobbyId::from_bytes([7; 18]), vec![ResumeToken::from_bytes([9; 18])]);
        [
            Message::Reserve(Box::new(reservation(None))),
            Message::Reserve(Box::new(reservation(Some(config())))),
            Message::Assigned(Assigned::Opened { number: 1, lobby, code: "BCDFG".into(), tokens }),
            Message::Assigned(Assigned::Refused { number: 1, refusal: Refusal::new("E_X", "x") }),
            Message::Assigned(Assigned::Absent { number: 1, seats: vec![1] }),
            Message::Assigned(Assigned::Played {
                number: 1,
                winners: vec![1],
                reason: "checkmate".into(),
                left: vec![0],
                counts: true,
            }),
        ]
    }

    #[test]
    fn every_message_is_a_value_that_travels() {
        for message in messages() {
            let bytes = rmp_serde::to_vec_named(&message).unwrap();
            let back: Message = rmp_serde::from_slice(&bytes).unwrap();
            assert_eq!(format!("{back:?}"), format!("{message:?}"));
        }
    }

    #[test]
    fn what_is_no_message_is_refused_and_nothing_panics() {
        for message in messages() {
            let bytes = rmp_serde::to_vec_named(&message).unwrap();
            for at in 0..bytes.len() {
                let mut broken = bytes.clone();
                broken[at] ^= 0x5a;
                // Some of these are other messages: all that matters is that there is an answer.
                let _ = rmp_serde::from_slice::<Message>(&broken).map(|m| format!("{m:?}"));
                assert!(rmp_serde::from_slice::<Message>(&bytes[..at]).is_err());
            }
        }
        assert!(Frame::try_from(bytes::Bytes::from_static(b"\x81\x05half")).is_err());
    }
}
