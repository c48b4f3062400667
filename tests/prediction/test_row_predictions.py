"""A saved preprocessor, a network and a new table -> predictions."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from predicting import predict

from lrapp.errors import UserError
from lrapp.prediction import row_predictions
from lrapp.preparation.preprocessor import Preprocessor
from lrapp.preparation.table_arrays import Prepared, prepare
from lrapp.settings import DataSettings
from lrapp.tables.reading import Table, read_csv

RNG = np.random.default_rng(4)
ROWS = 120
FRAME = pd.DataFrame(
    {
        "age": RNG.integers(18, 90, ROWS).astype(object),
        "floor": RNG.choice([1, 2, 3], ROWS),
        "member": RNG.choice(["yes", "no"], ROWS),
        "town": RNG.choice(["Rome", "Oslo", "Bonn"], ROWS),
        "day": pd.date_range("2020-01-01", periods=ROWS, freq="5D").astype(str),
        "key": [f"k{n:05}" for n in RNG.permutation(ROWS)],
        "price": RNG.normal(100, 20, ROWS),
    }
)
FRAME.loc[::10, "age"] = None


def read(frame: pd.DataFrame, **writing: str) -> Table:
    return read_csv(
        frame.to_csv(index=False, sep=writing.get("sep", ","), decimal=writing.get("decimal", ".")).encode(),
        "t",
    )


@pytest.fixture(scope="module")
def towns() -> Prepared:
    return prepare(
        read(FRAME), DataSettings.model_validate({"target": "town", "kinds": {"floor": "category"}})
    )


@pytest.fixture(scope="module")
def prices() -> Prepared:
    return prepare(read(FRAME), DataSettings(target="price"))


def network(preprocessor: Preprocessor) -> Callable[[np.ndarray], np.ndarray]:
    """A fixed linear network."""
    outputs = len(preprocessor.classes) if preprocessor.task == "multi-class" else 1
    weights = np.random.default_rng(0).normal(size=(len(preprocessor.inputs), outputs))

    def answer(x: np.ndarray) -> np.ndarray:
        assert x.dtype == np.float32
        raw = x @ weights
        if preprocessor.task == "regression":
            return raw.astype(np.float32)
        powers = np.exp(raw - raw.max(axis=1, keepdims=True))
        return (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)

    return answer


def test_classes_come_with_their_probabilities(towns: Prepared) -> None:
    model = network(towns.tabular)
    table = read(FRAME)

    answer = predict(towns.tabular, model, table)

    rows = towns.test.rows
    outputs = model(towns.test.x)
    added = answer.frame.iloc[rows]
    assert list(answer.frame.columns) == [
        *FRAME.columns, "prediction", "confidence",
        "probability of Bonn", "probability of Oslo", "probability of Rome",
    ]  # fmt: skip
    assert added["prediction"].tolist() == [towns.classes[place] for place in outputs.argmax(axis=1)]
    np.testing.assert_allclose(added["confidence"], outputs.max(axis=1), rtol=1e-6)
    np.testing.assert_allclose(
        added[[f"probability of {name}" for name in towns.classes]], outputs, rtol=1e-6
    )
    pd.testing.assert_frame_equal(answer.frame[table.frame.columns], table.frame)
    assert answer.notes == (
        "1 column was not used, because the model does not need it: “key”.",
        "The column “town” is what the model predicts; its values were only compared with the predictions.",
    )


def test_numbers_come_in_the_targets_units(prices: Prepared) -> None:
    model = network(prices.tabular)

    frame = predict(prices.tabular, model, read(FRAME.drop(columns="price"))).frame

    expected = model(prices.test.x)[:, 0] * prices.metric_scale + prices.tabular.target_mean
    np.testing.assert_allclose(frame["prediction"].iloc[prices.test.rows], expected, rtol=1e-5)
    assert "confidence" not in frame


@pytest.mark.parametrize(
    "change",
    [
        lambda frame: frame[frame.columns[::-1]],
        lambda frame: frame.assign(extra="x"),
        lambda frame: frame.assign(floor=frame["floor"].astype(float)),
        lambda frame: frame.assign(floor=[f"{floor}.0" for floor in frame["floor"]]),
        lambda frame: frame.assign(member=frame["member"].map({"yes": "TRUE", "no": "False"})),
        lambda frame: frame.assign(member=frame["member"].map({"yes": 1, "no": 0})),
        lambda frame: frame.assign(day=pd.to_datetime(frame["day"]).dt.strftime("%d.%m.%Y")),
        lambda frame: frame.assign(age=[f" {age} " if age else "?" for age in frame["age"]]),
    ],
)
def test_the_same_rows_written_otherwise_give_the_same(
    towns: Prepared, change: Callable[[pd.DataFrame], pd.DataFrame]
) -> None:
    model = network(towns.tabular)
    usual = predict(towns.tabular, model, read(FRAME)).frame

    other = predict(towns.tabular, model, read(change(FRAME))).frame

    assert other["prediction"].tolist() == usual["prediction"].tolist()
    np.testing.assert_array_equal(other["confidence"], usual["confidence"])


def test_another_dialect_gives_the_same(towns: Prepared) -> None:
    model = network(towns.tabular)

    other = predict(towns.tabular, model, read(FRAME, sep=";", decimal=",")).frame

    assert (
        other["prediction"].tolist()
        == predict(towns.tabular, model, read(FRAME)).frame["prediction"].tolist()
    )


@pytest.mark.parametrize("row", [0, 1, 2, 57])
def test_a_table_of_one_row(towns: Prepared, row: int) -> None:
    """Every column of it is constant, and none looks like what it was."""
    model = network(towns.tabular)
    usual = predict(towns.tabular, model, read(FRAME)).frame

    alone = predict(towns.tabular, model, read(FRAME.iloc[[row]])).frame

    assert len(alone) == 1
    assert alone["confidence"][0] == pytest.approx(usual["confidence"][row], rel=1e-6)


def test_missing_columns_are_named(towns: Prepared) -> None:
    with pytest.raises(UserError, match=r"Missing columns: “age” and “member”\. The table has: “floor”"):
        predict(towns.tabular, network(towns.tabular), read(FRAME.drop(columns=["age", "member"])))


def test_columns_that_training_left_out_are_not_needed(towns: Prepared) -> None:
    predict(towns.tabular, network(towns.tabular), read(FRAME.drop(columns=["key", "town"])))


def test_unseen_categories_are_counted_and_predicted(towns: Prepared) -> None:
    frame = FRAME.assign(floor=[7, 7, 8, *FRAME["floor"][3:]])

    answer = predict(towns.tabular, network(towns.tabular), read(frame))

    assert answer.frame["prediction"].notna().all()
    assert "“floor” holds 2 categories that training never saw, in 3 rows: “7” and “8”." in answer.notes


def test_rows_that_cannot_be_read_stay_with_a_reason(towns: Prepared) -> None:
    frame = FRAME.copy()
    frame.loc[5, "day"] = "someday"
    frame.loc[9, "member"] = "perhaps"
    frame.loc[11, ["age", "day"]] = ["old", "never"]
    table = read(frame).with_kinds({"day": "text", "age": "text"})  # type: ignore[dict-item]

    answer = predict(towns.tabular, network(towns.tabular), table)

    why = answer.frame["no prediction because"]
    assert answer.frame.index[why.notna()].tolist() == [5, 9, 11]
    assert answer.frame.index[answer.frame["prediction"].isna()].tolist() == [5, 9, 11]
    assert why[5] == "“day” must be a date and is “someday”"
    assert why[9] == "“member” must be “no” or “yes” and is “perhaps”"
    assert why[11] == "“age” must be a number and is “old”"
    assert any(note.startswith("3 rows have no prediction: for example, ") for note in answer.notes)
    usual = predict(towns.tabular, network(towns.tabular), read(FRAME)).frame
    kept = why.isna()
    assert answer.frame["prediction"][kept].tolist() == usual["prediction"][kept].tolist()


@pytest.mark.parametrize(
    "change",
    [
        # Too many are no dates for the column to be one.
        lambda day, place: f"day {place}" if place % 3 == 0 else day,
        # Written in several ways, of which none is that of nine in ten.
        lambda day, place: (
            "never" if place % 3 == 0 else day if place % 2 else "{2}.{1}.{0}".format(*day.split("-"))
        ),
    ],
)
def test_dates_are_read_however_many_are_none(towns: Prepared, change: Callable[[str, int], str]) -> None:
    model = network(towns.tabular)
    usual = predict(towns.tabular, model, read(FRAME)).frame

    days = [change(day, place) for place, day in enumerate(FRAME["day"])]
    other = predict(towns.tabular, model, read(FRAME.assign(day=days))).frame

    bad = np.arange(ROWS) % 3 == 0
    assert other["no prediction because"].notna().tolist() == bad.tolist()
    assert other["prediction"][~bad].tolist() == usual["prediction"][~bad].tolist()
    np.testing.assert_array_equal(other["confidence"][~bad], usual["confidence"][~bad])


def test_words_that_are_all_numbers_or_dates_in_a_new_table_are_known() -> None:
    rng = np.random.default_rng(5)
    words = pd.DataFrame(
        {
            "size": rng.choice(["1,5", "2,5", "big"], ROWS),
            "until": rng.choice(["31.12.2024", "30.06.2025", "open"], ROWS),
            "grade": rng.choice(["1,0", "2,0", "none given"], ROWS),
        }
    )
    data = prepare(read(words, sep=";"), DataSettings(target="grade"))
    model = network(data.tabular)
    usual = predict(data.tabular, model, read(words, sep=";")).frame

    plain = (words["size"] != "big") & (words["until"] != "open") & (words["grade"] != "none given")
    table = read(words[plain], sep=";", decimal=",")
    (part,) = row_predictions.answers(data.tabular, lambda x: (model(x), None), table)

    assert table.frame["size"].dtype == np.float64
    assert part.strange == {}
    assert part.added["prediction"].tolist() == usual["prediction"][plain].tolist()
    assert part.truth is not None
    assert [data.classes[int(place)] for place in part.truth] == words["grade"][plain].tolist()


@pytest.mark.parametrize(
    "pair", [("no", "yes"), ("No", "YES"), ("nein", "ja"), ("FALSE", "TRUE"), ("0", "1")]
)
def test_a_target_of_yes_and_no_is_compared_in_any_words(pair: tuple[str, str]) -> None:
    data = prepare(read(FRAME), DataSettings(target="member"))
    new = FRAME.assign(member=FRAME["member"].map(dict(zip(("no", "yes"), pair, strict=True))))

    model = network(data.tabular)
    (part,) = row_predictions.answers(data.tabular, lambda x: (model(x), None), read(new))

    assert part.truth is not None
    assert part.truth.tolist() == (FRAME["member"] == "yes").astype(float).tolist()


def test_gaps_are_predicted_as_in_training_and_empty_rows_are_not(towns: Prepared) -> None:
    frame = FRAME.copy()
    frame.loc[3, "day"] = None
    frame.loc[4, ["age", "floor", "member", "day", "price"]] = None

    answer = predict(towns.tabular, network(towns.tabular), read(frame))

    assert answer.frame["prediction"].isna().tolist() == [row == 4 for row in range(ROWS)]
    assert answer.frame["no prediction because"][4] == "all columns that the model needs are empty"


def test_a_table_without_one_good_row_is_a_sentence(towns: Prepared) -> None:
    frame = FRAME.assign(day="some other time")
    with pytest.raises(UserError, match="In the first row, “day” must be a date and is “some other time”"):
        predict(towns.tabular, network(towns.tabular), read(frame))


def test_names_that_are_taken_are_not_overwritten(towns: Prepared) -> None:
    frame = FRAME.assign(prediction="mine")

    answer = predict(towns.tabular, network(towns.tabular), read(frame)).frame

    assert set(answer["prediction"]) == {"mine"}
    assert set(answer["prediction (model)"]) <= set(towns.classes)


def test_many_rows_go_through_in_parts(towns: Prepared, monkeypatch: pytest.MonkeyPatch) -> None:
    model = network(towns.tabular)
    usual = predict(towns.tabular, model, read(FRAME)).frame
    monkeypatch.setattr(row_predictions, "_ROWS_AT_ONCE", 50)
    sizes = []

    def counting(x: np.ndarray) -> np.ndarray:
        sizes.append(len(x))
        return model(x)

    parts = predict(towns.tabular, counting, read(FRAME)).frame

    assert sizes == [50, 50, 20]
    np.testing.assert_allclose(parts["confidence"], usual["confidence"], rtol=1e-6)
