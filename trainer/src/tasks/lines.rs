//! A family for tests, made by the steps of docs/adding.md: lines `y = slope · x` of
//! another slope in every task.

use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::{
    Contents, Description, EvaluationDefaults, ExportDefaults, Facts, Keys, Sizes, Split,
    TaskBatch, TaskData, TaskDistribution, TaskFamily, TaskSizes, TaskSource, TasksError, uniform,
};
use crate::fault::{Fault, bounds};
use crate::nn::Shape;

/// Lines through the origin.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Lines {
    /// Bounds of the slope.
    pub slope: [f64; 2],
}

impl Default for Lines {
    fn default() -> Self {
        Self { slope: [1.0, 3.0] }
    }
}

impl TaskSizes for Lines {
    fn sizes(&self) -> Sizes {
        Sizes::of_values(Shape::Vector(1), 1)
    }
}

impl TaskFamily for Lines {
    fn check(&self) -> Result<(), Fault> {
        bounds("tasks.slope", self.slope)
    }

    fn facts(&self) -> Facts {
        Facts {
            finite_classes: false,
            target_scale: false,
            shows_task: None,
            actions: None,
            evaluation: EvaluationDefaults {
                tasks: 40,
                shots: &[3],
                steps: None,
                ..EvaluationDefaults::VALUES
            },
            export: ExportDefaults::VALUES,
        }
    }

    fn keys(&mut self) -> Keys<'_> {
        Keys {
            ways: None,
            path: None,
            unit_split: None,
        }
    }

    fn keep_evaluation_keys(&mut self) {}

    fn source(&self) -> Result<TaskSource, TasksError> {
        Ok(TaskSource::supervised(self.clone()))
    }

    fn contents(&self) -> Result<Option<Contents>, TasksError> {
        Ok(None)
    }
}

impl TaskDistribution for Lines {
    fn description(&self) -> Description {
        Description {
            normalisation: None,
            target_scale: None,
            front_end: None,
        }
    }

    fn draw(
        &self,
        _split: Split,
        rng: &mut ChaCha8Rng,
        tasks: usize,
        shots: usize,
        queries: usize,
    ) -> TaskBatch {
        let slopes: Vec<f32> = (0..tasks).map(|_| uniform(rng, self.slope)).collect();
        let mut set = |count: usize| -> (Vec<f32>, Vec<f32>) {
            let examples = slopes.iter().flat_map(|slope| vec![slope; count]);
            let example = examples.map(|slope| {
                let x = uniform(rng, [0.5, 1.5]);
                (x, slope * x)
            });
            example.unzip()
        };
        let [support, query] = [set(shots), set(queries)];
        TaskBatch {
            tasks,
            input: 1,
            output: 1,
            classes: None,
            support_x: support.0.into(),
            support_y: support.1,
            query_x: query.0.into(),
            query_y: query.1,
            origins: None,
        }
    }

    fn data(&self) -> Option<&dyn TaskData> {
        None
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::atomic::AtomicBool;

    use burn::backend::Flex;

    use crate::config::tests::config;
    use crate::config::{Config, ConfigError};
    use crate::evaluate::{Evaluation, evaluate};
    use crate::model::TrainedModel;
    use crate::run::{Manifest, RunDir};
    use crate::train::{End, train};

    const SETS: [&str; 6] = [
        "tasks={distribution=\"lines\"}",
        "model.layers=[{kind=\"dense\",out=1}]",
        "inner.rate.value=0.25",
        "meta.iterations=60",
        "meta.rate=0.05",
        "record.keep=\"last\"",
    ];

    /// Mean losses on test tasks after every number of inner steps.
    fn losses(model: TrainedModel) -> Vec<f64> {
        let evaluation = Evaluation::default_for(&model.config.tasks);
        let models = [("lines".to_owned(), model)];
        let report = evaluate::<Flex>(&models, &evaluation, &Default::default(), |_| {}).unwrap();
        assert_eq!((report.tasks, report.shots[0].shots), (40, 3));
        let steps = &report.shots[0].methods[0].steps;
        steps.iter().map(|step| step.mean.unwrap()).collect()
    }

    #[test]
    fn a_family_of_one_file_and_one_line_is_trained_and_evaluated() {
        let config = config(&SETS);
        let read = Config::parse(&config.to_toml(), "resolved", &[]).unwrap();
        assert_eq!(read, config);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run");
        let manifest = Manifest::new(&config, "cpu", Vec::new());
        let run = RunDir::create(&path, &config, &manifest, false).unwrap();
        let never = AtomicBool::new(false);
        let end = train::<Flex>(&config, &run, Default::default(), &never, |_| {});
        assert!(matches!(end.unwrap(), End::Finished(_)));
        let trained = losses(TrainedModel::load(&path).unwrap());
        let untrained = losses(TrainedModel::initial(config).unwrap());
        assert!(trained[1] < 0.5 * trained[0], "{trained:?}");
        assert!(trained[1] < untrained[1], "{trained:?} {untrained:?}");
    }

    #[test]
    fn its_checks_are_made_and_its_name_is_known() {
        let base = include_str!("../../tests/common/base.toml");
        let sets = [SETS[0], "tasks.slope=[2.0,1.0]"].map(str::to_owned);
        match Config::parse(base, "base.toml", &sets).unwrap_err() {
            ConfigError::Invalid { key, .. } => assert_eq!(key, "tasks.slope"),
            error => panic!("{error}"),
        }
    }

    #[test]
    fn the_page_that_it_follows_names_files_that_there_are() {
        let page = include_str!("../../docs/adding.md");
        let (_, section) = page.split_once("## A family of tasks").unwrap();
        let section = section.split("\n## ").next().unwrap();
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let quoted = section.split('`').skip(1).step_by(2);
        let files: Vec<&str> = quoted.filter(|text| text.starts_with("trainer/")).collect();
        assert!(files.contains(&"trainer/src/tasks/lines.rs"), "{files:?}");
        for file in files {
            assert!(root.join(file).exists(), "{file}");
        }
    }
}
