//! `bunri manual`, hidden: the manual pages and the shells' completions, from clap's own definition, for the package.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Command, CommandFactory as _};
use clap_complete::Shell;

use super::Cli;

#[derive(Debug, Args)]
pub(super) struct Manual {
    /// Where to.
    folder: PathBuf,
}

pub(super) fn run(manual: &Manual) -> anyhow::Result<ExitCode> {
    let folder = &manual.folder;
    let fails = || format!("cannot write into {}", folder.display());
    std::fs::create_dir_all(folder).with_context(fails)?;
    // The commit changes from build to build, the manual does not.
    let command = || Cli::command().version(env!("CARGO_PKG_VERSION"));
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        clap_complete::generate_to(shell, &mut command(), "bunri", folder).with_context(fails)?;
    }
    // `bunri help run` says what `bunri-run(1)` says: no page of its own.
    clap_mangen::generate_to(without_help(command()), folder).with_context(fails)?;
    Ok(ExitCode::SUCCESS)
}

fn without_help(command: Command) -> Command {
    command.disable_help_subcommand(true).mut_subcommands(without_help)
}
