//! What games ask the many.

use std::ops::RangeInclusive;

use serde::Deserialize;

use super::*;
use crate::lobby::game::{Cx, Outcome, Reject, Seat, Viewer};

/// The crowd decides, as often as somebody asks it.
struct Crowd;

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Action {
    Ask { question: String, seconds: u32 },
    AskAndRefuse,
    Win,
}

#[derive(Debug, Clone, Default)]
struct State {
    heard: Vec<String>,
    won: bool,
}

impl Game for Crowd {
    type Config = ();
    type State = State;
    type Action = Action;
    type View = Vec<String>;
    type Event = ();

    const SEATS: RangeInclusive<u8> = 1..=2;

    fn setup((): &(), cx: &mut Cx<'_, Self>) -> State {
        cx.ask("left or right?", &["left", "right"], 5).unwrap();
        State::default()
    }

    fn apply(
        state: &mut State,
        _: Seat,
        action: Action,
        cx: &mut Cx<'_, Self>,
    ) -> Result<(), Reject> {
        match action {
            Action::Ask { question, seconds } => {
                cx.keep_view();
                cx.ask(&question, &["left", "right", "neither"], seconds)
            }
            Action::AskAndRefuse => {
                cx.ask("?", &["a", "b"], 1)?;
                Err(Reject::new("E_NO", "not this one"))
            }
            Action::Win => {
                state.won = true;
                Ok(())
            }
        }
    }

    fn votes(state: &mut State, votes: &[u32], cx: &mut Cx<'_, Self>) {
        let ms = cx.now().since(Time::after_start(Duration::from_secs(1000))).as_millis();
        state.heard.push(format!("{votes:?} at {ms}"));
        state.won = votes.get(2).is_some_and(|neither| *neither > 0);
    }

    fn view(state: &State, _: Viewer) -> Vec<String> {
        state.heard.clone()
    }

    fn outcome(state: &State) -> Option<Outcome> {
        state.won.then(|| Outcome::new(Vec::new(), "decided"))
    }
}

pub(super) fn register(games: &mut Games) {
    games.register::<Crowd>("crowd");
}

/// A match of client 0, with clients 5 and 6 in the audience and 7 as a spectator.
fn asked() -> Script {
    let mut script = Script::new();
    script.arrive(0);
    script.ok(0, "create", &json!({"game": "crowd", "name": "Host"}));
    let code = script.code();
    for number in 5..7 {
        script.arrive(number);
        script.ask(number, "join", &json!({"code": code, "role": "audience"})).unwrap();
    }
    script.enter(7, "spectator");
    script.ok(0, "start", &Value::Null);
    script
}

impl Script {
    fn vote_for(&mut self, number: u32, option: u8) {
        self.ok(number, "vote", &json!({"option": option}));
    }

    fn ask_many(&mut self, question: &str, seconds: u32) -> Result<Value, String> {
        let action = json!({"type": "ask", "question": question, "seconds": seconds});
        self.ask(0, "action", &action)
    }

    fn heard(&self) -> Vec<String> {
        let state = self.clients[&0].lobby.as_ref().unwrap().state.as_ref().unwrap();
        serde_json::from_str(state.view.get()).unwrap()
    }

    fn polls_told(&mut self, number: u32) -> Vec<String> {
        let told = self.told(number).into_iter();
        told.filter(|line| line.starts_with("poll")).collect()
    }
}

#[test]
fn a_game_asks_and_hears_the_votes_when_they_are_over() {
    let mut script = asked();
    let poll = script.clients[&7].lobby.as_ref().unwrap().poll.clone().unwrap();
    assert_eq!((poll.number, poll.ends_ms), (1, EPOCH_MS + 1_005_000));
    assert_eq!(poll.options, ["left", "right"]);
    script.vote_for(5, 0);
    script.vote_for(6, 1);
    script.vote_for(7, 1);
    script.wait(4_999);
    assert_eq!(script.heard(), [""; 0]);
    script.wait(1);
    assert_eq!(script.heard(), ["[1, 2] at 5000"]);
    assert_eq!(script.polls_told(5).last().unwrap(), "poll 1 ended [1, 2]");
    // Another one, by what somebody does; its votes end the match.
    script.ask_many("and now?", 60).unwrap();
    script.vote_for(5, 2);
    script.wait(60_000);
    assert_eq!(script.heard().len(), 2);
    assert_eq!(script.clients[&0].lobby.as_ref().unwrap().phase, api::Phase::Finished);
}

#[test]
fn what_a_game_asks_takes_the_place_of_what_is_asked_and_is_heard_once() {
    let mut script = asked();
    assert_eq!(
        script.ask(0, "poll", &json!({"question": "?", "options": ["a", "b"], "seconds": 1})),
        Err("E_PHASE".into())
    );
    script.vote_for(5, 0);
    script.ask_many("this instead?", 10).unwrap();
    let told = script.polls_told(6);
    assert_eq!(told[told.len() - 2], "poll 1 ended [1, 0]");
    assert!(told.last().unwrap().starts_with("poll 2 until"), "{told:?}");
    script.wait(20_000);
    assert_eq!(script.heard(), ["[0, 0, 0] at 10000"]);
}

#[test]
fn what_a_game_asked_ends_with_its_match_unheard() {
    let mut script = asked();
    script.vote_for(5, 0);
    script.ok(0, "action", &json!({"type": "win"}));
    let told = script.polls_told(5);
    assert_eq!(told.last().unwrap(), "poll 1 ended [1, 0]");
    assert_eq!(script.ask(5, "vote", &json!({"option": 0})), Err("E_PHASE".into()));
    script.wait(10_000);
    assert_eq!(script.heard(), [""; 0]);
    // The next match asks anew.
    script.ok(0, "rematch", &Value::Null);
    assert_eq!(script.clients[&6].lobby.as_ref().unwrap().poll.as_ref().unwrap().number, 2);
}

#[test]
fn what_may_not_be_asked_is_refused_and_what_is_refused_asks_nothing() {
    let mut script = asked();
    script.wait(5_000);
    let longest = "ä".repeat(200);
    for (question, seconds) in [("", 1), (" ", 1), ("a\u{202e}b", 1), ("?", 0), ("?", 3601)] {
        assert_eq!(script.ask_many(question, seconds), Err("E_BAD_REQUEST".into()), "{question:?}");
    }
    assert_eq!(script.ask_many(&format!("{longest}x"), 1), Err("E_BAD_REQUEST".into()));
    assert_eq!(script.ask(0, "action", &json!({"type": "ask_and_refuse"})), Err("E_NO".into()));
    assert!(script.clients[&5].lobby.as_ref().unwrap().poll.is_none());
    script.ask_many(&longest, 3600).unwrap();
    assert!(script.clients[&5].lobby.as_ref().unwrap().poll.is_some());
}
