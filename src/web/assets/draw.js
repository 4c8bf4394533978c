// Draws the region on the picture by finger, pen or mouse, and keeps the readings of focus and light new.
// The four numbers are the region: they can be typed as well, and nothing counts before it is saved.

const box = document.querySelector("#draw .picture");
const { width, height } = document.getElementById("draw").dataset;
const names = ["x", "y", "width", "height"];
const fields = names.map((name) => document.getElementById(name));
const readings = document.getElementById("readings");
const SVG = "http://www.w3.org/2000/svg";
const NEAR = 32; // CSS pixels from a corner that still mean the corner: a gloved finger
const READ_MS = 500;

const clamp = (value, least, most) => Math.round(Math.min(Math.max(value, least), most));

function draw() {
  const layer = document.createElementNS(SVG, "svg");
  layer.setAttribute("viewBox", `0 0 ${width} ${height}`);
  layer.setAttribute("aria-hidden", "true");
  layer.classList.add("drawn");
  const shape = document.createElementNS(SVG, "rect");
  const corners = [0, 1, 2, 3].map(() => document.createElementNS(SVG, "circle"));
  corners.forEach((corner) => corner.setAttribute("r", width / 50));
  layer.append(shape, ...corners);
  box.append(layer);
  box.classList.add("drawing");

  const region = () => fields.map((field) => Number(field.value) || 0);
  const points = ([x, y, w, h]) => [[x, y], [x + w, y], [x + w, y + h], [x, y + h]];
  const show = () => {
    const now = region();
    names.forEach((name, index) => shape.setAttribute(name, now[index]));
    points(now).forEach(([x, y], index) => {
      corners[index].setAttribute("cx", x);
      corners[index].setAttribute("cy", y);
    });
  };
  const put = (values) => {
    values.forEach((value, index) => { fields[index].value = value; });
    show();
  };
  const at = (event) => {
    const place = box.getBoundingClientRect();
    const scale = width / place.width;
    const x = (event.clientX - place.left) * scale;
    const y = (event.clientY - place.top) * (height / place.height);
    return { x: clamp(x, 0, width), y: clamp(y, 0, height), near: NEAR * scale };
  };

  // What a drag does: from a fixed corner to the finger, or the whole region with it.
  const between = (from) => ({ x, y }) => {
    put([Math.min(from.x, x), Math.min(from.y, y), Math.abs(from.x - x), Math.abs(from.y - y)]);
  };
  const carry = (from, [x, y, w, h]) => (to) => {
    put([clamp(x + to.x - from.x, 0, width - w), clamp(y + to.y - from.y, 0, height - h), w, h]);
  };
  const grab = (from) => {
    const now = region();
    const ends = points(now);
    const corner = ends.findIndex(([x, y]) => Math.hypot(x - from.x, y - from.y) < from.near);
    if (corner >= 0) {
      const [x, y] = ends[(corner + 2) % 4];
      return between({ x, y });
    }
    const [x, y, w, h] = now;
    const inside = from.x > x && from.x < x + w && from.y > y && from.y < y + h;
    return inside ? carry(from, now) : between(from);
  };

  let drag = null;
  box.addEventListener("pointerdown", (event) => {
    if (!event.isPrimary || event.button !== 0) return;
    drag = grab(at(event));
    box.setPointerCapture(event.pointerId);
    event.preventDefault();
  });
  box.addEventListener("pointermove", (event) => {
    if (drag && event.isPrimary) drag(at(event));
  });
  for (const end of ["pointerup", "pointercancel"]) {
    box.addEventListener(end, () => { drag = null; });
  }
  fields.forEach((field) => field.addEventListener("input", show));
  document.getElementById("region").addEventListener("reset", () => setTimeout(show));
  show();
}

let best = 0;
const bestOf = document.getElementById("best");

async function read() {
  if (!document.hidden) {
    try {
      const answer = await fetch("/camera/focus", { cache: "no-store" });
      if (answer.ok) readings.innerHTML = await answer.text();
      const value = readings.querySelector("[data-sharpness]");
      if (value) best = Math.max(best, Number(value.dataset.sharpness));
      if (best > 0) bestOf.textContent = `${bestOf.dataset.label} ${best}`;
    } catch {
      // The page itself says when the bin is gone.
    }
  }
  setTimeout(read, READ_MS);
}

if (box && !fields[0].readOnly) draw();
read();
