// A canvas over the map that draws itself from columns, at every move; the base map and the marks are two of them.

// Pixels of a canvas per pixel of the page: sharp on a fine screen and on paper.
function detail() {
  return HOST.classList.contains("gp-paper") ? 3 : Math.max(window.devicePixelRatio || 1, 1);
}

// A place on the map of the whole world that is 256 pixels wide.
function world(lat, lon) {
  const sine = Math.sin((lat * Math.PI) / 180);
  return [((lon + 180) / 360) * 256, (0.5 - Math.log((1 + sine) / (1 - sine)) / (4 * Math.PI)) * 256];
}

// A path that travelled as whole steps of 1e-5 degree, on the map of the world, with its box.
function worldPath(steps) {
  const flat = new Float64Array(steps.length);
  const box = [Infinity, Infinity, -Infinity, -Infinity];
  for (let i = 0, lon = 0, lat = 0; i < steps.length; i += 2) {
    lon += steps[i];
    lat += steps[i + 1];
    const [x, y] = world(lat / 1e5, lon / 1e5);
    [flat[i], flat[i + 1]] = [x, y];
    if (x < box[0]) box[0] = x;
    if (y < box[1]) box[1] = y;
    if (x > box[2]) box[2] = x;
    if (y > box[3]) box[3] = y;
  }
  return { flat, box };
}

function boxesMeet([x0, y0, x1, y1], view) {
  return x0 <= view.x1 && x1 >= view.x0 && y0 <= view.y1 && y1 >= view.y0;
}

// The path on the canvas, without the points that no eye would part.
function tracePath(ctx, flat, { scale, ox, oy }) {
  let x = flat[0] * scale - ox;
  let y = flat[1] * scale - oy;
  ctx.moveTo(x, y);
  const last = flat.length - 2;
  for (let i = 2; i <= last; i += 2) {
    const nextX = flat[i] * scale - ox;
    const nextY = flat[i + 1] * scale - oy;
    if (i < last && Math.abs(nextX - x) + Math.abs(nextY - y) < 0.8) continue;
    x = nextX;
    y = nextY;
    ctx.lineTo(x, y);
  }
}

const Sheet = L.Renderer.extend({
  options: { padding: 0.25 },

  _initContainer() {
    this._container = el("canvas", { class: this.name, "aria-hidden": "true" });
    this._container.style.pointerEvents = "none";
    this._ctx = this._container.getContext("2d");
  },

  _destroyContainer() {
    this._container.remove();
    delete this._container;
  },

  // A new view ends with a move, which draws.
  _reset() {},

  _update() {
    if (this._map._animatingZoom && this._bounds) return;
    L.Renderer.prototype._update.call(this);
    const size = this._bounds.getSize();
    this._ratio = detail();
    const [width, height] = [Math.round(size.x * this._ratio), Math.round(size.y * this._ratio)];
    if (this._container.width !== width || this._container.height !== height) {
      this._container.width = width;
      this._container.height = height;
      this._container.style.width = `${size.x}px`;
      this._container.style.height = `${size.y}px`;
    }
    L.DomUtil.setPosition(this._container, this._bounds.min);
    this.draw();
  },

  // Whether the window lies within what is drawn.
  covers() {
    const from = this._map.containerPointToLayerPoint([0, 0]);
    return this._bounds.contains(L.bounds(from, from.add(this._map.getSize())));
  },

  // Draw again with the next frame: a filter, a switch, a choice.
  refresh() {
    if (this._asked) return;
    this._asked = requestAnimationFrame(() => {
      this._asked = null;
      if (this._map && !this._map._animatingZoom) this.draw();
    });
  },

  draw() {
    const started = performance.now();
    const [ctx, map] = [this._ctx, this._map];
    const size = this._bounds.getSize();
    const origin = map.getPixelOrigin().add(this._bounds.min);
    const scale = 2 ** map.getZoom();
    this.view = {
      scale, ox: origin.x, oy: origin.y, width: size.x, height: size.y,
      x0: origin.x / scale, y0: origin.y / scale, x1: (origin.x + size.x) / scale, y1: (origin.y + size.y) / scale,
    };
    ctx.setTransform(1, 0, 0, 1, 0, 0);
    ctx.clearRect(0, 0, this._container.width, this._container.height);
    ctx.setTransform(this._ratio, 0, 0, this._ratio, 0, 0);
    this.paint(ctx, this.view);
    this.took = performance.now() - started;
  },
});
