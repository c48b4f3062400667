"""Misclassified pictures, with the pictures themselves: ``mistakes.json`` in a run's folder."""

import base64
import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict

from lrapp.evaluation.counts_and_curves import ClassFigures
from lrapp.evaluation.kept_json import KeptAsJson
from lrapp.images.pixels import png
from lrapp.phrasing import counted, percent

if TYPE_CHECKING:
    from lrapp.preparation.table_arrays import Prepared

MISTAKES_FILE = "mistakes.json"
MOST_MISTAKES = 24
# A picture to look at needs no more pixels along a side.
_MOST_SIDE = 160


@dataclass(frozen=True)
class Mistake:
    """A misclassified picture.

    Args:
        picture: PNG file.
        name: Its file's name; empty where it has none.
        confidence: Probability that the network gave its answer, 0 to 1.
        truth_chance: Probability that it gave the truth, 0 to 1.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")

    picture: bytes
    name: str
    row: int
    truth: str
    answer: str
    confidence: float
    truth_chance: float


@dataclass(frozen=True)
class Mistakes(KeptAsJson):
    """The most confidently wrong answers.

    Args:
        part: ``test``, or ``validation`` where there are no test pictures.
        shown: Those of them that the network was surest of, the surest first.
    """

    part: str
    rows: int
    wrong: int
    shown: tuple[Mistake, ...]

    DAMAGED = (
        "The pictures that this run got wrong are damaged or from another version: train it again to have new "
        "ones."
    )

    @property
    def sentence(self) -> str:
        """How many are misclassified, and which are shown."""
        if not self.wrong:
            only = f"The only {self.part} picture was classified correctly."
            return (
                only
                if self.rows == 1
                else f"All {self.rows:,} {self.part} pictures were classified correctly."
            )
        were = "was" if self.wrong == 1 else "were"
        few = f"{self.wrong:,} of {counted(self.rows, f'{self.part} picture')} {were} misclassified"
        if self.wrong == len(self.shown):
            return f"{few}; those that the network was surest of come first."
        most = "this is the one" if len(self.shown) == 1 else f"these are the {len(self.shown)}"
        return f"{few}; {most} that the network was surest of."

    def as_html(self) -> str:
        """Return the pictures with their true and predicted classes, as HTML."""
        return (
            f'{_STYLE}<div class="mistakes">{"".join(map(_figure, self.shown))}</div>' if self.shown else ""
        )


# Small pictures are shown pixel by pixel. The colours are the page's, light or dark.
_STYLE = """<style>
.mistakes { display: grid; grid-template-columns: repeat(auto-fill, minmax(112px, 1fr)); gap: 14px 10px; }
.mistakes figure { margin: 0; }
.mistakes img { width: 84px; height: 84px; object-fit: contain; display: block; image-rendering: pixelated; }
.mistakes img.large { image-rendering: auto; }
.mistakes figcaption { font-size: 0.8rem; line-height: 1.3; margin-top: 4px; overflow-wrap: anywhere; }
.mistakes small { opacity: 0.7; }
</style>"""


def _figure(one: Mistake) -> str:
    truth, answer = (html.escape(_short(name, 40)) for name in (one.truth, one.answer))
    width = int.from_bytes(one.picture[16:20], "big")  # the same for every PNG
    file = f"<br><small>{html.escape(_short(one.name, 60))}</small>" if one.name else ""
    return (
        f'<figure><img{" class=large" if width > 84 else ""} alt="A picture of {truth}, taken for {answer}" '
        f'src="data:image/png;base64,{base64.b64encode(one.picture).decode()}">'
        f"<figcaption>{truth}<br>taken for <b>{answer}</b><br>{_percent(one.confidence)} sure{file}</figcaption>"
        "</figure>"
    )


def _short(name: str, most: int) -> str:
    """A name in one line; of a long one its end, where a file's own name is."""
    line = " ".join(name.split()) or "(blank)"
    return line if len(line) <= most else f"…{line[1 - most :]}"


def _percent(chance: float) -> str:
    # 99.96 % would be rounded to a certainty that no network has.
    return percent(min(chance, 0.999))


def class_sentence(classes: Sequence[ClassFigures]) -> str:
    """Return the classes with the highest and lowest recall, which is their accuracy; empty if there are too few."""
    known = [(one.recall, one.name) for one in classes if one.recall is not None]
    if len(known) < 2:
        return ""
    best, worst = max(known, key=lambda one: one[0]), min(known, key=lambda one: one[0])
    if best[0] == worst[0]:
        return f"All classes are classified correctly equally often: {percent(best[0])} of their pictures."
    return (
        f"Classified correctly most often: “{best[1]}”, {percent(best[0])} of its pictures; least often: “{worst[1]}”, "
        f"{percent(worst[0])}."
    )


def mistakes(prepared: "Prepared", outputs: NDArray[Any], most: int = MOST_MISTAKES) -> Mistakes:
    """Return the most confidently wrong answers on the test pictures; where there are none, on the validation pictures.

    Args:
        outputs: Its outputs for those rows, as for ``scores.evaluate``.
    """
    name, part = ("test", prepared.test) if len(prepared.test.y) else ("validation", prepared.validation)
    decoded = prepared.preprocessor.decode(outputs)
    chances, answers = decoded.probabilities, decoded.places
    assert chances is not None
    assert answers is not None
    truth = part.y.astype(np.int64)
    sure = chances[np.arange(len(truth)), answers]
    wrong = np.flatnonzero(answers != truth)
    order = wrong[np.argsort(-sure[wrong], kind="stable")][:most]

    def mistake(place: int) -> Mistake:
        row = int(part.rows[place])
        return Mistake(
            picture=png(part.x[place], _MOST_SIDE),
            name=prepared.names[row] if prepared.names is not None else "",
            row=row,
            truth=prepared.classes[truth[place]],
            answer=prepared.classes[answers[place]],
            confidence=float(sure[place]),
            truth_chance=float(chances[place, truth[place]]),
        )

    return Mistakes(name, len(truth), len(wrong), tuple(mistake(place) for place in order.tolist()))
