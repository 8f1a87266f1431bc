//! Domain names as the server keeps them: uncompressed wire format, ASCII letters lower-cased.

use std::fmt;

/// The longest name, in octets of wire format with the root's zero (RFC 1035 §2.3.4).
pub const MAX_NAME: usize = 255;
/// The longest label, in octets (RFC 1035 §2.3.4).
pub const MAX_LABEL: usize = 63;

/// An absolute domain name: uncompressed wire format, ASCII letters in lower case (RFC 4343).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(Box<[u8]>);

/// Why a text is no domain name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum NameError {
    #[error("a label is empty (two dots in a row, or a dot at the start)")]
    EmptyLabel,
    #[error("a label is longer than 63 octets")]
    LongLabel,
    #[error("the name is longer than 255 octets")]
    LongName,
    #[error("an escape is not \\DDD (000 to 255) or a backslash before one character")]
    BadEscape,
}

impl Name {
    /// The root, `.`.
    #[must_use]
    pub fn root() -> Self {
        Self(Box::new([0]))
    }

    /// Takes a name in uncompressed wire format and lower-cases it; `None` unless the octets are
    /// exactly one well-formed name.
    #[must_use]
    pub fn from_wire(wire: &[u8]) -> Option<Self> {
        let mut at = 0;
        loop {
            match *wire.get(at)? {
                0 => break,
                n if usize::from(n) <= MAX_LABEL => at += 1 + usize::from(n),
                _ => return None,
            }
        }
        (at + 1 == wire.len() && wire.len() <= MAX_NAME)
            .then(|| Self(wire.to_ascii_lowercase().into()))
    }

    /// Reads presentation format (RFC 1035 §5.1): escapes, `@` for the origin, and names without a
    /// final dot relative to `origin`.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn parse(text: &str, origin: &Self) -> Result<Self, NameError> {
        if text == "@" {
            return Ok(origin.clone());
        }
        if text == "." {
            return Ok(Self::root());
        }
        let (mut wire, absolute) = labels(text.as_bytes())?;
        wire.extend_from_slice(if absolute { &[0] } else { &origin.0 });
        if wire.len() > MAX_NAME {
            return Err(NameError::LongName);
        }
        wire.make_ascii_lowercase();
        Ok(Self(wire.into()))
    }

    /// The wire format, with the root's zero; at most 255 octets.
    #[must_use]
    pub fn as_wire(&self) -> &[u8] {
        &self.0
    }

    /// The labels from left to right, without the root's empty one.
    pub fn labels(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = &self.0[..];
        std::iter::from_fn(move || {
            let (&len, tail) = rest.split_first()?;
            if len == 0 {
                return None;
            }
            let (label, after) = tail.split_at(usize::from(len));
            rest = after;
            Some(label)
        })
    }

    /// The name without its first label; `None` for the root.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        let len = usize::from(self.0[0]);
        (len > 0).then(|| Self(self.0[1 + len..].into()))
    }

    /// Whether this name is `ancestor` or stands below it.
    #[must_use]
    pub fn is_within(&self, ancestor: &Self) -> bool {
        let mut rest = &self.0[..];
        loop {
            if rest.len() <= ancestor.0.len() {
                return rest == &ancestor.0[..];
            }
            rest = &rest[1 + usize::from(rest[0])..];
        }
    }

    /// Whether the first label is `*` (RFC 4592 §2.1.1).
    #[must_use]
    pub fn is_wildcard(&self) -> bool {
        self.0.starts_with(b"\x01*")
    }

    /// `label` put before this name.
    ///
    /// # Errors
    /// When the label or the name would be too long.
    pub fn prepend(&self, label: &[u8]) -> Result<Self, NameError> {
        if label.is_empty() {
            return Err(NameError::EmptyLabel);
        }
        if label.len() > MAX_LABEL {
            return Err(NameError::LongLabel);
        }
        if 1 + label.len() + self.0.len() > MAX_NAME {
            return Err(NameError::LongName);
        }
        let mut wire = Vec::with_capacity(1 + label.len() + self.0.len());
        wire.push(label.len() as u8);
        wire.extend_from_slice(label);
        wire.extend_from_slice(&self.0);
        wire.make_ascii_lowercase();
        Ok(Self(wire.into()))
    }
}

/// The labels of a presentation-format name as wire format without the root, and whether a final
/// dot made it absolute.
fn labels(text: &[u8]) -> Result<(Vec<u8>, bool), NameError> {
    let mut wire = vec![0];
    let mut start = 0;
    let mut rest = text.iter().copied();
    let mut absolute = false;
    while let Some(byte) = rest.next() {
        if absolute {
            absolute = false;
            start = wire.len();
            wire.push(0);
        }
        let octet = match byte {
            b'.' => {
                close(&mut wire, start)?;
                absolute = true;
                continue;
            }
            b'\\' => escape(&mut rest)?,
            other => other,
        };
        wire.push(octet);
    }
    if !absolute {
        close(&mut wire, start)?;
    }
    Ok((wire, absolute))
}

/// Writes the length of the label that starts at `start` and ends with the buffer.
fn close(wire: &mut [u8], start: usize) -> Result<(), NameError> {
    match wire.len() - start - 1 {
        0 => Err(NameError::EmptyLabel),
        len @ 1..=MAX_LABEL => {
            wire[start] = len as u8;
            Ok(())
        }
        _ => Err(NameError::LongLabel),
    }
}

/// One octet after a backslash: `DDD`, or the character itself.
fn escape(rest: &mut impl Iterator<Item = u8>) -> Result<u8, NameError> {
    let first = rest.next().ok_or(NameError::BadEscape)?;
    if !first.is_ascii_digit() {
        return Ok(first);
    }
    let mut value = u16::from(first - b'0');
    for _ in 0..2 {
        let digit = rest.next().filter(u8::is_ascii_digit).ok_or(NameError::BadEscape)?;
        value = value * 10 + u16::from(digit - b'0');
    }
    u8::try_from(value).map_err(|_| NameError::BadEscape)
}

/// Presentation format with a final dot; octets outside the printable ASCII as `\DDD`.
impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.len() == 1 {
            return f.write_str(".");
        }
        for label in self.labels() {
            for &octet in label {
                match octet {
                    b'.' | b'\\' | b'"' | b'(' | b')' | b';' | b'@' | b'$' => {
                        write!(f, "\\{}", char::from(octet))?;
                    }
                    0x21..=0x7e => write!(f, "{}", char::from(octet))?,
                    _ => write!(f, "\\{octet:03}")?,
                }
            }
            f.write_str(".")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        Name::parse(text, &Name::root()).expect("a good name")
    }

    #[test]
    fn relative_names_take_the_origin_and_absolute_ones_do_not() {
        let origin = name("Example.COM.");
        for (text, expected) in [
            ("@", "example.com."),
            ("www", "www.example.com."),
            ("A.b", "a.b.example.com."),
            ("www.", "www."),
            (".", "."),
            ("\\042.app", "*.app.example.com."),
            ("a\\.b", "a\\.b.example.com."),
            ("\\000x", "\\000x.example.com."),
        ] {
            assert_eq!(Name::parse(text, &origin).expect(text).to_string(), expected, "{text}");
        }
    }

    #[test]
    fn bad_texts_are_refused_with_the_reason() {
        let long = "a".repeat(64);
        let far = "abcdefg.".repeat(32);
        for (text, error) in [
            ("", NameError::EmptyLabel),
            ("a..b", NameError::EmptyLabel),
            (".a", NameError::EmptyLabel),
            ("..", NameError::EmptyLabel),
            (long.as_str(), NameError::LongLabel),
            (far.as_str(), NameError::LongName),
            ("a\\", NameError::BadEscape),
            ("a\\25", NameError::BadEscape),
            ("a\\256", NameError::BadEscape),
        ] {
            assert_eq!(Name::parse(text, &Name::root()), Err(error), "{text:?}");
        }
    }

    #[test]
    fn within_goes_by_labels_and_not_by_octets() {
        assert!(name("www.example.com").is_within(&name("example.com")));
        assert!(name("example.com").is_within(&name("example.com")));
        assert!(name("example.com").is_within(&Name::root()));
        assert!(!name("badexample.com").is_within(&name("example.com")));
        assert!(!name("com").is_within(&name("example.com")));
    }

    #[test]
    fn wire_format_is_taken_only_whole() {
        assert_eq!(Name::from_wire(b"\x01A\x00"), Some(name("a")));
        for bad in [&b""[..], b"\x01", b"\x01a", b"\x01a\x00x", b"\xc0\x0c", b"\x40"] {
            assert_eq!(Name::from_wire(bad), None, "{bad:?}");
        }
    }
}
