use event::{Place, Position};

use crate::plain::plain;

/// A place as a person writes it, and as `dreamcatcher show` takes it: `PATH#17` for a record, `PATH#L17` for
/// a line, `PATH#@17` for an offset. A path that holds characters that cannot be shown has their numbers
/// instead (see [`plain`]).
pub fn place_text(place: &Place) -> String {
    format!("{}#{}", plain(&place.piece.path), position_text(place.position))
}

/// The part behind the `#` of [`place_text`].
pub(crate) fn position_text(position: Position) -> String {
    match position {
        Position::Record(number) => number.to_string(),
        Position::Line(number) => format!("L{number}"),
        Position::Offset(number) => format!("@{number}"),
    }
}
