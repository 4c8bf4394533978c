//! The encrypted connection: who is trusted, who this bin is, and what a failed handshake means in words.
//!
//! Never a connection to a broker whose certificate was not checked. Never an old certificate: the files are read anew at
//! each connect, so that a renewed one is used from the next connection on, without a restart.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{
    AlertDescription, CertificateError, ClientConfig, Error as TlsError, RootCertStore,
};

use super::error::Error;

/// What an encrypted connection is made with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// Certificates of whoever may vouch for the broker, PEM.
    pub authorities: PathBuf,
    /// This bin's own certificate, where the broker asks for one.
    pub own: Option<OwnCertificate>,
}

/// A certificate that says who this bin is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnCertificate {
    /// The certificate, and those between it and the broker's authority, PEM.
    pub certificate: PathBuf,
    /// Its private key, PEM.
    pub key: PathBuf,
}

/// Reads the files.
///
/// # Errors
/// [`Error::File`] for one that cannot be read or used.
pub(super) fn client_config(tls: &Tls) -> Result<Arc<ClientConfig>, Error> {
    let mut authorities = RootCertStore::empty();
    for certificate in certificates(&tls.authorities)? {
        authorities.add(certificate).map_err(|error| unusable(&tls.authorities, &error))?;
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(&tls.authorities, &error))?
        .with_root_certificates(authorities);
    let config = match &tls.own {
        None => config.with_no_client_auth(),
        Some(own) => {
            let chain = certificates(&own.certificate)?;
            let key = PrivateKeyDer::from_pem_file(&own.key).map_err(|error| unusable(&own.key, &error))?;
            config.with_client_auth_cert(chain, key).map_err(|error| unusable(&own.certificate, &error))?
        }
    };
    Ok(Arc::new(config))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let found = read.map_err(|error| unusable(path, &error))?;
    if found.is_empty() {
        return Err(Error::File { path: path.to_owned(), why: "it holds no certificate".to_owned() });
    }
    Ok(found)
}

fn unusable(path: &Path, error: &impl std::fmt::Display) -> Error {
    Error::File { path: path.to_owned(), why: error.to_string() }
}

/// What a failed connection says about certificates; `None` where it says nothing.
pub(super) fn refusal(error: &io::Error, broker: &str) -> Option<Error> {
    let (why, remedy) = words(tls_error(error)?);
    Some(Error::Insecure { broker: broker.to_owned(), why, remedy })
}

fn tls_error(error: &io::Error) -> Option<&TlsError> {
    let mut inner: &(dyn std::error::Error + 'static) = error.get_ref()?;
    loop {
        if let Some(found) = inner.downcast_ref::<TlsError>() {
            return Some(found);
        }
        if let Some(nested) = inner.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            inner = nested;
            continue;
        }
        inner = inner.source()?;
    }
}

fn words(error: &TlsError) -> (String, &'static str) {
    use AlertDescription as Alert;
    use CertificateError as Bad;
    let remedy = match error {
        TlsError::InvalidCertificate(bad) => match bad {
            Bad::UnknownIssuer | Bad::BadSignature => {
                "nobody in uplink.tls.ca_file vouches for the broker's certificate: check that file, and who answers there"
            }
            Bad::Expired | Bad::ExpiredContext { .. } => {
                "the broker's certificate has expired: its people must renew it, or this board's clock is wrong"
            }
            Bad::NotValidYet | Bad::NotValidYetContext { .. } => {
                "the broker's certificate is not valid yet: this board's clock is probably wrong"
            }
            Bad::NotValidForName | Bad::NotValidForNameContext { .. } => {
                "the broker's certificate is for another name: check uplink.host, and who answers there"
            }
            _ => "the broker's certificate cannot be used: its people must look at it",
        },
        TlsError::AlertReceived(alert) => match alert {
            Alert::CertificateRequired | Alert::HandshakeFailure => {
                "the broker wants a certificate of this bin: set uplink.tls.certificate_file and key_file"
            }
            Alert::UnknownCA | Alert::BadCertificate | Alert::DecryptError | Alert::CertificateUnknown => {
                "the broker does not accept this bin's certificate: have it issued by an authority that it knows"
            }
            Alert::CertificateExpired => {
                "this bin's certificate has expired: put a new one in its place, no restart is needed"
            }
            Alert::CertificateRevoked => {
                "this bin's certificate was revoked: ask the hub's people for a new one"
            }
            _ => "the broker ends the handshake: see its log",
        },
        TlsError::InvalidMessage(_) => "what answers there does not speak TLS: check uplink.port",
        _ => "see the broker's log",
    };
    (error.to_string(), remedy)
}
