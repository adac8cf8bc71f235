// The filtered table as a file that Excel opens: UTF-8 with a mark, one row per village.

// A cell of text that no spreadsheet takes for a formula; numbers stay numbers.
function csvCell(value) {
  if (!known(value)) return "";
  if (typeof value === "number") return String(value);
  const text = String(value);
  // A spreadsheet turns a long code into 6.4E+11 and drops leading zeros, unless it begins with a tab.
  if (/^(\d{12,}|0\d+)$/.test(text)) return `"\t${text}"`;
  const safe = /^[\s\u0000-\u0020]*[=+\-@\uff1d\uff0b\uff0d\uff20]|^[\t\r\n]/.test(text) ? `'${text}` : text;
  return `"${safe.split('"').join('""')}"`;
}

function csvText(page) {
  const { words, villages } = page;
  const zh = page.lang === "zh";
  const facts = Object.keys(page.facts).flatMap((heading) => page.facts[heading]).filter((fact) => villages[fact.name]);
  const once = [...new Map(facts.map((fact) => [fact.name, fact])).values()].filter((fact) => !["households", "year", "runner_up", "source_id"].includes(fact.name));
  const facing = Facts(page);
  const unit = (text) => pick(page.units, text, text);
  const heading = (fact) => (fact.unit ? fact.label + (zh ? `（${unit(fact.unit)}）` : ` (${unit(fact.unit)})`) : fact.label);
  const coded = (value) => (typeof value === "boolean" ? (value ? words.yes : words.no) : typeof value === "string" ? pick(page.values, value, value) : value);
  const columns = [
    [words.id, (i) => villages.village_id[i]],
    [words.name, (i) => villages.name[i]],
    [words.town, (i) => villages.town[i]],
    [words.households, (i) => villages.households[i]],
    [words.routes, (i) => (page.routes[villages.route[i]] || { label: "" }).label],
    [words.decision, (i) => pick(page.decisions, villages.decision[i], villages.decision[i])],
    [words.year_slider, (i) => (villages.year || [])[i]],
    [words.source_of, (i) => (villages.source_id && villages.source_id[i] ? facing.sourceName(villages.source_id[i]) : null)],
    [words.runner_up, (i) => (villages.runner_up && villages.runner_up[i] ? facing.routeName(villages.runner_up[i]) : null)],
    [words.tie_badge, (i) => (villages.tie ? coded(Boolean(villages.tie[i])) : null)],
    ...once.map((fact) => [heading(fact), (i) => coded(villages[fact.name][i])]),
    [words.reason, (i) => villages.reason[i]],
    [words.warnings, (i) => (villages.warnings || [])[i]],
    [words.made_badge, (i) => coded(Boolean(villages.made[i]))],
    [words.provenance, (i) => (villages.provenance || [])[i]],
  ];
  const lines = [columns.map(([title]) => csvCell(title)).join(",")];
  page.shown.forEach((state, i) => {
    if (state === 1) lines.push(columns.map(([, read]) => csvCell(read(i))).join(","));
  });
  return `\ufeff${lines.join("\r\n")}\r\n`;
}

function fileName(page) {
  const plain = page.title.replace(/[\u0000-\u001f\\/:*?"<>|]+/g, "_").slice(0, 80).trim() || "map";
  return `${plain}${page.filterText() ? page.words.file_filtered : ""}.csv`;
}

function Export(page) {
  const button = el("button", { type: "button", id: "gp-export" }, page.words.export_table);
  button.addEventListener("click", () => {
    const address = URL.createObjectURL(new Blob([csvText(page)], { type: "text/csv;charset=utf-8" }));
    const link = el("a", { href: address, download: fileName(page) });
    HOST.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(address), 60000);
  });
  byId("gp-chips").append(button);
}
