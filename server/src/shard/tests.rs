//! A shard without its loop: what is seldom met when it is reached from outside.

use std::{
    io::Write as _,
    net::{Ipv4Addr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use super::{
    connections::{MAX_FRAMES_AT_ONCE, MAX_FRAMES_PER_TURN, MAX_READS_AT_ONCE},
    *,
};
use crate::{
    acceptor::{Door, MAX_AT_ONCE},
    address::{PerAddress, TrustedProxies},
    handlers::Headers,
    mailbox::mailbox,
    transport::websocket::Role,
};

const N_MESSAGES: usize = 100;
/// The message `4m`, masked with nothing.
const MESSAGE: [u8; 8] = [0x81, 0x82, 0, 0, 0, 0, b'4', b'm'];

/// A lone shard that counts messages, and its poll.
fn shard(n_heard: &Arc<AtomicUsize>) -> (Shard, mio::Poll) {
    let settings = ShardSettings {
        transports: Transports::default(),
        id: ShardId { node: 0, shard: 0 },
        clock: Clock::start(),
        owners: Owners::new(7),
        session: Arc::default(),
        patience: Duration::from_secs(10),
        metrics: Metrics::default(),
        trace: None,
        limits: Arc::new(Limits::new(&crate::config::Limits::default(), 1_000_000)),
        is_alone: true,
    };
    let n_heard = Arc::clone(n_heard);
    let app = EngineApp::new(move |_, _| {
        n_heard.fetch_add(1, Ordering::Relaxed);
    });
    let poll = mio::Poll::new().unwrap();
    let registry = poll.registry().try_clone().unwrap();
    let links = Links::new(settings.id, Arc::new(crate::cluster::InProcess::default()), None);
    (Shard::new(settings, App::Engine(app), mailbox().1, links, registry), poll)
}

/// Both ends of a connection; all that the client will say is with the server already.
fn connection() -> (TcpStream, mio::net::TcpStream) {
    saying(&MESSAGE.repeat(N_MESSAGES))
}

fn saying(words: &[u8]) -> (TcpStream, mio::net::TcpStream) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (server, _) = listener.accept().unwrap();
    client.write_all(words).unwrap();
    let mut here = vec![0; words.len()];
    while server.peek(&mut here).unwrap() < words.len() {}
    server.set_nonblocking(true).unwrap();
    (client, mio::net::TcpStream::from_std(server))
}

fn handshake() -> Handshake {
    Handshake {
        address: Ipv4Addr::LOCALHOST.into(),
        url: "/".into(),
        headers: Headers::default(),
        issued: 0,
    }
}

#[test]
fn what_an_opening_leaves_unread_is_read_though_no_socket_tells_of_it() {
    let n_heard = Arc::new(AtomicUsize::new(0));
    let (mut shard, _poll) = shard(&n_heard);
    let n_bytes = MESSAGE.len() * N_MESSAGES;
    // As a small share of what is here as 64 KiB are of megabytes.
    shard.scratch.truncate(n_bytes / MAX_READS_AT_ONCE / 3);
    let (_client, stream) = connection();
    let guest = shard.adopt(stream, Role::Guest, None).unwrap();
    shard.open_session(guest, Vec::new(), handshake(), None, &mut []);
    shard.settle_up();
    let n_at_once = n_heard.load(Ordering::Relaxed);
    assert!((1..N_MESSAGES).contains(&n_at_once), "{n_at_once} were read at once");
    while shard.wake.take() {
        shard.turn(&Events::with_capacity(1));
    }
    assert_eq!(n_heard.load(Ordering::Relaxed), N_MESSAGES, "the loop waits, and nothing wakes it");
}

#[test]
fn as_many_are_let_in_at_once_as_may_be_and_others_have_their_turn_between() {
    let (mut shard, _poll) = shard(&Arc::default());
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let proxies = TrustedProxies::parse(&[]).unwrap();
    let per_address = PerAddress::new(1024);
    let door = Door::new(listener, per_address, proxies, Metrics::default(), 1).unwrap();
    shard.open_door(door).unwrap();
    let _crowd: Vec<TcpStream> =
        (0..3 * MAX_AT_ONCE).map(|_| TcpStream::connect(address).unwrap()).collect();
    shard.accept();
    for n_turns in 1..3 {
        assert_eq!(shard.guests.len(), n_turns * MAX_AT_ONCE);
        shard.turn(&Events::with_capacity(1));
    }
}

#[test]
fn others_are_heard_and_let_in_while_many_say_more_than_a_turn_takes() {
    const N_FLOODERS: usize = 20;
    // Each frame is a message here; what is none is taken in the same way.
    let noise = [0x81, 0x81, 0, 0, 0, 0, b'6'];
    let part = [0x00, 0x80, 0, 0, 0, 0];
    let begun = [0x01, 0x81, 0, 0, 0, 0, b'6'];
    let n_frames = 4 * MAX_FRAMES_AT_ONCE;
    let parts = [&begun[..], &part.repeat(n_frames)].concat();
    for flood in [MESSAGE.repeat(n_frames), noise.repeat(n_frames), parts] {
        let n_heard = Arc::new(AtomicUsize::new(0));
        let (mut shard, mut poll) = shard(&n_heard);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let (proxies, metrics) = (TrustedProxies::parse(&[]).unwrap(), Metrics::default());
        let door = Door::new(listener, PerAddress::new(1024), proxies, metrics, 1).unwrap();
        shard.open_door(door).unwrap();
        let mut clients = Vec::new();
        let mut open = |shard: &mut Shard, words: &[u8]| {
            let (client, stream) = saying(words);
            clients.push(client);
            let key = shard.adopt(stream, Role::Lingering, None).unwrap();
            shard.open_by(key, handshake(), None);
            key
        };
        let flooders: Vec<_> = (0..N_FLOODERS).map(|_| open(&mut shard, &flood)).collect();
        // It says good-bye.
        let polite = open(&mut shard, &[0x81, 0x81, 0, 0, 0, 0, b'1']);
        let _next = TcpStream::connect(address).unwrap();
        let mut events = Events::with_capacity(MAX_EVENTS);
        let has_more = |shard: &Shard, key| shard.connections.get(key).unwrap().is_unread;
        let n_heard_of = |shard: &Shard| shard.tally.messages_received as usize;
        let mut n_turns = 0;
        let mut n_before = 0;
        let mut is_polite_heard = false;
        while !is_polite_heard || shard.guests.is_empty() {
            poll.poll(&mut events, Some(Duration::ZERO)).unwrap();
            shard.turn(&events);
            n_turns += 1;
            let n_now = n_heard_of(&shard);
            assert!(n_now - n_before <= MAX_FRAMES_PER_TURN + MAX_FRAMES_AT_ONCE, "{n_now}");
            n_before = n_now;
            let polite = shard.connections.get(polite);
            is_polite_heard = polite.is_none_or(|polite| polite.role == Role::Lingering);
            assert!(shard.wake.take(), "there is more, and nothing would wake the loop");
        }
        assert!(flooders.iter().all(|key| has_more(&shard, *key)), "some were read to their end");
        // As many as it takes to let each of them speak once.
        assert!(n_turns <= 1 + N_FLOODERS * MAX_FRAMES_AT_ONCE / MAX_FRAMES_PER_TURN, "{n_turns}");
        // In the end all is read, in order of turns.
        while flooders.iter().any(|key| has_more(&shard, *key)) {
            poll.poll(&mut events, Some(Duration::ZERO)).unwrap();
            shard.turn(&events);
        }
        let n_expected = if flood.starts_with(&MESSAGE) { N_FLOODERS * n_frames } else { 0 };
        assert_eq!(n_heard.load(Ordering::Relaxed), n_expected);
    }
}
