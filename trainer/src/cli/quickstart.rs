//! `mamlet quickstart`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use mamlet_runtime::Adaptation;
use mamlet_simulator::Model;
use mamlet_simulator::board::{self, Board};
use mamlet_simulator::fit::Fit;
use mamlet_simulator::session::{self, BeforeAfter};
use mamlet_simulator::table::{self, Columns};

use super::export::describe_fit;
use super::flags::Compute;
use super::needed::{There, needed};
use super::{evaluate, exit, output, plot, tables};
use crate::config::Config;
use crate::device::check;
use crate::evaluate::Evaluation;
use crate::export::{Options, export};
use crate::model::TrainedModel;
use crate::plot::{Figure, Theme};
use crate::random::{Stream, generator};
use crate::run::{Lock, RunDir, write_atomically};
use crate::shell;
use crate::tasks::Split;

/// Train, compare, draw and export in under three minutes on two cores, no GPU.
///
/// Meta-trains a small network on sinusoids, trains the baselines, evaluates all
/// of them on the same tasks, draws what adaptation does, exports the artifact
/// and adapts it in the simulator of a board.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Where runs and figures go
    #[arg(long, value_name = "DIR", default_value = "runs/quickstart")]
    output: PathBuf,
    #[command(flatten)]
    compute: Compute,
}

/// The experiments of the quickstart and the iterations each gets here; the
/// configs themselves are those of the full experiments.
const EXPERIMENTS: [(&str, u64); 4] = [
    (
        include_str!("../../configs/sinusoid/sinusoid-best.toml"),
        8_000,
    ),
    (include_str!("../../configs/paper/sinusoid-he.toml"), 20_000),
    (
        include_str!("../../configs/paper/sinusoid-pretraining.toml"),
        20_000,
    ),
    (
        include_str!("../../configs/sinusoid/sinusoid-random.toml"),
        0,
    ),
];

/// Examples the device adapts to.
const SHOTS: usize = 5;

impl Arguments {
    pub(super) fn run(self) -> anyhow::Result<u8> {
        check(self.compute.device)?;
        let _lock = Lock::acquire(&self.output)?;
        let mut models = Vec::new();
        for (text, iterations) in EXPERIMENTS {
            let sets = [format!("meta.iterations={iterations}")];
            let config = Config::parse(text, "built-in config", &sets)?;
            let path = self.output.join(&config.name);
            let there = There::Renewed;
            let Some(model) = needed(&config, &path, self.compute.device, there)? else {
                return Ok(exit::INTERRUPTED);
            };
            models.push((path.display().to_string(), model));
        }
        let evaluation = Evaluation {
            tasks: 1000,
            shots: vec![SHOTS],
            ..Evaluation::default()
        };
        let report = evaluate::execute(&models, &evaluation, self.compute.device)?;
        output::line(format!("\n{}", tables::render(&report)))?;

        let steps = self.output.join("steps.png");
        plot::steps_figure(&report, SHOTS, true)?.save(&steps, Theme::Light)?;
        let sinusoids = self.output.join("sinusoids.png");
        let shown = [models[0].clone(), models[2].clone()];
        let figure = plot::sinusoid_figure(
            &shown,
            evaluation.seed,
            2,
            SHOTS,
            &[0, 1, 10],
            self.compute.device,
        )?;
        figure.save(&sinusoids, Theme::Light)?;
        output::line(format!(
            "\nfigures: {}, {}",
            steps.display(),
            sinusoids.display()
        ))?;
        self.adapt_in_simulator(&models[0], evaluation.seed)?;
        Ok(exit::SUCCESS)
    }

    /// Exports the first model and adapts it with the engine of the device, to
    /// points that `mamlet-sim` can read again.
    fn adapt_in_simulator(&self, (run, model): &(String, TrainedModel), seed: u64) -> Result<()> {
        let manifest = RunDir::open(Path::new(run))?.manifest();
        let made = export(model, manifest.as_ref(), &Options::default())?;
        let artifact = self.output.join("sinusoid.mamlet");
        write_atomically(&artifact, made.file.bytes())?;

        let distribution = model.config.tasks.open()?;
        let task = distribution.draw(
            Split::Test,
            &mut generator(seed, Stream::Test, 1),
            1,
            SHOTS,
            50,
        );
        let support = self.output.join("support.csv");
        let query = self.output.join("query.csv");
        write_atomically(
            &support,
            csv(&task.support_x.values(), &task.support_y).as_bytes(),
        )?;
        write_atomically(
            &query,
            csv(&task.query_x.values(), &task.query_y).as_bytes(),
        )?;

        let parsed = made.file.artifact()?;
        let device = Model::new(&parsed)?;
        let columns = Columns::of(&parsed, &device)?;
        let examples = |path: &Path| table::read(path, &columns, true);
        let adaptation = Adaptation::default();
        let session = session::run(
            &device,
            &examples(&support)?,
            &examples(&query)?,
            adaptation,
        )?;
        let board = Board::named(board::DEFAULT).context("the default board has a name")?;
        let fit = Fit::new(
            &device,
            made.file.bytes().len(),
            SHOTS,
            device.steps(),
            board,
        );
        output::line(format!(
            "\nexported {}; in the simulator:",
            artifact.display()
        ))?;
        for line in describe_fit(&fit) {
            output::line(line)?;
        }
        let losses = session.losses.iter().map(|loss| format!("{loss:.4}"));
        let losses = losses.collect::<Vec<_>>().join(" -> ");
        output::line(format!("{}: support loss {losses}", session.outcome))?;
        if let Some(BeforeAfter { before, after }) = session.mean_squared_error {
            output::line(format!(
                "query mean squared error: {before:.4} before, {after:.4} after"
            ))?;
        }
        output::line(format!(
            "again: {}",
            shell::simulator([
                "run",
                &shell::word(&artifact),
                "--board",
                board::DEFAULT,
                "--support",
                &shell::word(&support),
                "--query",
                &shell::word(&query),
            ])
        ))
    }
}

/// One column of inputs and one of targets, as `mamlet-sim` reads them.
fn csv(x: &[f32], y: &[f32]) -> String {
    let rows = x.iter().zip(y).map(|(x, y)| format!("{x},{y}\n"));
    std::iter::once("x,y\n".to_owned()).chain(rows).collect()
}
