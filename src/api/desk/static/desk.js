// What every page has: keys, forms that are sent without a new page, what is said aloud.

const OFF = "longtail-keys-off";
const NOTICE = "longtail-notice";
const GO = { t: "/desk/", q: "/desk/queue", b: "/desk/batches", c: "/desk/calendar", s: "/desk/sites" };
let token = document.querySelector('meta[name="csrf"]')?.content ?? "";

export const keysAreOn = () => localStorage.getItem(OFF) === null;

/** Send a form or a body, and return what the desk answers: {location, notice} or a problem document. */
export async function send(target, body) {
  const [url, data] = target instanceof HTMLFormElement ? [target.action, new FormData(target, body)] : [target, body];
  const answer = await post(url, data);
  if (answer.type !== "/problems/foreign-form") return answer;
  // Somebody logged in anew since this page was made: its token is of the session before.
  return (await renew()) ? post(url, data) : { ok: false, status: 401, detail: "you are logged out" };
}

async function renew() {
  const page = await fetch(location.href, { credentials: "same-origin" }).catch(() => null);
  if (!page?.ok || page.redirected) return false;
  const made = new DOMParser().parseFromString(await page.text(), "text/html").querySelector('meta[name="csrf"]')?.content;
  if (!made || made === token) return false;
  token = made;
  for (const each of document.querySelectorAll('input[name="csrf"]')) each.value = token;
  return true;
}

async function post(url, data) {
  let answer;
  try {
    answer = await fetch(url, {
      method: "POST",
      body: data,
      headers: { Accept: "application/json", "X-CSRF-Token": token },
      credentials: "same-origin",
    });
  } catch {
    return { ok: false, status: 0, detail: "the desk does not answer; nothing was sent" };
  }
  const document_ = await answer.json().catch(() => ({ detail: answer.statusText }));
  return { ok: answer.ok, status: answer.status, ...document_ };
}

/** Say what happened: in the corner, and to screen readers. */
export function say(notice) {
  document.getElementById("desk-notice")?.remove();
  const bar = document.createElement("div");
  bar.className = "bar toast";
  bar.id = "desk-notice";
  const text = document.createElement("p");
  const head = document.createElement("span");
  head.className = `st ${notice.kind ?? "ok"}`;
  head.textContent = notice.head;
  text.append(head, ` ${notice.text ?? ""}`);
  bar.append(text);
  if (notice.undo) bar.append(undoForm(notice.undo));
  if (notice.link) {
    const link = document.createElement("a");
    link.href = notice.link;
    link.textContent = notice.link_text ?? "Open";
    bar.append(link);
  }
  document.querySelector("main").append(bar);
  document.getElementById("desk-said").textContent = `${notice.head} ${notice.text ?? ""}`;
}

/** Go to a page that says what happened. */
export function leaveFor({ location: to, notice }) {
  if (notice) sessionStorage.setItem(NOTICE, JSON.stringify(notice));
  location.assign(to);
}
const carried = sessionStorage.getItem(NOTICE);
sessionStorage.removeItem(NOTICE);
if (carried) say(JSON.parse(carried));

function undoForm(action) {
  const form = document.createElement("form");
  form.method = "post";
  form.action = action;
  const hidden = document.createElement("input");
  Object.assign(hidden, { type: "hidden", name: "csrf", value: token });
  const button = document.createElement("button");
  button.className = "plain";
  button.dataset.key = "u";
  button.append("Undo ", Object.assign(document.createElement("kbd"), { textContent: "u" }));
  form.append(hidden, button);
  return form;
}

const handlers = [];
/** Call `handler(key, event)` for bare keys before the page's own; it returns true when it used the key. */
export const onKey = (handler) => handlers.unshift(handler);

const isTyping = (element) =>
  element instanceof HTMLElement &&
  (element.isContentEditable || element.matches("input:not([type=checkbox],[type=radio]),select,textarea"));

let went = false;
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape") return leave(event);
  if (isTyping(event.target) || !keysAreOn() || document.querySelector("dialog[open]")) return;
  if (went) {
    went = false;
    if (GO[event.key]) location.assign(GO[event.key]);
    return;
  }
  if (handlers.some((handler) => handler(event.key, event)) || press(event.key)) event.preventDefault();
});

function press(key) {
  if (key === "g") return (went = true);
  if (key === "?") return showKeys();
  if (key === "/") return focus(document.querySelector('[role="search"] input:not([type=hidden])'));
  if (key === "j" || key === "k") return move(key === "j" ? 1 : -1);
  if (key === "Enter") return open_();
  if (key === " ") return select();
  const element = [...document.querySelectorAll(`[data-key="${CSS.escape(key)}"]`)].find((each) => each.checkVisibility());
  element?.click();
  return Boolean(element);
}

function focus(element) {
  element?.focus();
  return Boolean(element);
}

// Rows of a list: [data-row], the current one is .cur.
const rows = () => [...document.querySelectorAll("[data-row]")];
export const currentRow = () => document.querySelector("[data-row].cur");

function move(step) {
  const link = document.querySelector(step > 0 ? 'a[rel~="next"]' : 'a[rel~="prev"]');
  const all = rows();
  if (!all.length) {
    link?.click();
    return Boolean(link);
  }
  const at = all.indexOf(currentRow());
  mark(all[Math.min(all.length - 1, Math.max(0, at + step))]);
  return true;
}

export function mark(row) {
  for (const each of document.querySelectorAll("[data-row].cur")) {
    each.classList.remove("cur");
    each.removeAttribute("aria-current");
  }
  row.classList.add("cur");
  row.setAttribute("aria-current", "true");
  row.scrollIntoView({ block: "nearest" });
  row.querySelector("a")?.focus({ preventScroll: true });
}

function open_() {
  const link = document.activeElement === document.body && currentRow()?.querySelector("a");
  if (link) link.click();
  return Boolean(link);
}

function select() {
  const box = currentRow()?.querySelector("input[type=checkbox]");
  if (!box || document.activeElement?.matches("button,summary,input")) return false;
  box.click();
  return true;
}

function leave(event) {
  const opened = document.querySelector("details.pop[open]");
  if (opened) {
    opened.open = false;
    opened.querySelector("summary").focus();
  } else if (isTyping(event.target)) event.target.blur();
  else if (keysAreOn() && !document.querySelector("dialog[open]")) back();
}

/** Close the reasons that are open, or else go back to the list. */
function back() {
  const open = document.querySelector(".decide details[open]");
  if (!open) return document.querySelector("a[data-back]")?.click();
  open.open = false;
  return open.querySelector("summary").focus();
}

// The list of keys: the page of its own, in a dialog.
async function showKeys() {
  const back = document.activeElement;
  const page = new DOMParser().parseFromString(await (await fetch("/desk/keys")).text(), "text/html");
  const dialog = document.createElement("dialog");
  dialog.className = "card";
  dialog.setAttribute("aria-labelledby", "desk-keys-title");
  const list = page.getElementById("desk-keys");
  const close = document.createElement("form");
  close.method = "dialog";
  close.className = "push";
  const button = Object.assign(document.createElement("button"), { className: "btn", autofocus: true });
  button.append("Close ", Object.assign(document.createElement("kbd"), { textContent: "Esc" }));
  close.append(button);
  list.querySelector(".hd").append(close);
  dialog.append(...list.children);
  dialog.addEventListener("close", () => {
    dialog.remove();
    back?.focus?.();
  });
  document.body.append(dialog);
  offerSwitch(dialog);
  dialog.showModal();
  return true;
}

function offerSwitch(place) {
  const box = place.querySelector("#desk-keys-on");
  if (!box) return;
  box.checked = keysAreOn();
  box.addEventListener("change", () => (box.checked ? localStorage.removeItem(OFF) : localStorage.setItem(OFF, "1")));
}
offerSwitch(document);

document.getElementById("desk-keys-link")?.addEventListener("click", (event) => {
  event.preventDefault();
  showKeys();
});

// Menus close when something else is chosen.
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.pop[open]")) if (!menu.contains(event.target)) menu.open = false;
});
