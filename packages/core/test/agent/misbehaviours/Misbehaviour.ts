/** One misbehaviour of a model, an engine or a tool, and what the loop does about it, as a test and a row of the page. */
import type { AgentEvent, AgentOutcome } from "#src/agent/rules/AgentEvent.ts"
import type { AgentTask } from "#src/agent/AgentTask.ts"
import { Effect, type Duration } from "effect"
import type { ChatRequest } from "#src/lmstudio/Chat.ts"
import { stringify } from "#src/json/ExactJson.ts"
import { call, outcomeOf, text, tool, type Tool, type Turn, type World } from "../doubles.ts"

export interface Played {
  readonly events: ReadonlyArray<AgentEvent>
  readonly outcome: AgentOutcome
  /** Arguments of the calls that reached a server. */
  readonly ran: ReadonlyArray<Readonly<Record<string, unknown>>>
  /** What the model was told about its calls, in order. */
  readonly told: ReadonlyArray<string>
  readonly requests: number
  /** The requests themselves. */
  readonly sent: ReadonlyArray<Omit<ChatRequest, "model">>
}

export interface Misbehaviour {
  readonly what: string
  readonly does: string
  readonly world: World
  readonly task?: Partial<AgentTask>
  /** How long to wait, by the test clock. */
  readonly wait?: Duration.DurationInput
  readonly check: (played: Played) => boolean
}

export const playedOf = (
  events: ReadonlyArray<AgentEvent>,
  seen: {
    readonly calls: ReadonlyArray<{ readonly args: Readonly<Record<string, unknown>> }>
    readonly requests: ReadonlyArray<Omit<ChatRequest, "model">>
  }
): Played => ({
  events,
  outcome: outcomeOf(events),
  ran: seen.calls.map(({ args }) => args),
  told: events.flatMap((event) =>
    event._tag === "ToolCallFinished" || event._tag === "ToolCallRefused" ? [event.told] : []
  ),
  requests: seen.requests.length,
  sent: seen.requests
})

const says = (value: string) => Effect.succeed(text(value))

/** A tool that reads a file. */
export const read: Tool = {
  description: "Reads a file.",
  schema: {
    type: "object",
    properties: {
      path: { type: "string" },
      lines: { type: "integer" },
      whole: { type: "boolean" },
      mode: { enum: ["text", "binary"] },
      tags: { type: "array", items: { type: "string" } },
      options: { type: "object", properties: { deep: { type: "boolean" } } }
    },
    required: ["path"],
    additionalProperties: false
  },
  annotations: { readOnly: true },
  run: ({ path }) => says(`content of ${String(path)}`)
}

export const list: Tool = { description: "Lists files.", schema: { type: "object" }, run: () => says("a b") }

/** The model makes one call with these arguments as it wrote them, then answers. */
export const calling = (
  args: string,
  tools: Readonly<Record<string, Tool>> = { read, list },
  name = "read"
): World => ({
  turns: [[call(name, args)], "done"],
  servers: { main: tools }
})

/** The model says this, then answers. */
export const saying = (...turns: ReadonlyArray<Turn>): World => ({
  turns: [...turns, "done"],
  servers: { main: { read, list } }
})

/** A call of a tool that returns this. */
export const giving = (run: Tool["run"], tools: Readonly<Record<string, Tool>> = {}): World => ({
  turns: [[call("it", {})], "done"],
  servers: { main: { it: tool(run), ...tools } }
})

export const tags = ({ events }: Played): ReadonlyArray<string> => events.map(({ _tag }) => _tag)

export const ranWith =
  (...expected: ReadonlyArray<unknown>) =>
  (played: Played): boolean =>
    stringify(played.ran) === stringify(expected) && played.outcome.status === "done"

export const toldInstead =
  (...parts: ReadonlyArray<string>) =>
  (played: Played): boolean =>
    played.ran.length === 0 &&
    parts.every((part) => played.told.some((told) => told.includes(part))) &&
    played.outcome.status === "done"
