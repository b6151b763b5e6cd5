//! What handlers are given and what they are spared: typed arguments, middleware, a queue's state.

use parlor_server::Refusal;
use serde_json::{Value, json};

use super::*;

/// The one argument of an acknowledgement.
fn answer(socket: &mut WebSocket) -> Value {
    let text = socket.text().unwrap();
    let [answer]: [Value; 1] = serde_json::from_str(text.strip_prefix("431").unwrap()).unwrap();
    answer
}

#[test]
fn arguments_of_the_wrong_type_are_refused_and_their_handler_is_not_called() {
    let running = start(Config::default(), |server| {
        server
            .namespace("/")
            .on_typed("now", |cx, (name, age): (String, Option<u32>)| cx.ack(((name, age),)))
            .on_async_typed("later", |cx, (name, age): (String, Option<u32>)| async move {
                cx.ack(((name, age),)).await;
            });
    });
    let mut socket = WebSocket::join(running.address()).unwrap();
    for event in ["now", "later"] {
        let mut ask = |args: &str| {
            socket.send(&format!(r#"421["{event}"{args}]"#)).unwrap();
            answer(&mut socket)
        };
        assert_eq!(ask(r#","Ada",36"#), json!(["Ada", 36]));
        assert_eq!(ask(r#","Ada""#), json!(["Ada", null]));
        assert_eq!(ask(r#","Ada",36,"and more""#), json!(["Ada", 36]));
        let refused = |words: &str| json!({"ok": false, "code": "E_BAD_REQUEST", "message": words});
        assert_eq!(ask(""), refused("argument 0 is missing"));
        let words = "argument 1: invalid type: string \"old\", expected u32 at line 1 column 5";
        assert_eq!(ask(r#","Ada","old""#), refused(words));
        // Who wants no answer gets none.
        socket.send(&format!(r#"42["{event}"]"#)).unwrap();
    }
    socket.send(r#"421["now","still here"]"#).unwrap();
    assert_eq!(answer(&mut socket), json!(["still here", null]));
    let line = r#"parlor_events_refused_total{cause="arguments"} 6"#;
    wait_for_metric(running.address(), line);
}

#[test]
fn middleware_keeps_events_from_sync_and_async_handlers() {
    let running = start(Config::default(), |server| {
        server
            .namespace("/")
            .middleware(|cx, args| {
                cx.data::<Vec<String>>().push(args.name().into_owned());
                Ok(())
            })
            .middleware(|_, args| match args.get::<String>(0).as_deref() {
                Ok("please") => Ok(()),
                _ => Err(Refusal::new("E_POLITE", "say please")),
            })
            .on("now", |cx, _| {
                let seen = cx.data_ref::<Vec<String>>().cloned();
                cx.ack((seen,));
            })
            .on_async("later", |cx, _| async move { cx.ack(("done",)).await });
    });
    let mut socket = WebSocket::join(running.address()).unwrap();
    let refused = json!({"ok": false, "code": "E_POLITE", "message": "say please"});
    for (event, expected) in [
        (r#"421["now"]"#, &refused),
        (r#"421["later"]"#, &refused),
        (r#"421["later","please"]"#, &json!("done")),
    ] {
        socket.send(event).unwrap();
        assert_eq!(answer(&mut socket), *expected);
    }
    socket.send(r#"42["now"]"#).unwrap();
    socket.send(r#"421["now","please"]"#).unwrap();
    assert_eq!(answer(&mut socket), json!(["now", "later", "later", "now", "now"]));
    let line = r#"parlor_events_refused_total{cause="middleware"} 3"#;
    wait_for_metric(running.address(), line);
}

#[test]
fn handlers_see_that_a_reader_is_slow() {
    let running = start(Config::default(), |server| {
        server.namespace("/").on("flood", |cx, args| {
            let state = (cx.is_blocked(), cx.n_replaced() > 0);
            if args.get::<bool>(0).unwrap() {
                let filler = "x".repeat(100_000);
                (0..200).for_each(|_| cx.volatile().emit("state", (&filler,)));
            }
            // Others hear of it, since this reader may not.
            cx.broadcast().emit("seen", state);
        });
        server.namespace("/").on_async("look", |cx, _| async move {
            let waits = (cx.queued_bytes().await.unwrap(), cx.queued_packets().await.unwrap());
            let state = (cx.is_blocked().await.unwrap(), cx.n_replaced().await.unwrap() > 0);
            let transport = cx.transport().await.unwrap().map(|transport| transport.as_str());
            cx.broadcast().emit("seen", (state, waits.0 > 0, waits.1 > 0, transport)).await;
        });
    });
    let mut witness = WebSocket::join(running.address()).unwrap();
    let mut stalled = WebSocket::join(running.address()).unwrap();
    stalled.send(r#"42["flood",true]"#).unwrap();
    stalled.send(r#"42["flood",false]"#).unwrap();
    assert_eq!(witness.text().unwrap(), r#"42["seen",false,false]"#);
    assert_eq!(witness.text().unwrap(), r#"42["seen",true,true]"#);
    stalled.send(r#"42["look"]"#).unwrap();
    let seen = r#"42["seen",[true,true],true,true,"websocket"]"#;
    assert_eq!(witness.text().unwrap(), seen);
    witness.send(r#"42["look"]"#).unwrap();
    let mut seen = stalled.text().unwrap();
    while !seen.starts_with(r#"42["seen",[f"#) {
        seen = stalled.text().unwrap();
    }
    assert_eq!(seen, r#"42["seen",[false,false],false,false,"websocket"]"#);
}

#[test]
fn arguments_are_read_as_javascript_means_them() {
    let running = start(Config::default(), |server| {
        server
            .namespace("/")
            .on_typed("none", |cx, ()| cx.ack(("ok",)))
            .on_typed("some", |cx, (a, b): (u8, Option<String>)| cx.ack((a, b)))
            .on_typed("kinds", |cx, (a, b, c): (Value, f64, Vec<i64>)| cx.ack((a, b, c)))
            .on("count", |cx, args| cx.ack((args.count(),)));
    });
    let mut socket = WebSocket::join(running.address()).unwrap();
    for (event, answer) in [
        (r#"["none"]"#, r#"["ok"]"#),
        (r#"["none",1,2]"#, r#"["ok"]"#),
        (r#"["some",1]"#, "[1,null]"),
        (r#"["some",1,null,3]"#, "[1,null]"),
        (r#"["kinds",{"a":[1e2]},3,[-5]]"#, r#"[{"a":[100.0]},3.0,[-5]]"#),
        (r#"["count",1,"b",null,[]]"#, "[4]"),
    ] {
        socket.send(&format!("427{event}")).unwrap();
        assert_eq!(socket.text().unwrap(), format!("437{answer}"), "{event}");
    }
}
