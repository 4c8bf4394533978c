//! The real program: `run` under SIGTERM and SIGKILL, `reckon` beside it, `user`, and what it says of a bad configuration.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop there")]

mod support;

use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use support::broker::Broker;
use support::events::{counts_event, drop_event, epoch_of, topic};
use support::publisher::publish;
use support::{free_port, is_healthy, until};

fn hub(arguments: &[&str], config: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bunri-hub"));
    command.args(arguments).arg("--config").arg(config).stdin(Stdio::null());
    command
}

fn reckon(config: &Path) -> Output {
    hub(&["reckon", "--json"], config).output().unwrap()
}

fn held(config: &Path) -> i64 {
    let answer = reckon(config);
    let checks: serde_json::Value = serde_json::from_slice(&answer.stdout).unwrap_or_default();
    checks[0]["held"].as_i64().unwrap_or(0)
}

async fn start(config: &Path, page: u16) -> Child {
    let child = hub(&["run"], config).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    until("a subscribed hub", || is_healthy(page)).await;
    child
}

fn drops(seqs: std::ops::RangeInclusive<u64>) -> Vec<(String, Vec<u8>)> {
    let last = *seqs.end();
    let mut messages: Vec<_> = seqs
        .map(|seq| (topic("mok-1", "drop"), drop_event("mok-1", &epoch_of("mok-1"), seq, false)))
        .collect();
    messages.push((topic("mok-1", "counts"), counts_event("mok-1", &epoch_of("mok-1"), last, &[])));
    messages
}

#[tokio::test(flavor = "multi_thread")]
async fn it_runs_is_killed_runs_again_and_stops_in_order() {
    let broker = Broker::start().await;
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("hub.toml");
    let page = free_port();
    let text = format!(
        "[hub]\nname = '1'\n[broker]\nhost = '127.0.0.1'\nport = {}\n[database]\nurl = 'sqlite://{}/hub.db'\n\
         [page]\nlisten = '127.0.0.1:{page}'\nusers_file = 'users'\n",
        broker.port,
        folder.path().display()
    );
    std::fs::write(&config, text).unwrap();
    let mut user = Command::new(env!("CARGO_BIN_EXE_bunri-hub"));
    let mut user = user
        .args(["user", "kim"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    user.stdin.take().unwrap().write_all(b"correct horse battery\n").unwrap();
    let line = user.wait_with_output().unwrap();
    assert!(line.status.success() && line.stdout.starts_with(b"kim:$argon2id$"), "{line:?}");
    std::fs::write(folder.path().join("users"), line.stdout).unwrap();

    let mut child = start(&config, page).await;
    publish(broker.port, drops(1..=50)).await;
    until("fifty drops", || async { held(&config) == 50 }).await;
    child.kill().unwrap();
    child.wait().unwrap();
    publish(broker.port, drops(51..=80)).await;
    let mut child = start(&config, page).await;
    until("eighty drops", || async { held(&config) == 80 }).await;
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
    assert!(child.wait().unwrap().success());

    until("agreement", || async {
        String::from_utf8_lossy(&reckon(&config).stdout).contains("\"complete\"")
    })
    .await;
    let table = hub(&["reckon"], &config).output().unwrap();
    assert!(table.status.success());
    let table = String::from_utf8(table.stdout).unwrap();
    assert!(table.contains("yangcheon/mok-1") && table.contains("complete"), "{table}");
}

#[test]
fn a_bad_configuration_is_refused_with_every_problem() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("hub.toml");
    std::fs::write(&config, "[hub]\nname = ''\n[broker]\nhost = 'x'\nport = 0\n[database]\n").unwrap();
    let answer = hub(&["run"], &config).output().unwrap();
    let text = String::from_utf8_lossy(&answer.stderr).into_owned();
    assert!(!answer.status.success());
    for part in ["hub.name", "broker.port", "database: give"] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
}
