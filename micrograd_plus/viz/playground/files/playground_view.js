const run = Engine.createRun(JSON.parse(document.getElementById("data").textContent).config);
document.getElementById("out").textContent = JSON.stringify(run.epoch());
