//! Files of the hub: what comes, what goes, and each way in which they do not.

use std::sync::Arc;

use bunri::uplink::{FileError, HubFolder, Tls};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::secure::{Authority, VALID};
use crate::support::files::{ENDLESS, Files};

fn acceptor([certificate, key]: [String; 2]) -> TlsAcceptor {
    let chain = CertificateDer::pem_slice_iter(certificate.as_bytes()).map(Result::unwrap).collect();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
    TlsAcceptor::from(Arc::new(config.with_single_cert(chain, key).unwrap()))
}

#[tokio::test]
async fn a_file_comes_whole_or_not_at_all() {
    let files = Files::start().await;
    let model: Vec<u8> = (0..200_000_u32).map(|index| (index % 251) as u8).collect();
    files.put("model.tar", model.clone());
    assert_eq!(files.file("model.tar").fetch(None, 200_000).await.unwrap(), model);
    let why = |error: FileError| (error.is_transient(), error.to_string());
    let (again, text) = why(files.file("model.tar").fetch(None, 199_999).await.unwrap_err());
    assert!(!again && text.contains("larger than 199999 bytes"), "{text}");
    // It does not say how long it is; what is too much is noticed all the same.
    let (again, text) = why(files.file("endless").fetch(None, ENDLESS as u64 - 1).await.unwrap_err());
    assert!(!again && text.contains("larger than"), "{text}");
    for (name, status) in [("nothing.tar", "404"), ("moved", "302")] {
        let (again, text) = why(files.file(name).fetch(None, 1_000).await.unwrap_err());
        assert!(!again && text.contains(status), "{text}");
    }
    assert_eq!(files.asked().last().unwrap(), "GET /files/moved", "a redirection is not followed");
    let closed = HubFolder::parse("http://127.0.0.1:1/files/").unwrap();
    let nobody = closed.file("http://127.0.0.1:1/files/model.tar").unwrap();
    let (again, text) = why(nobody.fetch(None, 1_000).await.unwrap_err());
    assert!(again && text.contains("cannot be reached"), "{text}");
}

#[tokio::test]
async fn a_file_goes_where_it_may() {
    let files = Files::start().await;
    files.file("support/mok-1.tar.gz").put(None, "application/gzip", b"bundle".to_vec()).await.unwrap();
    assert_eq!(files.get("support/mok-1.tar.gz").unwrap(), b"bundle");
    let error = files.file("closed").put(None, "application/gzip", b"bundle".to_vec()).await.unwrap_err();
    assert!(error.to_string().contains("403"), "{error}");
}

#[tokio::test]
async fn a_server_that_is_not_who_it_should_be_gets_and_gives_nothing() {
    let (city, other) = (Authority::new("city"), Authority::new("somebody else"));
    let folder = tempfile::tempdir().unwrap();
    let authorities = folder.path().join("city.pem");
    std::fs::write(&authorities, &city.pem).unwrap();
    let tls = Tls { authorities, own: None };
    let fetch = async |certificate| {
        let files = Files::start_encrypted(acceptor(certificate)).await;
        files.put("model.tar", b"model".to_vec());
        let fetched = files.file("model.tar").fetch(Some(&tls), 100).await;
        (fetched, files.asked().len())
    };
    let (fetched, _) = fetch(city.issue("127.0.0.1", VALID)).await;
    assert_eq!(fetched.unwrap(), b"model");
    for certificate in [
        other.issue("127.0.0.1", VALID),
        city.issue("127.0.0.1", (2020, 2021)),
        city.issue("hub.example", VALID),
    ] {
        let (fetched, asked) = fetch(certificate).await;
        let error = fetched.unwrap_err();
        assert!(matches!(error, FileError::Insecure { .. }), "{error}");
        assert_eq!(asked, 0);
    }
    let plain = Files::start().await;
    let address = plain.url("model.tar").replace("http://", "https://");
    let folder = HubFolder::parse(address.strip_suffix("model.tar").unwrap()).unwrap();
    let error = folder.file(&address).unwrap().fetch(Some(&tls), 100).await.unwrap_err();
    assert!(matches!(error, FileError::Insecure { .. } | FileError::Unreachable { .. }), "{error}");
    let error = folder.file(&address).unwrap().fetch(None, 100).await.unwrap_err();
    assert!(error.to_string().contains("uplink.tls"), "{error}");
}
