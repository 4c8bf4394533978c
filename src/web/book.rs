//! The last drops and the counts, read from the ledger once for everybody.
//!
//! Never keeps a count of its own: whatever was missed, the next reading is right.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::Site;
use super::events::BookUnreadable;
use crate::tally::{Counts, DropRecord, DropState, Ledger, TallyError, day_start_ms};

/// Drops on the page.
const DROPS_SHOWN: usize = 12;
/// The page is brought up to date this often even when no drop was heard of: midnight passes, a void is written.
const READ_EVERY: Duration = Duration::from_secs(10);

/// What the page shows of the ledger.
#[derive(Clone, Debug, Default)]
pub(super) struct Book {
    /// The newest drops that came to an end, newest first.
    pub(super) recent: Vec<DropRecord>,
    /// Counts of the civil day.
    pub(super) today: Counts,
    /// Counts of the epoch.
    pub(super) all: Counts,
    /// Why the ledger could not be read, if it could not: then the rest is old.
    pub(super) error: Option<String>,
}

/// Reads the ledger at the beginning, after each drop, and now and then while somebody watches.
pub(super) async fn keep(site: Arc<Site>, book: watch::Sender<Arc<Book>>) {
    let mut drops = site.page.drops.subscribe();
    loop {
        let unix_ms = site.page.clock.wall().unix_ms;
        let day_start = day_start_ms(unix_ms, &site.page.info.zone);
        let known = Arc::clone(&book.borrow());
        let next = match site.page.tally.ask(move |ledger| read(ledger, day_start)).await {
            Ok(next) => next,
            Err(error) => {
                BookUnreadable { error: &error, repeated: known.error.is_some() }.emit();
                Book { error: Some(error.to_string()), ..(*known).clone() }
            }
        };
        book.send_replace(Arc::new(next));
        loop {
            tokio::select! {
                // A lag is as good a reason to read as a drop.
                _drop_or_lag = drops.recv() => break,
                () = tokio::time::sleep(READ_EVERY) => {
                    if site.is_watched() {
                        break;
                    }
                }
            }
        }
        // Whatever else was heard by now is in the same reading.
        drops = drops.resubscribe();
    }
}

fn read(ledger: &mut Ledger, day_start_ms: i64) -> Result<Book, TallyError> {
    // At most one drop is open.
    let mut recent = ledger.recent(DROPS_SHOWN + 1)?;
    recent.retain(|drop| drop.state != DropState::Intent);
    recent.truncate(DROPS_SHOWN);
    Ok(Book {
        recent,
        today: ledger.counts_by_stream_since(day_start_ms)?,
        all: ledger.totals()?.counts,
        error: None,
    })
}
