// Search by name, id or town: a combobox with at most ten suggestions.

const MOST_FOUND = 10;

function Search(page, choose) {
  const input = byId("gp-query");
  const list = byId("gp-found");
  let found = [];
  let active = -1;

  input.placeholder = page.words.search;
  input.setAttribute("aria-label", page.words.search);
  list.setAttribute("aria-label", page.words.search);

  const byTown = new Map();
  for (const village of page.villageRows) {
    if (!byTown.has(village.town)) byTown.set(village.town, []);
    byTown.get(village.town).push(village);
  }
  const towns = [...byTown].map(([town, villages]) => ({ town, villages }));

  function matches(text) {
    const query = text.trim().toLowerCase();
    if (!query) return [];
    const start = (value) => (String(value).toLowerCase().startsWith(query) ? 0 : 1);
    const has = (value) => String(value).toLowerCase().includes(query);
    const inTowns = towns.filter((t) => has(t.town));
    const villages = page.villageRows.filter((v) => has(v.name) || has(v.village_id) || has(v.town));
    villages.sort((a, b) => start(a.name) - start(b.name) || has(b.name) - has(a.name) || a.index - b.index);
    return [...inTowns.map((t) => ({ town: t })), ...villages.map((v) => ({ village: v }))].slice(0, MOST_FOUND);
  }

  function item(hit, index) {
    const count = page.words.villages;
    const [name, side] = hit.town
      ? [hit.town.town, `${page.words.town_villages} · ${hit.town.villages.length} ${count}`]
      : [hit.village.name, `${hit.village.town} · ${hit.village.village_id}`];
    const node = el("li", { role: "option", id: `gp-found-${index}`, "aria-selected": "false" },
      el("b", null, name), el("span", null, side));
    node.addEventListener("mousedown", (event) => {
      event.preventDefault();
      pick(index);
    });
    return node;
  }

  function show() {
    found = matches(input.value);
    const asked = input.value.trim() !== "";
    list.replaceChildren(...found.map(item));
    if (asked && !found.length) list.append(el("li", { class: "gp-none" }, page.words.search_none));
    list.hidden = !asked;
    input.setAttribute("aria-expanded", String(asked));
    activate(found.length ? 0 : -1);
  }

  function activate(index) {
    active = index;
    [...list.children].forEach((node, i) => node.setAttribute("aria-selected", String(i === index)));
    if (index < 0) input.removeAttribute("aria-activedescendant");
    else {
      input.setAttribute("aria-activedescendant", `gp-found-${index}`);
      list.children[index].scrollIntoView({ block: "nearest" });
    }
  }

  function close() {
    list.hidden = true;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  }

  function pick(index) {
    const hit = found[index];
    if (!hit) return;
    input.value = hit.town ? hit.town.town : hit.village.name;
    close();
    choose(hit);
  }

  input.addEventListener("input", show);
  input.addEventListener("focus", () => input.select());
  input.addEventListener("blur", close);
  input.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    if (event.key === "Enter") pick(active);
    else if (event.key === "ArrowDown" && found.length) activate((active + 1) % found.length);
    else if (event.key === "ArrowUp" && found.length) activate((active + found.length - 1) % found.length);
    else if (event.key === "Escape" && !list.hidden) {
      event.stopPropagation();
      close();
      return;
    } else return;
    event.preventDefault();
  });
}

// The address names what is open, so that it can be sent: #village=<id> or #town=<name>; only of a page of its own.
function Link(page, { choose, showTown }) {
  const own = ROOT === document;
  let written = "";

  function follow() {
    const named = new URLSearchParams(window.location.hash.slice(1));
    if (window.location.hash.slice(1) === written) return;
    const village = page.villageRows.find((row) => row.village_id === named.get("village"));
    const town = page.villageRows.filter((row) => row.town === named.get("town"));
    if (village) choose(village);
    else if (town.length) {
      page.setFilter({ towns: new Set([town[0].town]) });
      showTown({ town: town[0].town, villages: town });
    }
  }

  page.link = (id) => {
    if (!own) return;
    written = id ? new URLSearchParams({ village: id }).toString() : "";
    try {
      window.history.replaceState(null, "", id ? `#${written}` : window.location.href.split("#")[0]);
    } catch {
      // A frame without an address of its own has nothing to write to.
    }
  };
  if (!own) return;
  window.addEventListener("hashchange", follow);
  follow();
}
