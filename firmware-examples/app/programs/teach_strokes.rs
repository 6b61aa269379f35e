//! Somebody teaches the device three strokes, raw sample by raw sample. One of
//! them is shown wrongly; the device finds it, forgets it and is shown it again.
//! Then it recognises strokes of other sizes and speeds, and knows what it was
//! never taught to be unknown.
#![no_std]
#![no_main]

use app::{Decimals, STROKES, println, strokes};
use mamlet_runtime::teacher::{Advice, Response, Teacher};
use mamlet_runtime::{Artifact, Model, Rollback, Setup};

/// Examples of all strokes together.
const EXAMPLES: usize = 12;
const NAMES: [&str; 4] = ["up", "down", "up and down", "nothing"];

// What Teacher::memory asks for, and a little more.
app::program!(teach, [f32; 320] = [0.0; 320]);

fn teach(memory: &mut [f32]) -> Result<(), &'static str> {
    let artifact = Artifact::parse(STROKES).map_err(|_| "artifact")?;
    let model = Model::<2>::new(&artifact).map_err(|_| "model")?;
    let setup = Setup::new(EXAMPLES).rollback(Rollback::ToCommitted);
    println!("memory: {} bytes", Teacher::memory(&model, setup).bytes());
    let mut teacher = Teacher::new(&model, EXAMPLES, memory).map_err(|_| "memory")?;
    for samples in [8, 9, 10, 11] {
        for class in 0..3 {
            // Once it is another stroke than it is said to be.
            let shown = if (samples, class) == (9, 1) { 0 } else { class };
            println!("teach {}: {}", name(class), name(shown));
            teacher.begin(class).map_err(|_| "begin")?;
            record(&mut teacher, shown, samples)?;
        }
    }
    let Advice::Doubtful {
        example, taken_for, ..
    } = advice(&mut teacher)?
    else {
        return Err("the wrong stroke was not found");
    };
    println!("example {} looks like {}", example, name(taken_for));
    let class = teacher.forget(example).ok_or("forget")?;
    println!("teach {} again", name(class));
    teacher.begin(class).map_err(|_| "begin")?;
    record(&mut teacher, class, 10)?;
    if advice(&mut teacher)? != Advice::Ready {
        return Err("not ready");
    }
    teacher.commit();
    let weights = teacher.learner().weights().ok_or("no weights")?;
    println!("weights {:08x}", mamlet_runtime::weights_crc32(weights));
    for (shown, size) in [(0, 6), (1, 7), (2, 8), (0, 14), (1, 13), (2, 12), (3, 9)] {
        teacher.listen();
        let Some(Response::Prediction(heard)) = record(&mut teacher, shown, size)? else {
            return Err("no prediction");
        };
        let taken_for = if heard.known { heard.class } else { 3 };
        println!(
            "{}: {}, score {:.4}",
            name(shown),
            name(taken_for),
            Decimals(heard.score)
        );
        if taken_for != shown {
            return Err("not recognised");
        }
    }
    Ok(())
}

/// Asks what is missing.
fn advice(teacher: &mut Teacher<'_>) -> Result<Advice, &'static str> {
    let advice = teacher.advice().map_err(|_| "advice")?;
    println!(
        "advice: {}",
        match advice {
            Advice::MoreClasses => "teach another stroke",
            Advice::MoreOf { .. } => "teach more of one",
            Advice::CannotAdapt => "teach them again",
            Advice::Unclear { .. } => "teach one of them again",
            Advice::Doubtful { .. } => "forget an example",
            _ => "ready",
        }
    );
    Ok(advice)
}

/// Makes a stroke of so many samples.
fn record(
    teacher: &mut Teacher<'_>,
    stroke: usize,
    samples: u16,
) -> Result<Option<Response>, &'static str> {
    for at in 0..samples {
        let value = strokes::sample(stroke, at, samples);
        teacher.push(&[value]).map_err(|_| "sample")?;
    }
    teacher.end().map_err(|_| "end")
}

fn name(class: usize) -> &'static str {
    NAMES.get(class).copied().unwrap_or("?")
}
