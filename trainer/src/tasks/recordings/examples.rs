//! From a recording to its examples: resampled or cut into windows, and centred.

use std::collections::BTreeMap;

use mamlet_runtime::front_end::signal as board;

use super::{Centre, Examples, Recorded, signal};
use crate::data::{Recording, Recordings};
use crate::tasks::millihertz;

/// The medians of every session, where they are asked for.
pub(super) fn session_medians(config: &Recorded, all: &Recordings) -> BTreeMap<usize, Vec<f32>> {
    if config.centre != Centre::Session {
        return BTreeMap::new();
    }
    let mut sessions: BTreeMap<usize, Vec<&[f32]>> = BTreeMap::new();
    for recording in &all.recordings {
        let parts = sessions.entry(recording.session).or_default();
        parts.push(&recording.samples);
    }
    let sessions = sessions.into_iter();
    sessions
        .map(|(session, parts)| {
            let medians = signal::medians(parts.iter().copied(), all.channels.len());
            (session, medians)
        })
        .collect()
}

/// The examples of a recording, centred; none where it is shorter than a window.
pub(super) fn examples(
    config: &Recorded,
    all: &Recordings,
    recording: &Recording,
    medians: &BTreeMap<usize, Vec<f32>>,
) -> Examples {
    let channels = all.channels.len();
    let samples = &recording.samples;
    let mut examples = match config.stride {
        None => vec![signal::resampled(samples, channels, config.length)],
        Some(stride) => {
            let [from, to] = [all.rate, config.rate(all)].map(millihertz);
            let samples = signal::at_rate(samples, channels, from, to);
            let rows = samples.len() / channels;
            let starts = (0..(rows + 1).saturating_sub(config.length)).step_by(stride);
            let window = |start: usize| {
                samples[start * channels..(start + config.length) * channels].to_vec()
            };
            starts.map(window).collect()
        }
    };
    for example in &mut examples {
        match (config.centre, medians.get(&recording.session)) {
            (Centre::Example, _) => board::subtract_mean(example, channels),
            (Centre::Session, Some(medians)) => board::subtract(example, medians),
            _ => {}
        }
    }
    examples
}
