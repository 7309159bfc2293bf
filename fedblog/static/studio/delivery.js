// Keeps "Delivered to 214 of 220 servers" up to date while there is something left to deliver.
const PAUSE = 2000;
const LONGEST = 30000;

export async function watchDelivery(line) {
  let pause = PAUSE;
  for (;;) {
    try {
      const answer = await fetch(line.dataset.url, { headers: { Accept: "application/json" } });
      if (!answer.ok) return;
      const state = await answer.json();
      if (line.textContent.trim() !== state.words) line.textContent = state.words;
      if (state.settled) return;
    } catch {
      // No connection: the next round asks again.
    }
    await new Promise((resolve) => setTimeout(resolve, pause));
    pause = Math.min(pause * 1.5, LONGEST);
  }
}
