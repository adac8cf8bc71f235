"""A table of the report, and its cells as the text quotes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from geoplan.annex import AnnexTable, Cell
from geoplan.paper import printed
from geoplan.report.words import plain
from geoplan.tables import Sheet


@dataclass(frozen=True)
class Listing:
    """A table with what stands around it.

    Attributes
    ----------
    key : str
        How text and figures refer to it.
    table : AnnexTable
        Title and cells as they are printed.
    notes : tuple of str
        Lines under it.
    made : tuple of str
        Layers whose made data it uses.
    """

    key: str
    table: AnnexTable
    notes: tuple[str, ...] = ()
    made: tuple[str, ...] = ()

    def cell(self, row: str | tuple[str, ...], heading: str) -> str:
        """The cell of one row and column as it is printed; an empty one as 0.

        Parameters
        ----------
        row : str or tuple of str
            Texts that stand in the row, from left to right.
        heading : str
            Last entry of the column's heading, or both with a stroke between.

        Raises
        ------
        KeyError
            The table has no such row or column.

        Examples
        --------
        >>> rows = (("甲镇", 3), ("合计", 3))
        >>> table = AnnexTable("表", "户", (("乡镇",), ("户数",)), rows, ("row", "total"))
        >>> Listing("t", table).cell("合计", "户数")
        '3'
        """
        return shown(self.table, self._row(row)[(column := self._column(heading))], column) or "0"

    def rows(self, *headings: str, kind: str = "row") -> list[tuple[str, ...]]:
        """The printed cells of some columns, of every row of one kind.

        Examples
        --------
        >>> rows = (("甲镇", 3), ("合计", 3))
        >>> table = AnnexTable("表", "户", (("乡镇",), ("户数",)), rows, ("row", "total"))
        >>> Listing("t", table).rows("乡镇", "户数")
        [('甲镇', '3')]
        """
        columns = [self._column(h) for h in headings]
        return [
            tuple(shown(self.table, cells[c], c) for c in columns)
            for cells, k in zip(self.table.rows, self.table.kinds, strict=True)
            if k == kind
        ]

    def has(self, heading: str) -> bool:
        """Whether there is such a column."""
        return any(heading in (head[-1], "/".join(head)) for head in self.table.head)

    def _row(self, row: str | tuple[str, ...]) -> tuple[Cell, ...]:
        wanted = (row,) if isinstance(row, str) else row
        for cells in self.table.rows:
            texts = iter(str(c) for c in cells if c is not None)
            if all(text in texts for text in wanted):
                return cells
        raise KeyError(f"{self.key}: no row {wanted}")

    def _column(self, heading: str) -> int:
        for column, head in enumerate(self.table.head):
            if heading in (head[-1], "/".join(head)):
                return column
        raise KeyError(f"{self.key}: no column {heading!r}")


def shown(table: AnnexTable, cell: Cell, column: int) -> str:
    """A cell as text, in the digits of its column.

    Examples
    --------
    >>> shown(AnnexTable("表", "", (("占比",),), ((3.5,),), ("row",), decimals=(2,)), 3.5, 0)
    '3.50'
    """
    if isinstance(cell, str):
        return plain(cell)
    return printed(cell, table.decimals[column] if table.decimals else 0)


def listed(
    key: str, sheet: Sheet | None, *, title: str, made: tuple[str, ...] = (), without: tuple[str, ...] = ()
) -> Listing | None:
    """A sheet of the workbook as a table of the report; None where it says nothing.

    Parameters
    ----------
    key : str
    sheet : Sheet or None
    title : str
        Title in the report.
    made : tuple of str
        Layers whose made data it uses.
    without : tuple of str
        Headings of columns that only the workbook has.

    Examples
    --------
    >>> table = AnnexTable("某县表", "户", (("乡镇",), ("备注",)), (("甲镇", None),), ("row",))
    >>> listed("t", Sheet("表", table), title="表", without=("备注",)).table.head
    (('乡镇',),)
    """
    if sheet is None or not sheet.table.rows:
        return None
    table = replace(_with_columns(sheet.table, lambda i: sheet.table.head[i][-1] not in without), title=title)
    lead = (sheet.lead,) if sheet.lead else ()
    return Listing(key, table, notes=(*lead, *sheet.notes), made=made)


def without_empty(listing: Listing) -> Listing:
    """A table without the columns in which no row says anything.

    Examples
    --------
    >>> table = AnnexTable("表", "户", (("乡镇",), ("备注",)), (("甲镇", None),), ("row",))
    >>> without_empty(Listing("t", table)).table.head
    (('乡镇',),)
    """
    table = listing.table
    said = [any(row[i] not in (None, "") for row in table.rows) for i in range(len(table.head))]
    return replace(listing, table=_with_columns(table, lambda i: said[i]))


def _with_columns(table: AnnexTable, kept: Callable[[int], bool]) -> AnnexTable:
    """A table with some of its columns, without its mark."""
    columns = [i for i in range(len(table.head)) if kept(i)]
    place = {old: new for new, old in enumerate(columns)}
    return replace(
        table,
        mark="",
        head=tuple(table.head[i] for i in columns),
        rows=tuple(tuple(row[i] for i in columns) for row in table.rows),
        merged=tuple(place[i] for i in table.merged if i in place),
        sums=tuple(place[i] for i in table.sums if i in place),
        decimals=tuple(table.decimals[i] for i in columns) if table.decimals else (),
    )


def by_key(listings: list[Listing | None]) -> Mapping[str, Listing]:
    """The tables that say something, by their keys.

    Examples
    --------
    >>> dict(by_key([None]))
    {}
    """
    return {found.key: found for found in listings if found is not None and found.table.rows}
