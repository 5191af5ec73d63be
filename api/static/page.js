// What pages do besides what forms and links do by themselves. Everything works without it, more slowly.

const $ = (selector, within = document) => within.querySelector(selector);

document.documentElement.classList.add("has-script");

// Says something to those who do not see what changed.
function say(words) {
  const place = $("#say");
  if (place && place.textContent !== words) place.textContent = words;
}

async function pageOf(answer) {
  return new DOMParser().parseFromString(await answer.text(), "text/html");
}

// Takes a part of another page over, and keeps the focus where its place is still there.
function takeOver(selector, from) {
  const here = $(selector);
  const there = $(selector, from);
  if (!here || !there) return;
  const focused = here.contains(document.activeElement) ? document.activeElement : null;
  here.replaceWith(there);
  if (!focused) return;
  const again = focused.id ? document.getElementById(focused.id) : null;
  (again ?? $("h1"))?.focus();
}

// The first page: the picture follows what is chosen.
function followForm(form) {
  let asked = null;
  let last = 0;

  const draw = async () => {
    asked?.abort();
    const mine = (asked = new AbortController());
    const keyboard = $("#keyboard");
    keyboard.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch("/draw", { method: "POST", body: new FormData(form), signal: mine.signal });
      const page = await pageOf(answer);
      takeOver("#refused", page);
      takeOver("#keyboard", page);
      const name = $("#keyboard .kb-name");
      say(name ? `Drawn: ${name.textContent}` : "There is no picture of this.");
    } catch (error) {
      if (error.name === "AbortError") return;
      say("The picture cannot be drawn just now.");
      keyboard.removeAttribute("aria-busy");
    }
  };

  const isFilled = () => {
    const from = form.elements.from.value;
    if (from === "file") return form.elements.file.files.length > 0;
    return from !== "text" || form.elements.text.value.trim() !== "";
  };
  const drawSoon = (pause) => {
    clearTimeout(last);
    if (isFilled()) last = setTimeout(draw, pause);
  };
  form.addEventListener("change", (event) => {
    if (event.target.name !== "version" && event.target.name !== "text") drawSoon(0);
  });
  form.elements.text.addEventListener("input", () => drawSoon(500));

  // Who comes back finds the form as it was left, and by some browsers the picture as it was served.
  addEventListener("pageshow", () => {
    const { from, layout, text } = form.elements;
    const isAsServed =
      [...from].every((one) => one.checked === one.defaultChecked) &&
      [...layout.options].every((one) => one.selected === one.defaultSelected) &&
      text.value === text.defaultValue;
    if (!isAsServed) drawSoon(0);
  });

  // A file that is dropped anywhere on the form is chosen.
  const over = (isOver) => form.classList.toggle("is-over", isOver);
  form.addEventListener("dragover", (event) => {
    if (!event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    over(true);
  });
  form.addEventListener("dragleave", () => over(false));
  form.addEventListener("drop", (event) => {
    over(false);
    if (!event.dataTransfer.files.length) return;
    event.preventDefault();
    form.elements.file.files = event.dataTransfer.files;
    form.elements.from.value = "file";
    drawSoon(0);
  });
}

// The end of a log says the most.
function scrollLog() {
  const log = $("#log");
  log.scrollTop = log.scrollHeight;
}

// A build's page: what the server tells, as it happens.
function followBuild(build) {
  const log = $("#log");
  // More than this is behind the link to the whole log.
  const MOST = 400_000;
  let length = 0;
  let status = build.dataset.status;

  const load = async () => {
    const answer = await fetch(location.pathname + location.search);
    if (!answer.ok) return false;
    const page = await pageOf(answer);
    const isFinal = $("#build", page).hasAttribute("data-final");
    takeOver(isFinal ? "#build" : "#now", page);
    if (isFinal) scrollLog();
    document.title = page.title;
    say($("h1").textContent);
    return isFinal;
  };
  // One after the other, so that an older page never takes a newer one's place. Whether the build has ended.
  let turn = Promise.resolve();
  const refresh = () => (turn = turn.then(load).catch(() => false));
  const refreshToTheEnd = async () => {
    if (!(await refresh())) setTimeout(refreshToTheEnd, 2000);
  };

  const show = ({ offset, text }) => {
    const isAtEnd = log.scrollTop + log.clientHeight >= log.scrollHeight - 30;
    if (offset === 0 || length + text.length > MOST) {
      log.textContent = "";
      length = 0;
    }
    length += text.length;
    // As on the page itself: nothing that would change how the rest is read.
    log.append(text.replace(/[\0-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, ""));
    if (isAtEnd) log.scrollTop = log.scrollHeight;
  };

  const lost = (isLost) => {
    $("#lost").hidden = !isLost;
  };
  const listen = () => {
    const events = new EventSource(`/v1/builds/${build.dataset.id}/events`);
    events.addEventListener("open", () => lost(false));
    events.addEventListener("status", (event) => {
      const now = JSON.parse(event.data).status;
      if (now !== status) {
        status = now;
        refresh();
      }
    });
    events.addEventListener("position", (event) => {
      const { position, eta_seconds: eta } = JSON.parse(event.data);
      const where = position > 1 ? `Number ${position} in line` : "Next in line";
      const seconds = Math.max(eta, 1);
      const time = seconds > 90 ? `${Math.round(seconds / 60)} min` : `${seconds} s`;
      const place = $("#place");
      if (place && status === "queued") place.textContent = `${where}; ready in about ${time}.`;
    });
    events.addEventListener("log", (event) => show(JSON.parse(event.data)));
    events.addEventListener("end", () => {
      events.close();
      lost(false);
      refreshToTheEnd();
    });
    events.addEventListener("error", () => {
      lost(true);
      // The browser comes back by itself, unless it was refused: then we do, as the service may have been busy.
      if (events.readyState === EventSource.CLOSED) {
        setTimeout(async () => (await refresh()) || listen(), 5000);
      }
    });
  };
  listen();
}

const form = $("#ask");
if (form) followForm(form);
const build = $("#build");
if (build) scrollLog();
if (build && !build.hasAttribute("data-final")) followBuild(build);
