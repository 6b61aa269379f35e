//! `mamlet cross-validate`.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use clap::Args;

use super::episode_flags::{BaselinesChoice, Episodes};
use super::evaluate::execute_folds;
use super::flags::{Compute, Experiment, Format};
use super::needed::{There, check, needed};
use super::tables::render;
use super::{Usage, exit};
use crate::config::Config;
use crate::device;
use crate::evaluate::{Folds, check as check_evaluation};
use crate::model::TrainedModel;
use crate::run::Lock;

/// Train on every fold of the devices in turn and report on all of them.
///
/// For configs whose tasks.split has folds: each fold is tested by a run that never
/// saw its devices, in the run directory of the config, `fold-0`, `fold-1` and so
/// on. The report is on the tasks of all folds together, so on every device once, and
/// its intervals are over devices. Which devices a fold has is chance: where the verdict
/// matters, repeat it with --split-seeds.
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
  mamlet cross-validate trainer/configs/calibration/calibration-purpleair.toml --split-seeds 3
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
    /// Repeat it with so many splits of the units: with tasks.split.seed, and with as many
    /// of the seeds after it as that takes, in `split-SEED`. The report is on all of them
    /// together, with the verdict of each beside it
    #[arg(long, value_name = "N", default_value = "1")]
    split_seeds: NonZeroUsize,
    /// Train folds again that were trained
    #[arg(long)]
    overwrite: bool,
    #[command(flatten)]
    format: Format,
}

impl Arguments {
    pub(super) fn run(self) -> anyhow::Result<u8> {
        device::check(self.compute.device)?;
        if self.episodes.baselines == Some(BaselinesChoice::Trained) {
            return Err(Usage::new(
                "--baselines trained: a cross-validation has the simple ones; `mamlet evaluate` \
                 trains others beside the run of one fold",
            ));
        }
        let config = self.experiment.load(&self.config)?;
        let mut tasks = config.tasks.clone();
        let folds = tasks.keys().unit_split.and_then(|split| split.folds);
        let folds = folds.ok_or_else(|| self.no_folds(&config))?;
        let folder = self.experiment.run_path(&config);
        let there = match self.overwrite {
            true => There::Replaced,
            // What was trained otherwise is not to be lost.
            false => There::Used,
        };
        let _lock = Lock::acquire(&folder)?;
        let seed = (tasks.keys().unit_split).map_or(0, |split| split.seed);
        let seeds = (0..self.split_seeds.get() as u64).map(|more| seed.wrapping_add(more));
        let mut splits: Vec<Folds> = Vec::new();
        for split_seed in seeds {
            let folder = match split_seed == seed {
                true => folder.clone(),
                false => folder.join(format!("split-{split_seed}")),
            };
            let mut models = Vec::with_capacity(folds);
            for fold in 0..folds {
                let mut config = config.clone();
                if let Some(split) = config.tasks.keys().unit_split {
                    (split.seed, split.fold) = (split_seed, Some(fold));
                }
                let path = folder.join(format!("fold-{fold}"));
                check(&config, &path, there)?;
                models.push((path.display().to_string(), TrainedModel::initial(config)?));
            }
            splits.push(Folds { split_seed, models });
        }
        let first = splits.first().map_or(&[][..], |folds| &folds.models);
        let evaluation = self.episodes.evaluation(first, self.steps, None)?;
        let models = splits.iter().flat_map(|folds| &folds.models);
        for model in models {
            check_evaluation(std::slice::from_ref(model), &evaluation)?;
        }
        for (path, model) in splits.iter_mut().flat_map(|folds| &mut folds.models) {
            let (path, config) = (Path::new(path), model.config.clone());
            let Some(trained) = needed(&config, path, self.compute.device, there)? else {
                return Ok(exit::INTERRUPTED);
            };
            *model = trained;
        }
        let report = execute_folds(&splits, &evaluation, self.compute.device)?;
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
