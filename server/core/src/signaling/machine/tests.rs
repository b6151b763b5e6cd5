//! Peers of one lobby and what they are told, over two shards: the hub is on the first, sockets are
//! on both.

use std::{collections::VecDeque, time::Duration};

use bytes::Bytes;
use parlor_shared::{
    api::signal::{
        self as api, Checkpoint, Close, Description, DescriptionKind, LinkQuality, LinkReport,
        Links, Open, Path, Report, Signal, SwitchReason, Topology, Via,
    },
    id::LobbyId,
};
use serde_json::{Value, json, value::RawValue};

use super::{
    super::{description::tests::sdp, peer},
    *,
};
use crate::{cluster::Owners, key::Key as _};

const LOBBY: (u32, u32) = (3, 1);

/// Two shards, and what each socket was told since it was last asked. Sockets with even numbers are
/// on the first.
struct Script {
    shards: [Signaling; 2],
    owners: Owners,
    now: Time,
    told: Vec<(u32, String)>,
    links: Links,
    host: Option<u8>,
}

fn shard(number: usize) -> ShardId {
    ShardId { node: 0, shard: number as u8 }
}

fn socket(number: u32) -> SocketKey {
    SocketKey::new(number, 0)
}

impl Script {
    fn new() -> Self {
        Self::of(&SignalSettings::default(), Links::default())
    }

    fn star() -> Self {
        Self::of(&SignalSettings::default(), Links { topology: Topology::Star, private: false })
    }

    fn of(settings: &SignalSettings, links: Links) -> Self {
        let owners = Owners::new(9);
        let machine = |own: usize| {
            let all = vec![shard(0), shard(1)];
            Signaling::new(settings.clone(), Neighbours { own: shard(own), all, owners })
        };
        let shards = [machine(0), machine(1)];
        let host = Some(0);
        Self { shards, owners, now: Time::ZERO, told: Vec::new(), links, host }
    }

    fn token(&self, seat: u8) -> PeerToken {
        PeerToken::from_bytes(self.owners.mint([seat; parlor_shared::id::ID_BYTES], shard(0)))
    }

    fn hand(&mut self, at: usize, input: SignalInput) {
        let effects = self.act(at, input);
        self.deliver(effects);
    }

    /// What a shard wants; nothing of it has happened yet.
    fn act(&mut self, at: usize, input: SignalInput) -> VecDeque<(usize, SignalEffect)> {
        let mut effects = Effects::new();
        self.shards[at].handle(self.now, input, &mut effects);
        effects.into_iter().map(|effect| (at, effect)).collect()
    }

    fn deliver(&mut self, mut queue: VecDeque<(usize, SignalEffect)>) {
        while let Some((from, effect)) = queue.pop_front() {
            let (to, message) = match effect {
                SignalEffect::Push(to, frame, delivery) if to.shard == shard(from) => {
                    self.told.push((to.socket.parts().0, written(&frame, delivery)));
                    continue;
                }
                SignalEffect::Push(to, frame, delivery) => {
                    (to.shard, SignalMessage::Push(to.socket, frame, delivery))
                }
                SignalEffect::Tell(to, message) => (to, message),
                SignalEffect::Direct(via, after) => {
                    self.told.push((99, format!("direct {via:?} {}", after.as_secs())));
                    continue;
                }
            };
            let input = SignalInput::Told(shard(from), message);
            queue.extend(self.act(usize::from(to.shard), input));
        }
    }

    fn seating(&mut self, seating: Seating) {
        self.hand(0, SignalInput::Seating(seating));
    }

    fn admit(&mut self, seat: u8) {
        let lobby = LobbyKey::new(LOBBY.0, LOBBY.1);
        let id = LobbyId::from_bytes([7; parlor_shared::id::ID_BYTES]);
        let (token, links, host) = (self.token(seat), Some(self.links), self.host);
        let admission = Admission { lobby, id, seat, token, links, host };
        self.seating(Seating::Admitted(Box::new(admission)));
    }

    fn lead(&mut self, seat: u8) {
        let lobby = LobbyKey::new(LOBBY.0, LOBBY.1);
        self.seating(Seating::Host(lobby, Some(seat)));
    }

    fn arrive(&mut self, number: u32) {
        self.hand(number as usize % 2, SignalInput::Arrived(socket(number)));
    }

    fn go(&mut self, number: u32) {
        self.hand(number as usize % 2, SignalInput::Gone(socket(number)));
    }

    /// What the answer to a request was.
    fn ask(&mut self, number: u32, request: Request) -> Value {
        self.hand(number as usize % 2, SignalInput::Asked(socket(number), Ok(request), Some(5)));
        let prefix = "ack ";
        let is_answer = |told: &(u32, String)| told.0 == number && told.1.starts_with(prefix);
        let at = self.told.iter().position(is_answer).expect("each request is answered");
        let (_, told) = self.told.remove(at);
        serde_json::from_str::<Value>(&told[prefix.len()..]).unwrap()[0].clone()
    }

    fn code(&mut self, number: u32, request: Request) -> String {
        let answer = self.ask(number, request);
        answer["code"].as_str().unwrap_or("ok").to_owned()
    }

    fn join_as(&mut self, number: u32, join: Value) -> Value {
        self.ask(number, Request::Join(Box::new(serde_json::from_value(join).unwrap())))
    }

    /// A player takes a seat and becomes a peer by the socket of the same number.
    fn enter(&mut self, seat: u8) -> Value {
        self.admit(seat);
        self.arrive(seat.into());
        let token = self.token(seat);
        self.join_as(seat.into(), json!({"token": token}))
    }

    fn with_peers(mut self, n: u8) -> Self {
        for seat in 0..n {
            let joined = self.enter(seat);
            assert_eq!((&joined["ok"], &joined["peer"]), (&json!(true), &json!(seat + 1)));
        }
        self.told.clear();
        self
    }

    fn wait(&mut self, ms: u64) {
        let until = self.now + Duration::from_millis(ms);
        while let Some(due) = self.shards[0].deadline().filter(|due| *due <= until) {
            self.now = due;
            self.hand(0, SignalInput::Timeout);
        }
        self.now = until;
    }

    /// What was told since this was last asked, to each in order.
    fn heard(&mut self) -> Vec<String> {
        self.told.sort_by_key(|told| told.0);
        std::mem::take(&mut self.told)
            .into_iter()
            .map(|(to, what)| format!("{to}: {what}"))
            .collect()
    }

    fn send(&mut self, number: u32, link: u32, text: &'static str) -> String {
        let frame = frame(4, text);
        self.code(number, Request::Reliable(link, frame))
    }
}

fn frame(kind: u8, text: &str) -> Bytes {
    [&[kind, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8], text.as_bytes()].concat().into()
}

/// An event or answer without what surrounds it; an attachment's payload behind it.
fn written(frame: &Frame, delivery: Delivery) -> String {
    let mut packets = frame.packets();
    let text = String::from_utf8_lossy(packets.next().unwrap().1).into_owned();
    let kind = if text.starts_with("43") { "ack " } else { "" };
    let json = &text[text.find('[').unwrap()..];
    let bytes: String =
        packets.map(|(_, b)| String::from_utf8_lossy(&b[12..]).into_owned()).collect();
    match delivery {
        Delivery::Fleeting { key, max_age_ms } => format!("{json} {bytes} {key:x} {max_age_ms}"),
        _ if bytes.is_empty() => format!("{kind}{json}"),
        _ => format!("{json} {bytes}"),
    }
}

fn offer(link: u32, fragment: &str) -> Request {
    let description = Description { kind: DescriptionKind::Offer, sdp: sdp(fragment, "aa:bb") };
    let description = Some(description);
    Request::Signal(Box::new(Signal {
        link,
        from: 77,
        generation: 0,
        description,
        candidate: None,
    }))
}

/// There are no more candidates.
fn end(link: u32, generation: u32) -> Request {
    let candidate = Some(None);
    Request::Signal(Box::new(Signal { link, from: 0, generation, description: None, candidate }))
}

fn report(link: u32, path: Path, switched: Option<SwitchReason>) -> Request {
    let via = (path == Path::Direct).then_some(Via::Host);
    let quality = LinkQuality { path, via, rtt_ms: Some(1.5), ..LinkQuality::default() };
    Request::Report(Box::new(Report { links: vec![LinkReport { link, switched, quality }] }))
}

#[test]
fn a_newcomer_is_told_of_all_who_are_there_and_they_of_it() {
    let mut script = Script::new().with_peers(2);
    let joined = script.enter(2);
    assert_eq!(
        joined["links"],
        json!([
            {"link": 2, "peer": 1, "polite": true, "offer": true, "rtc": true},
            {"link": 3, "peer": 2, "polite": true, "offer": true, "rtc": true},
        ])
    );
    assert_eq!(joined["host"], json!({"peer": 1, "term": 1}));
    assert_eq!((&joined["topology"], &joined["private"]), (&json!("mesh"), &json!(false)));
    let shown = r#"["peer",{"peer":3,"seat":2,"here":true,"rtc":true}]"#;
    let link = |n, peer| {
        format!(r#"["link",{{"link":{n},"peer":{peer},"polite":false,"offer":false,"rtc":true}}]"#)
    };
    assert_eq!(
        script.heard(),
        [
            format!("0: {shown}"),
            format!("0: {}", link(2, 3)),
            format!("1: {shown}"),
            format!("1: {}", link(3, 3)),
        ]
    );
    assert_eq!((script.shards[0].n_peers(), script.shards[0].n_links()), (3, (3, 0)));
}

#[test]
fn who_has_no_token_or_a_wrong_one_is_nobody() {
    let mut script = Script::new().with_peers(1);
    script.arrive(4);
    let stranger = json!({"token": script.token(9)});
    assert_eq!(script.join_as(4, stranger)["code"], "E_NOT_FOUND");
    assert_eq!(script.code(4, offer(1, "bb")), "E_NOT_IN_LOBBY");
    // A token of a shard that there is not, or of another world.
    let foreign = PeerToken::from_bytes([1; parlor_shared::id::ID_BYTES]);
    let code = script.join_as(4, json!({"token": foreign}))["code"].clone();
    assert_eq!(code, "E_NOT_FOUND");
    script.enter(1);
    let taken = json!({"token": script.token(0)});
    assert_eq!(script.join_as(1, taken)["code"], "E_IN_LOBBY", "one socket is one peer");
}

#[test]
fn an_offer_passes_with_its_sender_and_to_nobody_else() {
    let mut script = Script::new().with_peers(3);
    assert_eq!(script.code(1, offer(1, "bb")), "ok");
    let heard = script.heard();
    assert_eq!(heard.len(), 1);
    assert!(
        heard[0].starts_with(r#"0: ["signal",{"link":1,"from":2,"generation":0,"#),
        "{heard:?}"
    );
    for link in [2, 9] {
        assert_eq!(script.code(1, offer(link, "bb")), "E_NOT_FOUND", "not its own, or none");
    }
    assert_eq!(script.heard(), [""; 0]);
}

#[test]
fn twenty_thousand_offers_to_nobody_leave_nothing_behind() {
    let mut script = Script::new().with_peers(2);
    let mut codes = BTreeMap::new();
    for link in 0..20_000 {
        *codes.entry(script.code(1, offer(1000 + link, "bb"))).or_insert(0) += 1;
        script.wait(5);
    }
    // A quarter of them is within its rate.
    assert!(codes["E_NOT_FOUND"] > 3000 && codes["E_RATE"] > 3000, "{codes:?}");
    assert_eq!(codes.len(), 2);
    assert_eq!(script.heard(), [""; 0]);
    assert_eq!(script.shards[0].deadline(), None);
}

#[test]
fn frames_go_to_the_other_end_from_the_first_moment_on_and_nowhere_else() {
    let mut script = Script::new().with_peers(3);
    assert_eq!(script.send(1, 1, "hello"), "ok");
    assert_eq!(script.heard(), [r#"0: ["reliable",1,{"_placeholder":true,"num":0}] hello"#]);
    assert_eq!(script.send(1, 2, "x"), "E_NOT_FOUND");
    let volatile = Request::Volatile(1, frame(5, "at"), (1, 8));
    assert_eq!(script.code(0, volatile), "ok");
    let key = 1_u64 << 40 | 1 << 32 | 8;
    let told = format!(r#"1: ["volatile",1,{{"_placeholder":true,"num":0}}] at {key:x} 200"#);
    assert_eq!(script.heard(), [told]);
}

#[test]
fn what_is_sent_to_who_has_left_is_dropped_and_counted() {
    let mut script = Script::new().with_peers(2);
    assert_eq!(script.code(0, Request::Leave), "ok");
    script.told.clear();
    assert_eq!(script.send(1, 1, "x"), "E_NOT_FOUND");
    assert_eq!(script.heard(), [""; 0]);
    assert_eq!(script.shards[0].figures().dropped, [1, 0, 0]);
    assert_eq!(script.code(0, Request::Leave), "E_NOT_IN_LOBBY");
}

#[test]
fn a_lost_connection_keeps_links_and_what_was_signaled_meanwhile() {
    let mut script = Script::new().with_peers(2);
    script.go(0);
    let away = r#"1: ["peer",{"peer":1,"seat":0,"here":false,"rtc":true}]"#;
    assert_eq!(script.heard(), [away]);
    assert_eq!(script.send(1, 1, "x"), "E_UNAVAILABLE", "the sender keeps it");
    assert_eq!(script.code(1, offer(1, "bb")), "ok");
    script.wait(29_000);
    script.arrive(2);
    let resume = json!({"token": script.token(0), "resume": 1});
    let joined = script.join_as(2, resume);
    assert_eq!((&joined["resumed"], &joined["peer"]), (&json!(true), &json!(1)));
    assert_eq!(joined["links"][0]["link"], json!(1));
    let heard = script.heard();
    assert_eq!(heard, [r#"1: ["peer",{"peer":1,"seat":0,"here":true,"rtc":true}]"#]);
    // After ten seconds the offer was forgotten: it would have been answered too late.
    script.go(2);
    script.code(1, offer(1, "bb"));
    script.wait(9_000);
    script.arrive(4);
    script.told.clear();
    script.join_as(4, json!({"token": script.token(0), "resume": 1}));
    let heard = script.heard();
    assert!(heard.iter().any(|told| told.starts_with(r#"4: ["signal""#)), "{heard:?}");
}

#[test]
fn who_is_away_for_too_long_is_gone() {
    let mut script = Script::new().with_peers(2);
    script.go(0);
    script.told.clear();
    script.wait(29_999);
    assert_eq!(script.heard(), [""; 0]);
    script.wait(1);
    let gone = r#"1: ["gone",{"peer":1,"reason":"timeout"}]"#;
    let host = r#"1: ["host",{"term":2}]"#;
    assert_eq!(script.heard(), [gone, host]);
    assert_eq!(script.shards[0].n_links(), (0, 0));
    script.arrive(0);
    let joined = script.join_as(0, json!({"token": script.token(0), "resume": 1}));
    assert_eq!((&joined["resumed"], &joined["peer"]), (&json!(false), &json!(3)));
}

#[test]
fn signals_for_who_is_away_are_kept_up_to_a_limit_and_no_longer() {
    let mut script = Script::new().with_peers(2);
    script.go(0);
    assert_eq!(script.code(1, offer(1, "bb")), "ok");
    for _ in 1..peer::MAX_HELD {
        assert_eq!(script.code(1, end(1, 0)), "ok");
    }
    assert_eq!(script.code(1, end(1, 0)), "E_UNAVAILABLE");
    script.wait(10_000);
    assert_eq!(script.code(1, end(1, 0)), "E_UNAVAILABLE", "it is away for too long");
}

#[test]
fn who_comes_anew_is_another_peer_and_the_socket_of_before_hears_of_it() {
    let mut script = Script::new().with_peers(2);
    script.arrive(2);
    let joined = script.join_as(2, json!({"token": script.token(0)}));
    assert_eq!((&joined["peer"], &joined["resumed"]), (&json!(3), &json!(false)));
    assert_eq!(joined["host"], json!({"peer": 3, "term": 3}));
    let heard = script.heard();
    assert!(heard.contains(&r#"0: ["ended",{"reason":"replaced"}]"#.to_owned()), "{heard:?}");
    assert!(heard.contains(&r#"1: ["gone",{"peer":1,"reason":"replaced"}]"#.to_owned()));
    assert_eq!(script.code(0, Request::Leave), "E_NOT_IN_LOBBY");
    // By the same socket nobody is told that it ended.
    let joined = script.join_as(2, json!({"token": script.token(0)}));
    assert_eq!(joined["peer"], json!(4));
    let heard = script.heard();
    assert!(!heard.iter().any(|told| told.contains("ended")), "{heard:?}");
    assert_eq!(script.send(2, joined["links"][0]["link"].as_u64().unwrap() as u32, "x"), "ok");
}

#[test]
fn who_has_no_seat_any_more_is_no_peer_and_the_last_one_takes_everything_along() {
    let mut script = Script::new().with_peers(2);
    script.seating(Seating::Removed(script.token(0)));
    let ended = r#"0: ["ended",{"reason":"unseated"}]"#.to_owned();
    let heard = script.heard();
    assert!(heard.contains(&ended), "{heard:?}");
    assert_eq!(script.join_as(0, json!({"token": script.token(0)}))["code"], "E_NOT_FOUND");
    script.seating(Seating::Removed(script.token(1)));
    assert_eq!(script.code(1, Request::Leave), "E_NOT_IN_LOBBY");
    script.go(0);
    script.go(1);
    assert!(script.shards.iter().all(Signaling::is_empty));
}

#[test]
fn a_lobby_has_so_many_peers_and_not_one_more() {
    let settings = SignalSettings { max_peers: 2, ..SignalSettings::default() };
    let mut script = Script::of(&settings, Links::default()).with_peers(2);
    assert_eq!(script.enter(2)["code"], "E_FULL");
    assert_eq!(script.code(0, Request::Leave), "ok");
    assert_eq!(script.join_as(2, json!({"token": script.token(2)}))["ok"], json!(true));
}

#[test]
fn in_a_star_all_are_linked_with_the_host_and_with_the_next_one_when_it_goes() {
    let mut script = Script::star();
    let first = script.enter(1);
    assert_eq!((&first["links"], &first["host"]), (&json!([]), &json!({"term": 0})));
    let host = script.enter(0);
    assert_eq!((&host["host"]["peer"], &host["links"][0]["offer"]), (&json!(2), &json!(false)));
    let third = script.enter(2);
    assert_eq!(
        third["links"],
        json!([
            {"link": 2, "peer": 2, "polite": true, "offer": true, "rtc": true},
        ])
    );
    script.told.clear();
    let open = Request::Open(Open { peer: 1 });
    assert_eq!(script.code(2, open), "E_FORBIDDEN");
    let checkpoint = |term, state: &str| {
        let state = RawValue::from_string(state.to_owned()).unwrap();
        Request::Checkpoint(Box::new(Checkpoint { term, state }))
    };
    assert_eq!(script.code(0, checkpoint(1, r#"{"score":7}"#)), "ok");
    assert_eq!(script.code(0, checkpoint(0, "1")), "E_TERM");
    assert_eq!(script.code(1, checkpoint(1, "1")), "E_FORBIDDEN");
    script.lead(2);
    let link = |to, peer, is_host: bool| {
        format!(
            r#"{to}: ["link",{{"link":3,"peer":{peer},"polite":{0},"offer":{0},"rtc":true}}]"#,
            !is_host
        )
    };
    assert_eq!(
        script.heard(),
        [
            r#"0: ["host",{"peer":3,"term":2}]"#.to_owned(),
            r#"0: ["closed",{"link":1,"reason":"host"}]"#.to_owned(),
            r#"1: ["host",{"peer":3,"term":2}]"#.to_owned(),
            r#"1: ["closed",{"link":1,"reason":"host"}]"#.to_owned(),
            link(1, 3, false),
            r#"2: ["host",{"peer":3,"term":2,"checkpoint":{"score":7}}]"#.to_owned(),
            link(2, 1, true),
        ]
    );
    assert_eq!(script.code(0, checkpoint(1, "1")), "E_TERM", "its term is over");
    // It goes: nobody is host until the lobby has another.
    assert_eq!(script.code(2, Request::Leave), "ok");
    assert_eq!(script.shards[0].n_links(), (0, 0));
    script.told.clear();
    script.lead(0);
    let heard = script.heard();
    let host = r#"0: ["host",{"peer":2,"term":4,"checkpoint":{"score":7}}]"#.to_owned();
    assert!(heard.contains(&host), "{heard:?}");
    assert_eq!(script.shards[0].n_links(), (1, 0));
}

#[test]
fn a_checkpoint_has_a_limit() {
    let mut script = Script::new().with_peers(1);
    let of = |n: usize| {
        let state = RawValue::from_string(format!("\"{}\"", "x".repeat(n - 2))).unwrap();
        Request::Checkpoint(Box::new(Checkpoint { term: 1, state }))
    };
    assert_eq!(script.code(0, of(api::MAX_CHECKPOINT_BYTES)), "ok");
    assert_eq!(script.code(0, of(api::MAX_CHECKPOINT_BYTES + 1)), "E_TOO_LARGE");
}

#[test]
fn a_link_that_is_closed_tells_the_other_end_why_and_may_be_opened_again() {
    let mut script = Script::new().with_peers(2);
    let close = |reason: &str| Request::Close(Close { link: 1, reason: reason.to_owned() });
    assert_eq!(script.code(1, close(&"x".repeat(65))), "E_BAD_REQUEST");
    assert_eq!(script.code(1, close("a\nb")), "E_BAD_REQUEST");
    assert_eq!(script.code(1, close("done")), "ok");
    assert_eq!(script.heard(), [r#"0: ["closed",{"link":1,"reason":"done"}]"#]);
    assert_eq!(script.code(1, close("done")), "E_NOT_FOUND");
    assert_eq!(script.send(0, 1, "x"), "E_NOT_FOUND");
    assert_eq!(script.code(0, Request::Open(Open { peer: 2 })), "ok");
    let heard = script.heard();
    assert!(heard.iter().all(|told| told.contains(r#""link":2"#)) && heard.len() == 2, "{heard:?}");
    assert_eq!(script.code(1, Request::Open(Open { peer: 1 })), "ok", "it is there");
    assert_eq!(script.heard(), [""; 0]);
    for nobody in [1, 9] {
        let open = Request::Open(Open { peer: nobody });
        assert_eq!(script.code(0, open), "E_NOT_FOUND", "oneself, or nobody");
    }
}

#[test]
fn how_links_are_is_told_to_all_and_counted() {
    let mut script = Script::new().with_peers(3);
    let switched = Some(SwitchReason::Probed);
    assert_eq!(script.code(0, report(1, Path::Direct, switched)), "ok");
    let quality = concat!(
        r#""path":"direct","via":"host","rtt_ms":1.5,"#,
        r#""bytes_direct":0,"bytes_relay":0,"switches":0"#
    );
    let told = format!(r#"["quality",{{"from":1,"links":[{{"peer":2,{quality}}}]}}]"#);
    assert_eq!(script.heard(), [format!("1: {told}"), format!("2: {told}")]);
    script.wait(2000);
    assert_eq!(script.code(1, report(1, Path::Direct, switched)), "ok");
    assert!(script.heard().contains(&"99: direct Host 2".to_owned()));
    let figures = *script.shards[0].figures();
    assert_eq!((figures.opened, figures.switches[1]), (3, [2, 0, 0, 0, 0]));
    assert_eq!(script.shards[0].n_links(), (3, 1));
    assert_eq!(script.code(0, report(3, Path::Relay, None)), "E_NOT_FOUND", "not its own");
    script.code(0, Request::Leave);
    assert_eq!(script.shards[0].figures().relayed_only, 1, "the other one was direct");
}

#[test]
fn a_report_is_refused_if_its_numbers_cannot_be() {
    let mut script = Script::new().with_peers(2);
    let of = |change: fn(&mut LinkQuality)| {
        let mut quality = LinkQuality::default();
        change(&mut quality);
        let link = LinkReport { link: 1, switched: None, quality };
        Request::Report(Box::new(Report { links: vec![link] }))
    };
    assert_eq!(script.code(0, of(|q| q.rtt_ms = Some(60_000.0))), "ok");
    for bad in [
        (|q: &mut LinkQuality| q.rtt_ms = Some(60_001.0)) as fn(&mut LinkQuality),
        |q| q.rtt_ms = Some(-1.0),
        |q| q.jitter_ms = Some(f32::NAN),
        |q| q.loss = Some(1.01),
    ] {
        assert_eq!(script.code(0, of(bad)), "E_BAD_REQUEST");
    }
    let links = |n: usize| {
        let link = LinkReport { link: 1, switched: None, quality: LinkQuality::default() };
        Request::Report(Box::new(Report { links: vec![link; n] }))
    };
    for n in [0, 2, 3] {
        assert_eq!(script.code(0, links(n)), "E_BAD_REQUEST");
    }
}

#[test]
fn a_link_relays_so_much_and_not_more_and_the_sender_hears_when_to_go_on() {
    let mut script = Script::new().with_peers(2);
    let big = "x".repeat(api::MAX_FRAME_BYTES - 12);
    let big: &'static str = big.leak();
    // Twice as much at once as in a second; 64 bytes are counted for each frame beside its own.
    let n_fit = (2 * (256 << 10)) / (api::MAX_FRAME_BYTES + 64);
    for _ in 0..n_fit {
        assert_eq!(script.send(1, 1, big), "ok");
    }
    script.told.clear();
    assert_eq!(script.send(1, 1, big), "E_RELAY_BUDGET");
    assert_eq!(script.send(1, 1, big), "E_RELAY_BUDGET");
    let heard = script.heard();
    assert_eq!(heard.len(), 1, "not each time: {heard:?}");
    let refused: Value = serde_json::from_str(heard[0].strip_prefix("1: ").unwrap()).unwrap();
    assert_eq!((&refused[0], &refused[1]["link"]), (&json!("refused"), &json!(1)));
    let retry_ms = refused[1]["retry_ms"].as_u64().unwrap();
    assert_eq!(script.send(0, 1, big), "ok", "the other way has a budget of its own");
    script.wait(retry_ms + 1);
    assert_eq!(script.send(1, 1, big), "ok");
    assert_eq!(script.shards[0].figures().dropped, [0, 0, 2]);
}

#[test]
fn a_player_and_a_lobby_relay_so_much_too() {
    let budget = api::Budget { link: 100_000, player: 100_000, lobby: 150_000 };
    let settings = SignalSettings { budget, ..SignalSettings::default() };
    let mut script = Script::of(&settings, Links::default()).with_peers(3);
    let text: &'static str = "x".repeat(10_000 - 76).leak();
    // Links 1 and 2 are the first peer's: 200,000 at once for both.
    let sent = (0..30).filter(|n| script.send(0, 1 + n % 2, text) == "ok").count();
    assert_eq!(sent, 20);
    // What was taken in vain came back: the lobby has 100,000 left.
    let sent = (0..30).filter(|_| script.send(1, 3, text) == "ok").count();
    assert_eq!(sent, 10);
}

#[test]
fn a_seat_whose_player_wants_it_is_private_on_all_its_links() {
    let mut script = Script::new().with_peers(1);
    script.admit(1);
    script.arrive(1);
    script.join_as(1, json!({"token": script.token(1), "private": true}));
    script.told.clear();
    // Neither end's address: who is asked would answer from its own.
    assert_eq!(script.code(0, offer(1, "aa")), "ok");
    let heard = script.heard();
    assert!(heard[0].starts_with("1: ") && !heard[0].contains("192.0.2.7"), "{heard:?}");
}

#[test]
fn who_cannot_do_webrtc_has_links_all_the_same() {
    let mut script = Script::new().with_peers(1);
    script.admit(1);
    script.arrive(1);
    let join = json!({"token": script.token(1), "rtc": false, "key": "k".repeat(256)});
    let joined = script.join_as(1, join);
    assert_eq!(joined["links"][0]["rtc"], json!(false));
    assert_eq!(script.send(0, 1, "x"), "ok");
    let long = json!({"token": script.token(1), "key": "k".repeat(257)});
    assert_eq!(script.join_as(1, long)["code"], "E_BAD_REQUEST");
}

#[test]
fn who_asks_to_join_while_it_hears_that_it_is_replaced_is_a_peer() {
    let mut script = Script::new().with_peers(2);
    script.arrive(2);
    let join = |script: &Script| {
        let join = serde_json::from_value(json!({"token": script.token(1)})).unwrap();
        Ok(Request::Join(Box::new(join)))
    };
    // Socket 2 takes the place of socket 1, on the other shard, which asks for it at that moment.
    let taken = script.act(0, SignalInput::Asked(socket(2), join(&script), None));
    let asked = script.act(1, SignalInput::Asked(socket(1), join(&script), None));
    script.deliver(taken);
    script.deliver(asked);
    assert_eq!(script.code(2, Request::Leave), "E_NOT_IN_LOBBY", "it was replaced in turn");
    script.told.clear();
    script.go(1);
    let heard = script.heard();
    assert!(heard.iter().any(|told| told.contains(r#""here":false"#)), "{heard:?}");
}

#[test]
fn a_signal_that_cannot_be_kept_has_not_been_said() {
    let mut script = Script::new().with_peers(2);
    script.go(0);
    assert_eq!(script.code(1, offer(1, "bb")), "ok");
    for _ in 1..peer::MAX_HELD {
        assert_eq!(script.code(1, end(1, 0)), "ok");
    }
    let Request::Signal(mut restart) = offer(1, "b1") else { unreachable!() };
    restart.generation = 1;
    let restart = Request::Signal(restart);
    assert_eq!(script.code(1, end(1, 1)), "ok", "it waits for its description");
    assert_eq!(script.code(1, restart.clone()), "E_UNAVAILABLE");
    script.arrive(0);
    script.join_as(0, json!({"token": script.token(0), "resume": 1}));
    script.told.clear();
    assert_eq!(script.code(1, end(1, 0)), "ok", "the generation is that of before");
    assert_eq!(script.code(1, restart), "ok");
    let n_ends = script.heard().iter().filter(|told| told.contains("null")).count();
    assert_eq!(n_ends, 2, "what waited for the description is still there");
}

#[test]
fn who_comes_back_hears_no_signal_of_a_link_that_was_closed_meanwhile() {
    let mut script = Script::new().with_peers(3);
    script.go(0);
    assert_eq!(script.code(1, offer(1, "bb")), "ok");
    assert_eq!(script.code(2, offer(2, "cc")), "ok");
    let close = Request::Close(Close { link: 1, reason: String::new() });
    assert_eq!(script.code(1, close), "ok");
    script.arrive(0);
    script.join_as(0, json!({"token": script.token(0), "resume": 1}));
    let heard = script.heard();
    let signals: Vec<_> = heard.iter().filter(|told| told.starts_with("0: [\"signal\"")).collect();
    assert!(signals.len() == 1 && signals[0].contains(r#""link":2"#), "{heard:?}");
}

#[test]
fn a_host_is_told_the_checkpoint_of_before_until_it_keeps_one_of_its_own() {
    let mut script = Script::new().with_peers(2);
    let keep = |term| {
        let state = RawValue::from_string("[7]".to_owned()).unwrap();
        Request::Checkpoint(Box::new(Checkpoint { term, state }))
    };
    assert_eq!(script.code(0, keep(1)), "ok");
    script.go(1);
    script.lead(1);
    script.arrive(1);
    let back = json!({"token": script.token(1), "resume": 2});
    let host = json!({"peer": 2, "term": 2, "checkpoint": [7]});
    assert_eq!(script.join_as(1, back.clone())["host"], host);
    // That answer went the way of the connection, whose loss nobody has noticed yet.
    script.arrive(2);
    assert_eq!(script.join_as(2, back.clone())["host"], host);
    assert_eq!(script.code(2, keep(2)), "ok");
    assert_eq!(script.join_as(2, back)["host"], json!({"peer": 2, "term": 2}));
}

#[test]
fn who_says_something_else_of_itself_comes_anew() {
    let mut script = Script::new().with_peers(2);
    for (at, other) in [("private", json!(true)), ("rtc", json!(false)), ("key", json!("k"))] {
        script.go(0);
        script.arrive(0);
        let peer = script.shards[0].n_peers();
        assert_eq!(peer, 2);
        let joined = script.join_as(0, json!({"token": script.token(0)}));
        let mut join = json!({"token": script.token(0), "resume": joined["peer"]});
        assert_eq!(script.join_as(0, join.clone())["resumed"], json!(true));
        join[at] = other;
        assert_eq!(script.join_as(0, join)["resumed"], json!(false), "{at}");
    }
}

#[test]
fn others_hear_that_a_peer_is_back_of_whose_loss_they_had_not_heard() {
    let mut script = Script::new().with_peers(2);
    script.arrive(2);
    let back = json!({"token": script.token(0), "resume": 1});
    assert_eq!(script.join_as(2, back.clone())["resumed"], json!(true));
    let is_here = r#"1: ["peer",{"peer":1,"seat":0,"here":true,"rtc":true}]"#;
    assert!(script.heard().iter().any(|told| told == is_here));
    script.join_as(2, back);
    assert!(!script.heard().iter().any(|told| told == is_here), "it was not away");
}
