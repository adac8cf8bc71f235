// The legend is the layer control as well: each row is a sign, what it means and a box to switch it.

const LARGEST_SAMPLE = 20;

function Legend(page, onToggle) {
  const words = page.words;
  const node = byId("gp-legend");
  const opener = byId("gp-legend-open");
  const sizes = el("div", { class: "gp-sizes" });
  const counts = new Map();
  const sum = { villages: count(), households: count() };
  const idleCount = count();
  const bar = el("div", { class: "gp-shares", "aria-hidden": "true" });

  function row({ key, sign, label, change }, ...numbers) {
    const box = el("input", { type: "checkbox", "aria-label": label });
    box.checked = true;
    box.addEventListener("change", () => (change ? change(box.checked) : page.toggle(key, box.checked)));
    return el("label", { class: "gp-row", "data-group": key }, box, sign, el("span", { class: "gp-name" }, label), ...numbers);
  }

  function fixed(key, sign, label) {
    return el("div", { class: "gp-row gp-fixed", "data-sign": key }, sign, el("span", { class: "gp-name" }, label));
  }

  function section(title, items, look) {
    const shown = items.filter(Boolean);
    return shown.length ? el("section", { class: look }, title ? el("h3", null, title) : null, ...shown) : null;
  }

  function count(value) {
    return el("span", { class: "gp-count" }, value === undefined ? null : number(value));
  }

  // One filter holds which routes are shown; the boxes only read and set it.
  function routeRow(route) {
    const change = (on) => {
      const wanted = new Set(page.filter.routes || page.present.routes);
      if (on) wanted.add(route.index);
      else wanted.delete(route.index);
      page.setFilter({ routes: wanted });
    };
    const sign = villageSwatch({ colour: route.colour, mark: route.mark }, 6.5);
    const line = row({ key: `route:${route.id}`, sign, label: route.label, change }, count(), count());
    const part = el("span", { title: route.label });
    part.style.background = route.colour;
    bar.append(part);
    counts.set(route.index, { line, box: line.querySelector("input"), part, cells: line.getElementsByClassName("gp-count") });
    return line;
  }

  function routes() {
    const head = el("div", { class: "gp-row gp-row-head" }, el("span", { class: "gp-name" }, words.routes),
      el("span", { class: "gp-count" }, words.villages_short), el("span", { class: "gp-count" }, words.households_short));
    const lines = page.shownRoutes.map(routeRow);
    const idle = page.totals.idle
      ? row({ key: "idle", sign: villageSwatch({ idle: true }, 3), label: words.idle }, idleCount, count())
      : null;
    const total = el("div", { class: "gp-row gp-row-sum" }, el("span", { class: "gp-name" }, words.total), sum.villages, sum.households);
    const lost = page.villages.lat.filter((lat) => lat === null).length;
    const unseen = lost ? el("p", { class: "gp-fine", id: "gp-unseen" }, fill(words.lost_counted, number(lost))) : null;
    return section("", [head, bar, ...lines, total, idle, unseen]);
  }

  // What the filter leaves, by route; villages later than the slider's year are not in it.
  function draw() {
    const { households, route } = page.villages;
    const left = new Map([...counts.keys()].map((index) => [index, [0, 0]]));
    const whole = [0, 0, 0];
    for (let i = 0; i < households.length; i += 1) {
      if (page.shown[i] !== 1) continue;
      whole[households[i] ? 0 : 2] += 1;
      whole[1] += households[i] || 0;
      const own = left.get(route[i]);
      if (!own || !households[i]) continue;
      own[0] += 1;
      own[1] += households[i];
    }
    for (const [index, { line, box, part, cells }] of counts) {
      const [villages, homes] = left.get(index);
      const on = !page.filter.routes || page.filter.routes.has(index);
      box.checked = on;
      line.classList.toggle("gp-off", !on);
      cells[0].textContent = number(villages);
      cells[1].textContent = number(homes);
      part.style.flexGrow = homes;
      part.hidden = !homes;
    }
    idleCount.textContent = number(whole[2]);
    sum.villages.textContent = number(whole[0]);
    sum.households.textContent = number(whole[1]);
  }

  function signs() {
    const { villages } = page;
    const ties = villages.tie && villages.tie.some(Boolean);
    const other = page.shownRoutes.length > 1 ? page.shownRoutes[1].colour : "#3a86d2";
    const near = page.policy ? page.policy.near_tie_pct : 5;
    const main = page.shownRoutes[0];
    return section(words.signs, [
      villages.lat.length ? sizes : null,
      villages.dwelling && villages.dwelling.includes("apartment") && fixed("apartment", villageSwatch({ shape: "square" }, 6), words.apartment),
      villages.made.some(Boolean) && fixed("made", villageSwatch({ made: 1 }, 6), words.made_village),
      ties && main && fixed("tie", villageSwatch({ colour: main.colour, mark: main.mark, tie: other }, 5), fill(words.map_tie, near)),
      page.years.length > 1 && fixed("later", villageSwatch({ later: true }, 5.5), words.map_later),
    ], "gp-pairs");
  }

  // Widths and shades of the new pipes: only those that the map has.
  function pipeParts() {
    const pipes = page.pipes.filter((pipe) => pipe.route !== undefined);
    const sized = [...new Set(pipes.map((pipe) => pipe.dn).filter(Boolean))].sort((a, b) => a - b);
    const few = sized.length > 3 ? [sized[0], sized[Math.floor(sized.length / 2)], sized[sized.length - 1]] : sized;
    const loaded = LOADING.filter((one) => pipes.some((pipe) => pipe.loading !== null && loadingClass(pipe.loading) === one));
    const line = (colour, weight) => lineSwatch(pipeLooks({ colour, weight }));
    const later = page.years.length > 1 && page.pipes.length;
    return [
      samples("loading", words.map_loading_title, loaded.map((one) => [line(one.colour, 3.6), words[`map_loading_${one.id}`]])),
      samples("diameter", words.map_diameter, few.map((dn) => [line("#7d8790", pipeWidth(dn)), `DN ${dn}`])),
      later ? fixed("later-pipe", lineSwatch([LATER_PIPE]), words.map_later) : null,
    ].filter(Boolean);
  }

  // A line of signs that say how much: shades, widths, gauges.
  function samples(key, title, signs) {
    if (!signs.length) return null;
    return el("div", { class: "gp-samples", "data-sign": key }, el("small", null, title), ...signs.map(([sign, label]) => el("span", null, sign, label)));
  }

  function sourceParts() {
    const stated = page.sourceRows.filter((source) => usedShare(source) !== null).length;
    if (!stated) return [];
    const look = sourceLook("district_heating");
    const gauges = [0.25, 0.6, 1].map((share) => [sourceSwatch(look, share), `${share * 100}%`]);
    if (stated < page.sourceRows.length) gauges.push([sourceSwatch(look, null), words.map_unknown]);
    return [samples("used", words.map_gauge, gauges)];
  }

  function unlocated() {
    const lost = page.villageRows.filter((v) => v.lat === null);
    if (!lost.length) return null;
    const list = el("ul", { class: "gp-lost" });
    for (const village of lost) {
      const button = el("button", { type: "button" }, village.name,
        el("span", null, `${number(village.households || 0)} ${words.households_short}`));
      button.addEventListener("click", () => page.choose(village));
      list.append(el("li", null, button));
    }
    const title = `${words.unlocated} · ${lost.length}`;
    return el("section", { id: "gp-unlocated" }, el("h3", null, title), el("p", { class: "gp-fine" }, words.unlocated_note), list);
  }

  function made() {
    if (!page.made.length) return null;
    const text = words.made + page.made.join(words.listing) + words.made_tail;
    const chip = byId("gp-made-chip");
    chip.textContent = words.made_chip;
    chip.title = text;
    chip.hidden = false;
    chip.addEventListener("click", () => open(true));
    return el("p", { id: "gp-made", role: "note" }, text);
  }

  // Circles of three round household numbers, as large as the map draws them at this zoom.
  function drawSizes() {
    const most = page.villages.households.reduce((a, b) => Math.max(a, b || 0), 1);
    const round = [10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000];
    const shown = round.filter((households) => households <= most && page.radius(households) <= LARGEST_SAMPLE
      && page.radius(households * 1.01) > page.radius(households) && page.radius(households) > page.radius(households * 0.99));
    const picked = shown.length > 3 ? [shown[shown.length - 4], shown[shown.length - 2], shown[shown.length - 1]] : shown;
    const circles = picked.map((households) => {
      const r = page.radius(households);
      const side = 2 * r + 4;
      const circle = swatch(side, side, (ctx) => {
        trace(ctx, "circle", { x: side / 2, y: side / 2 }, r);
        ctx.fillStyle = "#dfe3e6";
        ctx.fill();
        strokeLook(ctx, { color: "#7d8790", weight: 1 });
      });
      return el("span", null, circle, `${number(households)} ${words.households_short}`);
    });
    const capped = page.radius(most) >= page.mostRadius ? words.map_size_capped : "";
    sizes.replaceChildren(...circles, el("small", null, words.size + capped));
  }

  // Whether the legend lies over the map instead of beside it.
  function over() {
    return HOST.clientWidth < 900 && !HOST.classList.contains("gp-legend-closed");
  }

  function open(state) {
    HOST.classList.toggle("gp-legend-closed", !state);
    opener.setAttribute("aria-expanded", String(state));
    onToggle();
  }

  const hide = el("button", { type: "button", class: "gp-close", "aria-label": words.hide, title: words.hide }, "×");
  hide.addEventListener("click", () => {
    open(false);
    opener.focus();
  });
  opener.textContent = words.legend;
  opener.setAttribute("aria-controls", "gp-legend");
  opener.addEventListener("click", () => open(true));
  node.setAttribute("aria-label", words.legend_hint);
  node.classList.toggle("gp-wide-counts", page.totals.households >= 1e6);
  const extras = { pipes: pipeParts, sources: sourceParts };
  const parts = page.legendParts.map(({ title, items, look, more }) => section(title,
    items.length ? [...items.map((item) => row(item)), ...(more ? extras[more]() : [])] : [], look));
  node.append(el("div", { class: "gp-legend-head" }, el("h2", null, words.legend), hide),
    el("div", { class: "gp-legend-body" }, ...[routes(), signs(), ...parts, unlocated()].filter(Boolean)), made() || "");
  HOST.classList.toggle("gp-legend-closed", HOST.clientWidth < 900);
  opener.setAttribute("aria-expanded", String(HOST.clientWidth >= 900));

  return { draw, drawSizes, open, over };
}
