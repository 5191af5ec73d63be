// Keeps parts of the operators' pages up to date. Without it they are up to date when they are loaded.

const lost = document.querySelector("[data-lost]");

for (const part of document.querySelectorAll("[data-live]")) {
  keep(part, Number(part.dataset.every) * 1000);
}

// What cannot be taken back is asked for once more, also for buttons that come later.
document.addEventListener("submit", (event) => {
  const question = event.submitter?.dataset.ask;
  if (question && !window.confirm(question)) {
    event.preventDefault();
  }
});

for (const log of document.querySelectorAll("[data-end]")) {
  log.scrollTop = log.scrollHeight;
}

async function keep(part, pause) {
  let seen = "";
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, pause));
    // Nobody looks, or somebody is about to copy something.
    if (document.hidden || isSelected(part)) {
      continue;
    }
    try {
      const answer = await fetch(part.dataset.live, { cache: "no-store" });
      if (answer.status === 401) {
        location.reload();
        return;
      }
      if (!answer.ok) {
        throw new Error(`status ${answer.status}`);
      }
      const html = await answer.text();
      if (html !== seen) {
        seen = html;
        exchange(part, html);
      }
      lost.hidden = true;
    } catch {
      lost.hidden = false;
    }
  }
}

function isSelected(part) {
  const selection = document.getSelection();
  return !selection.isCollapsed && selection.containsNode(part, true);
}

// Whoever is somewhere in the part stays there: by keyboard, in an open detail, or scrolled to a place.
function exchange(part, html) {
  const focused = part.contains(document.activeElement) ? document.activeElement.id : "";
  const open = [...part.querySelectorAll("details[open][id]")].map((one) => one.id);
  const places = [...part.querySelectorAll("[id^=scroll-]")].map((one) => {
    const atEnd = "end" in one.dataset && one.scrollHeight - one.scrollTop - one.clientHeight < 8;
    return [one.id, one.scrollLeft, one.scrollTop, atEnd];
  });
  part.innerHTML = html;
  for (const id of open) {
    const one = document.getElementById(id);
    if (one) {
      one.open = true;
    }
  }
  for (const [id, left, top, atEnd] of places) {
    const one = document.getElementById(id);
    one?.scrollTo(left, atEnd ? one.scrollHeight : top);
  }
  if (focused) {
    document.getElementById(focused)?.focus({ preventScroll: true });
  }
}
