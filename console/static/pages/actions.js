// What a person may do: a dialog asks for the reason, says where it goes, and shows the answer.

import { h } from "../dom.js";
import { act } from "../net.js";
import { moment, plural, projectAt, runAt } from "../words.js";

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

// `found`: what serves, and whose endpoint is gone
export const wake = (project, found, again) => button("Wake", "main", {
  title: `Wake ${project}?`, text: `The endpoint is created again with the model of ${found.run_id}. That takes minutes, and the endpoint is billed from now on.`,
  path: `/api${projectAt(project, "wake")}`, reasoned: false, again,
});
export const withdraw = (project, dataset, { rows, runs, serving }, again) => button("Withdraw", "grave", {
  title: `Withdraw dataset ${dataset}?`,
  text: [
    `Every later run leaves its ${plural(rows ?? 0, "row")} out. This cannot be undone; to use the file again, drop it again.`,
    runs.length ? ` ${plural(runs.length, "run")} learned from it, and ${runs.length === 1 ? "its model stays as it is" : "their models stay as they are"}.` : " No run has learned from it.",
    serving ? ` The model of ${serving}, which serves, is one of them: retrain afterwards to get one without these rows.` : "",
  ].join(""),
  path: `/api${projectAt(project, "data", dataset, "withdraw")}`, needed: true, again,
});

// `changes`: those from which a person chooses, all of them at first if each waits for an answer
export const acceptDrift = (project, changes, again) => button("Accept as real", "", {
  title: changes.length > 1 ? "Which changes are real?" : "Is the change real?", text: "Rows of that time are learned from, from now on, and a retraining is requested. If a broken source made the change, correct the source instead.",
  path: `/api${projectAt(project, "accept-drift")}`, needed: true, again, choices: choicesOf(changes),
});
export const endFault = (project, changes, again) => button("It was broken and is over", "", {
  title: changes.length > 1 ? "Which changes are over?" : "Is the fault over?", text: "Say so once the source is corrected. Rows from its beginning until then stay out of training, and trainings may go on. If later requests show the same, it is held again.",
  path: `/api${projectAt(project, "end-fault")}`, needed: true, again, choices: choicesOf(changes), until: "When it ended, in UTC (empty: now)",
});
export const wasBroken = (project, changes, again) => button("It was broken", "", {
  title: changes.length > 1 ? "Which faults were broken data?" : "Was it broken data?", text: "Rows of that time stay out of training, and nobody is asked about it again.",
  path: `/api${projectAt(project, "end-fault")}`, needed: true, again, choices: choicesOf(changes),
});
const choicesOf = (changes) => changes.map((each) => ({
  value: each.id, text: `${each.name}, since ${moment(each.since)} UTC`, chosen: changes.length === 1 || each.waits,
}));

const button = (text, kind, what) =>
  h("button", { type: "button", class: `button ${kind}`.trim(), on: { click: () => ask(text, kind, what) } }, text);

function ask(text, kind, { title, text: words, path, needed, again, choices = [], reasoned = true, until = "" }) {
  const opener = document.activeElement;
  const reason = h("input", { type: "text", id: "reason", name: "reason", required: needed, autocomplete: "off" });
  const ended = until ? h("input", { type: "datetime-local", id: "until", name: "until" }) : null;
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
          const told = await act(path, { reason: reason.value, ...(boxes.length ? { changes } : {}), ...(ended ? { until: ended.value } : {}) });
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
  ended ? [h("label", { for: "until" }, until), ended] : null,
  reasoned ? [h("label", { for: "reason" }, needed ? "Reason" : "Reason (may be empty)"), reason] : null, answer,
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
  (reasoned ? reason : yes).focus();
}
