"""How much memory this machine still has, also inside a container."""

import os
from collections.abc import Mapping
from pathlib import Path

from lrapp.errors import UserError
from lrapp.phrasing import bytes_of

LIMIT = "LRAPP_WORKER_MEMORY"


def for_a_run(environment: Mapping[str, str] = os.environ) -> int | None:
    """Return how much memory a run may still take: what is free, at most what ``LRAPP_WORKER_MEMORY`` says.

    Args:
        environment: Where the variable is looked for.

    Returns:
        Bytes; None where no limit is known.

    Raises:
        UserError: If the variable holds something else than a size.
    """
    text, free = environment.get(LIMIT, "").strip(), available_bytes()
    if not text:
        return free
    most = bytes_of(text)
    if most is None:
        raise UserError(f"{LIMIT} must be a size, such as 500MB or 4GB. Received: {text}.")
    return most if free is None else min(most, free)


def available_bytes(root: Path = Path("/")) -> int | None:
    """Return how much memory a process may still take by ``proc`` and ``sys`` in ``root``, None where unknown."""
    found = [_free_of_machine(root), _free_of_group(root)]
    known = [value for value in found if value is not None]
    return max(0, min(known)) if known else _free_by_sysconf()


def _free_of_machine(root: Path) -> int | None:
    try:
        for line in (root / "proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    return None


def _free_of_group(root: Path) -> int | None:
    """Memory left within a container's limit, by either version of control groups."""
    for limit, used in (
        ("sys/fs/cgroup/memory.max", "sys/fs/cgroup/memory.current"),
        ("sys/fs/cgroup/memory/memory.limit_in_bytes", "sys/fs/cgroup/memory/memory.usage_in_bytes"),
    ):
        try:
            # "max" means no limit and is no number.
            return int((root / limit).read_text()) - int((root / used).read_text()) + _cached(root / limit)
        except (OSError, ValueError):
            continue
    return None


def _cached(limit: Path) -> int:
    """File pages that the group counts as used but frees when needed."""
    try:
        for line in limit.with_name("memory.stat").read_text().splitlines():
            name, _, value = line.partition(" ")
            if name in ("inactive_file", "total_inactive_file"):
                return int(value)
    except (OSError, ValueError):
        pass
    return 0


def _free_by_sysconf() -> int | None:
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return None
