//! Which camera, and in which mode: the decisions around the V4L2 source, without touching a device.
//!
//! A device number changes when a camera is plugged in again, so a rig names its camera by the stable id that
//! udev gives it (`/dev/v4l/by-id`, `/dev/v4l/by-path`), and it is looked up at every opening.

use std::fs;
use std::path::{Path, PathBuf};

use super::{CaptureError, Controls, Mode, PixelFormat};

/// Which camera to open, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// A path (`/dev/video0`, `/dev/v4l/by-id/...`) or a name in `/dev/v4l/by-id` or `/dev/v4l/by-path`.
    pub device: String,
    /// Pixels per row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Frames per second.
    pub rate_hz: u32,
    /// How pixels shall arrive; `None`: MJPG if the choice is equal, since only a JPEG shows that it was cut.
    pub format: Option<PixelFormat>,
    /// What the camera must not decide for itself.
    pub controls: Controls,
}

impl Settings {
    /// The mode asked for, in the format that is tried first.
    pub fn mode(&self) -> Mode {
        let format = self.format.unwrap_or(PixelFormat::Mjpeg);
        Mode { format, width: self.width, height: self.height, rate_hz: f64::from(self.rate_hz) }
    }
}

/// A camera that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// The number in its node's name.
    pub index: u32,
    /// Its node.
    pub node: PathBuf,
}

/// The folders of stable names under `/dev`, the better one first.
const STABLE: [&str; 2] = ["v4l/by-id", "v4l/by-path"];

/// Finds the node of the camera called `name`; `dev` is `/dev`.
///
/// # Errors
/// [`CaptureError::NoDevice`] with the cameras that are there, [`CaptureError::BadName`] when what it names is
/// not a video node.
pub fn find(name: &str, dev: &Path) -> Result<Device, CaptureError> {
    let bad_name = |why: &str| CaptureError::BadName { asked: name.to_owned(), why: why.to_owned() };
    let path = if name.starts_with('/') {
        PathBuf::from(name)
    } else if name.is_empty() || name.contains('/') {
        return Err(bad_name("give an absolute path or a name from /dev/v4l/by-id"));
    } else {
        let candidates = STABLE.map(|folder| dev.join(folder).join(name));
        let there = candidates.into_iter().find(|path| path.symlink_metadata().is_ok());
        there.ok_or_else(|| absent(name, dev))?
    };
    let node = fs::canonicalize(&path).map_err(|_| absent(name, dev))?;
    let file_name = node.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let index = video_index(file_name).ok_or_else(|| bad_name("it is not a /dev/video node"))?;
    Ok(Device { index, node })
}

fn absent(name: &str, dev: &Path) -> CaptureError {
    let cameras = list(dev);
    let present = if cameras.is_empty() {
        "there is no camera at all: check its cable and `lsusb`".to_owned()
    } else {
        format!("there are {}", cameras.join(", "))
    };
    CaptureError::NoDevice { asked: name.to_owned(), present }
}

/// The cameras that are there, by their stable names where udev gave them any.
pub fn list(dev: &Path) -> Vec<String> {
    let names = |folder: &str| -> Vec<String> {
        let entries = fs::read_dir(dev.join(folder)).into_iter().flatten().flatten();
        let mut names: Vec<_> =
            entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    };
    let stable = names(STABLE[0]);
    if !stable.is_empty() {
        return stable;
    }
    let nodes = names("").into_iter().filter(|name| video_index(name).is_some());
    nodes.map(|name| dev.join(name).display().to_string()).collect()
}

fn video_index(file_name: &str) -> Option<u32> {
    file_name.strip_prefix("video")?.parse().ok()
}

/// The offered mode nearest to the settings: first in size, then in rate, then MJPG before YUYV.
pub fn nearest(offered: &[Mode], settings: &Settings) -> Option<Mode> {
    let possible = offered.iter().filter(|mode| settings.format.is_none_or(|format| format == mode.format));
    let distance = |mode: &Mode| {
        let size = mode.width.abs_diff(settings.width) + mode.height.abs_diff(settings.height);
        let rate = (mode.rate_hz - f64::from(settings.rate_hz)).abs();
        (size, (rate * 1000.0) as u64, mode.format == PixelFormat::Yuyv)
    };
    possible.min_by_key(|mode| distance(mode)).copied()
}

/// The error number in a message that ends in the standard library's `(os error N)`.
///
/// The V4L2 crates turn their errors into text, so that this is all that is left of the number.
pub fn errno_in(message: &str) -> Option<i32> {
    let (_, after) = message.rsplit_once("os error ")?;
    after.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// The error that a failed opening means, from the driver's words.
pub fn opening_error(node: &str, doing: &'static str, why: &str) -> CaptureError {
    let device = node.to_owned();
    match errno_in(why) {
        Some(1 | 13) => CaptureError::Permission { device },
        Some(16) => CaptureError::Busy { device },
        Some(2 | 6 | 19) => CaptureError::Lost { device, why: why.to_owned() },
        _ if why.contains("mutex") => CaptureError::BrokeDown { device, doing, why: why.to_owned() },
        _ => CaptureError::Device { device, doing, why: why.to_owned() },
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// A `/dev` with two cameras, the second with a stable name.
    fn dev() -> tempfile::TempDir {
        let dev = tempfile::tempdir().unwrap();
        for node in ["video0", "video12", "null"] {
            fs::write(dev.path().join(node), "").unwrap();
        }
        fs::create_dir_all(dev.path().join(STABLE[0])).unwrap();
        symlink("../../video12", dev.path().join(STABLE[0]).join("usb-Chamber_Cam-video-index0")).unwrap();
        dev
    }

    #[test]
    fn a_camera_is_found_by_node_by_link_and_by_stable_name() {
        let dev = dev();
        let node = |name: &str| fs::canonicalize(dev.path()).unwrap().join(name);
        let path = |name: &str| dev.path().join(name).display().to_string();
        let second = Device { index: 12, node: node("video12") };

        let first = Device { index: 0, node: node("video0") };
        assert_eq!(find(&path("video0"), dev.path()).unwrap(), first);
        let link = path("v4l/by-id/usb-Chamber_Cam-video-index0");
        assert_eq!(find(&link, dev.path()).unwrap(), second);
        assert_eq!(find("usb-Chamber_Cam-video-index0", dev.path()).unwrap(), second);
    }

    #[test]
    fn a_missing_camera_is_transient_and_the_ones_present_are_named() {
        let dev = dev();
        for name in ["usb-Other", "/nowhere/video0"] {
            let error = find(name, dev.path()).unwrap_err();
            assert!(error.is_transient());
            let text = error.to_string();
            assert!(text.contains(name) && text.contains("usb-Chamber_Cam-video-index0"), "{text}");
        }
        fs::remove_dir_all(dev.path().join("v4l")).unwrap();
        let text = find("usb-Other", dev.path()).unwrap_err().to_string();
        assert!(text.contains("video0") && text.contains("video12") && !text.contains("null"), "{text}");
        let empty = tempfile::tempdir().unwrap();
        let text = find("usb-Other", empty.path()).unwrap_err().to_string();
        assert!(text.contains("no camera at all"), "{text}");
    }

    #[test]
    fn what_is_no_camera_is_not_waited_for() {
        let dev = dev();
        let null = dev.path().join("null").display().to_string();
        for name in ["", "a/b", &null] {
            let error = find(name, dev.path()).unwrap_err();
            assert!(matches!(error, CaptureError::BadName { .. }) && !error.is_transient(), "{error}");
        }
    }

    #[test]
    fn the_nearest_mode_prefers_size_then_rate_then_jpeg() {
        let mode = |format, width, height, rate_hz| Mode { format, width, height, rate_hz };
        let (jpeg, yuyv) = (PixelFormat::Mjpeg, PixelFormat::Yuyv);
        let offered = [
            mode(yuyv, 640, 480, 30.0),
            mode(jpeg, 640, 480, 30.0),
            mode(yuyv, 640, 480, 10.0),
            mode(jpeg, 1280, 720, 30.0),
            mode(jpeg, 1280, 720, 60.0),
        ];
        let nearest = |width, height, rate_hz, format| {
            nearest(
                &offered,
                &Settings {
                    device: String::new(),
                    width,
                    height,
                    rate_hz,
                    format,
                    controls: Controls::default(),
                },
            )
        };
        assert_eq!(nearest(640, 480, 30, None), Some(offered[1]));
        assert_eq!(nearest(640, 480, 30, Some(yuyv)), Some(offered[0]));
        assert_eq!(nearest(640, 480, 12, None), Some(offered[2]));
        assert_eq!(nearest(1920, 1080, 50, None), Some(offered[4]));
        assert_eq!(nearest(1280, 720, 30, Some(yuyv)), Some(offered[0]));
        assert_eq!(super::nearest(&[], &settings()), None);
    }

    fn settings() -> Settings {
        Settings {
            device: "x".to_owned(),
            width: 640,
            height: 480,
            rate_hz: 30,
            format: None,
            controls: Controls::default(),
        }
    }

    #[test]
    fn the_drivers_words_become_errors_that_say_what_to_do() {
        let error = |why| opening_error("/dev/video0", "opening", why);
        let denied = error("V4L2 Error: Permission denied (os error 13)");
        assert!(matches!(denied, CaptureError::Permission { .. }));
        assert!(denied.to_string().contains("group `video`"));
        assert!(matches!(error("Device or resource busy (os error 16)"), CaptureError::Busy { .. }));
        assert!(matches!(error("No such device (os error 19)"), CaptureError::Lost { .. }));
        assert!(matches!(error("Framerate not whole number: 30000 / 1001"), CaptureError::Device { .. }));
        let poisoned = error("Fail to lock global device list mutex: poisoned lock");
        assert!(matches!(poisoned, CaptureError::BrokeDown { .. }) && !poisoned.is_transient());
        assert_eq!(errno_in("no number"), None);
    }
}
