//! CSV tables of numbers: readings of sensors, and the coefficients of their
//! calibrations.
//!
//! ```text
//! FOLDER/*.csv                    split by the config
//! FOLDER/{train,val,test}/*.csv   or by folders
//! ```
//!
//! Every file has one header.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use mamlet_simulator::rows::{self, Decimal, Header, Rows};

use super::faults::Faults;
use super::recordings::{File, Files, problem};
use super::source::stem;
use super::{DataError, Group, Problem};
use crate::locations;

/// What is read of a table.
#[derive(Clone, Debug, Default)]
pub struct Columns {
    /// Which files: `*` stands for any characters, `?` for one.
    pub files: String,
    /// Columns that together name what a row is of, its subject; the name of the file
    /// if none.
    pub subject: Vec<String>,
    /// Other columns, as text.
    pub texts: Vec<String>,
    /// Columns of numbers. A date, `2023-04-22`, is the number of days since the
    /// beginning of 1970.
    pub numbers: Vec<String>,
    /// What words of a column mean as numbers.
    pub codes: BTreeMap<String, BTreeMap<String, f64>>,
    /// Only rows whose columns have one of these values, `*` being any.
    pub rows: BTreeMap<String, Vec<String>>,
}

/// One row.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Its subject, as an index of [`Table::subjects`].
    pub subject: usize,
    /// The file, as an index of [`Table::files`].
    pub file: usize,
    /// The folder it was found in, where folders are splits.
    pub group: Option<Group>,
    /// Its line, from 1.
    pub line: u64,
    /// Values of [`Columns::texts`].
    pub texts: Vec<String>,
    /// Values of [`Table::numbers`].
    pub numbers: Vec<f64>,
}

/// The rows of all files.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// The folder.
    pub path: PathBuf,
    /// All files.
    pub files: Vec<PathBuf>,
    /// Names of all subjects, parts joined by `/`, in the order of their first rows.
    pub subjects: Vec<String>,
    /// Columns of numbers.
    pub numbers: Vec<String>,
    /// In the order of files and lines.
    pub rows: Vec<Row>,
}

const REMEDY: &str = "name a folder with --data, MAMLET_DATA or tasks.path that holds CSV files, or \
                      folders train, val and test of them";

impl Table {
    /// Reads these columns of all files of a folder.
    ///
    /// # Errors
    /// [`DataError`] where there is no such folder, file or column, and with every
    /// row that cannot be used.
    pub fn open(path: &Path, columns: &Columns) -> Result<Self, DataError> {
        let asked = Files::new(&columns.files).ok_or_else(|| DataError::Read {
            path: path.to_owned(),
            why: format!("tasks.files: {:?} is no pattern", columns.files),
        })?;
        let looked = locations::candidates(path);
        let found = looked.iter().find_map(|place| {
            let all = File::all(place).unwrap_or_default();
            let files: Vec<File> = (asked.choose(&all).into_iter())
                .map(|at| all[at].clone())
                .collect();
            (!files.is_empty()).then_some((place, files))
        });
        let (place, files) = found.ok_or_else(|| DataError::NotFound {
            what: format!("CSV files {}", columns.files),
            looked: looked.clone(),
            remedy: REMEDY.into(),
        })?;
        let mut reader = Reader {
            columns,
            subjects: HashMap::new(),
            faults: Faults::default(),
            table: Self {
                path: place.clone(),
                files: Vec::new(),
                subjects: Vec::new(),
                numbers: columns.numbers.clone(),
                rows: Vec::new(),
            },
        };
        for file in files {
            reader.file(&file)?;
            reader.table.files.push(file.path);
        }
        let Reader { table, faults, .. } = reader;
        let problems = faults.problems();
        if !problems.is_empty() {
            return Err(DataError::Problems {
                what: table.path.display().to_string(),
                unit: "row",
                problems,
            });
        }
        if table.rows.is_empty() {
            return Err(DataError::TooFew {
                what: table.path.display().to_string(),
                has: "no row".into(),
                needs: format!("tasks.rows = {:?} wants some", columns.rows),
            });
        }
        Ok(table)
    }

    /// A problem with a row.
    pub fn problem(&self, row: &Row, what: impl Into<String>) -> Problem {
        let file = self.files.get(row.file).cloned().unwrap_or_default();
        problem(&file, row.line, what)
    }

    /// Where a column of numbers is.
    pub fn number(&self, name: &str) -> Option<usize> {
        self.numbers.iter().position(|known| known == name)
    }
}

/// Reads files one after the other.
struct Reader<'a> {
    columns: &'a Columns,
    /// Where a subject is among the table's.
    subjects: HashMap<String, usize>,
    faults: Faults,
    table: Table,
}

impl Reader<'_> {
    fn file(&mut self, file: &File) -> Result<(), DataError> {
        let (path, columns) = (&file.path, self.columns);
        let mut rows = Rows::open(path, Header::Present)?;
        let all = |names: &[String]| {
            let places = names.iter().map(|name| rows.column(name));
            places.collect::<Result<Vec<_>, _>>()
        };
        let filters: Vec<(usize, Vec<glob::Pattern>)> = columns
            .rows
            .iter()
            .map(|(name, values)| {
                let patterns = values.iter().map(|value| glob::Pattern::new(value));
                let patterns = patterns.collect::<Result<Vec<_>, _>>();
                let patterns = patterns.map_err(|error| DataError::Read {
                    path: path.clone(),
                    why: format!("rows.{name}: {error}"),
                })?;
                Ok((rows.column(name)?, patterns))
            })
            .collect::<Result<_, DataError>>()?;
        let (subject, texts) = (all(&columns.subject)?, all(&columns.texts)?);
        let numbers = all(&columns.numbers)?;
        let (decimal, stem) = (rows.dialect().decimal, stem(path));
        let mut name = String::new();
        while let Some(row) = rows.next()? {
            let wanted = filters.iter().all(|(at, patterns)| {
                let value = row.get(*at);
                patterns.iter().any(|pattern| pattern.matches(value))
            });
            if !wanted {
                continue;
            }
            let line = row.line;
            if let Some(what) = row.uneven() {
                self.faults.add(path, line, what);
                continue;
            }
            if let Some(at) = subject.iter().position(|&at| row.get(at).is_empty()) {
                let what = format!("{} is empty", columns.subject[at]);
                self.faults.add(path, line, what);
                continue;
            }
            name.clear();
            for &at in &subject {
                if !name.is_empty() {
                    name.push('/');
                }
                name.push_str(row.get(at));
            }
            if subject.is_empty() {
                name.push_str(&stem);
            }
            let mut values = Vec::with_capacity(numbers.len());
            for (&at, name) in numbers.iter().zip(&columns.numbers) {
                let text = row.get(at);
                match number(text, decimal, columns.codes.get(name)) {
                    Ok(value) => values.push(value),
                    Err(what) => {
                        let what = format!("{name} is {what}");
                        self.faults.add_of(path, line, what, text);
                    }
                }
            }
            if values.len() < numbers.len() {
                continue;
            }
            let subject = self.subject(&name);
            self.table.rows.push(Row {
                subject,
                file: self.table.files.len(),
                group: file.group,
                line,
                texts: texts.iter().map(|&at| row.get(at).to_owned()).collect(),
                numbers: values,
            });
        }
        Ok(())
    }

    fn subject(&mut self, name: &str) -> usize {
        if let Some(&known) = self.subjects.get(name) {
            return known;
        }
        let at = self.table.subjects.len();
        self.subjects.insert(name.to_owned(), at);
        self.table.subjects.push(name.to_owned());
        at
    }
}

/// A number, or what the text is instead.
fn number(
    text: &str,
    decimal: Decimal,
    codes: Option<&BTreeMap<String, f64>>,
) -> Result<f64, String> {
    if let Some(codes) = codes {
        let known = || codes.keys().cloned().collect::<Vec<_>>().join(", ");
        return (codes.get(text).copied())
            .ok_or_else(|| format!("{text:?}, and tasks.codes has {}", known()));
    }
    rows::number(text, decimal).or_else(|why| days(text).ok_or(why))
}

/// Days since the beginning of 1970 of a date `YYYY-MM-DD`.
fn days(date: &str) -> Option<f64> {
    let mut parts = date.splitn(3, '-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    let leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let february = if leap(year) { 29 } else { 28 };
    let lengths = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let length = *lengths.get(usize::try_from(month - 1).ok()?)?;
    if !(1000..10_000).contains(&year) || !(1..=length).contains(&day) {
        return None;
    }
    let before = year - 1;
    let years = 365 * before + before / 4 - before / 100 + before / 400;
    let months: i64 = lengths.iter().take(month as usize - 1).sum();
    // Of the first of January 1970.
    const EPOCH: i64 = 719_162;
    Some((years + months + day - 1 - EPOCH) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::tests::Fixture;

    fn columns(text: &[&str]) -> Columns {
        Columns {
            files: "*.csv".into(),
            subject: vec!["unit".into()],
            numbers: text.iter().map(|&name| name.into()).collect(),
            ..Columns::default()
        }
    }

    #[test]
    fn rows_are_read_in_order_of_files_and_lines() {
        let fixture = Fixture::empty();
        fixture.put("b.csv", b"unit,side,x,y\nB1,L,1, 2\nB1,R,3,4\n");
        fixture.put("a.csv", b"y,x,side,unit\n8,7,L,A1\n9,7,-,A2\n");
        let mut wanted = columns(&["x", "side"]);
        wanted.codes = toml::from_str("side = { L = -1, R = 1, - = 0 }").unwrap();
        let table = Table::open(fixture.path(), &wanted).unwrap();
        assert_eq!(table.subjects, ["A1", "A2", "B1"]);
        let found: Vec<_> = (table.rows.iter())
            .map(|row| (row.subject, row.file, row.line, row.numbers.clone()))
            .collect();
        let expected = [
            (0, 0, 2, vec![7.0, -1.0]),
            (1, 0, 3, vec![7.0, 0.0]),
            (2, 1, 2, vec![1.0, -1.0]),
            (2, 1, 3, vec![3.0, 1.0]),
        ];
        assert_eq!(found, expected);
        wanted.subject.push("side".into());
        wanted.rows = [("unit".into(), vec!["B*".into()])].into();
        let table = Table::open(fixture.path(), &wanted).unwrap();
        assert_eq!(table.subjects, ["B1/L", "B1/R"]);
        wanted.subject.clear();
        assert_eq!(
            Table::open(fixture.path(), &wanted).unwrap().subjects,
            ["b"]
        );
    }

    #[test]
    fn dates_are_days() {
        for (date, expected) in [
            ("1970-01-01", Some(0.0)),
            ("1969-12-31", Some(-1.0)),
            ("2000-03-01", Some(11_017.0)),
            ("2024-02-29", Some(19_782.0)),
            ("2023-02-29", None),
            ("2023-13-01", None),
            ("2023-00-01", None),
            ("2023-4", None),
            ("-5-1-1", None),
        ] {
            assert_eq!(days(date), expected, "{date}");
        }
    }

    #[test]
    fn every_bad_row_is_named_by_file_and_line() {
        let fixture = Fixture::empty();
        let text = b"unit,side,x\nA,L,1\nA,L,oops\nA,L,nan\n,L,1\nA,L\nA,Q,1\n";
        fixture.put("a.csv", text);
        let mut wanted = columns(&["x", "side"]);
        wanted.codes = toml::from_str("side = { L = -1, R = 1 }").unwrap();
        let message = Table::open(fixture.path(), &wanted)
            .unwrap_err()
            .to_string();
        for part in [
            "5 rows of",
            "a.csv, line 3: x is \"oops\", no number",
            "a.csv, line 4: x is nan, not a finite number",
            "a.csv, line 5: unit is empty",
            "a.csv, line 6: 2 columns, the header has 3",
            "a.csv, line 7: side is \"Q\", and tasks.codes has L, R",
        ] {
            assert!(message.contains(part), "{part}: {message}");
        }
        let open = |columns: &Columns| {
            let error = Table::open(fixture.path(), columns).unwrap_err();
            error.to_string()
        };
        let message = open(&columns(&["z"]));
        assert!(
            message.contains("line 1: no column \"z\"; there are unit, side, x"),
            "{message}"
        );
        let none = Columns {
            rows: [("unit".into(), vec!["Z*".into()])].into(),
            ..columns(&["x"])
        };
        assert!(open(&none).contains("no row"));
        let files = Columns {
            files: "z*.csv".into(),
            ..columns(&["x"])
        };
        assert!(open(&files).contains("z*.csv"));
    }
}
