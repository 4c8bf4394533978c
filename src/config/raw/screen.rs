//! The grammar of the resident's screen and of the streams' rules.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::streams::Stream;

/// `[web.screen]`
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawScreen {
    /// Width of the visible picture as the screen hangs; letters are sized by it.
    pub width_mm: f32,
    /// Height of the smallest capital letter: 12 in a street, 7.25 will do on screens up to 28 cm.
    pub letter_mm: f32,
    /// The streams' rules; left out, the ones that ship.
    pub rules: Option<PathBuf>,
    /// How loud the browser speaks; 0 is silent.
    pub voice_volume_percent: u32,
    /// How fast it speaks; 100 is usual.
    pub voice_speed_percent: u32,
    /// Languages it speaks, `ko` and `en`.
    pub voice_languages: Vec<RawLanguage>,
}

/// A language of the pages and of the voice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RawLanguage {
    /// Korean.
    Ko,
    /// English.
    En,
}

impl Default for RawScreen {
    fn default() -> Self {
        Self {
            width_mm: 268.0, // 21.5 inches, upright
            letter_mm: 12.0,
            rules: None,
            voice_volume_percent: 0,
            voice_speed_percent: 100,
            voice_languages: vec![RawLanguage::Ko],
        }
    }
}

/// `calibration/rules.toml`: what the city asks of each stream.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawRules {
    /// Version of this grammar.
    pub version: u32,
    /// The day on which the words were last held against their source, as 2026-11-22.
    pub date: String,
    /// Who says so.
    pub source: String,
    /// The rule of each stream.
    pub rule: BTreeMap<Stream, RawRule>,
}

/// `[rule.<stream>]`
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawRule {
    /// In Korean.
    pub ko: String,
    /// In English.
    pub en: String,
    /// What an invented stream is called, in Korean; only there.
    pub name_ko: Option<String>,
    /// In English.
    pub name_en: Option<String>,
}
