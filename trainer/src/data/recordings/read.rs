//! From CSV files to recordings.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use csv::StringRecord;

use super::{Layout, Recording, Recordings, problem};
use crate::data::delimited::{self, no_number, unreadable};
use crate::data::source::file_name;
use crate::data::{DataError, Group, Problem};

/// Reads files one after the other.
pub(super) struct Reader<'a> {
    layout: &'a Layout,
    channels: &'a [String],
    files: usize,
    users: Names,
    classes: Names,
    sessions: HashMap<(usize, Vec<String>), usize>,
    recordings: Vec<Recording>,
    problems: Vec<Problem>,
}

/// Names by number.
#[derive(Default)]
struct Names {
    numbers: HashMap<String, usize>,
    names: Vec<String>,
}

impl Names {
    fn number(&mut self, name: &str) -> usize {
        if let Some(&number) = self.numbers.get(name) {
            return number;
        }
        let number = self.names.len();
        self.numbers.insert(name.to_owned(), number);
        self.names.push(name.to_owned());
        number
    }
}

/// Where the columns of a layout are in a file.
struct Columns {
    inputs: Vec<usize>,
    label: usize,
    recording: Vec<usize>,
    user: Option<usize>,
}

/// What is the same in all rows of a recording.
#[derive(Clone, PartialEq)]
struct Key {
    user: String,
    label: String,
    recording: Vec<String>,
}

impl Columns {
    fn of(
        layout: &Layout,
        channels: &[String],
        header: &StringRecord,
        path: &Path,
    ) -> Result<Self, DataError> {
        let header: Vec<String> = header.iter().map(|name| name.trim().to_owned()).collect();
        let column = |name: &String| {
            let found = header.iter().position(|column| column == name);
            found.ok_or_else(|| no_column(name, &header, path))
        };
        let all = |names: &[String]| names.iter().map(column).collect::<Result<Vec<_>, _>>();
        Ok(Self {
            inputs: all(channels)?,
            label: column(&layout.label)?,
            recording: all(&layout.recording)?,
            user: layout.user.as_ref().map(column).transpose()?,
        })
    }

    fn key(&self, row: &StringRecord, file: &str) -> Key {
        let value = |&column: &usize| row.get(column).unwrap_or("").trim().to_owned();
        Key {
            user: self.user.as_ref().map_or_else(|| file.to_owned(), value),
            label: value(&self.label),
            recording: self.recording.iter().map(value).collect(),
        }
    }
}

/// Columns of a file that are not part of the layout: those that are numbers in its first
/// row, and the others.
pub(super) fn channels(
    layout: &Layout,
    path: &Path,
) -> Result<(Vec<String>, Vec<String>), DataError> {
    let (header, row) = head(path)?;
    let names = layout.recording.iter().chain([&layout.label]);
    let names: Vec<&String> = names.chain(&layout.user).collect();
    let missing = names.iter().find(|name| !header.contains(name));
    if let Some(name) = missing {
        return Err(no_column(name, &header, path));
    }
    let own = |name: &String| !names.contains(&name);
    let is_number = |value: &str| value.parse::<f32>().is_ok_and(f32::is_finite);
    let columns = header.iter().zip(&row).filter(|(name, _)| own(name));
    let (numbers, others): (Vec<_>, Vec<_>) = columns.partition(|(_, value)| is_number(value));
    let named = |columns: Vec<(&String, &String)>| {
        columns.into_iter().map(|(name, _)| name.clone()).collect()
    };
    Ok((named(numbers), named(others)))
}

fn no_column(name: &str, header: &[String], path: &Path) -> DataError {
    DataError::Read {
        path: path.to_owned(),
        why: format!(
            "line 1: no column {name:?}; there are {}",
            header.join(", ")
        ),
    }
}

/// The header of a file, and its first row.
pub(super) fn head(path: &Path) -> Result<(Vec<String>, Vec<String>), DataError> {
    let (mut reader, header) = delimited::open(path)?;
    let texts = |record: &StringRecord| record.iter().map(|text| text.trim().to_owned()).collect();
    let mut row = StringRecord::new();
    reader.read_record(&mut row).map_err(unreadable(path))?;
    Ok((texts(&header), texts(&row)))
}

impl<'a> Reader<'a> {
    pub(super) fn new(layout: &'a Layout, channels: &'a [String]) -> Self {
        Self {
            layout,
            channels,
            files: 0,
            users: Names::default(),
            classes: Names::default(),
            sessions: HashMap::new(),
            recordings: Vec::new(),
            problems: Vec::new(),
        }
    }

    /// Reads a file, whose stem is the user unless a column names one.
    pub(super) fn file(&mut self, group: Option<Group>, path: &Path) -> Result<(), DataError> {
        let (mut reader, header) = delimited::open(path)?;
        let columns = Columns::of(self.layout, self.channels, &header, path)?;
        let stem = path
            .file_stem()
            .map(|stem| stem.to_string_lossy().into_owned());
        let stem = stem.unwrap_or_else(|| file_name(path));
        let mut open: Option<(Key, Recording)> = None;
        let mut row = StringRecord::new();
        while reader.read_record(&mut row).map_err(unreadable(path))? {
            let line = row.position().map_or(0, csv::Position::line);
            if row.len() != header.len() {
                let what = format!("{} columns, the header has {}", row.len(), header.len());
                self.problems.push(problem(path, line, what));
                continue;
            }
            let key = columns.key(&row, &stem);
            if key.user.is_empty() || key.label.is_empty() {
                let what = if key.label.is_empty() {
                    &self.layout.label
                } else {
                    "user"
                };
                self.problems
                    .push(problem(path, line, format!("{what} is empty")));
                continue;
            }
            let full = |recording: &Recording| {
                let rows = recording.samples.len() / self.channels.len();
                self.layout.rows == Some(rows)
            };
            let goes_on = open
                .as_ref()
                .is_some_and(|(last, recording)| *last == key && !full(recording));
            if !goes_on {
                self.close(path, open.take().map(|(_, recording)| recording));
                let recording = self.begin(&key, group, line);
                open = Some((key, recording));
            }
            let (_, recording) = open.as_mut().expect("begun above");
            for (&column, name) in columns.inputs.iter().zip(self.channels) {
                let text = row.get(column).unwrap_or("").trim();
                match text.parse::<f32>() {
                    Ok(value) if value.is_finite() => recording.samples.push(value),
                    Ok(_) => {
                        let what = format!("{name} is {text}, not a finite number");
                        self.problems.push(problem(path, line, what));
                        recording.samples.push(0.0);
                    }
                    Err(_) => {
                        let what = format!("{name} is {}", no_number(text));
                        self.problems.push(problem(path, line, what));
                        recording.samples.push(0.0);
                    }
                }
            }
        }
        self.close(path, open.take().map(|(_, recording)| recording));
        self.files += 1;
        Ok(())
    }

    fn begin(&mut self, key: &Key, group: Option<Group>, line: u64) -> Recording {
        let user = self.users.number(&key.user);
        let sessions = self.sessions.len();
        let session = (user, key.recording.clone());
        Recording {
            user,
            class: self.classes.number(&key.label),
            session: *self.sessions.entry(session).or_insert(sessions),
            group,
            file: self.files,
            line,
            samples: Vec::new(),
        }
    }

    fn close(&mut self, path: &Path, recording: Option<Recording>) {
        let Some(recording) = recording else {
            return;
        };
        let rows = recording.samples.len() / self.channels.len();
        let short = match self.layout.rows {
            Some(wanted) if rows < wanted => Some(format!(
                "the recording that begins here has {rows} rows, rows = {wanted} are expected"
            )),
            None if rows < 2 => Some("the recording that begins here has a single row".into()),
            _ => None,
        };
        if let Some(what) = short {
            self.problems.push(problem(path, recording.line, what));
        }
        self.recordings.push(recording);
    }

    /// All of them, classes and users in order, and what is wrong.
    pub(super) fn finish(self) -> (Recordings, Vec<Problem>) {
        let (users, of_user) = sorted(self.users.names);
        let (classes, of_class) = sorted(self.classes.names);
        let recordings = self.recordings.into_iter().map(|recording| Recording {
            user: of_user[recording.user],
            class: of_class[recording.class],
            ..recording
        });
        let recordings = Recordings {
            path: PathBuf::new(),
            layout: self.layout.clone(),
            channels: self.channels.to_vec(),
            files: Vec::new(),
            users,
            classes,
            recordings: recordings.collect(),
        };
        (recordings, self.problems)
    }
}

/// Names in order, numbers by their size, and the new index of each.
fn sorted(names: Vec<String>) -> (Vec<String>, Vec<usize>) {
    let mut order: Vec<usize> = (0..names.len()).collect();
    let number = |at: usize| names[at].parse::<f64>().unwrap_or(f64::INFINITY);
    order.sort_by(|&a, &b| {
        number(a)
            .total_cmp(&number(b))
            .then_with(|| names[a].cmp(&names[b]))
    });
    let mut moved = vec![0; names.len()];
    for (place, &at) in order.iter().enumerate() {
        moved[at] = place;
    }
    let sorted = order.iter().map(|&at| names[at].clone()).collect();
    (sorted, moved)
}
