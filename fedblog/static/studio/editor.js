// The editor with scripts: markup, live preview, autosave of drafts, word count, shortcuts. Without scripts the form does it all.
import { startAutosave } from "./autosave.js";
import { watchDelivery } from "./delivery.js";
import { startPreview } from "./preview.js";
import { startToolbar } from "./toolbar.js";
import { startUploads } from "./upload.js";
import { startWords } from "./words.js";

const form = document.getElementById("editor");
const source = form.elements.source;
const words = document.getElementById("words");

function countWords() {
  const count = (source.value.match(/[\p{L}\p{N}][\p{L}\p{N}'’.-]*/gu) || []).length;
  words.textContent = count === 1 ? words.dataset.one : words.dataset.many.replace("%(num)s", count.toLocaleString(document.documentElement.lang));
}

source.addEventListener("input", countWords);
if (source.value) countWords();

document.addEventListener("keydown", (event) => {
  if (!(event.ctrlKey || event.metaKey) || event.altKey) return;
  const wanted = event.key === "Enter" ? "publish" : event.key.toLowerCase() === "s" ? "save" : "";
  const button = wanted && (form.querySelector(`button[value=${wanted}]`) || form.querySelector("button[value=save], button[value=keep]"));
  if (!button) return;
  event.preventDefault();
  button.click();
});

// From the title, Enter goes on to the text.
form.elements.title.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.ctrlKey || event.metaKey || event.isComposing) return;
  event.preventDefault();
  source.focus();
});

// A link of the checks leads into a panel that may be closed.
document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-opens]");
  const target = link && document.getElementById(link.hash.slice(1));
  if (!target) return;
  event.preventDefault();
  for (let panel = target.closest("details"); panel; panel = panel.parentElement.closest("details")) panel.open = true;
  target.focus();
  target.scrollIntoView({ block: "center" });
});

// Without scripts the time zone has to be written; with them the browser's is meant, until somebody writes another.
const zone = form.elements.zone;
const mine = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (zone && mine && !form.elements.publish_at.value) zone.value = mine;

startWords(form);
startToolbar(form);
startPreview(form);
startAutosave(form);
startUploads(form);
const delivery = document.getElementById("delivery");
if (delivery) watchDelivery(delivery);
