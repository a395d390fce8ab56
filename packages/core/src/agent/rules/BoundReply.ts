/**
 * A reply in bound steps, read: the call or the answer that it is. Nothing is taken for granted: engines drop the schema of
 * the reply without a word, thinking models write the step where they think, and a step may be cut.
 */
import * as Either from "effect/Either"
import * as Predicate from "effect/Predicate"
import { decodeJson } from "../../internal/parseJson.ts"
import { stringify } from "../../json/ExactJson.ts"
import type { ChatReply } from "../../lmstudio/Chat.ts"
import { repairJson } from "../schema/JsonRepair.ts"
import * as StructuredAnswer from "../schema/StructuredAnswer.ts"
import { answer } from "../shapes/Bound.ts"

/** The reply as a call or as an answer in words; undefined when it is no step. `structured`: the answer is JSON. */
export const read = (reply: ChatReply, options: { readonly structured: boolean }): ChatReply | undefined => {
  const cut = reply.finishReason === "length" || reply.finishReason === ""
  for (const text of candidates(reply)) {
    const step = stepIn(text, cut)
    if (step === undefined) continue
    const rest = { ...reply, content: "", toolCalls: [] }
    return step.tool === answer
      ? { ...rest, content: answerIn(step.args, options.structured) }
      : { ...rest, toolCalls: [{ id: "", name: step.tool, arguments: step.source }] }
  }
  return undefined
}

/** What may be shown of a reply while it comes in: the text of an answer, out of its JSON. */
export interface ShownAnswer {
  readonly push: (piece: string) => string
}

export const shownAnswer = (): ShownAnswer => {
  let all = ""
  let from: number | undefined
  let ended = false
  return {
    push: (piece) => {
      all += piece
      if (ended) return ""
      if (from === undefined) {
        const opening = openingOfAnswer.exec(all)
        if (opening === null) {
          // a call, or no step at all
          ended = all.length > longestOpening
          return ""
        }
        from = opening[0].length
      }
      // what may be half of an escape waits for the rest
      const body = /^(?:[^"\\]|\\(?:u[\da-fA-F]{4}|[^u]))*/.exec(all.slice(from))?.[0] ?? ""
      ended = all.charAt(from + body.length) === '"'
      from += body.length
      const text = Either.getOrElse(decodeJson(`"${body.replaceAll("\n", "\\n")}"`), () => "")
      return typeof text === "string" ? text : ""
    }
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const openingOfAnswer = /^\s*\{\s*"tool"\s*:\s*"answer"\s*,\s*"arguments"\s*:\s*\{\s*"text"\s*:\s*"/

const longestOpening = 120

/** The text, without a fence around it; else what a thinking model left in its thoughts. */
const candidates = ({ content, reasoning }: ChatReply): ReadonlyArray<string> => {
  const text = content.trim()
  if (text === "") return StructuredAnswer.inReasoning(reasoning)
  const [, fenced] = /^```(?:json)?\s*\n([\s\S]*?)\n?```$/.exec(text) ?? []
  return fenced === undefined ? [text] : [fenced.trim()]
}

interface Step {
  readonly tool: string
  readonly args: unknown
  /** The arguments as JSON, or as they were written when they were cut. */
  readonly source: string
}

const stepIn = (text: string, cut: boolean): Step | undefined => {
  if (!text.startsWith("{")) return undefined
  const whole = Either.orElse(decodeJson(text), () => Either.flatMap(repairJson(text), decodeJson))
  if (Either.isRight(whole)) return asStep(whole.right)
  if (!cut) return undefined
  const [begun, tool] = /^\{\s*"tool"\s*:\s*"([^"\\]{1,200})"\s*,\s*"arguments"\s*:\s*/.exec(text) ?? []
  if (begun === undefined || tool === undefined) return undefined
  // what there is of an answer is an answer; a call that was cut is told so by those who judge it
  const words = tool === answer ? shownAnswer().push(text) : undefined
  return { tool, args: words === undefined ? {} : { text: words }, source: text.slice(begun.length) }
}

const asStep = (value: unknown): Step | undefined => {
  if (!Predicate.isRecord(value)) return undefined
  const tool = value["tool"] ?? value["name"]
  const args = value["arguments"] ?? value["parameters"] ?? {}
  return typeof tool === "string" && tool.trim() !== ""
    ? { tool: tool.trim(), args, source: typeof args === "string" ? args : stringify(args) }
    : undefined
}

/** The words of an answer: its text, under whatever name it was given, else all of it as JSON. */
const answerIn = (args: unknown, structured: boolean): string => {
  if (typeof args === "string") return args
  if (!Predicate.isRecord(args)) return stringify(args)
  const values = Object.values(args)
  const [only] = values
  if (!structured && typeof args["text"] === "string") return args["text"]
  if (!structured && values.length === 0) return ""
  if (!structured && values.length === 1 && typeof only === "string") return only
  return stringify(args)
}
