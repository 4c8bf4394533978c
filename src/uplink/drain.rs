//! What one connection does once it stands: outbox -> broker, in the order that `lanes.rs` says.
//!
//! A row leaves the outbox only on its own acknowledgement that somebody has it; whatever is unacknowledged when
//! the connection ends stays where it is and is sent again on the next one. At most `in_flight` rows wait at a
//! time. Brokers acknowledge in the order in which they received (MQTT 5, 4.6), so waiting for the oldest
//! loses nothing, and a broker that does otherwise only acknowledges later than it could.

use std::collections::VecDeque;
use std::future::{pending, ready};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, timeout};

use super::again;
use super::backoff::Backoff;
use super::client::{Acknowledged, Answer, Granted, Message, Publisher};
use super::commands;
use super::error::Error;
use super::lanes::{Lanes, Limits};
use super::settings::Settings;
use super::standing::{LOOK_EVERY, Standing, Told};
use super::wire::{self, Cause};
use super::{Shared, is_stopped, stopped};
use super::{events, outbox};
use crate::clock::Moment;

/// Corrections that may wait for their acknowledgement at one time.
const CORRECTIONS_IN_FLIGHT: usize = 4;
/// At most one message with counts in this time.
const COUNTS_INTERVAL: Duration = Duration::from_secs(1);
/// How long the goodbye may take to be acknowledged, and then to be flushed: one second together.
const GOODBYE_TIMEOUT: Duration = Duration::from_millis(800);
const FLUSH_TIMEOUT: Duration = Duration::from_millis(200);
/// Without a wake-up the outbox is looked at this often all the same.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

enum What {
    Row(Kind, u64),
    Counts,
    Standing(Told),
    Online,
    Offline,
}

/// The kinds of rows. Each goes its own way: a hub may listen to one and not, or not yet, to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Drop,
    Correction,
}

/// The rows of one kind.
struct Rows {
    kind: Kind,
    lanes: Lanes,
    /// The waits between attempts while nobody listens.
    unheard: Backoff,
}

struct Sent {
    what: What,
    at: Moment,
    acknowledged: Acknowledged,
}

/// The work of one connection.
pub(super) struct Drain<'a> {
    shared: &'a Shared,
    connection: &'a str,
    in_flight: VecDeque<Sent>,
    rows: [Rows; 2],
    standing: Standing,
    random: fastrand::Rng,
    /// Whether a row was sent, and whether one was answered.
    sent: bool,
    answered: bool,
    news: watch::Receiver<u64>,
    heard: mpsc::Receiver<Message>,
    /// The broker's answers to the subscriptions, until they came.
    granted: VecDeque<Granted>,
    /// When the hub last asked for what it misses.
    again_at: Option<Moment>,
    counts_due: bool,
    counts_at: Option<Moment>,
    /// How many rows this connection delivered.
    pub(super) delivered: u64,
    /// Whether the broker acknowledged the goodbye.
    pub(super) said_goodbye: bool,
}

impl<'a> Drain<'a> {
    /// `heard`: what the broker sends.
    pub(super) fn new(
        shared: &'a Shared,
        connection: &'a str,
        random: fastrand::Rng,
        heard: mpsc::Receiver<Message>,
    ) -> Self {
        let settings = &shared.settings;
        let limits = Limits {
            window: settings.in_flight.into(),
            replay_share: settings.replay_share,
            replay_per_s: settings.replay_per_s,
        };
        let news = shared.outbox.news();
        let head = *news.borrow();
        let rows = |kind, limits| Rows {
            kind,
            lanes: Lanes::new(limits, head, shared.clock.now()),
            unheard: Backoff::new(settings.retry_min, settings.retry_max),
        };
        let few = Limits { window: CORRECTIONS_IN_FLIGHT, ..limits };
        Self {
            shared,
            connection,
            in_flight: VecDeque::new(),
            rows: [rows(Kind::Drop, limits), rows(Kind::Correction, few)],
            standing: Standing::default(),
            random,
            sent: false,
            answered: false,
            news,
            heard,
            granted: VecDeque::new(),
            again_at: None,
            counts_due: true,
            counts_at: None,
            delivered: 0,
            said_goodbye: false,
        }
    }

    /// Works until the connection fails (`Err`) or `stop` is set and the goodbye has been tried (`Ok`).
    pub(super) async fn work(
        &mut self,
        publisher: &Publisher,
        stop: &mut watch::Receiver<bool>,
    ) -> Result<(), Error> {
        self.send_availability(publisher, Cause::Connected).await?;
        let Settings { bin, commands, .. } = &self.shared.settings;
        self.granted.push_back(publisher.subscribe(&bin.again_topic()).await?);
        if !commands.is_empty() {
            self.granted.push_back(publisher.subscribe(&commands::filter(bin)).await?);
        }
        while !is_stopped(stop) {
            self.send_rows(publisher).await?;
            self.send_standing(publisher).await?;
            let counts_in = self.counts_wait();
            if counts_in == Some(Duration::ZERO) {
                self.send_counts(publisher).await?;
                continue;
            }
            if let Some(answer) = front_now(&mut self.in_flight).await {
                self.collect(answer).await?;
                continue;
            }
            let silent_in = self.silent_in()?;
            let now = self.shared.clock.now();
            let replay_in = self.rows.iter_mut().filter_map(|rows| rows.lanes.wait(now)).min();
            let standing_in = if self.shared.surroundings.is_some() { LOOK_EVERY } else { LOOK_AGAIN };
            let replay_in = replay_in.unwrap_or(LOOK_AGAIN).min(standing_in);
            tokio::select! {
                biased;
                () = stopped(stop) => {}
                answer = front(&mut self.in_flight) => self.collect(answer).await?,
                () = granted(&mut self.granted) => {}
                Some(message) = self.heard.recv() => self.obey(publisher, &message).await?,
                () = outbox::changed(&mut self.news) => {
                    self.look_again();
                    if self.rows.iter().any(|rows| rows.lanes.nobody_listens()) {
                        self.shared.refresh_backlog().await;
                    }
                }
                () = sleep(counts_in.unwrap_or(LOOK_AGAIN)) => self.look_again(),
                () = sleep(silent_in.min(replay_in)) => {}
            }
        }
        self.goodbye(publisher).await
    }

    /// Takes the answers that have already arrived, without waiting: fewer repetitions after a loss.
    ///
    /// # Errors
    /// A refusal among them, which then is the better explanation of the loss.
    pub(super) async fn settle(&mut self) -> Result<(), Error> {
        match front_now(&mut self.in_flight).await {
            Some(answer) => self.collect(answer).await,
            None => Ok(()),
        }
    }

    /// Whether drops were sent and not one of them was answered.
    pub(super) const fn is_unheard(&self) -> bool {
        self.sent && !self.answered
    }

    fn look_again(&mut self) {
        for rows in &mut self.rows {
            rows.lanes.news();
        }
    }

    async fn send_rows(&mut self, publisher: &Publisher) -> Result<(), Error> {
        for index in 0..self.rows.len() {
            while let Some(ask) = self.rows[index].lanes.wanted(self.shared.clock.now()) {
                let kind = self.rows[index].kind;
                let found = self.shared.outbox.next(kind.id(), ask.after, ask.limit).await?;
                let ids: Vec<u64> = found.iter().map(|row| row.id).collect();
                let to_send = self.rows[index].lanes.found(ask, &ids);
                for row in found.into_iter().filter(|row| to_send.contains(&row.id)) {
                    self.send(publisher, What::Row(kind, row.id), self.shared.row_message(&row)?).await?;
                    self.sent = true;
                }
            }
        }
        Ok(())
    }

    async fn send_standing(&mut self, publisher: &Publisher) -> Result<(), Error> {
        let now = self.shared.clock.now();
        for (told, message) in self.standing.due(self.shared, self.connection, now).await? {
            self.send(publisher, What::Standing(told), message).await?;
        }
        Ok(())
    }

    /// Queues what the hub misses; the outbox's news then have it sent.
    async fn send_again(&mut self, again: wire::Again) -> Result<(), Error> {
        let now = self.shared.clock.now();
        if self.again_at.is_some_and(|at| now.since(at) < again::PAUSE) {
            return Ok(());
        }
        self.again_at = Some(now);
        let queued = self.shared.outbox.again(again, self.shared.clock.wall()).await?;
        // It may ask because the counts it has are not the newest.
        self.counts_due = true;
        if queued > 0 {
            events::AskedAgain { queued }.emit();
        }
        Ok(())
    }

    /// Does what the hub asks, if it may ask it, and answers.
    async fn obey(&mut self, publisher: &Publisher, heard: &Message) -> Result<(), Error> {
        let shared = self.shared;
        if let Some(again) = again::read(&shared.settings.bin, heard) {
            return self.send_again(again).await;
        }
        let wall = shared.clock.wall();
        let Some(asked) = commands::read(&shared.settings, heard, wall) else { return Ok(()) };
        let answer = shared.answer(&asked).await?;
        if asked.order == Ok(None) {
            self.standing.all_due();
            self.counts_due = true;
        }
        let names = [asked.name, asked.id.as_str()];
        let bin = &shared.settings.bin;
        let event = wire::reply_event(bin, &shared.identity.run_id, names, &answer, wall.unix_ms);
        let reply = message(format!("{}/reply", heard.topic), &event, false)?;
        self.send(publisher, What::Standing(Told::Standing), reply).await
    }

    async fn send_counts(&mut self, publisher: &Publisher) -> Result<(), Error> {
        self.counts_due = false;
        self.counts_at = Some(self.shared.clock.now());
        let event = self.shared.counts_event().await?;
        let message = message(self.shared.settings.bin.counts_topic(), &event, true)?;
        self.send(publisher, What::Counts, message).await
    }

    async fn send_availability(&mut self, publisher: &Publisher, cause: Cause) -> Result<(), Error> {
        let bin = &self.shared.settings.bin;
        let event = wire::availability(bin, self.connection, cause, self.shared.clock.wall().unix_ms);
        let what = if cause == Cause::Connected { What::Online } else { What::Offline };
        self.send(publisher, what, message(bin.availability_topic(), &event, true)?).await
    }

    async fn send(&mut self, publisher: &Publisher, what: What, message: Message) -> Result<(), Error> {
        let at = self.shared.clock.now();
        let acknowledged = publisher.send(message).await?;
        self.in_flight.push_back(Sent { what, at, acknowledged });
        Ok(())
    }

    /// Handles the answer to the oldest message, and every further answer that is already there.
    async fn collect(&mut self, first: Result<Answer, Error>) -> Result<(), Error> {
        let (mut taken, mut not_taken) = (Vec::new(), Vec::new());
        let mut answer = Some(first);
        let mut refusal = None;
        while let Some(result) = answer {
            let sent = self.in_flight.pop_front();
            let said = match result {
                Ok(said) => said,
                Err(error) => {
                    refusal = Some(error);
                    break;
                }
            };
            match sent.map(|sent| sent.what) {
                Some(What::Row(kind, id)) if said == Answer::NobodyListens => not_taken.push((kind, id)),
                Some(What::Row(kind, id)) => taken.push((kind, id)),
                Some(What::Online) => self.shared.connected().await,
                Some(What::Offline) => self.said_goodbye = true,
                Some(What::Standing(Told::Alarm(number))) if said == Answer::Taken => {
                    self.shared.alarm_book().told(number);
                }
                Some(What::Standing(Told::Reply(number))) if said == Answer::Taken => {
                    self.shared.outbox.told_job(number).await?;
                }
                Some(What::Counts | What::Standing(_)) | None => {}
            }
            answer = front_now(&mut self.in_flight).await;
        }
        self.answered |= !(taken.is_empty() && not_taken.is_empty());
        self.not_taken(&not_taken).await;
        self.taken(taken).await?;
        refusal.map_or(Ok(()), Err)
    }

    /// Rows that nobody listened to: they stay, and are tried again after a while.
    async fn not_taken(&mut self, not_taken: &[(Kind, u64)]) {
        for rows in &mut self.rows {
            let ids = || not_taken.iter().filter(|(kind, _)| *kind == rows.kind).map(|(_, id)| *id);
            let count = ids().count() as u64;
            if count == 0 {
                continue;
            }
            let retry_in = rows.unheard.next(self.random.f64());
            let again = self.shared.clock.now() + retry_in;
            let first = !rows.lanes.nobody_listens();
            for id in ids() {
                rows.lanes.not_taken(id, again);
            }
            self.shared.unheard(rows.kind == Kind::Drop, first, count, retry_in).await;
        }
    }

    /// Rows that have arrived leave the outbox.
    async fn taken(&mut self, taken: Vec<(Kind, u64)>) -> Result<(), Error> {
        if taken.is_empty() {
            return Ok(());
        }
        self.shared.outbox.done(taken.iter().map(|(_, id)| *id).collect()).await?;
        let mut drops = 0;
        for (kind, id) in taken {
            drops += u64::from(kind == Kind::Drop);
            for rows in self.rows.iter_mut().filter(|rows| rows.kind == kind) {
                rows.lanes.taken(id);
                rows.unheard.reset();
            }
        }
        self.counts_due = true;
        self.delivered += drops;
        events::Delivered { drops }.emit();
        self.shared.delivered(drops).await;
        Ok(())
    }

    /// How long until counts should be sent; `None` while nothing has changed.
    fn counts_wait(&self) -> Option<Duration> {
        let passed = self.counts_at.map(|at| self.shared.clock.now().since(at));
        self.counts_due
            .then(|| passed.map_or(Duration::ZERO, |passed| COUNTS_INTERVAL.saturating_sub(passed)))
    }

    /// How long the oldest message may still wait.
    fn silent_in(&self) -> Result<Duration, Error> {
        let limit = self.shared.settings.acknowledge_timeout;
        let waited =
            self.in_flight.front().map_or(Duration::ZERO, |sent| self.shared.clock.now().since(sent.at));
        if waited >= limit {
            return Err(Error::Silent { broker: self.shared.settings.broker(), limit });
        }
        Ok(limit.saturating_sub(waited))
    }

    /// Sends counts that are due, says `offline` and, only when that is acknowledged, closes in order: otherwise the
    /// last will must speak.
    async fn goodbye(&mut self, publisher: &Publisher) -> Result<(), Error> {
        let said = timeout(GOODBYE_TIMEOUT, async {
            // The counts of the last drops: their interval may have a while to go, the process has not.
            if self.counts_due {
                match self.send_counts(publisher).await {
                    Ok(()) | Err(Error::Outbox(_)) => {}
                    Err(error) => return Err(error),
                }
            }
            self.send_availability(publisher, Cause::Stopped).await?;
            while !self.in_flight.is_empty() {
                let answer = front(&mut self.in_flight).await;
                match self.collect(answer).await {
                    // The ledger may have been stopped before us. Its rows are sent again next time.
                    Ok(()) | Err(Error::Outbox(_)) => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(())
        })
        .await;
        match said {
            Ok(Ok(())) => {
                publisher.goodbye();
                // The other side of the connection ends as soon as the goodbye is flushed.
                sleep(FLUSH_TIMEOUT).await;
                Ok(())
            }
            Ok(Err(error)) => Err(error),
            Err(_elapsed) => Ok(()),
        }
    }
}

impl Kind {
    /// As in the outbox.
    const fn id(self) -> &'static str {
        match self {
            Kind::Drop => "drop",
            Kind::Correction => "correction",
        }
    }
}

/// Encodes one event.
pub(super) fn message<T: serde::Serialize>(
    topic: String,
    event: &wire::Event<T>,
    retain: bool,
) -> Result<Message, Error> {
    match event.to_json() {
        Ok(payload) => Ok(Message { topic, payload, retain }),
        Err(source) => Err(Error::Encode { topic, source }),
    }
}

/// The answer to the oldest message. Its entry must be removed at once: an answer comes only once.
async fn front(in_flight: &mut VecDeque<Sent>) -> Result<Answer, Error> {
    match in_flight.front_mut() {
        Some(sent) => sent.acknowledged.as_mut().await,
        None => pending().await,
    }
}

/// Returns when the broker has answered a subscription; never, if there is none.
async fn granted(granted: &mut VecDeque<Granted>) {
    match granted.front_mut() {
        Some(answer) => {
            if let Err(error) = answer.await {
                events::Deaf(&error).emit();
            }
            granted.pop_front();
        }
        None => pending().await,
    }
}

/// The answer to the oldest message, if it is already there.
async fn front_now(in_flight: &mut VecDeque<Sent>) -> Option<Result<Answer, Error>> {
    tokio::select! {
        biased;
        answer = front(in_flight) => Some(answer),
        () = ready(()) => None,
    }
}
