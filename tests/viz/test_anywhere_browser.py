"""Whatever a notebook shows looks the same wherever it is loaded: hidden, folded, reloaded, in a real lab."""

import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from micrograd_plus import Value, data, nn
from micrograd_plus.train import fit
from micrograd_plus.viz import NetworkDiagram, Recorder
from tests.viz.browser import until

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[2]

# How many numbers of a graph stand outside of their cell, and how many texts of other pictures outside of the picture.
ASTRAY = """() => {
  const within = (inner, outer) => {
    const [a, b] = [inner.getBoundingClientRect(), outer.getBoundingClientRect()];
    return b.width > 0 && a.left > b.left - 2 && a.right < b.right + 2 && a.top > b.top - 2 && a.bottom < b.bottom + 2;
  };
  const cells = [...document.querySelectorAll("[id$='-data'], [id$='-grad']")];
  const texts = [...document.querySelectorAll("svg text")];
  return {
    seen: texts.length,
    astray: cells.filter((cell) => !within(cell.querySelector("text"), cell.firstElementChild)).length
      + texts.filter((text) => !within(text, text.closest("svg"))).length,
    at: cells.map((cell) => Number(cell.querySelector("text").getAttribute("x"))).join(),
  };
}"""

WAYS = {
    "in sight": "<div id=holder>{}</div>",
    "hidden": "<div id=holder style='display:none'>{}</div>",
    "invisible": "<div id=holder style='visibility:hidden'>{}</div>",
    "without a size": "<div id=holder style='width:0;height:0;overflow:hidden'>{}</div>",
    "far below": "<div style='height:9000px'></div><div id=holder>{}</div>",
    "in details": "<details id=holder><summary>more</summary>{}</details>",
    "in details of a tab": "<div style='display:none'><details id=holder><summary>more</summary>{}</details></div>",
}
REVEAL = """() => {
  const holder = document.getElementById("holder");
  holder.style = "";
  holder.open = true;
  if (holder.parentElement !== document.body) holder.parentElement.style = "";
  holder.scrollIntoView();
}"""
FOLD = "document.getElementById('holder').style.display = 'none'"


def neuron():
    x, w, b = Value(2.0, "x"), Value(0.5, "w"), Value(-1.5, "b")
    n = (w * x + b).tanh()
    n.label = "n"
    loss = (n - 1) ** 2
    loss.label = "L"
    return loss


def film():
    recorder = Recorder(every=4)
    model = nn.MLP(2, [3, 1], activation="tanh", seed=1)
    fit(model, data.moons(12), epochs=4, batch_size=4, callbacks=[recorder], progress=False, backend="eager")
    return recorder.player(resolution=8)


SHOWN = {
    "step player": lambda: neuron().steps(),
    "training player": film,
    "graph": lambda: neuron().graph(),
    "network diagram": lambda: NetworkDiagram(nn.MLP(2, [2, 1], activation="tanh", seed=0), [1.0, -1.0], target=0.5),
}


def as_html(shown):
    bundle = shown._repr_mimebundle_()
    return bundle.get("text/html") or bundle["image/svg+xml"]


def inside(page):
    """The frame of a page that holds the picture: its first inner one, or itself."""
    for _ in range(100):  # a frame is loaded when it is, on a busy machine later than the page
        frames = [frame for frame in page.frames if frame.parent_frame and frame.query_selector("svg text")]
        if frames or not page.query_selector("iframe"):
            break
        page.wait_for_timeout(100)
    return frames[0] if frames or page.query_selector("iframe") else page.main_frame


def in_place(page):
    """What was seen of a picture in which all texts are in their places."""
    found = inside(page).evaluate(ASTRAY)
    return found if found["seen"] > 4 and not found["astray"] else None


@pytest.mark.parametrize("kind", SHOWN)
@pytest.mark.parametrize("way", WAYS)
def test_a_picture_is_the_same_wherever_it_is_loaded(chromium, tmp_path, kind, way):
    file = tmp_path / "notebook.html"
    file.write_text(f"<!doctype html><meta charset=utf-8><body>{WAYS[way].format(as_html(SHOWN[kind]()))}", "utf-8")
    page = chromium.new_page(viewport={"width": 1000, "height": 800})
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(file.as_uri())
    page.wait_for_timeout(150)  # what is loaded while it is hidden is loaded by now
    page.evaluate(REVEAL)
    first = until(lambda: in_place(page))
    page.evaluate(FOLD)
    page.wait_for_timeout(50)
    page.evaluate(REVEAL)
    assert until(lambda: in_place(page)) == first
    page.reload()
    page.evaluate(REVEAL)
    assert until(lambda: in_place(page)) == first
    assert errors == []
    page.close()


def notebook(path):
    """A notebook whose cells show a step player, a film and a graph; one is far below, where a lab loads late."""
    import nbformat.v4 as v4

    cells = [
        "from micrograd_plus import Value, data, nn\nfrom micrograd_plus.train import fit\n"
        "from micrograd_plus.viz import Recorder\n"
        "x, w = Value(2.0, 'x'), Value(0.5, 'w')\nn = (w * x - 1.5).tanh()\nn.label = 'n'\nn.steps()",
        "recorder = Recorder(every=4)\nfit(nn.MLP(2, [3, 1], seed=1), data.moons(12), epochs=4, batch_size=4,"
        " callbacks=[recorder], progress=False, backend='eager')\nrecorder.player(resolution=8)",
        "print('\\n' * 300)",
        "(n - 1).steps()",
    ]
    made = v4.new_notebook(cells=[v4.new_code_cell(cell) for cell in cells])
    made.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    path.write_text(v4.writes(made), "utf-8")
    return made


@pytest.fixture
def homely(monkeypatch, tmp_path):
    """Jupyter's and IPython's own files go to a folder of the test's, and kernels import this package."""
    for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return tmp_path


@pytest.mark.slow
def test_pages_play_in_what_nbconvert_writes(chromium, homely):
    from nbclient import NotebookClient
    from nbconvert import HTMLExporter

    made = notebook(homely / "lesson.ipynb")
    NotebookClient(made, timeout=120).execute()
    html, _ = HTMLExporter().from_notebook_node(made)
    (homely / "lesson.html").write_text(html, "utf-8")
    for _ in range(3):
        page = chromium.new_page(viewport={"width": 1000, "height": 800})
        page.route("http*://**", lambda route: route.abort())  # nbconvert's own page asks for a script of formulas
        page.goto((homely / "lesson.html").as_uri())
        frames_are_in_place(page, 3)
        page.close()


def frames_are_in_place(page, count):
    """Scrolls each frame of a page into sight, and waits until all of its texts are in their places."""
    until(lambda: page.locator("iframe[srcdoc]").count() == count, 60)
    for i in range(count):
        element = page.locator("iframe[srcdoc]").nth(i)
        element.scroll_into_view_if_needed()
        frame = until(lambda: element.element_handle().content_frame())  # noqa: B023
        until(lambda: (seen := frame.evaluate(ASTRAY))["seen"] > 4 and not seen["astray"])  # noqa: B023


@contextmanager
def jupyterlab(folder):
    """A server of JupyterLab for a folder; the address of its page."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = [
        "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}", f"--ServerApp.root_dir={folder}",
        "--IdentityProvider.token=", "--LabApp.expose_app_in_browser=True", "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    ]  # fmt: skip
    with open(folder / "lab.log", "w") as log:
        server = subprocess.Popen([sys.executable, "-m", "jupyterlab", *options], stdout=log, stderr=log)
        try:
            until(lambda: answers(port), 60)
            yield f"http://127.0.0.1:{port}/lab/tree/lesson.ipynb"
        finally:
            server.terminate()
            try:
                server.wait(60)
            except subprocess.TimeoutExpired:  # it waits for its kernels
                server.kill()
                server.wait()


def answers(port):
    with socket.socket() as asking:
        return asking.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.slow
def test_pages_play_in_jupyterlab(chromium, homely):
    notebook(homely / "lesson.ipynb")
    with jupyterlab(homely) as address:
        page = chromium.new_page(viewport={"width": 1100, "height": 800})
        page.goto(address)
        command = "name => { window.jupyterapp.commands.execute(name); }"
        ready = "window.jupyterapp.shell.currentWidget.sessionContext.ready.then(() => true)"
        until(lambda: page.evaluate(ready), 60)
        page.evaluate(command, "notebook:run-all-cells")
        frames_are_in_place(page, 3)
        page.evaluate(command, "notebook:hide-all-cell-outputs")
        until(lambda: not page.locator("iframe[srcdoc]").first.is_visible())
        page.evaluate(command, "notebook:show-all-cell-outputs")
        frames_are_in_place(page, 3)
        page.evaluate(command, "docmanager:save")
        page.wait_for_timeout(1000)
        page.reload()
        frames_are_in_place(page, 3)
        page.close()
