// The page: the base map, the marks on it, and what happens when the reader does something.

const CLOSE_UP = 14;
const LARGE_TEXT = 1.35;
const CROWDED = 9; // villages nearer to each other than this are dots, and names lie on them [px]
const SOURCE_ROOM = 55; // sources nearer to each other than this have smaller signs [px]
const MOST_SOURCES = 60; // source labels tried at once
const PHONE = 600; // a map narrower than this has smaller signs and fewer labels [px]
const PAPER_NAMES = 120; // villages tried for a name on a sheet of paper, the largest first
const FIRST_TOWNS = 25; // as many towns are named even where their names cover a village

function coverage(map, page) {
  const words = page.words;
  const own = ROOT === document;
  const groups = new Map();
  let selected = null;
  let following = null;

  HOST.classList.add("gp");
  if (own) {
    document.title = page.title;
    document.documentElement.lang = page.lang === "zh" ? "zh-CN" : "en";
  }
  prepare(page);
  Filter(page);
  Room();
  page.large = 1;
  page.thick = 1;
  page.signRadius = SOURCE_RADIUS;
  page.toggle = toggle;
  page.choose = choose;
  page.refit = refit;
  page.villageTip = villageTip;
  page.unselect = () => {
    selected = null;
    marks.selected = -1;
    marks.refresh();
    labels.refresh();
  };

  const isOn = (key) => key === null || (groups.has(key) && map.hasLayer(groups.get(key)));
  const land = new BaseMap(page, isOn);
  const marks = new Marks(page, {
    isOn,
    onVillage: (village) => choose(village, true),
    onSource: (source) => panel.source(source),
  });
  for (const { key } of land.classes) group(key);
  if (page.townRows.length) group("towns");
  for (const item of [...marks.pipes.list, ...marks.sources]) group(item.group);
  if (page.totals.idle) group("idle");
  addTiles();
  page.pipes = marks.pipes.list;
  page.legendParts = legendParts();
  page.radius = (households) => marks.radius(Math.sqrt(households));

  const panel = Panel(page, refit);
  const labels = new Labels(candidates, { marks, page });
  const legend = Legend(page, refit);
  Search(page, (hit) => (hit.town ? showTown(hit.town) : choose(hit.village)));
  furnish();
  FilterBar(page);
  page.county = Totals(page);
  Measure(page, map);
  Export(page);
  Paper(page, map);
  largeText();

  map.invalidateSize({ animate: false });
  whole(page.bounds);
  const firstZoom = map.getZoom();
  const spacing = spacingOf(marks.order.length);
  const sourceSpacing = spacingOf(marks.sources.length);
  const nameZoom = firstZoom + Math.max(Math.log2(95 / spacing), 0);
  marks.least = spacing < CROWDED ? 1.3 : 2.4;
  marks.most = spacing < CROWDED ? 12 : 26;
  page.mostRadius = marks.most;
  for (const layer of groups.values()) layer.addTo(map);
  resize();
  map.on("zoomend", resize);
  map.on("drag", follow);
  land.addTo(map);
  marks.addTo(map);
  marks.arrange();
  marks.draw();
  labels.addTo(map);
  labels.place();
  legend.draw();
  page.onFilter.push(() => {
    marks.refresh();
    labels.refresh();
    legend.draw();
  });
  Link(page, { choose, showTown });

  function group(key) {
    if (!groups.has(key)) groups.set(key, L.featureGroup());
    return groups.get(key);
  }

  function villageTip(village) {
    const route = routeOf(page, village);
    const other = village.tie ? page.routes.find((one) => one.id === village.runner_up) : null;
    return [
      `${village.name}${village.town ? ` · ${village.town}` : ""}`,
      [`${number(village.households || 0)} ${words.households}`, route.label, village.year && fill(words.year, village.year)].filter(Boolean).join(" · "),
      other ? fill(words.map_tie_tip, other.label) : "",
      village.made ? words.made_village : "",
    ];
  }

  function addTiles() {
    if (!page.tiles.length) return;
    for (const url of page.tiles) group("tiles").addLayer(L.tileLayer(url, { subdomains: "01234567", maxZoom: 18 }));
    land.shown = false;
  }

  function legendParts() {
    const present = (items) => items.filter((item) => groups.has(item.key));
    const main = (stem, status) => ({
      key: `${stem}_${status}`,
      sign: lineSwatch(pipeLooks({ colour: MAINS[stem].colour, weight: 3, planned: status === "planned" })),
      label: `${page.layers[stem]} · ${words[status]}`,
    });
    const source = (route, stem) => ({ key: `sources:${route}`, sign: sourceSwatch(sourceLook(route), 0.6), label: page.layers[stem] });
    const plain = (stem) => ({ key: stem, sign: lineSwatch(LOOKS[stem]), label: page.layers[stem] });
    const zone = (key) => {
      const kind = key.slice("zones:".length);
      return { key, sign: lineSwatch(pick(LOOKS, kind, LOOKS.plain)), label: pick(words, kind, kind) };
    };
    const pipes = page.routes.map((r) => ({ key: `links:${r.id}`, sign: lineSwatch(pipeLooks({ colour: r.colour, weight: 3.4 })), label: r.label }));
    const town = { key: "towns", sign: swatch(26, 18, townSign), label: page.layers.towns };
    return [
      { title: words.new_pipes, items: present(pipes), look: "gp-pairs", more: "pipes" },
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
        more: "sources",
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
    const name = (village) => ({
      kind: "village", text: page.villages.name[village], mark: L.point(marks.at(village)), gap: marks.radius(marks.root[village]) + (page.villages.tie[village] ? 7 : 3),
    });
    if (selected && selected.lat !== null) yield { ...name(selected.index), gap: page.radius(selected.households || 0) + 8, always: true };
    const [heat, others] = [[], []];
    const view = map.getBounds();
    for (const source of marks.shownSources().filter(({ row }) => view.contains([row.lat, row.lon]))) (source.row.route === "district_heating" ? heat : others).push(source);
    others.sort((a, b) => (b.share || 0) - (a.share || 0));
    for (const source of heat.slice(0, MOST_SOURCES)) yield { ...sourceLabel(source), always: heat.length <= FIRST_TOWNS };
    if (on("towns")) {
      for (const [rank, town] of page.townRows.entries()) {
        yield { kind: "town", text: town.name, latlng: [town.lat, town.lon], always: rank < FIRST_TOWNS, fixed: spacing < CROWDED };
      }
    }
    const close = map.getSize().x >= PHONE || map.getZoom() > firstZoom + 1;
    if (close && page.signRadius >= DOT_BELOW) for (const source of others.slice(0, MOST_SOURCES)) yield sourceLabel(source);
    if (on("rivers")) for (const river of page.riverNames) yield { kind: "river", once: river.text, ...river };
    const paper = HOST.classList.contains("gp-paper");
    if (map.getZoom() < nameZoom && !paper) return;
    for (const village of marks.inWindow(paper ? PAPER_NAMES : MOST_VILLAGES)) if (!selected || selected.index !== village) yield name(village);
  }

  function sourceLabel(source) {
    const { row } = source;
    return {
      kind: "source", text: row.name || row.source_id, sub: row.capacity > 0 ? loadText(row, page) : "", mark: L.point(marks.sourceAt(source)),
      gap: page.signRadius * 1.3 + 2,
    };
  }

  // Distance of so many places that would fill the view evenly. [px]
  function spacingOf(places) {
    const [south, west, north, east] = page.bounds;
    const room = map.latLngToContainerPoint([south, east]).subtract(map.latLngToContainerPoint([north, west]));
    return Math.sqrt(Math.max(room.x * room.y, 1) / Math.max(places, 1));
  }

  // A large village takes a fair share of its room; closer up everything grows slowly.
  function resize() {
    const closer = map.getZoom() - firstZoom;
    const base = Math.min(Math.max(0.23 * spacing, 2.2), 14) / Math.sqrt(page.largeVillage);
    const room = Math.min(Math.max((sourceSpacing * 2 ** closer) / SOURCE_ROOM, 0.2), 1);
    page.signRadius = SOURCE_RADIUS * page.large * room * (map.getSize().x < PHONE ? 0.75 : 1);
    marks.scale = base * Math.min(Math.max(2 ** (closer * (closer < 0 ? 0.7 : 0.35)), 0.5), 2.5) * Math.sqrt(page.large);
    page.thick = Math.min(Math.max(0.8 * 2 ** (closer * 0.2), 0.7), 1.2) * Math.sqrt(page.large);
    land.roadWeight = Math.min(Math.max(1.2 + 0.5 * closer, 0.6), 3);
    if (marks.view) marks.arrange();
    legend.drawSizes();
  }

  // A long drag runs out of what is drawn: draw on the way.
  function follow() {
    if (following) return;
    following = requestAnimationFrame(() => {
      following = null;
      if (!marks.covers()) for (const sheet of [land, marks]) sheet._update();
    });
  }

  function toggle(key, on) {
    if (on) group(key).addTo(map);
    else group(key).remove();
    if (key === "tiles") land.shown = !on;
    land.refresh();
    marks.refresh();
    labels.refresh();
  }

  function choose(village, keepView) {
    selected = village;
    marks.selected = village.index;
    panel.village(village);
    marks.refresh();
    labels.refresh();
    if (village.lat === null) return;
    const at = [village.lat, village.lon];
    if (keepView) map.panInside(at, { padding: [60, 60] });
    else map.setView(at, Math.max(map.getZoom(), CLOSE_UP));
  }

  function showTown(town) {
    const places = town.villages.filter((v) => v.lat !== null).map((v) => [v.lat, v.lon]);
    if (places.length) map.fitBounds(places, { padding: [40, 40], maxZoom: CLOSE_UP });
  }

  // Leaflet ends a zoom that runs wherever it was going, so this one waits for it.
  function whole([south, west, north, east]) {
    if (map._animatingZoom) {
      map.once("zoomend", () => whole([south, west, north, east]));
      return;
    }
    map.fitBounds([[south, west], [north, east]], { padding: [26, 26], maxZoom: 16, animate: false });
  }

  function refit() {
    map.invalidateSize({ animate: false });
    if (selected && selected.lat !== null) map.panInside([selected.lat, selected.lon], { padding: [60, 60], animate: false });
  }

  // Title, totals, controls and keys.
  function furnish() {
    byId("gp-title").textContent = page.title;
    const notes = [...page.notes, ...(page.tiles.length ? [words.tiles_credit] : [])];
    byId("gp-notes").append(...notes.map((note) => el("span", null, note)));
    const { villages, households, idle } = page.totals;
    byId("gp-totals").append(el("span", null, words.in_plan), el("b", null, number(households)), words.households,
      el("b", null, number(villages - idle)), idle ? words.with_task : words.villages, idle ? el("span", null, fill(words.in_all, number(villages))) : "");
    byId("gp-n").textContent = words.north;
    byId("gp-north").setAttribute("aria-label", words.north_label);
    chip("gp-whole", words.whole).addEventListener("click", () => whole(page.extent));
    const container = map.getContainer();
    container.setAttribute("role", "region");
    container.setAttribute("aria-label", `${words.map}${page.lang === "zh" ? "：" : ": "}${words.map_keys}`);
    container.append(byId("gp-north"), byId("gp-chips"));
    L.DomEvent.disableClickPropagation(byId("gp-chips"));
    L.control.zoom({ position: "topright", zoomInTitle: words.zoom_in, zoomOutTitle: words.zoom_out }).addTo(map);
    L.control.scale({ position: "bottomright", imperial: false, maxWidth: 140 }).addTo(map);
    container.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && event.target === container) central();
    });
    HOST.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      if (!byId("gp-panel").hidden) panel.hide();
      else if (legend.over()) legend.open(false);
    });
  }

  function chip(id, text, attributes) {
    const button = el("button", { type: "button", id, ...attributes }, text);
    byId("gp-chips").append(button);
    return button;
  }

  // The village nearest to the middle of the map, for readers without a mouse.
  function central() {
    const found = marks.hit(map.getSize().divideBy(2), 200);
    if (found.village) choose(found.village, true);
  }

  // Everything a third larger, for the back row of a meeting room.
  function largeText() {
    const button = chip("gp-large", words.map_large, { "aria-pressed": "false", title: words.map_large_hint });
    button.addEventListener("click", () => {
      page.large = page.large === 1 ? LARGE_TEXT : 1;
      button.setAttribute("aria-pressed", String(page.large > 1));
      HOST.classList.toggle("gp-large-text", page.large > 1);
      map.invalidateSize({ animate: false });
      resize();
      marks.refresh();
      labels.refresh();
    });
  }

  // For a page of its own, and for tests.
  if (own) window.coverage = { map, groups, page, land, marks, choose, toggle, filter: page.setFilter };
}

// Route of a village as it is told; one without a household to convert has none.
function routeOf(page, village) {
  if (!village.households) return { label: page.words.idle, colour: IDLE };
  return page.routes[village.route] || { label: "—", colour: "#888888" };
}

// "110 村", or "110 村有任务（共 137 村）" where some of them have nobody to convert.
function villagesText(page, indices) {
  const busy = indices.reduce((sum, i) => sum + (page.villages.households[i] ? 1 : 0), 0);
  const { with_task: task, in_all: all, villages } = page.words;
  return `${number(busy)} ${busy < indices.length ? task + fill(all, number(indices.length)) : villages}`;
}

// Rows of the tables, and the sums that the title and the legend show.
function prepare(page) {
  const { households, lat, route, town } = page.villages;
  page.villageRows = rows(page.villages);
  page.sourceRows = rows(page.sources);
  page.shownRoutes = page.routes.map((one, index) => ({ ...one, index, villages: 0, households: 0 }));
  page.totals = { villages: households.length, households: 0, idle: 0 };
  const towns = new Map();
  for (let i = 0; i < households.length; i += 1) {
    const own = page.shownRoutes[route[i]];
    page.totals.households += households[i] || 0;
    if (!households[i]) page.totals.idle += 1;
    else if (own) {
      own.villages += 1;
      own.households += households[i];
    }
    if (!towns.has(town[i])) towns.set(town[i], { name: town[i], households: 0, count: 0, lat: 0, lon: 0 });
    const sum = towns.get(town[i]);
    sum.households += households[i] || 0;
    if (lat[i] !== null) {
      sum.count += 1;
      sum.lat += lat[i];
      sum.lon += page.villages.lon[i];
    }
  }
  page.shownRoutes = page.shownRoutes.filter((one) => one.households > 0);
  const sizes = households.filter(Boolean).sort((a, b) => a - b);
  page.largeVillage = sizes.length ? sizes[Math.floor(sizes.length * 0.95)] : 1;
  page.townRows = townRows(page, towns);
  page.riverNames = riverNames(page.shapes.rivers);
}

// Towns to name, the largest first: those of the layer, or else the middle of each town's villages.
function townRows(page, towns) {
  const size = (name) => (towns.has(name) ? towns.get(name).households : 0);
  const given = rows(page.towns).filter((town) => town.lat !== null && town.name)
    .map(({ name, lat, lon }) => ({ name, lat, lon }));
  const middles = [...towns.values()].filter((town) => town.count && town.name)
    .map(({ name, count, lat, lon }) => ({ name, lat: lat / count, lon: lon / count }));
  return (given.length ? given : middles).sort((a, b) => size(b.name) - size(a.name));
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
