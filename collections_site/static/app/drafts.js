// What is typed is kept until it is saved: over a reload, a failed request, a crash.
//
// Notes are personal data. They stay in this tab's sessionStorage, under a key that holds the case's id and the field's name and
// nothing of the text's subject, and go when they are saved or when the person signs out. Nothing is kept in localStorage.

const PREFIX = "draft:";
const fields = (root) => [...(root.matches?.("[data-draft]") ? [root] : []), ...root.querySelectorAll("[data-draft]")];
const keyOf = (field) => PREFIX + field.dataset.draft;
const read = (field) => JSON.parse(sessionStorage.getItem(keyOf(field)) ?? "null");
const write = (field, draft) => sessionStorage.setItem(keyOf(field), JSON.stringify(draft));

function forgetAll() {
  for (const key of Object.keys(sessionStorage)) if (key.startsWith(PREFIX)) sessionStorage.removeItem(key);
}

function tell(field) {
  const sign = field.form?.querySelector("[data-draft-sign]");
  if (sign) sign.hidden = field.value === "";
}

// A draft that was sent and did not come back with errors has been saved; one that came back is still a draft.
function restore(root) {
  for (const field of fields(root)) {
    const draft = read(field);
    if (!draft) continue;
    const refused = field.form?.querySelector(".errorlist");
    if (draft.sent && !refused) sessionStorage.removeItem(keyOf(field));
    else if (field.value === "") field.value = draft.text;
    tell(field);
  }
}

document.addEventListener("input", (event) => {
  const field = event.target.closest("[data-draft]");
  if (!field) return;
  if (field.value === "") sessionStorage.removeItem(keyOf(field));
  else write(field, { text: field.value });
  tell(field);
});

document.addEventListener("submit", (event) => {
  if (event.target.closest("[data-forget-drafts]")) forgetAll();
  // htmx tells below how it went. A plain post is believed until an error page says otherwise.
  if (event.target.matches("[hx-post]") && window.htmx) return;
  for (const field of fields(event.target)) if (field.value) write(field, { text: field.value, sent: true });
});

document.addEventListener("htmx:afterRequest", (event) => {
  if (!event.detail.successful || event.detail.requestConfig.verb === "get") return;
  for (const field of fields(event.detail.elt)) sessionStorage.removeItem(keyOf(field));
});

document.addEventListener("htmx:load", (event) => restore(event.detail.elt));

if (document.body.hasAttribute("data-failed")) {
  // An error page: what was sent did not arrive.
  for (const key of Object.keys(sessionStorage)) {
    if (key.startsWith(PREFIX)) sessionStorage.setItem(key, JSON.stringify({ text: JSON.parse(sessionStorage.getItem(key)).text }));
  }
} else if (document.querySelector("[data-forget-drafts]:not(form)")) {
  forgetAll(); // the sign-in page: whoever comes next starts clean
} else {
  restore(document);
}
