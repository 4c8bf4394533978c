//! Small files that are written whole or not at all: whoever reads one, also after a power cut, reads the old text or
//! the new one.
//!
//! Never a half-written file under its name. Never readable by others than its owner: passwords and keys are among
//! them. Never a copy left behind by a write that failed. Never root's in a folder that is another user's: what the crew
//! sets with sudo, the service must be able to read.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, fchown};
use std::path::{Path, PathBuf};

/// Writes `text` as the file `path`, which only its owner may read, and makes its folder where there is none. When
/// this returns `Ok` it is on the disk.
///
/// # Errors
/// What the system said; then the file is as it was.
pub(crate) fn write(path: &Path, text: &[u8]) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
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

fn write_new(path: &Path, text: &[u8]) -> io::Result<()> {
    // One that a power cut left behind is nobody's.
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    let folder = path.parent().unwrap_or(Path::new(".")).metadata()?;
    if rustix::process::geteuid().is_root() && folder.uid() != 0 {
        fchown(&file, Some(folder.uid()), Some(folder.gid()))?;
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
        let path = folder.path().join("users.toml");
        write(&path, b"text").unwrap();
        let owner = std::fs::metadata(&path).unwrap().uid();
        assert_eq!(owner == nobody, given, "owned by {owner}");
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
