// From "I want to say this" to "it is said": find the server, sign in there, do it, give the permission back.
import { Server } from "./mastodon.js";
import { askInWindow, codeIn, goThere, GOING, openWindow } from "./sign-in.js";
import { Trouble } from "./words.js";

const HANDLE = "fedblog:handle";
const ACCOUNT = "fedblog:account";

// Who answered last from this browser; nobody but this browser knows.
export function remembered() {
  try {
    return localStorage.getItem(HANDLE) ?? "";
  } catch {
    return "";
  }
}

function remember(handle) {
  try {
    localStorage.setItem(HANDLE, handle);
  } catch {
    // storage may be switched off
  }
}

// The account that stays signed in in this tab, if the reader wanted that.
export function keptAccount() {
  try {
    const kept = JSON.parse(sessionStorage.getItem(ACCOUNT));
    return kept ? new Server(kept.origin, kept) : null;
  } catch {
    return null;
  }
}

function keep(server) {
  if (server) sessionStorage.setItem(ACCOUNT, JSON.stringify(server.kept));
  else sessionStorage.removeItem(ACCOUNT);
  document.dispatchEvent(new CustomEvent("fedblog:account"));
}

export async function signOut() {
  const server = keptAccount();
  keep(null);
  await server?.revoke();
}

// Carry out a job: { kind, uri, handle, stay, text?, language?, key?, name }. `say` is told how far it is.
// Returns what the server made, or null when this tab leaves for the server's page. Raises Trouble.
export async function carryOut(job, say, cancel) {
  const kept = keptAccount();
  if (kept) return finish(kept, { ...job, stay: true }, say);
  sessionStorage.removeItem(GOING); // a new window gets a copy of what this tab keeps
  const popup = openWindow();
  try {
    say("looking");
    const place = await lookUp(job);
    job.page = place.page;
    const server = new Server(place.server, { handle: place.handle });
    say("registering", { server: server.host });
    await server.register(job.name);
    cancel.throwIfAborted();
    if (!popup) {
      say("leaving", { server: server.host });
      await goThere(server, job);
      return null;
    }
    say("allow", { server: server.host });
    const { code, verifier } = await askInWindow(popup, server, cancel);
    await server.exchange(code, verifier);
    return await finish(server, job, say);
  } catch (error) {
    popup?.close();
    // What was under way when the reader stopped it may have been done all the same.
    const stopped = cancel.aborted && error.key !== "maybe";
    throw withPage(stopped ? new Trouble("cancelled") : error, job.page);
  }
}

// Go on with a job after this tab was away; `back` is what `comeBack` found.
export async function goOn(back, say) {
  const server = new Server(back.server.origin, back.server);
  try {
    const code = codeIn(back.answer, server);
    await server.exchange(code, back.verifier);
    return await finish(server, back.job, say);
  } catch (error) {
    throw withPage(error, back.job.page);
  }
}

async function finish(server, job, say) {
  let over = false;
  try {
    await server.whoAmI();
    say("finding", { server: server.host });
    const id = await server.find(job.uri);
    say("sending");
    const made = await send(server, job, id);
    remember(job.handle);
    return { made, server: server.host, handle: server.handle || job.handle };
  } catch (error) {
    over = error.key === "expired";
    if (over) keep(null);
    throw error;
  } finally {
    if (job.stay && server.token && !over) keep(server);
    else await server.revoke();
  }
}

async function send(server, job, id) {
  try {
    if (job.kind === "like") return await server.favourite(id);
    if (job.kind === "boost") return await server.reblog(id);
    return await server.reply(id, job.text, job.language, job.key);
  } catch (error) {
    // It went out, and no answer came: nobody here knows what became of it.
    throw error.key === "down" || error.key === "no-api" ? server.trouble("maybe") : error;
  }
}

// Which server a handle belongs to: our server asks, for browsers may not ask every server themselves.
async function lookUp({ kind, uri, handle }) {
  const query = new URLSearchParams({ kind, uri, handle });
  const answer = await fetch(`/interact/server?${query}`, { headers: { Accept: "application/json" } });
  if (answer.status === 429) throw new Trouble("busy");
  const told = await answer.json().catch(() => ({}));
  if (told.problem) throw Object.assign(new Trouble("problem"), { problem: told.problem });
  if (!answer.ok) throw new Trouble("broken");
  if (!told.server) throw new Trouble("no-api", { server: handle.split("@").pop() }, told.page);
  return told;
}

function withPage(error, page) {
  const trouble = error instanceof Trouble ? error : new Trouble("broken");
  if (!(error instanceof Trouble)) console.warn(error);
  trouble.page ||= page ?? "";
  return trouble;
}
