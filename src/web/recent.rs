//! The newest lines of the log, kept in memory for the support bundle.

use std::collections::VecDeque;
use std::io;
use std::sync::{Mutex, PoisonError};

/// Lines that are kept.
const LINES_MOST: usize = 1_000;
/// Bytes of a line that are kept.
const LINE_MOST: usize = 2_000;

/// Where the log is written besides the terminal.
pub static RECENT_LOG: RecentLog = RecentLog(Mutex::new(VecDeque::new()));

/// The newest lines.
#[derive(Debug)]
pub struct RecentLog(Mutex<VecDeque<String>>);

impl RecentLog {
    /// The lines, oldest first.
    pub(super) fn text(&self) -> String {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().map(String::as_str).collect()
    }
}

impl io::Write for &RecentLog {
    /// Takes one formatted event at a time, as the log's formatter writes it.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut line = String::from_utf8_lossy(bytes).into_owned();
        if line.len() > LINE_MOST {
            line.truncate(line.floor_char_boundary(LINE_MOST));
            line.push('\n');
        }
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() >= LINES_MOST {
            lines.pop_front();
        }
        lines.push_back(line);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn only_the_newest_lines_stay_and_none_is_endless() {
        let log = RecentLog(Mutex::new(VecDeque::new()));
        for number in 0..LINES_MOST + 5 {
            (&log).write_all(format!("line {number}\n").as_bytes()).unwrap();
        }
        (&log).write_all("ü".repeat(LINE_MOST).as_bytes()).unwrap();
        let text = log.text();
        assert!(!text.contains("line 5\n") && text.contains(&format!("line {}\n", LINES_MOST + 4)), "{text}");
        assert_eq!(text.lines().last().unwrap().len(), LINE_MOST);
    }
}
