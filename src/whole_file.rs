//! Small files that are written whole or not at all: whoever reads one, also after a power cut, reads the old text or
//! the new one.
//!
//! Never a half-written file under its name. Never readable by others than its owner: passwords and keys are among
//! them. Never a copy left behind by a write that failed. Never root's in a folder that is another user's: what the crew
//! sets with sudo, the service must be able to read.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, chown, fchown};
use std::path::{Path, PathBuf};

/// Writes `text` as the file `path`, which only its owner may read, and makes its folder where there is none. When
/// this returns `Ok` it is on the disk.
///
/// # Errors
/// What the system said; then the file is as it was.
pub(crate) fn write(path: &Path, text: &[u8]) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    make_folder(folder)?;
    let new = beside(path);
    let written = write_new(&new, text).and_then(|()| std::fs::rename(&new, path));
    if written.is_err() {
        // The first error is the one to tell.
        let _gone = std::fs::remove_file(&new).is_ok();
    }
    written?;
    // The name must survive a power cut as well as the text.
    File::open(folder)?.sync_all()
}

/// Makes a folder, and those above it that are missing.
fn make_folder(folder: &Path) -> io::Result<()> {
    if folder.as_os_str().is_empty() || folder.is_dir() {
        return Ok(());
    }
    let above = folder.parent().unwrap_or(Path::new(""));
    make_folder(above)?;
    match DirBuilder::new().mode(0o700).create(folder) {
        // Another program was quicker; whose it is was its business.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => return Ok(()),
        made => made?,
    }
    match other_owner(above)? {
        Some((user, group)) => chown(folder, Some(user), Some(group)),
        None => Ok(()),
    }
}

/// User and group of a folder where this is root and the folder is not root's.
fn other_owner(folder: &Path) -> io::Result<Option<(u32, u32)>> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder }.metadata()?;
    let other = rustix::process::geteuid().is_root() && folder.uid() != 0;
    Ok(other.then(|| (folder.uid(), folder.gid())))
}

fn write_new(path: &Path, text: &[u8]) -> io::Result<()> {
    // One that a power cut left behind is nobody's.
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    if let Some((user, group)) = other_owner(path.parent().unwrap_or(Path::new("")))? {
        fchown(&file, Some(user), Some(group))?;
    }
    file.write_all(text)?;
    file.sync_all()
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    name.into()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_is_its_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("web/users.toml");
        std::fs::create_dir(folder.path().join("web")).unwrap();
        std::fs::write(beside(&path), "left behind").unwrap();
        for text in ["first", "second, longer", "3rd"] {
            write(&path, text.as_bytes()).unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(!beside(&path).exists());
    }

    #[test]
    fn what_root_writes_into_anothers_folder_is_the_others() {
        let folder = tempfile::tempdir().unwrap();
        let nobody = 65_534;
        // Only root can give a folder away, and only then is there anything to see.
        let given = std::os::unix::fs::chown(folder.path(), Some(nobody), Some(nobody)).is_ok();
        let path = folder.path().join("web/users.toml");
        write(&path, b"text").unwrap();
        for made in [path.parent().unwrap(), &path] {
            let owner = std::fs::metadata(made).unwrap().uid();
            assert_eq!(owner == nobody, given, "{} is owned by {owner}", made.display());
        }
    }

    #[test]
    fn what_cannot_be_written_leaves_the_old_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("target");
        std::fs::create_dir_all(path.join("a folder in the way")).unwrap();
        assert!(write(&path, b"text").is_err());
        assert!(path.is_dir() && !beside(&path).exists());
    }
}
