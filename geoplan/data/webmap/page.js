// The page: groups of signs on one canvas, and what happens when the reader does something.

const NARROW = 900;
const CLOSE_UP = 14;

function coverage(map, page) {
  const words = page.words;
  const groups = new Map();
  const stack = [];
  const renderer = L.canvas({ padding: 0.3, tolerance: 4 });
  const ring = L.circleMarker([0, 0], { renderer, interactive: false, fill: false, color: INK, weight: 2.5 });
  let scale = 1;
  let selected = null;

  prepare(page);
  document.title = page.title;
  document.documentElement.lang = page.lang === "zh" ? "zh-CN" : "en";
  document.body.classList.add("gp");
  L.Browser.retina = true; // the canvas at twice the resolution stays sharp on paper

  page.radius = (households) => Math.max(2.4, scale * Math.sqrt(households));
  page.toggle = toggle;
  page.choose = choose;
  page.unselect = () => {
    selected = null;
    ring.remove();
  };

  drawShapes();
  if (page.townRows.length) group("towns");
  drawLinks();
  const spots = drawVillages();
  const signs = drawSources();
  addTiles();
  page.legendParts = legendParts();

  const panel = Panel(page, refit);
  const legend = Legend(page, refit);
  Search(page, (hit) => (hit.town ? showTown(hit.town) : choose(hit.village)));
  const labels = new Labels(candidates, { signs, spots });
  furnish();

  map.invalidateSize({ animate: false });
  whole();
  const firstZoom = map.getZoom();
  const baseScale = villageScale();
  for (const group of groups.values()) group.addTo(map);
  labels.addTo(map);
  resize();
  map.on("zoomend", resize);

  function group(key) {
    if (!groups.has(key)) groups.set(key, L.featureGroup());
    return groups.get(key);
  }

  // The paths of one class: casings first, then the strokes, one by one where they have something to say.
  function draw(key, looks, paths, tips) {
    looks.forEach((look, i) => {
      const last = i === looks.length - 1;
      const style = { renderer, interactive: false, fill: false, lineJoin: "round", ...look };
      const make = look.fill ? L.polygon : L.polyline;
      if (!last || !tips) {
        add(key, make(paths.flat(), style));
        return;
      }
      paths.forEach((path, at) => {
        const line = make(path, { ...style, interactive: true });
        if (tips[at].length) line.bindTooltip(() => tip(tips[at]), { sticky: true });
        add(key, line);
      });
    });
  }

  function add(key, layer) {
    group(key).addLayer(layer);
    stack.push(layer);
    return layer;
  }

  function tip([title, ...lines]) {
    return el("div", null, el("b", null, title), ...lines.map((line) => el("div", null, line)));
  }

  function drawShapes() {
    for (const [stem, table] of Object.entries(page.shapes)) {
      const classes = new Map();
      for (const row of rows(table)) {
        const kind = row.kind || (stem.endsWith("_mains") ? `${stem}_${standing(row)}` : stem);
        const key = row.kind ? `zones:${kind}` : kind;
        if (!classes.has(key)) classes.set(key, { kind, features: [] });
        classes.get(key).features.push(row);
      }
      for (const [key, { kind, features }] of classes) {
        const tips = stem.endsWith("_mains") ? features.map((row) => mainTip(stem, row)) : null;
        draw(key, pick(LOOKS, kind, pick(LOOKS, stem, LOOKS.plain)), features.map((row) => row.path.map(unfold)), tips);
      }
    }
  }

  function standing(main) {
    return main.status === "planned" ? "planned" : "existing";
  }

  function mainTip(stem, row) {
    const title = row.name || page.layers[stem];
    const detail = [row.dn_mm && `DN ${row.dn_mm}`, row.pressure_class, row.year].filter(Boolean).join(" · ");
    return [title, `${page.layers[stem]} · ${words[standing(row)]}`, detail].filter(Boolean);
  }

  function drawLinks() {
    const links = rows(page.links).sort((a, b) => (b.dn_mm || 0) - (a.dn_mm || 0));
    for (const route of page.routes) {
      const own = links.filter((link) => page.routes[link.route] === route);
      const looks = own.map((link) => pipeLook(route.colour, link.dn_mm));
      for (const layer of [0, 1]) {
        own.forEach((link, i) => {
          const tips = layer ? [linkTip(route, link)] : null;
          draw(`links:${route.id}`, [looks[i][layer]], [link.path.map(unfold)], tips);
        });
      }
    }
  }

  function linkTip(route, link) {
    const flow = link.flow_mw ? `${number(link.flow_mw, 2)} MW` : link.flow_m3_per_day ? `${number(link.flow_m3_per_day)} m³/d` : "";
    const size = link.dn_mm ? `DN ${link.dn_mm}` : "";
    return [`${route.label} · ${words.new_pipes}`, [size, `${number(link.length_m)} m`, flow].filter(Boolean).join(" · ")];
  }

  function drawVillages() {
    const located = page.villageRows.filter((v) => v.lat !== null);
    located.sort((a, b) => (b.households || 0) - (a.households || 0) || a.index - b.index);
    return located.map((village) => {
      const spot = new Sign([village.lat, village.lon], { renderer, radius: 5, ...villageLook(village) });
      spot.village = village;
      spot.bindTooltip(() => tip([village.name,
        `${number(village.households || 0)} ${words.households} · ${page.routes[village.route].label}`]), { sticky: true });
      spot.on("click", () => choose(village, true));
      return add(village.households ? `route:${page.routes[village.route].id}` : "idle", spot);
    });
  }

  function drawSources() {
    return page.sourceRows.filter((s) => s.lat !== null && s.lat !== undefined).map((source) => {
      const sign = new Sign([source.lat, source.lon], { renderer, ...sourceLook(source.route) });
      sign.source = source;
      sign.bindTooltip(() => tip([source.name || source.source_id, loadText(source, page)]), { sticky: true });
      sign.on("click", () => panel.source(source));
      return add(`sources:${sourceKind(source.route)}`, sign);
    });
  }

  function addTiles() {
    if (!page.tiles.length) return;
    for (const url of page.tiles) group("tiles").addLayer(L.tileLayer(url, { subdomains: "01234567", maxZoom: 18 }));
    fillLand(0);
  }

  function fillLand(opacity) {
    if (groups.has("boundary")) group("boundary").setStyle({ fillOpacity: opacity });
  }

  function legendParts() {
    const present = (items) => items.filter((item) => groups.has(item.key));
    const main = (stem, status) => ({
      key: `${stem}_${status}`,
      sign: lineSwatch(LOOKS[`${stem}_${status}`]),
      label: `${page.layers[stem]} · ${words[status]}`,
    });
    const source = (route, stem) => ({ key: `sources:${route}`, sign: signSwatch(sourceLook(route), 6.5), label: page.layers[stem] });
    const plain = (stem) => ({ key: stem, sign: lineSwatch(LOOKS[stem]), label: page.layers[stem] });
    const zone = (key) => {
      const kind = key.slice("zones:".length);
      return { key, sign: lineSwatch(pick(LOOKS, kind, LOOKS.plain)), label: pick(words, kind, kind) };
    };
    const pipes = page.routes.map((r) => ({ key: `links:${r.id}`, sign: lineSwatch(pipeLook(r.colour, 250)), label: r.label }));
    const town = { key: "towns", sign: swatch(26, 18, townSign), label: page.layers.towns };
    return [
      { title: words.new_pipes, items: present(pipes), look: "gp-pairs" },
      {
        title: words.networks,
        items: present([
          main("heat_mains", "existing"), main("heat_mains", "planned"),
          main("gas_mains", "existing"), main("gas_mains", "planned"),
        ]),
      },
      {
        title: "",
        look: "gp-pairs",
        items: present([
          source("district_heating", "heat_sources"), source("gas", "gas_stations"),
          source("electricity", "substations"), source("biomass", "biomass_supply"),
        ]),
      },
      {
        title: words.base,
        look: "gp-pairs",
        items: present([
          plain("roads"), plain("railways"), plain("rivers"), town, plain("boundary"),
          ...[...groups.keys()].filter((key) => key.startsWith("zones:")).sort().map(zone),
          { key: "tiles", sign: el("span", { class: "gp-tile-sign" }), label: words.tiles },
        ]),
      },
    ];
  }

  function townSign(ctx, width, height) {
    ctx.font = `600 11px ${LABEL_FONT}`;
    ctx.textAlign = "center";
    ctx.textBaseline = "middle";
    ctx.fillStyle = INK;
    ctx.fillText(page.lang === "zh" ? "镇" : "Tn", width / 2, height / 2 + 0.5);
  }

  // Labels that may be shown now, the most important first.
  function* candidates() {
    const on = (key) => groups.has(key) && map.hasLayer(groups.get(key));
    if (on("towns")) for (const t of page.townRows) yield { kind: "town", text: t.name, latlng: [t.lat, t.lon], always: true };
    for (const sign of signs) {
      if (!map.hasLayer(sign)) continue;
      const { source } = sign;
      yield { kind: "source", text: source.name || source.source_id, sub: loadText(source, page), latlng: sign.getLatLng(), gap: 12, always: source.route === "district_heating" };
    }
    if (on("rivers")) for (const river of page.riverNames) yield { kind: "river", once: river.text, ...river };
    if (map.getZoom() < VILLAGE_ZOOM) return;
    const view = map.getBounds();
    const near = spots.filter((spot) => map.hasLayer(spot) && view.contains(spot.getLatLng())).slice(0, MOST_VILLAGES);
    for (const spot of near) {
      yield { kind: "village", text: spot.village.name, latlng: spot.getLatLng(), gap: spot.getRadius() + 3 };
    }
  }

  // Radius of one household at the first view: a large village takes a fair share of its room.
  function villageScale() {
    const [south, west, north, east] = page.bounds;
    const room = map.latLngToContainerPoint([south, east]).subtract(map.latLngToContainerPoint([north, west]));
    const each = Math.sqrt(Math.max(room.x * room.y, 1) / Math.max(spots.length, 1));
    return Math.min(Math.max(0.23 * each, 4), 14) / Math.sqrt(page.largeVillage);
  }

  function resize() {
    const closer = map.getZoom() - firstZoom;
    scale = baseScale * Math.min(Math.max(2 ** (closer * 0.35), 0.6), 2.5);
    if (groups.has("roads")) group("roads").setStyle({ weight: Math.min(Math.max(1.2 + 0.5 * closer, 1), 3) });
    for (const spot of spots) spot.setRadius(spot.village.households ? page.radius(spot.village.households) : 3);
    if (selected && selected.lat !== null) ring.setRadius(page.radius(selected.households || 0) + 4);
    legend.drawSizes();
    labels.place();
  }

  // Canvas order is order of adding: after a switch everything goes back to its place.
  function toggle(key, on) {
    if (on) group(key).addTo(map);
    else group(key).remove();
    if (key === "tiles") fillLand(on ? 0 : 1);
    for (const layer of stack) if (map.hasLayer(layer)) layer.bringToFront();
    if (map.hasLayer(ring)) ring.bringToFront();
    labels.place();
  }

  function choose(village, keepView) {
    selected = village;
    panel.village(village);
    if (village.lat === null) {
      ring.remove();
      return;
    }
    const at = [village.lat, village.lon];
    ring.setLatLng(at).setRadius(page.radius(village.households || 0) + 4).addTo(map).bringToFront();
    if (keepView) map.panInside(at, { padding: [60, 60] });
    else map.setView(at, Math.max(map.getZoom(), CLOSE_UP));
  }

  function showTown(town) {
    const places = town.villages.filter((v) => v.lat !== null).map((v) => [v.lat, v.lon]);
    if (places.length) map.fitBounds(places, { padding: [40, 40], maxZoom: CLOSE_UP });
  }

  function whole() {
    const [south, west, north, east] = page.bounds;
    map.fitBounds([[south, west], [north, east]], { padding: [26, 26], maxZoom: 16, animate: false });
  }

  function refit() {
    map.invalidateSize({ animate: false });
    if (selected && selected.lat !== null) map.panInside([selected.lat, selected.lon], { padding: [60, 60], animate: false });
  }

  // Title, totals, controls, keys and paper.
  function furnish() {
    byId("gp-title").textContent = page.title;
    const notes = [...page.notes, ...(page.tiles.length ? [words.tiles_credit] : [])];
    byId("gp-notes").append(...notes.map((note) => el("span", null, note)));
    byId("gp-totals").append(el("span", null, words.in_plan), el("b", null, number(page.totals.households)), words.households,
      el("b", null, number(page.totals.villages)), words.villages);
    byId("gp-n").textContent = words.north;
    byId("gp-north").setAttribute("aria-label", words.north_label);
    const home = el("button", { type: "button", id: "gp-whole" }, words.whole);
    home.addEventListener("click", whole);
    byId("gp-chips").append(home);
    const container = map.getContainer();
    container.setAttribute("role", "region");
    container.setAttribute("aria-label", words.map);
    container.append(byId("gp-north"), byId("gp-chips"));
    L.DomEvent.disableClickPropagation(byId("gp-chips"));
    L.control.zoom({ position: "topright", zoomInTitle: words.zoom_in, zoomOutTitle: words.zoom_out }).addTo(map);
    L.control.scale({ position: "bottomright", imperial: false, maxWidth: 140 }).addTo(map);
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape") panel.hide();
    });
    window.addEventListener("beforeprint", () => paper(true));
    window.addEventListener("afterprint", () => paper(false));
  }

  // On paper the same extent fills an A3 sheet; the screen comes back as it was.
  let screen = null;
  function paper(on) {
    if (on && !screen) screen = { center: map.getCenter(), zoom: map.getZoom(), bounds: map.getBounds() };
    document.body.classList.toggle("gp-paper", on);
    map.invalidateSize({ animate: false, pan: false });
    if (on) map.fitBounds(screen.bounds, { animate: false });
    else if (screen) {
      map.setView(screen.center, screen.zoom, { animate: false });
      screen = null;
    }
  }

  // For a page that embeds this one, and for tests.
  window.coverage = { map, groups, page, choose, toggle };
}

function sourceKind(route) {
  return pick(SOURCE_SHAPES, route, null) ? route : "electricity";
}

// Rows of the tables, and the sums that the title and the legend show.
function prepare(page) {
  page.villageRows = rows(page.villages);
  page.villageRows.forEach((village, index) => {
    village.index = index;
    village.colour = (page.routes[village.route] || { colour: "#888888" }).colour;
    village.shape = village.dwelling === "apartment" ? "square" : "circle";
  });
  page.optionRows = rows(page.options);
  page.sourceRows = rows(page.sources);
  page.townRows = rows(page.towns).filter((town) => town.lat !== null && town.name);
  page.optionRange = new Map();
  page.optionRows.forEach((option, i) => {
    const [from] = page.optionRange.get(option.village) || [i];
    page.optionRange.set(option.village, [from, i + 1]);
  });
  const busy = page.villageRows.filter((v) => v.households);
  const sum = (list) => list.reduce((total, v) => total + v.households, 0);
  page.shownRoutes = page.routes.map((route, i) => {
    const own = busy.filter((v) => v.route === i);
    return { ...route, villages: own.length, households: sum(own) };
  }).filter((route) => route.households > 0);
  page.totals = {
    villages: page.villageRows.length,
    households: sum(busy),
    idle: page.villageRows.length - busy.length,
  };
  const sizes = busy.map((v) => v.households).sort((a, b) => a - b);
  page.largeVillage = sizes.length ? sizes[Math.floor(sizes.length * 0.95)] : 1;
  page.riverNames = riverNames(page.shapes.rivers);
}

// Places for the label of each river along its longest piece, the middle first.
function riverNames(table) {
  const longest = new Map();
  for (const river of table && table.name ? rows(table) : []) {
    const piece = river.path.reduce((a, b) => (b.length > a.length ? b : a), []);
    const known = longest.get(river.name);
    if (river.name && piece.length && (!known || piece.length > known.length)) longest.set(river.name, piece);
  }
  return [...longest].flatMap(([text, piece]) => {
    const points = unfold(piece);
    return [0.5, 0.35, 0.65, 0.2, 0.8].map((part) => ({ text, latlng: points[Math.floor(points.length * part)] }));
  });
}
