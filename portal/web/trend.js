// Plots of values over time, as SVG. A plot has one unit. The table beside it says the same to those who can't see it.

import { showDate } from "./dates.js";
import { h, s } from "./dom.js";
import { shortName } from "./measure.js";

/**
 * A line without words, for a row. It is drawn for the eye only.
 * @param {Series | undefined} series
 */
export function spark(series) {
  const points = series?.points ?? [];
  if (points.length < 2) return h("span", { class: "spark" });
  const width = 96, height = 28, x = across(points, 3, width - 3), y = scale(extent(points.map((p) => p.value)), height - 4, 4);
  const last = points[points.length - 1];
  return h("span", { class: "spark" }, s("svg", { width, height, viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true", focusable: "false" },
    s("polyline", { class: "line0", points: points.map((p) => `${x(p.at)},${y(p.value)}`).join(" ") }),
    s("circle", { class: "dot0", cx: x(last.at), cy: y(last.value), r: 2.5 })));
}

/**
 * Plots of all series, one for each unit.
 * @param {Series[]} all
 * @param {string} name
 * @param {number} width in CSS pixels
 */
export function plots(all, name, width) {
  /** @type {Map<string, Series[]>} */
  const byUnit = new Map();
  for (const one of all) byUnit.set(one.unit, [...byUnit.get(one.unit) ?? [], one]);
  return [...byUnit.values()].map((group) => plot(group, name, width, byUnit.size > 1));
}

/**
 * @param {Series[]} group of one unit
 * @param {string} name
 * @param {number} width
 * @param {boolean} several there are other units
 */
function plot(group, name, width, several) {
  const height = 210, left = 46, right = 14, top = 14, bottom = 28;
  const points = group.flatMap((g) => g.points), unit = group[0].unit;
  const bounds = group.length === 1 ? [group[0].low, group[0].high].filter((v) => v !== null) : [];
  const values = extent([...points.map((p) => p.value), .../** @type {number[]} */ (bounds)]);
  const ticks = nice(values[0], values[1]);
  const y = scale([ticks[0], ticks[ticks.length - 1]], height - bottom, top), x = across(points, left + 8, width - right - 8);
  const band = group.length === 1 && (group[0].low !== null || group[0].high !== null) ? group[0] : null;
  const ends = [...points].sort((a, b) => a.at - b.at);
  const first = ends[0], last = ends[ends.length - 1];
  const label = `${name}${unit ? " in " + unit : ""}: ${points.length} values from ${showDate(first.date, false)} to ${showDate(last.date, false)}, the last ${last.text}. The table holds all of them.`;
  return h("figure", { class: "plot" },
    several ? h("figcaption", {}, `In ${unit || "no unit"}`) : null,
    s("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label, focusable: "false" },
      band ? s("rect", { class: "band", x: left, width: width - left - right, y: y(band.high ?? ticks[ticks.length - 1]), height: Math.max(0, y(band.low ?? ticks[0]) - y(band.high ?? ticks[ticks.length - 1])) }) : null,
      ticks.map((t) => [s("line", { class: "grid", x1: left, x2: width - right, y1: y(t), y2: y(t) }), s("text", { class: "tick", x: left - 6, y: y(t) + 4, "text-anchor": "end" }, label3(t))]),
      s("text", { class: "tick", x: left, y: height - 8, "text-anchor": "start" }, showDate(first.date, false)),
      last.at > first.at ? s("text", { class: "tick", x: width - right, y: height - 8, "text-anchor": "end" }, showDate(last.date, false)) : null,
      group.map((g, i) => [
        s("polyline", { class: `line${i % 3}`, points: g.points.map((p) => `${x(p.at)},${y(p.value)}`).join(" ") }),
        g.points.map((p) => s(p.disputed ? "rect" : "circle", { class: `${p.open ? "open" : ""} ${p.disputed ? "disputed" : `dot${i % 3}`}`, ...mark(x(p.at), y(p.value), p.disputed) },
          s("title", {}, `${showDate(p.date)}: ${g.name ? shortName(g.name) + " " : ""}${p.text}${p.disputed ? " (the sources disagree)" : ""}`))),
      ])),
    h("ul", { class: "key" },
      group.length > 1 ? group.map((g, i) => h("li", {}, h("span", { class: `swatch line${i % 3}`, "aria-hidden": "true" }), shortName(g.name))) : null,
      unit ? h("li", {}, unit) : null,
      band ? h("li", {}, h("span", { class: "swatch band", "aria-hidden": "true" }), "reference range of the newest value") : null,
      points.some((p) => p.disputed) ? h("li", {}, h("span", { class: "swatch disputed", "aria-hidden": "true" }), "the sources disagree") : null));
}

/** @param {number} x @param {number} y @param {boolean} square */
function mark(x, y, square) {
  return square ? { x: x - 4.5, y: y - 4.5, width: 9, height: 9 } : { cx: x, cy: y, r: 3.5 };
}

/** @param {number[]} values */
function extent(values) {
  return [Math.min(...values), Math.max(...values)];
}

/**
 * @param {number[]} domain
 * @param {number} from
 * @param {number} to
 */
function scale([low, high], from, to) {
  return (/** @type {number} */ v) => round(high === low ? (from + to) / 2 : from + (v - low) / (high - low) * (to - from));
}

/** @param {Point[]} points @param {number} from @param {number} to */
function across(points, from, to) {
  return scale(extent(points.map((p) => p.at)), from, to);
}

/** @param {number} n */
function round(n) { return Math.round(n * 10) / 10; }

/** @param {number} n */
function label3(n) { return String(Number(n.toPrecision(6))); }

/**
 * Round numbers from below low to above high.
 * @param {number} low
 * @param {number} high
 */
function nice(low, high) {
  const span = high - low || Math.abs(high) * 0.2 || 1;
  const raw = span / 4, power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((m) => m * power).find((m) => m >= raw) ?? raw;
  const start = Math.floor((high === low ? low - span / 2 : low) / step) * step, end = Math.ceil((high === low ? high + span / 2 : high) / step) * step;
  const out = [];
  for (let n = 0; n < 12 && start + n * step <= end + step / 1e6; n++) out.push(start + n * step);
  return out.length > 1 ? out : [low - 1, low + 1];
}
