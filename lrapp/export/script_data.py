"""The first half of a run as code: reading, splitting and preparing the table."""

import pprint
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from lrapp.export.finished_run import SPLIT, FinishedRun, Recipe, slot_names
from lrapp.networks.memory_estimate import RUNS
from lrapp.tables import cell_values
from lrapp.tables.columns.kinds import ColumnKind

# Measured on one machine: losses agree in six digits, metrics are equal. Other machines round differently.
TOLERANCE = (
    "Batches, rates, initial weights and dropout follow from the same seeds, so the figures agree up to rounding: "
    "within 1 point of accuracy (or one row, if that is more), or 2 % of an error."
)
WIDTH = 100
# Beyond this a square leaves the range of float64.
_FAR_EXPONENT = 400


@dataclass(frozen=True)
class Cell:
    """A step of the script: a heading, a sentence or two, and code."""

    title: str
    text: str
    code: str


def beginning_cell(recipe: Recipe) -> Cell:
    """Return the step for what is imported, with a title."""
    fitted = dict(_parts(recipe))
    imports = ["from sklearn.compose import ColumnTransformer"]
    scaling = recipe.settings.data.scaling
    if scaling in ("clipped", "robust") and "numbers" in fitted:
        imports.append("from sklearn.base import BaseEstimator, TransformerMixin")
    parts = (["MissingIndicator"] if "flags" in fitted else []) + (
        ["SimpleImputer"] if {"numbers", "answers"} & set(fitted) else []
    )
    if parts:
        imports.append(f"from sklearn.impute import {', '.join(parts)}")
    if "numbers" in fitted:
        imports.append("from sklearn.pipeline import make_pipeline")
    scaler = "QuantileTransformer" if scaling == "quantile" else "StandardScaler"
    scalers = (["OneHotEncoder"] if "categories" in fitted else []) + (
        [scaler] if "numbers" in fitted and scaling != "robust" else []
    )
    if scalers:
        imports.append(f"from sklearn.preprocessing import {', '.join(scalers)}")
    lines = "\n".join(sorted(imports))
    return Cell(
        f"Train a network that predicts {cells_text(recipe.prepared.target)}",
        f"Repeats the run in plain pandas, scikit-learn and Keras. Run it in its own folder.\n{TOLERANCE}",
        'import os\n\nos.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")\n'
        'os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")  # with it, the last digits differ\n\n'
        f"import keras\nimport numpy as np\nimport pandas as pd\n{lines}",
    )


def reading_cell(recipe: Recipe) -> Cell:
    """Return the step for reading of the table."""
    reading = recipe.reading
    text = f"{reading.file} is the file as it was given."
    if not reading.original:
        text = (
            f"{reading.file} is the table as it was after repairs and conversions that pandas does not do by itself: "
            "they are listed in the README. Only the columns that the run used are in it."
        )
    options = "".join(f",\n    {name}={literal(value, 4)}" for name, value in reading.options.items())
    close = ",\n)" if options else ")"
    start = (
        f'table = pd.read_csv(\n    "{reading.file}"' if options else f'table = pd.read_csv("{reading.file}"'
    )
    return Cell("Read the table", text, f"{start}{options}{close}")


def split_cell(recipe: Recipe) -> Cell:
    """Return the step for the split."""
    if recipe.prepared.folds is not None:
        return Cell(
            "Split it",
            f"{SPLIT} says for each row of the table whether it trains or tests, and in which fold it is; rows without "
            "a target do neither.",
            f'split = pd.read_csv("{SPLIT}", keep_default_na=False)\n'
            'train, validation, test = (split["part"].to_numpy() == name for name in ("train", "validation", "test"))\n'
            'fold = split["fold"].to_numpy()[train]',
        )
    return Cell(
        "Split it",
        f"{SPLIT} says for each row of the table which part it is in; rows without a target are in none.",
        f'part = pd.read_csv("{SPLIT}", keep_default_na=False)["part"].to_numpy()\n'
        'train, validation, test = (part == name for name in ("train", "validation", "test"))',
    )


def column_cell(recipe: Recipe) -> Cell:
    """Return the step for the raw columns: words as they are, yes and no as 1 and 0, parts of dates."""
    columns = recipe.preprocessor.columns
    names = iter(slot_names(columns))
    code, helpers = [], ""
    for column in columns:
        source = f"table[{column.name!r}]"
        own = [next(names) for _ in column.slots]
        match column.kind:
            case ColumnKind.NUMBER:
                line = f'{source}.astype("float64")'
            case ColumnKind.YES_NO:
                line = f"{source}.map({_answers(recipe, column.name, column.values)})"
            case ColumnKind.CATEGORY:
                line = f'{source}.fillna("")'
            case ColumnKind.DATE:
                helpers = _DATES
                code.append(f"raw[{literal(own, 0)}] = date_parts({source})")
                continue
        code.append(f"raw[{own[0]!r}] = {line}")
    if units := _units(recipe):
        code.append(
            "# Divided by powers of two, which changes no digit but brings the usual value to about 1.\n"
            + "\n".join(f"raw[{name!r}] *= {2.0**-power!r}" for name, power in units)
        )
    return Cell(
        "Take the columns that the network needs",
        "Missing numbers are replaced later, by values learned from the training rows.",
        f"{helpers}raw = pd.DataFrame(index=table.index)\n" + "\n".join(code),
    )


def _answers(recipe: Recipe, name: str, pair: tuple[str, ...]) -> str:
    column = recipe.frame[name]
    found = column.dropna().drop_duplicates()
    codes, _ = cell_values.yes_no_codes(found, pair)
    return repr({text: int(code) for text, code in zip(found, codes, strict=True) if not np.isnan(code)})


def _units(recipe: Recipe) -> list[tuple[str, int]]:
    """Number columns to bring to unit size, each with a power of two."""
    transformer = recipe.preprocessor.transformer
    names = slot_names(recipe.preprocessor.columns)
    for name, part, slots in transformer.transformers_:
        if name == "numbers":
            powers = part.named_steps["unit"].exponent_
            every = recipe.settings.data.scaling == "quantile"
            return [
                (names[slot], int(power))
                for slot, power in zip(slots, powers, strict=True)
                if (every and power) or abs(int(power)) > _FAR_EXPONENT
            ]
    return []


_DATES = '''\
def date_parts(dates):
    """Days since 1970, year, day of month; time of year, of week and of day as points on circles."""
    seconds = dates.to_numpy().astype("datetime64[s]")
    day = seconds.astype("datetime64[D]")
    days = np.where(np.isnat(day), np.nan, day.astype(np.int64))
    time = (seconds - day.astype("datetime64[s]")) / np.timedelta64(1, "D")
    turns = [(dates.dt.day_of_year - 1) / 366, dates.dt.day_of_week / 7, time]
    circles = [wave(2 * np.pi * turn).round(9) for turn in turns for wave in (np.sin, np.cos)]
    return np.column_stack([days + time, dates.dt.year, dates.dt.day, *circles])


'''


def _parts(recipe: Recipe) -> Iterator[tuple[str, list[str]]]:
    """The transformer's parts, each with the names of its columns."""
    names = slot_names(recipe.preprocessor.columns)
    for name, _, slots in recipe.preprocessor.transformer.transformers_:
        if name != "remainder":
            yield name, [names[slot] for slot in slots]


_CLIP = '''\
class QuantileClip(TransformerMixin, BaseEstimator):
    """Moves values beyond a quantile of the training rows to that quantile."""

    def fit(self, X, y=None):
        ordered = np.sort(np.asarray(X), axis=0)  # NaN last
        last = np.count_nonzero(~np.isnan(ordered), axis=0) - 1
        low = np.ceil({clip!r} * last).astype(int)
        columns = np.arange(ordered.shape[1])
        self.low_, self.high_ = ordered[low, columns], ordered[last - low, columns]
        single = self.low_ >= self.high_  # a column that would be left with one value is not clipped
        self.low_[single], self.high_[single] = ordered[0, single], ordered[last[single], single]
        return self

    def transform(self, X):
        return np.clip(np.asarray(X), self.low_, self.high_)


'''


_ROBUST = '''\
class RobustScale(TransformerMixin, BaseEstimator):
    """Median and quartiles, then a smooth bound: Holzmüller et al. 2024, arXiv 2407.04491."""

    def fit(self, X, y=None):
        least, low, self.center_, high, greatest = np.quantile(X, [0, 0.25, 0.5, 0.75, 1], axis=0)
        scale = np.where(high > low, high - low, (greatest - least) / 2)
        self.scale_ = np.where(scale > 0, scale, np.finfo(np.float64).max)
        return self

    def transform(self, X):
        scaled = np.clip((X - self.center_) / self.scale_, -1e6, 1e6)
        return scaled / np.sqrt(1 + (scaled / 3) ** 2)


'''


def preprocessing_cell(recipe: Recipe) -> Cell:
    """Return the step for the preprocessing."""
    settings = recipe.settings.data
    strategy = {"median": '"median"', "mean": '"mean"', "zero": '"constant", fill_value=0.0'}
    scaler = "StandardScaler()"
    if settings.scaling == "quantile":
        count = min(1000, len(recipe.prepared.train.y))
        scaler = (
            f'QuantileTransformer(\n    n_quantiles={count}, output_distribution="normal", subsample=100_000, '
            "random_state=0\n)"
        )
    elif settings.scaling == "robust":
        scaler = "RobustScale()"
    fitted = dict(_parts(recipe))
    code, made = "", []
    for name, columns in fitted.items():
        match name:
            case "numbers":
                steps = [f"SimpleImputer(strategy={strategy[settings.missing_numbers]})", scaler]
                if settings.scaling == "clipped":
                    code += _CLIP.format(clip=settings.clip)
                    steps.insert(0, "QuantileClip()")
                elif settings.scaling == "robust":
                    code += _ROBUST
                transformer = f"make_pipeline({', '.join(steps)})"
            case "answers":
                transformer = 'SimpleImputer(strategy="mean")'
            case "flags":
                transformer = 'MissingIndicator(features="all")'
            case _:
                transformer = (
                    "OneHotEncoder(\n"
                    f"    categories={_categories(recipe)},\n"
                    '    handle_unknown="infrequent_if_exist",\n'
                    f"    min_frequency={settings.min_category_rows},\n"
                    f"    max_categories={settings.max_categories + 1},  # the shared one counts too\n"
                    "    sparse_output=False,\n)"
                )
        code += f"{name} = {transformer}\n"
        made.append(f"        ({name!r}, {name}, {literal(columns, 8)}),")
    code += "preprocessor = ColumnTransformer(\n    [\n" + "\n".join(made) + "\n    ]\n)\n"
    code += (
        "preprocessor.fit(raw[train])\n"
        "x = preprocessor.transform(raw).clip(-1e6, 1e6).astype(np.float32)\n"
        "x_train, x_validation, x_test = x[train], x[validation], x[test]"
    )
    return Cell("Turn columns into inputs", "Everything is fitted on the training rows.", code)


def _categories(recipe: Recipe) -> str:
    transformer = recipe.preprocessor.transformer
    owners = [column for column in recipe.preprocessor.columns for _ in column.slots]
    slots = next(slots for name, _, slots in transformer.transformers_ if name == "categories")
    return literal([list(owners[slot].values) for slot in slots], 4)


def target_cell(recipe: Recipe) -> Cell:
    """Return the step for the target."""
    name = recipe.prepared.target
    if recipe.prepared.logarithm is not None:
        return Cell(
            "Prepare the target",
            "The network learns the logarithm log(1 + y / unit), standardised; errors are those of the numbers.",
            f"numbers = table[{name!r}].to_numpy(np.float64)\n"
            "unit = np.median(numbers[train][numbers[train] > 0])\n"
            "logarithms = np.log1p(numbers / unit)\n"
            "mean, scale = logarithms[train].mean(), logarithms[train].std()\n"
            "y = ((logarithms - mean) / scale).astype(np.float32)[:, None]\n"
            "y_train, y_validation, y_test = y[train], y[validation], y[test]",
        )
    if recipe.prepared.task == "regression":
        scale = "numbers[train].std()"
        if np.ptp(recipe.frame[name].to_numpy()[recipe.prepared.train.rows]) == 0:
            scale = repr(recipe.prepared.metric_scale)
        return Cell(
            "Prepare the target",
            "Standardised for the network; errors are scaled back.",
            f"numbers = table[{name!r}].to_numpy(np.float64)\n"
            f"mean, scale = numbers[train].mean(), {scale}\n"
            "y = ((numbers - mean) / scale).astype(np.float32)[:, None]\n"
            "y_train, y_validation, y_test = y[train], y[validation], y[test]",
        )
    binary = recipe.prepared.task == "binary"
    kind, shape = ("np.float32", "[:, None]") if binary else ("np.int32", "")
    code = (
        f"classes = {literal(list(recipe.prepared.classes), 0)}\n"
        f"numbers = table[{name!r}].map({{name: number for number, name in enumerate(classes)}})\n"
        "y_train, y_validation, y_test = (\n"
        f"    numbers[rows].to_numpy({kind}){shape} for rows in (train, validation, test)\n)"
    )
    text = "Classes by their numbers."
    if recipe.settings.data.class_weights and recipe.prepared.folds is None:
        text += " Rows of rare classes weigh more, so that all classes weigh the same."
        code += (
            "\nrows_of = numbers[train].value_counts()\n"
            "weights = (train.sum() / (len(rows_of) * numbers[train].map(rows_of))).to_numpy(np.float32)"
        )
    return Cell("Prepare the target", text, code)


def epoch_order(recipe: FinishedRun, epoch: int | str) -> str:
    """Return the expression of the order in which an epoch uses the training rows."""
    seed = recipe.settings.training.seed
    if _block_rows(recipe):
        return f"in_blocks(len(x_train), {seed}, {epoch})"
    return f"np.random.default_rng([{seed}, {epoch}]).permutation(len(x_train))"


def in_blocks(recipe: FinishedRun) -> str:
    """Return the function that ``epoch_order`` may call; nothing where the run had all rows in memory."""
    if not (block_rows := _block_rows(recipe)):
        return ""
    return f'''\
def in_blocks(rows, seed, epoch, block={block_rows}):
    """The order of the run, which had one block of rows after the other in memory; here, all are."""
    random, length = np.random.default_rng([seed, epoch]), {max(1, block_rows // RUNS)}
    order = (random.permutation(-(-rows // length))[:, None] * length + np.arange(length)).reshape(-1)
    order = order[order < rows]
    for start in range(0, rows, block):
        random.shuffle(order[start : start + block])
    return order


'''


def _block_rows(recipe: FinishedRun) -> int:
    prepared = recipe.history.prepared
    block_rows = prepared.block_rows if prepared is not None else 0
    return block_rows if block_rows < len(recipe.prepared.train.y) else 0


def cells_text(name: str) -> str:
    """Return a name from a file on one line, in quotes, so that it cannot leave its comment."""
    return repr(name if len(name) <= 60 else name[:57] + "…")


def literal(value: Any, indent: int) -> str:
    """Return a value as code, broken into lines that fit behind an indent."""
    text = pprint.pformat(value, width=WIDTH - indent, compact=True, sort_dicts=False)
    return text.replace("\n", "\n" + " " * indent)
