"""The same as `layerwise.book`, by the compiled engine: one more word in the import lines.

    from common.layers import *        becomes   from layerwise.book.compiled.layers import *
    from common.optimizer import SGD   becomes   from layerwise.book.compiled.optimizer import SGD

The first such import chooses the engine for the whole program, as LAYERWISE_ENGINE=compiled does
(see `twins`): what takes long is then computed in float32. It needs Numba, and without it there is
an EngineError.
"""

from __future__ import annotations

import sys

from .. import book
from ..engine import choose

choose("compiled", __name__)
_of_the_book = f"{book.__name__}."
for _path in [path for path in sys.modules if path.startswith(_of_the_book)]:
    _part = _path.removeprefix(_of_the_book)
    if _part != "compiled":  # each module has this name, too
        globals()[_part] = sys.modules[f"{__name__}.{_part}"] = sys.modules[_path]

from . import *  # noqa: E402, F403  after them: `np` is NumPy itself
