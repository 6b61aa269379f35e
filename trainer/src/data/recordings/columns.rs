//! What the columns of files are, by a look at some of their rows.

use std::collections::BTreeSet;
use std::path::Path;

use mamlet_simulator::rows::{Decimal, Header, Rows, number};

use super::Layout;
use super::clock::{self, ClockUnit};
use super::files::File;
use crate::data::DataError;

/// Files that are looked at, at most, and rows of each.
const FILES: usize = 40;
const ROWS: usize = 1000;

/// Some rows of a file.
pub(super) struct Sample {
    /// Names of the columns, and whether the file has them.
    pub names: Vec<String>,
    pub header: bool,
    /// Blank lines between rows.
    pub blanks: usize,
    /// Rows a second, where the file says it.
    pub rate: Option<f64>,
    decimal: Decimal,
    rows: Vec<Vec<String>>,
}

/// What a column holds.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    /// Numbers, at least in half of the rows that have anything.
    Numbers,
    /// Other texts.
    Texts,
    /// Nothing.
    Nothing,
    /// Times that go on from row to row.
    Clock(Clock),
    /// Times that do not tell rows apart.
    Times,
    /// The number of the row.
    Counter,
}

/// A column of times.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Clock {
    /// Rows a second.
    pub rate: f64,
    /// What it counts; `None` of dates.
    pub unit: Option<ClockUnit>,
    /// Whether it ever goes back.
    pub back: bool,
}

/// A column.
#[derive(Clone, Debug)]
pub(super) struct Column {
    pub name: String,
    pub kind: Kind,
    /// How many different texts it has.
    pub different: usize,
    /// How often a row differs from the one before, and how many rows have anything.
    pub changes: usize,
    pub filled: usize,
}

/// How a file with or without a header is opened.
pub(super) fn header(present: bool) -> Header {
    match present {
        true => Header::Present,
        false => Header::Absent,
    }
}

/// The names of a file's columns.
fn names(rows: &Rows) -> Vec<String> {
    match rows.header() {
        Some(names) => names.to_vec(),
        None => (1..=rows.width()).map(|at| format!("c{at}")).collect(),
    }
}

/// Where the column of that name is.
pub(super) fn place(rows: &Rows, path: &Path, name: &str) -> Result<usize, DataError> {
    if rows.header().is_some() {
        return Ok(rows.column(name)?);
    }
    let all = names(rows);
    let found = all.iter().position(|own| own == name);
    found.ok_or_else(|| DataError::Read {
        path: path.to_owned(),
        why: format!(
            "no column {name:?}; header = false makes them {}",
            all.join(", ")
        ),
    })
}

impl Sample {
    /// The first rows of a file.
    pub fn of(path: &Path, header: Header) -> Result<Self, DataError> {
        let mut rows = Rows::open(path, header)?;
        let mut sample = Self {
            names: names(&rows),
            header: rows.header().is_some(),
            blanks: 0,
            rate: rows.rate(),
            decimal: rows.dialect().decimal,
            rows: Vec::new(),
        };
        while let Some(row) = rows.next()? {
            if row.uneven().is_some() {
                continue;
            }
            sample.blanks += usize::from(row.after_blank && !sample.rows.is_empty());
            let cells = (0..row.len()).map(|at| row.get(at).to_owned());
            sample.rows.push(cells.collect());
            if sample.rows.len() == ROWS {
                break;
            }
        }
        Ok(sample)
    }

    /// Samples of some of the files.
    pub fn of_some(files: &[File], header: Header) -> Result<Vec<Self>, DataError> {
        let every = files.len().div_ceil(FILES).max(1);
        let files = files.iter().step_by(every);
        files.map(|file| Self::of(&file.path, header)).collect()
    }

    fn column(&self, at: usize) -> impl Iterator<Item = &str> + Clone {
        self.rows
            .iter()
            .map(move |row| row.get(at).map_or("", |text| text))
    }
}

/// The columns of samples that have the same ones.
pub(super) fn columns(samples: &[&Sample]) -> Vec<Column> {
    let Some(first) = samples.first() else {
        return Vec::new();
    };
    let of = |(at, name): (usize, &String)| {
        let parts: Vec<Vec<&str>> = samples.iter().map(|s| s.column(at).collect()).collect();
        let filled = || parts.iter().flatten().filter(|text| !text.is_empty());
        let changes = |part: &Vec<&str>| part.windows(2).filter(|pair| pair[0] != pair[1]).count();
        Column {
            name: name.clone(),
            kind: kind(name, samples, at, &parts),
            different: filled().collect::<BTreeSet<_>>().len(),
            changes: parts.iter().map(changes).sum(),
            filled: filled().count(),
        }
    };
    first.names.iter().enumerate().map(of).collect()
}

fn kind(name: &str, samples: &[&Sample], at: usize, parts: &[Vec<&str>]) -> Kind {
    let filled = parts.iter().flatten().filter(|text| !text.is_empty());
    let filled = filled.count();
    if filled == 0 {
        return Kind::Nothing;
    }
    if let Some(kind) = times(name, samples[0].header, parts) {
        return kind;
    }
    let numbers = |sample: &&Sample| {
        let cells = sample.column(at);
        let numbers = cells.filter(|text| number::<f32>(text, sample.decimal).is_ok());
        numbers.count()
    };
    let numbers: usize = samples.iter().map(numbers).sum();
    match 2 * numbers >= filled {
        true => Kind::Numbers,
        false => Kind::Texts,
    }
}

/// Whether a column counts time or rows. Without a name only what is very regular does.
fn times(name: &str, named: bool, parts: &[Vec<&str>]) -> Option<Kind> {
    let is_clock = named && clock::is_named(name);
    let counts = named && clock::counts_rows(name);
    if named && !is_clock && !counts {
        return None;
    }
    // Numbers count seconds as long as the unit is not known.
    let time = |text: &&str| clock::seconds(text, Some(ClockUnit::Seconds));
    let is_date = |text: &&str| clock::seconds(text, None).is_some();
    let dates = parts.iter().flatten().any(is_date);
    let (mut steps, mut read, mut all) = (Vec::new(), 0, 0);
    for part in parts {
        let times: Vec<f64> = part.iter().filter_map(time).collect();
        (read, all) = (read + times.len(), all + part.len());
        steps.extend(times.windows(2).map(|pair| pair[1] - pair[0]));
    }
    let share = |count: usize, least: f64| count as f64 >= least * steps.len() as f64;
    let count = |fits: &dyn Fn(f64) -> bool| steps.iter().filter(|&&step| fits(step)).count();
    let least_steps = if named { 2 } else { 8 };
    if 10 * read < 9 * all || steps.len() < least_steps {
        return None;
    }
    let up = count(&|step| step > 0.0);
    let back = count(&|step| step < 0.0);
    // What starts anew with each recording goes on within them, however short they are.
    let within = |count: usize| up > back && 10 * count >= 9 * (steps.len() - back);
    let ones = count(&|step| step == 1.0);
    if (counts || !named) && share(ones, 0.9) || counts && within(ones) {
        return Some(Kind::Counter);
    }
    if counts || up == 0 {
        return None;
    }
    let mut forward: Vec<f64> = steps.iter().copied().filter(|&step| step > 0.0).collect();
    forward.sort_by(f64::total_cmp);
    let usual = forward[forward.len() / 2];
    let steady = count(&|step| (step - usual).abs() <= 0.5 * usual);
    let is_clock = match named {
        true => share(up, 0.9) || within(steady),
        false => share(up, 0.98) && share(steady, 0.8),
    };
    if !is_clock {
        let in_order = named && share(count(&|step| step >= 0.0), 0.9);
        return in_order.then_some(Kind::Times);
    }
    let unit = match dates {
        true => None,
        false => Some(ClockUnit::named(name).unwrap_or_else(|| ClockUnit::likely(usual))),
    };
    let close = forward.iter().filter(|&&step| step <= clock::GAP * usual);
    let (number, sum) = close.fold((0.0, 0.0), |(n, sum), step| (n + 1.0, sum + step));
    Some(Kind::Clock(Clock {
        rate: clock::rounded(number / sum * unit.map_or(1.0, ClockUnit::per_second)),
        unit,
        back: back > 0,
    }))
}

/// Columns of numbers that belong to no layout, and what is to be known of the others.
///
/// # Errors
/// Where a clock contradicts the rate.
pub(super) fn channels(
    layout: &Layout,
    files: &[File],
) -> Result<(Vec<String>, Vec<String>), DataError> {
    let samples = Sample::of_some(files, header(layout.header))?;
    let Some(first) = samples.first() else {
        return Ok(Default::default());
    };
    let alike: Vec<&Sample> = samples.iter().filter(|s| s.names == first.names).collect();
    let all = columns(&alike);
    let own: Vec<&String> = layout.columns().collect();
    let (mut channels, mut notes) = (Vec::new(), Vec::new());
    let mut texts: Vec<&str> = Vec::new();
    for column in all.iter().filter(|column| !own.contains(&&column.name)) {
        let name = &column.name;
        match &column.kind {
            Kind::Numbers => channels.push(name.clone()),
            Kind::Texts | Kind::Nothing => texts.push(name),
            Kind::Clock(Clock { rate, .. }) => {
                if let Some(stated) = layout
                    .rate
                    .filter(|&stated| !clock::agree(stated, *rate, false))
                {
                    return Err(DataError::TooFew {
                        what: name.clone(),
                        has: format!("{rate} rows a second"),
                        needs: format!(
                            "rate says {stated}: say rate = {rate:?}, or clock = {name:?} instead"
                        ),
                    });
                }
                notes.push(format!(
                    "{name} is a clock of {rate} rows a second and no channel; clock = {name:?} \
                     follows it where it is not steady"
                ));
            }
            Kind::Times => notes.push(format!(
                "{name} is no channel: times, which repeat from row to row"
            )),
            Kind::Counter => notes.push(format!("{name} is no channel: it counts rows")),
        }
    }
    if !texts.is_empty() {
        notes.push(format!(
            "not used, as they are no numbers: {}",
            texts.join(", ")
        ));
    }
    Ok((channels, notes))
}
