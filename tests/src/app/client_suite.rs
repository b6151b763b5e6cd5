//! What socket.io-client's own test suite expects of the server it runs against. Any words will
//! do; an event of another shape gets no answer, which fails its case.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use parlor_server::{Args, Binary, ConnectError, Context, Handshake, Headers, Namespace, Server};
use serde::{Deserialize, Serialize, de::IgnoredAny};
use serde_json::{Value, json};

const UTF8: [&str; 5] = ["てすと", "Я Б Г Д Ж Й", "Ä ä Ü ü ß", "utf8 — string", "utf8 — string"];
const BYTES: &[u8] = b"asdfasdf";
const HANDSHAKE_DELAY: Duration = Duration::from_millis(10);

/// What of a series of events has come.
#[derive(Debug, Default)]
struct Arrived {
    abuff1: bool,
    blob1: bool,
    blob2: bool,
}

/// Bytes among words.
#[derive(Deserialize)]
struct Mixed {
    #[serde(rename = "hello")]
    _hello: IgnoredAny,
    #[serde(rename = "message")]
    _message: Binary,
    #[serde(rename = "goodbye")]
    _goodbye: IgnoredAny,
}

pub(super) fn serve(server: &mut Server) {
    // As the suite's own server does: its case "fire a connect_error event on open timeout
    // (websocket)" wants 1 ms to be too short.
    server.allow_request_async(|_| async {
        tokio::time::sleep(HANDSHAKE_DELAY).await;
        Ok(())
    });
    let main = server.namespace("/");
    main.admit(|cx, _| {
        let fails = cx.handshake().and_then(|by| by.param("fail")).is_some_and(|it| !it.is_empty());
        match fails {
            true => Err(ConnectError::new("Auth failed (main namespace)")),
            false => Ok(()),
        }
    });
    tell_id(main);
    words(main);
    dates(main);
    bytes(main);
    main.on("getHandshake", |cx, _| {
        let handshake = as_node_shapes(cx);
        cx.ack((handshake,));
    });
    tell_id(server.namespace("/foo"));
    for name in ["/timeout_socket", "/valid", "/asd"] {
        server.namespace(name);
    }
    server.namespace("/abc").on_connect(|cx| {
        let handshake = as_node_shapes(cx);
        cx.emit("handshake", (handshake,));
    });
    server.namespace("/no").admit(|_, _| Err(ConnectError::new("Auth failed (custom namespace)")));
    // The suite's own server has it on for all.
    for name in ["/", "/foo", "/timeout_socket", "/valid", "/asd", "/abc", "/no"] {
        server.namespace(name).recoverable();
    }
}

fn tell_id(namespace: &mut Namespace) {
    namespace.on("getId", |cx, _| {
        let id = cx.id().to_string();
        cx.ack((id,));
    });
}

fn words(namespace: &mut Namespace) {
    namespace
        .on("hi", |cx, _| cx.emit("hi", ()))
        .on("echo", |cx, args| cx.ack(args))
        .on("ack", |cx, _| {
            cx.ask("ack", (), None, |cx, answer| {
                let Ok(answer) = answer else { return };
                let (five, object) = (answer.get::<u32>(0), answer.get::<Value>(1));
                if five.is_ok_and(|n| n == 5) && object.is_ok_and(|it| it["test"] == true) {
                    cx.emit("got it", ());
                }
            });
        })
        .on("getUtf8", |cx, _| UTF8.iter().for_each(|text| cx.emit("takeUtf8", (text,))))
        .on("false", |cx, _| cx.emit("false", (false,)));
}

fn dates(namespace: &mut Namespace) {
    namespace
        .on("getAckDate", |cx, _| cx.ack((now(),)))
        .on("getDate", |cx, _| cx.emit("takeDate", (now(),)))
        .on("getDateObj", |cx, _| cx.emit("takeDateObj", (json!({ "date": now() }),)));
}

fn bytes(namespace: &mut Namespace) {
    let is_bytes = |args: &Args<'_>| args.get::<Binary>(0).is_ok();
    let is_mixed = |args: &Args<'_>| args.get::<Mixed>(0).is_ok();
    namespace
        .on("doge", |cx, _| cx.emit("doge", (Binary(BYTES.into()),)))
        .on("getbin", |cx, _| cx.emit("takebin", (Binary(BYTES.into()),)))
        .on("buffa", move |cx, args| answer_if(cx, is_bytes(&args), "buffack"))
        .on("jsonbuff", move |cx, args| answer_if(cx, is_mixed(&args), "jsonbuff-ack"))
        .on("abuff1", move |cx, args| cx.data::<Arrived>().abuff1 = is_bytes(&args))
        .on("abuff2", |cx, _| {
            let is_second = cx.data::<Arrived>().abuff1;
            answer_if(cx, is_second, "abuff2-ack");
        })
        .on("blob", move |cx, args| answer_if(cx, is_bytes(&args), "back"))
        .on("jsonblob", move |cx, args| answer_if(cx, is_mixed(&args), "jsonblob-ack"))
        .on("blob1", move |cx, args| cx.data::<Arrived>().blob1 = is_bytes(&args))
        .on("blob2", |cx, args| {
            let is_word = args.get::<String>(0).is_ok();
            let arrived = cx.data::<Arrived>();
            arrived.blob2 = arrived.blob1 && is_word;
        })
        .on("blob3", move |cx, args| {
            let is_third = cx.data::<Arrived>().blob2 && is_bytes(&args);
            answer_if(cx, is_third, "blob3-ack");
        });
}

fn answer_if(cx: &mut Context<'_>, is_right: bool, event: &str) {
    if is_right {
        cx.emit(event, ());
    }
}

/// `socket.handshake` of the reference.
#[derive(Serialize)]
struct AsNode {
    headers: BTreeMap<String, String>,
    time: String,
    address: String,
    xdomain: bool,
    secure: bool,
    issued: u64,
    url: String,
    query: BTreeMap<String, Value>,
    auth: Value,
}

fn as_node_shapes(cx: &Context<'_>) -> Option<AsNode> {
    let handshake = cx.handshake()?;
    Some(AsNode {
        headers: headers(&handshake.headers),
        time: handshake.time(),
        address: handshake.address.to_string(),
        xdomain: handshake.xdomain(),
        secure: handshake.secure(),
        issued: handshake.issued,
        url: handshake.url.to_string(),
        query: query(handshake),
        auth: cx.auth().get().unwrap_or_default(),
    })
}

/// Several of one name are one to Node, but for the separator of cookies.
fn headers(headers: &Headers) -> BTreeMap<String, String> {
    let joined = |name: &str| {
        let values = headers.get_all(name).iter();
        let values: Vec<_> = values.map(|it| String::from_utf8_lossy(it.as_bytes())).collect();
        values.join(if name == "cookie" { "; " } else { ", " })
    };
    headers.keys().map(|name| (name.to_string(), joined(name.as_str()))).collect()
}

/// Several of one name are a list to Node.
fn query(handshake: &Handshake) -> BTreeMap<String, Value> {
    let mut query = BTreeMap::<String, Value>::new();
    for (name, value) in handshake.params() {
        let value = Value::from(value);
        match query.get_mut(&*name) {
            None => drop(query.insert(name.into_owned(), value)),
            Some(Value::Array(values)) => values.push(value),
            Some(first) => *first = json!([first.take(), value]),
        }
    }
    query
}

/// `new Date()` as JSON has it.
fn now() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    iso(now.as_millis() as u64)
}

fn iso(ms: u64) -> String {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    // The library knows the calendar.
    let address = std::net::Ipv4Addr::LOCALHOST.into();
    let time =
        Handshake { address, url: "/".into(), headers: Headers::default(), issued: ms }.time();
    let words: Vec<&str> = time.split(' ').collect();
    let month = MONTHS.iter().position(|name| *name == words[1]).map_or(0, |at| at + 1);
    format!("{}-{month:02}-{}T{}.{:03}Z", words[3], words[2], words[4], ms % 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_look_as_javascript_sends_them() {
        assert_eq!(iso(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(iso(1_795_275_361_007), "2026-11-21T15:36:01.007Z");
    }
}
