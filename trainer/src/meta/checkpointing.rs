//! Visiting the states of a forward computation in reverse with a fixed number
//! of them in memory (binomial checkpointing, Griewank & Walther 2000).
//!
//! A state that is not kept is computed again from the nearest one before it
//! that is. With two kept beside the first, 5 steps cost 7 instead of 5, 10
//! cost 18 and 20 cost 49.

/// Calls `visit(p, state)` for `p` from `until − 1` down to `from`, where
/// `state` is that of position `from` and `advance(p, state)` gives that of
/// `p + 1`. Besides the given state and the one in use at most `kept` states
/// exist at once. Nothing is visited if `until` is not above `from`.
pub(super) fn reverse<S>(
    state: S,
    from: usize,
    until: usize,
    kept: usize,
    advance: &mut impl FnMut(usize, &S) -> S,
    visit: &mut impl FnMut(usize, S),
) {
    if until <= from {
        return;
    }
    let mut until = until;
    while until - from > 1 {
        let middle = from + split(until - from, kept);
        let mut reached = advance(from, &state);
        for position in from + 1..middle {
            reached = advance(position, &reached);
        }
        let left = kept.saturating_sub(1);
        reverse(reached, middle, until, left, advance, visit);
        until = middle;
    }
    visit(from, state);
}

/// Where among `length ≥ 2` positions, the first of which is known, the next
/// state is to be kept so that the fewest are computed again.
///
/// With `β(c, r) = (c + r)! / (c! r!)` positions, `c = kept + 1` states
/// suffice if none is computed more than `r` times.
fn split(length: usize, kept: usize) -> usize {
    if kept == 0 {
        return length - 1;
    }
    let slots = kept + 1;
    let times = (0..)
        .find(|&times| beta(slots, times) >= length)
        .unwrap_or(0);
    let Some(fewer) = times.checked_sub(1) else {
        return 1;
    };
    beta(slots, fewer)
        .min(length - beta(slots - 1, fewer))
        .max(1)
}

fn beta(slots: usize, times: usize) -> usize {
    (1..=slots).fold(1, |product, i| product * (times + i) / i)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// A state that counts how many there are.
    struct Counted<'a> {
        position: usize,
        alive: &'a Cell<usize>,
    }

    impl<'a> Counted<'a> {
        fn new(position: usize, alive: &'a Cell<usize>) -> Self {
            alive.set(alive.get() + 1);
            Self { position, alive }
        }
    }

    impl Drop for Counted<'_> {
        fn drop(&mut self) {
            self.alive.set(self.alive.get() - 1);
        }
    }

    /// Positions visited, advances made, and the most states at once.
    fn visits(positions: usize, kept: usize) -> (Vec<usize>, usize, usize) {
        let alive = Cell::new(0);
        let (mut visited, mut advances, mut most) = (Vec::new(), 0, 0);
        reverse(
            Counted::new(0, &alive),
            0,
            positions,
            kept,
            &mut |position, state: &Counted<'_>| {
                assert_eq!(state.position, position);
                advances += 1;
                let next = Counted::new(position + 1, &alive);
                most = most.max(alive.get());
                next
            },
            &mut |position, state| {
                assert_eq!(state.position, position);
                visited.push(position);
            },
        );
        assert_eq!(alive.get(), 0);
        (visited, advances, most)
    }

    #[test]
    fn positions_come_in_reverse_and_memory_does_not_grow() {
        for kept in 0..4 {
            for positions in 1..40 {
                let (visited, _, most) = visits(positions, kept);
                assert!(visited.into_iter().eq((0..positions).rev()));
                // The first, those kept, and two of a state being advanced.
                assert!(most <= kept + 3, "{positions} {kept}: {most}");
            }
        }
    }

    #[test]
    fn no_other_plan_computes_fewer_states() {
        // The best plan by trying every split.
        const MOST: usize = 60;
        let mut best = vec![[0; 4]; MOST + 1];
        for length in 2..=MOST {
            for kept in 0..4usize {
                let plan = |middle: usize| {
                    let right = best[length - middle][kept.saturating_sub(1)];
                    middle + right + best[middle][kept]
                };
                best[length][kept] = match kept {
                    0 => length * (length - 1) / 2,
                    _ => (1..length).map(plan).min().unwrap(),
                };
                let (_, advances, _) = visits(length, kept);
                assert_eq!(advances, best[length][kept], "{length} {kept}");
            }
        }
    }
}
