//! What the engine returns where it contradicts itself.
//!
//! A model's sizes are checked when it is made. The engine checks them again where
//! it uses them: once a layer, not once a number. A mismatch is a bug of this
//! library. It is reported, and what was computed is no result.

/// What was planned does not fit what is there: a bug of this library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Internal;

/// A result that only a bug of this library spoils.
pub(crate) type Checked<T = ()> = Result<T, Internal>;

/// What a user reads of an [`Internal`] fault.
pub(crate) const MESSAGE: &str = "a bug in mamlet: what the engine planned does not fit the model. \
                                  Please report it, with the artifact";

/// Whether `condition` holds, as it always should.
#[inline(always)]
pub(crate) fn ensure(condition: bool) -> Checked {
    match condition {
        true => Ok(()),
        false => Err(Internal),
    }
}
