//! A browser small enough to read: one request per connection, answers read as they come.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Nothing here takes this long unless something hangs.
const PATIENCE: Duration = Duration::from_secs(20);

/// An answer whose body is still coming.
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    from: BufReader<TcpStream>,
    /// Bytes left of the present chunk, or of the body.
    left: usize,
    chunked: bool,
}

/// Sends `GET path`.
pub(crate) fn get(address: SocketAddr, path: &str) -> Answer {
    get_with(address, path, "")
}

/// Sends `GET path` with further header lines, each ending in CRLF.
pub(crate) fn get_with(address: SocketAddr, path: &str, headers: &str) -> Answer {
    send(address, &format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n{headers}\r\n"))
}

/// Sends a form with further header lines, each ending in CRLF.
pub(crate) fn post(address: SocketAddr, path: &str, headers: &str, fields: &[(&str, &str)]) -> Answer {
    let body: Vec<_> = fields.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    let body = body.join("&");
    let length = body.len();
    let kind = "Content-Type: application/x-www-form-urlencoded";
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\n{kind}\r\nContent-Length: {length}\r\n{headers}\r\n"
    );
    send(address, &(head + &body))
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// A browser that keeps its cookies.
pub(crate) struct Browser {
    pub(crate) address: SocketAddr,
    cookies: BTreeMap<String, String>,
}

impl Browser {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address, cookies: BTreeMap::new() }
    }

    /// One that has logged in.
    pub(crate) fn of(address: SocketAddr, (name, password): (&str, &str)) -> Self {
        let mut browser = Self::new(address);
        let answer = browser.log_in(name, password);
        assert_eq!((answer.status, answer.header("location")), (303, Some("/")));
        browser
    }

    pub(crate) fn log_in(&mut self, name: &str, password: &str) -> Answer {
        let token = self.token("/login");
        self.post("/login", &[("token", &token), ("next", "/"), ("name", name), ("password", password)])
    }

    /// The cookies as a header line.
    pub(crate) fn cookies(&self) -> String {
        let pairs: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        if pairs.is_empty() { String::new() } else { format!("Cookie: {}\r\n", pairs.join("; ")) }
    }

    pub(crate) fn get(&mut self, path: &str) -> Answer {
        let answer = get_with(self.address, path, &format!("Accept: text/html\r\n{}", self.cookies()));
        self.keep(answer)
    }

    pub(crate) fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let answer = post(self.address, path, &self.cookies(), fields);
        self.keep(answer)
    }

    /// The token in the forms of a page.
    pub(crate) fn token(&mut self, path: &str) -> String {
        let html = self.get(path).text();
        let token = html.split("name=\"token\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
        token.unwrap_or_else(|| panic!("no token in {html}")).to_owned()
    }

    fn keep(&mut self, answer: Answer) -> Answer {
        for (_, value) in answer.headers.iter().filter(|(name, _)| name == "set-cookie") {
            let (name, value) = value.split(';').next().unwrap().split_once('=').unwrap();
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        answer
    }
}

/// Sends a request as it stands.
pub(crate) fn send(address: SocketAddr, request: &str) -> Answer {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut from = BufReader::new(stream);
    let status_line = line(&mut from);
    let status = status_line.split(' ').nth(1).and_then(|code| code.parse().ok());
    let mut headers = Vec::new();
    loop {
        let line = line(&mut from);
        let Some((name, value)) = line.split_once(": ") else { break };
        headers.push((name.to_ascii_lowercase(), value.to_owned()));
    }
    let status = status.unwrap_or_else(|| panic!("no status in {status_line:?}"));
    let mut answer = Answer { status, headers, from, left: 0, chunked: false };
    answer.chunked = answer.header("transfer-encoding") == Some("chunked");
    answer.left = answer.header("content-length").map_or(0, |length| length.parse().unwrap());
    answer
}

fn line(from: &mut impl BufRead) -> String {
    let mut line = String::new();
    from.read_line(&mut line).unwrap();
    line.trim_end().to_owned()
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The whole body as text.
    pub(crate) fn text(mut self) -> String {
        let mut text = String::new();
        self.read_to_string(&mut text).unwrap();
        text
    }
}

impl Read for Answer {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.left == 0 && self.chunked {
            let mut size = line(&mut self.from);
            if size.is_empty() {
                size = line(&mut self.from); // the end of the chunk before
            }
            self.left = usize::from_str_radix(&size, 16).unwrap_or(0);
        }
        let length = self.left.min(buffer.len());
        if length == 0 {
            return Ok(0); // the end: more would be the next answer
        }
        let read = self.from.read(&mut buffer[..length])?;
        self.left -= read;
        Ok(read)
    }
}

/// Server-sent events, one after the other.
pub(crate) struct Events(BufReader<Answer>);

impl Events {
    pub(crate) fn open(address: SocketAddr, language: &str) -> Self {
        Self::open_with(address, language, "")
    }

    /// With further header lines.
    pub(crate) fn open_with(address: SocketAddr, language: &str, headers: &str) -> Self {
        let answer = get_with(address, &format!("/events?lang={language}"), headers);
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-type"), Some("text/event-stream"));
        Self(BufReader::new(answer))
    }

    /// The next event with its data; `None` at the end.
    pub(crate) fn next(&mut self) -> Option<(String, serde_json::Value)> {
        let (mut name, mut data) = (String::new(), String::new());
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line).unwrap() == 0 {
                return None;
            }
            match line.trim_end().split_once(": ") {
                Some(("event", value)) => value.clone_into(&mut name),
                Some(("data", value)) => data.push_str(value),
                _ if !name.is_empty() => return Some((name, serde_json::from_str(&data).unwrap())),
                _ => {}
            }
        }
    }

    /// The first event of this name that satisfies `is_it`; others are passed over.
    pub(crate) fn wait(
        &mut self,
        name: &str,
        is_it: impl Fn(&serde_json::Value) -> bool,
    ) -> serde_json::Value {
        for _ in 0..200 {
            let (got, data) = self.next().expect("the stream goes on");
            if got == name && is_it(&data) {
                return data;
            }
        }
        panic!("no such {name} among 200 events");
    }
}
