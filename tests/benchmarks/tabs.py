"""Tabs without a browser: what a tab says to the server, over its own websocket, and nothing drawn.

They cost next to nothing, so that many of them show what a server takes for many people.
"""

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass

import psutil
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol


class Tab:
    """A tab: visits a page, reruns its live parts when they are due, and changes a number.

    Args:
        url: Of the server.
        query: Of the page's address, such as ``run=...``.
    """

    def __init__(self, url: str, query: str = "") -> None:
        self._url = f"ws{url.removeprefix('http')}/_stcore/stream"
        self._query = query
        self._numbers: dict[str, str] = {}
        self._due: dict[str, asyncio.Task[None]] = {}
        self._ended = asyncio.Event()
        self.bytes = 0
        """Received so far."""
        self.looks = 0
        """How many live parts were drawn anew so far."""

    async def open(self) -> None:
        """Visit, and wait until the page is there."""
        self._line: ClientConnection = await connect(
            self._url, subprotocols=[Subprotocol("streamlit")], max_size=None, ping_interval=None
        )
        self._listening = asyncio.create_task(self._listen())
        await self._rerun(BackMsg())

    async def change(self, label: str, value: int) -> float:
        """Change a field; return the seconds until the script has ended.

        Args:
            label: Of a field for a number.
            value: What is typed.
        """
        message = BackMsg()
        message.rerun_script.widget_states.widgets.add(id=self._numbers[label], double_value=value)
        began = time.perf_counter()
        await self._rerun(message)
        return time.perf_counter() - began

    async def close(self) -> None:
        """Leave."""
        for task in (self._listening, *self._due.values()):
            task.cancel()
        await self._line.close()

    async def _rerun(self, message: BackMsg) -> None:
        message.rerun_script.query_string = self._query
        self._ended.clear()
        await self._line.send(message.SerializeToString())
        ended = asyncio.create_task(self._ended.wait())
        await asyncio.wait([ended, self._listening], return_when=asyncio.FIRST_COMPLETED)
        if self._listening.done():
            self._listening.result()  # raises what went wrong
            raise ConnectionError("The server has closed the line.")

    async def _listen(self) -> None:
        async for data in self._line:
            assert isinstance(data, bytes)
            self.bytes += len(data)
            message = ForwardMsg.FromString(data)
            kind = message.WhichOneof("type")
            if kind == "delta" and message.delta.new_element.WhichOneof("type") == "number_input":
                field = message.delta.new_element.number_input
                self._numbers[field.label] = field.id
            elif kind == "new_session" and not message.metadata.run.fragment_ids:
                for task in self._due.values():
                    task.cancel()
            elif kind == "auto_rerun":
                self._again(message.auto_rerun.fragment_id, message.auto_rerun.interval)
            elif kind == "script_finished" and message.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY:
                self._ended.set()

    def _again(self, fragment: str, seconds: float) -> None:
        if fragment in self._due:
            self._due[fragment].cancel()

        async def look() -> None:
            while True:
                await asyncio.sleep(seconds)
                message = BackMsg()
                message.rerun_script.query_string = self._query
                message.rerun_script.fragment_id = fragment
                message.rerun_script.is_auto_rerun = True
                await self._line.send(message.SerializeToString())
                self.looks += 1

        self._due[fragment] = asyncio.create_task(look())


def browsers() -> list[psutil.Process]:
    """The processes of the browsers that this one has started."""
    found = []
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # it has ended meanwhile
            if "chrom" in child.name():
                found.append(child)
    return found


def used_by_each(processes: list[psutil.Process]) -> dict[int, float]:
    """Seconds of processor time that each process has used, by its id; those that have ended are left out."""
    found = {}
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            found[process.pid] = times.user + times.system
    return found


def used(processes: list[psutil.Process]) -> float:
    """Seconds of processor time that some processes have used."""
    return sum(used_by_each(processes).values())


@dataclass(frozen=True)
class Beside:
    """What a person found who worked while others watched.

    Args:
        seconds: Of each change of a field, until the script has ended.
        looks: How often the others' pages were drawn anew, a second.
        received: Bytes that each look brought.
        share: Of a core that the server used.
    """

    seconds: list[float]
    looks: float
    received: float
    share: float


async def work_beside(url: str, server: psutil.Process, watched: str, others: int, rounds: int) -> Beside:
    """Change the epochs on the Train page again and again while other tabs watch a run.

    Args:
        url: Of the server.
        server: Its process.
        watched: Id of the run.
        others: How many tabs watch it.
        rounds: How many changes.
    """
    tabs = [Tab(url, f"run={watched}") for _ in range(others)]
    for tab in tabs:  # people do not come all at once
        await tab.open()
    working = Tab(url)
    await working.open()
    await asyncio.sleep(5)

    def state() -> tuple[float, int, int, float]:
        received = sum(tab.bytes for tab in tabs)
        return time.monotonic(), sum(tab.looks for tab in tabs), received, used([server])

    before = state()
    seconds = []
    for number in range(rounds):
        await asyncio.sleep(0.7)
        seconds.append(await working.change("Epochs", 20 + number))
    took, looks, received, worked = (b - a for a, b in zip(before, state(), strict=True))
    for tab in (*tabs, working):
        await tab.close()
    return Beside(seconds, looks / took, received / max(1, looks), worked / took)
