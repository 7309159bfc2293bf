// What scripts add to the public pages; all of it works without. Nothing here talks to any server.
const KEY = "fedblog:handle";

function remembered() {
  try {
    return localStorage.getItem(KEY) ?? "";
  } catch {
    return ""; // storage may be switched off
  }
}

function remember(handle) {
  try {
    if (handle) localStorage.setItem(KEY, handle);
    else localStorage.removeItem(KEY);
  } catch {
    // then it is asked for again next time
  }
}

function fillForms() {
  const handle = remembered();
  for (const input of document.querySelectorAll("input[data-handle]")) {
    if (!input.value) input.value = handle;
    input.form?.addEventListener("submit", () => remember(input.value.trim()));
  }
}

// With a known handle, "Reply to NAME" leads to the visitor's own server in one click.
function shortenWays() {
  const handle = remembered();
  const notes = document.querySelectorAll("[data-acting]");
  for (const link of document.querySelectorAll('a[data-interact], a[data-act], .reply > footer > a[href^="/"]')) {
    const url = new URL(link.href);
    if (handle) url.searchParams.set("handle", handle);
    else url.searchParams.delete("handle");
    link.href = url.pathname + url.search;
  }
  for (const note of notes) {
    note.hidden = !handle;
    note.replaceChildren();
    if (!handle) continue;
    const forget = document.createElement("button");
    forget.type = "button";
    forget.className = "button-quiet button-small";
    forget.textContent = "Use another account";
    forget.addEventListener("click", () => {
      remember("");
      shortenWays();
    });
    note.append(`You act as ${handle}, on your own server. `, forget);
  }
}

function offerCopying() {
  if (!navigator.clipboard) return;
  for (const button of document.querySelectorAll("button[data-copy]")) {
    const source = button.parentElement?.querySelector("[data-copy-text]");
    if (!source) continue;
    button.hidden = false;
    button.setAttribute("aria-label", `Copy ${source.textContent}`);
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(source.textContent.trim());
        button.textContent = "Copied";
      } catch {
        button.textContent = "Not copied";
      }
      setTimeout(() => (button.textContent = "Copy"), 2000);
    });
  }
}

// A link to a reply inside a folded branch opens the branch.
function openTarget() {
  const target = location.hash.startsWith("#reply-") && document.getElementById(location.hash.slice(1));
  if (!target) return;
  for (let box = target.closest("details"); box; box = box.parentElement?.closest("details")) box.open = true;
  target.scrollIntoView();
}

fillForms();
shortenWays();
offerCopying();
addEventListener("hashchange", openTarget);
if (location.hash) openTarget();

// A picture that came hides the initials behind it, which a transparent one would let through.
function showPicture(image) {
  if (image.naturalWidth > 1) image.parentElement.classList.add("has-picture");
}
function showPictures(root) {
  for (const image of root.querySelectorAll(".avatar > img")) {
    if (image.complete) showPicture(image);
    else image.addEventListener("load", () => showPicture(image), { once: true });
  }
}
showPictures(document);
// A conversation that was drawn anew.
document.addEventListener("fedblog:drawn", (event) => {
  showPictures(event.detail);
  shortenWays();
});
