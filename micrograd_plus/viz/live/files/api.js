const facts = ({classes, n, noise}) => ({classes, n, noise});

return {
  DATA: {...Object.fromEntries(Object.entries(SETS).map(([name, set]) => [name, facts(set)])),
    ...(OWN_DATA ? {own: {classes: OWN_DATA.classes, n: OWN_DATA.n, noise: null}} : {})},
  ACTIVATIONS: Object.keys(ACTIVATIONS), LOSSES: Object.keys(LOSSES),
  OPTIMIZERS: Object.fromEntries(Object.entries(RULES).map(([name, {lr, options}]) => [name, {lr, options}])),
  lossesFor, makeData, complete, createRun, Random, number,
};
