/**
 * Detects a stalled run: the same calls with the same results, again and again. Results are compared too, so polling with
 * changing answers and reading page by page do not count as stalls.
 */
import * as Hash from "effect/Hash"
import * as ExactJson from "../../json/ExactJson.ts"
import type { ToolCall } from "../../lmstudio/Chat.ts"
import type { AgentEvent, AgentEventBody } from "./AgentEvent.ts"
import * as OpenCalls from "./OpenCalls.ts"
import { parseJson } from "../../internal/parseJson.ts"
import type { Activity, AgentState, Stall, TurnCall } from "./AgentState.ts"

/** A hash of a call that does not depend on the order of its arguments. */
export const fingerprint = (name: string, args: unknown): number => Hash.string(`${name} ${ExactJson.canonical(args)}`)

/** The stall state with one more settled call. */
export const withActivity = (
  state: AgentState,
  event: Extract<AgentEvent, { readonly _tag: "ToolCallFinished" | "ToolCallRefused" }>
): Stall => {
  const { stall } = state
  const entry =
    state.turn._tag === "Calling" ? state.turn.calls.find(({ call }) => call.id === event.callId) : undefined
  if (entry === undefined) return stall
  const { name } = entry.call
  const call = entry.started?.fingerprint ?? fingerprint(name, parseJson(entry.call.arguments) ?? entry.call.arguments)
  const how =
    event._tag === "ToolCallRefused"
      ? event.reason === "Repeated"
        ? { repeated: true }
        : {}
      : event.isError
        ? {}
        : {
            ...(OpenCalls.isHarmless(entry.started?.traits) ? { harmless: true } : {}),
            told: event.told.length > longestTold ? `${event.told.slice(0, longestTold)}…` : event.told
          }
  const reads = entry.started?.traits?.readOnly === true ? { reads: true } : {}
  const activity = [...stall.activity, { name, call, result: Hash.string(event.told), ...how, ...reads }].slice(
    -remembered
  )
  return { ...stall, activity }
}

/** Whether the call is the last one once more, which succeeded. Tools whose results change by themselves may be asked again. */
export const isMadeAgain = ({ stall: { activity } }: AgentState, call: ToolCall): boolean => {
  const last = activity.at(-1)
  return (
    last?.told !== undefined &&
    call.name === last.name &&
    !changesByItself(call.name) &&
    fingerprint(call.name, parseJson(call.arguments)) === last.call
  )
}

/** The tool of a change that failed, or was refused, and that no later change made good. */
export const failedChange = ({ stall: { activity } }: AgentState): string | undefined => {
  const last = activity.findLast(({ reads, repeated }) => reads !== true && repeated !== true)
  return last?.told === undefined ? last?.name : undefined
}

/**
 * Whether the same call was made before and nothing has changed since: it succeeded, or failed twice, or failed before others
 * were made.
 */
export const isInVain = ({ attempt, stall: { activity } }: AgentState, call: ToolCall): boolean => {
  const key = fingerprint(call.name, parseJson(call.arguments))
  const at = activity.findLastIndex((entry) => entry.name === call.name && entry.call === key)
  const before = activity[at]
  if (before === undefined) return false
  const since = activity.slice(at + 1)
  if (since.some(({ reads, told }) => told !== undefined && reads !== true)) return false
  if (attempt.narrowed?.again === call.name) return true
  return before.told !== undefined || since.length > 0 || activity.slice(0, at).some((entry) => entry.call === key)
}

/**
 * The call of the turn when it is the last one once more, which succeeded: it is not made, and answered with its result. A
 * model that means it makes the call once more, and that is made; so is polling, whose results differ.
 */
export const repeated = (
  state: AgentState,
  open: ReadonlyArray<TurnCall>
): ReadonlyArray<Extract<AgentEventBody, { readonly _tag: "ToolCallRefused" }>> => {
  const last = state.stall.activity.at(-1)
  const [first] = open
  if (last === undefined || first === undefined || open.length > 1 || first.started !== undefined) return []
  const { call } = first
  const before = state.stall.activity.slice(0, -1).filter((other) => other.call === last.call)
  if (before.some(({ repeated, result }) => repeated === true || result !== last.result)) return []
  if (!isMadeAgain(state, call)) return []
  const told = `This call was made just now and succeeded, so it was not made again. Its result was:\n${last.told ?? ""}\n${last.harmless === true ? "Use it: make another call, or give the answer." : "Go on with the next step of the task, or give the answer. If it must be made a second time, make the same call once more."}`
  return [{ _tag: "ToolCallRefused", callId: call.id, name: call.name, reason: "Repeated", told }]
}

/**
 * What to do about a stall, in three steps: tell the model, withhold the tool for two rounds, ask for the answer.
 * Undefined while there is none.
 */
export const assess = ({ stall: { activity, circled, done } }: AgentState): AgentEventBody | undefined => {
  const tool = stalledOn(activity, circled)
  if (tool === undefined) return undefined
  // after a series of new results it is another stall
  switch (activity.length > nothingNew ? "nothing" : done) {
    case "nothing":
      return {
        _tag: "Stalled",
        step: "nudge",
        tool,
        text: `You have called "${tool}" again with the same arguments and got the same result. Calling it again gives nothing new. Use that result for the next step of the task, or give the answer.`
      }
    case "told":
      return {
        _tag: "Stalled",
        step: "withhold",
        tool,
        text: `You are going round in circles, so "${tool}" cannot be called for the next two rounds. Use what you already have.`
      }
    case "withheld":
      return { _tag: "Stalled", step: "end", tool, text: "The run keeps repeating the same calls, so it is ended." }
  }
}

/** Whether the tool may not be called now. */
export const isWithheld = ({ rounds, stall: { withheld } }: AgentState, name: string): boolean =>
  withheld?.name === name && rounds <= withheld.until

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** By its words: a tool that waits, or that tells how something is now. */
const changesByItself = (name: string): boolean =>
  name
    .replaceAll(/([a-z0-9])([A-Z])/g, "$1_$2")
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .some((word) => changing.has(word))

const changing = new Set(
  "wait sleep poll status state progress check ping watch tail monitor refresh next time now clock date random roll screenshot snapshot receive".split(
    " "
  )
)

const remembered = 24
/** Characters of a result that are kept to be told again. */
const longestTold = 400
/** So many settled calls without anything new are a circle, whatever their order. */
const nothingNew = 8
/** This many identical calls with the same result are a stall. */
const often = 3

/** The stalled tool: its call recurs after a measure, three times, or in a series without new results. */
const stalledOn = (activity: ReadonlyArray<Activity>, circled: ReadonlyArray<Activity>): string | undefined => {
  const last = activity.at(-1)
  if (last === undefined) return undefined
  // a call that was answered with its earlier result counts as made; one that was refused for another reason does not
  const isOnceMore = (other: Activity, entry: Activity) =>
    other.result === entry.result || (other.repeated === true && (entry.repeated === true || entry.told !== undefined))
  const among = (entries: ReadonlyArray<Activity>, entry: Activity) =>
    entries.filter((other) => other.call === entry.call && isOnceMore(other, entry))
  if (among(circled, last).length > 0 || among(activity, last).length >= often) return last.name
  const recent = activity.slice(-nothingNew)
  const before = activity.slice(0, -nothingNew)
  const circle =
    recent.length === nothingNew &&
    recent.every((entry, index) => among([...before, ...recent.slice(0, index)], entry).length > 0)
  return circle ? last.name : undefined
}
