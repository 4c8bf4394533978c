//! Connections with limits: how many, how large their headers, how long they may dawdle.

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{Sleep, sleep, timeout};
use tokio_rustls::TlsAcceptor;

use super::acting::Peer;
use super::events::{ClientStalled, Stopped};
use super::{CONNECTIONS_MAX, CONNECTIONS_OF_ONE, stopped};

/// The handshake, then a request's headers, must be there within this time; an idle connection is closed after it.
const HEADERS_WITHIN: Duration = Duration::from_secs(10);
/// Bytes of a request's headers, and of an answer on its way.
const BUFFER_MAX: usize = 16 * 1024;
/// Headers of a request.
const HEADERS_MAX: usize = 64;
/// A client that takes not one byte for this long is gone.
const STALLED_AFTER: Duration = Duration::from_secs(10);
/// After a stop, answers on their way have this long.
const GOODBYE: Duration = Duration::from_millis(400);
/// The same for everything together.
const GOODBYE_ALL: Duration = Duration::from_millis(700);
/// After a failed accept (no more file descriptors), the next try.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// Answers connections until `stop`.
pub(super) async fn accept(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    router: Router,
    mut stop: watch::Receiver<bool>,
) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let callers = Arc::new(Callers::default());
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let accepted = async {
            let place = Semaphore::acquire_owned(Arc::clone(&places)).await;
            (place, listener.accept().await)
        };
        tokio::select! {
            (place, accepted) = accepted => match accepted {
                Ok((stream, from)) => {
                    // One too many from the same address is closed without a word; the others have their places.
                    let Some(caller) = Callers::admit(&callers, from.ip()) else { continue };
                    let router = router.clone().layer(Extension(Peer(from.ip())));
                    let connection = answer(stream, tls.clone(), router, stop.clone());
                    connections.spawn(async move {
                        connection.await;
                        drop((place, caller));
                    });
                }
                Err(_) => sleep(ACCEPT_AGAIN).await,
            },
            () = stopped(&mut stop) => break,
        }
    }
    drop(listener);
    let _cut = timeout(GOODBYE_ALL, async { while connections.join_next().await.is_some() {} }).await;
    Stopped { cut: connections.len() }.emit();
    connections.shutdown().await;
}

/// How many connections each address has.
#[derive(Debug, Default)]
struct Callers(Mutex<HashMap<IpAddr, usize>>);

/// One connection of an address, until it is dropped.
struct Caller(Arc<Callers>, IpAddr);

impl Callers {
    fn admit(callers: &Arc<Callers>, address: IpAddr) -> Option<Caller> {
        let mut all = callers.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = all.entry(address).or_default();
        if *count >= CONNECTIONS_OF_ONE {
            return None;
        }
        *count += 1;
        Some(Caller(Arc::clone(callers), address))
    }
}

impl Drop for Caller {
    fn drop(&mut self) {
        let mut all = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = all.get_mut(&self.1) {
            *count -= 1;
            if *count == 0 {
                all.remove(&self.1);
            }
        }
    }
}

async fn answer(stream: TcpStream, tls: Option<TlsAcceptor>, router: Router, stop: watch::Receiver<bool>) {
    // Small events must not wait for the answer to the last one.
    let _not_vital = stream.set_nodelay(true);
    let stream = Patient::new(stream, STALLED_AFTER);
    let mut stopping = stop.clone();
    match tls {
        None => talk(stream, router, stop).await,
        Some(tls) => tokio::select! {
            shaken = timeout(HEADERS_WITHIN, tls.accept(stream)) => {
                // A client that does not speak TLS, or not in time, concerns nobody.
                if let Ok(Ok(stream)) = shaken {
                    talk(stream, router, stop).await;
                }
            }
            () = stopped(&mut stopping) => {}
        },
    }
}

async fn talk(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    router: Router,
    mut stop: watch::Receiver<bool>,
) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS_WITHIN)
        .max_buf_size(BUFFER_MAX)
        .max_headers(HEADERS_MAX)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    tokio::pin!(connection);
    tokio::select! {
        // What a client does wrong, or its going away, concerns nobody.
        _ended = connection.as_mut() => return,
        () = stopped(&mut stop) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ended = timeout(GOODBYE, connection).await;
}

/// A connection whose client must take something now and then.
struct Patient {
    stream: TcpStream,
    limit: Duration,
    /// Runs while a write waits.
    waiting: Option<Pin<Box<Sleep>>>,
}

impl Patient {
    const fn new(stream: TcpStream, limit: Duration) -> Self {
        Self { stream, limit, waiting: None }
    }

    /// Passes a write's result on; one that waits too long has failed.
    fn bounded<T>(&mut self, written: Poll<io::Result<T>>, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.waiting = None;
            return written;
        }
        let limit = self.limit;
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(sleep(limit)));
        ready!(waiting.as_mut().poll(cx));
        ClientStalled.emit();
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Patient {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Patient {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.bounded(written, cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.bounded(written, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use tokio::io::AsyncWriteExt;

    use super::*;

    #[tokio::test]
    async fn a_client_that_reads_nothing_is_given_up() {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let mut patient = Patient::new(listener.accept().await.unwrap().0, Duration::from_millis(20));
        let more_than_any_buffer = vec![0; 64 << 20];
        let error = patient.write_all(&more_than_any_buffer).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        drop(client);
    }
}
