"""Whether pandas alone reads a table from the bytes of a CSV file, tried by a separate process."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from lrapp.files import disk_errors
from lrapp.sandbox.readers import Readers

if TYPE_CHECKING:
    import pandas as pd


def pandas_gives(
    data: bytes | Path, options: dict[str, Any], frame: "pd.DataFrame", readers: Readers | None = None
) -> bool:
    """Return whether ``pandas.read_csv`` gives this very frame; errors as for ``Readers.ask``.

    Args:
        data: The file, or its bytes.
        options: Arguments of ``read_csv``, as JSON can hold them.
        frame: As for ``plain_csv.gives``.
    """
    with disk_errors(), tempfile.TemporaryDirectory(prefix="lrapp-", ignore_cleanup_errors=True) as folder:
        path, known = Path(folder) / "table.csv", Path(folder) / "table.arrow"
        if isinstance(data, Path):
            path = data.absolute()
        else:
            path.write_bytes(data)
        table = pa.Table.from_pandas(frame, preserve_index=False)
        with pa.OSFile(str(known), "wb") as file, pa.ipc.new_stream(file, table.schema) as stream:
            stream.write_table(table)
        arguments = {"path": str(path), "options": options, "known": str(known)}
        answer = (readers or Readers()).ask("pandas_gives", "table", arguments)
    return bool(answer["same"])
