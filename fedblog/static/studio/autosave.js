// Saves a draft three seconds after the last key, with the version it is based on: the server answers 409 rather than
// overwrite another text, and both are shown. What is published changes only by the Update button.
import { forgetWords } from "./words.js";

const IDLE = 3000;

export function startAutosave(form) {
  const saved = document.getElementById("saved");
  const say = form.dataset;
  let timer = 0;
  let dirty = false;
  let stopped = !!document.querySelector("#conflict section");
  let saving = false;
  let running = Promise.resolve();

  const isDraft = () => form.dataset.status !== "published";
  const clock = (seconds) => new Date(seconds * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  const tell = (text) => { saved.textContent = text; };

  async function save() {
    if (!dirty || stopped || !isDraft()) return;
    if (!form.elements.title.value.trim() && !form.elements.source.value.trim()) return;
    dirty = false;
    saving = true;
    const data = new FormData(form);
    data.set("action", "autosave");
    try {
      const answer = await fetch(form.getAttribute("action"), { method: "POST", body: data, headers: { Accept: "application/json" } });
      if (answer.status === 409) return conflict(await answer.json());
      if (answer.status === 401 || answer.status === 403) return loggedOut();
      if (answer.status === 400) return refused(await answer.json());
      if (!answer.ok) throw new Error(String(answer.status));
      const result = await answer.json();
      form.elements.version.value = result.version;
      if (!form.dataset.post) adopt(result.id);
      if (!dirty) {
        forgetWords(form);
        tell(say.saySaved.replace("%(time)s", clock(result.saved_at)));
      }
    } catch {
      dirty = true;
      tell(say.sayOffline);
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
    dirty = true;
    tell(text);
  }

  function conflict(answer) {
    stop(say.sayConflict);
    const box = document.getElementById("conflict");
    if (answer.html) box.innerHTML = answer.html;
    box.scrollIntoView({ block: "start" });
  }

  function loggedOut() {
    stop(say.sayOut + " ");
    const link = document.createElement("a");
    link.href = `/login?next=${encodeURIComponent(location.pathname)}`;
    link.textContent = say.sayLogin;
    saved.append(link);
  }

  function refused(answer) {
    dirty = true;
    tell(say.sayRefused.replace("%(words)s", answer.words || ""));
  }

  // One save at a time, so that each carries the version of the one before.
  function queue() { running = running.then(save); }

  form.addEventListener("input", (event) => {
    if (event.target.name === "csrf" || event.target.name === "look") return;
    dirty = true;
    if (stopped) return;
    tell(isDraft() ? say.sayUnsaved : say.sayChanged);
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

  document.addEventListener("click", (event) => { if (event.target.closest("[data-drop-words]")) leaving = true; });
  addEventListener("beforeunload", (event) => {
    if (dirty && !leaving) event.preventDefault();
  });
}
