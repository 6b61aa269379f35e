//! Many trainings of one experiment: a grid of changes of a config, written down in a file.
//!
//! ```toml
//! config = "paper/navigation.toml"        # beside this file
//! set = ["meta.iterations=100"]           # for all
//!
//! [vary]
//! seed = [1, 2, 3]
//! "policy.estimator" = ["ratio", "dice"]
//! ```
//!
//! stands for six runs, `estimator=ratio,seed=1` and so on.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Value;

/// The most runs of a sweep.
const MOST: usize = 10_000;

/// What a sweep file says.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sweep {
    /// The experiment.
    config: PathBuf,
    /// What the sweep is called; by default as its file.
    #[serde(default)]
    name: String,
    /// `KEY=VALUE` for all runs.
    #[serde(default)]
    set: Vec<String>,
    /// The values that each key takes.
    vary: BTreeMap<String, Vec<Value>>,
}

/// One run of a sweep.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    /// What tells it from the others, also the name of its folder.
    pub name: String,
    /// The same without its seed: runs that differ in nothing else.
    pub group: String,
    /// The changes of the config, `KEY=VALUE` each.
    pub sets: Vec<String>,
}

/// Why a file is no sweep.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SweepError {
    /// The file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is not of this form.
    #[error("{}: {message}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Where and what.
        message: String,
    },
    /// A key has no values.
    #[error("{}: vary.{key:?} has no values; name those it is to take, such as [1, 2, 3]", path.display())]
    NoValues {
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
    },
    /// There are more runs than a sweep has.
    #[error("{}: it stands for {runs} runs, and a sweep has at most {MOST}", path.display())]
    TooMany {
        /// The file.
        path: PathBuf,
        /// Their number.
        runs: usize,
    },
}

impl Sweep {
    /// Reads a file.
    ///
    /// # Errors
    /// [`SweepError`] with the file and what is wrong in it.
    pub fn load(path: &Path) -> Result<Self, SweepError> {
        let text = std::fs::read_to_string(path).map_err(|source| SweepError::Read {
            path: path.to_owned(),
            source,
        })?;
        let mut sweep: Self = toml::from_str(&text).map_err(|error| SweepError::Malformed {
            path: path.to_owned(),
            message: error.to_string().trim_end().to_owned(),
        })?;
        if sweep.name.is_empty() {
            let stem = path.file_stem().unwrap_or_default().to_string_lossy();
            sweep.name = stem.trim_end_matches(".sweep").to_owned();
        }
        sweep.config = path.parent().unwrap_or(Path::new("")).join(&sweep.config);
        if let Some((key, _)) = sweep.vary.iter().find(|(_, values)| values.is_empty()) {
            return Err(SweepError::NoValues {
                path: path.to_owned(),
                key: key.clone(),
            });
        }
        let counts = sweep.vary.values().map(Vec::len);
        let runs = counts.fold(1, usize::saturating_mul);
        if runs > MOST {
            return Err(SweepError::TooMany {
                path: path.to_owned(),
                runs,
            });
        }
        Ok(sweep)
    }

    /// The config that is varied.
    pub fn config(&self) -> &Path {
        &self.config
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its runs, in the order of the keys' names, those that differ in their seed alone
    /// together.
    pub fn cells(&self) -> Vec<Cell> {
        let mut cells = vec![Cell {
            name: String::new(),
            group: String::new(),
            sets: self.set.clone(),
        }];
        let (seeds, others): (Vec<_>, Vec<_>) =
            (self.vary.iter()).partition(|(key, _)| is_seed(key));
        for (key, values) in others.into_iter().chain(seeds) {
            let labels = self.labels(key, values);
            let with = |cell: &Cell| {
                let pairs = labels.iter().zip(values);
                let with = pairs.map(|(label, value)| cell.with(key, label, value));
                with.collect::<Vec<_>>()
            };
            cells = cells.iter().flat_map(with).collect();
        }
        for cell in &mut cells {
            for name in [&mut cell.name, &mut cell.group] {
                if name.is_empty() {
                    *name = "run".to_owned();
                }
            }
        }
        cells
    }

    /// What each value of a key is called, no two alike.
    fn labels(&self, key: &str, values: &[Value]) -> Vec<String> {
        let last = |key: &str| key.rsplit('.').next().unwrap_or(key).to_owned();
        let own = last(key);
        let shared = self.vary.keys().filter(|other| last(other) == own).count() > 1;
        let key = if shared { key } else { &own };
        let words: Vec<String> = values.iter().map(word).collect();
        let numbered = words.iter().enumerate().map(|(at, word)| {
            let alike = words.iter().filter(|other| *other == word).count();
            match word.is_empty() || alike > 1 {
                true => format!("{key}={word}{}", at + 1),
                false => format!("{key}={word}"),
            }
        });
        numbered.collect()
    }
}

impl Cell {
    fn with(&self, key: &str, label: &str, value: &Value) -> Self {
        let joined = |name: &str| match name {
            "" => label.to_owned(),
            name => format!("{name},{label}"),
        };
        let mut sets = self.sets.clone();
        sets.push(format!("{key}={value}"));
        Self {
            name: joined(&self.name),
            group: match is_seed(key) {
                true => self.group.clone(),
                false => joined(&self.group),
            },
            sets,
        }
    }
}

fn is_seed(key: &str) -> bool {
    key == "seed"
}

/// A value as part of a file's name: of a table its `kind`.
fn word(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Table(table) => match table.get("kind") {
            Some(Value::String(kind)) => kind.clone(),
            _ => String::new(),
        },
        Value::Array(items) => items.iter().map(word).collect::<Vec<_>>().join("-"),
        other => other.to_string(),
    };
    let fits = |letter: char| letter.is_alphanumeric() || ".-+_".contains(letter);
    text.chars().filter(|&letter| fits(letter)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sweep(text: &str) -> Result<Sweep, SweepError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("estimators.sweep.toml");
        std::fs::write(&path, text).unwrap();
        Sweep::load(&path)
    }

    #[test]
    fn a_grid_has_a_run_for_each_choice_and_seeds_side_by_side() {
        let sweep = sweep(
            "config = \"../a.toml\"\nset = [\"meta.tasks=3\"]\n[vary]\nseed = [1, 2]\n\
             \"policy.outer\" = [{ kind = \"trpo\" }, { kind = \"clipped\", epochs = 5 }]\n\
             \"meta.rate\" = [0.1]\n",
        )
        .unwrap();
        assert_eq!(sweep.name(), "estimators");
        let cells = sweep.cells();
        let names: Vec<&str> = cells.iter().map(|cell| cell.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "rate=0.1,outer=trpo,seed=1",
                "rate=0.1,outer=trpo,seed=2",
                "rate=0.1,outer=clipped,seed=1",
                "rate=0.1,outer=clipped,seed=2",
            ]
        );
        assert_eq!(cells[0].group, cells[1].group);
        assert_ne!(cells[1].group, cells[2].group);
        assert_eq!(cells[3].sets[0], "meta.tasks=3");
        // Each is what a config takes.
        let outer = cells[3].sets[2].strip_prefix("policy.outer=").unwrap();
        let value: Value =
            toml::from_str::<toml::Table>(&format!("x = {outer}")).unwrap()["x"].clone();
        assert_eq!(value["epochs"].as_integer(), Some(5));
    }

    #[test]
    fn names_are_told_apart() {
        let sweep = sweep(
            "config = \"a.toml\"\n[vary]\n\"inner.rate\" = [{ a = 1 }, { a = 2 }]\n\
             \"meta.rate\" = [0.1, 0.2]\n",
        )
        .unwrap();
        let names: Vec<String> = sweep.cells().into_iter().map(|cell| cell.name).collect();
        assert_eq!(names[0], "inner.rate=1,meta.rate=0.1");
        assert_eq!(names[3], "inner.rate=2,meta.rate=0.2");
    }

    #[test]
    fn those_that_come_along_have_a_config_for_every_run() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("sweeps");
        for entry in std::fs::read_dir(folder).unwrap() {
            let sweep = Sweep::load(&entry.unwrap().path()).unwrap();
            for cell in sweep.cells() {
                crate::config::Config::load(sweep.config(), &cell.sets).unwrap();
            }
        }
    }

    #[test]
    fn what_is_no_sweep_says_why() {
        let why = |text: &str| sweep(text).unwrap_err().to_string();
        assert!(why("config = \"a\"\n[vary]\nseed = []\n").contains("no values"));
        assert!(why("config = \"a\"\nvery = 1\n[vary]\n").contains("very"));
        let many = (0..101)
            .map(|n| n.to_string())
            .collect::<Vec<_>>()
            .join(",");
        let text = format!("config = \"a\"\n[vary]\nseed = [{many}]\n\"meta.tasks\" = [{many}]\n");
        assert!(why(&text).contains("10201 runs"));
    }
}
