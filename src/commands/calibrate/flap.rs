//! `bunri calibrate flap`: the places found by hand, the travel times measured.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::keys::Keys;
use super::saving;
use super::travel::{self, Leg, Stopped};
use crate::clock::{Clock, SystemClock};
use crate::config::{Config, SavedFlap};
use crate::judge::CompartmentId;
use crate::mechanism::gpio::open_boxed;
use crate::mechanism::guard::Guards;
use crate::mechanism::jog::{Jog, Nudge, Spot, TICK, Ticked, Way};
use crate::mechanism::{Board, DriveSettings, Place, Stage};
use crate::streams::Stream;

const HELP: &str = "\
  h l     move a little towards smaller / greater; hold the key to go on   (H L: quickly)
  n       the next place (home first)
  s       this is that place: remember it
  m       measure the travel times (hold SPACE: the flap moves only while you do)
  w       save what was remembered and measured as a new version
  ?       this help
  q       leave; nothing is saved that was not saved before";

/// The flap's guards in a thread of their own, as the daemon has them.
struct Watch {
    veto: Arc<AtomicBool>,
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Watch {
    fn start(config: &Config, clock: &Arc<dyn Clock>) -> anyhow::Result<Self> {
        let (veto, stop) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        if config.guards.guards.is_empty() {
            println!("this rig has no guards: keep everybody's hands out of it");
            return Ok(Self { veto, stop, thread: None });
        }
        let guards = Guards::open(config.guards.clone(), Arc::clone(&veto), &open_boxed, clock.now())?;
        let (ending, clock) = (Arc::clone(&stop), Arc::clone(clock));
        let thread = std::thread::Builder::new().name("guard".to_owned()).spawn(move || {
            // Guards that cannot be read leave the veto on: nothing moves any more.
            if let Err(error) = guards.run(&*clock, &ending, |_| {}, || {}) {
                super::complain(&format!("nothing moves any more: {error}"));
            }
        })?;
        Ok(Self { veto, stop, thread: Some(thread) })
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ended = thread.join().is_ok();
        }
    }
}

/// What the operator works at.
struct Session<'a> {
    config: Config,
    by: &'a str,
    clock: Arc<dyn Clock>,
    watch: Watch,
    keys: Keys,
    /// Home, then the compartments; the one that is looked for.
    place: usize,
    found: SavedFlap,
}

pub(super) fn run(config: &Config, by: &str) -> anyhow::Result<()> {
    anyhow::ensure!(
        !super::runs(config),
        "the bin runs and has the flap: stop it first (systemctl stop bunri)"
    );
    anyhow::ensure!(
        !matches!(config.drive, DriveSettings::Simulated | DriveSettings::None),
        "the drive is {}: there is nothing to measure; set [mechanism] drive = \"rig\"",
        config.drive.kind()
    );
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let watch = Watch::start(config, &clock)?;
    let keys = Keys::of_terminal()?;
    println!(
        "the {} drive of '{}'; {}",
        config.drive.kind(),
        config.calibration.rig,
        found_by(&config.drive)
    );
    println!("{HELP}");
    let found = SavedFlap::default();
    Session { config: config.clone(), by, clock, watch, keys, place: 0, found }.work()
}

/// What there is to find by hand.
const fn found_by(drive: &DriveSettings) -> &'static str {
    match drive {
        DriveSettings::Servo(_) => "its places are pulse widths",
        DriveSettings::Stepper(_) => {
            "its places are angles, counted from the home switch: go down to it first"
        }
        DriveSettings::DcMotor(_) => {
            "its places are where its switches are: moving shows whether they answer"
        }
        DriveSettings::Solenoid(_) | DriveSettings::Simulated | DriveSettings::None => {
            "it has no places to find; 'm' measures"
        }
    }
}

impl Session<'_> {
    fn open(&self) -> anyhow::Result<Option<Jog>> {
        let board = Board { open_lines: &open_boxed, clock: &self.clock };
        Ok(Jog::open(&self.config.drive, Arc::clone(&self.watch.veto), &board)?)
    }

    fn work(mut self) -> anyhow::Result<()> {
        let mut jog = self.open()?;
        self.announce();
        let mut moving = false;
        loop {
            // Typed ones wait until the last has been done.
            let key = if moving && !self.keys.repeats() { None } else { self.keys.next() };
            match key {
                Some('q') => break,
                Some('?') => println!("{HELP}"),
                Some('n') => self.next_place(),
                Some('s') => self.remember(jog.as_mut())?,
                Some('w') => self.save()?,
                Some('m') => {
                    // The lines have one owner.
                    drop(jog.take());
                    self.measure()?;
                    jog = self.open()?;
                }
                Some(key) => {
                    if let (Some(nudge), Some(jog)) = (nudge(key), jog.as_mut()) {
                        jog.press(nudge, self.clock.now());
                    }
                }
                None => {}
            }
            let now = self.clock.now();
            if let Some(jog) = jog.as_mut() {
                let ticked = jog.tick(now)?;
                if ticked == Ticked::Guarded {
                    println!("a guard is active: close the service door and free the throat");
                }
                if moving && ticked != Ticked::Moving {
                    println!("{}", self.describe(jog.spot()?));
                }
                moving = ticked == Ticked::Moving;
            }
            self.clock.sleep_until(now + TICK);
        }
        if let Some(jog) = jog.as_mut() {
            jog.stop()?;
        }
        Ok(())
    }

    /// The stream of the place that is looked for; `None` is home.
    fn stream(&self) -> Option<Stream> {
        let index = self.place.checked_sub(1)?;
        self.config.compartments.get(index).map(|compartment| compartment.stream)
    }

    fn announce(&self) {
        let name = self.stream().map_or_else(|| "home".to_owned(), |stream| stream.to_string());
        println!("looking for: {name}");
    }

    fn next_place(&mut self) {
        self.place = (self.place + 1) % (self.config.compartments.len() + 1);
        self.announce();
    }

    fn describe(&self, spot: Spot) -> String {
        let lines = self.config.drive.lines().inputs;
        let active = (0..).zip(&lines).filter(|(index, _)| spot.inputs >> index & 1 == 1);
        let active: Vec<_> = active.map(|(_, input)| input.role.as_str()).collect();
        let mut text = match (spot.width_us, spot.angle_deg) {
            (Some(width), _) => format!("{width} us"),
            (None, Some(angle)) => format!("{angle:.1} degrees"),
            (None, None) => "at rest".to_owned(),
        };
        if !lines.is_empty() {
            text += &format!(
                "; active: {}",
                if active.is_empty() { "none".to_owned() } else { active.join(", ") }
            );
        }
        text
    }

    fn remember(&mut self, jog: Option<&mut Jog>) -> anyhow::Result<()> {
        let spot = jog.map(Jog::spot).transpose()?.unwrap_or_default();
        match (self.stream(), spot.width_us, spot.angle_deg) {
            (None, Some(width), _) => self.found.home_us = Some(width),
            (Some(stream), Some(width), _) => {
                self.found.positions_us.insert(stream, width);
            }
            (Some(stream), None, Some(angle)) => {
                self.found.positions_deg.insert(stream, (angle * 10.0).round() / 10.0);
            }
            (None, None, Some(_)) => println!("home is where its switch answers"),
            (_, None, None) => {
                println!(
                    "there is nothing to remember here; a stepper must have found its home switch first"
                );
                return Ok(());
            }
        }
        println!("remembered: {}", self.describe(spot));
        Ok(())
    }

    fn measure(&mut self) -> anyhow::Result<()> {
        let rig = &self.config.calibration;
        let board = Board { open_lines: &open_boxed, clock: &self.clock };
        let drive = self.config.drive.open(&rig.angles_deg, rig.speed_deg_per_s, &board)?;
        let stage = Stage::new(drive, self.config.mechanism.clone(), self.clock.now())?;
        let mut stage = stage.guarded(Arc::clone(&self.watch.veto));
        let hold = if self.keys.repeats() { "hold SPACE" } else { "a space" };
        println!(
            "{} movements, by what is in force; let go to stop",
            1 + travel::ROUNDS * 2 * self.config.compartments.len()
        );
        let compartments = u8::try_from(self.config.compartments.len()).unwrap_or(u8::MAX);
        let say = |to: Option<CompartmentId>| println!("{hold}: to {}", self.name(to));
        let legs = travel::measure(&mut stage, compartments, &self.keys, &*self.clock, say);
        while stage.status().state.is_moving() {
            self.clock.sleep_until(self.clock.now() + TICK);
            stage.poll(self.clock.now());
        }
        match legs {
            Ok(legs) => self.report(&legs),
            Err(Stopped::LetGo) => println!("stopped; nothing was measured"),
            Err(Stopped::Guarded) => println!("a guard turned it back; nothing was measured"),
            Err(Stopped::Failed) => {
                println!("the flap did not get there within the time limit; see `bunri doctor`")
            }
        }
        Ok(())
    }

    fn name(&self, place: Option<CompartmentId>) -> String {
        let stream = place.and_then(|id| self.config.compartments.get(usize::from(id.0)));
        stream.map_or_else(|| "home".to_owned(), |compartment| compartment.stream.to_string())
    }

    fn report(&mut self, legs: &[Leg]) {
        let mut ways: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
        for leg in legs {
            let way = (self.name(leg.from), self.name(leg.to));
            ways.entry(way).or_default().push(format!("{:.3}", leg.took.as_secs_f32()));
        }
        for ((from, to), took) in ways {
            println!("  {from} to {to}: {} s", took.join(" "));
        }
        let angles = &self.config.calibration.angles_deg;
        let deg = |id: Option<CompartmentId>| {
            angles.get(&id.map_or(Place::Home, Place::At)).copied().unwrap_or(0.0)
        };
        let Some(proposal) = travel::propose(legs, |from, to| deg(to) - deg(from)) else { return };
        self.found.speed_deg_per_s = proposal.speed_deg_per_s;
        println!(
            "slowest {:.3} s, fastest {:.3} s: mechanism.move_limit_ms = {} would be twice the slowest (it is {}); \
             the page's Settings change it",
            proposal.slowest.as_secs_f32(),
            proposal.fastest.as_secs_f32(),
            proposal.limit.as_millis(),
            self.config.mechanism.move_limit.as_millis()
        );
        if let Some(speed) = proposal.speed_deg_per_s {
            println!("speed {speed} degrees a second: 'w' saves it");
        }
    }

    /// What was saved is in force from now on, for the measuring that may follow.
    fn save(&mut self) -> anyhow::Result<()> {
        let found = self.found.clone();
        // What the check refuses is said, and nothing is lost: the operator may go on.
        let saved = saving::save(&self.config, self.by, None, |next| next.flap.take(found));
        if let Err(error) = saved {
            super::complain(&format!("nothing was saved: {}", super::super::with_causes(&error)));
            return Ok(());
        }
        self.config = Config::load(&self.config.file)?;
        Ok(())
    }
}

const fn nudge(key: char) -> Option<Nudge> {
    match key {
        'h' => Some(Nudge { way: Way::Less, fast: false }),
        'l' => Some(Nudge { way: Way::More, fast: false }),
        'H' => Some(Nudge { way: Way::Less, fast: true }),
        'L' => Some(Nudge { way: Way::More, fast: true }),
        _ => None,
    }
}
