//! `mamlet-sim act`.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use clap::{Args, ValueEnum};
use mamlet_plants::{Plant, Servo};
use mamlet_runtime::Actor;
use mamlet_simulator::Model;
use mamlet_simulator::act::{self, Ram, UnitReport};
use mamlet_simulator::file::ArtifactFile;
use mamlet_simulator::session::counted_steps;
use serde::Serialize;

/// The arguments.
#[derive(Args)]
pub struct Act {
    /// The artifact
    artifact: PathBuf,
    /// What is to be controlled
    #[arg(long)]
    plant: PlantName,
    /// The seed of a unit; may be given again
    #[arg(long, value_name = "SEED", default_values_t = [1u64, 2, 3, 4, 5])]
    unit: Vec<u64>,
    /// Steps instead of the recipe's
    #[arg(long)]
    steps: Option<usize>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// The plants there are.
#[derive(Clone, Copy, ValueEnum)]
enum PlantName {
    /// A position servo of unknown gain, friction, load and inertia
    Servo,
}

/// What `act --json` prints.
#[derive(Serialize)]
struct ActOutput<'a> {
    artifact: &'a str,
    plant: &'a str,
    steps: usize,
    ram: Ram,
    units: &'a [UnitReport],
}

impl Act {
    /// Acts and prints.
    pub fn run(&self, out: &mut impl Write) -> Result<ExitCode> {
        match self.plant {
            PlantName::Servo => self.run_with::<Servo>(out),
        }
    }

    fn run_with<P: Plant>(&self, out: &mut impl Write) -> Result<ExitCode> {
        let name = || self.artifact.display().to_string();
        let file = ArtifactFile::read(&self.artifact)?;
        let artifact = file.artifact().with_context(name)?;
        let model = Model::new(&artifact).with_context(name)?;
        let policy = act::policy::<P>(&artifact, &model).with_context(name)?;
        let steps = self.steps.unwrap_or(model.steps());
        let allowed = model.max_steps();
        ensure!(
            (1..=allowed).contains(&steps),
            "--steps {steps}: the recipe allows 1 to {allowed}"
        );
        let units = self.unit.iter().map(|&unit| {
            let report = act::act::<P>(&model, policy, unit, steps);
            report.with_context(|| format!("unit {unit}"))
        });
        let units: Vec<_> = units.collect::<Result<_>>()?;
        let output = ActOutput {
            artifact: artifact.description()?.name,
            plant: P::NAME,
            steps,
            ram: Ram::of(Actor::memory(&model, policy)),
            units: &units,
        };
        match self.json {
            true => writeln!(out, "{}", serde_json::to_string(&output)?)?,
            false => print(&output, policy.episodes, policy.horizon, out)?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn print(output: &ActOutput<'_>, episodes: u32, horizon: u32, out: &mut impl Write) -> Result<()> {
    let ActOutput {
        artifact,
        plant,
        steps,
        ram,
        units,
    } = output;
    writeln!(
        out,
        "{artifact} controls {plant}: {}, each from {episodes} episodes of at most {horizon} steps",
        counted_steps(*steps)
    )?;
    writeln!(
        out,
        "  RAM     {} bytes (weights {}, episodes {}, workspace {}), the stack not included",
        ram.total, ram.weights, ram.episodes, ram.workspace
    )?;
    let columns = (0..=*steps).map(|step| {
        let title = format!("step {step}");
        format!("{title:>10}")
    });
    let columns: String = columns.collect();
    writeln!(out, "return  {:<8}{columns}{:>10}", "actions", "now")?;
    for unit in *units {
        let row = |values: &mut dyn Iterator<Item = f32>| -> String {
            values.map(|value| format!("{value:>10.3}")).collect()
        };
        let drawn = row(&mut unit.stages.iter().map(|stage| stage.drawn));
        let likeliest = row(&mut unit.stages.iter().map(|stage| stage.likeliest));
        let verdict = match (unit.kept, unit.standard_error) {
            (true, _) => "kept",
            (false, Some(_)) => "gone back",
            (false, None) => "gone back: a step was not finite",
        };
        writeln!(out, "unit {}: {verdict}", unit.unit)?;
        writeln!(out, "        {:<8}{drawn}", "drawn")?;
        writeln!(
            out,
            "        {:<8}{likeliest}{:>10.3}",
            "best", unit.likeliest
        )?;
    }
    Ok(())
}
