//! Who and what the examples of a batch are.

use std::ops::Range;
use std::sync::Arc;

/// Where the query examples of a batch come from, for results by user and by
/// class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origins {
    /// Names of people or devices.
    pub users: Arc<[String]>,
    /// Names of classes, of all tasks together.
    pub classes: Arc<[String]>,
    /// That of every query example, `[T, query examples]`.
    pub queries: Vec<Origin>,
}

/// Where one example comes from, as far as that is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// Index of [`Origins::users`].
    pub user: Option<u32>,
    /// Index of [`Origins::classes`], which a label says only within its task.
    pub class: Option<u32>,
}

impl Origins {
    /// Those of the query examples `range`, counted through all tasks.
    pub(super) fn range(&self, range: Range<usize>) -> Self {
        Self {
            queries: self.queries[range].to_vec(),
            ..self.clone()
        }
    }
}
