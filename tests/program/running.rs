//! The daemon as a process: its log as it comes, signals, and waits that end.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use bunri::clock::{Clock, SystemClock};
use rustix::process::{Pid, Signal, kill_process};

use super::Bin;

/// Every wait ends here at the latest.
const LIMIT: Duration = Duration::from_secs(60);

pub(crate) struct Running {
    child: Child,
    lines: Receiver<String>,
    pub(crate) log: Vec<String>,
}

impl Running {
    /// Starts the program; its standard error is the log.
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            stderr.lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        Self { child, lines, log: Vec::new() }
    }

    /// Starts the bin; returns the address of its page too.
    pub(crate) fn with_page(bin: &Bin) -> (Self, SocketAddr) {
        let mut running = Self::start(&mut bin.command("run"));
        let line = running.wait_for("the page is at http://");
        let address = line.rsplit("http://").next().unwrap().split_whitespace().next().unwrap();
        let address = address.trim_end_matches('/').parse().unwrap();
        (running, address)
    }

    /// Waits for a line of the log that contains `what`, from now on.
    pub(crate) fn wait_for(&mut self, what: &str) -> String {
        loop {
            let line = self.lines.recv_timeout(LIMIT);
            let line =
                line.unwrap_or_else(|error| panic!("no line {what:?}: {error}\n{}", self.log.join("\n")));
            self.log.push(line.clone());
            if line.contains(what) {
                return line;
            }
        }
    }

    /// Resident memory, in KiB.
    pub(crate) fn resident_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Waits for its end and the rest of its log.
    pub(crate) fn end(&mut self) -> ExitStatus {
        let until = SystemClock.now() + LIMIT;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(SystemClock.now() < until, "it does not end:\n{}", self.log.join("\n"));
            pause(Duration::from_millis(10));
        };
        self.log.extend(self.lines.iter());
        status
    }

    /// Asks it to end and asserts that it does so in order.
    pub(crate) fn stop(mut self) -> Vec<String> {
        self.signal(Signal::TERM);
        let status = self.end();
        let log = std::mem::take(&mut self.log);
        assert_eq!(status.code(), Some(0), "{}", log.join("\n"));
        assert!(!log.iter().any(|line| line.contains("panicked")), "{}", log.join("\n"));
        log
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended long ago.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn pause(duration: Duration) {
    SystemClock.sleep_until(SystemClock.now() + duration);
}
