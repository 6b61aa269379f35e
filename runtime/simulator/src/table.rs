//! Examples from CSV: one header, then a row per example. The first columns
//! are the model's inputs; the columns after them are the target numbers, or
//! one class (its number, or its name where the artifact has names or the support
//! examples give them).

use std::ops::Range;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use mamlet_formats::Loss;
use mamlet_runtime::Artifact;

use crate::rows::{self, Header, Rows};
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
    /// Whether the names of the classes are those of the support examples.
    taught: bool,
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
            taught: false,
        })
    }

    /// Whether a row of so many cells is an example, with targets or without.
    pub(crate) fn fit(&self, width: usize) -> bool {
        width == self.inputs || width == self.inputs + self.targets
    }

    /// The names of the classes, where targets are classes that have names.
    pub fn names(&self) -> &[String] {
        self.classes.as_deref().unwrap_or_default()
    }

    /// Takes the names of classes from support examples: where the artifact has none and
    /// the file's are no numbers, they are numbered in the order in which they appear.
    ///
    /// # Errors
    /// Where the file cannot be read, or has more classes than the artifact.
    pub fn name_classes(&mut self, path: &Path) -> Result<()> {
        let width = Rows::open(path, Header::Detect)?.width();
        match width > self.inputs {
            true => self.name_classes_of(path, self.inputs),
            false => Ok(()),
        }
    }

    /// [`Self::name_classes`] of the column at a place.
    pub(crate) fn name_classes_of(&mut self, path: &Path, at: usize) -> Result<()> {
        if !self.are_nameless() {
            return Ok(());
        }
        let mut rows = Rows::open(path, Header::Detect)?;
        let header = rows.header().unwrap_or_default().to_vec();
        let mut names: Vec<String> = Vec::new();
        let mut beyond = None;
        let mut numbers = true;
        while let Some(row) = rows.next()? {
            let text = row.get(at);
            if text.is_empty() || names.iter().any(|name| name == text) {
                continue;
            }
            numbers &= text.parse::<f64>().is_ok();
            match names.len() < self.outputs {
                true => names.push(text.to_owned()),
                false => beyond = beyond.or_else(|| Some((row.line, text.to_owned()))),
            }
        }
        if numbers {
            return Ok(());
        }
        if let Some((line, text)) = beyond {
            bail!(
                "{}: {text:?} is one class more than the artifact's {}: {}",
                place(path, line, &header, at),
                self.outputs,
                names.join(", ")
            );
        }
        self.classes = Some(names);
        self.taught = true;
        Ok(())
    }

    /// Whether targets are classes that have no names.
    fn are_nameless(&self) -> bool {
        self.classes.as_ref().is_some_and(Vec::is_empty)
    }

    /// Whether a column that begins with this text is likely to be that of the class.
    pub(crate) fn may_be_class(&self, text: &str) -> bool {
        let word = !text.is_empty() && text.parse::<f64>().is_err();
        self.class(text).is_ok() || word && (self.taught || self.are_nameless())
    }

    /// A class by name or number.
    pub(crate) fn class(&self, text: &str) -> Result<usize> {
        let names = self.names();
        let named = names.iter().position(|name| name == text);
        let numbered = || text.parse().ok().filter(|_| !self.taught);
        match named.or_else(numbered) {
            Some(class) if class < self.outputs => Ok(class),
            _ if self.taught => bail!(
                "{text:?} is no class of the support examples: {}",
                names.join(", ")
            ),
            _ if names.is_empty() => {
                bail!("{text:?} is no class from 0 to {}", self.outputs - 1)
            }
            _ => bail!("{text:?} is no class; there are {}", names.join(", ")),
        }
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
            taught: false,
        }
    }
}

impl Target {
    /// In words: a class by its name, where it has one.
    pub fn words(&self, names: &[String]) -> String {
        match self {
            Target::Values(values) => {
                let values = values.iter().map(|value| format!("{value:.4}"));
                values.collect::<Vec<_>>().join(" ")
            }
            Target::Class(class) => match names.get(*class) {
                Some(name) => name.clone(),
                None => class.to_string(),
            },
        }
    }

    /// The numbers that an engine takes: a class is a whole number.
    pub fn numbers(&self) -> Vec<f32> {
        match self {
            Target::Values(values) => values.clone(),
            Target::Class(class) => vec![*class as f32],
        }
    }
}

/// The place of a cell, with the name of its column if it has one.
pub(crate) fn place(path: &Path, line: u64, header: &[String], column: usize) -> String {
    let name = header.get(column);
    let name = name.map_or_else(String::new, |name| format!(" ({name})"));
    format!(
        "{}, line {line}, column {}{name}",
        path.display(),
        column + 1
    )
}

/// Reads the examples of a file. Targets may be missing, all of them, where
/// `need_targets` is false.
///
/// # Errors
/// Names file, line and column of what is missing, no number or not finite.
pub fn read(path: &Path, columns: &Columns, need_targets: bool) -> Result<Vec<Example>> {
    let file = path.display();
    let mut rows = Rows::open(path, Header::Detect)?;
    let decimal = rows.dialect().decimal;
    let Some(header) = rows.header().map(<[String]>::to_vec) else {
        bail!("{file}, line 1: numbers where the header should be, such as x,y");
    };
    let (inputs, targets) = (columns.inputs, columns.targets);
    let has_targets = header.len() == inputs + targets;
    if !has_targets && (need_targets || header.len() != inputs) {
        bail!(
            "{file}, line {}: {} columns ({}), the model takes {inputs} input{} and then {targets} \
             target column{}{}",
            rows.header_line(),
            header.len(),
            header.join(", "),
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
    while let Some(row) = rows.next()? {
        let line = row.line;
        if let Some(what) = row.uneven() {
            bail!("{file}, line {line}: {what}");
        }
        let place = |column: usize| place(path, line, &header, column);
        let number = |column: usize| {
            rows::number(row.get(column), decimal)
                .map_err(|what| anyhow!("{}: {what}", place(column)))
        };
        let numbers = |columns: Range<usize>| columns.map(number).collect::<Result<Vec<f32>>>();
        let input = numbers(0..inputs)?;
        let target = match &columns.classes {
            _ if !has_targets => None,
            None => Some(Target::Values(numbers(inputs..inputs + targets)?)),
            Some(_) => {
                let class = columns.class(row.get(inputs));
                Some(Target::Class(class.with_context(|| place(inputs))?))
            }
        };
        examples.push(Example { input, target });
    }
    if examples.is_empty() {
        bail!("{file}: no rows below the header");
    }
    Ok(examples)
}

/// The `s` of a plural.
fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}
