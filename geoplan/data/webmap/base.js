// The base map: areas and lines that nobody points at, on a sheet of their own below the marks.

const LINES_AT_ONCE = 300; // one stroke of a hundred thousand lines takes a canvas far longer than the same in parts
const LEAST_LINE = 1.5; // lines shorter than this on the screen are left out [px]
const LONG_LINE = 5; // and shorter than this where there are many
const MANY_LINES = 3000;
const MANY_AREAS = 40;

const BaseMap = Sheet.extend({
  name: "gp-base",

  initialize(page, isOn) {
    Sheet.prototype.initialize.call(this, {});
    this._isOn = isOn;
    this.roadWeight = 1;
    this.shown = true;
    this.classes = [];
    for (const [stem, table] of Object.entries(page.shapes)) if (!pick(MAINS, stem, null)) this._read(stem, rows(table));
  },

  _read(stem, shapes) {
    const classes = new Map();
    for (const { kind, path } of shapes) {
      const key = kind ? `zones:${kind}` : stem;
      const looks = pick(LOOKS, kind || stem, pick(LOOKS, stem, LOOKS.plain));
      if (!classes.has(key)) classes.set(key, { key, looks, features: [] });
      classes.get(key).features.push(path.filter((steps) => steps.length > 3).map(worldPath));
    }
    this.classes.push(...classes.values());
  },

  paint(ctx, view) {
    for (const { key, looks, features } of this.classes) {
      if (!this._isOn(key)) continue;
      const near = (least) => features.map((paths) => paths.filter(({ box }) => boxesMeet(box, view)
        && (box[2] - box[0] + box[3] - box[1]) * view.scale > least)).filter((paths) => paths.length);
      const seen = near(LEAST_LINE);
      const many = seen.length > (looks[0].fill ? MANY_AREAS : MANY_LINES);
      ctx.lineJoin = many ? "bevel" : "round";
      for (const look of many ? [plainer(looks)] : looks) {
        if (look.fill) this._areas(ctx, view, { look, features: seen, filled: key !== "boundary" || this.shown });
        else this._lines(ctx, view, { look: key === "roads" ? { ...look, weight: this.roadWeight } : look, features: many ? near(LONG_LINE) : seen });
      }
    }
  },

  _areas(ctx, view, { look, features, filled }) {
    for (const rings of features) {
      ctx.beginPath();
      for (const { flat } of rings) {
        tracePath(ctx, flat, view);
        ctx.closePath();
      }
      if (filled) {
        ctx.globalAlpha = look.fillOpacity;
        ctx.fillStyle = look.fillColor;
        ctx.fill("evenodd");
        ctx.globalAlpha = 1;
      }
      strokeLook(ctx, look);
    }
  },

  _lines(ctx, view, { look, features }) {
    let open = 0;
    ctx.beginPath();
    for (const { flat } of features.flat()) {
      tracePath(ctx, flat, view);
      open += 1;
      if (open < LINES_AT_ONCE) continue;
      strokeLook(ctx, look);
      ctx.beginPath();
      open = 0;
    }
    strokeLook(ctx, look);
  },
});

// One quick stroke for a class of which there is very much in view: its last look without dashes and round ends.
function plainer(looks) {
  const last = looks[looks.length - 1];
  return { ...looks[0], color: last.color, weight: Math.min(last.weight, 1), dashArray: null, lineCap: "butt" };
}
