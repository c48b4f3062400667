"""Scripts that note, within a page, when something can be seen."""

# Notes the time since the visit began when the selector first finds something that is visible.
WHEN_SEEN = """
window.seen = {};
const wanted = %s;
const look = () => {
  for (const [name, selector] of Object.entries(wanted)) {
    const found = [...document.querySelectorAll(selector)]
      .some(item => item.checkVisibility() && (item.innerText?.trim() || item.matches('.marks')));
    if (!(name in window.seen) && found) window.seen[name] = performance.now();
  }
  const bar = document.querySelector('[data-testid=stLayoutWrapper]:has(> .st-key-bar)');
  if (!('style' in window.seen) && bar && getComputedStyle(bar).position === 'sticky')
    window.seen.style = performance.now();
  requestAnimationFrame(look);
};
requestAnimationFrame(look);
"""
# From the click on Train until a line of the run's charts has a point that is painted.
WHEN_DRAWN = """() => new Promise(resolve => {
  const button = [...document.querySelectorAll('.st-key-bar button')].find(item => /\\bTrain\\b/.test(item.innerText));
  const start = performance.now();
  button.click();
  const look = () => {
    const lines = document.querySelectorAll('.st-key-run_charts svg .mark-line path');
    if ([...lines].some(line => (line.getAttribute('d') || '').length > 5)) resolve(performance.now() - start);
    else requestAnimationFrame(look);
  };
  look();
})"""
# From a click on a field's plus until what depends on it is drawn anew, and the script has ended.
WHEN_RERUN = """label => new Promise(resolve => {
  const field = document.querySelector(`input[aria-label="${label}"]`);
  const plus = field.closest('[data-testid=stNumberInput]').querySelector('[data-testid=stNumberInputStepUp]');
  const app = document.querySelector('[data-testid=stApp]');
  const sentence = () => [...document.querySelectorAll('[data-testid=stCaptionContainer]')]
    .map(item => item.textContent).find(text => / an epoch; the rate (moves|stays)|networks race: /.test(text));
  const charts = () => [...document.querySelectorAll('[data-testid=stVegaLiteChart]')]
    .filter(chart => !chart.closest('.st-key-run_charts'));
  const line = () => charts().map(chart => chart.querySelector('.mark-line path')?.getAttribute('d')).join();
  const before = [sentence(), line()], start = performance.now();
  plus.click();
  const look = () => {
    const changed = sentence() !== before[0] && (line() !== before[1] || !before[1]);
    if (changed && app.dataset.testScriptState === 'notRunning') resolve(performance.now() - start);
    else requestAnimationFrame(look);
  };
  look();
})"""
