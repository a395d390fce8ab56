/** The frame: navigation, connection, and the view of the place in the address. */
import { html } from "./html.ts"
import { attempt, send, trouble } from "./api.ts"
import { Doctor } from "./views/Doctor.ts"
import { Login } from "./views/Login.ts"
import { Now } from "./views/Now.ts"
import { Numbers } from "./views/Numbers.ts"
import { Run } from "./views/Run.ts"
import { Runs } from "./views/Runs.ts"
import { Servers } from "./views/Servers.ts"
import { Start } from "./views/Start.ts"
import { connection, disconnect, place, version } from "./state.ts"

const views = [
  ["now", "Now", Now],
  ["runs", "Runs", Runs],
  ["servers", "Servers", Servers],
  ["doctor", "Doctor", Doctor],
  ["numbers", "Numbers", Numbers],
  ["start", "Start a run", Start]
] as const

export const App = () => {
  if (connection.value === "refused") return html`<${Login} />`
  const [where = "now", id = ""] = place.value
  const here = where === "run" ? "runs" : where
  const [, title, view] = views.find(([name]) => name === here) ?? views[0]
  document.title = `${where === "run" ? "Run" : title} · lms-bridge`
  const logOut = async () => {
    await attempt(send("/logout"))
    disconnect()
  }
  return html`
    <a class="skip" href="#main" onClick=${toMain}>To the content</a>
    <header>
      <span class="name">lms-bridge <small>${version.value}</small></span>
      <nav aria-label="Views">
        ${views.map(
          ([name, title]) =>
            html`<a key=${name} href=${`#/${name}`} aria-current=${here === name ? "page" : undefined}>${title}</a>`
        )}
      </nav>
      <span class=${`connection ${connection.value}`} role="status">${connectionWords[connection.value]}</span>
      <button type="button" class="link" onClick=${logOut}>Log out</button>
    </header>
    ${
      trouble.value === ""
        ? null
        : html`<div class="trouble" role="alert">
            <span>${trouble.value}</span>
            <button type="button" class="link" onClick=${() => (trouble.value = "")}>Close</button>
          </div>`
    }
    <main id="main" tabindex="-1">
      ${where === "run" ? html`<${Run} key=${id} id=${id} />` : html`<${view} key=${where + id} follows=${id} />`}
    </main>
  `
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const connectionWords = { connecting: "connecting", open: "live", lost: "connection lost, trying again", refused: "" }

/** The fragment is the place of the view, so the link only moves the focus. */
const toMain = (event: Event) => {
  event.preventDefault()
  document.getElementById("main")?.focus()
}
