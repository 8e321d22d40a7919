/* The shown run as a program in Python, which gives the same numbers. */

/** A value of JavaScript as Python writes it. */
const pythonValue = (value) => (typeof value === "boolean" ? (value ? "True" : "False") : String(value));

/** The settings that differ from the usual ones, as arguments. */
function pythonOptions(name, options) {
  const usual = Engine.OPTIMIZERS[name].options;
  const given = Object.entries(options).filter(([option, value]) => value !== usual[option]);
  const betas = given.some(([option]) => option.startsWith("beta")) ? [`betas=(${options.beta1}, ${options.beta2})`] : [];
  return [...betas, ...given.filter(([option]) => !option.startsWith("beta")).map(([option, value]) => `${option}=${pythonValue(value)}`)]
    .map((argument) => `, ${argument}`).join("");
}

/** The program, or a sentence that says why there is none; `isChanged` where settings changed on the way. */
function inPython(run, isChanged) {
  const { model, data: spec, validation, optimizer, batchSize, shuffle, seed } = run.config;
  if (model.kind === "own") return "This is your own model: train.fit(model, ...) trains it in Python.";
  if (["own", "points"].includes(spec.name)) return "Only the data sets of the package are written here.";
  if (isChanged) return "Settings were changed on the way, and one call of fit has the same settings throughout. Start anew to see it.";
  const { n, noise } = { ...Engine.DATA[spec.name], ...spec };
  const outputs = run.network.columns.at(-1).length;
  const dropout = model.dropout ? `, dropout=${model.dropout}` : "";
  const held = validation > 0;
  return [
    "from micrograd_plus import data, nn",
    "from micrograd_plus.train import fit",
    "",
    `rows = data.${spec.name}(${n}, noise=${noise}, seed=${seed})`,
    ...(held ? [`training, validation = data.split(rows, ${validation}, seed=${seed})`] : []),
    `model = nn.MLP(${run.data.width}, [${[...model.hidden, outputs].join(", ")}], activation="${model.activation}"${dropout}, seed=${seed})`,
    `optimizer = nn.${data.optimizers[optimizer.name]}(model.parameters(), lr=${optimizer.lr}${pythonOptions(optimizer.name, optimizer.options)})`,
    "history = fit(",
    `    model, ${held ? "training" : "rows"}, loss="${run.loss}", optimizer=optimizer,`,
    `    epochs=${Math.max(1, run.at.epoch)}, batch_size=${batchSize || run.data.train.length}${shuffle ? "" : ", shuffle=False"}, seed=${seed}${held ? ", validation=validation" : ""},`,
    ")",
  ].join("\n");
}
