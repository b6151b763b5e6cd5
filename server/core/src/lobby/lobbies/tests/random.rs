//! Random people in random lobbies: after every step all tables agree, every client believes what
//! is true, and at the end nothing is left.

use proptest::prelude::*;

use super::*;

const N_SOCKETS: u32 = 8;

#[derive(Debug, Clone)]
enum Op {
    Arrive(u32),
    Vanish(u32),
    Create(u32, bool, &'static str),
    /// Joins the lobby of another client, by code or id.
    Join(u32, u32, bool, &'static str),
    /// Comes back with a token of another client, or of one that was lost.
    Resume(u32, usize),
    Ask(u32, &'static str, &'static str),
    Input(u32, u64),
    Wait(u64),
}

fn op() -> impl Strategy<Value = Op> {
    let socket = || 0..N_SOCKETS;
    let role = prop::sample::select(vec!["player", "player", "player", "spectator"]);
    let request = prop::sample::select(vec![
        ("leave", "null"),
        ("list", "null"),
        ("chat", r#"{"text":"x"}"#),
        ("typing", r#"{"typing":true}"#),
        ("ready", r#"{"ready":false}"#),
        ("action", r#"{"type":"refuse"}"#),
        ("action", r#"{"type":"trap","in":"view"}"#),
        ("action", r#"{"type":"trap","in":"apply"}"#),
        ("action", r#"{"type":"trap","in":"seat"}"#),
        ("action", r#"{"type":"trap","in":"outcome"}"#),
        ("action", r#"{"type":"trap","in":"event"}"#),
        ("action", r#"{"type":"unreadable","is":1}"#),
        ("action", r#"{"type":"win"}"#),
        ("action", r#"{"type":"do","what":"x"}"#),
        ("resync", "null"),
        ("settings", r#"{"locked":true}"#),
        ("settings", r#"{"locked":false,"visibility":"unlisted","max_spectators":1}"#),
        ("settings", r#"{"capacity":3,"password":"","visibility":"public"}"#),
        ("settings", r#"{"password":"x"}"#),
        ("host", r#"{"seat":1}"#),
        ("kick", r#"{"seat":1}"#),
        ("stop", "null"),
        ("claim", "null"),
        ("settings", r#"{"start":"ready"}"#),
        ("settings", r#"{"start":"full","capacity":2}"#),
        ("settings", r#"{"start":"host"}"#),
        ("colour", r#"{"colour":"teal"}"#),
    ]);
    let frequent = prop::sample::select(vec![
        ("ready", r#"{"ready":true}"#),
        ("ready", r#"{"ready":true}"#),
        ("start", "null"),
        ("action", r#"{"type":"add"}"#),
        ("action", r#"{"type":"add"}"#),
        ("rematch", "null"),
    ]);
    let game = prop::sample::select(vec![
        "tally", "tally", "tally", "patient", "pulse", "skipping", "slow",
    ]);
    prop_oneof![
        10 => socket().prop_map(Op::Arrive),
        6 => socket().prop_map(Op::Vanish),
        6 => (socket(), any::<bool>(), game)
            .prop_map(|(s, public, game)| Op::Create(s, public, game)),
        8 => (socket(), 1..20u64).prop_map(|(s, seq)| Op::Input(s, seq)),
        15 => (socket(), socket(), any::<bool>(), role)
            .prop_map(|(s, of, by_code, role)| Op::Join(s, of, by_code, role)),
        8 => (socket(), any::<usize>()).prop_map(|(s, token)| Op::Resume(s, token)),
        10 => (socket(), request).prop_map(|(s, (name, payload))| Op::Ask(s, name, payload)),
        30 => (socket(), frequent).prop_map(|(s, (name, payload))| Op::Ask(s, name, payload)),
        6 => (0..40_000u64).prop_map(Op::Wait),
    ]
}

/// Runs a step; `lost` are tokens of clients that have gone. A refusal is as good as any answer:
/// what is checked are the promises, by [`Script::handle`] and [`Client::hear`].
fn run(script: &mut Script, lost: &mut BTreeSet<String>, op: &Op) {
    let is_here = |script: &Script, number: &u32| script.clients.contains_key(number);
    match op {
        Op::Arrive(number) if !is_here(script, number) => script.arrive(*number),
        Op::Vanish(number) if is_here(script, number) => drop(lost.insert(script.vanish(*number))),
        Op::Input(number, seq) if is_here(script, number) => {
            script.note(*number, &json!(["input", seq, {"type": "do", "what": "x"}]), 1);
        }
        Op::Create(number, public, game) if is_here(script, number) => {
            let visibility = if *public { "public" } else { "private" };
            let create = json!({"game": game, "name": name(*number), "visibility": visibility});
            let _ = script.ask(*number, "create", &create);
        }
        Op::Join(number, of, by_code, role) if is_here(script, number) => {
            let other = script.clients.get(of).and_then(|client| client.lobby.as_ref());
            let Some(lobby) = other else { return };
            let mut join = json!({"name": name(*number), "role": role});
            match by_code {
                true => join["code"] = json!(lobby.code),
                false => join["id"] = json!(lobby.id),
            }
            let _ = script.ask(*number, "join", &join);
        }
        Op::Resume(number, token) if is_here(script, number) => {
            let own = script.clients.values().map(|client| client.token.clone());
            let tokens: Vec<String> = own.chain(lost.iter().cloned()).collect();
            let _ = script.resume(*number, &tokens[token % tokens.len()]);
        }
        Op::Ask(number, name, payload) if is_here(script, number) => {
            let _ = script.ask(*number, name, &serde_json::from_str(payload).unwrap());
        }
        Op::Wait(ms) => script.wait(*ms),
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn everybody_believes_what_is_true_and_nothing_is_left_at_the_end(
        ops in prop::collection::vec(op(), 0..150),
    ) {
        // The game's panics are part of the plan; their traces would drown what matters.
        let mut script = Script::new();
        let mut lost = BTreeSet::new();
        (0..N_SOCKETS).for_each(|number| script.arrive(number));
        for op in &ops {
            run(&mut script, &mut lost, op);
            script.audit();
        }
        script.check_nothing_is_left();
    }
}
