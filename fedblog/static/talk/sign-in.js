// The way to the reader's server and back: in a window of its own, or in this tab where windows are blocked.
// The answer comes to /signed-in, a page of ours that hands it to this one inside the browser.
import { random } from "./mastodon.js";
import { Trouble } from "./words.js";

export const CHANNEL = "fedblog:signed-in";
export const GOING = "fedblog:going";
export const BACK = "fedblog:back";
const PATIENCE = 10 * 60_000;

// To be called right at the click, before anything is awaited: later, browsers block it.
export function openWindow() {
  return window.open("/signed-in", "fedblog-sign-in", "popup,width=520,height=720");
}

// The code, once the reader said yes in `popup`. Raises Trouble. `cancel` is an AbortSignal.
export async function askInWindow(popup, server, cancel) {
  const [state, verifier] = [random(), random()];
  const channel = new BroadcastChannel(CHANNEL);
  try {
    popup.location.replace(await server.authorizeUrl(state, verifier));
    const answer = await new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(server.trouble("expired")), PATIENCE);
      cancel.addEventListener("abort", () => reject(new Trouble("cancelled")));
      channel.addEventListener("message", ({ data }) => {
        if (data.lost) reject(new Trouble("state"));
        if (data.state !== state) return;
        clearTimeout(late);
        channel.postMessage({ taken: state });
        resolve(data);
      });
    });
    return { code: codeIn(answer, server), verifier };
  } catch (error) {
    if (error.key !== "denied") server.forget();
    throw error;
  } finally {
    channel.close();
  }
}

// Leave this tab for the server's page; `job` is what goes on when the reader is back (see `comeBack`).
export async function goThere(server, job) {
  const [state, verifier] = [random(), random()];
  const going = { state, verifier, job, server: server.kept, back: location.href };
  sessionStorage.setItem(GOING, JSON.stringify(going));
  location.assign(await server.authorizeUrl(state, verifier));
}

// What was begun before this tab left, with the server's answer; null if nothing was that `fits`.
export function comeBack(fits) {
  try {
    const found = JSON.parse(sessionStorage.getItem(BACK));
    if (!found || !fits(found.job)) return null;
    sessionStorage.removeItem(BACK);
    return found;
  } catch {
    return null;
  }
}

export function codeIn(answer, server) {
  if (answer.error === "state") throw new Trouble("state");
  if (answer.error === "access_denied") throw server.trouble("denied");
  if (answer.error) throw server.trouble("refused", { detail: answer.description || answer.error });
  if (!answer.code) throw server.trouble("expired");
  return answer.code;
}
