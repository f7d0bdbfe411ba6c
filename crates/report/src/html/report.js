// Sorts and filters the findings. Values become text, never markup.
(() => {
  "use strict";
  const PAGE = 200;
  const by = (id) => document.getElementById(id);
  const data = JSON.parse(by("data").textContent);
  const table = by("table"), body = table.tBodies[0], heads = [...table.tHead.rows[0].cells];
  const text = by("text"), level = by("level"), incident = by("incident");
  const number = new Intl.NumberFormat("en");

  const rows = data.rows.map(([time, rule, host, group, count, matched, path, position], order) => {
    const [title, severity, techniques] = data.rules[rule];
    const row = { order, time, level: severity, title, techniques, host: data.hosts[host], matched, count, group };
    row.place = `${data.paths[path]}#${position}`;
    row.words = [row.time, title, techniques, row.host, matched, row.place].join("\n").toLowerCase();
    return row;
  });
  // What each column is sorted by.
  const keys = ["time", "level", "title", "host", "matched", "place", "count", "group"];
  let sorted = null, descending = false, shown = [], limit = PAGE;

  const compare = (a, b) => {
    const [x, y] = [a[sorted], b[sorted]];
    if (x === y) return a.order - b.order;
    if (x === "" || y === "") return x === "" ? 1 : -1; // what has no value stands last
    return (x < y ? -1 : 1) * (descending ? -1 : 1);
  };

  const cell = (row, value, name) => {
    const one = row.insertCell();
    one.textContent = value;
    if (name) one.className = name;
    return one;
  };

  const draw = (row) => {
    const line = document.createElement("tr");
    cell(line, row.time);
    const badge = document.createElement("span");
    badge.className = `level ${data.levels[row.level]}`;
    badge.textContent = data.levels[row.level];
    cell(line, "").append(badge);
    const techniques = document.createElement("small");
    techniques.textContent = row.techniques;
    cell(line, row.title).append(techniques);
    cell(line, row.host);
    cell(line, row.matched, "matched");
    cell(line, row.place, "place");
    cell(line, number.format(row.count));
    const last = cell(line, "");
    if (row.group < data.incidents.length) {
      const link = document.createElement("a");
      link.href = `#i-${data.incidents[row.group][0]}`;
      link.textContent = row.group + 1;
      last.append(link);
    }
    return line;
  };

  const paint = () => {
    body.replaceChildren(...shown.slice(0, limit).map(draw));
    const count = shown.reduce((sum, row) => sum + row.count, 0);
    const what = `${number.format(count)} findings in ${number.format(shown.length)} rows, equal ones together.`;
    by("shown").textContent = shown.length > limit ? `${what} The first ${limit} rows are shown.` : what;
    by("more").hidden = shown.length <= limit;
  };

  const filter = () => {
    const words = text.value.toLowerCase().split(/\s+/).filter(Boolean);
    const least = Number(level.value), group = incident.value;
    shown = rows.filter((row) => row.level >= least && (group === "" || row.group === Number(group)) &&
      words.every((word) => row.words.includes(word)));
    if (sorted) shown.sort(compare);
    limit = PAGE;
    paint();
  };

  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      descending = sorted === keys[column] && !descending;
      sorted = keys[column];
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", descending ? "descending" : "ascending");
      filter();
    });
  });

  const form = by("filter");
  form.hidden = false;
  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(filter));
  by("more").addEventListener("click", () => { limit += PAGE * 5; paint(); });

  // A link to the findings of one incident filters by it.
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-incident]");
    if (!link) return;
    const group = data.incidents.findIndex(([id]) => id === link.dataset.incident);
    if (![...incident.options].some((option) => option.value === String(group))) {
      incident.add(new Option(`${group + 1}. ${data.incidents[group][1]}`, group));
    }
    text.value = "";
    level.value = 0;
    incident.value = group;
    filter();
  });

  // Paper has nothing to click on.
  addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((one) => { one.open = true; }));
  filter();
})();
