//! Looks at everything the bin needs: for `bunri doctor` beside a running bin or instead of one, and for the page.
//!
//! Never touches what the running bin works with: lines are looked for and not requested, a camera is opened only when
//! no bin runs, the ledger is read beside its writer.

mod sensors;

use std::net::{TcpStream, ToSocketAddrs};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use tokio::sync::watch;

use super::{DaemonError, live_bundle, site_head};
use crate::capture::nokhwa::NokhwaSource;
use crate::capture::replay::Clip;
use crate::capture::{CaptureError, Frame, FrameSource as _, device, stage};
use crate::clock::Clock;
use crate::config::{Camera, Config};
use crate::identify::{Bundle, Identifier, SelfTest, self_test};
use crate::judge::Alarm;
use crate::mechanism::lines::LinesSpec;
use crate::mechanism::sensors::bank::FillNow;
use crate::mechanism::{DriveSettings, FlapState, MechanismError, gpio};
use crate::teach::{Again, Store};
use crate::web::checkup::{Check, Finding, Grade};
use crate::web::{Health, Live};
use crate::{tally, uplink};

/// What the running bin knows of itself.
#[derive(Clone)]
pub(super) struct Running {
    live: watch::Receiver<Live>,
    fill: watch::Receiver<FillNow>,
    camera: Arc<stage::Status>,
    uplink: Option<watch::Receiver<uplink::Status>>,
    /// Name and version of the live bundle at the start.
    bundle: String,
}

impl Running {
    pub(super) fn new(
        live: &watch::Receiver<Live>,
        fill: &watch::Receiver<FillNow>,
        camera: &Arc<stage::Status>,
        uplink: &Option<watch::Receiver<uplink::Status>>,
        bundle: &str,
    ) -> Self {
        let (live, fill, camera, uplink) = (live.clone(), fill.clone(), Arc::clone(camera), uplink.clone());
        Self { live, fill, camera, uplink, bundle: bundle.to_owned() }
    }

    /// What the page calls to look at everything.
    pub(super) fn checker(
        self,
        config: &Config,
        clock: &Arc<dyn Clock>,
    ) -> Arc<dyn Fn() -> Vec<Finding> + Send + Sync> {
        let (config, clock) = (config.clone(), Arc::clone(clock));
        Arc::new(move || self.check_up(&config, &clock))
    }

    fn check_up(&self, config: &Config, clock: &Arc<dyn Clock>) -> Vec<Finding> {
        // Copied first: what is borrowed twice at once waits for ever if the sorting loop comes in between.
        let fill = self.fill.borrow().clone();
        let (button, bundle) = {
            let live = self.live.borrow();
            (live.button, live.bundle_or(&self.bundle).to_owned())
        };
        let mut findings = vec![
            configuration(config),
            camera_from_inside(self, clock),
            lines(config),
            drive_from_inside(config, self),
            sensors::from_inside(config, &fill, clock.now()),
            sensors::button_from_inside(config, button),
            model_from_inside(config, &bundle),
            ledger_from_inside(config, self),
            broker_from_inside(self),
        ];
        findings.extend(machine(config, clock));
        findings
    }
}

/// How long a camera may take to its first picture.
const CAMERA_LIMIT: Duration = Duration::from_secs(8);
/// How long a broker may take to answer.
const BROKER_LIMIT: Duration = Duration::from_secs(3);
const MIB: u64 = 1 << 20;

fn pass(check: Check, value: impl Into<String>) -> Finding {
    Finding { check, grade: Grade::Pass, value: value.into() }
}

fn warn(check: Check, value: impl Into<String>) -> Finding {
    Finding { check, grade: Grade::Warn, value: value.into() }
}

fn fail(check: Check, value: impl Into<String>) -> Finding {
    Finding { check, grade: Grade::Fail, value: value.into() }
}

/// Looks at everything from outside; a bin may run or not. Blocks for some seconds.
pub fn check_up(config: &Config, clock: &Arc<dyn Clock>) -> Vec<Finding> {
    let ledger = config.state_dir.join("tally.db");
    let runs = tally::in_use(&ledger);
    let mut findings = vec![
        configuration(config),
        camera_from_outside(config, runs, clock),
        lines(config),
        drive_from_outside(config),
        sensors::from_outside(config, &**clock),
        sensors::button_from_outside(config, runs),
        model(config, &**clock),
    ];
    findings.push(if ledger.exists() {
        sound(&ledger)
    } else {
        warn(Check::Ledger, format!("{} is not there yet", ledger.display()))
    });
    findings.push(broker_from_outside(config));
    findings.extend(machine(config, clock));
    findings
}

fn configuration(config: &Config) -> Finding {
    let version = match config.calibration.version {
        0 => "the rig's own".to_owned(),
        number => format!("version {number}"),
    };
    pass(Check::Configuration, format!("{}, calibration {version}", config.hash))
}

fn machine(config: &Config, clock: &Arc<dyn Clock>) -> Vec<Finding> {
    let mut findings = vec![disk(&config.state_dir), memory(), time(clock), permissions(config)];
    findings.extend(temperature(config));
    findings
}

fn camera_from_outside(config: &Config, runs: bool, clock: &Arc<dyn Clock>) -> Finding {
    let check = Check::Camera;
    match &config.camera {
        Camera::None => fail(check, CaptureError::NotChosen.to_string()),
        Camera::Replay { clips, .. } => match Clip::open_all(clips) {
            Ok(clips) => warn(check, format!("{} recorded clips instead of a camera", clips.len())),
            Err(error) => fail(check, error.to_string()),
        },
        Camera::V4l2(settings) => match device::find(&settings.device, Path::new("/dev")) {
            Err(error) => fail(check, error.to_string()),
            Ok(device) if runs => {
                pass(check, format!("{}, in use by the running bin", device.node.display()))
            }
            Ok(device) => first_picture(settings, clock).map_or_else(
                |why| fail(check, why),
                |size| pass(check, format!("{}: {size}", device.node.display())),
            ),
        },
    }
}

/// Opens the camera and waits for one good picture. A read that never ends keeps its thread, and nothing else.
fn first_picture(settings: &device::Settings, clock: &Arc<dyn Clock>) -> Result<String, String> {
    let (settings, clock) = (settings.clone(), Arc::clone(clock));
    let (tell, told) = sync_channel(1);
    let look = move || {
        let mut source = NokhwaSource::open(&settings, clock).map_err(|error| error.to_string())?;
        let mut frame = Frame::default();
        source.next(&mut frame).map_err(|error| error.to_string())?;
        Ok(format!("{} x {}", frame.width, frame.height))
    };
    let thread = std::thread::Builder::new().name("camera check".into());
    let spawned = thread.spawn(move || tell.send(look()).is_ok());
    spawned.map_err(|error| error.to_string())?;
    told.recv_timeout(CAMERA_LIMIT).map_err(|_| format!("no picture within {CAMERA_LIMIT:?}"))?
}

fn camera_from_inside(running: &Running, clock: &Arc<dyn Clock>) -> Finding {
    let age = running.camera.last_good().map(|at| clock.now().since(at));
    match (running.camera.state(), age) {
        (stage::State::Streaming { fps }, Some(age)) if age < Duration::from_secs(1) => {
            pass(Check::Camera, format!("{fps:.0}/s"))
        }
        (stage::State::Lost { why, .. }, _) => fail(Check::Camera, why),
        (_, Some(age)) => fail(Check::Camera, format!("{:.0} s", age.as_secs_f32())),
        (_, None) => fail(Check::Camera, "-"),
    }
}

/// Whether every line of drive, guards and front is there; none is touched.
fn lines(config: &Config) -> Finding {
    let mut spec = config.drive.lines();
    spec.inputs.extend(config.guards.guards.iter().map(|(_, input)| input.clone()));
    // Requests of their own, so each may be on another chip.
    let front = LinesSpec { outputs: config.front.outputs().cloned().collect(), ..LinesSpec::default() };
    let button = config.front.button.iter().map(|button| button.input.clone()).collect();
    let button = LinesSpec { inputs: button, ..LinesSpec::default() };
    let switches = LinesSpec { inputs: config.sensors.switches().cloned().collect(), ..LinesSpec::default() };
    let all = [spec, front, button, switches];
    match all.iter().try_for_each(gpio::look_for) {
        Ok(()) => {
            let outputs: usize = all.iter().map(|spec| spec.outputs.len()).sum();
            let inputs: usize = all.iter().map(|spec| spec.inputs.len()).sum();
            pass(Check::Lines, format!("{outputs} + {inputs}"))
        }
        Err(error) => fail(Check::Lines, error.to_string()),
    }
}

fn drive_from_outside(config: &Config) -> Finding {
    match config.drive {
        DriveSettings::None => fail(Check::Drive, MechanismError::NoRig.to_string()),
        _ => pass(Check::Drive, config.drive.kind()),
    }
}

fn drive_from_inside(config: &Config, running: &Running) -> Finding {
    let kind = config.drive.kind();
    let live = running.live.borrow();
    match live.flap {
        Some(FlapState::Failed) => fail(Check::Drive, kind),
        _ if live.alarms.contains(&Alarm::Mechanism) => fail(Check::Drive, kind),
        _ => drive_from_outside(config),
    }
}

fn model(config: &Config, clock: &dyn Clock) -> Finding {
    let load = || -> Result<(String, Option<String>), DaemonError> {
        let bundle = live_bundle(config)?;
        let name = bundle.title();
        let site = site_head(config, &bundle)?;
        let left_behind = left_behind(config, &bundle)?;
        let tested = bundle.manifest.reference.is_some();
        let mut identifier = Identifier::load(bundle, &config.runtime, site.as_ref())?;
        if !tested {
            return Ok((name, left_behind));
        }
        let SelfTest { pictures, worst, look } =
            self_test(&mut identifier, None, config.change.slowest_look, clock)?;
        let look = look.as_secs_f32() * 1000.0;
        Ok((format!("{name}: {pictures} reference pictures, {worst:.2} off, {look:.0} ms"), left_behind))
    };
    match load() {
        Ok((name, None)) => pass(Check::Model, name),
        Ok((name, Some(left_behind))) => warn(Check::Model, format!("{name}; {left_behind}")),
        Err(error) => fail(Check::Model, error.to_string()),
    }
}

fn model_from_inside(config: &Config, title: &str) -> Finding {
    match live_bundle(config).and_then(|bundle| left_behind(config, &bundle)) {
        Ok(Some(left_behind)) => warn(Check::Model, format!("{title}; {left_behind}")),
        // Whatever else is wrong with a bundle, this one works.
        Ok(None) | Err(_) => pass(Check::Model, title),
    }
}

/// What was taught on another network and does not count with this bundle.
fn left_behind(config: &Config, bundle: &Bundle) -> Result<Option<String>, DaemonError> {
    if config.site.is_some() {
        return Ok(None);
    }
    let Some(old) = Store::of(&config.state_dir).left_behind(bundle)? else { return Ok(None) };
    let board = Again::begin(&old, bundle, None)?.board().clone();
    let items: Vec<String> =
        board.to_show.iter().map(|(kind, items)| format!("{} {items}", kind.id())).collect();
    Ok(Some(format!("taught on {} and not on this one: {}", board.bundle, items.join(", "))))
}

fn sound(ledger: &Path) -> Finding {
    match tally::verify(ledger) {
        Ok(report) if report.sound() => pass(Check::Ledger, ledger.display().to_string()),
        Ok(report) => fail(Check::Ledger, crate::one_line::joined(&report.to_string())),
        Err(error) => fail(Check::Ledger, error.to_string()),
    }
}

fn ledger_from_inside(config: &Config, running: &Running) -> Finding {
    let path = config.state_dir.join("tally.db").display().to_string();
    if running.live.borrow().alarms.contains(&Alarm::Ledger) {
        fail(Check::Ledger, path)
    } else {
        pass(Check::Ledger, path)
    }
}

fn broker_from_outside(config: &Config) -> Finding {
    let Some(settings) = &config.uplink else { return pass(Check::Broker, "-") };
    let name = format!("{}:{}", settings.host, settings.port);
    let answers = (settings.host.as_str(), settings.port)
        .to_socket_addrs()
        .and_then(|mut addresses| addresses.next().ok_or_else(|| std::io::ErrorKind::NotFound.into()))
        .and_then(|address| TcpStream::connect_timeout(&address, BROKER_LIMIT));
    match answers {
        Ok(_) => pass(Check::Broker, name),
        // The bin sorts on without it.
        Err(error) => warn(Check::Broker, format!("{name}: {error}")),
    }
}

fn broker_from_inside(running: &Running) -> Finding {
    let Some(uplink) = &running.uplink else { return pass(Check::Broker, "-") };
    let status = uplink.borrow();
    match (&status.refused, &status.last_error) {
        (_, why) if status.nobody_listens => warn(Check::Broker, why.as_deref().unwrap_or("-")),
        _ if status.connected => pass(Check::Broker, format!("{} + {}", status.published, status.backlog)),
        (Some(why), _) => fail(Check::Broker, why),
        (None, why) => warn(Check::Broker, why.as_deref().unwrap_or("-")),
    }
}

fn disk(folder: &Path) -> Finding {
    match rustix::fs::statvfs(folder) {
        Ok(disk) => {
            let free = disk.f_bavail.saturating_mul(disk.f_frsize);
            grade(Check::Disk, free, [200 * MIB, 1024 * MIB])
        }
        Err(error) => fail(Check::Disk, format!("{}: {error}", folder.display())),
    }
}

fn memory() -> Finding {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    match kib {
        Some(kib) => grade(Check::Memory, kib * 1024, [48 * MIB, 128 * MIB]),
        None => warn(Check::Memory, "/proc/meminfo"),
    }
}

/// Less free than the first limit fails, less than the second is worth a look.
fn grade(check: Check, free: u64, [least, enough]: [u64; 2]) -> Finding {
    let value = format!("{} MiB", free / MIB);
    let grade = match free {
        _ if free < least => Grade::Fail,
        _ if free < enough => Grade::Warn,
        _ => Grade::Pass,
    };
    Finding { check, grade, value }
}

/// The hottest zone that says what can be; boards slow down from about 80 degrees.
fn temperature(config: &Config) -> Option<Finding> {
    let hottest = Health::read(&config.state_dir).temperature_c?;
    let value = format!("{hottest:.0} °C");
    Some(if hottest < 75.0 {
        pass(Check::Temperature, value)
    } else if hottest < 85.0 {
        warn(Check::Temperature, value)
    } else {
        fail(Check::Temperature, value)
    })
}

fn time(clock: &Arc<dyn Clock>) -> Finding {
    let wall = clock.wall();
    let text =
        jiff::Timestamp::from_millisecond(wall.unix_ms).map(|time| format!("{time:.0}")).unwrap_or_default();
    if wall.synchronised { pass(Check::Clock, text) } else { warn(Check::Clock, text) }
}

/// Whether this user may write where it must.
fn permissions(config: &Config) -> Finding {
    let folder = &config.state_dir;
    let probe = folder.join(".bunri-check");
    let written = std::fs::write(&probe, b"x").and_then(|()| std::fs::remove_file(&probe));
    match written {
        Ok(()) => pass(Check::Permissions, folder.display().to_string()),
        Err(error) => fail(Check::Permissions, format!("{}: {error}", folder.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_graded() {
        let grades =
            [0, 199, 200, 1023, 1024].map(|mib| grade(Check::Disk, mib * MIB, [200 * MIB, 1024 * MIB]).grade);
        assert_eq!(grades, [Grade::Fail, Grade::Fail, Grade::Warn, Grade::Warn, Grade::Pass]);
    }

    #[test]
    fn this_machine_has_memory_and_a_missing_folder_no_disk() {
        assert!(memory().value.ends_with(" MiB"));
        assert_eq!(disk(Path::new("/nonexistent")).grade, Grade::Fail);
    }
}
