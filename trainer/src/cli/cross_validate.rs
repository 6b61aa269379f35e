//! `mamlet cross-validate`.

use std::path::PathBuf;

use clap::Args;

use super::episode_flags::Episodes;
use super::evaluate::execute_folds;
use super::flags::{Compute, Experiment, Format};
use super::needed::{There, check, needed};
use super::tables::render;
use super::{Usage, exit};
use crate::config::Config;
use crate::device;
use crate::evaluate::check as check_evaluation;
use crate::model::TrainedModel;
use crate::run::Lock;
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
        device::check(self.compute.device)?;
        let config = self.experiment.load(&self.config)?;
        let mut tasks = config.tasks.clone();
        let folds = tasks.keys().unit_split.and_then(|split| split.folds);
        let folds = folds.ok_or_else(|| self.no_folds(&config))?;
        let folder = self.experiment.run_path(&config);
        let of_fold = |fold: usize| {
            let mut config = config.clone();
            if let Some(UnitSplit { fold: own, .. }) = config.tasks.keys().unit_split {
                *own = Some(fold);
            }
            (folder.join(format!("fold-{fold}")), config)
        };
        let there = match self.overwrite {
            true => There::Replaced,
            // What was trained otherwise is not to be lost.
            false => There::Used,
        };
        let _lock = Lock::acquire(&folder)?;
        let mut models = Vec::with_capacity(folds);
        for (path, config) in (0..folds).map(of_fold) {
            check(&config, &path, there)?;
            models.push((path.display().to_string(), TrainedModel::initial(config)?));
        }
        let evaluation = self.episodes.evaluation(&models, self.steps, None)?;
        for fold in models.chunks(1) {
            check_evaluation(fold, &evaluation)?;
        }
        for (fold, (_, model)) in models.iter_mut().enumerate() {
            let (path, config) = of_fold(fold);
            let Some(trained) = needed(&config, &path, self.compute.device, there)? else {
                return Ok(exit::INTERRUPTED);
            };
            *model = trained;
        }
        let report = execute_folds(&models, &evaluation, self.compute.device)?;
        self.format.print(|| &report, || render(&report))?;
        Ok(exit::SUCCESS)
    }

    /// What to tell someone whose config has no folds.
    fn no_folds(&self, config: &Config) -> anyhow::Error {
        let file = self.config.display();
        let mut tasks = config.tasks.clone();
        let Some(split) = tasks.keys().unit_split else {
            return Usage::new(format!(
                "{file}: its tasks have no tasks.split to make folds of, as readings and curves do"
            ));
        };
        // Whatever else says which units are in which split gives way to folds.
        let seed = split.seed;
        let set = format!("tasks.split={{folds=6,seed={seed}}}");
        Usage::new(format!(
            "{file}: tasks.split has no folds; for example --set {}",
            shell_words::quote(&set)
        ))
    }
}
