//! Who and what the examples of a batch are.

use std::ops::Range;
use std::sync::Arc;

/// Where the query examples of a batch come from, for results by user and by
/// class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origins {
    /// Names of people or devices.
    pub users: Arc<[String]>,
    /// The unit that each of the users belongs to, by number, where several are of one, as
    /// two sensors of an instrument are; `None` where each is a unit of its own.
    pub unit_of: Option<Arc<[u32]>>,
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
    /// The unit, such as a person or an instrument, that each task of `queries` queries is
    /// of, by number; `None` where a task is of several, or where that is not known.
    pub fn units(&self, queries: usize) -> Option<Vec<u32>> {
        let tasks = self.queries.chunks_exact(queries.max(1));
        tasks
            .map(|task| {
                let mut users = task.iter().map(|origin| origin.user);
                let first = self.unit(users.next()??)?;
                users
                    .all(|user| user.and_then(|user| self.unit(user)) == Some(first))
                    .then_some(first)
            })
            .collect()
    }

    fn unit(&self, user: u32) -> Option<u32> {
        match &self.unit_of {
            Some(units) => units.get(user as usize).copied(),
            None => Some(user),
        }
    }

    /// Those of the query examples `range`, counted through all tasks.
    pub(super) fn range(&self, range: Range<usize>) -> Self {
        Self {
            queries: self.queries[range].to_vec(),
            ..self.clone()
        }
    }
}
