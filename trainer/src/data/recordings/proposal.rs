//! A layout for files that have none, by a look at them.

use std::fmt::Write as _;
use std::path::Path;

use mamlet_simulator::rows::Header;

use super::clock::ClockUnit;
use super::columns::{self, Clock, Column, Kind, Sample};
use super::files::{File, Files, extension};
use super::layout::{Boundary, Layout, Without, default_files};
use super::paths;
use crate::data::{DataError, counted};

/// A layout that suits files, as far as can be seen.
#[derive(Clone, Debug, PartialEq)]
pub struct Proposal {
    /// It.
    pub layout: Layout,
    /// It as a `recordings.toml`, with what is to be known as comments.
    pub text: String,
    /// What may as well be otherwise.
    pub doubts: Vec<String>,
    /// What it takes for granted, as nothing says it.
    pub guesses: Vec<String>,
}

/// Names of columns that are likely to be the class, a person and a recording.
const LABELS: [&str; 9] = [
    "label", "class", "gesture", "activity", "target", "movement", "name", "what", "word",
];
const USERS: [&str; 9] = [
    "user",
    "user_id",
    "userid",
    "subject",
    "subject_id",
    "person",
    "participant",
    "who",
    "unit",
];
const RECORDINGS: [&str; 11] = [
    "recording",
    "take",
    "measurement",
    "trial",
    "rep",
    "repetition",
    "session",
    "segment",
    "sequence",
    "recording_id",
    "take_id",
];
/// Rows a second where nothing says them.
const RATE: f64 = 50.0;

/// A line of the text.
struct Line {
    key: &'static str,
    value: String,
    comment: String,
}

/// What these files of a folder could be.
pub(super) fn proposal(folder: &Path, files: &[File]) -> Result<Proposal, DataError> {
    let samples = Sample::of_some(files, Header::Detect)?;
    let all = files.len();
    let (files, samples, pattern) = alike(files, samples);
    let columns = columns::columns(&samples.iter().collect::<Vec<_>>());
    let header = samples.iter().all(|sample| sample.header);
    let mut lines: Vec<Line> = Vec::new();
    let (mut doubts, mut guesses) = (Vec::new(), Vec::new());
    let mut layout = Layout {
        label: None,
        recording: Vec::new(),
        rows: None,
        user: None,
        rate: None,
        files: pattern.unwrap_or_else(default_files),
        path: None,
        header,
        boundary: None,
        clock: None,
        clock_unit: None,
        least: None,
        without: Without::default(),
    };
    let mut say = |key, value: String, comment: &str| {
        lines.push(Line {
            key,
            value,
            comment: comment.into(),
        });
    };
    let quoted = |text: &str| toml::Value::from(text).to_string();
    if !header {
        say("header", "false".into(), "no line names the columns");
    }
    layout.label = class(&columns);
    layout.user = named(&columns, &USERS, &[&layout.label]);
    match &layout.label {
        Some(label) => say("label", quoted(label), "the column of the class"),
        None => {
            let guess = paths::guess(&files);
            if let Some(or) = guess.as_ref().and_then(|guess| guess.or.as_ref()) {
                doubts.push(format!(
                    "no column is a class; names of files may be path = {} or {or}",
                    guess
                        .as_ref()
                        .map_or(String::new(), |guess| quoted(&guess.pattern)),
                ));
            }
            layout.path = guess.map(|guess| guess.pattern);
        }
    }
    let in_folders = files.iter().any(|file| file.below.components().count() > 1);
    if layout.label.is_some() && layout.user.is_none() && in_folders {
        layout.path = Some("{user}/{take}".into());
    }
    if let Some(path) = &layout.path {
        let comment = match layout.label {
            Some(_) => "a folder is a person",
            None => "what names of files say",
        };
        say("path", quoted(path), comment);
    }
    if let Some(user) = &layout.user {
        say("user", quoted(user), "the column of the person");
    }
    let of_recording = |column: &&Column| {
        let known = RECORDINGS.contains(&&*column.name.to_lowercase());
        known && 2 * column.changes <= column.filled && column.filled > 0
    };
    layout.recording = (columns.iter().filter(of_recording))
        .map(|column| column.name.clone())
        .collect();
    if !layout.recording.is_empty() {
        let names = toml::Value::from(layout.recording.clone()).to_string();
        say(
            "recording",
            names,
            "where it changes, another recording begins",
        );
    }
    let blanks: usize = samples.iter().map(|sample| sample.blanks).sum();
    if blanks > 0 {
        layout.boundary = Some(Boundary::Blank);
        say("boundary", quoted("blank"), "a blank line ends a recording");
    }
    let clock = columns.iter().find_map(|column| match &column.kind {
        Kind::Clock(clock) => Some((&column.name, clock)),
        _ => None,
    });
    let told = samples.iter().find_map(|sample| sample.rate);
    match (clock, told) {
        (Some((name, Clock { rate, unit, back })), _) => {
            layout.clock = Some(name.clone());
            layout.rate = Some(*rate);
            say(
                "clock",
                quoted(name),
                "the time of each row, which is no channel",
            );
            if let Some(unit) = unit.filter(|_| ClockUnit::named(name).is_none()) {
                layout.clock_unit = Some(unit);
                say("clock_unit", quoted(unit.name()), "as it seems");
                guesses.push(format!(
                    "clock_unit = {:?} is a guess by the steps of {name}",
                    unit.name()
                ));
            }
            say("rate", format!("{rate:?}"), "rows a second, by the clock");
            if *back && layout.boundary.is_none() && layout.recording.is_empty() {
                layout.boundary = Some(Boundary::Clock);
                say(
                    "boundary",
                    quoted("clock"),
                    "a clock that goes back begins a recording",
                );
            }
        }
        (None, Some(rate)) => {
            layout.rate = Some(rate);
            say(
                "rate",
                format!("{rate:?}"),
                "rows a second, as the files say",
            );
        }
        (None, None) => {
            layout.rate = Some(RATE);
            let comment = "rows a second: a guess, as no column is a clock";
            say("rate", format!("{RATE:?}"), comment);
            guesses.push(format!(
                "rate = {RATE:?} is a guess, as no column is a clock: put in the right one"
            ));
        }
    }
    if layout.files != default_files() {
        let comment = match files.len() {
            own if own == all => "all of them".to_owned(),
            own => format!("{own} of {all}; others have other columns, or may"),
        };
        say("files", quoted(&layout.files), &comment);
    }
    if let Some((key, why)) = layout.fault() {
        return Err(DataError::Read {
            path: folder.join(Layout::FILE),
            why: format!(
                "it is not there, and nothing in {} of {} says what it is: {key}: {why}. Columns \
                 are {}",
                counted(files.len(), "file"),
                folder.display(),
                columns
                    .iter()
                    .map(|c| &c.name[..])
                    .collect::<Vec<_>>()
                    .join(", ")
            ),
        });
    }
    Ok(Proposal {
        layout,
        text: written(&lines),
        doubts,
        guesses,
    })
}

fn written(lines: &[Line]) -> String {
    let left = |line: &Line| format!("{} = {}", line.key, line.value);
    let width = lines.iter().map(|line| left(line).chars().count()).max();
    let width = width.unwrap_or(0);
    let mut text = String::new();
    for line in lines {
        let _ = writeln!(text, "{:width$}  # {}", left(line), line.comment);
    }
    text
}

/// The files that have the columns that most have, their samples, and the pattern that
/// tells them from the others, where there are others or the usual one does not fit.
fn alike(files: &[File], samples: Vec<Sample>) -> (Vec<File>, Vec<Sample>, Option<String>) {
    let count = |names: &[String]| samples.iter().filter(|s| s.names == names).count();
    // The first of those that are equally frequent.
    let usual = samples.iter().rev().max_by_key(|s| count(&s.names));
    let usual = usual.map(|sample| sample.names.clone()).unwrap_or_default();
    let all = samples.len() == files.len();
    let fits = |at: usize| !all || samples[at].names == usual;
    let name = |file: &File| {
        let name = file.path.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    };
    let wanted: Vec<String> = (files.iter().enumerate())
        .filter(|&(at, _)| fits(at))
        .map(|(_, file)| name(file))
        .collect();
    let chosen = |pattern: &str| Some(Files::new(pattern)?.choose(files));
    let exact = |pattern: &str| {
        chosen(pattern)
            .is_some_and(|taken| taken.len() == wanted.len() && taken.iter().all(|&at| fits(at)))
    };
    let common = |ends: bool| -> String {
        let turned = |text: &str| -> Vec<char> {
            match ends {
                true => text.chars().rev().collect(),
                false => text.chars().collect(),
            }
        };
        let mut names = wanted.iter().map(|name| turned(name));
        let first = names.next().unwrap_or_default();
        let shared = names.fold(first.len(), |shared, name| {
            let same = first.iter().zip(&name).take_while(|(a, b)| a == b);
            shared.min(same.count())
        });
        let mut shared: Vec<char> = first[..shared].to_vec();
        if ends {
            shared.reverse();
        }
        glob::Pattern::escape(&shared.into_iter().collect::<String>())
    };
    let usual_pattern = default_files();
    let (prefix, suffix) = (common(false), common(true));
    let kind = wanted.first().and_then(|name| extension(name));
    let candidates = [
        usual_pattern.clone(),
        format!("*.{}", kind.unwrap_or("csv")),
        format!("*{suffix}"),
        format!("{prefix}*{suffix}"),
        format!("*/*{suffix}"),
        format!("*/*/*{suffix}"),
    ];
    let pattern = match candidates.iter().find(|pattern| exact(pattern)) {
        Some(pattern) => pattern.clone(),
        // Nothing tells them apart: one is better than none.
        None => glob::Pattern::escape(wanted.first().map_or("*", |name| name)),
    };
    let taken = chosen(&pattern).unwrap_or_default();
    let of_files = taken.iter().map(|&at| files[at].clone()).collect();
    let mut kept = Vec::new();
    for (at, sample) in samples.into_iter().enumerate() {
        if sample.names == usual && (!all || taken.contains(&at)) {
            kept.push(sample);
        }
    }
    let pattern = (pattern != usual_pattern).then_some(pattern);
    (of_files, kept, pattern)
}

/// The column of the class: one that is called so, or one of few words.
fn class(columns: &[Column]) -> Option<String> {
    let is_class = |column: &&Column| {
        let few = column.different > 1 && 2 * column.different <= column.filled;
        column.kind == Kind::Texts && few && !is_any(&column.name, &[&USERS, &RECORDINGS])
    };
    let worded = columns.iter().find(is_class).map(|c| c.name.clone());
    named(columns, &LABELS, &[]).or(worded)
}

fn is_any(name: &str, lists: &[&[&str]]) -> bool {
    let name = name.to_lowercase();
    lists.iter().any(|list| list.contains(&&*name))
}

/// The column that has the first of these names.
fn named(columns: &[Column], names: &[&str], but: &[&Option<String>]) -> Option<String> {
    let usable = |column: &&Column| {
        let holds = matches!(column.kind, Kind::Numbers | Kind::Texts);
        // What differs from row to row is neither class nor person.
        holds && 10 * column.changes < 9 * column.filled.max(2)
    };
    let find = |name: &&str| {
        let mut columns = columns.iter().filter(usable);
        columns.find(|column| column.name.to_lowercase() == **name)
    };
    let found = names.iter().find_map(find)?;
    let name = Some(found.name.clone());
    if but.contains(&&name) { None } else { name }
}
