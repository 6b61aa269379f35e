//! The text of a config: its own file, and those that it extends.
//!
//! `extends = "other.toml"` names a file beside this one whose values hold
//! wherever this one says nothing. Tables are merged key by key, unless their
//! `kind` or `distribution` differs; anything else, a list of layers for one, is
//! replaced whole. Spans count through all texts, one behind the other, so that
//! an error in any of them finds its file and line.

use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::parse::{ConfigError, malformed};
use crate::algorithms::Method;
use crate::nearby::nearby;

/// The key that names the file to extend.
const KEY: &str = "extends";

/// The texts of a config, its own first.
pub(super) struct Source {
    parts: Vec<Part>,
}

struct Part {
    /// Names it in errors.
    origin: String,
    text: String,
    /// Where its spans begin.
    start: usize,
}

impl Source {
    /// A text by itself; `origin` names it in errors.
    pub fn of_text(text: &str, origin: &str) -> Result<Self, ConfigError> {
        let mut source = Self { parts: Vec::new() };
        match source.push(text.to_owned(), origin.to_owned())? {
            None => Ok(source),
            Some(Extends { span, .. }) => Err(source.fault(
                span,
                "only a file can extend another; this text has no folder to look in",
            )),
        }
    }

    /// A file and those that it extends.
    pub fn of_file(path: &Path) -> Result<Self, ConfigError> {
        let mut source = Self { parts: Vec::new() };
        let mut seen: Vec<PathBuf> = Vec::new();
        let mut next = Some(path.to_owned());
        let mut named_at = None;
        while let Some(path) = next.take() {
            let text = std::fs::read_to_string(&path).map_err(|cause| {
                let error = unreadable(&path, cause);
                match &named_at {
                    None => error,
                    Some(span) => source.fault(Range::clone(span), &in_full(&error)),
                }
            })?;
            let real = path.canonicalize().unwrap_or_else(|_| path.clone());
            if let (true, Some(span)) = (seen.contains(&real), &named_at) {
                let message = format!("{} extends itself this way", path.display());
                return Err(source.fault(span.clone(), &message));
            }
            seen.push(real);
            if let Some(Extends { file, span }) = source.push(text, path.display().to_string())? {
                next = Some(path.parent().unwrap_or(Path::new("")).join(file));
                named_at = Some(span);
            }
        }
        Ok(source)
    }

    /// Adds a text and says which file it extends.
    fn push(&mut self, text: String, origin: String) -> Result<Option<Extends>, ConfigError> {
        let last = self.parts.last();
        let start = last.map_or(0, |part| part.start + part.text.len() + 1);
        self.parts.push(Part {
            origin,
            text,
            start,
        });
        let part = &self.parts[self.parts.len() - 1];
        let table = DeTable::parse(&part.text).map_err(|error| {
            let one = Self {
                parts: vec![Part {
                    origin: part.origin.clone(),
                    text: part.text.clone(),
                    start: 0,
                }],
            };
            malformed(&one, None, &error)
        })?;
        let Some(value) = find(table.get_ref(), KEY) else {
            return Ok(None);
        };
        let span = value.span().start + start..value.span().end + start;
        let DeValue::String(file) = value.get_ref() else {
            return Err(self.fault(span, "expected the name of a file"));
        };
        for key in ["name", "title"] {
            if find(table.get_ref(), key).is_none() {
                let message = format!("a config that extends another needs a {key} of its own");
                return Err(self.fault(span, &message));
            }
        }
        let file = file.clone().into_owned();
        Ok(Some(Extends { file, span }))
    }

    fn fault(&self, span: Range<usize>, message: &str) -> ConfigError {
        let (origin, line) = self.place(span.start);
        ConfigError::Malformed {
            origin,
            line: Some(line),
            key: Some(KEY.into()),
            message: message.into(),
        }
    }

    /// All texts as one table.
    pub fn table(&self) -> Result<Spanned<DeTable<'_>>, ConfigError> {
        let mut merged: Option<Spanned<DeTable<'_>>> = None;
        for part in &self.parts {
            let table =
                DeTable::parse(&part.text).map_err(|error| malformed(self, None, &error))?;
            let table = shifted(table, part.start, |table, by| {
                let entries = shifted_table(table, by).into_iter();
                entries.filter(|(key, _)| key.get_ref() != KEY).collect()
            });
            match &mut merged {
                None => merged = Some(table),
                Some(merged) => {
                    let mut base = table.into_inner();
                    drop_other_methods(merged.get_ref(), &mut base);
                    extend(merged.get_mut(), base);
                }
            }
        }
        Ok(merged.unwrap_or_else(|| Spanned::new(0..0, DeTable::new())))
    }

    /// The file of an offset, and the line, from 1.
    pub fn place(&self, offset: usize) -> (String, usize) {
        let part = self.parts.iter().rfind(|part| part.start <= offset);
        part.map_or_else(
            || (String::new(), 1),
            |part| {
                let end = (offset - part.start).min(part.text.len());
                let line = part.text.as_bytes()[..end]
                    .iter()
                    .filter(|&&byte| byte == b'\n')
                    .count();
                (part.origin.clone(), line + 1)
            },
        )
    }

    /// The text that a span covers.
    pub fn text(&self, span: Range<usize>) -> Option<&str> {
        let part = self.parts.iter().rfind(|part| part.start <= span.start)?;
        part.text
            .get(span.start - part.start..span.end.checked_sub(part.start)?)
    }

    /// The name of the config's own text.
    pub fn origin(&self) -> &str {
        self.parts.first().map_or("", |part| &part.origin)
    }
}

/// The error for a file that cannot be read. Where there is no such file, it names a file
/// of the same name in a folder of the same folder or of the folder above, or else one
/// beside it whose name is much like it.
fn unreadable(path: &Path, source: std::io::Error) -> ConfigError {
    let missing = source.kind() == std::io::ErrorKind::NotFound;
    let is_config = |found: &Path| found.extension().is_some_and(|end| end == "toml");
    let namesake = namesake(path).filter(|_| missing);
    let meant = nearby(path, is_config).filter(|_| missing);
    let path = path.to_owned();
    match (namesake, meant) {
        (Some(found), _) => ConfigError::Misplaced { path, found },
        (None, Some(found)) => ConfigError::Misnamed { path, found },
        (None, None) => ConfigError::Read { path, source },
    }
}

/// The first file with the name of `path` in a folder below or beside its own.
fn namesake(path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?;
    let above = path.parent()?;
    let above = [Some(above), above.parent()].into_iter().flatten();
    above.into_iter().find_map(|above| {
        let above = match above.as_os_str().is_empty() {
            true => Path::new("."),
            false => above,
        };
        let folders = std::fs::read_dir(above).into_iter().flatten().flatten();
        let files = folders.map(|folder| folder.path().join(name));
        files.filter(|file| file.is_file()).min()
    })
}

/// An error with its cause.
fn in_full(error: &ConfigError) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

/// A file to extend, and where it is named.
struct Extends {
    file: String,
    span: Range<usize>,
}

/// The value of a key.
fn find<'a, 'i>(table: &'a DeTable<'i>, key: &str) -> Option<&'a Spanned<DeValue<'i>>> {
    let mut entries = table.iter();
    entries
        .find(|(name, _)| name.get_ref() == key)
        .map(|(_, value)| value)
}

/// Removes the settings of other algorithms than the one that `table` names from what it
/// extends.
fn drop_other_methods<'i>(table: &DeTable<'i>, base: &mut DeTable<'i>) {
    let Some(DeValue::String(own)) = find(table, "method").map(Spanned::get_ref) else {
        return;
    };
    let kept = std::mem::take(base).into_iter().filter(|(key, _)| {
        let key = &**key.get_ref();
        key == &**own || !Method::names().contains(&key)
    });
    *base = kept.collect();
}

/// Adds what `table` does not say from `base`.
fn extend<'i>(table: &mut DeTable<'i>, base: DeTable<'i>) {
    for (key, value) in base {
        let Some(own) = table.get_mut(&key) else {
            table.insert(key, value);
            continue;
        };
        if let (DeValue::Table(own), DeValue::Table(value)) = (own.get_mut(), value.into_inner())
            && ["kind", "distribution"].iter().all(|tag| {
                let tag = |table| find(table, tag).map(|value| value.get_ref().as_str());
                tag(own).is_none() || tag(own) == tag(&value)
            })
        {
            extend(own, value);
        }
    }
}

fn shifted<T, U>(spanned: Spanned<T>, by: usize, inside: impl Fn(T, usize) -> U) -> Spanned<U> {
    let span = spanned.span().start + by..spanned.span().end + by;
    Spanned::new(span, inside(spanned.into_inner(), by))
}

fn shifted_table(table: DeTable<'_>, by: usize) -> DeTable<'_> {
    let entries = table.into_iter();
    entries
        .map(|(key, value)| {
            (
                shifted(key, by, |key, _| key),
                shifted(value, by, shifted_value),
            )
        })
        .collect()
}

fn shifted_value(value: DeValue<'_>, by: usize) -> DeValue<'_> {
    match value {
        DeValue::Table(table) => DeValue::Table(shifted_table(table, by)),
        DeValue::Array(array) => {
            let values = array.into_iter();
            DeValue::Array(
                values
                    .map(|value| shifted(value, by, shifted_value))
                    .collect(),
            )
        }
        other => other,
    }
}
