"""Pruning as code: a callback of Keras that does what the loop does."""

from lrapp.export import script_transfer
from lrapp.export.finished_run import FinishedRun
from lrapp.settings import RunStart

_ALL = """\
            for values in sizes:  # the largest weight of each layer stays
                values[np.argmax(values)] = np.inf
            together = smallest(np.concatenate(sizes), share)
            pruned = np.split(together, np.cumsum([len(values) for values in sizes])[:-1])
"""
_EACH = """\
            pruned = [smallest(values, share) for values in sizes]
"""


def _moving(recipe: FinishedRun) -> list[int] | None:
    """The places of the kernels that learn among those that could be pruned; None where all do."""
    from lrapp.networks import models, pruned

    training, network = recipe.settings.training, script_transfer.one_network(recipe)
    still = training.groups.still(training.epochs)
    if not any(still):
        return None
    owners = models.owners(network, recipe.settings.model)
    group = dict(zip((id(one) for one in network.trainable_variables), owners, strict=True))
    kernels = pruned.kernels(network)
    return [place for place, kernel in enumerate(kernels) if not still[group[id(kernel)]]]


def callback(recipe: FinishedRun) -> str:
    """Return the code of a class that prunes; empty where nothing is pruned."""
    training = recipe.settings.training
    settings, last = training.pruning, training.counts_from
    if not settings.enabled:
        return ""
    first = settings.first_epoch
    share = f"{settings.final_sparsity / 100!r}"
    if first < last:
        initial, final = settings.initial_sparsity / 100, settings.final_sparsity / 100
        share = (
            f"{final!r} + ({initial!r} - {final!r}) * (1 - (epoch + 1 - {first}) / ({last} - {first})) ** 3"
        )
        share = f"{share} if epoch + 1 < {last} else {final!r}"
    layers = "[layer.kernel for layer in layers if isinstance(layer, kinds)]"
    if (places := _moving(recipe)) is not None:  # frozen layers could not recover
        layers = f"[{layers}[place] for place in {places}]"
    kept = "np.ones(kernel.shape, bool)"
    if isinstance(recipe.settings.model.start, RunStart):
        kept = "np.asarray(kernel) != 0"  # what is zero stays zero
    return f'''\
def smallest(values, share):
    """Which are the smallest, of equally small ones the first."""
    found = np.zeros(len(values), bool)
    found[np.argsort(values, kind="stable")[: int(np.floor(len(values) * share + 0.5))]] = True
    return found


class Pruning(keras.callbacks.Callback):
    """Sets the smallest weights to zero: Zhu and Gupta 2017, arXiv 1710.01878."""

    def on_train_begin(self, logs=None):
        kinds = (keras.layers.Dense, keras.layers.Conv2D)
        layers = [inner for layer in self.model.layers for inner in getattr(layer, "layers", [layer])]
        self.kernels = {layers}
        self.masks = [{kept} for kernel in self.kernels]

    def on_epoch_begin(self, epoch, logs=None):
        if {first} <= epoch + 1 <= {last}:
            share = (
                {share}
            )
            sizes = [
                np.where(mask, np.abs(np.asarray(kernel)), 0).ravel()
                for mask, kernel in zip(self.masks, self.kernels)
            ]
{_ALL if settings.scope == "all" else _EACH}\
            self.masks = [
                mask & ~gone.reshape(mask.shape) for mask, gone in zip(self.masks, pruned)
            ]
            self.on_train_batch_end(None)

    def on_train_batch_end(self, batch, logs=None):
        for kernel, mask in zip(self.kernels, self.masks):
            kernel.assign(np.where(mask, np.asarray(kernel), np.float32(0)))


'''
