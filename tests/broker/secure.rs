//! The encrypted connection: certificates that these tests make, a real mosquitto, and each way in which it says no.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bunri::commands::demo_hub::{HubListener, LocalBroker};
use bunri::uplink::{OwnCertificate, Settings, Tls};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};

use crate::assert_agreement;
use crate::support::bin::{Bin, bin_name, soon};

/// The years in which a certificate holds.
pub(crate) const VALID: (i32, i32) = (2020, 2090);
const EXPIRED: (i32, i32) = (2020, 2021);

/// Somebody who vouches for certificates.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub(crate) pem: String,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = params(&[], VALID);
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// A certificate for `name` and its key.
    pub(crate) fn issue(&self, name: &str, years: (i32, i32)) -> [String; 2] {
        let mut params = params(&[name], years);
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        [params.signed_by(&key, &self.issuer).unwrap().pem(), key.serialize_pem()]
    }
}

fn params(names: &[&str], years: (i32, i32)) -> CertificateParams {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.not_before = date_time_ymd(years.0, 1, 1);
    params.not_after = date_time_ymd(years.1, 1, 1);
    params
}

/// A folder of certificates that mosquitto can read as its own user.
struct Files(tempfile::TempDir);

impl Files {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        Self(folder)
    }

    fn put(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        path
    }

    fn own(&self, name: &str, [certificate, key]: &[String; 2]) -> OwnCertificate {
        OwnCertificate {
            certificate: self.put(&format!("{name}.pem"), certificate),
            key: self.put(&format!("{name}.key"), key),
        }
    }
}

/// A broker with the certificate `server`, which asks for one by `clients` where that is given.
async fn broker(
    files: &Files,
    server: &[String; 2],
    clients: Option<&Authority>,
    users: &[(&str, &str)],
) -> LocalBroker {
    let server = files.own("server", server);
    let mut config = format!("certfile {}\nkeyfile {}\n", server.certificate.display(), server.key.display());
    if let Some(authority) = clients {
        let path = files.put("clients.pem", &authority.pem);
        config += &format!("cafile {}\nrequire_certificate true\n", path.display());
    }
    LocalBroker::start(users, &config).await.unwrap()
}

fn settings(broker: &LocalBroker, authorities: &Path, own: Option<OwnCertificate>) -> Settings {
    Settings {
        tls: Some(Tls { authorities: authorities.to_owned(), own }),
        retry_min: Duration::from_millis(20),
        retry_max: Duration::from_millis(200),
        ..broker.settings(bin_name())
    }
}

/// Runs a bin with these settings until the uplink is refused; returns the refusal. Nothing may be lost.
async fn refusal(settings: Settings) -> String {
    let bin = Bin::new();
    bin.drop_items(2);
    let uplink = bin.uplink(settings);
    let mut status = uplink.status();
    let refused = soon("a refusal", status.wait_for(|status| status.refused.is_some())).await;
    let text = refused.unwrap().refused.clone().unwrap();
    assert_eq!(bin.outbox_len(), 2);
    assert!(!text.contains('\n'), "{text}");
    drop(status);
    assert!(!uplink.stop().await);
    text
}

#[tokio::test]
async fn drops_arrive_where_both_sides_show_a_certificate() {
    let (files, city) = (Files::new(), Authority::new("city"));
    let trusted = files.put("city.pem", &city.pem);
    let broker = broker(&files, &city.issue("127.0.0.1", VALID), Some(&city), &[]).await;
    let hub = files.own("hub", &city.issue("hub", VALID));
    let hub = HubListener::start(settings(&broker, &trusted, Some(hub))).await.unwrap();
    let bin = Bin::new();
    bin.drop_items(30);
    let own = files.own("bin", &city.issue("mok-1", VALID));
    let uplink = bin.uplink(settings(&broker, &trusted, Some(own)));
    assert_agreement(&hub, &bin).await;
    bin.drop_items(5);
    assert_agreement(&hub, &bin).await;
    assert!(uplink.stop().await);
}

#[tokio::test]
async fn a_broker_that_is_not_who_it_should_be_is_told_nothing() {
    let (files, city, other) = (Files::new(), Authority::new("city"), Authority::new("somebody else"));
    let trusted = files.put("city.pem", &city.pem);
    let cases = [
        (other.issue("127.0.0.1", VALID), "nobody in uplink.tls.ca_file vouches for"),
        (city.issue("127.0.0.1", EXPIRED), "the broker's certificate has expired"),
        (city.issue("hub.example", VALID), "the broker's certificate is for another name"),
    ];
    for (server, expected) in cases {
        let broker = broker(&files, &server, None, &[]).await;
        let text = refusal(settings(&broker, &trusted, None)).await;
        assert!(text.contains(expected), "{text}");
    }
    let plain = LocalBroker::start(&[], "").await.unwrap();
    let text = soon("a failure", async {
        let bin = Bin::new();
        let uplink = bin.uplink(settings(&plain, &trusted, None));
        let mut status = uplink.status();
        let text = status.wait_for(|status| status.last_error.is_some()).await.unwrap().last_error.clone();
        drop(status);
        uplink.stop().await;
        text.unwrap()
    });
    // mosquitto closes on what is no MQTT without a word.
    let text = text.await;
    assert!(text.contains("no broker answers") || text.contains("does not speak TLS"), "{text}");
}

#[tokio::test]
async fn a_bin_that_is_not_who_it_should_be_is_told_why() {
    let (files, city, other) = (Files::new(), Authority::new("city"), Authority::new("somebody else"));
    let trusted = files.put("city.pem", &city.pem);
    let broker = broker(&files, &city.issue("127.0.0.1", VALID), Some(&city), &[]).await;
    let cases = [
        (None, "the broker wants a certificate of this bin"),
        (Some(other.issue("mok-1", VALID)), "the broker does not accept this bin's certificate"),
        (Some(city.issue("mok-1", EXPIRED)), "this bin's certificate has expired"),
    ];
    for (own, expected) in cases {
        let own = own.map(|own| files.own("bin", &own));
        let text = refusal(settings(&broker, &trusted, own)).await;
        assert!(text.contains(expected), "{text}");
    }
    let [certificate, _] = city.issue("mok-1", VALID);
    let [_, key] = city.issue("mok-1", VALID);
    let own = Some(files.own("bin", &[certificate, key]));
    let text = refusal(settings(&broker, &trusted, own)).await;
    assert!(text.contains("bin.pem") && text.contains("cannot be used"), "{text}");
}

#[tokio::test]
async fn a_renewed_certificate_and_password_are_used_without_a_restart() {
    let (files, city) = (Files::new(), Authority::new("city"));
    let trusted = files.put("city.pem", &city.pem);
    let server = city.issue("127.0.0.1", VALID);
    let users = [("hub", "h"), ("bin", "new-password")];
    let broker = broker(&files, &server, Some(&city), &users).await;
    let hub = Settings {
        password_file: Some(files.put("hub.login", "hub:h\n")),
        ..settings(&broker, &trusted, Some(files.own("hub", &city.issue("hub", VALID))))
    };
    let hub = HubListener::start(hub).await.unwrap();
    let bin = Bin::new();
    bin.drop_items(3);
    let login = files.put("bin.login", "bin:old-password\n");
    let own = files.own("bin", &city.issue("mok-1", EXPIRED));
    let uplink =
        bin.uplink(Settings { password_file: Some(login), ..settings(&broker, &trusted, Some(own)) });
    let mut status = uplink.status();
    let says = |words: &'static str| {
        move |status: &bunri::uplink::Status| {
            status.refused.as_ref().is_some_and(|text| text.contains(words) && !text.contains("password\n"))
        }
    };
    soon("the expired certificate", status.wait_for(says("certificate has expired"))).await.unwrap();
    // Key and certificate do not change in one moment: a pair that does not fit is a refusal like any other.
    files.own("bin", &city.issue("mok-1", VALID));
    soon("the old password", status.wait_for(says("check username and password"))).await.unwrap();
    assert!(!status.borrow().refused.as_ref().unwrap().contains("old-password"));
    files.put("bin.login", "bin:new-password\n");
    drop(status);
    assert_agreement(&hub, &bin).await;
    assert!(uplink.stop().await);
}
