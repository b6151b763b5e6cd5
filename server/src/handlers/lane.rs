//! The events of one socket that wait behind an async handler.
//! Acks, pings, disconnects and renewed tokens never come here: they overtake.

use std::collections::VecDeque;

use parlor_shared::socket_io::OwnedArgs;

/// Events of one socket that may wait behind its handler.
pub(crate) const MAX_WAITING_EVENTS: usize = 1024;
/// Bytes of them: as much as may wait for a client in the other direction.
pub(crate) const MAX_WAITING_BYTES: usize = 1024 * 1024;

/// One event that waits.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) args: OwnedArgs,
    pub(super) ack: Option<u64>,
}

/// A client sent more than may wait behind a handler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooMuchWaits;

/// `idle ──begin──► running ──end──► idle, as soon as what waited has been taken`
#[derive(Debug, Default)]
pub(super) struct Lane {
    is_running: bool,
    /// `None` if nothing waits: most sockets never have anything here.
    waiting: Option<Box<Queue>>,
}

#[derive(Debug, Default)]
struct Queue {
    events: VecDeque<Waiting>,
    n_bytes: usize,
}

impl Lane {
    /// True if an event that comes now has to wait.
    pub(super) fn is_taken(&self) -> bool {
        self.is_running || self.waiting.is_some()
    }

    pub(super) fn begin(&mut self) {
        debug_assert!(!self.is_running, "one handler at a time");
        self.is_running = true;
    }

    pub(super) fn end(&mut self) {
        self.is_running = false;
    }

    pub(super) fn wait(&mut self, event: Waiting) -> Result<(), TooMuchWaits> {
        let (n_events, n_bytes) =
            self.waiting.as_ref().map_or((0, 0), |queue| (queue.events.len(), queue.n_bytes));
        let n_bytes = n_bytes + event.args.n_bytes();
        if n_events == MAX_WAITING_EVENTS || n_bytes > MAX_WAITING_BYTES {
            return Err(TooMuchWaits);
        }
        let queue = self.waiting.get_or_insert_default();
        queue.n_bytes = n_bytes;
        queue.events.push_back(event);
        Ok(())
    }

    /// The event whose turn it is; `None` if a handler runs or nothing waits.
    pub(super) fn next(&mut self) -> Option<Waiting> {
        if self.is_running {
            return None;
        }
        let queue = self.waiting.as_mut()?;
        let event = queue.events.pop_front()?;
        queue.n_bytes -= event.args.n_bytes();
        if queue.events.is_empty() {
            self.waiting = None;
        }
        Some(event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parlor_shared::socket_io::Args;

    fn event(text: &str) -> Waiting {
        Waiting { args: Args::of_event(text, &[]).to_owned(), ack: None }
    }

    #[test]
    fn events_wait_in_order_while_a_handler_runs() {
        let mut lane = Lane::default();
        assert!(!lane.is_taken());
        lane.begin();
        assert!(lane.is_taken() && lane.next().is_none());
        for name in ["a", "b", "c"] {
            lane.wait(event(&format!(r#"["{name}"]"#))).unwrap();
        }
        assert!(lane.next().is_none());
        lane.end();
        assert_eq!(lane.next().unwrap().args.name(), "a");
        assert!(lane.is_taken(), "what came first still waits");
        lane.begin();
        assert!(lane.next().is_none());
        lane.end();
        let rest = [lane.next(), lane.next()].map(|event| event.unwrap().args.name().into_owned());
        assert_eq!(rest, ["b", "c"]);
        assert!(!lane.is_taken());
    }

    #[test]
    fn as_many_events_wait_as_may_and_not_one_more() {
        let mut lane = Lane::default();
        lane.begin();
        for _ in 0..MAX_WAITING_EVENTS {
            lane.wait(event(r#"["e"]"#)).unwrap();
        }
        assert_eq!(lane.wait(event(r#"["e"]"#)), Err(TooMuchWaits));
        lane.end();
        assert!(lane.next().is_some());
        lane.wait(event(r#"["e"]"#)).unwrap();
    }

    #[test]
    fn as_many_bytes_wait_as_may_and_not_one_more() {
        let mut lane = Lane::default();
        lane.begin();
        let of = |n_bytes: usize| event(&format!("[\"e\",\"{}\"]", "x".repeat(n_bytes - 8)));
        assert_eq!(of(MAX_WAITING_BYTES).args.n_bytes(), MAX_WAITING_BYTES);
        assert_eq!(lane.wait(of(MAX_WAITING_BYTES + 1)), Err(TooMuchWaits));
        lane.wait(of(MAX_WAITING_BYTES - 10)).unwrap();
        lane.wait(of(10)).unwrap();
        assert_eq!(lane.wait(of(10)), Err(TooMuchWaits));
    }
}
