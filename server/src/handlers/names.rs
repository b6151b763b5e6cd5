//! Namespaces by the names that users call them, and what the world knows them by.
//! Their handlers are not here: those may hold an emitter, which holds this.

use std::sync::Arc;

use parlor_core::{input::Scope, key::NamespaceKey};
use parlor_shared::api::lobby;
use regex_lite::Regex;

use super::Matching;

/// Names of a server's namespaces, in the order of their keys. Of those that are made when a client
/// names them, a parent stands here, with its pattern for a name.
#[derive(Debug, Default)]
pub(crate) struct Names {
    listed: Vec<String>,
    /// `/lobby` stands behind them, where the world serves it.
    has_lobby: bool,
    parents: Vec<NamespaceKey>,
    /// What parents' children are called, as far as it is known without their predicates: those
    /// too may hold an emitter.
    patterns: Vec<Regex>,
    has_predicates: bool,
    /// Those whose sockets can be had back, and of parents their children's.
    recoverable: Vec<NamespaceKey>,
}

/// Whether the sockets of a namespace can be had back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Recovery {
    Off,
    On,
    /// It is a child, and some parents' can.
    OfSome,
}

impl Names {
    /// Each with what its children are called, if it is a parent, and whether its sockets can be
    /// had back.
    pub(crate) fn new<'a>(
        names: impl Iterator<Item = (&'a str, Option<&'a Matching>, bool)>,
    ) -> Self {
        let mut all = Self::default();
        for (name, matching, is_recoverable) in names {
            if is_recoverable {
                all.recoverable.push(key(all.listed.len()));
            }
            if let Some(matching) = matching {
                all.parents.push(key(all.listed.len()));
                match matching {
                    Matching::Pattern(pattern) => all.patterns.push(pattern.clone()),
                    Matching::Predicate(_) => all.has_predicates = true,
                }
            }
            all.listed.push(name.to_owned());
        }
        all
    }

    /// The world serves `/lobby` beside them.
    pub(crate) fn with_lobby(self, has_lobby: bool) -> Self {
        Self { has_lobby, ..self }
    }

    pub(crate) fn listed(&self) -> &[String] {
        &self.listed
    }

    pub(crate) fn parents(&self) -> &[NamespaceKey] {
        &self.parents
    }

    pub(crate) fn recoverable(&self) -> Vec<NamespaceKey> {
        self.recoverable.clone()
    }

    /// True if the sockets of a namespace of the list, or of its children, can be had back.
    pub(super) fn is_recoverable(&self, key: NamespaceKey) -> bool {
        self.recoverable.contains(&key)
    }

    pub(super) fn recovery(&self, scope: &Scope) -> Recovery {
        let parents = || self.parents.iter().map(|parent| self.is_recoverable(*parent));
        match scope {
            _ if self.recoverable.is_empty() => Recovery::Off,
            Scope::Listed(key) if self.is_recoverable(*key) => Recovery::On,
            Scope::Listed(_) => Recovery::Off,
            Scope::Child(_) if parents().all(|is| is) => Recovery::On,
            Scope::Child(_) if parents().any(|is| is) => Recovery::OfSome,
            Scope::Child(_) => Recovery::Off,
        }
    }

    /// What clients call it; of a parent, its pattern.
    pub(super) fn text<'a>(&'a self, scope: &'a Scope) -> &'a str {
        match scope {
            Scope::Listed(key) => {
                self.listed.get(key.0 as usize).map_or(lobby::NAMESPACE, String::as_str)
            }
            Scope::Child(name) => name,
        }
    }

    /// The namespace of this name, which may have no socket. `None`: it has no handlers. With a
    /// predicate among the parents any may have some.
    pub(super) fn find(&self, name: &str) -> Option<Scope> {
        let at = self.listed.iter().position(|known| known == name);
        let is_child =
            || self.has_predicates || self.patterns.iter().any(|pattern| pattern.is_match(name));
        let child = || (name.starts_with('/') && is_child()).then(|| name.into());
        let is_lobby = self.has_lobby && name == lobby::NAMESPACE;
        let at = at.or_else(|| is_lobby.then_some(self.listed.len()));
        at.map(|at| Scope::Listed(key(at))).or_else(|| child().map(Scope::Child))
    }

    /// The parent, if it is one.
    pub(super) fn parent(&self, scope: &Scope) -> Option<NamespaceKey> {
        match scope {
            Scope::Listed(key) if self.parents.contains(key) => Some(*key),
            _ => None,
        }
    }
}

/// A socket's namespace, of this key or a child of it.
pub(super) fn scope_of(key: NamespaceKey, child: Option<&Arc<str>>) -> Scope {
    child.map_or(Scope::Listed(key), |name| Scope::Child(Arc::clone(name)))
}

fn key(index: usize) -> NamespaceKey {
    NamespaceKey(u32::try_from(index).expect("few namespaces"))
}
