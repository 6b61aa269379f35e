//! `--tensorboard`: what is written is what TensorBoard reads.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::{folder, mamlet, parts};

const EVENTS: &str = "events.out.tfevents.mamlet";

/// What was measured, by tag and iteration, as the lines of metrics have it.
type Scalars = Vec<(String, u64, f32)>;

/// CRC-32C bit by bit.
fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| match crc & 1 {
            1 => (crc >> 1) ^ 0x82f6_3b78,
            _ => crc >> 1,
        })
    })
}

fn masked(bytes: &[u8]) -> u32 {
    let crc = crc32c(bytes);
    crc.rotate_right(15).wrapping_add(0xa282_ead8)
}

/// The records of a file, whose sums are right.
fn records(mut bytes: &[u8]) -> Vec<&[u8]> {
    let mut all = Vec::new();
    let word = |bytes: &[u8]| u32::from_le_bytes(bytes[..4].try_into().unwrap());
    while !bytes.is_empty() {
        let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        assert_eq!(word(&bytes[8..]), masked(&bytes[..8]));
        let record = &bytes[12..12 + length];
        assert_eq!(word(&bytes[12 + length..]), masked(record));
        all.push(record);
        bytes = &bytes[16 + length..];
    }
    all
}

/// A field of a message: its number, and the number or the bytes in it.
enum Field<'a> {
    Number(u64, u64),
    Bytes(u64, &'a [u8]),
}

fn fields(mut bytes: &[u8]) -> Vec<Field<'_>> {
    fn number(bytes: &mut &[u8]) -> u64 {
        let length = 1 + bytes.iter().position(|byte| byte & 0x80 == 0).unwrap();
        let (own, rest) = bytes.split_at(length);
        *bytes = rest;
        let digits = own.iter().rev();
        digits.fold(0, |sum, byte| sum << 7 | u64::from(byte & 0x7f))
    }
    let mut all = Vec::new();
    while !bytes.is_empty() {
        let key = number(&mut bytes);
        let length = match key & 7 {
            0 => {
                all.push(Field::Number(key >> 3, number(&mut bytes)));
                continue;
            }
            1 => 8,
            2 => number(&mut bytes) as usize,
            5 => 4,
            other => panic!("wire type {other}"),
        };
        let (own, rest) = bytes.split_at(length);
        all.push(Field::Bytes(key >> 3, own));
        bytes = rest;
    }
    all
}

/// The scalars of a file, and the steps at which sessions start.
fn read(path: &Path) -> (Scalars, Vec<u64>) {
    let (mut scalars, mut starts) = (Vec::new(), Vec::new());
    let bytes = std::fs::read(path).unwrap();
    for record in records(&bytes) {
        let mut step = 0;
        for field in fields(record) {
            match field {
                Field::Number(2, own) => step = own,
                Field::Bytes(5, summary) => scalars.extend(values(summary, step)),
                Field::Bytes(7, _) => starts.push(step),
                _ => {}
            }
        }
    }
    (scalars, starts)
}

fn values(summary: &[u8], step: u64) -> Scalars {
    let of_value = |value: &[u8]| {
        let (mut tag, mut scalar) = (String::new(), f32::NAN);
        for field in fields(value) {
            match field {
                Field::Bytes(1, text) => tag = String::from_utf8(text.to_vec()).unwrap(),
                Field::Bytes(2, own) => scalar = f32::from_le_bytes(own.try_into().unwrap()),
                _ => {}
            }
        }
        (tag, step, scalar)
    };
    let all = fields(summary).into_iter();
    all.filter_map(|field| match field {
        Field::Bytes(1, value) => Some(of_value(value)),
        _ => None,
    })
    .collect()
}

/// What the metrics of a run say.
fn measured(run: &Path) -> Scalars {
    let text = std::fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    let mut all = Vec::new();
    for line in text.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let step = line["iteration"].as_u64().unwrap();
        if let Some(loss) = line["loss"].as_f64() {
            all.push(("training/loss".to_owned(), step, loss as f32));
        }
        let means = line["validation"]["mean"].as_array();
        for (after, mean) in means.into_iter().flatten().enumerate() {
            let tag = format!("validation/loss_after_{after}");
            all.push((tag, step, mean.as_f64().unwrap() as f32));
        }
    }
    all
}

#[test]
fn tensorboard_is_told_what_the_metrics_say_and_where_a_run_goes_on() {
    let folder = folder();
    let train = |more: &[&str]| {
        let arguments = [&["train", "tiny.toml", "--tensorboard"], more].concat();
        let (code, _, err) = parts(&mamlet(folder.path(), &arguments));
        assert_eq!(code, 0, "{err}");
    };
    train(&[]);
    let run = folder.path().join("runs/tiny");
    let events = run.join(EVENTS);
    let expected = measured(&run);
    assert!(!expected.is_empty());
    assert_eq!(read(&events), (expected.clone(), vec![]));
    reads_the_same(&run, &expected);

    // A run that was killed: its last record is cut off, and one checkpoint is lost.
    let bytes = std::fs::read(&events).unwrap();
    std::fs::write(&events, &bytes[..bytes.len() - 3]).unwrap();
    std::fs::remove_file(run.join("result.json")).unwrap();
    let mut checkpoints: Vec<_> = std::fs::read_dir(run.join("checkpoints"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    checkpoints.sort();
    std::fs::remove_file(checkpoints.last().unwrap()).unwrap();
    let from: u64 = (checkpoints[checkpoints.len() - 2].file_stem())
        .and_then(|stem| stem.to_str()?.parse().ok())
        .unwrap();
    train(&["--resume"]);
    let (again, starts) = read(&events);
    assert_eq!(starts, [from + 1]);
    // TensorBoard drops what lies at or beyond the start of a session before it.
    let before = again.iter().position(|(_, step, _)| *step > from).unwrap();
    let resumed = again
        .iter()
        .rposition(|(_, step, _)| *step <= from)
        .unwrap();
    assert!(before > resumed);
    reads_the_same(&run, &measured(&run));

    // Where there is no such file yet, it starts with what was measured before.
    std::fs::remove_file(&events).unwrap();
    std::fs::remove_file(run.join("result.json")).unwrap();
    std::fs::remove_file(checkpoints.last().unwrap()).unwrap();
    train(&["--resume"]);
    assert_eq!(read(&events).0, measured(&run));

    // A run that replaces another starts anew.
    let (code, _, err) = parts(&mamlet(
        folder.path(),
        &["train", "tiny.toml", "--overwrite"],
    ));
    assert_eq!(code, 0, "{err}");
    assert!(!events.exists());
}

/// TensorBoard's own reader finds these scalars, where it is installed.
fn reads_the_same(run: &Path, expected: &Scalars) {
    const READER: &str = "
import json, sys
try:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
except ImportError:
    sys.exit(77)
events = EventAccumulator(sys.argv[1]).Reload()
print(json.dumps([[tag, e.step, e.value] for tag in events.Tags()['scalars'] for e in events.Scalars(tag)]))
";
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let read = Command::new(python).args(["-c", READER]).arg(run).output();
    let Some(read) = read.ok().filter(|read| read.status.code() != Some(77)) else {
        eprintln!("not run: no TensorBoard");
        return;
    };
    let errors = String::from_utf8_lossy(&read.stderr);
    let mut found: Scalars =
        serde_json::from_slice(&read.stdout).unwrap_or_else(|error| panic!("{error}: {errors}"));
    let mut expected = expected.clone();
    for scalars in [&mut found, &mut expected] {
        scalars.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
    }
    assert_eq!(found, expected);
}
