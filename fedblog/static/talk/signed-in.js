// /signed-in: takes the server's answer out of the address and hands it to the page that asked, inside this browser.
import { BACK, CHANNEL, GOING } from "./sign-in.js";
import { load, word } from "./words.js";

const PATIENCE = 1500;
const query = new URLSearchParams(location.search);
const answer = {
  state: query.get("state") ?? "",
  code: query.get("code") ?? "",
  error: query.get("error") ?? "",
  description: query.get("error_description") ?? "",
};
// Out of the address bar and the history at once.
history.replaceState(null, "", location.pathname);

function say(key) {
  document.querySelector("[data-said]").textContent = word(key);
}

// What this very tab had begun before it left for the server.
function begun() {
  try {
    return JSON.parse(sessionStorage.getItem(GOING));
  } catch {
    return null;
  }
}

function goBack(going, found) {
  sessionStorage.removeItem(GOING);
  const back = new URL(going.back);
  if (back.origin !== location.origin) return;
  sessionStorage.setItem(BACK, JSON.stringify({ ...going, answer: found }));
  location.replace(back);
}

// Nobody here asked for this answer: say so, in the tab that waits too.
function lose() {
  new BroadcastChannel(CHANNEL).postMessage({ lost: true });
  say("lost");
  const going = begun();
  if (going) goBack(going, { error: "state" });
}

// Another tab waits for this window.
function handOver() {
  const channel = new BroadcastChannel(CHANNEL);
  const late = setTimeout(lose, PATIENCE);
  channel.addEventListener("message", ({ data }) => {
    if (data.taken !== answer.state) return;
    clearTimeout(late);
    say("done");
    window.close();
  });
  channel.postMessage(answer);
}

await load();
const going = begun();
if (answer.state && going?.state === answer.state) goBack(going, answer);
else if (answer.state) handOver();
else if (answer.code || answer.error) lose();
else if (!window.opener) say("nothing");
