//! The arguments of an event or acknowledgement: raw JSON until somebody asks for a type, and the
//! other way round, values that become arguments.

use std::borrow::Cow;

use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;

use super::{Binary, OwnedArgs, binary, frame::Draft, frame::EncodeError, json, json::Outline};

/// The arguments as they arrived; an event's name is not among them.
#[derive(Debug, Clone, Copy)]
pub struct Args<'a> {
    /// The whole array of the packet.
    array: &'a str,
    /// True if its first element is the event's name.
    has_name: bool,
    attachments: &'a [Bytes],
    outline: Outline,
}

/// Why an argument could not be had.
#[derive(Debug, thiserror::Error)]
pub enum ArgsError {
    /// There are fewer arguments.
    #[error("argument {0} is missing")]
    Missing(usize),
    /// It is not of the type asked for.
    #[error("argument {index}: {source}")]
    Type {
        /// Position, from 0.
        index: usize,
        /// What serde_json says.
        source: serde_json::Error,
    },
}

impl<'a> Args<'a> {
    /// The arguments of an event whose JSON array has been checked. Looks through all of it once
    /// more: [`super::Packet::args`] does not have to.
    pub fn of_event(array: &'a str, attachments: &'a [Bytes]) -> Self {
        Self::from_parts(array, true, attachments, Outline::of(array).unwrap_or_default())
    }

    /// The arguments of an acknowledgement whose JSON array has been checked; see
    /// [`Self::of_event`].
    pub fn of_ack(array: &'a str, attachments: &'a [Bytes]) -> Self {
        Self::from_parts(array, false, attachments, Outline::of(array).unwrap_or_default())
    }

    /// The event's name; a number as it is written. Empty for an acknowledgement.
    pub fn name(&self) -> Cow<'a, str> {
        if !self.has_name {
            return Cow::Borrowed("");
        }
        self.outline.name(self.array).unwrap_or_default()
    }

    /// The whole JSON array as it came: of an event, its name leads.
    pub fn array(&self) -> &'a str {
        self.array
    }

    /// Each argument as written.
    pub fn raw(&self) -> json::Elements<'a> {
        self.outline.elements_from(self.array, usize::from(self.has_name))
    }

    /// How many arguments there are.
    pub fn count(&self) -> usize {
        self.outline.n_elements().saturating_sub(usize::from(self.has_name))
    }

    /// Argument `index`, from 0, as a `T`. A missing argument reads as `null` does, so that
    /// `Option<T>` is `None`.
    ///
    /// # Errors
    /// If it is missing or not a `T`; the connection is not harmed by it.
    pub fn get<T: DeserializeOwned>(&self, index: usize) -> Result<T, ArgsError> {
        let raw = self.argument(index);
        let text = raw.unwrap_or("null");
        let read = || json::read(text);
        binary::with_attachments(self.attachments, text, read).map_err(|source| match raw {
            Some(_) => ArgsError::Type { index, source },
            None => ArgsError::Missing(index),
        })
    }

    /// Argument `index`, from 0, as written.
    fn argument(&self, index: usize) -> Option<&'a str> {
        self.outline.element(self.array, index + usize::from(self.has_name))
    }

    /// A copy that can be kept and sent to other threads.
    pub fn to_owned(self) -> OwnedArgs {
        OwnedArgs::of(self.array, self.has_name, self.attachments, self.outline)
    }

    /// The arguments as they lie in a [`super::Packet`] or an [`OwnedArgs`].
    pub(super) fn from_parts(
        array: &'a str,
        has_name: bool,
        attachments: &'a [Bytes],
        outline: Outline,
    ) -> Self {
        Self { array, has_name, attachments, outline }
    }

    /// Binary attachments, in the order of their placeholders' numbers.
    pub fn attachments(&self) -> &'a [Bytes] {
        self.attachments
    }

    /// These arguments, all or from `first` on, to be sent again as they are: nothing is parsed.
    pub fn forward_from(self, first: usize) -> Forward<'a> {
        let first = first.saturating_add(usize::from(self.has_name));
        let rest = self.outline.elements_from(self.array, first).rest();
        Forward { rest, attachments: self.attachments }
    }
}

/// Values that become the arguments of an event or acknowledgement: a tuple of up to twelve, the
/// [`Args`] of another, or a [`Forward`]ed part of them.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the arguments of an event",
    note = "arguments are a tuple: `()` for none, `(value,)` for one, `(a, b)` for two"
)]
pub trait EventArgs {
    /// Writes each argument into the draft.
    ///
    /// # Errors
    /// If a value cannot be written as JSON.
    fn write(self, draft: &mut Draft) -> Result<(), EncodeError>;
}

/// A part of another event's arguments, sent on as it came.
#[derive(Debug, Clone, Copy)]
pub struct Forward<'a> {
    rest: &'a str,
    attachments: &'a [Bytes],
}

impl EventArgs for Forward<'_> {
    fn write(self, draft: &mut Draft) -> Result<(), EncodeError> {
        draft.raw(self.rest, self.attachments)
    }
}

impl EventArgs for Args<'_> {
    fn write(self, draft: &mut Draft) -> Result<(), EncodeError> {
        self.forward_from(0).write(draft)
    }
}

impl EventArgs for () {
    fn write(self, _: &mut Draft) -> Result<(), EncodeError> {
        Ok(())
    }
}

macro_rules! tuples {
    ($($name:ident)+) => {
        impl<$($name: Serialize),+> EventArgs for ($($name,)+) {
            fn write(self, draft: &mut Draft) -> Result<(), EncodeError> {
                #[expect(non_snake_case, reason = "the type's name serves as the variable's")]
                let ($($name,)+) = self;
                $(draft.arg(&$name)?;)+
                Ok(())
            }
        }
    };
}
tuples!(A);
tuples!(A B);
tuples!(A B C);
tuples!(A B C D);
tuples!(A B C D E);
tuples!(A B C D E F);
tuples!(A B C D E F G);
tuples!(A B C D E F G H);
tuples!(A B C D E F G H I);
tuples!(A B C D E F G H I J);
tuples!(A B C D E F G H I J K);
tuples!(A B C D E F G H I J K L);

/// JSON that is already written, as one argument.
impl EventArgs for Box<RawValue> {
    fn write(self, draft: &mut Draft) -> Result<(), EncodeError> {
        draft.arg(&self)
    }
}

impl EventArgs for Binary {
    fn write(self, draft: &mut Draft) -> Result<(), EncodeError> {
        draft.arg(&self)
    }
}
