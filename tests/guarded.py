"""Memory with pages before and behind it that nobody may touch: whoever does ends the process.

For tests in a process of their own. Once this is imported, every array of a plan lies at the end
of such memory, or, after `import guarded; guarded.SIDE = "before"`, at its beginning.
"""

import ctypes
import importlib
import mmap

import numpy as np

memory = importlib.import_module("layerwise.engine.memory")
libc, PAGE = ctypes.CDLL(None), mmap.PAGESIZE
SIDE = "behind"


def guarded(size):
    """The bytes, and where in them the array begins."""
    pages = -(-size // PAGE)
    raw = np.frombuffer(mmap.mmap(-1, (pages + 2) * PAGE), np.uint8)
    for page in (0, pages + 1):
        assert libc.mprotect(ctypes.c_void_p(raw.ctypes.data + page * PAGE), PAGE, 0) == 0
    return raw, PAGE if SIDE == "before" else (pages + 1) * PAGE - size


class Guarded(memory.Block):
    def __init__(self, size):
        self.size = size
        self.raw, self.start = guarded(size)


memory.Block = Guarded
memory.WASTE = 1  # an array gets the memory of another one only if that is as large


def put(array):
    raw, start = guarded(array.nbytes)
    twin = np.ndarray(array.shape, array.dtype, raw, start)
    twin[...] = array
    return twin


def run(net, *inputs):
    """A step of a network, with its parameters and inputs in such memory."""
    for held in (*net.parameters().values(), *net.buffers().values()):
        if held.shape:
            held.value = put(held.value)
    net.forward(*map(put, inputs))
    net.backward()
    assert "Python" not in net.plan(), net.plan()
    net.predict(*map(put, inputs))
