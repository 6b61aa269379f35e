//! `[tasks]` of a config.

use super::check::{Fault, at_least_one, not_negative, positive, require};
use super::{Config, TasksConfig};
use crate::data::{Augment, Layout};
use crate::loss::LossKind;
use crate::nn::LayerSpec;
use crate::tasks::{Derived, Labels, Recorded, Rotations};

fn bounds(key: &str, [low, high]: [f64; 2]) -> Result<(), Fault> {
    require(
        low.is_finite() && high.is_finite() && low <= high,
        key,
        "[low, high] with low <= high",
        format!("[{low}, {high}]"),
    )
}

/// How far images, or classes of them, are distorted.
fn augment(key: &str, augment: Option<Augment>) -> Result<(), Fault> {
    let Some(augment) = augment else {
        return Ok(());
    };
    not_negative(&format!("{key}.rotate"), augment.rotate)?;
    not_negative(&format!("{key}.shift"), augment.shift)?;
    proper_share(&format!("{key}.scale"), augment.scale)?;
    proper_share(&format!("{key}.shear"), augment.shear)?;
    require(
        (0.0..=1.0).contains(&augment.mirror),
        &format!("{key}.mirror"),
        "a share from 0 to 1",
        augment.mirror,
    )
}

/// A part that is not the whole.
fn proper_share(key: &str, share: f64) -> Result<(), Fault> {
    let proper = (0.0..1.0).contains(&share);
    require(proper, key, "a share from 0 to below 1", share)
}

/// Width and height of an image.
fn side(key: &str, value: usize) -> Result<(), Fault> {
    require(
        (1..=4096).contains(&value),
        key,
        "from 1 to 4096 pixels",
        value,
    )
}

/// What `[tasks]` must satisfy beyond its types.
pub(super) fn check(config: &Config) -> Result<(), Fault> {
    match &config.tasks {
        TasksConfig::Sinusoid(sinusoid) => {
            bounds("tasks.amplitude", sinusoid.amplitude)?;
            bounds("tasks.phase", sinusoid.phase)?;
            bounds("tasks.x", sinusoid.x)?;
        }
        TasksConfig::Waveforms(waveforms) => {
            require(
                waveforms.ways >= 2,
                "tasks.ways",
                "at least 2",
                waveforms.ways,
            )?;
            at_least_one("tasks.length", waveforms.length)?;
            at_least_one("tasks.channels", waveforms.channels)?;
            at_least_one("tasks.components", waveforms.components)?;
            bounds("tasks.amplitude", waveforms.amplitude)?;
            bounds("tasks.cycles", waveforms.cycles)?;
            bounds("tasks.gain", waveforms.gain)?;
            not_negative("tasks.shift", waveforms.shift)?;
            not_negative("tasks.noise", waveforms.noise)?;
            positive("tasks.rate", waveforms.rate)?;
        }
        TasksConfig::Omniglot(omniglot) => {
            require(
                omniglot.ways >= 2,
                "tasks.ways",
                "at least 2",
                omniglot.ways,
            )?;
            side("tasks.size", omniglot.size)?;
            augment("tasks.augment", omniglot.augment)?;
            augment("tasks.augment_classes", omniglot.augment_classes)?;
            let fewest = omniglot.characters.iter().min().copied().unwrap_or(0);
            require(
                fewest >= omniglot.ways || omniglot.rotations == Rotations::Classes,
                "tasks.characters",
                format!("at least tasks.ways = {} in each split", omniglot.ways),
                format!("{:?}", omniglot.characters),
            )?;
        }
        TasksConfig::Images(images) => {
            require(images.ways >= 2, "tasks.ways", "at least 2", images.ways)?;
            side("tasks.size", images.size)?;
            augment("tasks.augment", images.augment)?;
            augment("tasks.augment_classes", images.augment_classes)?;
            require(
                matches!(images.channels, 1 | 3),
                "tasks.channels",
                "1, grey, or 3, colour",
                images.channels,
            )?;
            if let Some(sheets) = images.sheets {
                side("tasks.sheets.tile", sheets.tile)?;
                at_least_one("tasks.sheets.columns", sheets.columns)?;
            }
        }
        TasksConfig::Recordings(recorded) => check_recorded(recorded)?,
        TasksConfig::Readings(readings) => refuse(readings.fault())?,
        TasksConfig::Curves(curves) => refuse(curves.fault())?,
        TasksConfig::Sensors(sensors) => refuse(sensors.fault())?,
    }
    let scaled = config.tasks.has_target_scale();
    require(
        !scaled || matches!(config.model.layers.last(), Some(LayerSpec::Dense { .. })),
        "model.layers",
        "a dense layer last, which takes the scale of the targets when exported",
        "another",
    )?;
    require(
        !scaled || config.inner.clip_norm.is_none(),
        "inner.clip_norm",
        "no such key, as the targets' scale, which goes into the weights when exported, would \
         change what it bounds",
        config.inner.clip_norm.unwrap_or(0.0),
    )?;
    let classes = config.tasks.classes();
    let fits = match config.inner.loss {
        LossKind::Mse | LossKind::Huber { .. } => true,
        LossKind::CrossEntropy => classes.is_some(),
        LossKind::GaussianPolicy | LossKind::CategoricalPolicy => false,
    };
    require(
        fits,
        "inner.loss",
        match classes {
            Some(_) => "\"cross_entropy\", \"mse\" or \"huber\", as targets are classes",
            None => "\"mse\" or \"huber\", as targets are values",
        },
        format!("the {}", config.inner.loss.name()),
    )
}

/// A fault of a key of `[tasks]`.
fn refuse(fault: Option<(String, String, String)>) -> Result<(), Fault> {
    match fault {
        Some((key, needs, has)) => require(false, &format!("tasks.{key}"), needs, has),
        None => Ok(()),
    }
}

fn check_recorded(recorded: &Recorded) -> Result<(), Fault> {
    require(
        recorded.ways >= 2,
        "tasks.ways",
        "at least 2",
        recorded.ways,
    )?;
    at_least_one("tasks.length", recorded.length)?;
    let channels = &recorded.channels;
    let twice = channels
        .iter()
        .enumerate()
        .find(|(at, name)| channels[..*at].contains(name));
    require(
        !channels.is_empty() && twice.is_none(),
        "tasks.channels",
        "at least one column, each only once",
        format!("{channels:?}"),
    )?;
    if let Some(stride) = recorded.stride {
        at_least_one("tasks.stride", stride)?;
    }
    if let Some(rate) = recorded.rate {
        positive("tasks.rate", rate)?;
        require(
            recorded.stride.is_some(),
            "tasks.rate",
            "no such key unless examples are windows (tasks.stride), as whole recordings are \
             resampled to tasks.length",
            rate,
        )?;
    }
    if let Some((key, expected)) = recorded.layout.as_ref().and_then(Layout::fault) {
        let key = format!("tasks.layout.{key}");
        require(false, &key, expected, "another value")?;
    }
    let Some(augment) = &recorded.augment else {
        return Ok(());
    };
    for (key, value) in [
        ("tasks.augment.rotate", augment.rotate),
        ("tasks.augment.mount", augment.mount),
        ("tasks.augment.noise", augment.noise),
    ] {
        not_negative(key, value)?;
    }
    for (key, share) in [
        ("tasks.augment.warp", augment.warp),
        ("tasks.augment.shift", augment.shift),
        ("tasks.augment.scale", augment.scale),
        ("tasks.augment.drop", augment.drop),
        ("tasks.augment.splice", augment.splice),
        ("tasks.augment.blend", augment.blend),
    ] {
        proper_share(key, share)?;
    }
    require(
        augment.splice + augment.blend <= 1.0,
        "tasks.augment.blend",
        format!(
            "at most 1 together with tasks.augment.splice = {}",
            augment.splice
        ),
        augment.blend,
    )?;
    let turns = augment.rotate > 0.0 || augment.mount > 0.0;
    let mirrors = augment.classes.iter().any(|&by| by != Derived::Reversed);
    require(
        !(turns || mirrors) || !augment.frames.is_empty(),
        "tasks.augment.frames",
        "the channels that turn, such as [[\"ax\", \"ay\", \"az\"]]",
        "none",
    )?;
    let mut named = augment.frames.iter().flatten();
    let unknown = named.find(|name| !channels.contains(name));
    require(
        unknown.is_none(),
        "tasks.augment.frames",
        format!("names of tasks.channels, {channels:?}"),
        format!("{:?}", unknown.map_or("", |name| name)),
    )?;
    let unknown = (augment.turning.iter()).find(|frame| !augment.frames.contains(frame));
    require(
        unknown.is_none(),
        "tasks.augment.turning",
        "some of tasks.augment.frames",
        format!("{unknown:?}"),
    )?;
    let fixed = recorded.labels == Labels::Fixed;
    require(
        augment.classes.is_empty() || !fixed,
        "tasks.augment.classes",
        "no such key where tasks.labels = \"fixed\", as there are no further classes then",
        format!("{:?}", augment.classes),
    )?;
    require(
        augment.classes.len() <= 6,
        "tasks.augment.classes",
        "at most 6 changes",
        augment.classes.len(),
    )
}
