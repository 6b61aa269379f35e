//! What a board was never taught is told from what it was.

use super::*;

#[test]
fn what_scores_below_the_threshold_is_unknown() {
    let rejection = |threshold| {
        Some(Rejection {
            score: Score::Margin,
            threshold,
        })
    };
    for (threshold, known) in [(0.0, true), (1e6, false)] {
        with(&strokes(None, rejection(threshold)), 2, |teacher| {
            teach_all(teacher, 2, 1);
            let _report = teacher.adapt().expect("examples");
            let heard = recognise(teacher, &stroke(1, 2.0, 9));
            assert_eq!(heard, (1, known));
        });
    }
}

/// The third output is no class: it is left for what is like neither of the others.
#[test]
fn an_output_that_is_never_taught_stands_for_what_is_unknown() {
    let rejection = Some(Rejection {
        score: Score::NoClass,
        threshold: 0.5,
    });
    let file = strokes(None, rejection);
    with(&file, 4, |teacher| {
        let (classes, given) = (2, 2);
        let refused = TeachingError::Example(ExampleError::UnknownClass { classes, given });
        assert_eq!(teacher.begin(2), Err(refused));
        let learner = teacher.learner_mut();
        let refused = ExampleError::UnknownClass { classes, given };
        assert_eq!(learner.add_class(&[0.0; 6], 2), Err(refused));
        assert_eq!(learner.add_target(&[0.0; 6], &[2.0]), Err(refused));
        assert_eq!((learner.outputs(), learner.classes()), (3, 2));
        teach_all(teacher, 2, 2);
        assert_eq!(teacher.advice(), Ok(Advice::Ready));
        for class in 0..2 {
            assert_eq!(recognise(teacher, &stroke(class, 2.5, 9)), (class, true));
        }
        assert!(!recognise(teacher, &stroke(2, 2.5, 9)).1);
    });
}
