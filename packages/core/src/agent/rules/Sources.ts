/**
 * The files and addresses that a task names, and whether a call has touched them. Small models write what they could have
 * read, answer before they have looked, and give up where a name is nearly right.
 */
import * as Predicate from "effect/Predicate"
import { parseJson } from "../../internal/parseJson.ts"
import type { ChatMessage, ToolCall } from "../../lmstudio/Chat.ts"
import { nearest } from "../../names/nearest.ts"
import { isError } from "../shapes/EmptyResult.ts"
import type { AgentState } from "./AgentState.ts"

/**
 * The source that nobody has looked at when this call writes; undefined when the call may be made. A small model writes "The
 * second line of a.txt" without having read a.txt.
 */
export const unseen = ({ messages, task }: AgentState, call: ToolCall): string | undefined => {
  const args = leavesOf(parseJson(call.arguments))
  if (!args.some(isWords)) return undefined
  // words that name a file are no look at it
  const seen = [...args, ...argumentsIn(messages.slice(0, -1))].filter((leaf) => !isWords(leaf))
  return sourcesIn(task.task).find((name) => !seen.some((path) => path.includes(name)))
}

/** A source that stands in no argument of any call, nor does a file that is meant by it; undefined when there is none. */
export const untouched = ({ messages, task }: AgentState): string | undefined => {
  const asked = sourcesIn(task.task)
  const touched = argumentsIn(messages)
  return asked.find((name) => !touched.some((leaf) => isMeantBy(name, leaf, asked)))
}

/**
 * A file that a result names and no call has opened, after a call of the run failed: it is called as a source of the task, or
 * nearly so, or it is the source and lies elsewhere.
 */
export const nearlyNamed = ({ messages, task, stall: { activity } }: AgentState): string | undefined => {
  if (activity.every(({ told }) => told !== undefined)) return undefined
  const asked = sourcesIn(task.task)
  const opened = argumentsIn(messages, failedCalls(messages)).map(lastPart)
  return messages
    .flatMap((message) => (message.role === "tool" && !isError(message.content) ? pathsIn(message.content) : []))
    .find((path) => !opened.includes(lastPart(path)) && nearest(lastPart(path), asked).length > 0)
}

/** A source that calls have tried and none has opened, nor a file that is called nearly like it; undefined when there is none. */
export const unopened = ({ messages, task }: AgentState): string | undefined => {
  const failed = failedCalls(messages)
  if (failed.size === 0) return undefined
  const asked = sourcesIn(task.task)
  const tried = argumentsIn(messages)
  const opened = argumentsIn(messages, failed)
  return asked.find(
    (name) => tried.some((leaf) => leaf.includes(name)) && !opened.some((leaf) => isMeantBy(name, leaf, asked))
  )
}

/** Whether the task says where to look, and a call has looked there: a file, an address, or a server by its name. */
export const isLookedAt = (state: AgentState): boolean => {
  const { task } = state.task
  if (sourcesIn(task).length > 0) return untouched(state) === undefined
  const words = new Set(task.toLowerCase().split(/[^\p{L}\p{N}_-]+/u))
  return state.calls.some(({ server }) => words.has(server.toLowerCase()))
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const failedCalls = (messages: ReadonlyArray<ChatMessage>): ReadonlySet<string> =>
  new Set(
    messages.flatMap((message) => (message.role === "tool" && isError(message.content) ? [message.toolCallId] : []))
  )

/** Whether an argument is the source, or a file called nearly like it that the task does not name itself. */
const isMeantBy = (name: string, leaf: string, asked: ReadonlyArray<string>): boolean =>
  leaf.includes(name) ||
  (pathsIn(leaf).length > 0 && !asked.includes(lastPart(leaf)) && nearest(lastPart(leaf), [name]).length > 0)

/** Last parts of paths, and addresses: what has an ending, or stands behind a slash. */
const sourcesIn = (task: string): ReadonlyArray<string> => pathsIn(task).map(lastPart)

const pathsIn = (text: string): ReadonlyArray<string> =>
  Array.from(text.matchAll(/[^\s'"`,;()<>]*[/\\.][^\s'"`,;()<>]*[\w\d]/g), ([path]) => path).filter((path) =>
    /^[\w-]+(?:\.[\w-]+)*\.[A-Za-z]\w{0,7}$/.test(lastPart(path))
  )

const lastPart = (path: string): string => path.split(/[/\\]/).at(-1) ?? ""

const argumentsIn = (messages: ReadonlyArray<ChatMessage>, without?: ReadonlySet<string>): ReadonlyArray<string> =>
  messages.flatMap((message) =>
    message.role === "assistant"
      ? message.toolCalls.flatMap(({ arguments: args, id }) =>
          without?.has(id) === true ? [] : leavesOf(parseJson(args))
        )
      : []
  )

/** A text that is written, and neither a path nor a name. */
const isWords = (text: string): boolean => text.length >= 8 && /\s/.test(text.trim())

/** The texts in the arguments, without what is only searched for: a pattern opens no file. */
const leavesOf = (value: unknown): ReadonlyArray<string> =>
  typeof value === "string"
    ? [value]
    : Array.isArray(value)
      ? value.flatMap(leavesOf)
      : Predicate.isRecord(value)
        ? Object.entries(value).flatMap(([key, item]) => (searched.test(key) ? [] : leavesOf(item)))
        : []

const searched = /pattern|query|search|filter|regex|keyword/i
