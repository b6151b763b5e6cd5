//! Lobbies whose seats are given away before anybody is there: who comes and who does not, and what
//! is said of it.

use std::ops::RangeInclusive;

use parlor_shared::id::{LobbyId, ResumeToken};
use serde_json::value::RawValue;

use super::{net::Net, *};
use crate::{
    assignment::{MAX_HOLD, MAX_RESERVED_SEATS, Reserved},
    key::Origin,
    lobby::{
        SecondTab,
        game::{Cx, Outcome, Reject, Seat, Viewer},
    },
};

/// As many may play as tokens are made for, and more.
struct Crowded;

impl Game for Crowded {
    type Config = ();
    type State = ();
    type Action = ();
    type View = ();
    type Event = ();

    const SEATS: RangeInclusive<u8> = 1..=255;

    fn setup((): &(), _: &mut Cx<'_, Self>) {}

    fn apply((): &mut (), _: Seat, (): (), _: &mut Cx<'_, Self>) -> Result<(), Reject> {
        Ok(())
    }

    fn view((): &(), _: Viewer) {}

    fn outcome((): &()) -> Option<Outcome> {
        None
    }
}

pub(super) fn register(games: &mut Games) {
    games.register::<Crowded>("crowded");
}

const HOLD_MS: u64 = 15_000;
/// What the matchmaker calls it.
const NUMBER: u64 = 7;

fn reservation(game: &str, n_players: u8) -> Reservation {
    let reserved =
        |seat| Reserved { seat, player: None, address: Origin(0), name: name(seat.into()).into() };
    Reservation {
        number: NUMBER,
        game: game.into(),
        config: None,
        seats: (0..n_players).map(reserved).collect(),
        n_bots: 0,
        hold: Duration::from_millis(HOLD_MS),
        rated: true,
    }
}

/// A lobby whose seats wait.
struct Opened {
    script: Script,
    id: LobbyId,
    code: String,
    tokens: Vec<ResumeToken>,
}

impl Opened {
    fn new(reservation: Reservation) -> Self {
        Self::with_policy(reservation, Policy::default())
    }

    /// Waits for two players of `tally`.
    fn duel() -> Self {
        Self::new(reservation("tally", 2))
    }

    /// Waits for three.
    fn trio() -> Self {
        Self::new(reservation("tally", 3))
    }

    fn with_policy(reservation: Reservation, policy: Policy) -> Self {
        let mut script = Script::with_policy(10, policy);
        match reserve(&mut script, reservation) {
            Assigned::Opened { number: NUMBER, lobby: id, code, tokens } => {
                Self { script, id, code: code.into(), tokens }
            }
            other => panic!("{other:?}"),
        }
    }

    /// The client of this number takes the seat of the same.
    fn come(&mut self, number: u32) {
        self.script.arrive(number);
        let token = self.tokens[number as usize].to_string();
        let came = self.script.resume(number, &token).unwrap();
        assert_eq!(came["seat"], number);
        assert_eq!(came["lobby"]["id"], self.id.to_string());
    }

    /// All come: their match is on.
    fn play(reservation: Reservation) -> Script {
        let n = reservation.seats.len() as u32;
        let mut opened = Self::new(reservation);
        (0..n).for_each(|number| opened.come(number));
        let mut script = opened.script;
        assert_eq!(said(&mut script), [seated()]);
        script.forget();
        script
    }
}

/// What is said at once of a reservation.
fn reserve(script: &mut Script, reservation: Reservation) -> Assigned {
    script.tell(LobbyInput::Reserve(ShardId::default(), Box::new(reservation)));
    let mut said = said(script);
    assert_eq!(said.len(), 1, "{said:?}");
    said.remove(0)
}

fn said(script: &mut Script) -> Vec<Assigned> {
    std::mem::take(&mut script.assigned)
}

fn seated() -> Assigned {
    Assigned::Seated { number: NUMBER }
}

fn absent(seats: &[u8]) -> Assigned {
    Assigned::Absent { number: NUMBER, seats: seats.to_vec() }
}

fn played(winners: &[u8], reason: &str, left: &[u8], counts: bool) -> Assigned {
    let (winners, left) = (winners.to_vec(), left.to_vec());
    Assigned::Played { number: NUMBER, winners, reason: reason.into(), left, counts }
}

fn refused(reservation: Reservation) -> String {
    let mut script = Script::with_max_lobbies(1);
    let refusal = match reserve(&mut script, reservation) {
        Assigned::Refused { number: NUMBER, refusal } => refusal,
        other => panic!("{other:?}"),
    };
    assert!(script.lobbies.is_empty(), "nothing is left of it");
    script.check_nothing_is_left();
    refusal.code
}

#[test]
fn when_all_have_come_their_match_begins_at_once() {
    let mut opened = Opened::trio();
    opened.come(2);
    opened.script.wait(HOLD_MS / 2);
    opened.come(0);
    assert_eq!(opened.script.lobby(0).phase, api::Phase::Open);
    assert_eq!(said(&mut opened.script), []);
    opened.come(1);
    let mut script = opened.script;
    assert_eq!(said(&mut script), [seated()]);
    assert_eq!(script.told(2), ["returned 0", "returned 1", "started 1"]);
    assert_eq!(script.told(0), ["returned 1", "started 1"]);
    assert_eq!(script.told(1), ["started 1"], "behind the answer");
    let players = |lobby: &api::Lobby| -> Vec<String> {
        let state = lobby.state.as_ref().unwrap();
        state.players.iter().map(|player| format!("{} {}", player.seat, player.name)).collect()
    };
    assert_eq!(players(script.lobby(1)), ["0 Player 0", "1 Player 1", "2 Player 2"]);
    script.audit();
    script.wait(10 * HOLD_MS);
    assert_eq!(script.lobby(0).phase, api::Phase::Playing, "no hold is on any more");
    script.check_nothing_is_left();
}

#[test]
fn seats_have_the_numbers_names_and_accounts_that_were_asked_for() {
    let mut wanted = reservation("tally", 3);
    wanted.seats.reverse();
    wanted.seats[0].name = "  Ann ".into();
    wanted.seats[1].name = "Ann".into();
    wanted.seats[2].name = "\u{202e}nnA".into();
    wanted.seats[2].player = Some("p:0".into());
    let Opened { mut script, tokens, .. } = Opened::new(wanted);
    for (number, player) in [(0, "p:1"), (1, "p:0")] {
        script.arrive_as(number, Who { player: Some(player.into()), address: Origin(9) });
    }
    let last = tokens[2].to_string();
    assert_eq!(script.resume(0, &last), Err("E_TOKEN".to_owned()), "it is another's");
    let came = script.resume(1, &last).unwrap();
    assert_eq!(came["seat"], 0, "tokens come in the order of the seats that were asked for");
    let seats = &script.lobby(1).seats;
    let seats: Vec<_> = seats.iter().map(|seat| (seat.seat, &*seat.name, seat.connected)).collect();
    assert_eq!(seats, [(0, "Player 1", true), (1, "Ann", false), (2, "Ann 2", false)]);
    let colours: Vec<_> = script.lobby(1).seats.iter().map(|seat| seat.colour).collect();
    assert_eq!(colours, api::Colour::ALL[..3].iter().copied().map(Some).collect::<Vec<_>>());
    assert_eq!(script.lobby(1).visibility, Visibility::Unlisted);
    assert_eq!(script.lobby(1).capacity, 3);
    script.audit();
}

#[test]
fn if_nobody_comes_the_lobby_ends_with_the_hold() {
    let Opened { mut script, .. } = Opened::duel();
    script.wait(HOLD_MS - 1);
    assert_eq!((script.lobbies.len(), said(&mut script)), (1, vec![]));
    script.wait(1);
    assert_eq!(said(&mut script), [absent(&[0, 1])]);
    assert!(script.lobbies.is_empty());
    script.check_nothing_is_left();
}

#[test]
fn who_has_come_is_told_that_others_have_not() {
    let mut opened = Opened::trio();
    opened.come(1);
    let Opened { mut script, code, tokens, .. } = opened;
    script.arrive(5);
    script.ok(5, "join", &json!({"code": code, "name": "Watcher", "role": "spectator"}));
    script.arrive(6);
    script.ok(6, "join", &json!({"code": code, "role": "audience"}));
    script.wait(HOLD_MS - 1);
    assert_eq!(said(&mut script), [], "whatever else there is a deadline for");
    script.wait(1);
    assert_eq!(said(&mut script), [absent(&[0, 2])]);
    assert_eq!(script.told(1).last().unwrap(), "closed \"no_show\"");
    assert_eq!(script.told(5).last().unwrap(), "closed \"no_show\"");
    assert_eq!(script.told(6).last().unwrap(), "closed \"deserted\"");
    assert_eq!(script.resume(1, &tokens[0].to_string()), Err("E_TOKEN".to_owned()), "too late");
    script.ok(1, "create", &json!({"game": "tally", "name": "Player 1"}));
    script.check_nothing_is_left();
}

#[test]
fn one_who_comes_and_leaves_again_ends_it_for_all() {
    let mut opened = Opened::trio();
    opened.come(0);
    opened.come(1);
    let mut script = opened.script;
    script.forget();
    script.ok(1, "leave", &Value::Null);
    assert_eq!(said(&mut script), [absent(&[1])], "who has yet to come is not to blame");
    assert_eq!(script.told(0), ["left 1 Left", "closed \"no_show\""]);
    assert_eq!(script.told(1), [""; 0]);
    assert!(script.lobbies.is_empty());
    script.wait(HOLD_MS);
    assert_eq!(said(&mut script), []);
    script.check_nothing_is_left();
}

#[test]
fn the_first_of_two_who_leaves_before_the_other_has_come_ends_it_too() {
    let mut opened = Opened::duel();
    opened.come(0);
    assert_eq!(opened.script.lobby(0).host, Some(0));
    opened.script.ok(0, "leave", &Value::Null);
    assert_eq!(said(&mut opened.script), [absent(&[0])]);
    opened.script.check_nothing_is_left();
}

#[test]
fn one_who_is_lost_and_back_within_the_hold_plays() {
    let mut opened = Opened::duel();
    opened.come(0);
    opened.script.wait(HOLD_MS - 2);
    let token = opened.script.vanish(0);
    opened.come(1);
    let mut script = opened.script;
    assert_eq!(said(&mut script), [], "one is there");
    script.wait(1);
    script.arrive(0);
    script.resume(0, &token).unwrap();
    assert_eq!(said(&mut script), [seated()]);
    script.audit();
    script.check_nothing_is_left();
}

#[test]
fn one_who_is_lost_and_not_back_is_absent_when_the_hold_is_over() {
    let mut opened = Opened::trio();
    opened.come(0);
    opened.come(1);
    opened.script.wait(HOLD_MS - 1000);
    opened.script.forget();
    opened.script.vanish(1);
    assert_eq!(opened.script.told(0), ["dropped 1"]);
    assert!(!opened.script.lobby(0).seats[1].connected);
    opened.script.wait(999);
    assert_eq!(said(&mut opened.script), []);
    opened.script.wait(1);
    assert_eq!(said(&mut opened.script), [absent(&[1, 2])], "not a minute later");
    assert_eq!(opened.script.told(0), ["closed \"no_show\""]);
    opened.script.check_nothing_is_left();
}

#[test]
fn a_drop_while_seats_wait_says_until_when_they_do() {
    let mut opened = Opened::trio();
    opened.come(0);
    opened.come(1);
    opened.script.wait(5000);
    let effects = opened.script.handle(LobbyInput::Gone(socket(1)));
    let mut told = effects.iter().filter_map(|effect| match effect {
        LobbyEffect::Push(to, frame, _) if *to == address(0) => Some(read(frame).2.remove(0)),
        _ => None,
    });
    let dropped = &told.next().unwrap()["change"];
    assert_eq!(dropped["type"], "dropped");
    let until = json!(EPOCH_MS + 1_000_000 + HOLD_MS);
    assert_eq!((&dropped["kept_until_ms"], &dropped["claim_from_ms"]), (&until, &until));
}

#[test]
fn a_token_is_good_until_its_successor_is_used() {
    let mut opened = Opened::trio();
    opened.come(0);
    let first = opened.tokens[0].to_string();
    // As if the answer had been lost.
    opened.script.vanish(0);
    opened.come(0);
    opened.script.ok(0, "ready", &json!({"ready": true}));
    let mut script = opened.script;
    script.arrive(9);
    assert_eq!(script.resume(9, &first), Err("E_TOKEN".to_owned()));
    assert_eq!(said(&mut script), []);
    script.audit();
}

#[test]
fn a_second_tab_takes_a_seat_over_or_does_not_as_everywhere() {
    let mut opened = Opened::duel();
    opened.come(0);
    let mut script = opened.script;
    let second = script.clients[&0].token.clone();
    script.arrive(9);
    script.resume(9, &second).unwrap();
    assert!(!script.clients.contains_key(&0), "the first is disconnected");
    assert_eq!((said(&mut script), script.lobby(9).phase), (vec![], api::Phase::Open));
    script.audit();

    let refuse = Policy { second_tab: SecondTab::Refuse, ..Policy::default() };
    let mut opened = Opened::with_policy(reservation("tally", 2), refuse);
    opened.come(0);
    let first = opened.tokens[0].to_string();
    opened.script.arrive(9);
    assert_eq!(opened.script.resume(9, &first), Err("E_CONNECTED".to_owned()));
}

#[test]
fn nobody_else_takes_gives_or_frees_a_seat_that_waits() {
    let mut wanted = reservation("chorus", 3);
    wanted.n_bots = 1;
    let mut opened = Opened::new(wanted);
    opened.come(0);
    let Opened { mut script, code, id, .. } = opened;
    script.arrive(8);
    for by in [json!({"code": code, "name": "X"}), json!({"id": id, "name": "X"})] {
        assert_eq!(script.ask(8, "join", &by), Err("E_PHASE".to_owned()), "{by}");
    }
    let refused = Err("E_PHASE".to_owned());
    assert_eq!(script.lobby(0).host, Some(0));
    for (what, with) in [
        ("kick", json!({"seat": 1})),
        ("kick", json!({"seat": 3})),
        ("bot", Value::Null),
        ("settings", json!({"capacity": 4})),
        ("settings", json!({"fill": true})),
        ("settings", json!({"start": "full"})),
    ] {
        assert_eq!(script.ask(0, what, &with), refused, "{what} {with}");
    }
    script.ok(0, "ready", &json!({"ready": true}));
    assert_eq!(script.ask(0, "start", &Value::Null), Err("E_NOT_READY".to_owned()));
    script.ok(0, "settings", &json!({"visibility": "public"}));
    let listed = script.ok(8, "list", &Value::Null);
    assert_eq!(listed["lobbies"][0]["id"], id.to_string());
    assert_eq!(script.lobbies.board.prospects(&of_game("chorus"), &script.lobbies.lobbies), []);
    script.audit();
}

fn of_game(game: &str) -> api::Filter {
    api::Filter { game: Some(game.to_owned()), ..api::Filter::default() }
}

#[test]
fn nobody_else_plays_the_match_either_but_watches() {
    let mut script = Opened::play(reservation("patient", 2));
    let code = script.code();
    script.arrive(8);
    let join = |role: &str| json!({"code": code, "name": "X", "role": role});
    script.ok(1, "leave", &Value::Null);
    assert_eq!(script.ask(8, "join", &join("player")), Err("E_PHASE".to_owned()), "late join");
    assert_eq!(script.ask(0, "bot", &Value::Null), Err("E_FORBIDDEN".to_owned()));
    assert_eq!(script.ask(0, "kick", &json!({"seat": 1})), Err("E_PHASE".to_owned()));
    script.ok(8, "join", &join("spectator"));
    script.ok(0, "kick", &json!({"spectator": "X"}));
    script.audit();
}

#[test]
fn the_outcome_of_the_first_match_is_told_and_of_no_other() {
    let mut script = Opened::play(reservation("tally", 2));
    for number in [0, 1, 1] {
        script.action(number, "add").unwrap();
    }
    assert_eq!(said(&mut script), [played(&[1], "goal", &[], true)]);
    script.ok(0, "rematch", &Value::Null);
    script.ok(1, "rematch", &Value::Null);
    for number in [0, 0, 0] {
        script.action(number, "add").unwrap();
    }
    assert_eq!(script.lobby(0).phase, api::Phase::Finished);
    assert_eq!(said(&mut script), []);
    script.audit();
    script.check_nothing_is_left();
}

#[test]
fn after_its_match_it_is_a_lobby_like_any_other() {
    let mut script = Opened::play(reservation("tally", 2));
    let token = script.clients[&1].token.clone();
    (0..3).for_each(|_| drop(script.action(0, "add").unwrap()));
    script.vanish(1);
    script.arrive(1);
    script.resume(1, &token).unwrap();
    script.ok(0, "settings", &json!({"capacity": 3}));
    script.arrive(2);
    script.join(2, "player").unwrap();
    script.ok(0, "kick", &json!({"seat": 1}));
    script.wait(Policy::default().finished.as_millis() as u64);
    script.ok(2, "ready", &json!({"ready": true}));
    script.ok(0, "start", &Value::Null);
    script.wait(Policy::default().countdown.as_millis() as u64);
    assert_eq!(script.lobby(0).phase, api::Phase::Playing);
    script.audit();
    script.check_nothing_is_left();
}

#[test]
fn who_goes_for_good_in_the_match_has_left() {
    let mut script = Opened::play(reservation("tally", 3));
    script.ok(2, "leave", &Value::Null);
    assert_eq!(said(&mut script), [], "two play on");
    script.vanish(0);
    script.wait(29_999);
    assert_eq!(said(&mut script), []);
    script.wait(1);
    assert_eq!(said(&mut script), [played(&[1], "abandonment", &[0, 2], true)]);
    script.ok(1, "leave", &Value::Null);
    assert_eq!(said(&mut script), []);
    script.check_nothing_is_left();
}

#[test]
fn who_is_back_in_time_or_away_at_the_end_for_a_moment_has_not_left() {
    let mut script = Opened::play(reservation("tally", 2));
    let token = script.vanish(0);
    script.wait(29_000);
    script.arrive(0);
    script.resume(0, &token).unwrap();
    script.vanish(1);
    script.wait(29_000);
    (0..3).for_each(|_| drop(script.action(0, "add").unwrap()));
    assert_eq!(said(&mut script), [played(&[0], "goal", &[], true)]);
}

#[test]
fn who_is_overdue_at_the_end_has_left() {
    let mut script = Opened::play(reservation("patient", 2));
    script.vanish(1);
    script.wait(9_999);
    assert_eq!(script.ask(0, "claim", &Value::Null), Err("E_NOT_OVERDUE".to_owned()));
    script.wait(1);
    script.ok(0, "claim", &Value::Null);
    assert_eq!(said(&mut script), [played(&[0], "claimed", &[1], true)]);
}

#[test]
fn the_host_of_the_lobby_may_leave_its_match_like_anybody() {
    let mut script = Opened::play(reservation("tally", 3));
    assert_eq!(script.lobby(1).host, Some(0));
    script.ok(0, "leave", &Value::Null);
    assert_eq!(script.lobby(1).host, Some(1));
    (0..3).for_each(|_| drop(script.action(2, "add").unwrap()));
    assert_eq!(said(&mut script), [played(&[2], "goal", &[0], true)]);
    script.audit();
}

#[test]
fn a_match_that_all_have_left_is_deserted() {
    // This game never ends, and a spectator stays.
    let mut script = Opened::play(reservation("whispers", 2));
    let code = script.code();
    script.arrive(8);
    script.ok(8, "join", &json!({"code": code, "name": "X", "role": "spectator"}));
    script.ok(0, "leave", &Value::Null);
    assert_eq!(said(&mut script), []);
    script.ok(1, "leave", &Value::Null);
    assert_eq!(said(&mut script), [played(&[], "deserted", &[0, 1], false)]);

    let mut script = Opened::play(reservation("whispers", 2));
    script.vanish(0);
    script.vanish(1);
    script.wait(60_000);
    assert_eq!(said(&mut script), [played(&[], "deserted", &[0, 1], false)]);
    assert!(script.lobbies.is_empty());
    script.check_nothing_is_left();
}

#[test]
fn a_match_that_lasts_too_long_does_not_count() {
    let mut script = Opened::play(reservation("whispers", 2));
    script.wait(24 * 3600 * 1000);
    assert_eq!(said(&mut script), [played(&[], "timeout", &[], false)]);
}

#[test]
fn a_match_that_crashes_does_not_count() {
    for trap in ["setup", "apply", "view", "outcome"] {
        let mut wanted = reservation("tally", 2);
        let config = json!({"trap": trap}).to_string();
        wanted.config = Some(RawValue::from_string(config).unwrap());
        let mut opened = Opened::new(wanted);
        opened.come(0);
        opened.come(1);
        let mut script = opened.script;
        if trap == "apply" {
            assert_eq!(script.action(0, "add"), Err("E_MATCH_CRASH".to_owned()));
        }
        assert_eq!(said(&mut script), [seated(), played(&[], "crashed", &[], false)], "{trap}");
        script.check_nothing_is_left();
    }
}

#[test]
fn bots_have_the_seats_that_are_left_over_and_then_nothing_counts() {
    let mut wanted = reservation("chorus", 2);
    wanted.n_bots = 2;
    wanted.seats[1].seat = 3;
    wanted.seats[0].name = "Bot".into();
    let Opened { mut script, tokens, .. } = Opened::new(wanted);
    script.arrive(0);
    script.resume(0, &tokens[0].to_string()).unwrap();
    let seats: Vec<_> =
        script.lobby(0).seats.iter().map(|seat| (seat.seat, &*seat.name, seat.bot)).collect();
    let all = [(0, "Bot", false), (1, "Bot 2", true), (2, "Bot 3", true), (3, "Player 1", false)];
    assert_eq!(seats, all);
    script.arrive(1);
    script.resume(1, &tokens[1].to_string()).unwrap();
    assert_eq!(said(&mut script), [seated()]);
    assert_eq!(script.lobby(0).seats.len(), 4);
    script.audit();
    script.ok(0, "action", &json!("win"));
    let end = said(&mut script);
    assert!(matches!(&end[..], [Assigned::Played { counts: false, .. }]), "{end:?}");
    script.check_nothing_is_left();
}

#[test]
fn who_comes_to_a_match_with_bots_does_not_displace_one() {
    let mut wanted = reservation("chorus", 1);
    wanted.n_bots = 1;
    let script = &mut Opened::play(wanted);
    script.arrive(8);
    assert_eq!(script.join(8, "player"), Err("E_PHASE".to_owned()));
}

#[test]
fn what_makes_no_sense_is_refused() {
    let fine = || reservation("tally", 2);
    assert_eq!(refused(reservation("nothing", 2)), "E_UNKNOWN_GAME");
    let config = |text: &str| Some(RawValue::from_string(text.to_owned()).unwrap());
    let with = |text| Reservation { config: config(text), ..fine() };
    assert_eq!(refused(with(r#"{"goal":0}"#)), "E_BAD_CONFIG");
    assert_eq!(refused(with(r#"{"trap":"check"}"#)), "E_BAD_CONFIG");
    for n_players in [0, 1, 5] {
        assert_eq!(refused(reservation("tally", n_players)), "E_BAD_REQUEST", "{n_players}");
    }
    assert_eq!(refused(Reservation { n_bots: 1, ..fine() }), "E_FORBIDDEN", "it has no bots");
    assert_eq!(refused(Reservation { n_bots: 254, ..fine() }), "E_BAD_REQUEST");
    let with_seats = |seats: [u8; 2]| {
        let mut wanted = fine();
        wanted.seats.iter_mut().zip(seats).for_each(|(reserved, seat)| reserved.seat = seat);
        wanted
    };
    assert_eq!(refused(with_seats([1, 1])), "E_BAD_REQUEST");
    assert_eq!(refused(with_seats([0, 2])), "E_BAD_REQUEST");
    let mut twice = fine();
    twice.seats.iter_mut().for_each(|reserved| reserved.player = Some("p".into()));
    assert_eq!(refused(twice), "E_BAD_REQUEST");
    assert_eq!(refused(reservation("tally", MAX_RESERVED_SEATS as u8 + 1)), "E_BAD_REQUEST");
}

#[test]
fn as_many_seats_are_reserved_as_there_may_be() {
    let mut script = Script::new();
    let said = reserve(&mut script, reservation("crowded", MAX_RESERVED_SEATS as u8));
    let Assigned::Opened { tokens, .. } = said else { panic!("{said:?}") };
    assert_eq!(tokens.len(), MAX_RESERVED_SEATS);
    let one_more = reserve(&mut script, reservation("crowded", MAX_RESERVED_SEATS as u8 + 1));
    assert!(matches!(one_more, Assigned::Refused { .. }), "{one_more:?}");
}

#[test]
fn a_full_server_refuses() {
    let mut script = Script::with_max_lobbies(1);
    script.arrive(0);
    script.ok(0, "create", &json!({"game": "tally", "name": "A"}));
    let said = reserve(&mut script, reservation("tally", 2));
    let Assigned::Refused { refusal, .. } = said else { panic!("{said:?}") };
    assert_eq!(refusal.code, "E_LIMIT");
}

#[test]
fn no_seat_waits_for_ever() {
    let hold = Duration::MAX;
    let Opened { mut script, .. } = Opened::new(Reservation { hold, ..reservation("tally", 2) });
    script.wait(MAX_HOLD.as_millis() as u64 - 1);
    assert_eq!(said(&mut script), []);
    script.wait(1);
    assert_eq!(said(&mut script), [absent(&[0, 1])]);
}

#[test]
fn many_lobbies_at_once_wait_for_identities_and_leave_others_theirs() {
    let mut script = Script::new();
    let mut ids = Ids::default();
    let mut n_drawn = 0;
    let mut opened = Vec::new();
    // One turn of a shard: the stock is refilled before it, and many lobbies are wanted at once.
    for turn in 0..100 {
        while ids.n_left() < MAX_IDS_PER_INPUT + script.lobbies.n_ids_wanted() {
            let fresh = (0..MAX_IDS_PER_INPUT as u64).map(|_| {
                n_drawn += 1;
                let mut bytes = [0; ID_BYTES];
                bytes[..8].copy_from_slice(&Random::new(n_drawn).next_u64().to_le_bytes());
                bytes
            });
            ids.refill(fresh.collect());
        }
        let mut effects = Vec::new();
        if turn == 0 {
            for number in 0..50 {
                let wanted = Box::new(Reservation { number, ..reservation("tally", 4) });
                let input = LobbyInput::Reserve(ShardId::default(), wanted);
                script.lobbies.handle(script.now, input, &mut ids, &mut effects);
            }
        } else if script.lobbies.deadline() == Some(Time::ZERO) {
            script.lobbies.handle(script.now, LobbyInput::Timeout, &mut ids, &mut effects);
        }
        assert!(ids.n_left() >= MAX_IDS_PER_INPUT, "what else this input leads to has its own");
        opened.extend(effects.iter().filter_map(|effect| match effect {
            LobbyEffect::Assigned(_, Assigned::Opened { number, .. }) => Some(*number),
            _ => None,
        }));
    }
    assert_eq!(opened, (0..50).collect::<Vec<_>>());
    assert!(script.lobbies.is_consistent());
}

#[test]
fn players_come_from_all_shards_and_the_one_that_asked_is_told() {
    let mut net = Net::new(3, 1);
    let from = ShardId { node: 0, shard: 2 };
    net.tell(0, LobbyInput::Reserve(from, Box::new(reservation("tally", 2))));
    net.still();
    let Some((to, Assigned::Opened { tokens, .. })) = net.assigned.pop() else { panic!("none") };
    assert_eq!(to, from);
    for (number, token) in (1..).zip(tokens) {
        net.arrive((number, 5));
        let came = net.ok((number, 5), "resume", &json!({"token": token.to_string()}));
        assert_eq!(came["seat"], number - 1);
    }
    assert_eq!(std::mem::take(&mut net.assigned), [(from, seated())]);
    net.vanish((1, 5));
    net.wait(30_000);
    assert_eq!(net.assigned, [(from, played(&[1], "abandonment", &[0], true))]);
    net.check_nothing_is_left();
}
