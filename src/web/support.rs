//! The support bundle: what somebody far away needs to understand this bin, as one file.
//!
//! Never a picture, never a secret: values whose keys sound like one are left out, and the log carries none.

use std::io::Write as _;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::write::GzEncoder;

use super::book::Book;
use super::checkup::{self, Finding};
use super::metrics::Scrape;
use super::recent::RECENT_LOG;
use super::view::Scene;
use super::wire::Facts;
use super::{Health, Page, Site};

/// Stands for what is not told.
const LEFT_OUT: &str = "<left out>";
/// Keys that contain one of these have their values left out.
const SECRETS: [&str; 6] = ["password", "secret", "token", "key", "hash", "username"];

/// `GET /support.tar.gz`
pub(super) async fn download(State(site): State<Arc<Site>>) -> Response {
    let findings = site.check_up().await;
    match bundle(&site.page, site.scene(), &findings).await {
        Ok(bytes) => {
            let disposition = (CONTENT_DISPOSITION, "attachment; filename=\"bunri-support.tar.gz\"");
            ([(CONTENT_TYPE, "application/gzip"), disposition], bytes).into_response()
        }
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}

impl Page {
    /// The support bundle, also where nobody is served a page: a `tar.gz` without pictures and secrets. Takes a moment.
    ///
    /// # Errors
    /// When it cannot be packed.
    pub async fn support_bundle(&self) -> std::io::Result<Vec<u8>> {
        let (check_up, folder) = (Arc::clone(&self.check_up), self.info.state_dir.clone());
        let look = move || (check_up(), Health::read(&folder));
        let (findings, health) = tokio::task::spawn_blocking(look).await?;
        let scene = self.scene(Arc::new(Book::default()), health);
        bundle(self, scene, &findings).await
    }
}

async fn bundle(page: &Page, scene: Scene, findings: &[Finding]) -> std::io::Result<Vec<u8>> {
    let info = &page.info;
    let totals = page.tally.ask(|ledger| ledger.totals()).await;
    let versions = format!(
        "bin {}\nprogram {}\nmodel {}\nconfiguration {}\n",
        info.bin,
        info.software,
        info.bundle_now(&scene.live),
        info.config_hash
    );
    let state = Facts::of(info, &scene).to_json();
    let counters = match totals {
        Ok(totals) => Scrape { info: info.clone(), scene, totals }.into_text(),
        Err(error) => format!("# the ledger cannot be read: {error}\n"),
    };
    let files = [
        ("versions.txt", versions),
        ("checkup.txt", checkup::report(findings, false).unwrap_or_default()),
        ("state.json", state),
        ("counters.txt", counters),
        ("configuration.toml", without_secrets(&info.configuration)),
        ("log.txt", RECENT_LOG.text()),
    ];
    let unix_s = page.clock.wall().unix_ms / 1_000;
    pack(&files, u64::try_from(unix_s).unwrap_or(0))
}

fn pack(files: &[(&str, String)], unix_s: u64) -> std::io::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::default()));
    for (name, text) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(unix_s);
        archive.append_data(&mut header, format!("bunri-support/{name}"), text.as_bytes())?;
    }
    let mut packed = archive.into_inner()?;
    packed.flush()?;
    packed.finish()
}

/// A configuration with the values of suspicious keys left out; what is no TOML is left out as a whole.
fn without_secrets(text: &str) -> String {
    let Ok(mut table) = text.parse::<toml::Table>() else { return LEFT_OUT.to_owned() };
    clean(&mut table);
    table.to_string()
}

fn clean(table: &mut toml::Table) {
    for (key, value) in table.iter_mut() {
        let suspicious = SECRETS.iter().any(|secret| key.to_lowercase().contains(secret));
        match value {
            toml::Value::Table(inner) => clean(inner),
            toml::Value::Array(list) => {
                list.iter_mut().filter_map(toml::Value::as_table_mut).for_each(clean);
                if suspicious {
                    *value = LEFT_OUT.into();
                }
            }
            _ if suspicious => *value = LEFT_OUT.into(),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn secrets_are_left_out_wherever_they_stand() {
        let text = "[uplink]\nhost = 'h'\nusername = 'bin-7'\npassword_file = 'p'\n[[x]]\napi_token = 't'\n[web]\nkey = 'k'\n";
        let clean = without_secrets(text);
        assert!(clean.contains("host = \"h\""), "{clean}");
        for secret in ["bin-7", "'p'", "\"p\"", "\"t\"", "\"k\""] {
            assert!(!clean.contains(secret), "{secret} in {clean}");
        }
        assert_eq!(without_secrets("password = hunter2"), LEFT_OUT);
    }

    #[test]
    fn the_bundle_unpacks_to_what_went_in() {
        let files = [("a.txt", "alpha".to_owned()), ("b.txt", String::new())];
        let packed = pack(&files, 1_700_000_000).unwrap();
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(&packed[..]));
        let mut found = Vec::new();
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let mut text = String::new();
            entry.read_to_string(&mut text).unwrap();
            found.push((entry.path().unwrap().display().to_string(), text));
        }
        let expected = files.map(|(name, text)| (format!("bunri-support/{name}"), text));
        assert_eq!(found, expected);
    }
}
