"use strict";

// Times are written in UTC; who reads them sees their own zone.
function localise(root) {
  for (const t of root.querySelectorAll("time[datetime]")) {
    const at = new Date(t.dateTime);
    t.textContent = at.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });
  }
}

// A chart is drawn from the table that stands beside it.
function draw(root) {
  for (const box of root.querySelectorAll("[data-chart]")) {
    const table = document.querySelector(box.dataset.chart);
    if (!table || box.firstChild) continue;
    const rows = [...table.tBodies[0].rows];
    const column = (i) => rows.map((r) => Number(r.cells[i].textContent));
    const [succeeded, failed] = [column(1), column(2)];
    const style = getComputedStyle(document.documentElement);
    const color = (name) => style.getPropertyValue(name).trim();
    const axis = { stroke: color("--faint"), grid: { stroke: color("--line"), width: 1 }, ticks: { stroke: color("--line") } };
    const bars = uPlot.paths.bars({ size: [0.8, 40] });
    const chart = new uPlot({
      width: box.clientWidth, height: 180, axes: [axis, axis],
      scales: {
        x: { range: [Number(box.dataset.since), Number(box.dataset.until)] },
        y: { range: (u, low, high) => [0, Math.max(high, 1)] },
      },
      // The bars stand on one another: all attempts in the colour of failures, and those that
      // succeeded in front of them.
      series: [{},
        { label: "failed", value: (u, v, s, i) => (i === null ? "" : failed[i]), fill: color("--bad"), stroke: color("--bad"), paths: bars, points: { show: false } },
        { label: "succeeded", fill: color("--good"), stroke: color("--good"), paths: bars, points: { show: false } }],
    }, [rows.map((r) => Number(r.cells[0].dataset.at)), succeeded.map((n, i) => n + failed[i]), succeeded], box);
    new ResizeObserver(() => chart.setSize({ width: box.clientWidth, height: 180 })).observe(box);
  }
}

function dress(root) {
  localise(root);
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
    for (const box of document.querySelectorAll("[data-chart]")) box.replaceChildren();
    draw(document);
  }
});

document.addEventListener("change", (e) => {
  if (e.target.dataset.checkAll) {
    for (const box of document.getElementsByName(e.target.dataset.checkAll)) box.checked = e.target.checked;
  }
  if ("submit" in e.target.dataset) e.target.form.requestSubmit();
});

document.addEventListener("DOMContentLoaded", () => {
  const accent = document.body.dataset.accent;
  if (accent) document.documentElement.style.setProperty("--accent", accent);
  dress(document);
});
document.addEventListener("htmx:afterSwap", (e) => dress(e.target.parentNode || document));
document.addEventListener("htmx:sseMessage", (e) => dress(e.target));
