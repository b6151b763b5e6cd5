//! Join codes: short, easy to read out, and hard to guess one by one.

use parlor_shared::id::ID_BYTES;

/// Letters used: none that look alike (0 O, 1 I L), and no vowels, so that no words come out.
pub const CODE_ALPHABET: &[u8; 19] = b"BCDFGHJKMNPQRSTVWXZ";

/// A join code of so many letters, 12 at most: more are not in the number it is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Code<const LETTERS: usize>([u8; LETTERS]);

impl<const LETTERS: usize> Code<LETTERS> {
    /// A code made of random bytes.
    pub(crate) fn from_bytes(bytes: [u8; ID_BYTES]) -> Self {
        let mut number = u64::from_le_bytes(bytes[..8].try_into().expect("8 of 18 bytes"));
        Self(std::array::from_fn(|_| {
            let letter = CODE_ALPHABET[(number % 19) as usize];
            number /= 19;
            letter
        }))
    }

    /// Reads a code as people type it: in any case, with blanks or dashes.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut letters = text
            .bytes()
            .filter(|b| !matches!(b, b' ' | b'-' | b'\t'))
            .map(|b| b.to_ascii_uppercase());
        let mut code = [0; LETTERS];
        for place in &mut code {
            *place = letters.next().filter(|letter| CODE_ALPHABET.contains(letter))?;
        }
        letters.next().is_none().then_some(Self(code))
    }

    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("the alphabet is ASCII")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_as_people_type_it() {
        let code = Code::<5>::from_bytes(*b"some random bytes!");
        let text = code.as_str().to_owned();
        assert_eq!(text.len(), 5);
        assert_eq!(Code::<5>::parse(&text), Some(code));
        let typed = format!(" {}-{} ", text[..2].to_lowercase(), &text[2..]);
        assert_eq!(Code::<5>::parse(&typed), Some(code));
        for bad in ["", "BCDF", "BCDFGH", "BCDFO", "BCDF0", "BCDFä", &"B".repeat(100_000)] {
            assert_eq!(Code::<5>::parse(bad), None, "{bad:.10}");
        }
        assert_eq!(Code::<6>::parse("bcd-fgh").unwrap().as_str(), "BCDFGH");
        assert_eq!(Code::<6>::parse(&text), None, "another's length");
    }
}
