// Likes and boosts from the reader's own account, in a dialog.
import { carryOut, goOn, keptAccount } from "./account.js";
import { teller, uriOf, watchAccount, whose } from "./form.js";
import { comeBack } from "./sign-in.js";
import { word } from "./words.js";

const LINKS = 'a[data-act], .reply > footer > a[href^="/"]';
let dialog = null;
let form = null;
let job = null;
let working = null;

export function beginActing(made) {
  if (!made.showModal) return;
  dialog = made;
  form = dialog.querySelector("form");
  document.body.append(dialog);
  watchAccount(form);
  document.addEventListener("click", (event) => {
    if (event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    const link = event.target.closest(LINKS);
    if (!link) return;
    event.preventDefault();
    open(link.dataset.act ?? link.pathname.split("/")[1], uriOf(link), link.href);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!working) work({ ...job, ...whose(form), name: dialog.dataset.blog }, carryOut);
  });
  form.querySelector("[data-close]").addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => working?.abort());
  const back = comeBack(({ kind }) => kind !== "reply");
  if (!back) return;
  open(back.job.kind, back.job.uri, back.job.page);
  form.elements.handle.value = back.job.handle;
  work(back.job, (_, say) => goOn(back, say));
}

function open(kind, uri, page) {
  job = { kind, uri };
  dialog.querySelector("[data-heading]").textContent = word(`${kind}-title`);
  const button = dialog.querySelector("[data-do]");
  button.textContent = word(`${kind}-do`);
  button.hidden = false;
  dialog.querySelector("[data-page]").href = page;
  teller(dialog).say("");
  dialog.showModal();
  (keptAccount() ? button : form.elements.handle).focus();
}

async function work(what, carry) {
  const { say, trouble } = teller(dialog);
  const button = dialog.querySelector("[data-do]");
  working = new AbortController();
  button.disabled = true;
  try {
    const done = await carry(what, say, working.signal);
    if (done === null) return;
    say(what.kind === "like" ? "liked" : "boosted", { handle: done.handle });
    button.hidden = true;
    dialog.querySelector("[data-close]").focus();
  } catch (error) {
    trouble(error, what);
  } finally {
    working = null;
    button.disabled = false;
  }
}
