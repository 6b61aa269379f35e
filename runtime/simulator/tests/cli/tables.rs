//! Tables of examples: what is wrong with one is named by file, line and column.

use super::{Desk, LINE, SUPPORT, run};

#[test]
fn wrong_tables_are_named_by_file_line_and_column() {
    let desk = Desk::new();
    let cases: [(&str, &[&str]); 12] = [
        ("x\n0\n", &["line 1", "1 column", "1 input", "1 target"]),
        ("x,y,z\n0,1,2\n", &["line 1", "3 columns (x, y, z)"]),
        ("x,y\n0,1\n1\n", &["line 3", "1 column"]),
        ("x,y\n0,1\n1,2,3\n", &["line 3", "3 columns"]),
        (
            "x,y\n0,1\n1,two\n",
            &["line 3", "column 2 (y)", "\"two\"", "no number"],
        ),
        (
            "x,y\none,1\n",
            &["line 2", "column 1 (x)", "\"one\"", "no number"],
        ),
        ("x,y\n0,1\n,2\n", &["line 3", "column 1 (x)", "no number"]),
        (
            "x,y\n0,1\n1,NaN\n",
            &["line 3", "column 2 (y)", "not a finite number"],
        ),
        (
            "x,y\ninf,1\n",
            &["line 2", "column 1 (x)", "not a finite number"],
        ),
        (
            "x,y\n1e39,1\n",
            &["line 2", "column 1 (x)", "not a finite number"],
        ),
        ("x,y\n", &["no rows"]),
        ("", &["is empty", "delete it"]),
    ];
    for (table, names) in cases {
        let file = desk.file("wrong.csv", table);
        let said = run(LINE, &file, &[]);
        said.refuses(1, &["wrong.csv"]);
        said.refuses(1, names);
        // As a query file it is refused alike, except that targets may lack.
        if !table.starts_with("x\n") {
            let support = desk.file("support.csv", SUPPORT);
            let said = run(LINE, &support, &["--query", &file.to_string_lossy()]);
            said.refuses(1, &["wrong.csv"]);
        }
    }
}

/// Line numbers are those of an editor, whatever ends the lines.
#[test]
fn lines_are_counted_as_an_editor_counts() {
    let desk = Desk::new();
    for table in [
        "x,y\r\n0,1\r\n1,two\r\n",
        "x,y\n\n1,two\n",
        "\"x\",y\n\"0\",1\n1,two",
    ] {
        let file = desk.file("wrong.csv", table);
        run(LINE, &file, &[]).refuses(1, &["line 3,", "column 2 (y)"]);
    }
}

/// A table without a header would lose its first example in silence.
#[test]
fn a_header_of_numbers_is_no_header() {
    let desk = Desk::new();
    let file = desk.file("wrong.csv", "0,1\n1,3\n2,5\n");
    run(LINE, &file, &[]).refuses(1, &["wrong.csv", "line 1", "header"]);
}

#[test]
fn tables_may_have_spaces_and_other_line_ends() {
    let desk = Desk::new();
    let plain = desk.file("plain.csv", SUPPORT);
    let expected = run(LINE, &plain, &["--json"]).out;
    for table in [
        "x, y\r\n0 ,1\r\n 1,3\r\n2,5",
        "x,y\n0,1\n\n1,3\n2,5\n\n",
        "\"x\",\"y\"\n0,1\n1,3\n2.0,5e0\n",
        "x;y\n0;1,0\n1;3,0\n2;5,0\n",
        "x\ty\n0\t1\n1\t3\n2\t5\n",
        "# logger\nx,y,\n0,1,\n1,3,\n2,5,\n",
    ] {
        let file = desk.file("support.csv", table);
        assert_eq!(run(LINE, &file, &["--json"]).out, expected, "{table:?}");
    }
}
