// What a page does beyond its forms and links, all of which work without it: it stays live, counts down, and draws.
//
// Live: an element with `data-live` names a stream. Its events: `swap` (elements with ids, which replace those of the
// page), `beat` (the server's milliseconds: it is there), `gone` (the session has ended).
// Charts: `data-chart` holds {at: [seconds], zone, unit, series: [{name, values, style}], band: [low, high],
// marks: [{at, name}]}; values may be null where nothing is known. Styles: observed, expected, threshold, negative.
"use strict";
(() => {
  const words = JSON.parse(document.body.dataset.words || "{}");
  const STALE_MS = 30000;
  let aheadMs = 0; // by how much the server's clock is ahead of this device's

  const now = () => Date.now() + aheadMs;
  // The time of day as the page itself says it: by the server's clock, in the zone of the page, whatever this device's.
  const clockTime = (ms) => new Intl.DateTimeFormat("en-GB", {
    hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23", timeZone: state?.dataset.zone || "UTC", timeZoneName: "short",
  }).format(ms + aheadMs);

  // ---- forms

  const token = () => document.querySelector('meta[name="csrf"]')?.content || "";
  document.addEventListener("submit", (event) => {
    const field = event.target.querySelector('input[name="csrf"]');
    if (field) field.value = token();
  }, true);
  document.addEventListener("htmx:config:request", (event) => {
    const ctx = event.detail.ctx;
    ctx.request.headers["X-CSRF-Token"] = token();
    if (ctx.request.body?.has?.("csrf")) ctx.request.body.set("csrf", token());
  });
  document.addEventListener("htmx:after:request", (event) => {
    // A refusal comes as a page of its own: what it says is enough here.
    const ctx = event.detail.ctx;
    if (ctx.response.status < 400 || !ctx.text?.includes('id="page"')) return;
    const told = new DOMParser().parseFromString(ctx.text, "text/html").querySelector(".problem-page");
    const line = document.createElement("p");
    line.className = "problem";
    line.textContent = told ? [...told.querySelectorAll("h1, h1 + p")].map((one) => one.textContent.trim()).join(". ") : words.failed;
    ctx.text = line.outerHTML;
  });
  document.addEventListener("htmx:error", () => tell(words.failed));
  document.addEventListener("htmx:after:swap", () => { count(); draw(); findPath(); });
  if (window.htmx) {
    htmx.registerExtension("tocsin", {
      // What a reader has opened stays open, and a chart takes new figures without being made anew.
      htmx_before_morph_attr: (element, detail) => !(detail.attrName === "open" && element.tagName === "DETAILS"),
      htmx_before_morph_node: (element, detail) => {
        if (!element.matches?.("[data-chart]") || !element.plot) return true;
        if (element.dataset.chart !== detail.newNode.dataset.chart) {
          element.dataset.chart = detail.newNode.dataset.chart;
          element.setAttribute("aria-label", detail.newNode.getAttribute("aria-label") || "");
          take(element);
        }
        return false;
      },
    });
  }
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const text = document.getElementById(button.dataset.copy)?.textContent || "";
    navigator.clipboard?.writeText(text).then(() => {
      const before = button.textContent;
      button.textContent = words.copied;
      setTimeout(() => { button.textContent = before; }, 2000);
    });
  });
  document.addEventListener("click", (event) => {
    for (const menu of document.querySelectorAll("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
  });
  document.addEventListener("keydown", (event) => {
    const menu = event.key === "Escape" && document.querySelector("details.menu[open]");
    if (!menu) return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });

  // ---- whether it is live

  const bar = document.getElementById("stale");
  const state = document.querySelector("[data-live-state]");
  let heardMs = Date.now(), shown = "";

  function tell(text, again = false) {
    if (!bar || (bar.textContent === text && !bar.hidden)) return;
    bar.textContent = text;
    bar.hidden = !text;
    if (text && again) {
      const link = document.createElement("a");
      link.href = location.href;
      link.textContent = words.reload;
      bar.append(" ", link);
    }
  }
  function show(name) {
    if (!state || shown === name) return;
    shown = name;
    state.dataset.liveState = name;
    state.querySelector("[data-live-words]").textContent = name === "stale" ? clockTime(heardMs) : words[name];
    tell(name === "stale" ? words.stale.replace("{at}", clockTime(heardMs)) : "");
  }
  function heard() {
    heardMs = Date.now();
    show("live");
  }
  function swap(html) {
    const box = document.createElement("template");
    box.innerHTML = html;
    for (const part of box.content.querySelectorAll("[data-only]")) { // what others alone may do
      if (!JSON.parse(part.dataset.only).includes(document.body.dataset.responder)) part.remove();
    }
    for (const part of [...box.content.children].filter((one) => one.id)) {
      const old = document.getElementById(part.id);
      if (!old) continue;
      if (part.dataset.title) document.title = part.dataset.title;
      const done = window.htmx ? htmx.swap({sourceElement: old, target: old, text: part.outerHTML, swap: "outerMorph", hx: {}}) : old.replaceWith(part);
      Promise.resolve(done).then(() => { count(); draw(); });
    }
  }
  function listen(address) {
    let source, waitMs = 1000;
    const open = () => {
      source = new EventSource(address);
      source.addEventListener("open", () => { waitMs = 1000; heard(); });
      source.addEventListener("swap", (event) => { heard(); swap(event.data); });
      source.addEventListener("beat", (event) => {
        heard();
        const server = Number(event.data);
        if (server > 0) aheadMs = server - Date.now();
      });
      source.addEventListener("gone", () => {
        source.close();
        state.dataset.liveState = "stale";
        shown = "gone";
        state.querySelector("[data-live-words]").textContent = clockTime(heardMs);
        tell(words.gone.replace("{at}", clockTime(heardMs)), true);
        clearInterval(watch);
      });
      source.addEventListener("error", () => {
        if (shown !== "stale") show("reconnecting");
        if (source.readyState !== EventSource.CLOSED) return;
        setTimeout(open, waitMs);
        waitMs = Math.min(15000, waitMs * 2);
      });
    };
    open();
    const watch = setInterval(() => { if (Date.now() - heardMs > STALE_MS) show("stale"); }, 1000);
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible" && source.readyState === EventSource.CLOSED && shown !== "gone") open();
    });
    window.addEventListener("pagehide", () => source.close());
    window.addEventListener("pageshow", (event) => { if (event.persisted) open(); });
  }

  // ---- time

  function much(seconds) {
    if (seconds < 60) return `${seconds} s`;
    if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, "0")} s`;
    if (seconds < 172800) return `${Math.floor(seconds / 3600)} ${words.hour} ${String(Math.floor(seconds % 3600 / 60)).padStart(2, "0")} min`;
    return `${Math.floor(seconds / 86400)} d`;
  }
  function count() {
    for (const element of document.querySelectorAll("[data-due-ms]")) {
      element.dataset.said ||= element.textContent;
      const left = Math.round((Number(element.dataset.dueMs) - now()) / 1000);
      const said = left > 0 ? words.in.replace("{much}", much(left)) : left > -5 ? words.soon : words.overdue.replace("{much}", much(-left));
      put(element, said);
    }
    for (const element of document.querySelectorAll("[data-since-ms]")) {
      const past = Math.max(0, Math.round((now() - Number(element.dataset.sinceMs)) / 1000));
      put(element, words.ago.replace("{much}", past < 3600 ? much(past < 60 ? past : past - past % 60).replace(" 00 s", "") : much(past)));
    }
  }
  function put(element, text) {
    if (!element.title) element.title = element.textContent;
    if (element.textContent !== text) element.textContent = text;
  }

  // ---- charts

  const token_ = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const STYLES = {
    observed: () => ({stroke: token_("line"), width: 2.5, fill: token_("accent-tint")}),
    expected: () => ({stroke: token_("expected"), width: 2, dash: [8, 5]}),
    threshold: () => ({stroke: token_("threshold"), width: 2, dash: [2, 4]}),
    negative: () => ({stroke: token_("negative"), width: 2, dash: [2, 3]}),
  };
  function columns(chart) {
    return [chart.at, ...(chart.band ? [chart.band[1], chart.band[0]] : []), ...chart.series.map((one) => one.values)];
  }
  function reach(chart, last) { // a moment of the step that is under way has room too
    const step = chart.at.length > 1 ? chart.at[1] - chart.at[0] : 300;
    return Math.max(last, ...(chart.marks || []).map((mark) => mark.at).filter((at) => at <= last + step));
  }
  function take(element) { // new figures: the lines are moved, unless there are others
    const before = element.chart, chart = JSON.parse(element.dataset.chart);
    const lines = (one) => JSON.stringify([Boolean(one.band), one.zone, one.unit, one.series.map((line) => [line.name, line.style])]);
    if (element.plot && chart.at.length && lines(before) === lines(chart)) {
      element.chart = chart;
      element.plot.setData(columns(chart));
      return;
    }
    element.plot?.destroy();
    element.plot = null;
    drawOne(element);
  }
  function drawOne(element) {
    if (!window.uPlot || element.plot) return;
    let chart;
    try { chart = JSON.parse(element.dataset.chart); } catch { return; }
    if (!chart.at || !chart.at.length) return;
    element.hidden = false;
    element.chart = chart;
    const data = columns(chart), series = [{label: ""}], bands = [];
    if (chart.band) {
      for (let edge = 0; edge < 2; edge++) series.push({label: "", stroke: "transparent", width: 0, points: {show: false}});
      bands.push({series: [1, 2], fill: token_("band")});
    }
    for (const one of chart.series) {
      series.push({label: one.name, spanGaps: false, points: {show: false}, ...(STYLES[one.style] || STYLES.observed)()});
    }
    const axis = {stroke: token_("soft"), grid: {stroke: token_("rim"), width: 1}, ticks: {stroke: token_("rim"), width: 1}, font: "12px system-ui, sans-serif"};
    const readout = element.parentElement.querySelector("[data-readout]");
    const number = new Intl.NumberFormat(document.documentElement.lang, {maximumFractionDigits: 1});
    const moment = new Intl.DateTimeFormat(document.documentElement.lang, {timeZone: chart.zone, hour: "2-digit", minute: "2-digit", day: "numeric", month: "short", hourCycle: "h23"});
    const axisTime = (split, step) => {
      const style = step >= 86400 ? {day: "numeric", month: "short"} : {hour: "2-digit", minute: "2-digit", hourCycle: "h23"};
      return new Intl.DateTimeFormat(document.documentElement.lang, {timeZone: chart.zone, ...style}).format(split * 1000);
    };
    const options = {
      width: element.clientWidth, height: element.clientHeight, legend: {show: false}, series, bands,
      padding: [14, 12, 0, 0],
      cursor: {y: false, drag: {x: false, y: false}, points: {size: 8}},
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), chart.zone),
      scales: {x: {time: true, range: (_plot, low, high) => [low, reach(element.chart, high)]}, y: {range: (_plot, _low, high) => [0, Math.max(4, high * 1.15)]}},
      axes: [
        {...axis, space: 64, size: 34, values: (_plot, splits, _index, _space, step) => splits.map((split) => axisTime(split, step))},
        {...axis, size: 46, values: (_plot, splits) => splits.map((split) => number.format(split) + (chart.unit === "%" ? "%" : ""))},
      ],
      hooks: {
        draw: [(plot) => marks(plot, element.chart.marks || [])],
        setCursor: [(plot) => {
          const index = plot.cursor.idx, shown = element.chart;
          if (index == null || !readout) return;
          const said = shown.series.map((one) => `${one.name} ${one.values[index] == null ? words.gap : number.format(one.values[index])}`);
          readout.textContent = `${moment.format(shown.at[index] * 1000)}: ${said.join(" · ")}`;
        }],
      },
    };
    element.plot = new uPlot(options, data, element);
  }
  function marks(plot, all) {
    const pen = plot.ctx, ratio = devicePixelRatio;
    pen.save();
    pen.font = `600 ${12 * ratio}px system-ui, sans-serif`;
    all.forEach((mark, number) => {
      const x = plot.valToPos(mark.at, "x", true);
      if (x < plot.bbox.left || x > plot.bbox.left + plot.bbox.width) return;
      pen.strokeStyle = pen.fillStyle = token_("ink");
      pen.lineWidth = (number ? 1 : 2) * ratio;
      pen.beginPath();
      pen.moveTo(x, plot.bbox.top);
      pen.lineTo(x, plot.bbox.top + plot.bbox.height);
      pen.stroke();
      const left = x > plot.bbox.left + plot.bbox.width / 2;
      const y = plot.bbox.top + (12 + 16 * (number % 4)) * ratio, wide = pen.measureText(mark.name).width, gap = 5 * ratio;
      pen.textAlign = left ? "right" : "left";
      pen.fillStyle = token_("card");
      pen.globalAlpha = .85;
      pen.fillRect(left ? x - gap - wide - gap : x + 1 * ratio, y - 12 * ratio, wide + 2 * gap - ratio, 16 * ratio);
      pen.globalAlpha = 1;
      pen.fillStyle = token_("ink");
      pen.fillText(mark.name, left ? x - gap : x + gap, y);
    });
    pen.restore();
  }
  function draw() {
    for (const element of document.querySelectorAll("[data-chart]")) drawOne(element);
  }
  document.addEventListener("keydown", (event) => {
    const plot = event.target.plot;
    if (!plot || !["ArrowLeft", "ArrowRight", "Home", "End"].includes(event.key)) return;
    event.preventDefault();
    const last = plot.data[0].length - 1, at = plot.cursor.idx ?? last;
    const next = {ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: last}[event.key];
    const index = Math.min(last, Math.max(0, next));
    plot.setCursor({left: plot.valToPos(plot.data[0][index], "x"), top: 10});
  });
  let resized;
  addEventListener("resize", () => {
    clearTimeout(resized);
    resized = setTimeout(() => {
      for (const element of document.querySelectorAll("[data-chart]")) element.plot?.setSize({width: element.clientWidth, height: element.clientHeight});
    }, 150);
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    for (const element of document.querySelectorAll("[data-chart]")) { element.plot?.destroy(); element.plot = null; drawOne(element); }
  });

  function findPath() { // a drawing begins where its path was walked
    for (const drawing of document.querySelectorAll(".drawing:not([data-found])")) {
      drawing.dataset.found = "";
      const first = drawing.querySelector(".walked")?.getBoundingClientRect(), box = drawing.getBoundingClientRect();
      if (first) drawing.scrollTo(first.left - box.left - box.width / 3, first.top - box.top - 60);
    }
  }

  // ---- begin

  const clock = Number(document.querySelector("[data-now-ms]")?.dataset.nowMs);
  if (clock > 0) aheadMs = clock - Date.now();
  count();
  draw();
  findPath();
  setInterval(count, 1000);
  const live = document.querySelector("[data-live]");
  if (live && window.EventSource) listen(live.dataset.live);
})();
