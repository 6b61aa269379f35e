//! `mamlet quickstart`.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;

use super::{evaluate, exit, output, plot, train};
use crate::config::Config;
use crate::device::{DeviceChoice, check};
use crate::evaluate::Protocol;
use crate::model::TrainedModel;
use crate::run::{Manifest, RunDir};
use crate::train::End;

/// Train, compare and draw in under three minutes on two cores, no GPU.
///
/// Meta-trains a small network on sinusoids, trains the baselines, evaluates all
/// of them on the same tasks, and draws what adaptation does.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Where runs and figures go
    #[arg(long, value_name = "DIR", default_value = "runs/quickstart")]
    output: PathBuf,
    /// cpu, cuda or cuda:<index>
    #[arg(long, default_value = "cpu")]
    device: DeviceChoice,
}

/// The experiments of the quickstart and the iterations each gets here; the
/// configs themselves are those of the full experiments.
const EXPERIMENTS: [(&str, u64); 4] = [
    (include_str!("../../configs/sinusoid-best.toml"), 8_000),
    (include_str!("../../configs/sinusoid-he.toml"), 20_000),
    (
        include_str!("../../configs/sinusoid-pretraining.toml"),
        20_000,
    ),
    (include_str!("../../configs/sinusoid-random.toml"), 0),
];

impl Arguments {
    pub(super) fn run(self) -> anyhow::Result<u8> {
        check(self.device)?;
        let mut models = Vec::new();
        for (text, iterations) in EXPERIMENTS {
            let sets = [format!("meta.iterations={iterations}")];
            let config = Config::parse(text, "built-in config", &sets)?;
            let path = self.output.join(&config.name);
            eprintln!("{}: {} iterations", config.title, config.meta.iterations);
            let Some(model) = self.train(&config, &path)? else {
                return Ok(exit::INTERRUPTED);
            };
            models.push((path.display().to_string(), model));
        }
        let protocol = Protocol {
            tasks: 1000,
            shots: vec![5],
            ..Protocol::default()
        };
        let report = evaluate::execute(&models, &protocol, self.device)?;
        output::line(format!("\n{}", evaluate::render(&report)))?;

        let steps = self.output.join("steps.png");
        plot::steps_figure(&report, 5, true).save(&steps)?;
        let sinusoids = self.output.join("sinusoids.png");
        let shown = [models[0].clone(), models[2].clone()];
        let figure = plot::sinusoid_figure(&shown, protocol.seed, 2, 5, &[0, 1, 10], self.device)?;
        figure.save(&sinusoids)?;
        output::line(format!(
            "\nfigures: {}, {}",
            steps.display(),
            sinusoids.display()
        ))?;
        Ok(exit::SUCCESS)
    }

    /// Trains a run, or goes on with it if an earlier quickstart was
    /// interrupted; `None` if this one is.
    fn train(&self, config: &Config, path: &Path) -> anyhow::Result<Option<TrainedModel>> {
        let run = match RunDir::resume(path, config) {
            Ok(run) => run,
            Err(_) => {
                let manifest =
                    Manifest::new(config, &self.device.to_string(), std::env::args().collect());
                RunDir::create(path, config, &manifest, true)?
            }
        };
        let end = train::execute(config, &run, self.device)
            .with_context(|| format!("quickstart, {}", config.name))?;
        match end {
            End::Finished(_) => Ok(Some(TrainedModel::load(path)?)),
            End::Stopped { .. } => {
                eprintln!("stopped; `mamlet quickstart` goes on from here");
                Ok(None)
            }
        }
    }
}
