//! Hardware PWM through the kernel's sysfs.
//!
//! A channel belongs to the device and not to the process: after a crash it goes on. What keeps a servo still then is
//! its enable line, which goes with the process (`gpio.rs`); the next start switches the channel off before all else.
//!
//! - Never a pulse longer than the period, on no step of the way: the kernel refuses it.
//! - Never started before its period is set, never changed in polarity while it runs.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::MechanismError;
use crate::clock::Clock;

/// Pulses of a settable width at a fixed rate.
pub trait Pwm: Send {
    /// Sets the width from the next period on; zero means no pulse.
    ///
    /// # Errors
    /// When the kernel refuses.
    fn pulse(&mut self, width: Duration) -> Result<(), MechanismError>;

    /// Starts or stops the channel. Stopping may cut a pulse off: set a width of zero a period before.
    ///
    /// # Errors
    /// When the kernel refuses.
    fn run(&mut self, on: bool) -> Result<(), MechanismError>;
}

/// Which channel, and how fast.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PwmSettings {
    /// `/sys/class/pwm`, or where a test plays the kernel.
    pub root: PathBuf,
    /// `pwmchip0`, or the name of its device: numbers of chips differ between kernels.
    pub chip: String,
    /// Channel of the chip.
    pub channel: u32,
    /// From pulse to pulse.
    pub period: Duration,
}

/// Until udev has made an exported channel writable for our group.
const EXPORT_LIMIT: Duration = Duration::from_secs(1);
const EXPORT_POLL: Duration = Duration::from_millis(10);

/// A channel in sysfs.
#[derive(Debug)]
pub struct SysfsPwm {
    folder: PathBuf,
    period: Duration,
}

impl SysfsPwm {
    /// Exports the channel if need be, stops it and sets its period.
    ///
    /// # Errors
    /// When the chip or channel is not there, or may not be written.
    pub fn open(settings: &PwmSettings, clock: &dyn Clock) -> Result<Self, MechanismError> {
        let chip = find_chip(settings)?;
        let folder = chip.join(format!("pwm{}", settings.channel));
        if !folder.is_dir() {
            write(&chip.join("export"), &settings.channel.to_string())?;
        }
        let until = clock.now() + EXPORT_LIMIT;
        while !is_writable(&folder.join("enable")) && clock.now() < until {
            clock.sleep_until(clock.now() + EXPORT_POLL);
        }
        let mut channel = Self { folder, period: settings.period };
        channel.run(false)?;
        // Before the period, which may become shorter than the width an earlier run left behind.
        channel.pulse(Duration::ZERO)?;
        write(&channel.folder.join("period"), &settings.period.as_nanos().to_string())?;
        let polarity = channel.folder.join("polarity");
        // Not every driver has it; those without know only the normal one.
        if std::fs::read_to_string(&polarity).is_ok_and(|is| is.trim() != "normal") {
            write(&polarity, "normal")?;
        }
        Ok(channel)
    }
}

fn find_chip(settings: &PwmSettings) -> Result<PathBuf, MechanismError> {
    let by_name = settings.root.join(&settings.chip);
    if settings.chip.starts_with("pwmchip") && by_name.is_dir() {
        return Ok(by_name);
    }
    let chips = std::fs::read_dir(&settings.root).into_iter().flatten().filter_map(Result::ok);
    let mut chips: Vec<_> = chips.map(|entry| entry.path()).collect();
    chips.sort();
    let of_device = |chip: &&PathBuf| {
        let device = chip.join("device").canonicalize();
        device.is_ok_and(|device| device.file_name().is_some_and(|name| name == settings.chip.as_str()))
    };
    let found = chips.iter().find(of_device).cloned();
    found.ok_or_else(|| {
        let name = |chip: &PathBuf| chip.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let there_are: Vec<_> = chips.iter().map(name).collect();
        MechanismError::NoPwm {
            chip: settings.chip.clone(),
            root: settings.root.clone(),
            there_are: if there_are.is_empty() { "none".to_owned() } else { there_are.join(", ") },
        }
    })
}

fn is_writable(file: &Path) -> bool {
    std::fs::OpenOptions::new().write(true).open(file).is_ok()
}

fn write(file: &Path, value: &str) -> Result<(), MechanismError> {
    // An attribute takes its value in one write and is never made or cut.
    let written = std::fs::OpenOptions::new()
        .write(true)
        .open(file)
        .and_then(|mut file| std::io::Write::write_all(&mut file, value.as_bytes()));
    written.map_err(|error| MechanismError::PwmRefused {
        file: file.to_owned(),
        value: value.to_owned(),
        message: error.to_string(),
    })
}

impl Pwm for SysfsPwm {
    fn pulse(&mut self, width: Duration) -> Result<(), MechanismError> {
        let width = width.min(self.period);
        write(&self.folder.join("duty_cycle"), &width.as_nanos().to_string())
    }

    fn run(&mut self, on: bool) -> Result<(), MechanismError> {
        write(&self.folder.join("enable"), if on { "1" } else { "0" })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::clock::{SimClock, SystemClock};

    fn settings(root: &Path, chip: &str) -> PwmSettings {
        let period = Duration::from_millis(20);
        PwmSettings { root: root.to_owned(), chip: chip.to_owned(), channel: 1, period }
    }

    fn channel(chip: &Path) -> PathBuf {
        let folder = chip.join("pwm1");
        fs::create_dir_all(&folder).unwrap();
        // As a crashed run leaves it.
        for (name, value) in
            [("enable", "1"), ("duty_cycle", "1500000"), ("period", "20000000"), ("polarity", "normal\n")]
        {
            fs::write(folder.join(name), value).unwrap();
        }
        folder
    }

    /// A plain file keeps the tail of a longer value; an attribute does not.
    fn read(folder: &Path, name: &str) -> u64 {
        let text = fs::read_to_string(folder.join(name)).unwrap();
        fs::write(folder.join(name), "").unwrap();
        text.trim().parse().unwrap()
    }

    #[test]
    fn a_channel_left_running_is_stopped_and_set_up_anew() {
        let root = tempfile::tempdir().unwrap();
        let folder = channel(&root.path().join("pwmchip0"));
        let mut pwm = SysfsPwm::open(&settings(root.path(), "pwmchip0"), &SimClock::new(0)).unwrap();
        assert!(fs::read_to_string(folder.join("enable")).unwrap().starts_with('0'));
        assert_eq!(read(&folder, "period"), 20_000_000);
        fs::write(folder.join("duty_cycle"), "").unwrap();
        pwm.pulse(Duration::from_micros(1_234)).unwrap();
        pwm.run(true).unwrap();
        assert_eq!((read(&folder, "duty_cycle"), read(&folder, "enable")), (1_234_000, 1));
        pwm.pulse(Duration::from_secs(1)).unwrap();
        assert_eq!(read(&folder, "duty_cycle"), 20_000_000, "never longer than the period");
    }

    #[test]
    fn a_channel_is_exported_and_waited_for_and_a_chip_found_by_its_device() {
        let root = tempfile::tempdir().unwrap();
        let chip = root.path().join("pwmchip3");
        let device = root.path().join("devices/1f00098000.pwm");
        fs::create_dir_all(&device).unwrap();
        fs::create_dir_all(&chip).unwrap();
        std::os::unix::fs::symlink(&device, chip.join("device")).unwrap();
        fs::write(chip.join("export"), "").unwrap();
        let kernel = std::thread::spawn(move || {
            while fs::read_to_string(chip.join("export")).unwrap() != "1" {
                std::thread::yield_now();
            }
            channel(&chip)
        });
        SysfsPwm::open(&settings(root.path(), "1f00098000.pwm"), &SystemClock).unwrap();
        let folder = kernel.join().unwrap();
        assert!(fs::read_to_string(folder.join("enable")).unwrap().starts_with('0'));
    }

    #[test]
    fn what_is_missing_is_named_with_what_to_do() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("pwmchip7")).unwrap();
        let error = SysfsPwm::open(&settings(root.path(), "pwmchip0"), &SimClock::new(0)).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("pwmchip0") && text.contains("pwmchip7") && text.contains("overlay"), "{text}");
        let error = SysfsPwm::open(&settings(root.path(), "pwmchip7"), &SimClock::new(0)).unwrap_err();
        assert!(error.to_string().contains("pwmchip7/export"), "{error}");
    }
}
