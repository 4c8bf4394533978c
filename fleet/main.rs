//! `make fleet`: a city on one machine, broken on purpose, and counted.
//!
//! ```text
//!  streets (processes of 64 bins)          links (relays of ours)        the city, as it is installed
//!  real ledgers, real uplinks ── MQTT 5 ──> cut, torn, delayed ──> mosquitto ──> two bunri-hub ──> PostgreSQL
//!        killed                                  the echo repeats ──┘  killed      killed            killed
//! ```
//!
//! 1. A calm time, measured: events a second, time from a drop to its committed row, memory of each part.
//! 2. Faults, one after another, from a seed.
//! 3. The bins stop dropping and send what is left. Then every row of every ledger is held against the hub's tables,
//!    field by field: nothing may be lost, nothing double, nothing changed. The exit code says whether that is so.
//!
//! Everything runs on loopback, in a temporary folder, and ends with this program. `outage` is the same machinery for
//! one bin that was cut off for a month.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program that talks to the terminal")]

mod city;
mod echo;
mod faults;
mod link;
mod memory;
mod outage;
mod part;
mod reckoning;
mod show;
mod street;
mod trial;

use std::process::ExitCode;

use clap::Parser;

/// A city on one machine, broken on purpose, and counted.
#[derive(Parser)]
enum Command {
    /// Bins, broker, hubs and database under faults; the ledgers against the tables at the end.
    Run(trial::Trial),
    /// One bin comes back after weeks without a connection.
    Outage(outage::Outage),
    /// Bins in one process; started by the others.
    #[command(hide = true)]
    Street(street::Street),
}

fn main() -> ExitCode {
    let log = tracing_subscriber::fmt().with_env_filter("off").with_writer(std::io::stderr);
    log.init();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let agreed = runtime.map_err(anyhow::Error::from).and_then(|runtime| match Command::parse() {
        Command::Run(trial) => runtime.block_on(trial.run()),
        Command::Outage(outage) => runtime.block_on(outage.run()),
        Command::Street(street) => runtime.block_on(street.run()),
    });
    match agreed {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("fleet: {error:#}");
            ExitCode::FAILURE
        }
    }
}
