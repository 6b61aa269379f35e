//! `mamlet-sim replay`: the same as `run`, episode after episode.

use std::path::Path;

use mamlet_formats::episodes::{EpisodesWriter, Prefix};

use super::{Desk, LINE, QUERY, SUPPORT, Said, classifier, run, sim};

fn replay(artifact: impl AsRef<Path>, episodes: &Path, more: &[&str]) -> Said {
    let fixed = [
        "replay".as_ref(),
        artifact.as_ref().as_os_str(),
        episodes.as_os_str(),
    ];
    sim(fixed.into_iter().chain(more.iter().map(AsRef::as_ref)))
}

/// Episodes of three support and two query examples, each its inputs and then
/// its target.
fn episodes<const N: usize>(examples: &[[f32; N]]) -> Vec<u8> {
    let mut writer = EpisodesWriter::new(Prefix {
        inputs: N as u32 - 1,
        targets: 1,
        support: 3,
        queries: 2,
        episodes: examples.len() as u32 / 5,
    });
    for example in examples {
        let (x, y) = example.split_at(N - 1);
        writer.add(x, y).expect("an example");
    }
    writer.finish().expect("whole episodes")
}

/// What `SUPPORT` and `QUERY` hold, after another line.
const EXAMPLES: [[f32; 2]; 10] = [
    [0.0, -1.0],
    [1.0, -2.0],
    [2.0, -3.0],
    [3.0, -4.0],
    [4.0, -5.0],
    [0.0, 1.0],
    [1.0, 3.0],
    [2.0, 5.0],
    [0.5, 2.0],
    [1.5, 4.0],
];

#[test]
fn every_episode_is_a_run_of_its_own() {
    let desk = Desk::new();
    let file = desk.file("lines.episodes", episodes(&EXAMPLES));
    let said = replay(LINE, &file, &["--json"]);
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""), "{said:?}");
    let replayed = said.json();
    assert_eq!(replayed["artifact"], "line");
    assert_eq!(replayed["episodes"].as_array().map(Vec::len), Some(2));
    let support = desk.file("support.csv", SUPPORT);
    let query = desk.file("query.csv", QUERY);
    let query = query.to_string_lossy();
    let alone = run(LINE, &support, &["--json", "--query", &query]).json();
    let second = &replayed["episodes"][1];
    for key in [
        "outcome",
        "loss_bits",
        "adapted_crc32",
        "mean_squared_error",
    ] {
        assert_eq!(second[key], alone[key], "{key}");
    }
    assert_ne!(replayed["episodes"][0]["loss_bits"], second["loss_bits"]);

    let said = replay(LINE, &file, &[]);
    for expected in [
        "episode 0: mean squared error ",
        "episode 1: mean squared error ",
        "adapted, weights ",
        "over 2 episodes",
    ] {
        assert!(said.out.contains(expected), "{expected:?}: {said:?}");
    }
}

#[test]
fn classes_are_counted() {
    let desk = Desk::new();
    let artifact = classifier().to_bytes().expect("parts that agree");
    let artifact = desk.file("classes.mamlet", artifact);
    // Each class has a corner of its own; the last query is said to be of
    // another.
    let episode = [
        [1.0, 0.0, 0.0],
        [0.0, 1.0, 1.0],
        [-1.0, -1.0, 2.0],
        [-0.8, -0.9, 2.0],
        [0.9, 0.1, 1.0],
    ];
    let file = desk.file("classes.episodes", episodes(&episode));
    let said = replay(&artifact, &file, &[]);
    for expected in [
        "episode 0: 1 of 2 right, adapted",
        "accuracy 50.00 ± 0.00 % over 1 episodes",
    ] {
        assert!(said.out.contains(expected), "{expected:?}: {said:?}");
    }
}

#[test]
fn what_cannot_be_replayed_is_named() {
    let desk = Desk::new();
    let missing = desk.0.path().join("nothing.episodes");
    replay(LINE, &missing, &[]).refuses(1, &["nothing.episodes", "cannot read"]);
    let table = desk.file("support.csv", SUPPORT);
    replay(LINE, &table, &[]).refuses(1, &["support.csv", "the episodes have 36 bytes"]);
    let whole = episodes(&EXAMPLES);
    let short = desk.file("short.episodes", &whole[..whole.len() - 1]);
    replay(LINE, &short, &[]).refuses(1, &["short.episodes", "124 bytes, 123 are there"]);
    let mut flipped = whole;
    flipped[50] ^= 4;
    let flipped = desk.file("flipped.episodes", flipped);
    replay(LINE, &flipped, &[]).refuses(1, &["flipped.episodes", "corrupt"]);
    let mut writer = EpisodesWriter::new(Prefix {
        inputs: 2,
        targets: 1,
        support: 1,
        queries: 0,
        episodes: 1,
    });
    writer.add(&[0.0, 0.0], &[0.0]).expect("an example");
    let wide = desk.file("wide.episodes", writer.finish().expect("an episode"));
    replay(LINE, &wide, &[]).refuses(1, &["wide.episodes", "2 inputs and 1 targets"]);
}
