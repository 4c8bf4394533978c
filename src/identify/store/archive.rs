//! A bundle's archive: a plain tar file with a minisign signature beside it.
//!
//! Plain, because an int8 network hardly shrinks, and because what is not compressed cannot unfold into more than it is.
//!
//! - Nothing is looked into before its signature has been checked, over the very bytes that are then unpacked.
//! - Never a path: a name is a plain file's, or one of a plain file in `reference/`. Never a link, a device or a sparse
//!   file. Never more files or bytes than a bundle needs.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use minisign_verify::{Error as Refused, PublicKey, Signature};

use super::disk::Disk;
use super::error::StoreError;
use crate::identify::bundle::sha256;

/// Bytes of an archive at most; today's bundle has 4.4 million.
pub const ARCHIVE_LIMIT: u64 = 64 << 20;
/// Bytes of one file in it at most.
const FILE_LIMIT: u64 = 48 << 20;
/// Bytes of the manifest at most: it is text, and read as a whole.
const MANIFEST_LIMIT: u64 = 256 << 10;
/// Entries at most.
const ENTRIES_LIMIT: usize = 128;
/// Letters of a name at most.
const NAME_LIMIT: usize = 100;
/// Bytes of a signature's file at most.
const SIGNATURE_LIMIT: u64 = 4 << 10;
/// The folder for reference pictures, the only one a bundle has.
pub const REFERENCE: &str = "reference";
/// What the store itself writes into a bundle's folder.
pub(super) const RECORD: &str = "installed.toml";
/// A tar file ends with two empty blocks.
const END: [u8; 1024] = [0; 1024];

/// A minisign public key whose bundles are trusted.
#[derive(Clone)]
pub struct TrustedKey {
    text: String,
    key: PublicKey,
}

impl TrustedKey {
    /// Reads a key as it stands in the second line of `minisign.pub`.
    ///
    /// # Errors
    /// What it is instead, in a few words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let key = PublicKey::from_base64(text.trim()).map_err(|_| {
            "is not a minisign public key: it is the second line of minisign.pub, which begins with RW"
                .to_owned()
        })?;
        Ok(Self { text: text.trim().to_owned(), key })
    }
}

impl fmt::Debug for TrustedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TrustedKey").field(&self.text).finish()
    }
}

/// An archive whose signature is good.
pub(super) struct Signed {
    path: PathBuf,
    bytes: Vec<u8>,
    /// Of the archive.
    pub(super) sha256: String,
    /// Whose it is.
    pub(super) key: String,
    /// What the signer wrote beside it, which is signed too.
    pub(super) comment: String,
}

impl Signed {
    /// Reads an archive and its signature, and holds one against the other.
    pub(super) fn read(path: &Path, signature: &Path, keys: &[TrustedKey]) -> Result<Self, StoreError> {
        if keys.is_empty() {
            return Err(StoreError::NoKeys);
        }
        if !signature.exists() {
            return Err(StoreError::Unsigned { path: signature.to_owned() });
        }
        let refuse =
            |message: &str| StoreError::Signature { path: signature.to_owned(), message: message.to_owned() };
        let text = String::from_utf8(read_up_to(signature, SIGNATURE_LIMIT)?)
            .map_err(|_| refuse("it is not text"))?;
        let signed = Signature::decode(&text).map_err(|error| refuse(&error.to_string()))?;
        let bytes = read_up_to(path, ARCHIVE_LIMIT)?;
        for key in keys {
            match key.key.verify(&bytes, &signed, false) {
                Ok(()) => {
                    return Ok(Self {
                        path: path.to_owned(),
                        sha256: sha256(&bytes),
                        bytes,
                        key: key.text.clone(),
                        comment: signed.trusted_comment().to_owned(),
                    });
                }
                Err(Refused::UnexpectedKeyId) => {}
                Err(Refused::UnexpectedAlgorithm) => {
                    return Err(refuse("it is of minisign's old kind, without a hash"));
                }
                Err(_) => return Err(StoreError::Altered { path: path.to_owned() }),
            }
        }
        Err(StoreError::OtherKey { path: path.to_owned() })
    }

    /// Writes the archive's files into a new folder and brings them to the disk; returns each one's hash.
    pub(super) fn unpack(
        &self,
        folder: &Path,
        disk: &dyn Disk,
    ) -> Result<BTreeMap<String, String>, StoreError> {
        let refuse = |message: String| self.refuse(message);
        if !self.bytes.ends_with(&END) || !self.bytes.len().is_multiple_of(512) {
            return Err(refuse("it does not end as a tar file does, its end is missing".to_owned()));
        }
        let write = |path: &Path| {
            let path = path.to_owned();
            move |source| StoreError::Write { doing: "write", path, source }
        };
        disk.make_folder(folder).map_err(write(folder))?;
        let mut files = BTreeMap::new();
        let mut archive = tar::Archive::new(&self.bytes[..]);
        let entries = archive.entries().map_err(|error| refuse(damaged(&error)))?;
        for (index, entry) in entries.enumerate() {
            let mut entry = entry.map_err(|error| refuse(damaged(&error)))?;
            if index >= ENTRIES_LIMIT {
                return Err(refuse(format!("it has more than {ENTRIES_LIMIT} files")));
            }
            let Some(name) = wanted(&entry).map_err(refuse)? else { continue };
            if files.contains_key(&name) {
                return Err(refuse(format!("'{name}' stands in it twice")));
            }
            let size = entry.size();
            let limit = if name == super::MANIFEST { MANIFEST_LIMIT } else { FILE_LIMIT };
            if size > limit {
                return Err(refuse(format!("'{name}' has {size} bytes, {limit} is the limit")));
            }
            let mut bytes = Vec::new();
            let read = entry.read_to_end(&mut bytes).map_err(|error| refuse(damaged(&error)))?;
            if read as u64 != size {
                return Err(refuse(format!("'{name}' has {read} of its {size} bytes")));
            }
            let path = folder.join(&name);
            if let Some(parent) = path.parent().filter(|parent| *parent != folder) {
                disk.make_folder(parent).map_err(write(parent))?;
            }
            disk.write(&path, &bytes).map_err(write(&path))?;
            files.insert(name, sha256(&bytes));
        }
        let reference = folder.join(REFERENCE);
        if reference.is_dir() {
            disk.sync_folder(&reference).map_err(write(&reference))?;
        }
        disk.sync_folder(folder).map_err(write(folder))?;
        Ok(files)
    }

    /// Says what is wrong with what is in the archive.
    pub(super) fn refuse(&self, message: String) -> StoreError {
        StoreError::Archive { path: self.path.clone(), message }
    }

    /// The archive.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

/// The name under which an entry is unpacked; `None` for the folders that tar lists by themselves.
fn wanted<R: std::io::Read>(entry: &tar::Entry<'_, R>) -> Result<Option<String>, String> {
    let name = entry.path_bytes();
    let name = str::from_utf8(&name).map_err(|_| "a file's name is not text".to_owned())?;
    let plain = name.strip_prefix("./").unwrap_or(name);
    let kind = entry.header().entry_type();
    if kind.is_dir() {
        let folder = plain.trim_end_matches('/');
        return match folder {
            "" | "." | REFERENCE => Ok(None),
            _ => Err(format!("it has a folder '{name}', '{REFERENCE}' is the only one a bundle has")),
        };
    }
    let is = match kind {
        kind if kind.is_file() => None,
        kind if kind.is_symlink() => Some("a symbolic link"),
        kind if kind.is_hard_link() => Some("a hard link"),
        kind if kind.is_character_special() || kind.is_block_special() => Some("a device"),
        kind if kind.is_fifo() => Some("a pipe"),
        kind if kind.is_gnu_sparse() => Some("a file with holes"),
        _ => Some("of a kind that a bundle does not have"),
    };
    if let Some(is) = is {
        return Err(format!("'{name}' is {is}, a bundle has plain files only"));
    }
    let file = plain.strip_prefix("reference/").unwrap_or(plain);
    if !is_plain(file) {
        return Err(format!(
            "'{name}' is not a name for a bundle's file: letters, digits, '.', '_' and '-', in no folder or in \
             '{REFERENCE}'"
        ));
    }
    if plain == RECORD {
        return Err(format!("'{name}' is what the store itself writes"));
    }
    Ok(Some(plain.to_owned()))
}

/// Whether this may be a file's name, or a part of one: nothing that means something to a file system or a shell.
pub(super) fn is_plain(name: &str) -> bool {
    let good = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
    name.len() <= NAME_LIMIT
        && name.starts_with(|letter: char| letter.is_ascii_alphanumeric())
        && name.chars().all(good)
}

fn damaged(error: &std::io::Error) -> String {
    format!("it is not a sound tar file: {}", crate::one_line::joined(&error.to_string()))
}

/// A file's bytes, unless they are more than `limit`.
fn read_up_to(path: &Path, limit: u64) -> Result<Vec<u8>, StoreError> {
    let read = |source| StoreError::Read { path: path.to_owned(), source };
    let file = std::fs::File::open(path).map_err(read)?;
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes).map_err(read)?;
    if bytes.len() as u64 > limit {
        return Err(StoreError::TooLarge { path: path.to_owned(), limit });
    }
    Ok(bytes)
}

/// Packs a bundle's files, each `(name, bytes)`: the same archive for the same files, whenever it is made.
///
/// # Errors
/// When a name is too long, or memory ends.
pub fn pack(files: &BTreeMap<String, Vec<u8>>) -> std::io::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(0);
        archive.append_data(&mut header, name, &bytes[..])?;
    }
    archive.into_inner()
}
