"""How tests call the commands: in this process, or as a person does."""

import subprocess
import sys
from inspect import signature

from typer.testing import CliRunner

from layerwise.cli import app

# before click 8.2, stdout and stderr were kept apart only on request
APART = {"mix_stderr": False} if "mix_stderr" in signature(CliRunner).parameters else {}


def call(*words):
    return CliRunner(**APART).invoke(app, [str(word) for word in words])


def run(*words, folder, **options):
    """The real thing, in a process of its own."""
    command = [sys.executable, "-m", "layerwise", *map(str, words)]
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, encoding="utf-8", **options
    )


def refused(*words):
    """What a command says that ends with one line on stderr and exit code 2."""
    result = call(*words)
    assert result.exit_code == 2, result.output
    assert isinstance(result.exception, SystemExit)  # no traceback
    assert result.stderr.startswith("Error: ") and result.stderr.count("\n") == 1
    return result.stderr.removeprefix("Error: ").rstrip()
