"""The way between who asks for a file to be read and the process that reads it: a line of JSON for each thing said."""

import json
from typing import IO, Any

from lrapp.files import from_json


class LineEnded(Exception):
    """Whoever asked has gone, or wants no more."""


class Line:
    """Where a reading gets its request from and says what comes of it."""

    def __init__(self, source: IO[bytes], target: IO[bytes]) -> None:
        self._source, self._target = source, target

    def take(self) -> dict[str, Any]:
        """Return the next thing that is said.

        Raises:
            LineEnded: If nobody is there any more.
        """
        line = self._source.readline()
        if not line.endswith(b"\n"):
            raise LineEnded
        found: dict[str, Any] = from_json(line)
        return found

    def tell(self, **said: Any) -> None:
        """Say something.

        Raises:
            LineEnded: If nobody is there any more.
        """
        try:
            self._target.write(json.dumps(said).encode() + b"\n")
            self._target.flush()
        except OSError as error:
            raise LineEnded from error
