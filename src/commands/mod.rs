//! One file per subcommand. The only room that prints.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "commands talk to the terminal")]

mod calibrate;
mod check;
mod classify;
mod demo;
pub mod demo_hub;
mod devices;
mod doctor;
mod flap;
mod judging;
mod manual;
mod model;
mod model_reference;
mod passwd;
mod pictures;
mod progress;
mod replay;
mod run;
mod tally;
mod teach;
mod teach_live;
mod teach_report;

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tracing_subscriber::fmt::writer::MakeWriterExt as _;

/// Version and commit of this build.
pub const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (", env!("BUNRI_COMMIT"), ")");

/// The software inside an AI recycling bin.
#[derive(Debug, Parser)]
#[command(name = "bunri", version = VERSION)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the bin.
    Run {
        /// The bin's configuration.
        #[arg(long, default_value = "/etc/bunri/bunri.toml")]
        config: PathBuf,
        /// A site head to judge by, instead of what this bin was taught.
        #[arg(long)]
        site: Option<PathBuf>,
    },
    /// Run the bin on recorded clips, with a simulated flap and a broker of its own.
    Demo(demo::Demo),
    /// Check a configuration and everything it names; reports every problem at once.
    Check {
        /// The configuration to check.
        #[arg(long, default_value = "/etc/bunri/bunri.toml")]
        config: PathBuf,
    },
    /// Look at everything the bin needs, and say what to do where something is wrong.
    Doctor(doctor::Doctor),
    /// Say what pictures show and where they would go.
    Classify(classify::Classify),
    /// Run clips through the bin in simulated time.
    Replay(replay::Replay),
    /// Teach a bin its own street, from items that somebody shows it.
    Teach(teach::Teach),
    /// The camera's region, light and empty chamber: learn, compare and go back.
    Calibrate(calibrate::Calibrate),
    /// The bundles that came after the factory's: list, verify, install, go back.
    #[command(subcommand)]
    Model(model::Model),
    /// The flap on its own.
    #[command(subcommand)]
    Flap(flap::Flap),
    /// Say who may log in to the page: sets a password, lists the logins, takes one away.
    Passwd(passwd::Passwd),
    /// Look into the ledger.
    #[command(subcommand)]
    Tally(tally::Tally),
    /// Say what the systemd service must reach of the board: for the package's generator.
    Devices(devices::Devices),
    /// Write the manual pages and the shells' completions into a folder.
    #[command(hide = true)]
    Manual(manual::Manual),
}

/// Carries out what the command line says.
///
/// # Errors
/// What went wrong, in one line with its causes.
pub fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let level = if matches!(cli.command, Command::Run { .. }) { "info" } else { "warn" };
    start_log(level);
    match cli.command {
        Command::Run { config, site } => run::run(&config, site),
        Command::Demo(demo) => demo::run(&demo),
        Command::Check { config } => Ok(check::run(&config)),
        Command::Doctor(doctor) => doctor::run(&doctor),
        Command::Classify(classify) => classify::run(&classify),
        Command::Replay(replay) => replay::run(&replay),
        Command::Teach(teach) => teach::run(&teach),
        Command::Calibrate(calibrate) => calibrate::run(&calibrate),
        Command::Model(command) => model::run(&command),
        Command::Flap(command) => flap::run(&command),
        Command::Passwd(command) => passwd::run(&command),
        Command::Tally(command) => tally::run(&command),
        Command::Devices(devices) => devices::run(&devices),
        Command::Manual(manual) => manual::run(&manual),
    }
}

/// An error and its causes, those left out that it names itself.
pub fn with_causes(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

/// Prints an error the way every command does: each line says whose it is.
pub fn complain(message: &str) {
    for line in message.lines() {
        eprintln!("bunri: {line}");
    }
}

/// Logs to standard error; `RUST_LOG` overrides the level. The runtime's own chatter stays out.
fn start_log(level: &str) {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(format!("{level},ort=warn")));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr.and(|| &crate::web::RECENT_LOG))
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .init();
}
