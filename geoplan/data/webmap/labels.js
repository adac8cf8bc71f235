// Labels: placed by importance, moved aside where they would touch, left out where no place is free.

const LABEL_FONT = '"Noto Sans CJK SC", "Microsoft YaHei", "PingFang SC", sans-serif';
// `hides`: a label over more villages than this is left out, unless it must always be there.
const LABEL_KINDS = {
  town: { size: 15, weight: 600, hides: 2 },
  source: { size: 12, weight: 600, hides: 0 },
  river: { size: 12, weight: 400, hides: 0 },
  village: { size: 12, weight: 400, hides: 0 },
};
const MOST_VILLAGES = 250;
const TOWN_SHIFTS = [12, 20, 28, 38]; // a town's name stays this near to its place [px]
const RIVALS = 2 * TOWN_SHIFTS[TOWN_SHIFTS.length - 1]; // and no town farther away can be nearer to the name

function touches(a, b) {
  return a.x0 < b.x1 && b.x0 < a.x1 && a.y0 < b.y1 && b.y0 < a.y1;
}

function centre(box) {
  return { x: (box.x0 + box.x1) / 2, y: (box.y0 + box.y1) / 2 };
}

// How far a point lies from a box.
function away(box, p) {
  return Math.hypot(Math.max(box.x0 - p.x, 0, p.x - box.x1), Math.max(box.y0 - p.y, 0, p.y - box.y1));
}

// Boxes a label may take around its point: on or near it for places, beside it for signs.
function seats(label, width, height) {
  const at = label.at;
  const gap = label.gap || 0;
  if (gap && label.kind === "source" && !label.far) {
    return [...seats({ ...label, far: true }, width, height), ...seats({ ...label, far: true, gap: gap + 14 }, width, height)];
  }
  const box = (x, y, align) => ({ x0: x, y0: y, x1: x + width, y1: y + height, align });
  const [left, middle, right] = [at.x - gap - width, at.x - width / 2, at.x + gap];
  const [above, level, below] = [at.y - gap - height + 3, at.y - height / 2, at.y + gap - 3];
  if (gap) {
    return [
      box(right, level, "left"), box(left, level, "right"), box(middle, below), box(middle, above),
      box(right, above, "left"), box(right, below, "left"), box(left, above, "right"), box(left, below, "right"),
    ];
  }
  if (label.fixed) return [box(middle, level)];
  const around = TOWN_SHIFTS.flatMap((d) => [[0, d], [0, -d], [d, 0], [-d, 0], ...[[1, 1], [-1, 1], [1, -1], [-1, -1]].map(([x, y]) => [0.7 * d * x, 0.7 * d * y])]);
  const own = ([dx, dy]) => (label.rivals || []).every((other) => Math.hypot(at.x + dx - other.x, at.y + dy - other.y) >= Math.hypot(dx, dy));
  return [[0, 0], ...around].filter(own).map(([dx, dy]) => box(middle + dx, level + dy));
}

const Labels = L.Layer.extend({
  initialize(candidates, { marks, page }) {
    this._candidates = candidates;
    this._marks = marks;
    this._page = page;
    this._ctx = document.createElement("canvas").getContext("2d");
  },

  onAdd(map) {
    this._box = el("div", { class: "gp-labels leaflet-zoom-hide", "aria-hidden": "true" });
    map.getPane("markerPane").append(this._box);
  },

  onRemove() {
    this._box.remove();
  },

  getEvents() {
    return { moveend: this.place, resize: this.place };
  },

  // With the next frame, so that switches and sliders in one breath place them once.
  refresh() {
    if (this._asked) return;
    this._asked = requestAnimationFrame(() => {
      this._asked = null;
      this.place();
    });
  },

  place() {
    const map = this._map;
    if (!map || !this._marks.view) return;
    const size = map.getSize();
    const shift = this._marks.inside([0, 0]);
    const inside = (p) => p.x > -20 && p.y > -20 && p.x < size.x + 20 && p.y < size.y + 20;
    const signs = this._signs(shift);
    const taken = [...signs, ...this._controls()];
    const spans = [];
    const named = new Set();
    const towns = this._page.townRows.map((town) => map.latLngToContainerPoint([town.lat, town.lon]));
    for (const label of this._candidates(map)) {
      if (named.has(label.once)) continue;
      label.at = label.mark ? label.mark.subtract(shift) : map.latLngToContainerPoint(label.latlng);
      if (!inside(label.at)) continue;
      if (label.kind === "town") label.rivals = towns.filter((other) => other.distanceTo(label.at) < RIVALS);
      // A reader takes a label for that of the nearest sign.
      if (label.kind === "source") label.others = signs.map(centre).filter((p) => Math.hypot(p.x - label.at.x, p.y - label.at.y) > 1);
      const seat = this._seat(label, { taken, size, shift });
      if (!seat) continue;
      if (label.once) named.add(label.once);
      taken.push(seat);
      spans.push(this._span(label, seat));
    }
    this._box.replaceChildren(...spans);
  },

  _signs(shift) {
    if (this._page.signRadius < DOT_BELOW) return [];
    const r = this._page.signRadius + 2;
    return this._marks.shownSources().map((source) => {
      const p = this._marks.sourceAt(source);
      const [x, y] = [p.x - shift.x, p.y - shift.y];
      return { x0: x - r, y0: y - r, x1: x + r, y1: y + r };
    });
  },

  // What lies over the map: buttons, north arrow, scale bar.
  _controls() {
    const container = this._map.getContainer();
    const at = container.getBoundingClientRect();
    return [...container.querySelectorAll(".leaflet-control, #gp-chips, #gp-north, #gp-measure")].map((node) => {
      const r = node.getBoundingClientRect();
      return { x0: r.left - at.left - 3, y0: r.top - at.top - 3, x1: r.right - at.left + 3, y1: r.bottom - at.top + 3 };
    });
  },

  // The free box that hides the fewest villages, the nearer one where equal.
  _seat(label, { taken, size, shift }) {
    const { size: px, weight, hides } = LABEL_KINDS[label.kind];
    const large = px * this._page.large;
    const width = Math.max(this._width(label.text, `${weight} ${large}px`), this._width(label.sub || "", `${large}px`)) + 8;
    const height = (label.sub ? 2 : 1) * large * 1.3 + 2;
    const free = (seat) => seat.x0 >= 0 && seat.y0 >= 0 && seat.x1 <= size.x && seat.y1 <= size.y
      && !taken.some((other) => touches(seat, other))
      && (label.others || []).every((other) => away(seat, other) > away(seat, label.at));
    let best = null;
    for (const seat of seats(label, width, height)) {
      if (!free(seat)) continue;
      const moved = { x0: seat.x0 + shift.x, y0: seat.y0 + shift.y, x1: seat.x1 + shift.x, y1: seat.y1 + shift.y };
      seat.hides = this._marks.count(moved, best ? best.hides : label.always ? 99 : hides + 1);
      if (!best || seat.hides < best.hides) best = seat;
      if (!best.hides) break;
    }
    return best && (label.always || best.hides <= hides) ? best : null;
  },

  _width(text, font) {
    this._ctx.font = `${font} ${LABEL_FONT}`;
    return this._ctx.measureText(text).width;
  },

  _span(label, seat) {
    const span = el("span", { class: `gp-label gp-label-${label.kind}` }, el("b", null, label.text));
    if (label.sub) span.append(el("i", null, label.sub));
    span.style.textAlign = seat.align || "center";
    span.style.width = `${seat.x1 - seat.x0}px`;
    span.style.fontSize = `${LABEL_KINDS[label.kind].size * this._page.large}px`;
    L.DomUtil.setPosition(span, this._map.containerPointToLayerPoint([seat.x0, seat.y0]));
    return span;
  },
});
