// The frame's few habits: say so when an answer does not come, keep menus tidy, refuse what is greyed.

// Lets the style sheet tell a page with script from one without.
document.documentElement.classList.add("scripted");

// A failed request must never look like a saved one. 422 is a form that came back with its errors: it is shown as it is.
function show(failure) {
  const messages = document.getElementById("messages");
  const words = document.getElementById(`failure-${failure}`);
  if (messages && words) messages.replaceChildren(words.content.cloneNode(true));
  messages?.scrollIntoView({ block: "nearest" });
}

document.addEventListener("htmx:sendError", () => show("offline"));
document.addEventListener("htmx:timeout", () => show("offline"));
document.addEventListener("htmx:responseError", (event) => {
  const { status } = event.detail.xhr;
  if (status !== 422) show(status >= 500 ? "error" : "refused");
});

// Greyed buttons stay in reach, so that their reason can be read; pressing them does nothing.
document.addEventListener(
  "click",
  (event) => {
    if (event.target.closest('[aria-disabled="true"]')) {
      event.preventDefault();
      event.stopPropagation();
    }
  },
  true,
);

// A menu or an explanation closes when one looks elsewhere.
function closeAll(except) {
  for (const open of document.querySelectorAll("details.menu[open], details.why[open]")) {
    if (!except || !open.contains(except)) open.open = false;
  }
}

document.addEventListener("click", (event) => closeAll(event.target));
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const open = event.target.closest?.("details.menu[open], details.why[open]");
  if (!open) return;
  open.open = false;
  open.querySelector("summary").focus();
  event.stopImmediatePropagation();
});
