//! `bunri doctor`: is everything there that the bin needs, and what to do where it is not?

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, ValueEnum};

use super::complain;
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::daemon::check_up;
use crate::web::checkup::{Check, Finding, Grade, report};

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Lang {
    Ko,
    En,
}

#[derive(Debug, Args)]
pub(super) struct Doctor {
    /// The bin's configuration.
    #[arg(long, default_value = "/etc/bunri/bunri.toml")]
    config: PathBuf,
    /// Language of the report.
    #[arg(long, value_enum, default_value = "en")]
    lang: Lang,
}

/// Exit code 0 when nothing fails; what only wants a look is no failure.
pub(super) fn run(doctor: &Doctor) -> anyhow::Result<ExitCode> {
    let findings = match Config::load(&doctor.config) {
        Ok(config) => {
            let clock: Arc<dyn Clock> = Arc::new(SystemClock);
            check_up(&config, &clock)
        }
        Err(error) => {
            let problems = error.problems.iter().map(ToString::to_string);
            problems.map(|value| Finding { check: Check::Configuration, grade: Grade::Fail, value }).collect()
        }
    };
    print!("{}", report(&findings, matches!(doctor.lang, Lang::Ko))?);
    let failed = findings.iter().filter(|finding| finding.grade == Grade::Fail).count();
    if failed == 0 {
        return Ok(ExitCode::SUCCESS);
    }
    complain(&format!("{failed} of {} checks failed", findings.len()));
    Ok(ExitCode::FAILURE)
}
