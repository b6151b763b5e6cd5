//! Data of sockets whose clients may come back, to whichever shard of the process.
//! How long they are kept is core's to say.

use std::{
    collections::HashMap,
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
};

use parlor_shared::id::Pid;

use super::{context::Data, foreign::Foreign};

/// One per process, because a client comes back to any shard.
#[derive(Default)]
pub(crate) struct Cloakroom {
    /// A lock, held for one look-up, when a connection is lost or found again.
    kept: Mutex<HashMap<Pid, Foreign<Data>>>,
}

impl fmt::Debug for Cloakroom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cloakroom").field("n_kept", &self.lock().len()).finish()
    }
}

impl Cloakroom {
    pub(super) fn put(&self, pid: Pid, data: Foreign<Data>) {
        let before = self.lock().insert(pid, data);
        // Its drop is the user's code, which may take its time.
        drop(before);
    }

    pub(super) fn take(&self, pid: &Pid) -> Option<Foreign<Data>> {
        self.lock().remove(pid)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Pid, Foreign<Data>>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
