use rand::SeedableRng;

use super::*;

#[test]
fn a_point_moves_as_far_as_it_may_and_ends_at_its_goal() {
    let family = Navigation::default();
    let mut point = family.create();
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut seen = Vec::new();
    point.reset(&[0.3, -0.2], &mut rng, &mut seen);
    assert_eq!(seen, [0.0, 0.0]);
    seen.clear();
    let step = point.step(&[5.0, -0.05], &mut seen);
    assert_eq!(seen, [0.1, -0.05]);
    assert!((step.reward + (0.2f32 * 0.2 + 0.15 * 0.15).sqrt()).abs() < 1e-6);
    assert!(!step.terminated && !step.truncated);
    let ends = [[0.1, -0.1], [0.1, -0.05]].map(|action| point.step(&action, &mut seen).terminated);
    assert_eq!(ends, [false, true]);
}

#[test]
fn an_oracle_is_shown_the_task() {
    let shown = ShownTask::ObservationAndTask.of(Navigation::default());
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let task = shown.draw_task(&mut rng);
    let mut environment = shown.create();
    let mut seen = Vec::new();
    environment.reset(&task, &mut rng, &mut seen);
    assert_eq!(seen, [0.0, 0.0, task[0], task[1]]);
    assert_eq!(shown.observation(), seen.len());
}
