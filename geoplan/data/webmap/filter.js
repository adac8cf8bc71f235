// One filter for the whole page: the map, the totals, the table and the sheet of paper read the same one.
//
// page.filter   {towns, routes, decisions: Set of what is shown (names, places in page.routes, codes) or null
//               for all; year: "up to and including" or null; ties: only near ties}
// page.shown    by village: 0 filtered away, 1 shown, 2 shown as later than the year of the slider
// page.setFilter(part)  changes some of it and calls every function of page.onFilter

const PLAY_MS = 1300;
const LONG_LIST = 8;
const MOST_NAMED = 3;

function Filter(page) {
  const { town, route, decision, year, tie, households } = page.villages;
  const count = page.villages.village_id.length;
  const codes = new Set(decision);
  const present = {
    towns: [...new Set(town)],
    routes: page.routes.map((_, i) => i).filter((i) => route.includes(i)),
    decisions: [...Object.keys(page.decisions).filter((code) => codes.delete(code)), ...codes],
  };
  page.years = [...new Set(year || [])].filter((y) => y !== null).sort((a, b) => a - b);
  page.present = present;
  const nobody = (column) => (value) => column.every((own, at) => own !== value || !households[at]);
  page.idle = { routes: present.routes.filter(nobody(route)), decisions: present.decisions.filter(nobody(decision)), towns: [] };
  page.filter = { towns: null, routes: null, decisions: null, year: null, ties: false };
  page.shown = new Uint8Array(count).fill(1);
  page.onFilter = [];
  page.setFilter = (part) => {
    Object.assign(page.filter, part);
    for (const key of Object.keys(present)) {
      const some = page.filter[key];
      if (some && present[key].every((value) => some.has(value))) page.filter[key] = null;
    }
    show();
    for (const heard of page.onFilter) heard();
  };
  page.filterText = () => filterText(page);

  function show() {
    const { towns, routes, decisions, year: last, ties } = page.filter;
    for (let i = 0; i < count; i += 1) {
      const kept = (!towns || towns.has(town[i])) && (!routes || routes.has(route[i]))
        && (!decisions || decisions.has(decision[i])) && (!ties || tie[i] === 1);
      const later = last !== null && (!households[i] || year[i] === null || year[i] > last);
      page.shown[i] = kept ? (later ? 2 : 1) : 0;
    }
  }
}

function filterTitle(page, key) {
  const words = page.words;
  return { towns: words.town, routes: words.routes, decisions: words.decision }[key];
}

function filterName(page, key, value) {
  if (page.idle[key].includes(value)) return page.words.idle;
  if (key === "routes") return page.routes[value].label;
  return key === "decisions" ? pick(page.decisions, value, String(value)) : String(value);
}

// "乡镇 金积镇、高闸镇；截至 2022 年", or nothing where nothing is filtered.
function filterText(page) {
  const words = page.words;
  const parts = Object.keys(page.present).filter((key) => page.filter[key]).map((key) => {
    const names = page.present[key].filter((value) => page.filter[key].has(value)).map((value) => filterName(page, key, value));
    const more = names.length > MOST_NAMED ? fill(words.and_more, names.length) : "";
    return `${filterTitle(page, key)} ${names.slice(0, MOST_NAMED).join(words.listing) || words.nothing}${more}`;
  });
  if (page.filter.year !== null) parts.push(fill(words.until_year, page.filter.year));
  if (page.filter.ties) parts.push(words.ties);
  return parts.join(words.parting);
}

function FilterBar(page) {
  const words = page.words;
  const bar = byId("gp-filter");
  const body = el("div", { class: "gp-filter-body", id: "gp-filter-body" });
  const opener = el("button", { type: "button", id: "gp-filter-open", "aria-controls": "gp-filter-body", "aria-expanded": "false" }, words.filter);
  const chip = el("p", { id: "gp-filter-chip", hidden: "" });
  const choices = Object.keys(page.present).filter((key) => page.present[key].length > 1).map((key) => FilterChoice(page, key));
  const parts = [...choices, ...("tie" in page.villages && page.villages.tie.includes(1) ? [FilterTies(page)] : []),
    ...(page.years.length > 1 ? [FilterYears(page)] : [])];

  bar.setAttribute("aria-label", words.filter);
  body.append(...parts.map((part) => part.node));
  bar.append(opener, body, chip);
  bar.hidden = !parts.length;
  opener.addEventListener("click", () => {
    const open = bar.classList.toggle("gp-filter-unfolded");
    opener.setAttribute("aria-expanded", String(open));
    page.refit();
  });
  HOST.addEventListener("pointerdown", (event) => {
    for (const choice of choices) if (!event.composedPath().includes(choice.node)) choice.close();
  });
  page.onFilter.push(draw);

  function draw() {
    for (const part of parts) part.draw();
    const said = page.filterText();
    const clear = el("button", { type: "button" }, words.filter_clear);
    clear.addEventListener("click", () => {
      page.setFilter({ towns: null, routes: null, decisions: null, year: null, ties: false });
      (body.offsetParent ? body.querySelector("button, input") : opener).focus();
    });
    const count = villagesText(page, [...page.shown.keys()].filter((i) => page.shown[i] === 1));
    chip.replaceChildren(el("span", null, `${words.filtering}${said}`), el("b", null, count), clear);
    const changed = chip.hidden === (said !== "");
    chip.hidden = said === "";
    byId("gp-live").textContent = said ? `${words.filtering}${said} ${count}` : words.filter_none;
    if (changed) page.refit();
  }
}

// A button that opens a list of boxes; nothing ticked means everything is shown.
function FilterChoice(page, key) {
  const words = page.words;
  const values = page.present[key];
  const column = page.villages[{ towns: "town", routes: "route", decisions: "decision" }[key]];
  const counts = new Map();
  for (const value of column) counts.set(value, (counts.get(value) || 0) + 1);
  const pop = el("div", { class: "gp-pop", id: `gp-pop-${key}`, role: "group", "aria-label": filterTitle(page, key), hidden: "" });
  const button = el("button", { type: "button", "aria-expanded": "false", "aria-controls": pop.id, "data-filter": key });
  const node = el("div", { class: "gp-choice" }, button, pop);
  const boxes = values.map((value) => {
    const box = el("input", { type: "checkbox" });
    box.addEventListener("change", () => {
      const picked = new Set(values.filter((_, i) => boxes[i].box.checked));
      page.setFilter({ [key]: picked.size ? picked : null });
    });
    const dot = key === "routes" ? el("span", { class: "gp-dot" }) : null;
    if (dot) dot.style.background = page.routes[value].colour;
    const name = filterName(page, key, value);
    return { box, name, line: el("label", { class: "gp-pop-row" }, box, dot, el("span", null, name), el("small", null, number(counts.get(value)))) };
  });
  if (values.length > LONG_LIST) pop.append(finder());
  pop.append(el("div", { class: "gp-pop-list" }, ...boxes.map((each) => each.line)));
  button.addEventListener("click", () => (pop.hidden ? open() : close()));
  node.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || pop.hidden) return;
    event.stopPropagation();
    close();
    button.focus();
  });
  draw();

  function finder() {
    const input = el("input", { type: "text", class: "gp-pop-find", placeholder: words.find, "aria-label": words.find, autocomplete: "off", spellcheck: "false" });
    input.addEventListener("input", () => {
      const query = input.value.trim().toLowerCase();
      for (const each of boxes) each.line.hidden = !each.name.toLowerCase().includes(query);
    });
    return input;
  }

  function open() {
    pop.hidden = false;
    button.setAttribute("aria-expanded", "true");
    pop.querySelector("input").focus();
  }

  function close() {
    pop.hidden = true;
    button.setAttribute("aria-expanded", "false");
  }

  function draw() {
    const some = page.filter[key];
    values.forEach((value, i) => {
      boxes[i].box.checked = Boolean(some && some.has(value));
    });
    button.textContent = some ? `${filterTitle(page, key)} (${some.size})` : filterTitle(page, key);
    button.classList.toggle("gp-on", Boolean(some));
  }

  return { node, draw, close };
}

function FilterTies(page) {
  const box = el("input", { type: "checkbox", id: "gp-ties" });
  box.addEventListener("change", () => page.setFilter({ ties: box.checked }));
  const draw = () => {
    box.checked = page.filter.ties;
  };
  return { node: el("label", { class: "gp-only" }, box, page.words.ties), draw };
}

// The years present and, last, all of them; "play" walks through.
function FilterYears(page) {
  const words = page.words;
  const last = page.years.length;
  const label = (place) => (place === last ? words.all_years : String(page.years[place]));
  const range = el("input", { type: "range", id: "gp-year", min: 0, max: last, step: 1, "aria-label": words.year_slider });
  const play = el("button", { type: "button", class: "gp-play" });
  const every = Math.ceil((last + 1) / 8);
  const ticks = el("div", { class: "gp-ticks", "aria-hidden": "true" });
  let timer = 0;

  for (let place = 0; place <= last; place += 1) {
    const tick = el("span", null, place % every === 0 || place === last ? label(place) : "");
    tick.style.left = `${(100 * place) / last}%`;
    ticks.append(tick);
  }
  range.addEventListener("input", () => {
    stop();
    go(Number(range.value));
  });
  play.addEventListener("click", () => {
    if (timer) {
      stop();
      return;
    }
    go(place() === last ? 0 : place());
    timer = setInterval(() => {
      go(place() + 1);
      if (place() === last) stop();
    }, PLAY_MS);
    name();
  });
  draw();
  name();

  function place() {
    return page.filter.year === null ? last : page.years.indexOf(page.filter.year);
  }

  function go(to) {
    page.setFilter({ year: to >= last ? null : page.years[to] });
  }

  function stop() {
    clearInterval(timer);
    timer = 0;
    name();
  }

  function name() {
    play.textContent = timer ? "❚❚" : "▶";
    play.setAttribute("aria-label", timer ? words.pause : words.play);
    play.title = timer ? words.pause : words.play;
  }

  function draw() {
    range.value = String(place());
    range.setAttribute("aria-valuetext", place() === last ? words.all_years : fill(words.until_year, label(place())));
  }

  const node = el("div", { class: "gp-years" }, el("span", null, words.year_slider), play, el("div", { class: "gp-track" }, range, ticks));
  return { node, draw };
}
