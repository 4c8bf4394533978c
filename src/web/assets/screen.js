// Keeps the resident's screen true: shows each face the bin sends, says it aloud where that is wanted, and finds back to
// the bin by itself. Everything is drawn by the bin; without this file the screen reloads itself.

const LOST_MS = 5000; // the bin says something every 2 s
const GONE_MS = 30000; // it starts within that time, or something is wrong
const AGAIN_MS = 1000;
const REPEAT_MS = 4000; // the same words are not said twice within this time

const root = document.documentElement;
const face = document.getElementById("face");

let source = null;
let heard = performance.now();
let cut = false; // the connection is gone, whenever the bin was last heard
let said = { words: "", at: -REPEAT_MS };

function show(name, html) {
  if (root.dataset.face === name && face.innerHTML === html) return;
  root.dataset.face = name;
  face.innerHTML = html;
}

function alone(name, id) {
  const html = document.getElementById(id).innerHTML;
  if (face.innerHTML !== html) show(name, html);
}

function say(sentences) {
  const volume = Number(root.dataset.volume);
  const languages = root.dataset.voices.split(" ").filter(Boolean);
  const words = languages.map((language) => sentences[language]).join(" ").trim();
  const now = performance.now();
  if (!window.speechSynthesis || volume === 0 || !words) return;
  if (words === said.words && now - said.at < REPEAT_MS) return;
  said = { words, at: now };
  speechSynthesis.cancel(); // what was being said is no longer so
  for (const language of languages) {
    const speech = new SpeechSynthesisUtterance(sentences[language]);
    speech.lang = language === "ko" ? "ko-KR" : "en-GB";
    speech.volume = volume;
    speech.rate = Number(root.dataset.rate);
    speechSynthesis.speak(speech);
  }
}

// Another program runs there now: its screen may differ. Never leaves this page for one that does not come.
async function renew() {
  const there = await fetch("/screen", { cache: "no-store" }).catch(() => null);
  if (there && there.ok) location.reload();
}

function start() {
  if (source) source.close();
  source = new EventSource("/screen/events");
  source.addEventListener("face", (event) => {
    const news = JSON.parse(event.data);
    heard = performance.now();
    cut = false;
    show(news.face, news.html);
    say(news.say);
    if (news.run !== root.dataset.run) renew();
  });
  source.addEventListener("beat", () => (heard = performance.now()));
  source.addEventListener("error", () => {
    cut = true;
    source.close();
    tick();
  });
}

function tick() {
  const silence = performance.now() - heard;
  if (silence > GONE_MS) alone("out", "gone");
  else if (cut || silence > LOST_MS) alone("moment", "lost");
}

setInterval(() => {
  tick();
  if (cut || performance.now() - heard > LOST_MS) start();
}, AGAIN_MS);
start();
