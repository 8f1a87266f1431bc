//! Files that hold a secret: octets, and what they mean.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use vrrp::auth::Password;

use crate::config::diagnostic::Report;
use crate::config::tree::Node;

/// The bits of a file's mode that let everybody at it. A group may be the service's own.
const OTHERS: u32 = 0o007;

/// No secret is longer; a device or a database named by mistake is not read.
const LARGEST: u64 = 4096;

/// What keepalived takes; HMAC-SHA256 gains nothing from more than one block (RFC 2104 §3), and
/// less than its output weakens it.
const KEY_OCTETS: std::ops::RangeInclusive<usize> = 32..=64;

/// The start of a key in hexadecimal, as in keepalived's files.
const HEX: &[u8] = b"hex:";

/// A file with a secret in it.
#[derive(Debug)]
pub(super) struct SecretFile {
    /// All of it.
    pub octets: Vec<u8>,
    /// Its permissions, 12 bits.
    pub mode: u32,
}

/// Reads a file that holds a secret.
///
/// # Errors
/// When it is no regular file, larger than any secret, or cannot be read.
pub(super) fn read(path: &Path) -> io::Result<SecretFile> {
    let metadata = fs::metadata(path)?;
    if !metadata.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    if metadata.len() > LARGEST {
        return Err(io::Error::other(format!("larger than {LARGEST} octets")));
    }
    let mode = metadata.permissions().mode() & 0o7777;
    Ok(SecretFile { octets: fs::read(path)?, mode })
}

/// Warns of a file that everybody on the host can read; `what` is what it holds.
pub(super) fn warn_of_mode(
    node: &Node,
    what: &str,
    (path, mode): (&Path, u32),
    report: &mut Report,
) {
    if mode & OTHERS != 0 {
        let path = path.display();
        report
            .warning(node.span, format!("{what}: {path}: mode {mode:04o} is open to everybody"))
            .help(format!("chmod 600 {path}"));
    }
}

/// Octets as a key has them: `hex:` and digits, or printable ASCII; a line feed at the end is not
/// part of them.
///
/// # Errors
/// When they are neither; the secret is not in the message.
pub(super) fn octets(file: &[u8]) -> Result<Vec<u8>, String> {
    let line = line(file);
    match line.strip_prefix(HEX) {
        Some(digits) => hexadecimal(digits.trim_ascii()),
        None => printable(line).map(<[u8]>::to_vec),
    }
}

/// [`octets`] of a key of VRRP's trailer.
///
/// # Errors
/// As there, or when there are too few or too many.
pub(super) fn key(file: &[u8]) -> Result<Vec<u8>, String> {
    let key = octets(file)?;
    let (low, high) = (KEY_OCTETS.start(), KEY_OCTETS.end());
    match KEY_OCTETS.contains(&key.len()) {
        true => Ok(key),
        false => Err(format!("{} octets (a key has {low} to {high})", key.len())),
    }
}

/// A password, padded with zeros to its field (RFC 2338 §5.3.10); a line feed at its end is not
/// part of it.
///
/// # Errors
/// When there is none, or it is too long for the field.
pub(super) fn password(octets: &[u8]) -> Result<Password, String> {
    let line = printable(line(octets))?;
    let mut field = [0; 8];
    match field.get_mut(..line.len()).filter(|_| !line.is_empty()) {
        Some(start) => start.copy_from_slice(line),
        None => return Err(format!("{} octets (a password has 1 to 8)", line.len())),
    }
    Ok(Password(field))
}

/// A password of TCP MD5 signatures; a line feed at its end is not part of it.
///
/// # Errors
/// When there is none, or it is longer than the kernel takes (TCP_MD5SIG_MAXKEYLEN).
pub(super) fn tcp_md5(octets: &[u8]) -> Result<Vec<u8>, String> {
    const LONGEST: usize = 80;
    let line = printable(line(octets))?;
    match (1..=LONGEST).contains(&line.len()) {
        true => Ok(line.to_vec()),
        false => Err(format!("{} octets (a password has 1 to {LONGEST})", line.len())),
    }
}

/// Without the end of its line.
fn line(octets: &[u8]) -> &[u8] {
    let line = octets.strip_suffix(b"\n").unwrap_or(octets);
    line.strip_suffix(b"\r").unwrap_or(line)
}

fn printable(line: &[u8]) -> Result<&[u8], String> {
    match line.iter().all(|octet| (b' '..=b'~').contains(octet)) {
        true => Ok(line),
        false => Err("not one line of printable ASCII".to_owned()),
    }
}

fn hexadecimal(digits: &[u8]) -> Result<Vec<u8>, String> {
    let digit = |octet: u8| char::from(octet).to_digit(16).and_then(|d| u8::try_from(d).ok());
    let octet = |pair: &[u8]| match *pair {
        [high, low] => Some(digit(high)? << 4 | digit(low)?),
        _ => None,
    };
    let octets: Option<Vec<u8>> = digits.chunks(2).map(octet).collect();
    octets.ok_or_else(|| "`hex:` is not followed by pairs of hexadecimal digits".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_hexadecimal_or_printable() {
        let text = "0123456789abcdef0123456789abcdef";
        let hex = "hex:000102030405060708090a0b0c0d0e0f101112131415161718191A1B1C1D1E1F";
        let counted: Vec<u8> = (0..32).collect();
        for (file, expected) in [
            (text.to_owned(), Ok(text.as_bytes().to_vec())),
            (format!("{text}\n"), Ok(text.as_bytes().to_vec())),
            (format!("{text}\r\n"), Ok(text.as_bytes().to_vec())),
            (format!("{text} \n"), Ok(format!("{text} ").into_bytes())),
            (hex.to_owned(), Ok(counted.clone())),
            (format!("hex: {} \n", &hex[4..]), Ok(counted)),
            (text.repeat(2), Ok(text.repeat(2).into_bytes())),
            (String::new(), Err("0 octets (a key has 32 to 64)")),
            ("short".to_owned(), Err("5 octets (a key has 32 to 64)")),
            (text.repeat(3), Err("96 octets (a key has 32 to 64)")),
            ("hex:0011".to_owned(), Err("2 octets (a key has 32 to 64)")),
            (format!("{hex}0"), Err("`hex:` is not followed by pairs of hexadecimal digits")),
            (format!("{hex}+1"), Err("`hex:` is not followed by pairs of hexadecimal digits")),
            (format!("{text}\n{text}\n"), Err("not one line of printable ASCII")),
            (format!("{text}\n\n"), Err("not one line of printable ASCII")),
            (format!("{text}é"), Err("not one line of printable ASCII")),
        ] {
            let expected = expected.map_err(str::to_owned);
            assert_eq!(key(file.as_bytes()), expected, "{file:?}");
        }
    }

    #[test]
    fn a_password_fills_its_field() {
        for (file, expected) in [
            ("secret\n", Ok(Password(*b"secret\0\0"))),
            ("12345678", Ok(Password(*b"12345678"))),
            ("\n", Err("0 octets (a password has 1 to 8)")),
            ("123456789", Err("9 octets (a password has 1 to 8)")),
            ("a\0b", Err("not one line of printable ASCII")),
        ] {
            assert_eq!(password(file.as_bytes()), expected.map_err(str::to_owned), "{file:?}");
        }
    }

    #[test]
    fn what_is_no_small_regular_file_is_not_read() {
        let directory = tempfile::tempdir().expect("a directory");
        let large = directory.path().join("large");
        fs::write(&large, vec![b'x'; 5000]).expect("written");
        assert_eq!(read(&large).expect_err("large").to_string(), "larger than 4096 octets");
        assert_eq!(
            read(directory.path()).expect_err("a directory").to_string(),
            "not a regular file"
        );
        assert_eq!(
            read(Path::new("/dev/zero")).expect_err("endless").to_string(),
            "not a regular file"
        );
    }
}
