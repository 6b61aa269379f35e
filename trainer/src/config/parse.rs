//! From text to a checked [`Config`], with errors that point at the place.

use std::fmt;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};
use toml::{Spanned, Table, Value};

use super::{Config, check};

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
    /// Reads a file and applies `KEY=VALUE` overrides.
    pub fn load(path: &Path, sets: &[String]) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(&text, &path.display().to_string(), sets)
    }

    /// Parses a text; `origin` names it in errors.
    pub fn parse(text: &str, origin: &str, sets: &[String]) -> Result<Self, ConfigError> {
        let document =
            DeTable::parse(text).map_err(|error| malformed(text, origin, None, &error))?;
        // The file alone first, where an error has a line.
        let mut config: Self = match toml::from_str(text) {
            Ok(config) => config,
            Err(error) if sets.is_empty() || error.span().is_some_and(|span| span.start > 0) => {
                return Err(malformed(text, origin, Some(&document), &error));
            }
            // A key missing from the file may be among the overrides.
            Err(_) => with_sets(text, sets)?,
        };
        if !sets.is_empty() {
            config = with_sets(text, sets)?;
        }
        check::check(&config).map_err(|fault| {
            let set = sets.iter().any(|set| {
                set.split_once('=')
                    .is_some_and(|(key, _)| fault.key.starts_with(key.trim()))
            });
            ConfigError::Invalid {
                origin: if set { "--set".into() } else { origin.into() },
                line: (!set)
                    .then(|| line_of(text, &document, &fault.key))
                    .flatten(),
                key: fault.key,
                expected: fault.expected,
                given: fault.given,
            }
        })?;
        Ok(config)
    }
}

/// Applies overrides and reads the result. A value is TOML, or else a string.
fn with_sets(text: &str, sets: &[String]) -> Result<Config, ConfigError> {
    let fault = |message: String| ConfigError::Malformed {
        origin: "--set".into(),
        line: None,
        key: None,
        message,
    };
    let mut table: Table = text
        .parse()
        .map_err(|error: toml::de::Error| fault(error.message().to_owned()))?;
    for set in sets {
        let (path, value) = set
            .split_once('=')
            .ok_or_else(|| ConfigError::Set { given: set.clone() })?;
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
    Config::deserialize_table(table)
        .map_err(|error| fault(error.message().trim().to_owned() + &keys_of(&error)))
}

impl Config {
    fn deserialize_table(table: Table) -> Result<Self, toml::de::Error> {
        serde::Deserialize::deserialize(Value::Table(table))
    }
}

/// The `in ...` line of an error, which names the key.
fn keys_of(error: &toml::de::Error) -> String {
    error
        .to_string()
        .lines()
        .find(|line| line.trim_start().starts_with("in `"))
        .map_or(String::new(), |line| format!(" ({})", line.trim()))
}

fn malformed(
    text: &str,
    origin: &str,
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
        .and_then(|span| text.get(span))
        .filter(|given| !given.is_empty() && !given.contains('\n') && given.len() < 80)
        .map_or(String::new(), |given| format!(", given {given}"));
    let message = error.message().trim().replace('\n', "; ");
    let message = if message.contains("unknown") || message.contains("missing") {
        message
    } else {
        message + &given
    };
    ConfigError::Malformed {
        origin: origin.into(),
        line: span.map(|span| line_at(text, span.start)),
        key,
        message,
    }
}

fn line_at(text: &str, offset: usize) -> usize {
    text[..offset.min(text.len())].matches('\n').count() + 1
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

/// The line of a dotted key, or of the nearest table above it.
fn line_of(text: &str, document: &Spanned<DeTable<'_>>, path: &str) -> Option<usize> {
    let mut table = document.get_ref();
    let mut line = None;
    for part in path.split('.') {
        let name = part.split('[').next().unwrap_or(part);
        let (key, value) = table.iter().find(|(key, _)| key.get_ref() == name)?;
        line = Some(line_at(text, key.span().start));
        match value.get_ref() {
            DeValue::Table(inner) => table = inner,
            _ => break,
        }
    }
    line
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
