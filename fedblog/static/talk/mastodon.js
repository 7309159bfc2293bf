// The reader's own server, by the part of Mastodon's API that is needed to answer: https://docs.joinmastodon.org/client/
// Everything here goes from the browser to that server. Nothing of it is ever sent to this blog.
import { Trouble } from "./words.js";

export const CALLBACK = new URL("/signed-in", location.origin).href;
const SCOPES = ["profile", "read:search", "write:statuses", "write:favourites"];
const PATIENCE = 20_000;
const APPS = "fedblog:apps";

function base64url(bytes) {
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

export function random() {
  return base64url(crypto.getRandomValues(new Uint8Array(32)));
}

async function challengeOf(verifier) {
  return base64url(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier))));
}

export class Server {
  // `origin` is where the account lives; `app` and `token` are there after `register` and `exchange`.
  constructor(origin, kept = {}) {
    this.origin = origin;
    this.host = new URL(origin).host;
    this.app = kept.app ?? null;
    this.token = kept.token ?? "";
    this.handle = kept.handle ?? "";
  }

  get kept() {
    return { origin: this.origin, app: this.app, token: this.token, handle: this.handle };
  }

  // Make ourselves known there, once a browser: the app's id and secret are kept for this server.
  async register(name) {
    const scopes = await this.scopes();
    const known = readApps()[this.origin];
    if (known && known.scopes === scopes && known.callback === CALLBACK) {
      this.app = known;
      return;
    }
    const form = { client_name: name, redirect_uris: CALLBACK, scopes, website: location.origin };
    const made = await this.ask("POST", "/api/v1/apps", { form });
    if (!made.client_id || !made.client_secret) throw this.trouble("no-api");
    this.app = { id: made.client_id, secret: made.client_secret, scopes, callback: CALLBACK };
    keepApp(this.origin, this.app);
  }

  // Servers that list what they know (RFC 8414; Mastodon from 4.3) get what they know; the others know no `profile`.
  async scopes() {
    const found = await fetch(`${this.origin}/.well-known/oauth-authorization-server`, { credentials: "omit" })
      .then((answer) => (answer.ok ? answer.json() : null))
      .catch(() => null);
    const supported = Array.isArray(found?.scopes_supported) ? found.scopes_supported : SCOPES.slice(1);
    return SCOPES.filter((scope) => supported.includes(scope) || supported.includes(scope.split(":")[0])).join(" ");
  }

  // Where the reader says yes. `verifier` stays in this browser.
  async authorizeUrl(state, verifier) {
    const url = new URL("/oauth/authorize", this.origin);
    url.search = new URLSearchParams({
      response_type: "code",
      client_id: this.app.id,
      redirect_uri: CALLBACK,
      scope: this.app.scopes,
      state,
      code_challenge: await challengeOf(verifier),
      code_challenge_method: "S256",
    });
    return url.href;
  }

  async exchange(code, verifier) {
    const form = {
      grant_type: "authorization_code",
      code,
      client_id: this.app.id,
      client_secret: this.app.secret,
      redirect_uri: CALLBACK,
      code_verifier: verifier,
    };
    let made;
    try {
      made = await this.ask("POST", "/oauth/token", { form });
    } catch (trouble) {
      this.forget();
      throw trouble.key === "refused" ? this.trouble("expired") : trouble;
    }
    if (!made.access_token) throw this.trouble("expired");
    this.token = made.access_token;
  }

  async whoAmI() {
    if (!this.app.scopes.split(" ").includes("profile")) return;
    const me = await this.ask("GET", "/api/v1/accounts/verify_credentials").catch(() => null);
    if (typeof me?.acct === "string") this.handle = `@${me.acct.includes("@") ? me.acct : `${me.acct}@${this.host}`}`;
  }

  // The id that something has on that server, which fetches it if it has to.
  async find(uri) {
    const query = new URLSearchParams({ q: uri, resolve: "true", type: "statuses", limit: "1" });
    const found = await this.ask("GET", `/api/v2/search?${query}`);
    const status = found.statuses?.find((each) => each.uri === uri || each.url === uri);
    if (!status) throw this.trouble("not-found");
    return status.id;
  }

  async reply(id, text, language, key) {
    const json = { status: text, in_reply_to_id: id, visibility: "public", language };
    return this.ask("POST", "/api/v1/statuses", { json, headers: { "Idempotency-Key": key } });
  }

  async favourite(id) {
    return this.ask("POST", `/api/v1/statuses/${encodeURIComponent(id)}/favourite`);
  }

  async reblog(id) {
    return this.ask("POST", `/api/v1/statuses/${encodeURIComponent(id)}/reblog`);
  }

  // The token ends here, whatever happened before; an error changes nothing about that for the reader.
  async revoke() {
    const { token, app } = this;
    this.token = "";
    if (!token) return;
    await this.ask("POST", "/oauth/revoke", { form: { client_id: app.id, client_secret: app.secret, token } }).catch(
      () => null,
    );
  }

  // Make ourselves known anew next time: the server may not know the app any more.
  forget() {
    const { [this.origin]: _, ...others } = readApps();
    writeApps(others);
  }

  trouble(key, values = {}) {
    return new Trouble(key, { server: this.host, ...values });
  }

  async ask(method, path, { form, json, headers = {} } = {}) {
    const body = form ? new URLSearchParams(form) : json ? JSON.stringify(json) : undefined;
    const sent = { Accept: "application/json", ...headers };
    if (json) sent["Content-Type"] = "application/json";
    if (this.token) sent.Authorization = `Bearer ${this.token}`;
    let answer;
    try {
      answer = await fetch(this.origin + path, {
        method,
        body,
        headers: sent,
        credentials: "omit",
        referrerPolicy: "no-referrer",
        signal: AbortSignal.timeout(PATIENCE),
      });
    } catch {
      throw this.trouble((await this.isThere()) ? "no-api" : "down");
    }
    const text = await answer.text().catch(() => "");
    const told = parse(text);
    if (answer.ok && told !== null) return told;
    if (answer.status === 401) throw this.trouble("expired");
    if (answer.status === 429) throw this.trouble("busy");
    if (answer.status === 403 || answer.status === 422 || answer.status === 400) {
      throw this.trouble("refused", { detail: String(told?.error_description ?? told?.error ?? answer.status).slice(0, 300) });
    }
    throw this.trouble(answer.status >= 500 ? "down" : "no-api");
  }

  // A browser tells refused answers (CORS) and dead servers by the same error; a blind request tells them apart.
  async isThere() {
    const signal = AbortSignal.timeout(PATIENCE / 4);
    return fetch(this.origin, { mode: "no-cors", credentials: "omit", referrerPolicy: "no-referrer", signal })
      .then(() => true)
      .catch(() => false);
  }
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function readApps() {
  try {
    return JSON.parse(localStorage.getItem(APPS)) ?? {};
  } catch {
    return {};
  }
}

function writeApps(apps) {
  try {
    localStorage.setItem(APPS, JSON.stringify(apps));
  } catch {
    // then we make ourselves known again next time
  }
}

function keepApp(origin, app) {
  writeApps({ ...readApps(), [origin]: app });
}
