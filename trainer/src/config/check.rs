//! What a config must satisfy beyond its types. Algorithms and families of tasks add what
//! they ask for in their own files.

use super::{Config, KeepBy};
use crate::algorithms::Algorithm;
use crate::loss::LossKind;
use crate::nn::init::Init;
use crate::nn::{HeadStart, LayerSpec, Network, head};
use crate::predict::Predictor;

pub use crate::fault::Fault;
pub(crate) use crate::fault::{at_least_one, decay, not_negative, positive, require};

pub(crate) fn check(config: &Config) -> Result<(), Fault> {
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
    super::tasks::check(config)?;
    check_model(config)?;
    config.method.check(config)?;
    super::inner::check(config)?;
    super::meta::check(config)?;
    super::policy::check(config)?;
    check_record(config)
}

fn check_model(config: &Config) -> Result<(), Fault> {
    if let Init::TruncatedNormal { sigma } = config.model.init {
        positive("model.init.sigma", sigma)?;
    }
    for (index, layer) in config.model.layers.iter().enumerate() {
        if let Some(fault) = layer.fault() {
            return Err(Fault {
                key: format!("model.layers[{index}].{}", fault.key),
                expected: fault.expected.into(),
                given: fault.given.to_string(),
            });
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
    check_head(config, &network)?;
    let wanted = config.tasks.output();
    let outputs = network.output();
    require(
        // An embedding may have any number of outputs.
        config.method.predictor() == Predictor::Prototypes
            || config.inner.loss.targets(outputs) == Some(wanted),
        "model.layers",
        format!(
            "outputs for targets of {wanted} values under {}",
            config.inner.loss.name()
        ),
        format!("{outputs} outputs"),
    )
}

/// Where the outputs of the head start.
fn check_head(config: &Config, network: &Network) -> Result<(), Fault> {
    let start = config.model.head;
    let name = format!("\"{}\"", start.name());
    let last = config.model.layers.last();
    require(
        start == HeadStart::Own
            || (config.method.has_recipe()
                && config.tasks.classes().is_some()
                && matches!(last, Some(LayerSpec::Dense { .. }))
                && !config.inner.rate.is_per_parameter()),
        "model.head",
        "\"own\", unless tasks have classes, a dense layer is last, method is \"maml\" or \
         \"reptile\", and inner.rate is not per parameter",
        &name,
    )?;
    let mut adapting = network.tensors().iter().filter(|info| info.adapts);
    require(
        start != HeadStart::Shared
            || config.inner.steps >= 2
            || adapting.all(|info| head::contains(network, info)),
        "inner.adapt",
        "\"head\", as what lies below outputs that all start alike has no gradient in the first \
         step, or inner.steps of at least 2",
        "more with one step",
    )?;
    require(
        start != HeadStart::Prototype || config.method.properties().through_inner_loop,
        "model.head",
        "\"own\" or \"shared\", unless method = \"maml\", whose gradient goes through prototypes",
        &name,
    )?;
    require(
        start != HeadStart::Prototype || config.inner.loss == LossKind::CrossEntropy,
        "model.head",
        "\"own\" or \"shared\", unless inner.loss = \"cross_entropy\"",
        &name,
    )?;
    let mut of_head = network.tensors().iter();
    require(
        start != HeadStart::Prototype
            || of_head.all(|info| info.adapts || !head::contains(network, info)),
        "inner.adapt",
        "\"all\", \"head\" or names with both tensors of the last layer, as its start is the \
         task's own",
        "a head that does not adapt",
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
    if let Some(queries) = record.validation_queries {
        at_least_one("record.validation_queries", queries)?;
    }
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
