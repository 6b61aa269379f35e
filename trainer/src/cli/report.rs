//! `mamlet report`.

use std::path::{Path, PathBuf};

use anyhow::Context;
use burn::tensor::backend::Backend;
use clap::Args;

use super::episode_flags::Episodes;
use super::evaluate::{Display, prepare};
use super::export::{Kind, quantize};
use super::flags::Compute;
use super::{exit, output};
use crate::device::{DeviceChoice, Job, dispatch};
use crate::export::Options;
use crate::model::TrainedModel;
use crate::report::{ReportError, Request, RunReport};
use crate::run::write_atomically;
use crate::shell;

/// Show a run on one page: an HTML file that needs no network.
///
/// Accuracy or error before and after adaptation with 95 % intervals: over inner
/// steps, beside other runs on the same tasks, for every user and class, as a
/// confusion matrix or a calibration plot; what it takes of each board; how it was
/// trained; config, seed and the command that made the page. Where classes have too
/// few examples for the usual numbers of shots and queries, fewer are taken.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mamlet report runs/gestures-new-classes
  mamlet report runs/sinusoid runs/sinusoid-pretraining --output sinusoid.html
  mamlet report runs/omniglot-micro-int8 --shots 1,5 --tasks 200 --quantize int8
  mamlet report runs/sinusoid --json > sinusoid.json")]
pub(super) struct Arguments {
    /// Run directories, or configs that were trained into their usual place: the
    /// run to show, then its baselines
    #[arg(required = true, value_name = "RUN|CONFIG")]
    runs: Vec<PathBuf>,
    /// The page [default: RUN/report.html]
    #[arg(long, short, value_name = "FILE.html")]
    output: Option<PathBuf>,
    #[command(flatten)]
    episodes: Episodes,
    /// Inner steps [default: 10, with classes as many as each run is meant to
    /// take]
    #[arg(long)]
    steps: Option<usize>,
    /// Store what does not adapt as int8, what adapts as f16, or both, in the
    /// artifact whose costs are told
    #[arg(long, value_enum, value_delimiter = ',', value_name = "KIND")]
    quantize: Vec<Kind>,
    #[command(flatten)]
    compute: Compute,
    /// Print the data as one JSON object instead of writing the page
    #[arg(long, conflicts_with = "output")]
    json: bool,
}

impl Arguments {
    pub(super) fn run(self) -> anyhow::Result<u8> {
        if let Some(path) = &self.output {
            output::check_file(path, &["html", "htm"])?;
        }
        let (episodes, device) = (&self.episodes, self.compute.device);
        let Some((models, evaluation)) = prepare(&self.runs, episodes, self.steps, None, device)?
        else {
            return Ok(exit::INTERRUPTED);
        };
        let request = Request {
            export: Options {
                steps: self.steps.filter(|steps| *steps > 0),
                golden_shots: evaluation.shots.iter().copied().min().unwrap_or(1).max(1),
                quantize: quantize(&self.quantize),
                ..Options::default()
            },
            evaluation,
            command: shell::given(),
        };
        let report = execute(&models, &request, self.compute.device)?;
        if self.json {
            output::line(serde_json::to_string(&report)?)?;
            return Ok(exit::SUCCESS);
        }
        let path = self
            .output
            .unwrap_or_else(|| Path::new(&report.subject.run).join("report.html"));
        write_atomically(&path, report.to_html().as_bytes())
            .with_context(|| format!("cannot write {}", path.display()))?;
        output::line(path.display())?;
        Ok(exit::SUCCESS)
    }
}

fn execute(
    models: &[(String, TrainedModel)],
    request: &Request,
    device: DeviceChoice,
) -> anyhow::Result<RunReport> {
    struct Collection<'a>(&'a [(String, TrainedModel)], &'a Request);

    impl Job for Collection<'_> {
        type Output = Result<RunReport, ReportError>;

        fn run<B: Backend>(self, device: B::Device) -> Self::Output {
            let mut display = Display::new();
            RunReport::collect::<B>(self.0, self.1, &device, |progress| {
                display.show(progress);
            })
        }
    }

    Ok(dispatch(device, Collection(models, request))??)
}
