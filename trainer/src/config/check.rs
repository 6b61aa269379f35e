//! What a config must satisfy beyond its types.

use super::{Config, KeepBy, Method, TasksConfig};
use crate::data::Augment;
use crate::loss::LossKind;
use crate::nn::init::Init;
use crate::nn::{HeadStart, LayerSpec};
use crate::tasks::Rotations;

/// A key with an unusable value.
pub(super) struct Fault {
    pub key: String,
    pub expected: String,
    pub given: String,
}

pub(super) fn require(
    holds: bool,
    key: &str,
    expected: impl Into<String>,
    given: impl ToString,
) -> Result<(), Fault> {
    if holds {
        return Ok(());
    }
    Err(Fault {
        key: key.into(),
        expected: expected.into(),
        given: given.to_string(),
    })
}

pub(super) fn positive(key: &str, value: f64) -> Result<(), Fault> {
    require(
        value.is_finite() && value > 0.0,
        key,
        "a number above 0",
        value,
    )
}

pub(super) fn decay(key: &str, value: f64) -> Result<(), Fault> {
    require(
        (0.0..1.0).contains(&value),
        key,
        "a number from 0 to below 1",
        value,
    )
}

pub(super) fn at_least_one(key: &str, value: usize) -> Result<(), Fault> {
    require(value >= 1, key, "at least 1", value)
}

pub(super) fn check(config: &Config) -> Result<(), Fault> {
    let name_ok = !config.name.is_empty()
        && !config.name.starts_with('.')
        && config
            .name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    require(
        name_ok,
        "name",
        "letters, digits, '-', '_' and '.', as it names a folder",
        format!("{:?}", config.name),
    )?;
    check_tasks(config)?;
    check_model(config)?;
    super::inner::check(config)?;
    super::meta::check(config)?;
    check_record(config)?;
    super::reptile::check(config)?;
    check_averaging(config)
}

fn bounds(key: &str, [low, high]: [f64; 2]) -> Result<(), Fault> {
    require(
        low.is_finite() && high.is_finite() && low <= high,
        key,
        "[low, high] with low <= high",
        format!("[{low}, {high}]"),
    )
}

fn not_negative(key: &str, value: f64) -> Result<(), Fault> {
    require(
        value.is_finite() && value >= 0.0,
        key,
        "a number of at least 0",
        value,
    )
}

/// How far images are distorted.
fn augment(augment: Option<Augment>) -> Result<(), Fault> {
    let Some(augment) = augment else {
        return Ok(());
    };
    not_negative("tasks.augment.rotate", augment.rotate)?;
    not_negative("tasks.augment.shift", augment.shift)?;
    for (key, share) in [
        ("tasks.augment.scale", augment.scale),
        ("tasks.augment.shear", augment.shear),
    ] {
        require(
            (0.0..1.0).contains(&share),
            key,
            "a share from 0 to below 1",
            share,
        )?;
    }
    Ok(())
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

fn check_tasks(config: &Config) -> Result<(), Fault> {
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
        }
        TasksConfig::Omniglot(omniglot) => {
            require(
                omniglot.ways >= 2,
                "tasks.ways",
                "at least 2",
                omniglot.ways,
            )?;
            side("tasks.size", omniglot.size)?;
            augment(omniglot.augment)?;
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
            augment(images.augment)?;
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
    }
    let needs_sinusoids = matches!(config.method, Method::Oracle | Method::Averaging);
    require(
        !needs_sinusoids || config.tasks.sinusoid().is_some(),
        "method",
        "\"oracle\" and \"averaging\" with tasks.distribution = \"sinusoid\" only",
        "other tasks",
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

fn check_model(config: &Config) -> Result<(), Fault> {
    if let Init::TruncatedNormal { sigma } = config.model.init {
        positive("model.init.sigma", sigma)?;
    }
    for (index, layer) in config.model.layers.iter().enumerate() {
        let key = |name| format!("model.layers[{index}].{name}");
        match layer {
            LayerSpec::LeakyRelu { slope } => require(
                *slope > 0.0 && *slope < 1.0,
                &key("slope"),
                "a number between 0 and 1",
                slope,
            )?,
            LayerSpec::BatchNorm { epsilon, .. }
            | LayerSpec::GroupNorm { epsilon, .. }
            | LayerSpec::LayerNorm { epsilon } => positive(&key("epsilon"), *epsilon)?,
            _ => {}
        }
    }
    let network = config.network().map_err(|error| Fault {
        key: match error {
            crate::nn::NetworkError::NothingAdapts
            | crate::nn::NetworkError::UnknownTensor { .. } => "inner.adapt".into(),
            _ => "model.layers".into(),
        },
        expected: "a network that can be built".into(),
        given: error.to_string(),
    })?;
    if config.method == Method::Prototypical {
        // An embedding may have any number of outputs.
        return require(
            config.inner.loss == LossKind::CrossEntropy,
            "inner.loss",
            "\"cross_entropy\" and tasks with classes for method = \"prototypical\"",
            format!("the {}", config.inner.loss.name()),
        );
    }
    let head = config.model.layers.last();
    require(
        !config.classifies() || matches!(head, Some(LayerSpec::Dense { .. })),
        "model.layers",
        "a dense layer last, which method = \"pretraining\" replaces",
        "another",
    )?;
    require(
        config.model.head == HeadStart::Own
            || (config.method.has_recipe()
                && config.tasks.classes().is_some()
                && matches!(head, Some(LayerSpec::Dense { .. }))
                && !config.inner.rate.is_per_parameter()),
        "model.head",
        "\"own\", unless tasks have classes, a dense layer is last, method is \"maml\" or \
         \"reptile\", and inner.rate is not per parameter",
        "\"shared\"",
    )?;
    let wanted = config.tasks.output();
    let outputs = network.output();
    require(
        config.inner.loss.targets(outputs) == Some(wanted),
        "model.layers",
        format!(
            "outputs for targets of {wanted} values under {}",
            config.inner.loss.name()
        ),
        format!("{outputs} outputs"),
    )
}

fn check_record(config: &Config) -> Result<(), Fault> {
    let record = &config.record;
    for (key, value) in [
        ("record.every", record.every),
        ("record.validate_every", record.validate_every),
        ("record.checkpoint_every", record.checkpoint_every),
    ] {
        require(value >= 1, key, "at least 1", value)?;
    }
    at_least_one("record.validation_tasks", record.validation_tasks)?;
    at_least_one("record.validation_shots", record.validation_shots)?;
    require(
        record.keep_by == KeepBy::Loss || config.tasks.classes().is_some(),
        "record.keep_by",
        "\"loss\", as targets are values",
        "\"accuracy\"",
    )?;
    let steps = &record.validation_steps;
    require(
        !steps.is_empty() && steps.iter().all(|&step| step <= 100),
        "record.validation_steps",
        "at least one number of steps up to 100",
        format!("{steps:?}"),
    )
}

fn check_averaging(config: &Config) -> Result<(), Fault> {
    let Some(averaging) = &config.averaging else {
        return require(
            config.method != Method::Averaging,
            "averaging",
            "a table, as method = \"averaging\"",
            "nothing",
        );
    };
    require(
        config.method == Method::Averaging,
        "averaging",
        "no such table unless method = \"averaging\"",
        "one",
    )?;
    at_least_one("averaging.networks", averaging.networks)?;
    at_least_one("averaging.batch", averaging.batch)?;
    at_least_one("averaging.block", averaging.block)?;
    positive("averaging.target", averaging.target)?;
    not_negative("averaging.lambda", averaging.lambda)
}
