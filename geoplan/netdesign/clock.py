"""Wall time, the limit of a search."""

from __future__ import annotations

import time
from dataclasses import dataclass, field


@dataclass
class Clock:
    """A time limit that starts when it is made.

    Parameters
    ----------
    limit_s : float
        Wall time allowed. [s]

    Examples
    --------
    >>> Clock(60.0).left() > 59.0
    True
    """

    limit_s: float
    started: float = field(default_factory=time.perf_counter)

    def spent(self) -> float:
        """Wall time since the start. [s]"""
        return time.perf_counter() - self.started

    def left(self) -> float:
        """Wall time left, possibly negative. [s]"""
        return self.limit_s - self.spent()

    def over(self) -> bool:
        """Whether the time is up."""
        return self.left() <= 0.0
