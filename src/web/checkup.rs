//! The check-up: what was looked at, how it is, and the next step. `bunri doctor` prints it, the page shows it.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use maud::{Markup, html};

use super::nav::{Tab, Visit};
use super::text::{Language, Texts, Words, key};
use super::view::icon;
use super::{Site, WebError, support};

/// Something that is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// The configuration and the rig's calibration.
    Configuration,
    /// The camera gives pictures.
    Camera,
    /// The GPIO lines of drive and guards.
    Lines,
    /// What turns the flap.
    Drive,
    /// The sensors of compartments and scale.
    Sensors,
    /// The button on the front.
    Button,
    /// The model bundle and its run-time library.
    Model,
    /// The ledger can be read.
    Ledger,
    /// Room on the disk.
    Disk,
    /// Room in memory.
    Memory,
    /// The processor's temperature.
    Temperature,
    /// A time service vouches for the clock.
    Clock,
    /// The city's broker.
    Broker,
    /// This user may do what it must.
    Permissions,
}

impl Check {
    /// The name in keys and in the support bundle.
    pub const fn id(self) -> &'static str {
        match self {
            Check::Configuration => "configuration",
            Check::Camera => "camera",
            Check::Lines => "lines",
            Check::Drive => "drive",
            Check::Sensors => "sensors",
            Check::Button => "button",
            Check::Model => "model",
            Check::Ledger => "ledger",
            Check::Disk => "disk",
            Check::Memory => "memory",
            Check::Temperature => "temperature",
            Check::Clock => "clock",
            Check::Broker => "broker",
            Check::Permissions => "permissions",
        }
    }
}

/// How it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grade {
    /// As it should be.
    Pass,
    /// It works; somebody should look.
    Warn,
    /// The bin cannot do its work like this.
    Fail,
}

impl Grade {
    const fn id(self) -> &'static str {
        match self {
            Grade::Pass => "pass",
            Grade::Warn => "warn",
            Grade::Fail => "fail",
        }
    }
}

/// What one check came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What was looked at.
    pub check: Check,
    /// How it is.
    pub grade: Grade,
    /// What was seen: figures, names, an error's own words.
    pub value: String,
}

/// Findings for a terminal: a line each, with the next step below what is not as it should be. `korean` or English.
///
/// # Errors
/// When the texts inside the program are damaged.
pub fn report(findings: &[Finding], korean: bool) -> Result<String, WebError> {
    let texts = Texts::load()?;
    let words = texts.of(if korean { Language::Korean } else { Language::English });
    let mut report = String::new();
    for finding in findings {
        let (grade, name) = (grade_words(words, finding.grade), check_words(words, finding.check));
        report += &format!("{grade}  {name}: {}\n", finding.value);
        if finding.grade != Grade::Pass {
            report += &format!("      {} {}\n", words.text("alarm-to-do"), step(words, finding.check));
        }
    }
    Ok(report)
}

fn grade_words(words: Words<'_>, grade: Grade) -> String {
    words.text(&key("grade", grade.id()))
}

fn check_words(words: Words<'_>, check: Check) -> String {
    words.text(&key("check", check.id()))
}

fn step(words: Words<'_>, check: Check) -> String {
    words.text(&format!("{}.step", key("check", check.id())))
}

pub(super) fn routes() -> Router<Arc<Site>> {
    Router::new().route("/checkup", get(page)).route("/support.tar.gz", get(support::download))
}

impl Site {
    /// Looks at everything; takes a moment, on a thread that may.
    pub(super) async fn check_up(&self) -> Vec<Finding> {
        let _turn = self.readers.acquire().await;
        let check_up = Arc::clone(&self.page.check_up);
        tokio::task::spawn_blocking(move || check_up()).await.unwrap_or_default()
    }
}

async fn page(State(site): State<Arc<Site>>, visit: Visit) -> Markup {
    let mut findings = site.check_up().await;
    // The worst first; among equals in the order of the checks.
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.grade));
    visit.page(Tab::Checkup, &[], None, &body(visit.words(), &findings))
}

fn body(words: Words<'_>, findings: &[Finding]) -> Markup {
    let worst = findings.iter().map(|finding| finding.grade).max().unwrap_or(Grade::Fail);
    html! {
        main #main .single {
            h1 { (words.text("tab-checkup")) }
            p .sum .(worst.id()) { (mark(worst)) (words.text(&key("checkup", worst.id()))) }
            ul .findings {
                @for finding in findings {
                    li .(finding.grade.id()) {
                        (mark(finding.grade))
                        div {
                            h2 { (check_words(words, finding.check)) " " span .grade { (grade_words(words, finding.grade)) } }
                            p { (finding.value) }
                            @if finding.grade != Grade::Pass {
                                p .do { strong { (words.text("alarm-to-do")) } " " (step(words, finding.check)) }
                            }
                        }
                    }
                }
            }
            p .downloads {
                a .button href="/checkup" { (words.text("checkup-again")) }
                a .button href="/support.tar.gz" download="" { (words.text("checkup-bundle")) }
            }
            p .note { (words.text("checkup-bundle-note")) }
        }
    }
}

fn mark(grade: Grade) -> Markup {
    let icon = match grade {
        Grade::Pass => icon::ready(),
        Grade::Warn => icon::warning(),
        Grade::Fail => icon::stop(),
    };
    html! { (icon) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHECKS: [Check; 14] = [
        Check::Configuration,
        Check::Camera,
        Check::Lines,
        Check::Drive,
        Check::Sensors,
        Check::Button,
        Check::Model,
        Check::Ledger,
        Check::Disk,
        Check::Memory,
        Check::Temperature,
        Check::Clock,
        Check::Broker,
        Check::Permissions,
    ];

    #[test]
    fn every_finding_has_its_words_and_what_is_wrong_its_next_step() {
        let texts = Texts::load().unwrap();
        for grade in [Grade::Pass, Grade::Warn, Grade::Fail] {
            let findings = CHECKS.map(|check| Finding { check, grade, value: "<seen>".into() });
            for language in Language::ALL {
                let html = body(texts.of(language), &findings).into_string();
                assert!(!html.contains('⟦') && html.contains("&lt;seen&gt;"), "{html}");
                assert_eq!(html.matches("class=\"do\"").count(), if grade == Grade::Pass { 0 } else { 14 });
            }
            let report = report(&findings, false).unwrap();
            assert!(!report.contains('⟦') && report.contains("camera: <seen>"), "{report}");
            assert_eq!(report.lines().count(), if grade == Grade::Pass { 14 } else { 28 });
        }
    }
}
