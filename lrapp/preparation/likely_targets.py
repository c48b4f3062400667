"""Which columns of a table are most likely the ones to predict, each with why."""

import re

from lrapp.preparation import targets
from lrapp.tables.columns.column_records import Column
from lrapp.tables.columns.kinds import ColumnKind, is_id_name
from lrapp.tables.reading import Table

MOST = 3
_WORDS = r"(?:^|[^a-z])(?:{})(?:$|[^a-z])"
# What tables call their answer, whatever it is about.
_ANSWER = re.compile(
    r"(?i)(target|label|labels|class|classes|y|outcome|response|result|diagnosis|dependent|ground[_ ]?truth)"
    r"|(target|label|class|outcome)[_ ].*|.*[_ ](target|label|class|outcome|response)"
)
# What is usually asked of a table, by its subject.
_SUBJECT = re.compile(
    "(?i)"
    + _WORDS.format(
        "price|saleprice|survived|survival|churn|churned|exited|attrition|default|defaulted|fraud|is_?fraud|deposit|"
        "subscribed|bought|purchased?|converted|clicked|click|approved|status|loan_?status|income|salary|wages?|revenue|"
        "sales|profit|demand|cnt|count|units|quality|grade|rating|score|species|variety|type|category|sentiment|spam|"
        "cardio|disease|cancer|stroke|diabetes|died|death|mortality|risk|mpg|consumption|strength|load|yield|"
        "medv|median_?house_?value|charges|cost|expenses|failure|failed|fault|defect|late|delayed?|rul|rings|"
        "readmitted|cancell?ed|is_?canceled|winner|won|g3"
    )
)
# What is usually known, and asked from.
_KNOWN = re.compile(
    "(?i)"
    + _WORDS.format(
        "age|sex|gender|name|year|yr|month|mnth|day|date|week|weekday|hour|hr|minute|season|holiday|zip|postcode|lat|"
        "latitude|lon|long|longitude|city|country|state|region|address|island|origin|model|job|marital|contact|"
        "height|width|length|depth|weight|temp|temperature|humidity|pressure|id|index|group|fold|split|notes?"
    )
)
_MANY_CLASSES = 30


def likely_targets(table: Table) -> list[tuple[str, str]]:
    """Return the columns that are most likely to be predicted, the likeliest first, each with why in a few words.

    Args:
        table: With the kinds that its columns have. Identifiers, dates, constants and long texts are never among them.
    """
    names = set(targets.target_choices(table))
    judged = [
        (*_judged(place, column, len(table.columns), table), place)
        for place, column in enumerate(table.columns)
        if column.name in names
    ]
    judged.sort(key=lambda one: (-one[0], one[2]))
    likely = []
    for _, reason, place in judged:
        name = table.columns[place].name
        if targets.predictable(table, name):
            likely.append((name, reason))
        if len(likely) == MOST:
            break
    return likely


def _judged(place: int, column: Column, width: int, table: Table) -> tuple[float, str]:
    """How likely a column is the target, and why."""
    name = column.name.strip()
    points, reasons = 0.0, []
    if column.name == table.to_predict:
        points, reasons = points + 100, ["the file says so"]
    if _ANSWER.fullmatch(name):
        points += 6
        reasons.append("named like a target")
    elif _SUBJECT.search(_spaced(name)):
        points += 3
        reasons.append("often predicted")
    if _KNOWN.search(_spaced(name)):
        points -= 3
    if is_id_name(name):
        points -= 10
    if place == width - 1:
        points += 3
        reasons.append("last column")
    elif place == 0:
        points += 1.5
        reasons.append("first column")
    rows = max(1, len(table.frame))
    few = column.distinct
    if column.kind is ColumnKind.YES_NO or few == 2:
        points += 1
        reasons.append("two classes")
    elif column.kind is ColumnKind.CATEGORY:
        points += 1 if few <= 10 else -2 if few > _MANY_CLASSES else 0
        reasons.append(f"{few:,} classes")
    else:
        points += 0.5 if few > targets.MOST_NUMBER_CLASSES else 0
        reasons.append("a number")
    points -= 2 * column.missing / rows
    return points, ", ".join(reasons[:2])


def _spaced(name: str) -> str:
    """A name with its words apart: ``SalePrice`` has two, and so has ``is_fraud``."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).replace("_", " ").replace(".", " ")
