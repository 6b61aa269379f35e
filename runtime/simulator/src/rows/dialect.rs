//! How a file is written, from its first lines.

use std::collections::HashSet;

use super::Header;
use super::number::{Decimal, Written, written};

/// What may separate columns, the likeliest first.
const SEPARATORS: [u8; 3] = [b',', b';', b'\t'];

/// How a file is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dialect {
    /// What separates columns.
    pub separator: char,
    /// What decimals begin with.
    pub decimal: Decimal,
    /// How letters are encoded: `UTF-8` where nothing says otherwise.
    pub encoding: &'static str,
    /// The first and the last line that are no rows and stand before the header, or
    /// before the first row where there is none.
    pub preamble: Option<(u64, u64)>,
    /// Comments between rows that were skipped so far.
    pub comments: u64,
}

impl Dialect {
    /// What is out of the ordinary, in words.
    pub fn words(&self) -> Option<String> {
        let lines = |(first, last)| match first == last {
            true => format!("line {first} is skipped"),
            false => format!("lines {first} to {last} are skipped"),
        };
        let comments = |count| match count {
            1 => "1 comment between rows is skipped".to_owned(),
            _ => format!("{count} comments between rows are skipped"),
        };
        let words = [
            (self.encoding != "UTF-8").then(|| self.encoding.to_owned()),
            (self.decimal == Decimal::Comma).then(|| "decimals begin with a comma".into()),
            self.preamble.map(lines),
            (self.comments > 0).then(|| comments(self.comments)),
        ];
        let words: Vec<String> = words.into_iter().flatten().collect();
        (!words.is_empty()).then(|| words.join(", "))
    }
}

/// What the first lines say.
pub(super) struct Found {
    pub separator: u8,
    pub decimal: Decimal,
    /// Lines before the header, or before the first row.
    pub before: u64,
    pub preamble: Option<(u64, u64)>,
    /// Whether the next line is the header.
    pub header: bool,
    /// A header that is a comment, and its line.
    pub comment: Option<(Vec<u8>, u64)>,
    /// Columns of the rows.
    pub width: usize,
}

/// A line, or several that quotes hold together.
struct Line<'a> {
    number: u64,
    bytes: &'a [u8],
}

/// Reads what can be known from the first lines of a file, which `end` ends.
pub(super) fn look(head: &[u8], end: u8, header: Header) -> Option<Found> {
    let all = lines(head, end);
    let told = all.first().and_then(|line| told(line.bytes));
    let rest = &all[usize::from(told.is_some())..];
    let comments = rest.iter().take_while(|line| is_comment(line.bytes));
    let comments = comments.count();
    let last_comment = comments.checked_sub(1).map(|last| &rest[last]);
    let body: Vec<&Line> = (rest[comments..].iter())
        .filter(|line| !is_comment(line.bytes))
        .collect();
    body.first()?;
    let (separator, width) = separator(&body, told);
    let counts: Vec<usize> = body.iter().map(|l| count(l.bytes, separator)).collect();
    let cells = |line: &&Line<'_>| split(line.bytes, separator);
    let first = match counts[0] == width {
        true => 0,
        false => {
            let cells: Vec<Vec<String>> = body.iter().map(cells).collect();
            after_preamble(&counts, &cells, width, header, separator).unwrap_or(0)
        }
    };
    let row = cells(&body[first]);
    let is_row = is_row(&row, body.get(first + 1).map(cells).as_deref(), separator);
    let is_header = match header {
        Header::Present => true,
        Header::Absent => false,
        Header::Detect => !is_row,
    };
    let comment = last_comment.filter(|comment| {
        let names = split(&comment.bytes[1..], separator);
        header != Header::Absent
            && first == 0
            && is_row
            && (names.len() > 1 && names.len() == counts[0])
            && are_names(&names, separator)
    });
    let is_header = is_header && comment.is_none();
    let comment = comment.map(|comment| (comment.bytes[1..].to_vec(), comment.number));
    let rows = &body[first + usize::from(is_header)..];
    let written = |as_is: Written| {
        let mut cells = rows.iter().flat_map(cells);
        separator != b',' && cells.any(|cell| written(&cell) == as_is)
    };
    let decimal = match (written(Written::WithPoint), written(Written::WithComma)) {
        _ if separator == b',' => Decimal::Point,
        (false, false) => Decimal::Either,
        (false, true) => Decimal::Comma,
        (true, _) => Decimal::Point,
    };
    let before = body[first].number - 1;
    let skipped = all.iter().filter(|line| line.number <= before);
    let skipped = skipped.filter(|line| comment.as_ref().is_none_or(|(_, at)| line.number != *at));
    let mut skipped = skipped.map(|line| line.number);
    let preamble = skipped
        .next()
        .map(|at| (at, skipped.next_back().unwrap_or(at)));
    Some(Found {
        separator,
        decimal,
        before,
        preamble,
        header: is_header,
        comment,
        width: counts[first],
    })
}

/// Whether a line is a comment: it begins with `#`, which is no cell of its own.
pub(super) fn is_comment(line: &[u8]) -> bool {
    line.first() == Some(&b'#') && !line.get(1).is_some_and(|next| SEPARATORS.contains(next))
}

/// The separator of a first line `sep=;`.
fn told(line: &[u8]) -> Option<u8> {
    let line = line.trim_ascii_end();
    let line = line.strip_prefix(b"\"").unwrap_or(line);
    let line = line.strip_suffix(b"\"").unwrap_or(line);
    match line.split_at_checked(4)? {
        (key, &[separator]) if key.eq_ignore_ascii_case(b"sep=") => Some(separator),
        (key, []) if key.eq_ignore_ascii_case(b"sep=") => Some(b'\t'),
        _ => None,
    }
}

/// Lines that are not blank. A line with an open quote goes on in the next ones, unless
/// these are many.
fn lines(head: &[u8], end: u8) -> Vec<Line<'_>> {
    const MANY: usize = 10;
    let whole: Vec<&[u8]> = head.split_inclusive(|&byte| byte == end).collect();
    let odd = |line: &[u8]| line.iter().filter(|&&byte| byte == b'"').count() % 2 == 1;
    let (mut all, mut at, mut byte) = (Vec::new(), 0, 0);
    while at < whole.len() {
        let begun = odd(whole[at]);
        let goes_on = whole[at + 1..].iter().take(MANY);
        let goes_on = goes_on.take_while(|line| begun && !odd(line)).count();
        let closed = whole.get(at + goes_on + 1).is_some_and(|line| odd(line));
        let count = 1 + if begun && closed { goes_on + 1 } else { 0 };
        let length: usize = whole[at..at + count].iter().map(|line| line.len()).sum();
        let bytes = &head[byte..byte + length];
        if !bytes.trim_ascii().is_empty() {
            let number = at as u64 + 1;
            let bytes = bytes.strip_suffix(&[end]).unwrap_or(bytes);
            let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
            all.push(Line { number, bytes });
        }
        (at, byte) = (at + count, byte + length);
    }
    all
}

/// What separates columns, and how many there are in most lines. Best is what the first
/// line has as often as the others; then what most lines have equally often; then what
/// leaves most numbers.
fn separator(lines: &[&Line<'_>], told: Option<u8>) -> (u8, usize) {
    let candidates = told.map_or(SEPARATORS.to_vec(), |separator| vec![separator]);
    let mut best = ((false, 0), candidates[0], 1);
    for separator in candidates {
        let counts: Vec<usize> = lines.iter().map(|l| count(l.bytes, separator)).collect();
        let agree = |width: usize| counts.iter().filter(|&&count| count == width).count();
        let several = counts.iter().copied().filter(|&count| count > 1);
        // Of those that are equally frequent, the first.
        let width = several.rev().max_by_key(|&width| agree(width));
        let Some(width) = width else { continue };
        let score = (counts[0] == width, agree(width));
        let better = || numbers(lines, separator, width) > numbers(lines, best.1, best.2);
        if score > best.0 || score == best.0 && better() {
            best = (score, separator, width);
        }
    }
    (best.1, best.2)
}

/// Of a thousand cells of lines so wide, how many are numbers.
fn numbers(lines: &[&Line<'_>], separator: u8, width: usize) -> usize {
    let cells = lines.iter().map(|line| split(line.bytes, separator));
    let cells = cells.filter(|cells| cells.len() == width).flatten();
    let are: Vec<bool> = cells.map(|cell| is_number(&cell, separator)).collect();
    let numbers = are.iter().filter(|&&number| number).count();
    numbers * 1000 / are.len().max(1)
}

/// The line after those that come before a table: the first that is as wide as the rows
/// and holds nothing but names, with numbers below; or the first row, where there is no
/// header and lines before it are not divided.
fn after_preamble(
    counts: &[usize],
    cells: &[Vec<String>],
    width: usize,
    header: Header,
    separator: u8,
) -> Option<usize> {
    let at = counts.iter().position(|&count| count == width)?;
    let numbers = |cells: &Vec<String>| cells.iter().any(|cell| is_number(cell, separator));
    if header == Header::Absent {
        let undivided = counts[..at].iter().all(|&count| count == 1);
        return (undivided && numbers(&cells[at])).then_some(at);
    }
    let below = cells[at + 1..].iter().filter(|row| row.len() == width);
    let fits = are_names(&cells[at], separator) && below.into_iter().any(numbers);
    fits.then_some(at)
}

/// Whether a line is a row, not the header above `next`: wherever that has a number, so
/// has this.
fn is_row(cells: &[String], next: Option<&[String]>, separator: u8) -> bool {
    let numbers = |cells: &[String]| -> Vec<bool> {
        let cells = cells.iter();
        cells.map(|cell| is_number(cell, separator)).collect()
    };
    let own = numbers(cells);
    match next.map(numbers) {
        Some(next) if next.contains(&true) => {
            (own.iter().zip(next)).all(|(&own, next)| own || !next)
        }
        _ => own.iter().all(|&number| number),
    }
}

/// Whether cells are the names of columns: no numbers, none twice, at most one empty.
fn are_names(cells: &[String], separator: u8) -> bool {
    let mut seen = HashSet::new();
    let mut cells = cells.iter();
    cells.all(|cell| !is_number(cell, separator) && seen.insert(cell))
}

fn is_number(cell: &str, separator: u8) -> bool {
    match written(cell) {
        Written::Text => false,
        Written::Whole | Written::WithPoint => true,
        Written::WithComma => separator != b',',
    }
}

/// Columns of a line, without an empty last one.
fn count(line: &[u8], separator: u8) -> usize {
    let mut quoted = false;
    let separators = line.iter().filter(|&&byte| {
        quoted ^= byte == b'"';
        byte == separator && !quoted
    });
    let count = separators.count() + 1;
    let end = match separator.is_ascii_whitespace() {
        true => line,
        false => line.trim_ascii_end(),
    };
    count - usize::from(count > 1 && end.last() == Some(&separator))
}

/// The cells of a line, without an empty last one.
fn split(line: &[u8], separator: u8) -> Vec<String> {
    let mut quoted = false;
    let cells = line.split(|&byte| {
        quoted ^= byte == b'"';
        byte == separator && !quoted
    });
    let text = |cell: &[u8]| {
        let cell = String::from_utf8_lossy(cell.trim_ascii()).into_owned();
        cell.trim_matches('"').trim().to_owned()
    };
    let mut cells: Vec<String> = cells.map(text).collect();
    if cells.len() > 1 && cells.last().is_some_and(String::is_empty) {
        cells.pop();
    }
    cells
}
