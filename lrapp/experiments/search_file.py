"""A random search in a file: what it starts from and what varies, as ``python -m lrapp search`` takes it."""

from typing import Literal

from lrapp.experiments.search import Search
from lrapp.experiments.search_space import NAMES, WAYS
from lrapp.settings import RunSettings
from lrapp.settings.in_files import InFiles


class SavedSearch(InFiles):
    """A random search before it is started."""

    also = (NAMES, WAYS)

    version: Literal[1] = 1
    base: RunSettings
    search: Search
