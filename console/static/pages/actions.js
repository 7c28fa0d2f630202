// What a person may do: a dialog asks for the reason, says where it goes, and shows the answer.

import { h } from "../dom.js";
import { act } from "../net.js";
import { moment, projectAt, runAt } from "../words.js";

export const approve = (project, run, again) => button("Approve", "main", {
  title: `Approve the model of ${run}?`, text: "Its release begins. The reason goes into the model registry.",
  path: `/api${runAt(project, run, "approve")}`, needed: false, again,
});
export const reject = (project, run, again) => button("Reject", "grave", {
  title: `Reject the model of ${run}?`, text: "The model that serves keeps serving. The reason goes into the model registry.",
  path: `/api${runAt(project, run, "reject")}`, needed: true, again,
});
export const rollBack = (project, champion, again) => button("Roll back", "grave", {
  title: `Roll ${project} back?`,
  text: `The endpoint returns from ${champion.run_id} to ${champion.previous}. A release in progress is aborted first.`,
  path: `/api${projectAt(project, "rollback")}`, needed: true, again,
});
export const retrain = (project, again) => button("Retrain", "", {
  title: `Train ${project} again?`, text: "A run over all accepted data. If one is in progress, the new run starts when it ends.",
  path: `/api${projectAt(project, "retrain")}`, needed: true, again,
});

// `changes`: those from which a person chooses, all of them at first if each waits for an answer
export const acceptDrift = (project, changes, again) => button("Accept as real", "", {
  title: changes.length > 1 ? "Which changes are real?" : "Is the change real?", text: "Rows of that time are learned from, from now on, and a retraining is requested. If a broken source made the change, correct the source instead.",
  path: `/api${projectAt(project, "accept-drift")}`, needed: true, again,
  choices: changes.map((each) => ({ value: each.id, text: `${each.name}, since ${moment(each.since)} UTC`, chosen: changes.length === 1 || each.waits })),
});

const button = (text, kind, what) =>
  h("button", { type: "button", class: `button ${kind}`.trim(), on: { click: () => ask(text, kind, what) } }, text);

function ask(text, kind, { title, text: words, path, needed, again, choices = [] }) {
  const opener = document.activeElement;
  const reason = h("input", { type: "text", id: "reason", name: "reason", required: needed, autocomplete: "off" });
  const answer = h("p", { role: "status" });
  const yes = h("button", { type: "submit", class: `button ${kind === "grave" ? "grave" : "main"}` }, text);
  const no = h("button", { type: "button", class: "button", on: { click: () => dialog.close() } }, "Cancel");
  const boxes = choices.map((each) => h("input", { type: "checkbox", name: "changes", value: each.value, checked: each.chosen }));
  const form = h("form", {
    on: {
      submit: async (event) => {
        event.preventDefault();
        if (yes.disabled) return;
        const changes = boxes.filter((box) => box.checked).map((box) => box.value);
        if (boxes.length && !changes.length) {
          answer.className = "failure";
          answer.textContent = "Choose at least one.";
          boxes[0].focus();
          return;
        }
        yes.disabled = true;
        answer.textContent = "Asking …";
        answer.className = "";
        try {
          const told = await act(path, { reason: reason.value, ...(boxes.length ? { changes } : {}) });
          answer.textContent = told.told;
          no.textContent = "Close";
          no.focus();
          yes.remove();
          again();
        } catch (error) {
          answer.className = "failure";
          answer.textContent = error.message;
          yes.disabled = false;
        }
      },
    },
  },
  h("h2", { id: "dialog-title" }, title), h("p", null, words),
  choices.length > 1 ? h("fieldset", { class: "options" }, h("legend", null, "Changes"),
    choices.map((each, i) => h("label", null, boxes[i], " ", each.text))) : choices.map((each) => h("p", null, h("strong", null, each.text))),
  h("label", { for: "reason" }, needed ? "Reason" : "Reason (may be empty)"), reason, answer,
  h("div", { class: "bar" }, no, yes));
  const dialog = h("dialog", {
    "aria-labelledby": "dialog-title",
    on: {
      close: () => {
        dialog.remove();
        if (opener?.isConnected) opener.focus();
      },
    },
  }, form);
  document.body.append(dialog);
  dialog.showModal();
  reason.focus();
}
