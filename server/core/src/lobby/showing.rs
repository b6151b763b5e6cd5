//! How somebody wants to be shown a match: in a byte, because each member of each lobby has one.

use parlor_shared::api::lobby::Format;

/// How states are written, and whether deltas of them are of any use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Showing {
    Json,
    JsonDeltas,
    Msgpack,
    MsgpackDeltas,
}

impl Showing {
    pub(super) fn new(format: Format, deltas: bool) -> Self {
        match (format, deltas) {
            (Format::Json, false) => Self::Json,
            (Format::Json, true) => Self::JsonDeltas,
            (Format::Msgpack, false) => Self::Msgpack,
            (Format::Msgpack, true) => Self::MsgpackDeltas,
        }
    }

    pub(super) fn format(self) -> Format {
        match self {
            Self::Json | Self::JsonDeltas => Format::Json,
            Self::Msgpack | Self::MsgpackDeltas => Format::Msgpack,
        }
    }

    pub(super) fn deltas(self) -> bool {
        matches!(self, Self::JsonDeltas | Self::MsgpackDeltas)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_showing_is_what_was_asked_for_and_a_byte() {
        for format in [Format::Json, Format::Msgpack] {
            for deltas in [false, true] {
                let showing = Showing::new(format, deltas);
                assert_eq!((showing.format(), showing.deltas()), (format, deltas));
            }
        }
        assert_eq!(size_of::<Showing>(), 1);
    }
}
