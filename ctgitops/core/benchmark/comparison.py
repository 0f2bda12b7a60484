"""Compares the times and block reads of a benchmark before and after the pending migrations. Pure.

The two databases take turns on one server, so that a slow moment of the machine affects both turns of a pair. Only the
ratio of the two times of a pair counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import comb
from statistics import median

CONFIDENCE = 0.99
"""The probability that the interval of a comparison contains the true median ratio."""
MORE_BLOCKS, LEAST_BLOCKS = 2.0, 16
"""The blocks per run must rise by this factor and by this number to be evidence of a worse plan."""
MUCH_MORE_BLOCKS, LEAST_BLOCKS_ALONE = 3.0, 64
"""The same for a run whose plans have not changed, for example because the rows became wider."""
WITH_EVIDENCE = 1.1
"""The factor from which a longer time is reported if the blocks or the plan are evidence too."""
LEAST_MILLIS = 0.02
"""The smallest reported rise of the time in milliseconds. A smaller rise is that of a network round trip."""
FASTER = 0.8
"""A benchmark is faster if the whole interval is below this ratio."""


@dataclass(frozen=True)
class Turn:
    """The time and the block reads of one run of a benchmark, from one turn."""

    millis: float
    """The median of the runs in the turn."""
    blocks: float | None = None
    """The number of blocks of tables and indexes that a run found in the cache or read. None if unknown."""
    seconds: float = 0.0
    """How long the turn took."""


@dataclass(frozen=True)
class TurnComparison:
    """The medians of all pairs of turns. Times are in milliseconds."""

    pairs: int
    before: float
    after: float
    ratio: float
    """The median of the ratios of the pairs: the time after the migrations by the time before."""
    low: float
    """The lower end of the interval of the ratio."""
    high: float
    blocks_before: float | None = None
    blocks_after: float | None = None

    @property
    def reads_more(self) -> bool:
        """Whether a run reads many more blocks than before. Block counts do not depend on the speed of the machine."""
        return self._more_blocks(MORE_BLOCKS, LEAST_BLOCKS)

    @property
    def reads_much_more(self) -> bool:
        """Whether the rise is so large that it is reported although no plan changed."""
        return self._more_blocks(MUCH_MORE_BLOCKS, LEAST_BLOCKS_ALONE)

    def _more_blocks(self, factor: float, least: float) -> bool:
        if self.blocks_before is None or self.blocks_after is None:
            return False
        more = self.blocks_after - self.blocks_before
        return self.blocks_after >= factor * self.blocks_before and more >= least

    def is_slower(self, slower: float, *, evidence: bool = False) -> bool:
        """Whether the whole interval is at or above `slower`, or above a smaller factor if there is other evidence."""
        wanted = min(slower, WITH_EVIDENCE) if evidence or self.reads_more else slower
        return self.low >= wanted and self.after - self.before >= LEAST_MILLIS

    @property
    def is_faster(self) -> bool:
        """Whether the whole interval is clearly below 1."""
        return self.high <= FASTER and self.before - self.after >= LEAST_MILLIS


def compare(pairs: tuple[tuple[Turn, Turn], ...]) -> TurnComparison:
    """Compares pairs of turns, of which there is at least one. The first turn of each pair is that before."""
    ratios = sorted(after.millis / max(before.millis, 1e-6) for before, after in pairs)
    cut = _cut(len(ratios))
    blocks = [_blocks([pair[side] for pair in pairs]) for side in (0, 1)]
    return TurnComparison(
        len(pairs),
        median(before.millis for before, _ in pairs),
        median(after.millis for _, after in pairs),
        median(ratios),
        ratios[cut],
        ratios[-1 - cut],
        *blocks,
    )


def _cut(count: int) -> int:
    """How many of the ordered values at each end are outside the confidence interval of the median. 0 for few values.

    Each value is above the true median with a probability of one half, so the number of values above it has a binomial
    distribution. This needs no assumption about the distribution of the times.
    """
    outside, cut = 0.0, 0
    for below in range(count // 2):
        outside += 2 * comb(count, below) / 2**count
        if outside > 1 - CONFIDENCE:
            break
        cut = below
    return cut


def _blocks(turns: list[Turn]) -> float | None:
    known = [turn.blocks for turn in turns if turn.blocks is not None]
    return median(known) if known else None
