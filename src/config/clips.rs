//! Which clips a configuration means.

use std::path::{Path, PathBuf};

use super::problems::InFile;

/// A folder that is no clip stands for the clips in it, in the order of their names.
pub(super) fn find(paths: impl Iterator<Item = PathBuf>, problems: &mut InFile<'_>) -> Vec<PathBuf> {
    let (mut clips, mut failed) = (Vec::new(), false);
    for path in paths {
        match clips_in(&path) {
            Ok(mut found) => clips.append(&mut found),
            Err(error) => {
                failed = true;
                problems.add("camera.replay.clips", error);
            }
        }
    }
    if clips.is_empty() && !failed {
        problems.add("camera.replay.clips", "names no clip: a clip is a folder with a clip.toml");
    }
    clips
}

/// `path` itself if it is a clip, otherwise the clips in it, sorted by name.
///
/// # Errors
/// When the folder cannot be read, in words.
pub fn clips_in(path: &Path) -> Result<Vec<PathBuf>, String> {
    if path.join("clip.toml").is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = std::fs::read_dir(path)
        .map_err(|error| format!("{}: {error}; a clip is a folder with a clip.toml", path.display()))?;
    let mut clips: Vec<_> = entries
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|folder| folder.join("clip.toml").is_file())
        .collect();
    clips.sort();
    if clips.is_empty() {
        return Err(format!("{}: there is no clip in it (a folder with a clip.toml)", path.display()));
    }
    Ok(clips)
}
