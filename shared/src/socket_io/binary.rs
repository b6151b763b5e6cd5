//! Bytes inside JSON arguments: written as a placeholder, carried beside as an attachment.
//! Source: Socket.IO protocol v5, § Packet encoding, BINARY_EVENT.

use std::cell::RefCell;

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
    /// Attachments of the arguments that are being written or read by this thread just now.
    /// serde has no way to hand them along; both uses are over before the call returns.
    static WRITING: RefCell<Option<Vec<Bytes>>> = const { RefCell::new(None) };
    static READING: RefCell<Option<Vec<Bytes>>> = const { RefCell::new(None) };
}

/// Runs `write` and gives the bytes that [`Binary`] values left behind, after `before`.
pub(super) fn collect_attachments<T>(
    before: Vec<Bytes>,
    write: impl FnOnce() -> T,
) -> (T, Vec<Bytes>) {
    let outer = WRITING.replace(Some(before));
    let value = write();
    (value, WRITING.replace(outer).unwrap_or_default())
}

/// Runs `read` while placeholders stand for these bytes.
pub(super) fn with_attachments<T>(attachments: &[Bytes], read: impl FnOnce() -> T) -> T {
    if attachments.is_empty() {
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
        let num = WRITING.with_borrow_mut(|writing| {
            writing.as_mut().map(|attachments| {
                attachments.push(self.0.clone());
                attachments.len() - 1
            })
        });
        let num = num.ok_or_else(|| S::Error::custom("Binary outside of an event's arguments"))?;
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
