"""The loop of a run: its network, its optimizer, their traced functions, and its initial weights."""

from functools import lru_cache
from typing import TYPE_CHECKING

from lrapp.errors import UserError
from lrapp.runs import starts
from lrapp.runs.store import Store
from lrapp.settings import ModelSettings, PretrainedStart, RunSettings, RunStart, Task, TrainingSettings

if TYPE_CHECKING:
    from lrapp.preparation.table_arrays import Prepared
    from lrapp.training.loop import Loop


@lru_cache(maxsize=1)
def traced(
    model: ModelSettings,
    shape: tuple[int, ...],
    task: Task,
    classes: int,
    training: TrainingSettings,
    numbers: int,
    moving_momentum: bool,
) -> "Loop":
    # Kept for the next run: tracing takes a second, and its memory is never freed.
    from lrapp.networks import members, models
    from lrapp.training.loop import Loop
    from lrapp.training.members_loop import MembersLoop

    several = training.members > 1
    if several:
        seeds = members.member_seeds(training.seed, training.members)
        network = members.stack(model, shape[0], task, classes, seeds, training.precision, numbers)
    else:
        network = models.build(model, shape, task, classes, training.seed, training.precision, numbers)
    owners = models.owners(network, model) if training.groups.differ else ()
    return (MembersLoop if several else Loop)(network, task, training, owners, moving_momentum)


def _leave_out_frozen(loop: "Loop", training: TrainingSettings) -> tuple[str, ...]:
    """Let pruning leave out layers that never learn, as they could not recover, and say so."""
    from lrapp.networks import pruned
    from lrapp.networks.group_rates import GROUPS

    still = training.groups.still(training.epochs)
    owned = zip(loop.model.trainable_variables, loop.owners, strict=False)
    kernels = {id(kernel) for kernel in pruned.kernels(loop.model)}
    frozen = [(variable, group) for variable, group in owned if still[group] and id(variable) in kernels]
    loop.masks.leave_out(variable for variable, _ in frozen)
    if not frozen:
        return ()
    names = " and ".join(GROUPS[group] for group in sorted({group for _, group in frozen}))
    return (f"The {names} layers are frozen in the whole run, so they are not pruned.",)


def loop_for(
    store: Store,
    settings: RunSettings,
    prepared: "Prepared",
    goes_on: bool = False,
    networks: int | None = None,
) -> tuple["Loop", tuple[str, ...], str]:
    """Return a loop with the initial weights of the run; runs of one network share the traced functions.

    Args:
        goes_on: Whether a checkpoint is about to replace all weights: their source may be gone.
        networks: How many it trains at once; as many as the run does by default.

    Returns:
        The loop, sentences on where its initial weights come from, and what tells these from others; empty where they
        come from no run.

    Raises:
        UserError: If what the network is to start from cannot be had or does not fit.
    """
    from lrapp.networks import number_embeddings, transfer
    from lrapp.training import pruning
    from lrapp.training.loop import loop_key
    from lrapp.training.members_loop import MembersLoop

    training, start = settings.training, None if goes_on else settings.model.start
    training = training.model_copy(update={"members": networks or settings.networks})
    numbers = prepared.preprocessor.numbers
    loop = traced(
        *(settings.model, prepared.shape, prepared.task, len(prepared.classes), loop_key(training), numbers),
        settings.policy.cycle_momentum,
    )
    knowledge, from_pruned = None, False
    notes: tuple[str, ...] = ()
    if isinstance(start, RunStart):
        source = store.get(start.run)
        if why := starts.obstacle(settings, source.settings):
            raise UserError(why)
        knowledge = transfer.of_run(
            *(source.folder, loop.model, prepared),
            first=networks == 1 < settings.networks,
        )
        from_pruned = source.settings.training.pruning.enabled
        if from_pruned and training.pruning.enabled:
            notes = ("That run was pruned: what is zero in its weights stays zero here.",)
        elif from_pruned:
            notes = ("That run was pruned: as pruning is off here, its zeros change as other weights do.",)
    elif isinstance(start, PretrainedStart):
        knowledge = transfer.of_imagenet(start)
    loop.load_initial_weights = None if knowledge is None else knowledge.give
    loop.masks.keeps_zeros = isinstance(start, RunStart)
    if training.pruning.enabled:
        notes += _leave_out_frozen(loop, training)
        pruning.require_spare(loop.masks.sizes, training.pruning)
    number_embeddings.learn_bins(loop.model, prepared.train.x)
    loop.reset(training.seed)
    if isinstance(loop, MembersLoop):
        loop.factors = settings.factors()
    if knowledge is None:
        return loop, notes, ""
    return loop, (knowledge.note, *notes), knowledge.weights
