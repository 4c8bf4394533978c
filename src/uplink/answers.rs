//! What becomes of a command: done at once, or begun and answered a second time when it has ended.
//!
//! ```text
//!   command ──> known? ──> the answer of the ledger
//!                 │ new
//!                 ├──> done at once ──> ledger ──> reply: done, refused, failed
//!                 └──> takes a while ─> ledger ──> reply: accepted ──> the work ──> ledger ──> reply, until it is heard
//! ```
//!
//! Never two that take a while at one time. Never a wait of anything else for them: sorting and messages go on. Never
//! forgotten: the ledger has an answer from the beginning, so a power cut is one too.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::task::JoinSet;

use super::Shared;
use super::commands::{Asked, Obeyed, Order};
use super::error::Error;
use super::events;
use super::wire::Brought;
use crate::tally::{Answered, AuditEntry, AuditOutcome, Untold};

/// What stands before a command's name in the audit log.
pub(super) const ASKED_BY_HUB: &str = "hub_";

/// What is said to a command now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// It has begun; what comes of it is said later.
    Accepted,
    /// What came of it.
    Ended(Answered),
}

/// What takes a while.
#[derive(Default)]
pub(super) struct Jobs {
    /// Ends with the uplink.
    tasks: Mutex<JoinSet<()>>,
    state: Arc<State>,
}

struct State {
    /// The id of the command under way.
    under_way: Mutex<Option<String>>,
    /// There may be an end that the hub has not been told.
    untold: AtomicBool,
}

impl Default for State {
    /// What the program before this one did not tell is told too.
    fn default() -> Self {
        Self { under_way: Mutex::default(), untold: AtomicBool::new(true) }
    }
}

impl State {
    fn under_way(&self) -> Option<String> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_under_way(&self, id: Option<String>) {
        *self.under_way.lock().unwrap_or_else(PoisonError::into_inner) = id;
    }
}

impl Shared {
    /// Does what a command says, or begins to, unless that was done before; returns what to say.
    pub(super) async fn answer(&self, asked: &Asked) -> Result<Answer, Error> {
        let under_way = self.jobs.state.under_way();
        if under_way.as_deref() == Some(&asked.id) {
            return Ok(Answer::Accepted);
        }
        if let Some(before) = self.outbox.command(asked.id.clone()).await? {
            return Ok(Answer::Ended(before));
        }
        let answered = match (&asked.order, &self.surroundings) {
            (Err(answered), _) => answered.clone(),
            (Ok(None), _) => Answered::done(),
            (Ok(Some(_)), None) => Answered::refused("there is nobody here to do it"),
            (Ok(Some(order)), Some(around)) => match order {
                // The answer is on the disk before the program ends, so that it does not end again.
                Order::Restart => {
                    let answered = self.ended(asked, Answered::done()).await?;
                    let _asked = around.obey(Order::Restart).await.is_ok();
                    return Ok(answered);
                }
                order if !order.takes_a_while() => answered(around.obey(order.clone()).await),
                _ if under_way.is_some() => Answered::refused(
                    "another command is under way: ask again under a new id when it has ended",
                ),
                order => return self.begin(asked, around.obey(order.clone())).await,
            },
        };
        self.ended(asked, answered).await
    }

    async fn ended(&self, asked: &Asked, answered: Answered) -> Result<Answer, Error> {
        events::Commanded { name: asked.name, id: &asked.id, answered: &answered }.emit();
        let entry = self.entry(asked, &answered);
        self.outbox.note_command(asked.id.clone(), entry, self.clock.now()).await?;
        Ok(Answer::Ended(answered))
    }

    /// Begins what takes a while.
    async fn begin(&self, asked: &Asked, work: Obeyed) -> Result<Answer, Error> {
        let begun = self.entry(asked, &Answered::done());
        events::Accepted { name: asked.name, id: &asked.id }.emit();
        self.outbox.begin_job(asked.id.clone(), begun.clone(), self.clock.now()).await?;
        let (outbox, clock, state) =
            (self.outbox.clone(), Arc::clone(&self.clock), Arc::clone(&self.jobs.state));
        let (name, id) = (asked.name, asked.id.clone());
        state.set_under_way(Some(id.clone()));
        let task = async move {
            let answered = answered(work.await);
            events::Commanded { name, id: &id, answered: &answered }.emit();
            let entry = AuditEntry {
                what: format!("{}_end", begun.what),
                detail: format!("{id} {}", answered.result),
                outcome: answered.outcome,
                why: answered.why,
                wall: clock.wall(),
                ..begun
            };
            // A ledger that cannot be written has its own alarm; the hub is told that this was interrupted.
            let _written = outbox.end_job(id, entry, answered.result, clock.now()).await.is_ok();
            state.set_under_way(None);
            state.untold.store(true, Ordering::Relaxed);
        };
        let mut tasks = self.jobs.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(task);
        Ok(Answer::Accepted)
    }

    /// The end of a command that the hub has not been told.
    pub(super) async fn untold(&self) -> Result<Option<Untold>, Error> {
        let state = &self.jobs.state;
        if !state.untold.swap(false, Ordering::Relaxed) {
            return Ok(None);
        }
        let untold = self.outbox.untold_job(state.under_way()).await;
        if !matches!(untold, Ok(None)) {
            state.untold.store(true, Ordering::Relaxed);
        }
        untold
    }

    fn entry(&self, asked: &Asked, answered: &Answered) -> AuditEntry {
        AuditEntry {
            who: "hub".to_owned(),
            address: self.settings.broker(),
            what: format!("{ASKED_BY_HUB}{}", asked.name),
            detail: asked.detail.clone(),
            outcome: answered.outcome,
            why: answered.why.clone(),
            wall: self.clock.wall(),
        }
    }
}

fn answered(obeyed: Result<Brought, String>) -> Answered {
    match obeyed {
        Ok(brought) => {
            Answered { outcome: AuditOutcome::Done, why: String::new(), result: brought.to_text() }
        }
        Err(why) => Answered::failed(why),
    }
}
