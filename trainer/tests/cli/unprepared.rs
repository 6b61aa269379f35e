//! Recordings that nobody prepared: from a folder to a trained run by what
//! `mamlet data check` proposes.

use std::path::Path;

use super::{folder, mamlet, parts};

/// Rows of a take: a wave whose shape is the class.
fn rows(class: usize, take: usize, row: impl Fn(usize, [f64; 2]) -> String) -> String {
    let sample = |at: usize| {
        let time = at as f64;
        let x = (time * (0.3 + 0.2 * class as f64) + take as f64).sin();
        row(at, [x, time * 0.1 * class as f64 + 0.01 * take as f64])
    };
    (0..24).map(sample).collect()
}

fn put(folder: &Path, file: &str, bytes: &[u8]) {
    let path = folder.join(file);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

/// Checks the folder `data`, drafts a config in another folder and trains on it for two
/// iterations from a third; what the check printed.
fn trains(folder: &Path) -> String {
    std::fs::create_dir_all(folder.join("configs")).unwrap();
    let write = ["data", "check", "data", "--write", "configs/mine.toml"];
    let (code, out, err) = parts(&mamlet(folder, &write));
    assert_eq!(code, 0, "{out}{err}");
    let check = ["data", "check", "configs/mine.toml"];
    let (code, _, err) = parts(&mamlet(folder, &check));
    assert_eq!(code, 0, "{err}");
    let elsewhere = folder.join("elsewhere");
    std::fs::create_dir_all(&elsewhere).unwrap();
    let train = [
        "train",
        "../configs/mine.toml",
        "--set",
        "meta.iterations=2",
        "--set",
        "meta.tasks=1",
        "--set",
        "record.validation_tasks=2",
    ];
    let (code, _, err) = parts(&mamlet(&elsewhere, &train));
    assert_eq!(code, 0, "{err}");
    assert!(elsewhere.join("runs/mine/result.json").is_file());
    out
}

fn says(out: &str, lines: &[&str]) {
    for line in lines {
        let found = out.lines().any(|own| own.starts_with(line));
        assert!(found, "{line}: {out}");
    }
}

/// A file for each gesture as an Arduino sketch prints it: takes apart by blank lines.
#[test]
fn files_of_classes_with_blank_lines_between_takes() {
    let folder = folder();
    for class in 0..6 {
        let take = |take| rows(class, take, |_, [x, y]| format!("{x:.3},{y:.3}\r\n")) + "\r\n";
        let text: String = (0..4).map(take).collect();
        let file = format!("data/gesture {class}.csv");
        put(folder.path(), &file, format!("aX,aY\r\n{text}").as_bytes());
    }
    let out = trains(folder.path());
    says(
        &out,
        &[
            "path = \"{label}\"",
            "boundary = \"blank\"",
            "channels aX, aY",
        ],
    );
    says(&out, &["gesture 5 ", "rate = 50.0 is a guess"]);
}

/// A folder for each class, a file a take, with a clock that is not steady.
#[test]
fn folders_of_classes_with_a_clock() {
    let folder = folder();
    for (class, take) in (0..7).flat_map(|class| (0..3).map(move |take| (class, take))) {
        let row = |at: usize, [x, y]: [f64; 2]| {
            format!("{},{x:.3},{y:.3}\n", 40 * at + [0, 12, 0][at % 3])
        };
        let text = format!("millis,x,y\n{}", rows(class, take, row));
        put(
            folder.path(),
            &format!("data/c{class}/{take}.csv"),
            text.as_bytes(),
        );
    }
    let out = trains(folder.path());
    says(
        &out,
        &[
            "path = \"{label}/{take}\"",
            "clock = \"millis\"",
            "rate = 25.0",
        ],
    );
    says(
        &out,
        &[
            "channels x, y, 25 rows a second",
            "21 recordings whose millis",
        ],
    );
}

/// Four people, a column of the class; Latin-1 and lines of a logger before the header.
#[test]
fn latin_letters_after_lines_of_a_logger() {
    let folder = folder();
    for user in ["anna", "bert", "carl", "dora"] {
        let mut text = b"Logger 1.2\nSerial;A-17\nx (m/s\xb2);y;\xdcbung\n".to_vec();
        for (class, take) in (0..3).flat_map(|class| (0..3).map(move |take| (class, take))) {
            let take = take + 10 * usize::from(user.as_bytes()[0]);
            let row = |_, [x, y]: [f64; 2]| format!("{x:.3};{y:.3};Ü{class}\n").replace('.', ",");
            let rows = rows(class, take, row);
            text.extend(rows.chars().map(|c| c as u8));
            text.push(b'\n');
        }
        put(folder.path(), &format!("data/{user}.csv"), &text);
    }
    let out = trains(folder.path());
    says(
        &out,
        &[
            "label = \"Übung\"",
            "boundary = \"blank\"",
            "channels x (m/s²), y",
        ],
    );
    says(&out, &["Ü2 "]);
}

/// No column of the class, and nothing says which folder is what: no config is guessed.
#[test]
fn what_can_be_either_is_asked() {
    let folder = folder();
    for user in ["anna", "bert", "carl"] {
        for class in ["up", "down"] {
            let text = "x\n".to_owned() + &"1\n2\n\n3\n1\n\n".repeat(3);
            put(
                folder.path(),
                &format!("data/{user}/{class}.csv"),
                text.as_bytes(),
            );
        }
    }
    let write = ["data", "check", "data", "--write", "mine.toml"];
    let (code, out, err) = parts(&mamlet(folder.path(), &write));
    assert_eq!(code, 1, "{out}");
    assert!(
        err.contains("{user}/{label}") && err.contains("{label}/{user}"),
        "{err}"
    );
    assert!(!folder.path().join("mine.toml").exists());
    let layout = "path = \"{user}/{label}\"\nboundary = \"blank\"\nrate = 20.0\n";
    put(folder.path(), "data/recordings.toml", layout.as_bytes());
    let (code, out, err) = parts(&mamlet(folder.path(), &write));
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("identical to another"), "{out}");
}
