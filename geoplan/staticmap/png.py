"""A drawn sheet as a small picture: a map has few colours, and those stay as they are."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image
from scipy.spatial import KDTree

#: Colours of a picture with a palette.
MOST = 256
#: A colour on more than this share of the sheet is kept as it is.
FLAT = 1e-4
#: Others are kept where none is nearer than this, in ever coarser steps until they fit.
APART = (8.0, 12.0, 16.0, 20.0, 26.0, 34.0, 48.0, 64.0, 96.0, 128.0)


def small_png(rgba: np.ndarray, *, dpi: int) -> bytes:
    """A picture as PNG with a palette of its own colours.

    Parameters
    ----------
    rgba : array of uint8, shape (height, width, 4)
        Nowhere transparent.
    dpi : int

    Examples
    --------
    >>> picture = np.full((2, 3, 4), 255, dtype=np.uint8)
    >>> picture[0, 0] = (193, 39, 45, 255)
    >>> back = Image.open(io.BytesIO(small_png(picture, dpi=300))).convert("RGB")
    >>> back.size, back.getpixel((0, 0)), back.getpixel((2, 1))
    ((3, 2), (193, 39, 45), (255, 255, 255))
    """
    high, wide = rgba.shape[:2]
    # Red, green and blue of a pixel as one number.
    code = np.ascontiguousarray(rgba).view("<u4")[..., 0] & 0xFFFFFF
    counted = Image.frombuffer("RGBA", (wide, high), rgba).getcolors(1 << 24) or []
    colours = np.array([colour for _, colour in counted], dtype=np.int32)[:, :3]
    kept = palette(colours, np.array([count for count, _ in counted]))
    place = np.zeros(1 << 24, dtype=np.uint8)
    place[colours @ [1, 1 << 8, 1 << 16]] = KDTree(kept).query(colours)[1]
    few = Image.frombytes("P", (wide, high), place[code].tobytes())
    few.putpalette(kept.astype(np.uint8).tobytes())
    out = io.BytesIO()
    few.save(out, format="PNG", dpi=(dpi, dpi))
    return out.getvalue()


def palette(colours: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The colours that stand for all: every flat one, and of the blends between them as many as fit.

    Parameters
    ----------
    colours : array of int, shape (n, 3)
    counts : array of int, shape (n,)
        Pixels of each.

    Examples
    --------
    >>> palette(np.array([(0, 0, 0), (1, 1, 1), (255, 255, 255)]), np.array([10_000, 1, 90_000]))
    array([[255, 255, 255],
           [  0,   0,   0]])
    """
    ordered = colours[np.lexsort((*colours.T, -counts))]
    flat = min(int((counts > FLAT * counts.sum()).sum()), MOST // 2)
    for apart in APART:
        kept = _kept(ordered, flat, apart)
        if len(kept) <= MOST:
            break
    return ordered[kept[:MOST]]


def _kept(colours: np.ndarray, flat: int, apart: float) -> list[int]:
    """The flat colours, and of the others those that are not near to a kept one; one too many at most."""
    near = np.zeros(len(colours), dtype=bool)
    kept: list[int] = []
    for i in range(len(colours)):
        if i >= flat and near[i]:
            continue
        kept.append(i)
        if len(kept) > MOST:
            break
        near |= ((colours - colours[i]) ** 2).sum(axis=1) < apart**2
    return kept
