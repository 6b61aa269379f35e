//! How a config says its algorithm: `method` is the name, and the table of that name, beside
//! the others in the file, holds its settings.
//!
//! To serde an algorithm is an enum with its settings inside, `method.reptile = {...}`. So
//! the table is moved there when a config is read, with its lines, and beside the others
//! again when it is written.

use serde::{Deserialize, Serialize, Serializer};
use toml::de::{DeTable, DeValue};
use toml::{Spanned, Table, Value};

use super::Config;
use super::check::{Fault, require};
use crate::algorithms::Method;

/// The key that names the algorithm.
const KEY: &str = "method";

impl Config {
    /// The resolved config as TOML, every default spelled out.
    pub fn to_toml(&self) -> String {
        // All keys are strings and all values are representable.
        let written = "a config can be written as TOML";
        let mut text = toml::to_string(self).expect(written);
        let settings = toml::to_string(&self.method).expect(written);
        if settings.lines().nth(1).is_some() {
            text = text + "\n" + &settings;
        }
        text
    }
}

/// The name alone.
pub(super) fn name<S: Serializer>(method: &Method, serializer: S) -> Result<S::Ok, S::Error> {
    method.name().serialize(serializer)
}

/// The table of the algorithm moved into `method`.
pub(super) fn gathered<'i>(document: Spanned<DeTable<'i>>) -> Result<Spanned<DeTable<'i>>, Fault> {
    let span = document.span();
    let mut table = document.into_inner();
    let Some(method) = table.get(KEY) else {
        return Ok(Spanned::new(span, table));
    };
    let (at, name) = (method.span(), method.get_ref().as_str().map(str::to_owned));
    let name = checked(name, |name| table.contains_key(name))?;
    let settings = (table.remove(name.as_str()))
        .unwrap_or_else(|| Spanned::new(at.clone(), DeValue::Table(DeTable::new())));
    a_table(&name, matches!(settings.get_ref(), DeValue::Table(_)))?;
    let mut inside = DeTable::new();
    inside.insert(Spanned::new(at.clone(), name.into()), settings);
    if let Some(method) = table.get_mut(KEY) {
        *method = Spanned::new(at, DeValue::Table(inside));
    }
    Ok(Spanned::new(span, table))
}

/// [`gathered`] of a table without lines.
pub(super) fn gathered_values(mut table: Table) -> Result<Table, Fault> {
    let Some(method) = table.get(KEY) else {
        return Ok(table);
    };
    let name = method.as_str().map(str::to_owned);
    let name = checked(name, |name| table.contains_key(name))?;
    let settings = (table.remove(&name)).unwrap_or_else(|| Value::Table(Table::new()));
    a_table(&name, settings.is_table())?;
    let inside = Table::from_iter([(name, settings)]);
    table.insert(KEY.to_owned(), Value::Table(inside));
    Ok(table)
}

fn known(name: &str) -> bool {
    Method::names().contains(&name)
}

fn a_table(name: &str, is_one: bool) -> Result<(), Fault> {
    require(is_one, name, "a table", "another value")
}

/// The name of the algorithm, where its table is there if it needs one, and no other's.
fn checked(name: Option<String>, has_table: impl Fn(&str) -> bool) -> Result<String, Fault> {
    let Some(name) = name else {
        return Err(Fault {
            key: KEY.into(),
            expected: "the name of an algorithm, whose settings are a table of their own".into(),
            given: "another value".into(),
        });
    };
    let names: Vec<String> = Method::names()
        .iter()
        .map(|name| format!("\"{name}\""))
        .collect();
    require(
        known(&name),
        KEY,
        format!("one of {}", names.join(", ")),
        format!("\"{name}\""),
    )?;
    let others = Method::names().iter().filter(|other| **other != name);
    for other in others {
        require(
            !has_table(other),
            other,
            format!("no such table unless method = \"{other}\""),
            "one",
        )?;
    }
    let empty = Table::from_iter([(name.clone(), Value::Table(Table::new()))]);
    let lacks = Method::deserialize(Value::Table(empty)).err();
    let lacks = lacks.map_or(String::new(), |error| error.message().to_owned());
    require(
        lacks.is_empty() || has_table(&name),
        &name,
        format!("a table, as method = \"{name}\"; {lacks}"),
        "nothing",
    )?;
    Ok(name)
}
