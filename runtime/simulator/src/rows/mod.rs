//! Rows of text files: the one reader behind every command that takes a table.
//!
//! ```no_run
//! use mamlet_simulator::rows::{Header, Rows, number};
//!
//! let mut rows = Rows::open("anna.csv".as_ref(), Header::Present)?;
//! let x = rows.column("x")?;
//! let decimal = rows.dialect().decimal;
//! while let Some(row) = rows.next()? {
//!     let value: Result<f32, String> = number(row.get(x), decimal);
//!     println!("line {}: {value:?}", row.line);
//! }
//! # Ok::<(), mamlet_simulator::rows::RowsError>(())
//! ```
//!
//! | of a file | what is read |
//! |---|---|
//! | columns | separated by commas, semicolons or tabs, or as a first line `sep=;` says; in quotes where a cell holds a separator or the end of a line |
//! | letters | UTF-8; UTF-16 with a byte order mark; else Windows-1252, of which Latin-1 is a part |
//! | numbers | with a decimal point, or a decimal comma where commas do not separate columns |
//! | lines | ended by line feeds, carriage returns or both; blank ones and comments (`#`) are skipped |
//! | before the header | lines of a logger, where the header is the first that is as wide as the rows |
//! | last column | dropped where it is empty and has no name: a separator that ends every row |
//! | whole files | packed by gzip too; or JSON of Edge Impulse, whose sensors are the columns |
//!
//! It reads a file once and keeps one row of it.

mod dialect;
mod errors;
mod number;
mod row;
mod sensors;
mod text;

use std::io::Read;
use std::path::{Path, PathBuf};

use csv_core::ReadRecordResult;

pub use dialect::Dialect;
pub use errors::{Fault, RowsError};
pub use number::{Decimal, Number, number};
use row::Cells;
pub use row::Row;
use sensors::Sensors;
use text::{Opened, Text};

/// Whether the first row of a file names its columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Header {
    /// It does, unless it has numbers wherever the second has some.
    Detect,
    /// It does.
    Present,
    /// It does not: it is a row like the others.
    Absent,
}

/// The rows of a file, one after the other.
pub struct Rows {
    path: PathBuf,
    header: Option<Vec<String>>,
    header_line: u64,
    width: usize,
    dialect: Dialect,
    source: Source,
    cells: Cells,
    /// Splits lines that have quotes, if there was one.
    splitter: Option<Box<csv_core::Reader>>,
}

/// Where rows come from.
enum Source {
    Text(Text),
    Sensors(Sensors),
}

impl Rows {
    /// Opens a file and reads how it is written, and its header.
    ///
    /// # Errors
    /// Where there is no such file, it holds nothing, or no text.
    pub fn open(path: &Path, header: Header) -> Result<Self, RowsError> {
        let fail = |line, fault| RowsError::new(path, line, fault);
        let opened = Opened::file(path).map_err(|error| fail(None, error.into()))?;
        let Opened {
            text,
            head,
            encoding,
        } = opened;
        if let Some(fault) = errors::no_text(&head) {
            return Err(fail(None, fault));
        }
        let dialect = Dialect {
            separator: ',',
            decimal: Decimal::Point,
            encoding: encoding.unwrap_or(""),
            preamble: None,
            comments: 0,
        };
        let mut rows = Self {
            path: path.to_owned(),
            header: None,
            header_line: 0,
            width: 0,
            dialect,
            cells: Cells::default(),
            source: Source::Text(text),
            splitter: None,
        };
        if head.trim_ascii_start().first() == Some(&b'{') {
            rows.sensors()?;
        } else {
            rows.begin(&head, header)?;
        }
        Ok(rows)
    }

    /// A file of Edge Impulse: the sensors are the columns.
    fn sensors(&mut self) -> Result<(), RowsError> {
        let mut json = String::new();
        let fail = |fault| RowsError::new(&self.path, None, fault);
        if let Source::Text(text) = &mut self.source {
            let read = text.rest().read_to_string(&mut json);
            read.map_err(|error| fail(error.into()))?;
        }
        let sensors = Sensors::parse(&json).map_err(fail)?;
        self.width = sensors.names.len();
        self.header = Some(sensors.names.clone());
        self.header_line = 1;
        self.source = Source::Sensors(sensors);
        Ok(())
    }

    /// Reads to the first row.
    fn begin(&mut self, head: &[u8], header: Header) -> Result<(), RowsError> {
        let Source::Text(text) = &mut self.source else {
            return Ok(());
        };
        let empty = RowsError::new(&self.path, None, Fault::Empty);
        let found = dialect::look(head, text.end, header).ok_or(empty)?;
        for _ in 0..found.before {
            let read = text.read();
            read.map_err(|error| RowsError::new(&self.path, None, error.into()))?;
        }
        self.dialect.separator = found.separator.into();
        self.dialect.decimal = found.decimal;
        self.dialect.preamble = found.preamble;
        if let Some((names, line)) = found.comment {
            let end = [names, vec![b'\n']].concat();
            self.header_line = line;
            self.split(end, line)?;
        } else if found.header {
            self.header_line = self.record()?.map_or(0, |(line, _)| line);
        } else {
            self.width = found.width;
            return Ok(());
        }
        let row = self.row(self.header_line, false);
        let mut names: Vec<String> = (0..row.len()).map(|at| row.get(at).to_owned()).collect();
        if names.len() > 1 && names.last().is_some_and(String::is_empty) {
            names.pop();
        }
        self.width = names.len();
        self.header = Some(names);
        Ok(())
    }

    /// The names of the columns.
    pub fn header(&self) -> Option<&[String]> {
        self.header.as_deref()
    }

    /// The line of the header, 0 where there is none.
    pub fn header_line(&self) -> u64 {
        self.header_line
    }

    /// How many columns there are: in the header, or else in the first row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// How the file is written, as far as it has been read.
    pub fn dialect(&self) -> Dialect {
        let encoding = match self.dialect.encoding {
            "" => "UTF-8",
            encoding => encoding,
        };
        Dialect {
            encoding,
            ..self.dialect.clone()
        }
    }

    /// Rows a second, where the file says it.
    pub fn rate(&self) -> Option<f64> {
        match &self.source {
            Source::Text(_) => None,
            Source::Sensors(sensors) => sensors.rate,
        }
    }

    /// The place of the column of that name.
    ///
    /// # Errors
    /// Where there is none, or more than one.
    pub fn column(&self, name: &str) -> Result<usize, RowsError> {
        let names = self.header().unwrap_or_default();
        let mut found = (0..names.len()).filter(|&at| names[at] == name);
        let fault = match (found.next(), found.next()) {
            (Some(at), None) => return Ok(at),
            (Some(_), Some(_)) => Fault::Twice(name.to_owned()),
            (None, _) => Fault::NoColumn {
                name: name.to_owned(),
                columns: names.join(", "),
            },
        };
        let line = (self.header_line > 0).then_some(self.header_line);
        Err(RowsError::new(&self.path, line, fault))
    }

    /// The next row.
    ///
    /// # Errors
    /// Where the file cannot be read on, a quote is not closed, or letters are in two
    /// encodings.
    #[expect(
        clippy::should_implement_trait,
        reason = "a row borrows from the reader, which the items of an iterator cannot"
    )]
    pub fn next(&mut self) -> Result<Option<Row<'_>>, RowsError> {
        let next = self.record()?;
        Ok(next.map(|(line, after_blank)| self.row(line, after_blank)))
    }

    /// Reads a row into the cells: its line, and whether blank lines stand before it.
    fn record(&mut self) -> Result<Option<(u64, bool)>, RowsError> {
        if let Source::Sensors(sensors) = &mut self.source {
            return Ok(sensors.next(&mut self.cells).map(|row| (row, false)));
        }
        let mut after_blank = false;
        loop {
            let Source::Text(text) = &mut self.source else {
                return Ok(None);
            };
            let read = text.read();
            if !read.map_err(|error| RowsError::new(&self.path, None, error.into()))? {
                return Ok(None);
            }
            if text.buffer.trim_ascii().is_empty() {
                after_blank = true;
                continue;
            }
            let line = text.line;
            let comment = dialect::is_comment(&text.buffer);
            let buffer = std::mem::take(&mut text.buffer);
            self.split(buffer, line)?;
            // What begins like a comment but is as wide as a row may be one.
            if comment && self.cells.count != self.width {
                self.dialect.comments += u64::from(self.width > 0);
                continue;
            }
            return Ok(Some((line, after_blank)));
        }
    }

    /// Splits a line into cells, and those after it that its quotes hold.
    fn split(&mut self, buffer: Vec<u8>, line: u64) -> Result<(), RowsError> {
        match buffer.contains(&b'"') {
            true => self.split_quoted(buffer, line)?,
            false => {
                let separator = self.dialect.separator as u8;
                let cells = &mut self.cells;
                cells.ends.clear();
                for (at, &byte) in buffer.iter().enumerate() {
                    if byte == separator {
                        cells.ends.push(at);
                    }
                }
                cells.length = buffer.len() - 1;
                cells.ends.push(cells.length);
                (cells.count, cells.gap) = (cells.ends.len(), 1);
                let before = std::mem::replace(&mut cells.bytes, buffer);
                // The buffer serves the next line.
                if let Source::Text(text) = &mut self.source {
                    text.buffer = before;
                }
            }
        }
        let cells = &mut self.cells;
        let empty_last = cells.count > 1 && {
            let last = cells.ends[cells.count - 2] + cells.gap..cells.length;
            cells.bytes[last].trim_ascii().is_empty()
        };
        if empty_last && cells.count == self.width + 1 {
            cells.count -= 1;
        }
        self.decode(line)
    }

    fn split_quoted(&mut self, mut buffer: Vec<u8>, line: u64) -> Result<(), RowsError> {
        /// Bytes of a row, at most: no row of numbers is so long, what follows a quote
        /// that is never closed may be.
        const LONGEST: usize = 64 << 20;
        let Source::Text(text) = &mut self.source else {
            return Ok(());
        };
        let separator = self.dialect.separator as u8;
        let splitter = self.splitter.get_or_insert_with(|| {
            let mut builder = csv_core::ReaderBuilder::new();
            let end = csv_core::Terminator::Any(text.end);
            Box::new(builder.delimiter(separator).terminator(end).build())
        });
        let cells = &mut self.cells;
        splitter.reset();
        (cells.length, cells.count, cells.gap) = (0, 0, 0);
        let mut from = 0;
        loop {
            let (result, read, written, ended) = splitter.read_record(
                &buffer[from..],
                &mut cells.bytes[cells.length..],
                &mut cells.ends[cells.count..],
            );
            from += read;
            cells.length += written;
            cells.count += ended;
            match result {
                ReadRecordResult::OutputFull => {
                    cells.bytes.resize((2 * cells.bytes.len()).max(256), 0);
                }
                ReadRecordResult::OutputEndsFull => {
                    cells.ends.resize((2 * cells.ends.len()).max(16), 0);
                }
                ReadRecordResult::InputEmpty => {
                    let more = cells.length < LONGEST && {
                        let read = text.read();
                        read.map_err(|e| RowsError::new(&self.path, None, e.into()))?
                    };
                    if !more {
                        return Err(RowsError::new(&self.path, Some(line), Fault::Quote));
                    }
                    std::mem::swap(&mut buffer, &mut text.buffer);
                    from = 0;
                }
                ReadRecordResult::Record | ReadRecordResult::End => break,
            }
        }
        text.buffer = buffer;
        Ok(())
    }

    /// Makes the cells UTF-8.
    fn decode(&mut self, line: u64) -> Result<(), RowsError> {
        let cells = &mut self.cells;
        let bytes = &cells.bytes[..cells.length];
        if bytes.is_ascii() {
            return Ok(());
        }
        let encoding = &mut self.dialect.encoding;
        let mut ends = cells.ends[..cells.count].iter();
        let text = std::str::from_utf8(bytes).ok();
        // Cells that follow one another without a gap could make a letter of two.
        let is_utf8 = text.is_some_and(|text| ends.all(|&end| text.is_char_boundary(end)));
        match (&encoding[..], is_utf8) {
            ("" | "UTF-8", true) => *encoding = "UTF-8",
            ("" | WINDOWS, _) => {
                *encoding = WINDOWS;
                cells.decode_windows();
            }
            (_, true) => {}
            (_, false) => return Err(RowsError::new(&self.path, Some(line), Fault::Letters)),
        }
        Ok(())
    }

    fn row(&self, line: u64, after_blank: bool) -> Row<'_> {
        let bytes = &self.cells.bytes[..self.cells.length];
        Row {
            line,
            after_blank,
            // It is UTF-8 after `decode`.
            text: std::str::from_utf8(bytes).unwrap_or(""),
            ends: &self.cells.ends[..self.cells.count],
            gap: self.cells.gap,
            width: self.width,
            named: self.header.is_some(),
        }
    }
}

/// The encoding of files whose letters are not UTF-8.
const WINDOWS: &str = "Windows-1252";

#[cfg(test)]
mod tests;
