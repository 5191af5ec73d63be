"""Runs the KLL compiler without starting it anew, with quicker parts in place of its slowest ones.

What it writes is the same to the byte. What it says of a fault is not: whoever uses this runs the
compiler itself after a failure.
"""

import gc
import os
import sys
import traceback
import types
from functools import lru_cache


class _InOrder:
    """Stands in for the pool of threads: they only ever waited for each other."""

    def __init__(self, _jobs):
        pass

    def map(self, function, items):
        return [function(item) for item in items]


def compile_kll(arguments, directory):
    """True where the compiler wrote its files. Paths in `arguments` are relative to `directory`.

    It has a process of its own, whose memory is free again when the C compiler needs it.
    """
    sys.stdout.flush()
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1] == 0
    done = False
    try:
        done = _compile(arguments, directory)
    except Exception:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(0 if done else 1)


@lru_cache(maxsize=None)
def load():
    """The compiler, with the quicker parts in it. It is loaded once; who waits for a build does it ahead of that."""
    from warm import lexer, parser

    sys.modules["multiprocessing"] = types.SimpleNamespace(cpu_count=lambda: 1)
    sys.modules["multiprocessing.dummy"] = types.SimpleNamespace(Pool=_InOrder)
    sys.modules["kll.extern.funcparserlib.lexer"] = lexer
    sys.modules["kll.extern.funcparserlib.parser"] = parser
    import kll
    import layouts

    # The compiler asks for the same few tables once for each key, and only reads them.
    layouts.Layout.dict = lru_cache(maxsize=None)(layouts.Layout.dict)
    return kll


def _compile(arguments, directory):
    # A process that lives for a fraction of a second has nothing to collect.
    gc.disable()
    kll = load()
    # The compiler writes into its files how it was called.
    sys.argv = [os.path.join(os.path.dirname(kll.__file__), "__main__.py"), *arguments]
    os.chdir(directory)
    try:
        kll.main(arguments)
    except SystemExit as exit:
        return not exit.code
    return False
