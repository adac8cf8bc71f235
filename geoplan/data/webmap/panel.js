// The fact sheet of one village: what it gets, why not the others, what it costs whom, when, and from which data.

const HEAT = "district_heating";

// The options of one village, the one taken first, then the feasible by cost.
function optionsOf(page, village) {
  const table = page.options;
  let [low, high] = [0, table.village.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (table.village[middle] < village.index) low = middle + 1;
    else high = middle;
  }
  const names = Object.keys(table).filter((name) => name !== "texts");
  const out = [];
  for (let i = low; i < table.village.length && table.village[i] === village.index; i += 1) {
    out.push({ ...Object.fromEntries(names.map((name) => [name, table[name][i]])), taken: table.route[i] === village.route });
  }
  return out.sort((a, b) => b.taken - a.taken || b.feasible - a.feasible || (a.rank || 99) - (b.rank || 99) || a.route - b.route);
}

function Panel(page, onToggle) {
  const words = page.words;
  const node = byId("gp-panel");
  const zh = page.lang === "zh";
  const facts = Facts(page);
  let before = null;

  function route(index) {
    return page.routes[index] || { label: "—", colour: "#888888" };
  }

  function paren(text) {
    return zh ? `（${text}）` : ` (${text})`;
  }

  function chip(of) {
    const dot = el("span", { class: "gp-dot" });
    dot.style.background = of.colour;
    return el("span", { class: "gp-chip" }, dot, of.label);
  }

  // A part of the sheet that folds; what matters of it stands beside its heading.
  function fold(heading, hint, unfolded, ...children) {
    const shown = children.filter(Boolean);
    if (!shown.length) return null;
    return el("details", { class: "gp-fold", open: unfolded ? "" : null },
      el("summary", null, el("h3", null, heading), hint ? el("span", { class: "gp-hint" }, hint) : null), ...shown);
  }

  function told(value) {
    return typeof value === "number" ? number(value, Math.abs(value) < 10 ? 2 : 0) : String(value);
  }

  // A failed test: its sentence, with measured value and limit where the sentence does not name them.
  function because([text, measured, limit, unit]) {
    const sentence = page.options.texts[text];
    if (!known(measured) && !known(limit)) return sentence;
    const spoken = (sentence.split(",").join("").match(/-?\d+(\.\d+)?/g) || []).map(Number);
    const named = (value) => (typeof value === "number" ? spoken.some((one) => Math.abs(one - value) <= Math.max(0.51, 0.002 * Math.abs(value)))
      : sentence.includes(String(value)));
    const parts = [];
    if (known(measured) && !named(measured)) parts.push(`${words.measured} ${told(measured)}`);
    if (known(limit) && !named(limit)) parts.push(`${words.limit} ${told(limit)}`);
    if (!parts.length) return sentence;
    return sentence + paren(`${parts.join(zh ? "，" : ", ")} ${pick(page.units, unit, unit || "")}`.trim());
  }

  function reasons(option) {
    return option.because.map((finding) => el("li", null, because(finding)));
  }

  function open(colour, title, sub, ...children) {
    const close = el("button", { type: "button", class: "gp-close", "aria-label": words.close }, "×");
    const back = el("button", { type: "button", class: "gp-back" }, `‹ ${words.totals}`);
    close.addEventListener("click", hide);
    back.addEventListener("click", () => {
      hide();
      page.county.open(true);
    });
    const head = el("div", { class: "gp-panel-head" }, el("div", null, el("h2", null, title), el("p", null, sub)), back, close);
    head.style.borderTopColor = colour;
    if (node.hidden) before = ROOT.activeElement;
    const body = el("div", { class: "gp-panel-body", tabindex: "0" }, ...children.filter(Boolean));
    node.replaceChildren(head, body);
    node.setAttribute("aria-label", title);
    node.hidden = false;
    HOST.classList.add("gp-panel-open");
    byId("gp-live").textContent = title;
    onToggle();
  }

  function hide() {
    if (node.hidden) return;
    node.hidden = true;
    HOST.classList.remove("gp-panel-open");
    page.link("");
    onToggle();
    page.unselect();
    if (before && before.focus) before.focus();
  }

  function tile(label, value, more, wide) {
    return el("div", { class: `gp-tile ${wide || ""}` }, el("dt", null, label), el("dd", null, el("b", null, value), more ? el("small", null, more) : null));
  }

  // The four answers: how many, when, what a season costs a household, what it pays at once.
  function tiles(row) {
    const season = row.household_cost_cny_per_season;
    const bare = row.household_cost_unsubsidised_cny_per_season;
    const each = (cny) => (known(cny) && row.households ? number(cny / row.households) : null);
    const once = each(row.household_capex_cny);
    const onceBare = each(row.household_capex_unsubsidised_cny);
    const yuan = (text) => (text === null ? words.unstated : fill(words.yuan, text));
    const without = (text) => (text === null ? "" : fill(words.without_subsidy, text));
    const bearing = known(row.affordability) && known(season) ? pick(page.values, row.affordability, row.affordability) : "";
    return el("dl", { class: "gp-tiles" },
      tile(words.to_convert, `${number(row.households)} ${words.households}`),
      tile(words.year_slider, known(row.year) ? fill(words.year, row.year) : words.no_year),
      tile(words.season_cost, yuan(known(season) ? number(season) : null), [without(known(bare) && bare !== season ? number(bare) : null), bearing].filter(Boolean).join(" · ")),
      tile(words.once_cost, yuan(once), without(onceBare !== once ? onceBare : null)));
  }

  function village(row) {
    const of = routeOf(page, row);
    const options = optionsOf(page, row);
    const verdict = el("div", { class: "gp-verdict" }, chip(of));
    verdict.style.setProperty("--route", of.colour);
    const badge = (text, look) => verdict.append(el("span", { class: `gp-badge ${look || ""}` }, text));
    const decision = row.households && row.decision ? pick(page.decisions, row.decision, row.decision) : "";
    if (decision && decision !== of.label) badge(decision);
    if (row.tie) badge(words.tie_badge, "gp-badge-tie");
    if (row.lat === null) badge(words.unlocated);
    open(of.colour, row.name, `${row.town} · ${row.village_id}`,
      verdict,
      row.households ? tiles(row) : null,
      row.reason ? el("p", { class: "gp-reason" }, row.reason) : null,
      row.households ? inOrder(row) : null,
      row.warnings && !(row.reason || "").includes(row.warnings) ? el("p", { class: "gp-warn" }, row.warnings) : null,
      row.made ? el("p", { class: "gp-warn" }, `${words.made_here}${row.provenance || ""}`) : null,
      row.households ? pipe(row, options) : null,
      row.households ? comparison(row, options) : null,
      row.households ? others(options) : null,
      row.households ? competition(row, options) : null,
      row.households ? fold(words.by_source, fill(words.sum_money, page.sum(row.capex_cny || 0)), false, ...moneyParts(page, [row.index])) : null,
      row.households ? fold(words.facts_emissions, `CO₂ ${number(row.co2_avoided_t_per_a || 0)} ${words.unit_tonnes}`, false, avoidedRows(page, [row.index])) : null,
      fold(words.facts_access, "", false, facts("facts_access", row)),
      fold(words.facts_money, "", false, row.households ? facts("facts_money", row) : null),
      fold(words.facts_village, "", false, facts("facts_village", row)),
      row.provenance ? fold(words.provenance, row.made ? words.made_badge : "", false, el("p", { class: "gp-fine gp-provenance" }, row.provenance), share()) : null);
    page.link(row.village_id);
  }

  // Why the pipe, or why not: the failed tests, or the money, and the length that would still pay.
  function pipe(row, options) {
    const option = options.find((each) => page.routes[each.route] && page.routes[each.route].id === HEAT);
    if (!option) return null;
    const own = options.find((each) => each.taken);
    const heading = option.taken ? words.why_pipe : words.why_not_pipe;
    let said = null;
    if (option.because.length) said = el("ul", { class: "gp-why gp-list" }, ...reasons(option));
    else if (!option.taken) said = el("p", null, option.feasible ? dearer(option, own) : words.infeasible);
    return fold(heading, "", true, reach(row), said);
  }

  // New pipe to the heat network beside the length at which it stops paying.
  function reach(row) {
    const length = row.heat_connection_m;
    const limit = row.break_even_m;
    if (!known(length) || !known(limit)) return null;
    const most = Math.max(length, limit, 1) * 1.08;
    const within = length <= limit;
    const bar = el("div", { class: `gp-bar ${within ? "within" : "beyond"}`, "aria-hidden": "true" });
    const done = el("span", { class: "gp-bar-length" });
    const mark = el("span", { class: "gp-bar-limit" });
    done.style.width = `${(100 * length) / most}%`;
    mark.style.left = `${(100 * Math.max(limit, 0)) / most}%`;
    bar.append(done, mark);
    const said = `${words.connection} ${number(length)} m · ${words.break_even} ${number(limit)} m`;
    return el("div", { class: "gp-reach" }, bar, el("p", null, `${said} · `, el("em", null, within ? words.within : words.beyond)));
  }

  function yearly(cny) {
    return cny > 0 ? fill(words.a_year, page.sum(cny)) : null;
  }

  // An amount and in small what stands beside it: another amount where it differs, or a text.
  function cell(value, write, beside) {
    const text = known(value) ? write(value) : words.unstated;
    const small = known(beside) && beside !== value ? el("small", null, typeof beside === "number" ? write(beside) : beside) : null;
    return el("td", known(value) ? null : { class: "gp-unstated" }, text, small);
  }

  function comparison(row, options) {
    if (!options.length) return null;
    const each = (cny) => (known(cny) ? cny / row.households : cny);
    const yuan = (value) => number(value);
    const lines = options.map((option) => {
      const state = option.taken ? words.chosen : option.feasible ? words.feasible : words.infeasible;
      return el("tr", { class: `${option.feasible ? "" : "gp-out"} ${option.taken ? "gp-taken" : ""}` },
        el("th", { scope: "row" }, chip(route(option.route)), el("small", null, state)),
        cell(option.annual_cost_cny, page.sum), cell(option.subsidy_capital_cny, page.sum, yearly(option.subsidy_operating_cny_per_a)),
        cell(each(option.household_capex_cny), yuan, each(option.household_capex_unsubsidised_cny)),
        cell(option.household_cost_cny_per_season, yuan, option.household_cost_unsubsidised_cny_per_season),
        cell(option.co2_t_per_a, (v) => number(v)));
    });
    const title = (text, unit) => el("th", { scope: "col" }, text, el("small", null, unit));
    const head = el("tr", null, el("th", { scope: "col" }, words.option_route), title(words.option_cost, words.unit_money_year),
      title(words.option_government, words.unit_money), title(words.option_once, words.unit_household),
      title(words.option_season, words.unit_household), title("CO₂", words.unit_tonnes));
    const table = el("table", { class: "gp-options" }, el("thead", null, head), el("tbody", null, ...lines));
    return fold(words.options, runnerUp(row), true, el("div", { class: "gp-scroll" }, table),
      el("p", { class: "gp-fine" }, words.options_note), row.tie ? el("p", { class: "gp-tie-note" }, fill(words.tie_note, page.policy.near_tie_pct)) : null);
  }

  function runnerUp(row) {
    if (!row.runner_up || !known(row.margin_pct)) return "";
    return `${words.runner_up} ${facts.routeName(row.runner_up)}${zh ? "，" : ", "}${facts.margin(row.margin_pct)}`;
  }

  // Why a cheaper runner-up had to wait: the document names it later than the route taken.
  function inOrder(row) {
    const rank = (id) => (page.policy.order || []).findIndex((routes) => routes.includes(id));
    const taken = page.routes[row.route];
    const [own, other] = [taken ? rank(taken.id) : -1, rank(row.runner_up)];
    if (!(row.margin_pct < 0) || own < 0 || other <= own) return null;
    const values = [facts.routeName(row.runner_up), taken.label, number(-row.margin_pct, 1)];
    return el("p", { class: "gp-reason gp-order" }, values.reduce((text, value, i) => text.split(`{${i}}`).join(value), words.order_note));
  }

  // Every route that was not taken: the tests it failed, or what it would cost.
  function others(options) {
    const left = options.filter((option) => !option.taken);
    const own = options.find((option) => option.taken);
    if (!left.length) return null;
    const rows = left.map((option) => {
      const said = option.because.length ? reasons(option) : [el("li", null, option.feasible ? dearer(option, own) : words.infeasible)];
      return el("div", { class: "gp-why" }, chip(route(option.route)), el("ul", { class: "gp-list" }, ...said));
    });
    return fold(words.others, fill(words.others_count, left.filter((option) => !option.feasible).length), false, ...rows);
  }

  function dearer(option, own) {
    if (!own || !known(own.annual_cost_cny) || own.annual_cost_cny <= 0 || !known(option.annual_cost_cny)) return words.feasible;
    return fill(words.also_feasible, facts.margin((100 * (option.annual_cost_cny - own.annual_cost_cny)) / own.annual_cost_cny));
  }

  // What each route would take of its source, what the plan leaves there, and what a unit is worth to the village.
  function competition(row, options) {
    const rows = options.filter((option) => known(option.source_id) && option.source_id !== "" && option.capacity_use > 0);
    if (!rows.length) return null;
    const amount = (value, unit) => (known(value) ? `${number(value, Math.abs(value) < 10 ? 2 : 0)} ${pick(page.units, unit, unit || "")}` : "—");
    const valued = rows.some((option) => known(option.capacity_value_cny_per_unit));
    const lines = rows.map((option) => {
      const source = page.sourceRows.find((each) => each.source_id === option.source_id);
      const left = source && known(source.used) ? source.capacity - source.used : null;
      const worth = option.capacity_value_cny_per_unit;
      return el("tr", { class: option.taken ? "gp-taken" : "" },
        el("th", { scope: "row" }, chip(route(option.route)), el("small", null, facts.sourceName(option.source_id))),
        el("td", null, amount(option.capacity_use, option.capacity_unit)), el("td", null, amount(left, option.capacity_unit)),
        valued ? el("td", null, known(worth) ? number(worth, Math.abs(worth) < 100 ? 1 : 0) : "—") : null);
    });
    const title = (text, unit) => el("th", { scope: "col" }, text, unit ? el("small", null, unit) : null);
    const head = el("tr", null, el("th", { scope: "col" }, words.source_of), title(words.needs), title(words.left_now), valued ? title(words.worth, words.unit_worth) : null);
    const own = rows.find((option) => option.taken);
    return fold(words.competition, own ? amount(own.capacity_use, own.capacity_unit) : "", false,
      el("div", { class: "gp-scroll" }, el("table", { class: "gp-capacity" }, el("thead", null, head), el("tbody", null, ...lines))),
      el("p", { class: "gp-fine" }, valued ? words.worth_note : words.left_note));
  }

  function share() {
    if (ROOT !== document || !navigator.clipboard) return null;
    const button = el("button", { type: "button", class: "gp-plain" }, words.copy_link);
    button.addEventListener("click", () => navigator.clipboard.writeText(window.location.href).then(() => {
      button.textContent = words.copied;
    }, () => {
      button.textContent = words.copy_failed;
    }));
    return button;
  }

  function source(row) {
    const look = sourceLook(row.route);
    const list = el("dl");
    const put = (label, text) => list.append(el("div", null, el("dt", null, label), el("dd", null, text)));
    put(words.used, loadText(row, page));
    if (known(row.used) && known(row.capacity)) put(words.left, `${number(row.capacity - row.used, 1)} ${pick(page.units, row.unit, row.unit)}`);
    if (known(row.shadow_price_cny_per_unit)) put(words.shadow_price, number(row.shadow_price_cny_per_unit, 1));
    if (row.year) put(words.year_from, String(row.year));
    put(words.served, number(page.villageRows.filter((v) => v.source_id === row.source_id).length));
    const bar = row.capacity > 0 && known(row.used) ? chart([[row.used / row.capacity, look.fillColor]], "gp-chart-wide") : null;
    open(look.fillColor, row.name || row.source_id, row.source_id, bar, list,
      row.made ? el("p", { class: "gp-warn" }, words.made_badge) : null,
      row.provenance ? el("section", null, el("h3", null, words.provenance), el("p", { class: "gp-fine" }, row.provenance)) : null);
  }

  return { village, source, hide };
}

// The values of the village's columns in the reader's words.
function Facts(page) {
  const words = page.words;
  const zh = page.lang === "zh";
  const between = (text) => (zh ? `（${text}）` : ` (${text})`);

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

  function value(fact, village) {
    const cell = village[fact.name];
    if (!known(cell)) return words.unstated;
    if (fact.name === "source_id") return sourceName(cell);
    if (fact.name === "runner_up") return routeName(cell);
    if (fact.name === "margin_pct") return margin(cell);
    if (fact.name === "household_capex_cny" && village.households) return money(cell) + between(fill(words.per_household, number(cell / village.households)));
    if (typeof cell === "boolean") return cell ? words.yes : words.no;
    if (typeof cell === "number") return withUnit(cell, fact.unit);
    return pick(page.values, cell, String(cell));
  }

  function sourceName(id) {
    const source = page.sourceRows.find((row) => row.source_id === id);
    return source && source.name ? source.name + between(id) : id;
  }

  function routeName(id) {
    return (page.routes.find((route) => route.id === id) || { label: id }).label;
  }

  function margin(pct) {
    return fill(pct < 0 ? words.margin_cheaper : words.margin_dearer, number(Math.abs(pct), 1));
  }

  function list(heading, village) {
    const all = heading === "facts_money" && village.households && village.route >= 0;
    const filled = page.facts[heading].filter((fact) => all || (known(village[fact.name]) && village[fact.name] !== ""));
    if (!filled.length) return null;
    return el("dl", null, ...filled.map((fact) => el("div", null, el("dt", null, fact.label), el("dd", null, value(fact, village)))));
  }

  return Object.assign(list, { margin, routeName, sourceName });
}

// "73.1 / 85.0 MW (86 %)"
function loadText(source, page) {
  if (!known(source.capacity)) return "—";
  const unit = pick(page.units, source.unit, source.unit || "");
  const digits = source.capacity < 1000 ? 1 : 0;
  const said = (value) => number(value, digits, digits);
  if (!known(source.used)) return `${said(source.capacity)} ${unit}`;
  const share = source.capacity > 0 ? ` (${Math.round((100 * source.used) / source.capacity)} %)` : "";
  return `${said(source.used)} / ${said(source.capacity)} ${unit}${share}`;
}
