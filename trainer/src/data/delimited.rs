//! Files of rows: a header first, and columns that commas, semicolons or tabs
//! separate.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use csv::StringRecord;

use super::{DataError, read_error};

/// What may separate columns; the first is taken where a header has none.
const SEPARATORS: [u8; 3] = [b',', b';', b'\t'];

/// A file and its header. The separator is the one that the header has most of. Rows may
/// have any number of columns.
pub(super) fn open(path: &Path) -> Result<(csv::Reader<BufReader<File>>, StringRecord), DataError> {
    let mut file = BufReader::new(File::open(path).map_err(read_error(path))?);
    let start = file.fill_buf().map_err(read_error(path))?;
    let line = start.split(|&byte| byte == b'\n').next().unwrap_or(start);
    let delimiter = separator(line);
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .delimiter(delimiter)
        .from_reader(file);
    let header = reader.headers().map_err(unreadable(path))?.clone();
    Ok((reader, header))
}

/// What the format's reader says.
pub(super) fn unreadable(path: &Path) -> impl Fn(csv::Error) -> DataError {
    move |error| DataError::Read {
        path: path.to_owned(),
        why: error.to_string(),
    }
}

fn separator(header: &[u8]) -> u8 {
    let count = |separator: u8| {
        let mut quoted = false;
        let bytes = header.iter().filter(|&&byte| {
            quoted ^= byte == b'"';
            byte == separator && !quoted
        });
        bytes.count()
    };
    let [first, others @ ..] = SEPARATORS;
    others
        .into_iter()
        .fold(first, |best, other| match count(other) > count(best) {
            true => other,
            false => best,
        })
}

/// Why a text is no number.
pub(super) fn no_number(text: &str) -> String {
    let comma = text.replacen(',', ".", 1).parse::<f64>().is_ok();
    match comma {
        true => format!("{text:?}, no number: decimals begin with a point, not a comma"),
        false => format!("{text:?}, no number"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_says_what_separates_columns() {
        for (header, expected) in [
            ("a,b,c", b','),
            ("a;b;c", b';'),
            ("a\tb", b'\t'),
            ("\"a;b;c\",d", b','),
            ("\"a,b\";\"c,d,e\";f", b';'),
            ("a", b','),
            ("", b','),
        ] {
            assert_eq!(separator(header.as_bytes()), expected, "{header}");
        }
        assert!(no_number("1,5").contains("point"));
        assert!(!no_number("1,5,2").contains("point"));
    }
}
