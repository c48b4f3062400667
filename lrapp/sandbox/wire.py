"""The connection between the caller and the process that reads: a line of JSON for each message."""

import json
from typing import IO, Any

from lrapp.files import from_json


class LineEnded(Exception):
    """The caller has gone, or has cancelled."""


class Line:
    """A reading's connection to its caller."""

    def __init__(self, source: IO[bytes], target: IO[bytes]) -> None:
        self._source, self._target = source, target

    def take(self) -> dict[str, Any]:
        """Return the next message.

        Raises:
            LineEnded: If nobody is there any more.
        """
        line = self._source.readline()
        if not line.endswith(b"\n"):
            raise LineEnded
        found: dict[str, Any] = from_json(line)
        return found

    def tell(self, **said: Any) -> None:
        """Send a message.

        Raises:
            LineEnded: If nobody is there any more.
        """
        try:
            self._target.write(json.dumps(said).encode() + b"\n")
            self._target.flush()
        except OSError as error:
            raise LineEnded from error
