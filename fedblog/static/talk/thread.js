// Reading the conversation: folding, what is new since the last visit, and new replies that say that they are there.
import { word } from "./words.js";

const SEEN = "fedblog:seen";
const POSTS_REMEMBERED = 200;
const section = document.getElementById("thoughts");
let shown = Number(section?.dataset.count ?? 0);
let source = null;

export function beginReading() {
  if (!section) return;
  offerFolding();
  markNew();
  listen();
  document.addEventListener("visibilitychange", listen);
  // A reply that is on another page of the conversation has its place found by the server.
  const wanted = location.hash.match(/^#reply-(\d+)$/)?.[1];
  const known = new URLSearchParams(location.search).has("reply");
  if (wanted && !known && !document.getElementById(`reply-${wanted}`)) goTo(wanted);
}

async function goTo(number) {
  const answer = await fetch(`?reply=${number}`, { method: "HEAD" }).catch(() => null);
  if (answer?.ok) location.replace(`?reply=${number}#reply-${number}`);
}

function offerFolding() {
  const tools = section.querySelector("[data-folding]");
  if (!tools || !section.querySelector(".branch")) return;
  tools.hidden = false;
  const fold = (open) => section.querySelectorAll(".branch").forEach((branch) => (branch.open = open));
  tools.querySelector("[data-fold]").addEventListener("click", () => fold(false));
  tools.querySelector("[data-unfold]").addEventListener("click", () => fold(true));
}

// New since the last visit

function readSeen() {
  try {
    return JSON.parse(localStorage.getItem(SEEN)) ?? {};
  } catch {
    return {};
  }
}

function writeSeen(seen) {
  const entries = Object.entries(seen).slice(-POSTS_REMEMBERED);
  try {
    localStorage.setItem(SEEN, JSON.stringify(Object.fromEntries(entries)));
  } catch {
    // storage may be switched off: then nothing is marked
  }
}

// Numbers of replies rise with the time of their arrival, and are too long for JavaScript's own.
function numberOf(article) {
  return BigInt(article.id.slice("reply-".length));
}

function markNew() {
  const post = section.dataset.post;
  const { [post]: last, ...others } = readSeen();
  const articles = [...section.querySelectorAll("article.reply:not(.reply-removed)")];
  const newest = articles.map(numberOf).reduce((most, each) => (each > most ? each : most), BigInt(last ?? 0));
  writeSeen({ ...others, [`${post}`]: String(newest) });
  if (last === undefined) return;
  const fresh = articles.filter((article) => numberOf(article) > BigInt(last));
  fresh.forEach(mark);
  if (!fresh.length) return;
  const note = document.createElement("p");
  note.className = "new-here";
  const link = Object.assign(document.createElement("a"), { href: `#${fresh[0].id}` });
  link.textContent = word("new-here", { count: fresh.length });
  note.append(link);
  section.querySelector(".thread").before(note);
}

function mark(article) {
  article.classList.add("reply-new");
  const badge = Object.assign(document.createElement("span"), { className: "badge badge-new" });
  badge.textContent = word("new");
  article.querySelector("header > p")?.append(" ", badge);
}

// New replies

function listen() {
  if (document.hidden || !section.dataset.live) {
    source?.close();
    source = null;
  } else if (!source || source.readyState === EventSource.CLOSED) {
    source = new EventSource(section.dataset.live);
    source.addEventListener("message", (event) => announce(JSON.parse(event.data).count));
  }
}

function announce(count) {
  const old = document.querySelector(".live-note");
  if (count <= shown) return old?.remove();
  const note = old ?? document.createElement("div");
  note.className = "live-note";
  note.setAttribute("role", "status");
  const button = Object.assign(document.createElement("button"), { type: "button", className: "button-small" });
  button.textContent = word("show");
  button.addEventListener("click", async () => {
    const before = new Set([...section.querySelectorAll("article.reply")].map((each) => each.id));
    await refresh();
    const fresh = [...section.querySelectorAll("article.reply")].filter((each) => !before.has(each.id));
    fresh.forEach(mark);
    if (fresh.length) reveal(fresh[0].id, "");
  });
  note.replaceChildren(word("new-replies", { count: count - shown }), " ", button);
  if (!old) document.body.append(note);
}

// The conversation as it is now, in the place of the one that is shown; what is read stays where it is.
export async function refresh() {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } }).catch(() => null);
  if (!answer?.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.getElementById("thoughts");
  const thread = fresh?.querySelector(".thread");
  if (!thread) return;
  document.querySelector(".live-note")?.remove();
  const anchor = [...section.querySelectorAll("article.reply")].find((each) => each.getBoundingClientRect().bottom > 0);
  const top = anchor?.getBoundingClientRect().top;
  const folded = [...section.querySelectorAll(".branch:not([open])")].map(above);
  const marked = [...section.querySelectorAll(".reply-new")].map((each) => each.id);
  const old = section.querySelector(".thread");
  const putBack = lift(old?.querySelector("#reply-form"));
  if (old) old.replaceWith(thread);
  else section.querySelector("h2").after(thread);
  section.querySelector("h2").textContent = fresh.querySelector("h2").textContent;
  for (const branch of thread.querySelectorAll(".branch")) if (folded.includes(above(branch))) branch.open = false;
  for (const id of marked) if (document.getElementById(id)) mark(document.getElementById(id));
  putBack();
  shown = Number(fresh.dataset.count);
  document.dispatchEvent(new CustomEvent("fedblog:drawn", { detail: thread }));
  const moved = anchor && document.getElementById(anchor.id);
  if (moved) scrollBy({ top: moved.getBoundingClientRect().top - top, behavior: "instant" });
}

// A form that somebody is writing in outlives the reply it stands under.
function lift(form) {
  if (!form) return () => {};
  const id = form.closest("article.reply").id;
  const focused = form.contains(document.activeElement) ? document.activeElement : null;
  form.remove();
  return () => {
    (document.getElementById(id) ?? section).append(form);
    focused?.focus({ preventScroll: true });
  };
}

function above(branch) {
  return branch.parentElement.querySelector("article.reply").id;
}

// Go to a reply on this page, or else to where it is.
export function reveal(id, href) {
  const article = document.getElementById(id);
  if (!article) {
    if (href) location.assign(href);
    return;
  }
  for (let box = article.closest("details"); box; box = box.parentElement?.closest("details")) box.open = true;
  article.tabIndex = -1;
  article.focus({ preventScroll: true });
  article.scrollIntoView({ block: "center" });
}
