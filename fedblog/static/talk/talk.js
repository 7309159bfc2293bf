// The conversation under a post, made better where scripts run: everything works without this.
import "../media.js";
import { beginActing } from "./act.js";
import { beginAnswering } from "./answer.js";
import { beginReading } from "./thread.js";
import { load, loadSheet } from "./words.js";

const parts = await load();
if (parts) {
  await loadSheet(parts.find("link"));
  beginReading();
  beginAnswering(parts.find("[data-here]"), parts.find("[data-said]"));
  beginActing(parts.find("dialog"));
}
