//! Events of the namespaces that the server answers itself: what their arguments are read as, and
//! how what it says becomes frames. What they mean is the matter of `lobby` and `signaling`.

use parlor_shared::{
    api::{Refusal, Reply, code},
    socket_io::{Args, Draft, EncodeError, Frame},
};
use serde::{Serialize, de::DeserializeOwned};

const HAS_A_FORM: &str = "types of shared::api have a JSON form, and names are not reserved";

/// The first argument, an object. Serde would take a list of its values for one.
///
/// # Errors
/// `E_BAD_REQUEST` with what serde says.
pub(crate) fn first<T: DeserializeOwned>(args: &Args<'_>) -> Result<T, Refusal> {
    if args.raw().next().is_some_and(|raw| !raw.starts_with('{')) {
        return Err(Refusal::new(code::BAD_REQUEST, "argument 0: expected an object"));
    }
    argument(args, 0)
}

/// The argument at this place, from 0 on.
///
/// # Errors
/// `E_BAD_REQUEST` with what serde says.
pub(crate) fn argument<T: DeserializeOwned>(args: &Args<'_>, index: usize) -> Result<T, Refusal> {
    args.get(index).map_err(|error| Refusal::new(code::BAD_REQUEST, error.to_string()))
}

/// The acknowledgement of a request, if one is wanted.
pub(crate) fn answer_frame<T: Serialize>(
    namespace: &str,
    ack: Option<u64>,
    reply: Result<T, Refusal>,
) -> Option<Frame> {
    let id = ack?;
    let mut draft = Draft::ack();
    let frame = draft.arg(&Reply::from(reply)).and_then(|()| draft.into_ack(namespace, id));
    Some(frame.expect(HAS_A_FORM))
}

/// An event, encoded once for all who get it. `write` adds its arguments.
pub(crate) fn event(
    namespace: &str,
    name: &str,
    write: impl FnOnce(&mut Draft) -> Result<(), EncodeError>,
) -> Frame {
    let encode = || {
        let mut draft = Draft::event(name)?;
        write(&mut draft)?;
        draft.into_event(namespace, None)
    };
    encode().expect(HAS_A_FORM)
}

/// Between nodes these travel as they came from their client: their serde knows JSON only.
pub(crate) mod as_json {
    use serde::{
        Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned, de::Error as _,
        ser::Error as _,
    };

    pub(crate) fn serialize<T: Serialize, S: Serializer>(
        value: &T,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serde_json::to_string(value).map_err(S::Error::custom)?.serialize(serializer)
    }

    pub(crate) fn deserialize<'de, T: DeserializeOwned, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<T, D::Error> {
        let text = String::deserialize(deserializer)?;
        serde_json::from_str(&text).map_err(D::Error::custom)
    }
}
