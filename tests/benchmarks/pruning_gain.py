"""What does pruning gain, and what does it cost? Networks at growing sparsity: their score, their zip and their time.

    LRAPP_TEST_DATA=FOLDER python tests/benchmarks/pruning_gain.py [--tables bank,bike] [--splits 2] [--epochs 40]
        [--ways half,quarter,after] [--sparsities 50,80,90,95] [--results pruning.csv]

One network of 128 and 64 units learns each table, and 12,000 pictures of Fashion-MNIST, by the app's own worker: as it
is, and pruned to 50, 80, 90 and 95 %: in the first half or quarter of its epochs, or afterwards, as the page does it
with a finished run, from its best weights. Each is judged on the test rows by log loss or root mean squared error, in
float32, in Keras's int8 and in LiteRT's; the times are the least of many, taken in turns. Results are appended to a
CSV file, and what stands there already is not done again. Prints Markdown.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.range_test_speed import machine
from benchmarks.table_quality import CASES, source_of

WAYS = ("half", "quarter", "after")
FORMS = ("float32", "int8", "LiteRT int8")
PICTURES = "Fashion-MNIST"
_TURNS, _ROWS = 30, 1_024


def settings_of(store: Any, name: str, split: int, epochs: int) -> Any:
    """Return the run of a table without pruning."""
    from lrapp.settings import (
        DataSettings,
        LayerSettings,
        ModelSettings,
        PictureSettings,
        PicturesSource,
        RunSettings,
        TrainingSettings,
    )

    if name == PICTURES:
        data = DataSettings(
            source=PicturesSource(name="fashion-mnist"),
            pictures=PictureSettings(most_rows=12_000),
            split_seed=split,
        )
    else:
        case = next(case for case in CASES if case.name == name)
        kinds = dict.fromkeys(case.out, "text")
        data = DataSettings(source=source_of(store, case), target=case.target, split_seed=split, kinds=kinds)
    return RunSettings(
        data=data,
        model=ModelSettings(layers=(LayerSettings(units=128), LayerSettings(units=64))),
        training=TrainingSettings(epochs=epochs, batch_size=64, seed=split),
        closer_look=False,
    )


def pruned(settings: Any, dense: Any, way: str, sparsity: float) -> Any:
    """Return the run that prunes: while it trains from fresh weights, or a network that has been trained.

    Args:
        settings: Without pruning.
        dense: The finished run with these settings.
        way: One of ``WAYS``.
        sparsity: In the end, in percent.
    """
    from lrapp.experiments import pruning_afterwards
    from lrapp.settings import PruningSettings
    from lrapp.settings.base import checked

    if way == "after":
        settings = pruning_afterwards.settings_of(dense)
    epochs = settings.training.epochs
    last = max(1, epochs // (2 if way == "half" else 4))
    pruning = PruningSettings(enabled=True, final_sparsity=sparsity, last_epoch=last)
    return settings.model_copy(update={"training": checked(settings.training, pruning=pruning)})


def measured(
    home: Path, name: str, split: int, epochs: int, ways: Sequence[str], sparsities: Sequence[int]
) -> list[dict[str, Any]]:
    """Train and measure the networks of a table."""
    from lrapp.evaluation import model_sizes
    from lrapp.execution import worker
    from lrapp.export import litert_graph
    from lrapp.networks import members, quantized, saved
    from lrapp.runs.store import Store

    store = Store(home)
    answers: dict[tuple[Any, ...], Any] = {}
    rows: list[dict[str, Any]] = []
    settings, dense = settings_of(store, name, split, epochs), None
    for way, sparsity in (("none", 0), *((way, sparsity) for way in ways for sparsity in sparsities)):
        run = store.create(settings if dense is None else pruned(settings, dense, way, sparsity))
        worker.work(run.folder, home)
        dense = dense or run
        model, ended = saved.SavedModel.load(run.folder), run.history().ended
        kept = ended.best_epoch if ended is not None else None
        prepared = worker.prepared_data(store, run.settings.data)
        row = {"table": name, "split": split, "way": way, "sparsity": sparsity, "best": kept}
        for form in FORMS:
            network = members.answering(
                *(model.network, run.settings, prepared.task, model.preprocessor.numbers, "float32")
            )
            answer: Any = partial(saved.outputs, network)
            if form == "LiteRT int8":
                path = home / f"{run.id}.tflite"
                path.write_bytes(litert_graph.converted(litert_graph.of_network(network), int8=True))
                answer = partial(_of_litert, litert_graph.runner(path))
                found = model_sizes.measure_file(form, path, answer, prepared, 0.0)
            else:
                if form == "int8":
                    quantized.quantize(network)
                found = model_sizes.measure(form, network, prepared)
            answers[way, sparsity, form] = answer
            error = next(
                value for kind, value in found.scores if kind in ("log loss", "root mean squared error")
            )
            rows.append(row | {"form": form, "error": error, "first": found.scores[0][1]})
            rows[-1] |= {"zip": found.zip_bytes, "file": found.file_bytes, "zeros": found.zeros}
        print(name, split, way, sparsity, rows[-1]["error"], file=sys.stderr)
    x = np.take(prepared.test.x, np.arange(_ROWS) % len(prepared.test.x), axis=0)
    least = dict.fromkeys(answers, np.inf)
    for _ in range(_TURNS):
        for key, answer in answers.items():
            begun = time.perf_counter()
            answer(x)
            least[key] = min(least[key], (time.perf_counter() - begun) / _ROWS)
    return [row | {"seconds": least[row["way"], row["sparsity"], row["form"]]} for row in rows]


def _of_litert(ask: Any, x: np.ndarray) -> np.ndarray:
    outputs: np.ndarray = ask({"x": x})["outputs"]
    return outputs


def markdown(frame: pd.DataFrame) -> str:
    """Return the figures by sparsity: geometric means over tables and splits of the ratios to the dense network."""
    key = ["table", "split"]
    dense = frame[(frame.sparsity == 0) & (frame.form == "float32")].set_index(key)
    lines = ["| pruned | sparsity | form | error | worst | zip | time for a row |", "|---" * 7 + "|"]
    for (way, sparsity, form), part in frame.groupby(["way", "sparsity", "form"]):
        ratios = part.set_index(key)[["error", "zip", "seconds"]] / dense[["error", "zip", "seconds"]]
        means = np.exp(np.log(ratios).mean())
        lines.append(
            f"| {way} | {sparsity} % | {form} | {means['error']:.3f} | {ratios['error'].max():.2f} | "
            f"{means['zip']:.2f} | {means['seconds']:.2f} |"
        )
    for way in [way for way in WAYS if way in set(frame.way)]:
        plain = frame[(frame.form == "float32") & frame.way.isin([way, "none"])]
        sparsities = sorted(set(plain.sparsity))
        lines += ["", f"| {way} | " + " | ".join(f"{sparsity} %" for sparsity in sparsities) + " |"]
        lines.append("|---" * (1 + len(sparsities)) + "|")
        for name, part in plain.groupby("table"):
            errors = part.groupby("sparsity")["error"].mean()
            lines.append(
                f"| {name} | " + " | ".join(f"{errors[sparsity]:.4g}" for sparsity in sparsities) + " |"
            )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Do what the command line asks for."""
    parser = argparse.ArgumentParser(description="What pruning gains and costs.")
    parser.add_argument("--tables", default=f"bank,bike,churn,wine,{PICTURES}")
    parser.add_argument("--splits", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--ways", default=",".join(WAYS))
    parser.add_argument("--sparsities", default="50,80,90,95")
    parser.add_argument("--results", type=Path, default=Path("pruning.csv"))
    chosen = parser.parse_args(arguments)
    rows: list[Any] = pd.read_csv(chosen.results).to_dict("records") if chosen.results.exists() else []
    done = {(row["table"], row["split"]) for row in rows}
    with tempfile.TemporaryDirectory() as home:
        for split in range(chosen.splits):
            for name in chosen.tables.split(","):
                if (name, split) not in done:
                    rows += measured(
                        Path(home),
                        name,
                        split,
                        chosen.epochs,
                        chosen.ways.split(","),
                        list(map(int, chosen.sparsities.split(","))),
                    )
                    pd.DataFrame(rows).to_csv(chosen.results, index=False)
    print(machine())
    print(markdown(pd.DataFrame(rows)))


if __name__ == "__main__":
    main()
