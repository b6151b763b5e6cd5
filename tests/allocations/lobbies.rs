//! What lobbies and matches of chess keep in memory. Sockets and sessions are not counted here.

use std::time::Duration;

use parlor_core::{
    World, WorldSettings,
    cluster::Neighbours,
    delivery::Views as _,
    effect::{Effect, Effects},
    ids::MAX_IDS_PER_INPUT,
    input::Input,
    key::{Key as _, Origin, SessionKey, ViewId},
    lobby::{Games, LobbySettings, Policy},
    socket_io::RecoverySettings,
    time::Time,
};
use parlor_games::Chess;
use parlor_shared::id::ID_BYTES;
use stats_alloc::Region;

use super::{ALONE, COUNTED};

const LOBBIES: u32 = 1_000;
/// What it comes to, so that nothing creeps in; the goal of `performance.md`, a kilobyte, is one
/// for the whole server, where each of these bytes costs somewhat more.
const MAX_IDLE_LOBBY_BYTES: isize = 888;
/// The goal of `performance.md`.
const MAX_MATCH_BYTES: isize = 4_096;
/// A closed Ruy Lopez, in which next to nothing has been taken after twenty moves.
const MOVES: &str = "e4 e5 Nf3 Nc6 Bb5 a6 Ba4 Nf6 O-O Be7 Re1 b5 Bb3 d6 c3 O-O h3 Nb8 d4 Nbd7 \
                     Nbd2 Bb7 Bc2 Re8 Nf1 Bf8 Ng3 g6 a4 c5 d5 c4 Bg5 h6 Be3 Nc5 Qd2 h5 Bg5 Be7";

/// A world whose clients can take all that they are shown, at once.
struct Lobbies {
    world: World,
    now: Time,
    n_ids: u64,
    log: Log,
}

/// Of what a world wants, what matters here.
#[derive(Default)]
struct Log {
    code: String,
    n_refused: usize,
    shown: Vec<(SessionKey, ViewId)>,
}

impl Effects for Log {
    fn push(&mut self, effect: Effect<'_>) {
        match effect {
            Effect::Send(_, frame, _) => {
                for (_, packet) in frame.packets() {
                    let text = std::str::from_utf8(packet).unwrap();
                    self.n_refused += usize::from(text.contains(r#""code":"E_"#));
                    if let Some((_, rest)) = text.split_once(r#""code":""#) {
                        rest[..5].clone_into(&mut self.code);
                    }
                }
            }
            Effect::Show(session, view, _) => self.shown.push((session, view)),
            _ => {}
        }
    }
}

impl Lobbies {
    fn new() -> Self {
        let mut games = Games::default();
        games.register::<Chess>("chess");
        let lobbies = LobbySettings {
            games,
            max_lobbies: LOBBIES as usize,
            policy: Policy::without_countdown().into(),
            ..Default::default()
        };
        let world = World::new(WorldSettings {
            neighbours: Neighbours::alone(1),
            namespaces: Vec::new(),
            dynamic: Default::default(),
            listeners: Default::default(),
            connect_timeout: Duration::from_secs(10),
            attachments_timeout: Duration::from_secs(10),
            max_payload: 10_000,
            hash_seed: 3,
            recovery: RecoverySettings::default(),
            lobbies: Some(lobbies),
            signaling: Some(parlor_core::signaling::SignalSettings::default()),
            matchmaking: None,
        });
        Self { world, now: Time::ZERO, n_ids: 0, log: Log::default() }
    }

    fn tell(&mut self, input: Input<'_>) {
        if self.world.wants_ids() {
            let fresh = (0..MAX_IDS_PER_INPUT).map(|_| {
                // As little in order as random ones are (Knuth's multiplier), and as long.
                self.n_ids += 1;
                let mut bytes = [0; ID_BYTES];
                let mixed = self.n_ids.wrapping_mul(0x9e37_79b9_7f4a_7c15);
                bytes[..8].copy_from_slice(&mixed.to_be_bytes());
                bytes
            });
            self.world.handle(self.now, Input::Ids(fresh.collect()), &mut self.log);
        }
        self.world.handle(self.now, input, &mut self.log);
        while let Some((_, view)) = self.log.shown.pop() {
            self.world.frame(view, None);
        }
    }

    fn ask(&mut self, client: u32, event: &str, payload: &str) {
        let text = format!("2/lobby,7[\"{event}\",{payload}]");
        self.tell(Input::Text(SessionKey::new(client, 0), &text));
        assert_eq!(self.log.n_refused, 0, "{text}");
    }
}

/// Bytes that are in use since then.
fn kept(region: &Region<'_, std::alloc::System>) -> isize {
    let change = region.change();
    change.bytes_allocated as isize - change.bytes_deallocated as isize
}

#[test]
fn an_idle_lobby_keeps_a_kilobyte_and_a_match_of_chess_four() {
    let _alone = ALONE.lock().unwrap();
    let mut lobbies = Lobbies::new();
    for client in 0..2 * LOBBIES {
        lobbies.tell(Input::Opened(SessionKey::new(client, 0), Origin::default()));
        lobbies.tell(Input::Text(SessionKey::new(client, 0), "0/lobby,"));
    }
    let region = Region::new(COUNTED);
    for host in 0..LOBBIES {
        let config = r#"{"game":"chess","name":"Wilhelmina","config":{"white":"host"}}"#;
        lobbies.ask(host, "create", config);
        let join = format!(r#"{{"code":"{}","name":"Bartholomew"}}"#, lobbies.log.code);
        lobbies.ask(LOBBIES + host, "join", &join);
    }
    let idle = kept(&region) / LOBBIES as isize;
    for host in 0..LOBBIES {
        lobbies.ask(LOBBIES + host, "ready", r#"{"ready":true}"#);
        lobbies.ask(host, "start", "{}");
    }
    for (ply, san) in MOVES.split(' ').enumerate() {
        // A game of ten minutes: what was said a while ago is kept no more.
        lobbies.now = lobbies.now + Duration::from_secs(15);
        let side = ply as u32 % 2 * LOBBIES;
        for host in 0..LOBBIES {
            let action = format!(r#"{{"type":"move","move":"{san}"}}"#);
            lobbies.ask(side + host, "action", &action);
        }
    }
    assert_eq!(lobbies.world.lobbies().n_playing(), LOBBIES as usize);
    let playing = kept(&region) / LOBBIES as isize - idle;
    println!("an idle lobby keeps {idle} bytes, a match of chess after 20 moves {playing} more");
    assert!(idle <= MAX_IDLE_LOBBY_BYTES, "an idle lobby keeps {idle} bytes");
    assert!(playing <= MAX_MATCH_BYTES, "a match of chess keeps {playing} bytes");
}
