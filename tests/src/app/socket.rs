//! The application of the conformance suites and of our own interop cases: `/`, `/custom` and
//! `/auth`, each event with an answer.

use std::time::Duration;

use parlor_server::{Answer, Args, ConnectError, Context, Namespace, Server, Transport};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Options;

pub(super) fn serve(server: &mut Server, options: Options) {
    for name in ["/", "/custom"] {
        server
            .namespace(name)
            .on_connect(|cx| {
                let auth = cx.data::<Option<String>>().take();
                let auth =
                    auth.and_then(|auth| serde_json::value::RawValue::from_string(auth).ok());
                match auth {
                    Some(auth) => cx.emit("auth", (auth,)),
                    None => cx.emit("auth", (Empty {},)),
                }
            })
            .admit(|cx, auth| {
                *cx.data() = auth.raw().map(str::to_owned);
                Ok(())
            })
            .on("message", |cx, args| cx.emit("message-back", args))
            .on("message-with-ack", |cx, args| cx.ack(args));
        if options.recovery {
            server.namespace(name).recoverable();
        }
    }
    server
        .namespace("/")
        .on("ask-back", ask_back)
        .on("join", |cx, args| with_room(cx, args, |cx, room| cx.join(room)))
        .on("leave", |cx, args| with_room(cx, args, |cx, room| cx.leave(room)))
        .on("room-send", |cx, args| {
            with_room(cx, args, |cx, room| cx.to(room).emit("room-message", args));
        })
        .on("whisper", |cx, args| {
            with_room(cx, args, |cx, room| {
                cx.to(room).volatile().emit("room-message", args);
            });
        })
        .on("burst", |cx, args| {
            for i in 0..args.get::<u32>(0).unwrap_or(0) {
                cx.emit("burst", (i,));
            }
        })
        .on("whoami", |cx, _| {
            let transport = cx.transport().map_or("", Transport::as_str);
            cx.ack((WhoAmI { id: cx.id().to_string(), transport, recovered: cx.recovered() },));
        })
        .on("bye", |cx, _| cx.disconnect());
    everywhere(server.namespace("/"));
    server.namespace("/auth").admit(|_, auth| {
        #[derive(Deserialize)]
        struct Token {
            token: String,
        }
        match auth.get::<Token>() {
            Ok(Token { token }) if token == "secret" => Ok(()),
            _ => Err(ConnectError::with_data("Unauthorized", &Code { code: "E_AUTH" })),
        }
    });
    if options.recovery {
        server.namespace("/auth").recoverable();
    }
}

/// What reaches sockets of all shards and nodes: `sockets`(room, ack) → their ids;
/// `ask-room`(room, x, ack) → what each answers to `question`(x), or null; `kick`(room, ack),
/// `gather`(room, into, ack) and `scatter`(room, ack) → "ok".
fn everywhere(namespace: &mut Namespace) {
    namespace
        .on("sockets", |cx, args| {
            let (ack, room) = (cx.take_ack(), args.get::<String>(0).unwrap_or_default());
            cx.everyone().to(room).fetch_sockets(|cx, sockets| {
                let ids = sockets.iter().map(|socket| socket.id.to_string());
                let mut ids: Vec<String> = ids.collect();
                ids.sort_unstable();
                if let Some(ack) = ack {
                    ack.send(cx, (ids,));
                }
            });
        })
        .on("ask-room", |cx, args| {
            let (ack, room) = (cx.take_ack(), args.get::<String>(0).unwrap_or_default());
            let x = args.get::<Value>(1).unwrap_or_default();
            let timeout = Duration::from_secs(2);
            cx.everyone().to(room).ask("question", (x,), timeout, |cx, answers| {
                let read = |answer: &Answer| -> Value {
                    let args = answer.answer.as_ref().ok().map(|args| args.as_args());
                    args.and_then(|args| serde_json::from_str(args.array()).ok())
                        .unwrap_or_default()
                };
                let mut answers: Vec<Value> = answers.iter().map(read).collect();
                answers.sort_by_key(Value::to_string);
                if let Some(ack) = ack {
                    ack.send(cx, (answers,));
                }
            });
        })
        .on("kick", |cx, args| {
            with_room(cx, args, |cx, room| cx.everyone().to(room).disconnect_sockets(false));
        })
        .on("gather", |cx, args| {
            let into = args.get::<String>(1).unwrap_or_default();
            with_room(cx, args, |cx, room| cx.everyone().to(room).sockets_join(into));
        })
        .on("scatter", |cx, args| {
            with_room(cx, args, |cx, room| cx.everyone().to(room.clone()).sockets_leave(room));
        });
}

#[derive(Serialize)]
struct Empty {}

#[derive(Serialize)]
struct Code {
    code: &'static str,
}

#[derive(Serialize)]
struct WhoAmI {
    id: String,
    transport: &'static str,
    recovered: bool,
}

/// Asks the client its own question, and answers with its answer.
fn ask_back(cx: &mut Context<'_>, args: Args<'_>) {
    let ack = cx.take_ack();
    cx.ask("question", args, Some(Duration::from_secs(5)), move |cx, answer| {
        if let (Some(ack), Ok(answer)) = (ack, answer) {
            ack.send(cx, answer);
        }
    });
}

fn with_room(cx: &mut Context<'_>, args: Args<'_>, run: impl FnOnce(&mut Context<'_>, String)) {
    match args.get::<String>(0) {
        Ok(room) => {
            run(cx, room);
            cx.ack(("ok",));
        }
        Err(error) => cx.ack((error.to_string(),)),
    }
}
