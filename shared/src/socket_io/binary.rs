//! Bytes inside JSON arguments: written as a placeholder, carried beside as an attachment.
//! Source: Socket.IO protocol v5, § Packet encoding, BINARY_EVENT.

use std::cell::{Cell, RefCell};

use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _, ser::Error as _};

/// Bytes as an event's argument, alone or anywhere inside it: an `ArrayBuffer` or `Buffer` in
/// JavaScript, `bytes` in Python.
///
/// It can be written and read as an event's argument only; anywhere else serde reports an error.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Binary(pub Bytes);

impl From<Vec<u8>> for Binary {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes.into())
    }
}

thread_local! {
    /// Number of the next attachment of the arguments that this thread is writing just now; `None`
    /// while it writes none. serde has no way to hand it along.
    static NEXT: Cell<Option<usize>> = const { Cell::new(None) };
    /// What [`Binary`] values left behind meanwhile; most arguments leave nothing.
    static LEFT: RefCell<Vec<Bytes>> = const { RefCell::new(Vec::new()) };
    /// Attachments of the argument that this thread is reading just now.
    static READING: RefCell<Option<Vec<Bytes>>> = const { RefCell::new(None) };
}

/// Runs `write` and adds the bytes that [`Binary`] values left behind to `attachments`.
pub(super) fn collect_attachments<T>(attachments: &mut Vec<Bytes>, write: impl FnOnce() -> T) -> T {
    let first = attachments.len();
    let _writing = Writing { outer: NEXT.replace(Some(first)), first, attachments };
    write()
}

/// While it lives this thread writes arguments, perhaps inside of others.
struct Writing<'a> {
    outer: Option<usize>,
    first: usize,
    attachments: &'a mut Vec<Bytes>,
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        let next = NEXT.replace(self.outer);
        let n = next.map_or(0, |next| next - self.first);
        if n > 0 {
            LEFT.with_borrow_mut(|left| {
                let from = left.len().saturating_sub(n);
                self.attachments.extend(left.drain(from..));
            });
        }
    }
}

/// Runs `read`, which reads `text`, while placeholders stand for these bytes.
pub(super) fn with_attachments<T>(
    attachments: &[Bytes],
    text: &str,
    read: impl FnOnce() -> T,
) -> T {
    // With a backslash, a placeholder may be spelled in another way.
    let has_placeholder = || {
        text.trim_start().starts_with(['{', '['])
            && (text.contains("_placeholder") || text.contains('\\'))
    };
    if attachments.is_empty() || !has_placeholder() {
        return read();
    }
    let outer = READING.replace(Some(attachments.to_vec()));
    let value = read();
    READING.set(outer);
    value
}

#[derive(Serialize, Deserialize)]
struct Placeholder {
    _placeholder: bool,
    num: usize,
}

impl Serialize for Binary {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let outside = || S::Error::custom("Binary outside of an event's arguments");
        let num = NEXT.get().ok_or_else(outside)?;
        NEXT.set(Some(num + 1));
        LEFT.with_borrow_mut(|left| left.push(self.0.clone()));
        Placeholder { _placeholder: true, num }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Binary {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let placeholder = Placeholder::deserialize(deserializer)?;
        READING
            .with_borrow(|reading| reading.as_ref()?.get(placeholder.num).cloned())
            .filter(|_| placeholder._placeholder)
            .map(Self)
            .ok_or_else(|| D::Error::custom("no such attachment"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::socket_io::{Args, Draft, EncodeError};

    fn bytes(byte: u8) -> Binary {
        Binary(vec![byte].into())
    }

    fn frame(draft: Draft) -> Vec<Vec<u8>> {
        let frame = draft.into_event("/", None).unwrap();
        frame.packets().map(|(_, packet)| packet.to_vec()).collect()
    }

    #[test]
    fn a_placeholder_is_read_however_it_is_spelled() {
        let attachments = [Bytes::from_static(b"x")];
        for key in ["_placeholder", r"_pl\u0061ceholder"] {
            let array = format!(r#"["m",{{"{key}":true,"num":0}}]"#);
            let args = Args::of_event(&array, &attachments);
            assert_eq!(args.get::<Binary>(0).unwrap().0, attachments[0], "{key}");
        }
    }

    #[test]
    fn bytes_are_refused_outside_of_arguments() {
        Draft::ack().arg(&bytes(1)).unwrap();
        assert!(serde_json::to_string(&bytes(2)).is_err());
    }

    /// Writes an event of its own before its own bytes, or panics after them.
    struct Odd {
        panics: bool,
    }

    impl Serialize for Odd {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut inner = Draft::event("inner").unwrap();
            inner.arg(&bytes(7)).unwrap();
            assert_eq!(frame(inner)[1..], [[7]]);
            let written = [bytes(1), bytes(2)].serialize(serializer);
            assert!(!self.panics, "as it was told");
            written
        }
    }

    #[test]
    fn each_event_has_its_own_bytes_after_one_within_another_and_after_a_panic() {
        let write = |panics| -> Result<Draft, EncodeError> {
            let mut draft = Draft::event("outer")?;
            draft.arg(&bytes(0))?;
            draft.arg(&Odd { panics })?;
            Ok(draft)
        };
        assert!(std::panic::catch_unwind(|| write(true)).is_err());
        assert!(serde_json::to_string(&bytes(9)).is_err(), "nothing is written any more");
        assert_eq!(frame(write(false).unwrap())[1..], [[0], [1], [2]]);
    }
}
