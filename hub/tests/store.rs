//! The store on both databases: whatever is repeated, reordered, split or written by two at once, the tables are the
//! same.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop there")]

mod support;

use bunri_hub::store::{Batch, BinNow, EpochCheck, State, Store, Written};
use bunri_hub::wire;
use sqlx::Row as _;
use support::events::{
    EPOCH, availability_event, correction_event, counts_event, drop_event, epoch_of, topic, withdrawal_event,
};
use support::postgres::Postgres;

const NOW: i64 = 1_780_000_000_000;

type Message = (String, Vec<u8>);

fn drop_of(bin: &str, epoch: &str, seq: u64) -> Message {
    (topic(bin, "drop"), drop_event(bin, epoch, seq, false))
}

fn counts_of(bin: &str, epoch: &str, last_seq: u64, voided: &[u64]) -> Message {
    (topic(bin, "counts"), counts_event(bin, epoch, last_seq, voided))
}

fn batch(messages: &[Message]) -> Batch {
    let mut batch = Batch::default();
    for (topic, payload) in messages {
        match wire::parse(topic, payload) {
            Ok(message) => batch.add(message, false),
            Err(refusal) => batch.add_dead(topic, payload, &refusal.to_string()),
        }
    }
    batch
}

async fn write(store: &Store, messages: &[Message]) -> Written {
    store.write(&batch(messages), NOW).await.unwrap()
}

async fn check_of(store: &Store, bin: &str) -> EpochCheck {
    let later = NOW + 3_600_000;
    let mut checks = store.reconcile(later).await.unwrap();
    checks.retain(|check| check.bin == bin);
    assert_eq!(checks.len(), 1, "{checks:#?}");
    checks.remove(0)
}

/// Every table that a message can change, as text.
async fn dump(url: &str) -> Vec<String> {
    let pool = sqlx::any::AnyPoolOptions::new().max_connections(1).connect(url).await.unwrap();
    let mut lines = Vec::new();
    for query in [
        "SELECT bin, epoch || ':' || seq || ':' || digest FROM known \
         JOIN epochs ON epochs.id = epoch_id JOIN bins ON bins.id = bin_id",
        "SELECT bin, epoch || ':' || seq || ':' || month || ':' || time_ms || ':' || stream || ':' || label \
         FROM drops JOIN epochs ON epochs.id = epoch_id JOIN bins ON bins.id = bin_id",
        "SELECT bin, epoch || ':' || seen || ':' || outcome || ':' || items FROM totals \
         JOIN epochs ON epochs.id = epoch_id JOIN bins ON bins.id = bin_id",
        "SELECT bin, hour || ':' || seen || ':' || outcome || ':' || items FROM hourly JOIN bins ON bins.id = bin_id",
        "SELECT bin, epoch || ':' || last_seq || ':' || total || ':' || streams FROM reports \
         JOIN epochs ON epochs.id = epoch_id JOIN bins ON bins.id = bin_id",
        "SELECT bin, stream || ':' || seq || ':' || openings.state FROM openings JOIN bins ON bins.id = bin_id",
        "SELECT bin, epoch || ':' || number || ':' || seq || ':' || time_ms || ':' || truth || ':' || withdrawn || ':' || model \
         FROM corrections JOIN epochs ON epochs.id = epoch_id JOIN bins ON bins.id = bin_id",
        "SELECT topic, reason || ':' || payload FROM dead_letters",
    ] {
        let rows = sqlx::query(query).fetch_all(&pool).await.unwrap();
        let mut rows: Vec<String> = rows
            .iter()
            .map(|row| format!("{} {}", row.get::<String, _>(0), row.get::<String, _>(1)))
            .collect();
        rows.sort();
        lines.push(format!("-- {query}"));
        lines.extend(rows);
    }
    pool.close().await;
    lines
}

/// Three bins, two ledgers of one of them, a voided number, something broken.
fn a_day() -> Vec<Message> {
    let mut messages = Vec::new();
    for bin in ["mok-1", "mok-2", "sin-1"] {
        for seq in (1..=150).filter(|seq| *seq != 40) {
            messages.push(drop_of(bin, &epoch_of(bin), seq));
            if seq % 30 == 0 {
                messages.push(counts_of(bin, &epoch_of(bin), seq, if seq > 40 { &[40] } else { &[] }));
            }
        }
    }
    for number in 1..=40 {
        // Numbers 1 to 20, each twice: the second word holds.
        let payload = correction_event("mok-1", &epoch_of("mok-1"), number, (number - 1) % 20 + 1);
        messages.push((topic("mok-1", "correction"), payload));
    }
    messages.extend((1..=20).map(|seq| drop_of("mok-1", "a-new-card", seq)));
    messages.push(counts_of("mok-1", "a-new-card", 20, &[]));
    messages.push((topic("mok-1", "drop"), b"{\"broken\": \"\x00\"".to_vec()));
    messages
}

async fn repetitions_and_reordering_change_nothing(plain: &str, shuffled: &str) {
    let day = a_day();
    let store = Store::open(plain, 4).await.unwrap();
    let written = write(&store, &day).await;
    assert_eq!((written.new, written.repeated, written.clones, written.dead), (149 * 3 + 20, 0, 0, 1));
    let expected = dump(plain).await;
    let corrected = store.corrected(0, i64::MAX).await.unwrap();
    let wrong = corrected.iter().filter(|row| row.truth != row.seen).map(|row| row.items).sum::<i64>();
    assert_eq!((corrected.iter().map(|row| row.items).sum::<i64>(), wrong), (20, 4), "{corrected:?}");
    store.close().await;

    // Twice, in another order, in pieces of every size; the pieces themselves twice, as after a lost acknowledgement.
    let mut random = fastrand::Rng::with_seed(7);
    let mut messages: Vec<_> = day.iter().chain(&day).cloned().collect();
    random.shuffle(&mut messages);
    let store = Store::open(shuffled, 4).await.unwrap();
    let mut new = 0;
    while !messages.is_empty() {
        let piece: Vec<_> = messages.drain(..random.usize(1..=messages.len().min(200))).collect();
        new += write(&store, &piece).await.new;
        assert_eq!(write(&store, &piece).await.new, 0);
    }
    assert_eq!(new, written.new);
    store.close().await;
    assert_eq!(dump(shuffled).await, expected);
}

async fn a_word_taken_back_counts_no_longer(plain: &str, shuffled: &str) {
    let word = |number, seq| (topic("mok-1", "correction"), correction_event("mok-1", EPOCH, number, seq));
    let taken_back =
        |number, seq| (topic("mok-1", "correction"), withdrawal_event("mok-1", EPOCH, number, seq));
    let mut said: Vec<Message> = (1..=4).map(|number| word(number, number)).collect();
    // The only one that was wrong; one that is said anew; one that was said twice.
    said.extend([taken_back(5, 4), taken_back(6, 1), word(7, 1), word(9, 2), taken_back(10, 2)]);
    let store = Store::open(plain, 4).await.unwrap();
    assert_eq!(write(&store, &said).await.dead, 0);
    let corrected = store.corrected(0, i64::MAX).await.unwrap();
    let found: Vec<_> = corrected.iter().map(|row| (&*row.seen, &*row.truth, row.items)).collect();
    assert_eq!(found, [("glass", "glass", 1), ("plastic", "plastic", 1)]);
    store.close().await;

    let store = Store::open(shuffled, 4).await.unwrap();
    let mut again: Vec<_> = said.iter().chain(&said).cloned().collect();
    fastrand::Rng::with_seed(7).shuffle(&mut again);
    for message in again {
        write(&store, &[message]).await;
    }
    assert_eq!(store.corrected(0, i64::MAX).await.unwrap(), corrected);
    store.close().await;
    assert_eq!(dump(shuffled).await, dump(plain).await);
}

async fn two_writers_at_once_count_once(url: &str) {
    let store = Store::open(url, 4).await.unwrap();
    let other = Store::open(url, 4).await.unwrap();
    let day = a_day();
    let task = |store: Store, seed: u64| {
        let mut messages = day.clone();
        tokio::spawn(async move {
            let mut random = fastrand::Rng::with_seed(seed);
            random.shuffle(&mut messages);
            let mut new = 0;
            for piece in messages.chunks(25) {
                new += loop {
                    match store.write(&batch(piece), NOW).await {
                        Ok(written) => break written.new,
                        Err(error) => assert!(error.is_transient(), "{error}"),
                    }
                };
            }
            new
        })
    };
    let (one, two) = (task(store, 1), task(other, 2));
    assert_eq!(one.await.unwrap() + two.await.unwrap(), 149 * 3 + 20);
    let store = Store::open(url, 4).await.unwrap();
    let checks = store.reconcile(NOW).await.unwrap();
    for check in &checks {
        assert_eq!(check.state, State::Complete, "{check:#?}");
        assert_eq!(check.streams, check.reported_streams);
    }
    // Of two ledgers the one that was heard of later is the new one; shuffled, that may be either.
    let new: Vec<_> = checks.iter().filter(|check| check.reset).map(|check| &*check.bin).collect();
    assert_eq!(new, ["mok-1"]);
}

async fn gaps_are_told_from_what_is_on_its_way(url: &str) {
    let store = Store::open(url, 4).await.unwrap();
    let drops: Vec<_> = (1..=30).map(|seq| drop_of("gap", EPOCH, seq)).collect();
    write(&store, &drops[..10]).await;
    assert_eq!(check_of(&store, "gap").await.state, State::Unreported);
    // Reported up to 20, held up to 10: the rest is on its way. More held than the newest report says is no harm.
    write(&store, &[counts_of("gap", EPOCH, 20, &[])]).await;
    let check = check_of(&store, "gap").await;
    assert_eq!((check.state, check.missing), (State::Behind, 10));
    write(&store, &drops[10..25]).await;
    assert_eq!(check_of(&store, "gap").await.state, State::Complete);
    // 27 and 28 do not come, though 30 has: one of them was voided, so one is lost.
    write(&store, &[drops[25].clone(), drops[28].clone(), drops[29].clone()]).await;
    write(&store, &[counts_of("gap", EPOCH, 30, &[28])]).await;
    let check = check_of(&store, "gap").await;
    assert_eq!((check.state, check.missing, check.holes.as_slice()), (State::Gap, 1, &[(27, 28)][..]));
    assert_eq!(store.reconcile(NOW + 1_000).await.unwrap()[0].state, State::Behind, "too soon for a verdict");
    write(&store, &drops[26..27]).await;
    assert_eq!(check_of(&store, "gap").await.state, State::Complete);
    // The newest number is lost for good if its bin is connected and silent.
    write(&store, &[counts_of("gap", EPOCH, 31, &[28])]).await;
    assert_eq!(check_of(&store, "gap").await.state, State::Behind);
    write(&store, &[(topic("gap", "availability"), availability_event("gap", "run:1", "connected"))]).await;
    let check = check_of(&store, "gap").await;
    assert_eq!((check.state, check.holes.as_slice()), (State::Gap, &[(28, 28), (31, 31)][..]), "{check:?}");
    // Unless the bin says that it will never come.
    let mut given_up: serde_json::Value =
        serde_json::from_slice(&counts_event("gap", EPOCH, 31, &[28])).unwrap();
    given_up["data"]["given_up"] = 1.into();
    write(&store, &[(topic("gap", "counts"), given_up.to_string().into_bytes())]).await;
    let check = check_of(&store, "gap").await;
    assert_eq!((check.state, check.missing, check.given_up), (State::Complete, 0, 1), "{check:?}");
}

async fn clones_are_found(url: &str) {
    let store = Store::open(url, 4).await.unwrap();
    write(&store, &[drop_of("one", EPOCH, 1), drop_of("one", EPOCH, 2)]).await;
    let mut other: serde_json::Value = serde_json::from_slice(&drop_event("one", EPOCH, 2, false)).unwrap();
    other["data"]["label"] = "another".into();
    let other = (topic("one", "drop"), serde_json::to_vec(&other).unwrap());
    let late = (topic("one", "drop"), drop_event("one", EPOCH, 1, true));
    let written = write(&store, &[late, other.clone()]).await;
    assert_eq!((written.new, written.repeated, written.clones), (0, 1, 1));
    write(&store, &[other]).await;
    let check = check_of(&store, "one").await;
    assert_eq!((check.state, check.clones, check.held), (State::Clone, 1, 2));
    // One card in two bins.
    write(&store, &[drop_of("two", EPOCH, 9)]).await;
    assert_eq!(check_of(&store, "two").await.state, State::Clone);
    assert_eq!(check_of(&store, "one").await.clones, 2);
}

async fn wild_clocks_and_odd_texts_find_their_place(url: &str) {
    let store = Store::open(url, 4).await.unwrap();
    let mut messages = Vec::new();
    for (seq, time) in
        ["1970-01-01T00:00:01Z", "2106-02-07T06:28:15Z", "2031-12-31T23:59:59.999Z"].iter().enumerate()
    {
        let seq = seq as u64 + 1;
        let mut event: serde_json::Value =
            serde_json::from_slice(&drop_event("odd", EPOCH, seq, false)).unwrap();
        event["time"] = (*time).into();
        event["data"]["label"] = "투명 페트병 'x'; DROP TABLE drops; --".into();
        messages.push((topic("odd", "drop"), serde_json::to_vec(&event).unwrap()));
    }
    messages.push((topic("odd", "drop"), vec![0, 159, 146, 150]));
    let written = write(&store, &messages).await;
    assert_eq!((written.new, written.dead), (3, 1));
    assert_eq!(write(&store, &messages).await.new, 0);
    assert_eq!(check_of(&store, "odd").await.held, 3);
}

/// A message of the contract's examples, with other data.
fn example(what: &str, tree: &str, change: impl Fn(&mut serde_json::Value)) -> Message {
    let path = format!("{}/examples/{what}.json", env!("CARGO_MANIFEST_DIR"));
    let mut event: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    change(&mut event["data"]);
    (format!("{tree}/recycle/yangcheon/mok-1/{what}"), event.to_string().into_bytes())
}

async fn the_last_word_on_how_a_bin_is_holds(url: &str) {
    let store = Store::open(url, 4).await.unwrap();
    let mut full = drop_of("mok-1", EPOCH, 4);
    let mut event: serde_json::Value = serde_json::from_slice(&full.1).unwrap();
    event["data"]["seen"] = "can".into();
    event["data"]["reason"] = "compartment_full".into();
    full.1 = event.to_string().into_bytes();
    let online = (topic("mok-1", "availability"), availability_event("mok-1", "run:1", "connected"));
    write(&store, &[full, online]).await;
    let now = async || store.bins().await.unwrap().remove(0);
    let states = |bin: &BinNow| -> Vec<String> {
        bin.openings.iter().map(|opening| format!("{} {}", opening.stream, opening.state)).collect()
    };
    assert_eq!(states(&now().await), ["can full"], "all that its drops tell");

    let health = |alarms: &[&str]| {
        let alarms = serde_json::json!(alarms);
        example("health", "dt", move |data| data["alarms"] = alarms.clone())
    };
    let alarm = |raised: bool| example("alarm", "dt", move |data| data["raised"] = raised.into());
    let as_it_is = [example("fill", "dt", |_| {}), example("twin", "st", |_| {}), health(&[])];
    write(&store, &as_it_is).await;
    write(&store, &as_it_is).await;
    let bin = now().await;
    assert_eq!(states(&bin), ["can open", "clear_pet full", "general open", "paper open"]);
    assert_eq!((bin.compartments[0].level, bin.compartments[2].level), (Some(0.33), None));
    assert_eq!(bin.twin.as_ref().unwrap().model, "bunri-lite0 1.0.0");
    assert!(!bin.is_out_of_order(), "{bin:?}");

    write(&store, &[alarm(true)]).await;
    let bin = now().await;
    assert_eq!((bin.alarms.len(), bin.alarms[0].alarm.as_str()), (1, "jam"));
    assert!(bin.is_out_of_order());
    // Its end was never heard; the next health does not name it any more.
    store.write(&batch(&[health(&[])]), NOW + 60_000).await.unwrap();
    assert_eq!(now().await.alarms, []);
    store.write(&batch(&[health(&["camera"])]), NOW + 120_000).await.unwrap();
    assert!(now().await.is_out_of_order());

    let long = example("health", "dt", |data| data["alarms"] = serde_json::json!(["Jam; DROP TABLE told"]));
    let level = example("fill", "dt", |data| data["compartments"][0]["level"] = 1.5.into());
    assert_eq!(write(&store, &[long, level]).await.dead, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let url = |name: &str| format!("sqlite://{}/{name}.db", folder.path().display());
    repetitions_and_reordering_change_nothing(&url("plain"), &url("shuffled")).await;
    a_word_taken_back_counts_no_longer(&url("words"), &url("words-shuffled")).await;
    two_writers_at_once_count_once(&url("two")).await;
    gaps_are_told_from_what_is_on_its_way(&url("gaps")).await;
    clones_are_found(&url("clones")).await;
    wild_clocks_and_odd_texts_find_their_place(&url("odd")).await;
    the_last_word_on_how_a_bin_is_holds(&url("told")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgresql() {
    let postgres = Postgres::start().await;
    repetitions_and_reordering_change_nothing(&postgres.database().await, &postgres.database().await).await;
    a_word_taken_back_counts_no_longer(&postgres.database().await, &postgres.database().await).await;
    two_writers_at_once_count_once(&postgres.database().await).await;
    gaps_are_told_from_what_is_on_its_way(&postgres.database().await).await;
    clones_are_found(&postgres.database().await).await;
    wild_clocks_and_odd_texts_find_their_place(&postgres.database().await).await;
    the_last_word_on_how_a_bin_is_holds(&postgres.database().await).await;
}
