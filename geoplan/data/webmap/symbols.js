// Helpers of the page, and the signs of the map: the legend paints with the very functions of the map.

const INK = "#2f3b45";
const PALE = "#9aa2a9";
const IDLE = "#b4babf"; // nobody to convert

// An element with attributes and children; text only ever becomes a text node.
function el(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
  return node;
}

function byId(id) {
  return ROOT.getElementById(id);
}

function fill(pattern, value) {
  return pattern.split("{}").join(value);
}

// A table's own entry; names that come from data never reach what every object inherits.
function pick(table, key, otherwise) {
  return Object.prototype.hasOwnProperty.call(table, key) ? table[key] : otherwise;
}

// Rounded as the plan's own sentences are: a half to the even side.
function number(value, digits, least) {
  const key = `${digits || 0} ${least || 0}`;
  if (!FORMATS.has(key)) {
    const fractions = { minimumFractionDigits: least || 0, maximumFractionDigits: digits || 0 };
    FORMATS.set(key, new Intl.NumberFormat("en-US", { ...fractions, roundingMode: "halfEven" }));
  }
  return FORMATS.get(key).format(value);
}

// A format takes long to make, and labels want hundreds of numbers at every move.
const FORMATS = new Map();

// Rows of a table that travelled as one array per column: light objects that read the columns.
function rows(table) {
  const names = Object.keys(table);
  const kind = {};
  for (const name of names) {
    Object.defineProperty(kind, name, { get() { return table[name][this.index]; }, enumerable: true });
  }
  return Array.from({ length: names.length ? table[names[0]].length : 0 }, (_, index) => {
    const row = Object.create(kind);
    row.index = index;
    return row;
  });
}

// [lat, lng] pairs of a path that travelled as whole steps of 1e-5 degree.
function unfold(steps) {
  const out = [];
  for (let i = 0, lon = 0, lat = 0; i < steps.length; i += 2) {
    lon += steps[i];
    lat += steps[i + 1];
    out.push([lat / 1e5, lon / 1e5]);
  }
  return out;
}

// A colour on its way to another, from 0 to 1.
function blend(colour, to, share) {
  const part = (of, at) => parseInt(of.slice(at, at + 2), 16);
  const mixed = [1, 3, 5].map((at) => Math.round(part(colour, at) * (1 - share) + part(to, at) * share));
  return `rgb(${mixed.join(", ")})`;
}

function isPale(colour) {
  return [1, 3, 5].reduce((sum, at) => sum + parseInt(colour.slice(at, at + 2), 16), 0) > 480;
}

// Outline of a sign around a point; every shape has about the area of the circle.
function trace(ctx, shape, p, r) {
  ctx.beginPath();
  if (shape === "square") {
    const half = r * 0.886;
    ctx.rect(p.x - half, p.y - half, 2 * half, 2 * half);
    return;
  }
  if (shape === "circle") {
    ctx.arc(p.x, p.y, r, 0, 2 * Math.PI);
    return;
  }
  const corners = { triangle: 3, diamond: 4, hexagon: 6 }[shape];
  const reach = r * { 3: 1.4, 4: 1.25, 6: 1.1 }[corners];
  for (let i = 0; i < corners; i += 1) {
    const angle = (2 * Math.PI * i) / corners - Math.PI / 2;
    const lift = corners === 3 ? r * 0.2 : 0;
    ctx.lineTo(p.x + reach * Math.cos(angle), p.y + lift + reach * Math.sin(angle));
  }
  ctx.closePath();
}

// The mark inside a village that tells its route where the colour fails, as strokes in units of its radius.
const MARKS = {
  bar: [[-0.5, 0, 0.5, 0]],
  bars: [[-0.45, -0.22, 0.45, -0.22], [-0.45, 0.22, 0.45, 0.22]],
  post: [[0, -0.5, 0, 0.5]],
  cross: [[-0.5, 0, 0.5, 0], [0, -0.5, 0, 0.5]],
  slash: [[-0.38, 0.38, 0.38, -0.38]],
  back: [[-0.38, -0.38, 0.38, 0.38]],
  leaf: [[-0.42, 0.24, 0, -0.26], [0, -0.26, 0.42, 0.24]],
  tick: [[-0.42, 0, -0.1, 0.32], [-0.1, 0.32, 0.45, -0.3]],
};
const MARK_FROM = 4.6; // smaller signs have no room for a mark [px]

function paintMark(ctx, mark, p, { r, colour }) {
  ctx.strokeStyle = colour;
  ctx.fillStyle = colour;
  ctx.lineWidth = Math.min(Math.max(r * 0.2, 1.3), 3);
  ctx.lineCap = "round";
  ctx.setLineDash([]);
  if (mark === "dot" || mark === "ring") {
    ctx.beginPath();
    ctx.arc(p.x, p.y, r * (mark === "dot" ? 0.3 : 0.42), 0, 2 * Math.PI);
    if (mark === "dot") ctx.fill();
    else ctx.stroke();
    return;
  }
  ctx.beginPath();
  for (const [x0, y0, x1, y1] of pick(MARKS, mark, [])) {
    ctx.moveTo(p.x + x0 * r, p.y + y0 * r);
    ctx.lineTo(p.x + x1 * r, p.y + y1 * r);
  }
  ctx.stroke();
}

// A village: its route's colour and mark, square for apartments, dashed where it is made data, half a ring in
// the runner-up's colour for a near tie, hollow when its year comes later than the slider's.
function paintVillage(ctx, look, p, r) {
  ctx.setLineDash([]);
  trace(ctx, look.shape, p, r);
  if (look.idle) {
    ctx.fillStyle = IDLE;
    ctx.fill();
    return;
  }
  if (look.later) {
    ctx.fillStyle = "rgba(255, 255, 255, 0.85)";
    ctx.fill();
    strokeLook(ctx, { color: PALE, weight: r < 3 ? 0.8 : 1.4 });
    return;
  }
  ctx.fillStyle = look.made ? blend(look.colour, "#ffffff", 0.14) : look.colour;
  ctx.fill();
  if (r >= 2) paintEdge(ctx, look, p, r);
  if (look.mark && r >= MARK_FROM) {
    paintMark(ctx, look.mark, p, { r, colour: isPale(look.colour) ? "#3c3c3c" : "#fff" });
  }
  if (look.tie) paintTie(ctx, look, p, r);
}

function paintEdge(ctx, look, p, r) {
  const dark = blend(look.colour, "#000000", 0.5);
  if (look.made && r >= 6) {
    trace(ctx, look.shape, p, r + 1.2);
    strokeLook(ctx, { color: "#fff", weight: 1 });
    trace(ctx, look.shape, p, r);
  }
  if (look.made && r >= 4) strokeLook(ctx, { color: dark, weight: 1.2, dashArray: "3 2", lineCap: "butt" });
  else if (look.made || isPale(look.colour)) strokeLook(ctx, { color: dark, weight: 0.7, dashArray: look.made ? "1.5 1" : null, lineCap: "butt" });
  else strokeLook(ctx, { color: "#fff", weight: r < 4 ? 0.8 : 1.3 });
}

function paintTie(ctx, look, p, r) {
  const weight = Math.min(Math.max(r * 0.32, 1.2), 3);
  ctx.save();
  ctx.beginPath();
  ctx.rect(p.x, p.y - 2 * r - 9, 2 * r + 9, 4 * r + 18);
  ctx.clip();
  trace(ctx, look.shape, p, r + weight / 2 + 0.8);
  strokeLook(ctx, { color: "#fff", weight: weight + 1.6, lineCap: "butt" });
  trace(ctx, look.shape, p, r + weight / 2 + 0.8);
  strokeLook(ctx, { color: look.tie, weight, lineCap: "butt" });
  ctx.restore();
}

const SOURCE_SHAPES = { district_heating: "square", gas: "diamond", biomass: "hexagon" };
const SOURCE_COLOURS = { district_heating: "#8f1219", gas: "#b06f00", biomass: "#1f6b23" };
const SOURCE_RADIUS = 8.5;
const DOT_BELOW = 4.5; // a smaller sign of a source is plain, without a gauge [px]

function sourceLook(route) {
  return { shape: pick(SOURCE_SHAPES, route, "triangle"), fillColor: pick(SOURCE_COLOURS, route, "#123a86") };
}

function sourceKind(route) {
  return pick(SOURCE_SHAPES, route, null) ? route : "electricity";
}

// Share of its capacity that a source gives away, or null where nobody says.
function usedShare(source) {
  if (typeof source.used !== "number" || !(source.capacity > 0)) return null;
  return Math.min(Math.max(source.used / source.capacity, 0), 1);
}

// A source is its own gauge: filled from below as far as its capacity is used, pale where nobody says.
function paintSource(ctx, look, p, { share, r }) {
  if (r < DOT_BELOW) {
    trace(ctx, look.shape, p, r);
    ctx.fillStyle = look.fillColor;
    ctx.fill();
    return;
  }
  trace(ctx, look.shape, p, r + 1.6);
  ctx.fillStyle = "#fff";
  ctx.fill();
  trace(ctx, look.shape, p, r);
  ctx.save();
  ctx.clip();
  const lift = look.shape === "triangle" ? r * 0.2 : 0;
  const [top, bottom] = {
    square: [-0.886, 0.886], triangle: [-1.4, 0.7], diamond: [-1.25, 1.25], hexagon: [-1.1, 1.1],
  }[look.shape].map((part) => p.y + lift + part * r);
  ctx.fillStyle = share === null ? blend(look.fillColor, "#ffffff", 0.6) : look.fillColor;
  const level = bottom - (share === null ? 1 : share) * (bottom - top);
  ctx.fillRect(p.x - 2 * r, level, 4 * r, bottom - level + 2);
  ctx.restore();
  trace(ctx, look.shape, p, r);
  ctx.lineJoin = "round";
  strokeLook(ctx, { color: look.fillColor, weight: 1.8 });
}

// How each line and area class of the base map looks; a second stroke is drawn on top of the first.
const LOOKS = {
  boundary: [
    { color: "#fff", weight: 5, fill: true, fillColor: "#fcfbf7", fillOpacity: 1 },
    { color: "#7c6f8c", weight: 1.6, dashArray: "10 4 2 4" },
  ],
  towns: [{ color: "#cfc8d6", weight: 1, dashArray: "4 3" }],
  no_coal: [{ color: "#9c86b8", weight: 1.2, dashArray: "2 3", fill: true, fillColor: "#9c86b8", fillOpacity: 0.08 }],
  no_dig: [{ color: "#a0806a", weight: 1.2, dashArray: "2 3", fill: true, fillColor: "#a0806a", fillOpacity: 0.08 }],
  plain: [{ color: "#c6cdb4", weight: 1, dashArray: "2 3", fill: true, fillColor: "#c6cdb4", fillOpacity: 0.15 }],
  mountain: [{ color: "#b9ab90", weight: 1, dashArray: "2 3", fill: true, fillColor: "#b9ab90", fillOpacity: 0.18 }],
  rivers: [{ color: "#a9cce3", weight: 3 }],
  roads: [{ color: "#ddd6c9", weight: 1.2 }],
  railways: [
    { color: "#9aa0a6", weight: 3, lineCap: "butt" },
    { color: "#fff", weight: 1.8, dashArray: "7 7", lineCap: "butt" },
  ],
};

// A small canvas that shows one sign or line as the map draws it.
function swatch(width, height, paint) {
  const canvas = el("canvas", { width: width * 3, height: height * 3, "aria-hidden": "true" });
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const ctx = canvas.getContext("2d");
  ctx.scale(3, 3);
  paint(ctx, width, height);
  return canvas;
}

function strokeLook(ctx, look) {
  ctx.setLineDash(look.dashArray ? look.dashArray.split(" ").map(Number) : []);
  ctx.lineWidth = look.weight;
  ctx.strokeStyle = look.color;
  ctx.lineCap = look.lineCap || "round";
  ctx.stroke();
}

function villageSwatch(look, radius) {
  const full = { shape: "circle", colour: "#7d8790", ...look };
  return swatch(22, 18, (ctx, w, h) => paintVillage(ctx, full, { x: w / 2, y: h / 2 }, radius));
}

function sourceSwatch(look, share) {
  return swatch(22, 18, (ctx, w, h) => paintSource(ctx, look, { x: w / 2, y: h / 2 }, { share, r: 6.3 }));
}

function lineSwatch(looks) {
  return swatch(26, 18, (ctx, w, h) => {
    for (const look of looks) {
      ctx.beginPath();
      if (look.fill) {
        ctx.rect(3, 3, w - 6, h - 6);
        ctx.globalAlpha = Math.max(look.fillOpacity, 0.2);
        ctx.fillStyle = look.fillColor;
        ctx.fill();
        ctx.globalAlpha = 1;
      } else {
        ctx.moveTo(2, h / 2);
        ctx.lineTo(w - 2, h / 2);
      }
      strokeLook(ctx, look);
    }
  });
}
