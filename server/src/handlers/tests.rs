//! Handlers without a server: limits that would take long to reach from outside.

use std::sync::Arc;

use parlor_core::{
    engine_io::Transport,
    key::{Key as _, NamespaceKey, SessionKey},
};
use parlor_shared::id::{ID_BYTES, SocketId};

use super::{desk::MAX_WISHES_PER_CALL, tasks::MAX_RUNNING_HANDLERS, *};
use crate::mailbox::{Inbox, MAX_PARCELS, mailbox};

const SOCKET: fn(u32) -> SocketKey = |number| SocketKey::new(number, 0);

struct NoSessions;

impl Sessions for NoSessions {
    fn transport(&self, _: SessionKey) -> Option<Transport> {
        None
    }

    fn handshake(&self, _: SessionKey) -> Option<&Arc<Handshake>> {
        None
    }

    fn queued_bytes(&self, _: SessionKey) -> usize {
        0
    }

    fn queued_packets(&self, _: SessionKey) -> usize {
        0
    }

    fn is_blocked(&self, _: SessionKey) -> bool {
        true
    }

    fn n_replaced(&self, _: SessionKey) -> u64 {
        0
    }
}

fn env() -> (Arc<Env>, Inbox) {
    let (mailbox, inbox) = mailbox();
    (Arc::new(Env::alone(mailbox)), inbox)
}

fn handlers(tasks: Tasks, build: impl FnOnce(&mut Namespace)) -> Handlers {
    let mut namespace = Namespace::default();
    build(&mut namespace);
    Handlers::new(env().0, &[("/".to_owned(), namespace)], ServerSide::default(), tasks)
}

impl Handlers {
    fn connect(&mut self, number: u32) -> String {
        let id = SocketId::from_bytes([0; ID_BYTES]);
        let session = SessionKey::new(number, 0);
        let wanted = (SOCKET(number), id, session);
        self.connecting(&NoSessions, Time::ZERO, wanted, (NamespaceKey(0), None), None);
        format!("{:?}", self.next_wish().unwrap())
    }

    fn wishes(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.next_wish()).map(|input| format!("{input:?}")).collect()
    }
}

#[test]
fn one_call_may_want_so_much_and_not_one_thing_more() {
    let mut handlers = handlers(HandlerThreads::new(1).tasks(), |namespace| {
        namespace.on("e", |cx, args| {
            (0..args.get(0).unwrap()).for_each(|_: usize| cx.join("room"));
        });
    });
    handlers.connect(1);
    for n in [MAX_WISHES_PER_CALL, MAX_WISHES_PER_CALL, MAX_WISHES_PER_CALL + 1] {
        let text = format!("[\"e\",{n}]");
        let args = Args::of_event(&text, &[]);
        handlers.event(&NoSessions, Time::ZERO, (SOCKET(1), NamespaceKey(0)), args, None).unwrap();
        let wishes = handlers.wishes();
        let has_failed = wishes.last().unwrap().contains("HandlerFailed");
        assert_eq!((has_failed, wishes.len()), (n > MAX_WISHES_PER_CALL, n));
    }
    assert_eq!(handlers.desk.env.metrics.handler_panics.get(), 1);
}

#[test]
fn while_so_many_async_handlers_run_no_more_sockets_are_taken() {
    let threads = HandlerThreads::new(1);
    let tasks = threads.tasks();
    let mut handlers = handlers(tasks.clone(), |namespace| {
        namespace.on_async("e", |_, _| async {});
    });
    tasks.pretend(MAX_RUNNING_HANDLERS - 1);
    assert!(handlers.connect(1).starts_with("Admit"));
    tasks.pretend(MAX_RUNNING_HANDLERS);
    assert!(handlers.connect(2).contains("Server is busy"));
    assert_eq!(handlers.sockets.len(), 1, "nothing is kept of it");
    tasks.pretend(0);
    assert!(handlers.connect(2).starts_with("Admit"));
}

#[test]
fn an_emitter_learns_that_the_shard_has_as_much_to_do_as_it_may() {
    let (env, inbox) = env();
    let emitter = Emitter::default();
    emitter.start(Arc::clone(&env));
    for _ in 0..MAX_PARCELS {
        emitter.namespace("/").emit("e", ()).unwrap();
    }
    let refused = emitter.namespace("/").emit("e", ());
    assert!(matches!(refused, Err(EmitError::Overloaded)), "{refused:?}");
    assert_eq!(env.metrics.emits_refused.get(), 1);
    let period = std::time::Duration::from_secs(1);
    assert!(matches!(emitter.every(period, |_| ()), Err(EmitError::Overloaded)));
    assert_eq!(inbox.take().len(), MAX_PARCELS);
    emitter.namespace("/").emit("e", ()).unwrap();
}
