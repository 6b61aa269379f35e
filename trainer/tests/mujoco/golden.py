"""Golden numbers of the robots, by MuJoCo's own Python package:

    pip install mujoco==3.17.0
    python3 trainer/tests/mujoco/golden.py > trainer/tests/mujoco/golden.json

Written as the paper's code is: a step of the model, then everything computed again, the velocity
of the centre of mass as a mean over bodies. Rewards are those of every step, observations those
after some, each for both goals.
"""

import json
from pathlib import Path

import mujoco
import numpy as np

MODELS = Path(__file__).parents[2] / "models/mujoco"
STEPS, SHOWN = 60, (0, 1, 10, 30, 60)


class Robot:
    def __init__(self, name):
        self.name = name
        self.model = mujoco.MjModel.from_xml_path(str(MODELS / f"{name}.xml"))
        self.data = mujoco.MjData(self.model)
        self.torso = self.model.body("torso").id

    def start(self, positions, velocities):
        self.data.qpos[:], self.data.qvel[:] = positions, velocities
        self.compute()

    def compute(self):
        mujoco.mj_forward(self.model, self.data)
        mujoco.mj_rnePostConstraint(self.model, self.data)

    def step(self, action):
        low, high = self.model.actuator_ctrlrange.T
        action = np.clip(low + (action + 1) * 0.5 * (high - low), low, high)
        self.data.ctrl[:] = action
        mujoco.mj_step(self.model, self.data)
        self.compute()
        return action / ((high - low) / 2)

    def velocity(self):
        """Along x, of the centre of mass of all bodies but the world."""
        momentum = 0.0
        for body in range(1, self.model.nbody):
            velocity = np.zeros(6)
            of_body = mujoco.mjtObj.mjOBJ_BODY
            mujoco.mj_objectVelocity(self.model, self.data, of_body, body, velocity, 0)
            momentum += self.model.body_mass[body] * velocity[3]
        return momentum / self.model.body_mass[1:].sum()

    def forces(self):
        return np.clip(self.data.cfrc_ext, -1, 1)

    def observation(self):
        d = self.data
        centre = d.subtree_com[self.torso]
        if self.name == "half_cheetah":
            return np.concatenate([d.qpos[1:], d.qvel, centre])
        parts = [d.qpos, d.qvel, self.forces().ravel(), d.xmat[self.torso], centre]
        return np.concatenate(parts)

    def rewards(self, action, direction, goal):
        """For a direction, and for a goal velocity."""
        v, effort = self.velocity(), np.sum(action**2)
        gains = [direction * v, -abs(v - goal)]
        if self.name == "half_cheetah":
            return [gain - 0.05 * effort for gain in gains]
        cost = 0.005 * effort + 0.0005 * np.sum(self.forces() ** 2)
        return [gain - cost + alive for gain, alive in zip(gains, [0.05, 1.05])]


def golden(name, start, direction, goal):
    robot = Robot(name)
    rng = np.random.default_rng(27)
    positions = start + 0.01 * rng.normal(size=robot.model.nq)
    velocities = 0.1 * rng.normal(size=robot.model.nv)
    robot.start(positions, velocities)
    observations = [robot.observation()]
    actions, rewards = [], []
    for _ in range(STEPS):
        # Some are beyond what the motors can do.
        action = rng.normal(size=robot.model.nu).astype(np.float32)
        clipped = robot.step(action.astype(np.float64))
        actions.append(action.tolist())
        rewards.append(robot.rewards(clipped, direction, goal))
        observations.append(robot.observation())
    return {
        "positions": positions.tolist(),
        "velocities": velocities.tolist(),
        "targets": [direction, goal],
        "actions": actions,
        "rewards": rewards,
        "observations": {step: observations[step].tolist() for step in SHOWN},
    }


ANT = [0, 0, 0.55, 1, 0, 0, 0, 0, 1, 0, -1, 0, -1, 0, 1]
robots = {
    "half_cheetah": golden("half_cheetah", np.zeros(9), -1.0, 1.5),
    "ant": golden("ant", np.array(ANT), 1.0, 2.0),
}
print(json.dumps({"mujoco": mujoco.__version__, **robots}))
