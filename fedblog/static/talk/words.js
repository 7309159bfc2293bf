// What scripts say: sentences in the page's language, with values put in. They come with the form and the dialog.
const known = new Map();

// The parts that pages have with scripts only: `find` takes one out. Null where they can't be had: then all stays as is.
export async function load() {
  const answer = await fetch("/interact/parts").catch(() => null);
  if (!answer?.ok) return null;
  const parts = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const item of parts.getElementById("words").content.querySelectorAll("[data-word]")) {
    known.set(item.dataset.word, item.textContent);
  }
  return { find: (selector) => document.adoptNode(parts.querySelector(selector)) };
}

// Put in before the blog's own look, which may have another opinion.
export function loadSheet(link) {
  return new Promise((done) => {
    link.addEventListener("load", done);
    link.addEventListener("error", done);
    document.querySelector("link[rel=stylesheet]").after(link);
  });
}

export function word(key, values = {}) {
  return (known.get(key) ?? key).replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

// A message for a person to read, kept apart from what is only for programmers.
export class Trouble extends Error {
  constructor(key, values = {}, page = "") {
    super(key);
    this.key = key;
    this.values = values;
    this.page = page;
  }

  get words() {
    return word(this.key, this.values);
  }
}
