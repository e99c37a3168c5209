// Draws each chart for hovering and zooming as it comes into sight. Where anything
// that this needs is missing, its picture stays.
"use strict";
(async () => {
  const figures = [...document.querySelectorAll("figure")];
  const packed = document.getElementById("plotly").textContent.trim();
  if (!figures.length || !window.DecompressionStream || !window.IntersectionObserver) return;

  let plotly;
  const load = () => plotly ??= (async () => {
    const bytes = Uint8Array.from(atob(packed), (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    const script = document.createElement("script");
    script.textContent = await new Response(stream).text();
    document.head.append(script);
  })();

  const hasWebGl = () => {
    const canvas = document.createElement("canvas");
    return Boolean(canvas.getContext("webgl2") || canvas.getContext("webgl"));
  };

  // Legends and names beside bars need room of their own, more of it where it is narrow.
  const height = (chart, width) => {
    const data = chart.data;
    if (data[0].type === "bar") {
      const lines = chart.layout.yaxis.ticktext.map((name) => name.split("<br>").length);
      return 110 + lines.reduce((sum, count) => sum + 14 + 20 * count, 0);
    }
    if (data[0].type === "heatmap") return 130 + Math.min(44, Math.max(26, 420 / data[0].y.length)) * data[0].y.length;
    if (data[0].type === "surface") return Math.min(560, 320 + width / 3);
    const names = data.filter((trace) => trace.showlegend && trace.name);
    const wide = names.reduce((sum, trace) => sum + 60 + 8 * trace.name.length, 0);
    const rows = chart.layout.showlegend ? Math.max(1, Math.ceil(1.25 * wide / width)) : 0;
    return 420 + 22 * rows;
  };

  const draw = async (figure) => {
    const chart = JSON.parse(figure.querySelector("script").textContent);
    if (chart.data[0].type === "surface" && !hasWebGl()) return;
    await load();
    const live = figure.querySelector(".live");
    live.hidden = false;
    const place = live.lastElementChild;
    chart.layout.height = height(chart, place.clientWidth);
    if (place.clientWidth < 520) chart.layout.font.size = 11;
    // Fingers zoom by themselves, and would find the buttons over the legend.
    if (!matchMedia("(hover: hover)").matches) chart.config.displayModeBar = false;
    try {
      await Plotly.newPlot(place, chart.data, chart.layout, chart.config);
      figure.classList.add("drawn");
    } catch (problem) {
      live.hidden = true;
      throw problem;
    }
  };

  const sight = new IntersectionObserver((entries) => {
    for (const entry of entries.filter((entry) => entry.isIntersecting)) {
      sight.unobserve(entry.target);
      draw(entry.target);
    }
  }, { rootMargin: "800px 0px" });
  figures.forEach((figure) => sight.observe(figure));
})();
