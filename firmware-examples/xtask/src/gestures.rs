//! The example `teach_gestures`: what a person does in front of it, from a data
//! set or made up, and what this host makes of the same samples.

use std::f32::consts::TAU;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use mamlet_runtime::{Artifact, Model, Response, Rollback, Setup, Teacher};

use crate::example::Example;
use crate::firmware::{Firmware, working_folder};
use crate::project::data_folder;
use crate::reference::{emulate, program};

/// The example, which reads what a person does.
pub const EXAMPLE: Example = Example {
    name: NAME,
    run: run_with_recordings,
};
const NAME: &str = "teach_gestures";

/// What it runs.
static ARTIFACT: &[u8] = mamlet_runtime::include_aligned!("../../artifacts/gestures-wrist.mamlet");
/// Somebody of the test split of the artifact's config.
const PERSON: &str = "user04.csv";
/// Gestures that are taught, the first ones; the others never are.
const TAUGHT: usize = 5;
/// How often each is taught. The rest of the recordings is asked.
const SHOTS: usize = 3;
/// As in the program.
const EXAMPLES: usize = 25;

/// As in the program: the number of a purpose is its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    Rest,
    Teach,
    Learn,
    Ask,
    AskOther,
}

/// One recording, `[samples, channels]`.
#[derive(Clone, Debug)]
struct Recording {
    purpose: Purpose,
    gesture: usize,
    samples: Vec<Vec<f32>>,
}

/// One sitting of a person: every gesture once, `[gestures, samples, channels]`.
type Sitting = Vec<Vec<Vec<f32>>>;

/// The recordings of a person, if there are any: the file itself, or that of
/// [`PERSON`] in the folder of the data set or beside others.
pub fn data() -> Option<PathBuf> {
    let place = data_folder()?;
    let person = |folder: PathBuf| folder.join(PERSON);
    let candidates = [
        person(place.join("gestures-20users")),
        person(place.clone()),
        place,
    ];
    candidates.into_iter().find(|file| file.is_file())
}

fn run_with_recordings(firmware: &Firmware) -> Result<()> {
    let data = data();
    if data.is_none() {
        eprintln!("no recordings of people (MAMLET_DATA): these are made up");
    }
    write_recordings(data.as_deref())?;
    Example::just_run(firmware, NAME)
}

/// Writes what a person of the data set does, or somebody made up, where the
/// program looks for it.
fn write_recordings(data: Option<&Path>) -> Result<()> {
    let (recordings, channels) = recordings(data)?;
    let word = |number: usize| u32::try_from(number).context("too many samples");
    let mut words = vec![word(channels)?, word(recordings.len())?];
    for recording in &recordings {
        let samples = recording.samples.len();
        words.extend([
            recording.purpose as u32,
            word(recording.gesture)?,
            word(samples)?,
        ]);
        let values = recording.samples.iter().flatten();
        words.extend(values.map(|value| value.to_bits()));
    }
    let bytes: Vec<u8> = words.into_iter().flat_map(u32::to_le_bytes).collect();
    let path = working_folder()?.join("gestures.recordings");
    fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))
}

/// The board learns and recognises what this host does from the same samples: the
/// same weights to the last bit, before the power is cut and after it.
pub fn host_and_board_agree(data: Option<&Path>) -> Result<()> {
    write_recordings(data)?;
    let printed = emulate(&program("release", NAME))?;
    print!("{printed}");
    let [weights, heard] = host(&recordings(data)?.0)?;
    let lines = |with: &str| -> Vec<&str> {
        let lines = printed.lines().filter(|line| line.contains(with));
        lines.collect()
    };
    let learnt = lines("adapted weights");
    ensure!(learnt == [&weights], "host: {weights}");
    let recognised = lines(" right, ");
    ensure!(recognised == [&heard, &heard], "host, twice: {heard}");
    Ok(())
}

/// What the program must print of what it learns and recognises.
fn host(recordings: &[Recording]) -> Result<[String; 2]> {
    let artifact = Artifact::parse(ARTIFACT)?;
    let model = Model::<32>::new(&artifact)?;
    let setup = Setup::new(EXAMPLES).rollback(Rollback::ToCommitted);
    let mut memory = vec![0.0; Teacher::memory(&model, setup).len()];
    let mut teacher = Teacher::new(&model, EXAMPLES, &mut memory)?;
    let mut learnt = String::new();
    let (mut taught, mut right, mut taught_unknown) = (0, 0, 0);
    let (mut others, mut others_unknown) = (0, 0);
    for recording in recordings {
        match recording.purpose {
            Purpose::Learn => {
                let _report = teacher.adapt()?;
                teacher.commit();
                let weights = teacher.learner().weights().context("rolled back")?;
                learnt = format!(
                    "{} examples, adapted weights {:08x}, in flash",
                    teacher.examples(),
                    mamlet_runtime::weights_crc32(weights)
                );
                continue;
            }
            Purpose::Teach => teacher.begin(recording.gesture)?,
            _ => teacher.listen(),
        }
        for sample in &recording.samples {
            teacher.push(sample)?;
        }
        if recording.purpose == Purpose::Rest {
            teacher.rest()?;
            continue;
        }
        let Some(Response::Prediction(heard)) = teacher.end()? else {
            continue;
        };
        if recording.purpose == Purpose::Ask {
            taught += 1;
            right += usize::from(heard.known && heard.class == recording.gesture);
            taught_unknown += usize::from(!heard.known);
        } else {
            others += 1;
            others_unknown += usize::from(!heard.known);
        }
    }
    let heard = format!(
        "{right} of {taught} right, {taught_unknown} held for unknown; of {others} never taught \
         {others_unknown} unknown"
    );
    Ok([learnt, heard])
}

/// What a person does: teaches gestures, and then makes those and others. Also how
/// many channels a sample has.
fn recordings(data: Option<&Path>) -> Result<(Vec<Recording>, usize)> {
    let artifact = Artifact::parse(ARTIFACT)?;
    let front_end = artifact.front_end();
    let channels = front_end.context("the artifact has no front end")?.channels as usize;
    let names: Vec<&str> = artifact.channel_names()?.collect();
    let sittings = match data {
        Some(file) => of_person(file, &names)?,
        None => (0..2 * SHOTS)
            .map(|sitting| made_up(sitting, channels))
            .collect(),
    };
    let mut recordings = Vec::new();
    for (at, sitting) in sittings.into_iter().enumerate() {
        if at == SHOTS {
            recordings.push(Recording {
                purpose: Purpose::Learn,
                gesture: 0,
                samples: Vec::new(),
            });
        }
        recordings.push(Recording {
            purpose: Purpose::Rest,
            gesture: 0,
            samples: sitting.concat(),
        });
        for (gesture, samples) in sitting.into_iter().enumerate() {
            let purpose = match (at < SHOTS, gesture < TAUGHT) {
                (true, true) => Purpose::Teach,
                (true, false) => continue,
                (false, true) => Purpose::Ask,
                (false, false) => Purpose::AskOther,
            };
            recordings.push(Recording {
                purpose,
                gesture,
                samples,
            });
        }
    }
    Ok((recordings, channels))
}

/// The sittings of a person in a CSV file: see the data set's own description.
fn of_person(file: &Path, channels: &[&str]) -> Result<Vec<Sitting>> {
    let place = |line: usize| format!("{}, line {line}", file.display());
    let text = fs::read_to_string(file).with_context(|| place(0))?;
    let mut lines = text.lines().enumerate();
    let (_, header) = lines.next().with_context(|| place(1))?;
    let column = |name: &str| {
        let found = header.split(',').position(|column| column == name);
        found.with_context(|| format!("{}: no column {name:?}", place(1)))
    };
    let [sitting, gesture] = [column("measurement")?, column("gesture")?];
    let channels: Vec<usize> = channels
        .iter()
        .map(|name| column(name))
        .collect::<Result<_>>()?;
    let mut sittings: Vec<Sitting> = Vec::new();
    let mut before = [""; 2];
    for (at, line) in lines {
        let cells: Vec<&str> = line.split(',').collect();
        let cell = |column: usize| cells.get(column).copied().with_context(|| place(at + 1));
        let now = [cell(sitting)?, cell(gesture)?];
        if now[0] != before[0] {
            sittings.push(Vec::new());
        }
        // A line has been read, so there is a sitting, and then a recording.
        let recordings = sittings.last_mut().with_context(|| place(at + 1))?;
        if now != before {
            recordings.push(Vec::new());
        }
        let values = channels.iter().map(|&channel| {
            let value = cell(channel)?.trim().parse::<f32>();
            value.with_context(|| place(at + 1))
        });
        let sample = values.collect::<Result<_>>()?;
        recordings
            .last_mut()
            .with_context(|| place(at + 1))?
            .push(sample);
        before = now;
    }
    let counts = sittings.iter().map(Vec::len);
    ensure!(
        sittings.len() > SHOTS && counts.min() >= Some(TAUGHT),
        "{}: {} sittings, {} are taught and others asked",
        file.display(),
        sittings.len(),
        SHOTS
    );
    Ok(sittings)
}

/// Nine gestures of nobody, each sitting a little larger and slower than the one
/// before, in the counts of the data set's sensor.
fn made_up(sitting: usize, channels: usize) -> Sitting {
    let value = |gesture: usize, channel: usize, u: f32| {
        let turns = (1 + (gesture + channel) % 3) as f32;
        let phase = (gesture * (channel + 2)) as f32 / 9.0;
        let size = 60.0 + 4.0 * sitting as f32 + 10.0 * (gesture % 4) as f32;
        320.0 + 20.0 * channel as f32 + size * (TAU * (turns * u + phase)).sin() * (1.0 - u)
    };
    let gesture = |gesture: usize| {
        let rows = 40 + 6 * gesture + 3 * sitting;
        let sample = |row: usize| {
            let u = row as f32 / rows as f32;
            (0..channels)
                .map(|channel| value(gesture, channel, u))
                .collect()
        };
        (0..rows).map(sample).collect()
    };
    (0..9).map(gesture).collect()
}
