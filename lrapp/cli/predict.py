"""Predicting without a browser: ``python -m lrapp predict RUN_FOLDER TABLE.csv --out PREDICTIONS.csv``."""

import argparse
import signal
import sys
import tempfile
import time
from pathlib import Path

from lrapp.column_formats import options
from lrapp.column_formats.match import Choice, UnclearFormat
from lrapp.errors import UserError
from lrapp.execution import worker_setup
from lrapp.files import disk_errors, put
from lrapp.phrasing import counted
from lrapp.prediction import disagreement, files
from lrapp.prediction.progress import Progress
from lrapp.runs.store import Run

_WIDTH = 30
_SECONDS_BETWEEN_DRAWINGS = 0.1


def main(arguments: list[str]) -> int:
    """Predict a table with a finished run's model.

    Returns:
        Exit code: 0 when predictions were written, 1 when not, 2 for a wrong call or a file that can be read in
        several ways.
    """
    parser = argparse.ArgumentParser(
        prog="python -m lrapp predict",
        description="Predict the rows of a table with a finished run's model.",
        epilog=f"Of an ensemble, a column “{disagreement.COLUMN}” stands beside the predictions. {disagreement.ABOUT}",
    )
    parser.add_argument(
        "run", type=Path, metavar="RUN_FOLDER", help="a run's folder, or a download that was unpacked"
    )
    parser.add_argument("table", type=Path, metavar="TABLE.csv", help="the rows to predict")
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="FILE",
        help="where the predictions go: a name that ends in .parquet gets Parquet, any other CSV",
    )
    options.add_to(parser)
    chosen = parser.parse_args(arguments)
    try:
        _predict(chosen.run, chosen.table, chosen.out, options.choice_of(chosen))
    except UnclearFormat as error:
        print(error, file=sys.stderr)
        return options.UNCLEAR
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _kind_for(run_folder: Path) -> worker_setup.WorkerKind:
    try:
        return worker_setup.kind_for(Run(run_folder).settings)
    except UserError:
        return worker_setup.USUAL  # reading the model will report what is wrong


def _predict(run_folder: Path, table: Path, out: Path, choice: Choice) -> None:
    if not run_folder.is_dir():
        raise UserError(f"The run's folder must be there. Received: {run_folder}.")
    if not table.is_file():
        raise UserError(f"The table cannot be read: {table}. Name a file that is there.")
    stopped: list[int] = []
    signal.signal(signal.SIGINT, lambda number, _: stopped.append(number))
    bar = _Bar()
    print("Starting TensorFlow …", file=sys.stderr)
    worker_setup.load(_kind_for(run_folder.absolute()))
    with disk_errors():
        out.parent.mkdir(parents=True, exist_ok=True)
        # On the same disk, so that the finished file is only renamed.
        with tempfile.TemporaryDirectory(prefix=".predictions-", dir=out.parent) as beside:
            try:
                result = files.predict_file(
                    run_folder.absolute(),
                    table,
                    table.name,
                    Path(beside),
                    bar.draw,
                    lambda: bool(stopped),
                    choice,
                )
            finally:
                bar.close()
            packed = out.suffix.lower() == ".parquet"
            put(Path(beside) / (files.PARQUET_FILE if packed else files.CSV_FILE), out)
    for note in result.notes:
        print(note)
    if result.verdict:
        print(result.verdict)
    rows = counted(result.rows, "row is", "rows are")
    print(
        f"{rows} in {out}; {result.predicted:,} of them {'has' if result.predicted == 1 else 'have'} a prediction."
    )


class _Bar:
    """A progress bar in the terminal, and nothing where there is none."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._drawn = 0.0

    def draw(self, progress: Progress) -> None:
        """Draw how far it is."""
        if not self._live or time.monotonic() - self._drawn < _SECONDS_BETWEEN_DRAWINGS:
            return
        self._drawn = time.monotonic()
        filled = int(_WIDTH * progress.share)
        text = f"{progress.stage.lower()}  {counted(progress.rows, 'row')}"
        print(f"\r[{'#' * filled}{'.' * (_WIDTH - filled)}] {text:<40}", end="", file=sys.stderr, flush=True)

    def close(self) -> None:
        """Leave the terminal on a fresh line."""
        if self._drawn:
            print(file=sys.stderr)
