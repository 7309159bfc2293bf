// The editor with scripts: live preview, autosave of drafts, word count, Ctrl+S. Without scripts the form does it all.
import { startAutosave } from "./autosave.js";
import { startPreview } from "./preview.js";
import { startUploads } from "./upload.js";
import { watchDelivery } from "./delivery.js";

const form = document.getElementById("editor");
const source = form.elements.source;
const words = document.getElementById("words");

function countWords() {
  const count = (source.value.match(/[\p{L}\p{N}][\p{L}\p{N}'’.-]*/gu) || []).length;
  words.textContent = `${count.toLocaleString("en")} ${count === 1 ? "word" : "words"}`;
}

source.addEventListener("input", countWords);
if (source.value) countWords();

document.addEventListener("keydown", (event) => {
  if (!(event.ctrlKey || event.metaKey) || event.altKey || event.key.toLowerCase() !== "s") return;
  event.preventDefault();
  form.querySelector("button[value=save]").click();
});

startPreview(form);
startAutosave(form);
startUploads(form);
const delivery = document.getElementById("delivery");
if (delivery) watchDelivery(delivery);
