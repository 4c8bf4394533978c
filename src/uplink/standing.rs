//! What is sent beside the outbox: how the bin is. Nothing of it is kept on the disk.
//!
//! | message | when |
//! |---|---|
//! | twin, and what Home Assistant is told | at every connect, and when another bundle has come to work |
//! | fill | at every connect, and at most every ten seconds when it changed |
//! | health | at every connect, and every minute |
//! | alarm | as soon as one is raised or cleared, looked at once a second while connected |
//! | reply | to a command that took a while: as soon as it has ended, looked at once a second while connected |

use std::sync::Arc;
use std::time::Duration;

use super::Shared;
use super::answers::{ASKED_BY_HUB, Answer};
use super::client::Message;
use super::drain::message;
use super::error::Error;
use super::surroundings::{self, Surroundings};
use super::wire::{self, Fill, Twin};
use crate::clock::Moment;
use crate::tally::Untold;

/// How often the alarms are looked at.
pub(super) const LOOK_EVERY: Duration = Duration::from_secs(1);
/// An alarm, or a reply, that nobody heard is told again after this time.
const TELL_AGAIN: Duration = Duration::from_secs(60);
const HEALTH_EVERY: Duration = Duration::from_secs(60);
const FILL_EVERY: Duration = Duration::from_secs(10);

/// What became of a message of this kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// Nothing hangs on it.
    Standing,
    /// The change of an alarm with this number.
    Alarm(u64),
    /// What came of the command with this number.
    Reply(u64),
}

/// What this connection has told.
#[derive(Debug, Default)]
pub(super) struct Standing {
    twin: Option<Twin>,
    health_at: Option<Moment>,
    fill_at: Option<Moment>,
    fill: Option<Fill>,
    looked_at: Option<Moment>,
    /// The alarm that is being told, and when it was sent.
    alarm: Option<(u64, Moment)>,
    /// The end of a command that is being told, and when it was sent.
    reply: Option<(u64, Moment)>,
}

impl Standing {
    /// Everything is due again, because somebody asks.
    pub(super) fn all_due(&mut self) {
        let (alarm, reply) = (self.alarm, self.reply);
        *self = Self { alarm, reply, ..Self::default() };
    }

    /// The messages that are due at `now`.
    pub(super) async fn due(
        &mut self,
        shared: &Shared,
        connection: &str,
        now: Moment,
    ) -> Result<Vec<(Told, Message)>, Error> {
        let Some(around) = &shared.surroundings else { return Ok(Vec::new()) };
        if !passed(self.looked_at, LOOK_EVERY, now) {
            return Ok(Vec::new());
        }
        self.looked_at = Some(now);
        let (bin, run) = (&shared.settings.bin, &shared.identity.run_id);
        let unix_ms = shared.clock.wall().unix_ms;
        let mut due = Vec::new();
        // Another bundle may have come to work meanwhile.
        let may_differ = self.twin.is_none() || passed(self.health_at, HEALTH_EVERY, now);
        let twin = if may_differ { Some(blocking(around, |around| around.twin()).await?) } else { None };
        if let Some(twin) = twin.filter(|twin| self.twin.as_ref() != Some(twin)) {
            self.twin = Some(twin.clone());
            if let Some(home_assistant) = &shared.settings.home_assistant {
                due.push((Told::Standing, home_assistant.message(bin, &twin)));
            }
            let event = wire::twin_event(bin, connection, twin, unix_ms);
            due.push((Told::Standing, message(bin.twin_topic(), &event, true)?));
        }
        if passed(self.fill_at, FILL_EVERY, now) {
            self.fill_at = Some(now);
            let fill = surroundings::fill(&shared.outbox.books(around.compartments()).await?);
            if self.fill.as_ref() != Some(&fill) {
                self.fill = Some(fill.clone());
                let event = wire::fill_event(bin, run, fill, unix_ms);
                due.push((Told::Standing, message(bin.fill_topic(), &event, true)?));
            }
        }
        if passed(self.health_at, HEALTH_EVERY, now) {
            self.health_at = Some(now);
            let mut health = blocking(around, |around| around.health()).await?;
            shared.status.send_if_modified(|status| {
                (health.waiting, health.given_up) = (status.backlog, status.given_up);
                false
            });
            let event = wire::health_event(bin, run, health, unix_ms);
            due.push((Told::Standing, message(bin.health_topic(), &event, false)?));
        }
        shared.look_at_alarms();
        let next = shared.alarm_book().next();
        if let Some(change) = next.filter(|change| !under_way(self.alarm, change.number, now)) {
            self.alarm = Some((change.number, now));
            let event = wire::alarm_event(bin, run, change.number, change.to_wire(), change.wall.unix_ms);
            due.push((Told::Alarm(change.number), message(bin.alarm_topic(), &event, false)?));
        }
        if let Some(untold) = shared.untold().await?
            && !under_way(self.reply, untold.number, now)
        {
            self.reply = Some((untold.number, now));
            due.push((Told::Reply(untold.number), late_reply(shared, untold, unix_ms)?));
        }
        Ok(due)
    }
}

/// What came of a command that took a while.
fn late_reply(shared: &Shared, untold: Untold, unix_ms: i64) -> Result<Message, Error> {
    let (bin, run) = (&shared.settings.bin, &shared.identity.run_id);
    let name = untold.what.strip_prefix(ASKED_BY_HUB).unwrap_or(&untold.what);
    let event = wire::reply_event(bin, run, [name, &untold.id], &Answer::Ended(untold.answered), unix_ms);
    message(format!("cmd{}/{name}/{}/reply", bin.source(), untold.id), &event, false)
}

/// Whether this one was told just now, and may still be heard.
fn under_way(told: Option<(u64, Moment)>, number: u64, now: Moment) -> bool {
    told.is_some_and(|(told, at)| told == number && now.since(at) < TELL_AGAIN)
}

/// Whether something is due that was done at `last`.
fn passed(last: Option<Moment>, every: Duration, now: Moment) -> bool {
    last.is_none_or(|last| now.since(last) >= every)
}

/// Asks where files may be read.
async fn blocking<T: Send + 'static>(
    around: &Arc<dyn Surroundings>,
    ask: impl FnOnce(&dyn Surroundings) -> T + Send + 'static,
) -> Result<T, Error> {
    let around = Arc::clone(around);
    let asked = tokio::task::spawn_blocking(move || ask(&*around)).await;
    asked.map_err(|error| Error::Surroundings { why: error.to_string() })
}
