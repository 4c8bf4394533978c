//! The pages over real HTTP: who gets in, what is shown, what residents see.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop there")]

mod support;

use std::sync::Arc;

use bunri_hub::clock::now_ms;
use bunri_hub::config::{PageConfig, StreamName};
use bunri_hub::ingest::Status;
use bunri_hub::store::{Batch, Store};
use bunri_hub::web::{Pages, user_line};
use bunri_hub::wire;
use jiff::tz::TimeZone;
use support::events::{availability_event, counts_event, drop_event, epoch_of, topic};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::watch;

struct Site {
    address: std::net::SocketAddr,
    _stop: watch::Sender<bool>,
    _status: watch::Sender<Status>,
    folder: tempfile::TempDir,
}

impl Site {
    /// Two bins: one with 41 drops of 28 February and 1 March, one offline and with a full compartment for cans.
    async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/hub.db", folder.path().display());
        let store = Arc::new(Store::open(&url, 4).await.unwrap());
        let mut batch = Batch::default();
        let mut add = |bin: &str, what: &str, payload: Vec<u8>| {
            batch.add(wire::parse(&topic(bin, what), &payload).unwrap(), false);
        };
        for seq in 1..=40 {
            add("mok-1", "drop", drop_event("mok-1", &epoch_of("mok-1"), seq, false));
        }
        // And one of a stream that the city invented.
        let mut told = |what: &str, payload: Vec<u8>, change: &dyn Fn(&mut serde_json::Value)| {
            let mut event: serde_json::Value = serde_json::from_slice(&payload).unwrap();
            change(&mut event["data"]);
            add("mok-1", what, serde_json::to_vec(&event).unwrap());
        };
        told("drop", drop_event("mok-1", &epoch_of("mok-1"), 41, false), &|data| {
            (data["seen"], data["stream"]) = ("city_1".into(), "city_1".into());
        });
        told("counts", counts_event("mok-1", &epoch_of("mok-1"), 40, &[]), &|data| {
            (data["last_seq"], data["streams"]["city_1"]) = (41.into(), 1.into());
            data["total"] = (data["total"].as_u64().unwrap() + 1).into();
        });
        add("mok-1", "availability", availability_event("mok-1", "run:1", "connected"));
        let mut full: serde_json::Value =
            serde_json::from_slice(&drop_event("sin-2", &epoch_of("sin-2"), 4, false)).unwrap();
        full["data"]["reason"] = "compartment_full".into();
        full["data"]["seen"] = "can".into();
        add("sin-2", "drop", serde_json::to_vec(&full).unwrap());
        add("sin-2", "availability", availability_event("sin-2", "run:1", "connection_lost"));
        batch.add_dead("dt/recycle/yangcheon/mok-1/drop", b"<script>", "not JSON");
        store.write(&batch, now_ms()).await.unwrap();

        let users = folder.path().join("users");
        std::fs::write(&users, user_line("kim", "correct horse battery").unwrap()).unwrap();
        let locations = folder.path().join("bins.geojson");
        let point = r#"{"features": [{"id": "yangcheon/mok-1", "geometry": {"type": "Point", "coordinates": [126.87, 37.52]}}]}"#;
        std::fs::write(&locations, point).unwrap();
        let config = PageConfig {
            listen: "127.0.0.1:0".parse().unwrap(),
            users_file: users,
            behind_tls: false,
            locations_file: Some(locations),
            files_folder: Some(folder.path().join("files")),
            streams: [("city_1".to_owned(), StreamName { ko: "폐건전지".into(), en: "Batteries".into() })]
                .into(),
        };
        let status = watch::Sender::new(Status::default());
        let stop = watch::Sender::new(false);
        let zone = TimeZone::get("Asia/Seoul").unwrap();
        let pages = Pages::open(&config, store, status.subscribe(), zone).await.unwrap();
        let address = pages.address().unwrap();
        tokio::spawn(pages.serve(stop.subscribe()));
        Self { address, _stop: stop, _status: status, folder }
    }

    /// One request; the whole answer as text, with its headers in lower case first.
    async fn ask(&self, method: &str, path: &str, cookie: &str, body: &str) -> String {
        let mut stream = tokio::net::TcpStream::connect(self.address).await.unwrap();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: hub\r\nconnection: close\r\ncookie: {cookie}\r\naccept-language: en\r\n\
             content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    async fn get(&self, path: &str, cookie: &str) -> String {
        self.ask("GET", path, cookie, "").await
    }

    async fn log_in(&self) -> String {
        let answer = self.ask("POST", "/login", "", "name=kim&password=correct+horse+battery").await;
        assert!(answer.contains("location: /\r\n"), "{answer}");
        let line = answer.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap();
        assert!(line.contains("HttpOnly") && line.contains("SameSite=Strict"), "{line}");
        line.split(';').next().unwrap().to_owned()
    }
}

fn json(answer: &str) -> serde_json::Value {
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
}

const INSIDE: [&str; 6] =
    ["bins", "ledgers", "items?from=2026-02-01&to=2026-03-31", "rejects", "dead-letters", "openapi.json"];

#[tokio::test]
async fn nobody_gets_in_without_a_password_and_nobody_stays_after_logging_out() {
    let site = Site::open().await;
    assert!(site.get("/", "").await.contains("location: /login"));
    for cookie in ["", "bunri-hub=", "bunri-hub=0123", "other=1"] {
        for path in INSIDE {
            let answer = site.get(&format!("/api/v1/{path}"), cookie).await;
            assert!(answer.starts_with("HTTP/1.1 401"), "{path} {cookie}: {answer}");
        }
    }
    let wrong = site.ask("POST", "/login", "", "name=kim&password=guess").await;
    assert!(wrong.contains("location: /login?wrong=1") && !wrong.contains("set-cookie"), "{wrong}");
    let cookie = site.log_in().await;
    for path in INSIDE {
        assert!(site.get(&format!("/api/v1/{path}"), &cookie).await.starts_with("HTTP/1.1 200"), "{path}");
    }
    site.ask("POST", "/logout", &cookie, "").await;
    assert!(site.get("/api/v1/bins", &cookie).await.starts_with("HTTP/1.1 401"));
}

#[tokio::test]
async fn the_district_sees_its_bins_and_its_numbers() {
    let site = Site::open().await;
    let cookie = site.log_in().await;
    for (lang, words) in [
        ("en", ["Complete", "Working", "Cans and metal: Full"]),
        ("ko", ["맞음", "정상", "캔·고철: 가득 참"]),
    ] {
        let page = site.get(&format!("/?lang={lang}"), &cookie).await;
        for word in words {
            assert!(page.contains(word), "{word} is not in {page}");
        }
        assert!(!page.contains('⟦') && !page.contains("<script"), "{page}");
    }
    let sum = async |step: &str| {
        let items =
            json(&site.get(&format!("/api/v1/items?by={step}&from=2026-02-01&to=2026-03-31"), &cookie).await);
        let of = |outcome: &str| -> i64 {
            let rows = items.as_array().unwrap().iter().filter(|row| row["outcome"] == outcome);
            rows.filter(|row| row["bin"] == "mok-1").map(|row| row["items"].as_i64().unwrap()).sum()
        };
        [of("accepted"), of("rejected"), of("returned")]
    };
    for step in ["hour", "day", "month"] {
        assert_eq!(sum(step).await, [33, 4, 4], "{step}");
    }
    let csv = site.get("/api/v1/items?by=month&from=2026-02-01&to=2026-03-31&format=csv", &cookie).await;
    assert!(csv.contains("text/csv") && csv.contains("\n2026-03,yangcheon,mok-1,can,accepted,"), "{csv}");
    assert!(site.get("/api/v1/items?from=tomorrow", &cookie).await.starts_with("HTTP/1.1 400"));
    let description = json(&site.get("/api/v1/openapi.json", &cookie).await);
    for path in ["/api/v1/bins", "/api/v1/ledgers", "/api/v1/items", "/open/bins.geojson"] {
        assert!(description["paths"][path].is_object(), "{path} is not described");
    }
}

#[tokio::test]
async fn residents_see_what_is_open_without_login_and_nothing_else() {
    let site = Site::open().await;
    let answer = site.get("/open/bins.geojson", "").await;
    assert!(answer.contains("cache-control: public, max-age=60"), "{answer}");
    let features = json(&answer)["features"].as_array().unwrap().clone();
    assert_eq!(features.len(), 2);
    assert_eq!(features[0]["geometry"]["coordinates"][0], 126.87);
    assert_eq!(features[0]["properties"]["out_of_order"], false);
    assert_eq!(features[1]["properties"]["out_of_order"], true);
    assert_eq!(features[1]["properties"]["streams"]["can"]["state"], "full");
    let page = site.get("/open", "").await;
    assert!(page.contains("Out of order") && page.contains("Glass bottle: Open"), "{page}");
    assert!(page.contains("Batteries: Open"), "the city's own stream goes by its name: {page}");
    assert!(!page.contains("Cans and metal: Full"), "of a bin that is out of order nothing is of use");
    for text in [answer, page] {
        for hidden in ["ledger-of", "item-", "probability"] {
            assert!(!text.contains(hidden), "{hidden} is in {text}");
        }
    }
}

#[tokio::test]
async fn bins_fetch_bundles_and_put_support_bundles_and_nothing_else() {
    let site = Site::open().await;
    let files = site.folder.path().join("files");
    std::fs::write(files.join("bundles/city@2.tar"), "a bundle").unwrap();
    let bundle = site.get("/files/bundles/city@2.tar", "").await;
    assert!(bundle.starts_with("HTTP/1.1 200") && bundle.contains("content-length: 8\r\n"), "{bundle}");
    let put = async |path: &str, body: &str| {
        let answer = site.ask("PUT", &format!("/files/{path}"), "", body).await;
        answer[9..12].parse::<u16>().unwrap()
    };
    for (path, body, said) in [
        ("support/mok-1.tar.gz", "what happened", 201),
        // An answer that was lost has the bin put it there once more.
        ("support/mok-1.tar.gz", "what happened", 204),
        ("support/mok-1.tar.gz", "something else", 409),
        ("support/.hidden", "x", 400),
        ("support/a%2fb", "x", 400),
        ("bundles/city@3.tar", "x", 405),
        ("other/mok-1.tar.gz", "x", 404),
        ("support/large.tar.gz", &"x".repeat(5 << 20), 413),
    ] {
        assert_eq!(put(path, body).await, said, "{path}");
    }
    assert_eq!(std::fs::read_dir(files.join("support")).unwrap().count(), 1, "something else stayed");
    for way in [
        "none.tar",
        "",
        "..%2fsupport%2fmok-1.tar.gz",
        "../support/mok-1.tar.gz",
        "%2e%2e/support/mok-1.tar.gz",
    ] {
        let answer = site.get(&format!("/files/bundles/{way}"), "").await;
        assert!(answer.starts_with("HTTP/1.1 404"), "{way}: {answer}");
    }
    for path in ["/files/support", "/files/support/mok-1.tar.gz"] {
        assert!(site.get(path, "").await.contains("location: /login"), "{path}");
    }
    let cookie = site.log_in().await;
    let list = json(&site.get("/files/support", &cookie).await);
    assert_eq!(list, serde_json::json!([{"name": "mok-1.tar.gz", "bytes": 13}]));
    assert!(site.get("/files/support/mok-1.tar.gz", &cookie).await.ends_with("\r\n\r\nwhat happened"));
    for number in 1..1_000 {
        std::fs::write(files.join(format!("support/{number}")), "").unwrap();
    }
    assert_eq!(put("support/one-more", "x").await, 507);
}
