// Keeps the page live: puts in the parts that changed, and says so when nothing comes any more.
// Everything is drawn by the bin; without this file the page reloads itself.

const SILENT_MS = 6000; // the bin sends something every 2 s
const AGAIN_MS = 4000;

const root = document.documentElement;
const picture = document.getElementById("picture");
const lost = document.getElementById("lost");
const crowded = document.getElementById("crowded");

let source = null;
let watchdog = 0;
let pictureAgain = 0;

function show(banner) {
  lost.hidden = banner !== lost;
  crowded.hidden = banner !== crowded;
  root.classList.toggle("stale", banner !== null);
}

function newestSeq() {
  const line = document.querySelector("#drops [data-seq]");
  return line ? Number(line.dataset.seq) : 0;
}

function put(parts) {
  const known = newestSeq();
  for (const [name, html] of Object.entries(parts)) {
    const part = document.getElementById(name);
    if (part) part.innerHTML = html;
  }
  if ("drops" in parts && known > 0) {
    for (const line of document.querySelectorAll("#drops [data-seq]")) {
      line.classList.toggle("fresh", Number(line.dataset.seq) > known);
    }
  }
}

function alive() {
  if (!lost.hidden || !crowded.hidden) startPicture();
  show(null);
  clearTimeout(watchdog);
  watchdog = setTimeout(reconnect, SILENT_MS);
}

function reconnect() {
  show(lost);
  stop();
  watchdog = setTimeout(start, AGAIN_MS);
}

// The browser has given the stream up, without saying why: ask.
async function refused() {
  stop();
  watchdog = setTimeout(start, AGAIN_MS);
  try {
    const { status } = await fetch("/events", { method: "HEAD", cache: "no-store" });
    if (status === 401) return location.reload(); // the session is over
    show(status === 503 ? crowded : lost);
  } catch {
    show(lost);
  }
}

function startPicture() {
  clearTimeout(pictureAgain);
  picture.src = `/picture?${Date.now()}`; // a new address, or the browser shows the old stream's end
}

function stop() {
  if (source) source.close();
  source = null;
  clearTimeout(watchdog);
  clearTimeout(pictureAgain);
}

function start() {
  stop();
  source = new EventSource(`/events?lang=${root.lang}`);
  source.addEventListener("state", (event) => {
    const { facts, parts } = JSON.parse(event.data);
    if (facts.run !== root.dataset.run) return location.reload(); // another program runs there now
    put(parts);
    alive();
    root.dataset.live ??= Math.round(performance.now()); // `make slow-phone` asks how soon that was
  });
  source.addEventListener("beat", alive);
  source.addEventListener("error", () => {
    if (source.readyState === EventSource.CLOSED) refused();
    else show(lost);
  });
  watchdog = setTimeout(reconnect, SILENT_MS);
}

picture.addEventListener("error", () => {
  clearTimeout(pictureAgain);
  pictureAgain = setTimeout(startPicture, AGAIN_MS);
});

// A page nobody looks at costs nothing.
document.addEventListener("visibilitychange", () => {
  if (document.hidden) {
    stop();
    picture.removeAttribute("src");
  } else {
    startPicture();
    start();
  }
});

// The browser would not show the end of the first stream, nor begin it again after "back".
window.addEventListener("pageshow", (event) => {
  if (event.persisted) {
    startPicture();
    start();
  }
});
window.addEventListener("pagehide", stop);

start();
