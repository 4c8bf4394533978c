//! Who may look and who may act.
//!
//! ```text
//!  bunri passwd ──> users.toml ──┐
//!  POST /login ── limits ── one hash at a time ──> session: a cookie there, its hash here
//!  every crew's page ── cookie ──> Who: name, role, token
//! ```
//!
//! - Never a page of the crew's without a session, unless the configuration opens it to everybody on this machine.
//! - Never a change without the role `act` and the session's token ([`super::acting`] asks for both).
//! - Never more than one password hashed at a time: a hostile client gets one processor's tenth of a second, not
//!   the sorting loop's.
//! - Never the cookie, the password or the token in the log, the ledger or on the disk.

mod limits;
mod sessions;
mod users;

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderMap, header};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;

pub(super) use users::{NAME_MOST, PASSWORD_MOST};
pub use users::{PASSWORD_LEAST, Users};

use super::{Settings, WebError};
use crate::clock::Moment;
use limits::Limits;
use sessions::Sessions;

/// The session's cookie.
pub(super) const COOKIE: &str = "bunri_session";
/// A visitor's cookie, before there is a session: the login form's token belongs to it.
pub(super) const VISITOR: &str = "bunri_visitor";
/// Logins that may wait for their turn to be hashed.
const LOGINS_WAITING: usize = 4;

/// What a login may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// See every page.
    Look,
    /// Change things too: the flap, the settings, the calibration.
    Act,
}

impl Role {
    /// The identifier used in files and on the command line.
    pub const fn id(self) -> &'static str {
        match self {
            Role::Look => "look",
            Role::Act => "act",
        }
    }
}

/// Whoever asks for a page of the crew's.
#[derive(Clone, Debug)]
pub(super) struct Who {
    pub(super) name: String,
    pub(super) role: Role,
    /// The token that each of its forms carries.
    pub(super) token: String,
    /// The session; `None` where the page is open to everybody on this machine.
    pub(super) session: Option<String>,
}

/// How a login ended.
pub(super) enum Login {
    /// The session's cookie.
    In(String),
    /// No such name with this password; the address has to wait, if it has tried too often.
    Wrong(Option<Duration>),
    /// The address has to wait.
    Locked(Duration),
    /// Too many log in at this moment.
    Busy,
    /// There is no login at all.
    NoUsers,
}

/// The door.
pub(super) struct Access {
    folder: PathBuf,
    /// In a page that is open to everybody, what the tokens are made from.
    open: Option<String>,
    /// The connection is encrypted, so the cookies need never go over another.
    secure: bool,
    sessions: Sessions,
    limits: Limits,
    hashing: Semaphore,
    waiting: Semaphore,
}

impl Access {
    /// Reads the sessions that an earlier run of this boot left open.
    ///
    /// # Errors
    /// When the kernel gives no random numbers.
    pub(super) fn new(settings: &Settings, boot_id: &str) -> Result<Self, WebError> {
        let secret = random().map_err(|source| WebError::File {
            doing: "draw a secret from",
            path: "/proc/sys/kernel/random".into(),
            source,
        })?;
        let folder = settings.folder.clone();
        Ok(Self {
            open: settings.open_on_loopback.then_some(secret),
            secure: settings.tls.is_on(),
            sessions: Sessions::load(&folder, boot_id.to_owned(), settings.idle),
            limits: Limits::default(),
            hashing: Semaphore::new(1),
            waiting: Semaphore::new(LOGINS_WAITING),
            folder,
        })
    }

    /// Whether everybody on this machine may act without a login.
    pub(super) const fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Whoever sent these headers; `used` begins the session's idle time anew.
    ///
    /// # Errors
    /// When the logins cannot be read.
    pub(super) fn who(&self, headers: &HeaderMap, now: Moment, used: bool) -> Result<Option<Who>, WebError> {
        if let Some(secret) = &self.open {
            let (name, role) = ("anyone".to_owned(), Role::Act);
            return Ok(Some(Who { name, role, token: token(secret), session: None }));
        }
        let Some(cookie) = cookie(headers, COOKIE) else { return Ok(None) };
        let users = Users::load(&self.folder)?;
        let key = sessions::key(cookie);
        let user = self.sessions.find(&key, &users, now, used);
        Ok(user.map(|user| Who {
            name: user.name.clone(),
            role: user.role,
            token: token(cookie),
            session: Some(key.clone()),
        }))
    }

    /// Whether a session that was open still is.
    pub(super) fn still(&self, who: &Who, now: Moment) -> bool {
        let Some(key) = &who.session else { return self.is_open() };
        Users::load(&self.folder).is_ok_and(|users| self.sessions.find(key, &users, now, false).is_some())
    }

    /// Whether there is any login. One that cannot be read is one.
    pub(super) fn has_users(&self) -> bool {
        Users::load(&self.folder).map_or(true, |users| !users.is_empty())
    }

    /// Tries a password. Waits for its turn and for the hash.
    ///
    /// # Errors
    /// When the logins cannot be read, or the kernel gives no random numbers.
    pub(super) async fn log_in(
        self: Arc<Self>,
        name: String,
        password: String,
        address: IpAddr,
        now: impl Fn() -> Moment,
    ) -> Result<Login, WebError> {
        if let Some(wait) = self.limits.wait(address, now()) {
            return Ok(Login::Locked(wait));
        }
        let (Ok(_place), Ok(_turn)) = (self.waiting.try_acquire(), self.hashing.acquire().await) else {
            return Ok(Login::Busy);
        };
        // Those before it in the row may have been the same guesser.
        if let Some(wait) = self.limits.wait(address, now()) {
            return Ok(Login::Locked(wait));
        }
        let users = Users::load(&self.folder)?;
        if users.is_empty() {
            return Ok(Login::NoUsers);
        }
        let checked = tokio::task::spawn_blocking(move || users.verify(&name, &password).cloned());
        let user = checked.await.map_err(|error| WebError::Hash { why: error.to_string() })?;
        let Some(user) = user else { return Ok(Login::Wrong(self.limits.failed(address, now()))) };
        self.limits.succeeded(address);
        let cookie = self.sessions.open(&user, now()).map_err(|source| WebError::File {
            doing: "draw a cookie from",
            path: "/proc/sys/kernel/random".into(),
            source,
        })?;
        Ok(Login::In(cookie))
    }

    /// Ends a session.
    pub(super) fn log_out(&self, who: &Who) {
        if let Some(key) = &who.session {
            self.sessions.close(key);
        }
    }

    /// `Set-Cookie` for a cookie that no script and no other site gets; an empty value takes it away.
    pub(super) fn set_cookie(&self, name: &str, value: &str) -> String {
        let secure = if self.secure { "; Secure" } else { "" };
        let gone = if value.is_empty() { "; Max-Age=0" } else { "" };
        format!("{name}={value}; Path=/; HttpOnly; SameSite=Strict{secure}{gone}")
    }

    /// Writes the sessions down.
    pub(super) fn keep(&self) {
        self.sessions.keep();
    }

    /// Writes the sessions down whenever they change.
    pub(super) async fn keep_on(self: Arc<Self>) {
        loop {
            self.sessions.changed().await;
            let access = Arc::clone(&self);
            // The disk may take its time; a panic in there is the next write's concern.
            let _written = tokio::task::spawn_blocking(move || access.keep()).await.is_ok();
        }
    }
}

/// The value of a cookie.
pub(super) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = all.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(known, _)| *known == name).map(|(_, value)| value).filter(|value| !value.is_empty())
}

/// The token of whoever has this cookie: other sites can make a browser send the cookie at most, never read it.
pub(super) fn token(cookie: &str) -> String {
    digest(&["token", cookie])
}

/// A hash of texts, each with its length, so that none can pass for two.
fn digest(texts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for text in texts {
        hash.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_le_bytes());
        hash.update(text.as_bytes());
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// 244 random bits from the kernel, as 64 letters.
///
/// # Errors
/// When procfs cannot be read.
pub(super) fn random() -> std::io::Result<String> {
    let ids = [crate::clock::fresh_id()?, crate::clock::fresh_id()?];
    Ok(ids.concat().replace('-', ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_found_among_others() {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, "a=1; bunri_session=x=y; b=".parse().unwrap());
        headers.append(header::COOKIE, "c=3".parse().unwrap());
        let find = |name| cookie(&headers, name);
        assert_eq!([find("a"), find("bunri_session"), find("c")], [Some("1"), Some("x=y"), Some("3")]);
        assert_eq!([find("b"), find("session"), find("")], [None; 3]);
    }

    #[test]
    fn secrets_differ_and_hashes_do_not_run_together() {
        let (a, b) = (random().unwrap(), random().unwrap());
        assert!(a.len() == 64 && a != b, "{a} {b}");
        assert_ne!(digest(&["ab", "c"]), digest(&["a", "bc"]));
        assert_eq!(token("x").len(), 64);
    }
}
