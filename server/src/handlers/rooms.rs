//! Rooms as they are named in a call: one, or several, by whatever is a `str`.

use std::borrow::Cow;

use parlor_shared::id::SocketId;

/// A room, or several. The id of a socket is a room with that socket in it.
///
/// ```
/// # let mut server = parlor_server::Server::default();
/// server.namespace("/").on("news", |cx, args| {
///     let friend: String = args.get(0).unwrap_or_default();
///     cx.to(friend).to(["red", "blue"]).except("muted").emit("news", args);
/// });
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` names no room",
    note = "a room is a `&str`, `String` or `SocketId`; several are an array, slice or `Vec`"
)]
pub trait Rooms: Sized {
    /// Calls `take` with each name.
    fn each(self, take: impl FnMut(&str));

    /// Their names.
    fn names(self) -> Vec<String> {
        let mut names = Vec::new();
        self.each(|name| names.push(name.to_owned()));
        names
    }
}

macro_rules! one {
    ($($type:ty)+) => {$(
        impl Rooms for $type {
            fn each(self, mut take: impl FnMut(&str)) {
                take(self.as_ref());
            }
        }
    )+};
}
one!(&str &&str String &String Cow<'_, str> &Cow<'_, str> SocketId &SocketId);

macro_rules! several {
    ($([$($generics:tt)*] $type:ty)+) => {$(
        impl<T: AsRef<str>, $($generics)*> Rooms for $type {
            fn each(self, mut take: impl FnMut(&str)) {
                self.iter().for_each(|name| take(name.as_ref()));
            }
        }
    )+};
}
several!([] Vec<T> [] &Vec<T> [] &[T] [const N: usize] [T; N] [const N: usize] &[T; N]);
