// "Leave a reply to NAME": the form comes to the reply that is answered, and sends from the reader's own account.
import { carryOut, goOn } from "./account.js";
import { teller, uriOf, watchAccount, whose } from "./form.js";
import { random } from "./mastodon.js";
import { comeBack } from "./sign-in.js";
import { refresh, reveal } from "./thread.js";
import { word } from "./words.js";

const LINKS = 'a[data-reply], .reply > footer > a[href^="?replyto="]';
const box = document.getElementById("reply-form");
const home = document.createComment("the reply form");
// What the form answers when it answers no reply.
const post = { uri: box?.dataset.post ?? box?.dataset.uri, author: box?.dataset.author ?? box?.dataset.handle };
let form = null;
let cameFrom = null;
let cancelling = null;
let ticket = { text: "", key: "" };

export function beginAnswering(made, said) {
  const others = box?.querySelector("[data-elsewhere]");
  if (!others) return; // the conversation is closed
  form = made;
  others.before(form, said);
  others.open = false;
  box.before(home);
  watchAccount(form);
  showMentions();
  document.addEventListener("click", onClick);
  form.addEventListener("submit", onSubmit);
  form.querySelector("[data-stop]").addEventListener("click", () => cancelling?.abort());
  const back = comeBack(({ kind }) => kind === "reply");
  if (back) resume(back);
}

function onClick(event) {
  if (event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  const link = event.target.closest(`${LINKS}, a[data-cancel]`);
  if (!link || cancelling) return;
  event.preventDefault();
  if (link.matches(LINKS)) moveTo(link);
  else moveHome();
}

// Below the reply, as a blog's readers know it; the post's own form stays where it is.
function moveTo(link) {
  const article = link.closest("article.reply");
  cameFrom = link;
  const handle = article?.querySelector("header .handle").textContent ?? link.dataset.handle;
  bind(uriOf(link), handle);
  const heading = box.querySelector("h3");
  if (article) {
    const name = article.querySelector("header .p-author")?.textContent ?? handle;
    const cancel = Object.assign(document.createElement("a"), { className: "reply-cancel", href: "?#reply-form" });
    cancel.dataset.cancel = "";
    cancel.textContent = word("cancel");
    heading.replaceChildren(word("reply-title", { name }), " ", cancel);
    article.append(box);
  } else {
    heading.textContent = word("answer-title");
    home.after(box);
  }
  teller(box).say("");
  form.elements.text.focus();
}

function moveHome() {
  bind(post.uri, post.author);
  box.querySelector("h3").textContent = word("answer-title");
  home.after(box);
  teller(box).say("");
  (cameFrom?.isConnected ? cameFrom : box.querySelector("h3")).focus();
  cameFrom = null;
}

function bind(uri, handle) {
  box.dataset.uri = uri;
  box.dataset.handle = handle;
  box.querySelector("[data-elsewhere] input[name=uri]").value = uri;
  showMentions();
}

// Whom the reply has to name so that it comes here: a server tells those whom a note names, and its followers.
function mentions() {
  return [...new Set([box.dataset.handle, post.author])];
}

function showMentions() {
  form.querySelector("[data-mentions]").textContent = word("mentions", { handles: mentions().join(", ") });
}

function written(handle) {
  const text = form.elements.text.value.trim();
  const lower = `${text.toLowerCase()} `;
  const missing = mentions().filter((each) => each.toLowerCase() !== handle.toLowerCase() && !lower.includes(`${each.toLowerCase()} `));
  return [...missing, text].join(" ");
}

async function onSubmit(event) {
  event.preventDefault();
  if (cancelling) return;
  const { handle, stay } = whose(form);
  const text = written(handle);
  // The same words sent again after a broken connection are the same reply: servers know by the key.
  if (ticket.text !== text || ticket.uri !== box.dataset.uri) ticket = { text, uri: box.dataset.uri, key: random() };
  const language = document.querySelector("article.post").lang || document.documentElement.lang;
  const job = { kind: "reply", uri: box.dataset.uri, handle, stay, text, language: language.split("-")[0] };
  await work({ ...job, key: ticket.key, name: form.dataset.blog, words: form.elements.text.value }, carryOut);
}

async function resume(back) {
  form.elements.text.value = back.job.words;
  form.elements.handle.value = back.job.handle;
  const link = [...document.querySelectorAll(LINKS)].find((each) => uriOf(each) === back.job.uri);
  if (link) moveTo(link);
  await work(back.job, (_, tell) => goOn(back, tell));
}

async function work(job, carry) {
  const { say, sayWithLink, trouble } = teller(box);
  const stop = form.querySelector("[data-stop]");
  cancelling = new AbortController();
  stop.hidden = false;
  form.querySelector(".button-primary").disabled = true;
  try {
    const done = await carry(job, say, cancelling.signal);
    if (done === null) return;
    form.elements.text.value = "";
    ticket = { text: "", key: "" };
    const uri = String(done.made.uri ?? "");
    const url = String(done.made.url ?? "");
    const words = word("your-reply", { server: done.server });
    sayWithLink("sent", url, words);
    waitFor(uri, (key) => sayWithLink(key, key === "shown" ? "" : url, words));
  } catch (error) {
    trouble(error, job);
  } finally {
    cancelling = null;
    stop.hidden = true;
    form.querySelector(".button-primary").disabled = false;
  }
}

// It is here when the server's own signed message has come; until then it isn't shown as if it were.
async function waitFor(uri, tell) {
  for (let turn = 0; turn < 60; turn++) {
    await new Promise((resolve) => setTimeout(resolve, turn < 30 ? 1500 : 15_000));
    const query = new URLSearchParams({ uri });
    const answer = await fetch(`/interact/arrived?${query}`).then((each) => each.json()).catch(() => ({}));
    if (answer.state === "held") return tell("held");
    if (answer.state === "shown") {
      const isWriting = Boolean(form.elements.text.value || cancelling);
      if (!isWriting) moveHome();
      await refresh();
      tell("shown");
      if (!isWriting) reveal(answer.id, answer.href);
      return;
    }
    if (turn === 20) tell("slow");
  }
}
