/* The numbers of a weight, a bias or a neuron, and its last step in the optimizer's own words. */

/** A number as the page prints it, and all of its digits where there are more. */
function exact(x) {
  const [shown, all] = [number(x), String(x)];
  return make("span", "exact", make("b", "", shown), ...(all === shown || !Number.isFinite(x) ? [] : [make("small", "", all)]));
}

/** A list of names and what they are. */
function facts(...pairs) {
  const list = make("dl", "facts");
  for (const [name, what] of pairs) list.append(make("div", "", make("dt", "", name), make("dd", "", what)));
  return list;
}

/** Shows a weight or a neuron of a run. `pick(thing)` is called for a number that is pressed in it. */
function inspectorView({ pick }) {
  const holder = element("inspector");

  /** Shows a thing of a run; `point` is where the cross stands, `plane` what all neurons say of the plane, or null. */
  function show(thing, run, point, plane) {
    if (holder.querySelector(":active")) return;  // what is being pressed stays under the hand
    const focused = holder.contains(document.activeElement) ? document.activeElement.dataset.parameter : undefined;
    const [top, isKept] = [holder.scrollTop, holder.dataset.thing === JSON.stringify(thing)];
    holder.dataset.thing = JSON.stringify(thing);
    holder.replaceChildren(...(!thing ? hint() : thing.node === undefined ? weight(thing.parameter, run) : neuron(thing.node, run, point, plane)));
    if (isKept) holder.scrollTop = top;
    if (focused) holder.querySelector(`[data-parameter="${focused}"]`)?.focus();
  }

  /* What the picture means, while nothing is pointed at. */
  const hint = () => {
    const list = make("dl", "meaning");
    for (const [sign, meaning] of [
      [make("i", "line plus"), "a weight above zero, the wider the larger"], [make("i", "line minus"), "a weight below zero"],
      [make("i", "square"), "a neuron: blue where its number is above zero, orange where it is below"], [make("i", "dot"), "its bias"],
      [make("i", "square out"), "dropped by dropout, for the first row of this batch"],
    ]) list.append(make("dt", "", sign), make("dd", "", meaning));
    return [list, make("p", "hint", "Point at a weight or a neuron to see its numbers. Press it to keep them here, with its last step in the optimizer’s own words.")];
  };

  function weight(p, run) {
    const { nodes, edges, parameters } = run.network;
    const edge = edges.find((each) => each.parameter === p);
    const whose = nodes.find((node) => node.bias === p);
    const what = edge ? `the weight from ${nodes[edge.from].name} to ${nodes[edge.to].name}` : whose ? `the bias of ${whose.name}` : "a parameter";
    const step = run.explain(p);
    const head = make("h3", "", make("code", "", parameters[p]), make("span", "hint", what));
    if (!step) return [head, facts(["value", exact(run.parameters[p])]), make("p", "hint", "No step yet: press play, or one iteration.")];
    const lines = make("ol", "rule");
    for (const line of step.lines) lines.append(make("li", "",
      make("code", "formula", `${line.name} = ${line.formula}`), make("code", "worked", `= ${line.numbers} = ${number(line.result)}`)));
    return [head,
      facts(["before", exact(step.before)], ["gradient g", exact(step.gradient)], ["after", exact(step.after)]),
      make("p", "hint", `Its last step: iteration ${run.at.iteration}, by ${run.config.optimizer.name} with lr = ${number(step.rate)}, t = ${step.t}`), lines];
  }

  function neuron(n, run, point, plane) {
    const { nodes, edges, parameters } = run.network;
    const node = nodes[n];
    const coming = edges.filter((edge) => edge.to === n);
    const head = make("h3", "", make("code", "", node.name), make("span", "hint", node.kind === "input" ? "an input: a feature of the data" : node.kind === "output" ? "an output" : "a hidden neuron"));
    const said = [...(plane ? [large(plane, n)] : []), ...(point ? [facts(["at the cross", exact(run.values(point)[n])])] : [])];
    const rows = [...coming.map((edge) => [edge.parameter, `× ${nodes[edge.from].name}`]), ...(node.bias < 0 ? [] : [[node.bias, "bias"]])];
    if (!rows.length) return [...said, head];
    const table = make("table", "incoming", make("thead", "", make("tr", "", ...["its", "value", "gradient"].map((name) => heading(name)))));
    const body = make("tbody");
    for (const [p, name] of rows) {
      const button = make("button", "", name);
      button.type = "button";
      button.dataset.parameter = p;
      button.title = parameters[p];
      button.addEventListener("click", () => pick({ parameter: p }));
      body.append(make("tr", "", make("td", "", button), cell(run.parameters[p]), cell(run.gradient[p])));
    }
    table.append(body);
    return [...said, head, table];
  }

  /* What one neuron says of the plane, large enough to see, and how far it goes. */
  function large({ nodes, size }, n) {
    const canvas = make("canvas");
    canvas.width = canvas.height = size;
    const picture = new ImageData(size, size);
    const [low, high] = nodes[n].reduce(([a, b], x) => [Math.min(a, x), Math.max(b, x)], [Infinity, -Infinity]);
    paintSigned(new Uint32Array(picture.data.buffer), nodes[n], size, Math.max(Math.abs(low), Math.abs(high)), 0.95);
    canvas.getContext("2d").putImageData(picture, 0, 0);
    const words = `from ${number(low, 3)} to ${number(high, 3)}`;
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", `What it says of the plane, ${words}`);
    return make("figure", "", canvas, make("figcaption", "hint", words));
  }

  const heading = (name) => { const made = make("th", "", name); made.scope = "col"; return made; };
  const cell = (x) => { const made = make("td", "", number(x)); made.title = String(x); return made; };
  return { show };
}
