//! Listings that are watched over several shards: each watcher knows, a moment after anything
//! happened, what `list` would tell it.

use proptest::prelude::*;

use super::{
    listing::filter,
    net::{Client, Net},
    *,
};
use crate::{
    key::Origin,
    lobby::{LISTING_INTERVAL, MAX_EXAMINED, MAX_FILTERS_PER_ADDRESS, MAX_WATCHED_FILTERS},
};
use parlor_shared::api::lobby::ListingChange;

/// What watchers believe.
#[derive(Default)]
struct Watchers {
    known: BTreeMap<Client, BTreeMap<String, Value>>,
    filters: BTreeMap<Client, Value>,
    /// When each was told last.
    told_at: BTreeMap<Client, Time>,
}

fn by_id(listing: &Value) -> BTreeMap<String, Value> {
    let lobbies = listing["lobbies"].as_array().unwrap().iter();
    lobbies.map(|listed| (listed["id"].as_str().unwrap().to_owned(), listed.clone())).collect()
}

impl Watchers {
    fn watch(&mut self, net: &mut Net, who: Client, filter: &Value) {
        // What was told of another listing belongs to that.
        self.hear(net);
        let listing = net.ok(who, "watch", filter);
        let told = net.told.get_mut(&who).unwrap();
        let from = told.iter().rposition(|(name, ..)| name == "listing").map_or(0, |at| at + 1);
        told.drain(..from);
        self.known.insert(who, by_id(&listing));
        self.filters.insert(who, filter.clone());
        self.told_at.remove(&who);
    }

    fn unwatch(&mut self, net: &mut Net, who: Client) {
        self.hear(net);
        net.ok(who, "unwatch", &Value::Null);
        net.told.get_mut(&who).unwrap().clear();
        self.gone(who);
    }

    fn gone(&mut self, who: Client) {
        self.known.remove(&who);
        self.filters.remove(&who);
    }

    /// All believe what they are told, which must be possible.
    fn hear(&mut self, net: &mut Net) {
        for (who, told) in &mut net.told {
            for (name, payload, at) in std::mem::take(told) {
                if name != "listing" {
                    continue;
                }
                let known = self.known.get_mut(who).expect("only watchers are told");
                let change: ListingChange = serde_json::from_value(payload).unwrap();
                assert_ne!(change, ListingChange::default(), "nothing is said of nothing");
                for listed in &change.added {
                    let value = serde_json::to_value(listed).unwrap();
                    assert!(known.insert(listed.id.clone(), value).is_none(), "added twice");
                }
                for listed in &change.changed {
                    let value = serde_json::to_value(listed).unwrap();
                    let before = known.insert(listed.id.clone(), value.clone());
                    assert!(before.is_some_and(|before| before != value), "changed in vain");
                }
                for id in &change.removed {
                    assert!(known.remove(id).is_some(), "removed twice");
                }
                let before = self.told_at.insert(*who, at);
                assert!(before.is_none_or(|before| at.since(before) >= LISTING_INTERVAL));
            }
        }
    }

    /// Lets time pass, and after it everybody knows what is so.
    fn wait(&mut self, net: &mut Net, ms: u64) {
        for _ in 0..ms / 50 {
            net.wait(50);
            self.hear(net);
        }
    }

    fn check(&mut self, net: &mut Net) {
        self.wait(net, 1000);
        for (who, filter) in self.filters.clone() {
            let listing = net.ok(who, "list", &filter);
            assert_eq!(self.known[&who], by_id(&listing), "{who:?} {filter}");
        }
    }
}

fn open(net: &mut Net, who: Client, metadata: &Value) {
    let create = json!({"game": "tally", "name": format!("p{}-{}", who.0, who.1),
        "visibility": "public", "metadata": metadata});
    net.ok(who, "create", &create);
}

fn net(n_shards: u8, n_each: u32) -> Net {
    let mut net = Net::new(n_shards, 9);
    let all = (0..n_shards.into()).flat_map(|at| (0..n_each).map(move |n| (at, n)));
    all.for_each(|who| net.arrive(who));
    net
}

#[test]
fn a_watcher_is_told_what_is_new_what_changes_and_what_fits_no_longer() {
    let mut net = net(3, 4);
    let mut watchers = Watchers::default();
    let filter = json!({"metadata": {"rating": {"min": 1500}}, "free": 1});
    open(&mut net, (0, 0), &json!({"rating": 1600}));
    watchers.watch(&mut net, (1, 3), &filter);
    assert_eq!(watchers.known[&(1, 3)].len(), 1);
    let told = |net: &mut Net| {
        net.wait(1000);
        let told = std::mem::take(net.told.get_mut(&(1, 3)).unwrap());
        let lines = told.into_iter().map(|(name, payload, _)| {
            let change: ListingChange = serde_json::from_value(payload).unwrap();
            let hosts = |all: &[Arc<api::Listed>]| -> Vec<String> {
                all.iter().map(|l| format!("{} {}", l.host, l.players)).collect()
            };
            let (added, changed) = (hosts(&change.added), hosts(&change.changed));
            format!("{name} +{added:?} ~{changed:?} -{}", change.removed.len())
        });
        lines.collect::<Vec<_>>()
    };
    open(&mut net, (2, 0), &json!({"rating": 1400}));
    assert_eq!(told(&mut net), [""; 0]);
    let set = |rating: u32| json!({"metadata": {"rating": rating}});
    net.ok((2, 0), "settings", &set(1700));
    assert_eq!(told(&mut net), [r#"listing +["p2-0 1"] ~[] -0"#]);
    let id = {
        let listing = net.ok((1, 0), "list", &filter);
        listing["lobbies"][0]["id"].clone()
    };
    net.ok((1, 0), "join", &json!({"id": id, "name": "x"}));
    assert_eq!(told(&mut net), [r#"listing +[] ~["p2-0 2"] -0"#]);
    // Two more fill it.
    net.ok((1, 1), "join", &json!({"id": id, "name": "y"}));
    net.ok((1, 2), "join", &json!({"id": id, "name": "z"}));
    let lines = told(&mut net);
    assert_eq!(lines.last().unwrap(), r#"listing +[] ~[] -1"#);
    net.ok((1, 2), "leave", &Value::Null);
    assert_eq!(told(&mut net), [r#"listing +["p2-0 3"] ~[] -0"#]);
    for hidden in [json!({"visibility": "unlisted"}), json!({"visibility": "private"})] {
        net.ok((2, 0), "settings", &hidden);
        assert_eq!(told(&mut net), [r#"listing +[] ~[] -1"#], "{hidden}");
        net.ok((2, 0), "settings", &json!({"visibility": "public"}));
        assert_eq!(told(&mut net), [r#"listing +["p2-0 3"] ~[] -0"#]);
    }
    net.ok((0, 0), "leave", &Value::Null);
    assert_eq!(told(&mut net), [r#"listing +[] ~[] -1"#]);
    net.ok((1, 3), "unwatch", &Value::Null);
    net.ok((2, 0), "settings", &set(1));
    assert_eq!(told(&mut net), [""; 0]);
    net.check_nothing_is_left();
}

#[test]
fn a_lobby_that_is_again_as_it_was_is_news_to_who_saw_it_otherwise() {
    let mut net = net(1, 4);
    let mut watchers = Watchers::default();
    open(&mut net, (0, 0), &json!({}));
    watchers.watch(&mut net, (0, 1), &json!({"free": 1}));
    watchers.wait(&mut net, 1000);
    let join = json!({"id": watchers.known[&(0, 1)].keys().next().unwrap(), "name": "x"});
    // Each of them within the time in which nothing is told.
    net.ok((0, 0), "settings", &json!({"metadata": {"a": 1}}));
    net.ok((0, 3), "join", &join);
    watchers.watch(&mut net, (0, 2), &json!({"free": 2}));
    net.ok((0, 3), "leave", &Value::Null);
    watchers.check(&mut net);
    net.check_nothing_is_left();
}

#[test]
fn many_changes_are_told_four_times_a_second() {
    let mut net = net(2, 20);
    let mut watchers = Watchers::default();
    (0..20).for_each(|host| open(&mut net, (0, host), &json!({})));
    watchers.watch(&mut net, (1, 0), &json!({}));
    watchers.wait(&mut net, 1000);
    let mut n_told = 0;
    for n in 0..200 {
        net.ok((0, n % 20), "settings", &json!({"metadata": {"n": n}}));
        net.wait(5);
        n_told += net.told[&(1, 0)].len();
        watchers.hear(&mut net);
    }
    assert!((3..=5).contains(&n_told), "{n_told} times in a second");
    watchers.check(&mut net);
    net.check_nothing_is_left();
}

#[test]
fn a_filter_is_kept_once_however_many_watch_it() {
    let mut net = net(2, 6);
    let mut watchers = Watchers::default();
    for n in 0..6 {
        // However it is written.
        let filter = [json!({"text": "P0", "free": 1}), json!({"free": 1, "text": "p0"})];
        watchers.watch(&mut net, (0, n), &filter[n as usize % 2]);
    }
    watchers.watch(&mut net, (1, 0), &json!({"free": 1, "text": "p0"}));
    let n_kept = |net: &Net| net.shards.iter().map(|s| s.watched.len()).collect::<Vec<_>>();
    assert_eq!(n_kept(&net), [1, 1]);
    open(&mut net, (1, 5), &json!({"is": "p0"}));
    watchers.check(&mut net);
    assert!(watchers.known.values().all(|known| known.len() == 1));
    (0..6).for_each(|n| watchers.unwatch(&mut net, (0, n)));
    assert_eq!(n_kept(&net), [1, 1]);
    net.vanish((1, 0));
    net.still();
    assert_eq!(n_kept(&net), [0, 0]);
    net.check_nothing_is_left();
}

#[test]
fn another_watch_takes_the_place_of_the_first_and_each_is_answered() {
    let mut net = net(3, 2);
    open(&mut net, (1, 1), &json!({"n": 1}));
    let first = net.ask((0, 0), "watch", &json!({"metadata": {"n": 1}}));
    let second = net.ask((0, 0), "watch", &json!({"metadata": {"n": 2}}));
    net.still();
    assert_eq!(net.answers[&first]["code"], "E_RATE");
    assert_eq!(net.answers[&second]["lobbies"], json!([]));
    net.ok((1, 1), "settings", &json!({"metadata": {"n": 2}}));
    net.wait(1000);
    assert_eq!(net.told[&(0, 0)].len(), 1);
    let again = net.ok((0, 0), "watch", &json!({"metadata": {"n": 2}}));
    assert_eq!(again["lobbies"].as_array().unwrap().len(), 1);
    net.check_nothing_is_left();
}

#[test]
fn a_shard_that_does_not_answer_is_waited_for_two_seconds() {
    let mut net = net(3, 2);
    open(&mut net, (1, 1), &json!({}));
    open(&mut net, (2, 1), &json!({}));
    net.stuck = Some(2);
    let asked = net.ask((0, 0), "watch", &json!({}));
    net.wait(1_999);
    assert!(!net.answers.contains_key(&asked));
    net.wait(1);
    assert_eq!(net.answers[&asked]["lobbies"].as_array().unwrap().len(), 1);
    net.stuck = None;
    net.wait(1);
    assert_eq!(net.told[&(0, 0)][0].1["added"].as_array().unwrap().len(), 1);
    net.check_nothing_is_left();
}

#[test]
fn so_many_filters_of_one_address_are_watched_and_not_one_more() {
    let mut net = net(1, 0);
    let n = MAX_FILTERS_PER_ADDRESS as u32;
    let here = |n: u64| Who { address: Origin(n), ..Who::default() };
    for number in 0..=n + 1 {
        net.told.insert((0, number), Vec::new());
        net.tell(0, LobbyInput::Arrived(socket(number), here(u64::from(number == n + 1))));
    }
    let limit = |n: u32| json!({"limit": n + 1});
    (0..n).for_each(|number| drop(net.ok((0, number), "watch", &limit(number))));
    let refused = net.ask((0, n), "watch", &limit(n));
    assert_eq!(net.answers[&refused]["code"], "E_LIMIT");
    net.ok((0, n), "watch", &limit(0));
    net.ok((0, n + 1), "watch", &limit(n));
    // Its last watcher may watch something else in its place.
    net.ok((0, 1), "watch", &limit(n + 1));
    net.vanish((0, 2));
    net.ok((0, n), "watch", &limit(n + 2));
    net.check_nothing_is_left();
}

#[test]
fn so_many_filters_are_watched_in_all_and_not_one_more() {
    let mut net = net(4, 0);
    let n = MAX_WATCHED_FILTERS as u32 / 4;
    let text = |n: u32| json!({"text": format!("t{n}")});
    for number in 0..=n {
        net.told.insert((0, number), Vec::new());
        let who = Who { address: Origin(number.into()), ..Who::default() };
        net.tell(0, LobbyInput::Arrived(socket(number), who));
        let asked = net.ask((0, number), "watch", &text(number));
        net.still();
        assert_eq!(net.answers[&asked]["ok"], number < n, "{number}");
    }
    net.ok((0, n), "watch", &text(3));
    net.ok((0, 4), "unwatch", &Value::Null);
    net.ok((0, n), "watch", &text(n));
    net.check_nothing_is_left();
}

#[test]
fn listings_are_changed_ten_times_at_once_and_then_each_half_second() {
    let mut net = net(1, 1);
    let limit = |n: u32| json!({"limit": n + 1});
    (0..10).for_each(|n| drop(net.ok((0, 0), "watch", &limit(n))));
    let refused = net.ask((0, 0), "watch", &limit(20));
    assert_eq!(net.answers[&refused]["code"], "E_RATE");
    net.wait(500);
    net.ok((0, 0), "watch", &limit(20));
    net.check_nothing_is_left();
}

#[test]
fn filters_that_cost_much_have_their_turn_one_after_the_other() {
    let n = MAX_EXAMINED as u32 - 100;
    let mut net = net(1, n + 20);
    (0..n).for_each(|number| open(&mut net, (0, number), &json!({})));
    let mut watchers = Watchers::default();
    for number in 0..20 {
        let filter = json!({"sort": "players", "limit": number + 1});
        net.vanish((0, n + number));
        net.told.insert((0, n + number), Vec::new());
        let who = Who { address: Origin(number.into()), ..Who::default() };
        net.tell(0, LobbyInput::Arrived(socket(n + number), who));
        watchers.watch(&mut net, (0, n + number), &filter);
    }
    let n_told = |net: &Net| {
        let watching = net.told.iter().filter(|((_, number), _)| *number >= n);
        watching.filter(|(_, told)| !told.is_empty()).count()
    };
    net.wait(1000);
    net.ok((0, n - 1), "settings", &json!({"metadata": {"x": 1}}));
    net.wait(0);
    let at_once = n_told(&net);
    assert!((5..15).contains(&at_once), "{at_once}");
    net.wait(250);
    assert!((15..20).contains(&n_told(&net)), "{}", n_told(&net));
    net.wait(250);
    assert_eq!(n_told(&net), 20);
    watchers.check(&mut net);
}

#[derive(Debug, Clone)]
enum Op {
    Watch(Client, Value),
    Unwatch(Client),
    Open(Client, Value, bool),
    Settings(Client, Value),
    Join(Client, usize),
    Leave(Client),
    Vanish(Client),
    Wait(u64),
}

fn op() -> impl Strategy<Value = Op> {
    let who = || (0..3usize, 0..4u32);
    let metadata = || {
        let name = prop::sample::select(vec!["x", "y"]);
        (name, -2..3i32).prop_map(|(name, n)| json!({ name: n }))
    };
    prop_oneof![
        4 => (who(), filter()).prop_map(|(who, filter)| Op::Watch(who, filter)),
        1 => who().prop_map(Op::Unwatch),
        6 => (who(), metadata(), prop::bool::weighted(0.8))
            .prop_map(|(who, metadata, public)| Op::Open(who, metadata, public)),
        4 => (who(), metadata()).prop_map(|(who, metadata)| Op::Settings(who, metadata)),
        6 => (who(), any::<usize>()).prop_map(|(who, lobby)| Op::Join(who, lobby)),
        3 => who().prop_map(Op::Leave),
        2 => who().prop_map(Op::Vanish),
        6 => (0..600u64).prop_map(Op::Wait),
    ]
}

fn run(net: &mut Net, watchers: &mut Watchers, op: &Op) {
    let ask = |net: &mut Net, who: Client, name: &str, payload: &Value| {
        net.ask(who, name, payload);
        (0..4).for_each(|_| _ = net.step());
    };
    match op {
        Op::Watch(who, filter) => watchers.watch(net, *who, filter),
        Op::Unwatch(who) => watchers.unwatch(net, *who),
        Op::Open(who, metadata, public) => {
            let visibility = if *public { "public" } else { "unlisted" };
            let create = json!({"game": "tally", "name": format!("p{}-{}", who.0, who.1),
                "visibility": visibility, "metadata": metadata});
            ask(net, *who, "create", &create);
        }
        Op::Settings(who, metadata) => {
            ask(net, *who, "settings", &json!({"metadata": metadata}));
        }
        Op::Join(who, lobby) => {
            let ids = net.shards.iter().flat_map(|s| s.lobbies.iter()).map(|(_, l)| l.id);
            let ids: Vec<String> = ids.map(|id| id.to_string()).collect();
            if !ids.is_empty() {
                let join = json!({"id": ids[lobby % ids.len()], "name": "x"});
                ask(net, *who, "join", &join);
            }
        }
        Op::Leave(who) => ask(net, *who, "leave", &Value::Null),
        Op::Vanish(who) => {
            watchers.hear(net);
            net.vanish(*who);
            watchers.gone(*who);
            net.arrive(*who);
        }
        Op::Wait(ms) => net.wait(*ms),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_a_watcher_knows_what_a_listing_would_tell(
        ops in prop::collection::vec(op(), 0..80), seed in any::<u64>(),
    ) {
        let mut net = Net::new(3, seed);
        let all = (0..3).flat_map(|at| (0..4).map(move |n| (at, n)));
        all.for_each(|who| net.arrive(who));
        let mut watchers = Watchers::default();
        for op in &ops {
            run(&mut net, &mut watchers, op);
        }
        watchers.check(&mut net);
        net.check_nothing_is_left();
    }
}
