//! The demo's pages in a real Chromium: what people see, at a phone's and a laptop's size, in both languages.
//!
//! `BUNRI_SCREENSHOTS=1` writes the pictures of `docs/` anew.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop there")]

mod support;

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use fantoccini::{Client, ClientBuilder, Locator};
use serde_json::{Map, Value, json};
use support::{free_port, is_healthy, until};

const SIZES: [(&str, u32, u32); 2] = [("phone", 390, 844), ("laptop", 1280, 800)];
const LANGUAGES: [&str; 2] = ["ko", "en"];

/// A program that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A window of this size, and what drives it.
async fn window(width: u32, height: u32) -> (Running, Client) {
    let mut driver = Command::new("chromedriver");
    let driver = driver.arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    let mut driver =
        Running(driver.unwrap_or_else(|error| panic!("chromedriver ({error}): run `make setup`")));
    let log = BufReader::new(driver.0.stdout.take().unwrap());
    let port = log.lines().take(20).find_map(|line| {
        let line = line.unwrap();
        line.split("started successfully on port ").nth(1)?.trim_end_matches('.').parse::<u16>().ok()
    });
    let port = port.expect("chromedriver names its port");
    let options = json!({
        "binary": "/usr/bin/chromium",
        // In a container there is neither a sandbox for root nor shared memory worth the name.
        "args": ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"],
        "mobileEmulation": {"deviceMetrics": {"width": width, "height": height, "pixelRatio": 1.0, "touch": false}},
    });
    let mut builder = ClientBuilder::new(hyper_util::client::legacy::connect::HttpConnector::new());
    let client = builder
        .capabilities(Map::from_iter([("goog:chromeOptions".to_owned(), options)]))
        .connect(&format!("http://127.0.0.1:{port}"))
        .await
        .expect("Chromium starts");
    (driver, client)
}

/// No serious fault of accessibility, no missing word, nothing that must be scrolled sideways to be read.
async fn assert_good(client: &Client, what: &str) {
    let page = Path::new(env!("CARGO_MANIFEST_DIR"));
    let axe = page.join("../tests/browser/node_modules/axe-core/axe.min.js");
    let axe = std::fs::read_to_string(&axe).unwrap_or_else(|error| panic!("{error}: run `make setup`"));
    client.execute(&axe, Vec::new()).await.unwrap();
    let look = "const done = arguments[0]; axe.run(document).then(({ violations }) => done(violations
        .filter(({ impact }) => impact !== 'minor')
        .map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(n => n.html).slice(0, 3).join(' ')}`)));";
    assert_eq!(client.execute_async(look, Vec::new()).await.unwrap(), json!([]), "{what}");
    let missing = client.execute("return document.body.innerText.match(/⟦.*?⟧/g)", Vec::new()).await.unwrap();
    assert_eq!(missing, Value::Null, "{what}");
    let wide = "return document.documentElement.scrollWidth - innerWidth";
    let wide = client.execute(wide, Vec::new()).await.unwrap();
    assert!(wide.as_f64().unwrap() <= 0.0, "{what} is {wide} pixels too wide");
}

/// Writes docs/`name`.png, if it is asked for.
async fn picture(client: &Client, name: &str) {
    if std::env::var_os("BUNRI_SCREENSHOTS").is_some() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(name).with_extension("png"), client.screenshot().await.unwrap()).unwrap();
    }
}

async fn text(client: &Client) -> String {
    client.find(Locator::Css("main")).await.unwrap().text().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demos_pages_can_be_read_by_everybody() {
    let port = free_port();
    let mut demo = Command::new(env!("CARGO_BIN_EXE_bunri-hub"));
    let demo = demo.args(["--demo", "--port", &port.to_string()]).stderr(Stdio::null()).spawn();
    let _demo = Running(demo.unwrap());
    until("the demo's pages", || is_healthy(port)).await;
    let site = format!("http://127.0.0.1:{port}");
    for (size, width, height) in SIZES {
        let (_driver, client) = window(width, height).await;
        for language in LANGUAGES {
            for page in ["login", "open"] {
                client.goto(&format!("{site}/{page}?lang={language}")).await.unwrap();
                assert_good(&client, &format!("/{page} {size} {language}")).await;
                if (page, size, language) == ("open", "phone", "ko") {
                    picture(&client, "open").await;
                }
            }
        }
        let residents = text(&client).await;
        assert!(residents.contains("Full") && residents.contains("Out of order"), "{residents}");
        client.goto(&format!("{site}/login?lang=en")).await.unwrap();
        for (field, value) in [("name", "demo"), ("password", "demo-password")] {
            let field = client.find(Locator::Css(&format!("[name={field}]"))).await.unwrap();
            field.send_keys(value).await.unwrap();
        }
        client.find(Locator::Css("main button")).await.unwrap().click().await.unwrap();
        client.wait().for_element(Locator::Css(".summary")).await.unwrap();
        for language in LANGUAGES {
            client.goto(&format!("{site}/?lang={language}")).await.unwrap();
            assert_good(&client, &format!("/ {size} {language}")).await;
            if (size, language) == ("laptop", "en") {
                picture(&client, "district").await;
            }
        }
        // Who wants somebody stands first: the jammed one, then the one that is away.
        let bins = client.find(Locator::Css("table.stacked tbody")).await.unwrap().text().await.unwrap();
        let place = |name: &str| bins.find(name).unwrap_or_else(|| panic!("no {name} in {bins}"));
        assert!(place("sinjeong-2") < place("sinwol-3") && place("sinwol-3") < place("mok-1"), "{bins}");
        assert!(bins.contains("Jam") && bins.contains("Not connected"), "{bins}");
        client.close().await.unwrap();
    }
}
