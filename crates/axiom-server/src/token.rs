//! The home's token: what a program shows that comes over the network port. Made once, in a file of ours alone.
//! It is never printed: not by `Debug`, not in an error.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use thiserror::Error;

use crate::instance::write_renamed;

/// The file in the home.
pub const TOKEN_FILE: &str = "token";

/// Random bytes in a token; written as twice as many hexadecimal digits.
const TOKEN_BYTES: usize = 32;

/// Why there is no token.
#[derive(Debug, Error)]
pub(crate) enum TokenError {
    /// The file system refused.
    #[error("failed to {action} {}: {source}", path.display())]
    Io { action: &'static str, path: PathBuf, source: io::Error },
    /// The kernel gives no randomness.
    #[error("failed to make a token: no randomness from the kernel: {0}")]
    Random(getrandom::Error),
}

/// What the file is worth.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    Good(Token),
    Absent,
    /// To be replaced, and why.
    Bad(&'static str),
}

/// The secret of one home.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(secret)")
    }
}

impl Token {
    /// The home's token; a new one where there is none, or where the old one may be known to others.
    ///
    /// # Errors
    /// The file cannot be read or written.
    pub(crate) fn of_home(root: &Path) -> Result<Self, TokenError> {
        Self::of_file(&root.join(TOKEN_FILE))
    }

    /// The secret in a file of ours, on the same terms.
    ///
    /// # Errors
    /// The file cannot be read or written.
    pub(crate) fn of_file(path: &Path) -> Result<Self, TokenError> {
        let failed =
            |action| move |source| TokenError::Io { action, path: path.to_owned(), source };
        match read(path).map_err(failed("read"))? {
            Found::Good(token) => return Ok(token),
            Found::Absent => {}
            Found::Bad(why) => {
                tracing::warn!("{} {why}: a new secret is made", path.display());
            }
        }
        let token = Self::new()?;
        write_renamed(path, format!("{}\n", token.0).as_bytes()).map_err(failed("write"))?;
        Ok(token)
    }

    /// A new one.
    ///
    /// # Errors
    /// The kernel gives no randomness.
    pub(crate) fn new() -> Result<Self, TokenError> {
        let mut random = [0; TOKEN_BYTES];
        getrandom::fill(&mut random).map_err(TokenError::Random)?;
        Ok(Self(random.iter().map(|byte| format!("{byte:02x}")).collect()))
    }

    /// A token as it is written.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_suffix('\n').unwrap_or(text);
        let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        (digits.len() == 2 * TOKEN_BYTES && digits.bytes().all(hex))
            .then(|| Self(digits.to_owned()))
    }

    /// What is derived from it with a text: as hard to guess as the secret, and says nothing about it. Hashed twice, so that a longer
    /// text's cannot be made from a shorter one's.
    pub(crate) fn derive(&self, purpose: &str, text: &str) -> Self {
        let inner = Sha256::new().chain_update(&self.0).chain_update(purpose).chain_update(text);
        let digest = Sha256::new().chain_update(&self.0).chain_update(inner.finalize());
        Self(digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// As it is shown to whoever may have it.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }

    /// True if this is what was shown. Takes the same time wherever they differ; the length is no secret.
    #[must_use]
    pub fn is(&self, shown: &[u8]) -> bool {
        self.0.as_bytes().ct_eq(shown).into()
    }
}

fn read(path: &Path) -> io::Result<Found> {
    // A pipe must not hold up the start.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let mut file = match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(file) => File::from(file),
        Err(Errno::NOENT) => return Ok(Found::Absent),
        Err(Errno::LOOP) => return Ok(Found::Bad("is a link")),
        Err(errno) => return Err(errno.into()),
    };
    let meta = file.metadata()?;
    if !meta.is_file() {
        return Ok(Found::Bad("is no plain file"));
    }
    if meta.mode() & 0o077 != 0 || meta.uid() != rustix::process::geteuid().as_raw() {
        return Ok(Found::Bad("may be read or written by others"));
    }
    let mut text = Vec::new();
    let _read: usize = file.by_ref().take(2 * TOKEN_BYTES as u64 + 2).read_to_end(&mut text)?;
    let token = str::from_utf8(&text).ok().and_then(Token::parse);
    Ok(token.map_or(Found::Bad("holds no token"), Found::Good))
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_token_is_made_once_and_for_us_alone() {
        let home = tempfile::tempdir().unwrap();
        let first = Token::of_home(home.path()).unwrap();
        assert_eq!(Token::of_home(home.path()).unwrap(), first);
        let path = home.path().join(TOKEN_FILE);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let shown = fs::read_to_string(&path).unwrap();
        assert!(first.is(shown.trim_end().as_bytes()) && shown.len() == 65);
        assert_eq!(format!("{first:?}"), "Token(secret)");
    }

    #[test]
    fn nothing_else_is_the_token() {
        let home = tempfile::tempdir().unwrap();
        let token = Token::of_home(home.path()).unwrap();
        let shown = fs::read(home.path().join(TOKEN_FILE)).unwrap();
        let shown = &shown[..64];
        for place in 0..64 {
            let mut other = shown.to_vec();
            other[place] ^= 1;
            assert!(!token.is(&other), "differs at {place}");
            assert!(!token.is(&shown[..place]), "only {place} digits");
        }
        assert!(!token.is(&[shown, b"0"].concat()) && token.is(shown));
    }

    #[test]
    fn a_token_that_others_may_know_is_replaced() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join(TOKEN_FILE);
        let mut last = Token::of_home(home.path()).unwrap();
        let spoil: [(&str, &dyn Fn()); 5] = [
            ("open to others", &|| {
                fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap()
            }),
            ("cut", &|| fs::write(&path, "abc").unwrap()),
            ("empty", &|| fs::write(&path, "").unwrap()),
            ("not text", &|| fs::write(&path, [0xff; 65]).unwrap()),
            ("a link", &|| {
                fs::rename(&path, home.path().join("elsewhere")).unwrap();
                std::os::unix::fs::symlink(home.path().join("elsewhere"), &path).unwrap();
            }),
        ];
        for (how, spoil) in spoil {
            spoil();
            let next = Token::of_home(home.path()).unwrap();
            assert_ne!(next, last, "{how}");
            assert_eq!(Token::of_home(home.path()).unwrap(), next, "{how}");
            last = next;
        }
    }
}
