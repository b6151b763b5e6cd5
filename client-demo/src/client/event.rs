//! What a client learns: the events of the machine, and arguments that stay raw until asked for.

use std::{borrow::Cow, sync::Arc};

use bytes::Bytes;
use parlor_shared::{engine_io::Handshake, socket_io::Args};
use serde_json::value::RawValue;

/// Something happened. Borrowed from the buffer that was read into; [`Event::into_owned`] keeps it.
#[derive(Debug, Clone)]
pub enum Event<'d> {
    /// The session is open; namespaces can be connected now.
    Open(Handshake),
    /// A namespace is connected.
    Connected {
        /// Which.
        namespace: Arc<str>,
        /// This client's public id in it.
        id: String,
        /// What to claim that socket by after the connection was lost, where it can be had back.
        pid: Option<String>,
    },
    /// The server refuses a namespace.
    Refused {
        /// Which.
        namespace: Arc<str>,
        /// Why.
        refusal: ConnectRefusal,
    },
    /// The server sent an event.
    Pushed(Pushed<'d>),
    /// The server answered a question.
    Answered {
        /// Given with the question.
        token: u64,
        /// The answer.
        arguments: Arguments<'d>,
    },
    /// The server took this client out of a namespace; its open questions will not be answered.
    Disconnected {
        /// Which.
        namespace: Arc<str>,
    },
    /// The session has ended in good order, and with it every namespace.
    Closed(CloseReason),
}

/// Why a namespace was refused.
#[derive(Debug, Clone)]
pub struct ConnectRefusal {
    /// For people.
    pub message: String,
    /// Whatever the server added.
    pub data: Option<Box<RawValue>>,
}

/// Who ended a session in good order. Ends in disorder are [`super::ClientError`]s.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CloseReason {
    /// This program; there is nothing to reconnect for.
    #[error("closed by this side")]
    Ours,
    /// The server, with an Engine.IO packet: it does not want this session any more.
    #[error("the server ended the session")]
    Server,
    /// The server, with a close frame. Code 1001 (it shuts down) and 1013 (we read too slowly)
    /// invite to reconnect later; other codes name a mistake of this side.
    #[error("the server closed the connection{}", shown(.0))]
    ServerCode(Option<u16>),
}

/// A close code as it is shown.
fn shown(code: &Option<u16>) -> String {
    code.map(|code| format!(" with code {code}")).unwrap_or_default()
}

/// An event that the server sent.
#[derive(Debug, Clone)]
pub struct Pushed<'d> {
    pub(super) namespace: Arc<str>,
    pub(super) id: Option<u64>,
    pub(super) arguments: Arguments<'d>,
}

impl Pushed<'_> {
    /// The namespace it came in.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The event's name.
    pub fn name(&self) -> Cow<'_, str> {
        self.args().name()
    }

    /// Its arguments.
    pub fn args(&self) -> Args<'_> {
        self.arguments.args()
    }

    /// What to answer with [`super::Client::answer`]; `None` if no answer is wanted.
    pub fn question(&self) -> Option<Question> {
        Some(Question { namespace: Arc::clone(&self.namespace), id: self.id? })
    }
}

/// A question of the server's: answer it once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    pub(super) namespace: Arc<str>,
    pub(super) id: u64,
}

/// Arguments as they came.
#[derive(Debug, Clone)]
pub struct Arguments<'d> {
    /// The whole packet.
    pub(super) text: Cow<'d, str>,
    /// Where its JSON array begins.
    pub(super) array_at: usize,
    /// True if the array's first element is the event's name.
    pub(super) has_name: bool,
    pub(super) attachments: Vec<Bytes>,
}

impl Arguments<'_> {
    /// The arguments, to be read as types.
    pub fn args(&self) -> Args<'_> {
        let array = &self.text[self.array_at..];
        if self.has_name {
            Args::of_event(array, &self.attachments)
        } else {
            Args::of_ack(array, &self.attachments)
        }
    }

    /// The same, kept; copies the text if it was borrowed.
    pub fn into_owned(self) -> Arguments<'static> {
        Arguments { text: Cow::Owned(self.text.into_owned()), ..self }
    }
}

impl Event<'_> {
    /// The same, kept; copies the text if it was borrowed.
    pub fn into_owned(self) -> Event<'static> {
        match self {
            Self::Open(handshake) => Event::Open(handshake),
            Self::Connected { namespace, id, pid } => Event::Connected { namespace, id, pid },
            Self::Refused { namespace, refusal } => Event::Refused { namespace, refusal },
            Self::Pushed(pushed) => Event::Pushed(Pushed {
                arguments: pushed.arguments.into_owned(),
                namespace: pushed.namespace,
                id: pushed.id,
            }),
            Self::Answered { token, arguments } => {
                Event::Answered { token, arguments: arguments.into_owned() }
            }
            Self::Disconnected { namespace } => Event::Disconnected { namespace },
            Self::Closed(reason) => Event::Closed(reason),
        }
    }
}
