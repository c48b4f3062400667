"""Measure what the whole app takes in memory after the first click on a sample, process by process.

    python tests/benchmarks/app_memory.py [--rounds 3]

A real server on Linux, and a real Chromium whose memory does not count. Each round starts the server anew, opens the
page, waits until nothing moves any more, and clicks on Train. The proportional set size (PSS) of each process is read
when the run is done: what it shares with other processes is divided among them, those that are no part of the app
included, so the machine should run no other TensorFlow. "Own" is what no file on the disk holds, which the system
cannot take back when memory is short; PSS is between that and the resident size (RSS). Prints Markdown.
"""

import argparse
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parents[1]))

import psutil
from benchmarks.page_speed import WHEN_DRAWN, machine
from browser import driving
from browser.driving import App, idle, open_app, state, tab
from playwright.sync_api import Browser, sync_playwright

driving.PATIENCE = 300_000


@dataclass(frozen=True)
class Taken:
    """Memory of a process in megabytes: what it is, PSS, own, RSS."""

    what: str
    pss: float
    own: float
    rss: float


def main() -> None:
    """Print the machine, and a line for each process."""
    arguments = argparse.ArgumentParser(description="What the app takes in memory after the first click.")
    arguments.add_argument("--rounds", type=int, default=3, help="times that the server is started anew")
    rounds = arguments.parse_args().rounds
    print(machine(), "\n")
    idle_runs: list[list[Taken]] = []
    ended_runs: list[list[Taken]] = []
    points: list[float] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=driving.CHROMIUM, args=driving.FLAGS)
        for _ in range(rounds):
            with tempfile.TemporaryDirectory() as folder:
                before, after, point = _first_click(browser, Path(folder))
            idle_runs.append(before)
            ended_runs.append(after)
            points.append(point)
        browser.close()
    for title, found in (
        ("before the first click, worker warm", idle_runs),
        ("after the first run", ended_runs),
    ):
        print(f"| {title} | PSS, MB | own, MB | RSS, MB |\n|---|---|---|---|")
        for processes in zip(*found, strict=True):
            _line(processes[0].what, list(processes))
        _line("together", [_sum(processes) for processes in found])
        print()
    listed = ", ".join(f"{point:.2f}" for point in points)
    print(f"From the first click to the first painted point: {statistics.median(points):.2f} s ({listed})")


def _line(what: str, taken: list[Taken]) -> None:
    median = (statistics.median(getattr(one, name) for one in taken) for name in ("pss", "own", "rss"))
    print(f"| {what} | " + " | ".join(f"{value:.0f}" for value in median) + " |", flush=True)


def _sum(processes: list[Taken]) -> Taken:
    return Taken(
        "together", *(sum(getattr(one, name) for one in processes) for name in ("pss", "own", "rss"))
    )


def _first_click(browser: Browser, home: Path) -> tuple[list[Taken], list[Taken], float]:
    app = App(home / "app")
    app.start()
    assert app.process is not None
    server = psutil.Process(app.process.pid)
    try:
        with tab(browser, height=900) as page:
            open_app(page, app.url)
            idle(page)
            _wait_until_level(server)
            before = _processes(server)
            point = page.evaluate(WHEN_DRAWN) / 1000
            state(page, "Done").wait_for()
            idle(page)
            _wait_until_level(server)
            return before, _processes(server), point
    finally:
        app.stop()


def _wait_until_level(server: psutil.Process) -> None:
    """Wait until no process of the app has used the processor to speak of for five seconds."""
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline:
        used = _used(server)
        time.sleep(5)
        if _used(server) - used < 0.2:
            return


def _used(server: psutil.Process) -> float:
    return sum(
        one.cpu_times().user + one.cpu_times().system for one in [server, *server.children(recursive=True)]
    )


def _processes(server: psutil.Process) -> list[Taken]:
    """The page's process, and all that it has started that take more than a few megabytes, the largest first."""
    children = [_taken(one, "") for one in server.children(recursive=True)]
    children = sorted((one for one in children if one.rss > 30), key=lambda one: -one.own)
    names = ["worker", *(f"process {number}" for number in range(2, len(children) + 1))]
    return [
        _taken(server, "page"),
        *(Taken(name, one.pss, one.own, one.rss) for name, one in zip(names, children, strict=False)),
    ]


def _taken(process: psutil.Process, what: str) -> Taken:
    lines = Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines()[1:]
    sizes = {line.split(":")[0]: int(line.split()[1]) / 1024 for line in lines}
    return Taken(what, sizes["Pss"], sizes["Anonymous"], sizes["Rss"])


if __name__ == "__main__":
    main()
