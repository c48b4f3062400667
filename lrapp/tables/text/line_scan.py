"""Whether every line of a text is a record: quotes open and close where they may, and no line ends within them."""

import numpy as np

_BLOCK = 1 << 18
_ONE, _TOP = np.uint64(1), np.uint64(63)
_STEPS = tuple(np.uint64(1 << step) for step in range(6))
_END, _FEED, _RETURN = -1, ord("\n"), ord("\r")


def even_lines(data: bytes, delimiter: str, quote: str) -> int | None:
    """Count the lines of a text in which every line is a record; None when some line may not be one.

    Args:
        data: UTF-8 bytes.
        delimiter: One byte that stands between cells.
        quote: Quote character, or ``""``.
    """
    scan = _Scan(ord(delimiter), ord(quote) if quote and quote.encode() in data else None, b"\r" in data)
    buffer = np.frombuffer(data, dtype=np.uint8)
    for start in range(0, len(buffer), _BLOCK):
        following = int(buffer[start + _BLOCK]) if start + _BLOCK < len(buffer) else _END
        if not scan.passes(buffer[start : start + _BLOCK], following):
            return None
    if scan.inside:
        return None
    return scan.lines + (len(buffer) > 0 and int(buffer[-1]) != _FEED)


class _Scan:
    """A scan of a text block by block, with a bit for each byte, 64 at once."""

    def __init__(self, delimiter: int, quote: int | None, returns: bool) -> None:
        self.lines = 0
        self.inside = False
        self._edge = True
        self._delimiter, self._quote, self._returns = delimiter, quote, returns
        # Buffers are reused, since allocating them would take longer than the work.
        self._memory = np.empty((3, _BLOCK), dtype=bool)

    def passes(self, block: np.ndarray, following: int) -> bool:
        """Whether lines end, and quotes open and close, only where they may in a block and before the byte after it."""
        feeds, others, edges = self._memory[:, : len(block)]
        np.equal(block, _FEED, out=feeds)
        self.lines += int(np.count_nonzero(feeds))
        if self._returns:
            returns = np.equal(block, _RETURN, out=edges)
            # A carriage return alone ends a line, too.
            if (returns[-1] and following != _FEED) or np.greater(
                returns[:-1], feeds[1:], out=others[1:]
            ).any():
                return False
        if self._quote is None:
            return True
        ends = _bits(feeds)
        edges = np.logical_or(edges, feeds, out=edges) if self._returns else feeds
        edges |= np.equal(block, self._delimiter, out=others)
        quotes = np.equal(block, self._quote, out=others)
        if not self.inside and not quotes.any():
            self._edge = bool(edges[-1])
            return True
        edges |= quotes
        q, beside = _bits(quotes), _bits(edges)
        within = self._within(q)
        if (ends & within).any():
            return False
        left, right = beside << _ONE, beside >> _ONE
        left[1:] |= beside[:-1] >> _TOP
        left[0] |= np.uint64(self._edge)
        right[:-1] |= beside[1:] << _TOP
        if following in (_END, _FEED, _RETURN, self._delimiter, self._quote):
            last = len(block) - 1
            right[last // 64] |= _ONE << np.uint64(last % 64)
        self._edge = bool(edges[-1])
        # An opening quote needs the edge of a cell on its left, a closing one on its right.
        left ^= right
        left &= within
        right ^= left
        return not (q & ~right).any()

    def _within(self, quotes: np.ndarray) -> np.ndarray:
        """Bits from each opening quote up to the one before it closes: parities, made by doubling steps."""
        within = quotes.copy()
        for step in _STEPS:
            within ^= within << step
        odd = np.logical_xor.accumulate(np.append(self.inside, within >> _TOP != 0))
        within ^= (-odd[:-1].astype(np.int64)).view(np.uint64)
        self.inside = bool(odd[-1])
        return within


def _bits(mask: np.ndarray) -> np.ndarray:
    """One bit a byte, in words of 64."""
    short = -len(mask) % 64
    if short:
        mask = np.append(mask, np.zeros(short, dtype=bool))
    return np.packbits(mask, bitorder="little").view("<u8")
