// Questions and actions. A question is asked again while its page is visible, with the ETag of what is shown.

export class Failure extends Error {
  constructor(status, words) {
    super(words);
    this.status = status;
  }
}

export async function ask(path, signal, etag) {
  const headers = etag ? { "If-None-Match": etag } : {};
  const answer = await fetch(path, { headers, signal, cache: "no-store", credentials: "same-origin" });
  if (answer.status === 304) return { same: true, etag };
  return { same: false, etag: answer.headers.get("ETag"), data: await read(answer) };
}

export async function act(path, body) {
  const answer = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
    credentials: "same-origin",
  });
  return read(answer);
}

async function read(answer) {
  const text = await answer.text();
  let data;
  try {
    data = JSON.parse(text);
  } catch {
    throw new Failure(answer.status, text.trim() || `the console answered ${answer.status}`);
  }
  if (!answer.ok) throw new Failure(answer.status, data.error ?? `the console answered ${answer.status}`);
  return data;
}

// Calls `show(data)` at once and at each change until `stop()`, and `fail(error)` while it cannot be asked.
export function follow(path, every, show, fail) {
  const ended = new AbortController();
  let etag = null;
  let timer = null;
  let wake = null;
  const rest = (ms) => new Promise((done) => {
    wake = done;
    timer = setTimeout(done, ms);
  });
  const seen = () => {
    if (document.visibilityState === "visible" && wake) {
      clearTimeout(timer);
      wake();
    }
  };
  document.addEventListener("visibilitychange", seen);
  (async () => {
    let failed = 0;
    while (!ended.signal.aborted) {
      try {
        const answer = await ask(path, ended.signal, etag);
        if (ended.signal.aborted) return;
        failed = 0;
        if (!answer.same) {
          etag = answer.etag;
          drawn(show, answer.data, fail);
        }
      } catch (error) {
        if (ended.signal.aborted) return;
        failed += 1;
        etag = null;
        fail(error);
      }
      const pause = failed ? Math.min(10_000, 1_000 * failed) : every();
      await rest(document.visibilityState === "visible" ? pause : 60_000);
    }
  })();
  return {
    again() {
      etag = null;
      clearTimeout(timer);
      wake?.();
    },
    stop() {
      document.removeEventListener("visibilitychange", seen);
      ended.abort();
      clearTimeout(timer);
      wake?.();
    },
  };
}

// A page that cannot be drawn says so, and is not taken for a console that cannot be reached.
function drawn(show, data, fail) {
  try {
    show(data);
  } catch (error) {
    console.error(error);
    fail(new Failure(500, `this page cannot draw what it was answered: ${error.message}`));
  }
}

// A file, with its progress: fetch tells nothing of what is sent.
export function send(path, file, progress) {
  return new Promise((done, fail) => {
    const request = new XMLHttpRequest();
    request.open("POST", path);
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.upload.onprogress = (event) => event.lengthComputable && progress(event.loaded / event.total);
    request.onerror = () => fail(new Failure(0, "the console cannot be reached"));
    request.onload = () => {
      let told = {};
      try { told = JSON.parse(request.responseText); } catch { /* not ours */ }
      if (request.status < 300) done(told);
      else fail(new Failure(request.status, told.error ?? `the console answered ${request.status}`));
    };
    request.send(file);
  });
}
