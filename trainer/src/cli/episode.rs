//! `mamlet episode`.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;

use super::{exit, find_run, output};
use crate::config::Config;
use crate::model::TrainedModel;
use crate::random::{Stream, generator};
use crate::run::write_atomically;
use crate::tasks::Split;

/// Write one task as CSV: the examples to adapt to, and those to judge by.
///
/// The task is one of those that quantised artifacts are judged by, which no
/// run was trained or tested on. `mamlet-sim run` reads the files.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mamlet episode trainer/configs/waveforms.toml --support support.csv --query query.csv
  mamlet-sim run waveforms.mamlet --support support.csv --query query.csv")]
pub(super) struct Arguments {
    /// A config, or a run directory
    source: PathBuf,
    /// Support examples, of each class if there are classes
    #[arg(long, default_value_t = 5)]
    shots: usize,
    /// Query examples, of each class if there are classes
    #[arg(long, default_value_t = 5)]
    queries: usize,
    /// Which task
    #[arg(long, default_value_t = 0)]
    task: u64,
    /// Where the support examples go
    #[arg(long, value_name = "FILE")]
    support: PathBuf,
    /// Where the query examples go
    #[arg(long, value_name = "FILE")]
    query: PathBuf,
}

impl Arguments {
    pub(super) fn run(self) -> anyhow::Result<u8> {
        anyhow::ensure!(
            self.shots > 0 && self.queries > 0,
            "--shots and --queries must be at least 1"
        );
        let config = match self.source.is_file() {
            true => Config::load(&self.source, &[])?,
            false => TrainedModel::load(&find_run(&self.source)?)?.config,
        };
        let mut rng = generator(config.seed, Stream::Score, self.task);
        let distribution = config.tasks.open()?;
        distribution.check(Split::Test, self.shots, self.queries)?;
        let batch = distribution.draw(Split::Test, &mut rng, 1, self.shots, self.queries);
        let table = |x: &[f32], y: &[f32]| {
            let targets = crate::export::engine_targets(config.inner.loss, y, batch.output);
            csv(
                x,
                batch.input,
                &targets,
                targets.len() * batch.input / x.len(),
            )
        };
        let write = |path: &Path, text: String| {
            write_atomically(path, text.as_bytes())
                .with_context(|| format!("cannot write {}", path.display()))
        };
        write(
            &self.support,
            table(&batch.support_x.values(), &batch.support_y),
        )?;
        write(&self.query, table(&batch.query_x.values(), &batch.query_y))?;
        output::line(format_args!(
            "{}: {} examples; {}: {} examples",
            self.support.display(),
            batch.support_examples(),
            self.query.display(),
            batch.query_examples()
        ))?;
        Ok(exit::SUCCESS)
    }
}

/// A header, then inputs and targets of one example a line.
fn csv(x: &[f32], inputs: usize, y: &[f32], targets: usize) -> String {
    let names = (0..inputs).map(|i| format!("x{i}"));
    let names = names.chain((0..targets).map(|i| format!("y{i}")));
    let mut text = names.collect::<Vec<_>>().join(",");
    for (x, y) in x.chunks_exact(inputs).zip(y.chunks_exact(targets)) {
        let numbers: Vec<String> = x.iter().chain(y).map(f32::to_string).collect();
        // Writing to a string does not fail.
        let _ = write!(text, "\n{}", numbers.join(","));
    }
    text.push('\n');
    text
}
