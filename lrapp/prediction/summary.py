"""The summary of a predicted table, added up part by part, in plain sentences."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from lrapp.errors import UserError
from lrapp.phrasing import quoted
from lrapp.prediction.row_predictions import EMPTY_ROW, MOST_PROBABILITIES, Answers
from lrapp.prediction.scoring import Scorer
from lrapp.preparation.preprocessor import Preprocessor
from lrapp.tables.columns.kinds import ColumnKind

# Most unseen texts that are counted separately for a column; a column of random keys has one for each row.
MOST_UNSEEN = 50_000
_EXAMPLES = 5
# A histogram of predicted numbers, in standard deviations of the training target around its mean.
_EDGES = np.linspace(-6.0, 6.0, 481)
_BARS = 40


@dataclass(frozen=True)
class Unseen:
    """Categories of a column that training never saw.

    Args:
        categories: How many different ones; at least so many where ``more``.
        more: Whether there were too many to count.
    """

    column: str
    categories: int
    rows: int
    examples: tuple[str, ...]
    more: bool = False

    @property
    def sentence(self) -> str:
        """The categories in one sentence."""
        word = "category" if self.categories == 1 else "categories"
        count = f"{'at least ' if self.more else ''}{self.categories:,}"
        named = quoted(self.examples)
        if self.categories > len(self.examples):
            named = (
                f"{', '.join(f'“{name}”' if len(name) <= 60 else quoted([name]) for name in self.examples)}"
            )
            named += f" and {self.categories - len(self.examples):,} more"
        return (
            f"{quoted([self.column])} holds {count} {word} that training never saw, in {self.rows:,} "
            f"row{'' if self.rows == 1 else 's'}: {named}."
        )


@dataclass(frozen=True)
class Bar:
    """One bar of what was predicted: a class, or a range of numbers in the target's units."""

    rows: int
    name: str = ""
    low: float = 0.0
    high: float = 0.0


class Tally:
    """Counts predictions and problems over the parts of a table."""

    def __init__(self, preprocessor: Preprocessor) -> None:
        self._preprocessor = preprocessor
        self.rows = 0
        self.predicted = 0
        self.confidence = 0.0
        self.scorer = Scorer(preprocessor)
        self.extra: tuple[str, ...] = ()
        self._has_target = False
        self._unseen: dict[str, Counter[str]] = {}
        self._unseen_rows: Counter[str] = Counter()
        self._uncounted: set[str] = set()
        self._reasons: Counter[str] = Counter()
        self._first: dict[str, str] = {}
        self._first_reason = ""
        bars = len(preprocessor.classes) or len(_EDGES) - 1
        self._bars = np.zeros(bars, np.int64)

    def add(self, answers: Answers) -> None:
        """Count a part."""
        preprocessor = self._preprocessor
        if not self.rows:
            needed = {column.name for column in preprocessor.columns}
            names = answers.frame.columns
            self.extra = tuple(name for name in names if name not in needed and name != preprocessor.target)
            self._has_target = preprocessor.target in names
        self.rows += len(answers.frame)
        self.predicted += len(answers.good)
        if answers.probabilities is not None:
            self._bars += np.bincount(answers.values, minlength=len(self._bars))
            given = np.take_along_axis(answers.probabilities, answers.values[:, None], axis=1)
            self.confidence += float(given.sum())
        else:
            inside = np.clip(answers.values, _EDGES[0], np.nextafter(_EDGES[-1], 0))
            self._bars += np.histogram(inside, _EDGES)[0]
        self._count_strange(answers)
        self._count_reasons(answers)
        self.scorer.add(answers)

    def check(self) -> None:
        """Raise the ``UserError`` that says why no row at all could be predicted, if none could."""
        if not self.predicted:
            raise UserError(
                f"At least one row must hold what the model needs. In the first row, {self._first_reason}."
            )

    def notes(self) -> tuple[str, ...]:
        """Return plain sentences on what was ignored, unknown or impossible."""
        return (*self._passed_over(), *(found.sentence for found in self.unseen()), *self._impossible())

    def unseen(self) -> tuple[Unseen, ...]:
        """Return, in the order of the model's columns, those with categories that training never saw."""
        found = []
        for column in self._preprocessor.columns:
            counter = self._unseen.get(column.name)
            if counter:
                examples = tuple(name for name, _ in counter.most_common(_EXAMPLES))
                found.append(
                    Unseen(
                        column.name,
                        len(counter),
                        self._unseen_rows[column.name],
                        examples,
                        column.name in self._uncounted,
                    )
                )
        return tuple(found)

    def bars(self) -> tuple[Bar, ...]:
        """Return how often each class was predicted, the most frequent first, or a histogram of the numbers."""
        preprocessor = self._preprocessor
        if preprocessor.classes:
            order = np.argsort(-self._bars, kind="stable")
            return tuple(Bar(int(self._bars[n]), preprocessor.classes[n]) for n in order.tolist())
        filled = np.flatnonzero(self._bars)
        if not len(filled):
            return ()
        first, last = int(filled[0]), int(filled[-1]) + 1
        step = -(-(last - first) // _BARS)
        edges = preprocessor.decode(_EDGES).values.tolist()
        return tuple(
            Bar(
                int(self._bars[start : start + step].sum()),
                low=edges[start],
                high=edges[min(start + step, last)],
            )
            for start in range(first, last, step)
        )

    def _count_strange(self, answers: Answers) -> None:
        kinds = {column.name: column.kind for column in self._preprocessor.columns}
        for name, found in answers.strange.items():
            if kinds[name] is not ColumnKind.CATEGORY:
                continue
            self._unseen_rows[name] += sum(rows for _, rows in found)
            counter = self._unseen.setdefault(name, Counter())
            for text, rows in found:
                if text in counter or len(counter) < MOST_UNSEEN:
                    counter[text] += rows
                else:
                    self._uncounted.add(name)

    def _count_reasons(self, answers: Answers) -> None:
        bad = np.flatnonzero(answers.reasons != "")
        if not len(bad):
            return
        if not self._reasons and not self._first_reason:
            self._first_reason = str(answers.reasons[bad[0]])
        culprits = Counter(answers.culprits[bad].tolist())
        self._reasons.update(culprits)
        for row in bad.tolist():
            if len(self._first) == len(self._reasons):
                break
            self._first.setdefault(answers.culprits[row], str(answers.reasons[row]))

    def _passed_over(self) -> Iterator[str]:
        if self.extra:
            word, them = ("column was", "it") if len(self.extra) == 1 else ("columns were", "them")
            yield (
                f"{len(self.extra):,} {word} not used, because the model does not need {them}: "
                f"{quoted(self.extra)}."
            )
        target = quoted([self._preprocessor.target])
        if self._has_target:
            yield (
                f"The column {target} is what the model predicts; its values were only compared with the predictions."
            )
        if self.scorer.strange:
            count = self.scorer.strange
            hold, are = ("row holds", "is") if count == 1 else ("rows hold", "are")
            yield f"{count:,} {hold} a class in {target} that training never saw, and {are} not in the score."
        if len(self._preprocessor.classes) > MOST_PROBABILITIES:
            yield (
                f"There are {len(self._preprocessor.classes):,} classes: the probability of the predicted one is "
                "given, not that of each."
            )

    def _impossible(self) -> Iterator[str]:
        without = self.rows - self.predicted
        if not without:
            return
        culprit, count = self._reasons.most_common(1)[0]
        word = "row has" if without == 1 else "rows have"
        if len(self._reasons) == 1 and (count == 1 or culprit == ""):
            yield f"{without:,} {word} no prediction: {self._first[culprit]}."
            return
        yield f"{without:,} {word} no prediction: for example, {self._first[culprit]}."
        if len(self._reasons) > 1 or culprit:
            counted = ", ".join(
                f"{quoted([name]) if name else EMPTY_ROW}: {rows:,}"
                for name, rows in self._reasons.most_common(8)
            )
            yield f"Rows without a prediction by the column that is the reason: {counted}."
