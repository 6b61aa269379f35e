//! Everything that must hold, cheap checks first.

mod boards;
mod host;

use std::collections::BTreeSet;
use std::env;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Error, Result, bail, ensure};

use crate::needs::{self, Need};

/// Which checks, and what they may do.
#[derive(clap::Args)]
pub struct Options {
    /// Only the checks with this in their name
    only: Option<String>,
    /// Install what is missing without asking, with sudo where that is needed
    #[arg(long)]
    install: bool,
}

/// Something that must hold.
struct Check {
    name: String,
    /// Without these it is not run.
    needs: Vec<Need>,
    /// What is installed for it, where that may be.
    installs: Vec<Need>,
    run: Box<dyn FnOnce() -> Outcome>,
}

/// What a check came to.
enum Outcome {
    Passed,
    Failed(Error),
    /// Something is missing, and what.
    NotRun(String),
    /// It needs a data set, which no machine must have.
    WithoutData,
}

impl Check {
    fn new<const N: usize>(
        name: &str,
        needs: [Need; N],
        run: impl FnOnce() -> Result<()> + 'static,
    ) -> Self {
        Self::with_outcome(name, needs, || run().map(|()| Outcome::Passed))
    }

    /// A check of a data set, which `data` finds where there is one.
    fn with_data<const N: usize>(
        name: &str,
        needs: [Need; N],
        data: fn() -> Option<PathBuf>,
        run: fn(&Path) -> Result<()>,
    ) -> Self {
        Self::with_outcome(name, needs, move || match data() {
            Some(data) => run(&data).map(|()| Outcome::Passed),
            None => Ok(Outcome::WithoutData),
        })
    }

    fn with_outcome<const N: usize>(
        name: &str,
        needs: [Need; N],
        run: impl FnOnce() -> Result<Outcome> + 'static,
    ) -> Self {
        Check {
            name: name.into(),
            needs: needs.to_vec(),
            installs: needs.to_vec(),
            run: Box::new(|| run().unwrap_or_else(Outcome::Failed)),
        }
    }

    /// Runs it; also how many seconds it took.
    fn outcome(self) -> (String, Outcome, f64) {
        eprintln!("\n== {}", self.name);
        let start = Instant::now();
        let missing = self.needs.iter().find(|need| !need.is_met());
        let outcome = match missing {
            Some(need) => Outcome::NotRun(need.missing()),
            None => (self.run)(),
        };
        match &outcome {
            Outcome::Failed(error) => eprintln!("{}: {error:#}", self.name),
            Outcome::NotRun(missing) => eprintln!("{}: {missing}", self.name),
            Outcome::Passed | Outcome::WithoutData => {}
        }
        (self.name, outcome, start.elapsed().as_secs_f64())
    }
}

/// Runs all checks, or those with `only` in their name; fails where one fails, or in CI
/// where one cannot be run.
pub fn check_all(options: &Options) -> Result<()> {
    let mut checks = host::checks();
    checks.extend(boards::checks()?);
    if let Some(only) = &options.only {
        checks.retain(|check| check.name.contains(only));
    }
    ensure!(!checks.is_empty(), "no check of that name");
    let is_ci = env::var_os("CI").is_some();
    let needs: BTreeSet<Need> = checks.iter().flat_map(|it| it.installs.clone()).collect();
    if let Err(missing) = needs::provide(&needs, options.install) {
        ensure!(!is_ci, "nothing was run: {missing:#}");
        eprintln!("{missing:#}\nWhat needs it is not run.");
    }
    let outcomes: Vec<_> = checks.into_iter().map(Check::outcome).collect();
    let (mut passed, mut failed, mut skipped, mut without_data) = (0, 0, 0, 0);
    println!();
    for (name, outcome, seconds) in &outcomes {
        let word = match outcome {
            Outcome::Passed => {
                passed += 1;
                "ok".into()
            }
            Outcome::Failed(_) => {
                failed += 1;
                "FAILED".into()
            }
            Outcome::NotRun(missing) => {
                skipped += 1;
                format!("not run: {missing}")
            }
            Outcome::WithoutData => {
                without_data += 1;
                "not run: no data".into()
            }
        };
        println!("{seconds:>7.1} s  {name}: {word}");
    }
    println!(
        "{passed} passed, {failed} failed, {skipped} skipped, {without_data} without their data"
    );
    ensure!(failed == 0, "{failed} checks failed");
    if skipped > 0 && is_ci {
        bail!("{skipped} checks were not run, which CI does not allow");
    }
    Ok(())
}
