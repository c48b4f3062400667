"""Tables drawn at random, of 14 inputs and an answer: for benchmarks that need larger ones than lie at hand."""

from typing import Any

import numpy as np
import pandas as pd

KINDS = ("classes", "numbers", "words", "several")
_VALUES = (5, 8, 12, 30, 60, 120, 200)  # of the columns of categories
COLUMNS = 14


def table(kind: str, rows: int, seed: int = 0) -> pd.DataFrame:
    """Return a table with 14 inputs and an answer that follows from some of them, with noise.

    Args:
        kind: ``classes``: half of the inputs are categories of 5 to 200 values, and there are two classes.
            ``several``: the same with five. ``words``: the answer is a number. ``numbers``: all are numbers.
        rows: How many.
        seed: Draws other rows of the same table.
    """
    law, rng = np.random.default_rng(KINDS.index(kind)), np.random.default_rng([seed, 1])
    words = () if kind == "numbers" else _VALUES
    numbers = COLUMNS - len(words)
    together = np.full((numbers, numbers), 0.2) + np.eye(numbers) * 0.8
    x = rng.normal(size=(rows, numbers)) @ np.linalg.cholesky(together).T
    x[:, ::3] = np.exp(x[:, ::3])
    codes = [
        rng.zipf(1.6, rows) % values if place % 2 else rng.integers(0, values, rows)
        for place, values in enumerate(words)
    ]
    signal = np.zeros(rows)
    for _ in range(12):  # bends, steps and products of two
        first, second = law.choice(numbers, 2, replace=False)
        bent = np.sin(law.normal() * x[:, first] * 1.5) * (x[:, second] > law.normal())
        signal += law.normal() * bent + 0.3 * law.normal() * x[:, first]
    for values, code in zip(words, codes, strict=True):
        effects = law.normal(size=values)
        signal += 0.5 * effects[code] * np.where(x[:, law.integers(numbers)] > 0, 1.0, 0.3)
    signal = (signal - signal.mean()) / signal.std()
    noisy = signal + 0.4 * rng.normal(size=rows)
    columns: dict[str, Any] = {f"x{place}": x[:, place].round(4) for place in range(numbers)}
    columns |= {f"c{place}": np.array([f"v{code}" for code in codes[place]]) for place in range(len(words))}
    if kind == "classes":
        columns["answer"] = np.where(noisy > 0.5, "yes", "no")
    elif kind == "several":
        columns["answer"] = np.array(list("abcde"))[np.digitize(noisy, (-1, -0.3, 0.3, 1))]
    else:
        columns["answer"] = (100 + 20 * noisy).round(2)
    return pd.DataFrame(columns)
