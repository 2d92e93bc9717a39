// Single keys for people who do this all day. A button, link or field says `data-key="p"` and P presses it.
//
// Rules learnt from other desks' users: never while typing or composing Chinese, never with a modifier (those belong to the
// browser and to screen readers), never twice for one press, and off altogether for who wants it so.
// An open form (`data-keys-only`) takes all keys for itself: then 1 is its first choice and N cannot lead away by accident.

const enabled = () => document.body.dataset.shortcuts === "on";
const overlay = document.getElementById("keys");

function isTyping(target) {
  if (!(target instanceof Element)) return false;
  if (target.closest("textarea, select, [contenteditable]")) return true;
  const input = target.closest("input");
  return Boolean(input) && !["radio", "checkbox", "button", "submit", "reset"].includes(input.type);
}

// Hidden radio buttons count as visible when their label is.
const isVisible = (element) => (element.closest("label") ?? element).checkVisibility();

// Everything a key can press now: visible, and inside the open form or menu where there is one.
function pressable() {
  const scope = [...document.querySelectorAll("[data-keys-only]")].filter(isVisible).at(-1) ?? document;
  return [...scope.querySelectorAll("[data-key]")].filter(isVisible);
}

function press(element) {
  if (element.matches("input[type=radio], input[type=checkbox]")) {
    element.focus();
    element.click();
  } else if (element.matches("input, textarea, select")) {
    element.focus();
  } else if (element.getAttribute("aria-disabled") === "true") {
    element.focus(); // shows and says why not
  } else {
    element.click();
  }
}

function labelOf(element) {
  const label = element.dataset.keyLabel ?? element.getAttribute("aria-label") ?? element.labels?.[0]?.querySelector("[data-label]")?.textContent;
  if (label) return label;
  const copy = (element.labels?.[0] ?? element).cloneNode(true);
  for (const mark of copy.querySelectorAll(".key, small, .until, input")) mark.remove();
  return copy.textContent;
}

function showOverlay() {
  const rows = pressable().map((element) => {
    const row = document.createElement("li");
    const mark = document.createElement("kbd");
    mark.className = "key";
    mark.textContent = element.dataset.key === "Escape" ? "Esc" : element.dataset.key.toUpperCase();
    row.append(mark, labelOf(element).replace(/\s+/g, " ").trim());
    return row;
  });
  overlay.querySelector(".key-list").replaceChildren(...rows);
  overlay.showModal();
}

document.addEventListener("keydown", (event) => {
  // 229: some browsers report the key that ends a composition so, with isComposing already false.
  if (event.isComposing || event.keyCode === 229) return;
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.matches?.("textarea")) {
    event.preventDefault();
    event.target.form?.requestSubmit();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || event.defaultPrevented) return;
  if (document.querySelector("dialog[open]")) return;
  if (isTyping(event.target)) {
    // The first Escape leaves the field, so that the keys work again; the text stays.
    if (event.key === "Escape") event.target.blur();
    return;
  }
  if (!enabled()) return;
  if (event.key === "?" || event.key === "？") {
    event.preventDefault();
    showOverlay();
    return;
  }
  const wanted = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const element = pressable().find((candidate) => candidate.dataset.key === wanted);
  if (!element) return;
  event.preventDefault(); // or the letter lands in the field that the key opens
  press(element);
});
