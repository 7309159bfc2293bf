// Keeps "Delivered to 214 of 220 servers" up to date while there is something left to deliver, and why some wait.
const PAUSE = 2000;
const LONGEST = 30000;

function list(servers) {
  return servers.map(({ host, words }) => {
    const item = document.createElement("li");
    const name = document.createElement("strong");
    name.textContent = host;
    item.append(name, ` ${words}`);
    return item;
  });
}

function show(line, state) {
  if (line.textContent.trim() !== state.words) line.textContent = state.words;
  const box = document.getElementById("servers");
  box.hidden = !state.servers.length;
  box.querySelector("ul").replaceChildren(...list(state.servers));
  document.getElementById("retry").hidden = !state.failed;
}

export async function watchDelivery(line) {
  let pause = PAUSE;
  for (;;) {
    try {
      const answer = await fetch(line.dataset.url, { headers: { Accept: "application/json" } });
      if (!answer.ok) return;
      const state = await answer.json();
      show(line, state);
      if (state.settled) return;
    } catch {
      // No connection: the next round asks again.
    }
    await new Promise((resolve) => setTimeout(resolve, pause));
    pause = Math.min(pause * 1.5, LONGEST);
  }
}
