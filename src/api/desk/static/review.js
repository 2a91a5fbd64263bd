// Reading and deciding: the next article is there before it is asked for, findings and reasons by key, claims that are kept.
const { currentRow, mark, onKey, say, send } = await import(document.querySelector('script[src*="/static/desk.js"]').src); // the copy that runs

const KEEP_CLAIM = 180_000; // ms; it lapses after ten minutes
const LOOKED = 5_000; // ms after which a text that is left counts as looked at
const token = document.querySelector('meta[name="csrf"]')?.content ?? "";
const article = () => document.getElementById("desk-article");
let ahead = null; // {url, page}: the next article, read before
let opened = performance.now();

// --- one article after the other

async function read(url, early) {
  const headers = early ? { "X-Longtail-Prefetch": "1" } : {};
  const answer = await fetch(url, { headers, credentials: "same-origin" }).catch(() => null);
  if (!answer?.ok || answer.redirected) return null;
  return new DOMParser().parseFromString(await answer.text(), "text/html");
}

function begin() {
  opened = performance.now();
  ahead = null;
  for (const button of document.querySelectorAll("[data-redo]")) button.hidden = false;
  const next = article() && document.querySelector('a[rel~="next"]')?.href;
  if (next) read(next, true).then((page) => page && (ahead = { url: next, page }));
}

/** Show a page that was read; it is a copy, so that one may come back to it. */
function show(url, page, { push = true } = {}) {
  leave();
  const main = document.importNode(page.querySelector("main"), true);
  const nav = page.querySelector('nav[aria-label="Main"]');
  document.querySelector("main").replaceWith(main);
  if (nav) document.querySelector('nav[aria-label="Main"]')?.replaceChildren(...document.importNode(nav, true).childNodes);
  document.title = page.title;
  if (push) history.pushState(null, "", url);
  scrollTo(0, 0);
  document.getElementById("desk-title")?.focus({ preventScroll: true });
  begin();
  const id = article()?.dataset.article;
  if (id) send(`/desk/articles/${id}/renew`, new FormData());
}

async function visit(url, options) {
  const page = await read(url);
  if (!page?.querySelector("#desk-title")) return location.assign(url);
  return show(url, page, options);
}

addEventListener("popstate", () => visit(location.href, { push: false }));
document.addEventListener("click", (event) => {
  const link = event.target.closest?.('a[rel~="next"]');
  if (!link || !ahead || link.href !== ahead.url || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  show(ahead.url, ahead.page);
});

// --- decisions are sent while the next article is read already

document.addEventListener("submit", (event) => {
  if (event.target.id !== "desk-decide" || !event.submitter || !ahead) return; // the browser sends it as any form
  event.preventDefault();
  decide(event.target, event.submitter);
});

async function decide(form, submitter) {
  if (form.dataset.sent) return;
  form.dataset.sent = "1";
  const was = { main: document.querySelector("main"), url: location.href, title: document.title };
  const went = submitter.value === "approve" && ahead;
  if (went) show(ahead.url, ahead.page);
  const answer = await send(form, submitter);
  if (answer.ok) {
    if (!went) await follow(answer.location);
    if (answer.notice) say(answer.notice);
    return;
  }
  delete form.dataset.sent;
  if (went) {
    document.querySelector("main").replaceWith(was.main);
    document.title = was.title;
    history.replaceState(null, "", was.url);
    begin();
  }
  if ([409, 412, 422].includes(answer.status)) return again(form, submitter); // the desk shows why, and what was typed
  say({ kind: "bad", head: "Not done", text: answer.detail ?? "Try again." });
}

async function follow(url) {
  const to = new URL(url, location.href).href;
  if (ahead?.url === to) show(to, ahead.page);
  else await visit(to);
}

function again(form, submitter) {
  const button = Object.assign(document.createElement("input"), { type: "hidden", name: submitter.name });
  button.value = submitter.value;
  form.append(button);
  form.submit();
}

// --- claims, and what was looked at

setInterval(() => {
  const shown = article();
  if (shown && "claimed" in shown.dataset && document.visibilityState === "visible")
    send(`/desk/articles/${shown.dataset.article}/renew`, new FormData());
}, KEEP_CLAIM);

function leave() {
  const shown = article();
  if (!shown || !("unseen" in shown.dataset) || performance.now() - opened < LOOKED) return;
  delete shown.dataset.unseen;
  const body = new FormData();
  body.set("csrf", token);
  body.set("content_hash", shown.dataset.hash);
  navigator.sendBeacon(`/desk/articles/${shown.dataset.article}/seen`, body);
}
addEventListener("pagehide", leave);

// --- keys

onKey((key, event) => {
  if (key === "f" || key === "F") return jump(key === "f" && !event.shiftKey ? 1 : -1);
  if (key === "c") return comment();
  if (/^\d$/.test(key)) return choose(key);
  if (key === "Enter") return press();
  return false;
});

function jump(step) {
  const links = [...document.querySelectorAll("a[data-finding]")];
  if (!links.length) return false;
  const at = links.findIndex((link) => link.closest("li").classList.contains("cur"));
  const to = links[(at < 0 ? (step > 0 ? 0 : links.length - 1) : at + step + links.length) % links.length];
  for (const link of links) link.closest("li").classList.toggle("cur", link === to);
  to.closest("li").scrollIntoView({ block: "nearest" });
  to.click();
  to.focus({ preventScroll: true });
  return true;
}

function choose(digit) {
  const row = currentRow() ?? document.querySelector("#desk-diff [data-row]");
  if (row) return accept(row, digit);
  const radio = document.querySelector(`.decide details[open] input[data-digit="${digit}"]`);
  if (!radio) return false;
  radio.checked = true;
  radio.focus();
  return true;
}

/** Enter on a reason sends what that reason is of. */
function press() {
  const chosen = document.activeElement?.closest?.(".decide details[open]");
  if (!chosen || !document.activeElement.matches("input")) return false;
  chosen.querySelector('button[name="d"]').click();
  return true;
}

document.addEventListener(
  "toggle",
  (event) => {
    if (!event.target.matches?.(".decide details") || !event.target.open) return;
    const [within, chosen] = [event.target, ":is(input:checked,textarea[name^=waive])"];
    (within.querySelector(chosen) ?? within.querySelector("input"))?.focus();
  },
  true,
);

document.addEventListener("click", (event) => {
  const block = event.target.closest?.("[data-redo]")?.dataset.redo;
  const chosen = block && document.getElementById("desk-section");
  if (!chosen) return;
  chosen.value = block;
  chosen.closest("details").open = true;
  chosen.scrollIntoView({ block: "nearest" });
});

// --- comments on a selection

function comment() {
  const field = document.getElementById("desk-comment-text");
  if (!field) return false;
  const selection = getSelection();
  const place = selection.rangeCount && selection.getRangeAt(0).commonAncestorContainer;
  const section = (place?.nodeType === 1 ? place : place?.parentElement)?.closest("#desk-text [data-section]");
  if (section && !selection.isCollapsed) {
    document.getElementById("desk-comment-span").value = selection.toString().replace(/\s+/g, " ").trim();
    document.getElementById("desk-comment-section").value = section.dataset.section;
  }
  const folded = field.closest("details");
  if (folded) folded.open = true;
  field.focus();
  return true;
}

// --- blocks of a comparison

function accept(row, digit) {
  const radio = row.querySelector(`input[type=radio][value="${{ 1: "y", 2: "n" }[digit]}"]`);
  if (!radio) return false;
  radio.checked = true;
  count();
  const all = [...document.querySelectorAll("[data-row]")];
  mark(all[Math.min(all.length - 1, all.indexOf(row) + 1)]);
  return true;
}

function count() {
  const [yes, no] = ["y", "n"].map((each) => document.querySelectorAll(`#desk-diff input[value="${each}"]:checked`).length);
  document.getElementById("desk-choices").textContent = `${yes} accepted, ${no} rejected`;
}
document.getElementById("desk-diff")?.addEventListener("change", count);

begin();
