// Puts text where the cursor is, as if it had been typed: so it can be undone, and what follows hears of it.
export function insertText(area, text, start = area.selectionStart, end = area.selectionEnd) {
  area.focus();
  area.setSelectionRange(start, end);
  // Deprecated and without a successor: nothing else keeps a textarea's undo history.
  const typed = text ? document.execCommand("insertText", false, text) : document.execCommand("delete");
  if (typed || (!text && start === end)) return;
  area.setRangeText(text, start, end, "end");
  area.dispatchEvent(new Event("input", { bubbles: true }));
}
