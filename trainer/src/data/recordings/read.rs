//! From files of rows to recordings.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use mamlet_simulator::rows::{Rows, number};

use super::clock::{self, ClockUnit};
use super::files::File;
use super::keys::{Columns, Key, Names, sorted};
use super::layout::{Boundary, Layout};
use super::names::{NamePattern, Named, without_extension};
use super::{Recording, Recordings, columns};
use crate::data::faults::Faults;
use crate::data::source::file_name;
use crate::data::{DataError, Problem, counted};

/// Reads files one after the other.
pub(super) struct Reader<'a> {
    layout: &'a Layout,
    channels: &'a [String],
    names: Option<NamePattern>,
    /// Whose recordings are that neither a column nor a name gives to anyone, where files
    /// are not people.
    anyone: String,
    unit: Option<ClockUnit>,
    files: usize,
    users: Names,
    classes: Names,
    sessions: HashMap<(usize, Vec<String>), usize>,
    read: Vec<Timed>,
    /// Files whose names do not fit.
    problems: Vec<Problem>,
    faults: Faults,
    /// Names of [`Layout::without`] that came up.
    left_out: BTreeSet<String>,
    /// Recordings that were too short, and where the first is.
    short: Places,
    /// Blank lines within recordings.
    blanks: Places,
    /// What is out of the ordinary in how files are written, and in which.
    written: BTreeMap<String, Places>,
    /// What files say of their rate.
    told: Option<(f64, String)>,
}

/// A recording with the time and the line of each row, where there is a clock.
struct Timed {
    recording: Recording,
    times: Vec<f64>,
    lines: Vec<u64>,
}

/// How many there are, and where the first is.
#[derive(Default)]
struct Places {
    count: usize,
    first: Option<String>,
}

impl Places {
    fn add(&mut self, place: impl FnOnce() -> String) {
        self.count += 1;
        self.first.get_or_insert_with(place);
    }

    fn first(&self) -> &str {
        self.first.as_deref().unwrap_or_default()
    }
}

impl<'a> Reader<'a> {
    /// For files of the folder `place`.
    pub fn new(layout: &'a Layout, channels: &'a [String], place: &Path) -> Self {
        Self {
            layout,
            channels,
            names: layout.names(),
            anyone: file_name(place),
            unit: layout.unit(),
            files: 0,
            users: Names::default(),
            classes: Names::default(),
            sessions: HashMap::new(),
            read: Vec::new(),
            problems: Vec::new(),
            faults: Faults::default(),
            left_out: BTreeSet::new(),
            short: Places::default(),
            blanks: Places::default(),
            written: BTreeMap::new(),
            told: None,
        }
    }

    /// What the name of a file says; `None` where it does not fit.
    fn named(&self, file: &File) -> Option<Key> {
        let Named { label, user, take } = match &self.names {
            Some(names) => names.read(&file.below)?,
            None => Named::default(),
        };
        let says_class = label.is_some();
        Some(Key {
            user: user.unwrap_or_else(|| match says_class {
                true => self.anyone.clone(),
                false => without_extension(&file_name(&file.path)).to_owned(),
            }),
            label: label.unwrap_or_default(),
            recording: take.into_iter().collect(),
        })
    }

    /// Reads a file.
    ///
    /// # Errors
    /// Where it cannot be read, or has not the columns.
    pub fn file(&mut self, file: &File) -> Result<(), DataError> {
        let path = &file.path;
        let Some(named) = self.named(file) else {
            let pattern = self.layout.path.as_deref().unwrap_or_default();
            let what = format!("its name does not fit path = {pattern:?}");
            let file = path.display().to_string();
            self.problems.push(Problem::new(file, what));
            self.files += 1;
            return Ok(());
        };
        let mut rows = Rows::open(path, columns::header(self.layout.header))?;
        let columns = Columns::of(self.layout, self.channels, &rows, path)?;
        if let Some(rate) = rows.rate() {
            let told = || (rate, path.display().to_string());
            self.told.get_or_insert_with(told);
        }
        let (decimal, mut key) = (rows.dialect().decimal, Key::default());
        let mut open: Option<(Key, Timed)> = None;
        while let Some(row) = rows.next()? {
            let line = row.line;
            let mut wrong = |what: String| self.faults.add(path, line, what);
            if let Some(what) = row.uneven() {
                wrong(what);
                continue;
            }
            columns.key(&row, &named, &mut key);
            if key.user.is_empty() || key.label.is_empty() {
                let label = self.layout.label.as_deref().unwrap_or("{label}");
                let what = if key.label.is_empty() { label } else { "user" };
                wrong(format!("{what} is empty"));
                continue;
            }
            let without = &self.layout.without;
            let out = [(&without.users, &key.user), (&without.classes, &key.label)];
            let mut out = out.into_iter().filter(|(names, name)| names.contains(name));
            if let Some((_, name)) = out.next() {
                if !self.left_out.contains(name) {
                    self.left_out.insert(name.clone());
                }
                self.close(path, open.take());
                continue;
            }
            let time = columns.clock.map(|at| {
                let text = row.get(at);
                clock::seconds(text, self.unit).ok_or_else(|| self.no_time(text))
            });
            let time = match time.transpose() {
                Ok(time) => time,
                Err(what) => {
                    self.faults.add(path, line, what);
                    continue;
                }
            };
            let boundary = self.layout.boundary;
            let goes_on = open.as_ref().is_some_and(|(last, timed)| {
                let rows = timed.recording.samples.len() / self.channels.len();
                let back = || {
                    time.zip(timed.times.last())
                        .is_some_and(|(t, &last)| t < last)
                };
                let ends = match boundary {
                    Some(Boundary::Blank) => row.after_blank,
                    Some(Boundary::Clock) => back(),
                    None => false,
                };
                *last == key && self.layout.rows != Some(rows) && !ends
            });
            if !goes_on {
                self.close(path, open.take());
                open = Some((key.clone(), self.begin(&key, file, line)));
            } else if row.after_blank {
                self.blanks.add(|| place(path, line));
            }
            let Some((_, timed)) = open.as_mut() else {
                continue;
            };
            if let Some(time) = time {
                let clock = self.layout.clock.as_deref().unwrap_or_default();
                let last = timed.times.last().copied();
                if let Some(last) = last.filter(|&last| time <= last) {
                    let how = match time == last {
                        true => "the same as in the row before",
                        false => {
                            "earlier than in the row before; if another recording begins \
                                  here, boundary = \"clock\" says so"
                        }
                    };
                    let text = columns.clock.map_or("", |at| row.get(at));
                    let what = format!("{clock} is {text}, {how}");
                    self.faults.add_of(path, line, what, text);
                }
                timed.times.push(last.map_or(time, |last| last.max(time)));
                timed.lines.push(line);
            }
            for (&column, name) in columns.inputs.iter().zip(self.channels) {
                let text = row.get(column);
                let value = number::<f32>(text, decimal).unwrap_or_else(|what| {
                    let what = format!("{name} is {what}");
                    self.faults.add_of(path, line, what, text);
                    0.0
                });
                timed.recording.samples.push(value);
            }
        }
        self.close(path, open.take());
        if let Some(words) = rows.dialect().words() {
            let places = self.written.entry(words).or_default();
            places.add(|| path.display().to_string());
        }
        self.files += 1;
        Ok(())
    }

    fn no_time(&self, text: &str) -> String {
        let clock = self.layout.clock.as_deref().unwrap_or_default();
        let number = text.parse::<f64>().is_ok_and(f64::is_finite);
        match number && self.unit.is_none() {
            true => format!(
                "{clock} is {text}, of no known unit: clock_unit is \"s\", \"ms\", \"us\" or \"ns\""
            ),
            false => format!("{clock} is {text:?}, no time"),
        }
    }

    fn begin(&mut self, key: &Key, file: &File, line: u64) -> Timed {
        let user = self.users.number(&key.user);
        let sessions = self.sessions.len();
        let session = (user, key.recording.clone());
        Timed {
            recording: Recording {
                user,
                class: self.classes.number(&key.label),
                session: *self.sessions.entry(session).or_insert(sessions),
                group: file.group,
                file: self.files,
                line,
                samples: Vec::new(),
            },
            times: Vec::new(),
            lines: Vec::new(),
        }
    }

    fn close(&mut self, path: &Path, open: Option<(Key, Timed)>) {
        let Some((_, mut timed)) = open else { return };
        timed.recording.samples.shrink_to_fit();
        let (rows, line) = (
            timed.recording.samples.len() / self.channels.len(),
            timed.recording.line,
        );
        match self.layout.rows {
            Some(wanted)
                if rows < wanted && self.layout.least.is_none_or(|least| rows >= least) =>
            {
                let what = format!(
                    "the recording that begins here has {}, rows = {wanted} are expected",
                    counted(rows, "row")
                );
                self.faults.add(path, line, what);
            }
            _ if rows < self.layout.least() => {
                self.short.add(|| place(path, line));
                return;
            }
            _ => {}
        }
        self.read.push(timed);
    }

    /// All of them at one rate, classes and users in order, and what is wrong.
    ///
    /// # Errors
    /// Where the rate of the clock is not that of the layout, or there is none.
    pub fn finish(mut self, files: &[File]) -> Result<(Recordings, Vec<Problem>), DataError> {
        let found = |name: &&String| !self.left_out.contains(*name);
        let without = &self.layout.without;
        let unknown = without.users.iter().chain(&without.classes).find(found);
        if let Some(name) = unknown {
            return Err(DataError::TooFew {
                what: "without".into(),
                has: format!("{name:?}"),
                needs: "no user or class is called that".into(),
            });
        }
        let rate = self.rate()?;
        let paths: Vec<_> = files.iter().map(|file| file.path.clone()).collect();
        let mut recordings = Vec::with_capacity(self.read.len());
        let [mut resampled, mut divided] = [Places::default(), Places::default()];
        for timed in std::mem::take(&mut self.read) {
            let Timed {
                recording,
                times,
                lines,
            } = timed;
            if self.layout.clock.is_none() {
                recordings.push(recording);
                continue;
            }
            let at = |line| place(&paths[recording.file], line);
            let channels = self.channels.len();
            for piece in clock::pieces(&times, &recording.samples, channels, rate) {
                let line = lines[piece.first];
                if piece.first > 0 {
                    divided.add(|| at(line));
                }
                if piece.samples.len() / channels < self.layout.least() {
                    self.short.add(|| at(line));
                    continue;
                }
                if piece.resampled {
                    resampled.add(|| at(line));
                }
                recordings.push(Recording {
                    line,
                    samples: piece.samples,
                    ..recording.clone()
                });
            }
        }
        let notes = self.notes(rate, [&resampled, &divided]);
        // Classes and users of what was left out have no recordings.
        let present = |of: fn(&Recording) -> usize| recordings.iter().map(of).collect();
        let (users, of_user) = sorted(&self.users.names, &present(|r| r.user));
        let (classes, of_class) = sorted(&self.classes.names, &present(|r| r.class));
        for recording in &mut recordings {
            recording.user = of_user[recording.user];
            recording.class = of_class[recording.class];
        }
        let recordings = Recordings {
            path: Default::default(),
            layout: self.layout.clone(),
            rate,
            channels: self.channels.to_vec(),
            files: paths,
            users,
            classes,
            recordings,
            notes,
        };
        self.problems.extend(self.faults.problems());
        Ok((recordings, self.problems))
    }

    /// Rows a second, by the layout, the clock and the files, which must agree.
    fn rate(&self) -> Result<f64, DataError> {
        let measured = self.layout.clock.as_ref().and_then(|clock| {
            let parts = self
                .read
                .iter()
                .filter_map(|timed| clock::rate(&timed.times));
            let [count, seconds] = parts.fold([0.0, 0.0], |a, b| [a[0] + b[0], a[1] + b[1]]);
            (seconds > 0.0).then(|| (clock::rounded(count / seconds), clock.clone()))
        });
        let resampled = measured.is_some();
        let told = measured.or_else(|| self.told.clone());
        match (self.layout.rate, told) {
            (Some(rate), Some((measured, who))) => match clock::agree(rate, measured, resampled) {
                true => Ok(rate),
                false => Err(DataError::TooFew {
                    what: who,
                    has: format!("{measured} rows a second"),
                    needs: format!("rate says {rate}: leave it out, or say rate = {measured:?}"),
                }),
            },
            (Some(rate), None) | (None, Some((rate, _))) => Ok(rate),
            (None, None) => Err(DataError::TooFew {
                what: self.anyone.clone(),
                has: match &self.layout.clock {
                    Some(clock) => format!("no two rows in order by {clock}"),
                    None => "no rate".into(),
                },
                needs:
                    "rows a second must be known: rate = N says how many, or clock = COLUMN the \
                        time of each"
                        .into(),
            }),
        }
    }

    fn notes(&self, rate: f64, [resampled, divided]: [&Places; 2]) -> Vec<String> {
        let mut notes = Vec::new();
        let mut note = |places: &Places, text: String| {
            if places.count > 0 {
                notes.push(text);
            }
        };
        let short = &self.short;
        let least = self.layout.least();
        note(
            short,
            format!(
                "left out: {} of fewer than {} (least = {least}), the first at {}",
                counted(short.count, "recording"),
                counted(least, "row"),
                short.first()
            ),
        );
        let clock = self.layout.clock.as_deref().unwrap_or_default();
        note(
            resampled,
            format!(
                "{} whose {clock} is not steady brought to {rate} rows a second, the first at {}",
                counted(resampled.count, "recording"),
                resampled.first()
            ),
        );
        note(
            divided,
            format!(
                "{clock} has {}, where another recording begins, the first at {}",
                counted(divided.count, "gap"),
                divided.first()
            ),
        );
        note(
            &self.blanks,
            format!(
                "{} within a recording, the first before {}; if another begins there, \
                 boundary = \"blank\" says so",
                counted(self.blanks.count, "blank line"),
                self.blanks.first()
            ),
        );
        let out: Vec<&str> = self.left_out.iter().map(|name| &name[..]).collect();
        if !out.is_empty() {
            notes.push(format!("left out by name: {}", out.join(", ")));
        }
        let written = self.written.iter().map(|(words, places)| {
            let files = counted(places.count, "file");
            format!("{files} read so: {words}; the first is {}", places.first())
        });
        notes.extend(written);
        notes
    }
}

fn place(path: &Path, line: u64) -> String {
    format!("{}, line {line}", path.display())
}
