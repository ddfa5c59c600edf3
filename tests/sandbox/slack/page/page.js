// The practice workspace's page. Every text is set through text nodes: nothing that a person, a client or the bot wrote is ever markup.
"use strict";

/* ---------- small tools ---------- */
const $ = (id) => document.getElementById(id);
const SVG = "http://www.w3.org/2000/svg";

function h(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (key === "class") node.className = value;
    else if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (key === "value") node.value = value;
    else node.setAttribute(key, value === true ? "" : value);
  }
  add(node, children);
  return node;
}
function add(node, children) {
  for (const child of [children].flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    node.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
  return node;
}
function s(tag, props = {}, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [key, value] of Object.entries(props)) node.setAttribute(key, value);
  return add(node, children);
}
const words = (value) => (value && typeof value === "object" ? value.text || "" : value || "");
async function ask(path, body) {
  const answer = await fetch(path, body === undefined ? {} : { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.json();
}
const narrow = matchMedia("(max-width: 1180px)");        // what stands beside the chat is behind a button then
const phone = matchMedia("(max-width: 760px)");          // a chart is drawn narrower then, so that its words can be read
const say = (text) => { $("status").textContent = text; };

/* ---------- what is known ---------- */
let world = null;             // the last state document
let panel = null;             // truth, clock, story
let me = new URLSearchParams(location.search).get("as") || sessionStorage.getItem("me") || "";
let place = sessionStorage.getItem("place") || "";    // a channel id, or "home"
let thread = "";              // the ts of the open thread, if any
let chosen = Number(sessionStorage.getItem("story") || 0);       // the number of the story that is followed
const seen = JSON.parse(sessionStorage.getItem("seen") || "{}");
const drafts = new Map();     // view id -> {block: {action: raw}}
const picked = new Map();     // labels of options picked in external selects

const user = (id) => world.users[id] || { id, name: id, real: id, title: "", tz: "UTC" };
const channel = () => world.channels.find((one) => one.id === place);
const initials = (name) => {
  const parts = name.replace(/[^\p{L}\p{N}\s]/gu, " ").trim().split(/\s+/);
  return (parts.length > 1 ? parts[0][0] + parts[parts.length - 1][0] : (parts[0] || "?").slice(0, 2)).toUpperCase();
};
function avatar(one, size = "") {
  let hue = world.cast.indexOf(one.id);
  if (hue < 0) for (const letter of one.id) hue = (hue * 33 + letter.codePointAt(0)) >>> 0;
  hue %= 8;
  return h("span", { class: `avatar ${size} hue-${one.id === world.bot ? "bot" : hue}`, "aria-hidden": "true" }, one.id === world.bot ? "⇄" : initials(one.real));
}

/* ---------- Slack's text ---------- */
const EMOJI = {
  white_check_mark: "✅", heavy_check_mark: "✔️", x: "❌", warning: "⚠️", lock: "🔒", unlock: "🔓", hourglass: "⌛", hourglass_flowing_sand: "⏳",
  tada: "🎉", wave: "👋", bell: "🔔", calendar: "📅", clock1: "🕐", mag: "🔍", bar_chart: "📊", chart_with_upwards_trend: "📈", package: "📦",
  rotating_light: "🚨", red_circle: "🔴", large_green_circle: "🟢", large_yellow_circle: "🟡", white_circle: "⚪", information_source: "ℹ️",
  arrow_right: "➡️", arrows_counterclockwise: "🔄", busts_in_silhouette: "👥", bust_in_silhouette: "👤", key: "🔑", shield: "🛡️", eyes: "👀",
  "+1": "👍", thumbsup: "👍", pray: "🙏", rocket: "🚀", memo: "📝", page_facing_up: "📄", paperclip: "📎", link: "🔗", no_entry: "⛔",
  question: "❓", exclamation: "❗", point_right: "👉", robot_face: "🤖", bulb: "💡", email: "📧", telephone_receiver: "📞", stopwatch: "⏱️",
};
const unescape = (text) => text.replace(/&lt;/g, "<").replace(/&gt;/g, ">").replace(/&amp;/g, "&");
const emoji = (name) => (EMOJI[name] ? h("span", { class: "emoji", role: "img", "aria-label": name.replace(/_/g, " "), title: `:${name}:` }, EMOJI[name]) : `:${name}:`);

function when(seconds, format) {
  const date = new Date(seconds * 1000), zone = user(me).tz;
  const parts = (options) => new Intl.DateTimeFormat("en", { timeZone: zone, ...options }).format(date);
  const day = (at) => new Intl.DateTimeFormat("en-CA", { timeZone: zone }).format(at);
  const nearby = () => {
    const steps = [[0, "today"], [-864e5, "yesterday"], [864e5, "tomorrow"]];
    return (steps.find(([shift]) => day(new Date(now() + shift)) === day(date)) || [])[1];
  };
  const short = parts({ month: "short", day: "numeric", year: "numeric" }), long = parts({ weekday: "long", month: "long", day: "numeric", year: "numeric" });
  const table = {
    date_num: day(date), date_slash: parts({ year: "numeric", month: "2-digit", day: "2-digit" }), date_long: long, date_long_full: long,
    date_long_pretty: nearby() || long, date: parts({ month: "long", day: "numeric", year: "numeric" }),
    date_pretty: nearby() || parts({ month: "long", day: "numeric", year: "numeric" }), date_short: short, date_short_pretty: nearby() || short,
    time: parts({ hour: "2-digit", minute: "2-digit", hourCycle: "h23" }), time_secs: parts({ hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" }),
    ago: ago(seconds), day_divider_pretty: nearby() || long,
  };
  return format.replace(/\{(\w+)\}/g, (all, name) => table[name] ?? all);
}
const now = () => (panel && panel.now ? Date.parse(panel.now) : Date.now());
function ago(seconds) {
  const gone = now() / 1000 - seconds, text = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
  const steps = [[86400, "day"], [3600, "hour"], [60, "minute"]];
  for (const [size, unit] of steps) if (Math.abs(gone) >= size) return text.format(-Math.round(gone / size), unit);
  return "just now";
}
function dated(seconds, format, fallback, url) {
  let text = fallback || "";
  try { text = when(Number(seconds), format); } catch { /* the fallback stands */ }
  const node = h("time", { title: fallback || "" }, text);
  return url ? anchor(url, node) : node;
}
const anchor = (url, label) => (url.startsWith(`${location.origin}/archives/`) ? h("a", { href: url, onclick: (event) => { const open = toMessage(new URL(url).pathname); if (open) { event.preventDefault(); open(); } } }, label) : /^(https?:|mailto:)/i.test(url) ? h("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, label) : h("span", {}, label));
function toMessage(path) {            // the address of a message in this workspace, or null
  const found = /^\/archives\/(\w+)\/p(\d+)(\d{6})$/.exec(path);
  const [, id, seconds, rest] = found || [];
  if (!found || !world.channels.some((one) => one.id === id)) return null;
  return () => { go(id); const shown = $("feed").querySelector(`article[data-ts="${seconds}.${rest}"]`); if (shown) shown.scrollIntoView({ block: "center" }); };
}
const mention = (id) => h("span", { class: id === me ? "mention mine" : "mention" }, `@${user(id).real}`);
function reference(inner) {
  const [target, label] = inner.split("|");
  if (target.startsWith("@")) return mention(target.slice(1));
  if (target.startsWith("#")) {
    const known = world.channels.find((one) => one.id === target.slice(1));
    return h("span", { class: "mention" }, `#${unescape(label || (known ? known.name : "a private channel"))}`);
  }
  if (target.startsWith("!date^")) {
    const [, seconds, format, url] = target.split("^");
    return dated(seconds, format, unescape(label || ""), url);
  }
  if (target.startsWith("!subteam^")) return h("span", { class: "mention" }, `@${world.groups[target.slice(9)] || "group"}`);
  if (/^!(here|channel|everyone)/.test(target)) return h("span", { class: "mention loud" }, `@${target.slice(1)}`);
  return anchor(unescape(target), unescape(label || target));
}
const INLINE = /```([\s\S]+?)```|`([^`\n]+)`|<([^<>\n]+)>|:([a-z0-9_+-]+):|(?<![\p{L}\p{N}*])\*(?!\s)([^*\n]+?)(?<!\s)\*(?![\p{L}\p{N}*])|(?<![\p{L}\p{N}_])_(?!\s)([^_\n]+?)(?<!\s)_(?![\p{L}\p{N}_])|(?<![\p{L}\p{N}~])~(?!\s)([^~\n]+?)(?<!\s)~(?![\p{L}\p{N}~])/gu;
function inline(text) {
  const out = [];
  let last = 0;
  for (const m of text.matchAll(INLINE)) {
    out.push(...plainLines(text.slice(last, m.index)));
    last = m.index + m[0].length;
    if (m[1] !== undefined) out.push(h("pre", {}, unescape(m[1].replace(/^\n|\n$/g, ""))));
    else if (m[2] !== undefined) out.push(h("code", {}, unescape(m[2])));
    else if (m[3] !== undefined) out.push(reference(m[3]));
    else if (m[4] !== undefined) out.push(emoji(m[4]));
    else if (m[5] !== undefined) out.push(h("strong", {}, inline(m[5])));
    else if (m[6] !== undefined) out.push(h("em", {}, inline(m[6])));
    else out.push(h("s", {}, inline(m[7])));
  }
  out.push(...plainLines(text.slice(last)));
  return out;
}
function plainLines(text) {
  return text.split("\n").flatMap((line, number) => (number ? [h("br"), unescape(line)] : [unescape(line)])).filter((one) => one !== "");
}
function mrkdwn(text) {
  const out = [];
  let quote = null, run = [];
  const flush = () => { if (run.length) out.push(...inline(run.join("\n"))); run = []; };
  const fenced = text.includes("```");
  for (const line of text.split("\n")) {
    const quoted = !fenced && /^(&gt;|>) ?/.exec(line);
    if (quoted) { flush(); quote = quote || out[out.push(h("blockquote")) - 1]; if (quote.childNodes.length) quote.append(h("br")); add(quote, inline(line.slice(quoted[0].length))); }
    else { if (quote && run.length === 0 && line === "") { quote = null; continue; } quote = null; run.push(line); }
  }
  flush();
  return out;
}
function textObject(value) {
  if (!value) return [];
  if (typeof value === "string") return [value];
  if (value.type === "mrkdwn") return mrkdwn(value.text);
  return value.text.split(/(:[a-z0-9_+-]+:|\n)/).map((part) => (part === "\n" ? h("br") : /^:.+:$/.test(part) ? emoji(part.slice(1, -1)) : part));
}

/* ---------- rich text and markdown ---------- */
function rich(block) { return h("div", { class: "rich" }, block.elements.map(richPart)); }
function richPart(part) {
  const kids = () => part.elements.map(richInline);
  if (part.type === "rich_text_list") return h(part.style === "ordered" ? "ol" : "ul", { class: `indent-${part.indent || 0}` }, part.elements.map((one) => h("li", {}, richPart(one))));
  if (part.type === "rich_text_quote") return h("blockquote", {}, kids());
  if (part.type === "rich_text_preformatted") return h("pre", {}, kids());
  return h("p", {}, kids());
}
function richInline(one) {
  const kinds = {
    text: () => one.text.split("\n").flatMap((line, at) => (at ? [h("br"), line] : [line])), user: () => mention(one.user_id), channel: () => reference(`#${one.channel_id}`),
    usergroup: () => reference(`!subteam^${one.usergroup_id}`), broadcast: () => reference(`!${one.range}`), emoji: () => emoji(one.name),
    link: () => anchor(one.url, one.text || one.url), date: () => dated(one.timestamp, one.format, one.fallback, one.url), color: () => one.value,
  };
  let node = (kinds[one.type] || (() => ""))();
  const style = one.style || {};
  for (const [name, tag] of [["bold", "strong"], ["italic", "em"], ["strike", "s"], ["code", "code"]]) if (style[name]) node = h(tag, {}, node);
  return node;
}
const MARKS = /`([^`]+)`|\*\*(.+?)\*\*|(?<!\w)[*_]([^*_]+)[*_](?!\w)|~~(.+?)~~|\[([^\]]+)\]\(([^)\s]+)\)|<([@#!][^<>\n]+)>/g;
function markInline(text) {
  const out = [];
  let last = 0;
  for (const m of text.matchAll(MARKS)) {
    out.push(text.slice(last, m.index));
    last = m.index + m[0].length;
    if (m[1] !== undefined) out.push(h("code", {}, m[1]));
    else if (m[2] !== undefined) out.push(h("strong", {}, markInline(m[2])));
    else if (m[3] !== undefined) out.push(h("em", {}, markInline(m[3])));
    else if (m[4] !== undefined) out.push(h("s", {}, markInline(m[4])));
    else if (m[5] !== undefined) out.push(anchor(m[6], m[5]));
    else out.push(reference(m[7]));
  }
  return [...out, text.slice(last)];
}
function markdown(text) {
  const out = h("div", { class: "rich" });
  const lines = text.split("\n");
  for (let at = 0; at < lines.length; at += 1) {
    const line = lines[at], head = /^(#{1,6}) (.*)/.exec(line), item = /^\s*(?:[-*]|(\d+)\.) (.*)/.exec(line);
    if (line.startsWith("```")) {
      const end = lines.findIndex((one, place_) => place_ > at && one.startsWith("```"));
      out.append(h("pre", {}, lines.slice(at + 1, end < 0 ? undefined : end).join("\n")));
      at = end < 0 ? lines.length : end;
    } else if (head) out.append(h("p", { class: "md-head", role: "heading", "aria-level": "2" }, markInline(head[2])));
    else if (item) {
      const tag = item[1] ? "OL" : "UL";
      const list = out.lastChild && out.lastChild.tagName === tag ? out.lastChild : out.appendChild(h(tag.toLowerCase()));
      list.append(h("li", {}, markInline(item[2])));
    } else if (line.startsWith("> ")) out.append(h("blockquote", {}, markInline(line.slice(2))));
    else if (line.trim()) out.append(h("p", {}, markInline(line)));
  }
  return out;
}

/* ---------- blocks ---------- */
// `context` tells where a block stands: {message} or {view}, and how an element is used there.
const ALERTS = { default: "Note", info: "Info", warning: "Warning", error: "Problem", success: "Done" };
const inModal = (context) => Boolean(context.view) && context.view !== world.home;
const BLOCKS = {
  header: (b, context) => h(inModal(context) ? "h3" : "h2", { class: "b-header" }, textObject(b.text)),        // below the title of the form, or of the place
  divider: () => h("hr"),
  context: (b) => h("div", { class: "b-context" }, b.elements.map((one) => (one.type === "image" ? picture(one) : h("span", {}, textObject(one))))),
  section: (b, context) => h("div", { class: "b-section" },
    h("div", { class: "b-section-main" }, b.text && h("div", { class: "b-text" }, textObject(b.text)), b.fields && h("div", { class: "b-fields" }, b.fields.map((one) => h("div", {}, textObject(one))))),
    b.accessory && h("div", { class: "b-accessory" }, element(b.accessory, b, context))),
  actions: (b, context) => h("div", { class: "b-actions" }, b.elements.map((one) => element(one, b, context))),
  image: (b) => h("figure", { class: "b-image" }, b.title && h("figcaption", {}, textObject(b.title)), picture(b)),
  markdown: (b) => markdown(b.text),
  rich_text: rich,
  table: (b, context) => plainTable(b, context),
  data_table: (b, context) => dataTable(b, context),
  data_visualization: (b) => chart(b),
  alert: (b) => h("div", { class: `b-alert level-${b.level || "default"}`, role: "note" }, h("strong", {}, `${ALERTS[b.level || "default"]}: `), textObject(b.text)),
  input: (b, context) => field(b, context),
  card: (b, context) => h("div", { class: "b-card" }, b.title && h("strong", {}, textObject(b.title)), b.subtitle && h("div", { class: "muted" }, textObject(b.subtitle)),
    b.body && h("div", {}, textObject(b.body)), b.actions && h("div", { class: "b-actions" }, b.actions.map((one) => element(one, b, context)))),
  carousel: (b, context) => h("div", { class: "b-carousel", tabindex: "0" }, b.elements.map((one) => block(one, context))),
  container: (b, context) => h("details", { class: "b-card", open: !b.default_collapsed }, h("summary", {}, words(b.title)), b.child_blocks.map((one) => block(one, context))),
  plan: (b) => h("div", { class: "b-card" }, h("strong", {}, b.title), (b.tasks || []).map(task)),
  task_card: (b) => task(b),
};
const TASKS = { pending: ["○", "waiting"], in_progress: ["◔", "running"], complete: ["✓", "done"], error: ["!", "failed"] };
function task(b) { const [sign, word] = TASKS[b.status] || TASKS.pending; return h("div", { class: `b-task task-${b.status}` }, h("span", { class: "task-sign", "aria-hidden": "true" }, sign), b.title, h("span", { class: "muted" }, ` ${word}`), b.details && rich(b.details)); }
function block(b, context) { const draw = BLOCKS[b.type]; return draw ? draw(b, context) : h("p", { class: "muted" }, `(${b.type} block)`); }
const blocks = (list, context) => list.map((b) => h("div", { class: "block", "data-block": b.block_id || "" }, block(b, context)));
function picture(one) {
  const url = one.image_url || "";
  if (url.startsWith(location.origin) || url.startsWith("data:image/")) return h("img", { src: url, alt: one.alt_text });
  return h("span", { class: "no-picture", role: "img", "aria-label": one.alt_text }, `🖼 ${one.alt_text}`);
}

/* ---------- tables ---------- */
function cell(one, context, b) {
  if (!one) return "";
  if (one.type === "rich_text") return rich(one);
  if (one.type === "raw_number") return one.text || String(one.value);
  if (one.type === "action_cell") return element(one.element, b, context);
  return one.text;
}
const isNumber = (one) => one && (one.type === "raw_number" || (one.type === "raw_text" && /^[\d.,%\s−-]+$/.test(one.text || "")));
function plainTable(b, context) {
  const align = (at) => (b.column_settings && b.column_settings[at] && b.column_settings[at].align) || "left";
  const row = (cells, tag) => h("tr", {}, cells.map((one, at) => h(tag, { class: `to-${align(at)}`, scope: tag === "th" ? "col" : undefined }, cell(one, context, b))));
  return h("div", { class: "table-wrap", tabindex: "0", role: "region", "aria-label": "Table" }, h("table", {}, h("thead", {}, row(b.rows[0], "th")), h("tbody", {}, b.rows.slice(1).map((one) => row(one, "td")))));
}
const tables = new Map();     // where each data table was left: {page, by, down}
function dataTable(b, context) {
  const key = `${context.key || ""}/${b.block_id}`, size = b.page_size || 5, [head, ...body] = b.rows;
  const left = tables.get(key) || { page: 0, by: -1, down: false };
  const wrap = h("div", { class: "data-table" });
  const worth = (one) => (one.type === "raw_number" ? one.value : one.type === "action_cell" ? words(one.element.text) : one.type === "rich_text" ? one.elements.flatMap((part) => part.elements || []).map((part) => part.text || "").join("") : one.text);
  const order = (a, c) => { const x = worth(a[left.by]), y = worth(c[left.by]); return typeof x === "number" && typeof y === "number" ? x - y : String(x).localeCompare(String(y), "en", { numeric: true }); };
  function draw() {
    tables.set(key, left);
    const rows = left.by < 0 ? body : [...body].sort((a, c) => (left.down ? -order(a, c) : order(a, c)));
    const pages = Math.max(1, Math.ceil(rows.length / size)), from = left.page * size;
    const sorted = (at) => (left.by === at ? (left.down ? "descending" : "ascending") : "none");
    const heads = head.map((one, at) => h("th", { scope: "col", "aria-sort": sorted(at), class: isNumber(body[0] && body[0][at]) ? "to-right" : "" },
      h("button", { type: "button", class: "sort", onclick: () => { if (left.by === at) left.down = !left.down; else { left.by = at; left.down = false; } left.page = 0; draw(); wrap.querySelectorAll(".sort")[at].focus(); } },
        cell(one, context, b), h("span", { class: "arrow", "aria-hidden": "true" }, left.by === at ? (left.down ? "↓" : "↑") : "↕"))));
    const header = b.row_header_column_index || 0;
    const lines = rows.slice(from, from + size).map((row) => h("tr", {}, row.map((one, at) => h(at === header ? "th" : "td", { scope: at === header ? "row" : undefined, class: isNumber(one) ? "to-right" : "" }, cell(one, context, b)))));
    const step = (by, label, off) => h("button", { type: "button", class: "small", disabled: off, onclick: () => { left.page += by; draw(); } }, label);
    wrap.replaceChildren(
      h("div", { class: "table-wrap", tabindex: "0", role: "region", "aria-label": b.caption }, h("table", {}, h("caption", {}, b.caption), h("thead", {}, h("tr", {}, heads)), h("tbody", {}, lines))),
      pages > 1 ? h("div", { class: "pager" }, step(-1, "Previous", left.page === 0), h("span", {}, `${from + 1}–${Math.min(from + size, rows.length)} of ${rows.length}`), step(1, "Next", left.page >= pages - 1)) : "");
  }
  draw();
  return wrap;
}

/* ---------- charts: told apart by shape, pattern and words, not by colour alone ---------- */
const compact = (value) => new Intl.NumberFormat("en", { notation: Math.abs(value) >= 10000 ? "compact" : "standard", maximumFractionDigits: 1 }).format(value);
function chart(b) {
  const kind = b.chart.type, title = `chart-${b.block_id}`;
  const drawing = kind === "pie" ? pie(b.chart) : axes(b.chart);
  return h("figure", { class: "b-chart" }, h("figcaption", { id: title }, b.title), drawing, kind === "pie" || b.chart.series.length > 1 ? legend(b.chart) : "", spoken(b));
}
function spoken(b) {
  const rows = b.chart.type === "pie" ? b.chart.segments.map((one) => [one.label, one.value]) : b.chart.series.flatMap((one) => one.data.map((point) => [`${one.name}, ${point.label}`, point.value]));
  return h("table", { class: "hidden-text" }, h("caption", {}, b.title), rows.map(([label, value]) => h("tr", {}, h("th", { scope: "row" }, label), h("td", {}, value))));
}
function legend(c) {
  const names = c.type === "pie" ? c.segments.map((one) => one.label) : c.series.map((one) => one.name);
  return h("ul", { class: "legend" }, names.map((name, at) => {
    const sign = s("svg", { viewBox: "0 0 22 12", width: 22, height: 12, "aria-hidden": "true" });
    if (c.type === "line") { sign.append(s("line", { x1: 0, x2: 22, y1: 6, y2: 6, class: `line c${at}` }), marker(at, 11, 6)); }
    else sign.append(s("rect", { width: 22, height: 12, rx: 3, class: `fill c${at}` }), hatch(at, 0, 0, 22, 12));
    return h("li", {}, sign, name);
  }));
}
function marker(at, x, y) {
  if (at % 3 === 1) return s("rect", { x: x - 3.5, y: y - 3.5, width: 7, height: 7, class: `dot c${at}` });
  if (at % 3 === 2) return s("path", { d: `M${x} ${y - 4.5}L${x + 4.5} ${y + 3.5}L${x - 4.5} ${y + 3.5}Z`, class: `dot c${at}` });
  return s("circle", { cx: x, cy: y, r: 3.8, class: `dot c${at}` });
}
function hatch(at, x, y, width, height) {
  const group = s("g", { class: "hatch" });
  const gap = [0, 6, 9, 4, 12, 7][at % 6];
  if (gap) for (let place_ = gap / 2; place_ < (at % 2 ? width : height); place_ += gap) group.append(at % 2 ? s("line", { x1: x + place_, x2: x + place_, y1: y, y2: y + height }) : s("line", { x1: x, x2: x + width, y1: y + place_, y2: y + place_ }));
  return group;
}
function axes(c) {
  const W = phone.matches ? 300 : 560, H = 250, left = c.axis_config.y_label ? 68 : 52, right = 12, top = 16, bottom = c.axis_config.x_label ? 48 : 30, names = c.axis_config.categories;
  const stacked = c.type === "area", sums = names.map((_, at) => c.series.reduce((sum, one) => sum + one.data[at].value, 0));
  const most = Math.max(1, ...(stacked ? sums : c.series.flatMap((one) => one.data.map((point) => point.value))));
  const whole = c.series.every((one) => one.data.every((point) => Number.isInteger(point.value)));        // nobody has half a client
  const unit = 10 ** Math.floor(Math.log10(most)), step = [0.2, 0.25, 0.5, 1, 2].map((one) => one * unit).find((one) => most / one <= 5 && (!whole || Number.isInteger(one))) || unit, high = Math.ceil(most / step) * step;
  const x = (at) => left + ((at + 0.5) * (W - left - right)) / names.length, y = (value) => top + (1 - value / high) * (H - top - bottom);
  const svg = s("svg", { viewBox: `0 0 ${W} ${H}`, class: "chart", "aria-hidden": "true" });
  for (let value = 0; value <= high + step / 2; value += step) svg.append(s("line", { x1: left, x2: W - right, y1: y(value), y2: y(value), class: "grid" }), s("text", { x: left - 8, y: y(value) + 4, class: "tick end" }, compact(value)));
  const longest = Math.max(...names.map((name) => Math.min(name.length, 14))) * 6.8 + 12, every = Math.max(1, Math.ceil((longest * names.length) / (W - left - right)));
  names.forEach((name, at) => { if ((names.length - 1 - at) % every === 0) svg.append(s("text", { x: x(at), y: H - bottom + 16, class: "tick mid" }, name.length > 14 ? `${name.slice(0, 13)}…` : name)); });
  if (c.axis_config.x_label) svg.append(s("text", { x: (left + W - right) / 2, y: H - 8, class: "axis mid" }, c.axis_config.x_label));
  if (c.axis_config.y_label) svg.append(s("text", { x: -(top + H - bottom) / 2, y: 12, transform: "rotate(-90)", class: "axis mid" }, c.axis_config.y_label));
  const few = names.length * c.series.length <= 14;
  const floor = names.map(() => 0);
  c.series.forEach((one, number) => {
    if (c.type === "bar") {
      const slot = (W - left - right) / names.length, width = Math.min(46, (slot * 0.72) / c.series.length);
      one.data.forEach((point, at) => {
        const x0 = x(at) - (width * c.series.length) / 2 + number * width + 1, y0 = y(point.value), tall = Math.max(0, y(0) - y0);
        svg.append(s("rect", { x: x0, y: y0, width: width - 2, height: tall, rx: 3, class: `fill c${number}` }), hatch(number, x0, y0, width - 2, tall));
        if (few) svg.append(s("text", { x: x0 + width / 2 - 1, y: y0 - 5, class: "value mid" }, compact(point.value)));
      });
    } else {
      const points = one.data.map((point, at) => [x(at), y(point.value + (stacked ? floor[at] : 0))]);
      const path = points.map(([px, py], at) => `${at ? "L" : "M"}${px} ${py}`).join("");
      if (stacked) {
        const base = names.map((_, at) => [x(at), y(floor[at])]).reverse().map(([px, py]) => `L${px} ${py}`).join("");
        svg.append(s("path", { d: `${path}${base}Z`, class: `fill soft c${number}` }));
        one.data.forEach((point, at) => { floor[at] += point.value; });
      }
      svg.append(s("path", { d: path, class: `line c${number}` }));
      points.forEach(([px, py], at) => { svg.append(marker(number, px, py)); if (few && !stacked) svg.append(s("text", { x: px, y: py - 9, class: "value mid" }, compact(one.data[at].value))); });
    }
  });
  return svg;
}
function pie(c) {
  const total = c.segments.reduce((sum, one) => sum + one.value, 0), [W, R] = phone.matches ? [300, 52] : [560, 92];
  const svg = s("svg", { viewBox: `0 0 ${W} ${2 * R + 36}`, class: "chart", "aria-hidden": "true" });
  let angle = -Math.PI / 2;
  c.segments.forEach((one, at) => {
    const part = one.value / total, next = angle + part * 2 * Math.PI, middle = (angle + next) / 2;
    const point = (a, r) => `${W / 2 + r * Math.cos(a)} ${R + 18 + r * Math.sin(a)}`;
    const slice = part > 0.999 ? s("circle", { cx: W / 2, cy: R + 18, r: R, class: `fill slice c${at}` }) : s("path", { d: `M${point(angle, R)}A${R} ${R} 0 ${part > 0.5 ? 1 : 0} 1 ${point(next, R)}L${point(next, R / 2)}A${R / 2} ${R / 2} 0 ${part > 0.5 ? 1 : 0} 0 ${point(angle, R / 2)}Z`, class: `fill slice c${at}` });
    const right = Math.cos(middle) >= 0;
    svg.append(slice, s("text", { x: W / 2 + (R + 12) * Math.cos(middle), y: R + 22 + (R + 8) * Math.sin(middle), class: `value ${right ? "start" : "end"}` }, `${one.label} ${Math.round(part * 100)}%`));
    angle = next;
  });
  return svg;
}

/* ---------- elements ---------- */
const heldIn = (value) => {
  if (!value) return null;
  const key = Object.keys(value).find((one) => one.startsWith("selected_") || one === "value" || one === "files");
  const inner = value[key];
  if (Array.isArray(inner)) return inner.map((one) => (one && one.value !== undefined ? one.value : one));
  return inner && inner.value !== undefined ? inner.value : inner;
};
function held(one, b, context) {
  const draft = context.view && (drafts.get(context.view.id) || {})[b.block_id];
  if (draft && one.action_id in draft) return draft[one.action_id];
  if (context.view) return heldIn((context.view.values[b.block_id] || {})[one.action_id]);
  const initial = one.initial_option || one.initial_options || one.initial_user || one.initial_users || one.initial_date || one.initial_time || one.initial_value;
  return Array.isArray(initial) ? initial.map((each) => each.value ?? each) : initial && initial.value !== undefined ? initial.value : initial ?? null;
}
function keep(one, b, context, raw) {
  if (!context.view) return;
  const all = drafts.get(context.view.id) || {};
  all[b.block_id] = { ...(all[b.block_id] || {}), [one.action_id]: raw };
  drafts.set(context.view.id, all);
  forgive(b);
}
function forgive(b) {                // what was wrong with a field is said no longer once something else is in it
  const bad = $("modal").querySelector(`[data-block="${CSS.escape(b.block_id)}"] .bad`);
  if (!bad) return;
  bad.classList.remove("bad");
  bad.querySelectorAll(".wrong[id]").forEach((note) => note.remove());
  bad.querySelectorAll("[aria-invalid]").forEach((node) => node.removeAttribute("aria-invalid"));
}
const sentAtOnce = (b, context) => !context.view || b.type !== "input" || b.dispatch_action;
const where = (one, b, context) => ({ user: me, block: b.block_id, action: one.action_id, ...(context.view ? { view: context.view.id, values: drafts.get(context.view.id) || {} } : { channel: context.channel, ts: context.message.ts }) });
async function use(one, b, context, extra, node) {
  if (one.confirm && !(await confirmed(one.confirm))) return;
  if (node) { node.setAttribute("aria-busy", "true"); node.disabled = true; }
  let problem = "";
  try { problem = (await ask("/ui/use", { ...where(one, b, context), ...extra })).problem; } catch { problem = "gone"; }
  if (node && node.isConnected) { node.removeAttribute("aria-busy"); node.disabled = false; }
  if (problem) {
    const text = problem.startsWith("operation_timeout") ? "The app took longer than 3 seconds to answer." : problem === "gone" ? "That is no longer there." : "The app did not answer.";
    say(text);
    if (node && node.isConnected) { node.parentNode.querySelectorAll(".trouble").forEach((old) => old.remove()); node.after(h("span", { class: "trouble" }, `⚠ ${text}`)); }
  }
}
function changed(one, b, context, raw, node) {
  keep(one, b, context, raw);
  if (sentAtOnce(b, context)) use(one, b, context, { raw }, node);
}
function element(one, b, context) {
  if (one.type === "button") return button(one, b, context);
  if (one.type === "overflow") return overflow(one, b, context);
  if (one.type === "image") return picture(one);
  return h("div", { class: "standalone" }, control(one, b, context, words(one.placeholder) || "Choose"));
}
function button(one, b, context) {
  const press = (event) => { if (one.url) window.open(one.url, "_blank", "noopener"); use(one, b, context, { button: one.value ?? null }, event.currentTarget); };
  return h("button", { type: "button", class: `b-button ${one.style || ""}`, "data-action": one.action_id, "aria-label": one.accessibility_label, onclick: press }, textObject(one.text), one.url ? " ↗" : "");
}
function overflow(one, b, context) {
  const menu = h("div", { class: "menu", role: "menu", hidden: true }, one.options.map((option) => h("button", { type: "button", role: "menuitem", onclick: () => { menu.hidden = true; use(one, b, context, { raw: option.value }); } }, textObject(option.text))));
  return h("div", { class: "overflow" }, h("button", { type: "button", class: "icon", "aria-label": "More actions", "aria-haspopup": "menu", onclick: () => { menu.hidden = !menu.hidden; if (!menu.hidden) menu.querySelector("button").focus(); } }, "⋯"), menu);
}
const allOptions = (one) => [...(one.options || []), ...(one.option_groups || []).flatMap((group) => group.options)];
function control(one, b, context, label) {
  const value = held(one, b, context), base = { "aria-label": label, "data-action": one.action_id, autofocus: one.focus_on_load };
  const typed = (type, extra = {}) => {
    const node = h(type === "textarea" ? "textarea" : "input", { ...base, ...extra, type: type === "textarea" ? undefined : type, value: value ?? "", placeholder: words(one.placeholder) });
    node.addEventListener("input", () => keep(one, b, context, node.value));
    node.addEventListener("change", () => changed(one, b, context, node.value, null));
    return node;
  };
  const kinds = {
    plain_text_input: () => (one.multiline ? typed("textarea", { rows: 3, maxlength: one.max_length }) : typed("text", { maxlength: one.max_length })),
    email_text_input: () => typed("email"), url_text_input: () => typed("url"), number_input: () => typed("text", { inputmode: "decimal" }),
    datepicker: () => typed("date"), timepicker: () => typed("time"),
    datetimepicker: () => {
      const node = h("input", { ...base, type: "datetime-local", value: value ? new Date(value * 1000 - new Date().getTimezoneOffset() * 6e4).toISOString().slice(0, 16) : "" });
      node.addEventListener("change", () => changed(one, b, context, node.value ? Math.floor(new Date(node.value).getTime() / 1000) : null, null));
      return node;
    },
    file_input: () => files(one, b, context, label, value),
    checkboxes: () => ticks(one, b, context, label, "checkbox"), radio_buttons: () => ticks(one, b, context, label, "radio"),
  };
  return (kinds[one.type] || (() => picker(one, b, context, label, value)))();
}
function ticks(one, b, context, label, type) {
  let value = [held(one, b, context) ?? []].flat();
  const group = `${context.key}-${b.block_id}-${one.action_id}`;
  return h("div", { class: "ticks", role: type === "radio" ? "radiogroup" : "group", "aria-label": label, "data-action": one.action_id }, one.options.map((option) => {
    const box = h("input", { type, name: group, checked: value.includes(option.value), value: option.value });
    box.addEventListener("change", () => {
      value = type === "radio" ? [option.value] : one.options.map((each) => each.value).filter((each) => (each === option.value ? box.checked : value.includes(each)));
      changed(one, b, context, type === "radio" ? option.value : value, null);
    });
    return h("label", {}, box, h("span", {}, textObject(option.text), option.description && h("small", {}, textObject(option.description))));
  }));
}

/* files are handed to the workspace as they are chosen, as in Slack; the form then only names them */
const base64 = (blob) => new Promise((done, fail) => { const reader = new FileReader(); reader.onload = () => done(reader.result.split(",")[1] || ""); reader.onerror = fail; reader.readAsDataURL(blob); });
function files(one, b, context, label, value) {
  const most = one.max_files || 10, kinds = one.filetypes || [];
  let chosen = [...(value || [])];
  const box = h("input", { type: "file", class: "hidden-text", "aria-label": label, "data-action": one.action_id, multiple: most > 1, accept: kinds.map((kind) => `.${kind}`).join(",") || undefined });
  const chips = h("span", { class: "chips" }), note = h("p", { class: "wrong", role: "alert", hidden: true });
  const wrap = h("div", { class: "files" }, chips, h("label", { class: "as-button" }, box, h("span", {}, most > 1 ? "Choose files" : "Choose a file")), note);
  const tell = (text) => { note.textContent = text ? `⚠ ${text}` : ""; note.hidden = !text; forgive(b); };
  const show = () => chips.replaceChildren(...chosen.map((file_) => h("button", { type: "button", class: "chip", "aria-label": `Remove ${file_.name}`, onclick: () => { chosen = chosen.filter((each) => each !== file_); show(); changed(one, b, context, chosen, null); } }, `${file_.name} · ${size(file_.size)}`, h("span", { "aria-hidden": "true" }, " ×"))));
  box.addEventListener("change", async () => {
    const given = [...box.files].slice(0, most), wrong = given.find((file_) => kinds.length && !kinds.includes(file_.name.split(".").pop().toLowerCase()));
    box.value = "";
    tell(wrong ? `${wrong.name} is not one of the kinds that can be taken here: ${kinds.join(", ")}.` : given.some((file_) => !file_.size) ? "This file is empty." : "");
    if (!given.length || !note.hidden) return;
    wrap.setAttribute("aria-busy", "true");
    try {
      const sent = await Promise.all(given.map(async (file_) => ask("/ui/upload", { user: me, name: file_.name, data: await base64(file_) })));
      chosen = most > 1 ? [...chosen, ...sent].slice(0, most) : sent;
      show();
      changed(one, b, context, chosen, null);
    } catch { tell("The file did not arrive. Choose it again."); }
    wrap.removeAttribute("aria-busy");
  });
  show();
  return wrap;
}

/* a searchable select for people, channels, fixed and external options; one or several */
let pickers = 0;
function picker(one, b, context, label, value) {
  const several = one.type.startsWith("multi_"), id = `picker-${(pickers += 1)}`;
  let chosen = several ? [...(value || [])] : value ? [value] : [];
  const nameOf = (raw) => {
    if (/users_select/.test(one.type)) return user(raw).real;
    if (/(channels|conversations)_select/.test(one.type)) return `#${(world.channels.find((each) => each.id === raw) || { name: raw }).name}`;
    const known = allOptions(one).find((each) => each.value === raw);
    return known ? words(known.text) : picked.get(raw) || raw;
  };
  async function offers(query) {
    const fits = (each) => `${each.label} ${each.sub || ""} ${each.who ? `@${each.who.name} ${each.who.name.replace(/[._]/g, " ")}` : ""}`.toLowerCase().includes(query.toLowerCase());
    if (/users_select/.test(one.type)) return Object.values(world.users).filter((each) => !each.deleted).map((each) => ({ value: each.id, label: each.real, sub: each.bot ? "App" : each.title, who: each })).filter(fits);
    if (/(channels|conversations)_select/.test(one.type)) return world.channels.filter((each) => !each.dm).map((each) => ({ value: each.id, label: `#${each.name}` })).filter(fits);
    if (/external/.test(one.type)) {
      if (query.length < (one.min_query_length ?? 3)) return [];
      const found = await ask("/ui/search", { ...where(one, b, context), typed: query });
      found.forEach((each) => picked.set(each.value, each.label));
      return found;
    }
    return allOptions(one).map((each) => ({ value: each.value, label: words(each.text), sub: words(each.description) })).filter(fits);
  }
  const list = h("ul", { class: "choices", role: "listbox", id, hidden: true, "aria-label": `Choices for ${one.action_id}` });
  const box = h("input", { type: "text", role: "combobox", "aria-expanded": "false", "aria-controls": id, "aria-autocomplete": "list", "aria-label": label, placeholder: words(one.placeholder) || "Choose", "data-action": one.action_id, autofocus: one.focus_on_load });
  const chips = h("span", { class: "chips" });
  const wrap = h("div", { class: `picker ${several ? "several" : ""}` }, chips, box, h("span", { class: "caret", "aria-hidden": "true" }, "▾"), list);
  let shown = [], at = -1, turn = 0;
  const show = () => {
    if (several) { chips.replaceChildren(...chosen.map((raw) => h("button", { type: "button", class: "chip", "aria-label": `Remove ${nameOf(raw)}`, onclick: () => set(chosen.filter((each) => each !== raw)) }, nameOf(raw), h("span", { "aria-hidden": "true" }, " ×")))); box.value = ""; }
    else box.value = chosen.length ? nameOf(chosen[0]) : "";
  };
  const set = (next) => { chosen = next; show(); changed(one, b, context, several ? chosen : chosen[0] ?? null, null); };
  const shut = () => { list.hidden = true; box.setAttribute("aria-expanded", "false"); box.removeAttribute("aria-activedescendant"); at = -1; };
  const mark = (next) => {
    at = Math.max(0, Math.min(shown.length - 1, next));
    [...list.children].forEach((node, number) => { node.setAttribute("aria-selected", String(number === at)); if (number === at) { node.scrollIntoView({ block: "nearest" }); box.setAttribute("aria-activedescendant", node.id); } });
  };
  const take = (offer) => { shut(); if (several) set(chosen.includes(offer.value) ? chosen.filter((each) => each !== offer.value) : [...chosen, offer.value]); else set([offer.value]); };
  async function open(query) {
    const mine = (turn += 1);
    const found = await offers(query);
    if (mine !== turn) return;
    shown = found.slice(0, 60);
    list.replaceChildren(...(shown.length ? shown.map((offer, number) => h("li", { role: "option", id: `${id}-${number}`, "aria-selected": "false", onmousedown: (event) => { event.preventDefault(); take(offer); } }, offer.who && avatar(offer.who, "tiny"), h("span", { class: "choice-name" }, offer.label), offer.sub && h("small", {}, offer.sub), several && chosen.includes(offer.value) && h("span", { class: "tick" }, "✓ chosen")))
      : [h("li", { class: "none", role: "option", "aria-disabled": "true" }, /external/.test(one.type) && query.length < (one.min_query_length ?? 3) ? `Type ${one.min_query_length ?? 3} letters to search` : "Nobody and nothing found")]));
    list.hidden = false;
    box.setAttribute("aria-expanded", "true");
    list.scrollIntoView({ block: "nearest" });        // the last field of a form has no room below it
    if (shown.length) mark(0);
  }
  box.addEventListener("focus", () => box.select());
  box.addEventListener("click", () => { if (list.hidden) open(""); });
  box.addEventListener("input", () => open(box.value));
  box.addEventListener("blur", () => { turn += 1; shut(); if (!several && !box.value && chosen.length) set([]); else show(); });
  box.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown") { event.preventDefault(); if (list.hidden) open(""); else mark(at + 1); }
    else if (event.key === "ArrowUp") { event.preventDefault(); mark(at - 1); }
    else if (event.key === "Enter") { event.preventDefault(); if (list.hidden) open(""); else if (shown[at]) take(shown[at]); }
    else if (event.key === "Escape" && !list.hidden) { event.preventDefault(); event.stopPropagation(); shut(); show(); }
    else if (event.key === "Backspace" && several && !box.value && chosen.length) set(chosen.slice(0, -1));
  });
  show();
  return wrap;
}
function field(b, context) {
  const label = words(b.label), wrong = context.view && context.view.errors[b.block_id];
  const node = control(b.element, b, context, label);
  const target = node.matches("input,textarea") ? node : node.querySelector("input[role=combobox]") || node;
  const notes = [];
  if (wrong) { target.setAttribute("aria-invalid", "true"); notes.push(`${context.key}-${b.block_id}-wrong`); }
  if (b.hint) notes.push(`${context.key}-${b.block_id}-hint`);
  if (notes.length) target.setAttribute("aria-describedby", notes.join(" "));
  return h("div", { class: `field ${wrong ? "bad" : ""}` }, h("div", { class: "label" }, label, b.optional && h("span", { class: "muted" }, " (optional)")), node,
    wrong && h("p", { class: "wrong", id: `${context.key}-${b.block_id}-wrong` }, `⚠ ${wrong}`), b.hint && h("p", { class: "hint", id: `${context.key}-${b.block_id}-hint` }, textObject(b.hint)));
}

/* ---------- dialogs ---------- */
function confirmed(ask_) {
  const dialog = $("confirm");
  return new Promise((done) => {
    const end = (answer) => { dialog.close(); done(answer); };
    dialog.oncancel = (event) => { event.preventDefault(); end(false); };
    dialog.replaceChildren(h("h2", { id: "confirm-title" }, words(ask_.title)), h("div", { class: "dialog-body" }, textObject(ask_.text)), h("div", { class: "dialog-foot" },
      h("button", { type: "button", onclick: () => end(false) }, words(ask_.deny) || "Cancel"), h("button", { type: "button", class: ask_.style === "danger" ? "danger" : "primary", onclick: () => end(true) }, words(ask_.confirm) || "Yes")));
    dialog.showModal();
  });
}
let modalKey = "";
function drawModal() {
  const dialog = $("modal"), view = world.views[world.views.length - 1];
  const key = view ? `${view.id} ${view.hash} ${JSON.stringify(view.errors)} ${view.notice}` : "";
  if (key === modalKey) return undefined;
  const fresh = !modalKey || !view || modalKey.split(" ")[0] !== view.id;
  modalKey = key;
  if (!view) { if (dialog.open) dialog.close(); drafts.clear(); return undefined; }
  const focused = fresh ? null : focusIn(dialog);
  const context = { view, key: view.id };
  const close = (everything) => ask("/ui/close", { user: me, view: view.id, everything });
  const submit = async (event) => {
    event.preventDefault();
    const press = dialog.querySelector(".dialog-foot .primary");
    press.setAttribute("aria-busy", "true"); press.disabled = true;
    try { await ask("/ui/submit", { user: me, view: view.id, values: drafts.get(view.id) || {} }); } finally { press.removeAttribute("aria-busy"); press.disabled = false; }
  };
  const depth = world.views.length;
  dialog.oncancel = (event) => { event.preventDefault(); close(false); };
  const form = h("form", { class: "modal-form", novalidate: true, onsubmit: submit },
    h("div", { class: "dialog-head" }, h("h2", { id: "modal-title" }, words(view.body.title)), depth > 1 && h("span", { class: "muted" }, `Step ${depth}`), h("button", { type: "button", class: "icon", "aria-label": "Close", onclick: () => close(true) }, "×")),
    h("div", { class: "dialog-body" }, view.notice && h("p", { class: "wrong", role: "alert" }, `⚠ ${view.notice}`), blocks(view.body.blocks, context)),
    h("div", { class: "dialog-foot" }, h("button", { type: "button", onclick: () => close(false) }, words(view.body.close) || (depth > 1 ? "Back" : "Cancel")), view.body.submit && h("button", { type: "submit", class: "primary" }, words(view.body.submit))));
  const scroll = dialog.querySelector(".dialog-body") ? dialog.querySelector(".dialog-body").scrollTop : 0;
  dialog.replaceChildren(form);
  if (!dialog.open) dialog.showModal();
  if (!fresh) dialog.querySelector(".dialog-body").scrollTop = scroll;
  const wrong = dialog.querySelector("[aria-invalid]");
  const same = !wrong && focused && dialog.querySelector(`[data-block="${CSS.escape(focused.block)}"] [data-action="${CSS.escape(focused.action)}"]`);
  if (same) return refocus(same, focused);
  const again = wrong || dialog.querySelector(".field input:not([role=combobox]), .field textarea");
  if (again && (wrong || again.getAttribute("role") !== "combobox")) again.focus({ preventScroll: !wrong });
  if (wrong) wrong.scrollIntoView({ block: "center" });
  return undefined;
}
function focusIn(dialog) {           // where somebody is typing while the app changes the form
  const node = document.activeElement, block_ = node && dialog.contains(node) && node.closest("[data-block]");
  if (!block_ || !node.dataset.action) return null;
  return { block: block_.dataset.block, action: node.dataset.action, value: node.value, open: node.getAttribute("aria-expanded") === "true" };
}
function refocus(node, before) {
  node.focus({ preventScroll: true });
  if (before.open) { node.value = before.value; node.dispatchEvent(new Event("input")); }        // the list of choices, too
  if (node.matches("input[type=text], textarea")) node.setSelectionRange(node.value.length, node.value.length);
}

/* ---------- messages ---------- */
const drawn = new Map();      // ts -> {key, node}
function stamp(ts) { return when(Number(ts), "{time}"); }
function dayOf(ts) { return when(Number(ts), "{day_divider_pretty}"); }
function message(one, room, inThread, follows) {
  const author = user(one.user), replies = world.messages[room].filter((each) => each.thread_ts === one.ts && each.ts !== one.ts);
  const context = { message: one, channel: room, key: one.ts };
  const body = one.blocks && one.blocks.length ? blocks(one.blocks, context) : one.text ? h("div", { class: "b-text" }, mrkdwn(one.text)) : "";
  const head = h("div", { class: "who" }, h("strong", {}, author.real), author.bot && h("span", { class: "badge" }, "App"), h("time", { title: when(Number(one.ts), "{date_long} {time_secs}") }, stamp(one.ts)));
  return h("article", { class: `message ${one.only ? "only" : ""} ${follows ? "follows" : ""}`, "data-ts": one.ts, "aria-label": `${author.real}, ${stamp(one.ts)}` },
    follows ? h("span", { class: "gutter" }, h("time", { class: "soft" }, stamp(one.ts))) : avatar(author),
    h("div", { class: "content" }, one.only && h("p", { class: "only-note" }, "👁 Only visible to you"), !follows && head, body, (one.files || []).map(file),
      one.edited && h("span", { class: "edited" }, "(edited)"),
      !inThread && replies.length > 0 && h("button", { type: "button", class: "replies", onclick: () => openThread(one.ts) }, avatar(user(replies[replies.length - 1].user), "tiny"), `${replies.length} ${replies.length === 1 ? "reply" : "replies"}`, h("span", { class: "muted" }, ` last at ${stamp(replies[replies.length - 1].ts)}`))),
    !inThread && !one.only && h("button", { type: "button", class: "hover-act", onclick: () => openThread(one.ts) }, "Reply in thread"));
}
const opened = new Map();     // file id -> its text, once read
function file(one) {
  const node = h("div", { class: "file" }, h("div", { class: "file-head" }, h("span", { class: "file-kind", "aria-hidden": "true" }, (one.filetype || "file").toUpperCase().slice(0, 4)),
    h("div", {}, h("strong", {}, one.title || one.name), h("div", { class: "muted" }, `${one.name} · ${size(one.size)}`)), h("a", { class: "as-button", href: `/ui/file/${encodeURIComponent(one.id)}`, download: one.name }, "Download")));
  if (one.filetype === "csv") preview(one).then((table) => table && node.append(table));
  return node;
}
const size = (bytes) => (bytes < 1024 ? `${bytes} bytes` : `${(bytes / 1024).toFixed(1)} KB`);
async function preview(one) {
  if (!opened.has(one.id)) opened.set(one.id, fetch(`/ui/file/${encodeURIComponent(one.id)}`).then((answer) => answer.text()));
  const rows = csv((await opened.get(one.id)).replace(/^\uFEFF/, ""));
  if (!rows.length) return null;
  const more = rows.length - 6;
  return h("div", { class: "table-wrap", tabindex: "0", role: "region", "aria-label": `Beginning of ${one.name}` }, h("table", { class: "csv" }, h("thead", {}, h("tr", {}, rows[0].map((each) => h("th", { scope: "col" }, each)))), h("tbody", {}, rows.slice(1, 6).map((row) => h("tr", {}, row.map((each) => h("td", {}, each)))))),
    more > 0 && h("p", { class: "muted" }, `${more} more ${more === 1 ? "row" : "rows"} in the file`));
}
function csv(text) {
  const rows = [[""]];
  let quoted = false;
  for (let at = 0; at < text.length; at += 1) {
    const sign = text[at], row = rows[rows.length - 1];
    if (quoted) { if (sign === '"' && text[at + 1] === '"') { row[row.length - 1] += '"'; at += 1; } else if (sign === '"') quoted = false; else row[row.length - 1] += sign; }
    else if (sign === '"') quoted = true;
    else if (sign === ",") row.push("");
    else if (sign === "\n") rows.push([""]);
    else if (sign !== "\r") row[row.length - 1] += sign;
  }
  return rows.filter((row) => row.length > 1 || row[0] !== "");
}
function fillFeed(feed, list, room, inThread) {
  const near = feed.scrollHeight - feed.scrollTop - feed.clientHeight < 80, nodes = [];
  let before = null;
  for (const one of list) {
    if (!inThread && (!before || dayOf(before.ts) !== dayOf(one.ts))) nodes.push(h("div", { class: "day", role: "separator" }, h("span", {}, dayOf(one.ts)[0].toUpperCase() + dayOf(one.ts).slice(1))));
    const follows = Boolean(before && !(one.blocks && one.blocks.length) && before.user === one.user && !before.only && !one.only && Number(one.ts) - Number(before.ts) < 180 && dayOf(before.ts) === dayOf(one.ts));
    const replies = world.messages[room].filter((each) => each.thread_ts === one.ts).length;
    const id = `${inThread ? "t" : ""}${one.ts}`, key = JSON.stringify([one, follows, replies, me, drawnOn]);
    const known = drawn.get(id);
    if (!known || known.key !== key) drawn.set(id, { key, node: message(one, room, inThread, follows) });
    nodes.push(drawn.get(id).node);
    before = one;
  }
  const same = feed.childNodes.length === nodes.length && nodes.every((node, at) => node === feed.childNodes[at] || (node.className === "day" && feed.childNodes[at].className === "day" && feed.childNodes[at].textContent === node.textContent));
  if (!same) feed.replaceChildren(...nodes);
  return near;
}

/* ---------- the frame ---------- */
let railKey = "";
function drawRail() {
  const key = JSON.stringify([me, place, world.channels.map((one) => [one.id, one.name, unread(one.id)])]);
  if (key === railKey) return;      // what is under the pointer must not be replaced for nothing
  railKey = key;
  $("team").textContent = world.team;
  document.title = `${place === "home" ? "Handover" : channel() ? channel().name : ""} · ${world.team}`;
  const mine = user(me);
  $("me").replaceChildren(avatar(mine), h("span", { class: "me-text" }, h("strong", {}, mine.real), h("small", {}, mine.title || "Member")), h("span", { class: "caret", "aria-hidden": "true" }, "⇅"), h("span", { class: "hidden-text" }, "Switch person"));
  const entry = (id, sign, label, unread) => h("button", { type: "button", class: `place ${id === place ? "here" : ""} ${unread ? "unread" : ""}`, "aria-current": id === place ? "page" : undefined, "data-place": id, onclick: () => go(id) },
    h("span", { class: "sign", "aria-hidden": "true" }, sign), h("span", { class: "place-name" }, label), unread ? h("span", { class: "count" }, unread, h("span", { class: "hidden-text" }, " unread")) : "");
  const rooms = world.channels.filter((one) => !one.dm), direct = world.channels.find((one) => one.dm);
  const bot = user(world.bot).real;
  $("places").replaceChildren(
    h("h2", {}, "Channels"), ...rooms.map((one) => entry(one.id, one.private ? "🔒︎" : "#", one.name, unread(one.id))),
    h("h2", {}, `${bot} (app)`), direct ? entry(direct.id, "⇄", "Messages", unread(direct.id)) : "", entry("home", "⌂", "Home", 0));
}
function unread(id) {
  const last = seen[`${me} ${id}`] || "0";
  return world.messages[id].filter((one) => Number(one.ts) > Number(last) && one.user !== me).length;
}
function read(id) {
  const list = world.messages[id];
  if (!list || !list.length || document.hidden) return;
  const last = list[list.length - 1].ts;
  if (seen[`${me} ${id}`] === last) return;
  seen[`${me} ${id}`] = last;
  sessionStorage.setItem("seen", JSON.stringify(seen));
  ask("/ui/opened", { user: me, channel: id });
}
let homeKey = "";
function drawMiddle(moved) {
  const room = channel(), feed = $("feed"), bot = user(world.bot).real, isHome = place === "home";
  $("place").textContent = isHome ? bot : room.dm ? bot : `${room.private ? "🔒︎ " : "# "}${room.name}`;
  $("place-note").textContent = isHome ? "Home tab" : room.dm ? "Direct messages with the app" : `${room.members} people${room.private ? ", private" : ""}`;
  const tabs = $("tabs"), direct = world.channels.find((one) => one.dm);
  tabs.hidden = !(isHome || room.dm);
  tabs.replaceChildren(...[["home", "Home"], [direct.id, "Messages"]].map(([id, label]) => h("button", { type: "button", role: "tab", "aria-selected": String(id === place), onclick: () => go(id) }, label)));
  $("composer").hidden = isHome;
  if (isHome) {
    const key = world.home ? `${me} ${world.home.hash}` : "none";
    if (key !== homeKey || moved) {
      homeKey = key;
      feed.replaceChildren(h("div", { class: "home" }, world.home ? blocks(world.home.body.blocks, { view: world.home, key: world.home.id }) : h("p", { class: "empty" }, "The app has not published a Home tab yet.")));
      if (moved) feed.scrollTop = 0;
    }
    return;
  }
  homeKey = "";
  const list = world.messages[place].filter((one) => !one.thread_ts || one.thread_ts === one.ts);
  const near = fillFeed(feed, list, place, false);
  if (!list.length) feed.replaceChildren(h("div", { class: "empty" }, h("p", {}, room.dm ? "No messages yet." : `This is the very beginning of #${room.name}.`), h("p", { class: "muted" }, panel && panel.guide.some((one) => !one.done) ? (narrow.matches ? "The story says what to do next: press “Story and servers” above." : "The story on the right says what to do next.") : "Type / to see the commands.")));
  if (near || moved) feed.scrollTop = feed.scrollHeight;
  $("composer-text").placeholder = room.dm ? `Message ${bot}` : `Message #${room.name}`;
  read(place);
}
function go(id) {
  place = id;
  thread = "";
  sessionStorage.setItem("place", id);
  document.body.classList.remove("rail-open");
  if (id !== "home") read(id);
  draw(true);
  if (id === "home") ask("/ui/home", { user: me });
  else if (matchMedia("(min-width: 900px)").matches) $("composer-text").focus();
}
let drawnOn = "";             // the day on which the page was drawn: the clock is known only some time after the messages
function draw(moved = false) {
  drawnOn = dayNow();
  if (place !== "home" && !channel()) place = world.channels[0].id;
  drawMiddle(moved);
  drawRail();
  drawModal();
  drawSide();
}

/* ---------- beside the chat: a thread, or story, clock and truth ---------- */
function shutSide() {                // where it lies over the chat, its button has the focus again
  if (!narrow.matches || !document.body.classList.contains("side-open")) return;
  document.body.classList.remove("side-open");
  $("show-side").focus();
}
function openThread(ts) { thread = ts; document.body.classList.add("side-open"); drawSide(true); const box = $("side").querySelector("textarea"); if (box) box.focus(); }
const hasPanel = () => panel && (panel.truth || panel.now || panel.jump || panel.guide.length > 0);
function drawSide(force = false) {
  const side = $("side");
  document.body.classList.toggle("has-side", Boolean(thread || hasPanel()));
  $("show-side").hidden = !hasPanel();
  if (thread && world.messages[place]) {
    const list = world.messages[place].filter((one) => one.ts === thread || one.thread_ts === thread);
    if (!list.length) { thread = ""; return drawSide(true); }
    if (side.dataset.kind !== thread) {
      side.dataset.kind = thread;
      const box = h("textarea", { rows: 1, "aria-label": "Reply", placeholder: "Reply…" });
      const send = async (event) => { event.preventDefault(); const text = box.value.trim(); if (!text) return; box.value = ""; await ask("/ui/say", { user: me, channel: place, text, thread }); };
      box.addEventListener("keydown", (event) => { if (event.key === "Enter" && !event.shiftKey) send(event); });
      side.replaceChildren(h("div", { class: "side-head" }, h("h2", {}, "Thread"), h("button", { type: "button", class: "icon", "aria-label": "Close thread", onclick: () => { thread = ""; document.body.classList.remove("side-open"); drawSide(true); } }, "×")),
        h("div", { class: "thread-feed" }), h("form", { class: "thread-form", onsubmit: send }, h("div", { class: "box" }, box, h("button", { type: "submit", class: "primary" }, "Reply"))));
    }
    const feed = side.querySelector(".thread-feed");
    if (fillFeed(feed, list, place, true)) feed.scrollTop = feed.scrollHeight;
    return undefined;
  }
  if (side.dataset.kind !== "panel" || force) {
    side.dataset.kind = "panel";
    side.replaceChildren(h("button", { type: "button", class: "icon narrow side-close", "aria-label": "Close", onclick: shutSide }, "×"),
      ...SIDE_PARTS.map(([name]) => h("section", { class: "side-part", "data-part": name, hidden: true })));
    sideKeys.clear();
  }
  if (!panel || pressing) return undefined;
  for (const [name, key, make] of SIDE_PARTS) {
    const now_ = JSON.stringify([me, place, key()]);
    if (sideKeys.get(name) === now_ || (acting && name === "actions")) continue;        // only what has changed is drawn again
    sideKeys.set(name, now_);
    const part = side.querySelector(`[data-part="${name}"]`), made = make();
    const focus = part.contains(document.activeElement) ? document.activeElement.dataset.key : null;
    part.hidden = !made;
    part.replaceChildren(...(made || []));
    if (focus) { const again_ = part.querySelector(`[data-key="${CSS.escape(focus)}"]`); if (again_) again_.focus(); }
  }
  panel.truth && panel.truth.forEach((card, at) => { const note = side.querySelectorAll(".truth .live")[at]; if (note) note.textContent = card.asked; });
  return undefined;
}
let pressing = false;         // nothing beside the chat is replaced while a button there is held down
const sideKeys = new Map();
const SIDE_PARTS = [
  ["story", () => [chosen, panel.stories, panel.intro, panel.guide], story], ["clock", () => [panel.now && shownNow(), panel.jump, passing], clock],
  ["truth", () => panel.truth && panel.truth.map((card) => ({ ...card, asked: "" })), truth], ["actions", () => [panel.actions, done], actions],
];
function story() {
  if (!panel.guide.length) return null;
  const choice = h("select", { "aria-label": "Story to follow", "data-key": "choice", onchange: (event) => follow(Number(event.target.value)) }, panel.stories.map((title, at) => h("option", { value: at, selected: at === chosen }, title)));
  const next = panel.guide.findIndex((one) => !one.done), count = panel.guide.filter((one) => one.done).length;
  return [h("div", { class: "side-head" }, h("h2", {}, "Story"), h("span", { class: "muted" }, `${count} of ${panel.guide.length} steps`)),
    panel.stories.length > 1 && choice,
    count === 0 && panel.intro && h("p", { class: "intro" }, panel.intro),
    h("ol", { class: "story" }, panel.guide.map((one, at) => h("li", { class: one.done ? "done" : at === next ? "next" : "" }, h("span", { class: "step-sign", "aria-hidden": "true" }, one.done ? "✓" : at + 1),
      h("div", {}, h("strong", {}, one.title), one.done ? h("span", { class: "hidden-text" }, " (done)") : "", at === next ? [h("p", {}, mrkdwn(one.text)), goThere(one)] : "")))),
    next < 0 ? h("p", { class: "intro" }, panel.stories.length > 1 ? "That was this story. Choose another one above, or try the days on which things break, at the bottom." : "That was the story. Try the days on which things break, at the bottom.") : ""].filter(Boolean);
}
async function follow(number) {
  chosen = number;
  done = "";
  sessionStorage.setItem("story", number);
  await look();
  say(`The story is now: ${panel.stories[chosen]}`);
}
function goThere(one) {
  const wanted = one.place === "direct" ? (world.channels.find((each) => each.dm) || {}).id : one.place;
  const label = one.place === "direct" ? "the messages with the app" : one.place ? `#${nameOfPlace(one.place)}` : "";
  const go_ = () => { shutSide(); if (one.person !== me) become(one.person, one.place); else go(wanted); };
  if (one.person && one.person !== me) return h("button", { type: "button", class: "small", "data-key": "go", onclick: go_ }, `Become ${user(one.person).real}`);
  if (one.place && wanted && place !== wanted) return h("button", { type: "button", class: "small", "data-key": "go", onclick: go_ }, `Open ${label}`);
  if (!one.typed) return "";
  return h("button", { type: "button", class: "small", "data-key": "go", onclick: () => { const box = $("composer-text"); shutSide(); box.value = `${one.typed} `; box.focus(); grow(); hints(); } }, "Put it into the message box");
}
const nameOfPlace = (id) => (world.channels.find((one) => one.id === id) || { name: "channel" }).name;
const shownNow = () => new Intl.DateTimeFormat("en-GB", { weekday: "short", day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", timeZone: user(me).tz }).format(Date.parse(panel.now));
function clock() {
  if (!panel.now && !panel.jump) return null;
  const steps = [["+1 hour", 3600], ["+1 day", 86400], ["+7 days", 604800], ["+30 days", 2592000]];
  const jump = (seconds, label) => async (event) => {
    passing = label;
    event.currentTarget.setAttribute("aria-busy", "true");
    event.currentTarget.parentNode.querySelectorAll("button").forEach((each) => { each.disabled = true; });
    try { await ask("/ui/jump", { seconds }); say(`The clock moved by ${label.slice(1)}`); } catch { say("The clock did not move: the practice company does not answer."); }
    passing = "";
    await look();
    drawSide();
  };
  return [h("h2", {}, "The bot's clock"), panel.now && h("p", { class: "clock" }, shownNow(), h("span", { class: "muted" }, ` ${user(me).tz.split("/").pop().replace("_", " ")} time`)),
    panel.jump && h("div", { class: "jumps" }, steps.map(([label, seconds]) => h("button", { type: "button", class: "small", "data-key": label, disabled: Boolean(passing), "aria-busy": passing === label && "true", onclick: jump(seconds, label) }, label)))].filter(Boolean);
}
let passing = "";             // the jump of the clock that is under way
let done = "", acting = false;        // what the last action said; whether one is under way
function actions() {
  if (!panel.actions.length) return null;
  const act = (one) => async (event) => {
    const press = event.currentTarget;
    acting = true;
    press.setAttribute("aria-busy", "true");
    press.parentNode.querySelectorAll("button").forEach((each) => { each.disabled = true; });
    try { done = (await ask("/ui/act", { story: chosen, at: one.at })).said; } catch { done = "That did not work: the practice company does not answer."; }
    acting = false;
    sideKeys.delete("actions");
    await look();
    drawSide();
    const note = $("side").querySelector(".did");
    if (note) note.scrollIntoView({ block: "nearest" });
  };
  return [h("h2", {}, "Behind the bot's back"), h("div", { class: "acts" }, panel.actions.map((one) => h("button", { type: "button", class: "small", "data-key": one.label, title: one.hint, onclick: act(one) }, one.label))),
    h("p", { class: "did", role: "status" }, done || "Each button does what its name says, and the bot is not told.")];
}
const TONES = { good: ["✓", "good"], bad: ["!", "not good"], plain: ["", ""] };
function truth() {
  if (!panel.truth) return null;
  const value = (line) => h("dd", { class: `tone-${line.tone}` }, TONES[line.tone][0] && h("span", { class: "tone-sign", "aria-hidden": "true" }, TONES[line.tone][0]), h("span", {}, line.value), TONES[line.tone][1] && h("span", { class: "hidden-text" }, ` (${TONES[line.tone][1]})`));
  return [h("div", { class: "side-head" }, h("h2", {}, "What the servers say"), h("span", { class: "muted" }, "not through the bot")),
    ...(panel.truth.length ? panel.truth.map((card) => h("div", { class: "truth" }, h("strong", {}, card.title), h("div", { class: "truth-head" }, h("span", {}, card.server), h("span", { class: "live" }, card.asked)),
      h("dl", {}, card.lines.map((line) => [h("dt", {}, line.label), value(line)])))) : [h("p", { class: "muted" }, "Nothing to show yet.")])];
}
const dayNow = () => new Intl.DateTimeFormat("en-CA", { timeZone: world ? user(me).tz : "UTC" }).format(now());
async function look() {
  if (document.hidden) return;
  const first = !panel;
  const asked = chosen;
  let found;
  try { found = await ask(`/ui/panel?story=${asked}`); } catch { if (asked && !panel) chosen = 0; return; }
  if (asked !== chosen) return;            // another story was chosen meanwhile
  panel = found;
  if (!world) return;
  if (first && channel() && !world.messages[place].length) drawMiddle();            // an empty channel says whether there is a story
  if (dayNow() !== drawnOn) { homeKey = ""; draw(); }      // "today" and "tomorrow" mean another day now
  else if (!thread) drawSide();
}

/* ---------- who am I ---------- */
function become(id, where_ = "") {
  me = id;
  sessionStorage.setItem("me", id);
  thread = "";
  modalKey = "";
  homeKey = "";
  drawn.clear();
  drafts.clear();
  if ($("modal").open) $("modal").close();
  refresh(true).then(() => {
    const to = where_ === "direct" ? (world.channels.find((one) => one.dm) || {}).id : where_;
    if (to && world.channels.some((one) => one.id === to)) go(to);
    say(`You are ${user(id).real} now`);
  });
}
function openSwitch() {
  const dialog = $("switch"), list = h("div", { class: "people" });
  const rank = (one) => { const at = world.cast.indexOf(one.id); return at < 0 ? 99 : at; };
  const everyone = Object.values(world.users).filter((one) => !one.bot && !one.deleted && !one.stranger).sort((a, b) => rank(a) - rank(b));
  const show = (query) => list.replaceChildren(...everyone.filter((one) => `${one.real} ${one.title} ${one.name} ${one.name.replace(/[._]/g, " ")}`.toLowerCase().includes(query.toLowerCase())).map((one) => h("button", { type: "button", class: one.id === me ? "person here" : "person", "data-person": one.id, onclick: () => { dialog.close(); become(one.id); } }, avatar(one), h("span", {}, h("strong", {}, one.real), h("small", {}, one.title)), one.id === me && h("span", { class: "muted" }, "you"), rank(one) < 99 && one.id !== me && h("span", { class: "badge" }, "in the story"))));
  const box = h("input", { type: "text", placeholder: "Search a name or a title", "aria-label": "Search people" });
  box.addEventListener("input", () => show(box.value));
  box.addEventListener("keydown", (event) => { if (event.key !== "Enter") return; event.preventDefault(); if (list.firstChild) list.firstChild.click(); });
  dialog.replaceChildren(h("div", { class: "dialog-head" }, h("h2", { id: "switch-title" }, "Who would you like to be?"), h("button", { type: "button", class: "icon", "aria-label": "Close", onclick: () => dialog.close() }, "×")), h("div", { class: "dialog-body" }, box, list));
  show("");
  dialog.showModal();
  box.focus();
}

/* ---------- the composer ---------- */
const begins = (one, typed) => Number(`${one.real} ${one.name}`.toLowerCase().split(/[\s.]+/).some((word) => word.startsWith(typed.toLowerCase()))) + Number(one.name.startsWith(typed.toLowerCase()));
let hintsAt = 0, hintsShown = [];
function hints() {
  const box = $("composer-text"), before = box.value.slice(0, box.selectionStart), list = $("hints");
  const slash = /^\/(\S*)$/.exec(before), at = /(?:^|\s)@([\p{L}\p{N}._'-]*)$/u.exec(before);
  hintsShown = [];
  if (slash) hintsShown = world.commands.filter((one) => one.name.startsWith(`/${slash[1]}`)).map((one) => ({ label: one.name, sub: [one.hint, one.description].filter(Boolean).join(" · "), put: `${one.name} `, from: 0 }));
  else if (at) hintsShown = Object.values(world.users).filter((one) => !one.deleted && one.id !== "USLACKBOT" && `${one.real} ${one.name}`.toLowerCase().includes(at[1].toLowerCase())).sort((a, b) => begins(b, at[1]) - begins(a, at[1])).slice(0, 8).map((one) => ({ label: one.real, sub: `@${one.name} · ${one.title || (one.bot ? "App" : "")}`, who: one, put: `@${one.name} `, from: before.length - at[1].length - 1 }));
  list.hidden = !hintsShown.length;
  hintsAt = 0;
  list.replaceChildren(...hintsShown.map((one, number) => h("div", { role: "option", id: `hint-${number}`, class: "hint-row", "aria-selected": String(number === 0), onmousedown: (event) => { event.preventDefault(); takeHint(one); } }, one.who ? avatar(one.who, "tiny") : h("span", { class: "slash", "aria-hidden": "true" }, "/"), h("strong", {}, one.label), h("small", {}, one.sub))));
  if (hintsShown.length) box.setAttribute("aria-activedescendant", "hint-0"); else box.removeAttribute("aria-activedescendant");
}
function takeHint(one) {
  const box = $("composer-text"), end = box.selectionStart;
  box.value = box.value.slice(0, one.from) + one.put + box.value.slice(end);
  box.selectionStart = box.selectionEnd = one.from + one.put.length;
  box.focus();
  hints();
}
function composerKeys(event) {
  const box = event.currentTarget, one = $("hints").hidden ? undefined : hintsShown[hintsAt];
  if (event.isComposing) return;
  if (one && ["ArrowDown", "ArrowUp"].includes(event.key)) {
    event.preventDefault();
    hintsAt = (hintsAt + (event.key === "ArrowDown" ? 1 : hintsShown.length - 1)) % hintsShown.length;
    [...$("hints").children].forEach((node, number) => { node.setAttribute("aria-selected", String(number === hintsAt)); if (number === hintsAt) node.scrollIntoView({ block: "nearest" }); });
    box.setAttribute("aria-activedescendant", `hint-${hintsAt}`);
  } else if (one && event.key === "Escape") { event.preventDefault(); event.stopPropagation(); closeHints(); }
  else if (one && (event.key === "Enter" || (event.key === "Tab" && !event.shiftKey)) && box.value.slice(one.from, box.selectionStart) !== one.put.trim()) { event.preventDefault(); takeHint(one); }
  else if (event.key === "Enter" && !event.shiftKey) { event.preventDefault(); $("composer").requestSubmit(); }      // chosen, or typed to its end: Enter sends
}
function closeHints() {
  hintsShown = [];
  $("hints").hidden = true;
  $("composer-text").removeAttribute("aria-activedescendant");
}
async function send(event) {
  event.preventDefault();
  const box = $("composer-text"), text = box.value.trim();
  if (!text || !world) return;
  box.value = "";
  grow();
  hints();
  await ask("/ui/say", { user: me, channel: place, text });
  $("feed").scrollTop = $("feed").scrollHeight;
}
function grow() { const box = $("composer-text"); box.style.height = "auto"; box.style.height = `${Math.min(box.scrollHeight, 160)}px`; }

/* ---------- live ---------- */
let running = null, queued = null, moving = false;
async function load(moved) { world = await ask(`/ui/state?user=${encodeURIComponent(me)}`); draw(moved); }
function refresh(moved = false) {      // ends once what was asked for after this call is drawn: what is under way may be somebody else's
  if (!running) return (running = load(moved).finally(() => { running = null; }));
  moving = moving || moved;
  queued = queued || running.catch(() => {}).then(() => { const all = moving; queued = null; moving = false; return refresh(all); });
  return queued;
}
function listen() {                // before anything is drawn: what can be seen can be used
  $("composer").addEventListener("submit", send);
  $("composer-text").addEventListener("input", () => { grow(); if (world) hints(); });
  $("composer-text").addEventListener("keydown", composerKeys);
  $("composer-text").addEventListener("blur", closeHints);
  $("side").addEventListener("pointerdown", () => { pressing = true; });
  for (const end of ["pointerup", "pointercancel"]) document.addEventListener(end, () => setTimeout(() => { pressing = false; }));
  $("me").addEventListener("click", () => world && openSwitch());
  $("show-rail").addEventListener("click", () => { document.body.classList.add("rail-open"); $("me").focus(); });
  $("show-side").addEventListener("click", () => { if (thread) { thread = ""; drawSide(true); } if (document.body.classList.toggle("side-open")) $("side").querySelector("button").focus(); });
  $("scrim").addEventListener("click", () => document.body.classList.remove("rail-open", "side-open"));
  document.addEventListener("keydown", (event) => { if (event.key === "Escape" && !document.querySelector("dialog[open]")) { if (document.body.classList.contains("rail-open")) $("show-rail").focus(); shutSide(); document.body.classList.remove("rail-open", "side-open"); if (thread) { thread = ""; drawSide(true); } } });
  document.addEventListener("visibilitychange", () => { if (!document.hidden && world) draw(); });
  document.addEventListener("click", (event) => document.querySelectorAll(".menu:not([hidden])").forEach((menu) => { if (!menu.parentNode.contains(event.target)) menu.hidden = true; }));
}
async function begin() {
  listen();
  const first = await (await fetch("/ui/first")).json();
  if (!me) { me = first.user; place = place || first.place; }
  try { await refresh(true); } catch { sessionStorage.clear(); me = first.user; place = first.place; await refresh(true); }
  if (place !== "home" && matchMedia("(min-width: 900px)").matches) $("composer-text").focus();
  const source = new EventSource("/ui/stream");
  source.onmessage = () => refresh();
  await look();
  drawSide(true);
  setInterval(look, 1000);
}
begin();
