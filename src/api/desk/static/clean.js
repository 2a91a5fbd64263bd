// HTML from a clipboard or a draft, reduced to what a section may hold. The server judges again.

const KEPT = new Set("P H3 H4 UL OL LI A B I BLOCKQUOTE CODE PRE BR TABLE THEAD TBODY TR TH TD DIV".split(" "));
const RENAMED = { STRONG: "B", EM: "I", H1: "H3", H2: "H3", H5: "H4", H6: "H4", TT: "CODE", KBD: "CODE", SAMP: "CODE" };
const LOST = new Set("SCRIPT STYLE TITLE HEAD META LINK IFRAME OBJECT EMBED TEMPLATE NOSCRIPT SVG MATH SELECT TEXTAREA INPUT BUTTON AUDIO VIDEO CANVAS".split(" "));
const TOLD = new Set("SCRIPT STYLE IFRAME OBJECT EMBED SVG MATH AUDIO VIDEO CANVAS".split(" "));
const ATTRIBUTES = { A: ["href", "title"], OL: ["start"], TH: ["scope"] };
const BLOCKS = "p,h1,h2,h3,h4,h5,h6,ul,ol,blockquote,pre,table,div";
const DEEPEST = 200; // elements in each other; whatever is deeper is taken as text

/** Return a fragment of allowed elements; `told` hears the names of what was left out. */
export function clean(html, told = () => {}) {
  const inert = document.createElement("template"); // nothing in it runs or loads
  inert.innerHTML = html;
  const left = new Set();
  lists(inert.content);
  for (const each of inert.content.querySelectorAll('li > p[role="presentation"]:only-child')) each.replaceWith(...each.childNodes); // Google Docs
  const made = document.createDocumentFragment();
  copy(inert.content, made, left, 0);
  if (left.size) told(left);
  return made;
}

function copy(from, to, left, depth) {
  for (const node of from.childNodes) {
    if (node.nodeType === Node.TEXT_NODE) to.append(node.data);
    if (node.nodeType === Node.ELEMENT_NODE) element(node, to, left, depth);
  }
}

function element(node, to, left, depth) {
  const given = node.tagName.toUpperCase();
  if (given === "IMG" || given === "PICTURE") return left.add("img");
  if (LOST.has(given)) return TOLD.has(given) && left.add(given.toLowerCase());
  if (depth > DEEPEST) return to.append(node.textContent);
  const name = RENAMED[given] ?? given;
  const style = node.getAttribute("style") ?? "";
  if (/mso-list:\s*ignore/i.test(style)) return undefined; // Word's own bullet
  if (style && !/^(b|i|span)$/i.test(given)) left.add("styles");
  const isPlain = (name === "B" && /font-weight:\s*(normal|400)/i.test(style)) || (name === "I" && /font-style:\s*normal/i.test(style));
  const href = name === "A" ? address(node.getAttribute("href")) : null;
  const isKept = KEPT.has(name) && !isPlain && !(name === "A" && !href) && !(name === "DIV" && node.querySelector(BLOCKS));
  let into = to;
  if (isKept) into = open(name, node, href, into);
  else if (!isPlain && given === "SPAN") {
    if (/font-weight:\s*(bold|[6-9]00)/i.test(style) && !node.closest('b:not([style*="normal"]),strong,h1,h2,h3,h4,th')) into = inside("B", into);
    if (/font-style:\s*italic/i.test(style) && !node.closest("i,em")) into = inside("I", into);
    if (style) left.add("styles");
  }
  copy(node, into, left, depth + 1);
  return undefined;
}

function open(name, node, href, into) {
  const made = inside(name, into);
  for (const attribute of ATTRIBUTES[name] ?? []) {
    const value = attribute === "href" ? href : node.getAttribute(attribute);
    if (value !== null) made.setAttribute(attribute, value);
  }
  return made;
}

function inside(name, into) {
  const made = document.createElement(name);
  into.append(made);
  return made;
}

/** Return the address of a link, null for one that an article cannot have. */
function address(href) {
  const given = (href ?? "").trim();
  const behind = /^https:\/\/www\.google\.com\/url\?(.*)$/i.exec(given); // Google Docs sends its readers round
  const meant = behind ? (new URLSearchParams(behind[1]).get("q") ?? given) : given;
  return /^(https:\/\/|mailto:)/i.test(meant) ? meant : null;
}

// Word writes the items of a list as paragraphs: mso-list names the list and the level, a span to ignore the bullet.
function lists(root) {
  for (const paragraph of root.querySelectorAll('p[style*="mso-list"]')) {
    if (paragraph.previousElementSibling?.matches('p[style*="mso-list"]')) continue; // taken with the first
    const items = [];
    for (let each = paragraph; each?.matches('p[style*="mso-list"]'); each = each.nextElementSibling) items.push(each);
    paragraph.before(listOf(items));
    for (const item of items) item.remove();
  }
}

function listOf(items) {
  const levels = []; // the open lists, the outermost first
  for (const item of items) {
    const wanted = Math.min(Number(/level(\d+)/i.exec(item.getAttribute("style"))?.[1] ?? 1), levels.length + 1);
    levels.length = Math.min(levels.length, wanted);
    if (levels.length < wanted) {
      const list = document.createElement(isNumbered(item) ? "ol" : "ul");
      levels.at(-1)?.lastElementChild.append(list);
      levels.push(list);
    }
    const made = document.createElement("li");
    made.append(...item.childNodes);
    levels.at(-1).append(made);
  }
  return levels[0];
}

const isNumbered = (item) => /^\s*\(?(\d+|[a-z]|[ivx]+)[.)]/i.test(item.querySelector('[style*="Ignore" i]')?.textContent ?? "");
