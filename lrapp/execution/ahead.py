"""Imports ahead of need, while whoever asked goes on."""

import threading
from importlib import import_module


def import_ahead(module: str) -> None:
    """Begin to import a module; who imports it before that has ended waits for what is left.

    As one import: two threads that begin in different places would wait for each other.

    Args:
        module: Its full name.
    """
    threading.Thread(target=import_module, args=(module,), name="lrapp-ahead", daemon=True).start()
