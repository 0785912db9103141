"""The quadrotor: closed forms of its flight, its constants, and many drones at once."""

import math
from dataclasses import replace

import numpy as np
import pytest

from threefactor.envs.quadrotor import (
    ANGULAR_VELOCITY,
    ATTITUDE,
    GRAVITY_M_S2,
    POSITION,
    ROTORS,
    STATE_SIZE,
    VELOCITY,
    Quadrotor,
    rotation_matrices,
)

DRONE = Quadrotor()
STANDING = np.full(4, -1.0)
#: So that rotors neither lift nor turn it, whatever they do.
GLIDER = replace(DRONE, thrust_n_per_rpm2=0.0)


def level(rpm=0.0):
    state = np.zeros(STATE_SIZE)
    state[ATTITUDE.start], state[ROTORS] = 1.0, rpm
    return state


def fly(drone, state, action, steps, **outside):
    for _ in range(steps):
        state = drone.step(state, np.array(action), **outside)
    return state


def random_states(n, seed=0):
    generator = np.random.default_rng(seed)
    states = generator.normal(size=(n, STATE_SIZE))
    states[:, ATTITUDE] /= np.linalg.norm(states[:, ATTITUDE], axis=1, keepdims=True)
    states[:, ROTORS] = generator.uniform(0, DRONE.max_rpm, (n, 4))
    return states


def test_hovers_at_two_thirds_of_the_full_speed():
    assert DRONE.hover_rpm / DRONE.max_rpm == pytest.approx(0.667, abs=5e-4)
    assert DRONE.hover_action == pytest.approx(0.334, abs=5e-4)
    hovering = fly(DRONE, level(DRONE.hover_rpm), np.full(4, DRONE.hover_action), 500)
    np.testing.assert_allclose(hovering, level(DRONE.hover_rpm), atol=1e-9)
    heavy = replace(DRONE, mass_kg=1.2 * DRONE.mass_kg)
    assert heavy.hover_rpm == pytest.approx(math.sqrt(1.2) * DRONE.hover_rpm)


def test_falls_freely_without_thrust():
    state = level()
    state[POSITION], state[VELOCITY] = (0.1, -0.2, 0.3), (1.0, 2.0, 3.0)
    fallen, time_s = fly(DRONE, state, STANDING, 50), 0.5
    expected = state[POSITION] + state[VELOCITY] * time_s
    expected[2] -= GRAVITY_M_S2 * time_s**2 / 2
    np.testing.assert_allclose(fallen[POSITION], expected, atol=1e-12)
    np.testing.assert_allclose(fallen[VELOCITY], [1.0, 2.0, 3.0 - GRAVITY_M_S2 * time_s])


def momentum_and_energy(states, inertia):
    rotation = rotation_matrices(states[..., ATTITUDE]).reshape(3, 3)
    omega = states[..., ANGULAR_VELOCITY]
    return rotation @ (inertia * omega), float(inertia @ omega**2) / 2


def test_without_torques_angular_momentum_and_energy_stay():
    body = replace(GLIDER, inertia_kg_m2=(2e-6, 4e-6, 7e-6))  # all three axes differ
    inertia = np.array(body.inertia_kg_m2)
    state = level()
    state[ANGULAR_VELOCITY] = 6.0, -5.0, 4.0
    momentum, energy = momentum_and_energy(state, inertia)
    tumbled = fly(body, state, STANDING, 300)
    assert abs(tumbled[ANGULAR_VELOCITY] - state[ANGULAR_VELOCITY]).max() > 1.0  # it has tumbled
    later, energy_later = momentum_and_energy(tumbled, inertia)
    np.testing.assert_allclose(later, momentum, rtol=2e-4)
    assert energy_later == pytest.approx(energy, rel=1e-5)


def test_attitude_stays_a_unit_quaternion_and_its_matrix_a_rotation():
    states, actions = random_states(20), np.random.default_rng(1).uniform(-1, 1, (20, 4))
    for _ in range(30):
        states = DRONE.step(states, actions)
        np.testing.assert_allclose(np.linalg.norm(states[:, ATTITUDE], axis=1), 1.0, atol=1e-15)
    matrices = rotation_matrices(states[:, ATTITUDE]).reshape(-1, 3, 3)
    np.testing.assert_allclose(
        matrices @ matrices.transpose(0, 2, 1), np.broadcast_to(np.eye(3), (20, 3, 3)), atol=1e-14
    )
    np.testing.assert_allclose(np.linalg.det(matrices), 1.0)


def test_rotors_follow_with_their_time_constant():
    state = fly(DRONE, level(), np.ones(4), 15)  # 0.15 s, one time constant
    np.testing.assert_allclose(state[ROTORS] / DRONE.max_rpm, 1 - math.exp(-1), rtol=1e-6)


@pytest.mark.parametrize("action", [-1.0, -0.2, 0.5, 1.0])
def test_equal_rotors_neither_turn_nor_tilt_it(action):
    state = fly(DRONE, level(8000.0), np.full(4, action), 100)
    assert not state[ANGULAR_VELOCITY].any()
    assert not state[POSITION][:2].any()


@pytest.mark.parametrize(
    ("faster", "axis", "sense"),
    [
        ((2, 3), 0, 1),  # left up: rolls to the right, about +x
        ((1, 2), 1, 1),  # back up: pitches forward, about +y
        ((1, 3), 2, 1),  # those whose torque is about +z
        ((0, 2), 2, -1),
    ],
)
def test_faster_rotors_turn_it_about_one_axis(faster, axis, sense):
    action = np.zeros(4)
    action[list(faster)] = 0.3
    omega = fly(DRONE, level(10851.0), action, 5)[ANGULAR_VELOCITY]
    assert sense * omega[axis] > 0.01
    assert abs(np.delete(omega, axis)).max() < 1e-12


def test_a_tilted_drone_is_pulled_where_it_leans():
    state = level(DRONE.hover_rpm)
    state[ATTITUDE] = math.cos(0.1), 0.0, math.sin(0.1), 0.0  # 0.2 rad about +y: nose down
    moved = fly(DRONE, state, np.full(4, DRONE.hover_action), 10)
    assert moved[VELOCITY][0] == pytest.approx(GRAVITY_M_S2 * math.sin(0.2) * 0.1)
    assert moved[VELOCITY][1] == 0.0


def test_forces_and_torques_from_outside():
    pushed = fly(GLIDER, level(), STANDING, 20, forces_n=np.array([0.027, 0.0, 0.27]))
    np.testing.assert_allclose(pushed[VELOCITY], [0.2, 0.0, 2.0 - GRAVITY_M_S2 * 0.2])
    turned = fly(GLIDER, level(), STANDING, 20, torques_n_m=np.array([0.0, 0.0, 5.9675e-6]))
    np.testing.assert_allclose(turned[ANGULAR_VELOCITY], [0.0, 0.0, 0.2], atol=1e-12)


def test_integration_is_of_fourth_order():
    state = level(DRONE.hover_rpm)
    state[ANGULAR_VELOCITY] = 3.0, -2.0, 4.0
    action, time_s = DRONE.hover_action + np.array([0.02, -0.01, 0.01, 0.0]), 0.32

    def flown(steps):
        return fly(replace(DRONE, timestep_s=time_s / steps), state, action, steps)

    exact = flown(512)
    errors = [abs(flown(steps) - exact)[:13].max() for steps in (8, 16, 32)]
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    assert orders == pytest.approx([4.0, 4.0], abs=0.35)


def test_many_drones_fly_as_each_alone_bit_for_bit():
    generator = np.random.default_rng(2)
    many = alone = random_states(33, seed=3)
    for _ in range(40):
        actions = generator.uniform(-1.2, 1.2, (33, 4)).astype(np.float32)
        outside = generator.normal(size=(2, 33, 3)) * [[[0.01]], [[1e-5]]]
        many = DRONE.step(many, actions, *outside)
        alone = np.array([DRONE.step(*one) for one in zip(alone, actions, *outside, strict=True)])
        np.testing.assert_array_equal(many, alone)


def test_actions_beyond_the_bounds_are_the_bounds():
    state = random_states(1)[0]
    np.testing.assert_array_equal(
        DRONE.step(state, np.array([3.0, -7.0, 1.0, -1.0])),
        DRONE.step(state, np.array([1.0, -1.0, 1.0, -1.0])),
    )


@pytest.mark.parametrize(
    ("field", "value"), [("mass_kg", 0.0), ("rotor_lag_s", -1.0), ("max_rpm", np.inf)]
)
def test_impossible_constants_are_refused(field, value):
    with pytest.raises(ValueError, match=rf"Quadrotor.{field} must be > 0, got {value}"):
        Quadrotor(**{field: value})
