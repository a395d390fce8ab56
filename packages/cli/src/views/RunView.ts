/**
 * The live view of a run: lines for each event, and a status line for what is happening now. Reads only events.
 */
import type { AgentEvent, AgentOutcome, BudgetKind } from "@lms-bridge/core/AgentEvent"
import { NoteWords } from "@lms-bridge/core/RunJournal"
import { type ChatReply, tokensPerSecond } from "@lms-bridge/core/LmStudioApi"
import type { Ensured } from "@lms-bridge/core/ModelLifecycle"
import type { Palette } from "./Palette.ts"
import * as Words from "./Words.ts"

export interface Style {
  readonly palette: Palette
  /** Columns; longer lines are cut. */
  readonly width: number
}

export interface State {
  /** What is happening, and since when (epoch milliseconds). */
  readonly doing: string
  readonly since: number
  /** Characters of the reply so far. */
  readonly characters: number
  /** Running tools, by call id. */
  readonly calls: ReadonlyMap<string, string>
  readonly lastPreparing: string
  readonly lastOffer: string
  /** What was done to fit the context, said once and not in each round. */
  readonly lastMeasures: ReadonlyArray<string>
}

export const initial: State = {
  doing: "",
  since: 0,
  characters: 0,
  calls: new Map(),
  lastPreparing: "",
  lastOffer: "",
  lastMeasures: []
}

/** The state after an event, and the lines to print for it. */
export const step = (state: State, event: AgentEvent, style: Style): readonly [State, ReadonlyArray<string>] => {
  const { bad, quiet, strong, warning } = style.palette
  const line = (label: string, text: string) =>
    `${strong(label.padEnd(labelWidth))}${Words.oneLine(text, style.width - labelWidth)}`
  const inner = (mark: string, text: string, paint: (text: string) => string = (text) => text) =>
    paint(`  ${mark} ${Words.oneLine(text, style.width - 4)}`)
  const doing = (what: string): State => ({ ...state, doing: what, since: event.at, characters: 0 })

  switch (event._tag) {
    case "RunResumed":
      return [doing("starting"), [line("resumed", event.runId)]]
    case "RunStarted":
      return [
        doing("starting"),
        event.task.servers._tag === "None" && (event.task.definedServers ?? []).length === 0
          ? [line("tools", "none; --mcp NAME, --all-mcps or --files DIR adds some")]
          : []
      ]
    case "Preparing": {
      const what = `${event.what}${event.progress === undefined ? "" : ` ${Math.round(event.progress * 100)} %`}`
      const isNew = event.what !== state.lastPreparing
      return [{ ...doing(what), lastPreparing: event.what }, isNew ? [inner("·", event.what, quiet)] : []]
    }
    case "ServersReady":
      return [
        doing("starting"),
        [
          ...(event.ready.length === 0
            ? []
            : [
                line(
                  "servers",
                  event.ready.map((ready) => `${ready.server} (${Words.count(ready.tools, "tool")})`).join(", ")
                )
              ]),
          ...event.ready.flatMap(({ server, withheld = [] }) =>
            withheld.length === 0
              ? []
              : [
                  warning(
                    line(
                      "servers",
                      `${server} without ${withheld.join(", ")}: not as you trusted it; \`lms-bridge mcp trust ${server}\` shows the change`
                    )
                  )
                ]
          ),
          ...event.missing.map(({ problem, server }) =>
            warning(line("servers", `without ${server}: ${problem.message}`))
          )
        ]
      ]
    case "ModelReady":
      return [doing("starting"), modelLines(event.ensured).map((text) => line("model", text))]
    case "ToolsOffered": {
      const withheld = event.withheld === 0 ? "" : `, ${event.withheld} more on request`
      const offer =
        event.offered.length === 0
          ? ""
          : `${event.offered.length} offered, about ${event.estimatedTokens} tokens in full${withheld}`
      return [{ ...state, lastOffer: offer }, offer === "" || offer === state.lastOffer ? [] : [line("tools", offer)]]
    }
    case "RoundStarted": {
      const measures = event.account?.measures ?? []
      const news = measures.filter((measure) => !state.lastMeasures.includes(measure))
      return [
        { ...doing(`round ${event.round}: the model is reading`), lastMeasures: measures },
        [
          line("round", `${event.round}${event.final ? ", the last request, without tools" : ""}`),
          ...news.map((measure) =>
            inner(
              "·",
              `to fit the context: ${measure}${/tool/.test(measure) ? `; tools take about ${Words.count(event.account?.tools ?? 0, "token")}` : ""}`,
              quiet
            )
          )
        ]
      ]
    }
    case "TextDelta":
    case "ReasoningDelta": {
      const verb = event._tag === "TextDelta" ? "writing" : "thinking"
      return [
        {
          ...state,
          doing: state.doing.replace(/the model is \w+$/, `the model is ${verb}`),
          characters: state.characters + event.text.length
        },
        []
      ]
    }
    case "ModelReplied":
      return [
        doing("between rounds"),
        [
          ...(event.reply.toolCalls.length > 0 && event.reply.content.trim() !== ""
            ? [inner("“", event.reply.content, quiet)]
            : []),
          inner("·", replied(event.reply), quiet)
        ]
      ]
    case "ModelFailed":
      return [doing("between rounds"), [inner("✗", event.problem.message, warning)]]
    case "ModelGivenUp":
      return [doing("between models"), [warning(line("model", event.text))]]
    case "ToolCallStarted": {
      const calls = new Map(state.calls).set(event.callId, event.tool)
      return [
        { ...doing(atWork(calls)), calls },
        [inner("→", `${event.server} ${event.tool} ${Words.json(event.arguments, style.width)}`)]
      ]
    }
    case "ToolCallProgress":
      return [{ ...state, doing: `${atWork(state.calls)}: ${Words.oneLine(event.message, 60)}` }, []]
    case "ToolCallFinished": {
      const calls = new Map(state.calls)
      calls.delete(event.callId)
      const took = Words.duration(event.millis)
      return [
        { ...doing(calls.size === 0 ? "between rounds" : atWork(calls)), calls },
        [
          event.isError
            ? inner("✗", `${event.tool} failed after ${took}: ${event.told}`, warning)
            : inner("←", `${event.tool} ${Words.bytes(event.bytes)} in ${took}${shownOf(event)}`)
        ]
      ]
    }
    case "ToolCallRefused":
      return [state, [inner("✗", `${event.name} was not run (${refusals[event.reason]}): ${event.told}`, warning)]]
    case "Compacted":
      return [state, [inner("·", `${Words.count(event.messages, "earlier message")} replaced by a summary`, quiet)]]
    case "Stalled":
      return [
        state,
        [
          inner(
            "·",
            `goes in circles with ${event.tool}: ${stalls[event.step]}`,
            event.step === "end" ? warning : quiet
          )
        ]
      ]
    case "BudgetReached":
      return [state, [warning(line("budget", `${budgets[event.budget]}; the model is asked for its best answer`))]]
    case "RunFinished":
      return [
        { ...state, doing: "" },
        [(event.outcome.status === "failed" ? bad : same)(line(event.outcome.status, summary(event.outcome)))]
      ]
    // events without a case and without words are for journals and programs
    default: {
      const words = NoteWords.line(event)
      return [state, words === undefined ? [] : [inner("·", words, quiet)]]
    }
  }
}

/** What is the same in every reply of a conversation. */
export const isFamiliar = (event: AgentEvent): boolean => familiar.has(event._tag)

/** The status line; "" when nothing is happening. */
export const status = (state: State, now: number, style: Style): string => {
  if (state.doing === "") return ""
  const characters = state.characters === 0 ? "" : `, ${state.characters} characters`
  const text = `${frames[Math.floor(now / 100) % frames.length]} ${state.doing}${characters}, ${Words.duration(Math.max(0, now - state.since))}`
  return style.palette.quiet(Words.oneLine(text, style.width - 1))
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const labelWidth = 9

const familiar: ReadonlySet<AgentEvent["_tag"]> = new Set([
  "RunStarted",
  "Preparing",
  "ServersReady",
  "ModelReady",
  "ToolsOffered",
  "RoundStarted",
  "ModelReplied"
])

const same = (text: string) => text

const frames = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"]

const budgets: Readonly<Record<BudgetKind, string>> = {
  rounds: "all rounds are used",
  "wall-time": "the time is up",
  "tool-calls": "all tool calls are used",
  tokens: "all tokens are used",
  "result-bytes": "the tools have returned as much as they may"
}

const stalls = {
  nudge: "the model is told",
  withhold: "the tool is withheld for two rounds",
  end: "the model is asked for its answer"
} as const

/** The model sees a long result in part, and can read the rest in the artifact. */
const shownOf = ({ artifact, bytes, told }: Extract<AgentEvent, { readonly _tag: "ToolCallFinished" }>): string =>
  artifact !== undefined && bytes > told.length ? `, shown in part and kept as ${artifact}` : ""

const refusals = {
  UnknownTool: "no such tool",
  InvalidArguments: "invalid arguments",
  Repeated: "made just now",
  Policy: "not allowed",
  Withheld: "withdrawn",
  Budget: "no calls left"
} as const

const modelLines = (ensured: Ensured): ReadonlyArray<string> => [
  ...ensured.steppedDown.map(({ model, reason }) => `${model} was skipped: ${reason}`),
  [
    `${ensured.alias === undefined ? "" : `${ensured.alias} is `}${ensured.instanceId}${ensured.host === undefined ? "" : ` on ${ensured.host}`}`,
    ensured.action === "already-loaded"
      ? `already loaded by ${ensured.owner === "user" ? "you" : "lms-bridge"}`
      : `${ensured.action} in ${Words.duration(ensured.tookMillis)}`,
    ...(ensured.contextLength === undefined ? [] : [`context ${ensured.contextLength}`]),
    ...(ensured.preferredContext === undefined
      ? []
      : [`left as it is; --context-length ${ensured.preferredContext} gets more`]),
    ...(ensured.ttlMillis === undefined ? [] : [`unloaded after ${Words.duration(ensured.ttlMillis)} idle`]),
    ...(ensured.pushedOut === undefined ? [] : [`${ensured.pushedOut.join(", ")} was unloaded for it`])
  ].join(", "),
  ...(ensured.chosen === undefined ? [] : [`chosen because ${ensured.chosen}`])
]

const replied = (reply: ChatReply): string => {
  // what comes in one piece has no speed
  const speed = reply.totalMillis - reply.firstTokenMillis < 50 ? undefined : tokensPerSecond(reply)
  return [
    reply.toolCalls.length > 0 ? Words.count(reply.toolCalls.length, "tool call") : "answer",
    Words.duration(reply.totalMillis),
    ...(speed === undefined ? [] : [`${speed < 10 ? speed.toFixed(1) : Math.round(speed)} tokens/s`]),
    ...(reply.usage === undefined
      ? []
      : [`${reply.usage.inputTokens} tokens read, ${reply.usage.outputTokens} written`])
  ].join(", ")
}

const atWork = (calls: ReadonlyMap<string, string>) => `waiting for ${[...new Set(calls.values())].join(", ")}`

const summary = (outcome: AgentOutcome): string =>
  [
    Words.count(outcome.rounds, "round"),
    Words.count(outcome.toolCalls.length, "tool call"),
    Words.duration(outcome.millis),
    `${outcome.usage.inputTokens} tokens read, ${outcome.usage.outputTokens} written`,
    ...(outcome.cut ? ["the answer was cut off at the token limit"] : [])
  ].join(", ")
