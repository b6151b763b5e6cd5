//! Namespaces that are made when a client names them: whose child a name is, and who hears of it.
//! That they come, and go with their last socket, is core's part.

use std::{fmt, sync::Arc};

use parlor_core::{
    input::Input,
    key::{NamespaceKey, SessionKey, SocketKey},
    time::Time,
};
use parlor_shared::id::SocketId;
use regex_lite::Regex;

use super::{Auth, ConnectError, Handlers, Sessions, ShardContext, tasks::caught};
use crate::limits::Budget;

type Predicate = dyn Fn(&str, Auth<'_>) -> bool + Send + Sync;
pub(super) type OnNewNamespace = Arc<dyn Fn(&mut ShardContext<'_>, &str) + Send + Sync>;

/// Which names are those of a parent's children.
#[derive(Clone)]
pub(crate) enum Matching {
    Pattern(Regex),
    Predicate(Arc<Predicate>),
}

impl fmt::Debug for Matching {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pattern(pattern) => pattern.fmt(f),
            Self::Predicate(_) => f.write_str("Predicate"),
        }
    }
}

impl Matching {
    /// # Panics
    /// If it is no regular expression.
    pub(crate) fn pattern(pattern: &str) -> Self {
        let read = Regex::new(pattern);
        Self::Pattern(read.unwrap_or_else(|error| panic!("the pattern {pattern}: {error}")))
    }

    fn takes(&self, name: &str, auth: Auth<'_>) -> bool {
        match self {
            Self::Pattern(pattern) => pattern.is_match(name),
            Self::Predicate(takes) => takes(name, auth),
        }
    }
}

/// A socket to be, in a namespace that nobody is in.
pub(crate) struct Unlisted<'a> {
    pub(crate) socket: SocketKey,
    pub(crate) id: SocketId,
    pub(crate) session: SessionKey,
    pub(crate) name: &'a Arc<str>,
    pub(crate) auth: Option<&'a str>,
}

impl Handlers {
    /// Asks each parent in turn whether the name is one of its children's.
    pub(crate) fn unlisted(
        &mut self,
        now: Time,
        sessions: &dyn Sessions,
        wanted: &Unlisted<'_>,
    ) -> Option<Arc<Budget>> {
        let Unlisted { socket, id, session, name, auth } = *wanted;
        let namespaces = Arc::clone(&self.namespaces);
        let parents = namespaces.iter().enumerate().filter_map(|(at, (_, parent))| {
            parent.matching.as_ref().map(|matching| (at, parent, matching))
        });
        for (at, parent, matching) in parents {
            match caught(|| matching.takes(name, Auth(auth))) {
                Ok(false) => {}
                Ok(true) => {
                    let key = NamespaceKey(u32::try_from(at).expect("few namespaces"));
                    self.desk.note(Input::Adopt(socket, key));
                    for run in &parent.new_namespace {
                        self.run_here(now, name, |cx| run(cx, name));
                    }
                    let wanted = (socket, id, session);
                    return self.connecting(sessions, now, wanted, (key, Some(name)), auth);
                }
                Err(words) => {
                    self.desk.env.report_panic(name, &words);
                    let ConnectError { message, data, .. } = ConnectError::internal();
                    self.desk.note(Input::Refuse(socket, message, data));
                    return None;
                }
            }
        }
        self.desk.note(Input::Refuse(socket, "Invalid namespace".to_owned(), None));
        None
    }
}
