//! One view: its key state, its newest state, and each as a frame once somebody can take it.
//! Who looks at it is `gallery`'s part.
//!
//! ```text
//!  key K ──────── delta(K→n), cumulative ────────► state n
//!    └ whoever has begun it gets the delta            └ everybody else gets it whole
//! ```

use parlor_shared::{
    api::{
        delta,
        lobby::{Format, NAMESPACE, push},
    },
    socket_io::{Binary, Draft, Frame},
};
use serde_json::Value;

use crate::{
    delivery::Shown,
    fault::{self, Fault},
};

/// After so many states there is a new key: a delta has grown by then, and who has no base gets
/// one.
pub const KEY_INTERVAL: u64 = 64;

/// One view on one shard: that of its owner, or a mirror's.
#[derive(Debug, Default)]
pub(super) struct Picture {
    /// Number of the newest state.
    pub(super) n: u64,
    /// The newest state as JSON; `None`: not asked for yet.
    full: Option<String>,
    /// What leads to it from the key, as JSON; `None`: it is the key, or none was made.
    delta: Option<String>,
    /// Whether key and delta are settled for the newest state.
    is_settled: bool,
    key: Option<Key>,
    full_frame: Option<Frame>,
    delta_frame: Option<Frame>,
    /// How both are written.
    format: Format,
}

#[derive(Debug)]
struct Key {
    n: u64,
    state: KeyState,
}

/// A mirror may never need more of a key than its text.
#[derive(Debug)]
enum KeyState {
    Text(String),
    Value(Value),
}

/// Frames made so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Encoded {
    /// Whole states.
    pub(super) full: u64,
    /// Deltas.
    pub(super) delta: u64,
}

impl Picture {
    /// A view at which somebody begins to look: that state has number 1.
    pub(super) fn fresh(format: Format) -> Self {
        Self { n: 1, format, ..Self::default() }
    }

    /// There is a newer state. Nothing is made of it yet.
    pub(super) fn advance(&mut self) {
        self.renew(self.n + 1);
    }

    fn renew(&mut self, n: u64) {
        self.n = n;
        (self.full, self.delta, self.is_settled) = (None, None, false);
        (self.full_frame, self.delta_frame) = (None, None);
    }

    /// A mirror learns of a key.
    pub(super) fn keyed(&mut self, n: u64, text: String) {
        self.renew(n);
        self.is_settled = true;
        self.key = Some(Key { n, state: KeyState::Text(text) });
    }

    /// A mirror learns of a newer state; false if it does not know the key.
    pub(super) fn changed(&mut self, key: u64, n: u64, text: String) -> bool {
        if self.key_n() != Some(key) {
            return false;
        }
        self.renew(n);
        self.is_settled = true;
        self.delta = Some(text);
        true
    }

    pub(super) fn key_n(&self) -> Option<u64> {
        self.key.as_ref().map(|key| key.n)
    }

    /// What leads from the key to the newest state, if that is settled and is not the key.
    pub(super) fn delta(&self) -> Option<&str> {
        self.delta.as_deref()
    }

    /// The newest state as JSON, from its source or from key and delta.
    pub(super) fn full(&mut self, source: &mut dyn FnMut() -> Option<String>) -> Option<&str> {
        if self.full.is_none() {
            self.full = match (self.is_settled, &self.delta) {
                (true, Some(_)) => self.rebuilt(),
                (true, None) if self.key_n() == Some(self.n) => self.key_text(),
                _ => source(),
            };
        }
        self.full.as_deref()
    }

    /// The key as JSON.
    pub(super) fn key_text(&self) -> Option<String> {
        match &self.key.as_ref()?.state {
            KeyState::Text(text) => Some(text.clone()),
            KeyState::Value(value) => Some(value.to_string()),
        }
    }

    /// A whole state, from what a mirror has.
    fn rebuilt(&mut self) -> Option<String> {
        let key = self.key.as_mut()?;
        if let KeyState::Text(text) = &key.state {
            key.state = KeyState::Value(serde_json::from_str(text).ok()?);
        }
        let KeyState::Value(base) = &key.state else { return None };
        let delta = serde_json::from_str(self.delta.as_ref()?).ok()?;
        Some(delta::apply(base, &delta).ok()?.to_string())
    }

    /// Settles what the newest state builds on, if that is not settled yet: the key if that is
    /// not too old and the delta is shorter than the state; else it is a key itself. A state too
    /// deep to be read as a value is neither.
    pub(super) fn settle(&mut self, source: &mut dyn FnMut() -> Option<String>) {
        if self.is_settled || self.full(source).is_none() {
            return;
        }
        let Some(full) = &self.full else { return };
        self.is_settled = true;
        let Ok(value) = serde_json::from_str::<Value>(full) else {
            self.key = None;
            return;
        };
        if let Some(Key { n, state: KeyState::Value(base) }) = &self.key
            && self.n - n < KEY_INTERVAL
        {
            let delta = delta::diff(base, &value).to_string();
            if delta.len() < full.len() {
                self.delta = Some(delta);
                return;
            }
        }
        self.key = Some(Key { n: self.n, state: KeyState::Value(value) });
        // It may have been encoded before anybody wanted keys.
        self.full_frame = None;
    }

    /// The newest state for a client that has begun the key `base`.
    pub(super) fn frame(
        &mut self,
        base: Option<u64>,
        source: &mut dyn FnMut() -> Option<String>,
        encoded: &mut Encoded,
    ) -> Option<Shown> {
        let key = self.key_n();
        if base.is_some()
            && (base == key || fault::is_planted(Fault::WrongDeltaBase))
            && let Some(delta) = &self.delta
        {
            let frame = self.delta_frame.get_or_insert_with(|| {
                encoded.delta += 1;
                delta_frame(self.n, base.unwrap_or_default(), delta, self.format)
            });
            return Some(Shown { frame: frame.clone(), key: None });
        }
        let key = key.filter(|key| *key == self.n);
        if self.full_frame.is_none() {
            let (n, format) = (self.n, self.format);
            self.full_frame = Some(full_frame(self.full(source)?, n, key.is_some(), format));
            encoded.full += 1;
        }
        let frame = self.full_frame.clone()?;
        Some(Shown { frame, key })
    }

    /// Drops what a frame holds as well and can be had again.
    pub(super) fn slim(&mut self) {
        if self.full_frame.is_some() {
            self.full = None;
        }
    }
}

fn full_frame(state: &str, n: u64, is_key: bool, format: Format) -> Frame {
    let members = state.strip_suffix('}').unwrap_or(state);
    let comma = if members.len() > 1 { "," } else { "" };
    let key = if is_key { ",\"key\":true}" } else { "}" };
    frame(push::STATE, &[members, comma, "\"n\":", &n.to_string(), key], format)
}

fn delta_frame(n: u64, base: u64, delta: &str, format: Format) -> Frame {
    let head = format!("{{\"n\":{n},\"base\":{base},\"delta\":");
    frame(push::DELTA, &[&head, delta, "}"], format)
}

/// A push with this JSON as its argument, or with the same in MessagePack as its attachment.
fn frame(event: &str, payload: &[&str], format: Format) -> Frame {
    let mut draft = Draft::event(event).expect("no reserved name");
    let packed = if format == Format::Msgpack { pack(&payload.concat()) } else { None };
    match packed {
        Some(packed) => draft.arg(&Binary::from(packed)).expect("bytes can be attached"),
        None => draft.json(payload),
    }
    draft.into_event(NAMESPACE, None).expect("one attachment at most")
}

/// `None`: it is nested too deeply to be read as a value.
fn pack(json: &str) -> Option<Vec<u8>> {
    let value: Value = serde_json::from_str(json).ok()?;
    rmp_serde::to_vec_named(&value).ok()
}
