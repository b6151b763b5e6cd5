//! Players in `/lobby` who come with tokens: the same one by each of its sockets, on any shard.

use serde_json::{Value, json};

use super::{
    accounts::{enter, token, with_keys},
    *,
};

/// Chess on two shards.
fn serve(mut config: Config) -> Running {
    config.server.shards = 2;
    start(config, |server| {
        server.game::<parlor_games::Chess>("chess");
    })
}

/// The first answer; what is pushed before it is passed over.
fn ask(socket: &mut WebSocket, event: &str, payload: &Value) -> Value {
    socket.send(&format!("42/lobby,7{}", json!([event, payload]))).unwrap();
    loop {
        let packet = socket.text().unwrap();
        if let Some(answer) = packet.strip_prefix("43/lobby,7") {
            let [answer]: [Value; 1] = serde_json::from_str(answer).unwrap();
            return answer;
        }
    }
}

fn create(socket: &mut WebSocket) -> Value {
    ask(socket, "create", &json!({"game": "chess", "name": "A"}))
}

fn join(socket: &mut WebSocket, joined: &Value, name: &str) -> Value {
    ask(socket, "join", &json!({"code": joined["lobby"]["code"], "name": name}))
}

#[test]
fn a_player_is_the_same_by_each_of_its_sockets_and_guests_by_the_token_they_asked_for() {
    let (config, _keys) = with_keys();
    let running = serve(config);
    let server = running.address();
    let ada = json!({"token": token("ada", "1", 600.0)});
    let mut ada = [0; 3].map(|_| enter(server, "/lobby", &ada));
    let joined = create(&mut ada[0]);
    for other in &mut ada[1..] {
        assert_eq!(join(other, &joined, "B")["code"], "E_IN_LOBBY");
    }

    let mut guest = enter(server, "/lobby", &json!({"guest": true}));
    let told = guest.text().unwrap();
    let told: (String, Value) =
        serde_json::from_str(told.strip_prefix("42/lobby,").unwrap()).unwrap();
    assert_eq!(join(&mut guest, &joined, "C")["seat"], 1);
    let mut again = enter(server, "/lobby", &json!({"token": told.1["token"]}));
    assert_eq!(join(&mut again, &joined, "D")["code"], "E_IN_LOBBY");
    let mut nobody = enter(server, "/lobby", &json!({}));
    assert_eq!(join(&mut nobody, &joined, "E")["code"], "E_FULL");
}

#[test]
fn what_is_for_a_player_reaches_all_its_sockets_and_nobody_elses() {
    let (mut config, _keys) = with_keys();
    config.server.shards = 2;
    let (running, emitter) = start_with(config, |server| {
        server.game::<parlor_games::Chess>("chess");
        server.namespace("/").on("invite", |cx, _| {
            cx.player("ada").emit("invited", ("by a handler",));
        });
        server.emitter()
    });
    let server = running.address();
    let ada = json!({"token": token("ada", "1", 600.0)});
    let mut devices = [0; 4].map(|_| enter(server, "/lobby", &ada));
    let mut bob = enter(server, "/lobby", &json!({"token": token("bob", "2", 600.0)}));
    emitter.player("ada").emit("invited", ("by bob",)).unwrap();
    for device in &mut devices {
        assert_eq!(device.text().unwrap(), r#"42/lobby,["invited","by bob"]"#);
    }
    emitter.player("bob").emit("invited", ("by ada",)).unwrap();
    assert_eq!(bob.text().unwrap(), r#"42/lobby,["invited","by ada"]"#, "and nothing before");
    bob.send("40").unwrap();
    assert!(bob.text().unwrap().starts_with("40{"));
    bob.send(r#"42["invite"]"#).unwrap();
    for device in &mut devices {
        assert_eq!(device.text().unwrap(), r#"42/lobby,["invited","by a handler"]"#);
    }
}
