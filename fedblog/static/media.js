// A picture that hangs on a reply is fetched when its reader opens it, and not before: it takes the place of the link to it.
document.addEventListener("toggle", ({ target }) => {
  const link = target.open && target.matches("details.media") && target.querySelector("a[href^='/attached/']");
  if (!link || link.querySelector("img")) return;
  const words = link.textContent;
  const picture = new Image();
  picture.alt = target.querySelector("summary").textContent.trim();
  picture.addEventListener("error", () => link.replaceChildren(words)); // it leads to a page that says what is wrong
  picture.src = link.href;
  link.replaceChildren(picture);
}, true);
