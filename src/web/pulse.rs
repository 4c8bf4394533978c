//! The pulse of the page: draws what changed, once for everybody, five times a second at most.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tokio::sync::watch;

use super::Site;
use super::text::Language;
use super::view::{self, PARTS};
use super::wire::Facts;

/// The least time between two news.
const NEWS_EVERY: Duration = Duration::from_millis(200);
/// Ages and rates change without anybody telling: the page is looked over at least this often.
const LOOK_EVERY: Duration = Duration::from_millis(300);

/// The page as it was drawn last.
#[derive(Debug, Default, PartialEq)]
pub(super) struct News {
    /// The facts as JSON.
    pub(super) facts: String,
    /// The inner HTML of each of [`PARTS`], in each language.
    parts: [[String; PARTS.len()]; Language::ALL.len()],
}

impl News {
    /// Draws the page as it is now.
    pub(super) fn draw(site: &Site) -> Self {
        let scene = site.scene();
        let info = &site.page.info;
        let draw = |language| {
            let words = site.texts.of(language);
            PARTS.map(|name| view::part(name, words, info, &scene).into_string())
        };
        Self { facts: Facts::of(info, &scene).to_json(), parts: Language::ALL.map(draw) }
    }

    /// The parts that differ from `before`.
    pub(super) fn changed<'a>(
        &'a self,
        before: &'a News,
        language: Language,
    ) -> impl Iterator<Item = (&'static str, &'a str)> {
        let (new, old) = (&self.parts[language as usize], &before.parts[language as usize]);
        let changed = PARTS.into_iter().zip(new.iter().zip(old)).filter(|(_, (new, old))| new != old);
        changed.map(|(name, (new, _))| (name, new.as_str()))
    }
}

/// Listens to the sorting loop and draws while somebody listens.
pub(super) async fn beat(site: Arc<Site>, news: watch::Sender<Arc<News>>) {
    let mut live = site.page.live.clone();
    let mut book = site.book.clone();
    loop {
        // The site holds one receiver itself.
        if news.receiver_count() > 1 {
            let next = News::draw(&site);
            news.send_if_modified(|known| {
                let changed = **known != next;
                if changed {
                    *known = Arc::new(next);
                }
                changed
            });
        }
        tokio::time::sleep(NEWS_EVERY).await;
        if live.has_changed().is_ok_and(|changed| !changed)
            && book.has_changed().is_ok_and(|changed| !changed)
        {
            let _either = tokio::time::timeout(LOOK_EVERY, async {
                tokio::select! {
                    // A loop that has ended publishes nothing more: its silence will show.
                    Ok(()) = live.changed() => site.hear(),
                    Ok(()) = book.changed() => {}
                    else => std::future::pending().await,
                }
            })
            .await;
        }
        if live.has_changed().is_ok_and(|changed| changed) {
            site.hear();
            live.mark_unchanged();
        }
        book.mark_unchanged();
    }
}

impl Site {
    /// Notes a sign of life of the sorting loop.
    fn hear(&self) {
        self.heard_at.store(self.page.clock.now().as_nanos(), Relaxed);
    }

    /// Whether anybody has a stream open.
    pub(super) fn is_watched(&self) -> bool {
        self.slots.available_permits() < super::STREAMS_MAX
    }
}
