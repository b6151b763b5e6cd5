//! Whom each chain of modifiers means, of sync and async contexts and of those without a socket.
//! What is done with those who are meant (emit, ask, change) makes no difference to that.

use std::sync::Arc;

use parlor_server::{Emitter, ShardContext};

use super::{
    places::{everywhere, hear, join_on_demand, say},
    *,
};

/// Who hears what chain: each is an event of this name, and another for async handlers.
macro_rules! chains {
    ($($name:literal: [$($chain:tt)+] => $heard:expr,)+) => {
        (
            |server: &mut Server| {
                $(server.namespace("/").on($name, |cx, _| {
                    cx $($chain)+.emit("heard", ($name,));
                });)+
                $(server.namespace("/").on_async(concat!("async ", $name), |cx, _| async move {
                    cx $($chain)+.emit("heard", ($name,)).await;
                });)+
            },
            [$(($name, $heard)),+],
        )
    };
}

/// The rooms of four clients, of which the first speaks.
const ROOMS: [&str; 4] = [r#""red","own""#, r#""red""#, r#""red","blue""#, r#""blue""#];

/// The same, for who hears.
const SELF: [bool; 4] = [true, false, false, false];
const OTHERS: [bool; 4] = [false, true, true, true];
const ALL: [bool; 4] = [true, true, true, true];
const RED: [bool; 4] = [false, true, true, false];
const RED_AND_SELF: [bool; 4] = [true, true, true, false];
const NOT_BLUE: [bool; 4] = [false, true, false, false];
const NOBODY: [bool; 4] = [false; 4];

#[test]
fn each_chain_means_the_same_whatever_the_order_of_its_modifiers() {
    let (build, table) = chains! {
        "nothing": [.volatile()] => SELF,
        "key": [.volatile().volatile_key(7)] => SELF,
        "to": [.to("red")] => RED,
        "volatile to": [.volatile().to("red")] => RED,
        "volatile in": [.volatile().in_("red")] => RED,
        "to volatile": [.to("red").volatile()] => RED,
        "to volatile to": [.to("red").volatile().to("own")] => RED,
        "key to": [.volatile().volatile_key(7).to("red")] => RED,
        "to key": [.to("red").volatile_key(7)] => RED,
        "volatile to a list": [.volatile().to(["red", "blue"])] => OTHERS,
        "volatile to no list": [.volatile().to([""; 0])] => NOBODY,
        "volatile to own": [.volatile().to("own")] => NOBODY,
        "broadcast": [.broadcast()] => OTHERS,
        "volatile broadcast": [.volatile().broadcast()] => OTHERS,
        "broadcast volatile": [.broadcast().volatile()] => OTHERS,
        "volatile broadcast to": [.volatile().broadcast().to("red")] => RED,
        "except": [.except("blue")] => NOT_BLUE,
        "volatile except": [.volatile().except("blue")] => NOT_BLUE,
        "except volatile": [.except("blue").volatile()] => NOT_BLUE,
        "volatile to except": [.volatile().to("red").except("blue")] => NOT_BLUE,
        "volatile except to": [.volatile().except("blue").to("red")] => NOT_BLUE,
        "to except volatile": [.to("red").except("blue").volatile()] => NOT_BLUE,
        "everyone": [.everyone()] => ALL,
        "everyone volatile": [.everyone().volatile()] => ALL,
        "everyone volatile to": [.everyone().volatile().to("own")] => SELF,
        "everyone volatile except": [.everyone().volatile().except("own")] => OTHERS,
        "namespace": [.in_namespace("/")] => ALL,
        "namespace volatile to": [.in_namespace("/").volatile().to("own")] => SELF,
    };
    for is_recoverable in [false, true] {
        let build = |server: &mut Server| {
            if is_recoverable {
                server.namespace("/").recoverable();
            }
            rooms(server);
            build(server);
        };
        everywhere(build, |place| {
            let mut all = place.join(4);
            join_rooms(&mut all);
            for (name, heard) in table {
                for name in [name.to_owned(), format!("async {name}")] {
                    // What an async handler wants is wanted before the next event is handled.
                    all[0].send(&format!(r#"42["{name}"]"#)).unwrap();
                    all[0].send(r#"42["end"]"#).unwrap();
                    assert_eq!(who_heard(&mut all), heard, "{name}");
                }
            }
        });
    }
}

/// The same for what has no socket: on the shard, and from another thread.
macro_rules! chains_of_none {
    ($($name:literal: [$($chain:tt)*] => $heard:expr,)+) => {
        (
            |cx: &mut ShardContext<'_>, chain: &str| match chain {
                $($name => cx.namespace("/")$($chain)*.emit("heard", ($name,)),)+
                _ => panic!("no such chain"),
            },
            |emitter: &Emitter, chain: &str| match chain {
                $($name => emitter.namespace("/")$($chain)*.emit("heard", ($name,)).unwrap(),)+
                _ => panic!("no such chain"),
            },
            [$(($name, $heard)),+],
        )
    };
}

#[test]
fn chains_without_a_socket_mean_the_same_whatever_the_order() {
    let (on_shard, by_emitter, table) = chains_of_none! {
        "nothing": [] => ALL,
        "volatile": [.volatile()] => ALL,
        "to": [.to("red")] => RED_AND_SELF,
        "volatile to": [.volatile().to("red")] => RED_AND_SELF,
        "to volatile": [.to("red").volatile()] => RED_AND_SELF,
        "key to": [.volatile_key(7).to("red")] => RED_AND_SELF,
        "volatile except": [.volatile().except("own")] => OTHERS,
        "except volatile": [.except("own").volatile()] => OTHERS,
        "volatile to except": [.volatile().to("red").except("own")] => RED,
        "except to volatile": [.except("own").to("red").volatile()] => RED,
        "to no list": [.to([""; 0]).volatile()] => NOBODY,
    };
    let wanted = Arc::new(Mutex::new(None));
    let build = |server: &mut Server| {
        rooms(server);
        let wanted = Arc::clone(&wanted);
        server.every(Duration::from_millis(1), move |cx| {
            if let Some(chain) = wanted.lock().unwrap().take() {
                on_shard(cx, chain);
                cx.namespace("/").emit("end", ());
            }
        });
    };
    everywhere(build, |place| {
        let mut all = place.join(4);
        join_rooms(&mut all);
        for (name, heard) in table {
            *wanted.lock().unwrap() = Some(name);
            assert_eq!(who_heard(&mut all), heard, "{name}, on the shard");
            let emitter = place.first().emitter();
            by_emitter(&emitter, name);
            emitter.namespace("/").emit("end", ()).unwrap();
            assert_eq!(who_heard(&mut all), heard, "{name}, by an emitter");
        }
    });
}

/// Who hears something before the end, and that is one thing.
fn who_heard(all: &mut [WebSocket]) -> Vec<bool> {
    let heard = all.iter_mut().map(|socket| hear(socket, r#"42["end""#));
    heard.inspect(|heard| assert!(heard.len() < 2)).map(|heard| heard.len() == 1).collect()
}

fn rooms(server: &mut Server) {
    join_on_demand(server).on("end", |cx, _| cx.everyone().emit("end", ()));
}

fn join_rooms(all: &mut [WebSocket]) {
    for (socket, rooms) in all.iter_mut().zip(ROOMS) {
        assert_eq!(say(socket, &format!(r#"421["join",{rooms}]"#), "431"), [""; 0]);
    }
}
