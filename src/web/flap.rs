//! The flap by hand: maintenance, home, each place, a tour with timings, a jam's end.
//!
//! Never decides whether the flap may move: every button is a request to the sorting loop, which refuses while a hand
//! is seen, something moves or a guard is active, and says why.

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use maud::{Markup, html};

use super::access::{Role, Who};
use super::acting::{Deed, Fields, act};
use super::nav::{Tab, Visit, token};
use super::view::{self, accent, icon};
use super::{Site, assets};
use crate::judge::{Alarm, Command, CompartmentId};

const PATH: &str = Tab::Flap.path();

pub(super) fn routes() -> Router<Arc<Site>> {
    Router::new().route(PATH, get(page)).route("/flap/ask", act(ask))
}

async fn page(visit: Visit) -> Markup {
    let (words, info, scene) = (visit.words(), &visit.site.page.info, visit.site.scene());
    let part = |name: &str| view::part(name, words, info, &scene);
    let body = html! {
        (view::live_head(words, &part("state")))
        main #main {
            div #alarms { (part("alarms")) }
            div .left {
                section aria-labelledby="service-title" {
                    h2 #service-title { (words.text("tab-flap")) }
                    div #service { (part("service")) }
                }
                @if visit.who.role == Role::Act { (buttons(&visit)) }
            }
            div .right { (view::chamber_section(words, part)) }
        }
    };
    visit.page(Tab::Flap, &[&assets::SCRIPT], Some(view::run_id(info)), &body)
}

fn buttons(visit: &Visit) -> Markup {
    let words = visit.words();
    let button = |ask: &str, class: &str, label: Markup| {
        html! { button .(class) type="submit" name="ask" value=(ask) { (label) } }
    };
    let text = |key: &str| html! { span { (words.text(key)) } };
    html! {
        section aria-labelledby="ask-title" {
            h2 #ask-title { (words.text("flap-ask")) }
            p .note { (words.text("flap-ask-note")) }
            form method="post" action="/flap/ask" {
                (token(&visit.who))
                div .actions .halves {
                    (button("maintenance-on", "primary", text("flap-maintenance-on")))
                    (button("maintenance-off", "plain", text("flap-maintenance-off")))
                }
                div .actions {
                    (button("stop", "stop-now", html! { (icon::stop()) (text("flap-stop")) }))
                }
                div .actions .places {
                    (button("home", "plain", html! { "⌂ " (text("flap-home")) }))
                    @for (number, stream) in (1..).zip(&visit.site.page.info.compartments) {
                        button .plain .place .(accent(*stream)) type="submit" name="ask" value=(number) {
                            span .number-mark aria-hidden="true" { (number) }
                            span { (words.stream(*stream)) }
                        }
                    }
                }
                div .actions .halves {
                    (button("tour", "plain", text("flap-tour")))
                    (button("reset", "plain", text("flap-reset")))
                }
                @if visit.site.page.live.borrow().alarms.contains(&Alarm::CrewCalled) {
                    div .actions { (button("call-heard", "primary", text("flap-call-heard"))) }
                }
            }
        }
    }
}

/// What a button stands for: the name in the audit log, and the request.
fn command(ask: &str) -> Option<(&'static str, Command)> {
    Some(match ask {
        "maintenance-on" => ("maintenance_on", Command::Maintenance(true)),
        "maintenance-off" => ("maintenance_off", Command::Maintenance(false)),
        "stop" => ("flap_stop", Command::Stop),
        "home" => ("flap_turn", Command::Turn(None)),
        "tour" => ("flap_tour", Command::Tour),
        "reset" => ("jam_reset", Command::Reset),
        "call-heard" => ("call_heard", Command::CallHeard),
        number => {
            let id = number.parse::<u8>().ok()?.checked_sub(1)?;
            ("flap_turn", Command::Turn(Some(CompartmentId(id))))
        }
    })
}

async fn ask(site: Arc<Site>, _who: Who, fields: Fields) -> Deed {
    let detail = fields.get("ask").to_owned();
    let Some((what, command)) = command(&detail) else {
        return Deed::refused("flap", detail, PATH, "not-understood");
    };
    match site.order(command).await {
        Some(Ok(())) if command == Command::CallHeard => Deed::done(what, detail, PATH, "call-heard"),
        Some(Ok(())) => Deed::done(what, detail, PATH, "flap-asked"),
        Some(Err(refusal)) => Deed::refused(what, detail, PATH, refusal.id()),
        None => Deed::failed(what, detail, PATH, "loop-unheard", "the sorting loop does not answer"),
    }
}
