// The panel of one village or source: every fact the plan knows about it.

function Panel(page, onToggle) {
  const words = page.words;
  const node = byId("gp-panel");
  const zh = page.lang === "zh";
  let before = null;

  function route(index) {
    return page.routes[index] || { label: "", colour: "#888888" };
  }

  function money(cny) {
    return zh ? `${number(cny / 1e4, 2)} 万元` : `CNY ${number(cny)}`;
  }

  function withUnit(value, unit) {
    if (unit === "CNY" || unit === "CNY/a") return money(value) + (unit === "CNY/a" ? (zh ? "/年" : "/a") : "");
    if (unit === "share") return `${number(value * 100, 1)} %`;
    if (unit === "year") return String(value) + (zh ? " 年" : "");
    const digits = unit === "m" || unit === "household" || unit.startsWith("CNY") ? 0 : 1;
    return `${number(value, digits)} ${pick(page.units, unit, unit)}`.trim();
  }

  function sourceName(id) {
    const source = page.sourceRows.find((row) => row.source_id === id);
    return source && source.name ? source.name + paren(id) : id;
  }

  function paren(text) {
    return zh ? `（${text}）` : ` (${text})`;
  }

  function margin(value) {
    return fill(value < 0 ? words.margin_cheaper : words.margin_dearer, number(Math.abs(value), 1));
  }

  function factValue(fact, village) {
    const value = village[fact.name];
    if (value === null || value === undefined) return words.unstated;
    if (fact.name === "source_id") return sourceName(value);
    if (fact.name === "runner_up") return (page.routes.find((r) => r.id === value) || { label: value }).label;
    if (fact.name === "margin_pct") return margin(value);
    if (fact.name === "household_capex_cny" && village.households) {
      return money(value) + paren(fill(words.per_household, number(value / village.households)));
    }
    if (typeof value === "boolean") return value ? words.yes : words.no;
    if (typeof value === "number") return withUnit(value, fact.unit);
    return Object.hasOwn(page.values, value) ? page.values[value] : String(value);
  }

  function section(title, ...children) {
    return el("section", null, el("h3", null, title), ...children);
  }

  function facts(heading, village) {
    const open = heading === "facts_money" && village.households && village.route >= 0;
    const known = page.facts[heading].filter((fact) => open || (village[fact.name] !== null && village[fact.name] !== undefined));
    if (!known.length) return null;
    const list = el("dl");
    for (const fact of known) {
      list.append(el("div", null, el("dt", null, fact.label), el("dd", null, factValue(fact, village))));
    }
    return section(words[heading], heading === "facts_access" ? reach(village) : null, list);
  }

  // New pipe to the heat network beside the length at which it stops paying.
  function reach(village) {
    const length = village.heat_connection_m;
    const limit = village.break_even_m;
    if (length === null || length === undefined || limit === null || limit === undefined) return null;
    const most = Math.max(length, limit, 1) * 1.08;
    const within = length <= limit;
    const bar = el("div", { class: `gp-bar ${within ? "within" : "beyond"}` });
    const done = el("span", { class: "gp-bar-length" });
    const mark = el("span", { class: "gp-bar-limit" });
    done.style.width = `${(100 * length) / most}%`;
    mark.style.left = `${(100 * Math.max(limit, 0)) / most}%`;
    bar.append(done, mark);
    const said = `${words.connection} ${number(length)} m · ${words.break_even} ${number(limit)} m`;
    const verdict = el("em", null, within ? words.within : words.beyond);
    return el("div", { class: "gp-reach" }, bar, el("p", null, `${said} · `, verdict));
  }

  function because([text, measured, limit, unit]) {
    const sentence = page.options.texts[text];
    if (measured === null && limit === null) return sentence;
    const said = (value) => (typeof value === "number" ? number(value, Math.abs(value) < 10 ? 2 : 0) : String(value));
    const told = measured !== null && sentence.split(",").join("").includes(said(measured).split(",").join(""));
    if (told) return sentence;
    const parts = [];
    if (measured !== null) parts.push(`${words.measured} ${said(measured)}`);
    if (limit !== null) parts.push(`${words.limit} ${said(limit)}`);
    return sentence + paren(`${parts.join(zh ? "，" : ", ")} ${pick(page.units, unit, unit || "")}`.trim());
  }

  function optionRows(option, village) {
    const taken = option.route === village.route;
    const state = taken ? words.chosen : option.feasible ? words.feasible : words.infeasible;
    const cost = (value, write) => (value === null || value === undefined ? words.unstated : write(value));
    const bare = option.household_cost_unsubsidised_cny_per_season;
    const season = option.household_cost_cny_per_season;
    const line = el("tr", { class: `${option.feasible ? "" : "gp-out"} ${taken ? "gp-taken" : ""}` },
      el("th", { scope: "row" }, chip(route(option.route))),
      el("td", null, cost(option.annual_cost_cny, (v) => number(zh ? v / 1e4 : v, zh ? 2 : 0))),
      el("td", null, cost(season, (v) => number(v)), bare === season ? null : el("small", null, cost(bare, (v) => number(v)))),
      el("td", null, state));
    if (!option.because.length) return [line];
    const why = option.because.map((finding) => el("p", null, because(finding)));
    return [line, el("tr", { class: "gp-why" }, el("td", { colspan: 4 }, ...why))];
  }

  function chip(of) {
    const dot = el("span", { class: "gp-dot" });
    dot.style.background = of.colour;
    return el("span", { class: "gp-chip" }, dot, of.label);
  }

  function optionTable(village) {
    const [from, to] = page.optionRange.get(village.index) || [0, 0];
    const options = page.optionRows.slice(from, to);
    if (!options.length) return null;
    options.sort((a, b) => b.feasible - a.feasible || (a.rank || 99) - (b.rank || 99) || a.route - b.route);
    const unit = zh ? ["万元/年", "元/户"] : ["CNY/a", "CNY"];
    const head = el("tr", null,
      el("th", { scope: "col" }, words.option_route),
      el("th", { scope: "col" }, words.option_cost, el("small", null, unit[0])),
      el("th", { scope: "col" }, words.option_season, el("small", null, `${unit[1]} ${words.option_season_bare}`)),
      el("th", { scope: "col" }, words.option_state));
    const body = el("tbody");
    for (const option of options) body.append(...optionRows(option, village));
    return section(words.options, el("table", null, el("thead", null, head), body));
  }

  function open(colour, title, sub, ...children) {
    const close = el("button", { type: "button", class: "gp-close", "aria-label": words.close }, "×");
    close.addEventListener("click", hide);
    const head = el("div", { class: "gp-panel-head" }, el("div", null, el("h2", null, title), el("p", null, sub)), close);
    head.style.borderTopColor = colour;
    if (node.hidden) before = document.activeElement;
    node.replaceChildren(head, el("div", { class: "gp-panel-body" }, ...children));
    node.setAttribute("aria-label", title);
    node.hidden = false;
    document.body.classList.add("gp-panel-open");
    byId("gp-live").textContent = title;
    onToggle();
  }

  function hide() {
    if (node.hidden) return;
    node.hidden = true;
    document.body.classList.remove("gp-panel-open");
    onToggle();
    page.unselect();
    if (before && before.focus) before.focus();
  }

  function village(row) {
    const of = route(row.route);
    const verdict = el("div", { class: "gp-verdict" }, chip(of));
    verdict.style.setProperty("--route", of.colour);
    if (row.decision) verdict.append(el("span", { class: "gp-badge" }, pick(page.decisions, row.decision, row.decision)));
    if (row.made) verdict.append(el("span", { class: "gp-badge gp-badge-made" }, words.made_chip));
    if (row.source_id) verdict.append(el("span", { class: "gp-from" }, sourceName(row.source_id)));
    const unplaced = row.lat === null ? el("p", { class: "gp-warn" }, words.unlocated + paren(words.unlocated_note)) : null;
    open(of.colour, row.name, `${row.town} · ${row.village_id}`,
      verdict,
      unplaced,
      row.reason ? section(words.reason, el("p", { class: "gp-reason" }, row.reason)) : null,
      row.warnings ? section(words.warnings, el("p", { class: "gp-warn" }, row.warnings)) : null,
      facts("facts_village", row),
      facts("facts_access", row),
      facts("facts_money", row),
      facts("facts_emissions", row),
      optionTable(row),
      row.provenance ? section(words.provenance, el("p", { class: "gp-fine" }, row.provenance)) : null);
  }

  function source(row) {
    const look = sourceLook(row.route);
    const list = el("dl");
    const put = (label, text) => list.append(el("div", null, el("dt", null, label), el("dd", null, text)));
    put(words.used, loadText(row, page));
    if (typeof row.used === "number" && typeof row.capacity === "number") {
      put(words.left, `${number(row.capacity - row.used, 1)} ${pick(page.units, row.unit, row.unit)}`);
    }
    if (row.year) put(words.year_from, String(row.year));
    const served = page.villageRows.filter((v) => v.source_id === row.source_id);
    put(words.served, number(served.length));
    open(look.fillColor, row.name || row.source_id, row.source_id,
      list,
      row.provenance ? section(words.provenance, el("p", { class: "gp-fine" }, row.provenance)) : null);
  }

  return { village, source, hide };
}

// "73.1 / 85.0 MW (86 %)"
function loadText(source, page) {
  if (source.capacity === null || source.capacity === undefined) return "—";
  const unit = pick(page.units, source.unit, source.unit || "");
  const digits = source.capacity < 1000 ? 1 : 0;
  const said = (value) => value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  if (source.used === null || source.used === undefined) return `${said(source.capacity)} ${unit}`;
  const share = source.capacity > 0 ? ` (${Math.round((100 * source.used) / source.capacity)} %)` : "";
  return `${said(source.used)} / ${said(source.capacity)} ${unit}${share}`;
}
