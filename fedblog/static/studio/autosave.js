// Saves a draft three seconds after the last key, with the version it is based on: the server answers 409 rather than
// overwrite another text. What is published changes only by the Update button.
const IDLE = 3000;

export function startAutosave(form) {
  const saved = document.getElementById("saved");
  let timer = 0;
  let dirty = false;
  let stopped = false;
  let saving = false;
  let running = Promise.resolve();

  const isDraft = () => form.dataset.status === "draft";
  const clock = (seconds) => new Date(seconds * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  const say = (text) => { saved.textContent = text; };

  async function save() {
    if (!dirty || stopped || !isDraft()) return;
    if (!form.elements.title.value.trim() && !form.elements.source.value.trim()) return;
    dirty = false;
    saving = true;
    const data = new FormData(form);
    data.set("action", "autosave");
    try {
      const answer = await fetch(form.getAttribute("action"), { method: "POST", body: data, headers: { Accept: "application/json" } });
      if (answer.status === 409) return stop("This post was saved elsewhere. Save draft shows both texts.");
      if (answer.status === 401 || answer.status === 403) return stop("You were logged out. Log in in another tab; your text stays here.");
      if (!answer.ok) throw new Error(String(answer.status));
      const result = await answer.json();
      form.elements.version.value = result.version;
      if (!form.dataset.post) adopt(result.id);
      if (!dirty) say(`Saved ${clock(result.saved_at)}`);
    } catch {
      dirty = true;
      say("Not saved: no connection. Trying again.");
      timer = setTimeout(queue, 10000);
    } finally {
      saving = false;
    }
  }

  function adopt(id) {
    form.dataset.post = id;
    // The buttons are called "action", so the property of that name is theirs.
    form.setAttribute("action", `/studio/posts/${id}`);
    history.replaceState(null, "", `/studio/posts/${id}`);
  }

  function stop(text) {
    stopped = true;
    say(text);
  }

  // One save at a time, so that each carries the version of the one before.
  function queue() { running = running.then(save); }

  form.addEventListener("input", (event) => {
    if (event.target.name === "csrf") return;
    dirty = true;
    if (stopped) return;
    say(isDraft() ? "Not saved yet" : "Changed, not updated yet");
    clearTimeout(timer);
    timer = setTimeout(queue, IDLE);
  });

  let leaving = false;
  form.addEventListener("submit", async (event) => {
    clearTimeout(timer);
    dirty = false;
    leaving = true;
    if (!saving) return;
    // Wait for the autosave on its way: its version has to be in the form.
    event.preventDefault();
    await running;
    form.requestSubmit(event.submitter);
  });

  addEventListener("beforeunload", (event) => {
    if (dirty && !leaving) event.preventDefault();
  });
}
