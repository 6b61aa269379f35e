use super::*;
use crate::data::tests::Fixture;

fn layout(text: &str) -> Layout {
    toml::from_str(&format!("label = \"what\"\nrate = 10.0\n{text}")).unwrap()
}

fn open(fixture: &Fixture, text: &str) -> Result<Arc<Recordings>, DataError> {
    let channels = ["x", "y"].map(str::to_owned);
    Recordings::open(fixture.path(), &channels, Some(&layout(text)))
}

/// User, class, session, line and samples of every recording.
fn decoded(recordings: &Recordings) -> Vec<(&str, &str, usize, u64, Vec<f32>)> {
    let decoded = recordings.recordings.iter().map(|r| {
        let (user, class) = (&recordings.users[r.user], &recordings.classes[r.class]);
        (&user[..], &class[..], r.session, r.line, r.samples.clone())
    });
    decoded.collect()
}

#[test]
fn recordings_end_where_class_session_or_number_of_rows_changes() {
    let fixture = Fixture::empty();
    let text = b"take,what, y ,x\n1,wave,2,1\n1,wave,4,3\n1,10,6,5\n1,10,8,7\n2,10,1,1\n2,10,2,2\n";
    fixture.put("anna.csv", text);
    fixture.put("bert.csv", b"take,what,y,x\n1,9,0,0\n1,9,0,0\n");
    fixture.put("notes.txt", b"");
    let all = open(&fixture, "recording = [\"take\"]").unwrap();
    let expected = [
        ("anna", "wave", 0, 2, vec![1.0, 2.0, 3.0, 4.0]),
        ("anna", "10", 0, 4, vec![5.0, 6.0, 7.0, 8.0]),
        ("anna", "10", 1, 6, vec![1.0, 1.0, 2.0, 2.0]),
        ("bert", "9", 2, 8 - 6, vec![0.0; 4]),
    ];
    assert_eq!(decoded(&all), expected);
    assert_eq!(
        all.classes,
        ["9", "10", "wave"],
        "numbers by size, then names"
    );
    assert_eq!(all.rows(&all.recordings[0]), 2);
    assert!(all.place(&all.recordings[1]).ends_with("anna.csv, line 4"));
    assert!(!all.is_split());

    let all = open(&fixture, "rows = 2\nfiles = \"a*.csv\"").unwrap();
    let lines: Vec<u64> = all.recordings.iter().map(|r| r.line).collect();
    assert_eq!(lines, [2, 4, 6]);
    let all = open(&fixture, "rows = 1\nuser = \"take\"").unwrap();
    assert_eq!(
        (all.users.clone(), all.recordings.len()),
        (vec!["1".into(), "2".into()], 8)
    );
}

#[test]
fn folders_are_splits() {
    let fixture = Fixture::empty();
    for (folder, class) in [("train", 0), ("validation", 1), ("test", 2)] {
        let text = format!("what,x,y\n{class},1,2\n{class},3,4\n");
        fixture.put(&format!("{folder}/anna.csv"), text.as_bytes());
    }
    let all = open(&fixture, "").unwrap();
    let groups: Vec<_> = all.recordings.iter().map(|r| r.group).collect();
    let expected = [Group::Train, Group::Validation, Group::Test].map(Some);
    assert_eq!(groups, expected);
    assert!(all.is_split());
}

#[test]
fn every_bad_row_is_named_by_file_and_line() {
    let fixture = Fixture::empty();
    let text = b"what,x,y\n0,1,2\n0,oops,2\n0,inf,2\n,1,2\n0,1\n1,1,2\n";
    fixture.put("anna.csv", text);
    let error = open(&fixture, "").unwrap_err();
    let message = error.to_string();
    for part in [
        "4 rows of",
        "anna.csv, line 3: x is \"oops\", no number",
        "anna.csv, line 4: x is inf, not a finite number",
        "anna.csv, line 5: what is empty",
        "anna.csv, line 6: 2 columns, the header has 3",
    ] {
        assert!(message.contains(part), "{part}: {message}");
    }
    let message = open(&fixture, "rows = 9").unwrap_err().to_string();
    assert!(
        message.contains("line 2: the recording that begins here has 3 rows"),
        "{message}"
    );
    let message = open(&fixture, "user = \"who\"").unwrap_err().to_string();
    assert!(
        message.contains("line 1: no column \"who\"; there are what, x, y"),
        "{message}"
    );
    let message = open(&fixture, "files = \"b*.csv\"")
        .unwrap_err()
        .to_string();
    assert!(message.contains("b*.csv"), "{message}");
}

#[test]
fn the_layout_may_lie_beside_the_files() {
    let fixture = Fixture::empty();
    fixture.put("anna.csv", b"what,x,y\n0,1,2\n0,3,4\n");
    let channels = ["y"].map(str::to_owned);
    let open = || Recordings::open(fixture.path(), &channels, None);
    let message = open().unwrap_err().to_string();
    assert!(
        message.contains("recordings.toml") && message.contains("[tasks.layout]"),
        "{message}"
    );
    fixture.put("recordings.toml", b"label = \"what\"\nrate = 0.0\n");
    assert!(
        open()
            .unwrap_err()
            .to_string()
            .contains("rate: a number above 0")
    );
    fixture.put("recordings.toml", b"label = \"what\"\nrate = 5.0\n");
    assert_eq!(open().unwrap().recordings[0].samples, [2.0, 4.0]);
}

#[test]
fn names_of_files_say_class_person_and_take() {
    let fixture = Fixture::empty();
    for (file, value) in [("ann/up.1", 1), ("ann/up.2", 2), ("bob/down.1", 3)] {
        let text = format!("x,y\n{value},1\n{value},2\n");
        fixture.put(&format!("{file}.csv"), text.as_bytes());
    }
    let channels = ["x".to_owned()];
    let named = |text: &str| {
        let layout: Layout = toml::from_str(text).unwrap();
        Recordings::open(fixture.path(), &channels, Some(&layout))
    };
    let all = named("path = \"{user}/{label}.{take}\"\nrate = 5.0").unwrap();
    let expected = [
        ("ann", "up", 0, 2, vec![1.0, 1.0]),
        ("ann", "up", 1, 2, vec![2.0, 2.0]),
        ("bob", "down", 2, 2, vec![3.0, 3.0]),
    ];
    assert_eq!(decoded(&all), expected);
    let all = named("path = \"{label}/*\"\nrate = 5.0").unwrap();
    assert_eq!(all.classes, ["ann", "bob"]);
    assert_eq!(
        all.users.len(),
        1,
        "files are not people where they are classes"
    );
    let message = named("path = \"{user}_{label}\"\nrate = 5.0")
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("up.1.csv: its name does not fit path"),
        "{message}"
    );
}

#[test]
fn blank_lines_end_recordings_where_the_layout_says_so() {
    let fixture = Fixture::empty();
    fixture.put(
        "a.csv",
        b"what,x,y\n0,1,1\n0,2,2\n\n0,3,3\n0,4,4\n\n1,5,5\n1,6,6\n",
    );
    let all = open(&fixture, "boundary = \"blank\"").unwrap();
    let lines: Vec<u64> = all.recordings.iter().map(|r| r.line).collect();
    assert_eq!(lines, [2, 5, 8]);
    let all = open(&fixture, "").unwrap();
    assert_eq!(all.recordings.len(), 2);
    let note = &all.notes[0];
    assert!(
        note.contains("1 blank line") && note.contains("line 5"),
        "{note}"
    );
    assert!(note.contains("boundary = \"blank\""), "{note}");
}

#[test]
fn columns_without_names_are_numbered() {
    let fixture = Fixture::empty();
    fixture.put("up.csv", b"0.5,1\n2,3\n");
    let layout: Layout = toml::from_str("path = \"{label}\"\nheader = false\nrate = 5.0").unwrap();
    let all = Recordings::survey(fixture.path(), Some(&layout)).unwrap();
    assert_eq!(all.channels, ["c1", "c2"]);
    assert_eq!(decoded(&all)[0].3, 1);
    assert_eq!(all.recordings[0].samples, [0.5, 1.0, 2.0, 3.0]);
    let layout = Layout {
        user: Some("c3".into()),
        ..layout
    };
    let message = Recordings::survey(fixture.path(), Some(&layout))
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("no column \"c3\"; header = false makes them c1, c2"),
        "{message}"
    );
}

#[test]
fn short_recordings_are_left_out_and_counted() {
    let fixture = Fixture::empty();
    fixture.put(
        "a.csv",
        b"what,x,y\n0,1,1\n1,2,2\n1,3,3\n1,3,3\n0,4,4\n0,4,4\n",
    );
    let all = open(&fixture, "").unwrap();
    assert_eq!(all.recordings.len(), 2);
    assert!(
        all.notes[0].contains("1 recording of fewer than 2 rows"),
        "{:?}",
        all.notes
    );
    assert!(all.notes[0].contains("a.csv, line 2"), "{:?}", all.notes);
    let all = open(&fixture, "least = 3").unwrap();
    assert_eq!(
        (all.recordings.len(), &all.classes[..]),
        (1, &["1".to_owned()][..])
    );
    let message = open(&fixture, "least = 4").unwrap_err().to_string();
    assert!(
        message.contains("no recording of 4 rows or more"),
        "{message}"
    );
}

#[test]
fn who_is_left_out_must_be_there() {
    let fixture = Fixture::empty();
    fixture.put("ann.csv", b"what,x,y\n0,1,1\n0,1,1\n1,1,1\n1,1,1\n");
    fixture.put("bob.csv", b"what,x,y\n0,oops,1\n0,1,1\n");
    let all = open(
        &fixture,
        "without = { users = [\"bob\"], classes = [\"1\"] }",
    )
    .unwrap();
    assert_eq!(
        (&all.users[..], all.recordings.len()),
        (&["ann".to_owned()][..], 1)
    );
    assert_eq!(all.classes, ["0"]);
    let message = open(&fixture, "without.users = [\"eve\"]")
        .unwrap_err()
        .to_string();
    assert!(message.contains("\"eve\""), "{message}");
}

/// Rows that no number stands in at first do not make a column one of words.
#[test]
fn all_rows_decide_which_columns_are_numbers() {
    for first in ["nan", "", "?"] {
        let fixture = Fixture::empty();
        let text = format!("ax,ay,what\n{first},1,a\n2,1,a\n3,2,b\n3,2,b\n");
        fixture.put("u.csv", text.as_bytes());
        let layout = layout("");
        let message = Recordings::survey(fixture.path(), Some(&layout))
            .unwrap_err()
            .to_string();
        assert!(message.contains("u.csv, line 2: ax is"), "{message}");
    }
    let fixture = Fixture::empty();
    fixture.put("u.csv", b"ax,note,what\n1,7,a\n2,ok,a\n3,ok,a\n");
    let all = Recordings::survey(fixture.path(), Some(&layout(""))).unwrap();
    assert_eq!(all.channels, ["ax"]);
    assert!(all.notes[0].contains("no numbers: note"), "{:?}", all.notes);
}

/// A clock and a number of the row that begin anew in every recording are no channels,
/// however short the recordings are; a value that goes up and down is one.
#[test]
fn a_clock_that_starts_anew_is_no_channel() {
    for rows in [2, 3, 4, 8, 12, 40] {
        let fixture = Fixture::empty();
        for user in ["a.csv", "b.csv"] {
            let mut text = "t_ms,index,t,ax,g\n".to_owned();
            for row in 0..15 * rows {
                let (take, at) = (row / rows, row % rows);
                let (jitter, value) = (row * 7 % 5, row * row % 11);
                let time = 20 * at + if at > 0 { jitter } else { 0 };
                let degrees = 20 + value % 4;
                text += &format!(
                    "{time},{at},{degrees},{value},{}\n",
                    ["p", "q", "r"][take % 3]
                );
            }
            fixture.put(user, text.as_bytes());
        }
        let proposal = Recordings::proposal(fixture.path()).unwrap().unwrap();
        let layout = &proposal.layout;
        assert_eq!(layout.clock.as_deref(), Some("t_ms"), "{rows} rows");
        assert!(proposal.guesses.is_empty(), "{:?}", proposal.guesses);
        let all = Recordings::survey(fixture.path(), Some(layout)).unwrap();
        assert_eq!(all.channels, ["t", "ax"], "{rows} rows");
        assert_eq!(all.recordings.len(), 30, "{rows} rows");
    }
}

#[test]
fn a_clock_gives_the_rate_or_contradicts_it() {
    let fixture = Fixture::empty();
    fixture.put(
        "u.csv",
        b"t_ms,x,y,what\n0,1,1,a\n20,2,1,a\n400,1,1,b\n420,2,1,b\n",
    );
    let survey = |text: &str| {
        let layout: Layout = toml::from_str(&format!("label = \"what\"\n{text}")).unwrap();
        Recordings::survey(fixture.path(), Some(&layout))
    };
    let all = survey("clock = \"t_ms\"").unwrap();
    assert_eq!((all.rate, &all.channels.join(" ")[..]), (50.0, "x y"));
    let all = survey("rate = 50.0").unwrap();
    assert_eq!(all.channels, ["x", "y"]);
    assert!(
        all.notes[0].contains("t_ms is a clock of 50 rows a second"),
        "{:?}",
        all.notes
    );
    for clock in ["", "clock = \"t_ms\"\n"] {
        let message = survey(&format!("{clock}rate = 5.0"))
            .unwrap_err()
            .to_string();
        assert!(
            message.contains("t_ms has 50 rows a second, but rate says 5"),
            "{message}"
        );
        assert!(message.contains("rate = 50.0"), "{message}");
    }
}

#[test]
fn rows_are_brought_to_the_rate_by_the_clock() {
    let fixture = Fixture::empty();
    // A ramp of 10 a second; a row is lost, then there is a gap.
    let text = b"time,x,y,what\n0,0,1,a\n0.1,1,1,a\n0.3,3,1,a\n0.4,4,1,a\n9,0,1,a\n9.1,1,1,a\n";
    fixture.put("u.csv", text);
    let text = "clock = \"time\"\nclock_unit = \"s\"";
    let all = open(&fixture, text).unwrap();
    let samples = |at: usize| -> Vec<f32> {
        let rows = all.recordings[at].samples.chunks(2);
        rows.map(|row| (row[0] * 1e3).round() / 1e3).collect()
    };
    assert_eq!(samples(0), [0.0, 1.0, 2.0, 3.0, 4.0]);
    assert_eq!((all.recordings[1].line, samples(1)), (6, vec![0.0, 1.0]));
    assert!(
        all.notes.iter().any(|note| note.contains("1 gap")),
        "{:?}",
        all.notes
    );

    let text = b"time,x,y,what\n0,0,1,a\n0.1,1,1,a\n0.1,3,1,a\n0.2,4,1,a\n0.1,0,1,a\nsoon,1,1,a\n";
    fixture.put("u.csv", text);
    let message = open(&fixture, "clock = \"time\"\nclock_unit = \"s\"");
    let message = message.unwrap_err().to_string();
    for part in [
        "3 rows of",
        "line 4: time is 0.1, the same as in the row before",
        "line 6: time is 0.1, earlier than in the row before",
        "line 7: time is \"soon\", no time",
    ] {
        assert!(message.contains(part), "{part}: {message}");
    }
    let message = open(&fixture, "clock = \"time\"").unwrap_err().to_string();
    assert!(message.contains("clock_unit is \"s\", \"ms\""), "{message}");
    fixture.put(
        "u.csv",
        b"time,x,y,what\n0,0,1,a\n0.1,1,1,a\n0,3,1,a\n0.1,4,1,a\n",
    );
    let text = "clock = \"time\"\nclock_unit = \"s\"\nboundary = \"clock\"";
    assert_eq!(open(&fixture, text).unwrap().recordings.len(), 2);
}

#[test]
fn the_same_recording_under_two_names_is_told() {
    let fixture = Fixture::empty();
    fixture.put("ann.csv", b"what,x,y\n0,1,1\n0,2,1\n1,1,1\n1,1,1\n");
    fixture.put("bob.csv", b"what,x,y\n1,1,1\n1,1,1\n0,1,1\n0,2,1\n");
    let all = open(&fixture, "").unwrap();
    let pairs: Vec<_> = all.twins().iter().map(|twins| twins.recordings).collect();
    assert_eq!(pairs, [[0, 3]], "where nothing moves all are alike");
    let note = &all.notes[0];
    for part in [
        "1 recording is identical",
        "ann.csv, line 2",
        "bob.csv, line 4",
    ] {
        assert!(note.contains(part), "{part}: {note}");
    }
}

#[test]
fn names_that_differ_in_case_alone_are_told() {
    let fixture = Fixture::empty();
    fixture.put(
        "u.csv",
        b"what,x,y\nup,1,1\nup,2,1\nUp,3,1\nUp,1,1\nupper,1,1\nupper,1,1\n",
    );
    let notes = open(&fixture, "").unwrap().notes.clone();
    let expected = "classes that differ in case or blanks alone: Up and up";
    assert!(notes.iter().any(|note| note == expected), "{notes:?}");
}

/// The text of what is proposed, without comments.
fn proposed(files: &[(&str, &str)]) -> String {
    let fixture = Fixture::empty();
    for (file, text) in files {
        fixture.put(file, text.as_bytes());
    }
    let proposal = Recordings::proposal(fixture.path()).unwrap().unwrap();
    let parsed: Layout = toml::from_str(&proposal.text).unwrap();
    assert_eq!(parsed, proposal.layout, "what is printed can be pasted");
    let lines = proposal.text.lines();
    let lines = lines.map(|line| line.split('#').next().unwrap_or_default().trim());
    lines.collect::<Vec<_>>().join("; ")
}

#[test]
fn what_files_seem_to_be_is_proposed() {
    let numbers = "ax,ay\n1,2\n3,4\n";
    let clock = "t,x,g\n0,1,a\n20,2,a\n40,1,b\n60,2,b\n";
    let takes = "take,label,x\n1,a,1\n1,a,2\n1,a,3\n2,a,1\n2,a,2\n2,b,2\n";
    for (files, expected) in [
        (
            &[("punch.csv", numbers), ("flex.csv", numbers)][..],
            "path = \"{label}\"; rate = 50.0",
        ),
        (
            &[
                ("up/1.csv", numbers),
                ("up/2.csv", numbers),
                ("down/1.csv", numbers),
            ],
            "path = \"{label}/{take}\"; rate = 50.0",
        ),
        (
            &[("a.csv", "0.1,0.2\n0.3,0.4\n")],
            "header = false; path = \"{label}\"; rate = 50.0",
        ),
        (
            &[("a.csv", "x,what\n1,a\n2,a\n\n3,a\n4,a\n\n1,b\n2,b\n")],
            "label = \"what\"; boundary = \"blank\"; rate = 50.0",
        ),
        (
            &[("a.csv", clock)],
            "label = \"g\"; clock = \"t\"; clock_unit = \"ms\"; rate = 50.0",
        ),
        (
            &[
                ("u1.csv", takes),
                ("u2.csv", takes),
                ("segments.csv", "from,to\n1,2\n"),
            ],
            "label = \"label\"; recording = [\"take\"]; rate = 50.0; files = \"u*.csv\"",
        ),
        (
            &[("p1/a.csv", takes), ("p2/a.csv", takes)],
            "label = \"label\"; path = \"{user}/{take}\"; recording = [\"take\"]; rate = 50.0",
        ),
        (
            &[(
                "circle.1.json",
                "{\"payload\":{\"interval_ms\":16,\"sensors\":[{\"name\":\"x\"}],\
                 \"values\":[[1],[2]]}}",
            )],
            "path = \"{label}.{take}\"; rate = 62.5; files = \"*.json\"",
        ),
    ] {
        assert_eq!(proposed(files), expected, "{files:?}");
    }
}

#[test]
fn somebody_must_say_the_rate() {
    let fixture = Fixture::empty();
    fixture.put("u.csv", b"what,x,y\na,1,2\na,2,2\n");
    let layout: Layout = toml::from_str("label = \"what\"").unwrap();
    let survey = || Recordings::survey(fixture.path(), Some(&layout));
    let message = survey().unwrap_err().to_string();
    assert!(
        message.contains("no rate") && message.contains("rate = N"),
        "{message}"
    );
}
