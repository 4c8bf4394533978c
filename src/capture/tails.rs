//! Torn pictures: the new beginning and the old end that lay in the same buffer.

use super::Refusal;

/// Notices a picture that was cut and ends with the tail of the one before it in the same buffer.
///
/// Such a picture ends at the very byte where the older one ended, and shares its last bytes. Two whole
/// pictures almost never do: sensor noise changes the length and every code. A picture that is the same from
/// its first byte on passes: a covered lens or a test pattern gives those.
#[derive(Debug, Default)]
pub struct StaleTails {
    /// The newest picture seen in each buffer.
    buffers: Vec<(usize, Vec<u8>)>,
}

/// More buffers than any driver maps; further ones are not checked.
const BUFFERS_MAX: usize = 32;
/// A shorter tail may be chance: the end marker, padding, a few flat blocks.
const STALE_TAIL_MIN_BYTES: usize = 32;

impl StaleTails {
    /// Compares `picture`, found at the start of the buffer `buffer` (any number that tells buffers apart),
    /// with the one seen there before, and remembers it. Allocates only until it has met every buffer.
    ///
    /// # Errors
    /// [`Refusal::StaleTail`].
    pub fn check(&mut self, buffer: usize, picture: &[u8]) -> Result<(), Refusal> {
        let Some((_, older)) = self.buffers.iter_mut().find(|(known, _)| *known == buffer) else {
            if self.buffers.len() < BUFFERS_MAX {
                self.buffers.push((buffer, picture.to_vec()));
            }
            return Ok(());
        };
        let length = if older.len() == picture.len() { common_tail(older, picture) } else { 0 };
        if length >= STALE_TAIL_MIN_BYTES && length < picture.len() {
            // The older one is kept: the next whole picture may equal it, and would look stale beside the torn one.
            return Err(Refusal::StaleTail { length });
        }
        older.clear();
        older.extend_from_slice(picture);
        Ok(())
    }
}

fn common_tail(a: &[u8], b: &[u8]) -> usize {
    a.iter().rev().zip(b.iter().rev()).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::Frame;
    use crate::capture::jpeg::{Layout, encode};

    fn jpeg(seed: u64) -> Vec<u8> {
        let mut frame = Frame::black(64, 64);
        let mut random = fastrand::Rng::with_seed(seed);
        frame.pixels.iter_mut().for_each(|value| *value = random.u8(..));
        let mut bytes = Vec::new();
        encode(&frame, 90, &mut bytes).unwrap();
        bytes
    }

    #[test]
    fn the_tail_of_an_older_picture_is_noticed_in_its_own_buffer_only() {
        let (older, newer) = (jpeg(5), jpeg(6));
        let mut torn = older.clone();
        torn[..newer.len() / 2].copy_from_slice(&newer[..newer.len() / 2]);
        assert_eq!(Layout::of(&torn).unwrap().length, older.len(), "the torn picture looks whole");

        let mut tails = StaleTails::default();
        tails.check(7, &older).unwrap();
        tails.check(8, &newer).unwrap();
        tails.check(8, &torn).unwrap();
        assert!(matches!(tails.check(7, &torn), Err(Refusal::StaleTail { .. })));
        tails.check(7, &older).unwrap();
        assert!(matches!(tails.check(7, &torn), Err(Refusal::StaleTail { .. })));
        tails.check(7, &newer).unwrap();
        tails.check(7, &newer).unwrap();
    }
}
