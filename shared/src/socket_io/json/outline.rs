//! Where the elements of an array lie, noted in the same pass that checks it, so that nobody
//! behind the check has to look for them again.

use super::{Elements, JsonError, MAX_DEPTH, elements, scan, scan::Scanner};

/// So many elements are noted: an event's name and its first arguments.
const N_NOTED: usize = 4;

/// Where the elements of a checked array lie. Of other values nothing is noted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Outline {
    /// Start and end of the first elements.
    places: [(u32, u32); N_NOTED],
    n_noted: u8,
    may_have_halves: bool,
    n_elements: usize,
}

impl Outline {
    /// Checks that `text` is one JSON value and nothing else, and notes where its elements lie.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn of(text: &str) -> Result<Self, JsonError> {
        let mut outline = Self::default();
        let mut scanner = Scanner::new(text);
        let end = match scanner.next_byte(0).ok_or(JsonError::Syntax)? {
            (start, b'[') => outline.read_array(&mut scanner, start)?,
            (start, _) => scanner.value(start, MAX_DEPTH, |_, _, _| ())?,
        };
        outline.may_have_halves = scanner.has_surrogates;
        match scan::skip_blanks(text.as_bytes(), end) == text.len() {
            false => Err(JsonError::Syntax),
            true if scanner.is_out_of_range => Err(JsonError::Range),
            true => Ok(outline),
        }
    }

    /// The array's own bracket is at `start`; says where it ends.
    fn read_array(&mut self, scanner: &mut Scanner<'_>, start: usize) -> Result<usize, JsonError> {
        let (mut at, mut byte) = scanner.next_byte(start + 1).ok_or(JsonError::Syntax)?;
        if byte == b']' {
            return Ok(at + 1);
        }
        loop {
            let end = scanner.value(at, MAX_DEPTH - 1, |_, _, _| ())?;
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
