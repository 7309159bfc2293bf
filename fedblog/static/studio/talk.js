import "../media.js";

// Conversations by keyboard: j and k walk, r answers, a approves, h hides, ? explains. All of it can be turned off.
const help = document.querySelector("[data-keys]");
const items = [...document.querySelectorAll("[data-talk]")];
const stored = () => { try { return localStorage.getItem("studio-keys"); } catch { return null; } };
const store = (value) => { try { localStorage.setItem("studio-keys", value); } catch { /* for this page only */ } };

if (help && items.length) {
  const box = help.querySelector("[data-keys-on]");
  help.hidden = false;
  box.checked = stored() !== "off";
  box.addEventListener("change", () => store(box.checked ? "on" : "off"));
  for (const item of items) item.tabIndex = -1;

  const current = () => items.indexOf(document.activeElement?.closest("[data-talk]"));
  const go = (step) => {
    const next = items[Math.min(items.length - 1, Math.max(0, current() + step))];
    next.focus({ preventScroll: true });
    next.scrollIntoView({ block: "nearest" });
  };
  const press = (key) => {
    const target = items[current()]?.querySelector(`[data-key="${key}"]`);
    if (!target) return;
    target.click();
    if (key === "r") target.closest("details")?.querySelector("textarea")?.focus();
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.target.closest("input, textarea, select, [contenteditable]")) return;
    if (event.key === "?") { help.open = !help.open; help.querySelector("summary").focus(); event.preventDefault(); return; }
    if (!box.checked) return;
    if (event.key === "j") go(1);
    else if (event.key === "k") go(current() < 0 ? 0 : -1);
    else if ("rah".includes(event.key)) press(event.key);
    else return;
    event.preventDefault();
  });
}
