"""Writes the blocks of a report into a Word document, the same bytes for the same plan."""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls, qn
from docx.shared import Mm

from geoplan.annex import AnnexTable
from geoplan.paper import units
from geoplan.report.blocks import Annex, Block, Grid, Heading, Picture, Text, pieces, places
from geoplan.report.grid import Fit, annex_fit, body_fit, clean, run, table_xml
from geoplan.report.listing import Listing
from geoplan.report.sheet import Lie, Paper
from geoplan.report.words import ANNEX_MARK, FIGURE_MARK, TABLE_MARK, heading, say, words
from geoplan.staticmap.view import Paper as MapPaper

#: Stands in for the clock: same plan, same bytes.
EPOCH = dt.datetime(2000, 1, 1)  # noqa: DTZ001 - the properties of a document know no time zone
ZIP_DATE = (1980, 1, 1, 0, 0, 0)
#: Room around a still map with its caption, of a line of its notes, and their letters. [pt]
AROUND_PT, NOTE_PT, NOTE_FONT_PT = 44.0, 15.0, 10.5
PT_PER_MM = 72.0 / 25.4
#: A paragraph that must be there and takes no room.
TINY = '<w:spacing w:before="0" w:after="0" w:line="20" w:lineRule="exact"/>'
#: What comes after the wish to have the fields renewed, in the settings of a document.
AFTER_FIELDS = ("hdrShapeDefaults", "footnotePr", "endnotePr", "compat", "docVars", "rsids")
#: Size of the title. [pt]
TITLE_PT = 22.0
#: Names of bookmarks: of captions by their marks, and of headings.
MARKS = {TABLE_MARK: "table_", FIGURE_MARK: "figure_"}
CONTENTS = "_Toc"


class Writer:
    """Writes one report from the first page to the last.

    Parameters
    ----------
    paper : Paper
    title : str
    blocks : sequence of Block
        Numbered headings, texts, tables, pictures, annexes.
    pictures : callable
        PNG of a theme in a size.
    captions : callable
        Title of a theme.
    made : callable
        Made layers among some, or all of them, in words.
    """

    def __init__(
        self,
        paper: Paper,
        *,
        title: str,
        blocks: Sequence[Block],
        pictures: Callable[[str, MapPaper], bytes],
        captions: Callable[[str], str],
        made: Callable[[tuple[str, ...] | None], str],
    ) -> None:
        self.paper, self.title, self.blocks = paper, title, blocks
        self.pictures, self.captions, self.made = pictures, captions, made
        self.numbers = places(blocks)
        self.body = paper.document.element.body
        self.end = self.body.find(qn("w:sectPr"))
        self.bookmarks = 0
        self.lie: Lie = "upright"
        self.fresh = False
        self.waiting: list[Picture] = []

    def write(self) -> bytes:
        """The document."""
        width, _ = self.paper.room()
        self._add("Title", run(balanced(self.title, letters=int(width / TITLE_PT * 2))))
        if self.made(None):
            self._add("封面说明", run(say("cover_made")))
        self._contents()
        for position, block in enumerate(self.blocks):
            if isinstance(block, Annex) or (isinstance(block, Heading) and block.level == 1):
                self._fold_outs()
            if isinstance(block, Heading):
                name = f"{CONTENTS}{position}" if block.level == 1 else ""
                self._turn("upright")
                first = "" if position else "<w:pageBreakBefore/>"
                self._add(f"heading {block.level}", run(block.text), bookmark=name, properties=first)
            elif isinstance(block, Text):
                self._add("Body Text", self._sentence(block.text))
            elif isinstance(block, Grid):
                self._grid(block.listing)
            elif isinstance(block, Picture):
                self.waiting.append(block)
            else:
                self._annex(block, position)
        self._fold_outs()
        self._close()
        return self._saved()

    # --- paragraphs ------------------------------------------------------------------------------------

    def _add(self, style: str, content: str, *, bookmark: str = "", properties: str = "") -> Any:
        """A paragraph; with a bookmark around its content."""
        if bookmark:
            content = self._marked(bookmark, content)
        about = f'<w:pPr><w:pStyle w:val="{self.paper.ids[style]}"/>{properties}</w:pPr>'
        paragraph = parse_xml(f"<w:p {nsdecls('w')}>{about}{content}</w:p>")
        self.end.addprevious(paragraph)
        return paragraph

    def _marked(self, name: str, content: str) -> str:
        self.bookmarks += 1
        start = f'<w:bookmarkStart w:id="{self.bookmarks}" w:name="{name}"/>'
        return f'{start}{content}<w:bookmarkEnd w:id="{self.bookmarks}"/>'

    def _sentence(self, text: str) -> str:
        """Runs of a sentence; tables and pictures are referred to by fields that follow their numbers."""
        parts = []
        for piece, mark in pieces(text, self.numbers):
            name = MARKS.get(mark[:1], "")
            parts.append(field(f"REF {name}{mark[1:]} \\h", run(piece)) if name else run(piece))
        return "".join(parts)

    def _caption(self, mark: str, text: str, *, keep_next: bool) -> None:
        """The number of a table or a picture, counted by Word, and its title."""
        label = self.numbers[mark]
        digits = label.lstrip(words()["labels"]["table"] + words()["labels"]["figure"])
        name = label.removesuffix(digits)
        counted = run(name) + field(f"SEQ {name} \\* ARABIC", run(digits))
        content = self._marked(MARKS[mark[0]] + mark[1:], counted) + run(f" {text}")
        self._add("caption", content, properties="<w:keepNext/>" if keep_next else "")

    def _notes(self, notes: Sequence[str], made: tuple[str, ...], sentence: str) -> None:
        """Lines under a table or a picture; the last says what of it is made data."""
        last = self._made(made, sentence)
        lines = [*notes, *([last] if last else [])]
        many = len(lines) > 1
        for position, line in enumerate(lines, 1):
            mark = words()["labels"]["note"] if position == 1 else ""
            number = f"{position}. " if many else ""
            together = "<w:keepNext/>" if position < len(lines) else ""
            self._add("表注", run(f"{mark}{number}{line}"), properties=together)

    def _made(self, made: tuple[str, ...], sentence: str) -> str:
        """What of a table or a picture is made data; empty where nothing is."""
        layers = self.made(made)
        return say(sentence, layers=layers) if layers else ""

    def _contents(self) -> None:
        """The table of contents: a field that Word can renew, with the chapters and annexes in it."""
        self._add("目录标题", run(heading("contents")))
        entries = [
            (f"{CONTENTS}{i}", _entry(block, self.numbers))
            for i, block in enumerate(self.blocks)
            if isinstance(block, Annex) or (isinstance(block, Heading) and block.level == 1)
        ]
        start = _field_part("begin") + _instruction('TOC \\o "1-1" \\h \\z \\u') + _field_part("separate")
        for position, (name, text) in enumerate(entries):
            link = f'<w:hyperlink w:anchor="{name}" w:history="1">{run(text)}</w:hyperlink>'
            stop = _field_part("end") if position == len(entries) - 1 else ""
            self._add("toc 1", f"{start if not position else ''}{link}{stop}")

    # --- tables and pictures ---------------------------------------------------------------------------

    def _grid(self, listing: Listing) -> None:
        """A table near its text, its notes under it."""
        self._caption(f"{TABLE_MARK}{listing.key}", listing.table.title, keep_next=True)
        width, _ = self.paper.room()
        noted = bool(listing.notes or self.made(listing.made))
        self._table(listing.table, body_fit(listing.table, width), noted=noted)
        self._notes(listing.notes, listing.made, "note_made")
        if not noted:
            self._add("表注", "")

    def _table(self, table: AnnexTable, fit: Fit, *, noted: bool) -> None:
        if table.unit:
            self._add("单位行", run(f"{words()['labels']['unit']}{table.unit}"))
        grid, text = self.paper.ids["Table Grid"], self.paper.ids["表格文字"]
        self.end.addprevious(parse_xml(table_xml(table, fit, table_style=grid, text_style=text, noted=noted)))

    def _fold_outs(self) -> None:
        """The still maps of a chapter at its end, each on a fold-out: on a page nobody could read them."""
        for position, block in enumerate(self.waiting):
            self._turn("folded")
            self._picture(block, fresh=not position)
        self.waiting.clear()

    def _sheet(self) -> MapPaper:
        """What every map is drawn on: as large as its page and the longest note leave room for."""
        width, height = self.paper.room("folded")
        notes = [self._made(b.made, "figure_made") for b in self.blocks if isinstance(b, Picture)]
        letters = int(width / NOTE_FONT_PT * 2)
        lines = max(-(-units(note) // letters) + 1 for note in notes)
        return MapPaper(width / PT_PER_MM, (height - AROUND_PT - lines * NOTE_PT) / PT_PER_MM)

    def _picture(self, block: Picture, *, fresh: bool) -> None:
        """A still map, with a text for those who do not see it."""
        sheet = self._sheet()
        title = self.captions(block.theme)
        paragraph = self._add("图片", "", properties="" if fresh else "<w:pageBreakBefore/>")
        picture = self.paper.document.add_paragraph()
        image = picture.add_run().add_picture(
            io.BytesIO(self.pictures(block.theme, sheet)), width=Mm(sheet.width), height=Mm(sheet.height)
        )
        about = image._inline.docPr
        said = _alternative(self.title, title)
        about.set("descr", said)
        about.set("name", title)
        for child in picture._p.findall(qn("w:r")):
            paragraph.append(child)
        self.body.remove(picture._p)
        self._caption(f"{FIGURE_MARK}{block.theme}", title, keep_next=bool(self.made(block.made)))
        self._notes((), block.made, "figure_made")

    def _annex(self, block: Annex, position: int) -> None:
        """A table on pages of its own, with its mark and title."""
        table = block.listing.table
        upright, _ = self.paper.room()
        turned, _ = self.paper.room("turned")
        fit = annex_fit(table, upright_pt=upright, turned_pt=turned)
        self._turn("turned" if fit.landscape else "upright")
        label = self.numbers[_annex_mark(block)]
        self._add("附件标记", run(label), properties="" if self.fresh else "<w:pageBreakBefore/>")
        self._add("附件标题", run(table.title), bookmark=f"{CONTENTS}{position}")
        # Above it: under a list of many pages they would stand alone on the last.
        self._notes(block.listing.notes, block.listing.made, "note_made")
        self._table(table, fit, noted=False)
        self._add("表注", "", properties=TINY)

    def _turn(self, lie: Lie) -> None:
        """Begin a part whose pages lie another way."""
        self.fresh = lie != self.lie
        if self.fresh:
            section = self.paper.laid(self.lie)
            paragraph = self._add("表注", "", properties=TINY)
            paragraph.find(qn("w:pPr")).append(section)
            self.lie = lie

    def _close(self) -> None:
        """The page setup of the last part."""
        self.body.replace(self.end, self.paper.laid(self.lie))

    # --- the file --------------------------------------------------------------------------------------

    def _saved(self) -> bytes:
        """The file without clock or author."""
        about = self.paper.document.core_properties
        about.author = about.last_modified_by = about.comments = about.keywords = about.subject = ""
        about.title, about.category = clean(self.title), ""
        about.created = about.modified = EPOCH
        about.revision = 1
        _renewed(self.paper.document.settings.element)
        buffer = io.BytesIO()
        self.paper.document.save(buffer)
        return undated(buffer.getvalue())


def balanced(title: str, *, letters: int) -> str:
    r"""A title on two lines where one has no room for it: after the name of the place, or in the middle.

    Examples
    --------
    >>> balanced("甲市乙区二〇二四年冬季清洁取暖规划", letters=40)
    '甲市乙区二〇二四年冬季清洁取暖规划'
    >>> balanced("甲市乙区二〇二四年冬季清洁取暖规划", letters=30)
    '甲市乙区\n二〇二四年冬季清洁取暖规划'
    """
    if units(title) <= letters:
        return title
    places_ = [i + 1 for i, letter in enumerate(title) if letter in "省市区县旗" and i < 0.6 * len(title)]
    cut = max(places_, default=0)
    fits = cut and units(title[cut:]) <= letters and units(title[:cut]) <= letters
    cut = cut if fits else len(title) // 2
    return f"{title[:cut]}\n{title[cut:]}"


def _renewed(settings: Any) -> None:
    """Let Word number the pages of the contents when the document is opened."""
    if settings.find(qn("w:updateFields")) is None:
        wish = parse_xml(f'<w:updateFields {nsdecls("w")} w:val="true"/>')
        later = [child for child in settings if child.tag in {qn(f"w:{name}") for name in AFTER_FIELDS}]
        if later:
            later[0].addprevious(wish)
        else:
            settings.append(wish)


def _annex_mark(block: Annex) -> str:
    """The key of an annex among the numbers."""
    return f"{ANNEX_MARK}{block.listing.key}"


def _alternative(title: str, figure: str) -> str:
    """What a picture shows, in words."""
    return clean(str(words()["labels"]["alt"]).format(title=title, figure=figure))


def _entry(block: Block, numbers: Mapping[str, str]) -> str:
    """A line of the table of contents."""
    if isinstance(block, Annex):
        return f"{numbers[_annex_mark(block)]} {block.listing.table.title}"
    return block.text if isinstance(block, Heading) else ""


def _field_part(kind: str) -> str:
    return f'<w:r><w:fldChar w:fldCharType="{kind}"/></w:r>'


def _instruction(code: str) -> str:
    return f'<w:r><w:instrText xml:space="preserve"> {code} </w:instrText></w:r>'


def field(code: str, shown: str) -> str:
    """A field of Word with what it shows until it is renewed.

    Examples
    --------
    >>> field("PAGE", run("1")).count("fldChar ")
    3
    """
    return f"{_field_part('begin')}{_instruction(code)}{_field_part('separate')}{shown}{_field_part('end')}"


def undated(content: bytes) -> bytes:
    """The same archive without the time at which it was written."""
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as old,
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            entry = zipfile.ZipInfo(name, ZIP_DATE)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            new.writestr(entry, old.read(name))
    return buffer.getvalue()
