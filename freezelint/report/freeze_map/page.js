"use strict";
(() => {
  const map = JSON.parse(document.getElementById("map").textContent);
  const nodes = map.nodes;
  const SVG = "http://www.w3.org/2000/svg";
  const STATES = ["trains", "frozen", "path", "live", "none"];
  const WORDS = {
    trains: "trains", frozen: "frozen", path: "frozen, on the gradient path", live: "BatchNorm in training mode", none: "",
  };
  const HEIGHT = 44, FOLDED = 52, NARROW = 176, WIDE = 330, HEAD = 30, PAD = 14;
  const AT_ONCE = 60;
  const main = document.querySelector("main");
  const byId = (id) => document.getElementById(id);

  // The tree of boxes, and for every box the wires inside it.
  const inside = new Map([[null, []]]);
  nodes.forEach((node, id) => {
    node.id = id;
    if (node.folder) inside.set(id, []);
  });
  nodes.forEach((node) => inside.get(node.parent).push(node.id));
  const chain = (id) => {
    const found = [];
    for (let at = id; at !== null; at = nodes[at].parent) found.push(at);
    return found;
  };
  const wires = new Map([...inside.keys()].map((id) => [id, new Map()]));
  const addWire = (box, from, to, gradient) => {
    const known = wires.get(box), key = from + ">" + to, old = known.get(key);
    known.set(key, { from, to, gradient: gradient || Boolean(old && old.gradient) });
  };
  for (const [source, target, gradient] of map.edges) {
    const up = chain(source), down = chain(target);
    let common = 0;
    while (up[up.length - 1 - common] === down[down.length - 1 - common] && common < Math.min(up.length, down.length)) common++;
    const a = up.slice(0, up.length - common), b = down.slice(0, down.length - common);
    if (!a.length || !b.length) continue;
    addWire(nodes[a[a.length - 1]].parent, a[a.length - 1], b[b.length - 1], gradient);
    for (let at = 0; at + 1 < a.length; at++) addWire(a[at + 1], a[at], "out", gradient);
    for (let at = 0; at + 1 < b.length; at++) addWire(b[at + 1], "in", b[at], gradient);
  }

  // What a folded box shows of what is in it.
  const leaves = (id) => (nodes[id].folder ? inside.get(id).flatMap(leaves) : [id]);
  const largest = Math.max(1e-9, ...nodes.map((node) => (node.folder ? 0 : node.share || 0)));
  for (const node of nodes) {
    if (!node.folder) continue;
    node.leaves = leaves(node.id);
    const known = node.leaves.map((id) => nodes[id].share).filter((share) => share !== null);
    node.share = known.length ? known.reduce((sum, share) => sum + share, 0) : null;
    node.findings = node.leaves.flatMap((id) => nodes[id].findings).concat(node.findings);
    node.ends = node.leaves.some((id) => nodes[id].ends);
  }
  const unfolded = new Set();
  const unfoldAsMuchAsIsLegible = () => {
    // Boxes beside each other are all unfolded, or none of them is.
    let shown = inside.get(null).length;
    const waiting = [null];
    while (waiting.length) {
      const folders = inside.get(waiting.shift()).filter((id) => nodes[id].folder);
      const more = folders.reduce((sum, id) => sum + inside.get(id).length, 0);
      if (shown + more > AT_ONCE) continue;
      shown += more;
      for (const id of folders) unfolded.add(id);
      waiting.push(...folders);
    }
  };

  // Layout: every unfolded box is laid out for itself, and stands in the one around it as a whole.
  const known = new Map();
  const forget = (id) => {
    for (const box of [...chain(id), null]) known.delete(box);
  };
  const widthOf = (node) => {
    if (node.kind === "loss" || node.kind === "input") return 130;
    return NARROW + (WIDE - NARROW) * Math.sqrt(Math.min(1, (node.share || 0) / largest));
  };
  const layout = (box) => {
    if (known.has(box)) return known.get(box);
    const members = inside.get(box), ports = new Set();
    const graph = new dagre.graphlib.Graph();
    graph.setGraph({ rankdir: "TB", nodesep: 18, ranksep: 24, ranker: members.length > 90 ? "longest-path" : "network-simplex" });
    graph.setDefaultEdgeLabel(() => ({}));
    for (const id of members) {
      const inner = unfolded.has(id) ? layout(id) : null;
      const height = nodes[id].folder ? FOLDED : nodes[id].kind === "layer" ? HEIGHT : 34;
      graph.setNode(id, inner ? { width: inner.width, height: inner.height } : { width: widthOf(nodes[id]), height });
    }
    let between = [...wires.get(box).values()];
    if (!map.isGraph) between = members.slice(1).map((id, at) => ({ from: members[at], to: id, hidden: true }));
    for (const { from, to } of between) {
      for (const end of [from, to]) {
        if ((end === "in" || end === "out") && !ports.has(end)) {
          ports.add(end);
          graph.setNode(end, { width: 2, height: 2 });
        }
      }
      graph.setEdge(from, to);
    }
    if (members.length) dagre.layout(graph);
    const size = members.length ? graph.graph() : { width: 100, height: 20 };
    const top = box === null ? PAD : HEAD, wide = Math.max(size.width, box === null ? 0 : 190);
    const left = PAD + (wide - size.width) / 2;
    const found = { width: wide + 2 * PAD, height: size.height + top + PAD, places: new Map(), paths: [], ports: {} };
    for (const id of members) {
      const at = graph.node(id);
      found.places.set(id, { x: at.x - at.width / 2 + left, y: at.y - at.height / 2 + top, width: at.width, height: at.height });
    }
    for (const end of ports) found.ports[end] = graph.node(end).x + left;
    for (const wire of between) {
      if (wire.hidden) continue;
      const points = graph.edge(wire.from, wire.to).points.map((point) => ({ x: point.x + left, y: point.y + top }));
      if (wire.from === "in") points[0] = { x: found.ports.in, y: HEAD - 8 };
      if (wire.to === "out") points[points.length - 1] = { x: found.ports.out, y: found.height };
      found.paths.push({ ...wire, points });
    }
    known.set(box, found);
    return found;
  };

  // Drawing.
  const draw = (parent, tag, attributes, text) => {
    const element = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    if (text !== undefined) element.textContent = text;
    parent.append(element);
    return element;
  };
  const cut = (text, width) => {
    const most = Math.max(4, Math.floor(width / 7));
    return text.length <= most ? text : "…" + text.slice(1 - most);
  };
  const cutEnd = (text, width) => {
    const most = Math.max(4, Math.floor(width / 6));
    return text.length <= most ? text : text.slice(0, most - 1) + "…";
  };
  const percent = (share) => (share === null ? "" : share >= 0.0995 ? Math.round(share * 100) + "%" : share >= 0.0005 ? (share * 100).toFixed(1) + "%" : "");
  const curve = (points) => {
    const list = points.map((point) => [point.x, point.y]);
    let path = "M" + list[0].map((value) => value.toFixed(1));
    for (let at = 1; at < list.length - 1; at++) {
      const middle = [(list[at][0] + list[at + 1][0]) / 2, (list[at][1] + list[at + 1][1]) / 2];
      path += "Q" + list[at].map((value) => value.toFixed(1)) + " " + middle.map((value) => value.toFixed(1));
    }
    return path + "L" + list[list.length - 1].map((value) => value.toFixed(1));
  };
  let shown = [], zoom = 1, chosen = null, picture = null;
  const worst = (findings) => ["error", "warning", "info"].find((level) => findings.some((at) => map.findings[at].severity === level));
  const describe = (node) => {
    const parts = [node.name, node.cls, node.folder ? node.leaves.length + " layers, " + (unfolded.has(node.id) ? "unfolded" : "folded") : WORDS[node.state]];
    if (node.share !== null) parts.push(percent(node.share) + " of a step");
    if (node.findings.length) parts.push(node.findings.length + (node.findings.length === 1 ? " finding" : " findings"));
    return parts.filter(Boolean).join(", ");
  };
  const drawNode = (parent, id, place, offset) => {
    const node = nodes[id], open = unfolded.has(id);
    const group = draw(parent, "g", {
      class: ["node", node.kind, "s-" + node.state, node.folder ? "folder" : "", open ? "open" : "", chosen === id ? "chosen" : ""].join(" "),
      transform: "translate(" + place.x + " " + place.y + ")", tabindex: "0", role: "button", "data-id": id, "aria-label": describe(node),
    });
    if (node.folder) group.setAttribute("aria-expanded", String(open));
    draw(group, "rect", { class: "box", width: place.width, height: place.height });
    draw(group, "title", {}, node.path || node.name);
    shown.push({ id, x: offset.x + place.x, y: offset.y + place.y, width: place.width, height: place.height });
    const share = percent(node.share), room = place.width - 24 - (share ? 40 : 0);
    const sign = node.folder ? (open ? "▾ " : "▸ ") : "";
    draw(group, "text", { x: 11, y: node.kind === "layer" || node.folder ? 18 : 21 }, sign + cut(node.name, room - (sign ? 14 : 0)));
    if (share && node.kind !== "loss") draw(group, "text", { class: "share", x: place.width - 11, y: 18 }, share);
    if (open) {
      const inner = layout(id);
      drawLevel(group, id, inner, { x: offset.x + place.x, y: offset.y + place.y });
    } else if (node.folder) {
      const words = node.cls ? node.cls + ", " + node.leaves.length + " layers" : node.leaves.length + " layers";
      draw(group, "text", { class: "sub", x: 11, y: 33 }, cutEnd(words, place.width - 20));
      const counts = STATES.map((state) => node.leaves.filter((leaf) => nodes[leaf].state === state).length);
      let x = 11;
      STATES.forEach((state, at) => {
        const width = ((place.width - 22) * counts[at]) / node.leaves.length;
        if (width) draw(group, "rect", { class: "bar-" + state, x, y: 40, width: Math.max(1, width - 1), height: 5, rx: 1 });
        x += width;
      });
    } else if (node.kind === "layer") {
      draw(group, "text", { class: "sub", x: 11, y: 34 }, cutEnd([node.cls, node.shape].filter(Boolean).join(" · "), place.width - 22));
    }
    if (node.ends && !open) {
      draw(group, "text", { class: "ends", x: place.width + 8, y: place.height / 2 + 4 }, "◂ gradient ends here");
    }
    if (node.findings.length && !open) {
      const level = worst(node.findings);
      const mark = draw(group, "g", { class: "mark " + level, transform: "translate(" + (place.width - 4) + " 0)", role: "button", tabindex: "0", "data-finding": node.findings[0], "aria-label": node.findings.length + " finding: " + map.findings[node.findings[0]].name });
      draw(mark, "circle", { r: 9 });
      draw(mark, "text", { y: 4 }, node.findings.length > 1 ? String(node.findings.length) : "!");
      draw(mark, "title", {}, node.findings.map((at) => map.findings[at].name).join(", "));
    }
  };
  const drawLevel = (parent, box, found, offset) => {
    const meets = (end, x, isTarget) => {
      // A wire to an unfolded box ends where the wire inside it begins.
      if (typeof end !== "number" || !unfolded.has(end)) return x;
      const port = layout(end).ports[isTarget ? "in" : "out"];
      return port === undefined ? x : found.places.get(end).x + port;
    };
    for (const path of found.paths) {
      const points = path.points.slice();
      points[0] = { ...points[0], x: meets(path.from, points[0].x, false) };
      const last = points.length - 1;
      points[last] = { ...points[last], x: meets(path.to, points[last].x, true) };
      if (path.gradient) draw(parent, "path", { class: "back", d: curve(points), "marker-start": "url(#back)" });
      draw(parent, "path", { class: "wire", d: curve(points), "marker-end": path.to === "out" ? "" : "url(#arrow)" });
    }
    for (const [id, place] of found.places) drawNode(parent, id, place, offset);
  };
  const marker = (defs, id, name, reverse) => {
    const element = draw(defs, "marker", { id, viewBox: "0 0 8 8", refX: reverse ? 8 : 7, refY: 4, markerWidth: reverse ? 3 : 6, markerHeight: reverse ? 3 : 6, orient: reverse ? "auto-start-reverse" : "auto" });
    draw(element, "path", { class: name, d: "M0 0L8 4L0 8z" });
  };
  const render = () => {
    const found = layout(null);
    const margin = nodes.some((node) => node.ends) ? 140 : 0;
    shown = [];
    picture = document.createElementNS(SVG, "svg");
    picture.setAttribute("viewBox", "0 0 " + (found.width + margin) + " " + found.height);
    picture.setAttribute("role", "group");
    picture.setAttribute("aria-label", "The model from its inputs to the loss");
    const defs = draw(picture, "defs", {});
    marker(defs, "arrow", "arrow", false);
    marker(defs, "back", "arrow-back", true);
    drawLevel(picture, null, found, { x: 0, y: 0 });
    picture.dataset.width = found.width + margin;
    picture.dataset.height = found.height;
    scale();
    main.replaceChildren(picture);
    shown.sort((a, b) => a.y - b.y || a.x - b.x);
  };
  const scale = () => {
    picture.setAttribute("width", picture.dataset.width * zoom);
    picture.setAttribute("height", picture.dataset.height * zoom);
  };
  const fit = () => {
    zoom = Math.max(0.45, Math.min(1.15, (main.clientWidth - 24) / layout(null).width));
  };
  const elementOf = (id) => main.querySelector('[data-id="' + id + '"]');
  const show = (id, focus) => {
    const place = shown.find((item) => item.id === id);
    if (!place) return;
    main.scrollTo({ top: place.y * zoom - main.clientHeight / 3, left: place.x * zoom - main.clientWidth / 3 });
    if (focus) elementOf(id).focus({ preventScroll: true });
  };
  const toggle = (id) => {
    const before = shown.find((item) => item.id === id), top = main.scrollTop;
    unfolded.has(id) ? unfolded.delete(id) : unfolded.add(id);
    forget(id);
    render();
    const after = shown.find((item) => item.id === id);
    main.scrollTop = top + (after.y - before.y) * zoom;
    elementOf(id).focus({ preventScroll: true });
  };
  const reveal = (id) => {
    let changed = false;
    for (const box of chain(id).slice(1)) {
      if (!unfolded.has(box)) { unfolded.add(box); forget(box); changed = true; }
    }
    if (changed) render();
  };

  // The panel beside the picture.
  const element = (tag, text, name) => {
    const made = document.createElement(tag);
    if (text !== undefined) made.textContent = text;
    if (name) made.className = name;
    return made;
  };
  const prose = (made, text) => {
    // Words between backquotes are code.
    text.split("`").forEach((part, at) => made.append(at % 2 ? element("code", part) : part));
    return made;
  };
  const amount = (number, unit) => {
    for (const [factor, prefix] of [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]]) {
      if (number >= factor) return (number / factor).toPrecision(3) + " " + prefix + unit;
    }
    return number ? number + " " + unit : "–";
  };
  const choose = (id) => {
    const old = chosen === null ? null : elementOf(chosen);
    if (old) old.classList.remove("chosen");
    chosen = id;
    const node = nodes[id], place = byId("chosen"), list = element("dl");
    elementOf(id).classList.add("chosen");
    const rows = [["name", node.path || node.name], ["class", node.cls], ["state", WORDS[node.state]], ["makes", node.shape]];
    if (node.folder) rows.push(["holds", node.leaves.length + " layers"]);
    if (node.cost) rows.push(["weights", node.cost.weights.toLocaleString("en")]);
    if (node.cost && node.cost.upstream.length) rows.push(["because of", node.cost.upstream.slice(0, 5).join(", ")]);
    if (node.share !== null) rows.push(["of a step", percent(node.share) + " of the CPU time, estimated"]);
    for (const [label, value] of rows) if (value) list.append(element("dt", label), element("dd", value));
    place.replaceChildren(list);
    if (node.cost) {
      const table = element("table"), head = element("tr");
      for (const label of ["", "FLOPs", "bytes"]) head.append(element("th", label));
      table.append(head);
      for (const [label, key] of [["forward", "forward"], ["gradient of input", "input"], ["gradient of weights", "weight"], ["optimizer", "optimizer"]]) {
        const row = element("tr");
        row.append(element("td", label), element("td", amount(node.cost[key][0], "")), element("td", amount(node.cost[key][1], "B")));
        table.append(row);
      }
      place.append(table);
    }
    if (node.findings.length) place.append(listOf(node.findings));
  };
  const listOf = (findings) => {
    const list = element("ul", undefined, "findings");
    for (const at of findings) {
      const finding = map.findings[at], item = element("li"), button = element("button", undefined, finding.severity);
      button.type = "button";
      button.append(element("b", finding.severity + " " + finding.code + " " + finding.name), prose(element("span"), finding.message));
      button.addEventListener("click", () => explain(at));
      item.append(button);
      list.append(item);
    }
    return list;
  };
  const dialog = document.querySelector("dialog");
  const explain = (at) => {
    const finding = map.findings[at], page = byId("rule-" + finding.name), body = byId("explanation");
    if (finding.node !== null) { reveal(finding.node); choose(finding.node); show(finding.node, false); }
    body.replaceChildren(prose(element("p"), finding.message));
    if (page) body.append(page.content.cloneNode(true));
    dialog.showModal();
    dialog.scrollTop = 0;
  };

  // Search.
  const search = byId("search");
  let hits = [], hit = -1;
  const mark = () => {
    for (const id of hits) { const found = elementOf(id); if (found) found.classList.add("hit"); }
  };
  const find = () => {
    const wanted = search.value.trim().toLowerCase();
    for (const old of main.querySelectorAll(".hit")) old.classList.remove("hit");
    hits = wanted ? nodes.filter((node) => !node.folder || node.path).filter((node) => (node.path + " " + node.name + " " + node.cls + " " + WORDS[node.state]).toLowerCase().includes(wanted)).map((node) => node.id) : [];
    hit = -1;
    byId("hits").textContent = wanted ? hits.length + " found" : "";
    mark();
    if (hits.length) next(1);
  };
  const next = (step) => {
    if (!hits.length) return;
    hit = (hit + step + hits.length) % hits.length;
    reveal(hits[hit]);
    mark();
    show(hits[hit], false);
    choose(hits[hit]);
    byId("hits").textContent = hit + 1 + " of " + hits.length;
  };
  let waiting = 0;
  search.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(find, 120); });
  search.addEventListener("keydown", (event) => {
    if (event.key === "Enter") { clearTimeout(waiting); hits.length && hit >= 0 ? next(event.shiftKey ? -1 : 1) : find(); }
    if (event.key === "Escape") { search.value = ""; find(); main.focus(); }
  });

  // Mouse and keys.
  const act = (target) => {
    const finding = target.closest("[data-finding]"), box = target.closest("[data-id]");
    if (finding) return explain(Number(finding.dataset.finding));
    if (!box) return undefined;
    const id = Number(box.dataset.id);
    choose(id);
    if (nodes[id].folder) toggle(id);
    return undefined;
  };
  main.addEventListener("click", (event) => act(event.target));
  const zoomBy = (factor) => {
    const at = (main.scrollTop + main.clientHeight / 2) / zoom;
    zoom = Math.max(0.1, Math.min(3, zoom * factor));
    scale();
    main.scrollTop = at * zoom - main.clientHeight / 2;
  };
  main.addEventListener("keydown", (event) => {
    const box = event.target.closest("[data-id]");
    const at = box ? shown.findIndex((item) => item.id === Number(box.dataset.id)) : -1;
    const go = (place) => { const item = shown[Math.max(0, Math.min(shown.length - 1, place))]; if (item) { show(item.id, true); choose(item.id); } };
    const id = box ? Number(box.dataset.id) : null;
    if (event.key === "ArrowDown") go(at + 1);
    else if (event.key === "ArrowUp") go(at - 1);
    else if (event.key === "Home") go(0);
    else if (event.key === "End") go(shown.length - 1);
    else if (event.key === "ArrowRight" && box && nodes[id].folder && !unfolded.has(id)) toggle(id);
    else if (event.key === "ArrowLeft" && box && nodes[id].folder && unfolded.has(id)) toggle(id);
    else if (event.key === "ArrowLeft" && box && nodes[id].parent !== null) { show(nodes[id].parent, true); choose(nodes[id].parent); }
    else if ((event.key === "Enter" || event.key === " ") && box) act(event.target);
    else return;
    event.preventDefault();
  });
  document.addEventListener("keydown", (event) => {
    if (event.target === search || dialog.open || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "/") { event.preventDefault(); search.focus(); search.select(); }
    else if (event.key === "+" || event.key === "=") zoomBy(1.2);
    else if (event.key === "-") zoomBy(1 / 1.2);
    else if (event.key === "0") { fit(); scale(); }
  });
  main.addEventListener("wheel", (event) => {
    if (event.ctrlKey) { event.preventDefault(); zoomBy(event.deltaY < 0 ? 1.1 : 1 / 1.1); }
  }, { passive: false });
  const all = (open) => {
    unfolded.clear();
    if (open) for (const id of inside.keys()) if (id !== null) unfolded.add(id);
    known.clear();
    render();
  };
  byId("unfold").addEventListener("click", () => all(true));
  byId("fold").addEventListener("click", () => all(false));
  byId("larger").addEventListener("click", () => zoomBy(1.2));
  byId("smaller").addEventListener("click", () => zoomBy(1 / 1.2));
  byId("fit").addEventListener("click", () => { fit(); scale(); });
  byId("theme").addEventListener("click", () => {
    const root = document.documentElement;
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  });

  if (map.findings.length) byId("findings").append(listOf(map.findings.map((_, at) => at)));
  else byId("findings").append(element("p", "None."));
  unfoldAsMuchAsIsLegible();
  render();
  fit();
  scale();
  document.documentElement.dataset.ready = String(Math.round(performance.now()));
})();
