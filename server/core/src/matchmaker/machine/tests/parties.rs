//! Parties beside tickets: in a rated queue nobody meets who is in one with them, whatever came
//! first; no ticket outlives the party that it was of; and who has no account comes back.

use super::*;

/// Two against each other for their ratings: 0 and 1 are there, on two shards.
fn rated(change: impl FnOnce(&mut MatchmakerSettings)) -> Script {
    let mut script = Script::of(|settings| {
        let change_queue = |queue: &mut Declared| (queue.rated, queue.accept_ms) = (true, 10_000);
        settings.queues = vec![blitz(change_queue)];
        change(settings);
    });
    script.arrive(0, "ada");
    script.arrive(1, "bob");
    script
}

fn seek() -> Value {
    json!({"queue": "blitz"})
}

fn seek_with_party() -> Value {
    json!({"queue": "blitz", "party": true})
}

/// Somebody founds a party. Its code.
fn found(script: &mut Script, number: u32) -> Value {
    script.ask(number, "party:create", &json!({}))["party"]["code"].clone()
}

fn join(script: &mut Script, number: u32, code: &Value) -> String {
    script.code(number, "party:join", &json!({ "code": code }))
}

#[test]
fn who_is_in_a_party_with_others_seeks_no_rated_match_alone() {
    let mut script = rated(|settings| settings.queues.push(blitz(|q| q.name = "casual".into())));
    let code = found(&mut script, 0);
    assert_eq!(script.code(0, "create", &seek()), "ok", "nobody else is in it");
    script.ask(0, "cancel", &json!({}));
    assert_eq!(join(&mut script, 1, &code), "ok");
    for number in [0, 1] {
        let refused = script.ask(number, "create", &seek());
        assert_eq!(refused["code"], "E_PARTY");
        let sentence = "this queue is rated: seek with your party, or leave it first";
        assert_eq!(refused["message"], sentence);
        assert_eq!(script.code(number, "create", &json!({"queue": "casual"})), "ok");
    }
    script.ask(1, "party:leave", &json!(null));
    for number in [0, 1] {
        assert_eq!(script.code(number, "create", &seek()), "ok");
    }
    script.pass(seconds(1));
    assert_eq!(script.last(0)["state"], "proposed", "they are strangers again");
}

/// In each order of what two do to be in one party and one queue, with or without waves between.
#[test]
fn two_of_one_party_never_meet_in_a_rated_queue_whatever_came_first() {
    const STEPS: [(u32, &str); 4] =
        [(0, "create"), (0, "party:create"), (1, "create"), (1, "party:join")];
    let orders = (0..256_usize).map(|n| [n & 3, n >> 2 & 3, n >> 4 & 3, n >> 6]).filter(|order| {
        let place = |step: usize| order.iter().position(|own| *own == step);
        (0..4).all(|step| place(step).is_some()) && place(1) < place(3)
    });
    let mut n_orders = 0;
    for (order, is_waved) in orders.flat_map(|order| [(order, false), (order, true)]) {
        n_orders += 1;
        let mut script = rated(|_| ());
        let mut code = Value::Null;
        for step in order {
            let (number, event) = STEPS[step];
            match event {
                "party:create" => code = found(&mut script, number),
                "party:join" => drop(join(&mut script, number, &code)),
                _ => drop(script.code(number, event, &seek())),
            }
            if is_waved {
                script.pass(seconds(1));
            }
        }
        script.pass(seconds(3));
        let n_members = script.ask(0, "party", &json!(null))["party"]["members"].clone();
        let is_one_party = n_members.as_array().unwrap().len() == 2;
        let is_proposed = [0, 1].map(|n| script.states(n).contains(&"proposed".to_owned()));
        assert_eq!(is_proposed, [!is_one_party; 2], "{order:?}, waves: {is_waved}");
        assert!(is_one_party || is_waved, "{order:?}: only who was matched before is refused");
    }
    assert_eq!(n_orders, 24);
}

#[test]
fn who_waits_alone_for_a_rated_match_waits_no_more_once_in_a_party_with_others() {
    let mut script = rated(|_| ());
    let code = found(&mut script, 0);
    script.ask(0, "create", &seek());
    script.ask(0, "create", &seek_with_party());
    script.states(0);
    script.arrive(2, "cid");
    script.ask(1, "create", &json!({"queue": "blitz", "attributes": {}}));
    assert_eq!(join(&mut script, 1, &code), "ok");
    for number in [0, 1] {
        assert_eq!(script.states(number), ["ended party_changed"]);
    }
    script.ask(2, "create", &seek());
    script.pass(seconds(3));
    assert!(script.states(2).is_empty() && script.wanted.is_empty());
    // Nobody is blamed, and who waits where nothing is at stake waits on.
    let mut script = Script::asking();
    script.arrive(0, "ada");
    script.arrive(1, "bob");
    let code = found(&mut script, 0);
    for number in [0, 1] {
        script.wait(number);
    }
    assert_eq!(join(&mut script, 1, &code), "ok");
    script.pass(seconds(1));
    assert_eq!(script.states(0), ["proposed"], "friends may meet there");
}

#[test]
fn nobody_comes_into_a_party_while_a_match_is_being_made_for_one_of_them() {
    let mut script = rated(|_| ());
    let code = found(&mut script, 0);
    for number in [0, 1] {
        script.ask(number, "create", &seek());
    }
    script.arrive(2, "cid");
    script.pass(seconds(1));
    for number in [1, 2] {
        assert_eq!(join(&mut script, number, &code), "E_STATE");
    }
    for number in [0, 1] {
        script.ask(number, "accept", &json!({}));
    }
    assert_eq!(join(&mut script, 1, &code), "E_STATE");
    let number = script.open();
    assert_eq!(join(&mut script, 1, &code), "E_STATE");
    let seat = script.last(0)["assignment"]["seat"].as_u64().unwrap() as u8;
    script.states(1);
    script.hand(0, MatchInput::Assigned(Assigned::Absent { number, seats: vec![seat] }));
    assert_eq!(script.states(1), ["queued other_no_show"]);
    assert_eq!(join(&mut script, 1, &code), "ok");
    assert_eq!(script.states(1), ["ended party_changed"]);
}

#[test]
fn a_party_that_has_changed_does_not_wait_again() {
    for is_rated in [false, true] {
        let mut script = Script::of(|settings| {
            let teams = Some(Teams { count: 2, size: 2 });
            let change = |queue: &mut Declared| (queue.teams, queue.rated) = (teams, is_rated);
            settings.queues = vec![blitz(change)];
        });
        party(&mut script);
        script.ask(0, "create", &seek_with_party());
        for (number, player) in [(2, "cid"), (3, "dan")] {
            script.arrive(number, player);
            script.wait(number);
        }
        script.pass(seconds(1));
        let number = script.open();
        assert_eq!(script.code(1, "party:leave", &json!(null)), "ok");
        let assigned = script.last(0);
        assert_eq!(assigned["state"], "assigned", "the match is on its way, as it was agreed");
        let absent = script.last(2)["assignment"]["seat"].as_u64().unwrap() as u8;
        script.states(1);
        script.hand(0, MatchInput::Assigned(Assigned::Absent { number, seats: vec![absent] }));
        assert_eq!(script.states(0), ["ended party_changed"]);
        assert_eq!(script.states(1), ["ended party_changed"]);
        assert_eq!(script.states(3).pop().unwrap(), "queued other_no_show");
    }
}

#[test]
fn all_tickets_of_a_party_end_when_it_changes() {
    let mut script = Script::of(|settings| {
        let squad = |name: &str| {
            blitz(|queue| {
                (queue.name, queue.teams) = (name.into(), Some(Teams { count: 2, size: 2 }));
            })
        };
        settings.queues = vec![squad("blitz"), squad("other")];
        settings.tickets_per_player = 2;
    });
    party(&mut script);
    for queue in ["blitz", "other"] {
        let create = json!({"queue": queue, "party": true});
        assert_eq!(script.code(0, "create", &create), "ok");
    }
    script.states(0);
    script.ask(1, "party:leave", &json!(null));
    assert_eq!(script.states(0), ["ended party_changed"; 2]);
}

#[test]
fn who_is_gone_does_not_wait_again_though_another_ticket_is_over() {
    let mut script = Script::of(|settings| {
        let casual = blitz(|queue| queue.name = "casual".into());
        settings.queues = vec![blitz(|queue| queue.accept_ms = 60_000), casual];
        (settings.tickets_per_player, settings.away_timeout) = (2, seconds(10));
    });
    for (number, player) in [(0, "ada"), (1, "bob")] {
        script.arrive(number, player);
        script.wait(number);
    }
    script.pass(seconds(1));
    script.ask(0, "accept", &json!({}));
    script.ask(0, "create", &json!({"queue": "casual"}));
    script.ask(0, "cancel", &json!({}));
    script.go(0);
    script.pass(seconds(10));
    script.ask(1, "decline", &json!({}));
    assert!(!script.ended().contains(&(api::Reason::Gone, 1)), "a match was on its way");
    script.pass(seconds(10));
    assert!(script.ended().contains(&(api::Reason::Gone, 1)), "{:?}", script.ended());
}

#[test]
fn who_has_no_account_comes_back_to_the_party_by_its_token() {
    let mut script = twos();
    for number in [0, 1] {
        script.arrive(number, "");
    }
    let own = script.ask(0, "party:create", &json!({"name": "Ada"}));
    let code = &own["party"]["code"];
    let other = script.ask(1, "party:join", &json!({"code": code, "name": "Bob"}));
    assert_ne!(own["token"], other["token"]);
    assert_eq!(own["token"].as_str().map(str::len), Some(24));
    assert_eq!(script.ask(0, "party", &json!(null))["token"], own["token"]);
    script.go(0);
    script.take(1, "party");
    script.pass(seconds(29));
    script.arrive(3, "");
    assert_eq!(script.code(3, "party", &json!(null)), "E_PARTY", "it is not known yet");
    let token = json!({"token": own["token"]});
    let back = script.ask(3, "party", &token);
    assert_eq!((&back["member"], &back["party"]["leader"]), (&0.into(), &0.into()));
    assert_eq!(back["token"], own["token"]);
    let told = script.take(1, "party").pop().unwrap();
    assert!(told["members"][0].get("away").is_none(), "{told}");
    script.pass(seconds(60));
    script.take(3, "party");
    script.ask(1, "party:ready", &json!({"ready": true}));
    assert_eq!(script.take(3, "party").len(), 1, "it is told by this connection");
    assert_eq!(script.code(3, "create", &seek_with_party()), "ok", "and leads");
    for (bad, code) in [
        (json!({"token": "x"}), "E_BAD_REQUEST"),
        (json!({"token": "0123456789abcdef01234567"}), "E_PARTY"),
        (json!({"tokens": 1}), "E_BAD_REQUEST"),
    ] {
        assert_eq!(script.code(3, "party", &bad), code, "{bad}");
    }
}

#[test]
fn who_goes_on_as_another_member_hears_how_the_party_stands_last() {
    let mut script = twos();
    for number in [0, 1, 3] {
        script.arrive(number, "");
    }
    let code = found(&mut script, 0);
    let join = json!({ "code": code });
    let [_, other] = [1, 3].map(|number| script.ask(number, "party:join", &join));
    script.go(3);
    script.told.clear();
    let request = json!(["party", { "token": other["token"] }]).to_string();
    let request = Request::read(&Args::of_event(&request, &[]));
    script.hand(1, MatchInput::Asked(socket(1), request, Some(5)));
    let own = script.told.iter().filter(|told| told.0 == 1);
    let party = |told: &Value| told.get("party").unwrap_or(told)["version"].as_u64().unwrap();
    let versions: Vec<u64> = own.map(|(.., told)| party(told)).collect();
    assert!(versions.len() > 2 && versions.is_sorted(), "{versions:?}");
}

#[test]
fn a_token_is_good_as_long_as_the_place_is_kept_and_for_nobody_with_an_account() {
    let mut script = twos();
    script.arrive(0, "");
    script.arrive(1, "bob");
    script.arrive(3, "eve");
    let own = script.ask(0, "party:create", &json!(null));
    let joined = script.ask(1, "party:join", &json!({"code": own["party"]["code"]}));
    assert!(joined.get("token").is_none(), "an account is known by itself: {joined}");
    let token = json!({"token": own["token"]});
    assert_eq!(script.code(3, "party", &token), "E_PARTY");
    script.go(0);
    script.pass(seconds(30));
    let told = script.take(1, "party").pop().unwrap();
    assert_eq!((&told["leader"], told["members"].as_array().unwrap().len()), (&1.into(), 1));
    script.arrive(2, "");
    assert_eq!(script.code(2, "party", &token), "E_PARTY", "the place has fallen");
    assert_eq!(join(&mut script, 2, &told["code"]), "ok");
    script.ask(2, "party:ready", &json!({"ready": true}));
    assert_eq!(script.code(1, "create", &seek_with_party()), "ok", "led by who is there");
}
