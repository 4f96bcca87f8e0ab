// Runs before the page is drawn, so that it is drawn once.
const chosen = localStorage.getItem("theme");
if (chosen) document.documentElement.dataset.theme = chosen;
