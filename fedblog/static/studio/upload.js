// Pictures by picker, paste and drop: uploaded at once, put where the cursor is, and then asked about.
import { insertText } from "./insert.js";

const TYPES = /^image\/(jpeg|png|webp|gif|avif)$/;

export function startUploads(form) {
  const source = form.elements.source;
  const status = document.getElementById("uploading");
  const describe = document.getElementById("describe");
  const alt = document.getElementById("describe-alt");
  let placed = false; // whether the cursor was ever put anywhere; until then pictures go to the end
  let current = null; // the picture being described: its path and the Markdown that stands in the text

  for (const one of form.querySelectorAll("[data-without-script]")) one.hidden = true;
  for (const one of form.querySelectorAll("[data-with-script]")) one.hidden = false;

  source.addEventListener("focus", () => { placed = true; }, { once: true });

  const changed = () => source.dispatchEvent(new Event("input", { bubbles: true }));

  function say(text) {
    status.textContent = text;
    status.hidden = !text;
  }

  async function send(file) {
    const data = new FormData();
    data.set("csrf", form.elements.csrf.value);
    data.set("file", file, file.name || "picture");
    say(`Uploading ${file.name || "picture"} …`);
    try {
      const answer = await fetch("/studio/media", { method: "POST", body: data, headers: { Accept: "application/json" } });
      if (answer.status === 401 || answer.status === 403) throw new Error("You were logged out. Log in in another tab and try again.");
      const result = await answer.json().catch(() => ({}));
      if (!answer.ok) throw new Error(result.words || "The picture could not be uploaded.");
      say("");
      return result;
    } catch (error) {
      say(error instanceof TypeError ? "No connection: the picture was not uploaded." : error.message);
      return null;
    }
  }

  function write(path, text) {
    if (form.dataset.html) {
      const words = text.replace(/&/g, "&amp;").replace(/"/g, "&quot;").replace(/</g, "&lt;");
      return `<p><img src="${path}" alt="${words}"></p>`;
    }
    return `![${text.replace(/\s+/g, " ").replace(/[\\[\]]/g, "\\$&")}](${path})`;
  }

  function insert(text) {
    if (!placed) source.setSelectionRange(source.value.length, source.value.length);
    const before = source.value.slice(0, source.selectionStart);
    const after = source.value.slice(source.selectionEnd);
    const lead = !before || before.endsWith("\n\n") ? "" : before.endsWith("\n") ? "\n" : "\n\n";
    const tail = !after ? "\n" : after.startsWith("\n\n") ? "" : after.startsWith("\n") ? "\n" : "\n\n";
    insertText(source, lead + text + tail);
  }

  async function add(files) {
    for (const file of files) {
      const result = await send(file);
      if (!result) return;
      const text = write(result.path, result.alt);
      insert(text);
      ask(result, text);
    }
  }

  function ask(result, text) {
    current = { path: result.path, text };
    describe.querySelector("img").src = result.path;
    alt.value = result.alt;
    describe.hidden = false;
    alt.focus();
  }

  alt.addEventListener("input", (event) => {
    event.stopPropagation();
    if (!current) return;
    const at = source.value.lastIndexOf(current.text);
    if (at < 0) return;
    const text = write(current.path, alt.value);
    source.setRangeText(text, at, at + current.text.length, "preserve");
    current.text = text;
    changed();
  });

  function finish() {
    current = null;
    describe.hidden = true;
    source.focus();
  }
  describe.querySelector("button").addEventListener("click", finish);
  alt.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    finish();
  });

  const pictures = (items) => [...(items || [])].filter((file) => TYPES.test(file.type));

  // The files must not go along with every save, so the field is emptied once they are on their way.
  form.elements.picture.addEventListener("change", (event) => {
    const files = [...event.target.files];
    event.target.value = "";
    document.getElementById("add-picture").open = false;
    add(files);
  });

  form.elements.cover.addEventListener("change", async (event) => {
    const file = event.target.files[0];
    event.target.value = "";
    const result = file && (await send(file));
    if (!result) return;
    form.elements.image_url.value = result.url;
    if (!form.elements.image_alt.value) form.elements.image_alt.value = result.alt;
    const place = document.getElementById("cover-now");
    const image = new Image(result.width, result.height);
    image.src = result.path;
    image.alt = "The cover now";
    place.replaceChildren(image);
    place.hidden = false;
    form.elements.image_url.dispatchEvent(new Event("input", { bubbles: true }));
    if (!form.elements.image_alt.value) form.elements.image_alt.focus();
  });

  source.addEventListener("paste", (event) => {
    const files = pictures(event.clipboardData?.files);
    // Text with a picture of itself (from an office program) is meant as text.
    if (!files.length || event.clipboardData.types.includes("text/plain")) return;
    event.preventDefault();
    add(files);
  });

  source.addEventListener("dragover", (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    source.classList.add("dropping");
  });
  source.addEventListener("dragleave", () => source.classList.remove("dropping"));
  source.addEventListener("drop", (event) => {
    source.classList.remove("dropping");
    if (!event.dataTransfer?.files.length) return;
    event.preventDefault();
    const files = pictures(event.dataTransfer.files);
    if (files.length) add(files);
    else say("Only pictures can be dropped here: JPEG, PNG, WebP, GIF or AVIF.");
  });
}
