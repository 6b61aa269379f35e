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
        "5 rows of",
        "anna.csv, line 3: x is \"oops\", no number",
        "anna.csv, line 4: x is inf, not a finite number",
        "anna.csv, line 5: what is empty",
        "anna.csv, line 6: 2 columns, the header has 3",
        "anna.csv, line 7: the recording that begins here has a single row",
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
