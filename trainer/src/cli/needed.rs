//! Runs that a command needs, and trains unless they are there.

use std::path::Path;

use anyhow::Context;

use super::advice;
use super::train::{create, ended, execute};
use crate::algorithms::Algorithm;
use crate::config::Config;
use crate::device::DeviceChoice;
use crate::model::TrainedModel;
use crate::notice::{notice, say};
use crate::run::{RunDir, RunError};
use crate::train::{End, TrainError, open};

/// What becomes of a run that is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum There {
    /// It is used, or gone on with. One of another config or of other data is an error.
    Used,
    /// It is used, or gone on with, or replaced where it is of another config or of other
    /// data.
    Renewed,
    /// It is replaced.
    Replaced,
}

/// That what is there already can be used, before anything is trained.
///
/// # Errors
/// [`RunError::Changed`] where a run of another config is not to be replaced, and what
/// opening the data meets.
pub(super) fn check(config: &Config, path: &Path, there: There) -> anyhow::Result<()> {
    if there == There::Used
        && let Ok(run) = RunDir::open(path)
    {
        run.check_config(config)?;
    }
    open(config)?;
    Ok(())
}

/// Trains a run that a command needs, or goes on with it if an earlier command was
/// interrupted; `None` if this one is.
///
/// # Errors
/// What training meets, and a run that is there and not to be replaced.
pub(super) fn needed(
    config: &Config,
    path: &Path,
    device: DeviceChoice,
    there: There,
) -> anyhow::Result<Option<TrainedModel>> {
    let tasks = open(config)?;
    let data = tasks.digest();
    let resumed = || -> Result<RunDir, RunError> {
        let run = RunDir::resume(path, config)?;
        if !run.check_data(data.as_ref())? {
            notice(&format!(
                "{} does not say what its data was; it is taken for this",
                path.display()
            ));
        }
        Ok(run)
    };
    let run = match there {
        There::Replaced => create(config, path, device, true)?,
        There::Used | There::Renewed => match resumed() {
            Ok(run) => run,
            Err(RunError::Absent(_)) => create(config, path, device, false)?,
            Err(error @ RunError::Held { .. }) => return Err(error.into()),
            Err(_) if there == There::Renewed => create(config, path, device, true)?,
            Err(error) => return Err(error.into()),
        },
    };
    if ended(config, &run)?.is_some() {
        return Ok(Some(TrainedModel::load(path)?));
    }
    let (counting, count) = config.method.length(config);
    say(format_args!(
        "{}: {}, {count} {counting}",
        path.display(),
        config.title
    ));
    let end = execute((config, tasks), &run, device, |_| {}).map_err(|error| {
        match error.downcast_ref() {
            Some(TrainError::Diverged { .. }) => {
                let (key, value) = advice::lower_rate(config, &run);
                error.context(format!("a lower rate may help, such as {key} = {value}"))
            }
            _ => error,
        }
    });
    match end.with_context(|| format!("training {}", config.name))? {
        End::Finished(_) => Ok(Some(TrainedModel::load(path)?)),
        End::Stopped { .. } => {
            say(format_args!(
                "stopped; the same command goes on from here{}",
                match there {
                    There::Replaced => ", without --overwrite",
                    There::Used | There::Renewed => "",
                }
            ));
            Ok(None)
        }
    }
}
