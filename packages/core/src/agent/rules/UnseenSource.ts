/**
 * A small model writes what it could have read: the first call of "copy the second line of a.txt into b.txt" writes "The
 * second line of a.txt". So words are not written while the task names a file or an address that no call has touched.
 */
import { parseJson } from "../../internal/parseJson.ts"
import * as Predicate from "effect/Predicate"
import type { ToolCall } from "../../lmstudio/Chat.ts"
import type { AgentState } from "./AgentState.ts"

/** The source that nobody has looked at when this call writes; undefined when the call may be made. */
export const unseen = ({ messages, task }: AgentState, call: ToolCall): string | undefined => {
  const args = leavesOf(parseJson(call.arguments))
  if (!args.some(isWords)) return undefined
  const touched = messages
    .slice(0, -1)
    .flatMap((message) =>
      message.role === "assistant" ? message.toolCalls.flatMap(({ arguments: args }) => leavesOf(parseJson(args))) : []
    )
  // words that name a file are no look at it
  const seen = [...args, ...touched].filter((leaf) => !isWords(leaf))
  return sourcesIn(task.task).find((name) => !seen.some((path) => path.includes(name)))
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Last parts of paths, and addresses: what has an ending, or stands behind a slash. */
const sourcesIn = (task: string): ReadonlyArray<string> =>
  Array.from(task.matchAll(/[^\s'"`,;()<>]*[/\\.][^\s'"`,;()<>]*[\w\d]/g), ([path]) => path)
    .map((path) => path.split(/[/\\]/).at(-1) ?? "")
    .filter((name) => /^[\w-]+(?:\.[\w-]+)*\.[A-Za-z]\w{0,7}$/.test(name))

/** A text that is written, and neither a path nor a name. */
const isWords = (text: string): boolean => text.length >= 8 && /\s/.test(text.trim())

const leavesOf = (value: unknown): ReadonlyArray<string> =>
  typeof value === "string"
    ? [value]
    : Array.isArray(value)
      ? value.flatMap(leavesOf)
      : Predicate.isRecord(value)
        ? Object.values(value).flatMap(leavesOf)
        : []
