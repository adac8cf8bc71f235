"""What fixed the year of a village, and what keeps a year from its target, in the reader's words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from geoplan.explain import messages, number
from geoplan.policy import Policy
from geoplan.schedule import SLACK_CNY, Ints, Task
from geoplan.supplies import SOURCE_ROUTE
from geoplan.units import WAN


@dataclass(frozen=True)
class Words:
    """What fixed a year, in the reader's words."""

    task: Task
    years: Ints
    sources: pd.DataFrame
    policy: Policy
    lang: str
    deferred: int = 0

    def say(self, key: str, **values: Any) -> str:
        """A sentence of the phasing, numbers as a reader wants them."""
        shown = {k: number(v) if isinstance(v, float) else v for k, v in values.items()}
        return str(messages(self.lang)["phasing"][key]).format(**shown)

    # A village.

    def because(self, unit: int) -> str:
        """Why a unit has its year, or none, and what its pipe passes before that has its turn."""
        parts = [self._because(unit), *self._passes(unit)]
        return str(messages(self.lang)["joiner"]).join(parts)

    def _passes(self, unit: int) -> Iterator[str]:
        """Units that the pipe of a unit passes and that come later, or never, with the cause."""
        task = self.task
        if self.years[unit] < 0:
            return
        later: dict[str, list[str]] = {}
        for above in task.units["passes"][unit]:
            if 0 <= self.years[above] <= self.years[unit]:
                continue
            waits = task.ready[above] > self.years[unit]
            cause = (
                "gone" if self._gone(above) else "supply" if waits else "money" if task.limits else "order"
            )
            later.setdefault(cause, []).append(task.units["name"][above])
        for cause, names in later.items():
            yield self.say(f"passes_{cause}", names=self.say("and").join(names))

    def _gone(self, unit: int) -> bool:
        """Whether a unit is demolished before it could be done."""
        return bool(
            self.task.ready[unit] < len(self.task.years) and self.task.until[unit] <= self.task.ready[unit]
        )

    def _because(self, unit: int) -> str:
        task = self.task
        if not task.years:
            return self.say("no_years")
        if self.years[unit] < 0:
            return self._why_none(unit)
        position = int(self.years[unit])
        year, place = task.years[position], int(np.flatnonzero(task.order == unit)[0]) + 1
        if position == task.ready[unit] > 0:
            return self.say("supply", supply=self._supply(unit), year=year)
        if len(task.years) == 1 and task.targets[position] is None:
            return self.say("only_year", year=year)
        target = task.targets[position]
        key = "earliest" if target is None else "by_target"
        by = self.say(f"by_{self.policy.phasing.by}")
        return self.say(key, year=year, place=place, by=by, target=float(target or 0.0))

    def _why_none(self, unit: int) -> str:
        last = self.task.years[-1]
        if self.task.ready[unit] == len(self.task.years):
            return self.say("supply_too_late", supply=self._supply(unit), last=last)
        if self._gone(unit):
            return self.say("demolished", year=int(self.task.units["demolition_year"][unit]))
        return self.say("no_money")

    def _supply(self, unit: int) -> str:
        """What a unit waits for, and when it is there."""
        task, sources = self.task, self.sources
        row = task.units.loc[unit]
        year = int(row["supply_year"])
        supply = self.policy.routes[row["route"]].supply if row["route"] in self.policy.routes else None
        mine = sources[sources["source_id"] == row["source_id"]] if supply else sources[:0]
        mine = mine[mine["route"] == SOURCE_ROUTE[supply]] if supply else mine
        dated = mine["year"].astype("Float64").eq(year).fillna(False).to_numpy(dtype=bool).any()
        key = "of_main" if not dated else "of_grid" if supply == "grid" else "of_source"
        name = str(mine["name"].iloc[0] or mine["source_id"].iloc[0]) if len(mine) else ""
        return self.say(key, name=name, year=year)

    # A year.

    def binding(self, position: int) -> str:
        """What keeps a year from its target, in words; nothing where it meets it."""
        task = self.task
        target = task.targets[position]
        done = task.households[self.years == position].sum()
        if target is not None and done == round(target):
            return ""
        goal = task.goals[position]
        if target is None and np.isfinite(goal):
            return ""
        before = task.households[(self.years >= 0) & (self.years < position)].sum()
        behind = goal - before - done
        parts = list(self._behind(position, behind)) if behind > 0 else []
        if behind < 0:
            mine = task.households[self.years == position]
            last = position == len(task.years) - 1
            parts.append(self.say("last" if last else self._indivisible(mine, -behind, "money_earlier")))
        if target is not None and position and (carried := before - task.goals[position - 1]):
            parts.insert(0, self.say("catch_up" if carried < 0 else "ahead", households=float(abs(carried))))
        return str(messages(self.lang)["joiner"]).join(parts)

    def _behind(self, position: int, behind: float) -> Iterator[str]:
        """Why no more units have a year up to this one."""
        task = self.task
        gone = np.array([self._gone(unit) for unit in range(len(self.years))], dtype=bool)
        waiting = ((self.years < 0) | (self.years > position)) & ~gone
        late = np.flatnonzero(waiting & (task.ready > position))
        free = np.flatnonzero(waiting & (task.ready <= position))
        short = list(self._short_of(position, free))
        yield from short
        if self.deferred:
            yield self.say("deferred", households=float(self.deferred))
        if gone.any():
            yield self.say("demolishing", households=float(task.households[gone].sum()))
        if task.households[free].sum() < behind and len(late):
            what = dict.fromkeys(self._supply(unit) for unit in late.tolist())
            joined = self.say("and").join(what)
            yield self.say("late", households=float(task.households[late].sum()), supply=joined)
        elif not waiting.any() and np.isfinite(behind):
            yield self.say("rest_done" if self.deferred or gone.any() else "all_done")
        elif len(free) and not short:
            yield self.say(self._indivisible(task.households[free], behind, "money_later"))

    def _indivisible(self, sizes: Ints, gap: float, money: str) -> str:
        """Why a gap is not closed by one unit more or less: none is small enough, or something else."""
        if not len(sizes) or sizes.min() >= 2 * gap:
            return "whole"
        return money if self.task.limits else "towns" if self.task.whole_towns else "whole"

    def _short_of(self, position: int, free: Ints) -> Iterator[str]:
        """Purses that cannot pay any more unit in a year."""
        task = self.task
        for limit in (limit for limit in task.limits if limit.year == position):
            left = limit.amount - limit.spent(self.years)
            asked = limit.cost[free, position]
            if len(free) and asked.min() > left + SLACK_CNY:
                payer, _, kind = limit.purse.partition("/")
                yield self.say(
                    "exhausted",
                    payer=self.say(payer),
                    kind=self.say(kind),
                    year=task.years[position],
                    left=float(left / WAN),
                    least=float(asked.min() / WAN),
                )

    def left(self) -> str:
        """Why villages have no year at all."""
        reasons = dict.fromkeys(self.because(unit) for unit in np.flatnonzero(self.years < 0).tolist())
        return str(messages(self.lang)["joiner"]).join(reasons)
