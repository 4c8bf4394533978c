//! The hub's web server: a folder in memory that gives files, and takes them.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use bunri::uplink::{HubFile, HubFolder};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// Bytes that `endless` sends without saying so before.
pub(crate) const ENDLESS: usize = 64 * 1024;

type Shelf = Arc<Mutex<BTreeMap<String, Vec<u8>>>>;

pub(crate) struct Files {
    pub(crate) folder: HubFolder,
    root: String,
    shelf: Shelf,
    /// What was asked, in order.
    asked: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Files {
    /// Without encryption.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self::serve("http", listener.local_addr().unwrap(), listener)
    }

    /// With the certificate that `tls` shows.
    pub(crate) async fn start_encrypted(tls: TlsAcceptor) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self::serve("https", listener.local_addr().unwrap(), Encrypted(listener, tls))
    }

    fn serve<L>(scheme: &str, address: SocketAddr, listener: L) -> Self
    where
        L: axum::serve::Listener<Addr = SocketAddr>,
    {
        let root = format!("{scheme}://{address}/files/");
        let folder = HubFolder::parse(&root).unwrap();
        let (shelf, asked) = (Shelf::default(), Arc::default());
        let router = Router::new().fallback(answer).with_state((Arc::clone(&shelf), Arc::clone(&asked)));
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { folder, root, shelf, asked, task }
    }

    pub(crate) fn put(&self, name: &str, bytes: Vec<u8>) {
        self.shelf.lock().unwrap().insert(format!("/files/{name}"), bytes);
    }

    pub(crate) fn get(&self, name: &str) -> Option<Vec<u8>> {
        self.shelf.lock().unwrap().get(&format!("/files/{name}")).cloned()
    }

    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    pub(crate) fn url(&self, name: &str) -> String {
        format!("{}{name}", self.root)
    }

    pub(crate) fn file(&self, name: &str) -> HubFile {
        self.folder.file(&self.url(name)).unwrap()
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(
    State((shelf, asked)): State<(Shelf, Arc<Mutex<Vec<String>>>)>,
    method: Method,
    uri: Uri,
    body: Bytes,
) -> Response {
    let path = uri.path().to_owned();
    asked.lock().unwrap().push(format!("{method} {path}"));
    match (method, path.as_str()) {
        (Method::GET, "/files/moved") => {
            (StatusCode::FOUND, [(header::LOCATION, "/files/model.tar")]).into_response()
        }
        (Method::GET, "/files/endless") => {
            let pieces = (0..ENDLESS / 1024).map(|_| Ok::<_, Infallible>(vec![0_u8; 1024]));
            Body::from_stream(tokio_stream::iter(pieces)).into_response()
        }
        (Method::GET, _) => match shelf.lock().unwrap().get(&path) {
            Some(bytes) => bytes.clone().into_response(),
            None => StatusCode::NOT_FOUND.into_response(),
        },
        (Method::PUT, "/files/closed") => StatusCode::FORBIDDEN.into_response(),
        (Method::PUT, _) => {
            shelf.lock().unwrap().insert(path, body.to_vec());
            StatusCode::CREATED.into_response()
        }
        _ => StatusCode::METHOD_NOT_ALLOWED.into_response(),
    }
}

struct Encrypted(TcpListener, TlsAcceptor);

impl axum::serve::Listener for Encrypted {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (stream, address) = self.0.accept().await.unwrap();
            if let Ok(stream) = self.1.accept(stream).await {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.0.local_addr()
    }
}
