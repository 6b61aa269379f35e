//! Numbers as people and programs write them.

use std::str::FromStr;

/// What decimals begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decimal {
    /// `1.5`.
    Point,
    /// `1,5`, where columns are not separated by commas.
    Comma,
    /// Not known: the first rows are whole numbers, and columns are not separated by
    /// commas.
    Either,
}

/// What a cell can be read as.
pub trait Number: FromStr + Copy {
    /// Neither infinite nor no number.
    fn finite(self) -> bool;
}

impl Number for f32 {
    fn finite(self) -> bool {
        self.is_finite()
    }
}

impl Number for f64 {
    fn finite(self) -> bool {
        self.is_finite()
    }
}

/// The number in a cell.
///
/// # Errors
/// What the text is instead: `"oops", no number`.
pub fn number<T: Number>(text: &str, decimal: Decimal) -> Result<T, String> {
    let value = match text.parse::<T>() {
        Ok(_) if decimal == Decimal::Comma && text.contains('.') => {
            return Err(format!(
                "{text}, with a decimal point where other rows have a decimal comma"
            ));
        }
        Ok(value) => Some(value),
        Err(_) if decimal == Decimal::Point => None,
        Err(_) => with_point(text).and_then(|text| text.parse().ok()),
    };
    match value {
        Some(value) if value.finite() => Ok(value),
        Some(_) => Err(format!("{text}, not a finite number")),
        None if with_point(text).is_some_and(|text| text.parse::<T>().is_ok()) => Err(format!(
            "{text:?}, no number: decimals begin with a point, not a comma"
        )),
        None => Err(format!("{text:?}, no number")),
    }
}

/// The text with a decimal point for its only comma.
fn with_point(text: &str) -> Option<String> {
    let (whole, rest) = text.split_once(',')?;
    (!rest.contains([',', '.']) && !whole.contains('.')).then(|| format!("{whole}.{rest}"))
}

/// How a cell is written as a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    Text,
    Whole,
    WithPoint,
    WithComma,
}

/// How a cell is written, where no column ends at a comma.
pub(super) fn written(text: &str) -> Written {
    match text.parse::<f64>() {
        Ok(_) if text.contains('.') => Written::WithPoint,
        Ok(_) => Written::Whole,
        Err(_) => match with_point(text).is_some_and(|text| text.parse::<f64>().is_ok()) {
            true => Written::WithComma,
            false => Written::Text,
        },
    }
}
