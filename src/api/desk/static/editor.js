// The editor of one part: rich text or Markdown, a draft in this browser, checks while typing.

import { clean } from "./clean.js";

const { leaveFor, send, say } = await import(document.querySelector('script[src*="/static/desk.js"]').src); // the copy that runs
const KEPT = "longtail-draft";
const form = document.getElementById("desk-edit");
const byId = (id) => document.getElementById(`desk-${id}`);

markParts();
if (form) edit();

/** Drafts of somebody in an article, newest first: [key, part, parent, draft]. */
function drafts(prefix) {
  const found = [];
  for (let at = 0; at < localStorage.length; at += 1) {
    const key = localStorage.key(at);
    if (!key.startsWith(`${KEPT}:${prefix}:`)) continue;
    const [part, parent] = key.slice(KEPT.length + prefix.length + 2).split(":");
    try {
      found.push([key, part, parent, JSON.parse(localStorage.getItem(key))]);
    } catch {
      localStorage.removeItem(key);
    }
  }
  return found.sort((one, other) => other[3].at - one[3].at);
}

function markParts() {
  for (const list of document.querySelectorAll("[data-parts]")) {
    const kept = new Set(drafts(list.dataset.parts).map(([, part]) => part));
    for (const item of list.children) if (kept.has(item.dataset.part)) item.append(" ", make("span", { className: "tag", textContent: "draft" }));
  }
}

function make(name, properties, ...children) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
}

const clock = (at) => new Date(at).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });

async function edit() {
  const { person, article, part } = form.dataset;
  const prefix = `${person}:${article}`;
  const keyOf = (parent) => `${KEPT}:${prefix}:${part}:${parent}`;
  const key = keyOf(form.elements.parent.value);
  const text = form.elements.text;
  let squire = null; // while the text is shown as text
  let isSaved = false;

  // Browsers type a space before a tag as one that does not break; a text that had none keeps none.
  const hasHardSpaces = byId("source")?.value.includes("\u00a0") || byId("source")?.value.includes("&nbsp;");
  const html = () => (hasHardSpaces ? squire.getHTML() : squire.getHTML().replaceAll("&nbsp;", " "));

  const fields = () => {
    if (squire) text.value = html();
    const names = ["form", "text", "heading", "h1", "title", "description", "tags"];
    return Object.fromEntries(names.filter((name) => form.elements[name]).map((name) => [name, form.elements[name].value]));
  };
  // --- rich text

  async function showText(html) {
    const { default: Squire } = await import("./squire.mjs");
    const root = byId("ed");
    squire = new Squire(root, {
      sanitizeToDOMFragment: (given) => clean(given, dropped),
      addLinks: false,
      didError: (error) => trouble("The editor stumbled", String(error)),
    });
    squire.setHTML(html);
    form.elements.form.value = "html";
    toggle(true);
    squire.addEventListener("pathChange", showPath);
    squire.addEventListener("input", changed);
    squire.addEventListener("pasteImage", refuseImages);
    squire.addEventListener("undoStateChange", ({ detail }) => {
      button("undo").disabled = !detail.canUndo;
      button("redo").disabled = !detail.canRedo;
    });
    button("undo").disabled = button("redo").disabled = true;
  }

  function showMarkdown(markdown) {
    squire?.destroy();
    squire = null;
    byId("ed").removeAttribute("contenteditable");
    text.value = markdown;
    form.elements.form.value = "markdown";
    toggle(false);
  }

  function toggle(isText) {
    byId("rich").hidden = !isText;
    byId("plain").hidden = isText;
    for (const each of byId("forms").children) each.toggleAttribute("aria-current", (each.dataset.form === "html") === isText);
    for (const each of byId("forms").querySelectorAll("[aria-current]")) each.setAttribute("aria-current", "true");
  }

  async function switchTo(wanted) {
    if (wanted === form.elements.form.value) return;
    const answer = await ask();
    if (!answer.ok) return explain(answer);
    if (wanted === "html") await showText(answer.html);
    else showMarkdown(answer.markdown);
    keep();
    (squire ?? text).focus();
  }

  const button = (name) => byId("rich").querySelector(`[data-do="${name}"]`);
  const TAGS = { bold: "B", italic: "I", link: "A", list: "UL", numbers: "OL", code: "CODE" };
  const DO = {
    bold: (on) => (on ? squire.removeBold() : squire.bold()),
    italic: (on) => (on ? squire.removeItalic() : squire.italic()),
    code: () => squire.toggleCode(),
    list: (on) => (on ? squire.removeList() : squire.makeUnorderedList()),
    numbers: (on) => (on ? squire.removeList() : squire.makeOrderedList()),
    undo: () => squire.undo(),
    redo: () => squire.redo(),
    row: addRow,
    link: askLink,
  };

  function showPath() {
    for (const [name, tag] of Object.entries(TAGS)) button(name).setAttribute("aria-pressed", String(squire.hasFormat(tag)));
    button("row").disabled = !cell();
  }

  function cell() {
    const at = squire.getSelection().startContainer;
    return (at.nodeType === Node.ELEMENT_NODE ? at : at.parentElement)?.closest("#desk-ed td, #desk-ed th");
  }

  function addRow() {
    const row = cell()?.closest("tr");
    if (!row) return say({ kind: "off", head: "No table here", text: "Put the cursor into a row; a new one comes below it." });
    squire.saveUndoState();
    const body = row.closest("thead") ? row.closest("table").querySelector("tbody") : row.parentElement;
    const added = document.createElement("tr");
    const like = row.closest("thead") ? body?.rows[0] : row;
    for (const each of row.cells) {
      const tag = like?.cells[each.cellIndex]?.tagName ?? "TD";
      const made = document.createElement(tag);
      if (tag === "TH") made.setAttribute("scope", "row");
      made.append(document.createElement("br"));
      added.append(made);
    }
    if (row.closest("thead")) body?.prepend(added);
    else row.after(added);
    const range = document.createRange();
    range.setStart(added.cells[0], 0);
    squire.setSelection(range);
    squire.focus();
    changed();
  }

  function askLink(on) {
    if (on) return squire.removeLink();
    const tool = byId("rich").querySelector(".tool");
    tool.querySelector(".lk")?.remove();
    const selection = squire.getSelection();
    const input = make("input", { type: "url", placeholder: "https://", ariaLabel: "Address of the link", required: true });
    const set = make("button", { type: "button", className: "btn", textContent: "Set link" });
    const line = make("span", { className: "row lk" }, input, set);
    const done = () => {
      if (!/^(https:\/\/\S+|mailto:\S+)$/i.test(input.value.trim())) {
        input.setCustomValidity("Write an address that begins with https:// or mailto:");
        return input.reportValidity();
      }
      line.remove();
      squire.setSelection(selection);
      squire.makeLink(input.value.trim());
      squire.focus();
      return changed();
    };
    input.addEventListener("input", () => input.setCustomValidity(""));
    set.addEventListener("click", done);
    line.addEventListener("keydown", (event) => {
      if (event.key === "Enter") done();
      else if (event.key === "Escape") {
        line.remove();
        squire.focus();
      } else return;
      event.preventDefault();
      event.stopPropagation();
    });
    tool.append(line);
    input.focus();
  }

  byId("rich")?.addEventListener("click", ({ target }) => {
    const pressed = target.closest("[data-do]");
    if (!pressed || !squire) return;
    DO[pressed.dataset.do](pressed.getAttribute("aria-pressed") === "true");
    if (!["link", "row"].includes(pressed.dataset.do)) {
      squire.focus();
      changed();
    }
    showPath();
  });

  const refuseImages = () =>
    say({ kind: "warn", head: "Images stay out", text: "A section holds text, lists, links and tables; the image was not taken." });
  function dropped(what) {
    if (what.has("img")) refuseImages();
    else if (what.size) note("Only allowed tags", `left out: ${[...what].join(", ")}`);
  }
  byId("ed")?.addEventListener("dragover", (event) => event.dataTransfer.types.includes("Files") && event.preventDefault());
  byId("ed")?.addEventListener(
    "drop",
    (event) => {
      if (!event.dataTransfer.files.length) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      refuseImages();
    },
    true,
  );

  // --- draft

  let waiting = 0;
  function changed() {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      keep();
      check();
    }, 500);
  }

  const untouched = {};
  function keep() {
    clearTimeout(waiting);
    if (isSaved) return;
    const now = fields();
    if (JSON.stringify(now) === untouched[now.form] && localStorage.getItem(key) === null) return;
    const draft = { ...now, at: Date.now() };
    try {
      localStorage.setItem(key, JSON.stringify(draft));
      tell(draft);
    } catch {
      byId("draft").textContent = "This browser keeps no draft: its storage is full or switched off";
    }
  }

  function tell(draft) {
    const drop = make("button", { type: "button", className: "plain", textContent: "Drop it" });
    drop.addEventListener("click", () => {
      clearTimeout(waiting);
      isSaved = true; // nothing is kept on the way out
      localStorage.removeItem(key);
      location.assign(form.dataset.again);
    });
    byId("draft").replaceChildren("Draft kept in this browser, ", clock(draft.at), " · ", drop);
    byId("leave").hidden = false;
  }

  async function restore(draft) {
    for (const name of ["heading", "h1", "title", "description", "tags"])
      if (form.elements[name] && draft[name] !== undefined) form.elements[name].value = draft[name];
    if (draft.form === "markdown") showMarkdown(draft.text);
    else if (draft.form) await showText(draft.text);
    tell(draft);
  }

  function showOthers() {
    const others = drafts(prefix).filter(([each, where]) => where === part && each !== key);
    const card = byId("kept");
    for (const [each, , , draft] of others) {
      const shown = draft.text ?? [draft.h1, draft.title, draft.description, draft.tags].join("\n");
      const area = make("textarea", { className: "mono", rows: 8, readOnly: true, value: shown, ariaLabel: "Text of the draft" });
      const put = make("button", { type: "button", className: "btn", textContent: "Put it in the editor" });
      const drop = make("button", { type: "button", className: "btn dng", textContent: "Drop it" });
      const body = make("div", { className: "bd stack tight" });
      body.append(make("p", { className: "small soft", textContent: `Of an earlier revision, ${new Date(draft.at).toLocaleString("en-GB")}` }), area);
      body.append(make("div", { className: "row" }, put, drop));
      put.addEventListener("click", async () => {
        await restore(draft);
        keep();
        check();
      });
      drop.addEventListener("click", () => {
        localStorage.removeItem(each);
        body.remove();
        card.hidden = !card.querySelector(".bd");
      });
      card.append(body);
    }
    card.hidden = !others.length;
  }

  addEventListener("pagehide", keep);
  document.addEventListener("visibilitychange", () => document.visibilityState === "hidden" && keep());
  form.addEventListener("input", changed);

  // --- checks

  const body = () => {
    const data = new FormData(form);
    for (const [name, value] of Object.entries(fields())) data.set(name, value);
    return data;
  };
  const ask = () => send(`${form.action}/check`, body());
  let asked = 0;
  async function check() {
    const number = (asked += 1);
    const answer = await ask();
    if (number !== asked) return;
    if (!answer.ok) return answer.status === 422 ? note("Cannot be saved so", answer.detail, "bad") : explain(answer);
    calm();
    const effect = byId("effect");
    effect.dataset.rest ??= effect.textContent;
    const counted = `+${answer.words_added} −${answer.words_removed} words. ${effect.dataset.rest}`;
    effect.textContent = answer.is_same ? "Nothing differs: no revision would be made." : counted;
    const list = byId("checks").querySelector("ul");
    list.replaceChildren(
      ...answer.gone.map((each) => row("ok", "Gone", each.message)),
      ...answer.new.map((each) => row(each.shape, `New: ${each.word}`, each.message)),
      row(answer.kept ? "off" : "ok", answer.kept ? `${answer.kept} stay` : "No other finding", answer.kept ? "findings that this edit does not touch" : ""),
      row("ok", "Heading and ids kept", "they are outside the editor"),
    );
    byId("checks").hidden = false;
  }
  const row = (shape, word, message) => make("li", {}, make("span", { className: `st ${shape}`, textContent: word }), ` ${message}`);
  function note(word, message, shape = "ok") {
    byId("checks").hidden = false;
    byId("checks").querySelector("ul").prepend(row(shape, word, message));
  }

  // --- saving

  function trouble(head, message, ...more) {
    const box = byId("trouble");
    const line = make("p", {}, make("span", { className: "st warn", textContent: head }), ` ${message}`);
    box.replaceChildren(line, ...more);
    box.hidden = false;
  }
  const calm = () => (byId("trouble").hidden = true);

  function explain(answer) {
    keep();
    if (answer.status === 401) {
      const link = make("a", { className: "btn pri", href: `/desk/login?next=${encodeURIComponent("/desk/")}`, target: "_blank", textContent: "Log in in a new tab" });
      const again = make("button", { type: "button", className: "btn", textContent: "I am back: save" });
      again.addEventListener("click", save);
      return trouble("You are logged out", "Your text stays here and in this browser; nothing was stored. Log in, then save again.", make("div", { className: "row" }, link, again));
    }
    const again = make("button", { type: "button", className: "btn", textContent: "Try again" });
    again.addEventListener("click", save);
    const detail = answer.detail ? `${answer.detail[0].toUpperCase()}${answer.detail.slice(1)}.` : "";
    if (answer.status === 0 || answer.status >= 500)
      return trouble("Not saved", "The desk does not answer. Your text stays here and is kept as a draft in this browser; it is not sent again by itself.", make("div", { className: "row" }, again));
    return trouble("Not saved", detail, make("div", { className: "row" }, again));
  }

  async function save() {
    keep();
    const data = body();
    data.set("way", "save");
    const answer = await send(form.action, data);
    if (answer.status === 412) return leaveBy("save"); // the page with both texts
    if (!answer.ok) return explain(answer);
    isSaved = true;
    clearTimeout(waiting);
    localStorage.removeItem(key);
    return leaveFor(answer);
  }

  /** Send the form as a page. The draft stays: only what was stored is dropped. */
  function leaveBy(way) {
    keep();
    if (way !== "save") {
      // The other text takes the place of this draft: ours stays beside it.
      localStorage.setItem(keyOf(`mine-${Date.now()}`), JSON.stringify({ ...fields(), at: Date.now() }));
      localStorage.removeItem(key);
      isSaved = true;
    }
    const hidden = make("input", { type: "hidden", name: "way", value: way });
    form.append(hidden);
    form.submit();
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const way = event.submitter?.value ?? "save";
    if (way === "save") save();
    else leaveBy(way);
  });
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === "s") {
      event.preventDefault();
      save();
    }
  });
  byId("forms")?.addEventListener("click", ({ target }) => target.dataset.form && switchTo(target.dataset.form));

  // --- begin

  if (byId("forms")) byId("forms").hidden = false;
  const kept = localStorage.getItem(key);
  if (text) untouched.markdown = JSON.stringify(fields());
  const isChosen = "conflict" in form.dataset || "problem" in form.dataset;
  if (kept && !isChosen) await restore(JSON.parse(kept));
  else if (text && !("problem" in form.dataset)) await showText(byId("source").value);
  if (!kept || isChosen) untouched[form.elements.form?.value] = JSON.stringify(fields());
  if (isChosen) {
    delete untouched[form.elements.form?.value]; // it is not what is stored: keep it at once
    keep();
    if (form.dataset.began && localStorage.getItem(key)) localStorage.removeItem(keyOf(form.dataset.began)); // the same text
  }
  showOthers();
  if (kept || isChosen) check();
}
