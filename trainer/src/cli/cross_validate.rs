//! `mamlet cross-validate`.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;

use super::episode_flags::Episodes;
use super::evaluate::execute_folds;
use super::exit;
use super::flags::{Compute, Experiment, Format};
use super::tables::render;
use super::train::{create, needed};
use crate::device::check;
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
#[command(
    mut_arg("sets", |sets| {
        sets.help("Override a value of the config, e.g. --set tasks.split.folds=10")
    }),
    mut_arg("run", |run| {
        run.help("Directory of the folds' runs [default: runs/NAME]")
    }),
    mut_arg("json", |json| json.help("Print one JSON object instead of tables")),
    after_help = "\
Examples:
  mamlet cross-validate trainer/configs/calibration/calibration-purpleair.toml --shots 5,10
  mamlet cross-validate trainer/configs/calibration/calibration-raingauge.toml --json > report.json")]
pub(super) struct Arguments {
    /// The experiment, a TOML file
    config: PathBuf,
    #[command(flatten)]
    experiment: Experiment,
    #[command(flatten)]
    episodes: Episodes,
    /// Inner steps [default: as many as the runs are meant to take]
    #[arg(long)]
    steps: Option<usize>,
    #[command(flatten)]
    compute: Compute,
    /// Train folds again that were trained
    #[arg(long)]
    overwrite: bool,
    #[command(flatten)]
    format: Format,
}

impl Arguments {
    pub(super) fn run(self) -> anyhow::Result<u8> {
        check(self.compute.device)?;
        let config = self.experiment.load(&self.config)?;
        let mut tasks = config.tasks.clone();
        let folds = tasks.keys().unit_split.and_then(|split| split.folds);
        let folds = folds.with_context(|| {
            format!(
                "{}: tasks.split has no folds; for example --set tasks.split.folds=6",
                self.config.display()
            )
        })?;
        let path = self.experiment.run_path(&config);
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
                create(&config, &path, self.compute.device, self.overwrite)?;
            }
            eprintln!("{}", path.display());
            let Some(model) = needed(&config, &path, self.compute.device)? else {
                return Ok(exit::INTERRUPTED);
            };
            models.push((path.display().to_string(), model));
        }
        let evaluation = self.episodes.evaluation(&models, self.steps, None)?;
        let report = execute_folds(&models, &evaluation, self.compute.device)?;
        self.format.print(|| &report, || render(&report))?;
        Ok(exit::SUCCESS)
    }
}
