// Labels: placed by importance, moved aside where they would touch, left out where no place is free.

const LABEL_FONT = '"Noto Sans CJK SC", "Microsoft YaHei", "PingFang SC", sans-serif';
// `hides`: a label over more villages than this is left out, unless it must always be there.
const LABEL_KINDS = {
  town: { size: 15, weight: 600, hides: 99 },
  source: { size: 12, weight: 600, hides: 1 },
  river: { size: 12, weight: 400, hides: 0 },
  village: { size: 12, weight: 400, hides: 1 },
};
const VILLAGE_ZOOM = 13.25;
const MOST_VILLAGES = 250;

function touches(a, b) {
  return a.x0 < b.x1 && b.x0 < a.x1 && a.y0 < b.y1 && b.y0 < a.y1;
}

// Boxes a label may take around its point: on it for places, beside it for signs.
function seats(label, width, height) {
  const at = label.at;
  const gap = label.gap || 0;
  const box = (x, y, align) => ({ x0: x, y0: y, x1: x + width, y1: y + height, align });
  const [left, middle, right] = [at.x - gap - width, at.x - width / 2, at.x + gap];
  const [above, level, below] = [at.y - gap - height + 3, at.y - height / 2, at.y + gap - 3];
  if (!gap) return [box(middle, level), box(middle, at.y + 6), box(middle, at.y - height - 6)];
  return [
    box(right, level, "left"), box(left, level, "right"), box(middle, below), box(middle, above),
    box(right, above, "left"), box(right, below, "left"), box(left, above, "right"), box(left, below, "right"),
  ];
}

const Labels = L.Layer.extend({
  initialize(candidates, { signs, spots }) {
    this._candidates = candidates;
    this._signs = signs;
    this._spots = spots;
    this._ctx = document.createElement("canvas").getContext("2d");
  },

  onAdd(map) {
    this._box = el("div", { class: "gp-labels leaflet-zoom-hide", "aria-hidden": "true" });
    map.getPane("markerPane").append(this._box);
    this.place();
  },

  onRemove() {
    this._box.remove();
  },

  getEvents() {
    return { moveend: this.place, zoomend: this.place, resize: this.place };
  },

  place() {
    const map = this._map;
    if (!map) return;
    const size = map.getSize();
    const inside = (p) => p.x > -20 && p.y > -20 && p.x < size.x + 20 && p.y < size.y + 20;
    const taken = [...this._boxes(this._signs, inside), ...this._controls()];
    const villages = this._boxes(this._spots, inside);
    const spans = [];
    const named = new Set();
    for (const label of this._candidates(map)) {
      if (named.has(label.once)) continue;
      label.at = map.latLngToContainerPoint(label.latlng);
      if (!inside(label.at)) continue;
      const seat = this._seat(label, { taken, villages, size });
      if (!seat) continue;
      if (label.once) named.add(label.once);
      taken.push(seat);
      spans.push(this._span(label, seat));
    }
    this._box.replaceChildren(...spans);
  },

  _boxes(markers, inside) {
    const map = this._map;
    return markers.filter((marker) => map.hasLayer(marker)).map((marker) => {
      const p = map.latLngToContainerPoint(marker.getLatLng());
      const r = marker.getRadius() + 1;
      return inside(p) ? { x0: p.x - r, y0: p.y - r, x1: p.x + r, y1: p.y + r } : null;
    }).filter(Boolean);
  },

  // What lies over the map: buttons, north arrow, scale bar.
  _controls() {
    const container = this._map.getContainer();
    const at = container.getBoundingClientRect();
    return [...container.querySelectorAll(".leaflet-control, #gp-chips, #gp-north")].map((node) => {
      const r = node.getBoundingClientRect();
      return { x0: r.left - at.left, y0: r.top - at.top, x1: r.right - at.left, y1: r.bottom - at.top };
    });
  },

  // The free box that hides the fewest villages.
  _seat(label, { taken, villages, size }) {
    const { size: px, weight } = LABEL_KINDS[label.kind];
    const width = Math.max(this._width(label.text, `${weight} ${px}px`), this._width(label.sub || "", `${px}px`)) + 8;
    const height = (label.sub ? 2 : 1) * px * 1.3 + 2;
    const free = (seat) => seat.x0 >= 0 && seat.y0 >= 0 && seat.x1 <= size.x && seat.y1 <= size.y
      && !taken.some((other) => touches(seat, other));
    let best = null;
    for (const seat of seats(label, width, height).filter(free)) {
      seat.hides = villages.filter((village) => touches(seat, village)).length;
      if (!best || seat.hides < best.hides) best = seat;
    }
    return best && (label.always || best.hides <= LABEL_KINDS[label.kind].hides) ? best : null;
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
    L.DomUtil.setPosition(span, this._map.containerPointToLayerPoint([seat.x0, seat.y0]));
    return span;
  },
});
