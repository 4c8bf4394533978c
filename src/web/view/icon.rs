//! Small drawings: the shapes that say the same as the colours. 24 by 24, drawn in the text's colour.

use maud::PreEscaped;

use super::drawing;
use crate::judge::StateName;

type Icon = PreEscaped<&'static str>;

macro_rules! icon {
    ($($shape:literal)*) => {
        drawing(concat!(
            r#"<svg class="icon" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" "#,
            r#"stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">"#,
            $($shape,)*
            "</svg>"
        ))
    };
}

pub(in crate::web) const fn menu() -> Icon {
    icon!(r#"<path d="M3 6h18M3 12h18M3 18h18"/>"#)
}

/// A hand-held slate.
pub(in crate::web) const fn lesson() -> Icon {
    icon!(r#"<path d="M3 4h18v12H3zM9 21l3-5 3 5M7 12l3-4 3 3 4-4"/>"#)
}

pub(in crate::web) const fn sliders() -> Icon {
    icon!(
        r#"<path d="M4 6h9M17 6h3M4 12h3M11 12h9M4 18h11M19 18h1"/><circle cx="15" cy="6" r="2"/><circle cx="9" cy="12" r="2"/><circle cx="17" cy="18" r="2"/>"#
    )
}

pub(in crate::web) const fn bin() -> Icon {
    icon!(r#"<path d="M4 7h16M9 7V4h6v3M6 7l1 13h10l1-13M12 11v5m-2-2 2 2 2-2"/>"#)
}

pub(in crate::web) const fn warning() -> Icon {
    icon!(r#"<path d="M12 3 2 20h20L12 3zM12 10v4M12 17v.01"/>"#)
}

/// An octagon, as on a stop sign.
pub(in crate::web) const fn stop() -> Icon {
    icon!(r#"<path d="M8 2h8l6 6v8l-6 6H8l-6-6V8l6-6zM12 7v6M12 16.5v.01"/>"#)
}

pub(in crate::web) const fn ready() -> Icon {
    icon!(r#"<circle cx="12" cy="12" r="10"/><path d="m7 12.5 3.5 3.5L17 8.5"/>"#)
}

pub(in crate::web) const fn pause() -> Icon {
    icon!(r#"<circle cx="12" cy="12" r="10"/><path d="M9.5 8v8M14.5 8v8"/>"#)
}

const fn waiting() -> Icon {
    icon!(r#"<circle cx="12" cy="12" r="10"/><path d="M7.5 12v.01M12 12v.01M16.5 12v.01"/>"#)
}

const fn arriving() -> Icon {
    icon!(r#"<path d="M12 3v11m-4-4 4 4 4-4M3 14v6h18v-6"/>"#)
}

pub(in crate::web) const fn looking() -> Icon {
    icon!(r#"<path d="M2 12s4-7 10-7 10 7 10 7-4 7-10 7S2 12 2 12z"/><circle cx="12" cy="12" r="3"/>"#)
}

const fn writing() -> Icon {
    icon!(r#"<path d="M5 3h9l5 5v13H5V3zM14 3v5h5M8.5 14l2.5 2.5 4.5-4.5"/>"#)
}

pub(in crate::web) const fn sending() -> Icon {
    icon!(r#"<path d="M3 5h6l6 8v8m-3-3 3 3 3-3M15 5h6"/>"#)
}

pub(in crate::web) const fn falling() -> Icon {
    icon!(r#"<path d="M12 2v4M12 9v12m-5-5 5 5 5-5"/>"#)
}

pub(in crate::web) const fn bars() -> Icon {
    icon!(r#"<path d="M3 21h18M6 21v-6M12 21V5M18 21v-9"/>"#)
}

const fn home() -> Icon {
    icon!(r#"<path d="m3 11 9-8 9 8M6 9v11h12V9"/>"#)
}

const fn back() -> Icon {
    icon!(r#"<path d="M9 20h6a5 5 0 0 0 0-10H4m4-4-4 4 4 4"/>"#)
}

pub(in crate::web) const fn full() -> Icon {
    icon!(r#"<path d="M4 4v17h16V4M8 8h8M8 12h8M8 16h8"/>"#)
}

/// The shape of a state.
pub(in crate::web) const fn state(state: Option<StateName>) -> Icon {
    match state {
        None | Some(StateName::Starting) => waiting(),
        Some(StateName::Empty) => ready(),
        Some(StateName::Full) => full(),
        Some(StateName::Arriving) => arriving(),
        Some(StateName::Settled) => looking(),
        Some(StateName::Decided) => writing(),
        Some(StateName::Routing) => sending(),
        Some(StateName::Clearing) => falling(),
        Some(StateName::Homing) => home(),
        Some(StateName::Returning) => back(),
        Some(StateName::Maintenance) => pause(),
        Some(StateName::CameraLost | StateName::Jam | StateName::MechanismFault | StateName::LedgerFault) => {
            stop()
        }
    }
}
