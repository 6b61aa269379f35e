//! What a config must satisfy beyond its types.

use super::{Config, Method, RateConfig, StepLoss, TasksConfig};
use crate::loss::LossKind;
use crate::nn::init::Init;
use crate::nn::{LayerSpec, Statistics};

/// A key with an unusable value.
pub(super) struct Fault {
    pub key: String,
    pub expected: String,
    pub given: String,
}

fn require(
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

fn positive(key: &str, value: f64) -> Result<(), Fault> {
    require(
        value.is_finite() && value > 0.0,
        key,
        "a number above 0",
        value,
    )
}

fn decay(key: &str, value: f64) -> Result<(), Fault> {
    require(
        (0.0..1.0).contains(&value),
        key,
        "a number from 0 to below 1",
        value,
    )
}

fn at_least_one(key: &str, value: usize) -> Result<(), Fault> {
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
    check_inner(config)?;
    check_meta(config)?;
    check_record(config)?;
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

fn check_inner(config: &Config) -> Result<(), Fault> {
    let inner = &config.inner;
    let learns = config.method == Method::Maml;
    if learns {
        at_least_one("inner.steps", inner.steps)?;
    } else {
        require(
            inner.steps == 0,
            "inner.steps",
            "0, as only method = \"maml\" trains through an inner loop",
            inner.steps,
        )?;
    }
    if let LossKind::Huber { delta } = inner.loss {
        positive("inner.loss.delta", delta)?;
    }
    if let Some(momentum) = inner.momentum {
        decay("inner.momentum", momentum)?;
    }
    if let Some(norm) = inner.clip_norm {
        positive("inner.clip_norm", norm)?;
    }
    match &inner.rate {
        RateConfig::Fixed { value } => positive("inner.rate.value", *value)?,
        RateConfig::Learned { initial, meta_rate } => {
            positive("inner.rate.initial", *initial)?;
            positive("inner.rate.meta_rate", *meta_rate)?;
        }
        RateConfig::Tuned { candidates } => {
            require(
                !candidates.is_empty(),
                "inner.rate.candidates",
                "at least one rate",
                "none",
            )?;
            for &candidate in candidates {
                positive("inner.rate.candidates", candidate)?;
            }
        }
    }
    let tuned = matches!(inner.rate, RateConfig::Tuned { .. });
    let learned = matches!(inner.rate, RateConfig::Learned { .. });
    require(
        !(learns && tuned),
        "inner.rate.kind",
        "\"fixed\" or \"learned\" for method = \"maml\"",
        "\"tuned\"",
    )?;
    require(
        learns || !learned,
        "inner.rate.kind",
        "\"tuned\" or \"fixed\" for a method without an inner loop",
        "\"learned\"",
    )
}

fn check_meta(config: &Config) -> Result<(), Fault> {
    let meta = &config.meta;
    at_least_one("meta.tasks", meta.tasks)?;
    at_least_one("meta.queries", meta.queries)?;
    require(
        !meta.shots.choices().is_empty(),
        "meta.shots",
        "at least one number",
        "[]",
    )?;
    for &shots in meta.shots.choices() {
        at_least_one("meta.shots", shots)?;
    }
    positive("meta.rate", meta.rate)?;
    for beta in meta.betas {
        decay("meta.betas", beta)?;
    }
    if let Some(value) = meta.clip_value {
        positive("meta.clip_value", value)?;
    }
    if let Some(norm) = meta.clip_norm {
        positive("meta.clip_norm", norm)?;
    }
    if let Some(iteration) = meta.statistics_from {
        let norms = |wanted| {
            let layers = config.model.layers.iter();
            layers
                .filter(|layer| {
                    matches!(layer, LayerSpec::BatchNorm { statistics, .. } if *statistics == wanted)
                })
                .count()
        };
        require(
            norms(Statistics::Stored) > 0 && norms(Statistics::PerStep) == 0,
            "meta.statistics_from",
            "a network whose batch norms have `statistics = \"stored\"`",
            iteration,
        )?;
        require(
            iteration < meta.iterations,
            "meta.statistics_from",
            "an iteration of the training",
            iteration,
        )?;
    }
    match &meta.step_loss {
        StepLoss::Last => Ok(()),
        StepLoss::Annealed { iterations } => require(
            *iterations >= 1,
            "meta.step_loss.iterations",
            "at least 1",
            iterations,
        ),
        StepLoss::Fixed { weights } => {
            let key = "meta.step_loss.weights";
            let usable = weights
                .iter()
                .all(|weight| weight.is_finite() && *weight >= 0.0)
                && weights.last().is_some_and(|last| *last > 0.0);
            require(
                usable && weights.len() == config.inner.steps,
                key,
                format!(
                    "{} numbers of at least 0, one per inner step, the last above 0",
                    config.inner.steps
                ),
                format!("{weights:?}"),
            )
        }
    }
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
