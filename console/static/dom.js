// Elements without markup: text becomes text nodes, attributes come from a list, handlers are functions.
// `morph` brings what is on the page to what it should be, and leaves alone what is the same: focus, scrolling and
// opened parts stay.

const SVG = "http://www.w3.org/2000/svg";
const DRAWN = new Set("svg g path rect circle line text title tspan polygon".split(" "));
const ATTRIBUTES = new Set((
  "class id for type name value placeholder title lang role tabindex scope colspan rowspan hidden disabled checked " +
  "selected multiple accept required min max step rows cols open download rel target autocomplete spellcheck " +
  "datetime width height viewBox x y x1 x2 y1 y2 cx cy r rx d points transform fill-opacity text-anchor headers " +
  "preserveAspectRatio method"
).split(" "));
const handlers = new WeakMap();
const drops = new WeakMap();

export function h(tag, properties, ...children) {
  const node = DRAWN.has(tag) && tag !== "title" ? document.createElementNS(SVG, tag) : document.createElement(tag);
  return filled(node, properties, children);
}

// <title> within a drawing
export function named(text) {
  const node = document.createElementNS(SVG, "title");
  node.append(String(text));
  return node;
}

function filled(node, properties, children) {
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "on") handlers.set(node, value);
    else if (name === "key") node.key = String(value);
    else if (name === "drops") drops.set(node, value);
    else if (name === "href") node.setAttribute("href", address(value));
    else if (ATTRIBUTES.has(name) || name.startsWith("aria-") || name.startsWith("data-"))
      node.setAttribute(name, value === true ? "" : String(value));
    else throw new Error(`${name} is not among the attributes that pages use`);
  }
  append(node, children);
  return node;
}

function append(node, children) {
  for (const child of children) {
    if (child === null || child === undefined || child === false) continue;
    if (Array.isArray(child)) append(node, child);
    else node.append(child instanceof Node ? child : document.createTextNode(shown(child)));
  }
}

// Control, direction and other invisible characters become escapes: a name must not reorder what stands beside it.
export function shown(text) {
  return String(text).replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, (c) => {
    if (c === "\n" || c === "\t") return c;
    const code = c.codePointAt(0);
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u{${code.toString(16)}}`;
  });
}

// Within this console, or a page of AWS's own console; nothing else is made a link.
function address(value) {
  const text = String(value);
  if (text.startsWith("/") && !text.startsWith("//")) return text;
  if (text.startsWith("#")) return text;
  const url = new URL(text);
  if (url.protocol === "https:" && url.hostname.endsWith(".console.aws.amazon.com")) return url.href;
  throw new Error("a link leads into the console or to AWS's own");
}

// What the server drew: [tag, {attributes}, [children]], rebuilt element by element from the same lists.
const TREE = new Set((
  "caption circle dd div dl dt footer h1 h2 h3 header li line p path rect span svg table tbody td text th thead tr ul"
).split(" "));
export function drawn(tree) {
  if (typeof tree === "string") return document.createTextNode(shown(tree));
  const [tag, attributes, children] = tree;
  if (!TREE.has(tag)) throw new Error(`${tag} is not among the elements that the server draws`);
  const level = { h1: "h2", h2: "h3", h3: "h4" }[tag];
  // the head of a column without a name is an empty cell
  const html = tag === "th" && !children.length ? "td" : level ?? tag;
  const node = DRAWN.has(tag) ? document.createElementNS(SVG, tag) : document.createElement(html);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "scope" && html === "td") continue;
    if (ATTRIBUTES.has(name) || name.startsWith("aria-")) node.setAttribute(name, value);
  }
  for (const child of children) node.append(drawn(child));
  // a table that is wider than the page is scrolled with the keyboard, too
  if (tag === "div" && node.classList.contains("card")) {
    for (const [name, value] of [["tabindex", "0"], ["role", "group"], ["aria-label", "Table"]]) node.setAttribute(name, value);
  }
  return node;
}

export function morph(old, fresh) {
  if (old.nodeType !== fresh.nodeType || old.nodeName !== fresh.nodeName || old.key !== fresh.key) {
    old.replaceWith(fresh);
    return fresh;
  }
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== fresh.data) old.data = fresh.data;
    return old;
  }
  for (const table of [handlers, drops]) {
    if (table.has(fresh)) table.set(old, table.get(fresh));
    else table.delete(old);
  }
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name) && !kept(old, name)) old.removeAttribute(name);
  }
  for (const { name, value } of [...fresh.attributes]) {
    if (old.getAttribute(name) !== value && !kept(old, name)) old.setAttribute(name, value);
  }
  children(old, fresh);
  return old;
}

// What a person has changed stays: an opened part, a typed text, a chosen file.
function kept(node, name) {
  if (name === "open") return node.nodeName === "DETAILS" || node.nodeName === "DIALOG";
  return name === "value" && (node.nodeName === "INPUT" || node.nodeName === "SELECT");
}

function children(old, fresh) {
  const known = new Map();
  for (const child of old.childNodes) if (child.key !== undefined) known.set(child.key, child);
  const wanted = [...fresh.childNodes];
  let place = old.firstChild;
  for (const child of wanted) {
    const same = child.key !== undefined ? known.get(child.key) : null;
    if (same && same.parentNode === old) {
      if (same !== place) old.insertBefore(same, place);
      else place = place.nextSibling;
      morph(same, child);
    } else if (place && place.key === undefined && child.key === undefined) {
      const next = place.nextSibling;
      morph(place, child);
      place = next;
    } else {
      old.insertBefore(child, place);
    }
  }
  while (place) {
    const next = place.nextSibling;
    place.remove();
    place = next;
  }
}

export function replace(root, ...content) {
  const fresh = root.cloneNode(false);
  append(fresh, content);
  children(root, fresh);
}

// One listener for each kind of event: elements come and go, their handlers with them.
for (const kind of ["click", "submit", "change", "input", "keydown", "dragover", "dragleave", "drop", "close"]) {
  document.addEventListener(kind, (event) => {
    for (let node = event.target; node; node = node.parentNode) {
      const own = handlers.get(node)?.[kind];
      if (own) {
        own(event, node);
        return;
      }
    }
  }, kind === "close");
}
