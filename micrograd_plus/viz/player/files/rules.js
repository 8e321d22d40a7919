/* A line of a rule: what it gave, and how, in words that are made when somebody asks. */
function line([name, formula, templates], branch, known, value) {
  return {
    name, formula, value,
    get worked() {
      return fill(templates[branch], Object.fromEntries(Object.entries(known).map(([each, x]) => [each, number(Number(x))])));
    },
    get text() { return `${name} = ${formula} = ${this.worked} = ${number(value)}`; },
  };
}
