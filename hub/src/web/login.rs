//! Who may see the district's page: names and Argon2 hashes in a file, sessions in the database, a cookie.
//!
//! Never a password or a token on disk or in a log; never two passwords checked at once (each costs 19 MiB and a good
//! part of a second, on purpose).

use std::collections::HashMap;
use std::path::Path;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use axum::http::HeaderMap;
use axum::http::header::COOKIE;
use sha2::{Digest as _, Sha256};
use tokio::sync::Mutex;

use super::error::WebError;

const COOKIE_NAME: &str = "bunri-hub";
/// A working day.
pub(super) const SESSION_MS: i64 = 12 * 3_600_000;
const PASSWORD_BYTES_MIN: usize = 12;

/// Names and hashes.
#[derive(Debug)]
pub(super) struct Users {
    hashes: HashMap<String, String>,
    /// Checked for names that do not exist, so that they take as long.
    nobody: String,
    one_at_a_time: Mutex<()>,
}

impl Users {
    pub(super) fn read(path: &Path) -> Result<Self, WebError> {
        let refused = |why: String| WebError::File { path: path.to_owned(), why };
        let text = std::fs::read_to_string(path).map_err(|error| refused(error.to_string()))?;
        let mut hashes = HashMap::new();
        for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let (name, hash) =
                line.trim().split_once(':').filter(|(_, hash)| PasswordHash::new(hash).is_ok()).ok_or_else(
                    || refused(format!("line {} is not name:hash; make it with `bunri-hub user`", index + 1)),
                )?;
            hashes.insert(name.to_owned(), hash.to_owned());
        }
        Ok(Self { hashes, nobody: hash("nobody has this password")?, one_at_a_time: Mutex::new(()) })
    }

    /// Whether this is the user's password.
    pub(super) async fn knows(&self, name: &str, password: &str) -> bool {
        let _turn = self.one_at_a_time.lock().await;
        let known = self.hashes.get(name);
        let hash = known.unwrap_or(&self.nobody).clone();
        let password = password.as_bytes().to_vec();
        let checked = tokio::task::spawn_blocking(move || {
            let Ok(hash) = PasswordHash::new(&hash) else { return false };
            Argon2::default().verify_password(&password, &hash).is_ok()
        });
        checked.await.unwrap_or(false) && known.is_some()
    }
}

/// A line for the users' file.
///
/// # Errors
/// When the name cannot stand there, or the password is short.
pub fn user_line(name: &str, password: &str) -> Result<String, WebError> {
    let letters = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.@".contains(&byte));
    if name.is_empty() || !letters {
        return Err(WebError::Asked { what: "a name is of letters, digits and -_.@" });
    }
    if password.len() < PASSWORD_BYTES_MIN {
        return Err(WebError::Asked { what: "a password has at least 12 characters" });
    }
    Ok(format!("{name}:{}", hash(password)?))
}

fn hash(password: &str) -> Result<String, WebError> {
    let hash = Argon2::default().hash_password(password.as_bytes());
    hash.map(|hash| hash.to_string()).map_err(|error| WebError::Secret { why: error.to_string() })
}

/// A new cookie's value: 256 bits from the kernel.
pub(super) fn new_token() -> Result<String, WebError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| WebError::Secret { why: error.to_string() })?;
    Ok(hex(&bytes))
}

/// What the database keeps of it.
pub(super) fn kept(token: &str) -> String {
    hex(&Sha256::digest(token.as_bytes()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The cookie to set: to this place only, not for scripts, not from other sites. An empty token takes it away.
pub(super) fn cookie(token: &str, behind_tls: bool) -> String {
    let age = if token.is_empty() { 0 } else { SESSION_MS / 1_000 };
    let secure = if behind_tls { "; Secure" } else { "" };
    format!("{COOKIE_NAME}={token}; Path=/; HttpOnly; SameSite=Strict; Max-Age={age}{secure}")
}

/// The token that a request brings.
pub(super) fn token_of(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs =
        cookies.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == COOKIE_NAME).map(|(_, token)| token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_right_password_is_known() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users");
        std::fs::write(&path, user_line("kim", "correct horse battery").unwrap() + "\n\n").unwrap();
        let users = Users::read(&path).unwrap();
        assert!(users.knows("kim", "correct horse battery").await);
        assert!(!users.knows("kim", "correct horse batter").await);
        assert!(!users.knows("lee", "nobody has this password").await);
        std::fs::write(&path, "kim:plain\n").unwrap();
        let error = Users::read(&path).unwrap_err().to_string();
        assert!(error.contains("line 1") && !error.contains("plain"), "{error}");
        assert!(user_line("k:m", "correct horse battery").is_err() && user_line("kim", "short").is_err());
    }
}
