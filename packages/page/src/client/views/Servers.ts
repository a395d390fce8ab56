/** The user's MCP servers: what state they are in, what they offer, what the runs of this process did with them. */
import { useSignal } from "@preact/signals"
import type { ServerLine, ServerTool } from "../../Wire.ts"
import { attempt, read, send } from "../api.ts"
import { html } from "../html.ts"
import { Act, Fact } from "../parts.ts"
import { servers } from "../state.ts"
import * as Words from "../words.ts"

export const Servers = () => html`
  <h1>Servers</h1>
  ${
    servers.value.length === 0
      ? html`<p class="quiet">There are no MCP servers. <code>lms-bridge mcp add NAME -- COMMAND</code> adds one.</p>`
      : null
  }
  <div class="cards">${servers.value.map((server) => html`<${One} key=${server.name} server=${server} />`)}</div>
`

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const One = ({ server }: { readonly server: ServerLine }) => {
  const { calls, connected, errors, millis, name, onlyByName, problem, restarts, source, state, target, withheld } =
    server
  const tools = useSignal<ReadonlyArray<ServerTool> | undefined>(undefined)
  const path = `/api/servers/${encodeURIComponent(name)}`
  const list = async () => {
    tools.value =
      tools.value === undefined ? await attempt(read<ReadonlyArray<ServerTool>>(`${path}/tools`)) : undefined
  }
  return html`<article class="card">
    <h3>
      ${name}
      <span class=${`status ${state}`}>${state === "usable" ? (connected ? "connected" : "usable") : state}</span>
    </h3>
    <p class="quiet">${target}<br />in ${source}</p>
    ${problem === undefined ? null : html`<p class=${state === "invalid" || state === "missing" ? "problem" : "quiet"}>${problem}</p>`}
    ${
      withheld === undefined
        ? null
        : html`<p class="problem">Withheld, because they differ from what you trusted: ${withheld.join(", ")}</p>`
    }
    <dl>
      <${Fact} name="Calls">${calls}<//>
      <${Fact} name="Errors">${errors}<//>
      <${Fact} name="Time in calls">${Words.span(millis)}<//>
      <${Fact} name="Restarts">${restarts}<//>
      ${onlyByName === true ? html`<${Fact} name="Used">only when it is named<//>` : null}
    </dl>
    <p class="acts">
      ${
        state === "usable"
          ? html`<${Act} label=${tools.value === undefined ? "Tools" : "Hide tools"} does=${list} />
              <${Act}
                label="Restart"
                sure=${connected ? "Calls under way fail. Restart?" : undefined}
                does=${() => attempt(send(`${path}/restart`))}
              />
              <${Act} label="Disable" sure="Write it to the file?" does=${() => attempt(send(`${path}/disable`))} />`
          : null
      }
      ${state === "disabled" ? html`<${Act} label="Enable" does=${() => attempt(send(`${path}/enable`))} />` : null}
    </p>
    ${
      tools.value === undefined
        ? null
        : html`<ul class="tools-list">
            ${tools.value.map(
              ({ description, name }) =>
                html`<li key=${name}><b>${name}</b> <span class="quiet">${firstLine(description)}</span></li>`
            )}
          </ul>`
    }
  </article>`
}

const firstLine = (text: string): string => {
  const [line = ""] = text.trim().split("\n")
  return line.length > 160 ? `${line.slice(0, 160)}…` : line
}
