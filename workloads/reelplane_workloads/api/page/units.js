// Figures for people.

const SIZES = ["B", "KiB", "MiB", "GiB", "TiB"];

export function bytes(count) {
  if (count == null) return "";
  const power = Math.min(SIZES.length - 1, Math.floor(Math.log2(Math.max(1, count)) / 10));
  const value = count / 2 ** (10 * power);
  return `${power === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${SIZES[power]}`;
}

export function pace(bytesPerSecond) {
  return `${bytes(bytesPerSecond)}/s`;
}

/** A position or length: 1:02:03. */
export function clock(seconds) {
  if (seconds == null) return "";
  const whole = Math.round(seconds);
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const [hours, minutes, rest] = parts.map((part) => String(part).padStart(2, "0"));
  return parts[0] ? `${parts[0]}:${minutes}:${rest}` : `${Number(minutes)}:${rest}`;
}

/** A wait, roughly: 8 s, 3 min, 2 h. */
export function span(seconds) {
  if (seconds < 90) return `${Math.max(0, Math.round(seconds))} s`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}

/** What to call a URL before its title is known: host and last part of the path. */
export function place(url) {
  try {
    const { host, pathname, search } = new URL(url);
    const last = pathname.split("/").filter(Boolean).pop() ?? "";
    return host.replace(/^www\./, "") + (last ? ` / ${decodeURIComponent(last)}` : "") + (last.includes(".") ? "" : search);
  } catch {
    return url;
  }
}
