"""The commands, as a person calls them."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import call, refused, run

import layerwise as lw

EXAMPLES = Path(__file__).parents[1] / "examples"

RIGHT = """
class Square:
    def forward(self, x):
        self.x = x
        return x * x

    def backward(self, dout):
        return dout * 2 * self.x
"""
COMMANDS = ("shop", "train", "evaluate", "predict", "models", "data", "check", "draw", "explore")
WRONG = RIGHT.replace("* 2 *", "* 3 *")


# ---------------------------------------------------------------- the command itself


def test_version_and_help(here):
    assert run("--version", folder=here).stdout == f"layerwise {lw.__version__}\n"
    text = run("--help", folder=here).stdout
    for command in COMMANDS:
        assert command in text
        result = call(command, "--help")
        assert result.exit_code == 0 and "--help" in result.output


def test_the_commands_bring_nothing_heavy_before_they_run():
    """So that --help is quick, whatever a command does."""
    heavy = ["matplotlib", "numba", "PIL", "safetensors", "layerwise.data", "layerwise.models"]
    code = f"import sys, layerwise.cli; print({{*{heavy!r}}} & {{*sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize(
    "words",
    [
        ["shpo"],
        ["train"],
        ["evaluate"],
        ["predict", "run"],
        ["train", "digits", "--epochs", "0"],
        ["train", "digits", "--epochs", "many"],
        ["train", "digits", "--seed", "-1"],
        ["shop", "--apple", "cheap"],
        ["check"],
        ["draw", "a", "b"],
        ["--verbose"],
    ],
    ids=" ".join,
)
def test_wrong_arguments_are_usage_errors(words, here):
    result = call(*words)
    assert result.exit_code == 2 and "Usage" in result.stderr
    assert isinstance(result.exception, SystemExit)
    assert list(here.iterdir()) == []


# ---------------------------------------------------------------- shop


def test_shop_shows_values_and_gradients_and_draws_them(here):
    result = run("shop", folder=here)
    assert (result.returncode, result.stderr) == (0, "")
    rows = [
        [cell.strip() for cell in line.strip("│").split("│")]
        for line in result.stdout.splitlines()
        if line.startswith("│")
    ]
    assert rows == [
        ["apple", "", "100", "2.2"],
        ["apple_num", "", "2", "110"],
        ["orange", "", "150", "3.3"],
        ["orange_num", "", "3", "165"],
        ["tax", "", "1.1", "650"],
        ["apple_price", "apple × apple_num", "200", "1.1"],
        ["orange_price", "orange × orange_num", "450", "1.1"],
        ["all_price", "apple_price + orange_price", "650", "1.1"],
        ["price", "all_price × tax", "715", "1"],
    ]
    picture = Path("out", "shop.svg")
    assert result.stdout.endswith(f"Wrote {picture}.\n")
    assert "<svg" in (here / picture).read_text(encoding="utf-8")


def test_shop_with_other_prices_into_a_file(here):
    result = call("shop", "--apple", 10, "--tax", 1, "--out", "deep/er/price.png")
    assert result.exit_code == 0 and " 470 " in result.output
    assert (here / "deep/er/price.png").read_bytes().startswith(b"\x89PNG")


def test_pictures_that_cannot_be_written(here):
    (here / "file").write_text("")
    assert refused("shop", "--out", "file/shop.svg").startswith("file")
    assert refused("shop", "--out", "shop.bmp").startswith("A picture is written as .svg")
    (here / "shop.svg").mkdir()
    (here / "shop.svg" / "shop.svg").mkdir()
    text = "the picture cannot be written"
    assert text in refused("shop", "--out", "shop.svg")


# ---------------------------------------------------------------- check


def test_check_says_0_for_right_and_1_for_wrong(here):
    (here / "right.py").write_text(RIGHT)
    (here / "wrong.py").write_text(RIGHT + WRONG.replace("Square", "Cube"))
    right, wrong = (run("check", name, folder=here) for name in ("right.py", "wrong.py"))
    assert (right.returncode, right.stderr) == (0, "")
    assert right.stdout.startswith("Square: all is well")
    assert (wrong.returncode, wrong.stderr) == (1, "")
    assert "Square: all is well" in wrong.stdout and "Cube: 1 thing is wrong" in wrong.stdout
    assert call("check", "wrong.py", "--class", "Square").exit_code == 0


def test_a_file_that_was_mended_a_moment_ago_is_read_anew(here):
    file = here / "mine.py"
    file.write_text(WRONG)
    os.utime(file, (1e9, 1e9))
    assert call("check", file).exit_code == 1
    file.write_text(RIGHT)  # of the same length and time
    os.utime(file, (1e9, 1e9))
    assert call("check", file).exit_code == 0
    assert not (here / "__pycache__").exists()


def test_a_file_is_read_as_python_reads_it(here):
    """With its own __future__ imports only, and able to define dataclasses."""
    (here / "mine.py").write_text(
        "from dataclasses import dataclass\n"
        + RIGHT.replace("class", "@dataclass\nclass").replace(
            "Square:", "Square:\n    n: int = 2\n    assert __annotations__['n'] is int\n"
        )
    )
    assert call("check", "mine.py").exit_code == 0


def test_check_looks_only_at_what_the_file_itself_defines(here):
    (here / "helper.py").write_text(WRONG)
    (here / "mine.py").write_text(
        "from helper import Square\nfrom layerwise import ReLU\nAgain = Square\n"
        + RIGHT.replace("Square", "Mine")
        + "class Half:\n    def forward(self, x): return x / 2\n"
    )
    result = call("check", "mine.py")
    assert result.exit_code == 0 and result.output.count("all is well") == 1
    assert str(here) not in sys.path


def test_check_of_the_examples(here):
    result = call("check", EXAMPLES / "layers.py")
    assert result.exit_code == 0, result.output
    for name in ("Softplus()", "Scale(4)", "Distance"):
        assert f"{name}: all is well" in result.output


LAYERS = {
    "books_arguments": """
    def __init__(self, W, b): self.W, self.b = W, b
    def forward(self, x): self.x = x; return x @ self.W + self.b
    def backward(self, dout):
        self.dW, self.db = self.x.T @ dout, dout.sum(axis=0)
        return dout @ self.W.T
""",
    "a_number_of_its_own": """
    def __init__(self, slope): self.slope = slope
    def forward(self, x): return self.slope * x
    def backward(self, dout): return self.slope * dout
""",
    "sizes": """
    def __init__(self, in_size, out_size):
        self.W = np.linspace(-1, 1, in_size * out_size).reshape(in_size, out_size)
    def forward(self, x): self.x = x; return x @ self.W
    def backward(self, dout): self.dW = self.x.T @ dout; return dout @ self.W.T
""",
    "three_inputs": """
    def forward(self, a, b, c): self.a, self.b, self.c = a, b, c; return a * b + c
    def backward(self, dout): return dout * self.b, dout * self.a, dout * 1
""",
    "any_number_of_inputs": """
    def forward(self, *xs): self.count = len(xs); return sum(xs)
    def backward(self, dout): return tuple(dout * 1 for _ in range(self.count))
""",
    "two_outputs": """
    def forward(self, x): return x[:1] * 2, x * 3
    def backward(self, dout): dx = dout[1] * 3; dx[:1] += dout[0] * 2; return dx
""",
    "numbers_only": """
    def forward(self, x): self.x = x; return math.sin(x)
    def backward(self, dout): return dout * math.cos(self.x)
""",
    "positive_numbers_only": """
    def forward(self, x): self.x = x; return np.log(x)
    def backward(self, dout): return dout / self.x
""",
    "images": """
    def forward(self, x): n, c, h, w = self.shape = x.shape; return x.reshape(n, c * h * w)
    def backward(self, dout): return dout.reshape(self.shape)
""",
    "products_of_matrices": """
    def forward(self, a, b): self.a, self.b = a, b; return a @ b
    def backward(self, dout): return dout @ self.b.T, self.a.T @ dout
""",
    "class_numbers": """
    def forward(self, x, t):
        self.x, self.t = x, t
        return x[np.arange(len(t)), t]
    def backward(self, dout=1):
        dx = np.zeros_like(self.x)
        dx[np.arange(len(self.t)), self.t] = dout
        return dx
""",
    "targets_like_x": """
    def forward(self, x, t): self.d = x - t; return np.sum(self.d ** 2)
    def backward(self, dout=1): return 2 * dout * self.d, -2 * dout * self.d
""",
    "own_example": """
    def __init__(self, table): self.table = table
    def forward(self, x): return x * self.table["factor"]
    def backward(self, dout): return dout * self.table["factor"]
    @classmethod
    def example(cls): return cls({"factor": 2.0}), np.ones((2, 3))
""",
}


@pytest.mark.parametrize("body", LAYERS.values(), ids=LAYERS)
def test_check_finds_inputs_for(body, here):
    (here / "mine.py").write_text(f"import math\nimport numpy as np\nclass Mine:\n{body}")
    result = call("check", "mine.py")
    assert result.exit_code == 0, result.output
    assert "Mine: all is well" in result.output


def test_check_asks_for_an_example_and_checks_the_others(here):
    (here / "mine.py").write_text(
        RIGHT
        + "class Odd:\n"
        + "    def forward(self, x):\n        return x.sparse\n"
        + "    def backward(self, dout):\n        return dout\n"
    )
    result = call("check", "mine.py")
    assert result.exit_code == 2 and "Square: all is well" in result.stdout
    assert result.stderr == (
        "Error: mine.py: Odd took none of the sample inputs (AttributeError: 'numpy.ndarray' "
        "object has no attribute 'sparse' in line 11). Give it a static method "
        "example() that returns a layer and its inputs, such as Odd(...), np.ones((3, 4)).\n"
    )


def test_a_base_class_is_checked_in_those_that_derive_from_it(here):
    (here / "mine.py").write_text(
        "class Base:\n"
        "    def forward(self, x): raise NotImplementedError\n"
        "    def backward(self, dout): raise NotImplementedError\n"
        + RIGHT.replace("Square", "Square(Base)")
    )
    assert call("check", "mine.py").exit_code == 0


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (None, "mine.py: expected a Python file, but there is no such file. Check the name."),
        (
            "x = 1\ny = x / 0\n",
            "mine.py: importing it failed in line 2: ZeroDivisionError: division by zero",
        ),
        ("def f(:\n", "mine.py: importing it failed in line 1: SyntaxError: invalid syntax"),
        ("import sys\nsys.exit(3)\n", "mine.py: importing it failed in line 2: SystemExit: 3"),
        ("raise ValueError\n", "mine.py: importing it failed in line 1: ValueError"),
        (
            "import nothing_of_that_name\n",
            "mine.py: importing it failed in line 1: ModuleNotFoundError: No module named "
            "'nothing_of_that_name'",
        ),
        (
            "x = 1\n",
            "mine.py: there is no layer class in it. A layer class has the methods forward and "
            "backward.",
        ),
        (
            RIGHT + "    def example(): return 3\n",
            "mine.py: Square.example() must return (layer, *inputs), but returned int.",
        ),
        (
            RIGHT + "    def example(): return 1 / 0\n",
            "mine.py: Square.example() failed in line 9: ZeroDivisionError: division by zero",
        ),
    ],
)
def test_check_refuses_in_one_line(content, text, here):
    if content is not None:
        (here / "mine.py").write_text(content)
    assert refused("check", "mine.py") == text
    assert "mine.py" not in os.listdir(here / "..")


def test_damaged_files_folders_and_wrong_names(here):
    (here / "mine.py").write_bytes(b"\x00\xff\xfe" * 100)
    assert refused("check", "mine.py").startswith("mine.py: importing it failed")
    (here / "mine.py").write_text(RIGHT)
    text = "mine.py: there is no layer class Sqare in it. Did you mean Square?"
    assert refused("check", "mine.py", "--class", "Sqare") == text
    text = "mine.py: there is no layer class Pool in it. It has Square."
    assert refused("check", "mine.py", "--class", "Pool") == text
    assert refused("check", here).endswith("expected a Python file, but that is a folder. "
                                           "Check the name.")  # fmt: skip


# ---------------------------------------------------------------- draw

GRAPHS = """
import layerwise as lw

def doubled():
    return lw.Graph((lw.Input("x") * 2).named("y"))

def broken():
    return doubled().forward()

def wanting(size):
    return doubled()

graph = doubled()
graph.forward(21)
number = 3
"""


def test_draw_a_graph_and_what_a_function_makes(here):
    (here / "mine.py").write_text(GRAPHS)
    result = run("draw", "mine.py:graph", folder=here)
    assert (result.returncode, result.stdout, result.stderr) == (0, "Wrote graph.svg.\n", "")
    assert ">42<" in (here / "graph.svg").read_text(encoding="utf-8")
    assert call("draw", "mine.py:doubled", "--out", "pictures/d.pdf").exit_code == 0
    assert (here / "pictures" / "d.pdf").read_bytes().startswith(b"%PDF")
    assert call("draw", "mine.py:doubled", "--out", ".").exit_code == 0
    assert (here / "doubled.svg").exists()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("", "mine.py: which graph? Write mine.py:NAME. It has doubled, broken, graph."),
        (":", "mine.py: which graph? Write mine.py:NAME. It has doubled, broken, graph."),
        (":grap", "mine.py: there is no graph grap in it. Did you mean graph?"),
        (":zzz", "mine.py: there is no graph zzz in it. It has doubled, broken, graph."),
        (
            ":number",
            "mine.py: number is a int, expected a Graph, or a function without arguments that "
            "returns one.",
        ),
        (
            ":wanting",
            "mine.py: wanting() failed: TypeError: wanting() missing 1 required positional "
            "argument: 'size'",
        ),
    ],
)
def test_draw_refuses_in_one_line(name, text, here):
    (here / "mine.py").write_text(GRAPHS)
    assert refused("draw", f"mine.py{name}") == text


def test_draw_of_a_function_that_raises(here):
    (here / "mine.py").write_text(GRAPHS)
    text = refused("draw", "mine.py:broken")
    assert text.startswith("mine.py: broken() failed in line 8: WiringError: ")


# ---------------------------------------------------------------- explore


EXPLORED = """
import layerwise as lw

def doubled():
    return lw.Graph((lw.Input("x") * 2).named("y"))

def given():
    return doubled(), 21

def much():
    return doubled(), "much"

graph = doubled()
graph.forward(21)
fresh = doubled()
number = 3
"""


def test_explore_a_graph_that_has_run_and_one_with_its_inputs(here):
    (here / "mine.py").write_text(EXPLORED)
    result = run("explore", "mine.py:graph", folder=here)
    assert (result.returncode, result.stdout, result.stderr) == (0, "Wrote graph.html.\n", "")
    page = (here / "graph.html").read_text("utf-8")
    assert "<title>graph</title>" in page and '"number":42' in page
    assert call("explore", "mine.py:given", "--out", "pages/one.html").exit_code == 0
    assert '"number":42' in (here / "pages" / "one.html").read_text("utf-8")
    assert call("explore", "mine.py:given", "--out", ".").exit_code == 0
    assert (here / "given.html").exists()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "fresh",
            "mine.py: fresh has not run, so there are no inputs to explore it with. Call "
            "fresh.forward(x) in the file, or make fresh a function that returns (graph, x).",
        ),
        (
            "number",
            "mine.py: number is a int, expected a Graph that has run, a tuple (graph, *inputs), "
            "or a function without arguments that returns one of these.",
        ),
        ("much", "x got str 'much', which is no number and no array of numbers."),
        ("grap", "mine.py: there is no graph grap in it. Did you mean graph?"),
    ],
)
def test_explore_refuses_in_one_line(name, text, here):
    (here / "mine.py").write_text(EXPLORED)
    assert refused("explore", f"mine.py:{name}") == text


# ---------------------------------------------------------------- the examples


@pytest.mark.parametrize(
    ("name", "line", "files"),
    [
        ("shop.py", "d price / d tax: 650", ["shop.svg"]),
        ("digits.py", "Right on the held-out part: 9", ["digits-curve.png", "digits-graph.svg"]),
    ],
)
def test_the_examples_run(name, line, files, here):
    command = [sys.executable, "-W", "error", EXAMPLES / name]
    result = subprocess.run(command, cwd=here, capture_output=True, text=True, encoding="utf-8")
    assert (result.returncode, result.stderr) == (0, "")
    assert line in result.stdout
    assert sorted(os.listdir(here)) == files


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("train digits --epochs x", "Invalid value for '--epochs'"),
        ("shop --apple abc", "Invalid value for '--apple'"),
        ("--nope", "No such option: --nope"),
        ("nonsense", "No such command 'nonsense'"),
        ("trian", "No such command 'trian'. Did you mean 'train'? See layerwise --help.\n"),
        ("check", "Missing argument 'FILE.py'"),
    ],
)
def test_wrong_arguments_give_one_line(words, said):
    run = [sys.executable, "-m", "layerwise", *words.split()]
    done = subprocess.run(run, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("Error: ") and said in done.stderr
    assert re.search(r"\w.?[.?] See layerwise --help\.\n$", done.stderr)
    assert done.stderr.count("\n") == 1


def test_without_arguments_the_help_comes():
    run = [sys.executable, "-m", "layerwise"]
    done = subprocess.run(run, capture_output=True, text=True)
    assert done.returncode == 2
    assert "Usage" in done.stdout and done.stderr == ""


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("draw mine.py:made", "mine.py: made() failed in line 2: SystemExit: 3"),
        (
            "check mine.py",
            "mine.py: Quits took none of the sample inputs (SystemExit: 4 in line 5)",
        ),
    ],
)
def test_a_file_that_exits_does_not_take_the_command_along(command, said, here):
    (here / "mine.py").write_text(
        "def made():\n    raise SystemExit(3)\n"
        "class Quits:\n    def forward(self, x):\n        raise SystemExit(4)\n"
        "    def backward(self, dout):\n        return dout\n"
    )
    result = call(*command.split())
    assert result.exit_code == 2
    assert result.stderr.startswith(f"Error: {said}") and result.stderr.count("\n") == 1
