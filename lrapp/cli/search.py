"""A random search without a browser: ``python -m lrapp search SEARCH.json --out FOLDER``."""

import argparse
import json
import math
import shutil
import signal
import sys
import time
from pathlib import Path

from lrapp.errors import UserError
from lrapp.evaluation import scores
from lrapp.execution.queue import Jobs
from lrapp.experiments import model_for_use, search_results, studies, study_files
from lrapp.experiments.search_file import SavedSearch
from lrapp.experiments.search_results import Found, SearchTrial
from lrapp.experiments.study_files import Study
from lrapp.export import download
from lrapp.files import disk_errors, write_beside
from lrapp.phrasing import measured
from lrapp.runs.store import ENDED, Run, Store
from lrapp.settings import RunSettings, RunStart, UploadedSource
from lrapp.tables.csv_writer import to_csv_bytes

READY = "fashion-mnist"
_SECONDS_BETWEEN_LOOKS = 0.2


def main(arguments: list[str]) -> int:
    """Do a random search; the folder that it leaves is one that the app can be started on.

    Returns:
        Exit code: 0 when all was done that was asked for, 1 when not, 2 for a wrong call.
    """
    parser = argparse.ArgumentParser(
        prog="python -m lrapp search",
        description="Train settings that are drawn at random, and say which did best.",
        epilog="To see its charts: LRAPP_HOME=FOLDER streamlit run app.py",
    )
    parser.add_argument(
        "search",
        metavar="SEARCH.json",
        help=f"a search that the Compare page saved; or {READY}: {studies.WIDTH_AND_RATE}, which is ready to start",
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="FOLDER", help="folder for its runs; made if missing"
    )
    parser.add_argument(
        "--trials", type=int, metavar="N", help="draw this many, not as many as the search says"
    )
    parser.add_argument("--epochs", type=int, metavar="N", help="train each for this many epochs")
    parser.add_argument(
        "--resume", action="store_true", help="go on with the search that is in the folder already"
    )
    parser.add_argument(
        "--all-rows",
        action="store_true",
        help="then train on all rows with the settings of the best trial, for as many epochs as proved best",
    )
    chosen = parser.parse_args(arguments)
    try:
        wanted = _wanted(chosen.search, chosen.trials, chosen.epochs)
        store = Store(chosen.out.absolute())
        return _search(store, wanted, resume=chosen.resume, all_rows=chosen.all_rows)
    except UserError as error:
        print(error, file=sys.stderr)
        return 1


def _wanted(name: str, trials: int | None, epochs: int | None) -> SavedSearch:
    if name == READY:
        asked, base = studies.width_and_rate()
        wanted = SavedSearch(base=base, search=asked)
    else:
        try:
            wanted = SavedSearch.from_json(Path(name).read_bytes())
        except OSError as error:
            raise UserError(
                f"The search cannot be read: {name}. Name the JSON file that the Compare page saved, or {READY}."
            ) from error
    told = wanted.model_dump(mode="json")
    if trials is not None:
        told["search"]["trials"] = trials
    if epochs is not None:
        told["base"]["training"]["epochs"] = epochs
    return SavedSearch.from_json(json.dumps(told))


def _search(store: Store, wanted: SavedSearch, *, resume: bool, all_rows: bool) -> int:
    before = study_files.every(store)
    if before and not resume:
        raise UserError(
            f"{store.home} holds a search already. Choose another folder, or add --resume to go on with it."
        )
    if resume:
        study = _kept(store, before, wanted)
    else:
        _bring(store, wanted.base)
        study = studies.create_search(store, wanted.search, wanted.base)
    jobs = Jobs(store)
    try:
        runs = [store.get(member.run_id) for member in study.members]
        _train(jobs, runs, resume, "Trial")
        if any(run.status.state == "stopped" for run in runs):
            print("Stopped before its end; --resume goes on with it.", file=sys.stderr)
            return 1
        found = _found(study, runs)
        if found is None or found.best is None:
            print(found.verdict(None) if found is not None else "No trial reached its first step.")
            return 1
        best = runs[found.best.number - 1]
        write_beside(store.home / "search.csv", to_csv_bytes(found.table()))
        print(found.verdict(scores.kept(best.scores_path)))
        if left_out := found.left_out():
            print(left_out)
        print(
            f"The settings of the best trial: {best.folder / 'run.json'}. All trials: {store.home / 'search.csv'}."
        )
        return _all_rows(store, jobs, best) if all_rows else 0
    finally:
        jobs.close()


def _kept(store: Store, before: list[Study], wanted: SavedSearch) -> Study:
    """The search in the folder, which must be the one that was asked for."""
    if not before:
        raise UserError(f"{store.home} holds no search to go on with. Leave --resume out to start one.")
    (study, *_) = before
    settings = [run.settings for member in study.members if (run := study_files.run_of(store, member))]
    if study.search != wanted.search or settings != list(studies.trials_of(wanted.search, wanted.base)):
        raise UserError(
            f"The search in {store.home} was started with other settings. Name its own file, or another folder."
        )
    return study


def _bring(store: Store, base: RunSettings) -> None:
    """Copy what the trials learn from, or start from, out of the app's own folder."""
    home = Store.default()
    source, start = base.data.source, base.model.start
    if isinstance(source, UploadedSource) and not store.holds(source):
        store.keep_wanted(home.source_path(source).read_bytes(), source)
    if isinstance(start, RunStart):
        with disk_errors():
            shutil.copytree(home.get(start.run).folder, store.home / "runs" / start.run, dirs_exist_ok=True)


def _train(jobs: Jobs, runs: list[Run], resume: bool, word: str) -> None:
    """Train what has not ended; Ctrl-C stops the run in training and takes the others out of the queue."""
    ended = {run for run in runs if run.status.state in ENDED}
    if resume:
        again = [run for run in runs if run.status.state in ("stopped", "interrupted", "failed")]
        for run in again:
            jobs.resume(run)
        ended -= set(again)
    for run in runs:
        if run.status.state == "queued":
            jobs.submit(run)

    def stop(*_: object) -> None:
        # From the end of the queue, so that none begins when the one before it stops.
        for run in reversed(runs):
            if run.status.state not in ENDED:
                jobs.stop(run)

    signal.signal(signal.SIGINT, stop)
    while len(ended) < len(runs):
        time.sleep(_SECONDS_BETWEEN_LOOKS)
        for number, run in enumerate(runs, start=1):
            if run not in ended and (status := run.status).state in ENDED:
                ended.add(run)
                which = f"{word} {number} of {len(runs)}" if len(runs) > 1 else word
                print(f"{which}: {_told(run)}{status.message}", file=sys.stderr)


def _told(run: Run) -> str:
    """What a run's last epoch came to, and with what."""
    started, best = run.history().started, run.history().best
    if started is None or best is None or not math.isfinite(best.val_metric):
        return ""
    return f"validation {started.metric} {measured(started.metric, best.val_metric)}. "


def _found(study: Study, runs: list[Run]) -> Found | None:
    assert study.search is not None
    trials = [
        SearchTrial(number, run.status.state, run.history(), run.settings)
        for number, run in enumerate(runs, start=1)
    ]
    return search_results.of_trials(study.search.space, trials)


def _all_rows(store: Store, jobs: Jobs, best: Run) -> int:
    settings = model_for_use.settings_of(best)
    there = [run for run in store.runs() if run.settings.made_from == settings.made_from]
    run = there[0] if there else store.create(settings)
    _train(jobs, [run], True, f"All {settings.data.facts.units}")
    print(run.status.message)
    if not run.model_path.exists():
        return 1
    if settings.made_from is not None and settings.made_from.expected:
        print(settings.made_from.expected)
    name = download.file_name(run)
    write_beside(store.home / name, download.pack(run))
    print(f"The model is in {run.folder}, all in one file: {store.home / name}.")
    return 0
