//! The encrypted connection: rustls, with a certificate that is given or made here at the first start.
//!
//! Never an unencrypted answer on an encrypted port. Never a key that others may read. Never a new certificate while
//! the old one can be read: whoever has accepted it once is asked again only when it changed.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::events::CertificateMade;
use super::settings::Tls;
use super::{Settings, WebError};

/// The years in which an own certificate holds: a board without a clock battery may begin in any of them.
const VALID: (i32, i32) = (2020, 2099);

/// What encrypts connections; `None` where nothing does.
///
/// # Errors
/// When the certificate or its key cannot be read, made or used.
pub(super) fn acceptor(settings: &Settings) -> Result<Option<TlsAcceptor>, WebError> {
    let (certificate, key) = match &settings.tls {
        Tls::Off => return Ok(None),
        Tls::Own => own(settings)?,
        Tls::Given { certificate, key } => (certificate.clone(), key.clone()),
    };
    let damaged = |path: &Path, why: String| WebError::Certificate { path: path.to_owned(), why };
    let chain = CertificateDer::pem_file_iter(&certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| damaged(&certificate, error.to_string()))?;
    let private = PrivateKeyDer::from_pem_file(&key).map_err(|error| damaged(&key, error.to_string()))?;
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, private))
        .map_err(|error| damaged(&certificate, error.to_string()))?;
    Ok(Some(TlsAcceptor::from(Arc::new(config))))
}

/// The own certificate and its key, made if there is none.
fn own(settings: &Settings) -> Result<(PathBuf, PathBuf), WebError> {
    let (certificate, key) = (settings.folder.join("certificate.pem"), settings.folder.join("key.pem"));
    if certificate.exists() && key.exists() {
        return Ok((certificate, key));
    }
    let unmade =
        |error: rcgen::Error| WebError::Certificate { path: certificate.clone(), why: error.to_string() };
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    names.extend(settings.names.iter().cloned());
    if !settings.listen.ip().is_unspecified() && !settings.listen.ip().is_loopback() {
        names.push(settings.listen.ip().to_string());
    }
    let mut params = rcgen::CertificateParams::new(names).map_err(unmade)?;
    params.not_before = rcgen::date_time_ymd(VALID.0, 1, 1);
    params.not_after = rcgen::date_time_ymd(VALID.1, 12, 31);
    params.distinguished_name.push(rcgen::DnType::CommonName, "Bunri");
    let pair = rcgen::KeyPair::generate().map_err(unmade)?;
    let made = params.self_signed(&pair).map_err(unmade)?;
    let write = |path: &Path, text: String| {
        let written = crate::whole_file::write(path, text.as_bytes());
        written.map_err(|source| WebError::File { doing: "write", path: path.to_owned(), source })
    };
    // The key first: a certificate without its key would be made anew, a key alone too.
    write(&key, pair.serialize_pem())?;
    write(&certificate, made.pem())?;
    CertificateMade { path: &certificate, fingerprint: &fingerprint(made.der()) }.emit();
    Ok((certificate, key))
}

/// What a browser shows of a certificate: to compare before it is accepted.
fn fingerprint(der: &[u8]) -> String {
    let pairs: Vec<_> = Sha256::digest(der).iter().map(|byte| format!("{byte:02X}")).collect();
    pairs.join(":")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_own_certificate_is_made_once_and_a_bad_one_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = Settings::new("0.0.0.0:8443".parse().unwrap(), folder.path().to_owned());
        assert!(acceptor(&settings).unwrap().is_none());
        settings.tls = Tls::Own;
        settings.names = vec!["bin-17.local".to_owned()];
        assert!(acceptor(&settings).unwrap().is_some());
        let made = std::fs::read_to_string(folder.path().join("certificate.pem")).unwrap();
        assert!(acceptor(&settings).unwrap().is_some());
        let again = std::fs::read_to_string(folder.path().join("certificate.pem")).unwrap();
        assert_eq!(made, again);

        let missing = folder.path().join("missing.pem");
        settings.tls = Tls::Given { certificate: missing.clone(), key: folder.path().join("key.pem") };
        let error = acceptor(&settings).err().unwrap().to_string();
        assert!(error.contains("missing.pem") && error.contains("web.certificate"), "{error}");
        // The key of another certificate.
        let other = tempfile::tempdir().unwrap();
        acceptor(&Settings { tls: Tls::Own, ..Settings::new(settings.listen, other.path().to_owned()) })
            .unwrap();
        let certificate = folder.path().join("certificate.pem");
        settings.tls = Tls::Given { certificate, key: other.path().join("key.pem") };
        assert!(acceptor(&settings).is_err());
    }
}
