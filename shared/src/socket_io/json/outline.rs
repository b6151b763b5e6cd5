//! Where the elements of an array lie, noted in the same pass that checks it, so that nobody
//! behind the check has to look for them again.

use std::borrow::Cow;

use super::{
    Elements, JsonError, MAX_DEPTH, elements, scan,
    scan::{Mark, Scanner},
};
use crate::socket_io::packet::unquoted;

/// So many elements are noted: an event's name and its first arguments.
const N_NOTED: usize = 4;

/// Where the elements of a checked array lie. Of other values nothing is noted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Outline {
    /// Start and end of the first elements.
    places: [(u32, u32); N_NOTED],
    n_noted: u8,
    has_escapes: bool,
    may_have_halves: bool,
    n_elements: usize,
}

impl Outline {
    /// Checks that `text` is one JSON value and nothing else, and notes where its elements lie.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn of(text: &str) -> Result<Self, JsonError> {
        Self::visiting(text, |_, _, _| ())
    }

    /// The same, and tells `visit` where each part of a value begins and ends: of an array, of its
    /// elements.
    #[inline]
    pub(super) fn visiting(
        text: &str,
        mut visit: impl FnMut(Mark, usize, usize),
    ) -> Result<Self, JsonError> {
        let mut outline = Self::default();
        let mut scanner = Scanner::new(text);
        let end = match scanner.next_byte(0).ok_or(JsonError::Syntax)? {
            (start, b'[') => outline.read_array(&mut scanner, start, visit)?,
            (start, _) => scanner.value(start, MAX_DEPTH, &mut visit)?,
        };
        outline.has_escapes = scanner.has_escapes;
        outline.may_have_halves = scanner.has_surrogates;
        match scan::skip_blanks(text.as_bytes(), end) == text.len() {
            false => Err(JsonError::Syntax),
            true if scanner.is_out_of_range => Err(JsonError::Range),
            true => Ok(outline),
        }
    }

    /// The array's own bracket is at `start`; says where it ends.
    #[inline]
    fn read_array(
        &mut self,
        scanner: &mut Scanner<'_>,
        start: usize,
        mut visit: impl FnMut(Mark, usize, usize),
    ) -> Result<usize, JsonError> {
        let (mut at, mut byte) = scanner.next_byte(start + 1).ok_or(JsonError::Syntax)?;
        if byte == b']' {
            return Ok(at + 1);
        }
        loop {
            let end = scanner.value(at, MAX_DEPTH - 1, &mut visit)?;
            self.note(at, end);
            (at, byte) = scanner.next_byte(end).ok_or(JsonError::Syntax)?;
            match byte {
                b',' => at = scanner.next_byte(at + 1).ok_or(JsonError::Syntax)?.0,
                b']' => return Ok(at + 1),
                _ => return Err(JsonError::Syntax),
            }
        }
    }

    #[inline]
    fn note(&mut self, start: usize, end: usize) {
        if let Some(place) = self.places.get_mut(self.n_elements)
            // What lies beyond 4 GiB is looked for when it is asked for.
            && let (Ok(start), Ok(end)) = (u32::try_from(start), u32::try_from(end))
        {
            *place = (start, end);
            self.n_noted += 1;
        }
        self.n_elements += 1;
    }

    /// How many elements the array has.
    pub fn n_elements(&self) -> usize {
        self.n_elements
    }

    /// True if a string of it may hold half a surrogate pair (see [`super::mend_surrogates`]).
    pub fn may_have_halves(&self) -> bool {
        self.may_have_halves
    }

    /// What the first element of `array` spells, if it is a string, and how it is written if not.
    #[inline]
    pub(in super::super) fn name<'a>(&self, array: &'a str) -> Option<Cow<'a, str>> {
        Some(self.spelled(self.element(array, 0)?))
    }

    /// What an element spells, if it is a string, and how it is written if not.
    #[inline]
    pub(in super::super) fn spelled<'a>(&self, token: &'a str) -> Cow<'a, str> {
        let plain = || token.strip_prefix('"')?.strip_suffix('"');
        match plain() {
            Some(name) if !self.has_escapes => Cow::Borrowed(name),
            _ => unquoted(token),
        }
    }

    /// Element `index` of `array`, of which this is the outline, as written.
    pub(in super::super) fn element<'a>(&self, array: &'a str, index: usize) -> Option<&'a str> {
        let noted = &self.places[..usize::from(self.n_noted)];
        match noted.get(index) {
            Some((start, end)) => array.get(*start as usize..*end as usize),
            None if index >= self.n_elements => None,
            None => self.elements_from(array, noted.len()).nth(index - noted.len()),
        }
    }

    /// The elements of `array` from this one on, one by one.
    pub(in super::super) fn elements_from<'a>(&self, array: &'a str, first: usize) -> Elements<'a> {
        let noted = &self.places[..usize::from(self.n_noted)];
        let known = first.min(noted.len());
        let mut elements = match known.checked_sub(1) {
            Some(before) => Elements { text: array, at: noted[before].1 as usize },
            None => elements(array),
        };
        for _ in known..first.min(self.n_elements) {
            elements.next();
        }
        elements
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_what_the_first_element_spells() {
        for (array, name) in [
            (r#"["m",1]"#, Some("m")),
            (r#"[ "m n" ]"#, Some("m n")),
            (r#"["",1]"#, Some("")),
            (r#"["m",{"a":"\n"}]"#, Some("m")),
            (r#"["\u006d\n"]"#, Some("m\n")),
            (r#"["\"m\""]"#, Some("\"m\"")),
            (r#"[12,"m"]"#, Some("12")),
            (r#"[]"#, None),
            (r#"{"m":1}"#, None),
        ] {
            let outline = Outline::of(array).unwrap();
            assert_eq!(outline.name(array).as_deref(), name, "{array}");
        }
    }
}
