//! `mamlet-sim replay`.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Args;
use mamlet_formats::Episodes;
use mamlet_simulator::Model;
use mamlet_simulator::file::ArtifactFile;
use mamlet_simulator::fit::Fit;
use mamlet_simulator::replay::{self, EpisodeReport};
use serde::Serialize;

use super::{Budget, print_fit, print_pipeline};

/// The arguments.
#[derive(Args)]
pub struct Replay {
    /// The artifact
    artifact: PathBuf,
    /// The episodes, as `mamlet episode --output` writes them
    episodes: PathBuf,
    #[command(flatten)]
    budget: Budget,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// What `replay --json` prints.
#[derive(Serialize)]
struct ReplayOutput<'a> {
    artifact: &'a str,
    #[serde(flatten)]
    fit: &'a Fit,
    episodes: &'a [EpisodeReport],
}

impl Replay {
    /// Replays and prints.
    pub fn run(&self, out: &mut impl Write) -> Result<ExitCode> {
        let board = self.budget.board()?;
        let name = || self.artifact.display().to_string();
        let file = ArtifactFile::read(&self.artifact)?;
        let artifact = file.artifact().with_context(name)?;
        let model = Model::new(&artifact).with_context(name)?;
        let path = self.episodes.display();
        let bytes = std::fs::read(&self.episodes).with_context(|| format!("cannot read {path}"))?;
        let episodes = Episodes::parse(&bytes).with_context(|| path.to_string())?;
        let replayed = replay::replay(&model, &episodes).with_context(|| path.to_string())?;
        let support = episodes.prefix.support as usize;
        let fit = Fit::new(&model, file.bytes().len(), support, model.steps(), board);
        let artifact = artifact.description()?.name;
        if self.json {
            let output = ReplayOutput {
                artifact,
                fit: &fit,
                episodes: &replayed,
            };
            writeln!(out, "{}", serde_json::to_string(&output)?)?;
        } else {
            print_fit(&fit, artifact, out)?;
            print_pipeline(&model, out)?;
            print(&replayed, out)?;
        }
        Ok(match fit.fits {
            true => ExitCode::SUCCESS,
            false => ExitCode::from(3),
        })
    }
}

fn print(replayed: &[EpisodeReport], out: &mut impl Write) -> Result<()> {
    for (index, episode) in replayed.iter().enumerate() {
        let queries = episode.queries;
        let figure = match (episode.accuracy, episode.mean_squared_error) {
            (Some(accuracy), _) => {
                let right = (accuracy.after * queries as f64).round();
                format!("{right} of {queries} right")
            }
            (None, Some(error)) => format!("mean squared error {:.6}", error.after),
            (None, None) => format!("{queries} queries"),
        };
        let weights = episode.adapted_crc32.as_deref().unwrap_or("as they were");
        writeln!(
            out,
            "episode {index}: {figure}, {}, weights {weights}",
            episode.outcome
        )?;
    }
    let count = replayed.len();
    if let Some((mean, half_width)) = replay::mean(replayed, |episode| episode.accuracy) {
        let [mean, half_width] = [mean, half_width].map(|share| 100.0 * share);
        writeln!(
            out,
            "accuracy {mean:.2} ± {half_width:.2} % over {count} episodes"
        )?;
    }
    let errors = replay::mean(replayed, |episode| episode.mean_squared_error);
    if let Some((mean, half_width)) = errors {
        writeln!(
            out,
            "mean squared error {mean:.6} ± {half_width:.6} over {count} episodes"
        )?;
    }
    Ok(())
}
