//! The `bunri` program: parses arguments, calls commands, sets the exit code.

use std::process::ExitCode;

use clap::Parser;

use bunri::commands::{Cli, run};

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(code) => code,
        Err(error) => {
            bunri::commands::complain(&bunri::commands::with_causes(&error));
            ExitCode::FAILURE
        }
    }
}
