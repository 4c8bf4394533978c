//! The drawings on the resident's screen: shapes that say the same as the words. 120 by 120, in the text's colour.
//!
//! `thin` shapes are outlines, the others are filled; `clear` ones show the ground through a filled shape.

use maud::PreEscaped;

use super::face::{Cause, Face, Outcome};
use crate::judge::Reason;
use crate::streams::Stream;

type Drawing = PreEscaped<&'static str>;

macro_rules! pictogram {
    ($($shape:literal)*) => {
        PreEscaped(concat!(
            r#"<svg class="pictogram" viewBox="0 0 120 120" aria-hidden="true">"#,
            $($shape,)*
            "</svg>"
        ))
    };
}

/// The drawing of a face.
pub(super) const fn of(face: Face) -> Drawing {
    match face {
        Face::Moment => hourglass(),
        Face::Ready => put_in(),
        Face::Hold => hand(),
        Face::Looking => eye(),
        Face::Result { result: Outcome::Sorted(stream), .. } => item(stream),
        Face::Result { result: Outcome::General(reason, _), .. } => reject(reason),
        Face::Result { result: Outcome::Back(..), .. } => take_back(),
        Face::Withdrawn => take_back(),
        Face::Called => bell(),
        Face::Full => full(),
        Face::Out(Cause::Camera) => no_camera(),
        Face::Out(Cause::Maintenance) => wrench(),
        Face::Out(Cause::Jam | Cause::Blocked) => stuck(),
        Face::Out(Cause::Flap | Cause::Ledger | Cause::Silent) => no_entry(),
    }
}

const fn bell() -> Drawing {
    pictogram!(
        r#"<path d="M60 12c-20 0-30 14-30 34v26L18 88h84L90 72V46c0-20-10-34-30-34z"/>"#
        r#"<path d="M47 95a13 13 0 0 0 26 0z"/><path class="thin" d="M14 40c0-10 4-18 10-24M106 40c0-10-4-18-10-24"/>"#
    )
}

const fn reject(reason: Reason) -> Drawing {
    match reason {
        Reason::TwoItems => two_items(),
        Reason::CompartmentFull | Reason::CompartmentDisabled => full(),
        Reason::NotSure | Reason::Unknown | Reason::NotCollectedHere => item(Stream::General),
    }
}

/// What a stream collects, by its outline.
const fn item(stream: Stream) -> Drawing {
    match stream {
        Stream::ClearPet => pictogram!(
            r#"<path d="M50 8h20v12H50z"/><path class="thin" d="M52 20v10c0 8-14 12-14 26v50a6 6 0 0 0 6 6h32a6 6 0 0 0 6-6V56c0-14-14-18-14-26V20"/>"#
            r#"<path class="thin" d="M38 62h44M38 88h44"/>"#
        ),
        Stream::Plastic => pictogram!(
            r#"<path d="M42 8h24v14H42zM38 26h32l14 18v62a6 6 0 0 1-6 6H36a6 6 0 0 1-6-6V44z"/>"#
            r#"<path class="clear" d="M68 42l8 10v24h-8zM38 62h22v28H38z"/>"#
        ),
        Stream::Can => pictogram!(
            r#"<path d="M40 10h40l8 12v78l-8 12H40l-8-12V22z"/><path class="clear" d="M40 18h40l3 5H37zM36 40h48v40H36z"/>"#
            r#"<path d="M60 46l12 14-12 14-12-14z"/>"#
        ),
        Stream::Glass => pictogram!(
            r#"<path d="M53 6h14v34c0 8 12 10 12 24v42a6 6 0 0 1-6 6H47a6 6 0 0 1-6-6V64c0-14 12-16 12-24z"/>"#
            r#"<path class="clear" d="M48 70h24v22H48zM53 14h14v5H53z"/>"#
        ),
        Stream::Paper => pictogram!(
            r#"<path d="M22 10h52l24 24v76H22z"/><path class="clear" d="M34 24h34v7H34zM34 44h52v7H34zM34 60h52v7H34zM34 76h52v7H34zM34 92h34v7H34zM72 14v22h22z"/>"#
        ),
        Stream::Carton => pictogram!(
            r#"<path d="M44 8h32v12l14 20v66a6 6 0 0 1-6 6H36a6 6 0 0 1-6-6V40l14-20z"/>"#
            r#"<path class="clear" d="M46 25h28l9 13H37zM38 46h44v5H38zM60 60c8 10 12 15 12 21a12 12 0 0 1-24 0c0-6 4-11 12-21z"/>"#
        ),
        Stream::Film => pictogram!(
            r#"<path d="M28 8h12v28c4 6 36 6 40 0V8h12v30c0 10 6 12 8 22l6 52H14l6-52c2-10 8-12 8-22z"/>"#
            r#"<path class="clear" d="M38 66h44v8H38zM36 84h48v8H36z"/>"#
        ),
        Stream::Foam => pictogram!(
            r#"<path d="M10 40 60 18l50 22v12L60 74 10 52z"/><path d="M10 60l46 20v30L10 90zM64 80l46-20v30L64 110z"/>"#
            r#"<circle class="clear" cx="26" cy="78" r="4"/><circle class="clear" cx="40" cy="92" r="4"/><circle class="clear" cx="80" cy="92" r="4"/>"#
            r#"<circle class="clear" cx="96" cy="78" r="4"/><circle class="clear" cx="46" cy="46" r="4"/><circle class="clear" cx="74" cy="46" r="4"/><circle class="clear" cx="60" cy="56" r="4"/>"#
        ),
        Stream::General => pictogram!(
            r#"<path d="M46 30c-6-6-10-14-6-18 6-4 14 4 20 10 6-6 14-14 20-10 4 4 0 12-6 18 24 10 36 36 32 60-2 14-10 20-22 20H36c-12 0-20-6-22-20-4-24 8-50 32-60z"/>"#
            r#"<path class="clear" d="M44 30h32v6H44z"/>"#
        ),
        // A tag, with as many dots as its number.
        Stream::City1 => pictogram!(
            r#"<path d="M14 14h52l44 46-50 50L14 66z"/><circle class="clear" cx="32" cy="32" r="8"/><circle class="clear" cx="64" cy="64" r="8"/>"#
        ),
        Stream::City2 => pictogram!(
            r#"<path d="M14 14h52l44 46-50 50L14 66z"/><circle class="clear" cx="32" cy="32" r="8"/><circle class="clear" cx="52" cy="74" r="8"/><circle class="clear" cx="76" cy="52" r="8"/>"#
        ),
        Stream::City3 => pictogram!(
            r#"<path d="M14 14h52l44 46-50 50L14 66z"/><circle class="clear" cx="32" cy="32" r="8"/><circle class="clear" cx="48" cy="78" r="8"/><circle class="clear" cx="64" cy="64" r="8"/>"#
            r#"<circle class="clear" cx="80" cy="50" r="8"/>"#
        ),
    }
}

const fn put_in() -> Drawing {
    pictogram!(
        r#"<path class="moves" d="M50 4h20v38h18L60 72 32 42h18z"/>"#
        r#"<path d="M6 58h22v14H20v30h80V72H92V58h22v58H6z"/>"#
    )
}

const fn take_back() -> Drawing {
    pictogram!(
        r#"<path class="moves" d="M50 74h20V36h18L60 6 32 36h18z"/>"#
        r#"<path d="M6 58h22v14H20v30h80V72H92V58h22v58H6z"/>"#
    )
}

/// An octagon, as on a stop sign, with a raised hand.
const fn hand() -> Drawing {
    pictogram!(
        r#"<path d="M37 4h46l33 33v46l-33 33H37L4 83V37z"/>"#
        r#"<path class="clear" d="M40 60V36a5 5 0 0 1 10 0v18h2V28a5 5 0 0 1 10 0v26h2V32a5 5 0 0 1 10 0v24h2V42a5 5 0 0 1 10 0v32c0 16-10 24-23 24-9 0-16-4-21-12L30 68c-4-6 5-12 10-5z"/>"#
    )
}

const fn eye() -> Drawing {
    pictogram!(
        r#"<path d="M2 60S22 22 60 22s58 38 58 38-20 38-58 38S2 60 2 60z"/><circle class="clear" cx="60" cy="60" r="27"/>"#
        r#"<circle class="looks" cx="60" cy="60" r="15"/>"#
    )
}

const fn hourglass() -> Drawing {
    pictogram!(
        r#"<path d="M22 6h76v14H22zM22 100h76v14H22zM30 26h60c0 20-12 28-22 34 10 6 22 14 22 34H30c0-20 12-28 22-34-10-6-22-14-22-34z"/>"#
        r#"<path class="clear" d="M42 34h36c-2 8-10 14-18 19-8-5-16-11-18-19zM60 68c8 5 14 10 16 18H44c2-8 8-13 16-18z"/>"#
    )
}

const fn full() -> Drawing {
    pictogram!(
        r#"<path d="M4 30h8v86h44V30h8v94H4z"/><path d="M16 22 34 6l18 16v90H16z"/><path class="clear" d="M22 44h24v7H22zM22 62h24v7H22zM22 80h24v7H22z"/>"#
        r#"<path class="moves-right" d="M68 52h22V38l26 22-26 22V68H68z"/>"#
    )
}

const fn two_items() -> Drawing {
    pictogram!(
        r#"<path d="M22 14h22v10l8 12v66a6 6 0 0 1-6 6H20a6 6 0 0 1-6-6V36l8-12z"/><path d="M72 34h30l6 10v56l-6 10H72l-6-10V44z"/>"#
        r#"<path class="clear" d="M22 52h22v28H22zM72 58h30v28H72z"/>"#
    )
}

const fn no_camera() -> Drawing {
    pictogram!(
        r#"<path d="M8 34h24l10-14h36l10 14h24v66H8z"/><circle class="clear" cx="60" cy="66" r="24"/><circle cx="60" cy="66" r="14"/>"#
        r#"<path class="clear" d="M14 4 120 110l-9 9L5 13z"/><path d="M8 2 118 112l-6 6L2 8z"/>"#
    )
}

const fn wrench() -> Drawing {
    pictogram!(
        r#"<path d="M112 30 92 50 74 46 70 28 90 8C74 0 54 8 50 26c-1 6-1 10 1 16L10 84c-6 6-6 14 0 20l6 6c6 6 14 6 20 0l42-41c6 2 10 2 16 1 18-4 26-24 18-40z"/>"#
        r#"<circle class="clear" cx="25" cy="95" r="7"/>"#
    )
}

/// Something across the opening.
const fn stuck() -> Drawing {
    pictogram!(
        r#"<path d="M6 58h22v14H20v30h80V72H92V58h22v58H6z"/><path d="M30 78 76 14l22 16-46 64z"/>"#
        r#"<path class="clear" d="M45 68 61 46l13 9-16 22z"/>"#
    )
}

/// A bar in a disc, as on the road.
const fn no_entry() -> Drawing {
    pictogram!(r#"<circle cx="60" cy="60" r="56"/><path class="clear" d="M22 48h76v24H22z"/>"#)
}
