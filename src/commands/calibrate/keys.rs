//! Single keys from a terminal, or characters of typed lines where there is none.
//!
//! In a terminal a held key repeats, and only the newest counts: nothing runs on after it was let go. Characters that came
//! through a pipe, or from a terminal that cannot do single keys, are taken one after the other.

use std::io::{IsTerminal as _, Read as _};
use std::sync::mpsc::{Receiver, TryRecvError, channel};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

/// Ends a session: Ctrl-C, Ctrl-D.
const ENDS: [char; 2] = ['\x03', '\x04'];

/// The operator's keys.
pub(super) struct Keys {
    keys: Receiver<char>,
    /// Held keys repeat.
    repeats: bool,
    /// What the terminal was like before.
    before: Option<Termios>,
}

impl Keys {
    /// Takes the terminal; it is given back when this goes.
    pub(super) fn of_terminal() -> std::io::Result<Self> {
        let stdin = std::io::stdin();
        let before = stdin.is_terminal().then(|| tcgetattr(&stdin)).transpose().ok().flatten();
        if let Some(before) = &before {
            let mut single = before.clone();
            single.local_modes -= LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG;
            tcsetattr(&stdin, OptionalActions::Now, &single)?;
        }
        let (send, keys) = channel();
        // It ends with the input, or with the process.
        std::thread::Builder::new().name("keys".to_owned()).spawn(move || {
            let mut byte = [0];
            let mut stdin = std::io::stdin();
            while stdin.read_exact(&mut byte).is_ok() && send.send(char::from(byte[0])).is_ok() {}
        })?;
        Ok(Self { repeats: before.is_some(), keys, before })
    }

    /// Whether held keys repeat.
    pub(super) const fn repeats(&self) -> bool {
        self.repeats
    }

    /// The next key, if there is one; `q` at the end. Of repeated ones the newest.
    pub(super) fn next(&self) -> Option<char> {
        let mut newest = None;
        loop {
            match self.keys.try_recv() {
                Ok(key) if ENDS.contains(&key) => return Some('q'),
                Ok('\r' | '\n') if !self.repeats && newest.is_none() => return Some('\n'),
                Ok(key) if self.repeats => newest = Some(key),
                Ok(key) => return Some(key),
                Err(TryRecvError::Empty) => return newest,
                Err(TryRecvError::Disconnected) => return Some(newest.unwrap_or('q')),
            }
        }
    }

    #[cfg(test)]
    pub(super) fn played(repeats: bool) -> (std::sync::mpsc::Sender<char>, Self) {
        let (send, keys) = channel();
        (send, Self { keys, repeats, before: None })
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            // A terminal that is gone needs nothing any more.
            let _given_back = tcsetattr(std::io::stdin(), OptionalActions::Now, before).is_ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_held_keys_the_newest_counts_and_typed_ones_come_in_order() {
        let (send, keys) = Keys::played(true);
        "lllh".chars().for_each(|key| send.send(key).unwrap());
        assert_eq!((keys.next(), keys.next()), (Some('h'), None), "nothing runs on");
        let (send, keys) = Keys::played(false);
        "lh\n".chars().for_each(|key| send.send(key).unwrap());
        drop(send);
        let all: Vec<_> = (0..4).map(|_| keys.next().unwrap()).collect();
        assert_eq!(all, ['l', 'h', '\n', 'q'], "the end of the input is the end");
        let (send, keys) = Keys::played(true);
        "ll\x03ll".chars().for_each(|key| send.send(key).unwrap());
        assert_eq!(keys.next(), Some('q'));
    }
}
