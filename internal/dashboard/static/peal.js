"use strict";

// Times are written in UTC; who reads them sees their own zone.
function localise(root) {
  for (const t of root.querySelectorAll("time[datetime]")) {
    const at = new Date(t.dateTime);
    t.textContent = at.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });
  }
}

// Fields for times hold UTC, too; who fills them in means their own zone, and what is sent,
// and stands in the address to share, is UTC again.
const fieldTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d$/;
function localiseFields(root) {
  for (const field of root.querySelectorAll('input[type="datetime-local"]')) {
    const utc = field.getAttribute("value");
    if (!utc || field.dataset.local) continue;
    field.dataset.local = "true"; // once: afterwards it is the reader's
    const at = new Date(utc + "Z");
    field.value = new Date(at - at.getTimezoneOffset() * 60000).toISOString().slice(0, 16);
  }
  for (const label of root.querySelectorAll("[data-zone]")) label.textContent = label.textContent.replace(", UTC", "");
}
function sendUTC(form) {
  for (const [name, value] of [...form.entries()]) {
    if (typeof value === "string" && fieldTime.test(value)) form.set(name, new Date(value).toISOString().replace(".000Z", "Z"));
  }
}
document.addEventListener("formdata", (e) => sendUTC(e.formData));

// A chart is drawn from the table that stands beside it: a column with a colour is a
// series, of bars that stand on one another or, with a line, of a line. A row with a mark
// is one that something was found in.
function draw(root) {
  for (const box of root.querySelectorAll("[data-chart]")) {
    const table = document.querySelector(box.dataset.chart);
    if (!table || box.firstChild) continue;
    const rows = [...table.tBodies[0].rows];
    const style = getComputedStyle(document.documentElement);
    const color = (name) => style.getPropertyValue("--" + name).trim();
    const heads = [...table.tHead.rows[0].cells].filter((c) => c.dataset.color);
    const columns = heads.map((h) => rows.map((r) => (r.cells[h.cellIndex].textContent === "" ? null : Number(r.cells[h.cellIndex].textContent))));
    const axis = { stroke: color("faint"), grid: { stroke: color("line"), width: 1 }, ticks: { stroke: color("line") } };
    const bars = uPlot.paths.bars({ size: [0.8, 40] });
    const series = [{}], data = [rows.map((r) => Number(r.cells[0].dataset.at))];
    // The sums are drawn first, so that each bar stands in front of those it carries.
    for (let i = heads.length - 1; i >= 0; i--) {
      const line = "line" in heads[i].dataset, column = columns[i];
      series.push({
        label: heads[i].textContent, value: (u, v, s, at) => (at === null ? "" : column[at]), stroke: color(heads[i].dataset.color),
        points: { show: false }, ...(line ? { width: 2, dash: [6, 4], spanGaps: true } : { fill: color(heads[i].dataset.color), paths: bars }),
      });
      data.push(line ? column : rows.map((_, at) => columns.slice(0, i + 1).reduce((sum, c, j) => sum + ("line" in heads[j].dataset ? 0 : c[at] || 0), 0)));
    }
    const marked = rows.flatMap((r, i) => ("mark" in r.dataset ? [i] : []));
    const mark = (u) => {
      u.ctx.save();
      u.ctx.fillStyle = color("bad");
      for (const i of marked) {
        const x = u.valToPos(data[0][i], "x", true), r = 4 * devicePixelRatio;
        u.ctx.beginPath();
        u.ctx.moveTo(x - r, u.bbox.top);
        u.ctx.lineTo(x + r, u.bbox.top);
        u.ctx.lineTo(x, u.bbox.top + 2 * r);
        u.ctx.fill();
      }
      u.ctx.restore();
    };
    const height = 200;
    const chart = new uPlot({
      width: box.clientWidth, height, axes: [axis, axis], series, hooks: { draw: [mark] },
      scales: {
        x: { range: [Number(box.dataset.since), Number(box.dataset.until)] },
        y: { range: (u, low, high) => [0, Math.max(high * 1.08, Number(box.dataset.least || 1))] },
      },
    }, data, box);
    new ResizeObserver(() => chart.setSize({ width: box.clientWidth, height })).observe(box);
  }
}

function dress(root) {
  localise(root);
  localiseFields(root);
  draw(root);
}

document.addEventListener("click", (e) => {
  const b = e.target.closest("button");
  if (!b) return;
  if (b.dataset.confirm && !confirm(b.dataset.confirm)) e.preventDefault();
  if (b.dataset.copy) {
    navigator.clipboard.writeText(document.querySelector(b.dataset.copy).textContent).then(() => { b.textContent = "Copied"; });
  }
  if ("themeToggle" in b.dataset) {
    const dark = document.documentElement.dataset.theme
      ? document.documentElement.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    document.documentElement.dataset.theme = dark ? "light" : "dark";
    localStorage.setItem("theme", document.documentElement.dataset.theme);
  }
});

document.addEventListener("change", (e) => {
  if (e.target.dataset.checkAll) {
    for (const box of document.getElementsByName(e.target.dataset.checkAll)) box.checked = e.target.checked;
  }
  if ("submit" in e.target.dataset) e.target.form.requestSubmit();
});

// A portal's colour is made darker, or lighter in the dark, until it can be read.
function brand() {
  const given = document.body.dataset.accent;
  if (!given) return;
  const root = document.documentElement.style;
  const channels = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
  const light = (rgb) => rgb.map((c) => (c /= 255, c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)).reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const style = getComputedStyle(document.documentElement);
  const behind = light(channels(style.getPropertyValue("--calm-tint").trim()));
  const towards = style.colorScheme === "dark" ? 255 : 0;
  let rgb = channels(given);
  for (let step = 0; step < 20; step++) {
    const [high, low] = [light(rgb), behind].sort((a, b) => b - a);
    if ((high + 0.05) / (low + 0.05) >= 4.5) break;
    rgb = rgb.map((c) => Math.round(c + (towards - c) / 10));
  }
  root.setProperty("--accent", `rgb(${rgb.join(" ")})`);
}

// A chart has the colours of the theme that it was drawn in.
function redraw() {
  brand();
  for (const box of document.querySelectorAll("[data-chart]")) box.replaceChildren();
  draw(document);
}
new MutationObserver(redraw).observe(document.documentElement, { attributeFilter: ["data-theme"] });
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);

document.addEventListener("DOMContentLoaded", () => {
  const here = document.querySelector("nav a[aria-current]");
  if (here) here.parentNode.scrollLeft = here.offsetLeft - (here.parentNode.clientWidth - here.clientWidth) / 2;
  brand();
  dress(document);
});
document.addEventListener("htmx:afterSwap", (e) => dress(e.target.parentNode || document));

// What follows events leaves open what is open, and the keyboard where it is.
const places = (root) => [...root.querySelectorAll("a, summary, [tabindex]")];
const placeName = (e) => e.getAttribute("href") || e.textContent;
let before;
document.addEventListener("htmx:sseBeforeMessage", (e) => {
  const here = places(e.target).find((p) => p === document.activeElement);
  before = { open: [...e.target.querySelectorAll("details")].map((d) => d.open), here: here && placeName(here) };
});
document.addEventListener("htmx:sseMessage", (e) => {
  e.target.querySelectorAll("details").forEach((d, i) => { d.open = Boolean(before.open[i]); });
  if (before.here) places(e.target).find((p) => placeName(p) === before.here)?.focus({ preventScroll: true });
  dress(e.target);
});
