// Dates for people. A date without a time is never moved into another zone; a time is shown in the reader's own.

const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const form = /^(\d{4})(?:-(\d\d)(?:-(\d\d)(T.*)?)?)?$/;

/**
 * @param {string} d a FHIR date, dateTime or instant
 * @param {boolean} [withTime]
 */
export function showDate(d, withTime = true) {
  const m = form.exec(d);
  if (!m) return d;
  const [, year, month, day, time] = m;
  if (time) {
    const at = new Date(d);
    if (Number.isNaN(at.getTime())) return d;
    const date = `${at.getDate()} ${months[at.getMonth()]} ${at.getFullYear()}`;
    return withTime ? `${date}, ${two(at.getHours())}:${two(at.getMinutes())}` : date;
  }
  const name = month ? months[Number(month) - 1] ?? month : "";
  return [day ? String(Number(day)) : "", name, year].filter(Boolean).join(" ");
}

/** @param {number} n */
function two(n) { return String(n).padStart(2, "0"); }

/**
 * Milliseconds since 1970, for order and plots; NaN when it is no date.
 * @param {string} d
 */
export function timeOf(d) {
  const m = form.exec(d);
  if (!m) return NaN;
  if (m[4]) return new Date(d).getTime();
  return new Date(Number(m[1]), Number(m[2] ?? 1) - 1, Number(m[3] ?? 1)).getTime();
}

/**
 * The newest first; what has no date, last.
 * @param {string} a
 * @param {string} b
 */
export function newestFirst(a, b) {
  const x = timeOf(a), y = timeOf(b);
  return (Number.isNaN(y) ? -Infinity : y) - (Number.isNaN(x) ? -Infinity : x) || 0;
}

/**
 * Full years between a birth date and today, or the day of death.
 * @param {string} birth
 * @param {string} [until]
 */
export function age(birth, until) {
  const from = new Date(timeOf(birth)), to = until ? new Date(timeOf(until)) : new Date();
  if (!/^\d{4}-\d\d-\d\d/.test(birth) || Number.isNaN(from.getTime()) || Number.isNaN(to.getTime())) return "";
  const had = to.getMonth() > from.getMonth() || to.getMonth() === from.getMonth() && to.getDate() >= from.getDate();
  const years = to.getFullYear() - from.getFullYear() - (had ? 0 : 1);
  if (years >= 2 || years < 0) return `${years} y`;
  const past = (to.getFullYear() - from.getFullYear()) * 12 + to.getMonth() - from.getMonth() - (to.getDate() < from.getDate() ? 1 : 0);
  return `${past} mo`;
}

/** The time of day now. */
export function clock() {
  const now = new Date();
  return `${two(now.getHours())}:${two(now.getMinutes())}`;
}
