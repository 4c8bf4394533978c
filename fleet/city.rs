//! The city's side as it is installed: mosquitto with persistence, PostgreSQL, copies of bunri-hub; and the links
//! before the broker. Everything on loopback, in one temporary folder.

use std::fs::Permissions;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use bunri::clock::{Clock as _, SystemClock};
use rustix::process::{Signal, geteuid};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::time::sleep;

use super::link::Link;
use super::part::Part;

const START_TIMEOUT: Duration = Duration::from_secs(180);
const ASK_AGAIN: Duration = Duration::from_millis(50);

/// Everything on the city's side of the street.
pub(crate) struct City {
    pub(crate) broker: Part,
    pub(crate) database: Part,
    pub(crate) hubs: Vec<Part>,
    /// Between the bins and the broker.
    pub(crate) bins_link: Link,
    /// Between the hubs and the broker.
    pub(crate) hubs_link: Link,
    pub(crate) broker_port: u16,
    database_port: u16,
    pages: Vec<u16>,
    // Removed last.
    folder: tempfile::TempDir,
}

impl City {
    /// Starts everything and waits until every hub is subscribed. Quiet bins are asked for what is missing after
    /// `ask_after_s`.
    pub(crate) async fn start(hub: &Path, hubs: u16, ask_after_s: u64) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("bunri-fleet-").tempdir()?;
        // PostgreSQL has a user of its own, who must be able to reach its folder in it.
        std::fs::set_permissions(folder.path(), Permissions::from_mode(0o755))?;
        let (broker_port, database_port) = (free_port()?, free_port()?);
        let hubs_link = Link::to(broker_port).await?;
        let mut city = Self {
            broker: broker(folder.path(), broker_port)?,
            database: database(folder.path(), database_port).await?,
            hubs: Vec::new(),
            bins_link: Link::to(broker_port).await?,
            hubs_link,
            broker_port,
            database_port,
            pages: Vec::new(),
            folder,
        };
        city.broker.launch()?;
        city.database.launch()?;
        city.answers("mosquitto", async |city| {
            TcpStream::connect(("127.0.0.1", city.broker_port)).await.is_ok()
        })
        .await?;
        city.answers("PostgreSQL", async |city| city.ask("postgres", "SELECT 1").await.is_ok()).await?;
        city.ask("postgres", "CREATE DATABASE hub").await?;
        for number in 1..=hubs {
            city.add_hub(hub, number, ask_after_s)?;
        }
        city.subscribed().await?;
        Ok(city)
    }

    fn add_hub(&mut self, program: &Path, number: u16, ask_after_s: u64) -> anyhow::Result<()> {
        let page = free_port()?;
        let config = self.folder.path().join(format!("hub-{number}.toml"));
        let text = format!(
            "[hub]\nname = '{number}'\nask_after_s = {ask_after_s}\n[broker]\nhost = '127.0.0.1'\nport = {}\n[database]\nurl = \
             'postgres://hub@127.0.0.1:{}/hub'\n[page]\nlisten = '127.0.0.1:{page}'\nusers_file = 'users'\n",
            self.hubs_link.port, self.database_port
        );
        std::fs::write(&config, text)?;
        std::fs::write(self.folder.path().join("users"), "")?;
        if !program.is_file() {
            bail!("there is no {}: build the hub first, or use `make fleet`", program.display());
        }
        let part = Part::new(&format!("hub-{number}"), self.folder.path(), program);
        let mut hub = part.args(["run", "--config"]).arg(&config);
        hub.launch()?;
        self.hubs.push(hub);
        self.pages.push(page);
        Ok(())
    }

    /// Waits until every hub says that it takes in messages.
    pub(crate) async fn subscribed(&self) -> anyhow::Result<()> {
        for page in &self.pages {
            self.answers("bunri-hub", async |_| is_healthy(*page).await).await?;
        }
        Ok(())
    }

    /// Waits until the database takes questions.
    pub(crate) async fn database_answers(&self) -> anyhow::Result<()> {
        self.answers("PostgreSQL", async |city| city.query("SELECT 1").await.is_ok()).await
    }

    async fn answers(&self, who: &str, check: impl AsyncFn(&Self) -> bool) -> anyhow::Result<()> {
        let since = SystemClock.now();
        while !check(self).await {
            if SystemClock.now().since(since) > START_TIMEOUT {
                bail!(
                    "{who} does not answer after {START_TIMEOUT:?}; its words are in {}",
                    self.folder.path().display()
                );
            }
            sleep(ASK_AGAIN).await;
        }
        Ok(())
    }

    /// Asks the hubs' database: rows as lines, columns separated by tabs.
    pub(crate) async fn query(&self, sql: &str) -> anyhow::Result<String> {
        self.ask("hub", sql).await
    }

    async fn ask(&self, database: &str, sql: &str) -> anyhow::Result<String> {
        let port = self.database_port.to_string();
        let mut psql = Command::new(postgres_programs()?.join("psql"));
        psql.args([
            "-X",
            "-q",
            "-A",
            "-t",
            "-F",
            "\t",
            "-v",
            "ON_ERROR_STOP=1",
            "-h",
            "127.0.0.1",
            "-U",
            "hub",
        ]);
        let answer = psql.args(["-p", &port, "-d", database, "-c", sql]).output().await?;
        if !answer.status.success() {
            bail!("{sql}: {}", String::from_utf8_lossy(&answer.stderr).trim());
        }
        Ok(String::from_utf8(answer.stdout)?)
    }

    /// What a hub says of its ledgers: `bunri-hub reckon --json`.
    pub(crate) async fn reckon(&self, hub: &Path) -> anyhow::Result<serde_json::Value> {
        let config = self.folder.path().join("hub-1.toml");
        let answer = Command::new(hub).args(["reckon", "--json", "--config"]).arg(config).output().await?;
        serde_json::from_slice(&answer.stdout).context("bunri-hub reckon does not answer")
    }

    /// Where the bins have their folders.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Leaves ledgers, tables and what everybody said, to be looked at. Returns where.
    pub(crate) fn keep(&mut self) -> &Path {
        self.folder.disable_cleanup(true);
        self.folder.path()
    }

    /// Ends everything in order.
    pub(crate) async fn end(&mut self) -> anyhow::Result<()> {
        for hub in &mut self.hubs {
            hub.end(Signal::TERM).await?;
        }
        self.broker.end(Signal::TERM).await?;
        // PostgreSQL's fast shutdown.
        self.database.end(Signal::INT).await?;
        Ok(())
    }
}

fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

async fn is_healthy(page: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", page)).await else { return false };
    let mut answer = String::new();
    let request = b"GET /healthz HTTP/1.1\r\nhost: hub\r\nconnection: close\r\n\r\n";
    stream.write_all(request).await.is_ok()
        && stream.read_to_string(&mut answer).await.is_ok()
        && answer.starts_with("HTTP/1.1 200")
}

/// mosquitto as `hub/deploy/` has it, but for the passwords.
fn broker(folder: &Path, port: u16) -> anyhow::Result<Part> {
    let keeps = folder.join("mosquitto");
    std::fs::create_dir(&keeps)?;
    let user = if geteuid().is_root() { "user root\n" } else { "" };
    let text = format!(
        "listener {port} 127.0.0.1\nallow_anonymous true\npersistence true\npersistence_location {}/\n\
         autosave_interval 60\nmax_queued_messages 0\nmax_inflight_messages 4000\nlog_type error\n{user}",
        keeps.display()
    );
    let config = folder.join("mosquitto.conf");
    std::fs::write(&config, text)?;
    let places = ["/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto"];
    let program = places.into_iter().find(|place| Path::new(place).exists()).unwrap_or("mosquitto");
    Ok(Part::new("mosquitto", folder, program).arg("-c").arg(config))
}

/// PostgreSQL with its own defaults, so with every commit on the disk; it also notes when each was.
async fn database(folder: &Path, port: u16) -> anyhow::Result<Part> {
    let (home, programs) = (folder.join("postgres"), postgres_programs()?);
    std::fs::create_dir(&home)?;
    let data = home.join("data");
    // It refuses to run as root, who runs it as the user that Debian's package makes.
    let becoming: &[&str] = if geteuid().is_root() {
        let done = Command::new("chown").arg("postgres").arg(&home).status().await?;
        anyhow::ensure!(done.success(), "chown failed");
        &["--reuid=postgres", "--regid=postgres", "--clear-groups"]
    } else {
        &[]
    };
    let made = Command::new("setpriv")
        .args(becoming)
        .arg(programs.join("initdb"))
        .args(["--no-sync", "--auth=trust", "--username=hub", "--encoding=UTF8", "--locale=C", "-D"])
        .arg(&data)
        .output()
        .await
        .context("cannot run initdb: run `make setup` first")?;
    anyhow::ensure!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
    let part = Part::new("postgres", folder, "setpriv").args(becoming).arg(programs.join("postgres"));
    let settings = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "track_commit_timestamp=on"];
    Ok(part
        .arg("-D")
        .arg(&data)
        .args(["-p", &port.to_string()])
        .args(settings.map(|one| ["-c", one]).concat()))
}

/// The newest version's programs, where Debian puts them.
fn postgres_programs() -> anyhow::Result<PathBuf> {
    let versions =
        std::fs::read_dir("/usr/lib/postgresql").context("no PostgreSQL: run `make setup` first")?;
    let mut versions: Vec<_> =
        versions.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    versions.sort();
    Ok(versions.pop().context("no PostgreSQL: run `make setup` first")?.join("bin"))
}
