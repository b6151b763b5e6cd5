//! Arguments that outlive their packet, and arguments read as a tuple of types.
//! Borrowed ones, and the way from values to arguments, are `args`'s part.

use std::borrow::Cow;

use bytes::Bytes;
use serde::de::DeserializeOwned;

use super::{
    args::{Args, ArgsError, EventArgs, Forward},
    frame::{Draft, EncodeError},
    json::Outline,
};

/// [`Args`] that own their bytes: they can be kept, and sent to other threads.
#[derive(Debug, Clone)]
pub struct OwnedArgs {
    array: Box<str>,
    has_name: bool,
    attachments: Box<[Bytes]>,
    outline: Outline,
}

impl OwnedArgs {
    pub(super) fn of(array: &str, has_name: bool, attachments: &[Bytes], outline: Outline) -> Self {
        Self { array: array.into(), has_name, attachments: attachments.into(), outline }
    }

    /// The same, borrowed.
    pub fn as_args(&self) -> Args<'_> {
        Args::from_parts(&self.array, self.has_name, &self.attachments, self.outline)
    }

    /// The event's name; empty for an acknowledgement.
    pub fn name(&self) -> Cow<'_, str> {
        self.as_args().name()
    }

    /// The whole JSON array as it came: of an event, its name leads.
    pub fn array(&self) -> &str {
        &self.array
    }

    /// How many arguments there are.
    pub fn count(&self) -> usize {
        self.as_args().count()
    }

    /// These arguments, all or from `first` on, to be sent again; see [`Args::forward_from`].
    pub fn forward_from(&self, first: usize) -> Forward<'_> {
        self.as_args().forward_from(first)
    }

    /// Each argument as written.
    pub fn raw(&self) -> super::json::Elements<'_> {
        self.as_args().raw()
    }

    /// Argument `index`, from 0, as a `T`; see [`Args::get`].
    ///
    /// # Errors
    /// If it is missing or not a `T`.
    pub fn get<T: DeserializeOwned>(&self, index: usize) -> Result<T, ArgsError> {
        self.as_args().get(index)
    }

    /// Binary attachments, in the order of their placeholders' numbers.
    pub fn attachments(&self) -> &[Bytes] {
        &self.attachments
    }

    /// Bytes of JSON and attachments.
    pub fn n_bytes(&self) -> usize {
        self.array.len() + self.attachments.iter().map(Bytes::len).sum::<usize>()
    }
}

impl EventArgs for OwnedArgs {
    fn write(self, draft: &mut Draft) -> Result<(), EncodeError> {
        self.as_args().write(draft)
    }
}

impl EventArgs for &OwnedArgs {
    fn write(self, draft: &mut Draft) -> Result<(), EncodeError> {
        self.as_args().write(draft)
    }
}

/// Types that an event's arguments can be read as: a tuple of up to twelve. More arguments than it
/// names are ignored; a missing one reads as `null` does, so that `Option<T>` is `None`.
#[diagnostic::on_unimplemented(
    message = "the arguments of an event cannot be read as `{Self}`",
    note = "arguments are read as a tuple: `()` for none, `(T,)` for one, `(A, B)` for two"
)]
pub trait FromArgs: Sized {
    /// Reads them.
    ///
    /// # Errors
    /// The first argument that is missing or of another type.
    fn from_args(args: &Args<'_>) -> Result<Self, ArgsError>;
}

impl FromArgs for () {
    fn from_args(_: &Args<'_>) -> Result<Self, ArgsError> {
        Ok(())
    }
}

macro_rules! tuples {
    ($($name:ident $index:literal)+) => {
        impl<$($name: DeserializeOwned),+> FromArgs for ($($name,)+) {
            fn from_args(args: &Args<'_>) -> Result<Self, ArgsError> {
                Ok(($(args.get::<$name>($index)?,)+))
            }
        }
    };
}
tuples!(A 0);
tuples!(A 0 B 1);
tuples!(A 0 B 1 C 2);
tuples!(A 0 B 1 C 2 D 3);
tuples!(A 0 B 1 C 2 D 3 E 4);
tuples!(A 0 B 1 C 2 D 3 E 4 F 5);
tuples!(A 0 B 1 C 2 D 3 E 4 F 5 G 6);
tuples!(A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7);
tuples!(A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8);
tuples!(A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9);
tuples!(A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10);
tuples!(A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10 L 11);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::socket_io::Binary;

    #[test]
    fn owned_arguments_read_and_travel_as_the_borrowed_ones() {
        let attachments = [Bytes::from_static(b"abc")];
        let text = r#"["e",7,{"_placeholder":true,"num":0},"x"]"#;
        let args = Args::of_event(text, &attachments);
        let owned = args.to_owned();
        assert_eq!((owned.name(), owned.raw().count()), (Cow::Borrowed("e"), 3));
        assert_eq!((owned.array(), owned.count()), (text, 3));
        assert_eq!(owned.get::<u8>(0).unwrap(), 7);
        assert_eq!(owned.get::<Binary>(1).unwrap().0, attachments[0]);
        assert_eq!(owned.n_bytes(), text.len() + 3);
        let sent = |args: &dyn Fn(&mut Draft)| {
            let mut draft = Draft::event("f").unwrap();
            args(&mut draft);
            draft.into_event("/", None).unwrap()
        };
        let borrowed = sent(&|draft| args.write(draft).unwrap());
        assert_eq!(sent(&|draft| (&owned).write(draft).unwrap()), borrowed);
        let rest = sent(&|draft| args.forward_from(1).write(draft).unwrap());
        assert_eq!(sent(&|draft| owned.forward_from(1).write(draft).unwrap()), rest);
    }

    #[test]
    fn a_tuple_reads_what_it_names_and_says_which_argument_is_wrong() {
        let args = Args::of_event(r#"["e",1,"two",null]"#, &[]);
        assert_eq!(<(u8, String)>::from_args(&args).unwrap(), (1, "two".to_owned()));
        type Four = (u8, String, Option<u8>, Option<u8>);
        assert_eq!(Four::from_args(&args).unwrap(), (1, "two".to_owned(), None, None));
        type Twelve = (u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8);
        let mut draft = Draft::event("f").unwrap();
        let twelve: Twelve = (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11);
        twelve.write(&mut draft).unwrap();
        let (array, _) = draft.into_array();
        assert_eq!(Twelve::from_args(&Args::of_event(&array, &[])).unwrap(), twelve);
        let wrong = <(u8, u8)>::from_args(&args).unwrap_err().to_string();
        assert!(wrong.starts_with("argument 1: invalid type: string"), "{wrong}");
        let missing = <(u8, String, (), u8)>::from_args(&args).unwrap_err();
        assert!(matches!(missing, ArgsError::Missing(3)), "{missing}");
    }
}
