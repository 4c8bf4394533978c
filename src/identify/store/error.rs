//! Why a bundle is not installed, or the store cannot be used.

use std::path::PathBuf;

use crate::identify::error::IdentifyError;

/// What was refused or failed; the live bundle is as it was.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file cannot be read.
    #[error("cannot read {path}: {source}", path = path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The store cannot be written.
    #[error("cannot {doing} {path}: {source}; look at the disk's room and at who owns the state folder", path = path.display())]
    Write {
        /// What was tried.
        doing: &'static str,
        /// Which file or folder.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// No key is trusted.
    #[error(
        "no key is trusted, so no bundle can be installed: put the maker's minisign public key into the configuration, [model] keys"
    )]
    NoKeys,
    /// An archive without its signature.
    #[error("{path} is not there: a bundle comes as an archive and its signature; copy both, or name it with --signature", path = path.display())]
    Unsigned {
        /// Where the signature was looked for.
        path: PathBuf,
    },
    /// The signature's file is none.
    #[error("{path} is not a minisign signature that this program reads: {message}; copy it again, or sign anew", path = path.display())]
    Signature {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// Signed by somebody who is not trusted here.
    #[error("{path} was signed with a key that is not among [model] keys: ask its maker for the public key, or get the bundle from whom you trust", path = path.display())]
    OtherKey {
        /// The archive.
        path: PathBuf,
    },
    /// The signature is not of these bytes.
    #[error("the signature is not of this {path}: the archive or its signature is damaged, incomplete or altered; copy both again", path = path.display())]
    Altered {
        /// The archive.
        path: PathBuf,
    },
    /// Too many bytes.
    #[error("{path} is larger than {limit} bytes, which no bundle may be", path = path.display())]
    TooLarge {
        /// The archive or the signature.
        path: PathBuf,
        /// Bytes at most.
        limit: u64,
    },
    /// Signed, and not what a bundle's archive may be.
    #[error("{path} is refused: {message}; pack the bundle anew with `bunri model pack`", path = path.display())]
    Archive {
        /// The archive.
        path: PathBuf,
        /// What is wrong, and where in it.
        message: String,
    },
    /// A sound bundle that is for another bin.
    #[error("{path} is not for this bin: {message}", path = path.display())]
    Address {
        /// The archive.
        path: PathBuf,
        /// What does not fit.
        message: String,
    },
    /// The bundle does not answer on this board as it must.
    #[error(transparent)]
    Test(#[from] IdentifyError),
    /// Another bundle of the same name and version is installed.
    #[error("{bundle} is already installed with other content: a changed bundle needs a new version")]
    Taken {
        /// Name and version.
        bundle: String,
    },
    /// No such bundle in the store.
    #[error("there is no bundle '{bundle}' in {folder}; `bunri model list` names those that are there", folder = folder.display())]
    Missing {
        /// What was asked for.
        bundle: String,
        /// The store.
        folder: PathBuf,
    },
    /// An installed bundle is not what it was.
    #[error(
        "the installed bundle {bundle} is damaged: {message}; install it again, or go back with `bunri model rollback`"
    )]
    Damaged {
        /// Name and version.
        bundle: String,
        /// Which file, and how.
        message: String,
    },
    /// There is nothing to go back to.
    #[error("no bundle was live before this one: there is nothing to go back to")]
    NothingBefore,
    /// The file that says which bundle is live cannot be understood.
    #[error("{path} cannot be used: {message}; remove it and the bin starts with the factory's bundle", path = path.display())]
    Switch {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
}

impl StoreError {
    /// Whether the same may succeed when tried again.
    pub fn is_transient(&self) -> bool {
        matches!(self, StoreError::Write { .. })
    }
}
