"""Does momentum that moves against the rate help? Runs with it beside the same runs with the optimizer's own.

    LRAPP_TEST_DATA=FOLDER python tests/benchmarks/momentum_quality.py [--tables concrete,energy] [--splits 2]
        [--epochs 30] [--optimizers adam,sgd] [--policies clr,one-cycle] [--factors 1,3]

Every run trains what a first click on the table would (eight networks), but for optimizer, policy and epochs, with the
policy's default rates times a factor. Each is done by the app's own worker and judged on the test rows, by log loss or
root mean squared error. Prints the ratio of the errors, with and without, in Markdown.
"""

import argparse
import math
import shutil
import sys
import tempfile
import warnings
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.table_quality import CASES, Case, markdown, of_app

TABLES = "concrete,energy,auto_mpg,breast_cancer,sklearn diabetes,sklearn digits"


def runs(case: Case, split: int, epochs: int, optimizer: str, policy: str, factor: float) -> Iterator[float]:
    """Yield the errors without and with cyclical momentum."""
    from lrapp.runs.store import Store
    from lrapp.settings import starting_policy
    from lrapp.settings.policy import scaled

    rates = scaled(starting_policy(policy, optimizer), factor, "").model_dump(mode="json")
    home = tempfile.mkdtemp(prefix="lrapp-momentum-")
    try:
        for moves in (False, True):
            patch = {
                "training": {"optimizer": optimizer, "epochs": epochs},
                "policy": rates | {"cycle_momentum": moves},
            }
            yield of_app(Store(Path(home)), case, split, patch)[0]
    finally:
        shutil.rmtree(home, ignore_errors=True)


def summary(found: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each optimizer, policy and factor, and one for all: how the errors compare."""
    rows = []
    groups = [*found.groupby(["optimizer", "policy", "factor"]), (("all", "", ""), found)]
    for (optimizer, policy, factor), part in groups:
        ratio = (part["with"] / part["without"]).dropna()
        rows.append(
            {
                "optimizer": optimizer,
                "policy": policy,
                "rates": f"x {factor:g}" if factor else "",
                "error to that without": f"{math.exp(np.log(ratio).mean()):.3f}" if len(ratio) else "",
                "better in": f"{int((ratio < 1).sum())} of {len(ratio)}",
                "least, most": f"{ratio.min():.2f}, {ratio.max():.2f}" if len(ratio) else "",
                "diverged without, with": f"{part['without'].isna().sum()}, {part['with'].isna().sum()}",
            }
        )
    return pd.DataFrame(rows)


def main() -> None:
    """Run the study and print what it shows."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--tables", default=TABLES, help="names, with commas between them")
    parser.add_argument("--splits", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--optimizers", default="adam,sgd")
    parser.add_argument("--policies", default="clr,one-cycle")
    parser.add_argument("--factors", default="1,3")
    options = parser.parse_args()
    from lrapp.execution import worker_setup

    worker_setup.settle("small")
    warnings.simplefilter("ignore")
    cases = [case for case in CASES if case.name in options.tables.split(",")]
    names = ["table", "split", "optimizer", "policy", "factor"]
    rows = []
    for split, case, optimizer, policy, factor in product(
        range(options.splits),
        cases,
        options.optimizers.split(","),
        options.policies.split(","),
        map(float, options.factors.split(",")),
    ):
        errors = runs(case, split, options.epochs, optimizer, policy, factor)
        rows.append((case.name, split, optimizer, policy, factor, *errors))
        print(rows[-1], file=sys.stderr, flush=True)
    found = pd.DataFrame(rows, columns=[*names, "without", "with"])
    print(markdown(summary(found)))


if __name__ == "__main__":
    main()
