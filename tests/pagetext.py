"""A page of the map taken apart: its tags, its attributes and the data that it carries."""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections import Counter
from html.parser import HTMLParser

from geoplan.mapdata.packing import TABLES


class Markup(HTMLParser):
    """Counts tags and attributes and keeps the texts of script and style elements."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str, str]] = []
        self.texts: dict[str, list[str]] = {"script": [], "style": []}
        self.inside = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.inside = tag
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        self.inside = ""

    def handle_data(self, data: str) -> None:
        if self.inside in self.texts:
            self.texts[self.inside].append(data)


def embedded(html: str) -> dict:
    """The JSON that the page carries, parsed back and spread out."""
    data = json.loads(re.search(r'id="gp-data">(.*?)</script>', html, re.DOTALL)[1])
    if "gzip" in data:
        data = json.loads(gzip.decompress(base64.b64decode(data["gzip"])))
    for name in TABLES:
        data[name] = {column: spread(cells) for column, cells in data[name].items()}
    return data


def spread(cells: list | dict) -> list:
    if isinstance(cells, list):
        return cells
    return (
        cells["of"] * cells["at"] if isinstance(cells["at"], int) else [cells["of"][i] for i in cells["at"]]
    )
