// Measures lengths on the map, and the area of what the points enclose, on the ellipsoid.

const AXIS_M = 6378137;
const FLATTENING = 1 / 298.257222101;
const MEASURE_COLOUR = "#b3184a";

// Metres of one radian northwards and eastwards at a latitude.
function radii(lat) {
  const e2 = FLATTENING * (2 - FLATTENING);
  const sin2 = Math.sin((lat * Math.PI) / 180) ** 2;
  const east = AXIS_M / Math.sqrt(1 - e2 * sin2);
  return { north: (AXIS_M * (1 - e2)) / (1 - e2 * sin2) ** 1.5, east: east * Math.cos((lat * Math.PI) / 180) };
}

// Length between two places by the radii of their middle latitude; good to 0.01 % within a county. [m]
function lengthBetween(a, b) {
  const { north, east } = radii((a.lat + b.lat) / 2);
  const [dy, dx] = [b.lat - a.lat, b.lng - a.lng].map((degrees) => (degrees * Math.PI) / 180);
  return Math.hypot(dy * north, dx * east);
}

// Area within a ring of places, on the plane of their middle latitude. [m²]
function areaWithin(ring) {
  const middle = ring.reduce((sum, p) => sum + p.lat, 0) / ring.length;
  const { north, east } = radii(middle);
  const flat = ring.map((p) => [((p.lng - ring[0].lng) * Math.PI * east) / 180, ((p.lat - ring[0].lat) * Math.PI * north) / 180]);
  return Math.abs(flat.reduce((sum, [x, y], i) => {
    const [x2, y2] = flat[(i + 1) % flat.length];
    return sum + x * y2 - x2 * y;
  }, 0)) / 2;
}

function lengthText(metres) {
  return metres < 1000 ? `${number(metres)} m` : `${number(metres / 1000, 2)} km`;
}

function areaText(m2) {
  return m2 < 100000 ? `${number(m2)} m²` : `${number(m2 / 1e6, 2)} km²`;
}

function Measure(page, map) {
  const words = page.words;
  const box = byId("gp-measure");
  const button = el("button", { type: "button", id: "gp-measure-open", "aria-pressed": "false" }, words.measure);
  const container = map.getContainer();
  const renderer = L.svg({ padding: 0.5 });
  const style = { renderer, interactive: false, color: MEASURE_COLOUR, weight: 2.5, fill: false };
  const drawn = L.layerGroup();
  let points = [];
  let on = false;

  byId("gp-chips").append(button);
  container.append(box);
  button.addEventListener("click", () => (on ? stop() : begin()));
  container.addEventListener("click", take, true);
  container.addEventListener("dblclick", finish, true);
  HOST.addEventListener("keydown", (event) => {
    if (!on || event.key !== "Escape") return;
    event.stopPropagation();
    stop();
  }, true);

  function begin() {
    on = true;
    points = [];
    drawn.addTo(map);
    draw();
    state();
  }

  function stop() {
    on = false;
    drawn.clearLayers().remove();
    state();
  }

  function state() {
    button.setAttribute("aria-pressed", String(on));
    container.classList.toggle("gp-measuring", on);
    box.hidden = !on;
  }

  function ours(event) {
    return on && !event.target.closest("button, a, input, #gp-chips, #gp-measure, .leaflet-control");
  }

  // Before anything else of the map hears the click; a drag of the map is none.
  function take(event) {
    if (!ours(event)) return;
    event.stopPropagation();
    if (map.dragging.moved() || event.detail > 1) return;
    points.push(map.mouseEventToLatLng(event));
    draw();
  }

  function finish(event) {
    if (ours(event)) event.stopPropagation();
  }

  function draw() {
    drawn.clearLayers();
    let run = 0;
    if (points.length > 2) drawn.addLayer(L.polygon(points, { ...style, stroke: false, fill: true, fillOpacity: 0.1 }));
    if (points.length > 1) drawn.addLayer(L.polyline(points, style));
    points.forEach((point, i) => {
      if (i) run += lengthBetween(points[i - 1], point);
      const dot = L.circleMarker(point, { ...style, radius: 4, fill: true, fillColor: "#fff", fillOpacity: 1 });
      if (i) dot.bindTooltip(el("span", null, lengthText(run)), { permanent: true, direction: "right", offset: [6, 0], className: "gp-measured" });
      drawn.addLayer(dot);
    });
    const area = points.length > 2 ? `${words.measure_area} ${areaText(areaWithin(points))}` : "";
    const total = points.length > 1 ? `${words.measure_total} ${lengthText(run)}` : words.measure_hint;
    const end = el("button", { type: "button" }, words.measure_end);
    end.addEventListener("click", () => {
      stop();
      button.focus();
    });
    box.replaceChildren(el("span", null, [total, area].filter(Boolean).join(" · ")), end);
  }
}
