//! What can go wrong with the page. Nothing here is ever the sorting's concern.

use std::net::SocketAddr;
use std::path::PathBuf;

/// A failure of the page.
#[derive(Debug, thiserror::Error)]
pub enum WebError {
    /// Another program listens there.
    #[error(
        "the page cannot listen at {address}, another program does: stop it (`ss -tlnp` names it) or set another \
         port in web.listen"
    )]
    AddressInUse {
        /// The address that was asked for.
        address: SocketAddr,
    },
    /// The address cannot be listened at.
    #[error("the page cannot listen at {address} ({source}): set web.listen to an address of this machine")]
    Bind {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file of the page's folder cannot be used.
    #[error("the page cannot {doing} {path} ({source}): check the folder's owner and the disk", path = path.display())]
    File {
        /// What was tried.
        doing: &'static str,
        /// With which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file with the logins is damaged.
    #[error("{path} cannot be read ({why}): move it away and set the logins again with `bunri passwd`", path = path.display())]
    Users {
        /// The file.
        path: PathBuf,
        /// The first thing found.
        why: String,
    },
    /// A login's name will not do.
    #[error("'{name}' is no name for a login: 1 to 32 letters, digits, '-', '_' or '.'")]
    Name {
        /// As it was given.
        name: String,
    },
    /// A password will not do.
    #[error("a password needs at least 10 letters and at most 256 bytes")]
    Password,
    /// A password could not be hashed.
    #[error("a password could not be hashed: {why}")]
    Hash {
        /// What was said.
        why: String,
    },
    /// The certificate or its key cannot be used.
    #[error(
        "the page's certificate {path} cannot be used ({why}): check web.certificate and web.key, or leave both out for \
         an own one",
        path = path.display()
    )]
    Certificate {
        /// The file.
        path: PathBuf,
        /// What was said.
        why: String,
    },
    /// One of the text files inside the program is damaged: it was built wrongly.
    #[error(
        "the page's texts in {language} cannot be read ({why}): mend src/web/text/{language}.ftl and build again"
    )]
    Text {
        /// `ko` or `en`.
        language: &'static str,
        /// The first thing found.
        why: String,
    },
    /// A task that must not end has ended.
    #[error("the page's task '{task}' ended early: {why}")]
    TaskEnded {
        /// Its name.
        task: &'static str,
        /// How.
        why: String,
    },
}

impl WebError {
    /// Whether trying again may cure it.
    pub const fn is_transient(&self) -> bool {
        matches!(self, WebError::AddressInUse { .. })
    }
}
