// Passkeys: the browser makes and shows them, the server asks and checks. Where there are none, nothing of this is seen.
const bytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (char) => char.charCodeAt(0));
const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
const withBytes = (list) => (list || []).map((one) => ({ ...one, id: bytes(one.id) }));

async function ask(url, fields) {
  const answer = await fetch(url, {
    method: "POST",
    body: new URLSearchParams(fields),
    headers: { Accept: "application/json" },
  });
  const found = await answer.json();
  if (answer.ok) return found;
  throw Object.assign(new Error("refused"), { words: found.error });
}

function written(credential) {
  const { response } = credential;
  const fields = {};
  for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (response[name]) fields[name] = text(response[name]);
  }
  return JSON.stringify({ id: credential.id, rawId: text(credential.rawId), type: credential.type, response: fields });
}

async function logIn(form) {
  const { publicKey, ticket } = await ask("/login/passkey/options", {});
  publicKey.challenge = bytes(publicKey.challenge);
  publicKey.allowCredentials = withBytes(publicKey.allowCredentials);
  const credential = await navigator.credentials.get({ publicKey });
  const found = await ask("/login/passkey", { ticket, answer: written(credential), next: form.elements.next.value });
  location.assign(found.to);
}

async function add(form) {
  const { publicKey, ticket } = await ask("/studio/account/passkeys/options", new FormData(form));
  publicKey.challenge = bytes(publicKey.challenge);
  publicKey.user.id = bytes(publicKey.user.id);
  publicKey.excludeCredentials = withBytes(publicKey.excludeCredentials);
  const credential = await navigator.credentials.create({ publicKey });
  form.elements.ticket.value = ticket;
  form.elements.answer.value = written(credential);
  form.submit();
}

function listen(form, act, isMine) {
  const problem = form.querySelector("[role=alert]");
  form.addEventListener("submit", async (event) => {
    if (!isMine(event)) return;
    event.preventDefault();
    problem.hidden = true;
    form.setAttribute("aria-busy", "true");
    try {
      await act(form);
    } catch (error) {
      problem.textContent = error.words || problem.dataset.words;
      problem.hidden = false;
    } finally {
      form.removeAttribute("aria-busy");
    }
  });
}

if (window.PublicKeyCredential) {
  for (const form of document.querySelectorAll("[data-passkey-log-in]")) {
    form.hidden = false;
    listen(form, logIn, () => true);
  }
  for (const form of document.querySelectorAll("[data-passkey-add]")) {
    for (const part of form.querySelectorAll("[data-passkey-part]")) part.hidden = false;
    listen(form, add, (event) => !event.submitter || event.submitter.name !== "remove");
  }
}
