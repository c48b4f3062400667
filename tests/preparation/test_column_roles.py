"""A column's role is what the settings say, and another role is a change of the settings."""

import pytest

from lrapp.errors import UserError
from lrapp.preparation.column_roles import Role, codes_of, role, with_codes, with_kind, with_role
from lrapp.settings import DataSettings
from lrapp.tables.columns.kinds import ColumnKind
from lrapp.tables.reading import read_csv

ROWS = "\n".join(f"{n},{n * 1.5},{'ab'[n % 2]},same,2024-01-{n % 28 + 1:02}" for n in range(1, 40))
TABLE = read_csv(f"id,size,town,constant,day\n{ROWS}\n".encode(), "t.csv")
COLUMNS = {column.name: column for column in TABLE.columns}
DATA = DataSettings(target="town")


def roles(data: DataSettings) -> dict[str, Role]:
    return {name: role(name, data.kinds.get(name, column.kind), data) for name, column in COLUMNS.items()}


def test_the_roles_that_a_table_begins_with() -> None:
    assert roles(DATA) == {
        "id": Role.IGNORE,
        "size": Role.INPUT,
        "town": Role.TARGET,
        "constant": Role.IGNORE,
        "day": Role.INPUT,
    }
    assert roles(DATA.model_copy(update={"split": "time", "split_column": "day"}))["day"] is Role.SPLIT


@pytest.mark.parametrize("name", ["id", "size", "town", "day"])
@pytest.mark.parametrize("wanted", [Role.TARGET, Role.INPUT, Role.IGNORE])
def test_a_column_becomes_what_it_is_to_be(name: str, wanted: Role) -> None:
    changed = with_role(DATA, COLUMNS[name], wanted)
    assert roles(changed)[name] is wanted
    others = {other for other, is_now in roles(changed).items() if is_now is not roles(DATA)[other]}
    assert others <= {name, "town"}
    assert (changed.target == name) == (wanted is Role.TARGET)
    back = with_role(changed, COLUMNS[name], roles(DATA)[name])
    assert roles(with_role(back, COLUMNS["town"], Role.TARGET)) == roles(DATA)


def test_a_constant_stays_left_out() -> None:
    assert with_role(DATA, COLUMNS["constant"], Role.INPUT) == DATA
    assert with_role(DATA, COLUMNS["constant"], Role.TARGET) == DATA


def test_an_identifier_of_digits_becomes_a_number_and_one_of_letters_a_category() -> None:
    assert with_role(DATA, COLUMNS["id"], Role.INPUT).kinds == {"id": ColumnKind.NUMBER}
    letters = read_csv(b"key,x\n" + b"".join(b"k%d,%d\n" % (n * n, n % 7) for n in range(40)), "t.csv")
    (key, _) = letters.columns
    assert with_role(DATA, key, Role.INPUT).kinds == {"key": ColumnKind.CATEGORY}


def test_what_splits_can_be_an_input_too() -> None:
    split = DATA.model_copy(update={"split": "time", "split_column": "day"})
    assert with_role(split, COLUMNS["day"], Role.INPUT).split_column_input


def test_a_detected_kind_is_no_choice() -> None:
    chosen = with_kind(DATA, COLUMNS["size"], ColumnKind.CATEGORY)
    assert chosen.kinds == {"size": ColumnKind.CATEGORY}
    assert with_kind(chosen, COLUMNS["size"], ColumnKind.NUMBER) == DATA


def test_codes_come_and_go() -> None:
    chosen = with_codes(DATA, "size", (-1.0, 999.0))
    assert chosen.gap_codes == {"size": (-1.0, 999.0)}
    assert with_codes(chosen, "size", ()) == DATA


def test_codes_as_they_are_typed() -> None:
    assert codes_of(" 999, -1;-99.5 999 ") == (-99.5, -1.0, 999.0)
    assert codes_of("") == ()
    for text in ("none", "1, NaN", "1e999"):
        with pytest.raises(UserError, match="Codes for gaps must be numbers"):
            codes_of(text)
