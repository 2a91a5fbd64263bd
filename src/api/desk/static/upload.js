// Lists that are dropped, checked for their size before they are sent, and kept for the second step.

let file = null; // what the verdicts on this page are of

function prepare(form) {
  const input = form.querySelector('input[type="file"]');
  const problem = form.querySelector("[data-problem]");
  const limit = Number(form.dataset.limit);
  const isTooLarge = () => {
    const [chosen] = input.files;
    problem.textContent = chosen && chosen.size > limit ? `${chosen.name} has ${(chosen.size / 1e6).toFixed(1)} MB, the limit is ${limit / 1e6} MB; hand it in in parts.` : "";
    return Boolean(problem.textContent);
  };
  input.addEventListener("change", () => input.files.length && !isTooLarge() && form.requestSubmit());
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!isTooLarge()) show(form, input.files[0] ?? null, problem);
  });
  for (const name of ["dragenter", "dragover"])
    form.addEventListener(name, (event) => {
      event.preventDefault();
      form.classList.add("over");
    });
  form.addEventListener("dragleave", () => form.classList.remove("over"));
  form.addEventListener("drop", (event) => {
    event.preventDefault();
    form.classList.remove("over");
    if (event.dataTransfer.files.length > 1) problem.textContent = "One file at a time.";
    else if (event.dataTransfer.files.length) {
      input.files = event.dataTransfer.files;
      if (!isTooLarge()) form.requestSubmit();
    }
  });
}

/** Show the verdicts in place, so that the file need not be chosen again. */
async function show(form, chosen, problem) {
  const button = form.querySelector("button");
  button.disabled = true;
  problem.textContent = "Reading it …";
  let answer;
  try {
    answer = await fetch(form.action, { method: "POST", body: new FormData(form), credentials: "same-origin" });
  } catch {
    problem.textContent = chosen ? "The desk does not answer, or the file changed on disk. Nothing was stored." : "The desk does not answer. Nothing was stored.";
    button.disabled = false;
    return;
  }
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const main = page.querySelector("main");
  if (!main) {
    problem.textContent = "That was refused. Nothing was stored.";
    button.disabled = false;
    return;
  }
  file = chosen;
  document.title = page.title;
  document.querySelector("main").replaceChildren(...main.children);
  begin();
  const heading = document.querySelector("main h1");
  heading.tabIndex = -1;
  heading.focus();
  scrollTo(0, 0);
}

function begin() {
  for (const form of document.querySelectorAll("[data-drop]")) prepare(form);
  const again = document.querySelector('[data-second] input[type="file"]');
  if (!again || !file) return;
  const carrier = new DataTransfer();
  carrier.items.add(file);
  again.files = carrier.files;
  again.closest(".f").hidden = true;
}

begin();
