// A picture that hangs on a reply is fetched when its reader opens it, and not before: it stands in for the link to it.
document.addEventListener("toggle", ({ target }) => {
  const link = target.open && target.matches("details.media") && target.querySelector("a[href^='/attached/']");
  if (!link || link.querySelector("img")) return;
  const picture = new Image();
  picture.alt = target.querySelector("summary").textContent.trim();
  picture.src = link.href;
  link.replaceChildren(picture);
}, true);
