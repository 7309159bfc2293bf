// Samples and contrast follow the form while it is filled in; both are made by the server, as when it is saved.
const form = document.querySelector("[data-looks]");
const sheet = document.querySelector("[data-sample-sheet]");
const table = form.querySelector("[data-contrast]");
const accent = form.elements.accent;
const own = form.elements.own_accent;
let last = 0;

const query = () => {
  const values = new URLSearchParams();
  for (const name of ["theme", "heading_font", "text_font"]) values.set(name, form.elements[name].value);
  if (!own.checked) values.set("accent", accent.value);
  return values;
};

const show = async () => {
  const mine = ++last;
  const values = query();
  sheet.href = `/studio/looks/sample.css?${values}`;
  const answer = await fetch(`/studio/looks/contrast?${values}`);
  const text = answer.ok ? await answer.text() : "";
  if (text && mine === last) table.innerHTML = text;
};

let timer = 0;
form.addEventListener("input", (event) => {
  if (event.target === accent) own.checked = false;
  if (event.target.name === "custom_css" || event.target.name === "scheme") return;
  clearTimeout(timer);
  timer = setTimeout(show, 150);
});
form.querySelector("[data-try]").hidden = true;
