"""The list of runs: trials and range tests folded into one line, runs grouped by a setting, and its columns."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import pandas as pd

from lrapp.experiments.run_table import Row
from lrapp.experiments.study_files import Study
from lrapp.phrasing import counted, distinct
from lrapp.runs.store import ENDED, State

# Letters of a name, of a fold's, of which the end must be seen, and of other cells.
_MOST_NAME, _MOST_FOLD, _MOST_LETTERS = 80, 42, 200
# What runs are grouped by most often; any other setting has the name that a comparison of runs gives it.
USUAL_GROUPS: dict[str, Callable[[Row], str]] = {
    "Table": lambda row: row.table,
    "Target": lambda row: row.target,
    "Network": lambda row: row.network,
    "Optimizer": lambda row: row.optimizer,
    "Policy": lambda row: row.policy,
}


@dataclass(frozen=True)
class Fold:
    """Runs that share one line of the list until it is opened.

    Args:
        key: Tells it from others, also when runs join it or leave.
        what: What holds them together: a search, a setting's value.
        rows: Its runs, at least one.
        study: Id of their study; empty where they are of none.
    """

    key: str
    what: str
    rows: tuple[Row, ...]
    names: tuple[str, ...]
    study: str = ""
    word: str = "run"

    @property
    def best(self) -> Row | None:
        """The best of them by validation rows; None before one has a figure, or where figures are of several kinds."""
        return best(self.rows)

    @property
    def name(self) -> str:
        """What the line says: what holds them together, how many there are, and whether the best is shown."""
        return self.cut(_MOST_LETTERS)

    def cut(self, most: int) -> str:
        """The name in at most so many letters, with its end whole."""
        many = counted(len(self.rows), self.word)
        text = f": {many}" if self.best is None or len(self.rows) < 2 else f": best of {many}"
        return f"{in_words(self.what, most - len(text))}{text}"

    @property
    def done(self) -> int:
        """How many of them have ended."""
        return sum(row.state is None or row.state in ENDED for row in self.rows)


@dataclass(frozen=True)
class Line:
    """A line of the list.

    Args:
        run: The run; None for the line of a fold.
        fold: The fold that it heads, or lies in; None for a run by itself.
    """

    run: Row | None
    fold: Fold | None
    name: str

    @property
    def id(self) -> str:
        """Tells it from others: the run's id, or the key of the fold."""
        if self.run is not None:
            return self.run.id
        assert self.fold is not None
        return self.fold.key

    @property
    def shown(self) -> Row | None:
        """The run whose figures stand on it: of a fold, the best."""
        if self.run is not None:
            return self.run
        assert self.fold is not None
        return self.fold.best


def fold(rows: Sequence[Row], studies: Iterable[Study]) -> list[Row | Fold]:
    """Return runs by themselves, and folds: one for each study, and one for the range tests of each table and target.

    Args:
        rows: The newest first.
        studies: Whose runs are folded; a study with none in the list has no fold.
    """
    of = {member.run_id: (study, member.label) for study in studies for member in study.members}
    together: dict[str, list[Row]] = {}
    for row in rows:
        together.setdefault(_key(row, of.get(row.id, (None, ""))[0]), []).append(row)
    found: list[Row | Fold] = []
    for key, members in together.items():
        study = of.get(members[0].id, (None, ""))[0]
        if study is not None:
            inside = members[::-1]  # as they are numbered
            several = len(study.seeds) > 1
            names = [
                of[row.id][1] + (f", seed {seed}" if several else "") for row, seed in _seeds(study, inside)
            ]
            word = "trial" if study.search is not None else "run"
            found.append(Fold(key, _title(study), tuple(inside), tuple(names), study.id, word))
        elif len(members) > 1:
            what = f"Range tests for {_asked(members[0])}"
            times = [f"{row.created:%d %b, %H:%M:%S} UTC" for row in members]
            called = distinct([row.name for row in members], _MOST_LETTERS, times)
            found.append(Fold(key, what, tuple(members), tuple(called), word="test"))
        else:
            found.append(members[0])
    return found


def group(rows: Sequence[Row], by: str, value: Callable[[Row], str]) -> list[Row | Fold]:
    """Return a fold for each value of a setting, in the order of their newest runs.

    Args:
        rows: The newest first.
        value: What it is in a run; empty where that is not known.
    """
    together: dict[str, list[Row]] = {}
    for row in rows:
        together.setdefault(value(row), []).append(row)
    return [
        Fold(
            f"{by}={text}",
            f"{by} {text}" if text else f"{by} unknown",
            tuple(ones),
            tuple(row.title for row in ones),
        )
        for text, ones in together.items()
    ]


def lines(items: Sequence[Row | Fold], opened: Iterable[str]) -> list[Line]:
    """Return the lines of the list; those of a fold follow it where its key is among the opened."""
    wide = set(opened)
    found = []
    for item in items:
        if isinstance(item, Row):
            found.append(Line(item, None, item.title))
            continue
        found.append(Line(None, item, item.name))
        if item.key in wide:
            found += [Line(row, item, name) for row, name in zip(item.rows, item.names, strict=True)]
    return found


def first(shown: Sequence[Line], most: int, asked: Iterable[str]) -> list[Line]:
    """Return the first lines, and those that an address names, wherever they stand.

    Args:
        shown: In the order to show.
        most: How many to return at least, where there are so many.
        asked: Ids of lines.
    """
    wanted = set(asked)
    return [line for place, line in enumerate(shown) if place < most or line.id in wanted]


def frame(shown: Sequence[Line], states: dict[State, str], opened: Iterable[str] = ()) -> pd.DataFrame:
    """Return the list as a table: numbers are numbers, so that it sorts by them.

    Args:
        shown: In the order to show.
        states: What states are called on the pages.
        opened: Keys of the folds that are open.
    """
    wide = set(opened)
    rows = [line.shown for line in shown]
    differences = differing(line.run for line in shown if line.run is not None)
    troubles = [line.run.trouble if line.run is not None else "" for line in shown]
    columns = {
        "Name": [_name(line, wide) for line in shown],
        "Differs in": [differences.get(line.id, "") for line in shown],
        "Score": _numbers(rows, lambda row: row.score),
        "Baseline": _numbers(rows, lambda row: row.baseline),
        "Metric": [row.measure if row is not None else "" for row in rows],
        "Loss": [list(row.losses) if row is not None else [] for row in rows],
        "State": [_state(line, states) for line in shown],
        "Age": [max(row.created for row in _of(line)) for line in shown],
        "Trouble": troubles,
        **{
            name: [_same(line, value) for line in shown]
            for name, value in (*USUAL_GROUPS.items(), ("Note", lambda row: row.note))
        },
        "Validation": _numbers(rows, lambda row: row.validation),
        "Epochs": _numbers(rows, lambda row: row.epochs).astype("Int64"),
        "Best epoch": _numbers(rows, lambda row: row.best_epoch).astype("Int64"),
        "Seconds": pd.Series([_seconds(line) for line in shown], dtype="float64"),
    }
    table = pd.DataFrame(columns)
    # Most people never meet a damaged run, and where no runs of a table differ, there is more room for names.
    empty = {"Trouble": not any(troubles), "Differs in": not any(differences.values())}
    return table.drop(columns=[name for name, nothing in empty.items() if nothing])


def differing(rows: Iterable[Row]) -> dict[str, str]:
    """Return, by the ids of runs, those of their settings that not all runs of the same table and target have."""
    every = list(rows)
    together: dict[tuple[str, str], list[set[str]]] = {}
    for row in every:
        together.setdefault((row.table, row.target), []).append(set(_parts(row)))
    common = {asked: set.intersection(*ones) for asked, ones in together.items()}
    return {
        row.id: in_words(
            " · ".join(part for part in _parts(row) if part not in common[row.table, row.target]), _MOST_NAME
        )
        for row in every
    }


def best(rows: Iterable[Row]) -> Row | None:
    """Return the best run by validation rows; None where none has a figure, or figures are of several kinds."""
    judged = [row for row in rows if row.validation is not None]
    if not judged or len({row.metric for row in judged}) > 1:
        return None
    choose = max if judged[0].upwards else min
    return choose(judged, key=lambda row: row.validation or 0.0)


def in_words(text: str, most: int) -> str:
    """Return a text in one line of at most so many letters, cut between words where that is possible."""
    flat = " ".join(text.split())
    if len(flat) <= most:
        return flat
    start, blank, _ = flat[: most - 1].rpartition(" ")
    return f"{start if blank and len(start) > most // 2 else flat[: most - 2]} …"


# --- folds -----------------------------------------------------------------------------------------------------


def _key(row: Row, study: Study | None) -> str:
    if study is not None:
        return f"study={study.id}"
    return f"tests={row.table}\n{row.target}" if row.range_test else row.id


def _title(study: Study) -> str:
    return study.name if study.search is not None else f"Comparison of {study.name}"


def _asked(row: Row) -> str:
    return f"{row.target} from {row.table}" if row.target else row.table


def _seeds(study: Study, rows: Sequence[Row]) -> list[tuple[Row, int]]:
    seeds = {member.run_id: member.seed for member in study.members}
    return [(row, seeds[row.id]) for row in rows]


# --- cells -----------------------------------------------------------------------------------------------------


def _of(line: Line) -> tuple[Row, ...]:
    if line.run is not None:
        return (line.run,)
    assert line.fold is not None
    return line.fold.rows


def _name(line: Line, opened: set[str]) -> str:
    if line.run is None and line.fold is not None:
        return f"{'▾' if line.id in opened else '▸'} {line.fold.cut(_MOST_FOLD)}"
    assert line.run is not None
    text = in_words(line.name, _MOST_NAME)
    star = "★ " if line.run.starred else ""
    return f"{'↳ ' if line.fold is not None else ''}{star}{text}"


def _parts(row: Row) -> list[str]:
    texts = (row.network, row.training, row.policy)
    return [part for text in texts if text for part in text.split(" · ")]


def _state(line: Line, states: dict[State, str]) -> str:
    if line.run is not None:
        return states[line.run.state] if line.run.state else "Damaged"
    assert line.fold is not None
    every, done = len(line.fold.rows), line.fold.done
    return f"{done} of {every} done" if done < every else states["completed"]


def _same(line: Line, value: Callable[[Row], str]) -> str:
    """What all runs of a line have; empty where they differ."""
    texts = {value(row) for row in _of(line)}
    return in_words(texts.pop(), _MOST_LETTERS) if len(texts) == 1 else ""


def _seconds(line: Line) -> float | None:
    times = [row.seconds for row in _of(line) if row.seconds is not None]
    return sum(times) if times else None


def _numbers(rows: Sequence[Row | None], value: Callable[[Row], float | None]) -> "pd.Series[float]":
    return pd.Series([value(row) if row is not None else None for row in rows], dtype="float64")
