use jiff::tz::TimeZone;

use super::*;
use crate::detect::{Light, Region};
use crate::identify::{Limits, Refused, Shadow, Stage, Switch, Trial};
use crate::judge::{Leg, LegEnd, Reason, Service, StateName, Verdict, VoidCause};
use crate::mechanism::button::ButtonNow;
use crate::mechanism::sensors::Trouble;
use crate::mechanism::sensors::level::Seen;
use crate::mechanism::{FlapState, Place, Sensed};
use crate::streams::Stream;
use crate::tally::{Counts, DropRecord, DropState, Outcome};
use crate::web::text::tests::{ALARMS, STATES, VOID_CAUSES};
use crate::web::text::{Language, Texts};

/// 2026-03-01T12:00:00+09:00.
const NOON_MS: i64 = 1_772_334_000_000;

const fn moment(ms: u64) -> Moment {
    Moment::from_millis(ms)
}

pub(in crate::web) fn info() -> Info {
    Info {
        bin: "yangcheon/b-017".into(),
        software: "0.1.0 (abc1234)".into(),
        bundle: "lite0-6".into(),
        bundle_change: Limits::default(),
        config_hash: "0123456789ab".into(),
        zone: TimeZone::get("Asia/Seoul").unwrap(),
        started_at: moment(1_000),
        compartments: vec![Stream::ClearPet, Stream::Can, Stream::Glass, Stream::General],
        screen: crate::web::screen::tests::settings(),
        configuration: String::new(),
        has_camera: true,
        has_rig: true,
        inputs: vec!["drive.home_switch".into(), "drive.switches.can".into()],
        guards: vec!["guard.service_door".into()],
        doors: 1,
        state_dir: "/var/lib/bunri".into(),
    }
}

fn verdict() -> Verdict {
    Verdict {
        label: "can_drink".into(),
        seen: Stream::Can,
        probability: 0.9344,
        stream: Stream::Can,
        compartment: Some(CompartmentId(1)),
        reason: None,
        votes: 5,
        settled_at: moment(9_000),
        decided_at: moment(9_412),
    }
}

pub(in crate::web) fn drop(seq: u64) -> DropRecord {
    DropRecord {
        seq,
        id: format!("0000-epoch:{seq}"),
        state: DropState::Confirmed,
        verdict: verdict(),
        wall: WallTime { unix_ms: NOON_MS - 61_000, synchronised: true },
        moment: moment(9_412),
        boot_id: "boot".into(),
        run_id: "run".into(),
        software: "0.1.0".into(),
        bundle: None,
        closed: None,
        void_cause: None,
        weight_g: None,
    }
}

pub(in crate::web) fn scene() -> Scene {
    let mut today = Counts::default();
    today.add(Stream::Can, Outcome::Accepted);
    let presence = Presence {
        occupied: true,
        extent: Some(Region { x: 200, y: 150, width: 100, height: 120 }),
        objects: [Some(Region { x: 200, y: 150, width: 100, height: 120 }), None, None, None],
        ..Presence::default()
    };
    let mut streams = [0.0; Stream::COUNT];
    streams[Stream::Can.index()] = 0.91;
    streams[Stream::Paper.index()] = 0.06;
    Scene {
        now: moment(10_000),
        wall: WallTime { unix_ms: NOON_MS, synchronised: true },
        live: Live {
            state: Some(StateName::Settled),
            region: Region { x: 80, y: 40, width: 480, height: 400 },
            presence,
            votes: 3,
            streams: Some(streams),
            last_verdict: Some(verdict()),
            flap: Some(FlapState::Going {
                from: Some(Place::Home),
                to: Place::At(CompartmentId(1)),
                since: moment(9_900),
            }),
            infer_ms_p50: 3.17,
            infer_ms_p99: 9.0,
            ..Live::default()
        },
        silent: false,
        camera: Camera {
            state: stage::State::Streaming { fps: 29.7 },
            refused: 2,
            age: Some(Duration::from_millis(40)),
            size: (640, 480),
        },
        shown: presence,
        uplink: Some(uplink::Status { connected: true, backlog: 0, ..uplink::Status::default() }),
        book: Arc::new(Book { recent: vec![drop(7)], all: today.clone(), today, error: None }),
        lesson: Arc::default(),
        fill: FillNow::default(),
        health: Health {
            temperature_c: Some(48.3),
            disk: Some((9_400_000_000, 31_000_000_000)),
            ..Health::default()
        },
    }
}

/// Draws the page in both languages; each must be free of missing words.
fn drawn(scene: &Scene) -> [String; 2] {
    let texts = Texts::load().unwrap();
    Language::ALL.map(|language| {
        let page = body(texts.of(language), &info(), scene, None).into_string();
        assert!(!page.contains('⟦'), "{}", &page[page.find('⟦').unwrap()..][..80]);
        page
    })
}

fn check(scene: &Scene, korean: &[&str], english: &[&str]) {
    for (page, needed) in drawn(scene).iter().zip([korean, english]) {
        for text in needed {
            assert!(page.contains(text), "{text:?} is not in {page}");
        }
    }
}

#[test]
fn the_page_says_what_the_bin_sees_and_did() {
    check(
        &scene(),
        &[
            "살펴보는 중",
            "91 %",
            "투표 3회",
            "캔·고철",
            "93 %",
            "2번 칸으로 가는 중",
            "11:58:59",
            "412 ms",
            "초당 30장",
        ],
        &[
            "Looking",
            "91 %",
            "3 votes",
            "Cans and metal",
            "compartment 2",
            "30 frames/s",
            "2 pictures refused",
            "everything sent",
        ],
    );
    let [page, _] = drawn(&scene());
    assert!(page.contains("종이"), "a stream without a compartment shows when it gets votes");
    assert!(!page.contains("비닐"), "and not when it does not");
    assert!(!page.contains("style="), "the Content-Security-Policy forbids style attributes");
    assert!(!page.contains("role=\"alert\" hidden=\"\"") && !page.contains("먼저 볼 것"), "nothing is wrong");
}

#[test]
fn every_state_and_alarm_can_be_drawn() {
    for state in STATES.map(Some).into_iter().chain([None]) {
        let mut scene = scene();
        scene.live.state = state;
        drawn(&scene);
    }
    let mut scene = scene();
    scene.live.alarms = ALARMS.to_vec();
    check(&scene, &["물건이 걸렸습니다", "할 일", "분류판이 제자리에 닿지"], &["An item is jammed", "To do"]);
    check(&scene, &["점검원을 부릅니다"], &["A resident calls the crew"]);
    scene.live.button = Some(ButtonNow::Stuck);
    let lost = Seen { trouble: Some(Trouble::Missing), ..Seen::default() };
    scene.fill = FillNow { at: scene.now, seen: vec![None, Some(lost)], alarm: true };
    check(
        &scene,
        &["버튼이 눌린 채", "얼마나 찼는지"],
        &["button on the front sticks", "It is unknown how full"],
    );
}

/// What nobody has chosen is said as such, and no cable is looked for because of it.
#[test]
fn a_bin_that_is_not_set_up_says_so() {
    let texts = Texts::load().unwrap();
    let mut scene = scene();
    scene.live.alarms = ALARMS.to_vec();
    let drawn = |info: &Info| part("alarms", texts.of(Language::English), info, &scene).into_string();
    let bare = drawn(&Info { has_camera: false, has_rig: false, ..info() });
    for (says, there) in
        [("No rig is chosen", true), ("No camera is chosen", true), ("USB cable", false), ("jammed", false)]
    {
        assert_eq!(bare.contains(says), there, "{says}: {bare}");
    }
    let ready = drawn(&info());
    assert!(!ready.contains("is chosen yet") && ready.contains("USB cable"), "{ready}");
}

#[test]
fn every_reject_and_void_says_why() {
    for reason in Reason::ALL {
        let mut scene = scene();
        let mut record = drop(8);
        record.verdict.reason = Some(reason);
        record.verdict.stream = Stream::General;
        scene.live.last_verdict = Some(record.verdict.clone());
        scene.book = Arc::new(Book { recent: vec![record], ..Book::default() });
        let english = Texts::load().unwrap().of(Language::English).reason(reason);
        check(
            &scene,
            &["일반쓰레기", "캔·고철 같아 보임"],
            &[&english, "General waste", "looked like Cans and metal"],
        );
    }
    let void = |cause: &str| {
        let mut scene = scene();
        let record = DropRecord { state: DropState::Void, void_cause: Some(cause.into()), ..drop(9) };
        scene.book = Arc::new(Book { recent: vec![record], ..Book::default() });
        scene
    };
    for cause in VOID_CAUSES {
        check(&void(cause.id()), &["없던 일로 함"], &["Did not happen"]);
    }
    check(&void("a later version's <cause>"), &["a later version's &lt;cause&gt;"], &[]);
    check(&void(VoidCause::Hand.id()), &["손이 들어와 되돌림"], &["a hand came, the flap turned back"]);
}

#[test]
fn an_item_given_back_has_no_compartment() {
    let mut scene = scene();
    scene.live.last_verdict = Some(Verdict {
        stream: Stream::General,
        compartment: None,
        reason: Some(Reason::TwoItems),
        ..verdict()
    });
    check(&scene, &["돌려줌", "두 가지가 함께 있음"], &["Given back", "two different items"]);
}

#[test]
fn an_old_picture_is_no_signal_and_comes_first() {
    let mut scene = scene();
    scene.camera.age = Some(Duration::from_millis(1_001));
    check(
        &scene,
        &["신호 없음", "마지막 영상 1초 전", "카메라 신호가 없습니다"],
        &["No signal", "last picture 1 s ago"],
    );
    let [page, _] = drawn(&scene);
    assert!(!page.contains("rect class=\"item"), "no boxes of things that may be gone");
    assert!(page.find("카메라 신호가 없습니다") < page.find("id=\"picture\""), "red things first");
    scene.camera = Camera { age: None, state: stage::State::Opening, ..scene.camera };
    check(&scene, &["아직 영상이 없습니다", "여는 중"], &["there was no picture yet", "Opening"]);
    let why = "video4: unplugged".to_owned();
    scene.camera.state = stage::State::Lost { since: moment(1), why };
    check(&scene, &["찾을 수 없음", "video4: unplugged"], &["Not found"]);
    scene.camera.state = stage::State::Ended;
    check(&scene, &["재생이 끝남"], &["The replay is over"]);
}

#[test]
fn a_silent_loop_is_not_shown_as_ready() {
    let mut scene = scene();
    scene.live.state = Some(StateName::Empty);
    scene.silent = true;
    let [page, english] = drawn(&scene);
    assert!(!page.contains("준비됨") && page.contains("분류 과정의 소식이 없습니다"));
    assert!(!english.contains("Ready") && english.contains("The sorting loop is silent"));
}

#[test]
fn the_hub_says_what_it_holds_against_the_bin() {
    let mut scene = scene();
    let oldest = WallTime { unix_ms: NOON_MS - 300_000, synchronised: true };
    let away = uplink::Status {
        backlog: 1_234,
        oldest_unsent: Some(oldest),
        last_error: Some("no broker answers".into()),
        ..uplink::Status::default()
    };
    scene.uplink = Some(away.clone());
    check(
        &scene,
        &["연결 안 됨", "보낼 것 1,234건", "가장 오래된 것 5분 전"],
        &["oldest 5 min ago", "no broker answers", "No connection"],
    );
    scene.uplink = Some(uplink::Status { refused: Some("bad <password>".into()), ..away });
    check(&scene, &["거절됨", "bad &lt;password&gt;"], &["Refused", "The city's hub refuses this bin"]);
    let unheard = uplink::Status {
        connected: true,
        nobody_listens: true,
        given_up: 1_200,
        last_error: Some("nobody is subscribed".into()),
        ..uplink::Status::default()
    };
    scene.uplink = Some(unheard);
    check(
        &scene,
        &["연결됨, 받는 곳 없음", "포기한 것 1,200건", "시 서버가 듣고 있지 않습니다"],
        &["Connected, nobody listens", "nobody is subscribed", "The city's hub is not listening"],
    );
    scene.uplink = None;
    check(&scene, &["연결하지 않는 설정"], &["Not configured"]);
}

#[test]
fn the_presence_and_every_place_of_the_flap_have_words() {
    let base = Presence::default();
    let cases = [
        (Presence { light: Light::Dark, ..base }, "Too dark"),
        (Presence { learning: true, ..base }, "Learning the empty chamber"),
        (Presence { hand: true, moving: true, ..base }, "A hand is in view"),
        (Presence { moving: true, ..base }, "Moving"),
        (base, "Empty"),
    ];
    for (shown, text) in cases {
        check(&Scene { shown, ..scene() }, &[], &[text]);
    }
    let at = Place::At(CompartmentId(2));
    let since = moment(1);
    let flaps = [
        (None, "Position not known yet"),
        (Some(FlapState::Unhomed), "Position not known yet"),
        (Some(FlapState::Resting(Place::Home)), "Rests at home"),
        (Some(FlapState::Resting(at)), "At compartment 3"),
        (Some(FlapState::Going { from: None, to: Place::Home, since }), "On its way home"),
        (Some(FlapState::TurningBack { to: at, since, next: None }), "Turning back"),
        (Some(FlapState::Failed), "Out of order, released"),
    ];
    for (flap, text) in flaps {
        let mut scene = scene();
        scene.live.flap = flap;
        check(&scene, &[], &[text]);
    }
}

#[test]
fn yesterdays_and_unsynchronised_drops_say_so() {
    let mut scene = scene();
    let mut record = drop(3);
    record.wall = WallTime { unix_ms: NOON_MS - 86_400_000, synchronised: false };
    scene.book =
        Arc::new(Book { recent: vec![record], error: Some("disk <gone>".into()), ..Book::default() });
    check(
        &scene,
        &["02-28 12:00", "≈", "기록을 읽을 수 없습니다"],
        &["before the clock was synchronised", "disk &lt;gone&gt;"],
    );
}

#[test]
fn the_board_and_its_troubles_are_shown() {
    let mut scene = scene();
    let [korean, english] = drawn(&scene);
    assert!(korean.contains("48 °C") && english.contains("9.4 GB free") && english.contains("Synchronised"));
    scene.health.temperature_c = Some(85.0);
    scene.health.disk = Some((1_000_000, 31_000_000_000));
    scene.wall.synchronised = false;
    let [korean, english] = drawn(&scene);
    for text in
        ["The disk is almost full", "The board is hot", "Not synchronised", "not set by a time service"]
    {
        assert!(english.contains(text), "{text}");
    }
    assert!(korean.contains("디스크가 거의 찼습니다"));
}

#[test]
fn a_new_bundle_shows_how_far_it_is_or_why_it_was_refused() {
    let mut scene = scene();
    let [korean, english] = drawn(&scene);
    assert!(!korean.contains("새 모델") && !english.contains("New model"));
    let bundle = "lite0@2".to_owned();
    let shadow = Shadow { bundle: bundle.clone(), starts: 1, judged: 12, agreed: 11, rejected: 3 };
    scene.health.bundles.stage = Stage::Shadow(shadow);
    let shadow = ["lite0@2 judges alongside", "12 of 50 items", "11 alike"];
    check(&scene, &["새 모델", "50개 중 12개", "같은 판정 11개"], &shadow);
    scene.health.bundles.stage = Stage::Trial(Trial { starts: 1, items: 40, rejects: None });
    check(&scene, &["100개 중 40개"], &["40 of 100 items", "on trial"]);
    let why = "it rejects 19 of 20 <items>".to_owned();
    scene.health.bundles = Switch { refused: Some(Refused { bundle, why }), ..Switch::default() };
    check(&scene, &["쓰지 않기로 함"], &["Refused", "lite0@2: it rejects 19 of 20 &lt;items&gt;"]);
}

#[test]
fn the_crews_work_at_the_flap_is_shown_with_switches_and_timings() {
    let mut scene = scene();
    let texts = Texts::load().unwrap();
    let drawn = |scene: &Scene, language| part("service", texts.of(language), &info(), scene).into_string();
    assert!(drawn(&scene, Language::English).contains("Not in maintenance"));
    let leg = |to, end| Leg { to, took: Duration::from_millis(412), end };
    let legs = [LegEnd::Arrived, LegEnd::TurnedBack, LegEnd::Prevented, LegEnd::Failed];
    let legs = legs.map(|end| leg(Some(CompartmentId(1)), end)).to_vec();
    scene.live.service = Some(Service { until: moment(10_000 + 61_000), to_go: 2, legs });
    (scene.live.inputs, scene.live.guards) = (0b10, 0);
    scene.live.sensed = Sensed { place: Some(Place::At(CompartmentId(1))), contradiction: false };
    let html = drawn(&scene, Language::English);
    for text in ["Maintenance", "2 min", "2 movements to go", "0.41 s", "turned back", "not begun", "failed"]
    {
        assert!(html.contains(text), "{text} is not in {html}");
    }
    assert_eq!(html.matches("class=\"on\"").count(), 1, "one switch of three: {html}");
    let korean = drawn(&scene, Language::Korean);
    assert!(!korean.contains('⟦') && !html.contains('⟦'), "{korean}");
}

#[test]
fn the_cameras_page_has_readings_advice_and_every_version() {
    use crate::detect::Focus;
    use crate::web::{Calibrated, Seen};

    let texts = Texts::load().unwrap();
    let (english, korean) = (texts.of(Language::English), texts.of(Language::Korean));
    let focus = Focus { sharpness: 812.4, histogram: [1.0 / 16.0; 16], dark: 0.01, bright: 0.08 };
    let html = camera::readings(english, Some(&focus)).into_string();
    for text in ["812", "8 %", "Too bright"] {
        assert!(html.contains(text), "{text} is not in {html}");
    }
    let region = Region { x: 44, y: 32, width: 560, height: 424 };
    let mut seen = Seen { region, ..Seen::default() };
    let own = Calibrated { seen, ..Calibrated::default() };
    seen.controls.exposure_100us = Some(150);
    let saved_at_ms = NOON_MS;
    let (by, back_to) = ("kim".to_owned(), Some(3));
    let newest = Calibrated { number: 7, saved_at_ms, by, back_to, seen, learnt: true };
    let versions = [newest, own];
    for (words, acts) in [(english, true), (korean, false)] {
        let token = html! { input type="hidden" name="token" value="secret"; };
        let form = camera::Form { words, acts, token };
        let html = html! {
            (camera::light(words, None))
            (camera::region(&form, &versions[0], (640, 480)))
            (camera::learn(&form, &versions[0]))
            (camera::versions(&form, &info(), &versions))
        };
        let html = html.into_string();
        assert!(!html.contains('⟦'), "{html}");
        assert!(html.contains("44, 32 · 560 × 424") && html.contains("2026-03-01 12:00 · kim"), "{html}");
        assert_eq!(html.contains("<button"), acts, "who may only look has no button: {html}");
        assert_eq!(html.contains("readonly"), !acts, "{html}");
    }
}
