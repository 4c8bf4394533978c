//! Logging in and out.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};

use super::access::{self, COOKIE, Login, VISITOR, Who};
use super::acting::{Answer, Deed, Fields, conclude, peer, query};
use super::nav::Frame;
use super::routes::Tongue;
use super::text::Words;
use super::view::icon;
use super::{Site, WebError};
use crate::tally::AuditOutcome;

/// The address of the form.
pub(super) const PATH: &str = "/login";

/// `GET /login`: the form, or how to make the first login.
pub(super) async fn form(
    State(site): State<Arc<Site>>,
    Tongue(language): Tongue,
    request: Request,
) -> Response {
    let words = site.texts.of(language);
    let next = query(request.uri(), "next").unwrap_or("/").to_owned();
    if site.access.is_open() {
        return Redirect::to("/").into_response();
    }
    match access::cookie(request.headers(), VISITOR) {
        Some(visitor) => page(&site, words, visitor, &next, None).into_response(),
        None => match access::random() {
            Ok(visitor) => {
                let cookie = site.access.set_cookie(VISITOR, &visitor);
                ([(header::SET_COOKIE, cookie)], page(&site, words, &visitor, &next, None)).into_response()
            }
            Err(error) => failed(&error.to_string()),
        },
    }
}

/// `POST /login`.
pub(super) async fn log_in(
    State(site): State<Arc<Site>>,
    Tongue(language): Tongue,
    request: Request,
) -> Response {
    let address = peer(&request);
    let visitor = access::cookie(request.headers(), VISITOR).unwrap_or_default().to_owned();
    let fields = match Fields::read(request).await {
        Ok(fields) => fields,
        Err(refused) => return refused.into_response(),
    };
    let words = site.texts.of(language);
    let next = fields.get("next").to_owned();
    let again = |status: StatusCode, problem: String| {
        (status, page(&site, words, &visitor, &next, Some(&problem))).into_response()
    };
    if visitor.is_empty() || fields.get("token") != access::token(&visitor) {
        return again(StatusCode::FORBIDDEN, words.text("login-token"));
    }
    let (name, password) = (fields.get("name").to_owned(), fields.exact("password").to_owned());
    let clock = Arc::clone(&site.page.clock);
    let login = Arc::clone(&site.access).log_in(name.clone(), password, address, move || clock.now()).await;
    let (outcome, why, answer) = match login {
        Ok(Login::In(cookie)) => {
            let headers = [(header::SET_COOKIE, site.access.set_cookie(COOKIE, &cookie))];
            let answer = (headers, Redirect::to(local(&next))).into_response();
            (AuditOutcome::Done, "", answer)
        }
        Ok(Login::Wrong(None)) => {
            let answer = again(StatusCode::UNAUTHORIZED, words.text("login-wrong"));
            (AuditOutcome::Refused, "wrong name or password", answer)
        }
        Ok(Login::Wrong(Some(wait))) => {
            let answer = again(StatusCode::TOO_MANY_REQUESTS, locked(words, wait.as_secs()));
            (AuditOutcome::Refused, "wrong name or password; the address has to wait", answer)
        }
        // These are not written down, or whoever is locked out could fill the audit log.
        Ok(Login::Locked(wait)) => {
            return again(StatusCode::TOO_MANY_REQUESTS, locked(words, wait.as_secs()));
        }
        Ok(Login::Busy) => return again(StatusCode::SERVICE_UNAVAILABLE, words.text("login-busy")),
        Ok(Login::NoUsers) => return again(StatusCode::FORBIDDEN, words.text("login-none")),
        Err(error) => return failed(&error.to_string()),
    };
    let (why, answer) = (why.to_owned(), Answer::Page(answer));
    let deed = Deed { what: "log_in", detail: String::new(), outcome, why, answer };
    conclude(&site, &name, address, deed).await
}

/// `POST /logout`: for every role, so it stands outside [`super::acting::act`].
pub(super) async fn log_out(State(site): State<Arc<Site>>, request: Request) -> Response {
    let address = peer(&request);
    let Some(who) = request.extensions().get::<Who>().cloned() else {
        return Redirect::to(PATH).into_response();
    };
    let right = Fields::read(request).await.is_ok_and(|fields| fields.get("token") == who.token);
    if !right {
        return (StatusCode::FORBIDDEN, "the form's token is wrong: load the page again\n").into_response();
    }
    site.access.log_out(&who);
    let cookie = site.access.set_cookie(COOKIE, "");
    let answer = ([(header::SET_COOKIE, cookie)], Redirect::to(PATH)).into_response();
    let (outcome, answer) = (AuditOutcome::Done, Answer::Page(answer));
    let deed = Deed { what: "log_out", detail: String::new(), outcome, why: String::new(), answer };
    conclude(&site, &who.name, address, deed).await
}

/// What a request gets when the logins cannot be read.
pub(super) fn failed(why: &str) -> Response {
    (StatusCode::INTERNAL_SERVER_ERROR, format!("{why}\n")).into_response()
}

impl IntoResponse for WebError {
    fn into_response(self) -> Response {
        failed(&self.to_string())
    }
}

fn locked(words: Words<'_>, seconds: u64) -> String {
    words.with("login-locked", "wait", words.age(seconds.max(1)))
}

/// An address of this page, whatever was sent.
fn local(next: &str) -> &str {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "/-_".contains(letter);
    let here = next.starts_with('/') && !next.starts_with("//") && next.chars().all(plain);
    if here { next } else { "/" }
}

fn page(site: &Site, words: Words<'_>, visitor: &str, next: &str, problem: Option<&str>) -> Markup {
    let body = html! {
        main #main .login {
            h1 { (words.text("login-title")) }
            @if site.access.has_users() {
                @if let Some(problem) = problem {
                    div .notice .refused role="alert" { (icon::warning()) p { (problem) } }
                }
                form method="post" action=(PATH) {
                    input type="hidden" name="token" value=(access::token(visitor));
                    input type="hidden" name="next" value=(local(next));
                    label for="name" { (words.text("login-name")) }
                    input #name name="name" required autocomplete="username" autocapitalize="none"
                        spellcheck="false" maxlength=(access::NAME_MOST);
                    label for="password" { (words.text("login-password")) }
                    input #password name="password" type="password" required autocomplete="current-password"
                        maxlength=(access::PASSWORD_MOST);
                    button .primary type="submit" { (words.text("login-go")) }
                }
            } @else {
                div .notice .refused { (icon::warning()) p { (words.text("login-none")) } }
                p { (words.text("login-none-do")) }
                pre { code { "sudo bunri passwd <name> --role act" } }
            }
        }
    };
    let (bin, title) = (site.page.info.bin.as_str(), words.text("login-title"));
    let frame = Frame { words, bin, tab: None, who: None, run: None, scripts: &[], note: None };
    frame.page(&title, &body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_leads_nowhere_else() {
        for here in ["/", "/flap", "/settings/costs"] {
            assert_eq!(local(here), here);
        }
        for elsewhere in ["", "//evil.example", "https://evil.example", "/a?b", "/\\evil", "flap"] {
            assert_eq!(local(elsewhere), "/", "{elsewhere}");
        }
    }
}
