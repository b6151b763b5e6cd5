//! Who is online, over several shards: everybody who wants to know does, a moment later.

use proptest::prelude::*;

use super::{
    net::{Client, Net},
    *,
};
use crate::{key::Origin, lobby::MAX_FOLLOWED_PER_ADDRESS};

fn of(player: &str) -> Who {
    Who { player: Some(player.into()), address: Origin(1) }
}

fn want(players: &[&str]) -> Value {
    json!({ "players": players })
}

impl Net {
    /// What a client was told of presence since somebody looked.
    pub(super) fn heard(&mut self, who: Client) -> Vec<String> {
        let told = std::mem::take(self.told.get_mut(&who).unwrap());
        let presence = told.into_iter().filter(|(name, ..)| name == "presence");
        presence
            .map(|(_, push, _)| {
                let sign = if push["online"] == true { '+' } else { '-' };
                format!("{sign}{}", push["player"].as_str().unwrap())
            })
            .collect()
    }

    pub(super) fn online(&mut self, who: Client, players: &[&str]) -> Vec<String> {
        let answer = self.ok(who, "presence", &want(players));
        serde_json::from_value(answer["online"].clone()).unwrap()
    }
}

#[test]
fn who_wants_to_know_is_told_who_is_online_and_who_comes_and_goes_on_any_shard() {
    let mut net = Net::new(3, 5);
    (0..3).for_each(|at| net.arrive((at, 0)));
    net.arrive_as((1, 1), of("ada"));
    for at in 0..3 {
        assert_eq!(net.online((at, 0), &["ada", "bob"]), ["ada"]);
    }
    net.arrive_as((2, 2), of("bob"));
    net.arrive_as((0, 2), of("eve"));
    net.still();
    (0..3).for_each(|at| assert_eq!(net.heard((at, 0)), ["+bob"]));
    net.vanish((1, 1));
    net.wait(1_999);
    assert_eq!(net.heard((0, 0)), [""; 0]);
    net.wait(1);
    (0..3).for_each(|at| assert_eq!(net.heard((at, 0)), ["-ada"]));
    assert_eq!(net.online((1, 0), &["eve", "bob", "bob"]), ["bob", "eve"]);
    assert_eq!(net.online((2, 0), &[]), [""; 0]);
    net.vanish((2, 2));
    net.wait(5_000);
    assert_eq!(net.heard((0, 0)), ["-bob"]);
    assert_eq!(net.heard((1, 0)), ["-bob"]);
    assert_eq!(net.heard((2, 0)), [""; 0]);
    net.check_nothing_is_left();
}

#[test]
fn a_player_with_several_devices_is_online_as_long_as_one_of_them_is() {
    let mut net = Net::new(3, 6);
    net.arrive((0, 0));
    for device in [(0, 1), (1, 1), (1, 2)] {
        net.arrive_as(device, of("ada"));
    }
    assert_eq!(net.online((0, 0), &["ada"]), ["ada"]);
    for device in [(1, 2), (0, 1)] {
        net.vanish(device);
        net.wait(5_000);
        assert_eq!(net.heard((0, 0)), [""; 0]);
    }
    net.vanish((1, 1));
    net.wait(2_000);
    assert_eq!(net.heard((0, 0)), ["-ada"]);
    net.check_nothing_is_left();
}

#[test]
fn who_comes_back_within_two_seconds_has_not_been_away() {
    let mut net = Net::new(2, 7);
    net.arrive((0, 0));
    net.arrive_as((1, 1), of("ada"));
    net.online((0, 0), &["ada"]);
    for i in 2..9 {
        net.vanish((1, i - 1));
        net.wait(1_900);
        net.arrive_as((1, i), of("ada"));
        net.wait(50);
    }
    assert_eq!(net.heard((0, 0)), [""; 0]);
    net.check_nothing_is_left();
}

#[test]
fn a_players_presence_changes_once_a_second_at_most() {
    let mut net = Net::new(2, 8);
    net.arrive((0, 0));
    net.arrive_as((1, 1), of("ada"));
    net.online((0, 0), &["ada"]);
    net.vanish((1, 1));
    net.wait(2_000);
    net.arrive_as((1, 2), of("ada"));
    net.wait(999);
    assert_eq!(net.heard((0, 0)), ["-ada"]);
    net.wait(1);
    assert_eq!(net.heard((0, 0)), ["+ada"]);
    net.vanish((1, 2));
    net.wait(2_000);
    // Back and gone again before that may be told: nothing has changed.
    net.arrive_as((1, 3), of("ada"));
    net.vanish((1, 3));
    net.wait(5_000);
    assert_eq!(net.heard((0, 0)), ["-ada"]);
    net.check_nothing_is_left();
}

#[test]
fn who_asks_again_is_told_of_those_alone_and_who_asks_too_fast_is_refused() {
    let mut net = Net::new(3, 9);
    net.arrive_as((0, 0), of("ada"));
    let first = net.ask((0, 0), "presence", &want(&["bob"]));
    let second = net.ask((0, 0), "presence", &want(&["eve"]));
    net.still();
    let answer = |net: &mut Net, id| net.answers.remove(&id).unwrap();
    // If bob's home is on the same shard, it has answered already.
    let first = answer(&mut net, first);
    assert!(first["ok"] == true || first["code"] == "E_RATE", "{first}");
    assert_eq!(answer(&mut net, second)["ok"], true);
    net.arrive_as((1, 0), of("bob"));
    net.arrive_as((2, 0), of("eve"));
    net.still();
    assert_eq!(net.heard((0, 0)), ["+eve"]);
    (0..8).for_each(|_| drop(net.online((0, 0), &["ada"])));
    assert_eq!(net.answer((0, 0), "presence", &want(&[]))["code"], "E_RATE");
    let too_many: Vec<String> = (0..101).map(|i| i.to_string()).collect();
    let refused = net.answer((0, 0), "presence", &json!({ "players": too_many }));
    assert_eq!(refused["code"], "E_BAD_REQUEST");
    net.check_nothing_is_left();
}

#[test]
fn so_many_players_are_followed_from_one_address_and_one_more_is_not() {
    let mut net = Net::new(2, 10);
    let n_full = MAX_FOLLOWED_PER_ADDRESS / 100;
    let last = n_full as u32;
    let players: Vec<String> = (0..100).map(|i| format!("p{i}")).collect();
    let some = |n: usize| json!({ "players": players[..n] });
    (0..=last + 1).for_each(|i| net.arrive((0, i)));
    (0..last).for_each(|i| drop(net.ok((0, i), "presence", &some(100))));
    let rest = MAX_FOLLOWED_PER_ADDRESS % 100;
    net.ok((0, last), "presence", &some(rest));
    assert_eq!(net.answer((0, last), "presence", &some(rest + 1))["code"], "E_LIMIT");
    assert_eq!(net.answer((0, last + 1), "presence", &some(1))["code"], "E_LIMIT");
    net.arrive_as((1, 1), of("p0"));
    net.still();
    assert_eq!(net.heard((0, last)), ["+p0"], "what was wanted before is");
    net.vanish((0, 0));
    net.ok((0, last + 1), "presence", &some(100));
    let elsewhere = Who { player: None, address: Origin(2) };
    net.arrive_as((0, 900), elsewhere);
    net.ok((0, 900), "presence", &some(1));
    net.check_nothing_is_left();
}

#[test]
fn a_home_that_does_not_answer_is_not_waited_for_and_heard_later() {
    let mut net = Net::new(2, 12);
    net.arrive((0, 0));
    net.arrive((0, 9));
    let home = |net: &Net, player: &str| net.shards[0].neighbours.of_word(player.as_bytes()).shard;
    let all: Vec<String> = (0..20).map(|i| format!("p{i}")).collect();
    let [here, there] =
        [0, 1].map(|shard| all.iter().find(|player| home(&net, player) == shard).unwrap().as_str());
    net.arrive_as((0, 1), of(here));
    net.arrive_as((0, 2), of(there));
    net.still();
    net.stuck = Some(1);
    let asked = net.ask((0, 0), "presence", &want(&[here, there]));
    let vain = net.ask((0, 9), "presence", &want(&[there]));
    net.wait(1_999);
    net.vanish((0, 9));
    assert!(!net.answers.contains_key(&asked));
    net.wait(1);
    assert_eq!(net.answers[&asked]["online"], json!([here]));
    net.stuck = None;
    net.still();
    assert_eq!(net.heard((0, 0)), [format!("+{there}")]);
    assert!(!net.answers.contains_key(&vain));
    net.check_nothing_is_left();
}

#[derive(Debug, Clone)]
enum Step {
    Arrive(usize, usize),
    Vanish(usize),
    Want(usize, Vec<usize>),
    Deliver(usize),
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..3_usize, 0..5_usize).prop_map(|(at, player)| Step::Arrive(at, player)),
        (0..100_usize).prop_map(Step::Vanish),
        (0..100_usize, prop::collection::vec(0..4_usize, 0..4))
            .prop_map(|(who, players)| Step::Want(who, players)),
        (0..20_usize).prop_map(Step::Deliver),
        (0..3_000_u64).prop_map(Step::Wait),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn whatever_happens_everybody_believes_what_is_true_at_the_end(
        steps in prop::collection::vec(step(), 0..60),
        seed in any::<u64>(),
    ) {
        let (mut net, mut n) = (Net::new(3, seed), 0);
        // The fifth has no account.
        let names = ["ada", "bob", "cat", "dan"];
        let mut clients: Vec<(Client, usize)> = Vec::new();
        let mut asked: BTreeMap<u64, (Client, Vec<usize>)> = BTreeMap::new();
        let mut believed: BTreeMap<Client, BTreeMap<&str, bool>> = BTreeMap::new();
        // Answers and pushes reach a client in order; here the answer that is the last one counts.
        let hear = |net: &mut Net,
                        asked: &mut BTreeMap<u64, (Client, Vec<usize>)>,
                        believed: &mut BTreeMap<Client, BTreeMap<&'static str, bool>>| {
            let answered: Vec<u64> =
                asked.keys().copied().filter(|id| net.answers.contains_key(id)).collect();
            for id in answered {
                let (who, players) = asked.remove(&id).unwrap();
                let answer = net.answers.remove(&id).unwrap();
                if answer["ok"] != true {
                    continue;
                }
                let online: Vec<String> = serde_json::from_value(answer["online"].clone()).unwrap();
                let believes = |i: &usize| (names[*i], online.iter().any(|o| o == names[*i]));
                believed.insert(who, players.iter().map(believes).collect());
            }
            for who in net.told.keys().copied().collect::<Vec<_>>() {
                for line in net.heard(who) {
                    let known = believed.get_mut(&who).unwrap();
                    if let Some(online) = known.get_mut(&line[1..]) {
                        *online = line.starts_with('+');
                    }
                }
            }
        };
        for step in steps {
            match step {
                Step::Arrive(at, player) => {
                    n += 1;
                    let who = names.get(player).map_or_else(Who::default, |name| of(name));
                    net.arrive_as((at, n), who);
                    clients.push(((at, n), player));
                }
                Step::Vanish(i) if !clients.is_empty() => {
                    let (who, _) = clients.remove(i % clients.len());
                    net.vanish(who);
                    asked.retain(|_, (asker, _)| *asker != who);
                    believed.remove(&who);
                }
                Step::Want(i, players) if !clients.is_empty() => {
                    let (who, _) = clients[i % clients.len()];
                    // One at a time: what is told between two answers is told apart by its order.
                    if asked.values().all(|(asker, _)| *asker != who) {
                        let wanted: Vec<&str> = players.iter().map(|i| names[*i]).collect();
                        asked.insert(net.ask(who, "presence", &want(&wanted)), (who, players));
                    }
                }
                Step::Deliver(n) => (0..n).for_each(|_| _ = net.step()),
                Step::Wait(ms) => net.wait(ms),
                Step::Vanish(_) | Step::Want(..) => {}
            }
            hear(&mut net, &mut asked, &mut believed);
        }
        net.wait(10_000);
        hear(&mut net, &mut asked, &mut believed);
        prop_assert!(asked.is_empty());
        for (who, known) in believed {
            for (player, online) in known {
                let is_so = clients.iter().any(|(_, i)| names.get(*i) == Some(&player));
                prop_assert_eq!(online, is_so, "what {:?} believes of {}", who, player);
            }
        }
        net.check_nothing_is_left();
    }
}
