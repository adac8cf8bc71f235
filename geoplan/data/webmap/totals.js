// The county's sums at the side of the map; they follow the filter. Charts are plain elements with a width.

const MANY_TO_SUM = 5000; // villages
const PAYERS = [
  ["central", "#17507a"], ["province", "#4c86b0"], ["city", "#93bcd9"], ["district", "#4f8a74"],
  ["household", "#c98a3d"], ["enterprise", "#8b8f94"],
];
const POLLUTANTS = [["co2", "CO₂", "t_per_a", 1], ["pm25", "PM2.5", "kg_per_a", 1000], ["so2", "SO₂", "kg_per_a", 1000], ["nox", "NOₓ", "kg_per_a", 1000]];
const FIRST_SOURCES = 6;

function known(value) {
  return value !== null && value !== undefined;
}

// A bar of several parts, each [share, colour or class]; the text beside it says the same.
function chart(parts, extra) {
  const bar = el("span", { class: `gp-chart ${extra || ""}`, "aria-hidden": "true" });
  for (const [share, paint] of parts) {
    const part = el("span");
    part.style.width = `${Math.min(Math.max(share, 0), 1) * 100}%`;
    if (paint.startsWith("#")) part.style.background = paint;
    else part.className = paint;
    bar.append(part);
  }
  return bar;
}

function swatchOf(paint) {
  const dot = el("span", { class: paint.startsWith("#") ? "gp-square" : `gp-square ${paint}` });
  if (paint.startsWith("#")) dot.style.background = paint;
  return dot;
}

// Capital by who pays: of one village or of many; what the policy leaves open is a part of its own.
function moneyBySource(page, indices) {
  const table = page.villages;
  const sums = Object.fromEntries(PAYERS.map(([payer]) => [payer, 0]));
  const out = { sums, total: 0, open: 0, openVillages: 0, operating: 0, operatingOpen: 0, operatingKnown: 0 };
  const level = (payer) => table[payer === "household" || payer === "enterprise" ? `${payer}_capex_cny` : `subsidy_${payer}_cny`];
  const stated = (payer) => table[`subsidy_${payer}_stated_cny`];
  for (const i of indices) {
    if (!table.households[i]) continue;
    let rest = table.capex_cny[i] || 0;
    let open = false;
    out.total += rest;
    for (const [payer] of PAYERS) {
      const cell = (level(payer) || [])[i];
      const amount = known(cell) ? cell : ((stated(payer) || [])[i] || 0);
      if (!known(cell)) open = true;
      sums[payer] += amount;
      rest -= amount;
    }
    if (open) {
      out.open += Math.max(rest, 0);
      out.openVillages += 1;
    }
    const operating = (table.subsidy_operating_cny_per_a || [])[i];
    if (known(operating)) {
      out.operating += operating;
      out.operatingKnown += 1;
    } else out.operatingOpen += 1;
  }
  return out;
}

// Rows of the money: chart, who pays, how much, and in words what is still open.
function moneyParts(page, indices) {
  const words = page.words;
  const money = moneyBySource(page, indices);
  const wan = (cny) => page.sum(cny);
  const rows = PAYERS.filter(([payer]) => money.sums[payer] > 0).map(([payer, colour]) => [page.payers[payer], money.sums[payer], colour]);
  if (money.open > 1) rows.push([words.unstated, money.open, "gp-open"]);
  const whole = Math.max(money.total, 1);
  const list = el("dl");
  for (const [label, value, paint] of rows) {
    list.append(el("div", null, el("dt", null, swatchOf(paint), label), el("dd", null, `${wan(value)} `, el("small", null, `${number((100 * value) / whole, 1)}%`))));
  }
  list.append(el("div", { class: "gp-sum" }, el("dt", null, words.investment), el("dd", null, wan(money.total))));
  const operating = [];
  if (money.operatingKnown) operating.push(wan(money.operating));
  if (money.operatingOpen) operating.push(indices.length > 1 ? fill(words.open_villages, number(money.operatingOpen)) : words.unstated);
  if (operating.length) list.append(el("div", null, el("dt", null, words.operating), el("dd", null, operating.join(words.parting))));
  const note = money.openVillages && indices.length > 1 ? el("p", { class: "gp-fine" }, fill(words.open_note, number(money.openVillages))) : null;
  return [money.total > 0 ? chart(rows.map(([, value, paint]) => [value / whole, paint]), "gp-chart-wide") : null, list, note];
}

// Today's bulk coal against what is left of it: [label, avoided in t, share of today].
function avoided(page, indices) {
  return POLLUTANTS.filter(([name, , unit]) => page.villages[`${name}_avoided_${unit}`]).map(([name, label, unit, per]) => {
    const less = page.villages[`${name}_avoided_${unit}`];
    const after = page.villages[`${name}_${unit}`] || [];
    let [sum, rest] = [0, 0];
    for (const i of indices) {
      sum += less[i] || 0;
      rest += after[i] || 0;
    }
    const today = sum + rest;
    return { label, tonnes: sum / per, share: today > 0 ? sum / today : null };
  });
}

function avoidedRows(page, indices) {
  const words = page.words;
  const rows = avoided(page, indices).map(({ label, tonnes, share }) => {
    const digits = Math.abs(tonnes) < 10 ? 2 : Math.abs(tonnes) < 100 ? 1 : 0;
    const change = share === null ? "" : fill(share < 0 ? words.more_than_coal : words.less_than_coal, number(Math.abs(share) * 100, share > 0.995 && share < 1 ? 1 : 0));
    return el("div", null, el("dt", null, label), chart([[share || 0, "#4f8a74"]]), el("dd", null, `${number(tonnes, digits)} `, el("small", null, change)));
  });
  return el("dl", { class: "gp-charts" }, ...rows);
}

function Totals(page) {
  const words = page.words;
  const zh = page.lang === "zh";
  const node = byId("gp-county");
  const opener = el("button", { type: "button", id: "gp-county-open", "aria-controls": "gp-county" }, words.totals);
  const title = el("h2");
  const sub = el("p");
  const body = el("div", { class: "gp-panel-body", tabindex: "0" });
  const close = el("button", { type: "button", class: "gp-close", "aria-label": words.close }, "×");
  const { villages, options } = page;
  const use = usedBy();

  // An amount of money in the reader's unit.
  page.sum = (cny) => {
    const value = zh ? cny / 1e4 : cny / 1e3;
    return number(value, Math.abs(value) < 100 ? 2 : Math.abs(value) < 1000 ? 1 : 0);
  };
  node.append(el("div", { class: "gp-panel-head" }, el("div", null, title, sub), close), body);
  node.setAttribute("aria-label", words.totals);
  byId("gp-chips").append(opener);
  opener.addEventListener("click", () => {
    open(true);
    node.focus();
  });
  close.addEventListener("click", () => {
    open(false);
    opener.focus();
  });
  page.onFilter.push(later);
  draw();
  open(HOST.clientWidth >= 1200);

  function open(state) {
    node.hidden = !state;
    HOST.classList.toggle("gp-county-open", state);
    opener.setAttribute("aria-expanded", String(state));
    if (page.refit) page.refit();
  }

  // What each village takes of its source by its own route.
  function usedBy() {
    if (!options.capacity_use || !villages.source_id) return null;
    const out = new Float64Array(villages.village_id.length);
    options.village.forEach((village, i) => {
      if (options.route[i] === villages.route[village]) out[village] = options.capacity_use[i] || 0;
    });
    return out;
  }

  function passing() {
    const shown = [];
    page.shown.forEach((state, i) => {
      if (state === 1) shown.push(i);
    });
    return shown;
  }

  // The sums that a sheet of paper has room for, the most asked first.
  function sections() {
    const shown = passing();
    return [money(shown), emissions(shown), burden(shown)].filter(Boolean);
  }

  // Where there is much to add up the map answers first; of several changes at once the last counts.
  let waiting = 0;
  function later() {
    clearTimeout(waiting);
    if (page.shown.length < MANY_TO_SUM) draw();
    else waiting = setTimeout(draw, 30);
  }

  function draw() {
    const shown = passing();
    const said = page.filterText();
    let households = 0;
    for (const i of shown) households += villages.households[i] || 0;
    title.textContent = said ? words.totals_filtered : words.totals_all;
    const lost = shown.filter((i) => villages.lat[i] === null).length;
    const parts = [villagesText(page, shown), `${number(households)} ${words.households}`, lost ? fill(words.lost, number(lost)) : ""];
    sub.textContent = parts.filter(Boolean).join(" · ");
    const made = page.made.length ? el("p", { class: "gp-warn" }, words.made_sums) : null;
    body.replaceChildren(...[byRoute(shown), money(shown), burden(shown), emissions(shown), capacity(shown), made].filter(Boolean));
  }

  function part(heading, unit, ...children) {
    return el("section", null, el("h3", null, heading, unit ? el("small", null, unit) : null), ...children);
  }

  function byRoute(shown) {
    const sums = page.routes.map(() => ({ villages: 0, households: 0 }));
    for (const i of shown) {
      const sum = sums[villages.route[i]];
      if (!sum || !villages.households[i]) continue;
      sum.villages += 1;
      sum.households += villages.households[i];
    }
    const most = Math.max(...sums.map((sum) => sum.households), 1);
    const rows = page.routes.map((route, r) => ({ ...route, ...sums[r] })).filter((row) => row.villages).map((row) => el("tr", null,
      el("th", { scope: "row" }, row.label),
      el("td", { class: "gp-chart-cell" }, chart([[row.households / most, row.colour]])),
      el("td", null, number(row.households)), el("td", null, number(row.villages))));
    const head = el("tr", null, el("th", { scope: "col" }, words.routes), el("td"), el("th", { scope: "col" }, words.households_short), el("th", { scope: "col" }, words.villages_short));
    if (!rows.length) return el("p", { class: "gp-fine" }, words.nothing_shown);
    return part(words.by_route, "", el("table", { class: "gp-bars" }, el("thead", null, head), el("tbody", null, ...rows)));
  }

  function money(shown) {
    return shown.some((i) => villages.capex_cny && villages.capex_cny[i]) ? part(words.by_source, words.unit_money, ...moneyParts(page, shown)) : null;
  }

  // What one household pays for a season, on average; of nobody where it is open for some.
  function burden(shown) {
    const busy = shown.filter((i) => villages.households[i]);
    const weight = busy.reduce((sum, i) => sum + villages.households[i], 0);
    const rows = [
      [words.season_with, "household_cost_cny_per_season", "#c98a3d"],
      [words.season_without, "household_cost_unsubsidised_cny_per_season", "#c98a3d"],
      [words.season_coal, "coal_cost_cny_per_season", "#8b8f94"],
    ].filter(([, name]) => villages[name] && busy.some((i) => known(villages[name][i]))).map(([label, name, colour]) => {
      const open = busy.filter((i) => !known(villages[name][i])).length;
      const mean = open ? null : busy.reduce((sum, i) => sum + villages.households[i] * villages[name][i], 0) / weight;
      return { label, colour, open, mean };
    });
    if (!rows.length) return null;
    const most = Math.max(...rows.map((row) => row.mean || 0), 1);
    return part(words.burden, words.unit_season, el("dl", { class: "gp-charts gp-charts-long" }, ...rows.map((row) => el("div", null, el("dt", null, row.label),
      row.open ? null : chart([[row.mean / most, row.colour]]),
      el("dd", row.open ? { class: "gp-unstated" } : null, row.open ? fill(words.open_villages, number(row.open)) : number(row.mean))))));
  }

  function emissions(shown) {
    return shown.length ? part(words.facts_emissions, words.unit_tonnes, avoidedRows(page, shown)) : null;
  }

  function capacity(shown) {
    const own = new Map();
    if (use) for (const i of shown) own.set(villages.source_id[i], (own.get(villages.source_id[i]) || 0) + use[i]);
    const filtered = shown.length < villages.village_id.length;
    const share = (source) => source.used / source.capacity;
    const busy = page.sourceRows.filter((s) => known(s.used) && s.used > 0 && s.capacity > 0 && (!filtered || !use || own.get(s.source_id) > 0))
      .sort((a, b) => share(b) - share(a) || String(a.source_id).localeCompare(String(b.source_id)));
    if (!busy.length) return null;
    const rows = busy.map((source) => {
      const mine = filtered && use ? Math.min((own.get(source.source_id) || 0) / source.capacity, share(source)) : share(source);
      const colour = sourceLook(source.route).fillColor;
      const bar = chart([[mine, colour], [share(source) - mine, blendHex(colour, 0.6)]], share(source) > 0.95 ? "gp-chart-full" : "");
      return el("div", { class: "gp-source" }, el("p", null, el("b", null, source.name || source.source_id), el("span", null, loadText(source, page))), bar);
    });
    const more = rows.length > FIRST_SOURCES
      ? el("details", null, el("summary", null, fill(words.more_sources, rows.length - FIRST_SOURCES)), ...rows.slice(FIRST_SOURCES)) : null;
    return part(words.capacity, filtered && use ? words.capacity_mine : "", ...rows.slice(0, FIRST_SOURCES), more);
  }

  return { open, sections };
}

// A colour on its way to white, as #rrggbb.
function blendHex(colour, share) {
  return `#${[1, 3, 5].map((at) => Math.round(parseInt(colour.slice(at, at + 2), 16) * (1 - share) + 255 * share).toString(16).padStart(2, "0")).join("")}`;
}
