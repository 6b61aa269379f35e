//! Examples from CSV: one header, then a row per example. The first columns
//! are the model's inputs; the columns after them are the target numbers, or
//! one class (its number, or its name where the artifact has names).

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

impl Columns {
    /// Whether a row of so many cells is an example, with targets or without.
    pub(crate) fn fit(&self, width: usize) -> bool {
        width == self.inputs || width == self.inputs + self.targets
    }

    /// The names of the classes, where targets are classes that have names.
    pub fn names(&self) -> &[String] {
        self.classes.as_deref().unwrap_or_default()
    }

    /// A class by name or number.
    pub(crate) fn class(&self, text: &str) -> Result<usize> {
        let names = self.names();
        let named = names.iter().position(|name| name == text);
        match named.or_else(|| text.parse().ok()) {
            Some(class) if class < self.outputs => Ok(class),
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
        let place = |column: usize| {
            let name = &header[column];
            format!("{file}, line {line}, column {} ({name})", column + 1)
        };
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
