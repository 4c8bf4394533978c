//! The ledger as the uplink sees it: what waits, what is done, what was counted. Never blocks the runtime.

use tokio::sync::watch;

use super::error::Error;
use super::surroundings::CompartmentNow;
use super::wire::Again;
use crate::clock::{Moment, WallTime};
use crate::tally::{
    Answered, AuditEntry, CompartmentBook, GivenUp, KeepLimits, Ledger, OutboxRow, TallyError, TallyHandle,
    Totals, Untold,
};

/// The ledger's outbox, asked through the ledger's own thread.
#[derive(Clone)]
pub(super) struct Outbox(TallyHandle);

impl Outbox {
    pub(super) const fn new(tally: TallyHandle) -> Self {
        Self(tally)
    }

    /// Changes when there is something new to send.
    pub(super) fn news(&self) -> watch::Receiver<u64> {
        self.0.news()
    }

    /// The first `limit` rows of a kind after the row `after`, oldest first.
    pub(super) async fn next(
        &self,
        kind: &'static str,
        after: u64,
        limit: usize,
    ) -> Result<Vec<OutboxRow>, Error> {
        Ok(self.0.ask(move |ledger| ledger.outbox_next_of(kind, after, limit)).await?)
    }

    /// Removes acknowledged rows.
    pub(super) async fn done(&self, ids: Vec<u64>) -> Result<(), Error> {
        self.0.ask(move |ledger| ledger.outbox_done(&ids)).await?;
        Ok(())
    }

    /// Queues once more what the hub misses of the ledger `again.epoch`; returns how many messages.
    pub(super) async fn again(&self, again: Again, wall: WallTime) -> Result<u64, Error> {
        let queue = move |ledger: &mut Ledger| {
            if ledger.epoch() != again.epoch {
                return Ok(0);
            }
            ledger.outbox_again(&again.drops, &again.corrections, wall)
        };
        Ok(self.0.ask(queue).await?)
    }

    /// Everything counted so far, and what was given up of it.
    pub(super) async fn totals(&self) -> Result<(Totals, GivenUp), Error> {
        Ok(self.0.ask(|ledger| Ok((ledger.totals()?, ledger.given_up()?))).await?)
    }

    /// Gives up what is beyond the limits; returns what it gave up now and ever.
    pub(super) async fn give_up(&self, limits: KeepLimits, wall: WallTime) -> Result<[GivenUp; 2], Error> {
        let give_up =
            move |ledger: &mut Ledger| Ok([ledger.outbox_give_up(limits, wall)?, ledger.given_up()?]);
        Ok(self.0.ask(give_up).await?)
    }

    /// What the ledger knows of each compartment.
    pub(super) async fn books(
        &self,
        compartments: Vec<CompartmentNow>,
    ) -> Result<Vec<(CompartmentNow, CompartmentBook)>, Error> {
        let books = move |ledger: &mut Ledger| {
            compartments.into_iter().map(|now| Ok((now, ledger.compartment(now.stream)?))).collect()
        };
        Ok(self.0.ask(books).await?)
    }

    /// What was answered to the command with this id.
    pub(super) async fn command(&self, id: String) -> Result<Option<Answered>, Error> {
        Ok(self.0.ask(move |ledger| ledger.command(&id)).await?)
    }

    /// Remembers an answer and writes the audit log.
    pub(super) async fn note_command(&self, id: String, entry: AuditEntry, now: Moment) -> Result<(), Error> {
        Ok(self.0.ask(move |ledger| ledger.note_command(&id, &entry, now)).await?)
    }

    /// Remembers a command that begins and takes a while.
    pub(super) async fn begin_job(&self, id: String, entry: AuditEntry, now: Moment) -> Result<(), Error> {
        Ok(self.0.ask(move |ledger| ledger.begin_job(&id, &entry, now)).await?)
    }

    /// Remembers what came of it.
    pub(super) async fn end_job(
        &self,
        id: String,
        entry: AuditEntry,
        result: String,
        now: Moment,
    ) -> Result<(), Error> {
        Ok(self.0.ask(move |ledger| ledger.end_job(&id, &entry, &result, now)).await?)
    }

    /// The oldest command whose end the hub has not been told, but for the one under way.
    pub(super) async fn untold_job(&self, under_way: Option<String>) -> Result<Option<Untold>, Error> {
        Ok(self.0.ask(move |ledger| ledger.untold_job(under_way.as_deref())).await?)
    }

    /// The hub has been told.
    pub(super) async fn told_job(&self, number: u64) -> Result<(), Error> {
        Ok(self.0.ask(move |ledger| ledger.told_job(number)).await?)
    }

    /// How many rows wait, and since when the oldest does.
    pub(super) async fn backlog(&self) -> Result<(u64, Option<WallTime>), Error> {
        let waiting = |ledger: &mut Ledger| -> Result<_, TallyError> {
            Ok((ledger.outbox_len()?, ledger.outbox_oldest()?.map(|oldest| oldest.created)))
        };
        Ok(self.0.ask(waiting).await?)
    }
}

/// Returns when there is news; never, once the ledger's thread has ended.
pub(super) async fn changed(news: &mut watch::Receiver<u64>) {
    if news.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}
