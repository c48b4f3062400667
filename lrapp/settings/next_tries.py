"""What to try next where a range test has found no rates: settings that do not run into the same again."""

from dataclasses import dataclass

from lrapp.phrasing import number
from lrapp.policies.refusals import Refusal
from lrapp.settings.base import bound, checked
from lrapp.settings.policy import starting_policy, with_rates
from lrapp.settings.run import RunSettings

_MORE = 4
_WIDER = 100.0


@dataclass(frozen=True)
class Try:
    """Settings to try next.

    Args:
        label: What a button with them says.
        help: One sentence on what they change.
        tests: Whether it is a range test again.
    """

    label: str
    help: str
    settings: RunSettings
    tests: bool


def next_tries(settings: RunSettings, refusal: Refusal, training_rows: int) -> tuple[Try, ...]:
    """Return what to try next, the most promising first.

    Args:
        refusal: Why, in one word; empty where an older version of the app did not say.
        training_rows: Rows that it trained on, at least 1.
    """
    return (*_other_tests(settings, refusal, training_rows), *_without_test(settings))


def _without_test(settings: RunSettings) -> tuple[Try, ...]:
    start = starting_policy(settings.policy.type, settings.training.optimizer)
    highest = float(getattr(start, "max_lr", getattr(start, "learning_rate", 0)))
    policy = with_rates(settings.policy, getattr(start, "base_lr", 0.0), highest, highest, "")
    usual = settings.model_copy(update={"policy": policy})
    raced = usual.model_copy(update={"policy": checked(policy, source="raced")})
    race = Try(
        "Find them for me", "Networks at eight rates race, and validation decides.", raced, tests=False
    )
    default = Try(
        "Use the default rates",
        f"Trains with rates up to {number(highest, 3)}, without a test.",
        usual,
        tests=False,
    )
    trained = raced.model_copy(update={"mode": "train"})  # the test itself has one network
    return (default,) if trained.networks_obstacle else (race, default)


def _other_tests(settings: RunSettings, refusal: Refusal, rows: int) -> tuple[Try, ...]:
    test, training = settings.range_test, settings.training
    if test.rise == "linear":
        return _other_linear(settings)
    most, least = bound(type(test), "steps", "le"), bound(type(test), "start_lr", "ge")
    found = []
    usual = float(type(test).model_fields["end_lr"].default)
    highest = min(bound(type(test), "end_lr", "le"), max(usual, _WIDER * test.end_lr))
    if (refusal == "low" and highest > test.end_lr) or (refusal == "flat" and test.end_lr < usual):
        higher = settings.model_copy(update={"range_test": checked(test, end_lr=highest)})
        found.append(
            Try(f"Test up to {number(highest, 3)}", "Higher rates may be where the loss falls.", higher, True)
        )
    if refusal in ("", "flat", "tried", "short") and test.steps < most:
        steps = int(min(most, _MORE * test.steps))
        longer = settings.model_copy(update={"range_test": checked(test, steps=steps)})
        found.append(Try(f"Test with {steps:,} steps", "More steps make the curves quieter.", longer, True))
    largest = min(rows, int(bound(type(training), "batch_size", "le")))
    if refusal in ("", "flat", "tried") and training.batch_size < largest:
        size = min(_MORE * training.batch_size, largest)
        larger = settings.model_copy(update={"training": checked(training, batch_size=size)})
        found.append(
            Try(f"Test with batches of {size:,}", "Larger batches make the curves quieter.", larger, True)
        )
    lowest = max(least, test.start_lr / _WIDER)
    if refusal in ("high", "exploded") and lowest < test.start_lr:
        lower = settings.model_copy(update={"range_test": checked(test, start_lr=lowest)})
        found.append(
            Try(f"Test from {number(lowest, 3)}", "The first rates were too high already.", lower, True)
        )
    return tuple(found)


def _other_linear(settings: RunSettings) -> tuple[Try, ...]:
    """After a linear test in which nothing rose: more epochs, and the other kind of test."""
    test = settings.range_test
    found = []
    epochs = int(min(bound(type(test), "epochs", "le"), _MORE * test.epochs))
    if epochs > test.epochs:
        longer = settings.model_copy(update={"range_test": checked(test, epochs=epochs)})
        found.append(Try(f"Test with {epochs:,} epochs", "A longer test learns more.", longer, True))
    other = settings.model_copy(update={"range_test": checked(test, rise="exponential")})
    help_text = "An exponential test looks at the loss, over many decades of rates."
    return (*found, Try("Test by the loss", help_text, other, True))
