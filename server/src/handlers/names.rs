//! Namespaces by the names that users call them, and what the world knows them by.
//! Their handlers are not here: those may hold an emitter, which holds this.

use std::sync::Arc;

use parlor_core::{input::Scope, key::NamespaceKey};

/// Names of a server's namespaces, in the order of their keys. Of those that are made when a client
/// names them, a parent stands here, with its pattern for a name.
#[derive(Debug, Default)]
pub(crate) struct Names {
    listed: Vec<String>,
    parents: Vec<NamespaceKey>,
}

impl Names {
    /// Each with whether it is a parent.
    pub(crate) fn new<'a>(names: impl Iterator<Item = (&'a str, bool)>) -> Self {
        let mut all = Self::default();
        for (name, is_parent) in names {
            if is_parent {
                all.parents.push(key(all.listed.len()));
            }
            all.listed.push(name.to_owned());
        }
        all
    }

    pub(crate) fn listed(&self) -> &[String] {
        &self.listed
    }

    pub(crate) fn parents(&self) -> &[NamespaceKey] {
        &self.parents
    }

    /// What clients call it; of a parent, its pattern.
    pub(super) fn text<'a>(&'a self, scope: &'a Scope) -> &'a str {
        match scope {
            Scope::Listed(key) => &self.listed[key.0 as usize],
            Scope::Child(name) => name,
        }
    }

    /// The namespace of this name, which may have no socket. `None`: it has no handlers.
    pub(super) fn find(&self, name: &str) -> Option<Scope> {
        let at = self.listed.iter().position(|known| known == name);
        let child = || (!self.parents.is_empty() && name.starts_with('/')).then(|| name.into());
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
