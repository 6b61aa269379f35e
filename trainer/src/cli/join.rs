//! `mamlet join`.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::flags::Format;
use super::{Usage, exit, find_run};
use crate::config::Config;
use crate::join::join;
use crate::model::TrainedModel;
use crate::run::{Manifest, Outcome, RunDir};

/// Make one network of several runs: an ensemble in a single artifact.
///
/// The runs are of one config with different seeds. Their bodies stand side by side
/// in convolutions with groups, and one head adapts on all of them; its logits are
/// the mean of theirs. The result is a run like any other, for evaluate, compare,
/// report and export. It takes as many times the flash and arithmetic as there are
/// runs, and is right more often than any of them.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  for seed in 1 2 3; do mamlet train CONFIG --set seed=$seed --run runs/member-$seed; done
  mamlet join runs/member-1 runs/member-2 runs/member-3 --run runs/joined
  mamlet evaluate runs/joined")]
pub(super) struct Arguments {
    /// Run directories, or configs that were trained into their usual place
    #[arg(required = true, num_args = 2.., value_name = "RUN|CONFIG")]
    runs: Vec<PathBuf>,
    /// The directory of the joined run, whose last part is its name
    #[arg(long, value_name = "DIR")]
    run: PathBuf,
    /// Replace an existing run
    #[arg(long)]
    overwrite: bool,
    #[command(flatten)]
    format: Format,
}

impl Arguments {
    pub(super) fn run(self) -> anyhow::Result<u8> {
        let mut members = Vec::with_capacity(self.runs.len());
        for run in &self.runs {
            let run = find_run(run)?;
            members.push(TrainedModel::load(&run)?);
        }
        anyhow::ensure!(
            self.overwrite || RunDir::open(&self.run).is_err(),
            "{} already holds a run; replace it with --overwrite, or choose another place with --run",
            self.run.display()
        );
        for (at, member) in members.iter().enumerate() {
            let same = members[..at].iter().position(|m| m.params == member.params);
            if let Some(same) = same {
                anyhow::bail!(
                    "{} and {} hold the same network, which adds nothing to itself; name each once",
                    self.runs[same].display(),
                    self.runs[at].display()
                );
            }
        }
        let name = self.run.file_name().and_then(|name| name.to_str());
        let name = name
            .ok_or_else(|| Usage::new(format!("--run {}: it names no run", self.run.display())))?;
        let (config, checkpoint) = join(&members, name)?;
        // Not every folder is a name that a run can have.
        Config::parse(&config.to_toml(), &self.run.display().to_string(), &[])?;
        let manifest = Manifest::new(&config, "cpu", std::env::args().collect());
        let run = RunDir::create(&self.run, &config, &manifest, self.overwrite)?;
        run.write_checkpoint(&checkpoint)?;
        run.write_outcome(&Outcome {
            iterations: checkpoint.iteration,
            iterations_here: 0,
            seconds: 0.0,
            chosen_iteration: checkpoint.iteration,
            validation: Vec::new(),
        })?;
        let parameters = checkpoint.params.len();
        self.format.print(
            || json!({ "run": self.run, "members": self.runs, "parameters": parameters }),
            || {
                format!(
                    "{}: {} networks of {} parameters joined to one of {parameters}",
                    self.run.display(),
                    members.len(),
                    members[0].network.parameter_count(),
                )
            },
        )?;
        Ok(exit::SUCCESS)
    }
}
