(() => {
  const report = document.getElementById("report");
  const state = document.getElementById("state");
  const save = document.getElementById("save");
  const events = new EventSource("events");
  let finished = false;

  // From now on the page is saved from here: the server may be gone.
  const finish = () => {
    finished = true;
    events.close();
    state.textContent = "Finished.";
    const page = document.documentElement.cloneNode(true);
    page.querySelectorAll("script, #live").forEach((element) => element.remove());
    const whole = "<!DOCTYPE html>\n" + page.outerHTML;
    save.href = URL.createObjectURL(new Blob([whole], { type: "text/html" }));
  };

  events.onmessage = (event) => {
    report.innerHTML = event.data;
    const shown = report.firstElementChild;
    state.textContent = "Running.";
    if (shown && shown.dataset.state === "finished") finish();
  };
  events.onerror = () => {
    if (finished) return;
    const closed = events.readyState === EventSource.CLOSED;
    state.textContent = closed
      ? "Connection lost: these are the last figures that came."
      : "Connection lost, trying again …";
  };
})();
