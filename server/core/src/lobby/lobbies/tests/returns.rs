//! What each viewer was told, and what it missed while its connection was lost: each version once
//! and in order, or the lobby as it stands.

use serde::Deserialize;

use super::*;
use crate::lobby::{
    game::{Cx, Outcome, Reject, Seat, To, Viewer},
    machine::{MAX_KEPT, MAX_KEPT_BYTES, MAX_MISSED},
};

/// Says what it is told to, to whom it is told to.
struct Whispers;

#[derive(Deserialize)]
#[serde(tag = "to", rename_all = "snake_case")]
enum Say {
    All { text: String },
    Seat { seat: u8, text: String },
    OtherSeats { seat: u8, text: String },
    Watchers { text: String },
}

impl Game for Whispers {
    type Config = ();
    type State = ();
    type Action = Say;
    type View = ();
    type Event = String;

    const SEATS: std::ops::RangeInclusive<u8> = 1..=3;

    fn setup((): &(), _: &mut Cx<'_, Self>) {}

    fn apply((): &mut (), _: Seat, say: Say, cx: &mut Cx<'_, Self>) -> Result<(), Reject> {
        match say {
            Say::All { text } => cx.emit(text),
            Say::Seat { seat, text } => cx.emit_to(To::Seat(Seat(seat)), text),
            Say::OtherSeats { seat, text } => cx.emit_to(To::OtherSeats(Seat(seat)), text),
            Say::Watchers { text } => cx.emit_to(To::Watchers, text),
        }
        Ok(())
    }

    fn view((): &(), _: Viewer) {}

    fn outcome((): &()) -> Option<Outcome> {
        None
    }
}

pub(super) fn register(games: &mut Games) {
    games.register::<Whispers>("whispers");
}

impl Script {
    /// A client that has seen this version comes back: what the answer says was missed, and the
    /// versions and pushes that come behind it.
    fn come_back(&mut self, number: u32, token: &str, version: u64) -> (Value, Vec<String>) {
        self.arrive(number);
        self.return_by(number, token, version)
    }

    fn return_by(&mut self, number: u32, token: &str, version: u64) -> (Value, Vec<String>) {
        let resume = json!(["resume", {"token": token, "version": version}]).to_string();
        let request = Request::read(&Args::of_event(&resume, &[]));
        let mut effects = self.handle(LobbyInput::Asked(socket(number), request, Some(77)));
        let LobbyEffect::Push(_, answer, _) = effects.remove(0) else { panic!("no answer") };
        let (_, _, mut args) = read(&answer);
        let answer = args.remove(0);
        assert_eq!(answer["ok"], true, "{answer}");
        let n = answer["missed"].as_u64().unwrap_or_default() as usize;
        let own = |e: &LobbyEffect| match e {
            LobbyEffect::Push(to, frame, Delivery::Reliable) if *to == address(number) => {
                Some(read(frame))
            }
            _ => None,
        };
        let mut missed = Vec::new();
        effects.retain(|effect| match own(effect) {
            Some((name, None, args)) if missed.len() < n => {
                let what = args[0].get("change").or_else(|| args[0].get("event")).unwrap();
                let what = what.get("text").or_else(|| what.get("type")).unwrap_or(what);
                missed.push(format!("{} {name} {what}", args[0]["version"]));
                false
            }
            _ => true,
        });
        // Others hear it, and the game says something to it behind what was missed.
        self.answered(number, "resume", &answer);
        self.carry_out(effects);
        self.look();
        (answer["missed"].clone(), missed)
    }

    fn chat(&mut self, number: u32, text: &str) {
        self.wait(500);
        self.ok(number, "chat", &json!({"text": text}));
    }

    fn version(&self, number: u32) -> u64 {
        self.lobby(number).version
    }

    fn say(&mut self, to: &Value, text: &str) {
        self.wait(20);
        let mut action = to.clone();
        action["text"] = json!(text);
        self.ok(0, "action", &action);
    }
}

#[test]
fn who_says_what_it_has_gets_what_it_missed_behind_the_answer() {
    let mut script = Script::playing(0..2);
    let version = script.version(1);
    let token = script.vanish(1);
    script.chat(0, "hello?");
    script.action(0, "add").unwrap();
    let (missed, told) = script.come_back(7, &token, version);
    assert_eq!(missed, told.len());
    let expected = [
        "changed \"dropped\"",
        "event \"Dropped 1\"",
        "changed \"hello?\"",
        "event \"by 0\"",
        "changed \"returned\"",
    ];
    let expected: Vec<String> =
        (version + 1..).zip(expected).map(|(v, line)| format!("{v} {line}")).collect();
    assert_eq!(told, expected);
    assert_eq!(script.told(7), ["event \"Returned 1\""], "the next version follows");
    script.audit();
}

#[test]
fn who_does_not_say_what_it_has_gets_the_lobby_alone() {
    let mut script = Script::playing(0..2);
    let token = script.vanish(1);
    script.chat(0, "hello?");
    script.arrive(7);
    let joined = script.resume(7, &token).unwrap();
    assert_eq!(joined.get("missed"), None);
    assert_eq!(script.told(7), ["event \"Returned 1\""]);
}

#[test]
fn what_a_dead_connection_swallowed_before_anybody_noticed_is_missed_too() {
    let mut script = Script::playing(0..2);
    let version = script.version(1);
    // Sent, and never arrived.
    script.chat(0, "a");
    script.chat(0, "b");
    let token = script.clients[&1].token.clone();
    let (missed, told) = script.come_back(7, &token, version);
    assert_eq!(missed, 2);
    assert_eq!(
        told.iter().map(|line| &line[line.len() - 3..]).collect::<Vec<_>>(),
        ["\"a\"", "\"b\""]
    );
    // By the same socket everything has been sent already.
    let token = script.clients[&7].token.clone();
    script.chat(0, "c");
    assert_eq!(script.return_by(7, &token, version), (json!(0), Vec::new()));
    script.audit();
}

#[test]
fn sixty_four_missed_pushes_are_sent_and_with_one_more_the_lobby_alone() {
    for (n, is_sent) in [(MAX_MISSED, true), (MAX_MISSED + 1, false)] {
        let mut script = Script::with_players(0..2);
        let version = script.version(1);
        let token = script.vanish(1);
        // Who drops and returns are two of them.
        (2..n).for_each(|i| script.chat(0, &i.to_string()));
        let (missed, told) = script.come_back(7, &token, version);
        assert_eq!(missed.as_u64(), is_sent.then_some(n as u64), "{n}");
        assert_eq!(told.len(), if is_sent { n } else { 0 });
        assert_eq!(script.version(7), version + n as u64);
        script.audit();
    }
}

fn whispers(n_players: u32) -> Script {
    let mut script = Script::ticking("whispers", 0..n_players);
    script.enter(9, "spectator");
    script.forget();
    script
}

fn seat(seat: u8) -> Value {
    json!({"to": "seat", "seat": seat})
}

#[test]
fn what_is_for_some_counts_for_them_alone() {
    let mut script = whispers(3);
    let before: Vec<u64> = [0, 1, 2, 9].map(|number| script.version(number)).to_vec();
    script.say(&seat(1), "only you");
    script.say(&json!({"to": "all"}), "all");
    script.say(&json!({"to": "other_seats", "seat": 1}), "not you");
    script.say(&json!({"to": "watchers"}), "you up there");
    // That versions have no gaps is seen to by each client.
    assert_eq!(script.told(0), ["event \"all\"", "event \"not you\""]);
    assert_eq!(script.told(1), ["event \"only you\"", "event \"all\""]);
    assert_eq!(script.told(2), ["event \"all\"", "event \"not you\""]);
    assert_eq!(script.told(9), ["event \"all\"", "event \"you up there\""]);
    let after: Vec<u64> = [0, 1, 2, 9].map(|number| script.version(number)).to_vec();
    assert_eq!(after, before.iter().map(|version| version + 2).collect::<Vec<_>>());
    script.say(&seat(2), "a secret");
    script.arrive(5);
    script.join(5, "spectator").unwrap();
    assert_eq!(script.version(5), before[0] + 2, "who comes in cannot tell how much others know");
    script.audit();
}

#[test]
fn who_returns_gets_what_was_for_it_and_nothing_else() {
    let mut script = whispers(2);
    let version = script.version(1);
    let token = script.vanish(1);
    script.say(&seat(0), "not for you");
    script.say(&seat(1), "for you");
    script.say(&json!({"to": "watchers"}), "nor this");
    let (_, told) = script.come_back(7, &token, version);
    let expected = [
        format!("{} changed \"dropped\"", version + 1),
        format!("{} event \"for you\"", version + 2),
        format!("{} changed \"returned\"", version + 3),
    ];
    assert_eq!(told, expected);
    script.audit();
}

#[test]
fn who_takes_a_seat_gets_nothing_that_was_for_the_one_before() {
    let mut script = Script::playing(0..2);
    let version = script.version(1);
    script.ok(1, "leave", &Value::Null);
    script.enter(2, "player");
    assert_eq!(script.clients[&2].seat, Some(1));
    let came_at = script.version(2);
    script.ok(0, "chat", &json!({"text": "welcome"}));
    let token = script.vanish(2);
    let (missed, told) = script.come_back(3, &token, version);
    assert_eq!((missed, told), (Value::Null, Vec::new()), "it was not there then");
    let token = script.vanish(3);
    let (missed, _) = script.come_back(4, &token, came_at);
    assert_eq!(missed, script.version(4) - came_at);
    let token = script.vanish(4);
    let later = script.version(0) + 2;
    assert_eq!(script.come_back(5, &token, later).0, Value::Null, "a version that never was");
    script.audit();
}

#[test]
fn words_for_some_do_not_cost_others_their_sixty_four() {
    let mut script = whispers(3);
    let [version_1, version_2] = [1, 2].map(|number| script.version(number));
    let [token_1, token_2] = [1, 2].map(|number| script.vanish(number));
    // Four pushes more are the losses and the returns.
    (0..MAX_MISSED - 4).for_each(|i| script.say(&seat(2), &i.to_string()));
    (0..MAX_MISSED).for_each(|i| script.say(&seat(0), &i.to_string()));
    assert_eq!(script.come_back(11, &token_1, version_1).0, 3);
    let (missed, told) = script.come_back(12, &token_2, version_2);
    assert_eq!(missed, MAX_MISSED);
    assert_eq!(told[2], format!("{} event \"0\"", version_2 + 3));
    script.audit();
}

#[test]
fn so_many_are_kept_in_all_and_with_one_more_the_oldest_is_gone() {
    for (n, is_sent) in [(MAX_KEPT, true), (MAX_KEPT + 1, false)] {
        let mut script = whispers(2);
        let version = script.version(1);
        let token = script.vanish(1);
        // The loss is the first of them, and the return the last.
        let n = n - 2 - 3 * MAX_MISSED;
        (0..n).for_each(|_| script.say(&seat(1), "for you"));
        for to in [seat(0), json!({"to": "watchers"}), json!({"to": "other_seats", "seat": 1})] {
            (0..MAX_MISSED).for_each(|_| script.say(&to, "not for you"));
        }
        let (missed, _) = script.come_back(7, &token, version);
        assert_eq!(missed.is_u64(), is_sent, "{n}");
    }
}

#[test]
fn so_many_bytes_are_kept_and_with_one_more_the_oldest_is_gone() {
    // Beside the text: `"turn":1,"event":""}`, and the loss and the return.
    let rest = r#""change":{"type":"returned","seat":1}}"#.len()
        + r#""change":{"type":"dropped","seat":1,"kept_until_ms":1700001060000,"#.len()
        + r#""claim_from_ms":1700001060000}}"#.len()
        + 2 * r#""turn":1,"event":""}"#.len();
    for (n, is_sent) in [(MAX_KEPT_BYTES - rest, true), (MAX_KEPT_BYTES - rest + 1, false)] {
        let mut script = whispers(2);
        let version = script.version(1);
        let token = script.vanish(1);
        script.say(&seat(1), &"x".repeat(n / 2));
        script.say(&seat(1), &"y".repeat(n - n / 2));
        assert_eq!(script.come_back(7, &token, version).0.is_u64(), is_sent, "{n}");
    }
}

#[test]
fn a_lobby_without_a_match_a_chat_or_a_loss_keeps_nothing() {
    let mut script = Script::with_players(0..2);
    script.ok(1, "ready", &json!({"ready": true}));
    let version = script.version(1);
    assert!(script.lobbies.unswept.is_empty());
    script.ok(1, "ready", &json!({"ready": false}));
    let token = script.vanish(1);
    assert_eq!(script.lobbies.unswept.len(), 1);
    assert_eq!(script.come_back(7, &token, version).0, Value::Null, "the lobby is all");
    let version = script.version(7);
    let token = script.vanish(7);
    assert_eq!(script.come_back(8, &token, version).0, 2);
}

#[test]
fn what_has_reached_everybody_is_forgotten_without_a_timer() {
    let mut script = Script::with_players(0..2);
    script.chat(0, "a");
    let version = script.version(1);
    let token = script.clients[&1].token.clone();
    let begun = script.now;
    script.wait(60_000);
    script.chat(0, "b");
    assert_eq!(script.lobbies.unswept.len(), 1, "what was there at the first sweep");
    assert_eq!(script.awaited(), None);
    // The next sweep: the first chat may still have been lost until now, but not the second.
    let (missed, _) = script.come_back(7, &token, version - 1);
    assert_eq!(missed, 2);
    script.wait(60_000);
    script.arrive(100);
    let token = script.clients[&7].token.clone();
    let (missed, _) = script.come_back(8, &token, version - 1);
    assert_eq!(missed, Value::Null, "at {:?}", script.now.since(begun));
    script.wait(60_000);
    script.arrive(101);
    script.wait(60_000);
    script.arrive(102);
    assert!(script.lobbies.unswept.is_empty());
    script.check_nothing_is_left();
}

#[test]
fn while_somebody_is_away_nothing_is_forgotten() {
    let mut script = whispers(2);
    let version = script.version(1);
    let token = script.vanish(1);
    script.wait(59_000);
    script.arrive(100);
    let (missed, _) = script.come_back(7, &token, version);
    assert_eq!(missed, 2);
}
