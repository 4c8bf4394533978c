//! Files of the hub: what a command has the bin fetch, or put there. HTTP/1.1, and nothing else of the web.
//!
//! ```text
//!   uplink.hub_url = "https://hub.example/files/"        what a command may name:
//!                     └────────────────────────┴──────── this, and plain names below it
//! ```
//!
//! Never another server: a redirection is an answer like any other that is not what was asked for. Never without a
//! check of who answers, but on this machine itself. Never more bytes than allowed, never a wait without an end. No
//! password goes there: where the server asks for one, it is this bin's certificate (`[uplink.tls]`).

use std::net::IpAddr;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST};
use hyper::{Method, Request, Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;

use super::tls::{self, Tls};

/// How long the server may take to answer, and to send the next piece.
const SILENT_LIMIT: Duration = Duration::from_secs(30);
/// How long a whole file may take: the largest at a tenth of a megabyte a second.
const FILE_LIMIT: Duration = Duration::from_secs(15 * 60);
/// Letters of an address at most.
const URL_LENGTH_MAX: usize = 300;

/// Why a file did not come or go.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// Nobody answers, or no longer.
    #[error("{url} cannot be reached ({why}): ask again later")]
    Unreachable {
        /// The file.
        url: String,
        /// What the system said.
        why: String,
    },
    /// It is not known who answers.
    #[error(
        "no secure connection to {url} ({why}): its certificate must be one that uplink.tls.ca_file vouches for"
    )]
    Insecure {
        /// The file.
        url: String,
        /// What is wrong.
        why: String,
    },
    /// The server says no.
    #[error(
        "{url}: the server answers {status}: check that the file is there, and that this bin may have it or put it there"
    )]
    Refused {
        /// The file.
        url: String,
        /// Its status.
        status: StatusCode,
    },
    /// It is larger than anything that is wanted.
    #[error("{url} is larger than {limit} bytes: it is no archive of this bin's bundles")]
    TooLarge {
        /// The file.
        url: String,
        /// What is allowed.
        limit: u64,
    },
    /// It takes too long.
    #[error("{url} takes too long: ask again later")]
    Slow {
        /// The file.
        url: String,
    },
}

impl FileError {
    /// Whether waiting may cure it.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Slow { .. } => true,
            Self::Refused { status, .. } => status.is_server_error(),
            Self::Insecure { .. } | Self::TooLarge { .. } => false,
        }
    }
}

/// The folder at the hub's web server in which a command may name files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HubFolder {
    url: String,
    encrypted: bool,
    /// Host, and port where it is named.
    authority: String,
    host: String,
    port: u16,
    /// With the slash at its end.
    path: String,
}

/// One file in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HubFile {
    folder: HubFolder,
    name: String,
}

impl HubFolder {
    /// Reads the address of a folder.
    ///
    /// # Errors
    /// What is wrong with it, and what would be right.
    pub fn parse(url: &str) -> Result<Self, String> {
        let uri: Uri = url.parse().map_err(|error| format!("'{url}' is no address: {error}"))?;
        let encrypted = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(format!("'{url}' does not begin with https://")),
        };
        let Some(authority) = uri.authority().filter(|_| !url.contains(['@', '?', '#'])) else {
            return Err(format!("'{url}' must be a scheme, a host and a path, and nothing else"));
        };
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let here = host.parse().is_ok_and(|address: IpAddr| address.is_loopback());
        if !encrypted && !here {
            return Err(format!(
                "'{url}' must begin with https://: without encryption only 127.0.0.1 will do"
            ));
        }
        if !url.ends_with('/') || uri.path().split('/').any(|part| part.starts_with('.')) {
            return Err(format!("'{url}' must be a folder: end it with a slash"));
        }
        let port = uri.port_u16().unwrap_or(if encrypted { 443 } else { 80 });
        let (url, path) = (url.to_owned(), uri.path().to_owned());
        Ok(Self { url, encrypted, authority: authority.to_string(), host, port, path })
    }

    /// Whether the connection is encrypted, and `[uplink.tls]` is needed.
    pub const fn is_encrypted(&self) -> bool {
        self.encrypted
    }

    /// The file that an address names.
    ///
    /// # Errors
    /// When it is not below this folder, or not a plain name there.
    pub fn file(&self, url: &str) -> Result<HubFile, String> {
        let plain = |part: &str| {
            let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.@+".contains(&byte);
            !part.is_empty() && !part.starts_with('.') && part.bytes().all(letter)
        };
        let name = url.strip_prefix(&self.url).filter(|_| url.len() <= URL_LENGTH_MAX);
        match name.filter(|name| name.split('/').all(plain)) {
            Some(name) => Ok(HubFile { folder: self.clone(), name: name.to_owned() }),
            None => Err(format!("url is not a file below uplink.hub_url, which is {}", self.url)),
        }
    }
}

impl HubFile {
    /// Its address.
    pub fn url(&self) -> String {
        format!("{}{}", self.folder.url, self.name)
    }

    /// Fetches it: at most `limit` bytes.
    ///
    /// # Errors
    /// Why not; nothing is kept then.
    pub async fn fetch(&self, tls: Option<&Tls>, limit: u64) -> Result<Vec<u8>, FileError> {
        let fetched = async {
            let mut exchange = self.ask(tls, Method::GET, None).await?;
            let too_large = || FileError::TooLarge { url: self.url(), limit };
            let announced = exchange.answer.headers().get(CONTENT_LENGTH);
            let announced = announced.and_then(|length| length.to_str().ok()?.parse().ok());
            if announced.is_some_and(|length: u64| length > limit) {
                return Err(too_large());
            }
            let mut bytes = Vec::new();
            while let Some(frame) = self.in_time(exchange.answer.frame()).await? {
                let frame = frame.map_err(|error| self.unreachable(&error))?;
                let Ok(piece) = frame.into_data() else { continue };
                if bytes.len() as u64 + piece.len() as u64 > limit {
                    return Err(too_large());
                }
                bytes.extend_from_slice(&piece);
            }
            Ok(bytes)
        };
        timeout(FILE_LIMIT, fetched).await.map_err(|_| self.slow())?
    }

    /// Puts `bytes` there.
    ///
    /// # Errors
    /// Why not; whether the server has kept some of it is the server's affair.
    pub async fn put(&self, tls: Option<&Tls>, kind: &'static str, bytes: Vec<u8>) -> Result<(), FileError> {
        let put = self.ask(tls, Method::PUT, Some((kind, bytes)));
        timeout(FILE_LIMIT, put).await.map_err(|_| self.slow())?.map(drop)
    }

    /// Asks the server; an answer that is no success is an error.
    async fn ask(
        &self,
        tls: Option<&Tls>,
        method: Method,
        body: Option<(&'static str, Vec<u8>)>,
    ) -> Result<Exchange, FileError> {
        let HubFolder { encrypted, authority, host, port, path, .. } = &self.folder;
        let stream = self.in_time(TcpStream::connect((host.as_str(), *port))).await?;
        let stream = stream.map_err(|error| self.unreachable(&error))?;
        let mut request =
            Request::builder().method(&method).uri(format!("{path}{}", self.name)).header(HOST, authority);
        let mut bytes = Vec::new();
        if let Some((kind, body)) = body {
            request = request.header(CONTENT_TYPE, kind);
            bytes = body;
        }
        let request = request.body(Full::from(bytes)).map_err(|error| self.unreachable(&error))?;
        let exchange = if *encrypted {
            let stream = self.in_time(self.encrypt(tls, stream)).await??;
            self.exchange(stream, request).await?
        } else {
            self.exchange(stream, request).await?
        };
        let status = exchange.answer.status();
        let wanted = if method == Method::GET { status == StatusCode::OK } else { status.is_success() };
        if !wanted {
            return Err(FileError::Refused { url: self.url(), status });
        }
        Ok(exchange)
    }

    async fn encrypt(
        &self,
        tls: Option<&Tls>,
        stream: TcpStream,
    ) -> Result<impl AsyncRead + AsyncWrite + Send + Unpin + use<>, FileError> {
        let insecure = |why: String| FileError::Insecure { url: self.url(), why };
        let tls = tls.ok_or_else(|| insecure("uplink.tls is not set".to_owned()))?;
        let config = tls::client_config(tls).map_err(|error| insecure(error.to_string()))?;
        let name =
            ServerName::try_from(self.folder.host.clone()).map_err(|error| insecure(error.to_string()))?;
        TlsConnector::from(config).connect(name, stream).await.map_err(|error| {
            let about_certificates = tls::refusal(&error, "").is_some();
            if about_certificates { insecure(error.to_string()) } else { self.unreachable(&error) }
        })
    }

    async fn exchange(
        &self,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        request: Request<Full<Bytes>>,
    ) -> Result<Exchange, FileError> {
        let opened = self.in_time(http1::handshake(TokioIo::new(stream))).await?;
        let (mut sender, connection) = opened.map_err(|error| self.unreachable(&error))?;
        let mut driver = JoinSet::new();
        driver.spawn(async move {
            // What goes wrong there is told to whoever waits for the answer.
            let _told = connection.await.is_err();
        });
        let answer = self.in_time(sender.send_request(request)).await?;
        let answer = answer.map_err(|error| self.unreachable(&error))?;
        Ok(Exchange { answer, _driver: driver })
    }

    async fn in_time<T>(&self, work: impl Future<Output = T>) -> Result<T, FileError> {
        timeout(SILENT_LIMIT, work).await.map_err(|_| self.slow())
    }

    fn unreachable(&self, error: &dyn std::error::Error) -> FileError {
        let why = error.source().map_or_else(|| error.to_string(), |source| format!("{error}: {source}"));
        FileError::Unreachable { url: self.url(), why }
    }

    fn slow(&self) -> FileError {
        FileError::Slow { url: self.url() }
    }
}

/// An answer, and what moves its bytes for as long as it lives.
struct Exchange {
    answer: Response<Incoming>,
    _driver: JoinSet<()>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_encrypted_or_on_this_machine() {
        for good in ["https://hub.example/files/", "https://hub.example:8443/", "http://127.0.0.1:8080/a/b/"]
        {
            let folder = HubFolder::parse(good).unwrap_or_else(|why| panic!("{good}: {why}"));
            assert_eq!(folder.is_encrypted(), good.starts_with("https"));
        }
        let cases = [
            ("http://hub.example/files/", "must begin with https"),
            ("http://localhost/files/", "must begin with https"),
            ("ftp://hub.example/", "does not begin with https"),
            ("/files/", "does not begin with https"),
            ("https://hub.example/files", "end it with a slash"),
            ("https://hub.example/../", "end it with a slash"),
            ("https://user@hub.example/", "nothing else"),
            ("https://hub.example/?to=/", "nothing else"),
            ("https:// /", "is no address"),
        ];
        for (bad, why) in cases {
            assert!(HubFolder::parse(bad).unwrap_err().contains(why), "{bad}");
        }
    }

    #[test]
    fn a_file_is_below_the_folder_and_nowhere_else() {
        let folder = HubFolder::parse("https://hub.example/files/").unwrap();
        for good in ["model.tar", "models/bunri-lite0@2027.1.tar", "a/b/c-d_e+f"] {
            let url = format!("https://hub.example/files/{good}");
            assert_eq!(folder.file(&url).unwrap().url(), url);
        }
        for bad in [
            "https://hub.example/files/",
            "https://hub.example/other/model.tar",
            "http://hub.example/files/model.tar",
            "https://hub.example.attacker/files/model.tar",
            "https://hub.example/files/../secret",
            "https://hub.example/files/%2e%2e/secret",
            "https://hub.example/files/a//b",
            "https://hub.example/files/model.tar?to=elsewhere",
            "https://hub.example/files/a b",
            "https://hub.example/files/a\r\nHost: elsewhere",
        ] {
            assert!(folder.file(bad).unwrap_err().contains("uplink.hub_url"), "{bad}");
        }
        let long = format!("https://hub.example/files/{}", "a".repeat(URL_LENGTH_MAX));
        assert!(folder.file(&long).is_err());
    }
}
