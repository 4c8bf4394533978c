//! The frame of every page: which bin, which page, who is logged in, and the way to the others.
//!
//! Large enough for gloves: every target is 48 pixels high at least. Works without scripts: the menu is a popover of
//! the browser's own, and on a wide window it simply stands there.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use maud::{DOCTYPE, Markup, html};

use super::Site;
use super::access::{Role, Who};
use super::assets::{self, Asset};
use super::routes::Tongue;
use super::text::{Language, Words};
use super::view::icon;

/// The pages, in the order of the menu.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tab {
    Now,
    Drops,
    Counts,
    Flap,
    Compartments,
    Teach,
    Settings,
    Checkup,
}

impl Tab {
    const ALL: [Tab; 8] = [
        Tab::Now,
        Tab::Drops,
        Tab::Counts,
        Tab::Flap,
        Tab::Compartments,
        Tab::Teach,
        Tab::Settings,
        Tab::Checkup,
    ];

    /// Its address.
    pub(super) const fn path(self) -> &'static str {
        match self {
            Tab::Now => "/",
            Tab::Drops => "/drops",
            Tab::Counts => "/counts",
            Tab::Flap => "/flap",
            Tab::Compartments => "/compartments",
            Tab::Teach => "/teach",
            Tab::Settings => "/settings",
            Tab::Checkup => "/checkup",
        }
    }

    /// The key of its name.
    const fn key(self) -> &'static str {
        match self {
            Tab::Now => "tab-now",
            Tab::Drops => "tab-drops",
            Tab::Counts => "tab-counts",
            Tab::Flap => "tab-flap",
            Tab::Compartments => "tab-compartments",
            Tab::Teach => "tab-teach",
            Tab::Settings => "tab-settings",
            Tab::Checkup => "tab-checkup",
        }
    }

    fn icon(self) -> Markup {
        let icon = match self {
            Tab::Now => icon::looking(),
            Tab::Drops => icon::falling(),
            Tab::Counts => icon::bars(),
            Tab::Flap => icon::sending(),
            Tab::Compartments => icon::full(),
            Tab::Teach => icon::lesson(),
            Tab::Settings => icon::sliders(),
            Tab::Checkup => icon::ready(),
        };
        html! { (icon) }
    }
}

/// A visit of a crew's page: who, in which language, and after what.
pub(super) struct Visit {
    pub(super) site: Arc<Site>,
    pub(super) who: Who,
    language: Language,
    note: Option<Note>,
}

impl FromRequestParts<Arc<Site>> for Visit {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, site: &Arc<Site>) -> Result<Self, StatusCode> {
        let who = parts.extensions.get::<Who>().cloned().ok_or(StatusCode::UNAUTHORIZED)?;
        let language = Tongue::of(parts, site);
        Ok(Self { site: Arc::clone(site), who, language, note: Note::of(&parts.uri) })
    }
}

impl Visit {
    /// The words of the visitor's language.
    pub(super) fn words(&self) -> Words<'_> {
        self.site.texts.of(self.language)
    }

    /// The whole page around `body`.
    pub(super) fn page(
        &self,
        tab: Tab,
        scripts: &[&'static Asset],
        run: Option<String>,
        body: &Markup,
    ) -> Markup {
        let words = self.words();
        let (bin, who, note) = (self.site.page.info.bin.as_str(), Some(&self.who), self.note.clone());
        Frame { words, bin, tab: Some(tab), who, run, scripts, note }.page(&words.text(tab.key()), body)
    }
}

/// The element that says what came of a request.
pub(super) const NOTE: &str = "note";

/// Everything that stands around a page's own content.
pub(super) struct Frame<'a> {
    pub(super) words: Words<'a>,
    /// The bin's name.
    pub(super) bin: &'a str,
    /// Which page of the menu it is; `None` for pages outside it.
    pub(super) tab: Option<Tab>,
    /// Whoever looks; `None` before the login.
    pub(super) who: Option<&'a Who>,
    /// What tells one run of the program from the next; makes the page live.
    pub(super) run: Option<String>,
    /// Scripts of this page.
    pub(super) scripts: &'a [&'static Asset],
    /// What the last request came to, as its address says.
    pub(super) note: Option<Note>,
}

/// What the last request came to: `?done=` or `?refused=` with an identifier.
#[derive(Clone, Debug)]
pub(super) struct Note {
    pub(super) done: bool,
    pub(super) id: String,
}

impl Note {
    /// The note that an address carries.
    pub(super) fn of(uri: &axum::http::Uri) -> Option<Self> {
        let find = |name, done| super::acting::query(uri, name).map(|id| Self { done, id: id.to_owned() });
        find("done", true).or_else(|| find("refused", false))
    }
}

impl Frame<'_> {
    /// The whole page.
    pub(super) fn page(&self, title: &str, body: &Markup) -> Markup {
        let words = self.words;
        html! {
            (DOCTYPE)
            html lang=(words.language.id()) data-run=[self.run.as_deref()] {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light";
                    title { (title) " · " (self.bin) " · Bunri" }
                    link rel="icon" type="image/svg+xml" href=(assets::ICON.path());
                    link rel="stylesheet" href=(assets::STYLE.path());
                    @for script in self.scripts {
                        script type="module" src=(script.path()) {}
                    }
                    @if self.run.is_some() { noscript { meta http-equiv="refresh" content="5"; } }
                }
                body {
                    a .skip href="#main" { (words.text("skip-to-content")) }
                    @if self.run.is_some() { noscript { p .lost { (words.text("no-script")) } } }
                    (self.header())
                    (self.notice())
                    (body)
                }
            }
        }
    }

    fn header(&self) -> Markup {
        let words = self.words;
        let other = words.language.other().id();
        html! {
            header .top {
                div .bar {
                    p .bin { (icon::bin()) span { (self.bin) } }
                    a .language href={ "?lang=" (other) } lang=(other) hreflang=(other) {
                        (words.text("language-other"))
                    }
                    @if self.who.is_some() {
                        button .menu-button type="button" popovertarget="menu" {
                            (icon::menu()) span { (words.text("menu")) }
                        }
                    }
                }
                @if let Some(who) = self.who { (self.menu(who)) }
            }
        }
    }

    fn menu(&self, who: &Who) -> Markup {
        let words = self.words;
        let role = match (&who.session, who.role) {
            (None, _) => words.text("who-anyone"),
            (Some(_), Role::Act) => words.with("who-acts", "name", who.name.as_str()),
            (Some(_), Role::Look) => words.with("who-looks", "name", who.name.as_str()),
        };
        html! {
            nav #menu .menu popover aria-label=(words.text("menu")) {
                ul {
                    @for tab in Tab::ALL {
                        li {
                            a href=(tab.path()) aria-current=[(self.tab == Some(tab)).then_some("page")] {
                                (tab.icon()) span { (words.text(tab.key())) }
                            }
                        }
                    }
                }
                div .who {
                    p { (role) }
                    @if who.session.is_some() {
                        form method="post" action="/logout" {
                            (token(who))
                            button type="submit" { (words.text("log-out")) }
                        }
                    }
                }
            }
        }
    }

    fn notice(&self) -> Markup {
        let Some(note) = &self.note else { return html! {} };
        let key = format!("note-{}", note.id);
        let Some(text) = self.words.known(&key) else { return html! {} };
        html! {
            div #(NOTE) .notice .refused[!note.done] role="status" {
                @if note.done { (icon::ready()) } @else { (icon::warning()) }
                p { (text) }
            }
        }
    }
}

/// The hidden field that every form must carry.
pub(super) fn token(who: &Who) -> Markup {
    html! { input type="hidden" name="token" value=(who.token); }
}
