//! A real Chromium, driven through WebDriver, one at a time.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bunri::clock::{Clock, SystemClock};
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Map, Value, json};

use super::client;

/// Nothing here takes this long unless something hangs, even on a machine with much else to do.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Two browsers at once would only make both slow.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// A browser with one window.
pub(crate) struct Browser {
    runtime: tokio::runtime::Runtime,
    client: Option<Client>,
    driver: Child,
    /// Kept open: it goes on writing there.
    _log: BufReader<ChildStdout>,
    port: u16,
    session: String,
    pub(crate) address: SocketAddr,
    _turn: MutexGuard<'static, ()>,
}

/// Scrolls to what a selector names, and answers once that was painted.
const INTO_VIEW: &str = "const [selector, done] = arguments;
    document.querySelector(selector).scrollIntoView({ block: 'center', behavior: 'instant' });
    requestAnimationFrame(() => requestAnimationFrame(() => done(true)));";

impl Browser {
    /// Opens a window for the page at `address`.
    pub(crate) fn new(address: SocketAddr) -> Self {
        let turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("chromedriver does not start ({error}): run `make setup`"));
        let mut log = BufReader::new(driver.stdout.take().unwrap());
        let lines = log.by_ref().lines().map(Result::unwrap);
        let port = lines.take(20).find_map(|line| {
            let port = line.split("started successfully on port ").nth(1)?;
            port.trim_end_matches('.').parse::<u16>().ok()
        });
        let port = port.expect("chromedriver names its port");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        // In a container there is neither a sandbox for root nor shared memory worth the name.
        let flags = ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"];
        let options = json!({ "args": flags, "binary": "/usr/bin/chromium" });
        // The live picture never ends, so no page with it is ever loaded as a whole.
        let eager = ("pageLoadStrategy".to_owned(), json!("eager"));
        let capabilities = Map::from_iter([("goog:chromeOptions".to_owned(), options), eager]);
        let client = runtime
            .block_on(
                ClientBuilder::new(HttpConnector::new())
                    .capabilities(capabilities)
                    .connect(&format!("http://127.0.0.1:{port}")),
            )
            .expect("Chromium starts");
        let session = runtime.block_on(client.session_id()).unwrap().unwrap();
        Self { runtime, client: Some(client), driver, _log: log, port, session, address, _turn: turn }
    }

    /// The same browser for another bin.
    pub(crate) fn elsewhere(mut self, address: SocketAddr) -> Self {
        self.address = address;
        self
    }

    fn client(&self) -> &Client {
        self.client.as_ref().unwrap()
    }

    /// A command of Chromium's own protocol.
    fn devtools(&self, command: &str, parameters: &Value) {
        let body = json!({ "cmd": command, "params": parameters }).to_string();
        let (length, session) = (body.len(), &self.session);
        let request = format!(
            "POST /session/{session}/goog/cdp/execute HTTP/1.1\r\nHost: localhost\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        let answer = client::send(SocketAddr::from(([127, 0, 0, 1], self.port)), &request);
        let (status, text) = (answer.status, answer.text());
        assert_eq!(status, 200, "{command}: {text}");
    }

    /// Makes the window this large, in CSS pixels.
    pub(crate) fn resize(&self, (width, height): (u32, u32)) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.devtools("Emulation.setDeviceMetricsOverride", &size);
        // On a phone they lie over the page, and vanish.
        self.devtools("Emulation.setScrollbarsHidden", &json!({ "hidden": true }));
        self.wait("the new size", &format!("innerWidth === {width} && innerHeight === {height}"));
    }

    /// Whether the person at the screen has asked for less movement.
    pub(crate) fn reduce_motion(&self, reduce: bool) {
        let value = if reduce { "reduce" } else { "no-preference" };
        let features = json!({ "features": [{ "name": "prefers-reduced-motion", "value": value }] });
        self.devtools("Emulation.setEmulatedMedia", &features);
    }

    /// As slow as an old phone in a bad place: a quarter of the processor, 1.6 Mbit/s, 150 ms there and back.
    pub(crate) fn slow_phone(&self) {
        self.devtools("Network.enable", &json!({}));
        let network = json!({
            "offline": false, "latency": 150, "downloadThroughput": 200_000, "uploadThroughput": 90_000
        });
        self.devtools("Network.emulateNetworkConditions", &network);
        self.devtools("Emulation.setCPUThrottlingRate", &json!({ "rate": 4 }));
    }

    /// The next visit is like the first.
    pub(crate) fn forget_what_was_loaded(&self) {
        self.devtools("Network.clearBrowserCache", &json!({}));
    }

    /// Opens a path of the page.
    pub(crate) fn open(&self, path: &str) {
        let url = format!("http://{}{path}", self.address);
        self.runtime.block_on(self.client().goto(&url)).unwrap_or_else(|error| panic!("{url}: {error}"));
    }

    /// What an expression of JavaScript is worth.
    pub(crate) fn value(&self, expression: &str) -> Value {
        let script = format!("return ({expression});");
        self.run(&script)
    }

    /// Runs statements of JavaScript.
    pub(crate) fn run(&self, script: &str) -> Value {
        let ran = self.runtime.block_on(self.client().execute(script, Vec::new()));
        ran.unwrap_or_else(|error| panic!("{script:.200}: {error}"))
    }

    /// Runs statements that call `done` with their result some time later.
    pub(crate) fn run_async(&self, script: &str) -> Value {
        let script = format!("const done = arguments[arguments.length - 1];\n{script}");
        let ran = self.runtime.block_on(self.client().execute_async(&script, Vec::new()));
        ran.unwrap_or_else(|error| panic!("{script:.200}: {error}"))
    }

    /// Waits until an expression is true. While a page is exchanged for the next, nothing is.
    pub(crate) fn wait(&self, what: &str, condition: &str) {
        let until = SystemClock.now() + PATIENCE;
        let script = format!("return Boolean({condition});");
        loop {
            let is_so = self.runtime.block_on(self.client().execute(&script, Vec::new()));
            if is_so.is_ok_and(|value| value == Value::Bool(true)) {
                return;
            }
            if SystemClock.now() > until {
                let seen = self.value("document.documentElement.outerHTML");
                panic!("waited {PATIENCE:?} for {what} ({condition}); the page is\n{seen}");
            }
            SystemClock.sleep_until(SystemClock.now() + LOOK_EVERY);
        }
    }

    /// Presses what a selector of CSS finds, as a finger would: it must be there, in sight and not covered.
    pub(crate) fn press(&self, selector: &str) {
        self.until(selector, || self.try_press(selector));
    }

    /// Presses it if it is there; says whether it was.
    pub(crate) fn try_press(&self, selector: &str) -> bool {
        let pressed = self.runtime.block_on(async {
            let found = self.client().find(Locator::Css(selector)).await?;
            // A click that scrolls by itself may be aimed before the picture has followed.
            self.client().execute_async(INTO_VIEW, vec![json!(selector)]).await?;
            found.click().await
        });
        pressed.is_ok()
    }

    /// Presses what leads to another page, and waits until that is there.
    pub(crate) fn follow(&self, selector: &str) {
        self.run("document.body.dataset.before = true;");
        self.press(selector);
        self.wait(
            "the next page",
            "document.body && !document.body.dataset.before && document.querySelector('main')",
        );
    }

    /// Tries until it is so.
    pub(crate) fn until(&self, what: &str, is_so: impl Fn() -> bool) {
        let until = SystemClock.now() + PATIENCE;
        while !is_so() {
            if SystemClock.now() > until {
                let seen = self.value("document.documentElement.outerHTML");
                panic!("waited {PATIENCE:?} for {what}; the page is\n{seen}");
            }
            SystemClock.sleep_until(SystemClock.now() + LOOK_EVERY);
        }
    }

    /// Keeps what is downloaded in this folder.
    pub(crate) fn download_to(&self, folder: &Path) {
        std::fs::create_dir_all(folder).unwrap();
        let where_to = json!({ "behavior": "allow", "downloadPath": folder });
        self.devtools("Browser.setDownloadBehavior", &where_to);
    }

    /// Waits until the page shows a text.
    pub(crate) fn wait_for_text(&self, text: &str) {
        self.wait(text, &format!("document.body.innerText.includes({})", json!(text)));
    }

    /// Asserts that axe-core finds no serious or critical fault on the page, and that no text is missing.
    pub(crate) fn assert_accessible(&self, what: &str) {
        let missing = self.value("document.body.innerText.match(/⟦.*?⟧/g)");
        assert_eq!(missing, Value::Null, "{what}");
        if self.value("typeof axe") == "undefined" {
            let path = root().join("tests/browser/node_modules/axe-core/axe.min.js");
            let source = std::fs::read_to_string(&path)
                .unwrap_or_else(|error| panic!("{}: {error}: run `make setup`", path.display()));
            self.run(&source);
        }
        let faults = self.run_async(
            "axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => done(violations
               .filter(({ impact }) => ['serious', 'critical'].includes(impact))
               .map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(n => n.html).slice(0, 3).join(' ')}`)));",
        );
        assert_eq!(faults, json!([]), "{what}");
    }

    /// Asserts that nobody has to scroll sideways.
    pub(crate) fn assert_fits_width(&self, what: &str) {
        let wide = self.value("document.documentElement.scrollWidth - innerWidth");
        assert!(wide.as_f64().unwrap() <= 0.0, "{what}: {wide} pixels too wide");
    }

    /// Writes docs/images/`name`.png, if BUNRI_SCREENSHOTS is set.
    pub(crate) fn picture(&self, name: &str) {
        if std::env::var_os("BUNRI_SCREENSHOTS").is_some() {
            let png = self.runtime.block_on(self.client().screenshot()).unwrap();
            let folder = root().join("docs/images");
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(folder.join(name).with_extension("png"), png).unwrap();
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if let Some(client) = self.client.take() {
            let _gone_already = self.runtime.block_on(client.close()).is_err();
        }
        let _ended_already = self.driver.kill().is_err();
        let _ended_already = self.driver.wait().is_err();
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}
