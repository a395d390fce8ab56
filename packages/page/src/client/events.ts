/** The events of a run as the steps that a person follows. Pure; it orders and counts nothing. */
import type { RunEvent } from "../Wire.ts"

export interface Reply {
  readonly kind: "reply"
  readonly at: number
  readonly text: string
  readonly reasoning: string
  readonly millis: number
  readonly firstTokenMillis: number
  readonly inputTokens: number | undefined
  readonly outputTokens: number | undefined
}

export interface Call {
  readonly kind: "call"
  readonly at: number
  readonly name: string
  readonly server: string
  readonly arguments: unknown
  /** Undefined while it runs. */
  readonly result: string | undefined
  readonly state: "runs" | "ran" | "failed" | "refused"
  readonly millis: number | undefined
  readonly bytes: number | undefined
}

export interface Note {
  readonly kind: "note"
  readonly at: number
  readonly text: string
}

export type Step = Reply | Call | Note

export interface RoundSteps {
  /** 0: before the first. */
  readonly round: number
  readonly at: number
  readonly steps: ReadonlyArray<Step>
}

export const rounds = (events: ReadonlyArray<RunEvent>): ReadonlyArray<RoundSteps> => {
  const all: Array<{ round: number; at: number; steps: Array<Step> }> = []
  const open = new Map<string, Call>()
  const last = (at: number) => {
    const current = all.at(-1)
    if (current !== undefined) return current
    const first = { round: 0, at, steps: [] }
    all.push(first)
    return first
  }
  /** In the place of the call that began. */
  const settle = (callId: string, change: (call: Call) => Call): boolean => {
    const call = open.get(callId)
    const inside = all.findLast(({ steps }) => call !== undefined && steps.includes(call))
    if (call === undefined || inside === undefined) return false
    inside.steps[inside.steps.indexOf(call)] = change(call)
    open.delete(callId)
    return true
  }
  for (const event of events) {
    const { at } = event
    const note = (text: string) => void last(at).steps.push({ kind: "note", at, text })
    switch (event._tag) {
      case "RunStarted":
        last(at)
        break
      case "RoundStarted":
        all.push({ round: Number(event["round"]), at, steps: [] })
        break
      case "ModelReplied":
        last(at).steps.push(replyOf(event))
        break
      case "ToolCallStarted": {
        const call: Call = {
          kind: "call",
          at,
          name: text(event["tool"]),
          server: text(event["server"]),
          arguments: event["arguments"],
          result: undefined,
          state: "runs",
          millis: undefined,
          bytes: undefined
        }
        open.set(text(event["callId"]), call)
        last(at).steps.push(call)
        break
      }
      case "ToolCallFinished":
        settle(text(event["callId"]), (call) => ({
          ...call,
          result: text(event["told"]),
          state: event["isError"] === true ? "failed" : "ran",
          millis: Number(event["millis"]),
          bytes: Number(event["bytes"])
        }))
        break
      case "ToolCallRefused": {
        const result = text(event["told"])
        if (settle(text(event["callId"]), (call) => ({ ...call, result, state: "refused" }))) break
        last(at).steps.push({
          kind: "call",
          at,
          name: text(event["name"]),
          server: "",
          arguments: undefined,
          result,
          state: "refused",
          millis: undefined,
          bytes: undefined
        })
        break
      }
      default: {
        const words = wordsOf(event)
        if (words !== undefined) note(words)
      }
    }
  }
  return all
}

/** The rounds of now, with those of before in the place of equal ones: a view draws only what has changed. */
export const kept = (before: ReadonlyArray<RoundSteps>, now: ReadonlyArray<RoundSteps>): ReadonlyArray<RoundSteps> =>
  now.map((round, index) => {
    const old = before[index]
    return old !== undefined && isSame(old, round) ? old : round
  })

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Events only come to the end, so that a round changes by further steps, and by calls that end. */
const isSame = (one: RoundSteps, other: RoundSteps): boolean =>
  one.round === other.round &&
  one.at === other.at &&
  one.steps.length === other.steps.length &&
  one.steps.every((step, index) => stateOf(step) === stateOf(other.steps[index]))

const stateOf = (step: Step | undefined) => (step?.kind === "call" ? step.state : step?.kind)

const text = (value: unknown): string => (typeof value === "string" ? value : "")

const record = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {}

const numberIn = (value: unknown): number | undefined => (typeof value === "number" ? value : undefined)

const replyOf = (event: RunEvent): Reply => {
  const reply = record(event["reply"])
  const usage = record(reply["usage"])
  return {
    kind: "reply",
    at: event.at,
    text: text(reply["content"]),
    reasoning: text(reply["reasoning"]),
    millis: numberIn(reply["totalMillis"]) ?? 0,
    firstTokenMillis: numberIn(reply["firstTokenMillis"]) ?? 0,
    inputTokens: numberIn(usage["inputTokens"]),
    outputTokens: numberIn(usage["outputTokens"])
  }
}

/** What is worth a line of its own; the rest is shown elsewhere. */
const wordsOf = (event: RunEvent): string | undefined => {
  switch (event._tag) {
    case "RunResumed":
      return "The run was resumed."
    case "ModelReady": {
      const ensured = record(event["ensured"])
      const action = text(ensured["action"])
      return `${text(ensured["model"])} is ${action === "already-loaded" ? "loaded already" : action}.`
    }
    case "ApprovalAsked":
      return `A person is asked about ${text(event["tool"])}: ${text(event["reason"])}`
    case "ApprovalAnswered":
      return event["approved"] === true ? "The person allowed it." : "The person refused it."
    case "ModelFailed":
    case "RunFailed":
      return text(record(event["problem"])["message"])
    case "Compacted":
      return `${String(event["messages"])} earlier messages were replaced by a summary.`
    case "BudgetReached":
      return `The budget of ${text(event["budget"])} was reached.`
    default: {
      const words = text(event["text"])
      return words === "" || event._tag === "TextDelta" || event._tag === "ReasoningDelta" ? undefined : words
    }
  }
}
