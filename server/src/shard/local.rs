//! What runs on a shard's thread beside its turns: connections that speak HTTP, mostly.
//! While there is nothing of that, the shard's loop need not ask the runtime whether there is.

use std::cell::Cell;

thread_local! {
    static N_TASKS: Cell<usize> = const { Cell::new(0) };
}

/// Counts a task until it has ended or is dropped.
struct Counted;

impl Counted {
    fn new() -> Self {
        N_TASKS.set(N_TASKS.get() + 1);
        Self
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        N_TASKS.set(N_TASKS.get() - 1);
    }
}

/// Runs something on the shard whose thread this is.
pub(crate) fn spawn(task: impl Future<Output = ()> + 'static) {
    let counted = Counted::new();
    tokio::task::spawn_local(async move {
        let _counted = counted;
        task.await;
    });
}

/// How much of that is under way on this thread.
pub(super) fn n_tasks() -> usize {
    N_TASKS.get()
}
