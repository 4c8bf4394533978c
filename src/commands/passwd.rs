//! `bunri passwd`: who may log in to the page.

use std::io::{BufRead as _, IsTerminal as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, ValueEnum};

use crate::config::Config;
use crate::web::{PASSWORD_LEAST, Role, Users};

#[derive(Debug, Args)]
pub(super) struct Passwd {
    /// The login's name; left out, the logins are listed.
    name: Option<String>,
    /// What it may do.
    #[arg(long, value_enum, default_value_t = May::Act)]
    role: May,
    /// Take the login away.
    #[arg(long, requires = "name")]
    remove: bool,
    /// The bin's configuration.
    #[arg(long, default_value = "/etc/bunri/bunri.toml")]
    config: PathBuf,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum May {
    /// See every page.
    Look,
    /// Change things too.
    Act,
}

impl From<May> for Role {
    fn from(may: May) -> Self {
        match may {
            May::Look => Role::Look,
            May::Act => Role::Act,
        }
    }
}

pub(super) fn run(passwd: &Passwd) -> anyhow::Result<ExitCode> {
    let config = Config::load(&passwd.config)?;
    let folder =
        config.web.context("the configuration has no [web], so there is no page to log in to")?.folder;
    let mut users = Users::load(&folder)?;
    let Some(name) = &passwd.name else {
        for (name, role) in users.list() {
            println!("{name:<32}  {}", role.id());
        }
        return Ok(ExitCode::SUCCESS);
    };
    if passwd.remove {
        anyhow::ensure!(users.remove(name), "there is no login '{name}'; `bunri passwd` lists them");
        users.save(&folder)?;
        println!("{name} can no longer log in");
        return Ok(ExitCode::SUCCESS);
    }
    let role = Role::from(passwd.role);
    users.set(name, role, &read_password()?)?;
    users.save(&folder)?;
    println!("{name} can log in and {}", role.id());
    Ok(ExitCode::SUCCESS)
}

/// From the terminal, twice and unseen; otherwise the first line of standard input.
fn read_password() -> anyhow::Result<String> {
    if !std::io::stdin().is_terminal() {
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line).context("cannot read the password")?;
        return Ok(line.trim_end_matches(['\n', '\r']).to_owned());
    }
    let prompt = format!("Password (at least {PASSWORD_LEAST} letters): ");
    let password = rpassword::prompt_password(prompt).context("cannot read the password")?;
    let again = rpassword::prompt_password("Again: ").context("cannot read the password")?;
    anyhow::ensure!(password == again, "the two passwords differ; nothing was changed");
    Ok(password)
}
