//! `mamlet episode`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{ArgGroup, Args};
use mamlet_formats::episodes::{EpisodesWriter, Prefix};

use super::{Usage, exit, find_run, output};
use crate::config::Config;
use crate::data::counted;
use crate::evaluate::{Evaluation, test_tasks};
use crate::export::engine_targets;
use crate::model::TrainedModel;
use crate::run::write_atomically;
use crate::tasks::{Split, TaskDistribution, unscaled};

/// Write test tasks to files: the examples to adapt to, and those to evaluate on.
///
/// As CSV, one task, which `mamlet-sim run` reads; or as many tasks as you like in
/// one file that `mamlet-sim replay` and programs on a board replay. The tasks are
/// those of `mamlet evaluate` with the same --tasks, --shots, --queries and --seed, so
/// `mamlet-sim replay` of an artifact in f32 comes to the accuracy in its row for a
/// device.
#[derive(Debug, Args)]
#[command(
    group(ArgGroup::new("files").required(true).args(["support", "output"])),
    after_help = "\
Examples:
  mamlet episode trainer/configs/waveforms/waveforms.toml --support support.csv --query query.csv
  mamlet-sim run waveforms.mamlet --support support.csv --query query.csv
  mamlet episode trainer/configs/omniglot/omniglot-micro-int8.toml --shots 1 --tasks 20 \\
      --output omniglot.episodes
  mamlet-sim replay omniglot-micro-int8.mamlet omniglot.episodes
  mamlet episode runs/waveforms --tasks 100 --shots 5 --queries 5 --output waveforms.episodes
  mamlet-sim replay runs/waveforms/waveforms.mamlet waveforms.episodes
  mamlet evaluate runs/waveforms --tasks 100 --shots 5 --queries 5     the same accuracy"
)]
pub(super) struct Arguments {
    /// A config, or a run directory
    source: PathBuf,
    /// Support examples, of each class if there are classes
    #[arg(long, default_value_t = 5)]
    shots: usize,
    /// Query examples, of each class if there are classes
    #[arg(long, default_value_t = 5)]
    queries: usize,
    /// Which task, or the first of several
    #[arg(long, default_value_t = 0)]
    task: usize,
    /// Where the support examples of one task go, as CSV; goes with --query
    #[arg(long, value_name = "FILE", requires = "query")]
    support: Option<PathBuf>,
    /// Where its query examples go, as CSV; goes with --support
    #[arg(long, value_name = "FILE", requires = "support")]
    query: Option<PathBuf>,
    /// Where several tasks go, for a board to replay
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// How many
    #[arg(long, default_value_t = 20, requires = "output")]
    tasks: u32,
    /// Seed of the tasks
    #[arg(long, default_value_t = Evaluation::default().seed)]
    seed: u64,
}

/// Inputs and targets of the examples of a set, as the engine takes them.
type Examples = Vec<(Vec<f32>, Vec<f32>)>;

impl Arguments {
    pub(super) fn run(self) -> anyhow::Result<u8> {
        anyhow::ensure!(self.tasks > 0, Usage("--tasks must be at least 1".into()));
        anyhow::ensure!(
            self.shots > 0 && self.queries > 0,
            Usage("--shots and --queries must be at least 1".into())
        );
        let files = [&self.support, &self.query, &self.output];
        for file in files.into_iter().flatten() {
            output::check_file(file, &[])?;
        }
        let config = match self.source.is_file() {
            true => Config::load(&self.source, &[])?,
            false => TrainedModel::load(&find_run(&self.source)?)?.config,
        };
        let distribution = unscaled(config.tasks.open()?);
        distribution.check(Split::Test, self.shots, self.queries)?;
        let count = if self.output.is_some() { self.tasks } else { 1 };
        let evaluation = Evaluation {
            tasks: self.task.saturating_add(count as usize),
            shots: vec![self.shots],
            queries: vec![self.queries],
            seed: self.seed,
            ..Evaluation::default_for(&config.tasks)
        };
        let tasks = test_tasks(&config.tasks, &distribution, &evaluation).skip(self.task);
        let mut episodes = tasks.map(|batch| -> [Examples; 2] {
            let examples = |x: &[f32], y: &[f32]| -> Examples {
                let targets = engine_targets(config.inner.loss, y, batch.output);
                let x = x.chunks_exact(batch.input);
                let width = targets.len() / x.len().max(1);
                let pairs = x.zip(targets.chunks_exact(width));
                pairs.map(|(x, y)| (x.to_vec(), y.to_vec())).collect()
            };
            [
                examples(&batch.support_x.values(), &batch.support_y),
                examples(&batch.query_x.values(), &batch.query_y),
            ]
        });
        if let Some(output) = &self.output {
            let bytes = file(episodes)?;
            write(output, &bytes)?;
            let tasks = counted(self.tasks as usize, "task");
            output::line(format_args!("{}: {tasks}", output.display()))?;
            return Ok(exit::SUCCESS);
        }
        let files = [self.support, self.query].into_iter().flatten();
        let sets = episodes.next().context("a task that is not there")?;
        for (path, examples) in files.zip(sets) {
            write(&path, csv(&examples).as_bytes())?;
            output::line(format_args!(
                "{}: {}",
                path.display(),
                counted(examples.len(), "example")
            ))?;
        }
        Ok(exit::SUCCESS)
    }
}

fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    write_atomically(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}

/// The file of some tasks of one size.
fn file(tasks: impl Iterator<Item = [Examples; 2]>) -> anyhow::Result<Vec<u8>> {
    let tasks: Vec<[Examples; 2]> = tasks.collect();
    let [support, queries] = tasks.first().context("--tasks must be at least 1")?;
    let (x, y) = support.first().context("a task without examples")?;
    let count = |length: usize| u32::try_from(length).context("too many for a file");
    let mut writer = EpisodesWriter::new(Prefix {
        inputs: count(x.len())?,
        targets: count(y.len())?,
        support: count(support.len())?,
        queries: count(queries.len())?,
        episodes: count(tasks.len())?,
    });
    for (x, y) in tasks.iter().flatten().flatten() {
        writer.add(x, y)?;
    }
    Ok(writer.finish()?)
}

/// A header, then inputs and targets of one example a line.
fn csv(examples: &Examples) -> String {
    let (inputs, targets) = (examples.first()).map_or((0, 0), |(x, y)| (x.len(), y.len()));
    let names = (0..inputs).map(|i| format!("x{i}"));
    let names = names.chain((0..targets).map(|i| format!("y{i}")));
    let mut text = names.collect::<Vec<_>>().join(",");
    for (x, y) in examples {
        let numbers: Vec<String> = x.iter().chain(y).map(f32::to_string).collect();
        // Writing to a string does not fail.
        let _ = write!(text, "\n{}", numbers.join(","));
    }
    text.push('\n');
    text
}
