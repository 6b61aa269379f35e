use super::*;

const GOOD: &str = r#"
name = "test"
title = "Test"
protocol = "code"
method = "maml"

[tasks]
distribution = "sinusoid"

[model]
layers = [{ kind = "dense", out = 4 }, { kind = "relu" }, { kind = "dense", out = 1 }]
init = { kind = "he" }

[inner]
loss = "mse"
steps = 1
rate = { kind = "fixed", value = 0.01 }

[meta]
iterations = 10
shots = 5
queries = 5
"#;

fn error(text: &str, sets: &[&str]) -> String {
    let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
    Config::parse(text, "file.toml", &sets)
        .unwrap_err()
        .to_string()
}

#[test]
fn a_resolved_config_reads_back_and_keeps_its_digest() {
    let config = Config::parse(GOOD, "file.toml", &[]).unwrap();
    let again = Config::parse(&config.to_toml(), "resolved", &[]).unwrap();
    assert_eq!(config, again);
    assert_eq!(config.digest(), again.digest());
    let other = Config::parse(GOOD, "file.toml", &["seed=2".into()]).unwrap();
    assert_ne!(config.digest(), other.digest());
}

#[test]
fn overrides_take_toml_values_and_plain_words() {
    let sets = [
        "meta.shots=[5, 10]",
        "inner.order=first",
        "inner.rate.value=0.5",
        "name=x",
    ];
    let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
    let config = Config::parse(GOOD, "file.toml", &sets).unwrap();
    assert_eq!(config.meta.shots, Shots::Several(vec![5, 10]));
    assert_eq!(config.inner.order, Order::First);
    assert_eq!(config.inner.rate, RateConfig::Fixed { value: 0.5 });
    assert_eq!(config.name, "x");
}

#[test]
fn errors_name_key_line_expected_and_given() {
    for (text, parts) in [
        // Not TOML.
        (
            GOOD.replace("iterations = 10", "iterations ="),
            vec!["line 20"],
        ),
        // A wrong type.
        (
            GOOD.replace("iterations = 10", "iterations = \"ten\""),
            vec!["line 20", "meta.iterations", "u64", "\"ten\""],
        ),
        // An unknown key.
        (
            GOOD.replace("queries = 5", "querys = 5"),
            vec!["line 22", "meta.querys", "queries"],
        ),
        // A missing key.
        (
            GOOD.replace("queries = 5", ""),
            vec!["line 19", "meta", "missing", "queries"],
        ),
        // An unknown word.
        (
            GOOD.replace("loss = \"mse\"", "loss = \"mae\""),
            vec!["line 15", "inner.loss", "mae", "mse"],
        ),
        // A value out of range.
        (
            GOOD.replace("value = 0.01", "value = -1.0"),
            vec!["line 17", "inner.rate.value", "above 0", "-1"],
        ),
        (
            GOOD.replace("steps = 1", "steps = 0"),
            vec!["line 16", "inner.steps", "at least 1", "0"],
        ),
        // A network that does not fit the tasks.
        (
            GOOD.replace(
                "{ kind = \"dense\", out = 1 }",
                "{ kind = \"dense\", out = 2 }",
            ),
            vec!["line 11", "model.layers", "1 outputs", "2 outputs"],
        ),
    ] {
        let message = error(&text, &[]);
        for part in parts {
            assert!(message.contains(part), "{part:?} is not in {message:?}");
        }
        assert!(message.starts_with("file.toml, line"), "{message}");
    }
}

#[test]
fn wrong_overrides_are_named() {
    let message = error(GOOD, &["meta.iterations"]);
    assert!(message.contains("KEY=VALUE"), "{message}");
    let message = error(GOOD, &["meta.tasks=0"]);
    assert!(
        message.contains("--set") && message.contains("meta.tasks"),
        "{message}"
    );
    let message = error(GOOD, &["meta.task=3"]);
    assert!(
        message.contains("--set") && message.contains("task"),
        "{message}"
    );
    let message = error(GOOD, &["name.a=3"]);
    assert!(message.contains("not a table"), "{message}");
}

#[test]
fn differences_are_listed_key_by_key() {
    let before = Config::parse(GOOD, "file.toml", &[]).unwrap();
    let mut after = before.clone();
    after.meta.tasks = 3;
    after.meta.clip_norm = Some(1.0);
    let lines: Vec<String> = difference(&before, &after)
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        lines,
        ["meta.clip_norm: (absent) -> 1.0", "meta.tasks: 25 -> 3"]
    );
    assert!(difference(&before, &before).is_empty());
}

#[test]
fn annealed_weights_sum_to_one_and_end_at_the_last_step() {
    let loss = StepLoss::Annealed { iterations: 100 };
    for iteration in [0, 50, 99] {
        let weights = loss.weights(5, iteration);
        assert_eq!(weights[0], 0.0);
        assert!(
            (weights.iter().sum::<f32>() - 1.0).abs() < 1e-6,
            "{weights:?}"
        );
    }
    assert!(
        loss.weights(5, 0)[1..]
            .iter()
            .all(|weight| (weight - 0.2).abs() < 1e-6)
    );
    assert_eq!(loss.weights(3, 100), [0.0, 0.0, 0.0, 1.0]);
    assert_eq!(StepLoss::Last.weights(0, 0), [1.0]);
}
