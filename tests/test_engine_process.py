"""The engine and the world around it: threads, processes, other CPUs, the folder of kernels."""

import importlib.util
import os
import subprocess
import sys
import textwrap
import threading

import numpy as np
import pytest

import layerwise as lw

if importlib.util.find_spec("numba") is None:
    pytest.skip("Numba is not installed: there is only one engine", allow_module_level=True)

from layerwise.engine import cpu

posix = pytest.mark.skipif(os.name != "posix", reason="needs fork, signals and mprotect of POSIX")


def network(width=512, rows=128):
    """A network with steps for all threads, and numbers for it."""
    x, t = lw.Input("x"), lw.Input("t")
    h = lw.ReLU()(lw.Affine(300, width)(x))
    loss = lw.SoftmaxCrossEntropy()(lw.Affine(width, 10)(h), t)
    rng = np.random.default_rng(0)
    net = lw.Graph(loss, inputs=[x, t], seed=0)
    return net, (rng.normal(size=(rows, 300)).astype("f"), rng.integers(0, 10, rows))


def results(net, inputs):
    """All numbers of a run, as bytes."""
    net.forward(*inputs)
    net.backward()
    every = [*net.values.values(), *(g for g in net.gradients.values() if g is not None)]
    return b"".join(np.asarray(one).tobytes() for one in every)


@pytest.fixture
def threads():
    yield lw.set_num_threads
    lw.set_num_threads(None)


def test_results_do_not_depend_on_the_number_of_threads(threads):
    net, inputs = network()
    found = set()
    for count in (1, 2, 3, 7, 2):
        threads(count)
        found.add(results(net, inputs))
    assert len(found) == 1


def test_several_threads_may_call_at_once(threads):
    threads(2)
    net, inputs = network()
    expected = results(net, inputs)
    wrong = []

    def run():
        mine, numbers = network()
        for _ in range(20):
            if results(mine, numbers) != expected:
                wrong.append(threading.get_ident())

    callers = [threading.Thread(target=run) for _ in range(3)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert not wrong


@pytest.mark.parametrize("word", ["ACTIVE", "STOP"])
def test_a_worker_that_is_about_to_sleep_sees_what_began_meanwhile(word):
    from layerwise.engine import pool

    team, rounds = pool.Team(1), []  # a team without workers, so that this thread is its second

    def work(*arguments):  # the worker has waited long enough, and the caller begins just now
        rounds.append(arguments)
        team.words[getattr(pool, word)] = 1
        return len(rounds) == 2

    team.work = work
    worker = threading.Thread(target=team._live, args=(0,), daemon=True)
    worker.start()
    worker.join(timeout=10)
    assert not worker.is_alive()


def test_a_program_has_begun_before_workers_are_woken():
    from layerwise.engine import pool

    team, seen = pool.Team(1), []
    team._wake = lambda: seen.append(int(team.words[pool.ACTIVE]))
    team.replay = lambda *arguments: None
    team.run(0, 0, 0)
    assert seen == [1]
    assert team.words[pool.ACTIVE] == 0


@posix
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_child_process_has_threads_of_its_own(threads):
    threads(2)
    net, inputs = network()
    expected = results(net, inputs)
    child = os.fork()
    if child == 0:
        code = 2
        try:
            code = 0 if results(net, inputs) == expected else 1
        finally:  # a child that fails must not go on with the parent's tests
            os._exit(code)
    assert results(net, inputs) == expected
    assert os.waitpid(child, 0)[1] == 0


def python(code, **environment):
    """Run a program in a process of its own."""
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        env=os.environ | environment,
        cwd=os.path.dirname(__file__),
        timeout=300,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


@posix
def test_ctrl_c_in_the_middle_leaves_everything_usable():
    said = python(
        """
        import signal
        from test_engine_process import *
        net, inputs = network()
        expected = results(net, inputs)
        for pause in (0.01, 0.02, 0.035, 0.05):
            threading.Timer(pause, os.kill, (os.getpid(), signal.SIGINT)).start()
            try:
                while True:
                    results(net, inputs)
            except KeyboardInterrupt:
                assert results(net, inputs) == expected
        print("well")
        """
    )
    assert said == "well\n"


def test_a_program_ends_at_once(threads):
    assert python("from test_engine_process import *\nresults(*network())\nprint('end')") == "end\n"


SMALL = """
    import layerwise as lw, numpy as np
    net = lw.Sequential(lw.Affine(2, 1), seed=0)
    net["affine1.W"].value, net["affine1.b"].value = np.ones((2, 1)), [3.0]
    print(net.forward(np.ones((1, 2))).item())
"""


@pytest.mark.parametrize(
    ("name", "runs"), [("", "own code"), ("numpy", "own code"), ("compiled", "product")]
)
def test_one_has_to_ask_for_the_engine(name, runs):
    assert runs in python(SMALL + "    print(net.plan())", LAYERWISE_ENGINE=name)


def test_layers_of_the_book_look_for_kernels_only_when_somebody_has_asked_for_them():
    said = python(
        """
        import layerwise as lw
        from layerwise.book.lists import Written
        import layerwise.book
        print(Written.stand_in)
        with lw.engine("compiled"):
            print(Written.stand_in.__name__)
        """,
        LAYERWISE_ENGINE="",
    )
    assert said.split() == ["None", "twin_of"]


def test_an_engine_may_be_asked_for_inside_a_with():
    indented = textwrap.indent(textwrap.dedent(SMALL), "    ")
    said = python(
        f"import layerwise as lw\nwith lw.engine('compiled'):{indented}    print(net.plan())",
        LAYERWISE_ENGINE="",
    )
    assert "product" in said


def test_an_engine_that_there_is_not():
    with pytest.raises(AssertionError) as caught:
        python("import layerwise", LAYERWISE_ENGINE="fast")
    said = str(caught.value)
    assert "EngineError: LAYERWISE_ENGINE=fast: choose one of ('compiled', 'numpy')." in said


def test_without_numba_there_is_only_one_engine():
    said = python(
        """
        import os, sys
        sys.modules["numba"] = None
        import layerwise as lw, numpy as np
        net = lw.Sequential(lw.Affine(2, 2), seed=0)
        net.forward(np.ones((1, 2)))
        print(net.plan())
        try:
            lw.engine("compiled").__enter__()
        except lw.EngineError as error:
            print(error)
        for name in [name for name in sys.modules if name.startswith("layerwise")]:
            del sys.modules[name]
        os.environ["LAYERWISE_ENGINE"] = "compiled"
        try:
            import layerwise
        except ValueError as error:
            print(error)
        """,
        LAYERWISE_ENGINE="",
    )
    assert said.splitlines() == [
        "Every layer ran its own code, in NumPy.",
        "engine('compiled') needs Numba: pip install numba.",
        "LAYERWISE_ENGINE=compiled needs Numba: pip install numba.",
    ]


OTHERS = {  # floats in a vector: how to ask for the code of such a CPU
    4: {"NUMBA_CPU_NAME": "x86-64", "NUMBA_CPU_FEATURES": "+sse2"},
    8: {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": "+avx,+avx2,+fma,+sse2"},
    16: {"LAYERWISE_VECTORS": "16x32"},  # from two vectors of 8, or four of 4
}


@pytest.mark.skipif(
    not (sys.platform == "linux" and os.uname().machine == "x86_64"),
    reason="code for other CPUs is tested where they can run it: on x86-64",
)
@pytest.mark.parametrize("width", [width for width in OTHERS if width != cpu.V])
def test_the_same_source_becomes_code_for_other_cpus(width):
    said = python(
        """
        from engines import assert_agree
        from layerwise.engine import cpu
        from test_engine import X, T, classifier
        from test_engine_process import *
        assert_agree(classifier, X, T)
        rng = np.random.default_rng(0)
        for rows, width in ((1, 1), (7, 3), (70, 35)):
            x = rng.normal(size=(rows, 33)).astype("f")
            assert_agree(lambda: lw.Sequential(lw.Affine(33, width), lw.ReLU(), seed=0), x)
        x = rng.normal(size=(3, 5, 9, 21)).astype("f")
        assert_agree(lambda: lw.Sequential(lw.Conv2d(5, 20, 3, padding=1), lw.ReLU(), seed=0), x)
        print(cpu.V)
        """,
        **OTHERS[width],
    )
    assert said == f"{width}\n"


# memory ------------------------------------------------------------------------------------------


@posix
@pytest.mark.parametrize("side", ["behind", "before"])
def test_nothing_is_read_or_written_outside(side):
    """Every array lies at the end (or the beginning) of memory behind (before) which is a page that
    nobody may touch: a kernel that steps over the edge ends the process."""
    python(
        f"""
        import guarded
        guarded.SIDE = {side!r}
        import numpy as np
        from test_engine import lw, KERNELS

        rng = np.random.default_rng(0)
        for N, D, M in [(1, 1, 1), (7, 5, 3), (6, 8, 16), (13, 33, 17), (70, 9, 35), (50, 400, 64)]:
            for activation in KERNELS:
                x, t = lw.Input("x"), lw.Input("t")
                y = activation()(activation()(lw.Affine(D, M)(x)))
                loss = lw.SoftmaxCrossEntropy()(y + lw.Affine(D, M, bias=False)(x), t)
                net = lw.Graph(loss, inputs=[x, t], seed=0)
                guarded.run(net, rng.normal(size=(N, D)).astype("f"), rng.integers(0, M, N))
        """
    )


# the folder of kernels ---------------------------------------------------------------------------


def test_kernels_are_compiled_once_and_made_anew_when_damaged(tmp_path):
    def run():
        return subprocess.run(
            [sys.executable, "-c", textwrap.dedent(SMALL)],
            capture_output=True,
            text=True,
            check=True,
            env=os.environ | {"LAYERWISE_KERNELS": str(tmp_path), "LAYERWISE_NUM_THREADS": "1"},
        )

    first = run()
    assert first.stdout == "5.0\n" and first.stderr.startswith("layerwise: compiling kernels")
    files = sorted(tmp_path.iterdir())
    assert len(files) == 2  # the product, and what replays a program
    assert (run().stdout, run().stderr) == ("5.0\n", "")
    for file in files:
        file.write_bytes(file.read_bytes()[:-20])
    damaged = run()
    assert damaged.stdout == "5.0\n" and damaged.stderr == first.stderr
    assert (run().stdout, run().stderr) == ("5.0\n", "")
    assert sorted(tmp_path.iterdir()) == files


def test_a_folder_that_cannot_be_written_to_costs_time_only(tmp_path):
    file = tmp_path / "no folder"
    file.write_text("")
    run = python(SMALL, LAYERWISE_KERNELS=str(file), LAYERWISE_NUM_THREADS="1")
    assert run == "5.0\n"
