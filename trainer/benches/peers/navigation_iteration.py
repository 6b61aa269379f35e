"""Times meta-iterations of 2D navigation in JAX, each compiled as a whole.

20 tasks, 20 rollouts of 100 steps before an inner step and 20 after it, a policy of two
hidden layers of 100 whose deviations adapt too, a linear feature baseline for each task and
step, generalised advantage estimation, the likelihood ratio in the inner step, and five
steps of Adam on the clipped surrogate through it. The rival of

    cargo mamlet train trainer/configs/timing/navigation-time.toml

    python navigation_iteration.py [iterations]
"""

import statistics
import sys
import time
from functools import partial

import jax
import jax.numpy as jnp

TASKS, ROLLOUTS, HORIZON, HIDDEN = 20, 20, 100, 100
EPOCHS, RANGE, DIVERGENCE_WEIGHT = 5, 0.3, 5e-4
INNER_RATE, META_RATE, DISCOUNT, LAMBDA, RIDGE = 0.1, 1e-3, 0.99, 1.0, 1e-5


def initial(key):
    sizes = [2, HIDDEN, HIDDEN, 2]
    params = []
    for fan_in, fan_out in zip(sizes, sizes[1:]):
        key, own = jax.random.split(key)
        bound = (6 / (fan_in + fan_out)) ** 0.5
        params.append((jax.random.uniform(own, (fan_in, fan_out), minval=-bound, maxval=bound), jnp.zeros(fan_out)))
    return params, jnp.zeros(2)


def means(params, observations):
    layers, _ = params
    for weights, biases in layers[:-1]:
        observations = jax.nn.relu(observations @ weights + biases)
    weights, biases = layers[-1]
    return observations @ weights + biases


def log_likelihood(params, observations, actions):
    scaled = (actions - means(params, observations)) / jnp.exp(params[1])
    return (-0.5 * scaled**2 - params[1] - 0.5 * jnp.log(2 * jnp.pi)).sum(-1)


def act(params, goal, key):
    """All rollouts of a task: observations, actions, rewards, and whether a step was taken."""

    def step(carry, noise):
        position, going = carry
        actions = means(params, position) + jnp.exp(params[1]) * noise
        moved = position + jnp.clip(actions, -0.1, 0.1)
        rewards = -jnp.linalg.norm(moved - goal, axis=-1)
        arrived = (jnp.abs(moved - goal) < 0.01).all(-1)
        return (moved, going & ~arrived), (position, actions, rewards, going)

    noise = jax.random.normal(key, (HORIZON, ROLLOUTS, 2))
    _, seen = jax.lax.scan(step, (jnp.zeros((ROLLOUTS, 2)), jnp.ones(ROLLOUTS, bool)), noise)
    return seen


def advantages(observations, rewards, taken):
    def discounted(rest, of_step):
        reward, factor, taken = of_step
        own = jnp.where(taken, reward + factor * rest, 0.0)
        return own, own

    def backwards(rewards, factor):
        factors = jnp.full(HORIZON, factor)
        return jax.lax.scan(discounted, jnp.zeros(ROLLOUTS), (rewards, factors, taken), reverse=True)[1]

    time = jnp.broadcast_to(jnp.arange(HORIZON)[:, None, None] / 100, (HORIZON, ROLLOUTS, 1))
    clipped = jnp.clip(observations, -10, 10)
    features = jnp.concatenate([clipped, clipped**2, time, time**2, time**3, jnp.ones_like(time)], -1)
    masked = features * taken[..., None]
    flat = masked.reshape(-1, features.shape[-1])
    returns = backwards(rewards, DISCOUNT)
    system = flat.T @ flat + RIDGE * jnp.eye(flat.shape[-1])
    weights = jnp.linalg.solve(system, flat.T @ returns.reshape(-1))
    values = masked @ weights
    following = jnp.concatenate([values[1:], jnp.zeros((1, ROLLOUTS))])
    surprises = (rewards + DISCOUNT * following - values) * taken
    advantages = backwards(surprises, DISCOUNT * LAMBDA)
    count = taken.sum()
    mean = (advantages * taken).sum() / count
    deviation = jnp.sqrt((((advantages - mean) * taken) ** 2).sum() / count)
    return (advantages - mean) * taken / (deviation + 1e-8)


def experience(params, goal, key):
    observations, actions, rewards, taken = act(params, goal, key)
    return {
        "observations": observations,
        "actions": actions,
        "advantages": advantages(observations, rewards, taken),
        "before": log_likelihood(params, observations, actions),
        "means": means(params, observations),
        "deviations": params[1],
        "taken": taken,
        "return": (rewards * taken).sum(0).mean(),
    }


def ratio(params, seen):
    return jnp.exp(log_likelihood(params, seen["observations"], seen["actions"]) - seen["before"])


def inner_loss(params, seen):
    return -(ratio(params, seen) * seen["advantages"]).sum() / seen["taken"].sum()


def adapted(params, seen):
    gradient = jax.grad(inner_loss)(params, seen)
    return jax.tree.map(lambda own, by: own - INNER_RATE * by, params, gradient)


def divergence(params, seen):
    """Mean KL from the policy that acted."""
    moved = means(params, seen["observations"])
    variance, old = jnp.exp(2 * params[1]), jnp.exp(2 * seen["deviations"])
    terms = params[1] - seen["deviations"] + (old + (seen["means"] - moved) ** 2) / (2 * variance) - 0.5
    return (terms.sum(-1) * seen["taken"]).sum() / seen["taken"].sum()


def outer_loss(params, before, after):
    def of_task(before, after):
        ratios = ratio(adapted(params, before), after)
        bounded = jnp.clip(ratios, 1 - RANGE, 1 + RANGE)
        gain = jnp.minimum(ratios * after["advantages"], bounded * after["advantages"])
        return -gain.sum() / after["taken"].sum() + DIVERGENCE_WEIGHT * divergence(params, before)

    return jax.vmap(of_task)(before, after).mean()


def adam(params, moments, gradient):
    first, second, count = moments
    count = count + 1
    first = jax.tree.map(lambda own, by: 0.9 * own + 0.1 * by, first, gradient)
    second = jax.tree.map(lambda own, by: 0.999 * own + 0.001 * by**2, second, gradient)
    rate = META_RATE * jnp.sqrt(1 - 0.999**count) / (1 - 0.9**count)
    params = jax.tree.map(lambda own, a, b: own - rate * a / (jnp.sqrt(b) + 1e-8), params, first, second)
    return params, (first, second, count)


@partial(jax.jit, donate_argnums=(0, 1))
def iteration(params, moments, key):
    of_goals, of_first, of_last = jax.random.split(key, 3)
    goals = jax.random.uniform(of_goals, (TASKS, 2), minval=-0.5, maxval=0.5)
    keys = lambda key: jax.random.split(key, TASKS)
    before = jax.vmap(experience, (None, 0, 0))(params, goals, keys(of_first))
    policies = jax.vmap(adapted, (None, 0))(params, before)
    after = jax.vmap(experience)(policies, goals, keys(of_last))

    def epoch(state, _):
        params, moments = state
        gradient = jax.grad(outer_loss)(params, before, after)
        return adam(params, moments, gradient), None

    (params, moments), _ = jax.lax.scan(epoch, (params, moments), None, length=EPOCHS)
    return params, moments, before["return"].mean(), after["return"].mean()


def main():
    iterations = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    key = jax.random.key(1)
    params = initial(key)
    zeros = lambda: jax.tree.map(jnp.zeros_like, params)
    moments = (zeros(), zeros(), jnp.zeros(()))
    times = []
    for index in range(iterations + 2):
        start = time.perf_counter()
        params, moments, before, after = iteration(params, moments, jax.random.fold_in(key, index))
        after.block_until_ready()
        # The first two compile.
        if index >= 2:
            times.append(time.perf_counter() - start)
    print(f"returns {float(before):.2f} before, {float(after):.2f} after one step, iteration {iterations + 2}")
    print(
        f"JAX {jax.__version__}: median {statistics.median(times) * 1e3:.0f} ms an iteration, "
        f"fastest {min(times) * 1e3:.0f} ms"
    )


if __name__ == "__main__":
    main()
