// Helpers of the page, and the signs of the map: the legend paints with the very functions of the map.

const INK = "#2f3b45";

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
  return document.getElementById(id);
}

function fill(pattern, value) {
  return pattern.split("{}").join(value);
}

// A table's own entry; names that come from data never reach what every object inherits.
function pick(table, key, otherwise) {
  return Object.prototype.hasOwnProperty.call(table, key) ? table[key] : otherwise;
}

function number(value, digits) {
  return new Intl.NumberFormat("en-US", { maximumFractionDigits: digits || 0 }).format(value);
}

// Rows [{...}] of a table that travelled as one array per column.
function rows(table) {
  const names = Object.keys(table);
  const count = names.length ? table[names[0]].length : 0;
  return Array.from({ length: count }, (_, i) => {
    const row = {};
    for (const name of names) row[name] = table[name][i];
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
  return [1, 3, 5].every((at) => parseInt(colour.slice(at, at + 2), 16) > 190);
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

const Sign = L.CircleMarker.extend({
  options: { shape: "circle" },
  _updatePath() {
    const renderer = this._renderer;
    if (!renderer._drawing || this._empty()) return;
    trace(renderer._ctx, this.options.shape, this._point, Math.max(this._radius, 1));
    renderer._fillStroke(renderer._ctx, this);
  },
});

const SOURCE_SHAPES = { district_heating: "square", gas: "diamond", biomass: "hexagon" };
const SOURCE_COLOURS = { district_heating: "#8f1219", gas: "#c47a00", biomass: "#1f6b23" };

function sourceLook(route) {
  return {
    shape: pick(SOURCE_SHAPES, route, "triangle"),
    fillColor: pick(SOURCE_COLOURS, route, "#123a86"),
    fillOpacity: 1,
    color: "#fff",
    weight: 2,
    radius: 8,
  };
}

function villageLook(village) {
  if (!village.households) {
    return { shape: village.shape, fillColor: "#fff", fillOpacity: 0.7, color: "#8b9299", weight: 1.5 };
  }
  const { shape, colour } = village;
  if (village.made) {
    return { shape, fillColor: blend(colour, "#ffffff", 0.22), fillOpacity: 1, color: blend(colour, "#000000", 0.5), weight: 1.3, dashArray: "3 2.5" };
  }
  return { shape, fillColor: colour, fillOpacity: 1, color: isPale(colour) ? "#8b9299" : "#fff", weight: 1.1 };
}

// How each line and area class looks; a second stroke is drawn on top of the first.
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
  heat_mains_existing: [{ color: "#fff", weight: 5.5 }, { color: "#8f1219", weight: 3 }],
  heat_mains_planned: [{ color: "#fff", weight: 5.5 }, { color: "#8f1219", weight: 3, dashArray: "8 6", lineCap: "butt" }],
  gas_mains_existing: [{ color: "#fff", weight: 5 }, { color: "#b06f00", weight: 2.4 }],
  gas_mains_planned: [{ color: "#fff", weight: 5 }, { color: "#b06f00", weight: 2.4, dashArray: "7 6", lineCap: "butt" }],
};

// A new pipe: the route's colour, thicker with the diameter.
function pipeLook(colour, dn) {
  const weight = 1.4 + Math.min(dn || 80, 1000) / 110;
  return [{ color: "#fff", weight: weight + 2 }, { color: colour, weight }];
}

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

function signSwatch(look, radius) {
  return swatch(22, 18, (ctx, w, h) => {
    trace(ctx, look.shape || "circle", { x: w / 2, y: h / 2 }, radius);
    ctx.globalAlpha = look.fillOpacity;
    ctx.fillStyle = look.fillColor;
    ctx.fill();
    ctx.globalAlpha = 1;
    strokeLook(ctx, look);
  });
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
