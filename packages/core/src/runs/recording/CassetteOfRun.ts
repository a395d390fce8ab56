/**
 * A recording made of the events of a kept run, for a run that nobody recorded. Pure. The events do not have the definitions of
 * tools, so these are given as they are now; what the run read besides calling tools is not on it.
 */
import type { AgentEvent } from "../../agent/rules/AgentEvent.ts"
import { ServerFault } from "../../lmstudio/LmStudioError.ts"
import { McpServerUnavailable } from "../../mcp/McpError.ts"
import type { McpTool } from "../../mcp/McpTool.ts"
import type { ServerSummary } from "../../mcp/ServerSummary.ts"
import type { CassetteEntry } from "./Cassette.ts"

/** The servers that took part. */
export const serversOf = (events: ReadonlyArray<AgentEvent>): ReadonlyArray<string> => [
  ...new Set(events.flatMap((event) => (event._tag === "ServersReady" ? event.ready.map(({ server }) => server) : [])))
]

/** Undefined if the events do not begin with the start of a run, or if it continues the conversation of another one. */
export const entriesOf = (
  events: ReadonlyArray<AgentEvent>,
  now: { readonly servers: ReadonlyArray<ServerSummary>; readonly tools: ReadonlyMap<string, ReadonlyArray<McpTool>> }
): ReadonlyArray<CassetteEntry> | undefined => {
  const [first] = events
  if (first?._tag !== "RunStarted" || first.task.follows !== undefined) return undefined
  const took = new Set(serversOf(events))
  const ends = new Map(events.flatMap((event) => (event._tag === "ToolCallFinished" ? [[event.callId, event]] : [])))
  return [
    { _tag: "Task", task: first.task },
    { _tag: "Servers", servers: now.servers },
    ...[...now.tools].map(([server, tools]): CassetteEntry => ({ _tag: "Tools", server, tools })),
    ...events.flatMap((event): ReadonlyArray<CassetteEntry> => {
      switch (event._tag) {
        case "ServersReady":
          return event.missing.map(({ problem, server }) => ({
            _tag: "Tools",
            server,
            tools: [],
            failure: new McpServerUnavailable({ server, reason: "Closed", detail: problem.message, stderrTail: "" })
          }))
        case "ModelReady":
          return [{ _tag: "Model", ensured: event.ensured }]
        case "ToolFormChosen":
          return [{ _tag: "Form", form: event.form, why: event.text }]
        case "ModelReplied":
          return [{ _tag: "Asked", reply: event.reply }]
        case "ModelFailed":
          return [{ _tag: "Asked", failure: failureOf(event.problem.message) }]
        case "ToolCallStarted": {
          if (!took.has(event.server)) return []
          const { arguments: args, callId, server, tool } = event
          const end = ends.get(callId)
          const called = { _tag: "Called", server, tool, arguments: args } as const
          if (end === undefined) return [called]
          // a result too long for the journal is there as the model saw it
          const { isError, result = { content: [{ type: "text" as const, text: end.told }], isError } } = end
          return [{ ...called, result }]
        }
        case "RunFinished":
          return [{ _tag: "Ended", outcome: event.outcome }]
        default:
          return []
      }
    })
  ]
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const failureOf = (serverMessage: string) =>
  new ServerFault({ operation: "replay", reason: "Unknown", serverMessage, delivered: 1 })
