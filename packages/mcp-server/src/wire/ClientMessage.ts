/**
 * Reads a client's messages leniently: `null` means absent, and every invalid message with an id becomes an answer that
 * says why, in one sentence. Pure.
 */
import { isTooDeep, mostLevels } from "@lms-bridge/core/Json"
import { ClientRequestSchema, JSONRPCMessageSchema } from "@modelcontextprotocol/core"
import {
  type JSONRPCMessage,
  LATEST_PROTOCOL_VERSION,
  ProtocolErrorCode,
  SUPPORTED_PROTOCOL_VERSIONS
} from "@modelcontextprotocol/server"
import * as Either from "effect/Either"
import * as Predicate from "effect/Predicate"
import { cut, kindOf } from "../Words.ts"
import * as Zod from "./ZodWords.ts"

/** An error response: `id` is null if the message had no valid one. */
export interface Answer {
  readonly jsonrpc: "2.0"
  readonly id: string | number | null
  readonly error: { readonly code: number; readonly message: string; readonly data?: unknown }
}

export type Reading =
  | { readonly _tag: "Message"; readonly message: JSONRPCMessage }
  | { readonly _tag: "Answer"; readonly answer: Answer }
  /** It is invalid, and needs no answer. */
  | { readonly _tag: "Nothing"; readonly detail: string }

/** Reads a text with one message, or with a list of them, as in older revisions. */
export const parse = (text: string): ReadonlyArray<Reading> =>
  Either.match(
    Either.try((): unknown => JSON.parse(text)),
    {
      onLeft: () => [refused(null, ProtocolErrorCode.ParseError, "This is not JSON.")],
      onRight: (value) =>
        isTooDeep(text) ? [refused(idIn(value), ProtocolErrorCode.InvalidRequest, tooDeep)] : read(value)
    }
  )

/** The same for parsed JSON. */
export const read = (value: unknown): ReadonlyArray<Reading> => {
  if (!Array.isArray(value)) return [one(value)]
  if (value.length === 0) return [refused(null, ProtocolErrorCode.InvalidRequest, "An empty list holds no message.")]
  if (value.length > mostInList) {
    return [refused(null, ProtocolErrorCode.InvalidRequest, `A list may hold ${mostInList} messages at most.`)]
  }
  return value.map(one)
}

/** The answer to a message that is too long to read, with its id if that is at the beginning. */
export const tooLong = (beginning: string, mostBytes: number): Answer => {
  const [, text, number] =
    /^\s*\{(?:\s*"jsonrpc"\s*:\s*"2\.0"\s*,)?\s*"id"\s*:\s*(?:"([^"\\]*)"|(-?\d{1,15})\b)/.exec(beginning) ?? []
  return answerTo(
    text ?? (number === undefined ? null : Number(number)),
    ProtocolErrorCode.InvalidRequest,
    `A message may have ${Math.floor(mostBytes / 1024 / 1024)} MB at most.`
  )
}

/** Why a request without a session is refused: no `initialize`, or another revision. */
export const beforeInitialize = (version: string | undefined): string =>
  version === undefined || SUPPORTED_PROTOCOL_VERSIONS.includes(version)
    ? "Begin with initialize, and send the Mcp-Session-Id of its answer with every request."
    : otherRevision(version)

/** Whether we support a revision. */
export const isSpoken = (version: string): boolean => SUPPORTED_PROTOCOL_VERSIONS.includes(version)

export const otherRevision = (version: string): string =>
  `This server speaks MCP ${modern}, ${LATEST_PROTOCOL_VERSION} and older, not "${cut(version)}"; use a client that also speaks one of them.`

/** The revision that begins without `initialize`. */
const modern = "2026-07-28"

const withoutRevision = `"params._meta" must name the revision in io.modelcontextprotocol/protocolVersion, such as ${modern}.`

export const answerTo = (
  id: string | number | null,
  code: number,
  message: string,
  data?: Readonly<Record<string, unknown>>
): Answer => ({ jsonrpc: "2.0", id, error: { code, message, ...(data === undefined ? {} : { data }) } })

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const tooDeep = `A message may be nested ${mostLevels} levels deep at most.`

const idIn = (message: unknown): Answer["id"] => (isFields(message) && isId(message["id"]) ? message["id"] : null)

/** As many as the SDK takes over HTTP. */
const mostInList = 100

type Fields = { readonly [key: string]: unknown }

const isFields = (value: unknown): value is Fields => Predicate.isReadonlyRecord(value)

const refused = (id: Answer["id"], code: number, message: string, data?: Fields): Reading => ({
  _tag: "Answer",
  answer: answerTo(id, code, message, data)
})

const nothing = (detail: string): Reading => ({ _tag: "Nothing", detail })

const one = (value: unknown): Reading => {
  if (!isFields(value)) {
    return refused(null, ProtocolErrorCode.InvalidRequest, `A message must be an object, not ${kindOf(value)}.`)
  }
  const message = ownNonNull(value)
  const { id, jsonrpc = "2.0", method } = message
  const asks = id !== undefined
  const known = isId(id) ? id : null
  const invalid = (detail: string) =>
    asks ? refused(known, ProtocolErrorCode.InvalidRequest, detail) : nothing(detail)
  if (method === undefined) return asks ? response({ ...message, jsonrpc }, known) : nothing("It has no method.")
  if (asks && known === null) return invalid(`"id" must be a string or a whole number, not ${kindOf(id)}.`)
  if (jsonrpc !== "2.0") return invalid(`"jsonrpc" must be "2.0".`)
  if (typeof method !== "string") return invalid(`"method" must be a string, not ${kindOf(method)}.`)
  // some clients write `"id": null` in notifications; any other method with it expects an answer
  if (!asks && value["id"] === null && !method.startsWith("notifications/")) {
    return refused(
      null,
      ProtocolErrorCode.InvalidRequest,
      `"${cut(method)}" needs an id that is a string or a whole number.`
    )
  }
  const params = paramsOf(method, message["params"])
  if (Either.isLeft(params)) {
    return asks ? refused(known, ProtocolErrorCode.InvalidParams, params.left) : nothing(params.left)
  }
  const { right } = params
  const whole = { jsonrpc, ...(asks ? { id } : {}), method, ...(right === undefined ? {} : { params: right }) }
  return asks ? request(whole, method, right, known) : checked(whole)
}

/** An answer to a request of ours. */
const response = (message: Fields, id: Answer["id"]): Reading => {
  const { error } = message
  if ("result" in message) return checked({ jsonrpc: "2.0", id, result: message["result"] })
  if (error === undefined) {
    return refused(id, ProtocolErrorCode.InvalidRequest, "A message must have a method, a result or an error.")
  }
  const { code, message: text } = isFields(error) ? error : { code: undefined, message: error }
  return checked({
    jsonrpc: "2.0",
    id,
    error: {
      code: Number.isSafeInteger(code) ? code : ProtocolErrorCode.InternalError,
      message: typeof text === "string" ? text : "The error has no message."
    }
  })
}

const request = (whole: Fields, method: string, params: Fields | undefined, id: Answer["id"]): Reading => {
  const version = revisionOf(params)
  // a client that begins this way and gets this code falls back to `initialize`, if it speaks an older revision
  if (method === "server/discover" && version === undefined) {
    return refused(id, ProtocolErrorCode.MethodNotFound, withoutRevision, revisions(version))
  }
  if (version !== undefined && version !== modern && method !== "initialize" && !isSpoken(version)) {
    return refused(id, ProtocolErrorCode.UnsupportedProtocolVersion, otherRevision(version), revisions(version))
  }
  const fault = faultIn(whole, method)
  return fault === undefined ? checked(whole) : refused(id, ProtocolErrorCode.InvalidParams, fault)
}

const revisions = (requested: string | undefined) => ({
  supported: [modern, ...SUPPORTED_PROTOCOL_VERSIONS],
  ...(requested === undefined ? {} : { requested: cut(requested) })
})

/** Since 2026-07-28 every request names its revision. */
const revisionOf = (params: Fields | undefined): string | undefined => {
  const meta = params?.["_meta"]
  const version = isFields(meta) ? meta["io.modelcontextprotocol/protocolVersion"] : undefined
  return typeof version === "string" ? version : undefined
}

const checked = (message: unknown): Reading => {
  const parsed = JSONRPCMessageSchema.safeParse(message)
  return parsed.success ? { _tag: "Message", message: parsed.data } : nothing("It is not an MCP message.")
}

const isId = (id: unknown): id is string | number => typeof id === "string" || Number.isSafeInteger(id)

const paramsOf = (method: string, params: unknown): Either.Either<Fields | undefined, string> => {
  if (params === undefined) {
    return Either.right(method === "initialize" ? introduction({}) : undefined)
  }
  if (!isFields(params)) return Either.left(`"params" must be an object, not ${kindOf(params)}.`)
  const { arguments: given, ...rest } = ownNonNull(params)
  const said = withoutNulls(rest)
  if (said["_meta"] !== undefined && !isFields(said["_meta"])) {
    return Either.left(`"_meta" must be an object, not ${kindOf(said["_meta"])}.`)
  }
  if (method === "initialize") return Either.right(introduction(said))
  if (given === undefined) return Either.right(said)
  return Either.map(argumentsOf(given), (args) => ({ ...said, arguments: args }))
}

/** Nulls further down are left to the tool's schema, where a null may be a value. */
const argumentsOf = (given: unknown): Either.Either<Fields, string> => {
  if (isFields(given)) return Either.right(ownNonNull(given))
  const wrong = Either.left(`"arguments" must be an object, not ${kindOf(given)}.`)
  if (typeof given !== "string") return wrong
  if (given.trim() === "") return Either.right({})
  // a string of JSON, as in the APIs of models
  const parsed = isTooDeep(given) ? undefined : Either.getOrUndefined(Either.try((): unknown => JSON.parse(given)))
  return isFields(parsed) ? Either.right(ownNonNull(parsed)) : wrong
}

/** Clients that do not introduce themselves are served, too. */
const introduction = (params: Fields): Fields => {
  const { capabilities, clientInfo, protocolVersion, ...rest } = params
  return {
    ...rest,
    protocolVersion: protocolVersion ?? LATEST_PROTOCOL_VERSION,
    capabilities: capabilities ?? {},
    clientInfo:
      clientInfo === undefined || isFields(clientInfo) ? { name: "unknown", version: "", ...clientInfo } : clientInfo
  }
}

const ownNonNull = (fields: Fields): Fields =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null))

const withoutNulls = (fields: Fields): Fields => {
  const inner = (value: unknown): unknown =>
    Array.isArray(value) ? value.map(inner) : isFields(value) ? withoutNulls(value) : value
  return Object.fromEntries(Object.entries(ownNonNull(fields)).map(([key, value]) => [key, inner(value)]))
}

const schemas = new Map(ClientRequestSchema.options.map((schema) => [schema.shape.method.value as string, schema]))

/** Checked before the SDK, which would answer -32603 and the whole output of its validator. */
const faultIn = (message: Fields, method: string): string | undefined => {
  const parsed = schemas.get(method)?.safeParse(message)
  return parsed?.error === undefined ? undefined : Zod.sentence(parsed.error.issues, message)
}
