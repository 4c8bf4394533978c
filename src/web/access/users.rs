//! Who may log in: `users.toml` in the page's folder, written by `bunri passwd`.
//!
//! Never a password in it: its Argon2id hash. Never a default login: without the file nobody can log in. Read anew
//! whenever somebody asks, so that a changed password counts at once.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use serde::{Deserialize, Serialize};

use super::{Role, digest, random};
use crate::web::WebError;

/// Letters a password has at least: what NIST SP 800-63B-4 asks where the password is all there is, less a little for
/// gloves, since tries are limited.
pub const PASSWORD_LEAST: usize = 10;
/// Bytes a password has at most.
pub(in crate::web) const PASSWORD_MOST: usize = 256;
/// Letters of a name, at most.
pub(in crate::web) const NAME_MOST: usize = 32;

/// The logins of one bin.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Users {
    #[serde(rename = "user", default)]
    users: Vec<User>,
}

/// One login.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct User {
    pub(super) name: String,
    pub(super) role: Role,
    /// The hash with its salt and its cost, as PHC string.
    password: String,
}

impl User {
    /// What changes with the password and the role: sessions that were opened before end with it.
    pub(super) fn mark(&self) -> String {
        digest(&[&self.name, self.role.id(), &self.password])
    }
}

fn file(folder: &Path) -> PathBuf {
    folder.join("users.toml")
}

impl Users {
    /// Reads the logins; none where there is no file.
    ///
    /// # Errors
    /// When the file cannot be read, or is not what `bunri passwd` writes.
    pub fn load(folder: &Path) -> Result<Self, WebError> {
        let path = file(folder);
        match std::fs::read_to_string(&path) {
            Ok(text) => toml::from_str(&text)
                .map_err(|error| WebError::Users { why: crate::one_line::toml(&error, &text), path }),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Self::default()),
            Err(source) => Err(WebError::File { doing: "read", path, source }),
        }
    }

    /// Writes the logins, for the owner of the file alone.
    ///
    /// # Errors
    /// When the disk refuses; the file is then as it was.
    pub fn save(&self, folder: &Path) -> Result<(), WebError> {
        let path = file(folder);
        let text = toml::to_string(self)
            .map_err(|error| WebError::Users { path: path.clone(), why: error.to_string() })?;
        let text = format!("# The page's logins. Written by `bunri passwd`.\n\n{text}");
        crate::whole_file::write(&path, text.as_bytes()).map_err(|source| WebError::File {
            doing: "write",
            path,
            source,
        })
    }

    /// Whether there is no login at all.
    pub const fn is_empty(&self) -> bool {
        self.users.is_empty()
    }

    /// Name and role of each login.
    pub fn list(&self) -> impl Iterator<Item = (&str, Role)> {
        self.users.iter().map(|user| (user.name.as_str(), user.role))
    }

    pub(super) fn find(&self, name: &str) -> Option<&User> {
        self.users.iter().find(|user| user.name == name)
    }

    /// Adds a login or gives it another password and role. Takes a tenth of a second: hashing is meant to be slow.
    ///
    /// # Errors
    /// When the name or the password will not do.
    pub fn set(&mut self, name: &str, role: Role, password: &str) -> Result<(), WebError> {
        let good = |letter: char| letter.is_alphanumeric() || "-_.".contains(letter);
        if name.is_empty() || name.chars().count() > NAME_MOST || !name.chars().all(good) {
            return Err(WebError::Name { name: name.to_owned() });
        }
        if password.chars().count() < PASSWORD_LEAST || password.len() > PASSWORD_MOST {
            return Err(WebError::Password);
        }
        let salt = random().map_err(|source| WebError::File {
            doing: "draw a salt from",
            path: "/proc/sys/kernel/random".into(),
            source,
        })?;
        let hash: PasswordHash = Argon2::default()
            .hash_password_with_salt(password.as_bytes(), &salt.as_bytes()[..16])
            .map_err(|error| WebError::Hash { why: error.to_string() })?;
        let user = User { name: name.to_owned(), role, password: hash.to_string() };
        match self.users.iter_mut().find(|user| user.name == name) {
            Some(known) => *known = user,
            None => self.users.push(user),
        }
        Ok(())
    }

    /// Takes a login away; whether there was one.
    pub fn remove(&mut self, name: &str) -> bool {
        let before = self.users.len();
        self.users.retain(|user| user.name != name);
        self.users.len() < before
    }

    /// The login of this name, if the password is its. As slow for a name that nobody has.
    pub(super) fn verify(&self, name: &str, password: &str) -> Option<&User> {
        let user = self.find(name);
        let hash = match user.or(self.users.first()) {
            Some(user) => user.password.as_str(),
            None => return None,
        };
        let right = Argon2::default().verify_password(password.as_bytes(), hash).is_ok();
        user.filter(|_| right)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_password_of_a_name_opens() {
        let folder = tempfile::tempdir().unwrap();
        let mut users = Users::load(folder.path()).unwrap();
        assert!(users.is_empty() && users.verify("", "").is_none());
        users.set("kim", Role::Act, "correct horse").unwrap();
        users.set("lee", Role::Look, "battery staple").unwrap();
        users.save(folder.path()).unwrap();
        let text = std::fs::read_to_string(file(folder.path())).unwrap();
        assert!(text.contains("$argon2id$") && !text.contains("horse"), "{text}");

        let mut users = Users::load(folder.path()).unwrap();
        assert_eq!(users.verify("kim", "correct horse").unwrap().role, Role::Act);
        assert_eq!(users.verify("lee", "battery staple").unwrap().role, Role::Look);
        for (name, password) in [("kim", "battery staple"), ("park", "correct horse"), ("kim", ""), ("", "")]
        {
            assert!(users.verify(name, password).is_none(), "{name} {password}");
        }
        let before = users.find("kim").unwrap().mark();
        users.set("kim", Role::Act, "correct horse").unwrap();
        assert_ne!(users.find("kim").unwrap().mark(), before, "another salt, another mark");
        assert!(users.remove("kim") && !users.remove("kim"));
        assert!(users.verify("kim", "correct horse").is_none());
    }

    #[test]
    fn bad_names_passwords_and_files_are_refused() {
        let mut users = Users::default();
        for name in ["", "a b", "x\n", "<b>", &"n".repeat(33)] {
            assert!(
                matches!(users.set(name, Role::Look, "long enough"), Err(WebError::Name { .. })),
                "{name}"
            );
        }
        for password in ["", "too short", &"p".repeat(257)] {
            assert!(matches!(users.set("kim", Role::Look, password), Err(WebError::Password)), "{password}");
        }
        assert!(users.is_empty());
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(file(folder.path()), "[[user]]\nname = 3").unwrap();
        let error = Users::load(folder.path()).unwrap_err().to_string();
        assert!(error.contains("users.toml") && error.contains("bunri passwd"), "{error}");
    }
}
