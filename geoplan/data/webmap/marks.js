// All villages, pipes and sources on one canvas, drawn from columns: no layer and no node for any of them.

const HIT_CELL = 24; // side of a cell of the grid that finds what lies under the pointer [px]
const ASIDE = [18, 27, 36]; // a source that would cover a village steps aside this far [px]
const MOST_STEPS = 3e6;
const DENSE = 4000; // more villages than this are set pixel by pixel, several times faster than as many pictures

// A picture that signs are copied into by the pixel.
class PixelSheet {
  constructor({ width, height }) {
    this.canvas = el("canvas", { width, height });
    this.ctx = this.canvas.getContext("2d");
    this.image = this.ctx.createImageData(width, height);
    this.pixels = new Uint32Array(this.image.data.buffer);
    this.width = width;
    this.height = height;
  }

  fits({ width, height }) {
    return this.width === width && this.height === height;
  }

  put(sprite, left, top) {
    const side = 2 * sprite.half;
    if (left < 0 || top < 0 || left + side > this.width || top + side > this.height) return;
    const { colours, dx, dy } = inked(sprite);
    const { pixels, width } = this;
    const start = top * width + left;
    for (let n = 0; n < colours.length; n += 1) {
      const at = start + dy[n] * width + dx[n];
      pixels[at] = over(colours[n], pixels[at]);
    }
  }

  show(ctx) {
    this.ctx.putImageData(this.image, 0, 0);
    ctx.drawImage(this.canvas, 0, 0);
    this.pixels.fill(0);
  }
}

// The pixels of a sprite that are not empty.
function inked(sprite) {
  if (!sprite.ink) {
    const side = 2 * sprite.half;
    const all = new Uint32Array(sprite.canvas.getContext("2d").getImageData(0, 0, side, side).data.buffer);
    const places = [...all.keys()].filter((at) => all[at] >>> 24);
    sprite.ink = {
      colours: Uint32Array.from(places, (at) => all[at]),
      dx: Uint8Array.from(places, (at) => at % side),
      dy: Uint8Array.from(places, (at) => Math.floor(at / side)),
    };
  }
  return sprite.ink;
}

// One colour (alpha in the top byte) laid over another.
function over(top, below) {
  const alpha = top >>> 24;
  const under = below >>> 24;
  if (alpha === 255 || !under) return top;
  const sum = under === 255 ? 255 : alpha + (under * (255 - alpha)) / 255;
  const share = under === 255 ? alpha + 1 : Math.round((256 * alpha) / sum);
  const redBlue = ((top & 0xff00ff) * share + (below & 0xff00ff) * (256 - share)) >>> 8;
  const green = ((top & 0xff00) * share + (below & 0xff00) * (256 - share)) >>> 8;
  return ((sum << 24) | (redBlue & 0xff00ff) | (green & 0xff00)) >>> 0;
}

const Marks = Sheet.extend({
  name: "gp-marks",

  initialize(page, { isOn, onVillage, onSource }) {
    Sheet.prototype.initialize.call(this, {});
    this.page = page;
    this._isOn = isOn;
    this._onVillage = onVillage;
    this._onSource = onSource;
    this._sprites = new Map();
    this._measure(page.villages);
    this.pipes = Pipes(page);
    this.sources = page.sourceRows.filter((row) => typeof row.lat === "number").map((row) => {
      const [x, y] = world(row.lat, row.lon);
      return { row, x, y, dx: 0, dy: 0, group: `sources:${sourceKind(row.route)}`, look: sourceLook(row.route), share: usedShare(row) };
    });
    this.selected = -1;
    this.scale = 1;
    this.least = 1;
    this.most = 40;
  },

  // Columns of the drawing: place, root of households, look; and the order, large ones first.
  _measure({ lat, lon, households, route, dwelling, made, tie, runner_up: runnerUp }) {
    const { routes } = this.page;
    const count = lat.length;
    const byId_ = new Map(routes.map((one) => [one.id, one]));
    const looks = new Map();
    this.x = new Float64Array(count);
    this.y = new Float64Array(count);
    this.root = new Float32Array(count);
    this.lookOf = new Uint16Array(count);
    this.looks = [];
    for (let i = 0; i < count; i += 1) {
      if (lat[i] !== null) [this.x[i], this.y[i]] = world(lat[i], lon[i]);
      this.root[i] = Math.sqrt(households[i] || 0);
      const other = tie && tie[i] ? byId_.get(runnerUp[i]) : null;
      const square = dwelling && dwelling[i] === "apartment";
      const key = [households[i] ? route[i] : "idle", square, made[i], other ? other.id : ""].join();
      if (!looks.has(key)) {
        const own = routes[route[i]] || { colour: "#888888" };
        looks.set(key, this.looks.length);
        this.looks.push({
          shape: square ? "square" : "circle", colour: own.colour, mark: own.mark, made: made[i],
          idle: !households[i], tie: other && households[i] ? other.colour : null,
          group: households[i] ? null : "idle",
        });
      }
      this.lookOf[i] = looks.get(key);
    }
    this.order = Int32Array.from(Array.from({ length: count }, (_, i) => i).filter((i) => lat[i] !== null)
      .sort((a, b) => this.root[b] - this.root[a] || a - b));
    this.rank = new Int32Array(count);
    this.order.forEach((village, at) => { this.rank[village] = at; });
  },

  // Radius of a village by the root of its households. [px]
  radius(root) {
    return root ? Math.min(Math.max(this.least, this.scale * root), this.most) : Math.min(this.least, 2.2);
  },

  visible(village) {
    return this.page.shown[village] > 0 && this._isOn(this.looks[this.lookOf[village]].group);
  },

  _initContainer() {
    Sheet.prototype._initContainer.call(this);
    this._tip = L.tooltip({ direction: "auto", offset: [12, 0] });
    this._map.on("mousemove", this._onMove, this).on("mouseout movestart", this._leave, this).on("click", this._onClick, this);
  },

  _destroyContainer() {
    this._map.off("mousemove", this._onMove, this).off("mouseout movestart", this._leave, this).off("click", this._onClick, this);
    Sheet.prototype._destroyContainer.call(this);
  },

  paint(ctx, view) {
    if (this._spriteRatio !== this._ratio) this._sprites.clear();
    this._spriteRatio = this._ratio;
    this._grid = null;
    Object.assign(view, { on: this._isOn, thick: this.page.thick });
    this.pipes.draw(ctx, view);
    this._drawVillages(ctx);
    this._drawRing(ctx);
    this._drawSources(ctx);
  },

  // Large ones first, later than the slider's year below the others.
  _drawVillages(ctx) {
    const { page, view, order, x, y, root, _ratio: ratio } = this;
    const sheet = order.length > DENSE ? this._pixelSheet() : null;
    ctx.setTransform(1, 0, 0, 1, 0, 0);
    for (const wanted of [2, 1]) {
      for (let at = 0; at < order.length; at += 1) {
        const i = order[at];
        if (page.shown[i] !== wanted) continue;
        const px = x[i] * view.scale - view.ox;
        const py = y[i] * view.scale - view.oy;
        if (px < -50 || py < -50 || px > view.width + 50 || py > view.height + 50) continue;
        const look = this.lookOf[i];
        if (this.looks[look].group && !this._isOn(this.looks[look].group)) continue;
        const sprite = this._sprite(look, wanted === 2, this.radius(root[i]));
        const left = Math.round(px * ratio) - sprite.half;
        const top = Math.round(py * ratio) - sprite.half;
        if (sheet) sheet.put(sprite, left, top);
        else ctx.drawImage(sprite.canvas, left, top);
      }
    }
    if (sheet) sheet.show(ctx);
    ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
  },

  _pixelSheet() {
    if (!this._sheet || !this._sheet.fits(this._container)) this._sheet = new PixelSheet(this._container);
    return this._sheet;
  },

  // The sign of one look and size, painted once.
  _sprite(look, later, radius) {
    const r = Math.round(radius * 4) / 4;
    const key = (look * 2 + later) * 512 + r * 4;
    let sprite = this._sprites.get(key);
    if (!sprite) {
      const half = Math.ceil((r * 1.3 + 6) * this._ratio);
      const canvas = el("canvas", { width: 2 * half, height: 2 * half });
      const ctx = canvas.getContext("2d", { willReadFrequently: this.order.length > DENSE });
      ctx.translate(half, half);
      ctx.scale(this._ratio, this._ratio);
      paintVillage(ctx, { ...this.looks[look], later }, { x: 0, y: 0 }, r);
      sprite = { canvas, half };
      this._sprites.set(key, sprite);
    }
    return sprite;
  },

  _drawRing(ctx) {
    const village = this.selected;
    if (village < 0 || this.page.villages.lat[village] === null) return;
    const p = this.at(village);
    trace(ctx, "circle", p, this.radius(this.root[village]) + 5);
    strokeLook(ctx, { color: "#fff", weight: 5 });
    strokeLook(ctx, { color: INK, weight: 2.5 });
  },

  _drawSources(ctx) {
    for (const source of this.sources) {
      if (!this._isOn(source.group)) continue;
      const [tx, ty] = [source.x * this.view.scale - this.view.ox, source.y * this.view.scale - this.view.oy];
      const p = { x: tx + source.dx, y: ty + source.dy };
      if (source.dx || source.dy) {
        ctx.beginPath();
        ctx.moveTo(tx, ty);
        ctx.lineTo(p.x, p.y);
        strokeLook(ctx, { color: "#fff", weight: 3.4 });
        strokeLook(ctx, { color: source.look.fillColor, weight: 1.2 });
        trace(ctx, "circle", { x: tx, y: ty }, 2.4);
        strokeLook(ctx, { color: "#fff", weight: 1.6 });
        ctx.fillStyle = source.look.fillColor;
        ctx.fill();
      }
      paintSource(ctx, source.look, p, { share: source.share, r: this.page.signRadius });
    }
  },

  // Sources that would cover a village or each other step aside, with a line to their place; once per zoom.
  arrange() {
    const scale = 2 ** this._map.getZoom();
    const reach = this.page.signRadius * 1.35;
    const placed = [];
    const few = this.page.signRadius >= DOT_BELOW && this.sources.length * this.order.length < MOST_STEPS;
    for (const source of this.sources) {
      [source.dx, source.dy] = [0, 0];
      if (few) {
        const [sx, sy] = [source.x * scale, source.y * scale];
        const near = this._around(sx, sy, scale);
        const free = (dx, dy) => near.every(([x, y, r]) => Math.hypot(sx + dx - x, sy + dy - y) > r + reach)
          && placed.every(([x, y]) => Math.hypot(sx + dx - x, sy + dy - y) > 2 * reach + 1);
        const spots = [[0, 0], ...ASIDE.flatMap((d) => [1, 3, 5, 7, 0, 2, 4, 6].map((k) => [
          Math.round(d * Math.cos((k * Math.PI) / 4)), Math.round(-d * Math.sin((k * Math.PI) / 4))]))];
        const spot = spots.find(([dx, dy]) => free(dx, dy));
        if (spot) [source.dx, source.dy] = spot;
      }
      placed.push([source.x * scale + source.dx, source.y * scale + source.dy]);
    }
  },

  _around(sx, sy, scale) {
    const out = [];
    for (const i of this.order) {
      const [x, y, r] = [this.x[i] * scale, this.y[i] * scale, this.radius(this.root[i])];
      if (Math.abs(x - sx) < 60 + r && Math.abs(y - sy) < 60 + r) out.push([x, y, r]);
    }
    return out;
  },

  // Place of a village, or of a source's sign, on the canvas. [px]
  at(village) {
    return { x: this.x[village] * this.view.scale - this.view.ox, y: this.y[village] * this.view.scale - this.view.oy };
  },

  sourceAt(source) {
    return { x: source.x * this.view.scale - this.view.ox + source.dx, y: source.y * this.view.scale - this.view.oy + source.dy };
  },

  shownSources() {
    return this.sources.filter((source) => this._isOn(source.group));
  },

  // Villages in the window, large ones first, at most as many.
  inWindow(most) {
    const size = this._map.getSize();
    const from = this.inside([0, 0]);
    const out = [];
    for (const i of this.order) {
      const { x, y } = this.at(i);
      if (x > from.x && y > from.y && x < from.x + size.x && y < from.y + size.y && this.visible(i)) out.push(i);
      if (out.length >= most) break;
    }
    return out;
  },

  // From a pixel of the map's window to one of the canvas. [px]
  inside(point) {
    return this._map.containerPointToLayerPoint(point).subtract(this._bounds.min);
  },

  _cells() {
    if (this._grid) return this._grid;
    const { view } = this;
    const columns = Math.ceil(view.width / HIT_CELL) + 1;
    const head = new Int32Array(columns * (Math.ceil(view.height / HIT_CELL) + 1)).fill(-1);
    const [next, items] = [[], []];
    for (const i of this.order) {
      if (!this.visible(i)) continue;
      const { x, y } = this.at(i);
      const r = this.radius(this.root[i]);
      if (x < -r || y < -r || x > view.width + r || y > view.height + r) continue;
      for (let cy = Math.max(0, Math.floor((y - r) / HIT_CELL)); cy <= Math.min(view.height, y + r) / HIT_CELL; cy += 1) {
        for (let cx = Math.max(0, Math.floor((x - r) / HIT_CELL)); cx <= Math.min(view.width, x + r) / HIT_CELL; cx += 1) {
          const cell = cy * columns + cx;
          next.push(head[cell]);
          head[cell] = items.length;
          items.push(i);
        }
      }
    }
    this._grid = { columns, head, next, items };
    return this._grid;
  },

  // Villages whose cells a box touches, some perhaps twice; `found` says when it has seen enough.
  _scan({ x0, y0, x1, y1 }, found) {
    const { columns, head, next, items } = this._cells();
    const { width, height } = this.view;
    for (let cy = Math.max(0, Math.floor(y0 / HIT_CELL)); cy <= Math.min(height, y1) / HIT_CELL; cy += 1) {
      for (let cx = Math.max(0, Math.floor(x0 / HIT_CELL)); cx <= Math.min(width, x1) / HIT_CELL; cx += 1) {
        for (let at = head[cy * columns + cx]; at >= 0; at = next[at]) if (found(items[at])) return;
      }
    }
  },

  // How many villages a box of the canvas touches, counted up to `most`.
  count(box, most) {
    const seen = new Set();
    this._scan(box, (i) => {
      const { x, y } = this.at(i);
      const r = this.radius(this.root[i]) + 1;
      if (x + r > box.x0 && x - r < box.x1 && y + r > box.y0 && y - r < box.y1) seen.add(i);
      return seen.size >= most;
    });
    return seen.size;
  },

  // What lies under a pixel of the window: a source, else a village, else a pipe.
  hit(point, slack) {
    const { x, y } = this.inside(point);
    const reach = this.page.signRadius + slack / 2;
    const source = this.sources.find((one) => {
      const at = this.sourceAt(one);
      return this._isOn(one.group) && Math.hypot(at.x - x, at.y - y) <= reach;
    });
    if (source) return { source: source.row };
    const village = this._villageAt(x, y, slack);
    if (village >= 0) return { village: this.page.villageRows[village] };
    const pipe = this.pipes.hit(x, y, { view: this.view, slack });
    return pipe ? { pipe } : {};
  },

  _villageAt(x, y, slack) {
    let [best, gap] = [-1, slack];
    this._scan({ x0: x - slack, y0: y - slack, x1: x + slack, y1: y + slack }, (i) => {
      const at = this.at(i);
      const away = Math.max(Math.hypot(at.x - x, at.y - y) - this.radius(this.root[i]), 0);
      if (away < gap || (away === gap && (best < 0 || this.rank[i] > this.rank[best]))) [best, gap] = [i, away];
    });
    return best;
  },

  _measuring() {
    return this._map.getContainer().classList.contains("gp-measuring");
  },

  _slack(event) {
    return event.originalEvent && event.originalEvent.pointerType === "touch" ? 12 : 4;
  },

  _onMove(event) {
    if (this._hover || this._measuring()) return;
    this._hover = requestAnimationFrame(() => {
      this._hover = null;
      if (this._map) this._show(this.hit(event.containerPoint, 4), event);
    });
  },

  _show(found, event) {
    const text = this._text(found);
    this._map.getContainer().classList.toggle("gp-over", Boolean(found.village || found.source));
    if (!text) {
      this._map.closeTooltip(this._tip);
      return;
    }
    const [title, ...lines] = text;
    this._tip.setContent(el("div", null, el("b", null, title), ...lines.filter(Boolean).map((line) => el("div", null, line))));
    this._tip.setLatLng(event.latlng);
    if (!this._map.hasLayer(this._tip)) this._map.openTooltip(this._tip);
  },

  _text({ village, source, pipe }) {
    if (source) return [source.name || source.source_id, loadText(source, this.page)];
    if (village) return this.page.villageTip(village);
    return pipe ? pipe.tip() : null;
  },

  _leave() {
    if (this._hover) cancelAnimationFrame(this._hover);
    this._hover = null;
    this._map.getContainer().classList.remove("gp-over");
    this._map.closeTooltip(this._tip);
  },

  _onClick(event) {
    if (this._measuring()) return;
    const found = this.hit(event.containerPoint, this._slack(event));
    if (found.village) this._onVillage(found.village);
    else if (found.source) this._onSource(found.source);
    else this._show(found, event);
  },
});
