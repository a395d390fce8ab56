/** Classifies a value from a server: a request, a notification, an answer, or nothing relevant. */
import type { JSONRPCNotification, JSONRPCRequest } from "@modelcontextprotocol/client"
import * as Predicate from "effect/Predicate"
import * as ErrorWords from "./ErrorWords.ts"
import * as MessageText from "./MessageText.ts"

/** How a request ended. */
export type Ending =
  | { readonly _tag: "Result"; readonly value: unknown }
  | { readonly _tag: "Failed"; readonly error: ErrorWords.ServerError }

export type Incoming =
  | { readonly _tag: "Said"; readonly message: JSONRPCRequest | JSONRPCNotification }
  /** `id` as the server wrote it, which need not be one of ours. */
  | { readonly _tag: "Answer"; readonly id: unknown; readonly ending: Ending; readonly came: unknown }

/** The pending requests, as far as reading depends on them. */
export interface Expected {
  /** Whether the value came as the reply to one request: then it is the answer, whatever it is. */
  readonly isReply: boolean
  /** The method of the only pending request. */
  readonly method: string | undefined
  readonly isOpen: (id: unknown) => boolean
}

/** Reads one value. A list is a batch, or else an answer in the form of a list. */
export const of = (value: unknown, expected: Expected): ReadonlyArray<Incoming> => {
  if (Array.isArray(value) && MessageText.isMessage(value)) return value.flatMap((each) => of(each, expected))
  if (!Predicate.isReadonlyRecord(value)) return expected.isReply ? [bare(value)] : []
  if (typeof value["method"] === "string" && !("result" in value) && isNothing(value["error"])) return said(value)
  return expected.isReply || isAnswer(value, expected) ? [answer(value)] : []
}

/** A text that looks like a message but cannot be parsed. */
export const unreadable = (text: string): Incoming => ({
  ...bare(undefined),
  ending: failed(`Its answer cannot be read. It wrote: ${ErrorWords.shown(text)}`),
  came: text
})

export const failed = (text: string, code?: number): Ending => ({
  _tag: "Failed",
  error: { code, text, data: undefined }
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

type UnknownRecord = { readonly [key: PropertyKey]: unknown }

type Answer = Extract<Incoming, { readonly _tag: "Answer" }>

const isNothing = (value: unknown) => value === undefined || value === null

const bare = (value: unknown): Answer => ({
  _tag: "Answer",
  id: undefined,
  ending: { _tag: "Result", value },
  came: value
})

const isAnswer = (value: UnknownRecord, { isOpen, method }: Expected) =>
  MessageText.isMessage(value) ||
  (isOpen(value["id"]) && !MessageText.isLogged(value)) ||
  (resultKeys[method ?? ""] ?? []).some((key) => key in value)

/** Keys by which a bare result of a method is recognised. */
const resultKeys: Readonly<Record<string, ReadonlyArray<string>>> = {
  initialize: ["protocolVersion", "serverInfo", "capabilities"],
  "tools/list": ["tools"],
  "tools/call": ["content", "structuredContent", "toolResult", "isError"]
}

const answer = (came: UnknownRecord): Answer => ({ _tag: "Answer", id: came["id"], ending: endingOf(came), came })

const endingOf = (came: UnknownRecord): Ending => {
  const { error, id: _id, jsonrpc: _jsonrpc, method: _method, params: _params, result, ...rest } = came
  const hasResult = result !== undefined
  const isError = !isNothing(error) && !(hasResult && isEmpty(error))
  if (isError) {
    const read = ErrorWords.read(error)
    const also = isNothing(result) ? "" : ` It also sent a result: ${ErrorWords.shown(result)}`
    return { _tag: "Failed", error: { ...read, text: `${read.text}${also}` } }
  }
  if (hasResult) return { _tag: "Result", value: result }
  if (typeof rest["message"] === "string" && ("code" in rest || Object.keys(rest).length === 1)) {
    return { _tag: "Failed", error: ErrorWords.read(rest) }
  }
  if (Object.keys(rest).length > 0) return { _tag: "Result", value: rest }
  return failed(`It answered with neither a result nor an error: ${ErrorWords.shown(came)}`)
}

const isEmpty = (error: unknown) =>
  error === false ||
  error === 0 ||
  error === "" ||
  (typeof error === "object" && error !== null && Object.keys(error).length === 0)

const said = (value: UnknownRecord): ReadonlyArray<Incoming> => {
  const { id, method, params } = value
  if (typeof method !== "string") return []
  const base = {
    jsonrpc: "2.0" as const,
    method,
    ...(Predicate.isReadonlyRecord(params) ? { params: paramsOf(method, params) } : {})
  }
  if (isNothing(id) || method.startsWith("notifications/")) return [{ _tag: "Said", message: base }]
  // a request that cannot be answered under its own id is not answered
  return typeof id === "string" || Number.isSafeInteger(id)
    ? [{ _tag: "Said", message: { ...base, id: typeof id === "string" ? id : Number(id) } }]
    : []
}

const paramsOf = (method: string, params: UnknownRecord): Record<string, unknown> => {
  const { _meta, ...rest } = params
  return {
    ...(method === "notifications/progress" ? progress(rest) : rest),
    ...(Predicate.isReadonlyRecord(_meta) ? { _meta: metaOf(_meta) } : {})
  }
}

const metaOf = ({ progressToken, ...meta }: UnknownRecord) => ({
  ...Object.fromEntries(Object.entries(meta).filter(([key]) => key !== relatedTask)),
  ...(typeof progressToken === "string" || Number.isSafeInteger(progressToken) ? { progressToken } : {})
})

/** The SDK queues messages that belong to a task of ours, but we have none. */
const relatedTask = "io.modelcontextprotocol/related-task"

const progress = ({ message, progress, progressToken, total, ...rest }: UnknownRecord) => ({
  ...rest,
  progressToken: numberOf(progressToken) ?? progressToken,
  progress: numberOf(progress) ?? 0,
  ...(numberOf(total) === undefined ? {} : { total: numberOf(total) }),
  ...(isNothing(message) ? {} : { message: typeof message === "string" ? message : MessageText.serialize(message) })
})

const numberOf = (value: unknown) => {
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value
  return typeof number === "number" && Number.isFinite(number) ? number : undefined
}
