//! The one encoder: turns the newest picture into JPEG for everybody who watches.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use axum::body::Bytes;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use super::Site;
use super::events::PictureFailed;
use super::preview::Shot;
use crate::capture::jpeg;
use crate::clock::Moment;
use crate::detect::{Focus, Presence};

/// Five pictures a second.
const PICTURE_EVERY: Duration = Duration::from_millis(200);
/// JPEG quality, 1 to 100: good enough to see a label, 640x480 in about 40 kB.
const QUALITY: u8 = 72;
/// Stands between pictures; must not occur in a JPEG, where FF is never followed by a letter.
pub(super) const BOUNDARY: &str = "bunri-picture";

/// One encoded picture.
#[derive(Debug)]
pub(super) struct Picture {
    /// A part of the stream, with its headers and the boundary behind it: a browser shows a picture only when it has
    /// seen the boundary.
    pub(super) part: Bytes,
    /// What the detector saw in it.
    pub(super) presence: Presence,
    /// How sharp and bright it is, if somebody asks for that.
    pub(super) focus: Option<Focus>,
}

/// Nobody asks any more after this time.
const ASKED_WITHIN: Duration = Duration::from_secs(3);

/// Encodes while somebody watches.
pub(super) async fn encode(site: Arc<Site>, pictures: watch::Sender<Option<Arc<Picture>>>) {
    let mut ticks = tokio::time::interval(PICTURE_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut shot = Shot::default();
    let mut bytes = Vec::new();
    loop {
        ticks.tick().await;
        if !site.page.preview.is_watched() {
            if pictures.borrow().is_some() {
                pictures.send_replace(None);
            }
            continue;
        }
        if !site.page.preview.take(&mut shot) {
            continue;
        }
        let asked_at = Moment::from_nanos(site.focus_asked_at.load(Relaxed));
        let asked = site.page.clock.now().since(asked_at) < ASKED_WITHIN;
        let wanted = asked.then(|| (site.page.live.borrow().region, site.page.camera_size().0));
        // The buffers go there and come back.
        let encoded = tokio::task::spawn_blocking(move || {
            let focus = wanted.map(|(region, width)| Focus::of(&shot.frame, region, width));
            let result = jpeg::encode(&shot.frame, QUALITY, &mut bytes);
            (shot, bytes, focus, result)
        });
        let (focus, result);
        (shot, bytes, focus, result) = match encoded.await {
            Ok(back) => back,
            Err(_panicked) => return,
        };
        match result {
            Ok(()) => {
                let picture = Picture { part: part(&bytes), presence: shot.presence, focus };
                pictures.send_replace(Some(Arc::new(picture)));
            }
            Err(error) => PictureFailed { error: &error }.emit(),
        }
    }
}

/// Wraps a JPEG as one part of a `multipart/x-mixed-replace` body.
fn part(jpeg: &[u8]) -> Bytes {
    let head = format!("Content-Type: image/jpeg\r\nContent-Length: {}\r\n\r\n", jpeg.len());
    let tail = format!("\r\n--{BOUNDARY}\r\n");
    [head.as_bytes(), jpeg, tail.as_bytes()].concat().into()
}
