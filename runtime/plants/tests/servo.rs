//! The servo moves as its equation says, and must be known to be controlled.

use mamlet_plants::servo::{PERIOD, STOP, SUPPLY};
use mamlet_plants::{Plant, PlantError, Servo, Unit};
use rand_pcg::Pcg32;

const UNIT: Unit = Unit {
    gain: 0.1,
    inertia: 0.01,
    viscous: 0.1,
    coulomb: 0.05,
    load: 0.1,
};

/// What an episode returns under a controller of error and velocity.
fn episode(servo: &mut Servo, generator: &mut Pcg32, control: impl Fn(f32, f32) -> f32) -> f32 {
    servo.reset(generator);
    let mut sum = 0.0;
    for _ in 0..Servo::HORIZON {
        let mut observation = [0.0; Servo::OBSERVATIONS];
        servo.observe(&mut observation).unwrap();
        let action = control(observation[0], observation[1]);
        sum += servo.step(&[action]).unwrap().reward;
    }
    sum
}

/// The mean return of a controller over units and episodes.
fn mean(control: impl Fn(Unit, f32, f32) -> f32) -> f32 {
    let (units, episodes) = (100, 4);
    let mut sum = 0.0;
    for unit in 0..units {
        let mut generator = Pcg32::new(unit, 3);
        let mut servo = Servo::draw(&mut generator);
        for _ in 0..episodes {
            let unit = servo.unit();
            sum += episode(&mut servo, &mut generator, |e, v| control(unit, e, v));
        }
    }
    sum / (units * episodes) as f32
}

#[test]
fn who_knows_the_unit_controls_it_and_nobody_else_does() {
    let mut fixed = f32::NEG_INFINITY;
    let mut knowing = f32::NEG_INFINITY;
    for proportional in [-4.0, -2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 4.0] {
        for damping in [-4.0, -2.0, -1.0, 0.0, 1.0, 2.0, 4.0] {
            for bias in [-0.2, 0.0, 0.2] {
                let control = |_: Unit, e: f32, v: f32| proportional * e - damping * v + bias;
                fixed = fixed.max(mean(control));
            }
            knowing = knowing.max(mean(|unit, e, v| {
                let balance = unit.load / (unit.gain * SUPPLY);
                let sign = 1f32.copysign(unit.gain);
                sign * (proportional * e - damping * v) + balance
            }));
        }
    }
    assert!(fixed < -30.0, "{fixed}");
    assert!(knowing > -10.0, "{knowing}");
}

/// Under a constant voltage the velocity tends to `(k u − τ − c) / b`.
#[test]
fn it_comes_to_the_speed_of_its_equation() {
    let mut servo = Servo::new(UNIT);
    let mut observation = [0.0; 2];
    let mut before = servo.position();
    for _ in 0..100 {
        servo.step(&[0.25]).unwrap();
        servo.observe(&mut observation).unwrap();
        if servo.position() == STOP {
            break;
        }
        let moved = (servo.position() - before) / PERIOD;
        before = servo.position();
        assert!((0.0..1.51).contains(&moved), "{moved}");
    }
    // 0.1 · 3 − 0.1 − 0.05 = 0.15 N m against 0.1 N m s/rad.
    let mut servo = Servo::new(UNIT);
    for _ in 0..50 {
        servo.step(&[0.25]).unwrap();
    }
    assert!((servo.velocity() - 1.5).abs() < 1e-3, "{servo:?}");
    assert_eq!(observation[1], 0.0, "it stands at the stop");
}

#[test]
fn a_torque_within_the_friction_moves_nothing() {
    let mut servo = Servo::new(UNIT);
    // Within 0.05 N m of the load, on either side.
    for share in [0.045, 0.083, 0.12] {
        servo.step(&[share]).unwrap();
        assert_eq!((servo.position(), servo.velocity()), (0.0, 0.0), "{share}");
    }
    servo.step(&[0.13]).unwrap();
    assert!(servo.position() > 0.0);
}

#[test]
fn a_motor_wired_the_other_way_round_turns_the_other_way() {
    let without_load = Unit { load: 0.0, ..UNIT };
    let other = Unit {
        gain: -0.1,
        ..without_load
    };
    let [mut a, mut b] = [without_load, other].map(Servo::new);
    for _ in 0..20 {
        a.step(&[0.5]).unwrap();
        b.step(&[0.5]).unwrap();
    }
    assert!(a.position() > 0.1);
    assert_eq!(a.position(), -b.position());
}

#[test]
fn episodes_begin_and_units_lie_where_they_should() {
    let mut generator = Pcg32::new(1, 2);
    let mut negative = 0;
    for _ in 0..1000 {
        let mut servo = Servo::draw(&mut generator);
        negative += usize::from(servo.unit().gain < 0.0);
        let mut parameters = [0.0; Servo::PARAMETERS];
        servo.parameters(&mut parameters).unwrap();
        let within = |x: &f32| (-1.0..=1.0).contains(x);
        assert!(parameters.iter().all(within), "{parameters:?}");
        servo.reset(&mut generator);
        let distance = (servo.target() - servo.position()).abs();
        assert!((0.799..1.201).contains(&distance), "{distance}");
        assert!(servo.target().abs() < STOP && servo.velocity() == 0.0);
    }
    assert!((450..550).contains(&negative), "{negative}");
}

#[test]
fn what_is_no_action_changes_nothing() {
    let mut servo = Servo::new(UNIT);
    servo.reset(&mut Pcg32::new(1, 1));
    let before = servo;
    let length = |needed, given| PlantError::Length { needed, given };
    assert_eq!(servo.step(&[]), Err(length(1, 0)));
    assert_eq!(servo.step(&[0.0, 0.0]), Err(length(1, 2)));
    for action in [f32::NAN, f32::INFINITY] {
        assert_eq!(servo.step(&[action]), Err(PlantError::NotFinite));
    }
    assert_eq!(servo.observe(&mut [0.0; 3]), Err(length(2, 3)));
    assert_eq!(servo.parameters(&mut [0.0; 5]), Err(length(6, 5)));
    assert_eq!(servo, before);
}

/// The bits of an episode: a core that computes others is told by this.
#[test]
fn an_episode_has_these_bits() {
    let mut generator = Pcg32::new(27, 0);
    let mut servo = Servo::draw(&mut generator);
    let returns = episode(&mut servo, &mut generator, |e, v| 0.5 * v - 1.5 * e);
    let bits = [returns, servo.position(), servo.velocity()].map(f32::to_bits);
    assert_eq!(bits, [3233510256, 1053893102, 0], "{returns} {servo:?}");
}
