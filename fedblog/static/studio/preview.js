// Shows the text beside the source while it is written, as it looks here or elsewhere; the server draws each view.
const WAIT = 400;

export function startPreview(form) {
  const section = document.getElementById("preview");
  const body = document.getElementById("preview-body");
  const page = document.getElementById("preview-page");
  const name = document.getElementById("preview-name");
  const button = document.getElementById("preview-button");
  let timer = 0;
  let running = null;

  const place = () => new FormData(form).get("look") || "";

  async function refresh() {
    running?.abort();
    running = new AbortController();
    const data = new FormData(form);
    if (form.dataset.post) data.set("post", form.dataset.post);
    for (const file of ["picture", "cover"]) data.delete(file);
    const shown = place();
    try {
      const answer = await fetch("/studio/preview", { method: "POST", body: data, headers: { Accept: "text/html" }, signal: running.signal });
      if (!answer.ok) return;
      body.innerHTML = await answer.text();
      body.classList.toggle("prose", !shown);
      page.classList.toggle("preview-elsewhere", !!shown);
      name.hidden = !!shown;
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
  form.addEventListener("input", (event) => (event.target.name === "look" ? refresh() : soon()));
  // Enter in a field must not send a form whose harmless first button no longer sends.
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target.matches("input")) event.preventDefault();
  });
}
