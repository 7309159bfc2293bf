// Light, dark or as the system says: the visitor's choice, kept in this browser only. Loaded before anything is drawn.
(() => {
  const root = document.documentElement;
  let chosen = "";
  try { chosen = localStorage.getItem("scheme") || ""; } catch { /* no storage: the system decides */ }
  const show = () => {
    if (chosen) root.dataset.scheme = chosen; else delete root.dataset.scheme;
    for (const button of document.querySelectorAll("[data-schemes] button")) {
      button.setAttribute("aria-pressed", String(button.dataset.scheme === chosen));
    }
  };
  show();
  document.addEventListener("DOMContentLoaded", () => {
    for (const group of document.querySelectorAll("[data-schemes]")) {
      group.hidden = false;
      group.addEventListener("click", (event) => {
        const button = event.target.closest("button");
        if (!button) return;
        chosen = button.dataset.scheme;
        try { chosen ? localStorage.setItem("scheme", chosen) : localStorage.removeItem("scheme"); } catch { /* for this page only */ }
        show();
      });
    }
    show();
  });
})();
