//! What connection state recovery says on the wire: offsets behind events, and the claim of a
//! client that comes back. Who gets what back is decided in `parlor-core`.
//! Source: socket.io 4.8, connection state recovery; stock clients take the last argument of an
//! event, if it is a string, for its offset, and send back the last one they got.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::id::Pid;

/// Names one event among all that the servers of a cluster have sent: who sent it, and its number
/// there. It travels as hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Offset(u64);

/// Bits of the number; above them stands the sender.
const NUMBER_BITS: u32 = 48;

impl Offset {
    /// The event that this sender has counted as `number`, modulo 2^48.
    pub fn new(sender: u16, number: u64) -> Self {
        Self(u64::from(sender) << NUMBER_BITS | number & ((1 << NUMBER_BITS) - 1))
    }

    /// Who has sent it.
    pub fn sender(self) -> u16 {
        (self.0 >> NUMBER_BITS) as u16
    }

    /// Reads an offset as a client sent it; `None` if it cannot be one of ours.
    pub fn parse(text: &str) -> Option<Self> {
        // A sign would be read as well.
        let is_hex = text.len() <= 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = u64::from_str_radix(text, 16).ok().filter(|_| is_hex)?;
        Some(Self(number))
    }
}

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}", self.0)
    }
}

/// What a client that comes back sends along with its CONNECT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// The socket that it had.
    pub pid: Pid,
    /// The last event that it got of it; `None`: it has got none that carries one.
    pub offset: Option<Offset>,
}

impl Claim {
    /// Reads the claim in what a client sent along, a JSON object; `None` if it makes none that
    /// could be met. An offset that is none of ours, or no text at all, is of something else than
    /// what we have sent. Of several members of one name the last counts, as in JavaScript.
    pub fn read(auth: &str) -> Option<Self> {
        let sent: Map<String, Value> = serde_json::from_str(auth).ok()?;
        let pid = Pid::parse(sent.get("pid")?.as_str()?)?;
        let offset = match sent.get("offset").map(Value::as_str) {
            None | Some(Some("")) => None,
            Some(text) => Some(Offset::parse(text?)?),
        };
        Some(Self { pid, offset })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_reads_back_and_nothing_else_is_one() {
        for offset in [Offset::new(0, 0), Offset::new(0xffff, u64::MAX), Offset::new(3, 77)] {
            assert_eq!(Offset::parse(&offset.to_string()), Some(offset));
        }
        assert_eq!(Offset::new(1, 2).to_string(), "1000000000002");
        assert_eq!(Offset::new(0xfffe, u64::MAX).sender(), 0xfffe);
        for bad in ["", "+1", "-1", "0x1", "g", " 1", "11111111111111111", "ä"] {
            assert_eq!(Offset::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_claim_is_read_whatever_stands_beside_it() {
        let pid = Pid::from_bytes(*b"eighteen bytes 1+2");
        let read = |offset: &str| Claim::read(&format!(r#"{{"a":[1],"pid":"{pid}"{offset}}}"#));
        let claim = |offset| Some(Claim { pid, offset });
        assert_eq!(read(""), claim(None));
        assert_eq!(read(r#","offset":"""#), claim(None));
        for bad in ["null", "7", "true", "{}", "[]", r#"["1f"]"#] {
            assert_eq!(read(&format!(r#","offset":{bad}"#)), None, "{bad}");
        }
        assert_eq!(read(r#","offset":7,"offset":"1f""#), claim(Some(Offset::new(0, 0x1f))));
        assert_eq!(read(r#","offset":"1f","offset":7"#), None);
        assert_eq!(read(r#","pid":"x""#), None, "the last counts");
        let twice = format!(r#"{{"pid":"x","pid":"{pid}"}}"#);
        assert_eq!(Claim::read(&twice), claim(None));
        assert_eq!(read(r#","offset":"1f""#), claim(Some(Offset::new(0, 0x1f))));
        assert_eq!(read(r#","offset":"hello""#), None);
        for bad in ["{}", r#"{"pid":{}}"#, r#"{"pid":7}"#, r#"{"pid":"x"}"#, r#"{"pid":null}"#] {
            assert_eq!(Claim::read(bad), None, "{bad}");
        }
        assert_eq!(Claim::read(&format!(r#"["{pid}","1f"]"#)), None);
    }
}
