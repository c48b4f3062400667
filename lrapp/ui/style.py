"""What the page looks like beyond Streamlit's theme; ``serving`` sends it with the page itself.

Streamlit's own way, ``st.html``, comes late: a new browser loads the script for it half a second after the texts.
"""

STYLE = """
<style>
/* Train and Stop stay in view. */
[data-testid="stLayoutWrapper"]:has(> .st-key-bar) {
  position: sticky; top: 3.25rem; z-index: 99; padding: 0.75rem 0;
}
.stApp :is([data-testid="stAppViewContainer"], [data-testid="stMain"], [data-testid="stMainBlockContainer"]),
.stApp div:has(> [data-testid="stMain"]), [data-testid="stMainBlockContainer"] > div,
[data-testid="stLayoutWrapper"]:has(> .st-key-bar) {
  background-color: inherit;
}
.st-key-bar { flex-wrap: nowrap; }
/* Its help lists what can be uploaded. */
.st-key-rail [data-testid="stFileUploaderDropzoneInstructions"] { display: none; }
/* The rail's steps lie close together, so that all four are in view. */
.st-key-rail [class*="st-key-step-"] { padding: 0.6rem 0.9rem; }
/* Where rail and pages are in a drawer, its button says so. */
[data-testid="stExpandSidebarButton"] { width: auto; gap: 0.25rem; }
[data-testid="stExpandSidebarButton"]::before { content: "Menu"; font-size: 0.9rem; }
/* Grey and blue texts that can be read: at least 4.5 : 1 in both themes. */
.st-key-rail summary { opacity: 1; }
[data-testid="stCaptionContainer"] { opacity: 0.75; }
[data-testid="stButtonGroup"] button[data-selected="true"],
[data-testid="stButtonGroup"] button[data-selected="true"] * {
  color: inherit !important;
}
[data-testid="stButton"] kbd { color: inherit; opacity: 0.9; }
@media (max-width: 640px) { [data-testid="stButton"] kbd { display: none; } }
/* Streamlit makes each of the stacked charts as wide as their place and lets the axis hang over: this is its room. */
.st-key-run_charts { padding-right: 92px; }
/* What is drawn again and again while a run trains would fade each time that this takes a moment. */
.st-key-live [data-stale="true"] { opacity: 1 !important; }
/* Streamlit's own Stop, while a page is drawn, would be taken for the one that ends a run. */
[data-testid="stStatusWidget"] [data-testid="stBaseButton-header"] { display: none; }
/* A quick third click was not meant for the button that has just replaced the first. */
@keyframes fresh { from, to { pointer-events: none; } }
[class*="st-key-train-"] button { animation: fresh 0.3s; }
.block-container { padding-top: 4.5rem; padding-bottom: 3rem; }
/* The icons of a chart lie in its corner and take no room. */
[class*="st-key-chart-"] { position: relative; }
[class*="st-key-chart-"] > div:has(> [class*="st-key-corner-"]) {
  position: absolute; right: 0; bottom: 0; width: auto; z-index: 5; opacity: 0; transition: opacity 0.15s;
}
[class*="st-key-chart-"]:is(:hover, :focus-within) > div:has(> [class*="st-key-corner-"]),
[class*="st-key-chart-"] > div:has([aria-expanded="true"]) { opacity: 1; }
@media (hover: none) { [class*="st-key-chart-"] > div:has(> [class*="st-key-corner-"]) { opacity: 1; } }
/* Streamlit makes each of the stacked charts as wide as their place and lets the axis hang over: this is its room. */
[class*="st-key-chart-stacked-"] { padding-right: 80px; }
.st-key-run_charts [class*="st-key-chart-stacked-"] { padding-right: 0; }
[class*="st-key-corner-"] { flex-wrap: nowrap; align-items: center; }
[class*="st-key-corner-"] [data-testid="stPopoverButton"] {
  min-height: 24px; width: 24px; height: 24px; padding: 0; border: 1px solid var(--st-border-color); border-radius: 6px;
  background: var(--st-background-color);
}
/* Its name is for a screen reader. */
[class*="st-key-corner-"] [data-testid="stPopoverButton"] [data-testid="stMarkdownContainer"] {
  position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%);
}
[class*="st-key-corner-"] [data-testid="stPopoverButton"] > div > [aria-hidden] { display: none; }
</style>
"""
