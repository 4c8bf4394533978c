//! What can go wrong with the page. Nothing here is ever the sorting's concern.

use std::net::SocketAddr;

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
