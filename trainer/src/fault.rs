//! Keys of a config whose values cannot be used, and the checks that find them.

/// A key of a config whose value cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The key with its tables, such as `tasks.ways`.
    pub key: String,
    /// What the value has to be.
    pub expected: String,
    /// What it is.
    pub given: String,
}

/// A fault of `key` unless `holds`.
pub(crate) fn require(
    holds: bool,
    key: &str,
    expected: impl Into<String>,
    given: impl ToString,
) -> Result<(), Fault> {
    if holds {
        return Ok(());
    }
    Err(Fault {
        key: key.into(),
        expected: expected.into(),
        given: given.to_string(),
    })
}

pub(crate) fn positive(key: &str, value: f64) -> Result<(), Fault> {
    require(
        value.is_finite() && value > 0.0,
        key,
        "a number above 0",
        value,
    )
}

pub(crate) fn not_negative(key: &str, value: f64) -> Result<(), Fault> {
    require(
        value.is_finite() && value >= 0.0,
        key,
        "a number of at least 0",
        value,
    )
}

pub(crate) fn decay(key: &str, value: f64) -> Result<(), Fault> {
    require(
        (0.0..1.0).contains(&value),
        key,
        "a number from 0 to below 1",
        value,
    )
}

/// A part that is not the whole.
pub(crate) fn proper_share(key: &str, share: f64) -> Result<(), Fault> {
    let proper = (0.0..1.0).contains(&share);
    require(proper, key, "a share from 0 to below 1", share)
}

pub(crate) fn at_least_one(key: &str, value: usize) -> Result<(), Fault> {
    require(value >= 1, key, "at least 1", value)
}

/// The most steps of a rollout, which are kept in memory for every rollout of an iteration.
const HORIZON: usize = 100_000;

/// The horizon of an environment.
pub(crate) fn horizon(value: usize) -> Result<(), Fault> {
    require(
        (1..=HORIZON).contains(&value),
        "tasks.horizon",
        format!("1 to {HORIZON} steps"),
        value,
    )
}

/// The classes of a task.
pub(crate) fn ways(ways: usize) -> Result<(), Fault> {
    require(ways >= 2, "tasks.ways", "at least 2", ways)
}

/// Both ends of a range of numbers, which may be one number.
pub(crate) fn bounds(key: &str, [low, high]: [f64; 2]) -> Result<(), Fault> {
    require(
        low.is_finite() && high.is_finite() && low <= high,
        key,
        "[low, high] with low <= high",
        format!("[{low}, {high}]"),
    )
}
