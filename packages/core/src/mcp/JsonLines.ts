/**
 * JSON-RPC messages out of bytes, one per line, as MCP frames them on stdio: pure but for the bytes that wait for the
 * rest of their line.
 *
 * @since 0.1.0
 */
import { JSONRPCMessageSchema, type JSONRPCMessage } from "@modelcontextprotocol/sdk/types.js"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import { joinedBytes } from "../internal/joinedBytes.ts"
import { parseJson } from "../internal/parseJson.ts"

/**
 * A line longer than this (bytes) is dropped: it is no message but a runaway.
 *
 * @since 0.1.0
 * @category constants
 */
export const maxLineBytes = 256 * 1024 * 1024

/**
 * Cuts chunks of bytes into lines. Bytes are joined once per line, however many chunks a line came in.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeSplitter = (limit: number = maxLineBytes) => {
  let waiting: Array<Uint8Array> = []
  let size = 0
  let skipping = false

  const take = (end: Uint8Array): ReadonlyArray<string> => {
    const whole = waiting.length === 0 ? end : joinedBytes([...waiting, end], size + end.length)
    const skipped = skipping
    waiting = []
    size = 0
    skipping = false
    return skipped ? [] : [decoder.decode(whole).replace(/\r$/, "")]
  }

  return {
    push: (chunk: Uint8Array): ReadonlyArray<string> => {
      const lines: Array<string> = []
      let start = 0
      for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, start)) {
        lines.push(...take(chunk.subarray(start, end)))
        start = end + 1
      }
      if (start < chunk.length && !skipping) {
        waiting.push(chunk.subarray(start))
        size += chunk.length - start
        if (size > limit) {
          waiting = []
          size = 0
          skipping = true
        }
      }
      return lines
    }
  }
}

/**
 * The message that a line holds; none for anything else. `null` where the specification has "absent" is forgiven, as
 * several servers write it so.
 *
 * @since 0.1.0
 * @category decoding
 */
export const decode = (line: string): Option.Option<JSONRPCMessage> => {
  const parsed = JSONRPCMessageSchema.safeParse(forgiving(parseJson(line)))
  return parsed.success ? Option.some(parsed.data) : Option.none()
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const newline = 10

const decoder = new TextDecoder()

const forgiving = (json: unknown): unknown => {
  if (!Predicate.isReadonlyRecord(json)) return json
  const message = withoutNull(json, ["error", "params"])
  const { result } = message
  if (!Predicate.isReadonlyRecord(result)) return message
  return {
    ...message,
    result: "protocolVersion" in result ? withoutNulls(result) : withoutNull(result, ["_meta", "nextCursor"])
  }
}

type UnknownRecord = { readonly [key: PropertyKey]: unknown }

const withoutNull = (record: UnknownRecord, keys: ReadonlyArray<string>): UnknownRecord =>
  keys.some((key) => record[key] === null)
    ? Object.fromEntries(Object.entries(record).filter(([key, value]) => value !== null || !keys.includes(key)))
    : record

const withoutNulls = (value: unknown): unknown =>
  Predicate.isReadonlyRecord(value)
    ? Object.fromEntries(
        Object.entries(value).flatMap(([key, inner]) => (inner === null ? [] : [[key, withoutNulls(inner)]]))
      )
    : value
