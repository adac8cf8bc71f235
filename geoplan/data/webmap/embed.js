// Moves a fragment into a tree of its own, so that neither its styles nor its names meet those of the page.
function (key) {
  const box = [...document.querySelectorAll(`[data-map="${key}"]`)].find((one) => !one.shadowRoot);
  const root = box.attachShadow({ mode: "open" });
  const { content } = box.querySelector("template");
  const style = new CSSStyleSheet();
  style.replaceSync(content.querySelector("style").textContent);
  root.adoptedStyleSheets = [style];
  const host = content.querySelector(".gp").cloneNode(true);
  root.append(host);
  return [root, host, box.querySelector("script").textContent];
}
