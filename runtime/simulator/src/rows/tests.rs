use std::io::Write;

use super::*;

/// A file of these bytes.
fn file(bytes: &[u8]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    file
}

/// Header, rows as `line: cells`, and the dialect of a file of these bytes.
fn read(bytes: &[u8], header: Header) -> Result<(Vec<String>, Vec<String>, Dialect), RowsError> {
    let file = file(bytes);
    let mut rows = Rows::open(file.path(), header)?;
    let names = rows.header().unwrap_or_default().to_vec();
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        let cells: Vec<&str> = (0..row.len()).map(|at| row.get(at)).collect();
        let blank = if row.after_blank { "_" } else { "" };
        all.push(format!("{blank}{}: {}", row.line, cells.join("|")));
    }
    Ok((names, all, rows.dialect()))
}

fn detect(text: &str) -> (Vec<String>, Vec<String>, Dialect) {
    read(text.as_bytes(), Header::Detect).unwrap()
}

#[test]
fn separators_are_found() {
    for (text, separator) in [
        ("x,y\n1,2\n", ','),
        ("x;y\n1;2\n", ';'),
        ("x\ty\n1\t2\n", '\t'),
        ("sep=;\nx;y\n1;2\n", ';'),
        ("sep=|\r\nx|y\r\n1|2\r\n", '|'),
        ("\"x\";\"y\"\n1;2\n", ';'),
    ] {
        let (names, rows, dialect) = detect(text);
        assert_eq!(names, ["x", "y"], "{text:?}");
        assert!(rows[0].ends_with(": 1|2"), "{text:?}: {rows:?}");
        assert_eq!(dialect.separator, separator, "{text:?}");
    }
    // Cells that hold what separates columns elsewhere.
    assert_eq!(detect("id,note\n1,a;b;c\n2,d;e;f\n").0, ["id", "note"]);
    assert_eq!(detect("\"a;b;c\",d\n1,2\n").0, ["a;b;c", "d"]);
    assert_eq!(detect("\"a,b\";\"c,d,e\";f\n1;2;3\n").0.len(), 3);
    // Rows that lack a cell do not change what separates.
    assert_eq!(detect("x;y;g\n1,5;2,0;a\n1,6;2,0\n").0, ["x", "y", "g"]);
    assert_eq!(detect("x\n1\n2\n").1, ["2: 1", "3: 2"]);
}

#[test]
fn lines_are_those_of_an_editor() {
    let rows = |text: &str| detect(text).1;
    assert_eq!(rows("x,g\r\n1,a\r\n2,a\r\n"), ["2: 1|a", "3: 2|a"]);
    assert_eq!(rows("x,g\r1,a\r2,a\r"), ["2: 1|a", "3: 2|a"]);
    assert_eq!(
        rows("\nx,g\n1,a\n\n \n2,a\n\r\n3,a"),
        ["3: 1|a", "_6: 2|a", "_8: 3|a"]
    );
    assert_eq!(
        rows("\"x\",g\r\n\"1\",\"a\r\nb\"\r\n2,\"a\"\r\n"),
        ["2: 1|a\r\nb", "4: 2|a"]
    );
    assert_eq!(detect("x,\"acc\n(g)\"\n1,2\n3,4\n").1, ["3: 1|2", "4: 3|4"]);
    let long: String = (0..5000).map(|at| format!("{at},a\n\n")).collect();
    let all = rows(&format!("x,g\n{long}"));
    assert_eq!(all.last().unwrap(), "_10000: 4999|a");
}

#[test]
fn every_encoding_says_the_same() {
    let text = "x (m/s²),gesture\n1,Größe\n2,tap\n";
    let plain = detect(text);
    assert_eq!(plain.1, ["2: 1|Größe", "3: 2|tap"]);
    let wide = |bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
        let marked = std::iter::once(0xfeff).chain(text.encode_utf16());
        marked.flat_map(bytes).collect()
    };
    let latin: Vec<u8> = text.chars().map(|letter| letter as u8).collect();
    let cases = [
        (["\u{feff}", text].concat().into_bytes(), "UTF-8"),
        (wide(u16::to_le_bytes), "UTF-16, low byte first"),
        (wide(u16::to_be_bytes), "UTF-16, high byte first"),
        (latin.clone(), "Windows-1252"),
    ];
    for (bytes, encoding) in cases {
        let (names, rows, dialect) = read(&bytes, Header::Present).unwrap();
        assert_eq!((&names, &rows), (&plain.0, &plain.1), "{encoding}");
        assert_eq!(dialect.encoding, encoding);
        let said = dialect.words().unwrap_or_default();
        assert_eq!(said.contains(encoding), encoding != "UTF-8", "{said}");
    }
    // Both in one file are ambiguous, and so is a text without letters.
    let both = [text.as_bytes(), &latin].concat();
    let error = read(&both, Header::Present).unwrap_err();
    assert_eq!((error.line, error.fault), (Some(4), Fault::Letters));
    let bare: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let error = read(&bare, Header::Present).unwrap_err().to_string();
    assert!(
        error.contains("byte order mark: save it as UTF-8"),
        "{error}"
    );
}

#[test]
fn lines_before_the_header_are_skipped_where_it_is_plain() {
    for (text, preamble) in [
        ("# logger 1.2\nx,g\n1,a\n", Some((1, 1))),
        ("# a, b\n# c\n\nx,g\n1,a\n", Some((1, 2))),
        ("Logger 1.2\nRate: 50 Hz\n\nx,g\n1,a\n2,b\n", Some((1, 2))),
        ("sep=,\n# logger\nx,g\n1,a\n", Some((1, 2))),
        ("x,g\n1,a\n", None),
        // A header that rows do not fit is no line of a logger.
        ("x,g\n1,a,7\n2,a,7\n", None),
    ] {
        let (names, rows, dialect) = detect(text);
        assert_eq!(names, ["x", "g"], "{text:?}");
        assert_eq!(dialect.preamble, preamble, "{text:?}");
        assert!(rows[0].contains(": 1|a"), "{text:?}: {rows:?}");
    }
    let (names, rows, _) = detect("# t, x\n0,1\n1,2\n");
    assert_eq!(
        (names.join(" "), rows.len()),
        ("t x".into(), 2),
        "as NumPy writes"
    );
    let (_, rows, dialect) = detect("x,g\n1,a\n# pause\n#2,a\n3,a\n");
    assert_eq!((rows.len(), dialect.comments), (3, 1), "{rows:?}");
}

#[test]
fn a_header_is_there_or_not() {
    let header = |text: &str| detect(text).0.len();
    assert_eq!(header("0.1,0.2\n0.3,0.4\n"), 0);
    assert_eq!(header("0.1,0.2,wave\n0.3,0.4,tap\n"), 0);
    assert_eq!(header("0,1;0,2\n0,3;0,4\n"), 0);
    assert_eq!(header("time,1,2\n0,0.3,0.4\n"), 3);
    assert_eq!(header("name,place\nanna,here\n"), 2);
    assert_eq!(header(",x,y\n0,1,2\n"), 3);
    let (names, rows, _) = read(b"a,b\n1,2\n", Header::Absent).unwrap();
    assert_eq!((names.len(), rows.len()), (0, 2));
    let (_, rows, dialect) = read(b"Logger\n1,2\n3,4\n", Header::Absent).unwrap();
    assert_eq!((rows.len(), dialect.preamble), (2, Some((1, 1))));
}

#[test]
fn a_separator_that_ends_every_row_is_no_column() {
    for text in [
        "x,g\n1,a,\n2,b,\n",
        "x,g,\n1,a,\n2,b,\n",
        "x,g,\n1,a\n2,b\n",
    ] {
        let (names, rows, _) = detect(text);
        assert_eq!(names, ["x", "g"], "{text:?}");
        assert_eq!(rows, ["2: 1|a", "3: 2|b"], "{text:?}");
    }
    let (_, rows, _) = read(b"1,2,\n3,4,\n", Header::Absent).unwrap();
    assert_eq!(rows, ["1: 1|2", "2: 3|4"]);
    let file = file(b"x,g\n1,a,\n2,b,c\n");
    let mut rows = Rows::open(file.path(), Header::Detect).unwrap();
    assert_eq!(rows.next().unwrap().unwrap().uneven(), None);
    let uneven = rows.next().unwrap().unwrap().uneven();
    assert_eq!(uneven.as_deref(), Some("3 columns, the header has 2"));
}

#[test]
fn numbers_are_read_as_they_are_written() {
    let decimal = |text: &str| detect(text).2.decimal;
    assert_eq!(decimal("x;y\n1,5;2,0\n"), Decimal::Comma);
    assert_eq!(decimal("x;y\n1.5;2\n"), Decimal::Point);
    assert_eq!(decimal("x;y\n1;2\n"), Decimal::Either);
    assert_eq!(decimal("x,y\n1,2\n"), Decimal::Point);
    // 1,234 may be thousands where 5.6 is a number.
    assert_eq!(decimal("x;y\n1,234;5.6\n"), Decimal::Point);
    assert_eq!(number("-1,5", Decimal::Comma), Ok(-1.5f32));
    assert_eq!(number("1e3", Decimal::Comma), Ok(1000f64));
    assert_eq!(number("1,5", Decimal::Either), Ok(1.5f32));
    let wrong = |text: &str, decimal| number::<f32>(text, decimal).unwrap_err();
    assert!(wrong("1,5", Decimal::Point).contains("with a point, not a comma"));
    assert!(!wrong("1,5,2", Decimal::Point).contains("point"));
    assert!(wrong("1.5", Decimal::Comma).contains("where other rows have a decimal comma"));
    assert!(wrong("1.234,5", Decimal::Comma).contains("no number"));
    assert!(wrong("1e39", Decimal::Point).contains("not a finite number"));
    assert!(wrong("nan", Decimal::Point).contains("not a finite number"));
    assert!(wrong("", Decimal::Point).contains("no number"));
}

#[test]
fn what_cannot_be_read_says_what_helps() {
    let message = |bytes: &[u8]| read(bytes, Header::Detect).unwrap_err().why();
    for empty in ["", "\n\n", "# only a comment\n"] {
        assert!(message(empty.as_bytes()).contains("delete it"), "{empty:?}");
    }
    assert!(message(b"PK\x03\x04rest").contains("save the sheet as CSV"));
    assert!(message(b"x,g\n1,a\n2,\"b\n3,c\n").starts_with("line 3: a quote"));
    assert!(message(b"{\"a\": 1}").contains("Edge Impulse"));
    let file = file(b"# 1\nacc,acc,g\n1,7,a\n");
    let rows = Rows::open(file.path(), Header::Detect).unwrap();
    let why = |name: &str| rows.column(name).unwrap_err().why();
    assert!(why("acc").starts_with("line 2: column acc twice"));
    assert_eq!(why("h"), "line 2: no column \"h\"; there are acc, acc, g");
    assert_eq!(rows.column("g").unwrap(), 2);
    assert!(Rows::open("nowhere.csv".as_ref(), Header::Detect).is_err());
}

#[test]
fn packed_files_are_unpacked() {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(b"x,g\n1,a\n").unwrap();
    let (_, rows, _) = read(&packed.finish().unwrap(), Header::Detect).unwrap();
    assert_eq!(rows, ["2: 1|a"]);
}

#[test]
fn sensors_are_columns() {
    let text = r#"{"protected": {}, "payload": {"device_name": "a", "interval_ms": 16,
        "sensors": [{"name": "accX", "units": "m/s2"}, {"name": "accY"}],
        "values": [[1, -0.1], [2.5, 1e-7]]}}"#;
    let (names, rows, _) = detect(text);
    assert_eq!(names, ["accX", "accY"]);
    assert_eq!(rows, ["1: 1|-0.1", "2: 2.5|0.0000001"]);
    let file = file(text.as_bytes());
    let rows = Rows::open(file.path(), Header::Detect).unwrap();
    assert_eq!(rows.rate(), Some(62.5));
    let short = text.replace("2.5, ", "");
    let error = read(short.as_bytes(), Header::Detect).unwrap_err();
    assert!(error.why().contains("sample 2"), "{error}");
}
