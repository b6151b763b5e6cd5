//! JSON that has been checked, read as a type: what structs, lists, strings and numbers are made of
//! is read here without being checked again. All that is seldom, and each mistake with its words,
//! is serde_json's, so that what comes of a text is what serde_json makes of it.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{self, DeserializeSeed, IntoDeserializer, MapAccess, SeqAccess, Visitor},
    forward_to_deserialize_any,
};

use super::{scan, scan::Scanner};

/// Reads a `T` from one JSON value that [`super::check`] has accepted, without blanks around it.
///
/// # Errors
/// If it is no `T`: in the words of serde_json, which then reads it once more.
pub fn read<'de, T: Deserialize<'de>>(text: &'de str) -> Result<T, serde_json::Error> {
    let mut reader = Reader { text, at: 0 };
    match T::deserialize(&mut reader) {
        Ok(value) if reader.at == text.len() => Ok(value),
        _ => serde_json::from_str(text),
    }
}

/// Where a reader is that does not know how to go on: beyond every text.
const LOST: usize = usize::MAX;
/// Up to this whole number each is one of f64's, and a power of ten up to the last of these is as
/// well, so that their quotient, rounded once, is the nearest there is (Clinger 1990).
const MOST_EXACT: u64 = 1 << 53;
const TENS: [f64; 16] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];
/// So many digits fit into 64 bits.
const MOST_DIGITS: usize = 19;

/// This text is left to serde_json, which has the words if it is a mistake.
#[derive(Debug)]
struct Unread;

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("left to serde_json")
    }
}

impl std::error::Error for Unread {}

impl de::Error for Unread {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

/// Reads from `at` on. Once something has failed it is [`LOST`], whoever takes no notice of that.
struct Reader<'de> {
    text: &'de str,
    at: usize,
}

type Whole<'de> = serde_json::Deserializer<serde_json::de::StrRead<'de>>;

impl<'de> Reader<'de> {
    /// The next byte that is not blank; goes there.
    #[inline(always)]
    fn byte(&mut self) -> Result<u8, Unread> {
        match self.text.as_bytes().get(self.at) {
            Some(byte @ b'!'..) => Ok(*byte),
            _ => self.byte_after_blanks(),
        }
    }

    #[cold]
    fn byte_after_blanks(&mut self) -> Result<u8, Unread> {
        self.at = scan::skip_blanks(self.text.as_bytes(), self.at);
        self.text.as_bytes().get(self.at).copied().ok_or(Unread)
    }

    #[inline(always)]
    fn kept<T>(&mut self, result: Result<T, Unread>) -> Result<T, Unread> {
        if result.is_err() {
            self.at = LOST;
        }
        result
    }

    fn lost<T>(&mut self) -> Result<T, Unread> {
        self.kept(Err(Unread))
    }

    /// Where the value here ends.
    fn end(&mut self) -> Result<usize, Unread> {
        self.byte()?;
        Scanner::new(self.text).end(self.at).map_err(|_| Unread)
    }

    /// Lets serde_json read the value here.
    #[inline(never)]
    fn hand_over<T>(
        &mut self,
        read: impl FnOnce(&mut Whole<'de>) -> Result<T, serde_json::Error>,
    ) -> Result<T, Unread> {
        let Ok(end) = self.end() else { return self.lost() };
        let Some(value) = self.text.get(self.at..end) else { return self.lost() };
        let mut whole = serde_json::Deserializer::from_str(value);
        self.at = end;
        let value = read(&mut whole).and_then(|value| whole.end().map(|()| value));
        self.kept(value.map_err(|_| Unread))
    }

    /// The string here, if it is written without escapes.
    #[inline(always)]
    fn plain_string(&mut self) -> Option<&'de str> {
        let bytes = self.text.as_bytes();
        if self.byte().ok()? != b'"' {
            return None;
        }
        let end = scan::skip_plain(bytes, self.at + 1);
        if bytes.get(end) != Some(&b'"') {
            return None;
        }
        let string = self.text.get(self.at + 1..end)?;
        self.at = end + 1;
        Some(string)
    }

    /// The number here, if it can be told at a glance and, unless `may_be_fraction`, is whole.
    #[inline(always)]
    fn plain_number(&mut self, may_be_fraction: bool) -> Option<Number> {
        let bytes = self.text.as_bytes();
        let is_negative = self.byte().ok()? == b'-';
        let first = self.at + usize::from(is_negative);
        let (whole, point) = digits(bytes, first, 0);
        let (digits, end) = match bytes.get(point) {
            Some(b'.') if may_be_fraction => digits(bytes, point + 1, whole),
            Some(b'.' | b'e' | b'E') => return None,
            _ => (whole, point),
        };
        if point == first || end - first > MOST_DIGITS {
            return None;
        }
        let number = if end == point {
            match (is_negative, i64::try_from(digits)) {
                (false, _) => Number::Positive(digits),
                (true, Ok(digits @ 1..)) => Number::Negative(-digits),
                // Minus zero, and what only f64 holds.
                _ => return None,
            }
        } else {
            let tens = TENS.get(end - point - 1).filter(|_| digits <= MOST_EXACT)?;
            if let Some(b'e' | b'E') = bytes.get(end) {
                return None;
            }
            let fraction = digits as f64 / tens;
            Number::Fraction(if is_negative { -fraction } else { fraction })
        };
        self.at = end;
        Some(number)
    }
}

enum Number {
    Positive(u64),
    Negative(i64),
    Fraction(f64),
}

/// Adds the digits at `at` behind those of `number`, and says where they end. With more than
/// [`MOST_DIGITS`] the sum is without meaning.
#[inline]
fn digits(bytes: &[u8], mut at: usize, mut number: u64) -> (u64, usize) {
    while let Some(byte @ b'0'..=b'9') = bytes.get(at) {
        number = number.wrapping_mul(10).wrapping_add(u64::from(byte - b'0'));
        at += 1;
    }
    (number, at)
}

macro_rules! numbers {
    ($($method:ident $may_be_fraction:literal)+) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unread> {
            let result = match self.plain_number($may_be_fraction) {
                Some(Number::Positive(number)) => visitor.visit_u64(number),
                Some(Number::Negative(number)) => visitor.visit_i64(number),
                Some(Number::Fraction(number)) => visitor.visit_f64(number),
                None => return self.hand_over(|whole| whole.$method(visitor)),
            };
            self.kept(result)
        })+
    };
}

macro_rules! strings {
    ($($method:ident)+) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unread> {
            match self.plain_string() {
                Some(string) => {
                    let result = visitor.visit_borrowed_str(string);
                    self.kept(result)
                }
                None => self.hand_over(|whole| whole.$method(visitor)),
            }
        })+
    };
}

impl<'de> Deserializer<'de> for &mut Reader<'de> {
    type Error = Unread;

    numbers!(
        deserialize_u8 false deserialize_u16 false deserialize_u32 false deserialize_u64 false
        deserialize_i8 false deserialize_i16 false deserialize_i32 false deserialize_i64 false
        deserialize_f32 false deserialize_f64 true
    );
    strings!(deserialize_str deserialize_string deserialize_identifier);
    // Rare enough for serde_json to read all of it.

    fn deserialize_bytes<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Unread> {
        self.lost()
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Unread> {
        self.lost()
    }

    fn deserialize_char<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Unread> {
        self.lost()
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unread> {
        self.hand_over(|whole| whole.deserialize_any(visitor))
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unread> {
        let is_true = match self.byte() {
            Ok(b't') => true,
            Ok(b'f') => false,
            _ => return self.lost(),
        };
        self.at += if is_true { 4 } else { 5 };
        let result = visitor.visit_bool(is_true);
        self.kept(result)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unread> {
        let result = match self.byte() {
            Ok(b'n') => {
                self.at += 4;
                visitor.visit_none()
            }
            Ok(_) => visitor.visit_some(&mut *self),
            Err(lost) => Err(lost),
        };
        self.kept(result)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unread> {
        if !matches!(self.byte(), Ok(b'n')) {
            return self.lost();
        }
        self.at += 4;
        let result = visitor.visit_unit();
        self.kept(result)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Unread> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Unread> {
        // By such names serde_json knows types of its own.
        if name.starts_with('$') {
            return self.hand_over(|whole| whole.deserialize_newtype_struct(name, visitor));
        }
        let result = visitor.visit_newtype_struct(&mut *self);
        self.kept(result)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unread> {
        if !matches!(self.byte(), Ok(b'[')) {
            return self.lost();
        }
        let result = visitor.visit_seq(Inside::of(self));
        match self.byte() {
            Ok(b']') if result.is_ok() => self.at += 1,
            _ => return self.lost(),
        }
        result
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Unread> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Unread> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unread> {
        if !matches!(self.byte(), Ok(b'{')) {
            return self.lost();
        }
        let result = visitor.visit_map(Inside::of(self));
        match self.byte() {
            Ok(b'}') if result.is_ok() => self.at += 1,
            _ => return self.lost(),
        }
        result
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unread> {
        match self.byte() {
            Ok(b'[') => self.deserialize_seq(visitor),
            _ => self.deserialize_map(visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unread> {
        match self.plain_string() {
            Some(variant) => {
                let result = visitor.visit_enum(variant.into_deserializer());
                self.kept(result)
            }
            None => self.hand_over(|whole| whole.deserialize_enum(name, variants, visitor)),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unread> {
        let Ok(end) = self.end() else { return self.lost() };
        self.at = end;
        visitor.visit_unit()
    }
}

/// Inside of brackets.
struct Inside<'r, 'de> {
    reader: &'r mut Reader<'de>,
    is_first: bool,
}

impl<'r, 'de> Inside<'r, 'de> {
    fn of(reader: &'r mut Reader<'de>) -> Self {
        reader.at += 1;
        Self { reader, is_first: true }
    }

    /// True if another element or member begins.
    #[inline]
    fn goes_on(&mut self) -> Result<bool, Unread> {
        match self.reader.byte()? {
            b']' | b'}' => return Ok(false),
            _ if std::mem::take(&mut self.is_first) => {}
            b',' => self.reader.at += 1,
            _ => return self.reader.lost(),
        }
        Ok(true)
    }
}

impl<'de> SeqAccess<'de> for Inside<'_, 'de> {
    type Error = Unread;

    #[inline]
    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Unread> {
        if !self.goes_on()? {
            return Ok(None);
        }
        seed.deserialize(&mut *self.reader).map(Some)
    }
}

impl<'de> MapAccess<'de> for Inside<'_, 'de> {
    type Error = Unread;

    #[inline]
    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Unread> {
        if !self.goes_on()? {
            return Ok(None);
        }
        seed.deserialize(Key(&mut *self.reader)).map(Some)
    }

    #[inline]
    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Unread> {
        if self.reader.byte()? != b':' {
            return self.reader.lost();
        }
        self.reader.at += 1;
        seed.deserialize(&mut *self.reader)
    }
}

/// A member's name, which is a string; what else it may stand for is serde_json's to say.
struct Key<'r, 'de>(&'r mut Reader<'de>);

impl<'de> Deserializer<'de> for Key<'_, 'de> {
    type Error = Unread;

    #[inline]
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unread> {
        self.0.deserialize_str(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Unread> {
        if name.starts_with('$') {
            return self.0.lost();
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Unread> {
        self.0.lost()
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Unread> {
        self.0.lost()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string option unit
        unit_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests;
