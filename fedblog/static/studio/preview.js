// Shows the rendered text beside the source while it is written; the server renders, so it looks as readers will see it.
const WAIT = 400;

export function startPreview(form) {
  const section = document.getElementById("preview");
  const body = document.getElementById("preview-body");
  const name = document.getElementById("preview-name");
  const button = document.getElementById("preview-button");
  let timer = 0;
  let running = null;

  async function refresh() {
    running?.abort();
    running = new AbortController();
    const data = new FormData(form);
    try {
      const answer = await fetch("/studio/preview", { method: "POST", body: data, signal: running.signal });
      if (!answer.ok) return;
      body.innerHTML = await answer.text();
      name.textContent = form.elements.title.value;
    } catch (error) {
      if (error.name !== "AbortError") console.debug("preview", error.message);
    }
  }

  function soon() {
    if (section.hidden) return;
    clearTimeout(timer);
    timer = setTimeout(refresh, WAIT);
  }

  function show(visible) {
    section.hidden = !visible;
    button.setAttribute("aria-pressed", String(visible));
    if (visible) refresh();
  }

  button.type = "button";
  button.setAttribute("aria-controls", "preview");
  button.setAttribute("aria-pressed", String(!section.hidden));
  button.addEventListener("click", () => {
    show(section.hidden);
    if (!section.hidden) section.scrollIntoView({ block: "nearest" });
  });
  form.elements.source.addEventListener("input", soon);
  form.elements.title.addEventListener("input", soon);
  // Enter in a field must not send a form whose harmless first button no longer sends.
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target.matches("input")) event.preventDefault();
  });
}
