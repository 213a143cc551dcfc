"use strict";

async function unpack(id) {
  const text = document.getElementById(id).textContent;
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).text();
}

// What the page's style says of a layout: colours by the names that a layout has for them.
function theme(layout) {
  const style = getComputedStyle(document.documentElement);
  const [paper, ink, faint, line] = ["--paper", "--ink", "--faint", "--line"]
    .map((name) => style.getPropertyValue(name).trim());
  const colors = {
    "font.color": ink,
    "hoverlabel.bgcolor": paper,
    "hoverlabel.bordercolor": line,
    "hoverlabel.font.color": ink,
    "modebar.bgcolor": paper,
    "modebar.color": faint,
    "modebar.activecolor": ink,
  };
  for (const axis of Object.keys(layout).filter((key) => /^[xy]axis\d*$/.test(key))) {
    colors[`${axis}.title.standoff`] = 12;
    colors[`${axis}.gridcolor`] = line;
    colors[`${axis}.linecolor`] = line;
    colors[`${axis}.spikecolor`] = faint;
  }
  return colors;
}

// All plots show the same time: who zooms one of them zooms all.
function link(plots) {
  let following = false;
  for (const plot of plots) {
    plot.on("plotly_relayout", async (change) => {
      if (following || !Object.keys(change).some((key) => /^xaxis\.(auto)?range/.test(key))) {
        return;
      }
      following = true;
      const range = [...plot.layout.xaxis.range];
      const others = plots.filter((other) => other !== plot);
      await Promise.all(others.map((other) => Plotly.relayout(other, { "xaxis.range": range })));
      following = false;
    });
  }
}

async function draw() {
  const library = document.createElement("script");
  library.textContent = await unpack("library");
  document.head.append(library);
  const plots = [];
  for (const { id, data, layout, config } of JSON.parse(await unpack("figures"))) {
    const plot = document.getElementById(id);
    await Plotly.newPlot(plot, data, layout, config);
    await Plotly.relayout(plot, theme(layout));
    plots.push(plot);
    document.body.dataset.drawn = plots.length;
  }
  link(plots);
  const dark = matchMedia("(prefers-color-scheme: dark)");
  dark.addEventListener("change", () => {
    plots.forEach((plot) => Plotly.relayout(plot, theme(plot.layout)));
  });
}

const status = document.getElementById("status");
draw().then(
  () => { status.textContent = ""; },
  (error) => {
    status.className = "failed";
    status.textContent = `The plots could not be drawn: ${error}`;
  },
);
