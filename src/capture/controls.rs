//! What a camera must not decide for itself: the network knows the chamber in the light it was calibrated in.

/// Fixed values from the rig's calibration; what is `None` stays as the camera has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Controls {
    /// Exposure time in units of 100 microseconds, the driver's own; fixing it ends automatic exposure.
    pub exposure_100us: Option<u32>,
    /// Gain, in the driver's own units; fixing it ends automatic gain.
    pub gain: Option<u32>,
    /// White balance in kelvin; fixing it ends automatic white balance.
    pub white_balance_k: Option<u32>,
    /// Focus, in the driver's own units; fixing it ends automatic focus.
    pub focus: Option<u32>,
    /// The mains' frequency, for the camera's flicker filter: 50 or 60.
    pub mains_hz: Option<u32>,
}

/// A control's value as the driver takes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// A switch.
    Switch(bool),
    /// A number, or a position in a menu.
    Number(i64),
}

/// One control to set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Setting {
    /// Its name, as `v4l2-ctl -L` shows it.
    pub(super) name: &'static str,
    /// Its number in the kernel's `v4l2-controls.h`.
    pub(super) id: u32,
    /// What it must be.
    pub(super) value: Value,
    /// A camera may lack it: one without automatic focus has no switch for it.
    pub(super) optional: bool,
}

impl Controls {
    /// The settings, in the order in which drivers take them: an automatic off before the value it would own.
    pub(super) fn settings(&self) -> Vec<Setting> {
        let mut settings = Vec::new();
        let mut fix = |automatic: &[(&'static str, u32, Value)], name, id, value: Option<u32>| {
            let Some(value) = value else { return };
            let off = automatic.iter().map(|(name, id, value)| Setting {
                name,
                id: *id,
                value: *value,
                optional: true,
            });
            settings.extend(off);
            settings.push(Setting { name, id, value: Value::Number(i64::from(value)), optional: false });
        };
        let off = Value::Switch(false);
        // The menu's "manual" is 1; a rate that falls in the dark would stretch every wait of the judge.
        let manual = [
            ("auto_exposure", 0x009a_0901, Value::Number(1)),
            ("exposure_dynamic_framerate", 0x009a_0903, off),
        ];
        fix(&manual, "exposure_time_absolute", 0x009a_0902, self.exposure_100us);
        fix(&[("gain_automatic", 0x0098_0912, off)], "gain", 0x0098_0913, self.gain);
        let white_balance = [("white_balance_automatic", 0x0098_090c, off)];
        fix(&white_balance, "white_balance_temperature", 0x0098_091a, self.white_balance_k);
        fix(&[("focus_automatic_continuous", 0x009a_090c, off)], "focus_absolute", 0x009a_090a, self.focus);
        // The menu: 0 off, 1 is 50 Hz, 2 is 60 Hz.
        let mains = self.mains_hz.map(|hertz| if hertz == 50 { 1 } else { 2 });
        fix(&[], "power_line_frequency", 0x0098_0918, mains);
        settings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_calibrated_sets_nothing() {
        assert!(Controls::default().settings().is_empty());
    }

    #[test]
    fn an_automatic_goes_off_before_its_value_and_may_be_absent() {
        let all = Controls {
            exposure_100us: Some(150),
            gain: Some(32),
            white_balance_k: Some(4600),
            focus: Some(10),
            mains_hz: Some(60),
        };
        let settings = all.settings();
        let names: Vec<_> = settings.iter().map(|setting| setting.name).collect();
        let wanted = [
            "auto_exposure",
            "exposure_dynamic_framerate",
            "exposure_time_absolute",
            "gain_automatic",
            "gain",
            "white_balance_automatic",
            "white_balance_temperature",
            "focus_automatic_continuous",
            "focus_absolute",
            "power_line_frequency",
        ];
        assert_eq!(names, wanted);
        for setting in &settings {
            let automatic = setting.name.contains("auto") || setting.name.contains("dynamic");
            assert_eq!(setting.optional, automatic, "{}", setting.name);
        }
        assert_eq!(settings[2].value, Value::Number(150));
        assert_eq!(settings[9].value, Value::Number(2));
        let only_gain = Controls { gain: Some(1), ..Controls::default() }.settings();
        assert_eq!(only_gain.len(), 2);
    }
}
