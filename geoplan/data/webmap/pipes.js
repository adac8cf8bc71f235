// Pipes: mains and new pipes, as wide as their diameter, new heat pipes darker the fuller they run.

const LOADING = [
  { id: "low", below: 0.6, colour: "#f0a189" },
  { id: "middle", below: 0.85, colour: "#d3231c" },
  { id: "high", below: Infinity, colour: "#560a3c" },
];
const MAINS = { heat_mains: { colour: "#8f1219", bare: 350 }, gas_mains: { colour: "#b06f00", bare: 100 } };
const MANY_PIPES = 1500; // more than this in view are drawn as plain thin lines, the shortest not at all
const SHORTEST = 6; // [px]
const LATER_PIPE = { color: PALE, weight: 1.2, dashArray: "4 3", lineCap: "butt" };

// Width of a pipe on the map by its diameter. [px]
function pipeWidth(dn, bare) {
  return 0.9 + Math.sqrt(dn || bare || 80) / 5.5;
}

function loadingClass(loading) {
  return LOADING.find((one) => loading < one.below);
}

function pipeLooks(pipe) {
  const { colour: color, weight, planned } = pipe;
  const dashed = planned ? { dashArray: `${Math.max(7, 2 * weight)} ${Math.max(4.5, weight)}`, lineCap: "butt" } : {};
  return [{ color: "#fff", weight: weight + 2 }, { color, weight, ...dashed }];
}

function Pipes(page) {
  const words = page.words;
  const places = new Map(page.villageRows.map((village) => [village.village_id, village.index]));
  const list = [...mains(), ...links()].filter((pipe) => pipe.paths.length);

  function shaped(row, rest) {
    const parts = row.path.filter((steps) => steps.length > 3).map(worldPath);
    const box = [0, 1, 2, 3].map((side) => (side < 2 ? Math.min : Math.max)(...parts.map((part) => part.box[side])));
    const paths = parts.map((part) => part.flat);
    return { ...rest, paths, box, year: row.year || null };
  }

  function mains() {
    return Object.keys(MAINS).filter((stem) => page.shapes[stem]).flatMap((stem) => rows(page.shapes[stem]).map((row) => {
      const status = row.status === "planned" ? "planned" : "existing";
      const { colour, bare } = MAINS[stem];
      return shaped(row, {
        group: `${stem}_${status}`, colour, planned: status === "planned", weight: pipeWidth(row.dn_mm, bare), village: -1,
        tip: () => [row.name || page.layers[stem], `${page.layers[stem]} · ${words[status]}`,
          [row.dn_mm && `DN ${row.dn_mm}`, row.pressure_class, row.year].filter(Boolean).join(" · ")],
      });
    }));
  }

  function links() {
    return rows(page.links).filter((row) => page.routes[row.route]).map((row) => {
      const route = page.routes[row.route];
      const { loading } = row;
      const tells = route.id === "district_heating" && typeof loading === "number";
      return shaped(row, {
        group: `links:${route.id}`, dn: row.dn_mm, loading: tells ? loading : null, route: row.route,
        colour: tells ? loadingClass(loading).colour : route.colour,
        weight: pipeWidth(row.dn_mm), village: places.has(row.to_id) ? places.get(row.to_id) : -1,
        tip: () => linkTip(route, row),
      });
    }).sort((a, b) => b.weight - a.weight);
  }

  function linkTip(route, row) {
    const flow = row.flow_mw ? `${number(row.flow_mw, 2)} MW` : row.flow_m3_per_day ? `${number(row.flow_m3_per_day)} m³/d` : "";
    const size = row.dn_mm ? `DN ${row.dn_mm}` : "";
    const load = typeof row.loading === "number" ? `${words.map_loading} ${number(row.loading * 100)} %` : "";
    const to = places.has(row.to_id) ? page.villages.name[places.get(row.to_id)] : "";
    return [`${route.label} · ${words.new_pipes}${to ? ` → ${to}` : ""}`,
      [size, `${number(row.length_m)} m`, flow].filter(Boolean).join(" · "),
      [load, row.year && fill(words.year, row.year)].filter(Boolean).join(" · ")];
  }

  // How a pipe stands under the filter: 0 not at all, 1 as it is, 2 later than the slider's year, 3 faint.
  function state(pipe) {
    const { routes, year } = page.filter;
    if (pipe.route !== undefined && routes && !routes.has(pipe.route)) return 0;
    if (year !== null && pipe.year !== null && pipe.year > year) return 2;
    return pipe.village >= 0 && !page.shown[pipe.village] ? 3 : 1;
  }

  function inView(pipe, view) {
    return view.on(pipe.group) && boxesMeet(pipe.box, view);
  }

  // Strokes of one look are one path: casings first, then the pipes themselves.
  function draw(ctx, view) {
    const strokes = new Map();
    const put = (level, look, pipe, alpha) => {
      const key = `${level}${look.color}${look.weight}${look.dashArray || ""}${alpha}`;
      if (!strokes.has(key)) strokes.set(key, { level, look, alpha, pipes: [] });
      strokes.get(key).pipes.push(pipe);
    };
    const near = list.filter((pipe) => inView(pipe, view));
    const many = near.length > MANY_PIPES;
    const long = ({ box: [x0, y0, x1, y1] }) => (x1 - x0 + y1 - y0) * view.scale > SHORTEST;
    for (const pipe of many ? near.filter(long) : near) {
      const now = state(pipe);
      if (now === 2) put(0, LATER_PIPE, pipe, 1);
      if (now === 3) put(0, { ...pipeLooks(pipe)[1], weight: 1.6 }, pipe, 0.3);
      if (now !== 1) continue;
      const [casing, line] = pipeLooks({ ...pipe, weight: pipe.weight * view.thick });
      if (!many) put(1, casing, pipe, 1);
      put(2, many ? { ...line, weight: Math.min(line.weight, 2), lineCap: "butt" } : line, pipe, 1);
    }
    ctx.lineJoin = many ? "bevel" : "round";
    for (const { look, alpha, pipes } of [...strokes.values()].sort((a, b) => a.level - b.level)) {
      ctx.globalAlpha = alpha;
      ctx.beginPath();
      for (const pipe of pipes) {
        for (const flat of pipe.paths) tracePath(ctx, flat, view);
      }
      strokeLook(ctx, look);
    }
    ctx.globalAlpha = 1;
  }

  // The pipe under a place of the canvas, the narrowest where several run there.
  function hit(x, y, { view, slack }) {
    const wx = (x + view.ox) / view.scale;
    const wy = (y + view.oy) / view.scale;
    for (let i = list.length - 1; i >= 0; i -= 1) {
      const pipe = list[i];
      const reach = (slack + (pipe.weight * view.thick) / 2) / view.scale;
      const [x0, y0, x1, y1] = pipe.box;
      const near = wx > x0 - reach && wx < x1 + reach && wy > y0 - reach && wy < y1 + reach;
      if (near && view.on(pipe.group) && state(pipe) && pipe.paths.some((flat) => touchesPath(flat, { wx, wy, reach }))) return pipe;
    }
    return null;
  }

  function touchesPath(flat, { wx, wy, reach }) {
    for (let i = 0; i + 3 < flat.length; i += 2) {
      const [dx, dy] = [flat[i + 2] - flat[i], flat[i + 3] - flat[i + 1]];
      const along = ((wx - flat[i]) * dx + (wy - flat[i + 1]) * dy) / (dx * dx + dy * dy || 1);
      const part = Math.min(Math.max(along, 0), 1);
      if (Math.hypot(wx - flat[i] - part * dx, wy - flat[i + 1] - part * dy) < reach) return true;
    }
    return false;
  }

  return { list, draw, hit };
}
