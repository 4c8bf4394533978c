//! A mosquitto with persistence, which can be stopped, killed and started again.

use std::process::{Child, Command, Stdio};

use super::{free_port, until};

pub(crate) struct Broker {
    pub(crate) port: u16,
    folder: tempfile::TempDir,
    child: Option<Child>,
}

impl Broker {
    /// A folder and a port: who calls this writes the configuration into the folder and launches it.
    pub(crate) fn prepare() -> Self {
        Self { port: free_port(), folder: tempfile::tempdir().unwrap(), child: None }
    }

    pub(crate) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    pub(crate) async fn start() -> Self {
        let mut broker = Self::prepare();
        let (port, folder) = (broker.port, &broker.folder);
        let config = format!(
            "listener {port} 127.0.0.1\nallow_anonymous true\npersistence true\npersistence_location {}/\n\
             max_queued_messages 0\nmax_inflight_messages 4000\nuser root\n",
            folder.path().display()
        );
        std::fs::write(folder.path().join("mosquitto.conf"), config).unwrap();
        broker.launch().await;
        broker
    }

    pub(crate) async fn launch(&mut self) {
        let program = ["/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto"]
            .into_iter()
            .find(|path| std::path::Path::new(path).exists())
            .unwrap_or("mosquitto");
        let log = std::fs::File::create(self.folder.path().join("log")).unwrap();
        let child = Command::new(program)
            .arg("-c")
            .arg(self.folder.path().join("mosquitto.conf"))
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("mosquitto: run `make setup` first");
        self.child = Some(child);
        let port = self.port;
        until(
            "the broker",
            || async move { tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok() },
        )
        .await;
    }

    /// Ends it in order: it writes down what it keeps.
    pub(crate) fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let pid = child.id().to_string();
            assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
            child.wait().unwrap();
        }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
