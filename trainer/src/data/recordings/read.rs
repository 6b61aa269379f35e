//! From CSV files to recordings.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use mamlet_simulator::rows::{Header, Row, Rows, number};

use super::{Layout, Recording, Recordings};
use crate::data::faults::Faults;
use crate::data::source::stem;
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
    faults: Faults,
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
#[derive(Clone, Default, PartialEq)]
struct Key {
    user: String,
    label: String,
    recording: Vec<String>,
}

impl Columns {
    fn of(layout: &Layout, channels: &[String], rows: &Rows) -> Result<Self, DataError> {
        let column = |name: &String| rows.column(name);
        let all = |names: &[String]| names.iter().map(column).collect::<Result<Vec<_>, _>>();
        Ok(Self {
            inputs: all(channels)?,
            label: column(&layout.label)?,
            recording: all(&layout.recording)?,
            user: layout.user.as_ref().map(column).transpose()?,
        })
    }

    /// Writes what is the same in all rows of a row's recording.
    fn key(&self, row: &Row<'_>, file: &str, key: &mut Key) {
        let set = |text: &mut String, value: &str| {
            text.clear();
            text.push_str(value);
        };
        set(&mut key.user, self.user.map_or(file, |at| row.get(at)));
        set(&mut key.label, row.get(self.label));
        key.recording.resize(self.recording.len(), String::new());
        for (text, &at) in key.recording.iter_mut().zip(&self.recording) {
            set(text, row.get(at));
        }
    }
}

/// Columns of a file that are not part of the layout: those that are numbers in its first
/// row, and the others.
pub(super) fn channels(
    layout: &Layout,
    path: &Path,
) -> Result<(Vec<String>, Vec<String>), DataError> {
    let mut rows = Rows::open(path, Header::Present)?;
    let names = layout.recording.iter().chain([&layout.label]);
    let names: Vec<&String> = names.chain(&layout.user).collect();
    for name in &names {
        rows.column(name)?;
    }
    let decimal = rows.dialect().decimal;
    let header = rows.header().unwrap_or_default().to_vec();
    let own = |name: &String| !names.contains(&name);
    let (mut numbers, mut others) = (Vec::new(), Vec::new());
    if let Some(row) = rows.next()? {
        for (at, name) in header.iter().enumerate().filter(|(_, name)| own(name)) {
            match number::<f32>(row.get(at), decimal) {
                Ok(_) => numbers.push(name.clone()),
                Err(_) => others.push(name.clone()),
            }
        }
    }
    Ok((numbers, others))
}

/// The header of a file, and its first row.
pub(super) fn head(path: &Path) -> Result<(Vec<String>, Vec<String>), DataError> {
    let mut rows = Rows::open(path, Header::Present)?;
    let header = rows.header().unwrap_or_default().to_vec();
    let row = rows.next()?;
    let cells = row.map(|row| (0..row.len()).map(|at| row.get(at).to_owned()).collect());
    Ok((header, cells.unwrap_or_default()))
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
            faults: Faults::default(),
        }
    }

    /// Reads a file, whose stem is the user unless a column names one.
    pub(super) fn file(&mut self, group: Option<Group>, path: &Path) -> Result<(), DataError> {
        let mut rows = Rows::open(path, Header::Present)?;
        let columns = Columns::of(self.layout, self.channels, &rows)?;
        let (decimal, stem) = (rows.dialect().decimal, stem(path));
        let mut key = Key::default();
        let mut open: Option<(Key, Recording)> = None;
        while let Some(row) = rows.next()? {
            let line = row.line;
            if let Some(what) = row.uneven() {
                self.faults.add(path, line, what);
                continue;
            }
            columns.key(&row, &stem, &mut key);
            if key.user.is_empty() || key.label.is_empty() {
                let what = if key.label.is_empty() {
                    &self.layout.label
                } else {
                    "user"
                };
                self.faults.add(path, line, format!("{what} is empty"));
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
                open = Some((key.clone(), recording));
            }
            let (_, recording) = open.as_mut().expect("begun above");
            for (&column, name) in columns.inputs.iter().zip(self.channels) {
                let text = row.get(column);
                let value = number(text, decimal).unwrap_or_else(|what| {
                    let what = format!("{name} is {what}");
                    self.faults.add_of(path, line, what, text);
                    0.0
                });
                recording.samples.push(value);
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
        let Some(mut recording) = recording else {
            return;
        };
        recording.samples.shrink_to_fit();
        let rows = recording.samples.len() / self.channels.len();
        let short = match self.layout.rows {
            Some(wanted) if rows < wanted => Some(format!(
                "the recording that begins here has {rows} rows, rows = {wanted} are expected"
            )),
            None if rows < 2 => Some("the recording that begins here has a single row".into()),
            _ => None,
        };
        if let Some(what) = short {
            self.faults.add(path, recording.line, what);
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
        (recordings, self.faults.problems())
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
