// The queue's list: approve the current row by key, views of one's own, who reads what.
const { currentRow, leaveFor, mark, onKey, say, send } = await import(document.querySelector('script[src*="/static/desk.js"]').src); // the copy that runs

const form = document.getElementById("desk-pick");
const VIEWS = "longtail-queue-views";

// --- keys of a row
onKey((key) => {
  const row = currentRow();
  if (!row || !row.isConnected) return false;
  if (key === "d") return go(row, "/diff");
  if (key !== "a" || !("effect" in row.dataset)) return false;
  approve(row);
  return true;
});

function go(row, more) {
  const link = new URL(row.querySelector("a").href);
  location.assign(`${link.pathname}${more}${link.search}`);
  return true;
}

async function approve(row) {
  if (row.dataset.busy) return;
  if (!("may" in row.dataset)) return say({ kind: "warn", head: "Not approved", text: row.dataset.effect });
  row.dataset.busy = "yes";
  const body = new FormData();
  body.append("d", "approve");
  const [article, hash] = row.querySelector("[name=pick]").value.split(":");
  body.append("content_hash", hash);
  body.append("in", form.elements.in.value);
  const following = row.nextElementSibling ?? row.previousElementSibling;
  const answer = await send(`/desk/articles/${article}/decide`, body);
  delete row.dataset.busy;
  if (!answer.ok) return say({ kind: "bad", head: "Not approved", text: answer.detail ?? "" });
  const wasCurrent = row === currentRow();
  row.remove();
  if (following && wasCurrent) mark(following);
  const notice = answer.notice ?? { head: "Approved", text: row.dataset.effect };
  if (!document.querySelector("[data-row]")) return leaveFor({ location: location.href, notice });
  say(notice);
  return recount();
}

const COUNTED = '.tabs, #desk-first, [data-matching], nav[aria-label="Main"]';
let counted = 0;
/** Read the page again for its counts, and for the first text; the rows stay as they are. */
async function recount() {
  const number = (counted += 1);
  const answer = await fetch(location.href, { credentials: "same-origin" }).catch(() => null);
  if (!answer?.ok || answer.redirected || number !== counted) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const [were, are] = [document, page].map((each) => [...each.querySelectorAll(COUNTED)]);
  if (were.length === are.length) were.forEach((each, at) => each.replaceWith(document.importNode(are[at], true)));
}

// --- what is selected
const picked = document.querySelector("[data-picked]");
form?.addEventListener("change", () => {
  const count = form.querySelectorAll("[name=pick]:checked").length;
  if (picked) picked.textContent = `${count} selected`;
});

// --- who reads what
const EVERY = 15_000;

function showClaims(claims) {
  const known = new Map(claims.map((each) => [each.article, each]));
  for (const row of document.querySelectorAll(".fold [data-row]")) {
    const claim = known.get(new URL(row.querySelector("a").href).pathname.split("/").at(-1));
    const minutes = claim ? Math.max(0, Math.floor((Date.now() - Date.parse(claim.last_step)) / 60_000)) : 0;
    let place = row.querySelector("[data-claim]");
    if (!claim) place?.remove();
    else if (!place) {
      place = Object.assign(document.createElement("b"), { className: "tag" });
      place.dataset.claim = "";
      row.lastElementChild.append(place);
    }
    if (claim) place.textContent = `${claim.by} reads it, ${minutes ? `${minutes} min` : "now"}`;
  }
}

async function look() {
  if (document.hidden) return;
  const answer = await fetch("/desk/queue/claims", { headers: { Accept: "application/json" } }).catch(() => null);
  if (answer?.ok) showClaims(await answer.json());
}
if (form) setInterval(look, EVERY);

// --- views of one's own: names of addresses, kept in this browser
const place = document.querySelector("[data-views]");
const read = () => JSON.parse(localStorage.getItem(VIEWS) ?? "{}");

function keep(views) {
  localStorage.setItem(VIEWS, JSON.stringify(views));
  show();
}

function button(words, label, act) {
  const made = Object.assign(document.createElement("button"), { className: "plain", type: "button" });
  made.textContent = words;
  if (label) made.setAttribute("aria-label", label);
  made.addEventListener("click", act);
  return made;
}

function show() {
  const views = read();
  place.replaceChildren();
  place.className = "row";
  place.hidden = false;
  for (const [name, query] of Object.entries(views)) {
    const link = Object.assign(document.createElement("a"), { href: `/desk/queue?${query}`, textContent: name });
    const remove = button("×", `Forget the view ${name}`, () => {
      const { [name]: _, ...others } = read();
      keep(others);
    });
    place.append(link, remove);
  }
  place.append(button("Save this view", "", ask));
}

function ask() {
  const field = Object.assign(document.createElement("input"), { maxLength: 40, placeholder: "Name, then Enter" });
  field.setAttribute("aria-label", "Name of the view");
  field.addEventListener("keydown", (event) => {
    if (event.key === "Escape") show();
    if (event.key !== "Enter") return;
    const query = new URLSearchParams(location.search);
    query.delete("after");
    if (field.value.trim()) keep({ ...read(), [field.value.trim()]: query.toString() || "state=needs-review" });
    else show();
  });
  place.append(field);
  field.focus();
}
if (place) show();
