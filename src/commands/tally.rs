//! `bunri tally`: verify and export the ledger, also while the bin runs.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use jiff::tz::TimeZone;

use crate::tally::{DEFAULT_ZONE, ExportFormat, export, verify};

#[derive(Debug, Subcommand)]
pub(super) enum Tally {
    /// Check that the ledger is sound and adds up.
    Verify(Ledger),
    /// Write every drop to standard output.
    Export {
        #[command(flatten)]
        ledger: Ledger,
        /// Comma-separated values with a header line (the default).
        #[arg(long, conflicts_with = "json")]
        csv: bool,
        /// One JSON object per line.
        #[arg(long)]
        json: bool,
        /// Time zone of the day column.
        #[arg(long, default_value = DEFAULT_ZONE)]
        zone: String,
    },
}

#[derive(Debug, Args)]
pub(super) struct Ledger {
    /// The ledger's file.
    #[arg(long, default_value = "/var/lib/bunri/tally.db")]
    ledger: PathBuf,
}

pub(super) fn run(command: &Tally) -> anyhow::Result<ExitCode> {
    match command {
        Tally::Verify(Ledger { ledger }) => {
            let report = verify(ledger)?;
            println!("{report}");
            Ok(if report.sound() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        Tally::Export { ledger, json, zone, csv: _ } => {
            let zone = TimeZone::get(zone).with_context(|| format!("--zone {zone}"))?;
            let format = if *json { ExportFormat::JsonLines } else { ExportFormat::Csv };
            let mut out = std::io::BufWriter::new(std::io::stdout().lock());
            export(&ledger.ledger, format, &zone, &mut out)?;
            out.flush().context("cannot write to standard output")?;
            Ok(ExitCode::SUCCESS)
        }
    }
}
