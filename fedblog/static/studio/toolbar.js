// Markdown by buttons and shortcuts. Each act is one step of the textarea's own undo history.
import { insertText } from "./insert.js";

const AROUND = { bold: ["**", "**"], italic: ["*", "*"], code: ["`", "`"] };
const LINES = { heading: () => "## ", quote: () => "> ", list: () => "- ", numbers: (index) => `${index + 1}. ` };
const LINE_MARK = /^(#{1,6} |> |[-*] |\d+\. )/;
const KEYS = { b: "bold", i: "italic", k: "link", e: "code" };
const SHIFTED = { Digit7: "numbers", Digit8: "list", Digit9: "quote" };

function around(area, [open, close]) {
  const { selectionStart: start, selectionEnd: end, value } = area;
  const chosen = value.slice(start, end);
  const outer = value.slice(start - open.length, start) === open && value.slice(end, end + close.length) === close;
  if (outer) {
    insertText(area, chosen, start - open.length, end + close.length);
    area.setSelectionRange(start - open.length, start - open.length + chosen.length);
    return;
  }
  insertText(area, open + chosen + close);
  area.setSelectionRange(start + open.length, start + open.length + chosen.length);
}

function block(area) {
  const { selectionStart: start, selectionEnd: end, value } = area;
  const chosen = value.slice(start, end);
  insertText(area, `\`\`\`\n${chosen.replace(/\n$/, "")}\n\`\`\`\n`);
  area.setSelectionRange(start + 4, start + 4 + chosen.replace(/\n$/, "").length);
}

function link(area) {
  const { selectionStart: start, selectionEnd: end, value } = area;
  const chosen = value.slice(start, end);
  const isAddress = /^https?:\/\/\S+$/.test(chosen);
  insertText(area, isAddress ? `[](${chosen})` : `[${chosen}](https://)`);
  // What is missing is chosen next: the words, or the address.
  if (isAddress || !chosen) area.setSelectionRange(start + 1, start + 1);
  else area.setSelectionRange(start + chosen.length + 3, start + chosen.length + 11);
}

function lines(area, mark) {
  const { value } = area;
  const start = value.lastIndexOf("\n", area.selectionStart - 1) + 1;
  const found = value.indexOf("\n", area.selectionEnd);
  const end = found < 0 ? value.length : found;
  const rows = value.slice(start, end).split("\n");
  const has = rows.every((row, index) => row.startsWith(mark(index)) || !row);
  const marked = rows.map((row, index) => (has ? row.slice(mark(index).length) : mark(index) + row.replace(LINE_MARK, "")));
  const text = has && rows.some(Boolean) ? marked.join("\n") : rows.map((row, index) => mark(index) + row.replace(LINE_MARK, "")).join("\n");
  insertText(area, text, start, end);
  if (rows.length > 1) area.setSelectionRange(start, start + text.length);
}

function act(area, mark) {
  if (mark === "link") link(area);
  else if (mark === "picture") document.getElementById("picture").click();
  else if (mark === "code" && area.value.slice(area.selectionStart, area.selectionEnd).includes("\n")) block(area);
  else if (AROUND[mark]) around(area, AROUND[mark]);
  else if (LINES[mark]) lines(area, LINES[mark]);
}

function markOf(event) {
  if (!(event.ctrlKey || event.metaKey)) return "";
  if (event.altKey && event.code === "Digit2") return "heading";
  if (event.altKey) return "";
  return (event.shiftKey ? SHIFTED[event.code] : KEYS[event.key.toLowerCase()]) || "";
}

export function startToolbar(form) {
  const area = form.elements.source;
  const bar = document.getElementById("toolbar");
  if (!bar) return;
  bar.hidden = false;
  const buttons = [...bar.querySelectorAll("button")];

  area.addEventListener("keydown", (event) => {
    const mark = markOf(event);
    if (!mark) return;
    event.preventDefault();
    act(area, mark);
  });
  // A press must not take the focus: the words that are chosen stay chosen.
  bar.addEventListener("mousedown", (event) => event.preventDefault());
  bar.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button) act(area, button.dataset.mark);
  });
  // One stop of the Tab key for the whole bar; arrows move within (ARIA toolbar pattern).
  bar.addEventListener("keydown", (event) => {
    const at = buttons.indexOf(document.activeElement);
    const forward = getComputedStyle(bar).direction === "rtl" ? "ArrowLeft" : "ArrowRight";
    const back = forward === "ArrowRight" ? "ArrowLeft" : "ArrowRight";
    const next = { [forward]: at + 1, [back]: at - 1, Home: 0, End: buttons.length - 1 }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    const target = buttons[(next + buttons.length) % buttons.length];
    for (const button of buttons) button.tabIndex = button === target ? 0 : -1;
    target.focus();
  });
}
