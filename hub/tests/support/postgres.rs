//! A PostgreSQL of our own: `initdb` into a temporary folder, loopback only. It refuses to run as root, so root runs it
//! as the user that Debian's package makes.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use super::free_port;

pub(crate) struct Postgres {
    pub(crate) port: u16,
    child: Child,
    databases: AtomicU32,
    durable: bool,
    folder: tempfile::TempDir,
}

/// The newest version's programs, where Debian puts them.
fn programs() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").expect("PostgreSQL: run `make setup` first");
    let mut versions: Vec<_> = versions.map(|entry| entry.unwrap().path()).collect();
    versions.sort();
    versions.pop().expect("PostgreSQL: run `make setup` first").join("bin")
}

/// The program, as a user that PostgreSQL accepts.
fn command(program: &Path) -> Command {
    if is_root() {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(program);
        return command;
    }
    Command::new(program)
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    id.stdout.starts_with(b"0\n")
}

impl Postgres {
    /// One that does not wait for the disk: tests kill processes, not machines, and the kernel has what was written.
    pub(crate) async fn start() -> Self {
        Self::begin(false).await
    }

    /// One with its own defaults: a commit is on the disk.
    pub(crate) async fn start_durable() -> Self {
        Self::begin(true).await
    }

    async fn begin(durable: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        if is_root() {
            let done = Command::new("chown").arg("postgres").arg(folder.path()).status().unwrap();
            assert!(done.success());
        }
        let bin = programs();
        let done = command(&bin.join("initdb"))
            .args(["--no-sync", "--auth=trust", "--username=hub", "--encoding=UTF8", "--locale=C", "-D"])
            .arg(&data)
            .stdout(Stdio::null())
            .status()
            .unwrap();
        assert!(done.success(), "initdb failed");
        let port = free_port();
        let child = launch(folder.path(), port, durable);
        let postgres = Self { port, child, databases: AtomicU32::new(0), durable, folder };
        postgres.answers().await;
        postgres
    }

    async fn answers(&self) {
        super::until("PostgreSQL", || async { self.run("SELECT 1", "postgres") }).await;
    }

    /// Ends it as a power cut would, and starts it again.
    pub(crate) async fn crash_and_return(&mut self, away: std::time::Duration) {
        self.quit();
        tokio::time::sleep(away).await;
        self.child = launch(self.folder.path(), self.port, self.durable);
        self.answers().await;
    }

    fn quit(&mut self) {
        // Immediate shutdown: its children end with it, nothing is written down.
        let _ = Command::new("kill").args(["-QUIT", &self.child.id().to_string()]).status();
        let _ = self.child.wait();
    }

    /// Runs a statement with psql.
    pub(crate) fn run(&self, statement: &str, database: &str) -> bool {
        let mut command = Command::new(programs().join("psql"));
        command.args([
            "-h",
            "127.0.0.1",
            "-U",
            "hub",
            "-p",
            &self.port.to_string(),
            "-d",
            database,
            "-c",
            statement,
        ]);
        command.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().success()
    }

    /// The address of a new, empty database.
    pub(crate) async fn database(&self) -> String {
        let name = format!("t{}", self.databases.fetch_add(1, Ordering::SeqCst));
        assert!(self.run(&format!("CREATE DATABASE {name}"), "postgres"));
        format!("postgres://hub@127.0.0.1:{}/{name}", self.port)
    }
}

fn launch(folder: &Path, port: u16, durable: bool) -> Child {
    let mut command = command(&programs().join("postgres"));
    command.arg("-D").arg(folder.join("data")).args(["-p", &port.to_string()]);
    let fsync = if durable { "fsync=on" } else { "fsync=off" };
    for setting in ["listen_addresses=127.0.0.1", fsync, "max_connections=200"] {
        command.args(["-c", setting]);
    }
    command.args(["-c", &format!("unix_socket_directories={}", folder.display())]);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.quit();
    }
}
