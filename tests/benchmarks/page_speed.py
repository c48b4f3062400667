"""What the page costs: a person's seconds, the training's seconds, and memory.

    python tests/benchmarks/page_speed.py [paint point rerun watch sessions memory] [--rounds 7] [--runs 100]
        [--sessions 50]

A real server and a real Chromium on this machine, which share its cores with the training. Contenders take turns, and
medians count. The cardiovascular table is taken from the folder that LRAPP_TEST_DATA names, else one of its size is
generated.

paint: from the visit's beginning to the frame in which the first heading, the Train button, the page's style and the
    plan of the learning rate can be seen, and the processor time of server and browser. The plan is the last thing on
    the page; nothing is in the browser's cache; expert settings are off, as for whoever comes first.
point: from the click on Train to the frame in which a line of the run's charts has a point.
rerun: from the click on a field's plus to the frame in which the sentence that depends on it, and where there is one
    the line of the plan, have changed and the script has ended (what the click set off, that is; the charts of the run
    that is in training go on being drawn about once a second). Beside it, in turns, while the same run trains: a
    Streamlit page with nothing but a field and a sentence, which is the least that any page can take on these cores.
watch: seconds an epoch of one long run, with a tab open on it and without, in turns of 8 s; and who used the processor.
sessions: from the change of a field to the end of the script, for one of many open tabs, while the others watch the run
    that trains. The tabs have no browser (``tabs.py``), which would take all cores.
memory: of the page's process and of the worker after each of many short runs.
"""

import argparse
import asyncio
import json
import os
import platform
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import psutil
from benchmarks import tabs
from browser import driving
from browser.driving import App, choose, idle, open_app, set_number, state, switch, tab, train
from drawn import charts
from drawn.first_seen import WHEN_DRAWN, WHEN_RERUN, WHEN_SEEN
from playwright.sync_api import Browser, Page, sync_playwright

PARTS = ("paint", "point", "rerun", "watch", "sessions", "memory")
MEGABYTE = 2**20
EMPTY_PAGE = 'import streamlit as st\n\nst.button("Train")\n'
FIELD_PAGE = """import streamlit as st

epochs = st.number_input("Epochs", value=50, step=1)
st.caption(f"{epochs} steps, 1 an epoch; the rate moves between 0 and 1.")
st.button("Train")
"""
# A machine that is busy with other things takes minutes for what a quiet one does in seconds.
driving.PATIENCE = 300_000


def main() -> None:
    """Run the parts that were asked for, and print a table of each."""
    arguments = argparse.ArgumentParser(description="What the page costs.")
    arguments.add_argument("parts", nargs="*", help=f"which of {', '.join(PARTS)}; all by default")
    arguments.add_argument("--rounds", type=int, default=7, help="turns of each contender, at least 1")
    arguments.add_argument("--runs", type=int, default=100, help="short runs for the memory, at least 20")
    arguments.add_argument("--sessions", type=int, default=50, help="open tabs, at least 1")
    options = arguments.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        arguments.error(f"parts are {', '.join(PARTS)}. Received: {', '.join(sorted(unknown))}.")
    print(machine())
    measures: dict[str, Callable[[Browser, Path], None]] = {
        "paint": lambda browser, home: first_paint(browser, home, options.rounds),
        "point": lambda browser, home: first_point(browser, home, options.rounds),
        "rerun": lambda browser, home: rerun(browser, home, options.rounds),
        "watch": lambda browser, home: watching(browser, home, options.rounds),
        "sessions": lambda browser, home: sessions(browser, home, options.rounds, options.sessions),
        "memory": lambda browser, home: memory(browser, home, options.runs),
    }
    with sync_playwright() as playwright:
        for part in options.parts or PARTS:
            browser = playwright.chromium.launch(executable_path=driving.CHROMIUM, args=driving.FLAGS)
            with tempfile.TemporaryDirectory() as folder:
                measures[part](browser, Path(folder))
            browser.close()


def machine() -> str:
    """Return the machine and the versions in two lines."""
    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = [line for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
        name = lines[0].split(":", 1)[1].strip() if lines else name
    packages = ", ".join(
        f"{package} {version(package)}" for package in ("streamlit", "altair", "keras", "pandas")
    )
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg()) if hasattr(os, "getloadavg") else "unknown"
    return (
        f"{name}, {os.cpu_count()} cores, {psutil.virtual_memory().total / 2**30:.0f} GB; load before: {load}\n"
        f"Python {platform.python_version()}, {packages}"
    )


def report(title: str, rows: list[tuple[str, str, str]]) -> None:
    """Print a table of what was measured and what was to be reached."""
    print(f"\n{title}")
    for what, measured, target in rows:
        print(f"  {what:<62} {measured:>16}   {target}")
    sys.stdout.flush()


def seconds(values: list[float]) -> str:
    """Return the median of some seconds, and the worst of them."""
    return f"{statistics.median(values):.2f} s (≤ {max(values):.2f})"


def cardio() -> bytes:
    """Return the cardiovascular table, or one of its size."""
    folder = os.environ.get("LRAPP_TEST_DATA")
    if folder and (Path(folder) / "cardio_train.csv").exists():
        return (Path(folder) / "cardio_train.csv").read_bytes()
    chance = random.Random(0)
    lines = ["id;" + ";".join(f"x{n}" for n in range(11)) + ";cardio"]
    for number in range(70_000):
        values = [round(chance.gauss(0, 1), 3) for _ in range(11)]
        lines.append(f"{number};" + ";".join(map(str, values)) + f";{int(sum(values[:3]) > 0)}")
    return "\n".join(lines).encode()


# --- visits ----------------------------------------------------------------------------------------------------


def first_paint(browser: Browser, home: Path, rounds: int) -> None:
    """Measure from a visit's beginning to its contents, against a page with nothing but a button."""
    (home / "empty.py").write_text(EMPTY_PAGE)
    apps = {"app": (App(home / "app"), "app.py"), "empty": (App(home / "empty"), str(home / "empty.py"))}
    last = {"app": "plan", "empty": "button"}
    first: dict[str, list[float]] = {name: [] for name in apps}
    later: dict[str, list[dict[str, float]]] = {name: [] for name in apps}
    for _ in range(3):
        for name, (app, script) in apps.items():
            app.start(script, expert=False)
            first[name].append(_visit(browser, app, last[name])[last[name]])
            app.stop()
    for app, script in apps.values():
        app.start(script, expert=False)
    _visit(browser, apps["app"][0], "plan")
    with tab(browser) as page:  # until TensorFlow has been imported in the background
        open_app(page, apps["app"][0].url)
        train(page)
        state(page, "Done").wait_for()
    for _ in range(rounds):
        for name, (app, _) in apps.items():
            later[name].append(_visit(browser, app, last[name]))
    for app, _ in apps.values():
        app.stop()

    def row(title: str, name: str, what: str, target: str = "") -> tuple[str, str, str]:
        return title, seconds([seen[what] for seen in later[name]]), target

    def ratio(what: str) -> str:
        medians = [
            statistics.median(seen[it] for seen in later[name])
            for name, it in (("app", what), ("empty", "button"))
        ]
        return f"{medians[0] / medians[1]:.2f} x"

    report(
        "(b) From a visit's beginning to the painted page, nothing in the browser's cache",
        [
            row("empty Streamlit page", "empty", "button"),
            row("Train page, its first heading", "app", "head"),
            row("Train page, its style", "app", "style"),
            row("Train page, with its rail and the plan", "app", "plan"),
            ("first heading against the empty page", ratio("head"), "at most 1.7 x"),
            ("all of the page against the empty page", ratio("plan"), ""),
            row("empty page, server's processor time", "empty", "server"),
            row("Train page, server's processor time", "app", "server"),
            row("empty page, browser's processor time", "empty", "browser"),
            row("Train page, browser's processor time", "app", "browser"),
            ("very first visit after the server's start: empty page", seconds(first["empty"]), ""),
            ("very first visit after the server's start: Train page", seconds(first["app"]), ""),
        ],
    )


def _visit(browser: Browser, app: App, last: str) -> dict[str, float]:
    """Visit in a fresh tab; return seconds until things were seen, and the processor's until all rests."""
    assert app.process is not None
    server = [psutil.Process(app.process.pid)]
    before = tabs.used(server), tabs.used_by_each(tabs.browsers())
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    wanted = {
        "button": "[data-testid=stMain] [data-testid=stButton] button",
        "head": "[data-testid=stMain] h2",
        "plan": "[data-testid=stVegaLiteChart] .marks",
    }
    page.add_init_script(WHEN_SEEN % json.dumps(wanted))
    page.goto(app.url, wait_until="commit")
    page.wait_for_function(f"() => '{last}' in (window.seen || {{}})", timeout=60_000)
    page.wait_for_timeout(500)
    seen: dict[str, float] = page.evaluate("() => window.seen")
    after = tabs.used(server), tabs.used_by_each(tabs.browsers())
    context.close()
    return {name: value / 1000 for name, value in seen.items()} | {
        "server": after[0] - before[0],
        "browser": sum(now - before[1].get(process, 0.0) for process, now in after[1].items()),
    }


# --- while it trains -------------------------------------------------------------------------------------------


def first_point(browser: Browser, home: Path, rounds: int) -> None:
    """Measure from the click on Train to the first point on the chart."""
    app = App(home / "app")
    app.start()
    rows = []
    for table in ("penguins", "cardio"):
        same: list[float] = []
        fresh: list[float] = []
        with tab(browser, height=900) as page:
            open_app(page, app.url)
            _take_table(page, table)
            train(page)
            state(page, "Done").wait_for()
            idle(page)
        for number in range(2 * rounds):
            changed = number % 2 == 1
            with tab(browser, height=900) as page:
                open_app(page, app.url)
                _take_table(page, table)
                if changed:
                    choose(page, "Preset", "Small (32)" if number % 4 == 1 else "Three layers (128, 64, 32)")
                page.wait_for_timeout(1_000)
                (fresh if changed else same).append(page.evaluate(WHEN_DRAWN) / 1000)
                state(page, "Done").wait_for()
        rows += [
            (f"{table}, network of the run before or default", seconds(same), "at most 1.5 s"),
            (f"{table}, another network, to be traced first", seconds(fresh), "at most 1.5 s"),
        ]
    app.stop()
    report("(a) From the click on Train to the first point that is painted, warm worker", rows)


def _take_table(page: Page, table: str) -> None:
    if table == "cardio":
        driving.take(page, "cardio.csv", cardio())
        set_number(page, "Batch size (rows)", 350)
        set_number(page, "Epochs", 20)


def _long_run(page: Page, app: App, epochs: int) -> str:
    """Start a run on the cardiovascular table that goes on for minutes."""
    open_app(page, app.url)
    _take_table(page, "cardio")
    set_number(page, "Epochs", epochs)
    switch(page, "Early stopping")
    wanted = train(page)
    driving.wait_for_epochs(page, 20)
    return wanted


def rerun(browser: Browser, home: Path, rounds: int) -> None:
    """Measure a rerun of the page, and of the smallest page that has one, while a run trains and while none does."""
    (home / "field.py").write_text(FIELD_PAGE)
    app, least = App(home / "app"), App(home / "least")
    app.start()
    least.start(str(home / "field.py"))
    with tab(browser, height=900) as page, tab(browser, height=900) as field:
        open_app(page, app.url)
        open_app(field, least.url)
        driving.step(page, "Training")
        quiet, quiet_least = _reruns(page, field, rounds, "Epochs")
        _long_run(page, app, 6_000)
        # The run is on the stage, in the place of the plan: the sentence on the race depends on the field.
        choose(page, "Rates", "Find them for me")
        busy, busy_least = _reruns(page, field, 3 * rounds, "max_lr")
    app.stop()
    least.stop()
    report(
        "(c) From a change of a field until what depends on it is drawn and the script has ended",
        [
            ("no run on the page, penguins", seconds(quiet), ""),
            ("  a page with one field", seconds(quiet_least), ""),
            ("while a run trains, cardiovascular table", seconds(busy), "at most 0.2 s"),
            ("  a page with one field, while the same run trains", seconds(busy_least), ""),
        ],
    )


def _reruns(page: Page, field: Page, rounds: int, label: str) -> tuple[list[float], list[float]]:
    times: tuple[list[float], list[float]] = ([], [])
    for number in range(2 * rounds):
        which = number % 2
        page.wait_for_timeout(700)
        times[which].append((page, field)[which].evaluate(WHEN_RERUN, (label, "Epochs")[which]) / 1000)
    return times


def watching(browser: Browser, home: Path, rounds: int) -> None:
    """Measure seconds an epoch of one long run, with a tab open and without, in turns."""
    app = App(home / "app")
    app.start()
    with tab(browser, height=900) as page:
        run = app.run(_long_run(page, app, 20_000))
    assert app.process is not None
    server = psutil.Process(app.process.pid)
    worker = _worker(server)
    epochs: dict[bool, list[float]] = {True: [], False: []}
    shares: dict[bool, list[tuple[float, float, float]]] = {True: [], False: []}
    for number in range(2 * rounds):
        watched = number % 2 == 0
        if watched:
            with tab(browser, height=900) as page:
                page.goto(f"{app.url}/?run={run.id}")
                charts.wait_for_charts(page)
                page.wait_for_timeout(2_000)
                measured = _phase(run.events_path, server, worker, lambda: page.wait_for_timeout(8_000))
        else:
            time.sleep(2)
            measured = _phase(run.events_path, server, worker, lambda: time.sleep(8))
        epochs[watched].append(measured[0])
        shares[watched].append(measured[1:])
    app.stop()
    cost = statistics.median(epochs[True]) / statistics.median(epochs[False]) - 1

    def share(watched: bool, which: int) -> str:
        return f"{100 * statistics.median(values[which] for values in shares[watched]):.0f} % of a core"

    report(
        "(d) What a watching tab costs a long run (cardiovascular table, batch 350)",
        [
            ("seconds an epoch, no tab", f"{statistics.median(epochs[False]):.4f} s", ""),
            ("seconds an epoch, watched", f"{statistics.median(epochs[True]):.4f} s", ""),
            ("cost, with the browser on the same cores", f"{100 * cost:.1f} %", "at most 5 %"),
            ("server's processor time, no tab", share(False, 0), ""),
            ("server's processor time, watched", share(True, 0), ""),
            ("worker's processor time, no tab", share(False, 1), ""),
            ("worker's processor time, watched", share(True, 1), ""),
            ("browser's processor time, watched (on the person's own machine)", share(True, 2), ""),
        ],
    )


def _worker(server: psutil.Process) -> psutil.Process:
    """The process under the server that holds TensorFlow: the largest."""
    children: list[psutil.Process] = server.children(recursive=True)
    return max(children, key=lambda process: process.memory_info().rss)


def _phase(
    events: Path, server: psutil.Process, worker: psutil.Process, wait: Callable[[], None]
) -> tuple[float, float, float, float]:
    """Return seconds an epoch while waiting, and the processor shares of server, worker and browser."""
    browsers = tabs.browsers()
    begin = time.monotonic()
    before = (_epochs(events), tabs.used([server]), tabs.used([worker]), tabs.used(browsers))
    wait()
    took = time.monotonic() - begin
    after = (_epochs(events), tabs.used([server]), tabs.used([worker]), tabs.used(browsers))
    server_share, worker_share, browser_share = (
        (b - a) / took for a, b in zip(before[1:], after[1:], strict=True)
    )
    return took / max(1, after[0] - before[0]), server_share, worker_share, browser_share


def _epochs(events: Path) -> int:
    return events.read_bytes().count(b'"epoch_done"')


def sessions(browser: Browser, home: Path, rounds: int, count: int) -> None:
    """Measure the reruns of one tab while others watch a run, and while nobody else does."""
    app = App(home / "app")
    app.start()
    with tab(browser, height=900) as page:
        run = _long_run(page, app, 20_000)
    assert app.process is not None
    server = psutil.Process(app.process.pid)
    # In a thread of its own, as Playwright has a loop running in this one.
    with ThreadPoolExecutor(1) as thread:
        alone, beside = (
            thread.submit(asyncio.run, tabs.work_beside(app.url, server, run, others, 3 * rounds)).result()
            for others in (0, count - 1)
        )
    app.stop()
    report(
        f"(f) From a change of a field to the end of the script, while a run trains; {count} open tabs",
        [
            ("nobody else", seconds(alone.seconds), ""),
            (f"while {count - 1} others watch the run", seconds(beside.seconds), "at most 0.3 s"),
            ("the others' looks", f"{beside.looks:.1f} a second", ""),
            ("what a look brings", f"{beside.received / 1000:.0f} kB", ""),
            ("server's processor time, nobody else", f"{100 * alone.share:.0f} % of a core", ""),
            ("server's processor time, watched by all", f"{100 * beside.share:.0f} % of a core", ""),
        ],
    )


# --- memory ----------------------------------------------------------------------------------------------------


def memory(browser: Browser, home: Path, runs: int) -> None:
    """Measure the memory of the page's process and of the worker over many short runs."""
    app = App(home / "app")
    app.start()
    assert app.process is not None
    server = psutil.Process(app.process.pid)
    page_sizes: list[float] = []
    worker_sizes: list[float] = []
    workers: set[int] = set()
    for start in range(0, runs, 10):
        with tab(browser, height=900) as page:
            open_app(page, app.url)
            set_number(page, "Epochs", 3)
            for number in range(start, min(start + 10, runs)):
                # Another network each time, so that nothing is spared that a person's trials would cost.
                choose(page, "Preset", "Small (32)" if number % 2 else "Three layers (128, 64, 32)")
                app.wait_until_ended(train(page))
                page_sizes.append(server.memory_info().rss / MEGABYTE)
                worker = _worker(server)
                worker_sizes.append(worker.memory_info().rss / MEGABYTE)
                workers.add(worker.pid)
    app.stop()
    # The first runs fill caches of fixed size.
    settled = page_sizes[len(page_sizes) // 5 :]
    slope = float(np.polyfit(np.arange(len(settled)), settled, 1)[0])
    report(
        f"(e) Memory over {runs} short runs, two networks in turns, a fresh tab every 10 runs",
        [
            ("page's process after the first run", f"{page_sizes[0]:.0f} MB", ""),
            ("page's process after the last run", f"{page_sizes[-1]:.0f} MB", ""),
            ("page's process, growth a run after the first fifth", f"{slope:.2f} MB", "at most 0.5 MB"),
            ("worker after the first run", f"{worker_sizes[0]:.0f} MB", ""),
            ("worker at its largest", f"{max(worker_sizes):.0f} MB", "a ceiling"),
            ("worker processes used", f"{len(workers)}", ""),
        ],
    )


if __name__ == "__main__":
    main()
