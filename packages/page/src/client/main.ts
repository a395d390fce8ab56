/** Draws the page, at most once per frame. */
import { options, render } from "preact"
import { App } from "./App.ts"
import { html } from "./html.ts"
import { send } from "./api.ts"
import { start } from "./state.ts"

options.debounceRendering = (draw) => {
  if (document.hidden) setTimeout(draw)
  else requestAnimationFrame(draw)
}

/** The code of a link that logs in once is in the fragment, and stays neither there nor in the history. */
const byLink = async () => {
  const code = /^#login=([\w-]+)$/.exec(location.hash)?.[1]
  if (code === undefined) return
  history.replaceState(null, "", "/")
  // a link that has been used is no matter for one who is logged in
  await send("/login", { code }).catch(() => undefined)
}

const draw = async (root: HTMLElement) => {
  await byLink()
  start()
  root.replaceChildren()
  render(html`<${App} />`, root)
}

const root = document.getElementById("page")
if (root !== null) void draw(root)
