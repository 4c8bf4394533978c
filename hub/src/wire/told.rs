//! How a bin says it is: its compartments, its health, its alarms, what it is made of. Of each the newest word holds.

use serde::{Deserialize, Serialize};

use super::{COUNT_MAX, Refusal, check_number, is_stream, refuse};

/// `type` of how full the compartments are.
pub const FILL_TYPE: &str = "kr.yangcheon.bunri.fill.v1";
/// `type` of the health.
pub const HEALTH_TYPE: &str = "kr.yangcheon.bunri.health.v1";
/// `type` of an alarm.
pub const ALARM_TYPE: &str = "kr.yangcheon.bunri.alarm.v1";
/// `type` of the twin.
pub const TWIN_TYPE: &str = "kr.yangcheon.bunri.twin.v1";

/// More compartments, or alarms at one time, than any bin has.
const LIST_MAX: usize = 64;
const WORD_LENGTH_MAX: usize = 32;
const TEXT_BYTES_MAX: usize = 256;

/// How full each compartment is, in the rig's order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fill {
    /// The compartments.
    pub compartments: Vec<Compartment>,
}

/// One compartment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Compartment {
    /// What it collects.
    pub stream: String,
    /// 0 (empty) to 1 (full); `None` where nobody knows.
    pub level: Option<f64>,
    /// How the level is known: `counts` (estimated), `said` (somebody looked) or `measured` (a sensor).
    pub basis: Option<String>,
    /// Items since it was emptied.
    pub items: u64,
    /// Whether nothing more fits in.
    pub full: bool,
    /// Whether the crew or the hub has closed it.
    pub closed: bool,
    /// When it was emptied last, RFC 3339.
    pub emptied: Option<String>,
}

/// How a bin is; what this hub does not show is passed over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Health {
    /// What the sorting does.
    pub state: Option<String>,
    /// Alarms that are up.
    pub alarms: Vec<String>,
    /// The warmest of the board's sensors, degrees Celsius.
    pub temperature_c: Option<f64>,
    /// The ledger's disk.
    pub disk: Option<Disk>,
    /// Whether a time service vouches for the clock.
    pub clock_synchronised: bool,
    /// Seconds since the program started.
    pub up_s: u64,
    /// Messages that wait for the hub.
    pub waiting: u64,
}

/// How much room a disk has, bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Disk {
    /// Free.
    pub free_bytes: u64,
    /// In all.
    pub size_bytes: u64,
}

/// Something needs a person, or no longer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alarm {
    /// What.
    pub alarm: String,
    /// Raised, or cleared.
    pub raised: bool,
}

/// What a bin is made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Twin {
    /// Version and commit of the program.
    pub software: String,
    /// Name and version of the model bundle.
    pub model: String,
    /// What the configuration is known by.
    pub configuration: String,
}

impl Fill {
    pub(super) fn check(&self) -> Result<(), Refusal> {
        check_length("data.compartments", self.compartments.len())?;
        for compartment in &self.compartments {
            let Compartment { stream, level, items, .. } = compartment;
            if !is_stream(stream) {
                return refuse("data.compartments.stream", stream, "a stream of the contract");
            }
            if level.is_some_and(|level| !(0.0..=1.0).contains(&level)) {
                return refuse("data.compartments.level", &format!("{level:?}"), "0 to 1");
            }
            check_number("data.compartments.items", *items, COUNT_MAX)?;
        }
        Ok(())
    }
}

impl Health {
    pub(super) fn check(&self) -> Result<(), Refusal> {
        check_length("data.alarms", self.alarms.len())?;
        self.alarms.iter().try_for_each(|alarm| check_word("data.alarms", alarm))?;
        self.state.iter().try_for_each(|state| check_word("data.state", state))?;
        check_number("data.waiting", self.waiting, COUNT_MAX)
    }
}

impl Alarm {
    pub(super) fn check(&self) -> Result<(), Refusal> {
        check_word("data.alarm", &self.alarm)
    }
}

impl Twin {
    pub(super) fn check(&self) -> Result<(), Refusal> {
        for (field, text) in [
            ("data.software", &self.software),
            ("data.model", &self.model),
            ("data.configuration", &self.configuration),
        ] {
            if text.len() > TEXT_BYTES_MAX {
                return refuse(field, text, format!("at most {TEXT_BYTES_MAX} bytes"));
            }
        }
        Ok(())
    }
}

fn check_length(field: &'static str, length: usize) -> Result<(), Refusal> {
    if length > LIST_MAX { refuse(field, &length.to_string(), format!("at most {LIST_MAX}")) } else { Ok(()) }
}

/// A word that can stand in a column and on a page.
fn check_word(field: &'static str, word: &str) -> Result<(), Refusal> {
    let letters = word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    if letters && (1..=WORD_LENGTH_MAX).contains(&word.len()) {
        return Ok(());
    }
    refuse(field, word, format!("1 to {WORD_LENGTH_MAX} of a-z and _"))
}
