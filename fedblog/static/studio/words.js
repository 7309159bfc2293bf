// Words outlive a log-in that ended, a crash, a closed connection: until they are saved, this tab keeps a copy.
const PAUSE = 500;

function place(form) {
  return `words:${form.dataset.post || "new"}`;
}

function read(key) {
  try {
    const kept = JSON.parse(sessionStorage.getItem(key) || "null");
    return kept && typeof kept.source === "string" && typeof kept.title === "string" ? kept : null;
  } catch {
    return null;
  }
}

export function forgetWords(form) {
  sessionStorage.removeItem(place(form));
  sessionStorage.removeItem("words:new");
}

export function startWords(form) {
  const { title, source } = form.elements;
  const notice = document.getElementById("kept-words");
  const same = (kept) => kept.title === title.value && kept.source === source.value;
  const kept = read(place(form));
  let timer = 0;
  let dropped = false;

  // The page that answers a form holds the words that were sent.
  if (kept && (form.dataset.answered || same(kept))) forgetWords(form);
  else if (kept && (kept.source.trim() || kept.title.trim())) offer(kept);

  function offer(words) {
    const line = notice.querySelector("[data-words]");
    const time = new Date(words.at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
    line.textContent = line.dataset.words.replace("%(time)s", time);
    notice.hidden = false;
    notice.querySelector("[data-restore]").addEventListener("click", () => {
      title.value = words.title;
      source.value = words.source;
      source.dispatchEvent(new Event("input", { bubbles: true }));
      notice.hidden = true;
      source.focus();
    });
    notice.querySelector("[data-drop]").addEventListener("click", () => {
      forgetWords(form);
      notice.hidden = true;
      source.focus();
    });
  }

  function keep() {
    // What is offered and not decided on must not be written over.
    if (!notice.hidden || dropped) return;
    try {
      sessionStorage.setItem(place(form), JSON.stringify({ title: title.value, source: source.value, at: Date.now() }));
    } catch {
      // No room, or not allowed: the server's copy has to do.
    }
  }

  form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(keep, PAUSE);
  });
  form.addEventListener("submit", () => {
    clearTimeout(timer);
    keep();
  });
  addEventListener("pagehide", () => { if (title.value !== title.defaultValue || source.value !== source.defaultValue) keep(); });
  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-drop-words]")) return;
    dropped = true;
    forgetWords(form);
  });
}
