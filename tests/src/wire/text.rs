//! Text of a script: letters, escapes, and names that stand for what only a run can know.
//! Which text is sent and which is expected is the player's matter.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, bail, ensure};

/// Stands between the packets of a payload.
const SEPARATOR: u8 = 0x1e;
/// Bytes one repetition may come to: a slip of the pen should not take the machine.
const MAX_REPEATED_BYTES: usize = 16 << 20;

/// What names stand for, once they were met.
pub(super) type Names = BTreeMap<String, String>;

/// A text that may contain names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Text(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Bytes(Vec<u8>),
    /// `$name`: letters, digits, `-` and `_`; the first time any, afterwards the same.
    Name(String),
    /// `$*`: anything.
    Anything,
}

impl Text {
    /// Reads `\xHH` (a byte), `$(text*n)` (the text n times), `$name` and `$*`; all else is
    /// letters as they stand.
    ///
    /// # Errors
    /// What of it cannot be read.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let mut parts = Vec::new();
        let mut letters = Vec::new();
        let mut rest = text;
        while let Some(letter) = rest.chars().next() {
            if let Some(after) = rest.strip_prefix("\\x") {
                let digits = after.get(..2).context("`\\x` wants two hexadecimal digits")?;
                letters
                    .push(u8::from_str_radix(digits, 16).with_context(|| format!("\\x{digits}"))?);
                rest = &after[2..];
                continue;
            }
            if let Some(after) = rest.strip_prefix("$(") {
                let (inner, after) = after.split_once(')').context("`$(` without `)`")?;
                letters.extend(repeated(inner)?);
                rest = after;
                continue;
            }
            let after = rest.strip_prefix('$');
            let Some(after) = after else {
                rest = &rest[letter.len_utf8()..];
                letters.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
                continue;
            };
            if !letters.is_empty() {
                parts.push(Part::Bytes(std::mem::take(&mut letters)));
            }
            rest = match after.strip_prefix('*') {
                Some(after) => {
                    parts.push(Part::Anything);
                    after
                }
                None => {
                    let length = name_length(after);
                    ensure!(length > 0, "`$` without a name");
                    parts.push(Part::Name(after[..length].to_owned()));
                    &after[length..]
                }
            };
        }
        if !letters.is_empty() {
            parts.push(Part::Bytes(letters));
        }
        Ok(Self(parts))
    }

    /// The packets of a payload, each for itself.
    pub(super) fn packets(&self) -> Vec<Self> {
        let mut packets = vec![Self::default()];
        for part in &self.0 {
            let Part::Bytes(bytes) = part else {
                packets.last_mut().expect("one at least").0.push(part.clone());
                continue;
            };
            for (i, piece) in bytes.split(|byte| *byte == SEPARATOR).enumerate() {
                if i > 0 {
                    packets.push(Self::default());
                }
                if !piece.is_empty() {
                    let packet = packets.last_mut().expect("one at least");
                    packet.0.push(Part::Bytes(piece.to_vec()));
                }
            }
        }
        packets
    }

    /// The bytes to send.
    ///
    /// # Errors
    /// If a name was not met yet.
    pub(super) fn fill(&self, names: &Names) -> Result<Vec<u8>> {
        let mut filled = Vec::new();
        for part in &self.0 {
            match part {
                Part::Bytes(bytes) => filled.extend_from_slice(bytes),
                Part::Name(name) => {
                    let value = names.get(name).with_context(|| format!("${name} is not known"))?;
                    filled.extend_from_slice(value.as_bytes());
                }
                Part::Anything => bail!("`$*` can only be expected, not sent"),
            }
        }
        Ok(filled)
    }

    /// True if these bytes are what is expected. Names met for the first time are kept then.
    pub(super) fn matches(&self, bytes: &[u8], names: &mut Names) -> bool {
        let mut met = names.clone();
        let is_match = self.find(bytes, &mut met);
        if is_match {
            *names = met;
        }
        is_match
    }

    fn find(&self, mut bytes: &[u8], names: &mut Names) -> bool {
        let mut is_anywhere = false;
        for part in &self.0 {
            let expected = match part {
                Part::Anything => {
                    is_anywhere = true;
                    continue;
                }
                Part::Bytes(expected) => expected.clone(),
                Part::Name(name) => {
                    let value = names.entry(name.clone()).or_insert_with(|| {
                        let run = bytes.iter().take_while(|byte| is_of_an_id(**byte));
                        run.map(|byte| char::from(*byte)).collect()
                    });
                    if value.is_empty() {
                        return false;
                    }
                    value.clone().into_bytes()
                }
            };
            let last = if is_anywhere { bytes.len() } else { 0 };
            let Some(at) = (0..=last)
                .find(|at| bytes.get(*at..).is_some_and(|rest| rest.starts_with(&expected)))
            else {
                return false;
            };
            bytes = &bytes[at + expected.len()..];
            is_anywhere = false;
        }
        bytes.is_empty() || is_anywhere
    }
}

fn repeated(inner: &str) -> Result<Vec<u8>> {
    let (text, n) = inner.rsplit_once('*').context("`$(` wants `text*n`")?;
    let n: usize = n.trim().parse().with_context(|| format!("`$({inner})` wants a number"))?;
    let Text(parts) = Text::parse(text)?;
    let [Part::Bytes(bytes)] = parts.as_slice() else { bail!("`$({inner})` wants letters alone") };
    ensure!(bytes.len().saturating_mul(n) <= MAX_REPEATED_BYTES, "`$({inner})` is too long");
    Ok(bytes.repeat(n))
}

/// Letters of the name in front: `id`, `a.sid`.
fn name_length(text: &str) -> usize {
    let run = |text: &str| {
        text.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count()
    };
    let first = run(text);
    match text[first..].strip_prefix('.').map(run) {
        Some(second @ 1..) if first > 0 => first + 1 + second,
        _ => first,
    }
}

fn is_of_an_id(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}

/// Bytes as a script would have them, cut to a length that can be read.
pub(super) fn readable(bytes: &[u8]) -> String {
    const MAX_LETTERS: usize = 300;
    let mut out = String::new();
    for chunk in bytes.utf8_chunks() {
        for letter in chunk.valid().chars() {
            if u32::from(letter) < 0x20 {
                out.push_str(&format!("\\x{:02x}", u32::from(letter)));
            } else {
                out.push(letter);
            }
        }
        out.extend(chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}")));
        if out.len() > MAX_LETTERS {
            let cut: String = out.chars().take(MAX_LETTERS).collect();
            return format!("{cut}… ({} bytes)", bytes.len());
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_takes_what_stands_there_and_wants_the_same_afterwards() {
        let mut names = Names::new();
        let text = Text::parse(r#"40{"sid":"$a.id"}"#).unwrap();
        assert!(!text.matches(br#"40{"sid":""}"#, &mut names));
        assert!(text.matches(br#"40{"sid":"x-1"}"#, &mut names));
        assert_eq!(names["a.id"], "x-1");
        assert!(text.matches(br#"40{"sid":"x-1"}"#, &mut names));
        assert!(!text.matches(br#"40{"sid":"x-2"}"#, &mut names));
        assert_eq!(Text::parse("to $a.id.").unwrap().fill(&names).unwrap(), b"to x-1.");
        assert!(Text::parse("$b").unwrap().fill(&names).is_err());
    }

    #[test]
    fn escapes_repetitions_and_anything() {
        let mut names = Names::new();
        let text = Text::parse(r"$(4x\x1e*2)4\xff").unwrap();
        assert_eq!(text.fill(&names).unwrap(), b"4x\x1e4x\x1e4\xff");
        assert_eq!(text.packets().len(), 3);
        let text = Text::parse("a$*c").unwrap();
        assert!(text.matches(b"abbc", &mut names) && text.matches(b"ac", &mut names));
        assert!(!text.matches(b"abcd", &mut names));
        assert!(Text::parse("a$*").unwrap().matches(b"a", &mut names));
        for wrong in [r"\xg", "$(x*)", "$(x", "$ "] {
            assert!(Text::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_cannot_be_printed_is_escaped() {
        assert_eq!(readable(b"4a\x1e4\xff"), r"4a\x1e4\xff");
    }
}
