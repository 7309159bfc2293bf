// What the reply form and the dialog have in common: whose account, what is said, and the way round.
import { keptAccount, remembered, signOut } from "./account.js";
import { word } from "./words.js";

// The id of what a link under a reply, or under the post, is about. Most pages of replies tell their id
// (`uri_hint` in web/filters.py).
export function uriOf(link) {
  const told = link.dataset.uri ?? link.closest("article").querySelector("footer [data-uri]")?.dataset.uri;
  const page = told ?? link.closest("article").querySelector("header .u-url").getAttribute("href");
  return told ?? page.replace(/^(https?:\/\/[^/]+)\/@([^/@?#]+)\/(?:statuses\/)?([^/?#]+)$/, "$1/users/$2/statuses/$3");
}

// Say in `box` how far it is; `trouble` gets the way over the server's own page beside it.
export function teller(box) {
  const place = box.querySelector("[data-said]");
  function say(key, values = {}) {
    place.hidden = !key;
    place.classList.remove("said-trouble");
    place.textContent = key ? word(key, values) : "";
  }
  function addLink(href, text) {
    if (!/^(https?:\/)?\//.test(href)) return; // a server may say what it likes
    const link = Object.assign(document.createElement("a"), { href, rel: "noopener", textContent: text });
    place.append(" ", link);
  }
  return {
    say,
    sayWithLink(key, href, text) {
      say(key);
      if (href) addLink(href, text);
    },
    trouble(error, { kind, uri, handle }) {
      place.hidden = false;
      place.classList.add("said-trouble");
      place.textContent = error.problem ?? error.words ?? word("broken");
      addLink(error.page || `/interact?${new URLSearchParams({ kind, uri, handle })}`, word("elsewhere"));
      if (!error.words) console.warn(error);
    },
  };
}

// The fields of `form` for somebody who is signed in in this tab, or for anybody else.
function showAccount(form) {
  const kept = keptAccount();
  const input = form.querySelector("[data-handle]");
  form.querySelector("[data-who]").hidden = Boolean(kept);
  input.required = !kept;
  if (!input.value) input.value = remembered();
  const note = form.querySelector("[data-signed-in]");
  note.hidden = !kept;
  note.querySelector("span").textContent = kept ? word("signed-in", { handle: kept.handle || kept.host }) : "";
}

// Keep the fields of `form` true to who is signed in, and let them sign out.
export function watchAccount(form) {
  showAccount(form);
  document.addEventListener("fedblog:account", () => showAccount(form));
  form.querySelector("[data-sign-out]").addEventListener("click", async () => {
    await signOut();
    form.querySelector("[data-handle]").focus();
  });
}

export function whose(form) {
  const handle = keptAccount()?.handle || form.elements.handle.value.trim();
  return { handle, stay: form.elements.stay.checked };
}
