//! Small pictures of what was judged, on their way from the judge to the album, where the configuration keeps them.
//!
//! - Never in the sorting loop's way: it copies one frame for each verdict and tries to hand it over; encoding and the
//!   disk are a thread's of its own, and a disk that refuses is said once.
//! - Never a hand: only the very frame that brought the verdict about, if the classifier looked at it, so that it lay
//!   still.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use super::DaemonError;
use super::events::{PictureNotKept, QueueFull};
use super::lookout::cut_out;
use super::sorter::Looked;
use super::supervise::Stages;
use crate::capture::{Frame, jpeg};
use crate::clock::Clock;
use crate::config::Config;
use crate::detect::Region;
use crate::judge::Action;
use crate::web::album::{self, Album};

/// Pictures that may wait for the disk.
const WAITING: usize = 4;
/// Longer side of a picture, in pixels: about 10 kB.
const SIDE: u32 = 320;
const QUALITY: u8 = 75;
/// How often old ones are looked for.
const TIDY_EVERY: Duration = Duration::from_secs(60);

/// The judge's side.
pub(super) struct Shutter {
    /// `None` where nothing is kept.
    out: Option<SyncSender<(u64, Frame)>>,
    /// Until its drop has a number.
    waiting: Option<Frame>,
}

impl Shutter {
    /// Takes the picture of a verdict.
    pub(super) fn look(&mut self, frame: &Frame, looked: &Looked, region: Region) {
        let decides = || looked.actions.iter().any(|action| matches!(action, Action::RecordIntent(_)));
        if self.out.is_none() || !decides() {
            return;
        }
        let still = looked.inferred.is_some() && !looked.presence.hand && !looked.presence.moving;
        self.waiting = still.then(|| {
            let mut picture = Frame::default();
            cut_out(frame, region, SIDE, &mut picture);
            picture
        });
    }

    /// The drop has a number now; or none, since it could not be recorded.
    pub(super) fn recorded(&mut self, seq: Option<u64>) {
        let Some((seq, picture)) = seq.zip(self.waiting.take()) else { return };
        if self.out.as_ref().is_some_and(|out| out.try_send((seq, picture)).is_err()) {
            QueueFull { queue: "album" }.emit();
        }
    }
}

/// Opens the album of this ledger and starts its thread; or removes what an earlier configuration kept.
///
/// # Errors
/// When the system gives no thread.
pub(super) fn start(
    config: &Config,
    epoch: &str,
    clock: &Arc<dyn Clock>,
    stages: &mut Stages,
) -> Result<(Shutter, Option<Arc<Album>>), DaemonError> {
    let Some(keeping) = config.web.as_ref().and_then(|web| web.keep_frames) else {
        album::forget(&config.state_dir);
        return Ok((Shutter { out: None, waiting: None }, None));
    };
    let now_ms = clock.wall().unix_ms;
    let album = Arc::new(Album::open(keeping, config.zone.clone(), &config.state_dir, epoch, now_ms));
    let (out, pictures) = sync_channel(WAITING);
    let (keeper, clock) = (Arc::clone(&album), Arc::clone(clock));
    stages.spawn("album", move || {
        keep(&keeper, &pictures, &*clock);
        Ok::<(), DaemonError>(())
    })?;
    Ok((Shutter { out: Some(out), waiting: None }, Some(album)))
}

/// Runs until the judge is gone.
fn keep(album: &Album, pictures: &Receiver<(u64, Frame)>, clock: &dyn Clock) {
    let (mut bytes, mut refused) = (Vec::new(), false);
    loop {
        let (seq, picture) = match pictures.recv_timeout(TIDY_EVERY) {
            Ok(next) => next,
            Err(RecvTimeoutError::Timeout) => {
                album.tidy(clock.wall().unix_ms);
                continue;
            }
            Err(RecvTimeoutError::Disconnected) => return,
        };
        let encoded = jpeg::encode(&picture, QUALITY, &mut bytes).map_err(|error| error.to_string());
        let kept = encoded
            .and_then(|()| album.put(seq, &bytes, clock.wall().unix_ms).map_err(|error| error.to_string()));
        if let Err(error) = &kept
            && !refused
        {
            PictureNotKept { seq, error }.emit();
        }
        refused = kept.is_err();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Moment;
    use crate::detect::Presence;
    use crate::judge::{CompartmentId, Verdict};
    use crate::streams::Stream;

    const REGION: Region = Region { x: 40, y: 20, width: 560, height: 400 };

    fn shutter() -> (Shutter, Receiver<(u64, Frame)>) {
        let (out, pictures) = sync_channel(WAITING);
        (Shutter { out: Some(out), waiting: None }, pictures)
    }

    fn verdict() -> Action {
        Action::RecordIntent(Verdict {
            label: "can".into(),
            seen: Stream::Can,
            probability: 0.9,
            stream: Stream::Can,
            compartment: Some(CompartmentId(0)),
            reason: None,
            votes: 3,
            settled_at: Moment::from_millis(1),
            decided_at: Moment::from_millis(2),
        })
    }

    fn looked(presence: Presence, actions: Vec<Action>) -> Looked {
        Looked { presence, inferred: Some(Duration::from_millis(5)), failure: None, actions }
    }

    #[test]
    fn the_frame_of_the_verdict_waits_for_its_number() {
        let (mut shutter, pictures) = shutter();
        let still = Presence { occupied: true, ..Presence::default() };
        let frame = Frame::black(640, 480);
        shutter.look(&frame, &looked(still, vec![Action::Home]), REGION);
        shutter.recorded(Some(6));
        assert!(pictures.try_recv().is_err(), "no verdict, no picture");
        shutter.look(&frame, &looked(still, vec![verdict()]), REGION);
        shutter.recorded(Some(7));
        let (seq, picture) = pictures.try_recv().unwrap();
        assert_eq!((seq, picture.width, picture.height), (7, 280, 200));
        shutter.recorded(Some(8));
        shutter.look(&frame, &looked(still, vec![verdict()]), REGION);
        shutter.recorded(None);
        shutter.recorded(Some(9));
        assert!(pictures.try_recv().is_err(), "each picture once, and none of what was not recorded");
    }

    #[test]
    fn a_hand_movement_or_a_frame_that_nobody_looked_at_is_never_kept() {
        let (mut shutter, pictures) = shutter();
        let frame = Frame::black(640, 480);
        let hand = Presence { hand: true, ..Presence::default() };
        let moving = Presence { moving: true, ..Presence::default() };
        let unseen = Looked { inferred: None, ..looked(Presence::default(), vec![verdict()]) };
        let frames = [looked(hand, vec![verdict()]), looked(moving, vec![verdict()]), unseen];
        for (seq, looked) in (1..).zip(frames) {
            shutter.look(&frame, &looked, REGION);
            shutter.recorded(Some(seq));
        }
        assert!(pictures.try_recv().is_err());
    }
}
