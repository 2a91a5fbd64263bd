// Keeps parts of a page as they are now: [data-live] parts are read again after an event, at most once a second.

const source_ = document.querySelector("[data-events]");
const SHORTEST = 1000; // milliseconds between two looks
const LOST = 2000; // before a lost connection is said
let events;
let timer;
let lost;
let last = 0;

function show(kind, word) {
  for (const each of document.querySelectorAll("[data-live-state]")) {
    if (each.textContent !== word) each.textContent = word;
    each.className = `st ${kind}`;
  }
}

function look() {
  if (timer) return;
  timer = setTimeout(async () => {
    last = Date.now();
    try {
      await refresh();
    } catch {
      // the next event asks again
    }
    timer = undefined;
  }, Math.max(0, last + SHORTEST - Date.now()));
}

async function refresh() {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" }, credentials: "same-origin" });
  if (answer.redirected && new URL(answer.url).pathname === "/desk/login") return leave();
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of document.querySelectorAll("[data-live][id]")) {
    const now = page.getElementById(part.id);
    if (now && now.innerHTML !== part.dataset.was) put(part, now);
  }
  show("run", "Live");
}

// The focus, opened details and ticked boxes stay where they are.
function put(part, now) {
  const focused = part.contains(document.activeElement) ? path(part, document.activeElement) : null;
  const opened = [...part.querySelectorAll("details[open]")].map((each) => path(part, each));
  const ticked = new Set([...part.querySelectorAll("input:checked")].map((each) => `${each.name}=${each.value}`));
  part.dataset.was = now.innerHTML;
  part.replaceChildren(...now.childNodes);
  for (const place of opened) {
    const each = find(part, place);
    if (each instanceof HTMLDetailsElement) each.open = true;
  }
  for (const each of part.querySelectorAll("input[type=checkbox]")) each.checked = ticked.has(`${each.name}=${each.value}`);
  if (focused) find(part, focused)?.focus({ preventScroll: true });
}

function path(part, element) {
  const address = element.id ? `#${CSS.escape(element.id)}` : element.getAttribute("href");
  const same = [...part.querySelectorAll(element.tagName)];
  return { tag: element.tagName, address, at: same.indexOf(element) };
}

function find(part, { tag, address, at }) {
  if (address?.startsWith("#")) return part.querySelector(address);
  const same = [...part.querySelectorAll(tag)];
  return same.find((each) => address !== null && each.getAttribute("href") === address) ?? same[at];
}

function leave() {
  events?.close();
  show("bad", "Logged out, as of");
}

function follow() {
  events = new EventSource(source_.dataset.events);
  events.addEventListener("open", () => {
    clearTimeout(lost);
    lost = undefined;
    show("run", "Live");
    look();
  });
  for (const name of ["change", "batch", "article", "stage"]) events.addEventListener(name, look);
  events.addEventListener("end", () => {
    events.close();
    look();
  });
  events.addEventListener("error", () => {
    if (events.readyState === EventSource.CLOSED) return look(); // it ended, or the session did: the page tells
    lost ??= setTimeout(() => show("warn", "Reconnecting"), LOST);
  });
}

if (source_) {
  follow();
  addEventListener("pagehide", () => events.close());
  addEventListener("pageshow", (event) => event.persisted && follow());
}
