//! Examples from raw samples, made by the engine's front end as on a board: a row per
//! sample, a column per channel, and one of the class where the file gives it.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use mamlet_formats::Centre;
use mamlet_runtime::front_end::signal;
use mamlet_runtime::{Artifact, FrontEnd};

use crate::Model;
use crate::rows::{self, Header, Row, Rows};
use crate::table::{Columns, Example, Target, place};

/// What tells recordings apart, beside blank lines and another class.
#[derive(Clone, Debug, Default)]
pub struct Recordings {
    /// The column of the class; the only one beside the channels if `None`.
    pub label: Option<String>,
    /// Columns that are the same in all rows of a recording.
    pub columns: Vec<String>,
}

/// A recording of a file.
struct Recording {
    line: u64,
    class: Option<usize>,
    /// `[rows, channels]`
    samples: Vec<f32>,
}

/// Where the columns are.
struct Places {
    channels: Vec<usize>,
    class: Option<usize>,
    recording: Vec<usize>,
}

/// Whether a file holds samples for the front end of an artifact, not examples: it has
/// other columns than an example has.
///
/// # Errors
/// Where it cannot be read.
pub fn are_in(path: &Path, artifact: &Artifact<'_>, columns: &Columns) -> Result<bool> {
    if artifact.front_end().is_none() {
        return Ok(false);
    }
    let rows = Rows::open(path, Header::Detect)?;
    Ok(!columns.fit(rows.width()))
}

/// Takes the names of classes from the recordings of a file, as [`Columns::name_classes`].
///
/// # Errors
/// Where the file cannot be read, or has more classes than the artifact.
pub fn name_classes(
    path: &Path,
    artifact: &Artifact<'_>,
    columns: &mut Columns,
    told: &Recordings,
) -> Result<()> {
    let Some(front_end) = artifact.front_end() else {
        return Ok(());
    };
    let names: Vec<&str> = artifact.channel_names()?.collect();
    let mut rows = Rows::open(path, Header::Detect)?;
    let channels = front_end.channels as usize;
    let places = Places::of(&mut rows, path, &names, channels, columns, told)?;
    match places.class {
        Some(at) => columns.name_classes_of(path, at),
        None => Ok(()),
    }
}

/// Makes examples of the recordings of a file. Where the artifact takes the value at rest,
/// that is the median of the file's samples.
///
/// # Errors
/// Names file and line of what is missing, no number or no class.
pub fn read(
    path: &Path,
    artifact: &Artifact<'_>,
    model: &Model<'_>,
    columns: &Columns,
    told: &Recordings,
    need_targets: bool,
) -> Result<Vec<Example>> {
    let file = path.display();
    let mut memory = vec![0.0; FrontEnd::memory(model).len()];
    let mut front_end = FrontEnd::new(model, &mut memory)?;
    let channels = front_end.description().channels as usize;
    let names: Vec<&str> = artifact.channel_names()?.collect();
    let mut rows = Rows::open(path, Header::Detect)?;
    if let Some(hertz) = rows.rate() {
        front_end.sensor_rate((hertz * 1000.0).round() as u32)?;
    }
    let places = Places::of(&mut rows, path, &names, channels, columns, told)?;
    ensure!(
        places.class.is_some() || !need_targets,
        "{file}: no column of the class; --label names it"
    );
    let all = recordings(path, &places, columns)?;
    if front_end.description().centre == Centre::Rest {
        let of_channel = |channel| {
            let samples = all.iter().flat_map(|recording| recording.samples.iter());
            // Every recording has whole rows.
            signal::median(samples.skip(channel).step_by(channels.max(1)).copied())
        };
        let rest: Vec<f32> = (0..channels).map(of_channel).collect();
        front_end.set_rest(&rest)?;
    }
    let mut examples = Vec::new();
    for recording in &all {
        let mut keep = |input: &[f32]| {
            examples.push(Example {
                input: input.to_vec(),
                target: recording.class.map(Target::Class),
            });
        };
        front_end.begin();
        let place = || format!("{file}, line {}", recording.line);
        for sample in recording.samples.chunks(channels) {
            if let Some(window) = front_end.push(sample).with_context(place)? {
                keep(window);
            }
        }
        if let Some(whole) = front_end.end().with_context(place)? {
            keep(whole);
        }
    }
    ensure!(
        !examples.is_empty(),
        "{file}: no example: {}",
        front_end.description()
    );
    Ok(examples)
}

impl Places {
    /// Channels by the artifact's names, or else the first columns.
    fn of(
        rows: &mut Rows,
        path: &Path,
        names: &[&str],
        channels: usize,
        columns: &Columns,
        told: &Recordings,
    ) -> Result<Self> {
        let header = rows.header().unwrap_or_default().to_vec();
        let has = |name: &&str| header.iter().any(|column| column == *name);
        let places = match names.iter().all(has) && names.len() == channels {
            true => {
                let places = names.iter().map(|name| rows.column(name));
                places.collect::<Result<_, _>>()?
            }
            false if rows.width() >= channels => (0..channels).collect::<Vec<_>>(),
            false => bail!(
                "{}: {} columns, a sample has {channels} channels{}{}",
                path.display(),
                rows.width(),
                if names.is_empty() { "" } else { ": " },
                names.join(", ")
            ),
        };
        let recording = told.columns.iter().map(|name| rows.column(name));
        let recording = recording.collect::<Result<Vec<_>, _>>()?;
        let label = told.label.as_ref().map(|name| rows.column(name));
        let label = label.transpose()?;
        let width = rows.width();
        let others = (0..width).filter(|at| !places.contains(at) && !recording.contains(at));
        let others: Vec<usize> = others.collect();
        let class = match (label, &others[..]) {
            (Some(at), _) => Some(at),
            (None, []) => None,
            (None, &[at]) => {
                let mut first = Rows::open(path, Header::Detect)?;
                let row = first.next()?;
                row.filter(|row| columns.may_be_class(row.get(at)))
                    .map(|_| at)
            }
            (None, _) => {
                let name = |&at: &usize| {
                    let name = header.get(at).cloned();
                    name.unwrap_or_else(|| format!("column {}", at + 1))
                };
                let names: Vec<String> = others.iter().map(name).collect();
                bail!(
                    "{}: {} columns beside the channels ({}), and any may be the class: \
                     --label names it, --recording one that tells recordings apart",
                    path.display(),
                    names.len(),
                    names.join(", ")
                )
            }
        };
        Ok(Self {
            channels: places,
            class,
            recording,
        })
    }

    /// What is the same in all rows of a recording.
    fn same(&self, row: &Row<'_>, texts: &mut Vec<String>) -> bool {
        let own = self.class.iter().chain(&self.recording);
        let mut same = true;
        for (index, &at) in own.enumerate() {
            let text = row.get(at);
            match texts.get_mut(index) {
                Some(last) if last == text => {}
                Some(last) => {
                    text.clone_into(last);
                    same = false;
                }
                None => {
                    texts.push(text.to_owned());
                    same = false;
                }
            }
        }
        same
    }
}

fn recordings(path: &Path, places: &Places, columns: &Columns) -> Result<Vec<Recording>> {
    let file = path.display();
    let mut rows = Rows::open(path, Header::Detect)?;
    let decimal = rows.dialect().decimal;
    let header = rows.header().unwrap_or_default().to_vec();
    let mut all: Vec<Recording> = Vec::new();
    let mut texts = Vec::new();
    while let Some(row) = rows.next()? {
        let line = row.line;
        if let Some(what) = row.uneven() {
            bail!("{file}, line {line}: {what}");
        }
        let place = |at: usize| place(path, line, &header, at);
        let same = places.same(&row, &mut texts);
        if !same || row.after_blank || all.is_empty() {
            let class = places.class.map(|at| {
                let class = columns.class(row.get(at));
                class.with_context(|| place(at))
            });
            all.push(Recording {
                line,
                class: class.transpose()?,
                samples: Vec::new(),
            });
        }
        let Some(recording) = all.last_mut() else {
            continue;
        };
        for &at in &places.channels {
            let value = rows::number(row.get(at), decimal);
            let value = value.map_err(|what| anyhow::anyhow!("{}: {what}", place(at)))?;
            recording.samples.push(value);
        }
    }
    if all.is_empty() {
        bail!("{file}: no rows below the header");
    }
    Ok(all)
}
