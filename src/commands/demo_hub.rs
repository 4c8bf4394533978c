//! The demo's own hub: a mosquitto on loopback, and a listener that counts what arrives.
//!
//! Never reachable from outside this machine, never keeps anything after it ends, never touches a broker that
//! somebody else started.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::{File, Permissions};
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::clock::fresh_id;
use crate::uplink::wire;
use crate::uplink::{BinName, Message, Settings, Subscriber};

/// Where Debian puts the broker, besides `PATH`: an ordinary user's `PATH` has no `sbin`.
const MOSQUITTO_PLACES: [&str; 3] = ["mosquitto", "/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto"];
const START_TIMEOUT: Duration = Duration::from_secs(10);
const STOP_TIMEOUT: Duration = Duration::from_secs(2);
const ASK_AGAIN: Duration = Duration::from_millis(20);
/// Somebody else may take the free port before mosquitto does.
const PORT_ATTEMPTS: u32 = 5;

/// A mosquitto of our own on a loopback port. Dropping it kills the process and removes its folder.
pub struct LocalBroker {
    folder: PathBuf,
    extra_config: String,
    port: u16,
    child: Option<Child>,
}

impl LocalBroker {
    /// Starts a broker on a free port and waits until it accepts connections. With `users` (name, password)
    /// only they may connect, otherwise everybody on this machine. `extra_config` is added to mosquitto's own.
    ///
    /// # Errors
    /// When mosquitto is not installed, or does not start.
    pub async fn start(users: &[(&str, &str)], extra_config: &str) -> anyhow::Result<Self> {
        let folder = std::env::temp_dir().join(format!("bunri-broker-{}", fresh_id()?));
        std::fs::create_dir(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let mut broker = Self { folder, extra_config: extra_config.to_owned(), port: 0, child: None };
        broker.set_users(users).await?;
        let mut failure = None;
        for _ in 0..PORT_ATTEMPTS {
            broker.port = free_port()?;
            match broker.launch().await {
                Ok(()) => return Ok(broker),
                Err(error) if error.downcast_ref::<Missing>().is_some() => return Err(error),
                Err(error) => failure = Some(error),
            }
        }
        Err(failure.unwrap_or_else(|| anyhow::anyhow!("mosquitto did not start")))
    }

    /// The loopback port.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The process identifier while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().and_then(Child::id)
    }

    /// Uplink settings for a bin that talks to this broker.
    pub fn settings(&self, bin: BinName) -> Settings {
        Settings::new(Ipv4Addr::LOCALHOST.to_string(), self.port, bin)
    }

    /// Replaces who may connect, from the next [`LocalBroker::launch`] on.
    ///
    /// # Errors
    /// When the password file cannot be written.
    pub async fn set_users(&self, users: &[(&str, &str)]) -> anyhow::Result<()> {
        let file = self.folder.join("passwords");
        if users.is_empty() {
            return match std::fs::remove_file(&file) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
                _ => Ok(()),
            };
        }
        let text: String = users.iter().map(|(name, password)| format!("{name}:{password}\n")).collect();
        std::fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
        // mosquitto wants hashes; its own tool replaces the passwords in place.
        let hashed = Command::new("mosquitto_passwd").arg("-U").arg(&file).output().await.map_err(Missing)?;
        if !hashed.status.success() {
            bail!("mosquitto_passwd failed: {}", String::from_utf8_lossy(&hashed.stderr).trim());
        }
        // Started by root, mosquitto reads the file as its own user.
        std::fs::set_permissions(&file, Permissions::from_mode(0o644))?;
        Ok(())
    }

    /// Starts the process again on the same port after [`LocalBroker::kill`] or [`LocalBroker::stop`].
    ///
    /// # Errors
    /// When it does not accept connections in time.
    pub async fn launch(&mut self) -> anyhow::Result<()> {
        self.kill().await;
        let config = self.write_config()?;
        let mut child = spawn(&config, &self.log())?;
        let accepts = timeout(START_TIMEOUT, async {
            loop {
                if let Some(status) = child.try_wait()? {
                    return Err(io::Error::other(format!("it ended with {status}")));
                }
                if TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).await.is_ok() {
                    return Ok(());
                }
                sleep(ASK_AGAIN).await;
            }
        })
        .await
        .unwrap_or_else(|_elapsed| Err(io::Error::other("it accepts no connection")));
        if let Err(error) = accepts {
            let _ = child.kill().await;
            let said = std::fs::read_to_string(self.log()).unwrap_or_default();
            bail!("mosquitto did not start on port {}: {error}; it said: {}", self.port, said.trim());
        }
        self.child = Some(child);
        Ok(())
    }

    /// Ends the process in order; kills it when it does not obey.
    pub async fn stop(&mut self) {
        if let Some(pid) = self.pid().and_then(|pid| rustix::process::Pid::from_raw(i32::try_from(pid).ok()?))
        {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        if let Some(child) = &mut self.child
            && timeout(STOP_TIMEOUT, child.wait()).await.is_ok()
        {
            self.child = None;
        }
        self.kill().await;
    }

    /// Kills the process as a power cut would (SIGKILL).
    pub async fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill().await;
        }
    }

    fn log(&self) -> PathBuf {
        self.folder.join("mosquitto.log")
    }

    fn write_config(&self) -> anyhow::Result<PathBuf> {
        let passwords = self.folder.join("passwords");
        let access = if passwords.exists() {
            format!("allow_anonymous false\npassword_file {}\n", passwords.display())
        } else {
            "allow_anonymous true\n".to_owned()
        };
        // Unlimited in flight: what it acknowledges has already been handed on to the listeners.
        let text = format!(
            "listener {} 127.0.0.1\n{access}persistence false\nmax_inflight_messages 0\nmax_queued_messages 0\n\
             log_dest stderr\nlog_type error\n{}",
            self.port, self.extra_config,
        );
        let config = self.folder.join("mosquitto.conf");
        std::fs::write(&config, text).with_context(|| format!("cannot write {}", config.display()))?;
        Ok(config)
    }
}

impl Drop for LocalBroker {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.start_kill();
        }
        // A folder left behind in the temporary directory harms nobody.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

#[derive(Debug, thiserror::Error)]
#[error(
    "the test broker mosquitto cannot be run ({0}): install it with `make setup` or `apt-get install mosquitto`"
)]
struct Missing(#[source] io::Error);

fn spawn(config: &Path, log: &Path) -> anyhow::Result<Child> {
    let log = File::create(log).with_context(|| format!("cannot make {}", log.display()))?;
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for place in MOSQUITTO_PLACES {
        let child = Command::new(place)
            .arg("-c")
            .arg(config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log.try_clone()?)
            .kill_on_drop(true)
            // A group of its own: Ctrl-C in the terminal is for the demo, which needs its hub to the end.
            .process_group(0)
            .spawn();
        match child {
            Ok(child) => return Ok(child),
            Err(error) => last = error,
        }
    }
    Err(Missing(last).into())
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// Where returned items stand in [`Received::streams`].
pub const RETURNED: &str = "returned";
const LISTENER_TOPICS: [&str; 1] = ["dt/recycle/#"];
const RECONNECT_AFTER: Duration = Duration::from_millis(50);

/// What a hub has understood so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Received {
    /// Whether the listener is subscribed right now.
    pub listening: bool,
    /// `(source, id)` of every distinct drop in the order of arrival.
    pub drops: Vec<(String, String)>,
    /// Distinct drops by the stream they went to; items given back under [`RETURNED`].
    pub streams: BTreeMap<String, u64>,
    /// Drops that had come before.
    pub duplicates: u64,
    /// Messages that are not what the contract says.
    pub broken: u64,
    /// The newest counts by source.
    pub counts: HashMap<String, wire::Counts>,
    known: HashSet<(String, String)>,
}

impl Received {
    fn take(&mut self, message: &Message) {
        let understood = match message.topic.rsplit('/').next() {
            Some("drop") => serde_json::from_slice(&message.payload).map(|event| self.take_drop(event)),
            Some("counts") => {
                serde_json::from_slice(&message.payload).map(|event: wire::Event<wire::Counts>| {
                    self.counts.insert(event.source, event.data);
                })
            }
            _ => Ok(()),
        };
        if understood.is_err() {
            self.broken += 1;
        }
    }

    fn take_drop(&mut self, event: wire::Event<wire::Drop>) {
        let key = (event.source, event.id);
        if !self.known.insert(key.clone()) {
            self.duplicates += 1;
            return;
        }
        self.drops.push(key);
        let stream = if event.data.compartment.is_some() { event.data.stream.id() } else { RETURNED };
        *self.streams.entry(stream.to_owned()).or_default() += 1;
    }
}

/// A subscriber that recognises repeated drops by `(source, id)`, as the city's hub does. It reconnects by itself.
pub struct HubListener {
    received: watch::Receiver<Received>,
    task: JoinHandle<()>,
}

impl HubListener {
    /// Subscribes at the broker of `settings`; returns when the broker has agreed.
    ///
    /// # Errors
    /// When the first connection fails.
    pub async fn start(settings: Settings) -> anyhow::Result<Self> {
        Self::of_topics(settings, &LISTENER_TOPICS).await
    }

    /// The same of these topics only.
    ///
    /// # Errors
    /// When the first connection fails.
    pub async fn of_topics(settings: Settings, topics: &'static [&'static str]) -> anyhow::Result<Self> {
        let client_id = format!("bunri-demo-hub-{}", fresh_id()?);
        let first = Subscriber::connect(&settings, &client_id, topics).await?;
        let (sender, received) = watch::channel(Received { listening: true, ..Received::default() });
        let task = tokio::spawn(async move {
            let mut subscriber = Ok(first);
            loop {
                if let Ok(subscriber) = subscriber {
                    sender.send_modify(|received| received.listening = true);
                    listen(subscriber, &sender).await;
                    sender.send_modify(|received| received.listening = false);
                }
                sleep(RECONNECT_AFTER).await;
                subscriber = Subscriber::connect(&settings, &client_id, topics).await;
            }
        });
        Ok(Self { received, task })
    }

    /// What it has understood: to look at with `borrow`, or to wait on with `wait_for`.
    pub fn received(&self) -> watch::Receiver<Received> {
        self.received.clone()
    }
}

impl Drop for HubListener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn listen(mut subscriber: Subscriber, sender: &watch::Sender<Received>) {
    loop {
        match subscriber.next().await {
            Ok(message) => sender.send_modify(|received| received.take(&message)),
            Err(error) => {
                tracing::debug!("the demo's hub lost its broker: {error}");
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_broker_says_what_to_install() {
        let text = Missing(io::Error::from(io::ErrorKind::NotFound)).to_string();
        assert!(text.contains("mosquitto") && text.contains("make setup"), "{text}");
    }

    #[test]
    fn what_is_not_the_contract_is_counted_and_does_no_harm() {
        let mut received = Received::default();
        for payload in ["", "{}", "[1]", "\u{fffd}", r#"{"specversion":"1.0"}"#] {
            let message = |topic: &str| Message {
                topic: topic.to_owned(),
                payload: payload.as_bytes().to_vec(),
                retain: false,
            };
            received.take(&message("dt/recycle/yangcheon/mok-1/drop"));
            received.take(&message("dt/recycle/yangcheon/mok-1/counts"));
            received.take(&message("dt/recycle/yangcheon/mok-1/health"));
        }
        assert_eq!((received.broken, received.drops.len(), received.counts.len()), (10, 0, 0));
    }
}
