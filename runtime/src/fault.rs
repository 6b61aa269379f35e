//! What the engine says where it contradicts itself.
//!
//! Sizes and places are checked when a model is made, so what is checked again
//! while it runs always fits. Where it does not, there is a bug in this library,
//! and no number that comes of it may pass for a result.

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
