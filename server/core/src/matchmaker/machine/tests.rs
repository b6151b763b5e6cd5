//! Tickets from the first word to the last, in virtual time, over two shards: the desk is on the
//! first, sockets and lobbies are on both. What lobbies do, the script does.

mod away;
mod parties;

use std::{collections::VecDeque, sync::Arc, time::Duration};

use parlor_shared::{
    api::matchmaking as api,
    id::{ID_BYTES, LobbyId, ResumeToken},
    socket_io::{Args, Frame},
};
use serde_json::{Value, json};

use super::*;
use crate::{
    assignment::Reservation,
    cluster::Owners,
    ids::{MAX_IDS_PER_INPUT, REFILL},
    key::{Key as _, Origin},
    matchmaker::queue::{Declared, Queue, Teams},
};

/// Two shards, and what each socket was told since it was last asked. Sockets with even numbers are
/// on the first.
struct Script {
    shards: [Matchmaker; 2],
    ids: Ids,
    n_ids: u8,
    now: Time,
    told: Vec<(u32, String, Value)>,
    /// Lobbies that are wanted, and where.
    wanted: Vec<(ShardId, Reservation)>,
    recorded: Vec<crate::matchmaker::TicketRecord>,
}

fn shard(number: usize) -> ShardId {
    ShardId { node: 0, shard: number as u8 }
}

fn socket(number: u32) -> SocketKey {
    SocketKey::new(number, 0)
}

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn blitz(change: impl FnOnce(&mut Declared)) -> Arc<Queue> {
    let mut declared = Declared::duel("blitz", "chess");
    change(&mut declared);
    Arc::new(Queue::try_from(declared).unwrap())
}

impl Script {
    /// One queue, in which everybody is asked.
    fn asking() -> Self {
        Self::of(|settings| settings.queues = vec![blitz(|queue| queue.accept_ms = 10_000)])
    }

    /// One queue, in which nobody is asked.
    fn at_once() -> Self {
        Self::of(|_| ())
    }

    fn of(change: impl FnOnce(&mut MatchmakerSettings)) -> Self {
        let queues = vec![blitz(|_| ())];
        let mut settings = MatchmakerSettings { queues, ..MatchmakerSettings::default() };
        change(&mut settings);
        let owners = Owners::new(9);
        let machine = |own: usize| {
            let all = vec![shard(0), shard(1)];
            Matchmaker::new(settings.clone(), Neighbours { own: shard(own), all, owners })
        };
        let shards = [machine(0), machine(1)];
        let (told, wanted, recorded) = (Vec::new(), Vec::new(), Vec::new());
        Self { shards, ids: Ids::default(), n_ids: 0, now: Time::ZERO, told, wanted, recorded }
    }

    fn hand(&mut self, at: usize, input: MatchInput) {
        let mut queue = VecDeque::from([(at, input)]);
        while let Some((at, input)) = queue.pop_front() {
            if self.ids.n_left() < MAX_IDS_PER_INPUT {
                self.n_ids += 1;
                let n = self.n_ids;
                let id = |i: usize| {
                    let mut id = [n; ID_BYTES];
                    id[0] = i as u8;
                    id
                };
                self.ids.refill((0..REFILL).map(id).collect());
            }
            let mut effects = Vec::new();
            self.shards[at].handle(self.now, input, &mut self.ids, &mut effects);
            for effect in effects {
                match effect {
                    MatchEffect::Push(to, frame, delivery) => {
                        assert_eq!(to.shard, shard(at), "sockets of others are told by others");
                        let (name, value) = read(&frame);
                        assert_eq!(delivery.is_volatile(), name == "progress", "{name}");
                        self.told.push((to.socket.parts().0, name, value));
                    }
                    MatchEffect::Recorded(record) => self.recorded.push(*record),
                    MatchEffect::Reserve(to, reservation) => self.wanted.push((to, *reservation)),
                    MatchEffect::Tell(to, message) => {
                        let told = MatchInput::Told(shard(at), message);
                        queue.push_back((usize::from(to.shard), told));
                    }
                }
            }
        }
    }

    /// Somebody comes by this socket, with an account or (empty) without.
    fn arrive(&mut self, number: u32, player: &str) {
        let player = (!player.is_empty()).then(|| player.into());
        let who = Who { player, address: Origin(u64::from(number) + 1) };
        self.hand(number as usize % 2, MatchInput::Arrived(socket(number), who));
    }

    fn go(&mut self, number: u32) {
        self.hand(number as usize % 2, MatchInput::Gone(socket(number)));
    }

    /// What the answer to a request was.
    fn ask(&mut self, number: u32, event: &str, argument: &Value) -> Value {
        let array = json!([event, argument]).to_string();
        let request = Request::read(&Args::of_event(&array, &[]));
        self.hand(number as usize % 2, MatchInput::Asked(socket(number), request, Some(5)));
        let is_answer = |told: &(u32, String, Value)| told.0 == number && told.1 == "ack";
        let at = self.told.iter().position(is_answer).expect("each request is answered");
        self.told.remove(at).2
    }

    fn code(&mut self, number: u32, event: &str, argument: &Value) -> String {
        let answer = self.ask(number, event, argument);
        answer["code"].as_str().unwrap_or("ok").to_owned()
    }

    /// Waits for a game of blitz.
    fn wait(&mut self, number: u32) -> Value {
        let answer = self.ask(number, "create", &json!({"queue": "blitz"}));
        assert_eq!((&answer["ok"], &answer["state"]), (&true.into(), &"queued".into()), "{answer}");
        answer
    }

    /// Two without accounts come by sockets 0 and 1 and are paired.
    fn pair(&mut self) {
        for number in [0, 1] {
            self.arrive(number, "");
            self.wait(number);
        }
        self.pass(seconds(1));
    }

    /// Time passes; whatever is due happens when it is due.
    fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        for _ in 0..100_000 {
            let next = self.shards.iter().filter_map(Matchmaker::deadline).min();
            let Some(next) = next.filter(|next| *next <= until) else {
                self.now = until;
                return;
            };
            self.now = self.now.max(next);
            self.hand(0, MatchInput::Timeout);
            self.hand(1, MatchInput::Timeout);
        }
        panic!("something is due again and again");
    }

    fn take(&mut self, number: u32, event: &str) -> Vec<Value> {
        let is_own = |told: &mut (u32, String, Value)| told.0 == number && told.1 == event;
        self.told.extract_if(.., is_own).map(|(.., value)| value).collect()
    }

    /// What a socket was told of its ticket since it was last asked: state and reason.
    fn states(&mut self, number: u32) -> Vec<String> {
        let state = |told: Value| {
            let reason = told["reason"].as_str().map(|reason| format!(" {reason}"));
            format!("{}{}", told["state"].as_str().unwrap(), reason.unwrap_or_default())
        };
        self.take(number, "ticket").into_iter().map(state).collect()
    }

    /// The last of it.
    fn last(&mut self, number: u32) -> Value {
        self.take(number, "ticket").pop().expect("it was told something")
    }

    /// The lobby that was wanted first is made. Under which number.
    fn open(&mut self) -> u64 {
        let (_, reservation) = self.wanted.remove(0);
        let token = |seat: u8| ResumeToken::from_bytes([seat; ID_BYTES]);
        let number = reservation.number;
        let opened = Assigned::Opened {
            number,
            lobby: LobbyId::from_bytes([9; ID_BYTES]),
            code: "ABCDEF".into(),
            tokens: reservation.seats.iter().map(|reserved| token(reserved.seat)).collect(),
        };
        self.hand(0, MatchInput::Assigned(opened));
        number
    }

    /// What lobby is wanted, once more; its match is on, and of no interest.
    fn lobby(&mut self) -> Reservation {
        let (_, reservation) = self.wanted.first().cloned().expect("a lobby is wanted");
        let number = self.open();
        self.hand(0, MatchInput::Assigned(Assigned::Seated { number }));
        reservation
    }

    fn ended(&self) -> Vec<(api::Reason, u64)> {
        let figures = self.shards[0].figures();
        figures[0].1.ended.iter().map(|(reason, n)| (*reason, *n)).collect()
    }
}

/// Teams of two.
fn twos() -> Script {
    Script::of(|settings| {
        let teams = Some(Teams { count: 2, size: 2 });
        let change = |queue: &mut Declared| (queue.teams, queue.accept_ms) = (teams, 10_000);
        settings.queues = vec![blitz(change)];
    })
}

/// Sockets 0 and 1 are a party that 0 leads, and both are ready.
fn party(script: &mut Script) {
    script.arrive(0, "ada");
    script.arrive(1, "bob");
    let own = script.ask(0, "party:create", &json!({"name": "Ada"}));
    let join = json!({"code": own["party"]["code"], "name": "Bob"});
    assert_eq!(script.ask(1, "party:join", &join)["party"]["members"][1]["name"], "Bob");
    script.ask(1, "party:ready", &json!({"ready": true}));
}

/// Of an event its name and argument; of an answer `ack` and its argument.
fn read(frame: &Frame) -> (String, Value) {
    let text = String::from_utf8_lossy(frame.packets().next().unwrap().1).into_owned();
    let array: Vec<Value> = serde_json::from_str(&text[text.find('[').unwrap()..]).unwrap();
    match &array[..] {
        [answer] if text.starts_with("43") => ("ack".to_owned(), answer.clone()),
        [name, value] => (name.as_str().unwrap().to_owned(), value.clone()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn two_who_wait_are_asked_accept_get_a_lobby_and_play() {
    let mut script = Script::asking();
    script.pair();
    for number in [0, 1] {
        let told = script.last(number);
        assert_eq!((&told["state"], &told["proposal"]["players"]), (&"proposed".into(), &2.into()));
        assert_eq!(told["proposal"]["left_ms"], 10_000);
    }
    let answer = script.ask(0, "accept", &json!({}));
    assert_eq!(
        (&answer["state"], &answer["proposal"]["accepted"]),
        (&"accepted".into(), &1.into())
    );
    assert_eq!(script.last(1)["proposal"]["accepted"], 1, "the other hears of it");
    assert_eq!(script.ask(0, "accept", &json!({}))["state"], "accepted", "once more is no more");
    assert!(script.wanted.is_empty());
    script.ask(1, "accept", &json!({}));
    let reservation = &script.wanted[0].1;
    assert_eq!(
        (&*reservation.game, reservation.hold, reservation.n_bots),
        ("chess", seconds(15), 0)
    );
    let number = script.open();
    let [white, black] = [script.last(0), script.last(1)].map(|told| told["assignment"].clone());
    let both = (white["seat"].as_u64().unwrap(), black["seat"].as_u64().unwrap());
    assert!(both == (0, 1) || both == (1, 0), "{both:?}");
    assert_eq!((&white["code"], &white["left_ms"]), (&"ABCDEF".into(), &15_000.into()));
    assert_ne!(white["token"], black["token"]);
    script.hand(0, MatchInput::Assigned(Assigned::Seated { number }));
    assert_eq!(script.states(0), ["ended matched"]);
    assert_eq!(script.ended(), [(api::Reason::Matched, 2)]);
    let played = Assigned::Played {
        number,
        winners: vec![0],
        reason: "checkmate".into(),
        left: Vec::new(),
        counts: true,
    };
    script.hand(0, MatchInput::Assigned(played));
    script.go(0);
    script.go(1);
    script.pass(seconds(60));
    assert!(script.shards.iter().all(Matchmaker::is_empty), "nothing is left");
}

#[test]
fn where_nobody_is_asked_a_lobby_is_made_at_once() {
    let mut script = Script::at_once();
    script.pair();
    assert_eq!(script.states(0), ["accepted"]);
    script.open();
    assert_eq!(script.states(0), ["assigned"]);
    assert_eq!(script.code(0, "cancel", &json!({})), "E_STATE");
    assert_eq!(script.code(0, "decline", &json!({})), "E_STATE");
    let again = script.ask(0, "create", &json!({"queue": "blitz"}));
    assert_eq!(again["code"], "E_STATE", "a seat is kept");
}

/// One queue, in which players choose how long they have.
fn choosing() -> Script {
    let pace = json!({"kind": "overlap", "attribute": "pace",
        "config": {"3+2": {"clock": 180}, "5+0": {"clock": 300}, "10+0": {"clock": 600}}});
    Script::of(|settings| {
        settings.queues = vec![blitz(|queue| {
            queue.config = json!({"clock": 60, "mode": "free"}).as_object().unwrap().clone();
            queue.rules = vec![serde_json::from_value(pace).unwrap()];
        })];
    })
}

#[test]
fn a_match_is_configured_as_all_of_it_have_chosen() {
    let mut script = choosing();
    let seek = |script: &mut Script, number: u32, paces: &Value| {
        script.arrive(number, "");
        let argument = json!({"queue": "blitz", "attributes": {"pace": paces}});
        script.ask(number, "create", &argument)
    };
    let mut chosen = std::collections::BTreeSet::new();
    for number in (0..40).step_by(2) {
        seek(&mut script, number, &json!(["3+2", "5+0", "10+0"]));
        seek(&mut script, number + 1, &json!(["10+0", "3+2"]));
        script.pass(seconds(1));
        chosen.insert(script.lobby().config.unwrap().get().to_owned());
    }
    let either = [r#"{"clock":180,"mode":"free"}"#, r#"{"clock":600,"mode":"free"}"#];
    assert!(chosen.iter().eq(either), "by lot, of what both share: {chosen:?}");
    seek(&mut script, 50, &json!("5+0"));
    seek(&mut script, 51, &json!("3+2"));
    script.pass(seconds(5));
    assert!(script.wanted.is_empty(), "they share nothing");
    let refused = seek(&mut script, 52, &json!(["5+0", "1+0"]));
    assert_eq!(refused["code"], "E_QUERY");
    assert_eq!(refused["message"], "`pace` says no other than `10+0`, `3+2`, `5+0`");
    let told = script.ask(52, "queues", &json!({}));
    let asks = json!([{"name": "pace", "kind": "texts", "required": true,
                       "choices": ["10+0", "3+2", "5+0"]}]);
    assert_eq!(told["queues"][0]["asks"], asks);
}

#[test]
fn a_side_is_had_by_who_wishes_it_alone_but_where_results_count() {
    for is_rated in [false, true] {
        let mut script = Script::of(|settings| {
            settings.queues = vec![blitz(|queue| queue.rated = is_rated)];
        });
        let mut seats = std::collections::BTreeSet::new();
        for number in (0..40).step_by(2) {
            for (number, argument) in [
                (number, json!({"queue": "blitz", "side": 0})),
                (number + 1, json!({"queue": "blitz"})),
            ] {
                script.arrive(number, &format!("player {number}"));
                script.ask(number, "create", &argument);
            }
            script.pass(seconds(1));
            let reservation = script.lobby();
            let name = format!("player {number}");
            let own = |seat: &&crate::assignment::Reserved| seat.player.as_deref() == Some(&*name);
            seats.insert(reservation.seats.iter().find(own).unwrap().seat);
        }
        let expected: &[u8] = if is_rated { &[0, 1] } else { &[0] };
        assert!(seats.iter().eq(expected), "rated {is_rated}: {seats:?}");
    }
}

#[test]
fn a_seat_is_kept_for_as_long_as_is_told() {
    let mut script = Script::at_once();
    script.pair();
    script.open();
    for (ms, left_ms) in [(0, 15_000), (12_000, 3_000), (3_000, 0), (1_000, 0)] {
        script.pass(Duration::from_millis(ms));
        let told = script.ask(0, "ticket", &json!({}));
        assert_eq!(told["assignment"]["left_ms"], left_ms);
    }
}

#[test]
fn nobody_is_far_from_a_bot() {
    let mut script = Script::of(|settings| {
        settings.queues = vec![blitz(|queue| queue.bots_after_ms = 2_000)];
    });
    for number in 0..6 {
        script.arrive(number, "");
        script.wait(number);
        script.pass(seconds(3));
        assert_eq!(script.lobby().n_bots, 1);
    }
    let figures = &script.shards[0].figures()[0].1;
    assert_eq!((figures.n_matches, figures.gaps), (6, None));
    assert!(figures.waits_ms.is_some(), "they have waited all the same");
}

#[test]
fn who_says_no_is_out_and_the_other_waits_as_long_as_before() {
    let mut script = Script::asking();
    script.pair();
    script.states(1);
    let answer = script.ask(0, "decline", &json!({}));
    assert_eq!((&answer["state"], &answer["reason"]), (&"ended".into(), &"declined".into()));
    assert_eq!(script.ask(0, "decline", &json!({}))["reason"], "declined", "once more is no more");
    assert_eq!(script.code(0, "create", &json!({"queue": "blitz"})), "E_COOLDOWN");
    let told = script.last(1);
    assert_eq!((&told["state"], &told["reason"]), (&"queued".into(), &"other_declined".into()));
    assert_eq!((&told["waited_ms"], &told["position"]), (&1000.into(), &1.into()));
    // The next to come is paired with the one who has waited.
    script.arrive(2, "");
    script.wait(2);
    script.pass(seconds(1));
    assert_eq!(script.states(1), ["proposed"]);
    assert_eq!(script.ended(), [(api::Reason::Declined, 1)]);
}

#[test]
fn who_says_no_again_and_again_waits_longer_each_time() {
    let mut script = Script::asking();
    for (number, player) in [(0, "ada"), (1, "bob")] {
        script.arrive(number, player);
        script.wait(number);
    }
    for cool_down in [10, 20, 40] {
        script.pass(seconds(1));
        script.ask(0, "decline", &json!({}));
        script.pass(seconds(cool_down) - Duration::from_millis(1));
        assert_eq!(script.code(0, "create", &json!({"queue": "blitz"})), "E_COOLDOWN");
        script.pass(Duration::from_millis(1));
        script.wait(0);
    }
}

#[test]
fn nobody_gets_out_of_a_match_by_another_ticket() {
    let mut script = Script::asking();
    script.pair();
    assert_eq!(script.code(0, "create", &json!({"queue": "blitz"})), "E_STATE");
    assert_eq!(
        (script.states(0), script.states(1)),
        (vec!["proposed".into()], vec!["proposed".into()])
    );
    // A leader does not let a member fail in the match that is the member's own.
    let mut script = twos();
    party(&mut script);
    for number in [2, 3, 4] {
        script.arrive(number, "");
        script.wait(number);
    }
    script.wait(1);
    script.pass(seconds(1));
    assert_eq!(script.states(1), ["proposed"]);
    assert_eq!(script.code(0, "create", &json!({"queue": "blitz", "party": true})), "E_STATE");
    assert!(script.states(1).is_empty());
}

#[test]
fn who_is_somebody_else_each_time_still_comes_from_somewhere() {
    let mut script = Script::of(|settings| {
        let change = |queue: &mut Declared| {
            (queue.accept_ms, queue.give_up_ms) = (10_000, 86_400_000);
        };
        settings.queues = vec![blitz(change)];
    });
    script.arrive(1, "bob");
    script.wait(1);
    let mut n_dodged = 0;
    loop {
        script.arrive(0, "");
        let created = script.ask(0, "create", &json!({"queue": "blitz"}));
        if created["ok"] != true {
            assert_eq!(created["code"], "E_COOLDOWN");
            break;
        }
        script.pass(Duration::from_millis(500));
        script.ask(0, "decline", &json!({}));
        script.go(0);
        n_dodged += 1;
    }
    assert_eq!(n_dodged, 32 + 3, "and one each five seconds");
    script.arrive(2, "");
    script.wait(2);
    script.pass(seconds(5));
    assert_eq!(script.code(0, "create", &json!({"queue": "blitz"})), "ok");
}

#[test]
fn as_many_tickets_of_an_address_as_may_be_and_not_one_more() {
    let mut script = Script::of(|settings| {
        settings.tickets_per_address = 2;
        settings.queues = vec![blitz(|queue| queue.wave.after_ms = 60_000)];
    });
    let mut come = |number: u32, address| {
        let who = Who { player: None, address: Origin(address) };
        script.hand(number as usize % 2, MatchInput::Arrived(socket(number), who));
        script.code(number, "create", &json!({"queue": "blitz"}))
    };
    assert_eq!([come(0, 7), come(1, 7), come(2, 7), come(3, 8)], ["ok", "ok", "E_LIMIT", "ok"]);
    // One that takes the place of another is none more; one that has ended is none.
    script.wait(1);
    script.ask(0, "cancel", &json!({}));
    script.wait(2);
    assert_eq!(script.code(0, "create", &json!({"queue": "blitz"})), "E_LIMIT");
}

#[test]
fn of_tickets_that_have_ended_the_last_can_be_asked_about() {
    let mut script = Script::asking();
    let mut tickets = Vec::new();
    for _ in 0..3 {
        script.arrive(0, "ada");
        tickets.extend((0..8).map(|_| script.wait(0)["ticket"].clone()));
        script.go(0);
    }
    script.arrive(1, "ada");
    let mut code = |ticket: &Value| script.code(1, "ticket", &json!({"ticket": ticket}));
    let codes: Vec<String> = tickets.iter().map(&mut code).collect();
    assert_eq!(codes.iter().filter(|code| *code == "ok").count(), 16 + 1, "and the one that waits");
    assert!(codes[..7].iter().all(|code| code == "E_NOT_FOUND"), "{codes:?}");
}

#[test]
fn a_flood_of_tickets_is_not_renewed_by_coming_again() {
    let mut script = Script::asking();
    let mut codes = Vec::new();
    for _ in 0..60 {
        script.arrive(0, "ada");
        let create = json!({"queue": "blitz"});
        codes.extend((0..10).map(|_| script.code(0, "create", &create)));
        script.go(0);
        script.told.clear();
    }
    assert_eq!(codes.iter().filter(|code| *code == "ok").count(), 500);
    assert!(codes[500..].iter().all(|code| code == "E_RATE"));
    script.arrive(2, "");
    script.wait(2);
}

#[test]
fn who_says_nothing_is_out_and_who_has_accepted_waits_again() {
    let mut script = Script::asking();
    script.pair();
    script.ask(0, "accept", &json!({}));
    script.states(0);
    script.states(1);
    script.pass(seconds(10));
    assert_eq!(script.states(0), ["queued other_unanswered"]);
    assert_eq!(script.states(1), ["ended unanswered"]);
    assert_eq!(script.code(1, "accept", &json!({})), "E_STATE");
}

#[test]
fn who_does_not_come_to_the_lobby_is_out_and_the_other_waits_again() {
    let mut script = Script::at_once();
    script.pair();
    let number = script.open();
    let seat = script.last(0)["assignment"]["seat"].as_u64().unwrap() as u8;
    let absent = Assigned::Absent { number, seats: vec![seat] };
    script.states(1);
    script.hand(0, MatchInput::Assigned(absent));
    assert_eq!(script.states(0), ["ended no_show"]);
    assert_eq!(script.states(1), ["queued other_no_show"]);
}

#[test]
fn a_lobby_that_is_refused_ends_all_and_a_silent_shard_lets_them_wait_again() {
    let mut script = Script::at_once();
    script.pair();
    let (_, reservation) = script.wanted.remove(0);
    script.states(0);
    let refusal = Refusal::new("E_LIMIT", "full");
    let refused = Assigned::Refused { number: reservation.number, refusal };
    script.hand(0, MatchInput::Assigned(refused));
    assert_eq!(script.states(0), ["ended refused"]);
    // It was nobody's fault.
    for number in [0, 1] {
        script.wait(number);
    }
    script.pass(seconds(1));
    script.states(0);
    script.wanted.clear();
    script.pass(seconds(5));
    assert_eq!(script.states(0)[0], "queued unavailable");
}

#[test]
fn a_word_that_comes_too_late_changes_nothing() {
    let mut script = Script::at_once();
    script.pair();
    let (_, reservation) = script.wanted.remove(0);
    script.pass(seconds(6));
    script.states(0);
    let number = reservation.number;
    let late = [
        Assigned::Opened {
            number,
            lobby: LobbyId::from_bytes([9; ID_BYTES]),
            code: "A".into(),
            tokens: vec![ResumeToken::from_bytes([1; ID_BYTES]); 2],
        },
        Assigned::Seated { number },
        Assigned::Absent { number, seats: vec![0] },
    ];
    for late in late {
        script.hand(0, MatchInput::Assigned(late));
        assert!(script.states(0).is_empty());
    }
}

#[test]
fn a_word_out_of_turn_changes_nothing() {
    let mut script = Script::at_once();
    script.pair();
    let number = script.open();
    script.states(0);
    let played = || Assigned::Played {
        number,
        winners: Vec::new(),
        reason: "mate".into(),
        left: Vec::new(),
        counts: false,
    };
    script.hand(0, MatchInput::Assigned(played()));
    script.hand(0, MatchInput::Assigned(Assigned::Seated { number }));
    assert_eq!(script.states(0), ["ended matched"]);
    // By then other tickets may have their places.
    script.pass(seconds(21));
    script.pair();
    script.states(0);
    let refusal = Refusal::new("E_LIMIT", "full");
    script.hand(0, MatchInput::Assigned(Assigned::Refused { number, refusal }));
    script.hand(0, MatchInput::Assigned(Assigned::Absent { number, seats: vec![0, 1] }));
    assert!(script.states(0).is_empty());
    script.open();
    assert_eq!(script.states(0), ["assigned"]);
}

#[test]
fn a_player_has_one_ticket_and_a_new_one_takes_its_place() {
    let mut script = Script::asking();
    script.arrive(0, "ada");
    script.arrive(1, "ada");
    let first = script.wait(0);
    let second = script.wait(1);
    assert_ne!(first["ticket"], second["ticket"]);
    assert_eq!(script.states(0), ["ended replaced"]);
    assert_eq!(script.ended(), [(api::Reason::Replaced, 1)]);
    script.pass(seconds(3));
    assert!(script.wanted.is_empty(), "nobody plays against themselves");
    // By the account it is known from any socket; by a ticket that has ended too.
    assert_eq!(script.ask(0, "ticket", &json!({}))["ticket"], second["ticket"]);
    let old = script.ask(1, "ticket", &json!({"ticket": first["ticket"]}));
    assert_eq!((&old["state"], &old["reason"]), (&"ended".into(), &"replaced".into()));
}

#[test]
fn as_many_tickets_as_one_may_have_wait_beside_each_other() {
    let mut script = Script::of(|settings| settings.tickets_per_player = 2);
    script.arrive(0, "ada");
    for _ in 0..2 {
        script.wait(0);
    }
    assert!(script.states(0).is_empty());
    script.wait(0);
    assert_eq!(script.states(0), ["ended replaced"]);
    script.pass(seconds(3));
    assert!(script.wanted.is_empty(), "nobody plays against themselves");
}

#[test]
fn who_gets_a_seat_by_one_ticket_waits_by_no_other() {
    let of_two = |accept_ms: [u64; 2]| {
        let mut script = Script::of(|settings| {
            settings.tickets_per_player = 2;
            let queue = |(name, accept_ms)| {
                let mut declared = Declared::duel(name, "chess");
                declared.accept_ms = accept_ms;
                Arc::new(Queue::try_from(declared).unwrap())
            };
            settings.queues = ["blitz", "rapid"].into_iter().zip(accept_ms).map(queue).collect();
        });
        for (number, player, queues) in
            [(0, "ada", &["blitz", "rapid"][..]), (1, "bob", &["blitz"]), (2, "cid", &["rapid"])]
        {
            script.arrive(number, player);
            for queue in queues {
                script.ask(number, "create", &json!({ "queue": queue }));
            }
        }
        script.pass(seconds(1));
        script
    };
    let mut script = of_two([0, 0]);
    assert_eq!(script.wanted.len(), 1);
    assert!(script.states(0).contains(&"ended replaced".to_owned()));
    assert!(script.states(2).is_empty());
    // Both may be found by the same wave,
    let mut script = Script::of(|settings| settings.tickets_per_player = 2);
    for (number, player) in [(0, "ada"), (0, "ada"), (1, "bob"), (2, "cid")] {
        script.arrive(number, player);
        script.wait(number);
    }
    script.pass(seconds(1));
    assert_eq!(script.wanted.len(), 1);
    let mut others = [script.states(1), script.states(2)];
    others.sort();
    assert_eq!(others, [["accepted"], ["queued other_declined"]]);
    // or be proposed at once.
    let mut script = of_two([10_000, 10_000]);
    let blitz = script.take(0, "ticket").into_iter().find(|told| told["queue"] == "blitz").unwrap();
    script.ask(0, "accept", &json!({ "ticket": blitz["ticket"] }));
    script.ask(1, "accept", &json!({}));
    assert_eq!(script.states(0), ["ended replaced", "accepted"]);
    assert_eq!(script.states(2), ["proposed", "queued other_declined"]);
    let again = script.code(0, "create", &json!({"queue": "rapid"}));
    assert_eq!(again, "E_STATE", "there is a seat, and nobody to be blamed");
}

#[test]
fn as_many_tickets_as_the_server_may_have_and_not_one_more() {
    let mut script = Script::of(|settings| {
        settings.max_tickets = 2;
        settings.queues = vec![blitz(|queue| queue.wave.after_ms = 60_000)];
    });
    for number in 0..3 {
        script.arrive(number, "");
    }
    script.wait(0);
    script.wait(1);
    assert_eq!(script.code(2, "create", &json!({"queue": "blitz"})), "E_LIMIT");
    script.ask(1, "cancel", &json!({}));
    script.wait(2);
    // One that takes the place of another is none more; who gets none keeps the old one.
    script.wait(2);
    let mut script = Script::of(|settings| {
        settings.max_tickets = 2;
        settings.tickets_per_player = 2;
        settings.queues = vec![blitz(|queue| queue.wave.after_ms = 60_000)];
    });
    script.arrive(0, "ada");
    for _ in 0..3 {
        script.wait(0);
    }
    assert_eq!(script.ended(), [(api::Reason::Replaced, 1)]);
}

#[test]
fn a_request_that_comes_again_with_its_key_finds_its_ticket() {
    let mut script = Script::asking();
    let create = json!({"queue": "blitz", "key": "0123456789abcdef"});
    for (number, player) in [(0, ""), (1, ""), (2, "ada"), (3, "ada"), (4, "bob")] {
        script.arrive(number, player);
    }
    let first = script.ask(0, "create", &create);
    assert_eq!(script.ask(0, "create", &create)["ticket"], first["ticket"]);
    script.go(0);
    assert_eq!(script.ask(1, "create", &create)["ticket"], first["ticket"], "by another socket");
    let ada = script.ask(2, "create", &create);
    assert_ne!(ada["ticket"], first["ticket"], "whose account it is counts");
    assert_eq!(script.ask(3, "create", &create)["ticket"], ada["ticket"]);
    assert_ne!(script.ask(4, "create", &create)["ticket"], ada["ticket"]);
    // Also when it has ended, for a while.
    script.ask(3, "cancel", &json!({}));
    assert_eq!(script.ask(3, "create", &create)["state"], "ended");
    script.pass(seconds(20));
    assert_eq!(script.ask(3, "create", &create)["state"], "queued");
}

#[test]
fn a_leader_who_asks_again_with_a_key_speaks_for_nobody_else() {
    let mut script = twos();
    party(&mut script);
    // The leader is not who has been there longest.
    script.ask(0, "party:promote", &json!({"member": 1}));
    script.ask(0, "party:ready", &json!({"ready": true}));
    let create = json!({"queue": "blitz", "party": true, "key": "0123456789abcdef"});
    let first = script.ask(1, "create", &create);
    script.arrive(3, "bob");
    for number in [1, 3] {
        assert_eq!(script.ask(number, "create", &create)["ticket"], first["ticket"]);
        assert_eq!(script.ask(number, "party", &json!(null))["member"], 1);
    }
}

#[test]
fn a_ticket_survives_a_connection_for_a_while() {
    let mut script = Script::asking();
    script.arrive(0, "");
    let ticket = script.wait(0)["ticket"].clone();
    script.go(0);
    script.pass(seconds(29));
    script.arrive(2, "");
    assert_eq!(script.code(2, "ticket", &json!({})), "E_NOT_FOUND", "it is not known yet");
    let back = script.ask(2, "ticket", &json!({ "ticket": ticket }));
    assert_eq!((&back["state"], &back["waited_ms"]), (&"queued".into(), &29_000.into()));
    script.pass(seconds(40));
    assert_eq!(script.ask(2, "ticket", &json!({}))["state"], "queued");
    script.go(2);
    script.pass(seconds(30));
    assert_eq!(script.ended(), [(api::Reason::Gone, 1)]);
    script.pass(seconds(30));
    assert!(script.shards[0].is_empty());
}

#[test]
fn nothing_is_due_of_who_has_gone_and_whose_tickets_are_forgotten() {
    let mut script = Script::at_once();
    script.arrive(0, "");
    script.wait(0);
    script.ask(0, "cancel", &json!({}));
    script.pass(seconds(10));
    script.go(0);
    script.pass(seconds(9));
    assert!(!script.shards[0].is_empty(), "its ticket can be asked about");
    script.pass(seconds(1));
    assert!(script.shards[0].is_empty());
    assert_eq!(script.shards[0].deadline(), None);
}

#[test]
fn who_goes_on_as_somebody_else_by_one_connection_leaves_the_first_ticket_behind() {
    let mut script = Script::of(|settings| {
        settings.queues = vec![blitz(|queue| queue.wave.after_ms = 60_000)];
    });
    for number in [0, 1] {
        script.arrive(number, "");
    }
    let first = script.wait(0)["ticket"].clone();
    script.wait(1);
    script.ask(1, "ticket", &json!({ "ticket": first }));
    script.pass(seconds(30));
    assert_eq!(script.ended(), [(api::Reason::Gone, 1)], "nobody is reached by the second");
    assert_eq!(script.ask(1, "ticket", &json!({}))["state"], "queued");
}

#[test]
fn nobody_speaks_for_a_ticket_of_an_account_but_the_account() {
    let mut script = Script::asking();
    for (number, player) in [(0, "ada"), (1, "bob"), (2, "")] {
        script.arrive(number, player);
    }
    let ticket = script.wait(0)["ticket"].clone();
    for number in [1, 2] {
        for event in ["ticket", "cancel", "accept", "decline"] {
            assert_eq!(script.code(number, event, &json!({"ticket": ticket})), "E_NOT_FOUND");
        }
    }
}

#[test]
fn a_queue_gives_up_in_time() {
    let mut script = Script::asking();
    script.arrive(0, "");
    script.wait(0);
    script.pass(seconds(119));
    assert!(script.states(0).is_empty());
    script.pass(seconds(1));
    assert_eq!(script.states(0), ["ended expired"]);
}

#[test]
fn a_ticket_that_ends_is_told_for_a_trace_if_that_is_wanted() {
    let mut script = Script::of(|settings| {
        settings.are_recorded = true;
        settings.epoch_ms = 1_000_000;
        let rules = json!([
            {"kind": "equal", "attribute": "mode"},
            {"kind": "region", "within": 80},
        ]);
        settings.queues = vec![blitz(|queue| queue.rules = serde_json::from_value(rules).unwrap())];
    });
    script.now = script.now + seconds(2);
    let create = |mode: &str| {
        let attributes = json!({"mode": mode});
        json!({"queue": "blitz", "attributes": attributes, "latencies": {"eu": 30}})
    };
    for (number, mode) in [(0, "fast"), (2, "fast"), (4, "slow")] {
        script.arrive(number, "");
        assert_eq!(script.code(number, "create", &create(mode)), "ok");
    }
    script.pass(seconds(3));
    assert_eq!(script.code(4, "cancel", &json!({})), "ok");
    let number = script.open();
    assert_eq!(script.recorded.len(), 1);
    script.hand(0, MatchInput::Assigned(Assigned::Seated { number }));
    let [slow, fast, also_fast] = &script.recorded[..] else { panic!("{:?}", script.recorded) };
    assert_eq!((slow.at_ms, slow.leave_ms), (1_002_000, Some(3000)), "it was withdrawn");
    assert_eq!((fast.at_ms, fast.leave_ms), (1_002_000, None), "it was matched");
    let line = serde_json::to_value(fast).unwrap();
    assert_eq!((&line["queue"], &line["attributes"]["mode"]), (&"blitz".into(), &"fast".into()));
    assert_eq!(line["members"][0]["latencies"], json!({"eu": 30}));
    assert_ne!(fast.members[0].player, also_fast.members[0].player);
    let address = fast.members[0].address.as_deref().unwrap();
    assert!(address.len() > 10, "nobody finds out from {address} that it was 1");
    assert!(serde_json::from_value::<crate::matchmaker::TicketRecord>(line).is_ok());
}

#[test]
fn a_turn_takes_a_few_of_all_that_are_due_at_once() {
    let mut script = Script::of(|settings| {
        let rules = json!([{"kind": "equal", "attribute": "own", "optional_after_ms": 600_000}]);
        let rules: Vec<_> = serde_json::from_value(rules).unwrap();
        settings.queues = vec![blitz(|queue| queue.rules = rules.clone())];
    });
    for number in 0..100 {
        script.arrive(number, "");
        let create = json!({"queue": "blitz", "attributes": {"own": number}});
        assert_eq!(script.code(number, "create", &create), "ok");
    }
    script.pass(seconds(119));
    script.told.clear();
    script.now = script.now + seconds(1);
    let mut n_ended = Vec::new();
    while script.shards[0].deadline().is_some_and(|due| due <= script.now) {
        script.hand(0, MatchInput::Timeout);
        let ended = script.told.extract_if(.., |(_, event, _)| event == "ticket");
        n_ended.push(ended.filter(|(.., told)| told["reason"] == "expired").count());
    }
    assert!(n_ended.iter().all(|n| *n <= 32), "{n_ended:?}");
    assert_eq!(n_ended.iter().sum::<usize>(), 100, "{n_ended:?}");
}

#[test]
fn those_who_wait_hear_how_it_goes_on_and_why() {
    let mut script = Script::of(|settings| {
        let rules = json!([{"kind": "equal", "attribute": "mode"}]);
        settings.queues = vec![blitz(|queue| queue.rules = serde_json::from_value(rules).unwrap())];
    });
    let create = |mode: &str| json!({"queue": "blitz", "attributes": {"mode": mode}});
    script.arrive(0, "");
    assert_eq!(
        script.code(0, "create", &json!({"queue": "blitz"})),
        "E_QUERY",
        "a rule asks for it"
    );
    let alone = script.ask(0, "create", &create("a"));
    assert_eq!((&alone["why"]["code"], &alone["position"]), (&"alone".into(), &1.into()));
    script.arrive(1, "");
    let other = script.ask(1, "create", &create("b"));
    assert_eq!((&other["why"]["code"], &other["position"]), (&"equal".into(), &2.into()));
    assert_eq!(other["why"]["message"], "those who wait are otherwise in `mode`");
    script.pass(seconds(11));
    let told = script.take(0, "progress");
    assert_eq!(told.len(), 2, "each five seconds: {told:?}");
    assert_eq!(told[1]["why"]["code"], "equal");
    assert!(told[1]["waited_ms"].as_u64().unwrap() >= 10_000);
    script.ask(1, "cancel", &json!({}));
    script.ask(0, "cancel", &json!({}));
    script.take(0, "progress");
    script.pass(seconds(60));
    assert!(script.take(0, "progress").is_empty());
    assert_eq!(script.shards[0].deadline(), None, "nobody waits: nothing is due");
}

#[test]
fn a_party_that_makes_up_for_several_is_no_obstacle() {
    let mut script = twos();
    party(&mut script);
    for number in [2, 3, 4] {
        script.arrive(number, ["cid", "dot", "eve"][number as usize - 2]);
    }
    let own = script.ask(2, "party:create", &json!({}));
    script.ask(3, "party:join", &json!({"code": own["party"]["code"]}));
    script.ask(3, "party:ready", &json!({"ready": true}));
    script.ask(4, "create", &json!({"queue": "blitz", "avoid": ["ada"]}));
    script.ask(2, "create", &json!({"queue": "blitz", "party": true}));
    let told = script.ask(0, "create", &json!({"queue": "blitz", "party": true}));
    assert_eq!(told["why"]["code"], "wave", "{told}");
    script.ask(2, "cancel", &json!({}));
    assert_eq!(script.ask(0, "ticket", &json!({}))["why"]["code"], "too_few");
}

#[test]
fn what_is_to_be_expected_is_told_from_the_last_half_hour() {
    let mut script = Script::at_once();
    for _ in 0..3 {
        script.pair();
        let number = script.open();
        script.hand(0, MatchInput::Assigned(Assigned::Seated { number }));
    }
    script.arrive(2, "");
    let estimate = |script: &mut Script| {
        let queues = script.ask(2, "queues", &json!({}))["queues"].clone();
        assert_eq!(
            script.ask(2, "create", &json!({"queue": "blitz"}))["estimate"],
            queues[0]["estimate"]
        );
        queues[0]["estimate"].clone()
    };
    assert_eq!(estimate(&mut script), json!({"p50_ms": 500, "p95_ms": 500}));
    script.pass(seconds(1700));
    assert_eq!(estimate(&mut script)["p50_ms"], 500);
    script.pass(seconds(100));
    assert_eq!(estimate(&mut script), json!(null), "it may be night by now");
}

#[test]
fn what_makes_no_sense_is_refused_with_a_code() {
    let mut script = Script::of(|settings| {
        settings.queues.push(Arc::new(
            Queue::try_from(Declared { rated: true, ..Declared::duel("rated", "chess") }).unwrap(),
        ));
    });
    script.arrive(0, "");
    let long = "x".repeat(api::MAX_TEXT_BYTES + 1);
    let many: Vec<String> = (0..=api::MAX_AVOIDED).map(|i| i.to_string()).collect();
    for (event, argument, code) in [
        ("create", json!({"queue": "none"}), "E_NOT_FOUND"),
        ("create", json!({"queue": "blitz", "name": "\u{202e}"}), "E_NAME"),
        ("create", json!({"queue": "rated"}), "E_AUTH"),
        ("create", json!({"queue": "blitz", "attributes": {"a": long}}), "E_QUERY"),
        ("create", json!({"queue": "blitz", "avoid": many}), "E_QUERY"),
        ("create", json!({"queue": "blitz", "what": 1}), "E_BAD_REQUEST"),
        ("create", json!(null), "E_BAD_REQUEST"),
        ("accept", json!({}), "E_NOT_FOUND"),
        ("accept", json!({"ticket": "x"}), "E_BAD_REQUEST"),
        ("ratings", json!({}), "E_AUTH"),
        ("what", json!({}), "E_UNKNOWN_EVENT"),
    ] {
        assert_eq!(script.code(0, event, &argument), code, "{event} {argument}");
    }
    for _ in 0..2 {
        script.wait(0);
    }
    let codes: Vec<String> =
        (0..10).map(|_| script.code(0, "create", &json!({"queue": "blitz"}))).collect();
    assert!(codes.contains(&"E_RATE".to_owned()), "{codes:?}");
}

#[test]
fn what_is_wrong_with_a_request_is_said_in_words_for_who_writes_clients() {
    let mut script = Script::of(|settings| {
        let queue = |(name, rule): (&str, Value)| {
            let rules = serde_json::from_value(json!([rule])).unwrap();
            Arc::new(Declared { rules, ..Declared::duel(name, "chess") }.try_into().unwrap())
        };
        let of = |kind: &str| json!({"kind": kind, "attribute": "it"});
        settings.queues = [
            ("difference", json!({"kind": "difference", "attribute": "it", "within": 1})),
            ("equal", of("equal")),
            ("overlap", of("overlap")),
        ]
        .map(queue)
        .into();
    });
    let create = |queue: &str, it: Value| json!({"queue": queue, "attributes": {"it": it}});
    let asks = |what: &str| format!("a rule of this queue asks for `it`, {what}");
    for (number, (event, argument, words)) in (0..).zip([
        ("create", json!(["equal"]), "argument 0: expected an object".to_owned()),
        ("create", json!("equal"), "argument 0: expected an object".to_owned()),
        ("party:create", json!([]), "argument 0: expected an object".to_owned()),
        ("cancel", json!([null]), "argument 0: expected an object".to_owned()),
        (
            "create",
            create("equal", json!({"of": 1})),
            "argument 0: an attribute is a number, a text, or a list of texts".to_owned(),
        ),
        ("create", create("difference", json!("5")), asks("a number")),
        ("create", json!({"queue": "equal"}), asks("a text or a number")),
        ("create", create("overlap", json!(5)), asks("a text or several")),
    ]) {
        script.arrive(number, "");
        let refused = script.ask(number, event, &argument);
        let said = refused["message"].as_str().unwrap_or("nothing");
        assert!(said.starts_with(&words), "{event} {argument}: {refused}");
    }
}

#[test]
fn results_of_rated_queues_change_ratings_and_others_do_not() {
    for is_rated in [true, false] {
        let mut script =
            Script::of(|settings| settings.queues = vec![blitz(|queue| queue.rated = is_rated)]);
        for (number, player) in [(0, "ada"), (1, "bob")] {
            script.arrive(number, player);
            script.wait(number);
        }
        script.pass(seconds(1));
        let winner = {
            let seats = &script.wanted[0].1.seats;
            seats.iter().find(|seat| seat.player.as_deref() == Some("ada")).unwrap().seat
        };
        let number = script.open();
        script.hand(0, MatchInput::Assigned(Assigned::Seated { number }));
        // A page may be loaded again during its match.
        script.go(0);
        script.pass(seconds(60));
        script.arrive(0, "ada");
        assert_eq!(script.code(0, "ticket", &json!({})), "E_NOT_FOUND");
        let (winners, left) = (vec![winner], Vec::new());
        let reason = "checkmate".into();
        let played = Assigned::Played { number, winners, reason, left, counts: is_rated };
        script.hand(0, MatchInput::Assigned(played));
        let rated = script.take(0, "rated");
        assert_eq!(rated.len(), usize::from(is_rated));
        let ratings = script.ask(1, "ratings", &json!({"player": "ada"}));
        let ratings = ratings["ratings"].as_array().unwrap().clone();
        assert_eq!(ratings.len(), usize::from(is_rated));
        if is_rated {
            assert_eq!((&rated[0]["before"], &rated[0]["rating"]), (&1500.0.into(), &ratings[0]));
            assert!(ratings[0]["rating"].as_f64().unwrap() > 1600.0);
            assert_eq!(
                (&ratings[0]["ladder"], &ratings[0]["games"]),
                (&"chess/blitz".into(), &1.into())
            );
            let of_bob = script.ask(1, "ratings", &json!({}));
            assert!(of_bob["ratings"][0]["rating"].as_f64().unwrap() < 1400.0);
        }
    }
}

#[test]
fn who_leaves_a_match_waits_longer_still_and_who_stays_is_forgiven() {
    let mut script = Script::asking();
    for (number, player) in [(0, "ada"), (1, "bob")] {
        script.arrive(number, player);
        script.wait(number);
    }
    // Both say no once, and meet again.
    for number in [0, 1] {
        script.pass(seconds(1));
        script.ask(number, "decline", &json!({}));
        script.pass(seconds(10));
        script.wait(number);
    }
    script.pass(seconds(1));
    for number in [0, 1] {
        script.ask(number, "accept", &json!({}));
    }
    let seats = script.wanted[0].1.seats.clone();
    let seat = seats.iter().find(|seat| seat.player.as_deref() == Some("ada")).unwrap().seat;
    let number = script.open();
    script.hand(0, MatchInput::Assigned(Assigned::Seated { number }));
    let (winners, left) = (vec![1 - seat], vec![seat]);
    let reason = "abandonment".into();
    let played = Assigned::Played { number, winners, reason, left, counts: true };
    script.hand(0, MatchInput::Assigned(played));
    script.pass(seconds(19));
    assert_eq!(script.code(0, "create", &json!({"queue": "blitz"})), "E_COOLDOWN");
    script.pass(seconds(1));
    for number in [0, 1] {
        script.wait(number);
    }
    script.pass(seconds(1));
    script.ask(1, "decline", &json!({}));
    script.pass(seconds(10));
    assert_eq!(script.code(1, "create", &json!({"queue": "blitz"})), "ok", "as after the first");
}

#[test]
fn queues_tell_what_is_played_and_who_waits() {
    let mut script = Script::at_once();
    script.arrive(0, "");
    script.arrive(1, "");
    script.wait(0);
    let told = script.ask(1, "queues", &json!({}));
    let queue = json!({"name": "blitz", "game": "chess", "config": {}, "teams": 2, "team_size": 1,
        "max_party": 1, "rated": false, "ladder": "chess/blitz", "asks": [],
        "asks_latencies": false, "accept_ms": 0, "bots_after_ms": 0, "give_up_ms": 120_000,
        "waiting": 1});
    assert_eq!(told, json!({"ok": true, "queues": [queue]}));
}

#[test]
fn a_party_shares_a_ticket_and_a_team() {
    let mut script = twos();
    party(&mut script);
    let versions: Vec<u64> =
        script.take(0, "party").iter().map(|told| told["version"].as_u64().unwrap()).collect();
    assert_eq!(versions, [2, 3], "who joined, who is ready");
    let create = json!({"queue": "blitz", "party": true});
    let own = script.ask(0, "create", &create);
    let other = script.last(1);
    assert_eq!((&other["state"], &other["queue"]), (&"queued".into(), &"blitz".into()));
    assert_ne!(own["ticket"], other["ticket"], "each speaks for it by a word of their own");
    for number in [2, 3] {
        script.arrive(number, "");
        script.wait(number);
    }
    script.pass(seconds(1));
    for number in 0..4 {
        assert_eq!(script.last(number)["proposal"]["players"], 4);
        script.ask(number, "accept", &json!({}));
    }
    let names: Vec<(u8, String)> = script.wanted[0]
        .1
        .seats
        .iter()
        .map(|seat| (seat.seat / 2, seat.name.to_string()))
        .collect();
    let team = |name: &str| names.iter().find(|(_, own)| own == name).unwrap().0;
    assert_eq!(team("Ada"), team("Bob"), "{names:?}");
    let number = script.open();
    let [ada, bob] = [0, 1].map(|number| script.last(number)["assignment"].clone());
    assert_eq!(ada["team"], bob["team"]);
    assert_ne!((&ada["seat"], &ada["token"]), (&bob["seat"], &bob["token"]));
    script.take(1, "party");
    script.hand(0, MatchInput::Assigned(Assigned::Seated { number }));
    assert_eq!(script.states(1), ["ended matched"]);
    let told = script.take(1, "party").pop().unwrap();
    assert!(told["members"][1].get("ready").is_none(), "who plays is not ready for the next one");
}

#[test]
fn only_a_leader_whose_party_is_ready_hands_in_its_ticket() {
    let mut script = twos();
    let create = json!({"queue": "blitz", "party": true});
    script.arrive(2, "");
    assert_eq!(script.code(2, "create", &create), "E_PARTY");
    assert_eq!(script.code(2, "party", &json!(null)), "E_PARTY");
    party(&mut script);
    assert_eq!(script.code(1, "create", &create), "E_PARTY");
    script.ask(1, "party:ready", &json!({"ready": false}));
    assert_eq!(script.code(0, "create", &create), "E_NOT_READY");
    script.ask(1, "party:ready", &json!({"ready": true}));
    assert_eq!(script.code(0, "create", &create), "ok");
    // Who waits with a party does not wait alone beside it.
    assert_eq!(script.code(1, "create", &json!({"queue": "blitz"})), "E_PARTY");
    // A party that is too large for a team does not wait, and what waits stays.
    let mut script = Script::at_once();
    party(&mut script);
    script.wait(0);
    assert_eq!(script.code(0, "create", &create), "E_QUERY");
    assert_eq!(script.ask(0, "ticket", &json!({}))["state"], "queued");
}

#[test]
fn a_party_that_changes_waits_no_more() {
    for how in ["leave", "kick", "vanish", "join"] {
        let mut script = twos();
        party(&mut script);
        script.ask(0, "create", &json!({"queue": "blitz", "party": true}));
        script.states(1);
        match how {
            "leave" => drop(script.ask(1, "party:leave", &json!(null))),
            "kick" => drop(script.ask(0, "party:kick", &json!({"member": 1}))),
            "vanish" => {
                script.go(1);
                assert!(script.states(0).is_empty(), "it may come back");
                script.pass(seconds(30));
            }
            _ => {
                let code = script.ask(0, "party", &json!(null))["party"]["code"].clone();
                script.arrive(2, "");
                assert_eq!(script.code(2, "party:join", &json!({ "code": code })), "ok");
            }
        }
        assert_eq!(script.states(0), ["ended party_changed"], "{how}");
        if how == "leave" || how == "kick" {
            assert_eq!(script.states(1), ["ended party_changed"]);
            assert_eq!(script.take(1, "party:left").len(), 1);
            assert_eq!(script.code(1, "party", &json!(null)), "E_PARTY");
        }
        assert_eq!(script.code(0, "create", &json!({"queue": "blitz"})), "ok", "nobody is blamed");
    }
}

#[test]
fn who_leaves_a_party_to_get_out_of_a_match_waits() {
    let mut script = twos();
    party(&mut script);
    script.ask(0, "create", &json!({"queue": "blitz", "party": true}));
    for number in [2, 3] {
        script.arrive(number, "");
        script.wait(number);
    }
    script.pass(seconds(1));
    script.ask(1, "party:leave", &json!(null));
    assert_eq!(script.states(2), ["proposed", "queued other_declined"]);
    assert_eq!(script.code(1, "create", &json!({"queue": "blitz"})), "E_COOLDOWN");
    assert_eq!(script.code(0, "create", &json!({"queue": "blitz"})), "ok");
}

#[test]
fn nothing_is_left_of_a_party_that_everybody_has_left() {
    let mut script = twos();
    party(&mut script);
    for number in [0, 1] {
        script.go(number);
    }
    assert!(!script.shards[0].is_empty(), "they may come back");
    script.pass(seconds(30));
    assert!(script.shards.iter().all(Matchmaker::is_empty));
    let mut script = twos();
    party(&mut script);
    script.go(1);
    script.arrive(3, "bob");
    let back = script.ask(3, "party", &json!(null));
    assert_eq!((&back["member"], &back["party"]["members"][1]["name"]), (&1.into(), &"Bob".into()));
    assert!(back["party"]["members"][1].get("away").is_none());
}
