//! Who gets in, who may act, and what is written down of it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bunri::clock::Clock as _;
use bunri::judge::{Command, CompartmentId};
use bunri::streams::Stream;
use bunri::tally::{AuditEntry, AuditOutcome};
use bunri::web::album::Keeping;
use bunri::web::{Role, Tls, Users};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::ring};

use crate::bin::{Bin, KIM, LEE, a_can, add_logins};
use crate::client::{Browser, Events, get, post, send};

/// Every address that changes something.
const ACTING: [&str; 9] = [
    "/compartments/say",
    "/drops/correct",
    "/drops/withdraw",
    "/flap/ask",
    "/settings/change",
    "/settings/undo",
    "/camera/learn",
    "/camera/return",
    "/camera/save",
];

fn audit(bin: &Bin) -> Vec<AuditEntry> {
    bin.tally.call(|ledger| ledger.audit_recent(100)).unwrap()
}

/// What, by whom and with what outcome, oldest first.
fn deeds(bin: &Bin) -> Vec<(String, String, AuditOutcome)> {
    audit(bin).into_iter().rev().map(|entry| (entry.who, entry.what, entry.outcome)).collect()
}

#[test]
fn without_a_login_the_page_says_how_to_make_one_and_shows_nothing() {
    let bin = Bin::with(|_| {});
    let mut browser = Browser::new(bin.address);
    for path in ["/", "/camera", "/compartments", "/flap", "/settings"] {
        let answer = browser.get(path);
        assert_eq!(answer.status, 303, "{path}");
        assert_eq!(answer.header("location"), Some(format!("/login?next={path}").as_str()));
    }
    for path in ["/events", "/picture"] {
        assert_eq!(browser.get(path).status, 401, "{path}");
    }
    assert_eq!(get(bin.address, "/healthz").status, 200);
    let page = browser.get("/login?lang=en").text();
    assert!(page.contains("bunri passwd") && !page.contains("name=\"password\""), "{page}");
    assert!(audit(&bin).is_empty());
}

#[test]
fn the_right_password_opens_and_the_wrong_one_does_not() {
    let bin = Bin::with_logins();
    let mut browser = Browser::new(bin.address);
    let answer = browser.log_in(KIM.0, LEE.1);
    assert_eq!(answer.status, 401);
    assert_eq!(browser.get("/").status, 303, "still outside");
    let answer = browser.log_in(KIM.0, KIM.1);
    let cookie = answer.header("set-cookie").unwrap().to_owned();
    for attribute in ["HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    assert_eq!(browser.get("/").status, 200);
    assert!(browser.get("/?lang=en").text().contains("kim · may act"));
    let mut events = Events::open_with(bin.address, "en", &browser.cookies());
    assert_eq!(events.next().unwrap().0, "state");

    let token = browser.token("/");
    assert_eq!(browser.post("/logout", &[]).status, 403, "no token");
    assert_eq!(browser.post("/logout", &[("token", &token)]).status, 303);
    assert_eq!(browser.get("/").status, 303);
    let kim = |what: &str, outcome| ("kim".to_owned(), what.to_owned(), outcome);
    let (done, refused) = (AuditOutcome::Done, AuditOutcome::Refused);
    assert_eq!(deeds(&bin), [kim("log_in", refused), kim("log_in", done), kim("log_out", done)]);
    assert!(audit(&bin).iter().all(|entry| entry.address == "127.0.0.1"));
}

#[test]
fn a_login_form_of_another_site_is_refused() {
    let bin = Bin::with_logins();
    let fields = [("name", KIM.0), ("password", KIM.1), ("token", "guessed")];
    assert_eq!(post(bin.address, "/login", "", &fields).status, 403, "no visitor's cookie");
    let mut browser = Browser::new(bin.address);
    browser.get("/login");
    assert_eq!(browser.post("/login", &fields).status, 403, "another token");
    assert_eq!(browser.get("/").status, 303);
}

#[test]
fn five_wrong_passwords_lock_the_address_out_for_a_minute() {
    let bin = Bin::with_logins();
    let mut browser = Browser::new(bin.address);
    let statuses: Vec<_> = (0..5).map(|_| browser.log_in(KIM.0, "a wrong guess").status).collect();
    assert_eq!(statuses, [401, 401, 401, 401, 429]);
    let locked = browser.log_in(KIM.0, KIM.1);
    assert_eq!(locked.status, 429, "the right password too");
    assert_eq!(audit(&bin).len(), 5, "what comes while it is locked fills no log");
    bin.clock.forward(Duration::from_secs(61));
    assert_eq!(browser.log_in(KIM.0, KIM.1).status, 303);
}

#[test]
fn nothing_is_changed_without_the_role_and_the_token() {
    let bin = Bin::with_logins();
    let wanted = [("stream", "can"), ("event", "full")];
    for path in ACTING {
        let answer = post(bin.address, path, "Accept: text/html\r\n", &wanted);
        assert_eq!((answer.status, answer.header("location")), (303, Some("/login")), "{path}");
        assert_eq!(post(bin.address, path, "", &wanted).status, 401, "{path}");
    }
    assert!(audit(&bin).is_empty(), "nobody was there");
    let (mut kim, mut lee) = (Browser::of(bin.address, KIM), Browser::of(bin.address, LEE));
    let (of_kim, of_lee) = (kim.token("/"), lee.token("/"));
    assert!(!lee.get("/compartments").text().contains("<form class"), "lee sees no button");
    for path in ACTING {
        let with =
            |token: &str| [wanted[0], wanted[1], ("token", token)].map(|(a, b)| (a.to_owned(), b.to_owned()));
        let send = |browser: &mut Browser, token: &str| {
            let fields = with(token);
            let fields: Vec<_> = fields.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
            browser.post(path, &fields).status
        };
        assert_eq!(kim.post(path, &wanted).status, 403, "{path}: no token");
        assert_eq!(send(&mut kim, &of_lee), 403, "{path}: another session's token");
        assert_eq!(send(&mut lee, &of_lee), 403, "{path}: may look only");
    }
    assert!(bin.commands.lock().unwrap().is_empty());
    let refused = deeds(&bin).iter().filter(|(_, _, outcome)| *outcome == AuditOutcome::Refused).count();
    assert_eq!(refused, 3 * ACTING.len());

    let fields = [wanted[0], wanted[1], ("token", of_kim.as_str())];
    let answer = kim.post(ACTING[0], &fields);
    assert_eq!(answer.header("location"), Some("/compartments?done=compartment-said#note"));
    assert_eq!(*bin.commands.lock().unwrap(), [Command::Full(CompartmentId(1), true)]);
    let newest = &audit(&bin)[0];
    assert_eq!((newest.who.as_str(), newest.detail.as_str()), ("kim", "can full"));
    assert!(bin.tally.call(|ledger| ledger.compartment(Stream::Can)).unwrap().full);
    let page = kim.get("/compartments?done=compartment-said&lang=en").text();
    assert!(page.contains("Noted.") && page.contains("Not full after all"), "{page}");
}

#[test]
fn a_picture_of_a_drop_is_shown_to_the_crew_after_the_audit_log_says_so() {
    let until = jiff::civil::date(9_999, 12, 31);
    let keeping = Keeping { until, days_most: 14, pictures_most: 10, bytes_most: 1_000 };
    let bin = Bin::with(|settings| {
        settings.keep_frames = Some(keeping);
        add_logins(&settings.folder);
    });
    bin.drop_item(a_can());
    bin.drop_item(a_can());
    bin.album.as_ref().unwrap().put(2, b"a picture", bin.clock.wall().unix_ms).unwrap();
    const PICTURE: &str = "/drops/picture/2";
    let stranger = get(bin.address, PICTURE);
    assert_eq!((stranger.status, stranger.header("location")), (303, Some("/login?next=/drops/picture/2")));
    let (mut kim, mut lee) = (Browser::of(bin.address, KIM), Browser::of(bin.address, LEE));
    assert_eq!(lee.get(PICTURE).status, 404, "no page has shown it");
    let page = lee.get("/drops?lang=en").text();
    assert!(page.contains(PICTURE) && !page.contains("/drops/picture/1"), "{page}");
    assert!(page.contains("for 14 days at most and until 9999-12-31"), "{page}");
    let newest = &audit(&bin)[0];
    let row = [newest.who.as_str(), &newest.what, &newest.detail];
    assert_eq!(row, ["lee", "look_at_pictures", "1 of drops 2 to 2"]);
    let picture = lee.get(PICTURE);
    assert_eq!(picture.header("content-type"), Some("image/jpeg"));
    assert_eq!(picture.header("cache-control"), Some("no-store"));
    assert_eq!(picture.text(), "a picture");
    assert_eq!(kim.get(PICTURE).status, 404, "kim has not opened the page");
    let rows = audit(&bin).len();
    kim.get("/drops?stream=glass");
    assert_eq!(audit(&bin).len(), rows, "nothing was shown");
}

#[test]
fn a_session_ends_when_idle_or_when_its_login_changes_and_its_streams_with_it() {
    let bin = Bin::with_logins();
    let mut kim = Browser::of(bin.address, KIM);
    bin.clock.forward(Duration::from_secs(29 * 60));
    assert_eq!(kim.get("/").status, 200, "used again");
    bin.clock.forward(Duration::from_secs(29 * 60));
    let mut events = Events::open_with(bin.address, "ko", &kim.cookies());
    bin.clock.forward(Duration::from_secs(2 * 60));
    while events.next().is_some() {}
    assert_eq!(kim.get("/").status, 303, "an open stream is nobody's use");

    let mut kim = Browser::of(bin.address, KIM);
    let mut users = Users::load(&bin.folder).unwrap();
    users.set(KIM.0, Role::Look, "another password").unwrap();
    users.save(&bin.folder).unwrap();
    assert_eq!(kim.get("/").status, 303, "the new password counts at once");
}

#[test]
fn a_session_survives_a_restart() {
    let first = Bin::with_logins();
    let mut kim = Browser::of(first.address, KIM);
    first.stop(Duration::from_secs(5)).expect("it ends").unwrap();
    let cookies = kim.cookies();
    let text = std::fs::read_to_string(first.folder.join("sessions.json")).unwrap();
    let secret = cookies.split("bunri_session=").nth(1).unwrap().split([';', '\r']).next().unwrap();
    assert!(secret.len() == 64 && !text.contains(secret), "only a hash is at rest");
    let second = Bin::with(|settings| settings.folder.clone_from(&first.folder));
    kim.address = second.address;
    assert_eq!(kim.get("/").status, 200);
}

#[test]
fn large_slow_and_odd_forms_are_refused() {
    let bin = Bin::with_logins();
    let mut kim = Browser::of(bin.address, KIM);
    let token = kim.token("/");
    let large = "x".repeat(70_000);
    assert_eq!(kim.post(ACTING[0], &[("token", &token), ("stream", &large)]).status, 413);
    let host = bin.address;
    let json = format!(
        "POST {} HTTP/1.1\r\nHost: {host}\r\n{}Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{{}}",
        ACTING[0],
        kim.cookies()
    );
    assert_eq!(send(host, &json).status, 415);
    let odd = kim.post(ACTING[0], &[("token", &token), ("stream", "gold"), ("event", "full")]);
    assert_eq!(odd.header("location"), Some("/compartments?refused=not-understood#note"));
    assert!(bin.commands.lock().unwrap().is_empty());
    assert_eq!(kim.get("/").status, 200, "and all goes on");
}

/// The answer to `GET /healthz` over TLS, trusting only this certificate.
async fn over_tls(address: SocketAddr, certificate: CertificateDer<'static>) -> std::io::Result<String> {
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let stream = tokio::net::TcpStream::connect(address).await?;
    let mut stream = connector.connect(ServerName::try_from("localhost").unwrap(), stream).await?;
    let request = format!("GET /login HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

#[test]
fn the_made_certificate_is_what_the_page_answers_with() {
    let bin = Bin::with(|settings| {
        settings.tls = Tls::Own;
        add_logins(&settings.folder);
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let certificate = CertificateDer::from_pem_file(bin.folder.join("certificate.pem")).unwrap();
    let answer = runtime.block_on(over_tls(bin.address, certificate)).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("; Secure"), "its cookies go over TLS only: {answer}");

    let other = Bin::with(|settings| settings.tls = Tls::Own);
    let foreign = CertificateDer::from_pem_file(other.folder.join("certificate.pem")).unwrap();
    assert!(
        runtime.block_on(over_tls(bin.address, foreign)).is_err(),
        "another certificate is not this bin's"
    );
    let plain = std::panic::catch_unwind(|| get(bin.address, "/healthz"));
    assert!(plain.is_err(), "nothing is answered without TLS");
}
