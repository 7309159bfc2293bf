// Shows what the blog sends to this browser. It touches no request and keeps nothing.
self.addEventListener("push", (event) => {
  let news = {};
  try {
    news = event.data.json();
  } catch {
    return;
  }
  event.waitUntil(
    self.registration.showNotification(String(news.title || ""), {
      body: String(news.body || ""),
      tag: String(news.tag || ""),
      data: { url: String(news.url || "/studio/notifications") },
    }),
  );
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  const target = new URL(event.notification.data.url, self.location.origin);
  if (target.origin === self.location.origin) {
    event.waitUntil(self.clients.openWindow(target.href));
  }
});
