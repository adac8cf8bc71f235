// The legend is the layer control as well: each row is a sign, what it means and a box to switch it.

const LARGEST_SAMPLE = 20;

function Legend(page, onToggle) {
  const words = page.words;
  const node = byId("gp-legend");
  const opener = byId("gp-legend-open");
  const sizes = el("div", { class: "gp-sizes" });

  function row(key, sign, label, ...numbers) {
    const box = el("input", { type: "checkbox", "aria-label": label });
    box.checked = true;
    box.addEventListener("change", () => page.toggle(key, box.checked));
    return el("label", { class: "gp-row", "data-group": key }, box, sign, el("span", { class: "gp-name" }, label), ...numbers);
  }

  function section(title, items, look) {
    const shown = items.filter(Boolean);
    return shown.length ? el("section", { class: look }, title ? el("h3", null, title) : null, ...shown) : null;
  }

  function count(value) {
    return el("span", { class: "gp-count" }, number(value));
  }

  function routes() {
    const total = page.totals;
    const bar = el("div", { class: "gp-shares", "aria-hidden": "true" });
    for (const route of page.shownRoutes) {
      const part = el("span", { title: `${route.label} ${number(route.households)}` });
      part.style.background = route.colour;
      part.style.flexGrow = route.households;
      bar.append(part);
    }
    const head = el("div", { class: "gp-row gp-row-head" }, el("span", { class: "gp-name" }, words.routes),
      el("span", { class: "gp-count" }, words.villages_short), el("span", { class: "gp-count" }, words.households_short));
    const lines = page.shownRoutes.map((route) => row(`route:${route.id}`,
      signSwatch({ ...villageLook({ households: 1, colour: route.colour }), color: blend(route.colour, "#000000", 0.3) }, 6.5),
      route.label, count(route.villages), count(route.households)));
    const idle = total.idle
      ? row("idle", signSwatch(villageLook({ households: 0, shape: "circle" }), 4), words.idle, count(total.idle), count(0))
      : null;
    const sum = el("div", { class: "gp-row gp-row-sum" }, el("span", { class: "gp-name" }, words.total),
      count(total.villages), count(total.households));
    return section("", [head, bar, ...lines, idle, sum]);
  }

  function signs() {
    const look = (more) => ({ ...villageLook({ households: 1, colour: "#7d8790", ...more }) });
    const sign = (key, shape, label) => el("div", { class: "gp-row gp-fixed", "data-sign": key }, signSwatch(shape, 6), el("span", { class: "gp-name" }, label));
    return section(words.signs, [
      page.villageRows.length ? sizes : null,
      page.villageRows.some((v) => v.dwelling === "apartment") && sign("apartment", look({ shape: "square" }), words.apartment),
      page.villageRows.some((v) => v.made) && sign("made", look({ made: 1, shape: "circle" }), words.made_village),
    ], "gp-pairs");
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
    const most = Math.max(...page.villageRows.map((v) => v.households || 0), 1);
    const round = [10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000];
    const shown = round.filter((households) => households <= most && page.radius(households) <= LARGEST_SAMPLE);
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
    sizes.replaceChildren(...circles, el("small", null, words.size));
  }

  function open(state) {
    document.body.classList.toggle("gp-legend-closed", !state);
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
  const parts = page.legendParts.map(({ title, items, look }) => section(title, items.map((i) => row(i.key, i.sign, i.label)), look));
  node.append(el("div", { class: "gp-legend-head" }, el("h2", null, words.legend), hide),
    el("div", { class: "gp-legend-body" }, ...[routes(), ...parts, signs(), unlocated()].filter(Boolean)), made() || "");
  document.body.classList.toggle("gp-legend-closed", window.innerWidth < 900);
  opener.setAttribute("aria-expanded", String(window.innerWidth >= 900));
  drawSizes();

  return { drawSizes, open };
}
