//! A lesson: what to do now, what was shown, and what it brings.
//!
//! Every button belongs to the form [`FORM`], which only whoever may act is given: the parts are drawn once for all.

use maud::{Markup, html};

use super::{Scene, accent, icon, percent, swatch};
use crate::identify::Label;
use crate::judge::Reason;
use crate::streams::Stream;
use crate::teach::{AgainBoard, Board, Confusion, Corrections, Doubt, Kind, Report, Shown, Step};
use crate::web::Info;
use crate::web::teach::FORM;
use crate::web::text::{Words, key};

/// The band at the top: the one thing to do now.
pub(super) fn now(words: Words<'_>, scene: &Scene) -> Markup {
    let (board, live) = (&*scene.lesson, &scene.live);
    let (class, mark, key) = if !board.on {
        ("hold", icon::lesson(), "lesson-off")
    } else if board.fitting {
        ("busy", icon::looking(), "lesson-fitting")
    } else if live.lesson.is_none() {
        ("hold", icon::pause(), "lesson-not-yet")
    } else if board.chosen.is_none() && board.report.is_some() {
        ("calm", icon::ready(), "lesson-fitted")
    } else if board.chosen.is_none() {
        ("hold", icon::lesson(), "lesson-choose")
    } else {
        match live.lesson {
            Some(Step::Taken) => ("calm", icon::ready(), "lesson-taken"),
            Some(Step::Looking | Step::Settling) => ("busy", icon::looking(), "lesson-looking"),
            _ if live.presence.hand => ("hold", icon::warning(), "lesson-hand"),
            _ => ("calm", icon::falling(), "lesson-empty"),
        }
    };
    let kind = board.chosen.map_or_else(String::new, |kind| name(words, kind));
    let count = board.chosen.map_or(0, |kind| items_of(board, kind));
    let text =
        |key: &str| words.with_all(key, [("kind", kind.as_str()), ("count", count.to_string().as_str())]);
    html! {
        div .band .(class) {
            (mark)
            div { h1 { (text(key)) } p { (text(&format!("{key}.means"))) } }
        }
    }
}

/// Everything under it.
pub(super) fn lesson(words: Words<'_>, info: &Info, scene: &Scene) -> Markup {
    let board = &*scene.lesson;
    html! {
        @if let Some(why) = &board.refused {
            p .status .full { (icon::warning()) strong { (words.text("lesson-refused")) } }
            p .note { (why) }
        }
        @if let Some(why) = &board.trouble {
            p .status .full { (icon::warning()) strong { (words.text("lesson-trouble")) } }
            p .note { (why) }
        }
        @if let Some(again) = &board.again { (taught_again(words, again)) }
        @if board.on { (course(words, info, board)) } @else { (outside(words, board)) }
    }
}

/// Before a lesson: what the bin was taught so far, and the way in.
fn outside(words: Words<'_>, board: &Board) -> Markup {
    html! {
        section aria-labelledby="lesson-title" {
            h2 #lesson-title { (words.text("lesson-title")) }
            ol .steps { @for step in ["show", "fit", "apply"] { li { (words.text(&key("lesson-step", step))) } } }
            @if board.refused.is_none() {
                div .actions { (ask(words, "begin", "primary", "lesson-begin")) }
            }
        }
        section aria-labelledby="taught-title" {
            h2 #taught-title { (words.text("lesson-taught")) }
            @if board.kinds.iter().all(|(_, items)| *items == 0) {
                p .note { (words.text("lesson-taught-none")) }
            } @else {
                ul .taught {
                    @for (kind, items) in board.kinds.iter().filter(|(_, items)| *items > 0) {
                        li { span { (mark(*kind)) (name(words, *kind)) } span .number { (items) } }
                    }
                }
            }
            @if let Some(corrections) = board.corrections { (learnt(words, corrections)) }
            @if board.may_undo { div .actions { (ask(words, "undo", "plain", "lesson-undo")) } }
        }
    }
}

/// Another network is here: what it is taught again by itself, and what has to be shown to it.
fn taught_again(words: Words<'_>, again: &AgainBoard) -> Markup {
    let count = |number: usize| number.to_string();
    html! {
        section aria-labelledby="again-title" {
            h2 #again-title { (words.with("lesson-again", "bundle", again.bundle.as_str())) }
            @if again.on {
                p .status { (icon::looking()) strong {
                    (words.with_all("lesson-again-on", [
                        ("done", count(again.done).as_str()),
                        ("items", count(again.items).as_str()),
                    ]))
                } }
                progress aria-labelledby="again-title" max=(again.items) value=(again.done) {}
            } @else if again.done > 0 {
                p .status { (icon::ready()) strong {
                    (words.with("lesson-again-done", "done", count(again.done).as_str()))
                } }
            }
            @if !again.to_show.is_empty() {
                p .status .full { (icon::warning()) strong { (words.text("lesson-again-show")) } }
                ul .taught {
                    @for (kind, items) in &again.to_show {
                        li { span { (mark(*kind)) (name(words, *kind)) } span .number { (items) } }
                    }
                }
                details { summary { (words.text("lesson-again-names")) } p .note { (again.names.join(" · ")) } }
            }
        }
    }
}

/// How much of what the crew said of drops is inside.
fn learnt(words: Words<'_>, corrections: Corrections) -> Markup {
    let said = |key: &str, count: usize| words.with(key, "count", count.to_string().as_str());
    html! {
        p .note { (said("lesson-corrections", corrections.inside)) }
        @if corrections.left_out > 0 { p .note { (said("lesson-corrections-left-out", corrections.left_out)) } }
    }
}

fn course(words: Words<'_>, info: &Info, board: &Board) -> Markup {
    let here = |(kind, _): &(Kind, usize)| match kind {
        Kind::Of(stream) => info.has(*stream),
        Kind::Unknown => true,
    };
    // What this bin has compartments for comes first.
    let kinds = board.kinds.iter().copied().filter(here);
    let (ours, others): (Vec<_>, Vec<_>) = kinds.partition(|(kind, _)| match kind {
        Kind::Of(stream) => info.compartments.contains(stream),
        Kind::Unknown => false,
    });
    html! {
        section aria-labelledby="kinds-title" {
            h2 #kinds-title { (words.text("lesson-kinds")) }
            div .kinds {
                @for (kind, items) in ours.into_iter().chain(others) {
                    @let chosen = board.chosen == Some(kind);
                    button .plain .kind .(kind_accent(kind)) type="submit" form=(FORM) name="ask"
                        value={ "choose " (kind.id()) } aria-pressed=(chosen) {
                        span { (mark(kind)) (name(words, kind)) } span .number { (items) }
                    }
                }
            }
        }
        section aria-labelledby="shown-title" {
            h2 #shown-title { (words.text("lesson-shown")) }
            @if board.items.is_empty() { p .note { (words.text("lesson-shown-none")) } }
            ul .shown { @for item in board.items.iter().rev() { (shown(words, item)) } }
            div .actions {
                @if board.fitting {
                    p .status { (icon::looking()) strong { (words.text("lesson-fitting")) } }
                } @else {
                    (ask(words, "fit", if board.report.is_some() { "plain" } else { "primary" }, "lesson-fit"))
                }
            }
        }
        @if let Some(report) = &board.report { (brought(words, board, report)) }
        section .ending {
            p .note { (words.text("lesson-end-note")) }
            div .actions {
                @if board.may_undo { (ask(words, "undo", "plain", "lesson-undo")) }
                (ask(words, "end", "plain", "lesson-end"))
            }
        }
    }
}

/// One item: its picture, what the crew said, what the bin would have done.
fn shown(words: Words<'_>, item: &Shown) -> Markup {
    let kind = name(words, item.kind);
    let right = match item.kind {
        Kind::Of(stream) => item.said.seen == stream && item.said.reason != Some(Reason::Unknown),
        Kind::Unknown => item.said.reason.is_some() || item.said.stream == Stream::General,
    };
    let (mark_of, said) = if right { (icon::ready(), "right") } else { (icon::warning(), "wrong") };
    html! {
        li .(said) data-item=(item.id) {
            img src={ "/teach/picture/" (item.id) } alt=(words.with("lesson-picture", "kind", kind.as_str()));
            p .kind { (mark(item.kind)) strong { (kind) } }
            p .said {
                (mark_of)
                span {
                    (words.with_all("lesson-said", [
                        ("stream", words.stream(item.said.seen).as_str()),
                        ("share", percent(item.said.probability).as_str()),
                    ]))
                    @if let Some(reason) = item.said.reason { " · " (words.reason(reason)) }
                }
            }
            (ask(words, &format!("remove {}", item.id), "plain", "lesson-remove"))
        }
    }
}

/// Before and after, and what may be done about it.
fn brought(words: Words<'_>, board: &Board, report: &Report) -> Markup {
    let (before, after) = (&report.before, &report.after);
    let taught: Vec<(usize, &Label)> =
        report.labels.iter().enumerate().filter(|(label, _)| after.of_label(*label).0 > 0).collect();
    let share = |confusion: &Confusion| percent(confusion.accuracy());
    html! {
        section .brought aria-labelledby="brought-title" {
            h2 #brought-title { (words.text("lesson-brought")) }
            p .note { (words.text("lesson-brought-note")) }
            table .bars {
                thead {
                    tr {
                        th scope="col" { (words.text("counts-stream")) }
                        th scope="col" .number { (words.text("lesson-items")) }
                        th scope="col" .number { (words.text("lesson-before")) }
                        th scope="col" .number { (words.text("lesson-after")) }
                    }
                }
                tbody {
                    @for (label, what) in &taught {
                        @let (items, found) = after.of_label(*label);
                        tr {
                            th scope="row" { (mark(Kind::of(what))) (label_name(words, report, what)) }
                            td .number { (items) }
                            td .number { (before.of_label(*label).1) }
                            td .number { (found) }
                        }
                    }
                }
                tfoot {
                    tr {
                        th scope="row" { (words.text("lesson-found")) }
                        td .number { (after.items()) }
                        td .number { (share(before)) }
                        td .number { (share(after)) }
                    }
                }
            }
            @if report.trust < 1.0 {
                p .note { (words.with("lesson-trust", "share", percent(report.trust).as_str())) }
            }
            (mistakes(words, report))
            (doubts(words, board))
            @if report.is_worse() {
                p .status .full { (icon::warning()) strong { (words.text("lesson-worse")) } }
            } @else if board.applied {
                p .status { (icon::ready()) strong { (words.text("lesson-applied")) } }
            } @else {
                div .actions { (ask(words, "apply", "primary", "lesson-apply")) }
                p .note { (words.text("lesson-apply-note")) }
            }
        }
    }
}

/// What is taken for what, before and after.
fn mistakes(words: Words<'_>, report: &Report) -> Markup {
    let labels = || report.labels.iter().enumerate();
    let count = |confusion: &Confusion, said: usize, found: usize| confusion.counts[said][found];
    let pairs: Vec<_> = labels()
        .flat_map(|said| labels().map(move |found| (said, found)))
        .filter(|((_, said), (_, found))| Kind::of(said) != Kind::of(found))
        .map(|(said, found)| {
            (said.1, found.1, count(&report.before, said.0, found.0), count(&report.after, said.0, found.0))
        })
        .filter(|(_, _, before, after)| before + after > 0)
        .collect();
    html! {
        @if !pairs.is_empty() {
            h3 { (words.text("lesson-confused")) }
            table .bars {
                thead {
                    tr {
                        th scope="col" { (words.text("counts-truth")) }
                        th scope="col" { (words.text("counts-seen")) }
                        th scope="col" .number { (words.text("lesson-before")) }
                        th scope="col" .number { (words.text("lesson-after")) }
                    }
                }
                tbody {
                    @for (said, found, before, after) in pairs {
                        tr {
                            td { (mark(Kind::of(said))) (label_name(words, report, said)) }
                            td { (mark(Kind::of(found))) (label_name(words, report, found)) }
                            td .number { (before) }
                            td .number { (after) }
                        }
                    }
                }
            }
        }
    }
}

/// Items that look mislabelled.
fn doubts(words: Words<'_>, board: &Board) -> Markup {
    let doubt = |doubt: &Doubt| {
        let text = words.with_all(
            "lesson-doubt",
            [("kind", name(words, doubt.kind).as_str()), ("other", name(words, doubt.looks_like).as_str())],
        );
        let pictured = board.items.iter().any(|item| item.id == doubt.id);
        html! {
            li .doubt {
                @if pictured { img src={ "/teach/picture/" (doubt.id) } alt=""; }
                @else { p .kind { (doubt.name) } }
                p .said { (icon::warning()) span { (text) } }
                (ask(words, &format!("remove {}", doubt.id), "plain", "lesson-remove"))
            }
        }
    };
    html! {
        @if !board.doubts.is_empty() {
            h3 { (words.text("lesson-doubts")) }
            ul .shown { @for item in &board.doubts { (doubt(item)) } }
        }
    }
}

/// A button of the lesson's form.
fn ask(words: Words<'_>, ask: &str, class: &str, label: &str) -> Markup {
    html! { button .(class) type="submit" form=(FORM) name="ask" value=(ask) { (words.text(label)) } }
}

fn items_of(board: &Board, kind: Kind) -> usize {
    board.kinds.iter().find(|(known, _)| *known == kind).map_or(0, |(_, items)| *items)
}

fn name(words: Words<'_>, kind: Kind) -> String {
    match kind {
        Kind::Of(stream) => words.stream(stream),
        Kind::Unknown => words.text("lesson-unknown"),
    }
}

/// A label by its stream's name, and by its own too where several stand for one stream.
fn label_name(words: Words<'_>, report: &Report, label: &Label) -> String {
    let kind = Kind::of(label);
    let alike = report.labels.iter().filter(|other| Kind::of(other) == kind).count();
    if alike > 1 { format!("{} ({})", name(words, kind), label.id) } else { name(words, kind) }
}

fn kind_accent(kind: Kind) -> String {
    match kind {
        Kind::Of(stream) => accent(stream),
        Kind::Unknown => String::new(),
    }
}

fn mark(kind: Kind) -> Markup {
    match kind {
        Kind::Of(stream) => swatch(stream),
        Kind::Unknown => html! { span .swatch .unknown aria-hidden="true" { "?" } },
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::tests::{info, scene};
    use super::*;
    use crate::detect::Presence;
    use crate::judge::Decision;
    use crate::web::text::{Language, Texts};

    fn item(id: u64, kind: Kind, seen: Stream) -> Shown {
        let said = Decision { seen, probability: 0.81, stream: seen, compartment: None, reason: None };
        Shown { id, kind, said, picture: vec![0xFF].into() }
    }

    fn board() -> Board {
        let can = Kind::Of(Stream::Can);
        Board {
            on: true,
            kinds: Stream::ALL
                .map(|stream| (Kind::Of(stream), 0))
                .into_iter()
                .chain([(Kind::Unknown, 2)])
                .collect(),
            chosen: Some(can),
            items: vec![item(7, can, Stream::Can), item(8, can, Stream::Glass)],
            doubts: vec![Doubt { id: 3, name: "11-20 09:12".into(), kind: can, looks_like: Kind::Unknown }],
            may_undo: true,
            trouble: Some("disk <gone>".into()),
            ..Board::default()
        }
    }

    fn drawn(board: Board, step: Option<Step>, presence: Presence) -> [String; 2] {
        let texts = Texts::load().unwrap();
        let mut scene = scene();
        scene.lesson = Arc::new(board);
        (scene.live.lesson, scene.live.presence) = (step, presence);
        Language::ALL.map(|language| {
            let words = texts.of(language);
            let html = now(words, &scene).into_string() + &lesson(words, &info(), &scene).into_string();
            assert!(!html.contains('⟦'), "{html}");
            html
        })
    }

    #[test]
    fn there_is_always_one_thing_to_do_now() {
        let hand = Presence { hand: true, ..Presence::default() };
        let none = Presence::default();
        let unchosen = Board { chosen: None, ..board() };
        let cases = [
            (Board::default(), None, none, "Not teaching"),
            (board(), None, none, "Wait"),
            (unchosen, Some(Step::Empty), none, "Choose what you show"),
            (board(), Some(Step::Empty), none, "Put in: Cans and metal"),
            (board(), Some(Step::Empty), hand, "Take your hand out"),
            (board(), Some(Step::Looking), none, "Looking"),
            (board(), Some(Step::Taken), none, "Taken: take it out"),
            (Board { fitting: true, ..board() }, Some(Step::Empty), none, "Working it out"),
        ];
        for (board, step, presence, text) in cases {
            let [_, english] = drawn(board, step, presence);
            assert!(english.contains(&format!("<h1>{text}</h1>")), "{text} is not in {english}");
        }
    }

    #[test]
    fn another_network_says_what_it_is_taught_again_and_what_must_be_shown() {
        let again = AgainBoard {
            bundle: "lite <1>".into(),
            items: 12,
            done: 3,
            on: true,
            to_show: vec![(Kind::Of(Stream::Can), 4), (Kind::Unknown, 1)],
            names: vec!["11-20 09:12".into()],
        };
        let board = Board { again: Some(again.clone()), ..Board::default() };
        let [korean, english] = drawn(board, None, Presence::default());
        for text in [
            "lite &lt;1&gt;",
            "3 of 12",
            "Show these again",
            "11-20 09:12",
            "<span class=\"number\">4</span>",
        ] {
            assert!(english.contains(text), "{text} is not in {english}");
        }
        assert!(korean.contains("12개 가운데 3개"), "{korean}");
        let done = AgainBoard { on: false, done: 12, to_show: Vec::new(), ..again };
        let [_, english] = drawn(Board { again: Some(done), ..Board::default() }, None, Presence::default());
        assert!(english.contains("12 items were taught again") && !english.contains("Show these again"));
    }

    #[test]
    fn each_item_has_its_picture_and_what_the_bin_would_have_said() {
        let [korean, english] = drawn(board(), Some(Step::Empty), Presence::default());
        for text in ["/teach/picture/8", "the bin: Glass bottle, 81 %", "remove 8", "disk &lt;gone&gt;"] {
            assert!(english.contains(text), "{text} is not in {english}");
        }
        let (newest, older) =
            (english.find("data-item=\"8\"").unwrap(), english.find("data-item=\"7\"").unwrap());
        assert!(newest < older, "the newest comes first");
        assert!(
            english.contains("class=\"wrong\" data-item=\"8\"")
                && english.contains("class=\"right\" data-item=\"7\"")
        );
        assert!(
            korean.contains("여기에 없는 것") && !korean.contains("name=\"token\""),
            "no token in what all get"
        );
        let ours = english.find("choose general").unwrap();
        assert!(ours < english.find("choose foam").unwrap(), "what this bin collects comes first");
    }
}
