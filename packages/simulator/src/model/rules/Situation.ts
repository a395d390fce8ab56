/** The knowledge of the rule-based stand-in at one moment: the task, the calls since it was set, and their results. */
import * as Option from "effect/Option"
import * as Json from "../../internal/json.ts"
import type { Prompt, PromptTool } from "../SimulatedModel.ts"
import * as Language from "./Language.ts"

export interface Step {
  readonly name: string
  readonly arguments: Json.JsonObject
  readonly result: string
  readonly failed: boolean
  /** Whether only a part of the result was shown. */
  readonly partial: boolean
}

export interface Situation {
  readonly task: string
  readonly clauses: ReadonlyArray<string>
  readonly tools: ReadonlyArray<PromptTool>
  readonly steps: ReadonlyArray<Step>
  /** Folders known to be allowed, the most likely first. */
  readonly bases: ReadonlyArray<string>
  /** Files in a listing, as paths. */
  readonly listed: ReadonlyArray<string>
}

/** Failed calls count as made, so that nothing is done twice. */
export const made = (situation: Situation, name: string, args: Json.JsonObject): Step | undefined =>
  situation.steps.find((step) => sameCall(step, { name, arguments: args }))

interface Call {
  readonly name: string
  readonly arguments: Json.JsonObject
}

export const sameCall = (left: Call, right: Call): boolean =>
  left.name === right.name && canonicalJson(left.arguments) === canonicalJson(right.arguments)

export const of = (prompt: Prompt): Situation => {
  const last = prompt.messages.findLastIndex(
    (message) => message.role === "assistant" && message.toolCalls.length === 0 && message.text.trim() !== ""
  )
  const current = prompt.messages.slice(last + 1)
  const asked = current.findIndex((message) => message.role === "user")
  const task = current[asked]?.text ?? prompt.messages.findLast((message) => message.role === "user")?.text ?? ""
  const steps = stepsOf(current)
  const system = prompt.messages.filter((message) => message.role === "system").map((message) => message.text)
  const listings = steps.filter((step) => /allowed|roots/i.test(step.name)).map((step) => step.result)
  const stated = [...listings, task, ...system, ...prompt.tools.map((tool) => tool.description)].flatMap(
    Language.folders
  )
  return {
    task,
    clauses: Language.clauses(task),
    tools: prompt.tools,
    steps,
    bases: stated.filter((path, index) => stated.indexOf(path) === index),
    listed: steps.flatMap(filesOf)
  }
}

/** The names in a directory listing in server-filesystem's format. */
export const entriesOf = (
  result: string
): { readonly files: ReadonlyArray<string>; readonly folders: ReadonlyArray<string> } => {
  const named = (kind: string) =>
    [...result.matchAll(new RegExp(`^\\[${kind}\\]\\s+(.+?)(?:\\s{2,}.*)?$`, "gm"))].map((match) => match[1] ?? "")
  return { files: named("FILE"), folders: named("DIR") }
}

/** Joins with the folder's own separator. */
export const join = (folder: string, name: string): string => {
  const separator = folder.includes("\\") ? "\\" : "/"
  return folder === "" ? name : `${folder.replace(/[\\/]+$/, "")}${separator}${name.replace(/^\.\//, "")}`
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const stepsOf = (messages: Prompt["messages"]): ReadonlyArray<Step> =>
  messages.flatMap((message) =>
    message.toolCalls.flatMap((call) => {
      const answer = messages.find((other) => other.role === "tool" && other.toolCallId === call.id)
      return answer === undefined
        ? []
        : [
            {
              name: call.name,
              arguments: Option.match(Json.parse(call.arguments), { onNone: () => ({}), onSome: Json.objectOf }),
              result: inWords(whole(answer.text)),
              failed: looksFailed(answer.text),
              partial: leftOut.test(answer.text)
            }
          ]
    })
  )

// Many clients append the structured form of a result to its text, as a repetition.
const inWords = (text: string): string => text.replace(/(?<=\S)\s*^structured (?:result|content)\b[\s\S]*$/im, "")

/** The line that stands for what a client leaves out of a long result. */
const leftOut = /^\[… .*left out.* …\]$/m

/** Without the two lines that may have been cut through. */
const whole = (text: string): string => text.replace(/^.*\n(\[… .*left out.* …\])\n.*$/m, "$1")

const looksFailed = (text: string): boolean =>
  /^\s*(\{?"?(error|isError)\b|error\b|mcp error|failed\b|unknown tool|invalid arguments|access denied|refused)/i.test(
    text
  )

const filesOf = (step: Step): ReadonlyArray<string> => {
  const folder = Json.stringOf(step.arguments["path"])
  return step.failed || folder === undefined ? [] : entriesOf(step.result).files.map((name) => join(folder, name))
}

const canonicalJson = (value: unknown): string => {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`
  if (!Json.isObject(value)) return Json.stringify(value ?? null)
  return `{${Object.keys(value)
    .toSorted()
    .map((key) => `${key}:${canonicalJson(value[key])}`)
    .join(",")}}`
}
