// The address is the state: it names the page and what is chosen on it. Back and forward only read it again.

import { h, replace } from "./dom.js";
import { ask, follow } from "./net.js";
import { projectAt, runAt } from "./words.js";
import * as projects from "./pages/projects.js";
import * as project from "./pages/project.js";
import * as run from "./pages/run.js";
import * as alarms from "./pages/alarms.js";
import * as alerts from "./pages/alerts.js";
import * as annotate from "./pages/annotate.js";
import * as compare from "./pages/compare.js";
import * as data from "./pages/data.js";
import * as dataset from "./pages/dataset.js";
import * as decisions from "./pages/decisions.js";
import * as drop from "./pages/drop.js";
import * as evaluation from "./pages/evaluation.js";
import * as lineage from "./pages/lineage.js";
import * as monitor from "./pages/monitor.js";
import * as release from "./pages/release.js";
import * as trials from "./pages/trials.js";

const ONE = "/projects/(?<project>[^/]+)";
const RUN = `${ONE}/runs/(?<run>[^/]+)`;
const ROUTES = Object.entries({
  "/": projects,
  "/alerts": alerts,
  [ONE]: project,
  [`${ONE}/data`]: data,
  [`${ONE}/data/(?<part>[^/]+)`]: dataset,
  [`${ONE}/monitor`]: monitor,
  [`${ONE}/alarms`]: alarms,
  [`${ONE}/alerts`]: alerts,
  [`${ONE}/annotate`]: annotate,
  [`${ONE}/compare`]: compare,
  [`${ONE}/drop`]: drop,
  [`${ONE}/lineage`]: lineage,
  [RUN]: run,
  [`${RUN}/trials`]: trials,
  [`${RUN}/evaluation`]: evaluation,
  [`${RUN}/decisions`]: decisions,
  [`${RUN}/release`]: release,
}).map(([pattern, page]) => [new RegExp(`^${pattern}$`), page]);

const main = document.getElementById("main");
const trail = document.getElementById("trail");
const where = document.getElementById("where");
const said = document.getElementById("said");
let current = null;

function read() {
  for (const [pattern, page] of ROUTES) {
    const found = pattern.exec(location.pathname);
    if (found) {
      const parts = Object.entries(found.groups ?? {}).map(([name, text]) => [name, decoded(text)]);
      return { page, query: new URLSearchParams(location.search), ...Object.fromEntries(parts) };
    }
  }
  return { page: null, query: new URLSearchParams() };
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

// `quiet`: the same page with another choice, so focus and scrolling stay
function open(quiet = false) {
  const place = read();
  const path = place.page?.ask(place);
  if (quiet && current && current.place.page === place.page && current.path === path) {
    current.place = place;
    show(current, current.data);
    return;
  }
  current?.followed?.stop();
  current?.place.page?.left?.();
  const mine = { place, path, data: null, followed: null, alive: true };
  if (current) current.alive = false;
  current = mine;
  crumbs(place);
  if (!place.page) {
    document.title = "Not found · Sluice";
    replace(main, h("h1", { tabindex: -1 }, "There is no such page"), h("p", null, h("a", { href: "/" }, "All projects")));
    return;
  }
  document.title = `${place.page.title(place)} · Sluice`;
  if (!quiet) {
    replace(main, h("h1", { tabindex: -1 }, place.page.title(place)), h("p", { class: "quiet" }, "Asking …"));
    scrollTo(0, 0);
  }
  let first = !quiet;
  mine.followed = follow(path, () => place.page.every?.(mine.data) ?? 3000, (data) => {
    if (!mine.alive) return;
    const before = mine.data;
    mine.failed = false;
    mine.data = data;
    show(mine, data);
    const news = before && place.page.news?.(before, data);
    if (news) tell(news);
    if (first && mine.moved) main.querySelector("h1")?.focus({ preventScroll: true });
    first = false;
  }, (error) => {
    if (mine.alive) fail(mine, error);
  });
  mine.moved = moved;
}
let moved = false;

function show(mine, data) {
  if (data === null) return;
  const { place } = mine;
  const context = {
    ...place,
    go,
    choose,
    tell,
    again: () => mine.followed.again(),
    redraw: () => mine.alive && show(mine, mine.data),
  };
  replace(main, ...[place.page.draw(data, context)].flat());
}

function fail(mine, error) {
  mine.failed = true;
  const words = error.status ? error.message : "The console cannot be reached: is `sluice console` still running?";
  const box = h("div", { class: "failure", role: "alert", key: "failure" }, h("strong", null, "Not shown: "), words);
  if (mine.data === null) replace(main, h("h1", { tabindex: -1 }, mine.place.page.title(mine.place)), box);
  else {
    main.querySelector(":scope > .failure")?.remove();
    main.prepend(box);
  }
}

function crumbs({ project, run }) {
  const parts = [h("li", null, h("a", { href: "/" }, "Projects"))];
  if (!project && location.pathname === "/alerts") parts.push(h("li", null, h("a", { href: "/alerts" }, "Alerts")));
  if (project) parts.push(h("li", null, h("a", { href: projectAt(project) }, project)));
  if (run) parts.push(h("li", null, h("a", { href: runAt(project, run) }, run)));
  replace(trail, h("ol", null, parts));
}

export function go(path) {
  if (path !== location.pathname + location.search) history.pushState(null, "", path);
  moved = true;
  open();
}

// Another choice on the same page; null takes one away.
export function choose(choices, { instead = false } = {}) {
  const query = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(choices)) {
    if (value === null || value === "") query.delete(name);
    else query.set(name, value);
  }
  const text = query.toString();
  const path = location.pathname + (text ? `?${text}` : "");
  if (path === location.pathname + location.search) return;
  if (instead) history.replaceState(null, "", path);
  else history.pushState(null, "", path);
  open(true);
}

export function tell(text) {
  said.textContent = "";
  requestAnimationFrame(() => { said.textContent = text; });
}

// What is in progress shows how long it has taken, although no answer changes.
setInterval(() => {
  if (current?.data?.live && document.visibilityState === "visible" && !current.failed) show(current, current.data);
}, 1000);

addEventListener("popstate", () => open(true));
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[href]");
  if (!link || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey) return;
  const path = link.getAttribute("href");
  if (!path.startsWith("/") || link.target || link.hasAttribute("download")) return;
  event.preventDefault();
  go(path);
});

const theme = document.getElementById("theme");
const dark = matchMedia("(prefers-color-scheme: dark)");
const shade = () => document.documentElement.dataset.theme ?? (dark.matches ? "dark" : "light");
function label() {
  const next = shade() === "dark" ? "light" : "dark";
  theme.textContent = next === "dark" ? "Dark" : "Light";
  theme.setAttribute("aria-label", `Switch to the ${next} theme`);
}
theme.addEventListener("click", () => {
  document.documentElement.dataset.theme = shade() === "dark" ? "light" : "dark";
  try { localStorage.setItem("theme", document.documentElement.dataset.theme); } catch { /* storage may be forbidden */ }
  label();
});
dark.addEventListener("change", label);
label();
open();
ask("/api/where").then(({ data }) => { where.textContent = data.where; }).catch(() => { /* the page says why nothing is shown */ });
