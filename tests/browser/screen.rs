//! The resident's screen through all its states.

use bunri::clock::{Clock, Moment, SystemClock};
use bunri::detect::Presence;
use bunri::judge::{Alarm, CompartmentId, Reason, StateName, Verdict};
use bunri::streams::Stream;
use bunri::web::{Display, Language, Live};
use serde_json::json;

use super::bin::{Bin, SCREEN_WIDTH_MM, a_can};
use super::browser::Browser;
use super::{LAPTOP, PHONE};

/// A kiosk's display, upright, at half its pixels: everything on it is sized by its width.
const UPRIGHT: (u32, u32) = (540, 960);
/// The same display, lying.
const LYING: (u32, u32) = (960, 540);
const LYING_WIDTH_MM: f32 = 477.0;
const LETTER_MM: f64 = 12.0;

fn state(state: StateName) -> Live {
    Live { state: Some(state), ..Live::default() }
}

fn hand() -> Presence {
    Presence { hand: true, moving: true, occupied: true, ..Presence::default() }
}

fn decided(verdict: Verdict) -> Live {
    Live { last_verdict: Some(verdict), ..state(StateName::Routing) }
}

fn rejected(reason: Reason, compartment: Option<u8>) -> Live {
    let stream = Stream::General;
    let compartment = compartment.map(CompartmentId);
    let state = if compartment.is_some() { StateName::Routing } else { StateName::Returning };
    let verdict = Verdict { stream, reason: Some(reason), compartment, ..a_can() };
    Live { state: Some(state), ..decided(verdict) }
}

fn alarm(name: StateName, alarm: Alarm) -> Live {
    Live { alarms: vec![alarm], ..state(name) }
}

/// Every state: the news, the screen's name of it, words in both languages, and the name of its picture in the docs.
fn states() -> Vec<(Live, &'static str, String, String, Option<&'static str>)> {
    let mut states = Vec::new();
    let mut add = |live, face, korean: &str, english: &str, picture| {
        states.push((live, face, korean.to_owned(), english.to_owned(), picture));
    };
    add(state(StateName::Starting), "moment", "잠시만 기다려", "One moment", None);
    add(state(StateName::Empty), "ready", "넣어 주세요", "One item at a time", Some("screen-ready"));
    let arriving = Live { presence: hand(), ..state(StateName::Arriving) };
    add(arriving, "hold", "손을 빼", "Take your hand out", Some("screen-hold"));
    add(state(StateName::Settled), "looking", "살펴보고", "Looking", Some("screen-looking"));
    let streams = [
        (Stream::ClearPet, "투명 페트병", "take the label off", Some("screen-sorted")),
        (Stream::Plastic, "플라스틱", "Other plastic", None),
        (Stream::Can, "부탄가스", "Cans and metal", None),
        (Stream::Glass, "유리병", "No broken glass", None),
        (Stream::Paper, "젖은 종이", "Paper, cardboard", None),
        (Stream::Carton, "종이팩", "Straw off", None),
        (Stream::Film, "비닐", "Film and bags", None),
        (Stream::Foam, "스티로폼", "Coloured foam", None),
        (Stream::General, "일반쓰레기", "cannot be recycled", None),
    ];
    for (stream, korean, english, picture) in streams {
        let verdict = Verdict { seen: stream, stream, ..a_can() };
        add(decided(verdict), "sorted", korean, english, picture);
    }
    let reasons = [
        (Reason::NotSure, "확실하지 않아요", "not sure what it is"),
        (Reason::Unknown, "처음 보는", "do not know this kind"),
        (Reason::TwoItems, "하나씩", "One at a time"),
        (Reason::CompartmentFull, "칸이 가득 찼어요", "compartment is full"),
        (Reason::CompartmentDisabled, "닫혀 있어요", "closed for now"),
        (Reason::NotCollectedHere, "모으지 않아요", "not collected here"),
    ];
    for (reason, korean, english) in reasons {
        let picture = |name| (reason == Reason::NotSure).then_some(name);
        add(rejected(reason, Some(3)), "general", korean, english, picture("screen-general"));
        add(rejected(reason, None), "back", korean, english, picture("screen-back"));
    }
    add(state(StateName::Full), "full", "가득 찼어요", "Next bin", Some("screen-full"));
    let camera = alarm(StateName::CameraLost, Alarm::Camera);
    add(camera, "out", "카메라 고장", "camera is broken", Some("screen-out"));
    add(alarm(StateName::Jam, Alarm::Jam), "out", "걸렸어요", "stuck inside", None);
    add(alarm(StateName::MechanismFault, Alarm::Mechanism), "out", "기계 고장", "machine is broken", None);
    add(alarm(StateName::LedgerFault, Alarm::Ledger), "out", "기계 고장", "machine is broken", None);
    add(state(StateName::Maintenance), "out", "점검하고", "Being serviced", Some("screen-serviced"));
    let open_door = Live { guards: 1, ..state(StateName::Empty) };
    add(open_door, "out", "점검하고", "Being serviced", None);
    add(alarm(StateName::Arriving, Alarm::Blocked), "out", "투입구를 비워", "clear the opening", None);
    states
}

/// The heights of the smallest capital and of the smallest Hangul syllable, and what sticks out of the window.
const LOOK: &str = "
  const context = document.createElement('canvas').getContext('2d');
  const measure = (style, letter) => {
    context.font = `${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
    const { actualBoundingBoxAscent: up, actualBoundingBoxDescent: down } = context.measureText(letter);
    return up + down;
  };
  let least = Infinity, out = [];
  for (const span of document.querySelectorAll('#face span')) {
    const { left, top, right, bottom, width } = span.getBoundingClientRect();
    least = Math.min(least, measure(getComputedStyle(span), span.lang === 'ko' ? '가' : 'H'));
    const wide = span.scrollWidth > span.clientWidth + 1 && span.clientWidth > 0;
    if (left < -1 || top < -1 || right > innerWidth + 1 || bottom > innerHeight + 1 || wide || !width)
      out.push(`${span.innerText} (${[left, top, right, bottom].map(Math.round)})`);
  }
  const drawing = document.querySelector('#face svg').getBoundingClientRect();
  return { least, out, drawing: Math.min(drawing.width, drawing.height) / Math.min(innerWidth, innerHeight) };";

#[test]
fn every_state_is_legible_in_words_and_shapes_and_accessible() {
    every_state_at(UPRIGHT, SCREEN_WIDTH_MM, Language::Korean);
    every_state_at(UPRIGHT, SCREEN_WIDTH_MM, Language::English);
    every_state_at(LYING, LYING_WIDTH_MM, Language::Korean);
    every_state_at(LYING, LYING_WIDTH_MM, Language::English);
    for (window, width_mm) in [(PHONE, SCREEN_WIDTH_MM), (LAPTOP, LYING_WIDTH_MM)] {
        every_state_at(window, width_mm, Language::Korean);
        every_state_at(window, width_mm, Language::English);
    }
}

fn every_state_at(window: (u32, u32), width_mm: f32, first: Language) {
    let display = Display { language: Some(first), volume_percent: 60 };
    let bin = Bin::with_display(width_mm, display, |settings| settings.open_on_loopback = true);
    let browser = Browser::new(bin.address);
    browser.resize(window);
    browser.open("/screen");
    let letter = f64::from(window.0) * LETTER_MM / f64::from(width_mm);
    for (live, face, korean, english, picture) in states() {
        let what = format!("{face} ({english}) at {window:?}, {first:?} first");
        bin.live.send_replace(live);
        let shown = format!(
            "document.documentElement.dataset.face === {face:?} && [{}, {}].every(
               words => document.getElementById('face').innerText.includes(words))",
            json!(korean),
            json!(english)
        );
        browser.wait(&what, &shown);
        let look = browser.run(LOOK);
        let (least, drawing) = (look["least"].as_f64().unwrap(), look["drawing"].as_f64().unwrap());
        assert!(least >= letter, "{what}: a letter of {least} pixels where {letter} are {LETTER_MM} mm");
        assert_eq!(look["out"], json!([]), "{what}: out of the window");
        assert!(drawing > 0.2, "{what}: the drawing has only {drawing} of the window");
        browser.assert_accessible(&what);
        if let (Some(name), true) = (picture, window == UPRIGHT && first == Language::Korean) {
            browser.picture(name);
        }
    }
}

#[test]
fn a_result_stays_until_it_is_read_then_the_bin_is_ready() {
    let bin = Bin::start();
    let browser = Browser::new(bin.address);
    browser.open("/screen");
    let verdict = Verdict { decided_at: bin.clock.now(), ..a_can() };
    for state in [StateName::Routing, StateName::Clearing, StateName::Homing] {
        bin.live.send_replace(Live { state: Some(state), ..decided(verdict.clone()) });
        browser.wait("the result", "document.documentElement.dataset.face === 'sorted'");
    }
    bin.live.send_replace(Live { state: Some(StateName::Empty), ..decided(verdict) });
    browser.wait_for_text("다음 물건을 넣으세요");
    assert_eq!(browser.value("document.documentElement.dataset.face"), "sorted");
    bin.clock.forward(std::time::Duration::from_secs(10));
    browser.wait("ready again", "document.documentElement.dataset.face === 'ready'");
}

#[test]
fn it_never_shows_a_picture_and_has_nothing_to_press() {
    let bin = Bin::start();
    let browser = Browser::new(bin.address);
    browser.open("/screen");
    let things = "document.querySelectorAll('img, video, canvas, iframe, a, button, input, select, [tabindex]').length";
    assert_eq!(browser.value(things), 0);
    let refused = browser.run_async(
        "document.addEventListener('securitypolicyviolation', ({ effectiveDirective }) => done(effectiveDirective));
         const picture = new Image();
         picture.onload = () => done('the picture was shown');
         picture.src = '/picture';
         document.body.append(picture);",
    );
    assert_eq!(refused, "img-src", "the browser itself refuses the camera's picture here");
}

#[test]
fn it_survives_the_daemons_restart_by_itself() {
    let bin = Bin::start();
    let browser = Browser::new(bin.address);
    browser.open("/screen");
    browser.wait("ready", "document.documentElement.dataset.face === 'ready'");
    browser.run("window.before = true;");
    drop(bin);
    browser.wait("the loss", "document.documentElement.dataset.face === 'moment'");
    browser.wait_for_text("잠시만 기다려");
    let bin = Bin::start_at(browser.address);
    browser.wait(
        "the new program's screen",
        "!window.before && document.documentElement.dataset.face === 'ready'",
    );
    bin.live.send_replace(state(StateName::Full));
    browser.wait("its news", "document.documentElement.dataset.face === 'full'");
}

#[test]
fn it_speaks_korean_then_english_and_never_repeats_itself_at_once() {
    let bin = Bin::start();
    let browser = Browser::new(bin.address);
    browser.open("/screen");
    browser.wait("ready", "document.documentElement.dataset.face === 'ready'");
    browser.run("window.said = []; speechSynthesis.speak = ({ text, lang, volume, rate }) => said.push([lang, volume, rate, text]);");
    for state in [StateName::Full, StateName::Maintenance, StateName::Full] {
        let face = if state == StateName::Full { "full" } else { "out" };
        bin.live.send_replace(self::state(state));
        browser.wait(face, &format!("document.documentElement.dataset.face === {face:?}"));
    }
    let said = browser.value("said");
    let heard: Vec<_> = said.as_array().unwrap().iter().map(|said| (&said[0], &said[3])).collect();
    assert_eq!(heard[0], (&json!("ko-KR"), &json!("가득 찼습니다. 다음 수거함을 이용해 주세요.")));
    assert_eq!(heard[1], (&json!("en-GB"), &json!("This bin is full. Please use the next one.")));
    assert_eq!(heard[3], (&json!("en-GB"), &json!("Out of order. Please use the next bin.")));
    assert!((said[0][1].as_f64().unwrap() - 0.6).abs() < 1e-6 && said[0][2] == 1, "volume and speed: {said}");
}

#[test]
fn whoever_wants_no_movement_gets_none() {
    let bin = Bin::start();
    let browser = Browser::new(bin.address);
    for (reduce, moves) in [(false, true), (true, false)] {
        browser.reduce_motion(reduce);
        browser.open("/screen");
        browser.wait("ready", "document.documentElement.dataset.face === 'ready'");
        let animations = browser.value("document.getAnimations().length").as_u64().unwrap();
        assert_eq!(animations > 0, moves, "reduced: {reduce}");
    }
}

/// Prints how long it takes from the loop's news to the painted screen: the figure in docs/SCREEN.md.
#[test]
fn every_verdict_is_painted() {
    const VERDICTS: usize = 20;
    let bin = Bin::start();
    let browser = Browser::new(bin.address);
    browser.open("/screen");
    browser.wait("ready", "document.documentElement.dataset.face === 'ready'");
    browser.run(
        "window.painted = [];
         new MutationObserver(() => requestAnimationFrame(() => setTimeout(
           () => painted.push([Date.now(), document.querySelector('h1').innerText]))))
           .observe(document.getElementById('face'), { childList: true });",
    );
    let mut sent = Vec::new();
    for index in 0..VERDICTS {
        let stream = Stream::ALL[index % 8];
        let verdict = Verdict { seen: stream, stream, decided_at: Moment::from_millis(1), ..a_can() };
        sent.push(SystemClock.wall().unix_ms);
        bin.live.send_replace(decided(verdict));
        browser.wait("the paint", &format!("painted.length === {}", index + 1));
    }
    let painted = browser.value("painted.map(([at]) => at)");
    let painted = painted.as_array().unwrap().iter().map(|at| at.as_i64().unwrap());
    let mut took_ms: Vec<_> = painted.zip(&sent).map(|(painted, sent)| painted - sent).collect();
    took_ms.sort_unstable();
    assert_eq!(took_ms.len(), VERDICTS);
    println!(
        "from the verdict to the painted screen: median {} ms, most {} ms",
        took_ms[VERDICTS / 2],
        took_ms[VERDICTS - 1]
    );
}
