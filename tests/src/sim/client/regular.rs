//! What clients do in namespace `/kept`: they come back to what they had, as stock ones do.
//! Source: socket.io-client 4.8 keeps the `pid` of the welcome, and of each event the last argument
//! if that is a string; it sends both with every CONNECT.

use parlor_core::close::CloseReason;
use serde_json::{Value, json};

use crate::sim::{Invariant, Sim, chance::Chance as _, kept, oracle::At};

#[derive(Debug, Default)]
pub(super) struct Regular {
    /// Connected in the session of the moment.
    is_in: bool,
    /// It has asked for that, and has no answer.
    is_asking: bool,
    pid: Option<String>,
    offset: Option<String>,
    n_said: u64,
    /// An event whose attachment is still to come.
    half: Option<Vec<Value>>,
}

impl Sim {
    /// Comes to the namespace, or back to it.
    pub(super) fn regular_asks(&mut self, n: usize) {
        let victim = self.random.below(self.clients.len() as u32) as usize;
        // What belongs to nobody in particular is whose who names it.
        let is_other =
            |identity: Option<String>| identity.is_some() && identity != kept::identity(n);
        let is_thief = self.random.one_in(12) && is_other(kept::identity(victim));
        let had = &self.clients[if is_thief { victim } else { n }].regular;
        let mut auth = json!({ "client": n });
        if let Some(pid) = &had.pid {
            auth["pid"] = json!(pid);
            if let Some(offset) = &had.offset {
                auth["offset"] = json!(offset);
            }
        }
        self.clients[n].regular.is_asking = true;
        self.say(n, &format!("40/kept,{auth}"));
    }

    pub(super) fn regular_acts(&mut self, n: usize) {
        let regular = &mut self.clients[n].regular;
        if !regular.is_in {
            if !regular.is_asking && !self.clients[n].mood.is_idle && self.random.one_in(5) {
                self.regular_asks(n);
            }
            return;
        }
        if self.random.one_in(80) {
            // Whatever else it has said is against the rules by then.
            if let Some(at) = self.clients[n].at {
                self.oracle.allow(at, CloseReason::ForcedClose);
            }
            self.clients[n].regular.is_in = false;
            return self.say(n, "41/kept,");
        }
        let number = regular.n_said;
        regular.n_said += 1;
        self.say(n, &format!(r#"42/kept,["act",{number}]"#));
    }

    pub(super) fn regular_packet(&mut self, n: usize, text: &str) {
        let (head, rest) = text.split_once(',').unwrap_or((text, ""));
        let words = || serde_json::from_str(rest).expect("a server's JSON");
        let regular = &mut self.clients[n].regular;
        match head.as_bytes().first() {
            Some(b'0') => {
                let welcome: Value = words();
                let text = |name: &str| welcome[name].as_str().unwrap_or_default().to_owned();
                let (id, pid) = (text("sid"), text("pid"));
                let is_recovered = regular.pid.replace(pid.clone()).as_ref() == Some(&pid);
                if !is_recovered {
                    regular.offset = None;
                }
                (regular.is_in, regular.is_asking) = (true, false);
                self.trace.n_welcomes += 1;
                self.trace.n_recovered += u64::from(is_recovered);
                let result = self.oracle.returns.welcomed(self.now, n, &id, &pid);
                self.regular_holds(n, result);
            }
            Some(b'1') => {
                (regular.is_in, regular.is_asking) = (false, false);
                self.oracle.returns.is_out(n);
            }
            Some(b'2') => {
                let Value::Array(args) = words() else { return };
                self.regular_event(n, &args);
            }
            Some(b'5') => {
                let Value::Array(args) = words() else { return };
                regular.half = Some(args);
            }
            // Refused.
            _ => regular.is_asking = false,
        }
    }

    /// An attachment has arrived; false if it is nothing of this namespace's.
    pub(super) fn regular_bytes(&mut self, n: usize, bytes: &[u8]) -> bool {
        let Some(args) = self.clients[n].regular.half.take() else { return false };
        let number = args[1].as_u64().unwrap_or_default();
        if number.to_le_bytes() != bytes {
            let what = format!("client {n} gets an attachment of something else: {bytes:?}");
            self.oracle.broken(Invariant::Order, what);
        }
        self.regular_event(n, &args);
        true
    }

    fn regular_event(&mut self, n: usize, args: &[Value]) {
        if let Some(Value::String(last)) = args.last() {
            self.clients[n].regular.offset = Some(last.clone());
        }
        let result = self.oracle.returns.heard(n, args);
        self.regular_holds(n, result);
    }

    fn regular_holds(&mut self, n: usize, result: Result<(), (Invariant, String)>) {
        if let Err((invariant, what)) = result {
            self.oracle.broken(invariant, format!("client {n}: {what}"));
        }
    }

    /// The session is gone; pid and offset are not.
    pub(super) fn regular_lost(&mut self, n: usize) {
        let regular = &mut self.clients[n].regular;
        (regular.is_in, regular.is_asking, regular.half) = (false, false, None);
        self.oracle.returns.is_out(n);
    }

    /// It has received all that there is.
    pub(super) fn regular_drained(&mut self, n: usize, at: At) {
        let result = self.oracle.returns.drained(self.now, n, at);
        self.regular_holds(n, result);
    }
}
