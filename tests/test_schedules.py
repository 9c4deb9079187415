"""Schedules: learning rates by definition and beside PyTorch, in an optimizer, and restored."""

import numpy as np
import pytest
from helpers import text_of

import layerwise as lw

STEPS = 40
CASES = [
    ("ConstantLR", {}),
    ("ConstantLR", {"factor": 0.5, "total_iters": 7}),
    ("LinearLR", {}),
    ("LinearLR", {"start_factor": 0.1, "end_factor": 0.8, "total_iters": 9}),
    ("StepLR", {"step_size": 7}),
    ("StepLR", {"step_size": 3, "gamma": 0.9}),
    ("MultiStepLR", {"milestones": [3, 11, 12]}),
    ("MultiStepLR", {"milestones": [2, 2, 30], "gamma": 0.5}),
    ("ExponentialLR", {"gamma": 0.9}),
    ("PolynomialLR", {}),
    ("PolynomialLR", {"total_iters": 17, "power": 2.5}),
    ("CosineAnnealingLR", {"T_max": 10}),
    ("CosineAnnealingLR", {"T_max": 100, "eta_min": 0.01}),
    ("CosineAnnealingWarmRestarts", {"T_0": 7}),
    ("CosineAnnealingWarmRestarts", {"T_0": 3, "T_mult": 2, "eta_min": 0.01}),
    ("CosineAnnealingWarmRestarts", {"T_0": 2, "T_mult": 3}),
    ("OneCycleLR", {"total_steps": STEPS}),
    ("OneCycleLR", {"total_steps": STEPS, "pct_start": 0.25, "anneal_strategy": "linear"}),
    ("OneCycleLR", {"total_steps": 41, "three_phase": True, "pct_start": 0.4}),
    ("OneCycleLR", {"total_steps": 43, "three_phase": True, "div_factor": 5.0}),
]


def peer_of(torch, name, options, lr=0.1):
    """PyTorch's optimizer and scheduler."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr)
    more = {"max_lr": lr, "cycle_momentum": False} if name == "OneCycleLR" else {}
    return optimizer, getattr(torch.optim.lr_scheduler, name)(optimizer, **options, **more)


def rates(schedule, steps=STEPS):
    return [schedule(step) for step in range(steps)]


@pytest.mark.peers
@pytest.mark.parametrize(("name", "options"), CASES, ids=str)
def test_schedules_are_pytorchs(name, options):
    torch = pytest.importorskip("torch", reason="compares with PyTorch")
    optimizer, peer = peer_of(torch, name, options)
    theirs = []
    for _ in range(STEPS):
        theirs.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        peer.step()
    ours = rates(getattr(lw, name)(0.1, **options))
    np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-16)


@pytest.mark.peers
def test_sequences_are_pytorchs():
    torch = pytest.importorskip("torch", reason="compares with PyTorch")
    parts = [
        ("LinearLR", {"start_factor": 0.1, "total_iters": 5}),
        ("CosineAnnealingLR", {"T_max": 20}),
        ("StepLR", {"step_size": 4, "gamma": 0.5}),
    ]
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    made = [getattr(torch.optim.lr_scheduler, name)(optimizer, **o) for name, o in parts]
    peer = torch.optim.lr_scheduler.SequentialLR(optimizer, made, milestones=[5, 17])
    theirs = []
    for _ in range(STEPS):
        theirs.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        peer.step()
    made = [getattr(lw, name)(0.1, **options) for name, options in parts]
    ours = rates(lw.SequentialLR(made, milestones=[5, 17]))
    np.testing.assert_allclose(ours, theirs, rtol=1e-9)


PLATEAUS = [
    {},
    {"patience": 2, "factor": 0.5, "cooldown": 3},
    {"patience": 0, "threshold": 0.1, "threshold_mode": "abs", "min_lr": 1e-3},
    {"patience": 1, "mode": "max", "eps": 1e-3},
    {"patience": 1, "mode": "max", "threshold_mode": "abs", "threshold": 0.01},
]


@pytest.mark.peers
@pytest.mark.parametrize("options", PLATEAUS, ids=str)
def test_reduce_on_plateau_is_pytorchs(options):
    torch = pytest.importorskip("torch", reason="compares with PyTorch")
    optimizer, peer = peer_of(torch, "ReduceLROnPlateau", options)
    ours, rng = lw.ReduceLROnPlateau(0.1, **options), np.random.default_rng(0)
    for step in range(100):
        metric = 1 / (1 + step % 30) + 0.1 * rng.random()
        ours.observe(metric)
        peer.step(metric)
        assert ours(step) == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-12)
    assert ours(0) < 0.1


def test_one_cycle_stays_at_its_end():
    schedule = lw.OneCycleLR(1.0, total_steps=10)
    assert schedule(9) == schedule(10) == schedule(1000) == pytest.approx(1 / 25 / 1e4)
    assert lw.OneCycleLR(1.0, total_steps=1)(0) == pytest.approx(1 / 25 / 1e4)


def test_schedules_need_no_earlier_steps():
    for name, options in CASES:
        schedule = getattr(lw, name)(0.1, **options)
        assert rates(schedule) == rates(schedule)[::-1][::-1] == rates(schedule, 50)[:STEPS]


# ---------------------------------------------------------------- in an optimizer


def one_weight(*optimizers_lr):
    W = lw.Parameter(np.array([0.0]))
    W.grad = np.array([-1.0])
    return {"affine1.W": W}


def walked(optimizer, steps):
    """How far each step went, with gradients of -1."""
    parameters, way = one_weight(), [0.0]
    for _ in range(steps):
        optimizer.step(parameters)
        way.append(parameters["affine1.W"].value[0])
    return np.diff(way)


def test_the_learning_rate_may_be_a_schedule():
    schedule = lw.StepLR(0.8, step_size=2, gamma=0.5)
    np.testing.assert_allclose(walked(lw.SGD(schedule), 5), [0.8, 0.8, 0.4, 0.4, 0.2])


def test_the_learning_rate_may_be_any_function_of_the_step():
    optimizer = lw.SGD(lambda step: 1 / (1 + step))
    np.testing.assert_allclose(walked(optimizer, 3), [1, 1 / 2, 1 / 3])
    assert optimizer.rate() == 1 / 4
    epochs = lw.ExponentialLR(1.0, gamma=0.5)
    np.testing.assert_allclose(walked(lw.SGD(lambda step: epochs(step // 2)), 4), [1, 1, 0.5, 0.5])


def test_groups_may_have_schedules_of_their_own():
    optimizer = lw.SGD(0.5, groups={"affine1.*": {"lr": lw.ExponentialLR(1.0, gamma=0.5)}})
    np.testing.assert_allclose(walked(optimizer, 3), [1, 0.5, 0.25])


@pytest.mark.parametrize("bad", [float("nan"), -0.1, None])
def test_a_schedule_that_gives_no_rate_is_named(bad):
    optimizer = lw.SGD(lambda step: 0.1 if step < 2 else bad)
    text = text_of(ValueError, lambda: walked(optimizer, 3))
    assert text == f"SGD: lr must be a number, 0 or more and finite, but is {bad!r} at the step 2."


@pytest.mark.peers
def test_an_optimizer_with_a_schedule_is_pytorchs():
    torch = pytest.importorskip("torch", reason="compares with PyTorch")
    W = lw.Parameter(np.ones((2, 3)))
    theirs = torch.nn.Parameter(torch.tensor(W.value))
    ours = lw.AdamW(lw.OneCycleLR(0.1, total_steps=100))
    peer = torch.optim.AdamW([theirs])
    scheduler = torch.optim.lr_scheduler.OneCycleLR(peer, 0.1, 100, cycle_momentum=False)
    rng = np.random.default_rng(0)
    for step in range(100):
        W.grad = rng.normal(size=(2, 3))
        theirs.grad = torch.tensor(W.grad)
        ours.step({"W": W})
        peer.step()
        if step < 99:
            scheduler.step()
        np.testing.assert_allclose(W.value, theirs.detach().numpy(), rtol=1e-6)


# ---------------------------------------------------------------- that remember


def plateau():
    return lw.ReduceLROnPlateau(0.8, factor=0.5, patience=0)


def test_the_optimizer_tells_its_schedules():
    optimizer = lw.SGD(plateau())
    optimizer.observe(1.0)
    assert optimizer.rate() == 0.8
    optimizer.observe(1.0)
    assert optimizer.rate() == 0.4
    lw.SGD(0.1).observe(1.0)
    lw.SGD(lambda step: 0.1).observe(1.0)


def test_a_schedule_in_two_places_is_told_once():
    shared = plateau()
    optimizer = lw.SGD(shared, groups={"affine1.*": {"lr": shared}})
    walked(optimizer, 1)
    optimizer.observe(1.0)
    optimizer.observe(1.0)
    assert optimizer.rate() == 0.4


def test_several_optimizers_tell_their_schedules():
    first, second = plateau(), plateau()
    both = lw.ByName({"*.W": lw.SGD(first), "*": lw.SGD(second)})
    both.observe(1.0)
    both.observe(1.0)
    assert first(0) == second(0) == 0.4


def test_a_sequence_tells_the_schedule_whose_turn_it_is():
    warm_up = lw.LinearLR(0.8, start_factor=0.5, total_iters=2)
    schedule = lw.SequentialLR([warm_up, plateau()], milestones=[2])
    optimizer = lw.SGD(schedule)
    for _ in range(3):
        optimizer.observe(1.0)  # during the warm-up: nobody waits for it
    np.testing.assert_allclose(walked(optimizer, 3), [0.4, 0.6, 0.8])
    optimizer.observe(1.0)
    optimizer.observe(1.0)
    assert optimizer.rate() == 0.4


def test_a_sequence_in_a_sequence_counts_from_its_own_beginning():
    inner = lw.SequentialLR([lw.LinearLR(0.8, total_iters=2), plateau()], milestones=[2])
    schedule = lw.SequentialLR([lw.ConstantLR(0.1, total_iters=9), inner], milestones=[3])
    for step in (3, 4, 4, 5):  # the last one alone is the plateau's turn
        schedule.observe(1.0, step)
    assert schedule(5) == 0.8
    schedule.observe(1.0, 5)
    assert schedule(5) == 0.4


def test_the_cooldown_counts_nothing():
    schedule, rates = lw.ReduceLROnPlateau(0.8, factor=0.5, patience=1, cooldown=2), []
    for _ in range(9):
        schedule.observe(1.0)
        rates.append(schedule(0))
    # the best, 1, 2: down; two of the cooldown; 1, 2: down; two of the cooldown
    assert rates == [0.8, 0.8, 0.4, 0.4, 0.4, 0.4, 0.2, 0.2, 0.2]


def made():
    main = lw.SequentialLR([lw.LinearLR(0.8, total_iters=2), plateau()], milestones=[2])
    return lw.SGD(main, groups={"affine1.*": {"lr": plateau()}})


def test_a_restored_schedule_goes_on():
    optimizer = made()
    walked(optimizer, 3)
    for loss in (1.0, 1.0, 1.0):
        optimizer.observe(loss)
    state = optimizer.state()
    assert list(state) == [
        "SGD.steps",
        *(f"lr.1.{what}" for what in ("rate", "best", "bad", "waiting")),
        *(f"lr.affine1.W.{what}" for what in ("rate", "best", "bad", "waiting")),
    ]
    assert state["lr.1.rate"] == state["lr.affine1.W.rate"] == 0.2
    twin = made()
    twin.load_state(state, one_weight())
    assert twin.state() == state
    assert (walked(twin, 3) == walked(optimizer, 3)).all()


def test_the_state_of_another_schedule_is_refused():
    walked(optimizer := lw.SGD(plateau()), 1)
    end = "It has to be of the same network, and of an optimizer with the same options."
    other = lw.SGD(0.1)
    text = text_of(lw.StateError, lambda: other.load_state(optimizer.state(), one_weight()))
    assert text == f"The state has 'lr.rate', which belongs to nothing here. {end}"
    text = text_of(lw.StateError, lambda: optimizer.load_state(other.state(), one_weight()))
    assert text == f"The state has no 'lr.rate'. {end}"
    assert optimizer.steps == 1


# ---------------------------------------------------------------- options


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (
            lambda: lw.StepLR(-1, 3),
            "StepLR(lr=-1): lr must be a number, 0 or more and finite.",
        ),
        (
            lambda: lw.StepLR(0.1, 0),
            "StepLR(step_size=0): step_size must be a whole number, 1 or more.",
        ),
        (
            lambda: lw.LinearLR(0.1, start_factor=2),
            "LinearLR(start_factor=2): start_factor must be a number, 0 or more and at most 1.",
        ),
        (
            lambda: lw.MultiStepLR(0.1, [5, 2]),
            "MultiStepLR(milestones=[5, 2]): milestones must be a list of steps in ascending "
            "order.",
        ),
        (
            lambda: lw.MultiStepLR(0.1, [0.5]),
            "MultiStepLR(milestones=0.5): milestones must be a whole number, 0 or more.",
        ),
        (
            lambda: lw.OneCycleLR(0.1, 10, anneal_strategy="sin"),
            "OneCycleLR(anneal_strategy='sin'): anneal_strategy must be 'cos' or 'linear'.",
        ),
        (
            lambda: lw.ReduceLROnPlateau(0.1, factor=1),
            "ReduceLROnPlateau(factor=1): factor must be a number, 0 or more and below 1.",
        ),
        (
            lambda: lw.SequentialLR([0.1], []),
            "SequentialLR(schedules=[0.1]): schedules must be a list of schedules.",
        ),
        (
            lambda: lw.SequentialLR([lw.StepLR(0.1, 1)], [3]),
            "SequentialLR(milestones=[3]): milestones must be a list with one step less than there "
            "are schedules (1).",
        ),
    ],
)
def test_options_out_of_range_are_refused(call, text):
    assert text_of(ValueError, call) == text


def test_schedules_show_how_they_were_made():
    assert repr(lw.CosineAnnealingLR(0.1, 50)) == "CosineAnnealingLR(lr=0.1, T_max=50)"
    assert repr(lw.OneCycleLR(0.1, 9)) == "OneCycleLR(max_lr=0.1, total_steps=9)"
    shown = (
        "SequentialLR(schedules=[LinearLR(lr=0.1), StepLR(lr=0.1, step_size=3)], milestones=[5])"
    )
    assert repr(lw.SequentialLR([lw.LinearLR(0.1), lw.StepLR(0.1, 3)], [5])) == shown


def test_a_schedule_of_ones_own_is_one_method():
    class Halving(lw.Schedule):
        def __call__(self, step):
            return self.lr / 2**step

    np.testing.assert_allclose(walked(lw.SGD(Halving(1.0)), 3), [1, 0.5, 0.25])
    text = text_of(NotImplementedError, lambda: lw.Schedule(0.1)(0))
    assert text == "Schedule needs __call__(step)."
