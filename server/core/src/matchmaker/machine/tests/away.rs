//! Who has lost the connection while waiting: nobody is matched with them, and whoever is back in
//! time has waited all the while.

use super::*;

fn seek(script: &mut Script, number: u32) -> Value {
    script.arrive(number, "");
    script.wait(number)["ticket"].clone()
}

#[test]
fn nobody_is_matched_with_who_is_away_and_who_is_back_is_first_in_line() {
    let mut script = Script::asking();
    let ticket = seek(&mut script, 0);
    script.go(0);
    let waiting = script.shards[0].figures()[0].1.n_waiting;
    assert_eq!(waiting, 0, "whom nobody can meet does not wait, for the figures");
    script.pass(seconds(1));
    seek(&mut script, 2);
    script.pass(seconds(19));
    assert!(script.states(2).is_empty());
    let why = script.ask(2, "ticket", &json!({}))["why"]["code"].clone();
    assert_eq!(why, "alone");
    script.arrive(4, "");
    let back = script.ask(4, "ticket", &json!({ "ticket": ticket }));
    assert_eq!((&back["position"], &back["waited_ms"]), (&1.into(), &20_000.into()));
    script.pass(seconds(1));
    for number in [2, 4] {
        assert_eq!(script.states(number), ["proposed"]);
    }
}

#[test]
fn an_account_is_away_with_its_last_connection_and_back_with_any() {
    let mut script = Script::asking();
    for number in [0, 2] {
        script.arrive(number, "ada");
    }
    script.wait(0);
    script.ask(2, "ticket", &json!({}));
    script.go(0);
    assert_eq!(script.shards[0].figures()[0].1.n_waiting, 1, "one is left");
    script.go(2);
    assert_eq!(script.shards[0].figures()[0].1.n_waiting, 0);
    script.arrive(4, "ada");
    script.ask(4, "queues", &json!(null));
    assert_eq!(script.shards[0].figures()[0].1.n_waiting, 1, "whatever it asks");
}

#[test]
fn who_is_away_as_a_match_fails_through_another_is_in_line_only_once_back() {
    let mut script = Script::asking();
    script.pair();
    let ticket = script.last(0)["ticket"].clone();
    script.go(0);
    script.ask(1, "decline", &json!({}));
    seek(&mut script, 2);
    script.pass(seconds(5));
    assert!(script.states(2).is_empty());
    script.arrive(4, "");
    let back = script.ask(4, "ticket", &json!({ "ticket": ticket }));
    assert_eq!((&back["state"], &back["reason"]), (&"queued".into(), &"other_declined".into()));
    script.pass(seconds(1));
    assert_eq!(script.states(4), ["proposed"]);
}

#[test]
fn a_party_waits_for_whoever_of_it_is_away() {
    let mut script = twos();
    party(&mut script);
    seek(&mut script, 2);
    script.pass(seconds(1));
    assert_eq!(script.code(0, "create", &json!({"queue": "blitz", "party": true})), "ok");
    script.go(1);
    seek(&mut script, 4);
    script.take(0, "progress");
    script.pass(seconds(6));
    for number in [0, 2, 4] {
        assert!(!script.states(number).contains(&"proposed".to_owned()), "{number}");
    }
    let told = script.take(0, "progress").pop().expect("it still waits");
    assert_eq!((&told["why"]["code"], &told["position"]), (&"away".into(), &2.into()));
    script.arrive(3, "bob");
    assert_ne!(script.ask(3, "ticket", &json!({}))["why"]["code"], "away");
    script.pass(seconds(1));
    for number in [0, 2, 3, 4] {
        assert_eq!(script.states(number).pop().unwrap(), "proposed", "{number}");
    }
}

#[test]
fn who_is_away_for_too_long_is_gone_though_in_no_pool() {
    let mut script = Script::asking();
    seek(&mut script, 0);
    script.go(0);
    script.pass(seconds(30));
    assert_eq!(script.ended(), [(api::Reason::Gone, 1)]);
    script.pass(seconds(60));
    assert!(script.shards.iter().all(Matchmaker::is_empty), "nothing is left");
}
