"""The order in which runs come to the worker, beside queues that are really gone through."""

from collections import deque
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lrapp.execution.turns import Turns
from lrapp.runs.store import Run, Status

START = datetime(2026, 1, 1, tzinfo=UTC)
OWNERS = ["", "a", "b", "c"]


class Named(Run):
    """A run whose folder's name is ``number-owner``; nothing is on disk."""

    @property
    def owner(self) -> str:
        return self.folder.name.partition("-")[2]


def at(minute: int) -> datetime:
    return START + timedelta(minutes=minute)


def run(number: int, owner: str) -> Named:
    return Named(Path(f"{number:04}-{owner}"))


def taken(turns: Turns, minute: int = 10_000) -> list[Run]:
    """Go through the queue, as a worker that gets nothing new to do."""
    found = []
    while turns:
        found.append(turns.take())
        minute += 1
        turns.end(found[-1].owner, at(minute))
    return found


# Comes (an owner), or None: the worker ends what it does and takes the next.
happenings = st.lists(st.sampled_from([*OWNERS, None]), max_size=60)


@given(happenings)
def test_it_is_a_round_robin(what: list[str | None]) -> None:
    """Beside a carousel: whoever comes stands at its end, and again when their run has ended."""
    turns, minute = Turns(), 0
    carousel: deque[str] = deque()
    lines: dict[str, deque[Run]] = {owner: deque() for owner in OWNERS}
    current: str | None = None
    for number, happening in enumerate(what):
        minute += 1
        if happening is not None:
            new = run(number, happening)
            turns.put(new, Status(created=at(minute)))
            lines[happening].append(new)
            if happening not in carousel and current != happening:
                carousel.append(happening)
        else:
            if current is not None:
                turns.end(current, at(minute))
                if lines[current]:
                    carousel.append(current)
                current = None
            if carousel:
                current = carousel.popleft()
                assert turns.take() == lines[current].popleft()
        assert len(turns) == sum(len(line) for line in lines.values())
    told = turns.order(at_work=current)
    if current is not None:
        turns.end(current, at(minute + 1))
    assert told == taken(turns), "places are true"


@given(happenings, st.data())
def test_a_restart_changes_nothing(what: list[str | None], data: st.DataObject) -> None:
    turns = Turns()
    kept: dict[Run, Status] = {}
    for minute, happening in enumerate(what):
        if happening is not None:
            new = run(minute, happening)
            kept[new] = Status(created=at(minute))
            turns.put(new, kept[new])
        elif turns:
            done = turns.take()
            kept[done] = kept[done].model_copy(
                update={"state": "completed", "started": at(minute), "ended": at(minute)}
            )
            turns.end(done.owner, at(minute))
    again = Turns()
    for one in data.draw(st.permutations(sorted(kept, key=lambda one: one.id))):
        status = kept[one]
        if status.ended is not None:
            again.end(one.owner, status.ended)
        else:
            again.put(one, status)
    assert again.order() == turns.order()


def test_a_hundred_runs_of_one_do_not_stop_the_others() -> None:
    turns = Turns()
    for number in range(100):
        turns.put(run(number, "many"), Status(created=at(number)))
    assert turns.take().owner == "many"
    turns.put(run(200, "late"), Status(created=at(200)))
    turns.put(run(201, "later"), Status(created=at(201)))
    turns.end("many", at(300))
    assert [one.owner for one in taken(turns)][:4] == ["late", "later", "many", "many"]


def test_a_stream_of_new_owners_does_not_stop_an_old_one() -> None:
    turns, served = Turns(), []
    for number in range(5):
        turns.put(run(number, "old"), Status(created=at(number)))
    for number in range(12):
        served.append(turns.take().owner)
        turns.put(run(100 + number, f"new {number}"), Status(created=at(10 + 2 * number)))
        turns.end(served[-1], at(11 + 2 * number))
    assert served[:5] == ["old", "new 0", "old", "new 1", "new 2"]
    assert served.count("old") >= 4


def test_a_turn_that_had_begun_comes_first() -> None:
    turns = Turns()
    for number, owner in enumerate(["a", "b", "a"]):
        turns.put(run(number, owner), Status(created=at(number)))
    begun = run(9, "b")
    turns.put(begun, Status(created=at(9), started=at(10)))
    assert turns.order() == [begun, run(0, "a"), run(1, "b"), run(2, "a")]
    assert begun in turns
    turns.remove(begun)
    turns.remove(run(1, "b"))
    assert begun not in turns
    assert turns.order() == [run(0, "a"), run(2, "a")]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.permutations(range(6)))
def test_a_run_put_back_has_its_place_again(numbers: list[int]) -> None:
    turns = Turns()
    for number in numbers:
        turns.put(run(number, "a"), Status(created=at(number)))
    assert taken(turns) == [run(number, "a") for number in range(6)]
