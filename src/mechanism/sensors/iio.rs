//! Channels of the kernel's Industrial I/O devices, read through sysfs.
//!
//! The files and their units are those of `Documentation/ABI/testing/sysfs-bus-iio`: `<channel>_input` is in the unit
//! already; otherwise `(<channel>_raw + offset) * scale` is, where scale and offset may be the channel's own or shared
//! (`in_voltage_scale` for `in_voltage0`). A distance is in metres, a voltage in millivolts.
//!
//! - Never by number: `iio:device0` may be another device after the next start. By the driver's `name`, by the device
//!   tree's `label`, or by a folder of its real path (`1-0029`, the chip on the I2C bus).
//! - Never the first of several that fit: that is refused, with what tells them apart.
//! - Opened anew at every reading: a device that was unplugged comes back by itself.

use std::io;
use std::path::{Path, PathBuf};

use super::super::MechanismError;

/// Which channel of which device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChannelId {
    /// Its path in the rig's file, for whoever mends it.
    pub role: String,
    /// What the driver calls the device.
    pub name: Option<String>,
    /// What the device tree calls it.
    pub label: Option<String>,
    /// A folder of its real path in sysfs.
    pub at: Option<String>,
    /// Beginning of its files' names: `in_distance`, `in_voltage0`.
    pub channel: String,
}

impl ChannelId {
    fn words(&self) -> String {
        let given = [("name", &self.name), ("label", &self.label), ("at", &self.at)];
        let given = given.into_iter().filter_map(|(key, value)| Some(format!("{key} '{}'", value.as_ref()?)));
        given.collect::<Vec<_>>().join(", ")
    }

    fn fits(&self, device: &Device) -> bool {
        let is = |wanted: &Option<String>, found: &Option<String>| wanted.is_none() || wanted == found;
        let lies_at = |at: &String| device.path.iter().any(|folder| folder.to_str() == Some(at));
        is(&self.name, &device.name) && is(&self.label, &device.label) && self.at.as_ref().is_none_or(lies_at)
    }
}

/// One device as sysfs shows it.
struct Device {
    /// Its real folder.
    path: PathBuf,
    name: Option<String>,
    label: Option<String>,
}

impl Device {
    fn words(&self) -> String {
        let name = self.name.as_deref().unwrap_or("?");
        let parent = self.path.parent().and_then(Path::file_name).unwrap_or_default();
        format!("'{name}' at {}", parent.display())
    }
}

fn devices(root: &Path) -> Vec<Device> {
    let entries = std::fs::read_dir(root).into_iter().flatten().filter_map(Result::ok);
    let is_device = |entry: &std::fs::DirEntry| entry.file_name().to_string_lossy().starts_with("iio:device");
    let mut folders: Vec<_> =
        entries.filter(is_device).filter_map(|entry| entry.path().canonicalize().ok()).collect();
    folders.sort();
    let text = |folder: &Path, file: &str| {
        std::fs::read_to_string(folder.join(file)).ok().map(|text| text.trim_end().to_owned())
    };
    let device = |path: PathBuf| Device { name: text(&path, "name"), label: text(&path, "label"), path };
    folders.into_iter().map(device).collect()
}

/// The real folder of the one device that fits, which has the channel.
///
/// # Errors
/// When none fits, several do, or it lacks the channel; in words for whoever mends it.
pub fn find(root: &Path, id: &ChannelId) -> Result<PathBuf, MechanismError> {
    let all = devices(root);
    let words = |devices: &[&Device]| {
        let words: Vec<_> = devices.iter().map(|device| device.words()).collect();
        if words.is_empty() { "none".to_owned() } else { words.join(", ") }
    };
    let fitting: Vec<_> = all.iter().filter(|device| id.fits(device)).collect();
    let [device] = fitting[..] else {
        let (role, device, root) = (id.role.clone(), id.words(), root.to_owned());
        return Err(if fitting.is_empty() {
            let there_are = words(&all.iter().collect::<Vec<_>>());
            MechanismError::NoSensor { role, device, root, there_are }
        } else {
            MechanismError::AmbiguousSensor { role, device, there_are: words(&fitting) }
        });
    };
    let has = |attribute: &str| device.path.join(format!("{}_{attribute}", id.channel)).exists();
    if has("raw") || has("input") {
        return Ok(device.path.clone());
    }
    Err(MechanismError::NoChannel {
        role: id.role.clone(),
        device: device.words(),
        channel: id.channel.clone(),
    })
}

/// Reads a channel once, in its ABI's unit. Blocks for as long as the driver measures.
///
/// # Errors
/// As [`find`]; [`MechanismError::SensorRefused`] when the driver does not answer (no echo, a bus error) or answers no
/// number.
pub fn read(root: &Path, id: &ChannelId) -> Result<f64, MechanismError> {
    let folder = find(root, id)?;
    let channel = &id.channel;
    let kind = channel.trim_end_matches(|c: char| c.is_ascii_digit());
    let number = |file: String| -> Result<Option<f64>, MechanismError> {
        let refuse = |message| MechanismError::SensorRefused {
            role: id.role.clone(),
            file: folder.join(&file),
            message,
        };
        match std::fs::read_to_string(folder.join(&file)) {
            Ok(text) => {
                let number = text.trim().parse().ok().filter(|number: &f64| number.is_finite());
                number.map(Some).ok_or_else(|| refuse(format!("'{}' is no number", text.trim())))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(refuse(error.to_string())),
        }
    };
    // The channel's own, else the one that its kind, its direction or the whole device shares.
    let shared = |attribute: &str| {
        let owners = [format!("{channel}_"), format!("{kind}_"), "in_".to_owned(), String::new()];
        for owner in owners {
            if let Some(value) = number(format!("{owner}{attribute}"))? {
                return Ok(Some(value));
            }
        }
        Ok(None)
    };
    if let Some(value) = number(format!("{channel}_input"))? {
        return Ok(value);
    }
    let raw = number(format!("{channel}_raw"))?.ok_or_else(|| MechanismError::SensorRefused {
        role: id.role.clone(),
        file: folder.join(format!("{channel}_raw")),
        message: "it is gone".to_owned(),
    })?;
    Ok((raw + shared("offset")?.unwrap_or(0.0)) * shared("scale")?.unwrap_or(1.0))
}

#[cfg(test)]
pub(crate) mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// A folder that looks as the kernel's does: links to devices that lie at their parents.
    pub(crate) struct Kernel {
        pub(crate) folder: tempfile::TempDir,
    }

    impl Kernel {
        pub(crate) fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            std::fs::create_dir_all(folder.path().join("bus/iio/devices")).unwrap();
            Self { folder }
        }

        pub(crate) fn root(&self) -> PathBuf {
            self.folder.path().join("bus/iio/devices")
        }

        /// Plugs a device in, as this number, at this parent.
        pub(crate) fn plug(&self, number: u32, parent: &str, files: &[(&str, &str)]) -> PathBuf {
            let name = format!("iio:device{number}");
            let device = self.folder.path().join("devices/platform").join(parent).join(&name);
            std::fs::create_dir_all(&device).unwrap();
            for (file, text) in files {
                std::fs::write(device.join(file), format!("{text}\n")).unwrap();
            }
            symlink(&device, self.root().join(name)).unwrap();
            device
        }

        pub(crate) fn unplug(&self, device: &Path) {
            std::fs::remove_file(self.root().join(device.file_name().unwrap())).unwrap();
            std::fs::remove_dir_all(device).unwrap();
        }
    }

    pub(crate) fn named(name: &str, channel: &str) -> ChannelId {
        ChannelId {
            role: "sensors.test".into(),
            name: Some(name.into()),
            channel: channel.into(),
            ..ChannelId::default()
        }
    }

    #[test]
    fn raw_scale_and_offset_make_the_unit_and_an_input_is_in_it() {
        let kernel = Kernel::new();
        let sonar = kernel.plug(
            0,
            "sonar",
            &[("name", "srf04"), ("in_distance_raw", "431"), ("in_distance_scale", "0.001000")],
        );
        // As the driver of the HX711 does it: two channels share their scale, in millivolts.
        let cell = [("name", "hx711"), ("in_voltage0_raw", "8388608"), ("in_voltage_scale", "0.000002328")];
        kernel.plug(1, "scale", &cell);
        let tof = [("name", "tof"), ("in_distance_input", "0.25"), ("in_distance_raw", "9")];
        kernel.plug(2, "i2c-1/1-0029", &tof);
        let offset =
            [("name", "odd"), ("in_distance1_raw", "10"), ("in_distance1_offset", "-4"), ("in_scale", "0.5")];
        kernel.plug(3, "odd", &offset);
        let read = |name, channel| read(&kernel.root(), &named(name, channel));
        assert!((read("srf04", "in_distance").unwrap() - 0.431).abs() < 1e-9);
        assert!((read("hx711", "in_voltage0").unwrap() - 19.528_679).abs() < 1e-4);
        assert_eq!(read("tof", "in_distance").unwrap(), 0.25);
        assert_eq!(read("odd", "in_distance1").unwrap(), 3.0);
        std::fs::write(sonar.join("in_distance_raw"), "\n").unwrap();
        let error = read("srf04", "in_distance").unwrap_err();
        assert!(error.is_transient() && error.to_string().contains("no number"), "{error}");
        // A driver's EIO: a folder cannot be read either.
        std::fs::remove_file(sonar.join("in_distance_raw")).unwrap();
        std::fs::create_dir(sonar.join("in_distance_raw")).unwrap();
        assert!(read("srf04", "in_distance").unwrap_err().is_transient());
    }

    #[test]
    fn a_device_is_known_by_name_label_or_place_and_never_by_its_number() {
        let kernel = Kernel::new();
        let distance =
            |value| [("name", "vl53l0x"), ("in_distance_raw", value), ("in_distance_scale", "0.001")];
        let first = kernel.plug(0, "i2c-1/1-0029", &distance("100"));
        kernel.plug(1, "i2c-1/1-0030", &distance("200"));
        std::fs::write(first.join("label"), "fill-can\n").unwrap();
        let root = kernel.root();
        let error = read(&root, &named("vl53l0x", "in_distance")).unwrap_err().to_string();
        assert!(error.contains("1-0029") && error.contains("1-0030"), "{error}");
        let label = ChannelId { label: Some("fill-can".into()), name: None, ..named("", "in_distance") };
        let place = ChannelId { at: Some("1-0030".into()), ..named("vl53l0x", "in_distance") };
        assert_eq!(read(&root, &label).unwrap(), 0.1);
        assert_eq!(read(&root, &place).unwrap(), 0.2);
        // It comes back under another number.
        kernel.unplug(&first);
        assert!(matches!(read(&root, &label), Err(MechanismError::NoSensor { .. })));
        let again = kernel.plug(7, "i2c-1/1-0029", &distance("300"));
        std::fs::write(again.join("label"), "fill-can\n").unwrap();
        assert_eq!(read(&root, &label).unwrap(), 0.3);
        let channel = ChannelId { channel: "in_voltage0".into(), ..place };
        let error = read(&root, &channel).unwrap_err();
        assert!(matches!(error, MechanismError::NoChannel { .. }), "{error}");
        let nowhere = read(&root.join("nowhere"), &label).unwrap_err().to_string();
        assert!(nowhere.contains("there are: none"), "{nowhere}");
    }
}
