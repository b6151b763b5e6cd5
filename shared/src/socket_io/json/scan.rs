//! The one pass over JSON text: where a value ends, and what it meets on the way. Eight bytes at a
//! time where a run of plain ones is likely, in strings and numbers.
//! Source: RFC 8259; "Bit Twiddling Hacks", § Determine if a word has a byte less than n.

use super::{JsonError, MAX_DEPTH};

/// What [`Scanner::value`] meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    ObjectStart,
    ObjectEnd,
    ArrayStart,
    ArrayEnd,
    Key,
    Scalar,
}

/// Reads JSON text from any place on.
#[derive(Debug)]
pub(super) struct Scanner<'a> {
    bytes: &'a [u8],
    /// A string was not written as it is read.
    pub(super) has_escapes: bool,
    /// A `\u` escape spelled one half of a surrogate pair.
    pub(super) has_surrogates: bool,
    /// A number was beyond those of f64.
    pub(super) is_out_of_range: bool,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let bytes = text.as_bytes();
        Self { bytes, has_escapes: false, has_surrogates: false, is_out_of_range: false }
    }

    /// Walks the value that begins at or after `start`, in which `max_depth` brackets may be open
    /// at once, and says where it ends. `visit` is told where each part of it begins and ends.
    ///
    /// No recursion, no memory beyond a stack of 128 bits.
    #[inline(always)]
    pub(super) fn value(
        &mut self,
        start: usize,
        max_depth: u32,
        mut visit: impl FnMut(Mark, usize, usize),
    ) -> Result<usize, JsonError> {
        // One bit per open bracket, the innermost lowest: 1 for an object, 0 for an array.
        let (mut kinds, mut depth) = (0u128, 0u32);
        let mut at = start;
        loop {
            // A member or a value begins here.
            let (mut begin, mut byte) = self.next_byte(at).ok_or(JsonError::Syntax)?;
            if kinds & 1 == 1 {
                let end = self.key(begin, byte).ok_or(JsonError::Syntax)?;
                visit(Mark::Key, begin, end);
                (begin, byte) = self.after_colon(end).ok_or(JsonError::Syntax)?;
            }
            if let b'{' | b'[' = byte {
                let is_object = byte == b'{';
                visit(if is_object { Mark::ObjectStart } else { Mark::ArrayStart }, begin, begin);
                if depth == max_depth {
                    return Err(JsonError::TooDeep);
                }
                depth += 1;
                kinds = kinds << 1 | u128::from(is_object);
                (at, byte) = self.next_byte(begin + 1).ok_or(JsonError::Syntax)?;
                // A bracket that closes another kind is found out as no member and no value.
                if byte != if is_object { b'}' } else { b']' } {
                    continue;
                }
            } else {
                at = self.scalar(begin, byte).ok_or(JsonError::Syntax)?;
                visit(Mark::Scalar, begin, at);
            }
            // A value ended here: close brackets until another begins.
            while depth > 0 {
                let (place, byte) = self.next_byte(at).ok_or(JsonError::Syntax)?;
                at = place + 1;
                match (byte, kinds & 1 == 1) {
                    (b',', _) => break,
                    (b'}', true) => visit(Mark::ObjectEnd, place, at),
                    (b']', false) => visit(Mark::ArrayEnd, place, at),
                    _ => return Err(JsonError::Syntax),
                }
                depth -= 1;
                kinds >>= 1;
            }
            if depth == 0 {
                return Ok(at);
            }
        }
    }

    /// Where the value ends that begins at or after `start`.
    #[inline(never)]
    pub(super) fn end(&mut self, start: usize) -> Result<usize, JsonError> {
        self.value(start, MAX_DEPTH, |_, _, _| ())
    }

    // Below this, `None` is a mistake in the text.

    /// The next byte that is not blank, and its place. There has to be one.
    #[inline(always)]
    pub(super) fn next_byte(&self, at: usize) -> Option<(usize, u8)> {
        match self.bytes.get(at) {
            Some(byte @ b'!'..) => Some((at, *byte)),
            _ => self.byte_after_blanks(at),
        }
    }

    #[cold]
    fn byte_after_blanks(&self, at: usize) -> Option<(usize, u8)> {
        let at = skip_blanks(self.bytes, at);
        self.bytes.get(at).map(|byte| (at, *byte))
    }

    /// A member's name, which begins with `byte`; the answer lies behind its quotes.
    #[inline(always)]
    fn key(&mut self, at: usize, byte: u8) -> Option<usize> {
        if byte == b'"' { self.string(at) } else { None }
    }

    #[inline(always)]
    fn after_colon(&self, at: usize) -> Option<(usize, u8)> {
        let (colon, byte) = self.next_byte(at)?;
        if byte == b':' { self.next_byte(colon + 1) } else { None }
    }

    #[inline(always)]
    fn scalar(&mut self, at: usize, byte: u8) -> Option<usize> {
        match byte {
            b'"' => self.string(at),
            b'-' | b'0'..=b'9' => self.number(at, byte),
            b't' => self.literal(at, b"true"),
            b'f' => self.literal(at, b"false"),
            b'n' => self.literal(at, b"null"),
            _ => None,
        }
    }

    #[inline]
    fn literal(&self, at: usize, word: &[u8]) -> Option<usize> {
        self.bytes[at..].starts_with(word).then_some(at + word.len())
    }

    /// `at` is the opening quote; the answer lies after the closing one.
    #[inline(always)]
    fn string(&mut self, at: usize) -> Option<usize> {
        let at = skip_plain(self.bytes, at + 1);
        match self.bytes.get(at) {
            Some(b'"') => Some(at + 1),
            _ => self.string_with_escapes(at),
        }
    }

    /// The rest of a string, from a byte on that is not plain.
    #[inline(never)]
    fn string_with_escapes(&mut self, mut at: usize) -> Option<usize> {
        loop {
            match self.bytes.get(at)? {
                b'"' => return Some(at + 1),
                b'\\' => at = skip_plain(self.bytes, self.escape(at)?),
                _ => return None,
            }
        }
    }

    /// `at` is a backslash; the answer lies after what it escapes.
    fn escape(&mut self, at: usize) -> Option<usize> {
        self.has_escapes = true;
        match self.bytes.get(at + 1)? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(at + 2),
            b'u' => {
                let digits = self.bytes.get(at + 2..at + 6)?;
                let is_surrogate = matches!(digits, [b'd' | b'D', second, ..] if *second >= b'8');
                self.has_surrogates |= is_surrogate;
                digits.iter().all(u8::is_ascii_hexdigit).then_some(at + 6)
            }
            _ => None,
        }
    }

    /// `at` is the sign or the first digit.
    #[inline(always)]
    fn number(&mut self, at: usize, byte: u8) -> Option<usize> {
        let first = at + usize::from(byte == b'-');
        let mut at = match self.bytes.get(first)? {
            b'0' => first + 1,
            b'1'..=b'9' => skip_digits(self.bytes, first + 1),
            _ => return None,
        };
        if self.bytes.get(at) == Some(&b'.') {
            at = self.digits(at + 1)?;
        }
        if let Some(b'e' | b'E') = self.bytes.get(at) {
            let is_signed = matches!(self.bytes.get(at + 1), Some(b'+' | b'-'));
            let exponent = at + 1 + usize::from(is_signed);
            at = self.digits(exponent)?;
            if at - exponent > SHORT_EXPONENT {
                self.look_at_range(first, at);
            }
        }
        if at - first > SHORT_NUMBER {
            self.look_at_range(first, at);
        }
        Some(at)
    }

    #[cold]
    fn look_at_range(&mut self, first: usize, end: usize) {
        let number = std::str::from_utf8(&self.bytes[first..end]).ok();
        let number = number.and_then(|text| text.parse::<f64>().ok());
        self.is_out_of_range |= !number.is_some_and(f64::is_finite);
    }

    /// At least one digit.
    #[inline]
    fn digits(&self, at: usize) -> Option<usize> {
        let end = skip_digits(self.bytes, at);
        (end > at).then_some(end)
    }
}

/// A number of so many letters, with an exponent of so many digits, is one of f64's.
const SHORT_NUMBER: usize = 200;
const SHORT_EXPONENT: usize = 2;

pub(super) fn skip_blanks(bytes: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\t' | b'\n' | b'\r') = bytes.get(at) {
        at += 1;
    }
    at
}

/// 1 in each byte of a word.
const ONES: u64 = u64::MAX / 255;
/// The highest bit of each byte of a word.
const HIGHEST: u64 = ONES << 7;

#[inline]
fn eight(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|eight| u64::from_le_bytes(*eight))
}

/// How many bytes lie before the lowest bit that is set.
#[inline]
fn n_bytes_before(bits: u64) -> usize {
    bits.trailing_zeros() as usize / 8
}

/// To the next quote, backslash or control character, or to the end.
#[inline]
pub(super) fn skip_plain(bytes: &[u8], mut at: usize) -> usize {
    let long = at + 16;
    while let Some(word) = eight(bytes, at) {
        match special(word) {
            0 => at += 8,
            found => return at + n_bytes_before(found),
        }
        if at == long {
            at = skip_long(bytes, at);
        }
    }
    while bytes.get(at).is_some_and(|byte| !is_special(*byte)) {
        at += 1;
    }
    at
}

/// So many bytes are looked at together: what one look costs beside them is shared by many.
const BLOCK: usize = 64;

/// Whole blocks that are plain, after a while in which all was.
#[inline(never)]
fn skip_long(bytes: &[u8], mut at: usize) -> usize {
    while let Some(block) = bytes.get(at..).and_then(|rest| rest.first_chunk::<BLOCK>())
        && !block.iter().fold(false, |found, byte| found | is_special(*byte))
    {
        at += BLOCK;
    }
    at
}

#[inline]
fn is_special(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

/// The highest bit of the first byte that is special; bytes after it may be marked for nothing.
#[inline]
fn special(word: u64) -> u64 {
    // With 2 flipped, the quote (0x22) lies right after the control characters.
    let low = (word ^ (ONES * 2)).wrapping_sub(ONES * 0x21);
    let backslash = (word ^ (ONES * 0x5c)).wrapping_sub(ONES);
    (low | backslash) & !word & HIGHEST
}

/// To the first byte that is no digit, or to the end.
#[inline]
fn skip_digits(bytes: &[u8], mut at: usize) -> usize {
    while let Some(word) = eight(bytes, at) {
        let digits = word ^ (ONES * 0x30);
        match (digits | digits.wrapping_add(ONES * 0x76)) & HIGHEST {
            0 => at += 8,
            found => return at + n_bytes_before(found),
        }
    }
    while bytes.get(at).is_some_and(u8::is_ascii_digit) {
        at += 1;
    }
    at
}
