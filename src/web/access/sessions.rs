//! Who is logged in: a random cookie at the browser, its hash here and on the disk.
//!
//! Never the cookie itself outside the browser. A session ends after its idle time, with its login's password or
//! role, when too many others are opened, and with the boot: a board without a clock battery cannot say how long it was
//! off. A restart of the program it survives.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use super::users::{User, Users};
use super::{digest, random};
use crate::clock::Moment;
use crate::web::events::SessionsNotKept;

/// Sessions open at once; beyond them the one idle longest ends.
const SESSIONS_MOST: usize = 32;
/// The file may be behind by this much: a session that was used need not be written at each request.
const KEEP_EVERY: Duration = Duration::from_secs(60);

#[derive(Clone, Debug, Deserialize, Serialize)]
struct Session {
    /// Hash of the cookie.
    key: String,
    name: String,
    /// [`User::mark`] when it was opened.
    mark: String,
    boot: String,
    /// When it was used last, in nanoseconds of that boot.
    used_ns: u64,
    /// The same, as the file has it.
    #[serde(skip)]
    kept_ns: u64,
}

/// The open sessions.
#[derive(Debug)]
pub(super) struct Sessions {
    path: PathBuf,
    boot: String,
    idle: Duration,
    open: Mutex<Vec<Session>>,
    changed: Notify,
}

impl Sessions {
    /// Those that an earlier run of this boot left; a file that cannot be read is as good as none.
    pub(super) fn load(folder: &Path, boot: String, idle: Duration) -> Self {
        let path = folder.join("sessions.json");
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let mut open: Vec<Session> = serde_json::from_str(&text).unwrap_or_default();
        open.retain(|session| session.boot == boot);
        open.truncate(SESSIONS_MOST);
        Self { path, boot, idle, open: Mutex::new(open), changed: Notify::new() }
    }

    /// Opens a session; returns its cookie.
    pub(super) fn open(&self, user: &User, now: Moment) -> std::io::Result<String> {
        let cookie = random()?;
        let session = Session {
            key: key(&cookie),
            name: user.name.clone(),
            mark: user.mark(),
            boot: self.boot.clone(),
            used_ns: now.as_nanos(),
            kept_ns: 0,
        };
        let mut open = self.lock();
        open.retain(|session| !self.is_over(session, now));
        if open.len() >= SESSIONS_MOST {
            let oldest = (0..open.len()).min_by_key(|index| open[*index].used_ns);
            oldest.map(|oldest| open.swap_remove(oldest));
        }
        open.push(session);
        drop(open);
        self.changed.notify_one();
        Ok(cookie)
    }

    /// The login whose session this key is; `used` begins its idle time anew.
    pub(super) fn find<'a>(&self, key: &str, users: &'a Users, now: Moment, used: bool) -> Option<&'a User> {
        let mut open = self.lock();
        let at = open.iter().position(|session| session.key == key)?;
        let user = users.find(&open[at].name).filter(|user| user.mark() == open[at].mark);
        if user.is_none() || self.is_over(&open[at], now) {
            open.swap_remove(at);
            drop(open);
            self.changed.notify_one();
            return None;
        }
        if used {
            open[at].used_ns = now.as_nanos();
            if now.since(Moment::from_nanos(open[at].kept_ns)) >= KEEP_EVERY {
                self.changed.notify_one();
            }
        }
        user
    }

    /// Ends a session.
    pub(super) fn close(&self, key: &str) {
        self.lock().retain(|session| session.key != key);
        self.changed.notify_one();
    }

    fn is_over(&self, session: &Session, now: Moment) -> bool {
        now.since(Moment::from_nanos(session.used_ns)) >= self.idle
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Session>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes the file; one that cannot be written costs a login after the next restart.
    pub(super) fn keep(&self) {
        let mut open = self.lock();
        open.iter_mut().for_each(|session| session.kept_ns = session.used_ns);
        let text = serde_json::to_vec(&*open).unwrap_or_default();
        drop(open);
        if let Err(error) = crate::whole_file::write(&self.path, &text) {
            SessionsNotKept { path: &self.path, error: &error }.emit();
        }
    }

    /// Returns when there is something to write.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }
}

/// What a cookie is known by.
pub(super) fn key(cookie: &str) -> String {
    digest(&["session", cookie])
}

#[cfg(test)]
mod tests {
    use super::super::Role;
    use super::*;

    const IDLE: Duration = Duration::from_secs(600);

    fn users() -> Users {
        let mut users = Users::default();
        users.set("kim", Role::Act, "correct horse").unwrap();
        users
    }

    fn at(seconds: u64) -> Moment {
        Moment::from_millis(seconds * 1_000)
    }

    #[test]
    fn a_session_lives_while_it_is_used_and_survives_a_restart_but_no_boot() {
        let folder = tempfile::tempdir().unwrap();
        let users = users();
        let load = |boot: &str| Sessions::load(folder.path(), boot.to_owned(), IDLE);
        let sessions = load("boot-a");
        let cookie = sessions.open(users.find("kim").unwrap(), at(0)).unwrap();
        let key = key(&cookie);
        assert!(sessions.find("another", &users, at(1), true).is_none());
        assert_eq!(sessions.find(&key, &users, at(599), true).unwrap().name, "kim");
        assert!(sessions.find(&key, &users, at(1_198), false).is_some(), "used at 599");
        sessions.keep();
        let text = std::fs::read_to_string(folder.path().join("sessions.json")).unwrap();
        assert!(!text.contains(&cookie), "only its hash is at rest");

        assert!(load("boot-b").find(&key, &users, at(1), false).is_none());
        let again = load("boot-a");
        assert!(again.find(&key, &users, at(1_198), false).is_some());
        assert!(again.find(&key, &users, at(1_199), true).is_none(), "idle for ten minutes");
        assert!(again.find(&key, &users, at(1_000), true).is_none(), "over is over");
    }

    #[test]
    fn a_session_ends_with_its_password_its_login_and_its_logout() {
        let folder = tempfile::tempdir().unwrap();
        let mut users = users();
        let sessions = Sessions::load(folder.path(), "boot".to_owned(), IDLE);
        let open = |users: &Users| key(&sessions.open(users.find("kim").unwrap(), at(0)).unwrap());
        let (one, two) = (open(&users), open(&users));
        sessions.close(&one);
        assert!(sessions.find(&one, &users, at(1), true).is_none());
        assert!(sessions.find(&two, &users, at(1), true).is_some());
        users.set("kim", Role::Look, "correct horse").unwrap();
        assert!(sessions.find(&two, &users, at(1), true).is_none(), "the role was changed");
        let three = open(&users);
        users.remove("kim");
        assert!(sessions.find(&three, &users, at(1), true).is_none());
    }

    #[test]
    fn there_are_never_too_many() {
        let folder = tempfile::tempdir().unwrap();
        let users = users();
        let sessions = Sessions::load(folder.path(), "boot".to_owned(), IDLE);
        let first = key(&sessions.open(users.find("kim").unwrap(), at(0)).unwrap());
        for second in 1..=SESSIONS_MOST as u64 {
            sessions.open(users.find("kim").unwrap(), at(second)).unwrap();
        }
        assert_eq!(sessions.lock().len(), SESSIONS_MOST);
        assert!(sessions.find(&first, &users, at(40), true).is_none());
    }
}
