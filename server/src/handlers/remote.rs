//! Sockets as other shards and threads know them: what each shard's driver tells of its own, and
//! how that is read.

use std::{borrow::Cow, fmt, net::IpAddr, sync::Arc};

use parlor_core::{
    cluster::{Answer, Message, SocketInfo},
    key::ShardId,
};
use parlor_shared::id::SocketId;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;

use super::{
    Handlers, Handshake, context,
    handshake::{date, param, params, query, shown},
    tasks::caught,
};

/// A socket of any shard, as it was when its shard was asked.
///
/// Whoever has its id reaches it from anywhere: the id is a room with that socket in it.
///
/// ```
/// # let mut server = parlor_server::Server::default();
/// server.namespace("/").on("kick the rest", |cx, _| {
///     cx.broadcast().fetch_sockets(|cx, sockets| {
///         for socket in sockets.iter().filter(|socket| socket.rooms.is_empty()) {
///             cx.everyone().to(socket.id).emit("bye", ());
///             cx.everyone().to(socket.id).disconnect_sockets(true);
///         }
///     });
/// });
/// ```
#[derive(Debug, Clone)]
pub struct RemoteSocket {
    /// Its public id.
    pub id: SocketId,
    /// Its shard.
    pub shard: ShardId,
    /// The rooms that it was in, but for that of its own id; in the order of joining.
    pub rooms: Vec<String>,
    /// The request that opened its session; `None` if it was gone just then.
    pub handshake: Option<RemoteHandshake>,
    data: Option<Box<RawValue>>,
}

/// What other shards are told of a handshake. Its `Debug` leaves out what may tell a secret.
#[derive(Clone, Serialize, Deserialize)]
pub struct RemoteHandshake {
    /// The client's address, as told by trusted proxies.
    pub address: IpAddr,
    /// Path and query, as they were asked for.
    pub url: Box<str>,
    /// Names and values of the headers, those that are text.
    pub headers: Vec<(String, String)>,
    /// When it came: milliseconds since the beginning of 1970 in UTC.
    pub issued: u64,
}

/// What a shard's driver adds to what its world knows.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Details {
    handshake: Option<RemoteHandshake>,
    data: Option<Box<RawValue>>,
}

impl RemoteSocket {
    pub(super) fn of(info: SocketInfo) -> Self {
        let SocketInfo { id, shard, rooms, details, .. } = info;
        let details = details.and_then(|details| serde_json::from_str(&details).ok());
        let Details { handshake, data } = details.unwrap_or_default();
        Self { id, shard, rooms, handshake, data }
    }

    /// The socket's data, as its namespace shows it since
    /// [`show_data`](super::Namespace::show_data); `None` if it does not, or the socket had none.
    ///
    /// # Errors
    /// If it is not a `T`.
    pub fn data<T: DeserializeOwned>(&self) -> Option<Result<T, serde_json::Error>> {
        self.data.as_ref().map(|data| serde_json::from_str(data.get()))
    }
}

impl fmt::Debug for RemoteHandshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers = self.headers.iter();
        let headers = headers.map(|(name, value)| shown(name.as_bytes(), value.as_bytes()));
        let headers: Vec<_> = headers.collect();
        f.debug_struct("RemoteHandshake")
            .field("address", &self.address)
            .field("headers", &headers)
            .finish_non_exhaustive()
    }
}

impl RemoteHandshake {
    /// The query string, without `?`.
    pub fn query(&self) -> &str {
        query(&self.url)
    }

    /// What the query string says, decoded; see [`Handshake::params`].
    pub fn params(&self) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
        params(&self.url)
    }

    /// The first value of this name in the query string, decoded.
    pub fn param(&self, name: &str) -> Option<Cow<'_, str>> {
        param(&self.url, name)
    }

    /// [`Self::issued`] for people; see [`Handshake::time`].
    pub fn time(&self) -> String {
        date(self.issued)
    }

    fn of(handshake: &Handshake) -> Self {
        // A copy, because the map that is made of them would stay.
        let headers = handshake.headers.clone();
        let text = |value: &hyper::header::HeaderValue| Some(value.to_str().ok()?.to_owned());
        let headers = headers.iter().filter_map(|(n, v)| Some((n.as_str().to_owned(), text(v)?)));
        Self {
            address: handshake.address,
            url: handshake.url.clone(),
            headers: headers.collect(),
            issued: handshake.issued,
        }
    }
}

impl Handlers {
    /// Adds what is told of this shard's sockets to what goes to others.
    pub(crate) fn describe(&self, message: &mut Message) {
        if let Message::Answer(_, answer) = message {
            self.describe_in(answer);
        }
    }

    /// Adds it to those of an answer that are this shard's.
    pub(super) fn describe_in(&self, answer: &mut Answer) {
        let Answer::Sockets(sockets) = answer else { return };
        for told in sockets {
            let own = self.sockets.get(told.socket).filter(|own| own.id == told.id);
            if told.details.is_none()
                && let Some(own) = own
            {
                let details = serde_json::to_string(&self.details(own));
                told.details = details.ok().map(String::into_boxed_str);
            }
        }
    }

    fn details(&self, own: &context::SocketInfo) -> Details {
        let show = self.namespaces[own.namespace.0 as usize].1.show_data.as_ref();
        let handshake = own.handshake.as_deref().map(RemoteHandshake::of);
        // It runs code of the user's.
        let shown = show.and_then(|show| {
            let shown = own.data().map(|data| caught(|| show(data)));
            shown.and_then(|shown| match shown {
                Ok(text) => text,
                Err(words) => {
                    self.desk.env.report_panic("data of a socket", &words);
                    None
                }
            })
        });
        let data = shown.and_then(|text| RawValue::from_string(text).ok());
        Details { handshake, data }
    }
}

/// Makes JSON of a socket's data, if it is of the type that is shown.
pub(super) type ShowData = Arc<dyn Fn(&(dyn std::any::Any + Send)) -> Option<String> + Send + Sync>;

pub(super) fn show<T: Serialize + 'static>() -> ShowData {
    Arc::new(|data| serde_json::to_string(data.downcast_ref::<T>()?).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_as_on_its_own_shard() {
        let (address, url, issued) = ([127, 0, 0, 1].into(), "/?a=%26&b=c&a=", 951_868_800_000);
        let own = Handshake { address, url: url.into(), headers: Default::default(), issued };
        let told = RemoteHandshake::of(&own);
        assert_eq!(told.params().collect::<Vec<_>>(), own.params().collect::<Vec<_>>());
        assert_eq!((told.param("a").as_deref(), told.param("x")), (Some("&"), None));
        assert_eq!(told.time(), own.time());
    }

    #[test]
    fn adm_09_what_is_printed_of_it_tells_no_secret() {
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let handshake = RemoteHandshake {
            address: [127, 0, 0, 1].into(),
            url: "/socket.io/?token=secret".into(),
            headers: vec![header("cookie", "secret"), header("user-agent", "a browser")],
            issued: 0,
        };
        let printed = format!("{handshake:?}");
        assert!(!printed.contains("secret") && printed.contains("a browser"), "{printed}");
    }
}
