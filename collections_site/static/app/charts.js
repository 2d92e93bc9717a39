// Draws every <figure data-chart="id"> from the JSON in <script type="application/json" id="id">, which is data and never runs.
//
// Load vendor/echarts/echarts.common.min.js before it (the "simple" build has neither legend nor tooltips).
// The JSON: {categories: [text], series: [{name, values: [number|null], axis: 0|1, kind: "line"|"bar"|"band", low: [number]}],
// axes: [{name, unit: "%"|"‰"|""}]}. A "band" is the usual range, from `low` to `values`, in the back.
// Tooltips are drawn on the canvas (richText): HTML ones would need inline styles, which the page's policy forbids.

// ECharts reads rgb only; our tokens are light-dark() and oklch(). One pixel of canvas translates.
const pixel = document.createElement("canvas").getContext("2d", { willReadFrequently: true });

function colour(name) {
  const probe = document.createElement("span");
  probe.className = `chart-${name}`;
  document.body.append(probe);
  pixel.fillStyle = getComputedStyle(probe).color;
  probe.remove();
  pixel.fillRect(0, 0, 1, 1);
  const [red, green, blue] = pixel.getImageData(0, 0, 1, 1).data;
  return `rgb(${red}, ${green}, ${blue})`;
}

function options(data) {
  const ink = colour("ink");
  const line = colour("line");
  const palette = ["accent", "attention", "soft", "done"].map((name) => colour(name));
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const language = document.documentElement.lang;
  const written = (value, unit) => (value == null ? "–" : new Intl.NumberFormat(language, { maximumFractionDigits: 1 }).format(value) + unit);
  const axes = data.axes ?? [{ name: "", unit: "" }];
  const series = data.series.flatMap((one, index) => {
    const common = { name: one.name, yAxisIndex: one.axis ?? 0, showSymbol: false, smooth: false };
    const unit = axes[one.axis ?? 0].unit ?? "";
    const tooltip = { valueFormatter: (value) => written(value, unit) };
    if (one.kind !== "band") return [{ ...common, type: one.kind ?? "line", data: one.values, tooltip, color: palette[index % palette.length], lineStyle: { width: 2 } }];
    const color = palette[index % palette.length];
    const hidden = { ...common, color, type: "line", stack: one.name, silent: true, symbol: "none", lineStyle: { opacity: 0 }, tooltip: { show: false } };
    return [
      { ...hidden, data: one.low },
      { ...hidden, data: one.values.map((high, at) => high - one.low[at]), areaStyle: { color, opacity: 0.12 } },
    ];
  });
  return {
    animation: !still,
    aria: { enabled: true },
    textStyle: { color: ink, fontFamily: getComputedStyle(document.body).fontFamily },
    grid: { left: 8, right: 8, top: 40, bottom: 4, outerBoundsMode: "same" },
    legend: { top: 0, left: 0, textStyle: { color: ink }, itemHeight: 8, itemWidth: 16, data: data.series.map((one) => one.name) },
    tooltip: { trigger: "axis", renderMode: "richText", confine: true, backgroundColor: colour("paper"), borderColor: line, textStyle: { color: ink } },
    xAxis: { type: "category", data: data.categories, axisLine: { lineStyle: { color: line } }, axisTick: { show: false }, axisLabel: { color: ink } },
    yAxis: axes.map((axis, index) => ({
      type: "value",
      name: axis.name,
      nameTextStyle: { color: ink, align: index ? "right" : "left" },
      position: index ? "right" : "left",
      splitLine: { show: index === 0, lineStyle: { color: line } },
      axisLabel: { color: ink, formatter: (value) => written(value, axis.unit ?? "") },
    })),
    series,
  };
}

function draw(figure) {
  const data = JSON.parse(document.getElementById(figure.dataset.chart).textContent);
  const chart = window.echarts.getInstanceByDom(figure) ?? window.echarts.init(figure);
  chart.setOption(options(data), true);
  return chart;
}

function drawAll(root = document) {
  for (const figure of root.querySelectorAll("[data-chart]")) {
    const chart = draw(figure);
    new ResizeObserver(() => chart.resize()).observe(figure);
  }
}

drawAll();
document.addEventListener("htmx:load", (event) => event.detail.elt !== document.body && drawAll(event.detail.elt));
// A change of the system's theme changes the colours under us.
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => document.querySelectorAll("[data-chart]").forEach(draw));
