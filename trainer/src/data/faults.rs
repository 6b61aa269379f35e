//! Rows that cannot be used, alike ones counted.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::Problem;

/// Lines of alike rows that are named one by one.
const NAMED: usize = 5;

/// Faults of rows, file after file.
#[derive(Default)]
pub(crate) struct Faults {
    all: Vec<Alike>,
    /// Where those of the file at hand are, by their kind.
    of_file: HashMap<String, usize>,
}

/// Rows of a file with the same fault.
struct Alike {
    path: PathBuf,
    line: u64,
    what: String,
    /// Lines of the others, as many as are named, and the last.
    others: Vec<u64>,
    last: u64,
    count: usize,
}

impl Faults {
    /// A row that has a fault.
    pub fn add(&mut self, path: &Path, line: u64, what: impl Into<String>) {
        self.add_of(path, line, what, "");
    }

    /// A row with this text, in which alike rows may differ.
    pub fn add_of(&mut self, path: &Path, line: u64, what: impl Into<String>, text: &str) {
        let what = what.into();
        let kind = match text {
            "" => what.clone(),
            text => what.replace(text, ""),
        };
        if self.all.last().is_some_and(|last| last.path != path) {
            self.of_file.clear();
        }
        let known = self.of_file.get(&kind).and_then(|&at| self.all.get_mut(at));
        if let Some(alike) = known {
            if alike.others.len() < NAMED {
                alike.others.push(line);
            }
            alike.last = line;
            alike.count += 1;
            return;
        }
        self.of_file.insert(kind, self.all.len());
        self.all.push(Alike {
            path: path.to_owned(),
            line,
            what,
            others: Vec::new(),
            last: line,
            count: 0,
        });
    }

    /// A problem for each kind of each file.
    pub fn problems(self) -> Vec<Problem> {
        self.all.into_iter().map(Alike::problem).collect()
    }
}

impl Alike {
    fn problem(self) -> Problem {
        let lines = match &self.others[..] {
            _ if self.count > self.others.len() => {
                format!(", lines {} to {}", self.others[0], self.last)
            }
            [] => String::new(),
            [line] => format!(", line {line}"),
            [lines @ .., last] => {
                let lines: Vec<String> = lines.iter().map(u64::to_string).collect();
                format!(", lines {} and {last}", lines.join(", "))
            }
        };
        let more = match self.count {
            0 => String::new(),
            1 => "; and 1 more row like it".into(),
            count => format!("; and {count} more rows like it"),
        };
        Problem {
            file: format!("{}, line {}", self.path.display(), self.line),
            what: format!("{}{more}{lines}", self.what),
            alike: self.count,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alike_rows_of_a_file_are_counted() {
        let mut faults = Faults::default();
        for line in 3..2000 {
            let text = format!("oops{line}");
            faults.add_of(
                "a.csv".as_ref(),
                line,
                format!("x is {text:?}, no number"),
                &text,
            );
        }
        for line in [7, 9, 12] {
            faults.add("a.csv".as_ref(), line, "g is empty");
        }
        faults.add("b.csv".as_ref(), 2, "g is empty");
        let problems = faults.problems();
        let said: Vec<String> = problems.iter().map(Problem::to_string).collect();
        let expected = [
            "a.csv, line 3: x is \"oops3\", no number; and 1996 more rows like it, lines 4 to 1999",
            "a.csv, line 7: g is empty; and 2 more rows like it, lines 9 and 12",
            "b.csv, line 2: g is empty",
        ];
        assert_eq!(said, expected);
        assert_eq!(problems.iter().map(|p| 1 + p.alike).sum::<usize>(), 2001);
    }
}
