// How much room there is, as classes for the style; and the sheet of A3 with what a sheet must say of itself.

const ROOMS = { mid: 1200, narrow: 900, phone: 641 };

function Room() {
  const fit = () => {
    for (const [name, below] of Object.entries(ROOMS)) HOST.classList.toggle(`gp-${name}`, HOST.clientWidth < below);
  };
  new ResizeObserver(fit).observe(HOST);
  fit();
}

function Paper(page, map) {
  if (ROOT !== document) return;
  const words = page.words;
  const foot = byId("gp-foot");
  const sums = el("div", { id: "gp-paper-sums" });
  const button = el("button", { type: "button", id: "gp-print" }, words.print);
  let screen = null;

  byId("gp-chips").append(button);
  button.addEventListener("click", () => window.print());
  window.addEventListener("beforeprint", () => paper(true));
  window.addEventListener("afterprint", () => paper(false));

  // The screen comes back as it was.
  function paper(on) {
    if (on && !screen) screen = { center: map.getCenter(), zoom: map.getZoom(), bounds: map.getBounds() };
    HOST.classList.toggle("gp-paper", on);
    if (on) write();
    squeeze(on);
    map.invalidateSize({ animate: false, pan: false });
    if (on) {
      map.fitBounds(extent(), { animate: false });
      settle();
    } else if (screen) {
      map.setView(screen.center, screen.zoom, { animate: false });
      screen = null;
    }
  }

  // What the screen shows; the whole county where the screen shows all villages.
  function extent() {
    const [south, west, north, east] = page.bounds;
    const whole = L.latLngBounds([[south, west], [north, east]]);
    const [bottom, left, top, right] = page.extent;
    return screen.bounds.contains(whole) ? L.latLngBounds([[bottom, left], [top, right]]).pad(0.02) : screen.bounds;
  }

  // Chromium prints what was drawn since the last clearing as strokes, and the clearing as a white sheet over all that
  // lies below. A canvas whose pixels were written since is printed as its pixels.
  function settle() {
    for (const canvas of map.getContainer().querySelectorAll("canvas")) {
      if (!canvas.width || !canvas.height) continue;
      const ctx = canvas.getContext("2d");
      for (const pixel of [0, 1]) ctx.putImageData(ctx.createImageData(1, 1), pixel, 0);
    }
  }

  // As many sums below the legend as there is room for; a legend longer than the sheet is printed smaller, never cut.
  function squeeze(on) {
    const legend = byId("gp-legend");
    const body = legend.querySelector(".gp-legend-body");
    body.style.zoom = "";
    sums.remove();
    if (!on) return;
    const over = () => body.scrollHeight > body.clientHeight + 1;
    sums.replaceChildren(...(over() ? [] : page.county.sections()));
    legend.append(sums);
    while (over() && sums.lastChild) sums.lastChild.remove();
    if (over()) body.style.zoom = String(Math.max(body.clientHeight / body.scrollHeight - 0.01, 0.4));
  }

  function write() {
    const said = page.filterText();
    const now = new Date();
    const today = [now.getFullYear(), now.getMonth() + 1, now.getDate()].map((part) => String(part).padStart(2, "0")).join("-");
    const line = (label, text) => el("p", null, el("b", null, label), text || "________________");
    foot.replaceChildren(
      el("div", null, line(words.maker, page.sheet.maker), line(words.date, page.sheet.date), line(words.printed, today)),
      el("div", { class: "gp-foot-notes" },
        said ? el("p", null, el("b", null, words.filtering), said) : null,
        el("p", null, words.sheet_note),
        page.made.length ? el("p", null, words.made + page.made.join(words.listing) + words.made_tail) : null,
        page.sheet.document ? el("p", null, el("b", null, words.after_document), page.sheet.document) : null),
    );
  }
}
