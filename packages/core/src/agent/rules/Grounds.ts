/**
 * What an answer does not rest on. Small models answer a question about somebody who is in no result with what they read of
 * somebody else, take the first thing that they see for what they looked for in vain, and write a file where they should send
 * a mail.
 */
import { parseJson } from "../../internal/parseJson.ts"
import { textsIn } from "../policy/ArgumentPaths.ts"
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

/**
 * What is asked for that no tool on offer is named after; undefined when there is nothing of the kind. Few kinds, because most
 * verbs mean too many things; what is not listed is not judged.
 */
export const noToolFor = ({ offered, task: { task } }: AgentState): string | undefined => {
  if (offered.length === 0) return undefined
  const names = offered.join(" ").toLowerCase()
  return effects.find(({ asked, done }) => asked.test(task) && !done.test(names))?.what
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

const effects = [
  {
    what: "send anything",
    asked: /^\W*(?:please )?(?:send|e-?mail|forward|text)\b.{1,200}\b(?:to|by|via|per)\b/i,
    done: /send|mail|message|post|notify|sms|forward|publish|share|slack|reply/
  },
  {
    what: "delete files",
    asked: /^\W*(?:please )?(?:delete|erase|remove) (?:the |this )?(?:(?:file|folder|directory)\b|\S*\/\S+)/i,
    done: /delete|remove|erase|unlink|trash|\brm|shell|command|exec|bash|terminal/
  },
  {
    what: "run programs",
    asked:
      /^\W*(?:please )?(?:run|execute|start|launch|compile) (?:the |this )?(?:(?:program|script|command|tests?|build|app)\b|\S*\/\S+)/i,
    done: /run|exec|shell|command|bash|terminal|start|launch|script|process|test|build|compile|eval/
  },
  {
    what: "order, book or pay for anything",
    asked: /^\W*(?:please )?(?:buy|book|reserve|pay)\b/i,
    done: /buy|book|reserv|pay|order|purchase|cart|checkout|invoice/
  }
]
