// The page: asks for a video, follows its job, plays the result, and shows how the platform is doing.
//
//   submit ─► POST /v1/downloads ─┬─ 200  show the medium at once
//                                 └─ 202  follow the job's events ─► show the medium, the items, or the error
//   every 2 s ─► GET /v1/status, and GET /v1/downloads while a job of ours goes on

import { follow, request } from "/assets/client.js";
import { bytes, clock, pace, place, span } from "/assets/units.js";

const $ = (id) => document.getElementById(id);
const ENDED = new Set(["done", "failed", "cancelled"]);
const STATES = { queued: "Queued", running: "Running", done: "Done", failed: "Failed", cancelled: "Cancelled" };
const PHASES = { starting: "Starting", extracting: "Looking at the page", downloading: "Downloading", processing: "Putting it together" };
const LAYERS = [["memory", "Process memory"], ["valkey", "Valkey"], ["database", "Database"], ["followers", "Joined a running download"], ["misses", "New downloads"]];
const REFRESH = 2000; // ms

let shown = null; // id of the job in the big card
let stop = () => {}; // ends following it
let active = true; // whether a job of ours goes on, as far as we know

function element(tag, { text, ...attributes } = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name in made && name !== "list") made[name] = value; else made.setAttribute(name, value);
  }
  if (text !== undefined) made.textContent = text;
  made.append(...children);
  return made;
}

function say(text) {
  $("announce").textContent = text;
}

function showProblem(where, problem) {
  where.replaceChildren(
    element("strong", { text: problem.title }),
    element("p", { text: problem.detail === problem.title ? "" : problem.detail }),
    element("p", { className: "fix", text: problem.fix ?? "" }),
    element("a", { href: problem.type ?? "/docs/errors", text: problem.code ?? "" }),
  );
  where.hidden = false;
}

function badge(node, state) {
  node.textContent = STATES[state] ?? state;
  node.dataset.state = state;
}

// The big card

function openCard(title, source) {
  for (const id of ["working", "result", "failure", "items"]) $(id).hidden = true;
  $("stage").replaceChildren();
  $("current-title").textContent = title;
  $("current-source").textContent = source;
  $("current").hidden = false;
}

function showProgress(step) {
  const percent = step.percent ?? null;
  const bar = $("progress");
  bar.classList.toggle("unknown", percent === null);
  if (percent === null) bar.removeAttribute("aria-valuenow"); else bar.setAttribute("aria-valuenow", String(percent));
  $("progress-fill").style.width = percent === null ? "" : `${percent}%`;
  const waiting = step.state === "queued";
  $("phase").textContent = waiting ? (step.retryOf ? "Trying again soon" : "Waiting for a worker") : PHASES[step.phase] ?? "Running";
  $("percent").textContent = percent === null ? "" : `${percent.toFixed(percent < 100 ? 1 : 0)} %`;
  $("amount").textContent = step.bytes ? `${bytes(step.bytes)}${step.total ? ` of ${bytes(step.total)}` : ""}` : "";
  $("speed").textContent = step.speed ? pace(step.speed) : "";
  $("eta").textContent = step.eta || step.eta === 0 ? `${span(step.eta)} left` : "";
  bar.setAttribute("aria-valuetext", [$("phase").textContent, $("percent").textContent].join(" ").trim());
  badge($("current-state"), waiting ? "queued" : "running");
  $("working").hidden = false;
}

function showMedia(media, source) {
  openCard(media.title || "Untitled", source);
  const kind = media.contentType.startsWith("audio/") ? "audio" : "video";
  const player = element(kind, { src: media.url, controls: true, preload: "metadata", playsInline: true });
  player.id = "player";
  player.dataset.testid = "player";
  player.setAttribute("aria-label", media.title || "Result");
  $("stage").append(player);
  const size = media.width ? `${media.width} × ${media.height}` : "";
  $("facts").textContent = [clock(media.duration), size, bytes(media.size), media.contentType].filter(Boolean).join("  ·  ");
  $("save").href = media.downloadUrl;
  badge($("current-state"), "done");
  $("progress").setAttribute("aria-valuenow", "100");
  $("result").hidden = false;
}

function showItems(job) {
  const counts = job.counts ?? { total: 0 };
  const ended = (counts.done ?? 0) + (counts.failed ?? 0) + (counts.cancelled ?? 0);
  $("current-title").textContent = job.playlist?.title || place(job.url);
  $("current-source").textContent = `${counts.done ?? 0} of ${counts.total} done` + (counts.failed ? `, ${counts.failed} failed` : "");
  badge($("current-state"), job.state);
  $("items").replaceChildren(...job.items.map((item) => jobRow(item, { inside: true })));
  $("items").hidden = false;
  $("working").hidden = ENDED.has(job.state);
  if (!ENDED.has(job.state)) {
    showProgress({ state: "running", phase: "downloading", percent: counts.total ? Math.round((100 * ended) / counts.total) : null });
  }
}

function showJob(job) {
  if (shown !== job.id) return;
  if (job.items) { openCard("", ""); showItems(job); return; }
  if (job.state === "done" && job.media) { showMedia(job.media, job.url); return; }
  openCard(place(job.url), job.url);
  badge($("current-state"), job.state);
  if (job.state === "failed" && job.error) { $("working").hidden = true; showProblem($("failure"), job.error); return; }
  if (job.state === "done") { $("current-source").textContent = "It was here, and has passed its retention. Ask again."; return; }
  if (!ENDED.has(job.state)) showProgress({ state: job.state, ...job.progress });
}

function select(id, { focus = false } = {}) {
  stop();
  shown = id;
  history.replaceState(null, "", `#${id}`);
  stop = follow(id, {
    job: showJob,
    progress: (step) => shown === id && showProgress(step),
    items: (job) => shown === id && showItems(job),
    end: (job) => {
      showJob(job);
      say(`${STATES[job.state]}: ${job.media?.title ?? place(job.url)}`);
      refreshJobs();
    },
    problem: (problem) => {
      if (shown !== id) return;
      history.replaceState(null, "", location.pathname);
      $("current").hidden = true;
      if (focus) showProblem($("problem"), problem);
    },
  });
  if (focus) {
    $("current").scrollIntoView({ block: "nearest", behavior: "smooth" });
    $("current-title").focus({ preventScroll: true });
  }
}

// The form

async function submit(event) {
  event.preventDefault();
  const url = $("url").value.trim();
  $("problem").hidden = true;
  $("url").removeAttribute("aria-invalid");
  $("submit").disabled = true;
  try {
    const form = new FormData($("form"));
    const body = { url, format: form.get("format") };
    if (form.get("playlist")) body.playlist = true;
    const answer = await request("POST", "/v1/downloads", body);
    if (answer.media) {
      stop();
      shown = null;
      showMedia(answer.media, url);
      say(`Done: ${answer.media.title}`);
    } else {
      openCard(place(url), url);
      showProgress({ state: answer.state });
      select(answer.id);
      active = true;
      refreshJobs();
    }
  } catch (problem) {
    if (problem.status === 401) {
      $("key-field").hidden = false;
      $("key").focus();
    } else if (problem.field === "url") {
      $("url").setAttribute("aria-invalid", "true");
      $("url").focus();
    }
    showProblem($("problem"), problem);
  } finally {
    $("submit").disabled = false;
    refreshStatus();
  }
}

async function cancel(id) {
  try {
    await request("DELETE", `/v1/downloads/${id}`);
  } catch (problem) {
    showProblem($("problem"), problem);
  }
  if (shown === id) select(id);
  refreshJobs();
}

// The lists

function jobRow(job, { inside = false } = {}) {
  const title = job.media?.title ?? job.playlist?.title ?? place(job.url);
  const state = element("span", { className: "badge" });
  badge(state, job.state);
  const facts = job.state === "failed" ? job.error?.title : job.media ? [clock(job.media.duration), bytes(job.media.size)].filter(Boolean).join("  ·  ") : job.url;
  const open = element("button", { type: "button", className: "open", text: title, title, onclick: () => select(job.id, { focus: true }) });
  const row = element("li", {}, element("div", { className: "what" }, open, element("small", { text: facts ?? "" })), state);
  row.dataset.job = job.id;
  if (!ENDED.has(job.state) && !inside) {
    row.append(element("button", { type: "button", className: "small", text: "Cancel", "aria-label": `Cancel ${title}`, onclick: () => cancel(job.id) }));
  }
  return row;
}

async function refreshJobs() {
  try {
    const { jobs } = await request("GET", "/v1/downloads?limit=20");
    active = jobs.some((job) => !ENDED.has(job.state));
    const focused = document.activeElement?.closest?.("#jobs li")?.dataset.job;
    $("jobs").replaceChildren(...jobs.map((job) => jobRow(job)));
    if (focused) document.querySelector(`#jobs li[data-job="${focused}"] .open`)?.focus();
    $("no-jobs").hidden = jobs.length > 0;
    return jobs;
  } catch (problem) {
    if (problem.status === 401) $("key-field").hidden = false;
    return [];
  }
}

function showCache(cache) {
  const counts = LAYERS.map(([name]) => cache?.hits[name] ?? cache?.[name] ?? 0);
  const total = counts.reduce((sum, count) => sum + count, 0);
  $("hit-rate").textContent = cache?.hitRate == null ? "–" : `${(100 * cache.hitRate).toFixed(1)} %`;
  $("layers-bar").replaceChildren(...counts.map((count, index) => {
    const part = element("span", { className: `l${index}` });
    part.style.flexGrow = String(count);
    part.hidden = count === 0;
    return part;
  }));
  $("layers").replaceChildren(...LAYERS.map(([name, label], index) => element("tr", {},
    element("th", { scope: "row" }, element("i", { className: `l${index}` }), label),
    element("td", { text: counts[index].toLocaleString() }),
    element("td", { text: total ? `${((100 * counts[index]) / total).toFixed(1)} %` : "" }),
  )));
}

function health(state, text) {
  $("health").dataset.state = state;
  if ($("health-text").textContent !== text) $("health-text").textContent = text;
}

async function refreshStatus() {
  try {
    const status = await request("GET", "/v1/status");
    const busy = status.workers.reduce((sum, worker) => sum + worker.busy, 0);
    const capacity = status.workers.reduce((sum, worker) => sum + worker.capacity, 0);
    $("queue-waiting").textContent = status.queue.waiting;
    $("queue-running").textContent = status.queue.running;
    $("workers").textContent = `${busy} / ${capacity}`;
    showCache(status.cache);
    if (status.cache === null) health("warn", "The cache is away; known videos still play");
    else if (capacity === 0) health("warn", "No worker is up yet");
    else health("ok", `${status.platform} is up`);
  } catch (problem) {
    health("bad", problem.title);
  }
}

function tick() {
  if (document.hidden) return;
  refreshStatus();
  if (active) refreshJobs();
}

$("form").addEventListener("submit", submit);
$("cancel").addEventListener("click", () => shown && cancel(shown));
$("key").value = sessionStorage.getItem("key") ?? "";
$("key-field").hidden = !$("key").value;
$("key").addEventListener("change", () => sessionStorage.setItem("key", $("key").value.trim()));
document.addEventListener("visibilitychange", tick);
setInterval(tick, REFRESH);

const [jobs] = await Promise.all([refreshJobs(), refreshStatus()]);
const wanted = location.hash.slice(1) || jobs.find((job) => !ENDED.has(job.state))?.id;
if (wanted) select(wanted);
