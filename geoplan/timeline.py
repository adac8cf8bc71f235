"""The dates of a document: against the calendar, the day of issue, and one another."""

from __future__ import annotations

import datetime as dt
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

from geoplan.policy import Policy
from geoplan.provisions import Milestone
from geoplan.published import Compared, PrintedDate, Published

#: Unit of a difference between two days.
DAYS = "天"


@dataclass(frozen=True)
class Span:
    """A stage with its days as printed; the first is empty for a deadline."""

    place: str
    what: str
    printed: tuple[str, str]

    @property
    def days(self) -> tuple[dt.date | None, dt.date | None]:
        """First and last day, one that no calendar has moved to the end of its month."""
        start, end = self.printed
        return real_day(start), real_day(end)

    @property
    def whole(self) -> tuple[dt.date, dt.date] | None:
        """The same; None for a deadline or a day outside every year."""
        start, end = self.days
        return None if start is None or end is None else (start, end)


def timeline(policy: Policy, published: Published | None) -> list[Compared]:
    """Compare the printed dates with the milestones, and check them all.

    Parameters
    ----------
    policy : Policy
        Its milestones, and the day of issue.
    published : Published or None
        Its printed dates; a milestone of the same stage is not checked twice.

    Returns
    -------
    list of Compared
        One row of kind ``date`` for each printed date, and one of kind
        ``check`` for each finding.

    Examples
    --------
    >>> from geoplan.policy import default_policy
    >>> printed = PrintedDate(place="七（一）", what="准备", start="2022-03-01", end="2022-04-31")
    >>> found = timeline(default_policy(), Published(document="示例", dates=(printed,)))
    >>> [(row.kind, row.what) for row in found]
    [('date', '准备'), ('check', '准备：日历上没有这一天')]
    """
    printed = published.dates if published else ()
    stages = {m.stage: m for m in policy.milestones.values()}
    remarks = published.remarks if published else {}
    spans = [Span(d.place, d.what, (d.start, d.end)) for d in printed]
    spans += [
        Span(policy.document, m.stage, _texts(m))
        for m in policy.milestones.values()
        if m.stage not in {d.what for d in printed}
    ]
    issued = (published.issued if published else None) or policy.issued
    rows = [*_issue(policy, published), *(_against(d, stages.get(d.what)) for d in printed)]
    for span in spans:
        rows += [*_not_in_the_calendar(span), *_backwards(span), *_before_issue(span, issued)]
    for one, other in combinations(spans, 2):
        rows += _overlap(one, other)
    return [row.with_remark(remarks) for row in rows]


def real_day(text: str) -> dt.date | None:
    """The day of the calendar, the last of its month where the month has no such day.

    Examples
    --------
    >>> real_day("2022-04-31"), real_day("2022-13-01")
    (datetime.date(2022, 4, 30), None)
    """
    if not text:
        return None
    year, month, day = map(int, text.split("-"))
    if not (1 <= year <= 9999 and 1 <= month <= 12 and day >= 1):
        return None
    return dt.date(year, month, min(day, monthrange(year, month)[1]))


def _texts(milestone: Milestone) -> tuple[str, str]:
    return (milestone.start.isoformat() if milestone.start else "", milestone.end.isoformat())


def _shown(days: tuple[str, str]) -> str:
    """A span as a reader writes it."""
    return " 至 ".join(filter(None, days))


def _issue(policy: Policy, published: Published | None) -> Iterator[Compared]:
    """The day of issue as printed and as the policy has it."""
    if published is None or published.issued is None:
        return
    ours = policy.issued
    yield Compared(
        "date",
        published.document,
        "印发日期",
        published=published.issued.isoformat(),
        computed=ours.isoformat() if ours else None,
        status="not stated" if ours is None else "equal" if ours == published.issued else "differs",
        id="issued",
        basis="listed" if ours is None else "entered",
    )


def _against(printed: PrintedDate, milestone: Milestone | None) -> Compared:
    """A printed date beside the milestone of the same stage."""
    days = (printed.start, printed.end)
    ours = _texts(milestone) if milestone else None
    expected = ours is not None and tuple(filter(None, ours)) == printed.expected
    same = ours == days
    return Compared(
        "date",
        printed.place,
        printed.what,
        published=_shown(days),
        computed=_shown(ours) if ours else None,
        status="not stated" if ours is None else "equal" if same else "differs",
        because=printed.because if expected and not same else "",
        id=f"date|{printed.what}",
        basis="listed" if ours is None else "entered",
        note=printed.note,
    )


def _not_in_the_calendar(span: Span) -> Iterator[Compared]:
    for text, day in zip(span.printed, span.days, strict=True):
        if text and (day is None or day.isoformat() != text):
            yield Compared(
                "check",
                span.place,
                f"{span.what}：日历上没有这一天",
                published=text,
                computed=day.isoformat() if day else None,
                id=f"calendar|{span.what}",
            )


def _backwards(span: Span) -> Iterator[Compared]:
    if span.whole is not None and span.whole[0] > span.whole[1]:
        yield Compared(
            "check",
            span.place,
            f"{span.what}：开始晚于结束",
            DAYS,
            published=_shown(span.printed),
            difference=float((span.whole[1] - span.whole[0]).days),
            id=f"backwards|{span.what}",
        )


def _before_issue(span: Span, issued: dt.date | None) -> Iterator[Compared]:
    """A step that the document orders for a day when it was not yet issued."""
    start, end = span.days
    if issued is None or end is None:
        return
    day, which = (end, "截止日") if end < issued else (start, "开始日")
    if day is not None and day < issued:
        yield Compared(
            "check",
            span.place,
            f"{span.what}：{which}早于文件印发日（追溯）",
            DAYS,
            published=day.isoformat(),
            computed=issued.isoformat(),
            difference=float((issued - day).days),
            id=f"retroactive|{span.what}",
        )


def _overlap(one: Span, other: Span) -> Iterator[Compared]:
    """Two stages that cross: one begins within the other and ends after it. A step inside one is in order."""
    first, second = one.whole, other.whole
    if first is None or second is None:
        return
    earlier, later = sorted((first, second))
    if earlier[0] < later[0] < earlier[1] < later[1]:
        yield Compared(
            "check",
            one.place,
            f"{one.what}与{other.what}：时段交叉",
            DAYS,
            published=f"{_shown(one.printed)}；{_shown(other.printed)}",
            difference=float((earlier[1] - later[0]).days + 1),
            id=f"overlap|{one.what}|{other.what}",
        )
