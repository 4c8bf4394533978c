//! The judge thread: newest frame in, actions out. A shell around [`Sorter`].

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError};
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use super::DaemonError;
use super::calibrating::{self, Studying, Watch};
use super::events::{AlarmChanged, Exchanged, Judged, LookFailed, QueueFull, StateChanged, Voided};
use super::exchange::{Exchange, Exit, Retired, bundle_info};
use super::keeping::Shutter;
use super::learning::Keepsake;
use super::ledger::{Courier, Ending};
use super::lookout::Lookout;
use super::newcomer::Newcomer;
use super::sorter::Sorter;
use super::supervise::{Beat, Stages};
use super::teaching::{NewHead, Note};
use crate::capture::newest::Reader;
use crate::clock::{Clock, Moment};
use crate::identify::SiteHead;
use crate::judge::{self, Action, Command, Input, Movement, Verdict};
use crate::mechanism::button::ButtonNow;
use crate::mechanism::lines::Levels;
use crate::mechanism::{MechanismStatus, Request};
use crate::teach::Attention;
use crate::web::{Live, NotSaved, Order, Preview};

/// What other threads tell the judge.
#[derive(Clone, Debug)]
pub(super) enum Message {
    IntentRecorded(u64),
    IntentFailed,
    EndingRefused(u64, Ending),
    Movement(Movement),
    Flap(MechanismStatus),
    Guards(Levels),
    /// The button is so, and was pressed for the crew just now.
    Button(ButtonNow, bool),
    Retune(Box<judge::Settings>),
    Study(Studying),
    MayWatch(SyncSender<Result<(), NotSaved>>),
    Watch(Box<Watch>),
    Command(Command),
    Veto(bool),
    /// A lesson begins, with this attention, or ends.
    Lesson(Option<Attention>),
    /// Judge by this head.
    Head(Box<NewHead>),
    /// The bundle that judges beside the live one has this head.
    ShadowSite(Box<SiteHead>),
}

/// How long to wait for a frame before looking at the inbox again.
const FRAME_WAIT: Duration = Duration::from_millis(10);
/// The page hears of the loop at most this often, unless the state changes.
const LIVE_EVERY: Duration = Duration::from_millis(100);
/// Inference times kept for their percentiles.
const TIMES: usize = 128;

/// Everything the judge thread owns.
pub(super) struct Judging {
    pub(super) sorter: Sorter,
    pub(super) newcomer: Newcomer,
    pub(super) frames: Reader,
    pub(super) inbox: Receiver<Message>,
    /// What the crew asks by the page: one each turn, so that no page can hold up the loop.
    pub(super) orders: mpsc::Receiver<Order>,
    pub(super) mechanism: SyncSender<Request>,
    pub(super) courier: Courier,
    pub(super) teacher: SyncSender<Note>,
    pub(super) shutter: Shutter,
    pub(super) keepsake: Keepsake,
    pub(super) exchanges: Receiver<Exchange>,
    pub(super) exit: Exit,
    pub(super) live: watch::Sender<Live>,
    pub(super) preview: Arc<Preview>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) stop: Arc<AtomicBool>,
    /// While the empty chamber is being learnt.
    pub(super) studying: Option<Studying>,
}

/// What the page is shown, gathered between publications.
#[derive(Default)]
struct Shown {
    live: Live,
    published_at: Moment,
    times_ms: Vec<f32>,
    next_time: usize,
    /// While the crew teaches.
    lookout: Option<Lookout>,
    /// Waits until no item is being voted on.
    next_head: Option<Box<NewHead>>,
    next_bundles: Option<Exchange>,
    /// Waits until the teacher has room.
    for_teacher: Option<Note>,
}

impl Judging {
    /// Runs in a thread of its own.
    pub(super) fn start(self, stages: &mut Stages) -> Result<(), DaemonError> {
        let beat = stages.watch("judge");
        stages.spawn("judge", move || self.run(&beat))
    }

    /// Runs until told to stop, or until the camera's end of the frames is gone.
    fn run(mut self, beat: &Beat) -> Result<(), DaemonError> {
        let mut shown = Shown::default();
        while !self.stop.load(Ordering::Relaxed) {
            let now = self.clock.now();
            beat.beat(now);
            self.courier.tick(now);
            while let Ok(message) = self.inbox.try_recv() {
                self.hear(message, &mut shown);
            }
            if let Ok(order) = self.orders.try_recv() {
                self.obey(order, &mut shown);
            }
            self.between_items(&mut shown);
            let closed = self.frames.is_closed();
            if !self.look(&mut shown)? {
                let now = self.clock.now();
                let actions = self.sorter.input(Input::Tick, now);
                self.carry_out(actions, &mut shown);
                if closed {
                    break;
                }
            }
            self.publish(&mut shown, now);
        }
        let pending = shown.next_bundles.take().or_else(|| self.exchanges.try_recv().ok());
        let pending = pending.and_then(|mut exchange| exchange.newcomer.stop());
        for save in self.newcomer.stop().into_iter().chain(pending) {
            self.courier.write(save);
        }
        Ok(())
    }

    fn hear(&mut self, message: Message, shown: &mut Shown) {
        let now = self.clock.now();
        let input = match message {
            Message::IntentRecorded(seq) => {
                self.shutter.recorded(Some(seq));
                self.keepsake.recorded(Some(seq));
                Input::IntentRecorded(seq)
            }
            Message::IntentFailed => {
                self.shutter.recorded(None);
                self.keepsake.recorded(None);
                Input::IntentFailed
            }
            Message::Movement(movement) => Input::Movement(movement),
            Message::Command(command) => Input::Command(command),
            Message::Veto(vetoed) => Input::Veto(vetoed),
            Message::EndingRefused(seq, ending) => {
                self.courier.keep(seq, ending, now);
                return;
            }
            Message::Flap(status) => {
                shown.live.flap = Some(status.state);
                (shown.live.sensed, shown.live.inputs) = (status.sensed, status.inputs);
                return;
            }
            Message::Guards(active) => {
                shown.live.guards = active;
                return;
            }
            Message::Button(button, called) => {
                shown.live.button = Some(button);
                if called {
                    shown.live.called = Some(now);
                }
                return;
            }
            Message::Lesson(attention) => {
                shown.lookout = attention.map(Lookout::new);
                return;
            }
            Message::Head(head) => {
                shown.next_head = Some(head);
                return;
            }
            Message::ShadowSite(site) => {
                self.newcomer.teach_shadow(&site);
                return;
            }
            Message::Retune(settings) => {
                self.sorter.retune(*settings);
                return;
            }
            Message::Study(studying) => {
                self.studying = studying.begin(self.sorter.judge().state(), shown.live.flap);
                return;
            }
            Message::MayWatch(answer) => {
                let ready = calibrating::ready(self.sorter.judge().state(), shown.live.flap, false);
                // Whoever asked may have given up.
                let _heard = answer.try_send(ready).is_ok();
                return;
            }
            Message::Watch(watch) => {
                self.sorter.watch(watch.settings, watch.background);
                return;
            }
        };
        let actions = self.sorter.input(input, now);
        self.carry_out(actions, shown);
    }

    fn obey(&mut self, order: Order, shown: &mut Shown) {
        let now = self.clock.now();
        let actions = self.sorter.input(Input::Command(order.command), now);
        let refusal = actions.iter().find_map(|action| match action {
            Action::Refuse(refusal) => Some(*refusal),
            _ => None,
        });
        self.carry_out(actions, shown);
        // Whoever asked may have gone.
        let _heard = order.answer.send(refusal.map_or(Ok(()), Err)).is_ok();
    }

    /// Exchanges bundles or head once nothing is being voted on, and ends a lesson whose maintenance has ended.
    fn between_items(&mut self, shown: &mut Shown) {
        while let Ok(exchange) = self.exchanges.try_recv() {
            // One that is still waiting has never worked.
            shown.next_bundles = Some(exchange);
        }
        let judge = self.sorter.judge();
        if judge.votes().is_none()
            && judge.service().is_none()
            && shown.for_teacher.is_none()
            && let Some(exchange) = shown.next_bundles.take()
        {
            self.exchange(exchange, shown);
        }
        if let Some(note) = shown.for_teacher.take()
            && let Err(TrySendError::Full(note)) = self.teacher.try_send(note)
        {
            shown.for_teacher = Some(note);
        }
        if self.sorter.judge().votes().is_none()
            && let Some(head) = shown.next_head.take()
        {
            head.use_in(&mut self.sorter);
        }
        if shown.lookout.is_some() && self.sorter.judge().service().is_none() {
            shown.lookout = None;
            if self.teacher.try_send(Note::Left).is_err() {
                QueueFull { queue: "teach" }.emit();
            }
        }
    }

    /// Other bundles work from the next frame on.
    fn exchange(&mut self, exchange: Exchange, shown: &mut Shown) {
        let began = self.clock.now();
        let Exchange { newcomer, identifier, settings } = exchange;
        let identifier = self.sorter.exchange(identifier, settings);
        let newcomer = std::mem::replace(&mut self.newcomer, newcomer);
        let bundle = self.sorter.bundle();
        self.courier.work_with(bundle_info(bundle));
        shown.live.bundle = bundle.title().into();
        self.keepsake.forget();
        shown.times_ms.clear();
        shown.next_time = 0;
        // A head for the bundle before would be refused; the teacher sends another one.
        shown.next_head = None;
        let works = self.newcomer.works(bundle);
        self.exit.take(Retired { _newcomer: newcomer, _identifier: identifier });
        shown.for_teacher = Some(Note::Entered(Box::new(works)));
        let took = self.clock.now().since(began);
        Exchanged { bundle: &self.sorter.bundle().title(), took }.emit();
    }

    /// Looks at the newest frame, if a new one came.
    fn look(&mut self, shown: &mut Shown) -> Result<bool, DaemonError> {
        let Some(frame) = self.frames.latest(FRAME_WAIT) else { return Ok(false) };
        let now = self.clock.now();
        let looked = self.sorter.frame(frame, now, &*self.clock)?;
        self.preview.offer(frame, &looked.presence, now);
        self.shutter.look(frame, &looked, self.sorter.region());
        self.keepsake.look(&looked.actions, &mut self.sorter);
        shown.live.presence = looked.presence;
        if let Some(studying) = &mut self.studying
            && studying.look(frame, &looked.presence, now)
        {
            self.studying = None;
        }
        if let Some(error) = &looked.failure {
            LookFailed { error }.emit();
        }
        if let Some(took) = looked.inferred {
            shown.time(took);
        }
        if let Some(lookout) = &mut shown.lookout {
            lookout.see(frame, &looked.presence, &mut self.sorter, now, &self.teacher);
        }
        let save = self.newcomer.look(frame, &looked, self.sorter.judge(), &*self.clock);
        if let Some(save) = save {
            self.courier.write(save);
        }
        self.carry_out(looked.actions, shown);
        Ok(true)
    }

    fn carry_out(&mut self, actions: Vec<Action>, shown: &mut Shown) {
        for action in actions {
            match action {
                Action::RecordIntent(verdict) => self.intend(verdict, shown),
                Action::Confirm(seq) => self.courier.end(seq, Ending::Confirm),
                Action::Void(seq, cause) => {
                    Voided { seq, cause }.emit();
                    self.courier.end(seq, Ending::Void(cause));
                }
                Action::Move(compartment) => self.ask(Request::Move(compartment)),
                Action::Home => self.ask(Request::Home),
                Action::Halt => self.ask(Request::Halt),
                Action::Alarm(alarm, up) => AlarmChanged { alarm, up }.emit(),
                // Whoever asked is told.
                Action::Refuse(_) => {}
            }
        }
    }

    fn intend(&mut self, verdict: Verdict, shown: &mut Shown) {
        Judged { verdict: &verdict }.emit();
        shown.live.last_verdict = Some(verdict.clone());
        let chamber = self.sorter.detector().background().map(crate::detect::Background::to_bytes);
        self.courier.intend(verdict, chamber);
    }

    fn ask(&self, request: Request) {
        if self.mechanism.try_send(request).is_err() {
            QueueFull { queue: "mechanism" }.emit();
        }
    }

    fn publish(&self, shown: &mut Shown, now: Moment) {
        let judge = self.sorter.judge();
        let state = judge.state();
        let before = shown.live.state;
        if before == Some(state) && now.since(shown.published_at) < LIVE_EVERY {
            return;
        }
        if let Some(from) = before.filter(|from| *from != state) {
            StateChanged { from, to: state }.emit();
        }
        shown.published_at = now;
        let live = &mut shown.live;
        live.state = Some(state);
        live.region = self.sorter.region();
        live.alarms = judge.alarms().to_vec();
        live.compartments.clone_from(&judge.rules().compartments);
        live.service = judge.service();
        live.withdrawn = judge.withdrawn();
        live.lesson = shown.lookout.as_ref().and_then(Lookout::at);
        live.votes = judge.votes().map_or(0, crate::judge::Votes::count);
        live.streams = judge.votes().map(|votes| votes.mean().0);
        (live.infer_ms_p50, live.infer_ms_p99) = percentiles(&shown.times_ms);
        self.live.send_replace(live.clone());
    }
}

impl Shown {
    fn time(&mut self, took: Duration) {
        let millis = took.as_secs_f32() * 1000.0;
        if self.times_ms.len() < TIMES {
            self.times_ms.push(millis);
        } else {
            self.times_ms[self.next_time] = millis;
        }
        self.next_time = (self.next_time + 1) % TIMES;
    }
}

/// Median and 99th percentile; zeros without a value.
fn percentiles(times_ms: &[f32]) -> (f32, f32) {
    let mut sorted = times_ms.to_vec();
    sorted.sort_by(f32::total_cmp);
    let at = |share: f32| {
        let index = ((sorted.len() as f32 - 1.0) * share).round() as usize;
        sorted.get(index).copied().unwrap_or(0.0)
    };
    (at(0.5), at(0.99))
}

#[cfg(test)]
mod tests {
    #[test]
    fn percentiles_of_none_one_and_many() {
        assert_eq!(super::percentiles(&[]), (0.0, 0.0));
        assert_eq!(super::percentiles(&[3.0]), (3.0, 3.0));
        let many: Vec<f32> = (0..=100).rev().map(|value| value as f32).collect();
        assert_eq!(super::percentiles(&many), (50.0, 99.0));
    }
}
