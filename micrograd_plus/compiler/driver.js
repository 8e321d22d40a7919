
const buffers = () => {
  const made = {shared: new Float64Array(SHARED), rows: new Float64Array(ROWS), dShared: new Float64Array(SHARED),
    dRows: new Float64Array(ROWS)};
  constants(made.shared, made.rows);
  return made;
};

// One example after the other: `inputs` and `draws` have so many numbers for each, without gaps.
function run(parameters, inputs, draws, back) {
  const {shared, rows, dShared, dRows} = buffers(), examples = inputs.length / INPUTS;
  if (!Number.isInteger(examples) || examples === 0 || parameters.length !== PARAMETERS)
    throw new RangeError(`needs ${PARAMETERS} parameters and ${INPUTS} inputs for each example`);
  const outputs = new Float64Array(examples * OUTPUTS), byInputs = new Float64Array(inputs.length);
  for (let i = 0; i < PARAMETERS; i++) shared[ADDRESSES[i]] = parameters[i];
  prepare(shared);
  for (let e = 0; e < examples; e++) {
    rows.set(inputs.subarray(e * INPUTS, (e + 1) * INPUTS));
    if (RANDOM) rows.set(draws.subarray(e * RANDOM, (e + 1) * RANDOM), INPUTS);
    forward(shared, rows);
    results(shared, rows, outputs.subarray(e * OUTPUTS, (e + 1) * OUTPUTS));
    if (back) {
      backward(shared, rows, dShared, dRows, [1 / examples]);
      byInputs.set(dRows.subarray(0, INPUTS), e * INPUTS);
    }
  }
  if (back) finish(shared, dShared, 1);
  return {outputs, parameters: Float64Array.from(ADDRESSES, i => dShared[i]), inputs: byInputs};
}

// What is not finite goes through forward and gradients as JavaScript has it, so that a page can show where it came
// from; what `select` needs to be a whole number is a RangeError. `step` refuses it, as training in Python does.

// The outputs of examples, one after the other.
const values = (parameters, inputs, draws) => run(parameters, inputs, draws, false).outputs;
export {values as forward};

// The outputs, and the derivatives of the mean of the first one by the parameters, and by the inputs of each example.
export const gradients = (parameters, inputs, draws) => run(parameters, inputs, draws, true);

// Throws an error, whose `parameter` is the place of the one whose number it is, unless all numbers are finite.
function refuse(numbers, told) {
  const parameter = numbers.findIndex(each => !Number.isFinite(each));
  if (parameter < 0) return;
  const cure = 'lower the learning rate, clip the gradients, or scale the inputs';
  throw Object.assign(new RangeError(`${told(parameter)} ${numbers[parameter]}; ${cure}`), {parameter});
}

// The parameters and states after step number t, from 1, of the optimizer's rule, and the mean loss before it; `states`
// are as many arrays as the rule has states, at first of zeros. Throws a RangeError where the loss, a gradient or what
// comes out is not finite; what was passed in is never changed.
export function step(parameters, states, inputs, draws, t, lr) {
  const {outputs, parameters: gradient} = gradients(parameters, inputs, draws);
  const examples = outputs.length / OUTPUTS;
  let loss = 0;
  for (let e = 0; e < examples; e++) loss += outputs[e * OUTPUTS] / examples;
  if (!Number.isFinite(loss)) throw new RangeError(`the loss is ${loss}; lower the learning rate, or scale the inputs`);
  refuse(gradient, i => `the gradient of parameter ${i} is`);
  const w = Float64Array.from(parameters), kept = states.map(each => Float64Array.from(each));
  update(w, gradient, kept, t, lr);
  for (const each of [w, ...kept]) refuse(each, i => `step ${t} takes parameter ${i}${each === w ? '' : "'s state"} to`);
  return {loss, parameters: w, states: kept};
}
