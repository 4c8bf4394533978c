//! The `bunri-hub` program: parses arguments, runs the hub, sets the exit code.

mod demo;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use bunri_hub::clock::now_ms;
use bunri_hub::config::Config;
use bunri_hub::reckoning;
use bunri_hub::store::Store;
use bunri_hub::web::{Pages, user_line};
use bunri_hub::{ingest, ngsi};
use clap::{Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Between two looks at a database that does not answer.
const OPEN_AGAIN: Duration = Duration::from_secs(1);

/// The city's side of Bunri: takes in what the recycling bins say, once each, and shows it.
#[derive(Parser)]
#[command(version, arg_required_else_help = true, args_conflicts_with_subcommands = true)]
struct Cli {
    /// Shows the pages over a made-up district: needs nothing, keeps nothing.
    #[arg(long)]
    demo: bool,
    /// Where the demo's pages listen, on this machine only.
    #[arg(long, default_value_t = 8490, requires = "demo")]
    port: u16,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Takes in messages until it is told to stop.
    Run {
        /// The configuration.
        #[arg(long)]
        config: PathBuf,
    },
    /// Reads a password and prints a line for the users' file.
    User {
        /// The name to log in with.
        name: String,
    },
    /// What each bin reports against what is held; exit code 1 when a gap or a clone is found.
    Reckon {
        /// The configuration.
        #[arg(long)]
        config: PathBuf,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
}

fn main() -> ExitCode {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info,sqlx=warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let outcome = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("cannot start the runtime")
        .and_then(|runtime| runtime.block_on(run(Cli::parse())));
    match outcome {
        Ok(code) => code,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    match cli.command {
        Some(Command::Run { config }) => serve(&config).await,
        Some(Command::User { name }) => user(&name),
        Some(Command::Reckon { config, json }) => reckon(&config, json).await,
        None => demonstrate(cli.port).await,
    }
}

async fn demonstrate(port: u16) -> anyhow::Result<ExitCode> {
    let stop = watch::Sender::new(false);
    let demo = tokio::spawn(demo::run(port, stop.subscribe()));
    tokio::pin!(demo);
    tokio::select! {
        ended = &mut demo => ended??,
        told = told_to_stop() => {
            told?;
            stop.send_replace(true);
            demo.await??;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Returns at SIGTERM or Ctrl-C.
async fn told_to_stop() -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = terminate.recv() => {}
        interrupted = tokio::signal::ctrl_c() => interrupted?,
    }
    Ok(())
}

async fn open(config: &Config) -> anyhow::Result<Store> {
    Ok(Store::open(&config.database_url, config.connections_max).await?)
}

/// Waits for a database that is away: what bins say meanwhile is kept at the broker.
async fn open_patiently(config: &Config) -> anyhow::Result<Store> {
    loop {
        match Store::open(&config.database_url, config.connections_max).await {
            Err(error) if error.is_transient() => tracing::warn!("{error}: trying again"),
            end => return Ok(end?),
        }
        tokio::time::sleep(OPEN_AGAIN).await;
    }
}

async fn serve(path: &Path) -> anyhow::Result<ExitCode> {
    let config = Config::read(path)?;
    let store = Arc::new(open_patiently(&config).await?);
    let stop = watch::Sender::new(false);
    let status = watch::Sender::new(ingest::Status::default());
    let pages = match &config.page {
        Some(page) => {
            let pages = Pages::open(page, Arc::clone(&store), status.subscribe(), config.zone).await?;
            tracing::info!(address = %pages.address()?, "the pages are open");
            Some(tokio::spawn(pages.serve(stop.subscribe())))
        }
        None => None,
    };
    let export = config.ngsi.map(ngsi::Export::open).transpose()?;
    let export = export.map(|export| tokio::spawn(export.run(Arc::clone(&store), stop.subscribe())));
    let work = tokio::spawn(ingest::run(config.broker, Arc::clone(&store), status, stop.subscribe()));
    told_to_stop().await?;
    tracing::info!("stopping: the batch under way is finished");
    stop.send_replace(true);
    work.await.context("the ingest failed")?;
    if let Some(pages) = pages {
        pages.await.context("the pages failed")??;
    }
    if let Some(export) = export {
        export.await.context("the export failed")?;
    }
    store.close().await;
    Ok(ExitCode::SUCCESS)
}

fn user(name: &str) -> anyhow::Result<ExitCode> {
    tracing::info!("type the password, then Enter");
    let mut password = String::new();
    std::io::stdin().read_line(&mut password)?;
    say(&user_line(name, password.trim_end_matches(['\r', '\n']))?);
    Ok(ExitCode::SUCCESS)
}

#[allow(clippy::print_stdout, reason = "the command's answer")]
fn say(text: &str) {
    println!("{text}");
}

async fn reckon(path: &Path, json: bool) -> anyhow::Result<ExitCode> {
    let config = Config::read(path)?;
    let store = open(&config).await?;
    let checks = store.reconcile(now_ms()).await?;
    let text = if json { serde_json::to_string_pretty(&checks)? } else { reckoning::table(&checks) };
    say(&text);
    store.close().await;
    Ok(if checks.iter().any(reckoning::is_alarming) { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
