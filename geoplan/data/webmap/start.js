// Opens the page: the data as they travelled, then the map. Very large data travel compressed.

const OPTIONS = {
  preferCanvas: true, zoomControl: false, attributionControl: false, zoomSnap: 0.25, wheelPxPerZoomLevel: 100,
  minZoom: 6, maxZoom: 18,
};

function start(text, given) {
  const page = JSON.parse(text);
  if (!page.gzip) {
    show(page, given);
    return;
  }
  const shown = veiled(page.title);
  if (typeof DecompressionStream === "undefined") byId("gp-notes").append(el("span", { role: "alert" }, page.old_browser));
  else {
    inflated(page.gzip).then((whole) => {
      shown();
      show(whole, given);
    });
  }
}

// The title alone for as long as the data are being opened; returns what lifts the veil.
function veiled(title) {
  HOST.classList.add("gp");
  byId("gp-title").textContent = title;
  const parts = [...HOST.children].filter((part) => part.id !== "gp-head").concat(byId("gp-search"));
  const see = (visibility) => parts.forEach((part) => { part.style.visibility = visibility; });
  see("hidden");
  return () => see("");
}

function show(page, given) {
  for (const key of ["villages", "options", "links", "sources"]) {
    for (const name of Object.keys(page[key])) page[key][name] = spread(page[key][name]);
  }
  coverage(given || L.map(byId("gp-map"), OPTIONS), page);
}

// The cells of a column; one that repeats itself came as its distinct cells and their places.
function spread(column) {
  if (!column.of) return column;
  const { of, at } = column;
  return typeof at === "number" ? new Array(at).fill(of[0]) : at.map((place) => of[place]);
}

function inflated(base64) {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < bytes.length; i += 1) bytes[i] = text.charCodeAt(i);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).json();
}
