//! What nokhwa cannot do, straight to the V4L2 driver: its mode before it is opened, and its controls. No other file
//! names the crate `v4l`.
//!
//! A second handle of the same device does this; the kernel allows any number as long as one streams. Every call is
//! fenced, since the crate panics on what it does not know.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use ::v4l::control::{Control, Value as DriverValue};
use ::v4l::video::Capture;
use ::v4l::video::capture::Parameters;
use ::v4l::{Device, Format, FourCC};

use super::controls::{Setting, Value};
use super::device::Settings;
use super::{Controls, PixelFormat};

/// A control that is not what the calibration says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NotFixed {
    /// Its name, as `v4l2-ctl -L` shows it.
    pub(super) control: &'static str,
    /// What happened.
    pub(super) why: String,
}

/// Puts the camera into the mode asked for, as near as it can. nokhwa looks at the mode that the last program left, and
/// gives up when that is one it does not know. What the driver refuses here it will refuse again, with its reason.
pub(super) fn prepare(node: &Path, settings: &Settings) {
    let fourcc = match settings.format.unwrap_or(PixelFormat::Mjpeg) {
        PixelFormat::Mjpeg => FourCC::new(b"MJPG"),
        PixelFormat::Yuyv => FourCC::new(b"YUYV"),
    };
    let _ = fenced(|| {
        let device = Device::with_path(node)?;
        device.set_format(&Format::new(settings.width, settings.height, fourcc))?;
        device.set_params(&Parameters::with_fps(settings.rate_hz))
    });
}

/// Sets the calibrated controls and reads each back. Those that are not as they should be are returned.
pub(super) fn fix(node: &Path, controls: &Controls) -> Vec<NotFixed> {
    let settings = controls.settings();
    if settings.is_empty() {
        return Vec::new();
    }
    let fixed = fenced(|| {
        let device = Device::with_path(node)?;
        Ok(settings.iter().filter_map(|setting| set(&device, setting)).collect())
    });
    fixed.unwrap_or_else(|why| vec![NotFixed { control: "all of them", why: why.to_string() }])
}

fn set(device: &Device, setting: &Setting) -> Option<NotFixed> {
    let not_fixed = |why: String| Some(NotFixed { control: setting.name, why });
    let value = match setting.value {
        Value::Switch(on) => DriverValue::Boolean(on),
        Value::Number(number) => DriverValue::Integer(number),
    };
    let outcome = fenced(|| device.set_control(Control { id: setting.id, value }));
    match outcome.and_then(|()| fenced(|| device.control(setting.id))) {
        Ok(control) => match (setting.value, control.value) {
            (Value::Switch(on), DriverValue::Boolean(is)) if on == is => None,
            (Value::Number(number), DriverValue::Integer(is)) if number == is => None,
            (wanted, is) => not_fixed(format!("it is {is:?} instead of {wanted:?}")),
        },
        Err(_) if setting.optional => None,
        Err(why) => not_fixed(why.to_string()),
    }
}

/// A panic of the crate as an error.
fn fenced<T>(work: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_panic| Err(io::Error::other("the V4L2 library panicked; see the log above")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_camera_that_is_gone_is_said_once_and_harms_nothing() {
        let node = Path::new("/dev/video4242");
        let controls = Controls { gain: Some(1), focus: Some(2), ..Controls::default() };
        let problems = fix(node, &controls);
        assert!(matches!(problems.as_slice(), [NotFixed { control: "all of them", .. }]), "{problems:?}");
        assert!(fix(node, &Controls::default()).is_empty());
    }

    #[test]
    fn a_panic_becomes_an_error() {
        assert!(fenced(|| -> io::Result<()> { std::panic::panic_any("unknown control type") }).is_err());
        assert_eq!(fenced(|| Ok(7)).unwrap(), 7);
    }
}
