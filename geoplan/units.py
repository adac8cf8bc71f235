"""Factors between units; each name says from what to what."""

from __future__ import annotations

#: Hours of a day. [h]
HOURS_PER_DAY = 24.0
#: Seconds of an hour. [s]
SECONDS_PER_HOUR = 3600.0
#: 万元 in CNY. [CNY]
WAN = 10_000.0
