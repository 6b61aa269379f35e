//! Examples from CSV: one header, then a row per example. The first columns
//! are the model's inputs; the columns after them are the target numbers, or
//! one class (its number, or its name where the artifact has names).

use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use mamlet_formats::Loss;
use mamlet_runtime::Artifact;

use crate::serial::Identity;

/// What an example should give.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// Numbers, for errors, or an action and its advantage, for policies.
    Values(Vec<f32>),
    /// A class, for cross-entropy.
    Class(usize),
}

/// One row.
#[derive(Clone, Debug, PartialEq)]
pub struct Example {
    /// The raw inputs.
    pub input: Vec<f32>,
    /// The target, where the file has one.
    pub target: Option<Target>,
}

/// What the columns of a file must be.
#[derive(Clone, Debug)]
pub struct Columns {
    inputs: usize,
    targets: usize,
    /// How many classes there are, where targets are classes.
    outputs: usize,
    classes: Option<Vec<String>>,
}

impl Columns {
    /// The columns an artifact asks for.
    ///
    /// # Errors
    /// Where the artifact's description cannot be read.
    pub fn of(artifact: &Artifact<'_>, model: &crate::Model<'_>) -> Result<Self> {
        let description = artifact.description()?;
        let names = || description.output_names().map(String::from).collect();
        Ok(Columns {
            inputs: model.inputs(),
            targets: model.targets(),
            outputs: model.classes(),
            classes: (model.loss() == Loss::CrossEntropy).then(names),
        })
    }
}

impl From<&Identity> for Columns {
    /// The columns that a board asks for.
    fn from(board: &Identity) -> Self {
        Columns {
            inputs: board.inputs,
            targets: board.targets,
            outputs: board.outputs,
            classes: board.classes.then(|| board.names.clone()),
        }
    }
}

impl Target {
    /// The numbers that an engine takes: a class is a whole number.
    pub fn numbers(&self) -> Vec<f32> {
        match self {
            Target::Values(values) => values.clone(),
            Target::Class(class) => vec![*class as f32],
        }
    }
}

/// Reads the examples of a file. Targets may be missing, all of them, where
/// `need_targets` is false.
///
/// # Errors
/// Names file, line and column of what is missing, no number or not finite.
pub fn read(path: &Path, columns: &Columns, need_targets: bool) -> Result<Vec<Example>> {
    let file = path.display();
    let text = std::fs::read(path).with_context(|| format!("cannot read {file}"))?;
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .flexible(true)
        .from_reader(&text[..]);
    let header = reader
        .headers()
        .with_context(|| format!("{file}: cannot read the header"))?
        .clone();
    if !header.is_empty() && header.iter().all(|name| name.parse::<f32>().is_ok()) {
        bail!("{file}, line 1: numbers where the header should be, such as x,y");
    }
    let (inputs, targets) = (columns.inputs, columns.targets);
    let has_targets = header.len() == inputs + targets;
    if !has_targets && (need_targets || header.len() != inputs) {
        bail!(
            "{file}, line 1: {} columns ({}), the model takes {inputs} input{} and then {targets} \
             target column{}{}",
            header.len(),
            header.iter().collect::<Vec<_>>().join(", "),
            plural(inputs),
            plural(targets),
            if need_targets {
                ""
            } else {
                ", or inputs alone"
            },
        );
    }
    let mut examples = Vec::new();
    for record in reader.records() {
        let record = record.with_context(|| format!("{file}: cannot read a row"))?;
        let line = record
            .position()
            .map_or(0, |position| line_of(&text, position.byte()));
        if record.len() != header.len() {
            bail!(
                "{file}, line {line}: {} columns, the header has {}",
                record.len(),
                header.len()
            );
        }
        let number = |column: usize| {
            let place = || {
                format!(
                    "{file}, line {line}, column {} ({})",
                    column + 1,
                    &header[column]
                )
            };
            let text = &record[column];
            let value: f32 = text
                .parse()
                .map_err(|_| anyhow!("{}: {text:?} is no number", place()))?;
            if !value.is_finite() {
                bail!("{}: {text:?} is not finite", place());
            }
            Ok(value)
        };
        let input = (0..inputs).map(number).collect::<Result<_>>()?;
        let target = match &columns.classes {
            _ if !has_targets => None,
            None => Some(Target::Values(
                (inputs..inputs + targets)
                    .map(number)
                    .collect::<Result<_>>()?,
            )),
            Some(names) => {
                let place = format!(
                    "{file}, line {line}, column {} ({})",
                    inputs + 1,
                    &header[inputs]
                );
                Some(Target::Class(class(
                    &record[inputs],
                    names,
                    columns.outputs,
                    &place,
                )?))
            }
        };
        examples.push(Example { input, target });
    }
    if examples.is_empty() {
        bail!("{file}: no rows below the header");
    }
    Ok(examples)
}

/// The line in which the record at `byte` begins, as an editor counts. The
/// reader's own count leaves out what it skips before the record: blank lines,
/// and the second half of a line end of two characters.
fn line_of(text: &[u8], byte: u64) -> usize {
    let at = usize::try_from(byte).map_or(text.len(), |at| at.min(text.len()));
    let (before, rest) = text.split_at(at);
    let skipped = rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
    let ends = before.iter().chain(skipped).filter(|&&byte| byte == b'\n');
    ends.count() + 1
}

/// A class by name or number.
fn class(text: &str, names: &[String], classes: usize, place: &str) -> Result<usize> {
    let named = names.iter().position(|name| name == text);
    match named.or_else(|| text.parse().ok()) {
        Some(class) if class < classes => Ok(class),
        _ if names.is_empty() => bail!("{place}: {text:?} is no class from 0 to {}", classes - 1),
        _ => bail!(
            "{place}: {text:?} is no class; there are {}",
            names.join(", ")
        ),
    }
}

/// The `s` of a plural.
fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}
