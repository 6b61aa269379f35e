use super::*;
use crate::loss::LossKind;
use crate::meta::{OptimiserKind, Order};

mod files;

pub(crate) const GOOD: &str = include_str!("../../tests/common/base.toml");

/// The experiment of the tests with `KEY=VALUE` overrides.
pub(crate) fn config(sets: &[&str]) -> Config {
    let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
    Config::parse(GOOD, "file.toml", &sets).unwrap()
}

fn error(text: &str, sets: &[&str]) -> String {
    let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
    Config::parse(text, "file.toml", &sets)
        .unwrap_err()
        .to_string()
}

#[test]
fn a_resolved_config_reads_back_and_keeps_its_digest() {
    let config = config(&[]);
    let again = Config::parse(&config.to_toml(), "resolved", &[]).unwrap();
    assert_eq!(config, again);
    assert_eq!(config.digest(), again.digest());
    assert_ne!(config.digest(), super::tests::config(&["seed=2"]).digest());
}

#[test]
fn overrides_take_toml_values_and_plain_words() {
    let config = config(&[
        "meta.shots=[5, 10]",
        "inner.order=first",
        "inner.rate.value=0.5",
        "name=x",
    ]);
    assert_eq!(config.meta.shots, Shots::Several(vec![5, 10]));
    assert_eq!(config.inner.order, Order::First);
    assert_eq!(
        config.inner.rate,
        RateConfig::Fixed {
            value: 0.5,
            later: None
        }
    );
    assert_eq!(config.name, "x");
}

#[test]
fn errors_name_key_line_expected_and_given() {
    for (text, parts) in [
        // Not TOML.
        (
            GOOD.replace("iterations = 20", "iterations ="),
            vec!["line 19"],
        ),
        // A wrong type.
        (
            GOOD.replace("iterations = 20", "iterations = \"ten\""),
            vec!["line 19", "meta.iterations", "u64", "\"ten\""],
        ),
        // An unknown key.
        (
            GOOD.replace("queries = 5", "querys = 5"),
            vec!["line 22", "meta.querys", "queries"],
        ),
        // A missing key.
        (
            GOOD.replace("queries = 5", ""),
            vec!["line 18", "meta", "missing", "queries"],
        ),
        // An unknown word.
        (
            GOOD.replace("loss = \"mse\"", "loss = \"mae\""),
            vec!["line 14", "inner.loss", "mae", "mse"],
        ),
        // Values that do not go together.
        (
            GOOD.replace("queries = 5", "queries = 5\nquery_batches = 2"),
            vec![
                "line 23",
                "meta.query_batches",
                "divisor",
                "queries, 5",
                "2",
            ],
        ),
        // A value out of range.
        (
            GOOD.replace("value = 0.01", "value = -1.0"),
            vec!["line 16", "inner.rate.value", "above 0", "-1"],
        ),
        (
            GOOD.replace("steps = 1", "steps = 0"),
            vec!["line 15", "inner.steps", "at least 1", "0"],
        ),
        (
            GOOD.replace("\"mse\"", "{ kind = \"huber\", delta = 0.0 }"),
            vec!["line 14", "inner.loss.delta", "above 0", "0"],
        ),
        (
            GOOD.replace("\"mse\"", "\"huber\""),
            vec!["line 14", "inner.loss", "delta"],
        ),
        (
            GOOD.replace("steps = 1", "steps = 1\nmomentum = 1.0"),
            vec!["line 16", "inner.momentum", "below 1", "1"],
        ),
        (
            GOOD.replace("steps = 1", "steps = 1\nclip_norm = -1.0"),
            vec!["line 16", "inner.clip_norm", "above 0", "-1"],
        ),
        // A network that does not fit the tasks.
        (
            GOOD.replace(
                "{ kind = \"dense\", out = 1 }",
                "{ kind = \"dense\", out = 2 }",
            ),
            vec!["line 10", "model.layers", "targets of 1", "2 outputs"],
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
fn the_inner_loop_takes_losses_momentum_and_a_bound() {
    let plain = config(&[]);
    assert_eq!(plain.inner_optimiser(), InnerOptimiser::default());
    let config = config(&[
        "inner.loss={kind=\"huber\",delta=1.5}",
        "inner.momentum=0.9",
        "inner.clip_norm=2.0",
    ]);
    assert_eq!(config.loss().kind, LossKind::Huber { delta: 1.5 });
    let optimiser = InnerOptimiser {
        momentum: Some(0.9),
        clip_norm: Some(2.0),
    };
    assert_eq!(config.inner_optimiser(), optimiser);
    let resolved = Config::parse(&config.to_toml(), "resolved", &[]).unwrap();
    assert_eq!(resolved, config);
}

/// A network for the waveforms as they are by default.
pub(crate) const WAVEFORMS: [&str; 3] = [
    "tasks={distribution=\"waveforms\"}",
    "model.layers=[{kind=\"dense\",out=5}]",
    "inner.loss=cross_entropy",
];

#[test]
fn tasks_method_and_loss_must_fit() {
    assert_eq!(config(&WAVEFORMS).network().unwrap().input(), 64);
    for (set, parts) in [
        ("tasks.ways=1", ["tasks.ways", "at least 2"]),
        ("tasks.channels=0", ["tasks.channels", "at least 1"]),
        ("tasks.noise=-1.0", ["tasks.noise", "at least 0"]),
        ("tasks.gain=[2.0,1.0]", ["tasks.gain", "low <= high"]),
        ("tasks.phase=[2.0,1.0]", ["--set", "phase"]),
        ("tasks.ways=4", ["model.layers", "targets of 4"]),
        ("method=oracle", ["method", "oracle"]),
        ("inner.loss=categorical_policy", ["inner.loss", "classes"]),
    ] {
        let message = error(GOOD, &[&WAVEFORMS[..], &[set]].concat());
        for part in parts {
            assert!(message.contains(part), "{part:?} is not in {message:?}");
        }
    }
    let message = error(GOOD, &["inner.loss=cross_entropy"]);
    assert!(
        message.contains("inner.loss") && message.contains("values"),
        "{message}"
    );
}

#[test]
fn meta_optimisers_schedules_and_orders_must_fit() {
    for (sets, parts) in [
        (
            &["meta.optimiser=adamw"][..],
            ["meta.weight_decay", "above 0"],
        ),
        (
            &["meta.weight_decay=0.1"],
            ["meta.weight_decay", "\"adamw\""],
        ),
        (&["meta.floor=1.5"], ["meta.floor", "0 to 1"]),
        (
            &["meta.warm_up=21"],
            ["meta.warm_up", "at most meta.iterations, 20"],
        ),
        (
            &["inner.order=first", "inner.second_order_from=5"],
            ["inner.second_order_from", "\"second\""],
        ),
        (
            &[
                "inner.adapt=head",
                "inner.rate={kind=\"learned\",initial=0.1,initial_body=0.01,meta_rate=0.1}",
            ],
            ["inner.rate.initial_body", "no such key"],
        ),
    ] {
        let message = error(GOOD, sets);
        for part in parts {
            assert!(message.contains(part), "{part:?} is not in {message:?}");
        }
    }
    let config = config(&["meta.optimiser=adamw", "meta.weight_decay=0.1"]);
    assert_eq!(config.meta.optimiser, OptimiserKind::AdamW);
}

#[test]
fn a_published_protocol_is_transductive_and_a_config_may_name_another_setting() {
    let setting = |sets: &[&str]| config(sets).setting();
    assert_eq!(setting(&[]), Setting::Device);
    for protocol in ["protocol=paper", "protocol=code"] {
        assert_eq!(setting(&[protocol]), Setting::Transductive);
        let named = [protocol, "record.setting=device"];
        assert_eq!(setting(&named), Setting::Device);
    }
    assert_eq!(setting(&["record.setting=inductive"]), Setting::Inductive);
    // A config without the key is written without it, so the digests of runs stand.
    assert!(!config(&[]).to_toml().contains("setting"));
}

/// An oracle that is shown nothing of the task would be one in name alone.
#[test]
fn an_oracle_is_shown_the_task() {
    let sets = |inputs: &str| {
        let tasks = format!("tasks={{distribution=\"sinusoid\",inputs=\"{inputs}\"}}");
        let others = [
            "method=oracle",
            "inner.steps=0",
            "inner.rate={kind=\"tuned\",candidates=[0.1]}",
        ];
        others
            .map(str::to_owned)
            .into_iter()
            .chain([tasks])
            .collect::<Vec<_>>()
    };
    let parse = |inputs| Config::parse(GOOD, "base.toml", &sets(inputs));
    let message = parse("x").unwrap_err().to_string();
    assert!(message.contains("tasks.inputs"), "{message}");
    let shown = parse("x_amplitude_phase").map_err(|error| error.to_string());
    assert!(shown.is_ok_and(|config| config.method.name() == "oracle"));
}

#[test]
fn reptile_has_settings_of_its_own() {
    let sets = [
        "method=reptile",
        "reptile={steps=5,rate=0.02,batch=4,optimiser=\"adam\"}",
    ];
    let with = |more: &'static str| error(GOOD, &[&sets[..], &[more]].concat());
    let missing = error(GOOD, &["method=reptile"]);
    assert!(missing.contains("reptile: expected a table"), "{missing}");
    let unwanted = error(GOOD, &sets[1..]);
    assert!(unwanted.contains("no such table"), "{unwanted}");
    for (more, parts) in [
        // Five support and five query points.
        ("reptile.batch=11", ["reptile.batch", "1 to 10"]),
        ("reptile.steps=0", ["reptile.steps", "at least 1"]),
        ("inner.steps=0", ["inner.steps", "at least 1"]),
        (
            "inner.rate={kind=\"learned\",initial=0.1,meta_rate=0.1}",
            ["inner.rate.kind", "\"fixed\""],
        ),
        ("inner.second_order_from=3", ["second_order_from", "maml"]),
        (
            "meta.step_loss={kind=\"annealed\",iterations=3}",
            ["meta.step_loss", "last"],
        ),
    ] {
        let message = with(more);
        for part in parts {
            assert!(message.contains(part), "{part:?} is not in {message:?}");
        }
    }
    let config = config(&sets);
    let resolved = Config::parse(&config.to_toml(), "resolved", &[]).unwrap();
    assert_eq!(resolved, config);
}

#[test]
fn rates_rise_during_the_warm_up_and_fall_to_the_floor() {
    let factors = |schedule: &str| -> Vec<f64> {
        let schedule = format!("meta.schedule={schedule}");
        let config = config(&[
            &schedule,
            "meta.iterations=10",
            "meta.warm_up=2",
            "meta.floor=0.2",
        ]);
        let at = [0, 1, 2, 6, 10].iter();
        at.map(|&i| config.meta.rate_factor(i)).collect()
    };
    for (schedule, expected) in [
        ("constant", [0.5, 1.0, 1.0, 1.0, 1.0]),
        ("linear", [0.5, 1.0, 1.0, 0.6, 0.2]),
        ("cosine", [0.5, 1.0, 1.0, 0.6, 0.2]),
    ] {
        for (got, want) in factors(schedule).iter().zip(expected) {
            assert!((got - want).abs() < 1e-12, "{schedule}: {got} {want}");
        }
    }
    let quarter = Schedule::Cosine.factor(0.25, 0.0);
    assert!((quarter - (2.0 + 2f64.sqrt()) / 4.0).abs() < 1e-12);
}

#[test]
fn second_derivatives_begin_at_the_iteration_that_is_named() {
    let config = config(&["inner.second_order_from=7"]);
    let order = |iteration| config.inner.order_at(iteration);
    assert_eq!([order(6), order(7)], [Order::First, Order::Second]);
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
    let before = config(&[]);
    let mut after = before.clone();
    after.meta.tasks = 3;
    after.meta.clip_norm = Some(1.0);
    let lines: Vec<String> = difference(&before, &after)
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        lines,
        ["meta.clip_norm: (absent) -> 1.0", "meta.tasks: 2 -> 3"]
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

/// `Σ_c (p_c − y_c) w_c` is 0 where all outputs have the same weights.
#[test]
fn one_step_below_outputs_that_start_alike_is_refused() {
    let text = GOOD
        .replace("\"sinusoid\"", "\"waveforms\"\nways = 3")
        .replace("\"mse\"", "\"cross_entropy\"")
        .replace("out = 1", "out = 3");
    let sets = ["model.head=shared", "inner.steps=1"];
    let refused = error(&text, &sets);
    assert!(refused.contains("inner.adapt"), "{refused}");
    assert!(refused.contains("inner.steps of at least 2"), "{refused}");
    for set in ["inner.adapt=head", "inner.steps=2", "model.head=own"] {
        let sets: Vec<String> = [&sets[..], &[set]]
            .concat()
            .iter()
            .map(|&s| s.into())
            .collect();
        Config::parse(&text, "file.toml", &sets).unwrap();
    }
}
