//! `mamlet-sim run`: reports in words and as JSON, of every kind of model.

use std::fs;
use std::path::Path;

use mamlet_formats::{ArtifactWriter, Layer, Loss, Reduction, Shape};
use serde_json::Value;

use super::{Desk, LINE, QUERY, SUPPORT, classifier, run};

/// The firmware examples, whose models and tables the simulator takes too.
const FIRMWARE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../firmware-examples");

#[test]
fn a_run_in_words() {
    let desk = Desk::new();
    let support = desk.file("support.csv", SUPPORT);
    let query = desk.file("query.csv", QUERY);
    let said = run(LINE, &support, &["--query", &query.to_string_lossy()]);
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""), "{said:?}");
    for expected in [
        "line on nrf52840-dk: 3 examples, 10 steps",
        "of 1048576 bytes",
        "of 262144 bytes",
        "adapted\n",
        "after step 0 ",
        "after step 10 ",
        "query mean squared error: ",
        "1.5000 -> 0.0000 -> ",
    ] {
        assert!(
            said.out.contains(expected),
            "{expected:?} is not in\n{}",
            said.out
        );
    }
}

#[test]
fn a_run_as_json() {
    let desk = Desk::new();
    let support = desk.file("support.csv", SUPPORT);
    let query = desk.file("query.csv", QUERY);
    let query = query.to_string_lossy();
    let said = run(
        LINE,
        &support,
        &["--json", "--query", &query, "--board", "STM32L4"],
    );
    assert_eq!(said.code, Some(0), "{said:?}");
    let json = said.json();
    assert_eq!(json["artifact"], "line");
    assert_eq!(json["board"]["name"], "stm32l4");
    assert_eq!(json["board"]["ram"], 64 * 1024);
    assert_eq!(json["fits"], true);
    assert_eq!(json["examples"], 3);
    assert_eq!(json["outcome"], "adapted");
    assert_eq!(json["steps"], 10);
    let losses = json["losses"].as_array().expect("losses");
    assert_eq!(losses.len(), 11);
    let loss = |index: usize| losses[index].as_f64().expect("a number");
    assert!((loss(0) - 35.0 / 3.0).abs() < 1e-5 && loss(10) < 0.1);
    let bits = json["loss_bits"][0].as_str().expect("bits");
    let bits = u32::from_str_radix(bits, 16).expect("eight hex digits");
    assert!((f64::from(f32::from_bits(bits)) - loss(0)).abs() < 1e-6);
    let ram = &json["ram"];
    let part = |name: &str| ram[name].as_u64().expect("bytes");
    let parts = part("adapted") + part("support") + part("workspace") + part("stack");
    assert_eq!(part("total"), parts);
    assert_eq!((part("adapted"), part("support")), (8, 24));
    assert_eq!(
        json["flash"]["artifact"],
        fs::metadata(LINE).expect("the file").len()
    );
    // Three examples through one product, ten steps and a last look.
    assert_eq!(json["macs"]["prediction"], 1);
    assert_eq!(json["macs"]["adaptation"], 3 * (11 + 10));
    let predictions = json["predictions"].as_array().expect("predictions");
    assert_eq!(predictions.len(), 2);
    let after = predictions[1]["after"][0].as_f64().expect("a number");
    assert!((after - 4.0).abs() < 0.5, "{after}");
    let error = &json["mean_squared_error"];
    assert!(error["after"].as_f64() < error["before"].as_f64());
    assert_eq!(json["accuracy"], Value::Null);
}

#[test]
fn steps_rate_and_budget_of_ones_own() {
    let desk = Desk::new();
    let support = desk.file("support.csv", SUPPORT);
    let own = ["--json", "--steps", "2", "--rate", "0.1"];
    let json = run(LINE, &support, &own).json();
    assert_eq!(json["losses"].as_array().map(Vec::len), Some(3));
    let budget = ["--json", "--flash", "100", "--ram", "10", "--clock", "50"];
    let board = &run(LINE, &support, &budget).json()["board"];
    assert_eq!(board["flash"], 100 * 1024);
    assert_eq!(board["ram"], 10 * 1024);
    assert_eq!(board["clock"], 50_000_000);
    assert_ne!(board["name"], "nrf52840");
    let diverging = ["--json", "--steps", "3", "--rate", "1000"];
    let said = run(LINE, &support, &diverging);
    let json = said.json();
    let outcome = json["outcome"].as_str().expect("words");
    assert!(outcome.starts_with("rolled back"), "{outcome}");
    assert_eq!(json["adapted_crc32"], Value::Null);
    for (arguments, named) in [
        (["--steps", "21"], "1 to 20"),
        (["--steps", "0"], "1 to 20"),
        (["--rate", "nan"], "rate"),
        (["--rate", "-1"], "--rate -1"),
        (["--clock", "0"], "--clock 0"),
        (["--steps", "18446744073709551615"], "1 to 20"),
    ] {
        run(LINE, &support, &arguments).refuses(1, &[named]);
    }
    assert_eq!(run(LINE, &support, &["--ram", "-1"]).code, Some(2));
}

#[test]
fn classes_by_name_and_number() {
    let desk = Desk::new();
    let artifact = desk.file(
        "g.mamlet",
        classifier().to_bytes().expect("parts that agree"),
    );
    let support = "a,b,gesture\n1,0,wave\n0,1,tap\n-1,-1,2\n";
    let support = desk.file("support.csv", support);
    let query = desk.file("query.csv", "a,b,gesture\n0.9,0.1,wave\n-1,-0.8,rest\n");
    let query = query.to_string_lossy();
    let said = run(&artifact, &support, &["--json", "--query", &query]);
    let json = said.json();
    assert_eq!(json["accuracy"]["after"], 1.0, "{said:?}");
    assert_eq!(json["mean_squared_error"], Value::Null);

    let said = run(&artifact, &support, &["--query", &query]);
    assert!(said.out.contains(" (wave, truth wave)\n"), "{}", said.out);

    let inputs_alone = desk.file("inputs.csv", "a,b\n0.9,0.1\n");
    let inputs_alone = inputs_alone.to_string_lossy();
    let json = run(&artifact, &support, &["--json", "--query", &inputs_alone]).json();
    assert_eq!(json["accuracy"], Value::Null);
    assert_eq!(
        json["predictions"][0]["after"].as_array().map(Vec::len),
        Some(3)
    );

    for wrong in ["jump", "3", "-1", "1.5", ""] {
        let file = desk.file("wrong.csv", format!("a,b,gesture\n1,0,wave\n0,1,{wrong}\n"));
        let names = [
            "wrong.csv",
            "line 3",
            "column 3",
            "gesture",
            "wave, tap, rest",
        ];
        run(&artifact, &file, &[]).refuses(1, &names);
    }
}

#[test]
fn what_does_not_fit_the_board_says_how_much_is_missing() {
    let desk = Desk::new();
    let support = desk.file("support.csv", SUPPORT);
    let said = run(LINE, &support, &["--ram", "1"]);
    assert_eq!(said.code, Some(3), "{said:?}");
    let json = run(LINE, &support, &["--ram", "1", "--json"]);
    assert_eq!(json.code, Some(3));
    let json = json.json();
    assert_eq!(json["fits"], false);
    let needed = json["ram"]["total"].as_u64().expect("bytes");
    let words = format!("needs {needed} bytes, the board has 1024");
    assert!(
        said.out.contains(&words),
        "{words:?} is not in\n{}",
        said.out
    );

    let said = run(LINE, &support, &["--flash", "20"]);
    assert_eq!(said.code, Some(3));
    assert!(said.out.contains("the board has 20480"), "{}", said.out);
}

/// A head above convolutions: the losses and adapted weights are those that a
/// board prints, to the last bit.
#[test]
fn a_convolutional_body_gives_the_bits_of_a_board() {
    let folder = Path::new(FIRMWARE);
    let query = folder.join("data/waveforms_query.csv");
    let said = run(
        folder.join("artifacts/waveforms-head.mamlet"),
        &folder.join("data/waveforms_support.csv"),
        &["--json", "--query", &query.to_string_lossy()],
    );
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""), "{said:?}");
    let json = said.json();
    let board = folder.join("app/expected/adapt_head.txt");
    let board = fs::read_to_string(board).expect("what the board prints");
    let line = |begin: &str| {
        let line = board.lines().find(|line| line.starts_with(begin));
        line.unwrap_or_else(|| panic!("no {begin:?} in\n{board}"))
    };
    let last_word = |line: &str| line.rsplit(' ').next().map(String::from);
    let steps = board.lines().filter(|line| line.starts_with("after step"));
    let losses: Vec<_> = steps.map(last_word).collect();
    assert_eq!(losses.len(), 6);
    let given = json["loss_bits"].as_array().expect("losses");
    let given: Vec<_> = given.iter().map(|l| l.as_str().map(String::from)).collect();
    assert_eq!(given, losses);
    let weights = last_word(line("adapted weights"));
    assert_eq!(json["adapted_crc32"].as_str(), weights.as_deref());
    for (when, begin) in [("before", "right before: "), ("after", "right after: ")] {
        let share = line(begin).trim_start_matches(begin);
        let (right, of) = share.split_once(" of ").expect("a share");
        let number = |text: &str| text.parse::<f64>().expect("a number");
        let share = number(right) / number(of);
        assert_eq!(json["accuracy"][when].as_f64(), Some(share), "{when}");
    }
}

/// Recordings as they were made give the examples that a board makes of them, and
/// predictions have names.
#[test]
fn raw_recordings_go_through_the_front_end() {
    let strokes = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/data/strokes.mamlet");
    let desk = Desk::new();
    // Four samples are an example, seven are brought to four.
    let ready = "a,b,c,d,class\n0,1.5,1.5,0,0\n0,-1.5,-1.5,0,1\n0,2,4,6,2\n";
    let raw = [
        "t;what;ax\n0;0;0\n1;0;1,5\n2;0;1,5\n3;0;0\n0;1;0\n1;1;-1,5\n2;1;-1,5\n3;1;0\n",
        "0;2;0\n1;2;1\n2;2;2\n3;2;3\n4;2;4\n5;2;5\n6;2;6\n",
    ];
    let raw = desk.file("raw.csv", raw.concat());
    let ready = desk.file("ready.csv", ready);
    let query = |file: &Path| {
        let path = file.to_string_lossy();
        run(
            strokes,
            file,
            &["--json", "--label", "what", "--query", &path],
        )
        .json()
    };
    let (of_raw, of_ready) = (query(&raw), query(&ready));
    for key in ["loss_bits", "adapted_crc32", "predictions", "accuracy"] {
        assert_eq!(of_raw[key], of_ready[key], "{key}");
        assert_ne!(of_raw[key], Value::Null, "{key}");
    }
    let predictions = of_raw["predictions"].as_array().expect("predictions");
    assert_eq!(predictions.len(), 3);
    assert_eq!(predictions[1]["truth"], "1");
    assert_eq!(predictions[1]["class"], "1");

    // Blank lines tell recordings of one class apart, and so does a column.
    let blank = "ax,g\n0,0\n1,0\n\n0,0\n1,0\n";
    let blank = desk.file("blank.csv", blank);
    assert_eq!(run(strokes, &blank, &["--json"]).json()["examples"], 2);
    let takes = desk.file("takes.csv", "ax,g,take\n0,0,a\n1,0,a\n0,0,b\n1,0,b\n");
    let takes = run(strokes, &takes, &["--json", "--recording", "take"]).json();
    assert_eq!(takes["examples"], 2);
    let none = desk.file("none.csv", "ax,g,take\n0,x,a\n1,x,a\n");
    run(strokes, &none, &[]).refuses(1, &["none.csv", "(g, take)", "--label", "--recording"]);
    let far = desk.file("far.csv", "ax,g,take\n0,7,a\n1,7,a\n");
    run(strokes, &far, &["--label", "g"]).refuses(1, &["line 2, column 2 (g)", "no class"]);
}

/// Where the artifact has no names, those of the support examples are taken in the order
/// in which they appear, by the queries too.
#[test]
fn support_examples_name_the_classes_of_an_artifact_without_names() {
    let strokes = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/data/strokes.mamlet");
    let desk = Desk::new();
    let recording = |class: &str, take: &str, by: f32| -> String {
        let rows = [0.0, 1.5, 1.5, 0.0].map(|ax| format!("{},{class},{take}\n", ax * by));
        rows.concat()
    };
    let file = |name: &str, classes: &[(&str, f32)]| {
        let rows = classes.iter().map(|&(class, by)| recording(class, "7", by));
        let rows: Vec<String> = rows.collect();
        desk.file(name, format!("ax,g,take\n{}", rows.concat()))
    };
    let told = |support: &Path, query: &Path| {
        let query = query.to_string_lossy();
        let more = ["--label", "g", "--recording", "take", "--query", &query];
        run(strokes, support, &[&more[..], &["--json"]].concat())
    };
    let support = file("support.csv", &[("up", 1.0), ("down", -1.0)]);
    let numbers = file("numbers.csv", &[("0", 1.0), ("1", -1.0)]);
    let query = file("query.csv", &[("down", -1.0), ("up", 1.0)]);
    let numbered_query = file("numbered.csv", &[("1", -1.0), ("0", 1.0)]);
    let named = told(&support, &query).json();
    let numbered = told(&numbers, &numbered_query).json();
    for key in ["loss_bits", "adapted_crc32", "accuracy"] {
        assert_eq!(named[key], numbered[key], "{key}");
        assert_ne!(named[key], Value::Null, "{key}");
    }
    for (at, name) in ["down", "up"].iter().enumerate() {
        assert_eq!(named["predictions"][at]["truth"], *name);
        assert_eq!(named["predictions"][at]["class"], *name);
    }
    for class in ["left", "1"] {
        let unknown = file("unknown.csv", &[("up", 1.0), (class, -1.0)]);
        let said = told(&support, &unknown);
        said.refuses(1, &["line 6, column 2 (g)", class, "up, down"]);
    }
    let many = ["a", "b", "c", "d", "e", "f"].map(|class| (class, 1.0));
    told(&file("many.csv", &many), &query).refuses(1, &["column 2 (g)", "one class more", "a, b"]);

    // The only other column is the class, and ready examples have names as well.
    let only = desk.file("only.csv", "ax,g\n0,up\n1,up\n0,down\n-1,down\n");
    assert_eq!(run(strokes, &only, &["--json"]).json()["examples"], 2);
    let ready = "a,b,c,d,class\n0,1.5,1.5,0,up\n0,-1.5,-1.5,0,down\n";
    let ready = desk.file("ready.csv", ready);
    let more = ["--json", "--query", &ready.to_string_lossy()];
    let json = run(strokes, &ready, &more).json();
    assert_eq!(json["adapted_crc32"], named["adapted_crc32"]);
    assert_eq!(json["predictions"][1]["truth"], "down");
}

/// A policy whose outputs begin at zero, of one input.
fn policy(loss: Loss) -> Vec<u8> {
    let mut writer = ArtifactWriter::new("policy", Shape::Vector { features: 1 });
    let weight = writer.tensor(&[0.0; 2], true);
    let bias = Some(writer.tensor(&[0.0; 2], true));
    writer.push(Layer::Dense {
        outputs: 2,
        weight,
        bias,
    });
    writer.rates(&[&[0.05; 2]]).loss(loss, Reduction::Mean);
    writer.to_bytes().expect("parts that agree")
}

/// A target is an action or a choice, and its advantage.
#[test]
fn policies_take_actions_and_advantages() {
    let desk = Desk::new();
    let normal = 0.5 * (2.0 * std::f64::consts::PI).ln();
    let cases = [
        // −w log π of a standard normal distribution.
        (Loss::GaussianPolicy, "x,a,w\n1,2,1\n-1,-1,0.5\n", {
            0.5 * ((2.0 + normal) + 0.5 * (0.5 + normal))
        }),
        // −w log π of two equal choices.
        (Loss::CategoricalPolicy, "x,a,w\n1,1,3\n-1,0,-1\n", {
            0.5 * (3.0 - 1.0) * 2f64.ln()
        }),
    ];
    for (loss, table, before) in cases {
        let artifact = desk.file("policy.mamlet", policy(loss));
        let support = desk.file("support.csv", table);
        let json = run(&artifact, &support, &["--json"]).json();
        assert_eq!(json["outcome"], "adapted", "{json}");
        let losses = |index: usize| json["losses"][index].as_f64().expect("a loss");
        assert!((losses(0) - before).abs() < 1e-6, "{before}: {json}");
        assert!(losses(1) < losses(0), "{json}");
        // An action without its advantage is no target.
        let short = desk.file("short.csv", "x,a\n1,1\n");
        run(&artifact, &short, &[]).refuses(1, &["short.csv", "line 1", "2 target columns"]);
    }
    let artifact = desk.file("policy.mamlet", policy(Loss::CategoricalPolicy));
    let third = desk.file("third.csv", "x,a,w\n1,2,1\n");
    run(&artifact, &third, &[]).refuses(1, &["class 2"]);
}
