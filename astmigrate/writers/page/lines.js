// Two sides of a file as rows, and two lines as ranges of words: texts and numbers only, no page.
"use strict";
const MOST_WORDS = 400; // of a line that is compared word by word

// Every line of the page in order: {b, a} are line numbers from 1 on either side, 0 where there is none.
function rowsOf(before, blocks) {
  const rows = [], after = [];
  let line = 0;
  const same = (to) => {
    while (line < to) {
      after.push(before[line++]);
      rows.push({ b: line, a: after.length, same: true });
    }
  };
  for (const [start, signs, added] of blocks) {
    same(start);
    let next = 0;
    for (const sign of signs) {
      if (sign !== "-") after.push(added[next++]);
      if (sign !== "+") line++;
      rows.push({ b: sign === "+" ? 0 : line, a: sign === "-" ? 0 : after.length, same: false });
    }
  }
  same(before.length);
  return { rows, after };
}

// Ranges [from, to) of both texts that are not in their longest common sequence of words; none where most
// of the line is another: marks on every word would say nothing.
function changedWords(one, other) {
  const words = (text) => text.match(/\w+|\s+|[^\w\s]/gu) || [];
  const x = words(one), y = words(other);
  if (x.length > MOST_WORDS || y.length > MOST_WORDS) return [[], []];
  const length = Array.from({ length: x.length + 1 }, () => new Uint16Array(y.length + 1));
  for (let i = x.length - 1; i >= 0; i--)
    for (let j = y.length - 1; j >= 0; j--)
      length[i][j] = x[i] === y[j] ? length[i + 1][j + 1] + 1 : Math.max(length[i + 1][j], length[i][j + 1]);
  const gone = [], added = [];
  let shared = 0;
  const extend = (ranges, from, size) => {
    const last = ranges[ranges.length - 1];
    if (last && last[1] === from) last[1] += size;
    else ranges.push([from, from + size]);
  };
  let i = 0, j = 0, at = 0, to = 0;
  while (i < x.length || j < y.length) {
    if (i < x.length && j < y.length && x[i] === y[j]) {
      if (/\S/.test(x[i])) shared += x[i].length;
      at += x[i++].length;
      to += y[j++].length;
    } else if (j === y.length || (i < x.length && length[i + 1][j] >= length[i][j + 1])) {
      extend(gone, at, x[i].length);
      at += x[i++].length;
    } else {
      extend(added, to, y[j].length);
      to += y[j++].length;
    }
  }
  const size = (text) => text.replace(/\s/g, "").length;
  return 2 * shared < Math.min(size(one), size(other)) ? [[], []] : [gone, added];
}

// Columns are code points, JavaScript's are UTF-16 units.
const units = (text, column) => /[\ud800-\udbff]/.test(text) ? [...text].slice(0, column).join("").length : column;
