//! A camera on V4L2, by the nokhwa crate. No other file names it.
//!
//! nokhwa's decoder is not used: it trusts the buffer. Its choice of a near mode is not used either: it looks
//! for rates at the size asked for, not at the size it chose. The driver's stamp and number are lost on the
//! way, so frames are stamped and counted when they arrive.
//!
//! The crates under it panic while closing a device that answers with an error, so opening and closing are
//! fenced. (Two panics at once would end the process, which the service manager starts again.)

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ::nokhwa::NokhwaError;
use ::nokhwa::backends::capture::V4LCaptureDevice;
use ::nokhwa::camera_traits::CaptureBackendTrait;
use ::nokhwa::utils::{
    CameraFormat, CameraIndex, FrameFormat, RequestedFormat, RequestedFormatType, Resolution,
};

use super::device::{self, Device, Settings};
use super::driver;
use super::events::{CloseFailed, ControlNotFixed};
use super::jpeg::{JpegDecoder, Layout};
use super::tails::StaleTails;
use super::{CaptureError, Description, Frame, FrameSource, Mode, Next, PixelFormat, Refusal, yuyv};
use crate::clock::{Clock, Moment};

/// A camera that sends only bad pictures for this long is closed and opened again.
const BAD_PICTURES_MAX: Duration = Duration::from_secs(2);
/// What this program can convert, in the order of preference.
const FORMATS: [FrameFormat; 2] = [FrameFormat::MJPEG, FrameFormat::YUYV];

/// An open camera.
pub struct NokhwaSource {
    /// `None` only while being dropped.
    camera: Option<V4LCaptureDevice<'static>>,
    node: String,
    description: Description,
    clock: Arc<dyn Clock>,
    converter: Converter,
    sequence: u64,
    /// Since when only bad pictures have come.
    bad_since: Option<Moment>,
}

impl NokhwaSource {
    /// Finds the camera, sets the nearest mode it offers, and starts its stream.
    ///
    /// # Errors
    /// A transient one when the camera is not there, busy or not yet permitted; another one when its name or
    /// its modes cannot work.
    pub fn open(settings: &Settings, clock: Arc<dyn Clock>) -> Result<Self, CaptureError> {
        let device = device::find(&settings.device, Path::new("/dev"))?;
        let node = device.node.display().to_string();
        driver::prepare(&device.node, settings);
        let opened = catch_unwind(AssertUnwindSafe(|| open_streaming(&device, &node, settings)));
        let (camera, mode) = opened.unwrap_or_else(|panic| {
            let why = panic_message(panic.as_ref());
            Err(CaptureError::BrokeDown { device: node.clone(), doing: "opening", why })
        })?;
        for problem in driver::fix(&device.node, &settings.controls) {
            ControlNotFixed { device: &node, control: problem.control, why: &problem.why }.emit();
        }
        let name = format!("{node} ({})", camera.camera_info().human_name());
        // Without a wish for a format, any is what was asked for.
        let format = settings.format.unwrap_or(mode.format);
        let requested = Some(Mode { format, ..settings.mode() });
        Ok(Self {
            camera: Some(camera),
            description: Description { name, mode, requested },
            converter: Converter::new(mode),
            node,
            clock,
            sequence: 0,
            bad_since: None,
        })
    }

    fn lost(&self, why: String) -> CaptureError {
        CaptureError::Lost { device: self.node.clone(), why }
    }
}

impl FrameSource for NokhwaSource {
    fn next(&mut self, frame: &mut Frame) -> Result<Next, CaptureError> {
        let Some(camera) = self.camera.as_mut() else {
            return Err(self.lost("it is closed".to_owned()));
        };
        let (captured_at, converted) = match camera.frame_raw() {
            Ok(buffer) => (self.clock.now(), self.converter.convert(&buffer, frame)),
            Err(why) => return Err(self.lost(why.to_string())),
        };
        if let Err(why) = converted {
            let bad_since = *self.bad_since.get_or_insert(captured_at);
            if captured_at.since(bad_since) > BAD_PICTURES_MAX {
                return Err(self.lost(format!("it sends only bad pictures, the last one: {why}")));
            }
            return Ok(Next::Refused(why));
        }
        self.bad_since = None;
        self.sequence += 1;
        frame.sequence = self.sequence;
        frame.captured_at = captured_at;
        Ok(Next::Frame)
    }

    fn describe(&self) -> &Description {
        &self.description
    }
}

impl Drop for NokhwaSource {
    fn drop(&mut self) {
        let camera = self.camera.take();
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(camera))) {
            CloseFailed { device: &self.node, why: &panic_message(panic.as_ref()) }.emit();
        }
    }
}

/// A driver's buffer -> a frame.
struct Converter {
    mode: Mode,
    jpeg: JpegDecoder,
    tails: StaleTails,
}

impl Converter {
    fn new(mode: Mode) -> Self {
        Self { mode, jpeg: JpegDecoder::new(mode.width, mode.height), tails: StaleTails::default() }
    }

    fn convert(&mut self, buffer: &[u8], frame: &mut Frame) -> Result<(), Refusal> {
        match self.mode.format {
            PixelFormat::Yuyv => yuyv::to_rgb(buffer, self.mode.width, self.mode.height, frame),
            PixelFormat::Mjpeg => {
                let layout = Layout::of(buffer)?;
                // Mapped buffers stay where they are, so their addresses tell them apart.
                self.tails.check(buffer.as_ptr().addr(), &buffer[..layout.length])?;
                self.jpeg.decode(buffer, frame)
            }
        }
    }
}

/// Opens the camera in the mode asked for, or else in the nearest one it lists.
fn open_streaming(
    device: &Device,
    node: &str,
    settings: &Settings,
) -> Result<(V4LCaptureDevice<'static>, Mode), CaptureError> {
    let wanted = settings.format.map_or(FORMATS.to_vec(), |format| vec![frame_format(format)]);
    let size = Resolution::new(settings.width, settings.height);
    let mut refused = String::new();
    for format in wanted {
        let exact = RequestedFormatType::Exact(CameraFormat::new(size, format, settings.rate_hz));
        match open_as(device, exact) {
            Ok(camera) => return start(camera, node),
            Err(why) => refused = why.to_string(),
        }
        // Only a refused mode is worth another try; what the device itself refuses it refuses again.
        let error = device::opening_error(node, "opening it", &refused);
        if !matches!(error, CaptureError::Device { .. }) {
            return Err(error);
        }
    }
    let mut camera = open_as(device, RequestedFormatType::None).map_err(|why| {
        let why = why.to_string();
        // An error number is the device's own trouble; without one it listed no mode that can be used.
        device::errno_in(&why).map_or_else(
            || CaptureError::OffersNothing { device: node.to_owned(), why: why.clone() },
            |_| device::opening_error(node, "opening it", &why),
        )
    })?;
    let listed = camera.compatible_camera_formats();
    let offered: Vec<Mode> = listed.unwrap_or_default().iter().filter_map(mode_of).collect();
    let nearest =
        device::nearest(&offered, settings).ok_or_else(|| unsupported(node, settings, &offered, &refused))?;
    let size = Resolution::new(nearest.width, nearest.height);
    let format = CameraFormat::new(size, frame_format(nearest.format), nearest.rate_hz as u32);
    camera
        .set_camera_format(format)
        .map_err(|why| device::opening_error(node, "setting its mode", &why.to_string()))?;
    start(camera, node)
}

fn open_as(device: &Device, format: RequestedFormatType) -> Result<V4LCaptureDevice<'static>, NokhwaError> {
    let request = RequestedFormat::with_formats(format, &FORMATS);
    V4LCaptureDevice::new(&CameraIndex::Index(device.index), request)
}

fn start(
    mut camera: V4LCaptureDevice<'static>,
    node: &str,
) -> Result<(V4LCaptureDevice<'static>, Mode), CaptureError> {
    camera
        .open_stream()
        .map_err(|why| device::opening_error(node, "starting its stream", &why.to_string()))?;
    let format = camera.camera_format();
    let mode = mode_of(&format).ok_or_else(|| CaptureError::Device {
        device: node.to_owned(),
        doing: "starting its stream",
        why: format!("it went into the mode {format}"),
    })?;
    Ok((camera, mode))
}

fn unsupported(node: &str, settings: &Settings, offered: &[Mode], why: &str) -> CaptureError {
    let offered: Vec<String> = offered.iter().map(Mode::to_string).collect();
    CaptureError::Unsupported {
        device: node.to_owned(),
        asked: settings.mode().to_string(),
        offered: if offered.is_empty() { "none".to_owned() } else { offered.join(", ") },
        why: why.to_owned(),
    }
}

const fn frame_format(format: PixelFormat) -> FrameFormat {
    match format {
        PixelFormat::Mjpeg => FrameFormat::MJPEG,
        PixelFormat::Yuyv => FrameFormat::YUYV,
    }
}

fn mode_of(format: &CameraFormat) -> Option<Mode> {
    let pixels = match format.format() {
        FrameFormat::MJPEG => PixelFormat::Mjpeg,
        FrameFormat::YUYV => PixelFormat::Yuyv,
        _ => return None,
    };
    let (width, height) = (format.width(), format.height());
    Some(Mode { format: pixels, width, height, rate_hz: f64::from(format.frame_rate()) })
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "it panicked".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::{Controls, jpeg};
    use crate::clock::SystemClock;

    fn settings(device: &str) -> Settings {
        let controls = Controls::default();
        Settings { device: device.to_owned(), width: 640, height: 480, rate_hz: 30, format: None, controls }
    }

    #[test]
    fn a_camera_that_is_not_there_is_a_transient_error_with_its_name() {
        for name in ["/dev/video4242", "usb-Nobody_Has_This-video-index0"] {
            let Err(error) = NokhwaSource::open(&settings(name), Arc::new(SystemClock)) else {
                panic!("opened {name}");
            };
            assert!(matches!(error, CaptureError::NoDevice { .. }) && error.is_transient(), "{error}");
            assert!(error.to_string().contains(name), "{error}");
        }
    }

    #[test]
    fn the_driver_itself_is_asked_and_its_words_are_understood() {
        let device = Device { index: 4242, node: "/dev/video4242".into() };
        let Err(error) = open_streaming(&device, "/dev/video4242", &settings("/dev/video4242")) else {
            panic!("opened a camera that does not exist");
        };
        assert!(matches!(error, CaptureError::Lost { .. }), "{error:?}");
    }

    fn mode(format: PixelFormat) -> Mode {
        Mode { format, width: 32, height: 16, rate_hz: 30.0 }
    }

    #[test]
    fn a_jpeg_buffer_with_leftovers_converts_and_a_torn_one_does_not() {
        let jpeg_of = |value: u8| {
            let mut frame = Frame::black(32, 16);
            let mut random = fastrand::Rng::with_seed(u64::from(value));
            frame.pixels.iter_mut().for_each(|pixel| *pixel = random.u8(..));
            let mut bytes = Vec::new();
            jpeg::encode(&frame, 90, &mut bytes).unwrap();
            bytes
        };
        let (older, newer) = (jpeg_of(1), jpeg_of(2));
        let mut buffer = vec![0_u8; 16 * 1024];
        let mut converter = Converter::new(mode(PixelFormat::Mjpeg));
        let mut frame = Frame::default();

        buffer[..older.len()].copy_from_slice(&older);
        converter.convert(&buffer, &mut frame).unwrap();
        assert_eq!((frame.width, frame.height, frame.pixels.len()), (32, 16, 32 * 16 * 3));

        let cut = newer.len().min(older.len()) / 2;
        buffer[..cut].copy_from_slice(&newer[..cut]);
        let torn = converter.convert(&buffer, &mut frame);
        assert!(matches!(torn, Err(Refusal::StaleTail { .. })), "{torn:?}");
    }

    #[test]
    fn a_yuyv_buffer_converts_by_its_mode() {
        let mut converter = Converter::new(mode(PixelFormat::Yuyv));
        let mut frame = Frame::default();
        converter.convert(&[[235, 128]; 32 * 16 + 9].concat(), &mut frame).unwrap();
        assert!(frame.pixels.iter().all(|value| *value == 255));
        assert!(converter.convert(&[128; 100], &mut frame).is_err());
    }

    #[test]
    fn modes_survive_the_way_to_nokhwa_and_back() {
        for format in [PixelFormat::Mjpeg, PixelFormat::Yuyv] {
            let there = CameraFormat::new(Resolution::new(32, 16), frame_format(format), 30);
            assert_eq!(mode_of(&there), Some(mode(format)));
        }
        let grey = CameraFormat::new(Resolution::new(32, 16), FrameFormat::GRAY, 30);
        assert_eq!(mode_of(&grey), None);
    }
}
