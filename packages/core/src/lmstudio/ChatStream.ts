/** A reply as it streams in: a pure fold of the stream's frames into events and, at the end, the whole `ChatReply`. */
import { parseJson } from "../internal/parseJson.ts"
import type { ChatEvent, ChatReply, ToolCall, Usage } from "./Chat.ts"
import * as ThinkTags from "./words/ThinkTags.ts"
import type { Chunk, Delta, Frame } from "./wire/ChatWire.ts"
import type { ErrorFacts } from "./wire/ErrorBody.ts"
import { present } from "../schema/Fields.ts"

/** What has arrived so far. Times are epoch milliseconds. */
export interface ChatState {
  readonly startedAt: number
  readonly firstAt: number | undefined
  readonly id: string
  readonly model: string
  readonly content: string
  readonly reasoning: string
  readonly think: ThinkTags.ThinkState
  readonly calls: ReadonlyMap<number, ToolCall>
  /** Which key of `calls` each index of the server refers to at present. */
  readonly current: ReadonlyMap<number, number>
  readonly finishReason: string
  readonly usage: Usage | undefined
  /** `[DONE]` has come: nothing follows. */
  readonly done: boolean
  /**
   * A frame that began like JSON but is not. At the end of the stream it was cut off; before another frame, it is a
   * fault.
   */
  readonly broken: string | undefined
  /** Whether any frame of a reply has arrived. */
  readonly begun: boolean
}

/** The effect of one frame. */
export type Step =
  | { readonly _tag: "Next"; readonly state: ChatState; readonly events: ReadonlyArray<ChatEvent> }
  | { readonly _tag: "Fault"; readonly facts: ErrorFacts }
  | { readonly _tag: "Malformed"; readonly detail: string }

export const start = (now: number): ChatState => ({
  startedAt: now,
  firstAt: undefined,
  id: "",
  model: "",
  content: "",
  reasoning: "",
  think: ThinkTags.initial,
  calls: new Map(),
  current: new Map(),
  finishReason: "",
  usage: undefined,
  done: false,
  broken: undefined,
  begun: false
})

/** Characters of text, reasoning and tool calls that have arrived. */
export const delivered = (state: ChatState): number =>
  state.content.length +
  state.reasoning.length +
  state.think.held.length +
  [...state.calls.values()].reduce((sum, call) => sum + call.name.length + call.arguments.length, 0)

/**
 * Whether the reply is complete, so that the stream may end here. Many servers omit `[DONE]` (H15), and some omit the
 * finish reason.
 */
export const isWhole = (state: ChatState): boolean => state.done || state.finishReason !== ""

/** Takes the next frame, at the time `now`. */
export const step = (state: ChatState, frame: Frame, now: number): Step => {
  if (frame._tag === "Fault") return { _tag: "Fault", facts: frame.facts }
  if (frame._tag === "Noise") return { _tag: "Next", state, events: [] }
  if (frame._tag === "Progress") return { _tag: "Next", state: { ...state, begun: true }, events: [frame.event] }
  if (state.broken !== undefined) return { _tag: "Malformed", detail: `a frame that is not JSON: ${state.broken}` }
  switch (frame._tag) {
    case "Done":
      return { _tag: "Next", state: { ...state, begun: true, done: true }, events: [] }
    case "Broken":
      return { _tag: "Next", state: { ...state, broken: frame.text }, events: [] }
    case "Chunk":
      return takeChunk(state, frame.chunk, now)
  }
}

/** The end of the stream: events for the text that was held back, and the reply. Call it only when `isWhole`. */
export const complete = (state: ChatState, now: number): ReadonlyArray<ChatEvent> => {
  const split = ThinkTags.end(state.think)
  const last = deltas(split.reasoning, split.shown)
  const firstAt = state.firstAt ?? now
  const reply: ChatReply = {
    model: state.model,
    ...joined(state, split, split.reasoning),
    toolCalls: finishCalls(state),
    finishReason: state.finishReason,
    ...present({ usage: state.usage }),
    firstTokenMillis: Math.max(0, firstAt - state.startedAt),
    totalMillis: Math.max(0, now - state.startedAt)
  }
  return [...last, { _tag: "Completed", reply }]
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const takeChunk = (before: ChatState, chunk: Chunk, now: number): Step => {
  const base: ChatState = {
    ...before,
    begun: true,
    id: before.id === "" ? (chunk.id ?? "") : before.id,
    model: before.model === "" ? (chunk.model ?? "") : before.model,
    usage: chunk.usage ?? before.usage
  }
  // we only ever ask for one choice
  const choice = chunk.choices[0]
  if (choice === undefined) return { _tag: "Next", state: base, events: [] }
  const delta = choice.delta ?? wholeMessage(choice.message)
  const taken = delta === undefined ? { state: base, events: [] } : takeDelta(base, delta)
  return {
    _tag: "Next",
    state: {
      ...taken.state,
      finishReason: choice.finish_reason ?? taken.state.finishReason,
      firstAt: taken.state.firstAt ?? (taken.events.length > 0 ? now : undefined)
    },
    events: taken.events
  }
}

/** In a whole reply, calls have no index: their position is their index. */
const wholeMessage = (message: Delta | undefined): Delta | undefined =>
  message === undefined
    ? undefined
    : { ...message, tool_calls: message.tool_calls.map((call, index) => ({ ...call, index })) }

const takeDelta = (
  state: ChatState,
  delta: Delta
): { readonly state: ChatState; readonly events: ReadonlyArray<ChatEvent> } => {
  const split = ThinkTags.push(state.think, delta.content ?? "")
  // a server that sends the same thinking under both names must not double it
  const named = (delta.reasoning_content ?? "") !== "" ? delta.reasoning_content : delta.reasoning
  const reasoning = (named ?? "") + split.reasoning
  const think = reasoning === "" ? split.state : { ...split.state, thought: true }
  const { calls, current, started } = takeCalls(state, delta.tool_calls)
  return {
    state: {
      ...state,
      think,
      ...joined(state, split, reasoning),
      calls,
      current
    },
    events: [...deltas(reasoning, split.shown), ...started]
  }
}

/** A closing mark without an opening one means that all text before it was thinking. */
const joined = (state: ChatState, { text, withdrawn }: ThinkTags.Split, reasoning: string) => ({
  content: withdrawn ? text : state.content + text,
  reasoning: withdrawn ? state.reasoning + state.content + reasoning : state.reasoning + reasoning
})

const deltas = (reasoning: string, text: string): ReadonlyArray<ChatEvent> => [
  ...(reasoning === "" ? [] : [{ _tag: "ReasoningDelta", text: reasoning } as const]),
  ...(text === "" ? [] : [{ _tag: "TextDelta", text } as const])
]

type Piece = Delta["tool_calls"][number]

const takeCalls = (
  before: Pick<ChatState, "calls" | "current">,
  pieces: ReadonlyArray<Piece>
): Pick<ChatState, "calls" | "current"> & { readonly started: ReadonlyArray<ChatEvent> } => {
  if (pieces.length === 0) return { ...before, started: [] }
  const calls = new Map(before.calls)
  const current = new Map(before.current)
  const started: Array<ChatEvent> = []
  for (const piece of pieces) {
    const known = piece.index === undefined ? keyWithoutIndex(calls, piece.id ?? "") : current.get(piece.index)
    const next = Math.max(-1, ...calls.keys()) + 1
    const goesOn = known !== undefined && !beginsAnother(calls.get(known), piece)
    const index = goesOn ? known : piece.index === undefined || calls.has(piece.index) ? next : piece.index
    if (piece.index !== undefined) current.set(piece.index, index)
    const call = calls.get(index) ?? { id: "", name: "", arguments: "" }
    // later pieces repeat id and name as null or "" (H12)
    const name = call.name === "" ? (piece.function?.name ?? "") : call.name
    const text = piece.function?.arguments ?? ""
    calls.set(index, { id: call.id === "" ? (piece.id ?? "") : call.id, name, arguments: call.arguments + text })
    if (call.name === "" && name !== "") started.push({ _tag: "ToolCallStarted", index, name })
    if (text !== "") started.push({ _tag: "ToolCallDelta", index, text })
  }
  return { calls, current, started }
}

/** For servers that omit the index: the call with a known id, else the last call. */
const keyWithoutIndex = (calls: ReadonlyMap<number, ToolCall>, id: string): number | undefined =>
  [...calls].find(([, call]) => call.id === id && id !== "")?.[0] ??
  (calls.size === 0 ? undefined : Math.max(...calls.keys()))

/**
 * Some servers give two calls the same index, or none. Another id, another name, or a second complete object of
 * arguments means another call.
 */
const beginsAnother = (call: ToolCall | undefined, { function: called, id = "" }: Piece): boolean => {
  if (call === undefined) return false
  if (id !== "" && call.id !== "" && id !== call.id) return true
  const name = called?.name ?? ""
  if (name === "" || call.name === "" || call.arguments === "") return false
  return name !== call.name || (id === "" && (called?.arguments ?? "").startsWith("{") && isJson(call.arguments))
}

const isJson = (text: string) => parseJson(text) !== undefined

/**
 * Empty entries are dropped (H11). A call without an id, or with the id of another call, gets an id of its own: results
 * are matched to calls by id, and an empty one is refused in the next request.
 */
const finishCalls = (state: ChatState): ReadonlyArray<ToolCall> => {
  const taken = new Set<string>()
  return [...state.calls]
    .toSorted(([a], [b]) => a - b)
    .filter(([, call]) => call.name !== "" || call.arguments !== "")
    .map(([index, call]) => {
      const own = `${state.id === "" ? "call" : state.id}_${index}`
      const id = call.id === "" ? own : taken.has(call.id) ? `${call.id}_${index}` : call.id
      taken.add(id)
      return { ...call, id }
    })
}
