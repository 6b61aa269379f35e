//! `mamlet cross-validate`.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;

use super::evaluate::execute_folds;
use super::protocol::Episodes;
use super::tables::render;
use super::train::{create, needed};
use super::{exit, output, run_path};
use crate::config::Config;
use crate::device::{DeviceChoice, check};
use crate::run::RunDir;
use crate::tasks::UnitSplit;

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
  mamlet cross-validate trainer/configs/calibration/calibration-purpleair.toml --shots 5,10
  mamlet cross-validate trainer/configs/calibration/calibration-raingauge.toml --json > report.json")]
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
        let folds = tasks.keys().unit_split.and_then(|split| split.folds);
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
            if let Some(UnitSplit { fold: own, .. }) = config.tasks.keys().unit_split {
                *own = Some(fold);
            }
            let path = path.join(format!("fold-{fold}"));
            if !self.overwrite && RunDir::open(&path).is_ok() {
                // What was trained otherwise is not to be lost.
                RunDir::resume(&path, &config)?;
            } else {
                create(&config, &path, self.device, self.overwrite)?;
            }
            eprintln!("{}", path.display());
            let Some(model) = needed(&config, &path, self.device)? else {
                return Ok(exit::INTERRUPTED);
            };
            models.push((path.display().to_string(), model));
        }
        let protocol = self.episodes.protocol(&models, self.steps, None)?;
        let report = execute_folds(&models, &protocol, self.device)?;
        if self.json {
            output::line(serde_json::to_string(&report)?)?;
        } else {
            output::line(render(&report))?;
        }
        Ok(exit::SUCCESS)
    }
}
