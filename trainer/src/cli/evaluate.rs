//! `mamlet evaluate`.

use std::io::IsTerminal;
use std::path::PathBuf;

use burn::tensor::backend::AutodiffBackend;
use clap::Args;

use super::{exit, find_run, output};
use crate::device::{DeviceChoice, Job, dispatch};
use crate::evaluate::{EvaluateError, Interval, Measure, MethodReport, Protocol, Report, evaluate};
use crate::model::TrainedModel;

/// Compare runs on the same tasks: error after each inner step, with intervals.
///
/// Every run sees the same test tasks, support sets and query sets. The value is
/// the mean query loss over the tasks, or their mean accuracy where they have
/// classes, with its 95 % interval, 1.96 sigma / sqrt(n). Methods without an inner loop of their own get the best of their
/// candidate rates, chosen on separate validation tasks for each K.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mamlet evaluate runs/sinusoid runs/pretraining
  mamlet evaluate trainer/configs/sinusoid*.toml --json > report.json
  mamlet evaluate runs/sinusoid --tasks 600 --shots 5 --steps 10")]
pub(super) struct Arguments {
    /// Run directories, or configs that were trained into their usual place
    #[arg(required = true, value_name = "RUN|CONFIG")]
    runs: Vec<PathBuf>,
    /// Number of test tasks [default: 4000, with classes 1000]
    #[arg(long)]
    tasks: Option<usize>,
    /// Numbers of support examples, K, of each class if there are classes
    /// [default: 5,10,20, with classes 1,5]
    #[arg(long, value_delimiter = ',')]
    shots: Option<Vec<usize>>,
    /// Inner steps
    #[arg(long, default_value_t = Protocol::default().steps)]
    steps: usize,
    /// Query examples per task [default: 100], or of each class [default: 15]
    #[arg(long)]
    queries: Option<usize>,
    /// Seed of the test tasks
    #[arg(long, default_value_t = Protocol::default().seed)]
    seed: u64,
    /// cpu, cuda or cuda:N
    #[arg(long, default_value = "cpu")]
    device: DeviceChoice,
    /// Print one JSON object instead of tables
    #[arg(long)]
    json: bool,
}

impl Arguments {
    pub(super) fn run(self) -> anyhow::Result<u8> {
        let models = load(&self.runs)?;
        let usual = usual(&models);
        let protocol = Protocol {
            tasks: self.tasks.unwrap_or(usual.tasks),
            shots: self.shots.unwrap_or(usual.shots),
            steps: self.steps,
            queries: self.queries.unwrap_or(usual.queries),
            seed: self.seed,
            tuning_tasks: usual.tuning_tasks,
        };
        if protocol.tasks == 0 || protocol.queries == 0 || protocol.shots.contains(&0) {
            anyhow::bail!("--tasks, --queries and --shots must be at least 1");
        }
        let report = execute(&models, &protocol, self.device)?;
        if self.json {
            output::line(serde_json::to_string(&report)?)?;
        } else {
            output::line(render(&report))?;
        }
        Ok(exit::SUCCESS)
    }
}

/// The results of runs, each with the place it comes from.
pub(super) fn load(runs: &[PathBuf]) -> anyhow::Result<Vec<(String, TrainedModel)>> {
    runs.iter()
        .map(|path| {
            let run = find_run(path)?;
            Ok((run.display().to_string(), TrainedModel::load(&run)?))
        })
        .collect()
}

/// What is usual for the tasks of the first of some models.
pub(super) fn usual(models: &[(String, TrainedModel)]) -> Protocol {
    let first = models.first();
    first.map_or_else(Protocol::default, |(_, model)| {
        Protocol::usual(&model.config.tasks)
    })
}

/// Evaluates on the chosen device, naming what is being done.
pub(super) fn execute(
    models: &[(String, TrainedModel)],
    protocol: &Protocol,
    device: DeviceChoice,
) -> anyhow::Result<Report> {
    struct Evaluation<'a>(&'a [(String, TrainedModel)], &'a Protocol);

    impl Job for Evaluation<'_> {
        type Output = Result<Report, EvaluateError>;

        fn run<B: AutodiffBackend>(self, device: B::Device) -> Self::Output {
            let terminal = std::io::stderr().is_terminal();
            let result = evaluate::<B::InnerBackend>(self.0, self.1, &device, |title, shots| {
                if terminal {
                    eprint!("\r\x1b[2Kevaluating {title}, K = {shots}");
                }
            });
            if terminal {
                eprint!("\r\x1b[2K");
            }
            result
        }
    }

    Ok(dispatch(device, Evaluation(models, protocol))??)
}

/// One table per K: a row per method, a column per number of steps.
pub(super) fn render(report: &Report) -> String {
    let measure = report.measure();
    let per = match measure {
        Measure::Loss => "task",
        Measure::Accuracy => "class",
    };
    let mut text = format!(
        "{}, mean over {} tasks with 95 % interval; {} query examples per {per}, test seed {}",
        measure.name(),
        report.tasks,
        report.queries,
        report.seed
    );
    for shots in &report.shots {
        let last = shots
            .methods
            .first()
            .map_or(0, |method| method.steps.len() - 1);
        let columns: Vec<usize> = (0..=last)
            .filter(|&step| step <= 3 || step == 5 || step == last)
            .collect();
        let mut head = vec![format!("K = {}", shots.shots)];
        head.extend(columns.iter().map(|step| match step {
            1 => "1 step".to_owned(),
            step => format!("{step} steps"),
        }));
        head.extend(["rate".to_owned(), format!("diverged at {last}")]);
        let rows: Vec<Vec<String>> = shots
            .methods
            .iter()
            .map(|method| row(method, measure, &columns, last))
            .collect();
        text += &format!("\n\n{}", output::table(&head, &rows));
    }
    text += "\n\ndiverged: tasks whose support loss ended above that before adaptation, or not \
             finite\n";
    for method in report.shots.first().map_or(&[][..], |shots| &shots.methods) {
        text += &format!(
            "{}: {}, protocol {}, seed {}, iteration {}\n",
            method.title,
            method.run,
            method.protocol.name(),
            method.seed,
            method.iteration
        );
    }
    text.trim_end().to_owned()
}

fn row(method: &MethodReport, measure: Measure, columns: &[usize], last: usize) -> Vec<String> {
    let mut row = vec![method.title.clone()];
    let number = |value: f64| match measure {
        Measure::Accuracy => format!("{value:.1}"),
        Measure::Loss if value.abs() < 1e4 => format!("{value:.3}"),
        Measure::Loss => format!("{value:.1e}"),
    };
    row.extend(columns.iter().map(|&step| {
        method.steps[step].of(measure).map_or_else(
            || "not finite".to_owned(),
            |Interval { mean, half_width }| format!("{} ± {}", number(mean), number(half_width)),
        )
    }));
    row.push(
        method
            .tuned_rate
            .map_or("own".into(), |rate| format!("{rate:.4} tuned")),
    );
    row.push(method.steps[last].diverged.to_string());
    row
}
