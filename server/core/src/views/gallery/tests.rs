//! Views in isolation: how often each is encoded, what builds on what, and that an owner and its
//! mirrors show everybody the same.

use super::*;

mod shards;

use bytes::Bytes;
use parlor_shared::{
    api::{delta, lobby::State},
    socket_io::{Args, Binary, Frame, Packet, Sender},
};
use serde_json::{Value, json};

use crate::{
    key::{Key as _, LobbyKey, ViewerKey},
    views::KEY_INTERVAL,
};

const HERE: ShardId = ShardId { node: 0, shard: 0 };
const THERE: ShardId = ShardId { node: 0, shard: 1 };

/// Those with odd numbers are written as JSON, the others in MessagePack.
fn view(lobby: u32) -> ViewId {
    let format = if lobby % 2 == 1 { Format::Json } else { Format::Msgpack };
    ViewId { shard: HERE, lobby: LobbyKey::new(lobby, 0), viewer: ViewerKey::Everybody, format }
}

fn address(shard: ShardId, number: u32) -> Address {
    Address { shard, socket: SocketKey::new(number, 0) }
}

fn session(number: u32) -> SessionKey {
    SessionKey::new(number, 7)
}

/// A state that changes a little with each number, as a lobby gives it.
fn state(number: u64) -> Value {
    let circle = |i| json!({"x": if i == 3 { number * 7 } else { i }, "name": "a circle"});
    let circles: Vec<Value> = (0..12).map(circle).collect();
    let view = json!({"circles": circles, "even": number.is_multiple_of(2)});
    json!({"number": 1, "turn": number, "players": [], "view": view})
}

fn watch(who: Address, view: ViewId, deltas: bool) -> ViewInput {
    let session = (who.shard == HERE).then(|| session(who.socket.parts().0));
    ViewInput::Watch { who, session, view, deltas }
}

/// A shown frame as its event's name and argument.
fn read(frame: &Frame) -> (String, Value) {
    let (_, bytes) = frame.packets().next().unwrap();
    let text = std::str::from_utf8(&bytes[1..]).unwrap();
    let packet = Packet::decode(text, Sender::Server).unwrap();
    let attached = frame.packets().skip(1).map(|(is_binary, bytes)| {
        assert!(is_binary);
        Bytes::copy_from_slice(bytes)
    });
    let attached: Vec<Bytes> = attached.collect();
    let args = Args::of_event(packet.data.unwrap(), &attached);
    let payload = match args.get::<Binary>(0) {
        Ok(Binary(bytes)) => rmp_serde::from_slice(&bytes).unwrap(),
        Err(_) => args.get(0).unwrap(),
    };
    (args.name().into_owned(), payload)
}

/// The argument of a shown frame, as it is written.
fn written(frame: &Frame) -> String {
    let (_, bytes) = frame.packets().next().unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A gallery with one view of its own, and where its states come from.
struct Script {
    gallery: Gallery,
    state: Value,
    n_read: usize,
}

impl Script {
    fn new() -> Self {
        Self { gallery: Gallery::new(HERE), state: state(0), n_read: 0 }
    }

    fn tell(&mut self, input: ViewInput) -> Vec<ViewEffect> {
        let mut effects = Vec::new();
        self.gallery.handle(input, &mut effects);
        effects
    }

    fn watch(&mut self, number: u32, deltas: bool) {
        assert_eq!(self.tell(watch(address(HERE, number), view(1), deltas)), []);
    }

    fn become_state(&mut self, number: u64) -> Vec<ViewEffect> {
        self.state = state(number);
        self.tell(ViewInput::Dirty(view(1)))
    }

    fn frame(&mut self, base: Option<u64>) -> Option<Shown> {
        let (state, n_read) = (self.state.to_string(), &mut self.n_read);
        self.gallery.frame(view(1), base, &mut |_| {
            *n_read += 1;
            Some(state.clone())
        })
    }

    fn outgoing(&mut self) -> Vec<ViewMessage> {
        let (state, n_read) = (self.state.to_string(), &mut self.n_read);
        let outgoing = self.gallery.take_outgoing(&mut |_| {
            *n_read += 1;
            Some(state.clone())
        });
        outgoing
            .into_iter()
            .map(|(shard, message)| {
                assert_eq!(shard, THERE);
                message
            })
            .collect()
    }
}

/// A client that takes what it is given and puts it together.
#[derive(Debug, Default)]
struct Viewer {
    /// What its session has begun.
    begun: Option<u64>,
    base: Option<(u64, Value)>,
    seen: Option<(u64, Value)>,
    n_deltas: usize,
}

impl Viewer {
    fn take(&mut self, shown: &Shown) {
        let (event, mut payload) = read(&shown.frame);
        match event.as_str() {
            "state" => {
                let state: State = serde_json::from_value(payload.clone()).unwrap();
                let n = state.n.unwrap();
                payload.as_object_mut().unwrap().retain(|name, _| name != "n" && name != "key");
                assert_eq!(shown.key, state.key.then_some(n));
                if state.key {
                    (self.begun, self.base) = (Some(n), Some((n, payload.clone())));
                }
                self.seen = Some((n, payload));
            }
            "delta" => {
                let delta: parlor_shared::api::lobby::Delta =
                    serde_json::from_value(payload).unwrap();
                let (n, base) = self.base.as_ref().unwrap();
                assert_eq!((*n, shown.key), (delta.base, None));
                self.seen = Some((delta.n, delta::apply(base, &delta.delta).unwrap()));
                self.n_deltas += 1;
            }
            other => panic!("{other}"),
        }
    }

    fn check(&self, n: u64, state: &Value) {
        assert_eq!(self.seen, Some((n, state.clone())));
    }
}

#[test]
fn a_thousand_sessions_cost_one_encoding() {
    let mut script = Script::new();
    (0..1000).for_each(|number| script.watch(number, false));
    let effects = script.become_state(1);
    assert_eq!(effects.len(), 1000);
    assert!(effects.contains(&ViewEffect::Show(session(7), view(1), false)));
    assert_eq!(script.gallery.n_encoded(), (0, 0), "nobody has taken it yet");
    let frames: Vec<Shown> = (0..1000).map(|_| script.frame(None).unwrap()).collect();
    assert_eq!((script.gallery.n_encoded(), script.n_read), ((1, 0), 1));
    let shared = frames[0].frame.wire().as_ptr();
    assert!(frames.iter().all(|shown| shown.frame.wire().as_ptr() == shared));
}

#[test]
fn a_thousand_sessions_cost_one_delta() {
    let mut script = Script::new();
    (0..1000).for_each(|number| script.watch(number, true));
    script.become_state(1);
    let key = script.frame(None).unwrap().key;
    assert_eq!(key, Some(2));
    script.become_state(2);
    for _ in 0..1000 {
        assert_eq!(read(&script.frame(key).unwrap().frame).0, "delta");
    }
    assert_eq!((script.gallery.n_encoded(), script.n_read), ((1, 1), 2));
}

#[test]
fn states_that_nobody_takes_are_not_made() {
    let mut script = Script::new();
    script.watch(1, true);
    (1..500).for_each(|number| drop(script.become_state(number)));
    assert_eq!(script.n_read, 0);
    assert_eq!(read(&script.frame(None).unwrap().frame).1["n"], 500, "but counted");
    assert_eq!(script.n_read, 1);
}

#[test]
fn without_anybody_who_wants_deltas_there_are_no_keys() {
    let mut script = Script::new();
    script.watch(1, false);
    script.become_state(1);
    let shown = script.frame(None).unwrap();
    assert_eq!(shown.key, None);
    let text = script.state.to_string();
    let wire = written(&shown.frame);
    assert!(wire.contains(&text[..text.len() - 1]), "the state's own text");
    assert!(wire.ends_with(",\"n\":2}]"));
}

#[test]
fn a_delta_is_cumulative_and_for_whoever_began_the_last_key() {
    let mut script = Script::new();
    script.watch(1, true);
    let mut viewer = Viewer::default();
    let mut late = Viewer::default();
    for number in 1..20 {
        script.become_state(number);
        viewer.take(&script.frame(viewer.begun).unwrap());
        viewer.check(number + 1, &script.state);
        if number % 5 == 0 {
            late.take(&script.frame(late.begun).unwrap());
            late.check(number + 1, &script.state);
        }
    }
    assert_eq!((viewer.n_deltas, late.n_deltas), (18, 0), "who never began a key gets it whole");
    assert_eq!(read(&script.frame(Some(1)).unwrap().frame).0, "state", "another base");
}

#[test]
fn a_key_is_made_of_the_sixty_fourth_state_after_the_last_and_not_before() {
    let mut script = Script::new();
    script.watch(1, true);
    let mut viewer = Viewer::default();
    let mut keys = Vec::new();
    for number in 1..=2 * KEY_INTERVAL + 1 {
        script.become_state(number);
        let shown = script.frame(viewer.begun).unwrap();
        keys.extend(shown.key);
        viewer.take(&shown);
        viewer.check(number + 1, &script.state);
    }
    assert_eq!(keys, [2, 2 + KEY_INTERVAL, 2 + 2 * KEY_INTERVAL]);
}

#[test]
fn a_state_whose_delta_is_no_shorter_is_a_key() {
    let mut script = Script::new();
    script.watch(1, true);
    script.become_state(1);
    assert_eq!(script.frame(None).unwrap().key, Some(2));
    script.state = json!({"other": "x"});
    script.tell(ViewInput::Dirty(view(1)));
    let shown = script.frame(Some(2)).unwrap();
    assert_eq!((shown.key, read(&shown.frame).0.as_str()), (Some(3), "state"));
}

#[test]
fn a_state_too_deep_to_be_compared_is_shown_whole() {
    let mut script = Script::new();
    script.watch(1, true);
    script.become_state(1);
    script.frame(None).unwrap();
    script.tell(ViewInput::Dirty(view(1)));
    let deep = format!("{{\"view\":{}{}}}", "[".repeat(200), "]".repeat(200));
    let shown = script.gallery.frame(view(1), Some(2), &mut |_| Some(deep.clone())).unwrap();
    assert_eq!(shown.key, None);
    let wire = written(&shown.frame);
    assert!(wire.contains(",\"n\":3}"), "{wire}");
    script.become_state(9);
    assert_eq!(script.frame(Some(2)).unwrap().key, Some(4), "and the next is a key again");
}

#[test]
fn who_comes_to_want_deltas_gets_a_key_at_once() {
    let mut script = Script::new();
    script.watch(1, false);
    script.become_state(1);
    assert_eq!(script.frame(None).unwrap().key, None);
    script.watch(2, true);
    assert_eq!(script.frame(None).unwrap().key, Some(2));
    assert_eq!(script.gallery.n_encoded().0, 2, "the one state that is encoded twice");
}

#[test]
fn a_view_without_a_state_shows_nothing() {
    let mut script = Script::new();
    script.watch(1, true);
    assert!(script.gallery.frame(view(1), None, &mut |_| None).is_none());
    assert!(script.gallery.frame(view(2), None, &mut |_| panic!("nobody looks")).is_none());
    script.become_state(1);
    assert!(script.frame(None).is_some());
}

#[test]
fn who_looks_elsewhere_or_again_is_hidden_from_what_it_saw() {
    let mut script = Script::new();
    script.watch(1, true);
    let hide = ViewEffect::Hide(session(1), view(1));
    assert_eq!(script.tell(watch(address(HERE, 1), view(2), true)), [hide]);
    assert_eq!(script.become_state(1), []);
    assert_eq!(script.gallery.len(), 1);
    let hide = ViewEffect::Hide(session(1), view(2));
    assert_eq!(script.tell(watch(address(HERE, 1), view(2), false)), [hide]);
    assert_eq!(script.tell(ViewInput::Unwatch(address(HERE, 1))), [hide]);
    assert_eq!(script.tell(ViewInput::Unwatch(address(HERE, 1))), []);
    assert!(script.gallery.is_empty());
}

#[test]
fn who_lost_its_base_is_shown_a_whole_state() {
    let mut script = Script::new();
    script.watch(1, true);
    let [rebase, show] =
        [ViewEffect::Rebase(session(1), view(1)), ViewEffect::Show(session(1), view(1), true)];
    assert_eq!(script.tell(ViewInput::Resync(address(HERE, 1))), [rebase, show]);
    assert_eq!(script.tell(ViewInput::Resync(address(HERE, 2))), []);
}

#[test]
fn a_view_that_is_no_more_is_hidden_from_everybody() {
    let mut script = Script::new();
    script.watch(1, true);
    script.tell(watch(address(THERE, 2), view(1), true));
    script.outgoing();
    let hide = ViewEffect::Hide(session(1), view(1));
    assert_eq!(script.tell(ViewInput::Gone(view(1))), [hide]);
    assert_eq!(script.outgoing(), [ViewMessage::Gone { view: view(1) }]);
    assert!(script.gallery.is_empty() && script.gallery.watching.is_empty());
}

#[test]
fn what_is_shown_in_messagepack_is_what_is_shown_as_json() {
    let mut script = Script::new();
    for (number, which) in [(1, 1), (2, 2)] {
        script.tell(watch(address(HERE, number), view(which), true));
    }
    let shown = |script: &mut Script, base| {
        let state = script.state.to_string();
        [1, 2].map(|which| {
            script.gallery.frame(view(which), base, &mut |_| Some(state.clone())).unwrap()
        })
    };
    let [json, packed] = shown(&mut script, None);
    assert_eq!(json.key, packed.key);
    assert_eq!(read(&json.frame), read(&packed.frame));
    assert_eq!(read(&packed.frame).0, "state");
    let lengths = [&json, &packed].map(|shown| shown.frame.wire().len());
    assert!(lengths[1] < lengths[0] * 4 / 5, "{lengths:?}");
    for number in 1..4 {
        script.state = state(number);
        for which in [1, 2] {
            script.tell(ViewInput::Dirty(view(which)));
        }
        let [json, packed] = shown(&mut script, json.key);
        assert_eq!(read(&packed.frame).0, "delta");
        assert_eq!(read(&json.frame), read(&packed.frame));
        let again = shown(&mut script, json.key.or(Some(1)))[1].frame.clone();
        assert_eq!(again.wire().as_ptr(), packed.frame.wire().as_ptr(), "written once for all");
    }
}

#[test]
fn numbers_of_all_kinds_are_the_same_in_messagepack() {
    let numbers = json!({"view": [0, 127, 128, 255, 256, 65_536, u64::MAX, -1, -33, -129, i64::MIN,
        0.5, 1.0, -0.0, 1e300, true, null, "", "é", {"": []}], "x": "y".repeat(70_000)});
    let mut gallery = Gallery::new(HERE);
    let mut effects = Vec::new();
    gallery.handle(watch(address(HERE, 2), view(2), false), &mut effects);
    let shown = gallery.frame(view(2), None, &mut |_| Some(numbers.to_string())).unwrap();
    let mut payload = read(&shown.frame).1;
    assert_eq!(payload.as_object_mut().unwrap().remove("n"), Some(json!(1)));
    assert_eq!(payload, numbers);
    assert_eq!(payload.to_string(), numbers.to_string(), "1.0 is no 1");
}

#[test]
fn what_is_nested_too_deeply_to_be_read_comes_as_json() {
    let mut gallery = Gallery::new(HERE);
    gallery.handle(watch(address(HERE, 2), view(2), false), &mut Vec::new());
    for (depth, is_packed) in [(126, true), (127, false), (5000, false)] {
        gallery.handle(ViewInput::Dirty(view(2)), &mut Vec::new());
        let deep = format!("{{\"view\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
        let shown = gallery.frame(view(2), None, &mut |_| Some(deep.clone())).unwrap();
        assert_eq!(shown.frame.packets().count(), if is_packed { 2 } else { 1 }, "{depth}");
    }
}
