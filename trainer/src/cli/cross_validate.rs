//! `mamlet cross-validate`.

use std::path::{Path, PathBuf};

use anyhow::Context;
use burn::tensor::backend::AutodiffBackend;
use clap::Args;

use super::evaluate::{Display, Episodes, render};
use super::train::execute;
use super::{exit, output, run_path};
use crate::config::Config;
use crate::device::{DeviceChoice, Job, check, dispatch};
use crate::evaluate::{EvaluateError, Protocol, Report, evaluate_folds};
use crate::model::TrainedModel;
use crate::run::{Manifest, RunDir};
use crate::tasks::DeviceSplit;
use crate::train::End;

/// Train on every fold of the devices in turn and report on all of them.
///
/// For configs whose tasks.split has folds: each fold is tested by a run that never
/// saw its devices, in the run directory of the config, `fold-0`, `fold-1` and so
/// on. The report is on the tasks of all folds together, so on every device once.
/// Folds that are trained already are not trained again; Ctrl-C leaves a
/// checkpoint, and the same command goes on.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mamlet cross-validate trainer/configs/calibration-purpleair.toml --shots 5,10
  mamlet cross-validate trainer/configs/calibration-raingauge.toml --json > report.json")]
pub(super) struct Arguments {
    /// The experiment, a TOML file
    config: PathBuf,
    /// Override a value of the config, e.g. --set tasks.split.folds=10
    #[arg(long = "set", value_name = "KEY=VALUE")]
    sets: Vec<String>,
    /// Directory of the folds' runs [default: runs/NAME]
    #[arg(long, value_name = "DIR")]
    run: Option<PathBuf>,
    #[command(flatten)]
    episodes: Episodes,
    /// Inner steps [default: as many as the runs are meant to take]
    #[arg(long)]
    steps: Option<usize>,
    /// cpu, cuda or cuda:N
    #[arg(long, default_value = "cpu")]
    device: DeviceChoice,
    /// Train folds again that were trained
    #[arg(long)]
    overwrite: bool,
    /// Print one JSON object instead of tables
    #[arg(long)]
    json: bool,
}

impl Arguments {
    pub(super) fn run(self) -> anyhow::Result<u8> {
        check(self.device)?;
        let config = Config::load(&self.config, &self.sets)?;
        let mut tasks = config.tasks.clone();
        let folds = tasks.device_split_mut().and_then(|split| split.folds);
        let folds = folds.with_context(|| {
            format!(
                "{}: tasks.split has no folds; for example --set tasks.split.folds=6",
                self.config.display()
            )
        })?;
        let path = run_path(self.run.as_deref(), &config);
        let mut models = Vec::with_capacity(folds);
        for fold in 0..folds {
            let mut config = config.clone();
            if let Some(DeviceSplit { fold: own, .. }) = config.tasks.device_split_mut() {
                *own = Some(fold);
            }
            let path = path.join(format!("fold-{fold}"));
            if let End::Stopped { iteration } = self.train(&config, &path)? {
                eprintln!("stopped after iteration {iteration}; the same command goes on");
                return Ok(exit::INTERRUPTED);
            }
            models.push((path.display().to_string(), TrainedModel::load(&path)?));
        }
        let protocol = self.episodes.protocol(&models, self.steps, None);
        let report = evaluated(&models, &protocol, self.device)?;
        if self.json {
            output::line(serde_json::to_string(&report)?)?;
        } else {
            output::line(render(&report))?;
        }
        Ok(exit::SUCCESS)
    }

    /// Trains a fold to its end, from where it is.
    fn train(&self, config: &Config, path: &Path) -> anyhow::Result<End> {
        let run = match RunDir::open(path) {
            Ok(_) if !self.overwrite => {
                let run = RunDir::resume(path, config)?;
                if let Some(outcome) = run.outcome() {
                    return Ok(End::Finished(outcome));
                }
                run
            }
            _ => {
                let command = std::env::args().collect();
                let manifest = Manifest::new(config, &self.device.to_string(), command);
                RunDir::create(path, config, &manifest, self.overwrite)?
            }
        };
        eprintln!("{}", path.display());
        execute(config, &run, self.device)
    }
}

fn evaluated(
    models: &[(String, TrainedModel)],
    protocol: &Protocol,
    device: DeviceChoice,
) -> anyhow::Result<Report> {
    struct Evaluation<'a>(&'a [(String, TrainedModel)], &'a Protocol);

    impl Job for Evaluation<'_> {
        type Output = Result<Report, EvaluateError>;

        fn run<B: AutodiffBackend>(self, device: B::Device) -> Self::Output {
            let mut display = Display::new();
            evaluate_folds::<B::InnerBackend>(self.0, self.1, &device, |progress| {
                display.show(progress);
            })
        }
    }

    Ok(dispatch(device, Evaluation(models, protocol))??)
}
