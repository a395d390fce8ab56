/**
 * What the results of a run say nothing of. Small models answer a question about somebody who is in no result with what they
 * read of somebody else, and take the first thing that they see for what they looked for in vain.
 */
import * as Predicate from "effect/Predicate"
import { parseJson } from "../../internal/parseJson.ts"
import { gaveNothing, isError } from "../shapes/EmptyResult.ts"
import type { AgentState } from "./AgentState.ts"
import * as Sources from "./Sources.ts"

/**
 * The name that the answer is about although no result has it; undefined when there is none. The task must have said where to
 * look, and the run must only have read: what is to be written need not have been read.
 */
export const unknownSubject = (state: AgentState, answer: string): string | undefined => {
  const { messages, stall, task } = state
  if (stall.activity.length === 0 || !stall.activity.every(({ reads }) => reads === true)) return undefined
  if (!Sources.isLookedAt(state)) return undefined
  const found = textOf(messages)
  const isFound = (name: string) => name.split(" ").some((word) => found.includes(stemOf(word)))
  return namesIn(task.task).find((name) => !isFound(name) && isAbout(answer, name))
}

/** Words of the task that a call has looked for in vain, when no result has any of them; undefined when there are none. */
export const notFound = ({ messages, task }: AgentState): string | undefined => {
  const vain = new Set(
    messages.flatMap((message) => (message.role === "tool" && gaveNothing(message.content) ? [message.toolCallId] : []))
  )
  const asked = messages.flatMap((message) =>
    message.role === "assistant"
      ? message.toolCalls.flatMap(({ arguments: args, id }) => (vain.has(id) ? textsIn(parseJson(args)) : []))
      : []
  )
  const ofTheTask = new Set(wordsIn(task.task))
  const wanted = asked.flatMap(wordsIn).filter((word) => ofTheTask.has(word))
  const found = textOf(messages)
  return wanted.some((word) => found.includes(word)) ? undefined : wanted[0]
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** All that calls have found, in small letters. */
const textOf = (messages: AgentState["messages"]): string =>
  messages
    .flatMap((message) => (message.role === "tool" && !isError(message.content) ? [message.content] : []))
    .join("\n")
    .toLowerCase()

/** Names of people and things: words with capital letters, the first of which does not begin a sentence. */
const namesIn = (task: string): ReadonlyArray<string> =>
  task.match(/(?<=[\p{Ll}\p{N},;] )\p{Lu}\p{Ll}\p{L}+(?: \p{Lu}\p{Ll}\p{L}+)*/gu) ?? []

const stemOf = (name: string): string => name.toLowerCase().replace(/(?<=...)s$/, "")

/** Whether a sentence of the answer begins with the name, or it follows "of", "for" or "about". */
const isAbout = (answer: string, name: string): boolean =>
  Array.from(answer.matchAll(new RegExp(`\\b${name}\\b`, "gu"))).some(({ index }) =>
    /(?:^|[.!?:\n]\W*|\b(?:of|for|about) )$/.test(answer.slice(0, index))
  )

/** Words of some length; those of paths are no search. */
const wordsIn = (text: string): ReadonlyArray<string> =>
  text
    .toLowerCase()
    .split(/[\s"'`,;?!()]+/)
    .filter((word) => !/[/\\]/.test(word))
    .flatMap((word) => word.match(/[\p{L}\p{N}]{4,}/gu) ?? [])

const textsIn = (value: unknown): ReadonlyArray<string> =>
  typeof value === "string"
    ? [value]
    : Array.isArray(value)
      ? value.flatMap(textsIn)
      : Predicate.isRecord(value)
        ? Object.values(value).flatMap(textsIn)
        : []
