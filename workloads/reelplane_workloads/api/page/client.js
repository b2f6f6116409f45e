// The API as the page uses it: requests that throw problems, and a job's events.

const ENDS = ["done", "failed", "cancelled"];
const OFFLINE = { title: "The platform does not answer", detail: "", fix: "Check your connection; this page keeps trying.", code: "" };

function headers(more = {}) {
  const key = sessionStorage.getItem("key");
  return key ? { ...more, authorization: `Bearer ${key}` } : more;
}

async function problemOf(response) {
  const body = await response.json().catch(() => null);
  return body ?? { ...OFFLINE, title: `${response.status} ${response.statusText}`, status: response.status };
}

/** The answer's JSON, or null for an empty one. Throws the problem, or one that says that nobody answered. */
export async function request(method, path, body) {
  let response;
  try {
    const content = body === undefined ? {} : { body: JSON.stringify(body) };
    response = await fetch(path, { method, headers: headers(body === undefined ? {} : { "content-type": "application/json" }), ...content });
  } catch {
    throw OFFLINE;
  }
  if (!response.ok) throw await problemOf(response);
  return response.status === 204 ? null : response.json();
}

/** Call `on[name](data)` for each event of the job and `on.end(job)` at its end; returns what stops it. */
export function follow(id, on) {
  const path = `/v1/downloads/${id}/events`;
  return sessionStorage.getItem("key") ? followByFetch(path, on) : followByEventSource(path, on);
}

function deliver(name, data, on) {
  if (ENDS.includes(name)) on.end(data);
  else on[name]?.(data);
}

function followByEventSource(path, on) {
  const source = new EventSource(path);
  for (const name of ["job", "progress", "items", ...ENDS]) {
    source.addEventListener(name, (event) => {
      if (ENDS.includes(name)) source.close();
      deliver(name, JSON.parse(event.data), on);
    });
  }
  source.addEventListener("error", async () => {
    // CLOSED: the answer was not a stream; any other state: it reconnects by itself.
    if (source.readyState !== EventSource.CLOSED) return;
    await request("GET", path.replace("/events", "")).then((job) => on.job(job), (problem) => on.problem(problem));
  });
  return () => source.close();
}

/** The same by hand: an EventSource cannot send an API key. */
function followByFetch(path, on) {
  const abort = new AbortController();
  (async () => {
    while (!abort.signal.aborted) {
      try {
        const response = await fetch(path, { headers: headers(), signal: abort.signal });
        if (!response.ok) { on.problem(await problemOf(response)); return; }
        const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
        let rest = "";
        for (let part = await reader.read(); !part.done; part = await reader.read()) {
          const pieces = (rest + part.value).split("\n\n");
          rest = pieces.pop();
          for (const piece of pieces) {
            const fields = Object.fromEntries(piece.split("\n").map((line) => line.split(/: (.*)/s).slice(0, 2)));
            if (!fields.event) continue;
            deliver(fields.event, JSON.parse(fields.data), on);
            if (ENDS.includes(fields.event)) return;
          }
        }
      } catch {
        // Broken off: try again below.
      }
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
  })();
  return () => abort.abort();
}
