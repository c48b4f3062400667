"""What the page costs: a person's seconds, the training's seconds, and memory.

    python tests/benchmarks/page_speed.py [paint point rerun watch memory] [--rounds 7] [--runs 100]

A real server and a real Chromium on this machine, which share its cores with the training. Contenders take turns, and
medians count. The cardiovascular table is taken from the folder that LRAPP_TEST_DATA names, else one of its size is
generated.

paint: from the visit's beginning to the frame in which the first heading, the Train button, and the plan of the
    learning rate can be seen. The plan is the last thing on the page; nothing is in the browser's cache.
point: from the click on Train to the frame in which a line of the run's charts has a point.
rerun: from the click on a field's plus to the frame in which the sentence that depends on it, and where there is one
    the line of the plan, have changed and the script has ended (what the click set off, that is; the charts of the run
    that is in training go on being drawn about once a second). Beside it, in turns, while the same run trains: a
    Streamlit page with nothing but a field and a sentence, which is the least that any page can take on these cores.
watch: seconds an epoch of one long run, with a tab open on it and without, in turns of 8 s; and who used the processor.
memory: of the page's process and of the worker after each of many short runs.
"""

import argparse
import os
import platform
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import psutil
from browser import driving
from browser.driving import App, choose, idle, open_app, set_number, state, switch, tab, train
from drawn import charts
from playwright.sync_api import Browser, Page, sync_playwright

PARTS = ("paint", "point", "rerun", "watch", "memory")
MEGABYTE = 2**20
EMPTY_PAGE = 'import streamlit as st\n\nst.button("Train")\n'
FIELD_PAGE = """import streamlit as st

epochs = st.number_input("Epochs", value=50, step=1)
st.caption(f"{epochs} steps, 1 an epoch; the rate moves between 0 and 1.")
st.button("Train")
"""
# A machine that is busy with other things takes minutes for what a quiet one does in seconds.
driving.PATIENCE = 300_000

# Notes the time since the visit began when the selector first finds something that is visible.
_WHEN_SEEN = """
window.seen = {};
const wanted = %s;
const look = () => {
  for (const [name, selector] of Object.entries(wanted)) {
    const found = [...document.querySelectorAll(selector)]
      .some(item => item.checkVisibility() && (item.innerText?.trim() || item.matches('.marks')));
    if (!(name in window.seen) && found) window.seen[name] = performance.now();
  }
  requestAnimationFrame(look);
};
requestAnimationFrame(look);
"""
# From the click on Train until a line of the run's charts has a point that is painted.
_WHEN_DRAWN = """() => new Promise(resolve => {
  const button = [...document.querySelectorAll('.st-key-bar button')].find(item => /\\bTrain\\b/.test(item.innerText));
  const start = performance.now();
  button.click();
  const look = () => {
    const lines = document.querySelectorAll('.st-key-run_charts svg .mark-line path');
    if ([...lines].some(line => (line.getAttribute('d') || '').length > 5)) resolve(performance.now() - start);
    else requestAnimationFrame(look);
  };
  look();
})"""
# From a click on a field's plus until what depends on it is drawn anew, and the script has ended.
_WHEN_RERUN = """label => new Promise(resolve => {
  const field = document.querySelector(`input[aria-label="${label}"]`);
  const plus = field.closest('[data-testid=stNumberInput]').querySelector('[data-testid=stNumberInputStepUp]');
  const app = document.querySelector('[data-testid=stApp]');
  const sentence = () => [...document.querySelectorAll('[data-testid=stCaptionContainer]')]
    .map(item => item.textContent).find(text => / an epoch; the rate (moves|stays)|networks race: /.test(text));
  const charts = () => [...document.querySelectorAll('[data-testid=stVegaLiteChart]')]
    .filter(chart => !chart.closest('.st-key-run_charts'));
  const line = () => charts().map(chart => chart.querySelector('.mark-line path')?.getAttribute('d')).join();
  const before = [sentence(), line()], start = performance.now();
  plus.click();
  const look = () => {
    const changed = sentence() !== before[0] && (line() !== before[1] || !before[1]);
    if (changed && app.dataset.testScriptState === 'notRunning') resolve(performance.now() - start);
    else requestAnimationFrame(look);
  };
  look();
})"""


def main() -> None:
    """Run the parts that were asked for, and print a table of each."""
    arguments = argparse.ArgumentParser(description="What the page costs.")
    arguments.add_argument("parts", nargs="*", help=f"which of {', '.join(PARTS)}; all by default")
    arguments.add_argument("--rounds", type=int, default=7, help="turns of each contender, at least 1")
    arguments.add_argument("--runs", type=int, default=100, help="short runs for the memory, at least 20")
    options = arguments.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        arguments.error(f"parts are {', '.join(PARTS)}. Received: {', '.join(sorted(unknown))}.")
    print(machine())
    measures: dict[str, Callable[[Browser, Path], None]] = {
        "paint": lambda browser, home: first_paint(browser, home, options.rounds),
        "point": lambda browser, home: first_point(browser, home, options.rounds),
        "rerun": lambda browser, home: rerun(browser, home, options.rounds),
        "watch": lambda browser, home: watching(browser, home, options.rounds),
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
    later: dict[str, list[float]] = {name: [] for name in apps}
    head: list[float] = []
    for _ in range(3):
        for name, (app, script) in apps.items():
            app.start(script)
            first[name].append(_visit(browser, app, last[name])[last[name]])
            app.stop()
    for app, script in apps.values():
        app.start(script)
    _visit(browser, apps["app"][0], "plan")
    with tab(browser) as page:  # until TensorFlow has been imported in the background
        open_app(page, apps["app"][0].url)
        train(page)
        state(page, "Done").wait_for()
    for _ in range(rounds):
        for name, (app, _) in apps.items():
            seen = _visit(browser, app, last[name])
            later[name].append(seen[last[name]])
            if name == "app":
                head.append(seen["head"])
    for app, _ in apps.values():
        app.stop()
    ratio = statistics.median(later["app"]) / statistics.median(later["empty"])
    report(
        "(b) From a visit's beginning to the painted page, nothing in the browser's cache",
        [
            ("empty Streamlit page", seconds(later["empty"]), ""),
            ("Train page, with its rail and the plan", seconds(later["app"]), ""),
            ("Train page, its first heading", seconds(head), ""),
            ("Train page against the empty page", f"{ratio:.2f} x", "at most 1.7"),
            ("very first visit after the server's start: empty page", seconds(first["empty"]), ""),
            ("very first visit after the server's start: Train page", seconds(first["app"]), ""),
        ],
    )


def _visit(browser: Browser, app: App, last: str) -> dict[str, float]:
    """Visit in a fresh tab; return seconds until the first heading, the button and the plan were seen."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    button = "[data-testid=stMain] [data-testid=stButton] button"
    plan = "[data-testid=stVegaLiteChart] .marks"
    page.add_init_script(
        _WHEN_SEEN % f"{{button: '{button}', head: '[data-testid=stMain] h2', plan: '{plan}'}}"
    )
    page.goto(app.url, wait_until="commit")
    page.wait_for_function(f"() => '{last}' in (window.seen || {{}})", timeout=60_000)
    seen: dict[str, float] = page.evaluate("() => window.seen")
    context.close()
    return {name: value / 1000 for name, value in seen.items()}


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
                (fresh if changed else same).append(page.evaluate(_WHEN_DRAWN) / 1000)
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
        times[which].append((page, field)[which].evaluate(_WHEN_RERUN, (label, "Epochs")[which]) / 1000)
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
    browsers = [child for child in psutil.Process().children(recursive=True) if "chrom" in child.name()]

    def used(processes: list[psutil.Process]) -> float:
        total = 0.0
        for process in processes:
            try:
                times = process.cpu_times()
            except psutil.NoSuchProcess:
                continue
            total += times.user + times.system
        return total

    begin = time.monotonic()
    before = (_epochs(events), used([server]), used([worker]), used(browsers))
    wait()
    took = time.monotonic() - begin
    after = (_epochs(events), used([server]), used([worker]), used(browsers))
    server_share, worker_share, browser_share = (
        (b - a) / took for a, b in zip(before[1:], after[1:], strict=True)
    )
    return took / max(1, after[0] - before[0]), server_share, worker_share, browser_share


def _epochs(events: Path) -> int:
    return events.read_bytes().count(b'"epoch_done"')


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
