//! Still pictures: finding and reading them.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::capture::Frame;

/// Reads a picture of any size, turned as its camera says.
pub(super) fn read(path: &Path) -> anyhow::Result<Frame> {
    use image::ImageDecoder as _;
    let read = || -> image::ImageResult<image::RgbImage> {
        let mut decoder = image::ImageReader::open(path)?.with_guessed_format()?.into_decoder()?;
        let orientation = decoder.orientation()?;
        let mut picture = image::DynamicImage::from_decoder(decoder)?;
        picture.apply_orientation(orientation);
        Ok(picture.into_rgb8())
    };
    let picture = read().with_context(|| format!("cannot read {} as JPEG or PNG", path.display()))?;
    let (width, height) = picture.dimensions();
    Ok(Frame { width, height, pixels: picture.into_raw(), ..Frame::default() })
}

/// What lies in a folder, by name.
pub(super) fn entries(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut found: Vec<PathBuf> = entries.filter_map(Result::ok).map(|entry| entry.path()).collect();
    found.sort();
    Ok(found)
}

/// The pictures of a folder, by name; at least one.
pub(super) fn in_folder(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = entries(folder)?;
    found.retain(|file| is_picture(file));
    anyhow::ensure!(!found.is_empty(), "there is no picture in {} (.jpg, .jpeg or .png)", folder.display());
    Ok(found)
}

/// Whether a file's name is that of a picture.
pub(super) fn is_picture(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or("").to_lowercase();
    path.is_file() && matches!(extension.as_str(), "jpg" | "jpeg" | "png")
}
