// Lays files side by side when they are opened, filters by level and words, follows links into closed parts.
"use strict";
(() => {
  const CONTEXT = 3; // unchanged lines shown around what is worth a look
  const SHORTEST_GAP = 8; // a shorter run of unchanged lines is shown
  const LONG = 2000; // characters of a line that scrolls by itself
  const root = document.documentElement;
  const files = [...document.querySelectorAll("details.file")];
  const topics = [...document.querySelectorAll("details.topic")];
  const packs = new Map([...document.querySelectorAll("script[data-file]")].map((s) => [s.dataset.file, s]));
  root.classList.add("js");

  const make = (tag, className, ...children) => {
    const element = document.createElement(tag);
    if (className) element.className = className;
    element.append(...children);
    return element;
  };

  // ---- one file: from its pack to rows

  async function unpack(script) {
    const bytes = Uint8Array.from(atob(script.textContent), (c) => c.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    return JSON.parse(await new Response(stream).text());
  }

  // The text as nodes: `changed` ranges in `tag`, found ranges [from, to, level] in <mark>.
  function spans(text, changed, tag, found) {
    const cuts = new Set([0, text.length]);
    for (const [from, to] of [...changed, ...found]) cuts.add(Math.min(from, text.length)).add(Math.min(to, text.length));
    const at = [...cuts].sort((p, q) => p - q);
    const nodes = [];
    for (let k = 0; k + 1 < at.length; k++) {
      const covers = ([from, to]) => from <= at[k] && at[k + 1] <= to;
      let node = document.createTextNode(text.slice(at[k], at[k + 1]));
      const finding = found.find(covers);
      if (finding) node = make("mark", finding[2], node);
      nodes.push(changed.some(covers) ? make(tag, "", node) : node);
    }
    return nodes;
  }

  // A message with what it quotes as code.
  function words(message) {
    return message.split(/('[^'\s]+'|'(?:from|import|self)\b[^']*')/).map((part, k) => k % 2 ? make("code", "", part.slice(1, -1)) : part);
  }

  class View {
    constructor(file, content) {
      this.file = file;
      this.before = content.before.split("\n");
      Object.assign(this, rowsOf(this.before, content.blocks));
      this.notes = new Map();
      for (const [line, column, endLine, endColumn, level, message, topic] of content.findings) {
        if (!this.notes.has(line)) this.notes.set(line, []);
        this.notes.get(line).push({ line, column, endLine, endColumn, level, message: content.messages[message], topic });
      }
      this.body = make("tbody", "");
      this.shown = new Map(); // line before → its row
      this.gaps = [];
      this.fill();
    }

    fill() {
      const worth = this.rows.map((row) => !row.same || this.notes.has(row.b));
      const near = new Uint8Array(this.rows.length);
      worth.forEach((is, k) => is && near.fill(1, Math.max(0, k - CONTEXT), k + CONTEXT + 1));
      for (let k = 0; k < this.rows.length; ) {
        let end = k;
        while (end < this.rows.length && near[end] === near[k]) end++;
        if (near[k] || (end - k < SHORTEST_GAP && near.includes(1))) this.body.append(...this.elements(k, end));
        else this.body.append(this.gap(k, end));
        k = end;
      }
    }

    elements(from, to) {
      return this.rows.slice(from, to).flatMap((row) => this.element(row));
    }

    gap(from, to) {
      const count = to - from;
      const button = make("button", "", `Show ${count.toLocaleString("en")} unchanged line${count === 1 ? "" : "s"}`);
      button.type = "button";
      const element = make("tr", "gap", make("td", "", button));
      const gap = { from: this.rows[from].b, to: this.rows[to - 1].b, open: () => {
        const rows = this.elements(from, to);
        element.replaceWith(...rows);
        this.gaps.splice(this.gaps.indexOf(gap), 1);
        return rows[0];
      } };
      button.onclick = () => gap.open().querySelector("a").focus({ preventScroll: true });
      this.gaps.push(gap);
      return element;
    }

    element(row) {
      const one = row.b ? this.before[row.b - 1] : "", other = row.a ? this.after[row.a - 1] : "";
      const [gone, added] = !row.same && row.b && row.a ? changedWords(one, other) : [[], []];
      const notes = this.notes.get(row.b) || [];
      const found = notes.map((n) => [units(one, n.column), n.endLine === n.line ? units(one, n.endColumn) : one.length, n.level]);
      const look = (number, kind) => number ? (row.same ? "" : ` ${kind}`) : " void";
      const link = row.b ? make("a", "", String(row.b)) : "";
      if (link) link.href = `#${this.file.id}:${row.b}`;
      const element = make("tr", row.same ? "same" : "",
        make("td", `n before${look(row.b, "gone")}`, link),
        make("td", `m before${look(row.b, "gone")}`),
        make("td", `text before${look(row.b, "gone")}`, ...spans(one, gone, "del", found)),
        make("td", `n after${look(row.a, "new")}`, row.a ? String(row.a) : ""),
        make("td", `text after${look(row.a, "new")}`, ...spans(other, added, "ins", [])));
      element.querySelectorAll(".text").forEach((cell) => {
        if (cell.textContent.length <= LONG) return;
        cell.classList.add("long");
        cell.tabIndex = 0; // so that keys scroll it
      });
      if (row.b) this.shown.set(row.b, element);
      return [element, ...this.noteElements(element, notes)];
    }

    noteElements(element, notes) {
      const elements = [];
      for (const level of ["manual", "review", "converted", "info"]) {
        const here = notes.filter((note) => note.level === level);
        if (!here.length) continue;
        const rows = here.map((note) => this.note(note));
        if (level === "manual" || level === "review") elements.push(...rows);
        else this.fold(element, level, here.length, rows);
      }
      return elements;
    }

    note({ level, message, topic }) {
      const cell = make("td", "", make("span", "tag", level), " ", ...words(message));
      const others = document.getElementById(topic);
      if (others) {
        const link = make("a", "all", "all places of this API");
        link.href = `#${topic}`;
        cell.append(" ", link);
      }
      return make("tr", `note ${level}`, cell);
    }

    // Findings that ask for nothing stay behind a mark in the margin.
    fold(element, level, count, rows) {
      const button = make("button", `mark ${level}`, level === "info" ? "+" : "•");
      button.type = "button";
      button.title = `${count} ${level}`;
      button.setAttribute("aria-label", `${count} ${level} on this line`);
      button.setAttribute("aria-expanded", "false");
      button.onclick = () => {
        const open = button.getAttribute("aria-expanded") === "false";
        button.setAttribute("aria-expanded", String(open));
        if (open) element.after(...rows);
        else rows.forEach((row) => row.remove());
      };
      element.querySelector(".m").append(button);
    }

    reveal(line) {
      const gap = this.gaps.find(({ from, to }) => from <= line && line <= to);
      if (gap) gap.open();
      const row = this.shown.get(line);
      document.querySelectorAll(".here").forEach((old) => old.classList.remove("here"));
      if (!row) return;
      row.classList.add("here");
      row.scrollIntoView({ block: "center" });
      row.querySelector(".long mark")?.scrollIntoView({ block: "nearest" });
      row.querySelector(".n a").focus({ preventScroll: true });
    }
  }

  const views = new Map();

  function view(file) {
    const pack = packs.get(file.id);
    if (!pack || typeof DecompressionStream === "undefined") return Promise.resolve(null);
    if (!views.has(file)) views.set(file, unpack(pack).then((content) => {
      const made = new View(file, content);
      const whole = make("button", "", "Show the whole file");
      whole.type = "button";
      whole.onclick = () => { [...made.gaps].forEach((gap) => gap.open()); whole.remove(); };
      const lines = `${made.before.length.toLocaleString("en")} lines before, ${made.after.length.toLocaleString("en")} after`;
      const tools = make("div", "tools", make("span", "", lines));
      if (made.gaps.length) tools.append(whole);
      const table = make("table", "diff", made.body);
      table.setAttribute("aria-label", `${decodeURIComponent(file.id)} before and after`);
      file.querySelector(".code").replaceChildren(tools, table);
      return made;
    }));
    return views.get(file);
  }

  // ---- links and openings

  async function follow() {
    const id = location.hash.slice(1);
    const target = id && document.getElementById(id);
    const [, path, line] = /^(.*):(\d+)$/.exec(id) || [];
    const file = document.getElementById(path || id);
    if (file && file.matches("details.file")) {
      file.hidden = file.closest(".folder").hidden = false;
      file.open = true;
      const made = path ? await view(file) : null;
      if (made) made.reveal(Number(line));
      else (target || file).scrollIntoView();
      return;
    }
    const topic = target && target.closest("details.topic");
    if (!topic) return;
    topic.hidden = topic.closest(".group").hidden = false;
    topic.open = true;
    topic.scrollIntoView();
    topic.querySelector("summary").focus({ preventScroll: true });
  }

  document.addEventListener("toggle", (event) => {
    if (event.target.matches("details.file") && event.target.open) view(event.target);
  }, true);
  document.addEventListener("click", (event) => {
    const link = event.target.closest('a[href^="#"]');
    if (link && link.getAttribute("href") === location.hash) follow(); // no change of hash tells
  });
  addEventListener("hashchange", follow);

  // ---- search and levels

  const search = document.getElementById("search");
  const boxes = [...document.querySelectorAll("input[name=level]")];
  const texts = new Map();
  const has = (element, wanted) => {
    if (!wanted.length) return true;
    if (!texts.has(element)) {
      const parts = element.matches(".file") ? element.querySelectorAll(".to-do, .done") : [element];
      const text = [decodeURIComponent(element.id), ...[...parts].map((part) => part.textContent)].join(" ");
      texts.set(element, text.toLowerCase());
    }
    return wanted.every((word) => texts.get(element).includes(word));
  };

  function filter() {
    const wanted = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const levels = boxes.filter((box) => box.checked).map((box) => box.value);
    boxes.forEach((box) => root.classList.toggle(`hide-${box.value}`, !box.checked));
    const kept = (file) => levels.length === boxes.length || levels.some((level) => file.dataset.levels.includes(level));
    let count = 0;
    for (const file of files) {
      file.hidden = !(kept(file) && has(file, wanted));
      count += !file.hidden;
    }
    topics.forEach((topic) => { topic.hidden = !has(topic, wanted); });
    document.querySelectorAll(".folder, .group").forEach((part) => {
      part.hidden = !part.querySelector("details.file:not([hidden]), details.topic:not([hidden])");
    });
    document.getElementById("nothing").hidden = count > 0;
    document.getElementById("shown").value = files.length > 1 ? `${count.toLocaleString("en")} of ${files.length.toLocaleString("en")} files` : "";
  }

  search.addEventListener("input", filter);
  boxes.forEach((box) => box.addEventListener("change", filter));
  search.form.addEventListener("submit", (event) => event.preventDefault());
  addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input")) return;
    event.preventDefault();
    search.focus();
  });

  // ---- paper: what is left is opened with its places

  let opened = [];
  addEventListener("beforeprint", () => {
    opened = topics.filter((topic) => !topic.open && !topic.hidden);
    opened.forEach((topic) => { topic.open = true; });
  });
  addEventListener("afterprint", () => opened.forEach((topic) => { topic.open = false; }));

  filter();
  files.filter((file) => file.open).forEach(view);
  follow();
})();
