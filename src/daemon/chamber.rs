//! The empty chamber as a picture in a file, and back.

use std::path::{Path, PathBuf};

use super::DaemonError;
use crate::capture::Frame;
use crate::config::{Calibration, Config};
use crate::detect::{Background, COLUMNS, ROWS};

/// The cells of the detector as a picture's size.
const CELLS: (u32, u32) = (COLUMNS as u32, ROWS as u32);

/// The empty chamber that calibration photographed, or that was learnt on the bin.
///
/// # Errors
/// When the picture cannot be read or has another size.
pub fn calibrated_background(config: &Config) -> Result<Option<Background>, DaemonError> {
    let calibration = &config.calibration;
    calibration.empty_chamber.as_deref().map(|path| read(path, calibration)).transpose()
}

fn read(path: &Path, calibration: &Calibration) -> Result<Background, DaemonError> {
    let refuse = |message: String| DaemonError::EmptyChamber { path: PathBuf::from(path), message };
    let picture = image::open(path).map_err(|error| refuse(error.to_string()))?.into_rgb8();
    let (width, height) = picture.dimensions();
    if (width, height) == (calibration.width, calibration.height) {
        let frame = Frame { width, height, pixels: picture.into_raw(), ..Frame::default() };
        return Ok(Background::from_frame(&frame, calibration.detect.region));
    }
    let cells = Background::from_bytes(picture.as_raw()).filter(|_| (width, height) == CELLS);
    cells.ok_or_else(|| {
        refuse(format!(
            "it is {width}x{height}, the rig was calibrated for {}x{}, and cells are {}x{}",
            calibration.width, calibration.height, CELLS.0, CELLS.1
        ))
    })
}

/// The empty chamber as a PNG of the detector's cells: enough to compare with, too coarse to be a photograph.
pub(super) fn to_png(background: &Background) -> Result<Vec<u8>, String> {
    let mut png = std::io::Cursor::new(Vec::new());
    let (width, height) = CELLS;
    let colour = image::ColorType::Rgb8;
    image::write_buffer_with_format(
        &mut png,
        &background.to_bytes(),
        width,
        height,
        colour,
        image::ImageFormat::Png,
    )
    .map_err(|error| error.to_string())?;
    Ok(png.into_inner())
}
