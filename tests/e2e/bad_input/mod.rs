//! Bad input: what clients send that they should not, and what comes of it. Each test bears the id
//! of a row of the project's table of bad inputs, or of an advisory about another server.
//! A row is played against servers of its own, with one shard and with two. Whatever it does, a
//! client that was there before goes on, the next ones are served, and nothing is left behind.

mod advisories;
mod clients;
mod engine_io;
mod frames;
mod further;
mod http;
mod matchmaking;
mod namespaces;
mod packets;
mod process;
mod signaling;

use std::{
    cell::RefCell,
    net::SocketAddr,
    time::{Duration, Instant},
};

use parlor_server::{Config, Running, Transport};
use parlor_tests::{
    app::{self, App, Options},
    harness::{DEADLINE, WebSocket, get},
};

use super::{POLLING, assert_within};
use clients::{Answer, Client, Raw};

/// Within this time the next client has its answer, whatever the last one did.
const NEXT_CLIENT: Duration = Duration::from_millis(100);
const BOTH: [Transport; 2] = [Transport::Polling, Transport::WebSocket];

/// A server, and a client of it that does nothing wrong.
struct Scene {
    running: Running,
    bystander: RefCell<WebSocket>,
}

/// Plays a row.
fn play(row: impl Fn(&Scene)) {
    play_with(|_| {}, row);
}

/// Plays a row with another configuration.
fn play_with(change: impl Fn(&mut Config), row: impl Fn(&Scene)) {
    for n_shards in [1, 2] {
        let scene = Scene::start(|config| {
            config.server.shards = n_shards;
            change(config);
        });
        row(&scene);
        scene.assert_unharmed();
    }
}

/// Plays a row by either transport: what a client says is the same by both.
fn play_both(row: impl Fn(&Scene, Transport)) {
    for transport in BOTH {
        play(|scene| row(scene, transport));
    }
}

/// A client that says the last of these packets is cut, and nothing comes of it.
fn assert_cut(packets: &[&str]) {
    play_both(|scene, transport| {
        let mut client = Client::open(scene.address(), transport);
        packets.iter().for_each(|packet| client.send(packet));
        client.assert_ends();
        scene.assert_ended("forced close");
    });
}

/// The same of a client that has joined the main namespace.
fn assert_guest_cut(packet: &str) {
    play_both(|scene, transport| {
        let mut client = Client::join(scene.address(), transport);
        client.send(packet);
        client.assert_ends();
        scene.assert_ended("forced close");
    });
}

/// A client of the main namespace says something and is answered, and is a client as before.
fn assert_answered(packet: &str, answer: Option<&str>) {
    play_both(|scene, transport| {
        let mut client = Client::join(scene.address(), transport);
        client.send(packet);
        if let Some(answer) = answer {
            client.expect(answer);
        }
        client.assert_echoes();
    });
}

/// Two servers per row, left running, would be more files than a process may have open.
impl Drop for Scene {
    fn drop(&mut self) {
        self.running.stop();
    }
}

impl Scene {
    fn start(change: impl FnOnce(&mut Config)) -> Self {
        let mut config = app::config();
        config.shutdown.timeout_ms = 0;
        // The server's own timers are longer than anybody waits, unless a row is about them, so
        // that they cannot stand in for what is expected.
        let long = 6 * DEADLINE.as_millis() as u64;
        let (engine, limits) = (&mut config.engine, &mut config.limits);
        (engine.connect_timeout_ms, engine.attachments_timeout_ms) = (long, long);
        engine.upgrade_timeout_ms = long;
        (limits.header_timeout_ms, limits.body_timeout_ms) = (long, long);
        limits.write_stall_timeout_ms = long;
        change(&mut config);
        let running = App::Socket
            .with_options(config, Options { lobbies: true, ..Options::default() })
            .start("127.0.0.1:0")
            .unwrap();
        let mut bystander = WebSocket::join(running.address()).unwrap();
        assert_eq!(bystander.text().unwrap(), r#"42["auth",{}]"#);
        Self { running, bystander: RefCell::new(bystander) }
    }

    fn address(&self) -> SocketAddr {
        self.running.address()
    }

    /// A connection that has said nothing.
    fn raw(&self) -> Raw {
        Raw::open(self.address())
    }

    /// A request on a connection of its own.
    fn ask(&self, head: &str) -> Answer {
        self.raw().ask(&format!("{head}\r\nHost: test\r\nConnection: close\r\n\r\n"))
    }

    /// By the time that this is done, every shard has heard what was sent before, and what another
    /// one made of it: each is asked for its figures.
    fn let_read(&self) {
        for _ in 0..3 {
            self.figure("");
        }
    }

    /// One of the figures that operators see.
    fn figure(&self, name: &str) -> u64 {
        let page = get(self.address(), "/metrics").unwrap();
        let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.map_or(0, |figure| figure.parse().unwrap())
    }

    fn wait_for(&self, name: &str, figure: u64) {
        let wait = Instant::now();
        loop {
            let now = self.figure(name);
            if now == figure {
                return;
            }
            assert!(wait.elapsed() < DEADLINE, "{name} is {now}, not {figure}");
        }
    }

    /// One session has ended so far, for this reason.
    fn assert_ended(&self, reason: &str) {
        self.wait_for(&format!("parlor_sessions_closed_total{{reason=\"{reason}\"}}"), 1);
        let page = get(self.address(), "/metrics").unwrap();
        let closed = page.lines().filter(|line| line.contains("sessions_closed_total{"));
        let n_closed: u64 =
            closed.map(|l| l.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum();
        assert_eq!(n_closed, 1, "{page}");
    }

    fn assert_bystander_goes_on(&self) {
        let mut bystander = self.bystander.borrow_mut();
        bystander.send(r#"427["message-with-ack","still here"]"#).unwrap();
        assert_eq!(bystander.text().unwrap(), r#"437["still here"]"#);
    }

    /// Others are served as if nothing had been, and nothing is kept of whoever came and went.
    fn assert_unharmed(&self) {
        self.assert_bystander_goes_on();
        for transport in BOTH {
            assert_within(NEXT_CLIENT, || Client::join(self.address(), transport).assert_echoes());
        }
        self.wait_for("parlor_sessions{transport=\"polling\"}", 0);
        self.wait_for("parlor_sessions{transport=\"websocket\"}", 1);
        self.wait_for("parlor_sockets", 1);
        // The bystander's, and the one that asks.
        self.wait_for("parlor_connections", 2);
    }
}
