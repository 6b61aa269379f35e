//! From text to a checked [`Config`], with errors that point at the place.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::de::{DeTable, DeValue, Deserializer};
use toml::{Spanned, Table, Value};

use super::check::{self, Fault};
use super::source::Source;
use super::{Config, method};
use crate::algorithms::Method;

/// Why a config is refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// There is no such file, but one of the same name is in a folder close by.
    #[error("there is no {}; the config of that name is {}", path.display(), found.display())]
    Misplaced {
        /// The file that was named.
        path: PathBuf,
        /// The file of the same name.
        found: PathBuf,
    },
    /// There is no such file, but one whose name is much like it.
    #[error("cannot read {}: there is no such file; did you mean {}?", path.display(), found.display())]
    Misnamed {
        /// The file that was named.
        path: PathBuf,
        /// The file beside it.
        found: PathBuf,
    },
    /// The text is not TOML, or a value has the wrong type.
    #[error("{}", render(origin, *line, key.as_deref(), message))]
    Malformed {
        /// File name.
        origin: String,
        /// Line, from 1, if known.
        line: Option<usize>,
        /// Dotted key, if known.
        key: Option<String>,
        /// What was expected and what was found.
        message: String,
    },
    /// A value is of the right type but cannot be used.
    #[error("{}", render(origin, *line, Some(key), &format!("expected {expected}, given {given}")))]
    Invalid {
        /// File name or `--set`.
        origin: String,
        /// Line, from 1, if the key stands in the file.
        line: Option<usize>,
        /// Dotted key.
        key: String,
        /// What the value has to be.
        expected: String,
        /// What it is.
        given: String,
    },
    /// An override is not `key=value`.
    #[error("--set {given}: expected KEY=VALUE, such as meta.iterations=1000")]
    Set {
        /// The argument.
        given: String,
    },
}

fn render(origin: &str, line: Option<usize>, key: Option<&str>, message: &str) -> String {
    let mut text = origin.to_owned();
    if let Some(line) = line {
        text += &format!(", line {line}");
    }
    if let Some(key) = key {
        text += &format!(": {key}");
    }
    format!("{text}: {message}")
}

impl Config {
    /// Reads a file, with those it extends, and applies `KEY=VALUE` overrides.
    pub fn load(path: &Path, sets: &[String]) -> Result<Self, ConfigError> {
        let source = Source::of_file(path)?;
        let mut config = Self::read(&source, sets)?;
        let document = source.table()?;
        let set = |key: &str| sets.iter().any(|set| set.trim_start().starts_with(key));
        let place = offset_of(&document, "tasks.path").filter(|_| !set("tasks.path"));
        if let (Some(offset), Some(path)) = (place, config.tasks.keys().path) {
            let (file, _) = source.place(offset);
            if let Some(found) = beside(Path::new(&file), path) {
                *path = found;
            }
        }
        Ok(config)
    }

    /// Parses a text; `origin` names it in errors.
    pub fn parse(text: &str, origin: &str, sets: &[String]) -> Result<Self, ConfigError> {
        Self::read(&Source::of_text(text, origin)?, sets)
    }

    fn read(source: &Source, sets: &[String]) -> Result<Self, ConfigError> {
        let document = source.table()?;
        let invalid = |fault| invalid(fault, source, &document, sets);
        // The files alone first, where an error has a line.
        let config = match method::gathered(document.clone()) {
            Ok(gathered) => Self::deserialize(Deserializer::from(gathered)).map_err(|error| {
                let in_a_value = error.span().is_some_and(|span| span.start > 0);
                (in_a_value, malformed(source, Some(&document), &error))
            }),
            Err(fault) => Err((false, invalid(fault))),
        };
        let mut config = match config {
            Ok(config) if sets.is_empty() => config,
            Err((in_a_value, error)) if sets.is_empty() || in_a_value => return Err(error),
            // What is missing from the files may be among the overrides.
            _ => with_sets(&document, sets, invalid)?,
        };
        if config.tasks.acts() {
            config.policy.get_or_insert_default();
        }
        check::check(&config).map_err(invalid)?;
        Ok(config)
    }
}

/// Where data is that lies at `path` as seen from the folder of a config, unless it lies
/// there as seen from where the command runs too.
fn beside(config: &Path, path: &Path) -> Option<PathBuf> {
    let folder = config.parent().filter(|_| path.is_relative())?;
    let found = folder.join(path).canonicalize().ok()?;
    (path.canonicalize().ok().as_ref() != Some(&found)).then_some(found)
}

/// A fault with the place of its key.
fn invalid(
    fault: Fault,
    source: &Source,
    document: &Spanned<DeTable<'_>>,
    sets: &[String],
) -> ConfigError {
    let set = sets.iter().any(|set| {
        set.split_once('=').is_some_and(|(key, _)| {
            let key = key.trim();
            fault.key.starts_with(key) || key.starts_with(&format!("{}.", fault.key))
        })
    });
    let place = offset_of(document, &fault.key).map(|offset| source.place(offset));
    let (origin, line) = match (set, place) {
        (true, _) => ("--set".to_owned(), None),
        (false, Some((origin, line))) => (origin, Some(line)),
        (false, None) => (source.origin().to_owned(), None),
    };
    ConfigError::Invalid {
        origin,
        line,
        key: fault.key,
        expected: fault.expected,
        given: fault.given,
    }
}

/// Applies overrides and reads the result. A value is TOML, or else a string.
fn with_sets(
    document: &Spanned<DeTable<'_>>,
    sets: &[String],
    invalid: impl Fn(Fault) -> ConfigError,
) -> Result<Config, ConfigError> {
    let fault = |message: String| ConfigError::Malformed {
        origin: "--set".into(),
        line: None,
        key: None,
        message,
    };
    let mut table = Table::deserialize(Deserializer::from(document.clone()))
        .map_err(|error| fault(error.message().to_owned()))?;
    for set in sets {
        let (path, value) = set
            .split_once('=')
            .ok_or_else(|| ConfigError::Set { given: set.clone() })?;
        if path.trim() == "method" {
            // The settings of the file are those of its own algorithm.
            let own = value.trim().trim_matches('"');
            table
                .retain(|key, _| key == own || !Method::names().contains(&key) || given(sets, key));
        }
        let value = format!("v = {value}")
            .parse::<Table>()
            .ok()
            .and_then(|mut parsed| parsed.remove("v"))
            .unwrap_or_else(|| Value::String(value.trim().to_owned()));
        let mut keys = path.trim().split('.').collect::<Vec<_>>();
        let last = match keys.pop() {
            Some(last) if !last.is_empty() => last,
            _ => return Err(ConfigError::Set { given: set.clone() }),
        };
        let mut at = &mut table;
        for key in keys {
            at = at
                .entry(key)
                .or_insert_with(|| Value::Table(Table::new()))
                .as_table_mut()
                .ok_or_else(|| fault(format!("{path}: {key} is not a table")))?;
        }
        at.insert(last.to_owned(), value);
    }
    let name = table.get("method").and_then(Value::as_str);
    let name = name.unwrap_or_default().to_owned();
    let table = method::gathered_values(table).map_err(invalid)?;
    Config::deserialize(Value::Table(table)).map_err(|error| {
        // The settings of an algorithm are read as part of `method`.
        let keys = keys_of(&error).replace("`method`", &format!("`{name}`"));
        fault(error.message().trim().to_owned() + &keys)
    })
}

/// Whether overrides set something of a table.
fn given(sets: &[String], table: &str) -> bool {
    sets.iter().any(|set| {
        let key = set.split('=').next().unwrap_or_default().trim();
        key.split('.').next() == Some(table)
    })
}

/// The `in ...` line of an error, which names the key.
fn keys_of(error: &toml::de::Error) -> String {
    error
        .to_string()
        .lines()
        .find(|line| line.trim_start().starts_with("in `"))
        .map_or(String::new(), |line| format!(" ({})", line.trim()))
}

pub(super) fn malformed(
    source: &Source,
    document: Option<&Spanned<DeTable<'_>>>,
    error: &toml::de::Error,
) -> ConfigError {
    let span = error.span();
    let key = span
        .clone()
        .zip(document)
        .and_then(|(span, document)| key_at(document.get_ref(), span.start, String::new()));
    let given = span
        .clone()
        .and_then(|span| source.text(span))
        .filter(|given| !given.is_empty() && !given.contains('\n') && given.len() < 80)
        .map_or(String::new(), |given| format!(", given {given}"));
    let message = error.message().trim().replace('\n', "; ");
    let message = if message.contains("unknown field") && is_of_the_whole(&message) {
        // To serde the tables of algorithms are inside of `method`.
        let tables = Method::names().iter().map(|name| format!("`{name}`"));
        let tables = tables.collect::<Vec<_>>().join(", ");
        format!("{message}, `extends`, and the table of the algorithm, one of {tables}")
    } else if message.contains("unknown") || message.contains("missing") {
        message
    } else {
        message + &given
    };
    let (origin, line) = match span {
        Some(span) => {
            let (origin, line) = source.place(span.start);
            (origin, Some(line))
        }
        None => (source.origin().to_owned(), None),
    };
    ConfigError::Malformed {
        origin,
        line,
        key,
        message,
    }
}

/// Whether a message lists the tables of a config.
fn is_of_the_whole(message: &str) -> bool {
    ["`protocol`", "`tasks`", "`meta`"]
        .iter()
        .all(|key| message.contains(key))
}

/// The innermost key whose value or name covers `offset`.
fn key_at(table: &DeTable<'_>, offset: usize, prefix: String) -> Option<String> {
    for (key, value) in table.iter() {
        let name = join(&prefix, key.get_ref());
        if key.span().contains(&offset) {
            return Some(name);
        }
        if let DeValue::Table(inner) = value.get_ref()
            && let Some(found) = key_at(inner, offset, name.clone())
        {
            return Some(found);
        }
        if value.span().contains(&offset) {
            return Some(name);
        }
    }
    None
}

/// Where a dotted key stands, or the nearest table above it.
fn offset_of(document: &Spanned<DeTable<'_>>, path: &str) -> Option<usize> {
    let mut table = document.get_ref();
    let mut offset = None;
    for part in path.split('.') {
        let name = part.split('[').next().unwrap_or(part);
        let found = table.iter().find(|(key, _)| key.get_ref() == name);
        let Some((key, value)) = found else { break };
        offset = Some(key.span().start);
        match value.get_ref() {
            DeValue::Table(inner) => table = inner,
            _ => break,
        }
    }
    offset
}

fn join(prefix: &str, key: &str) -> String {
    if prefix.is_empty() {
        key.to_owned()
    } else {
        format!("{prefix}.{key}")
    }
}

/// A key that differs between two configs.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// Dotted key.
    pub key: String,
    /// Its value in the first, if it is there.
    pub before: Option<String>,
    /// Its value in the second, if it is there.
    pub after: Option<String>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let show = |value: &Option<String>| value.clone().unwrap_or_else(|| "(absent)".into());
        write!(
            f,
            "{}: {} -> {}",
            self.key,
            show(&self.before),
            show(&self.after)
        )
    }
}

/// The keys in which two configs differ.
pub fn difference(before: &Config, after: &Config) -> Vec<Difference> {
    let leaves = |config: &Config| {
        let mut leaves = Vec::new();
        if let Ok(table) = config.to_toml().parse::<Table>() {
            flatten(&Value::Table(table), "", &mut leaves);
        }
        leaves
    };
    let (before, after) = (leaves(before), leaves(after));
    let find = |list: &[(String, String)], key: &str| {
        list.iter()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value.clone())
    };
    let mut keys: Vec<&String> = before.iter().chain(&after).map(|(key, _)| key).collect();
    keys.sort();
    keys.dedup();
    keys.into_iter()
        .map(|key| Difference {
            key: key.clone(),
            before: find(&before, key),
            after: find(&after, key),
        })
        .filter(|difference| difference.before != difference.after)
        .collect()
}

fn flatten(value: &Value, prefix: &str, leaves: &mut Vec<(String, String)>) {
    match value {
        Value::Table(table) => {
            for (key, value) in table {
                flatten(value, &join(prefix, key), leaves);
            }
        }
        other => leaves.push((prefix.to_owned(), other.to_string())),
    }
}
