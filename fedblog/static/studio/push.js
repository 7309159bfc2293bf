// The button that lets this browser show notifications; without push there is no button.
const form = document.querySelector("[data-push]");
const bytes = (text) =>
  Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (char) => char.charCodeAt(0));

async function subscribe() {
  const registration = await navigator.serviceWorker.register("/push-worker.js", { scope: "/studio/" });
  const subscription = await registration.pushManager.subscribe({
    userVisibleOnly: true,
    applicationServerKey: bytes(form.dataset.push),
  });
  const { endpoint, keys } = subscription.toJSON();
  form.elements.endpoint.value = endpoint;
  form.elements.p256dh.value = keys.p256dh;
  form.elements.auth.value = keys.auth;
  form.submit();
}

if (form && "serviceWorker" in navigator && "PushManager" in window && "Notification" in window) {
  form.hidden = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const problem = form.querySelector("[role=alert]");
    problem.hidden = true;
    try {
      if ((await Notification.requestPermission()) !== "granted") throw new Error("refused");
      await subscribe();
    } catch {
      problem.hidden = false;
    }
  });
}
