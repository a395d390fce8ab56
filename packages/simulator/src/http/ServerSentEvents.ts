/**
 * Server-sent events as bytes, with variations that occur in practice: CRLF, comments, writes that split characters.
 */
import * as Stream from "effect/Stream"
import { present } from "@lms-bridge/core/Json"
import * as Json from "../internal/json.ts"
import type { Turn } from "../model/Script.ts"

export interface Frame {
  readonly event?: string
  readonly data: string
  /** A line that is no event, as llama.cpp's router writes when a model's process ends in a reply. */
  readonly bare?: true
}

export const frame = (data: unknown, event?: string): Frame => ({
  data: Json.stringify(data),
  ...present({ event })
})

export const done: Frame = { data: "[DONE]" }

/** One write per event, unless the turn's `chunking` says otherwise. */
export const encode =
  (chunking: Turn["chunking"]) =>
  <E>(frames: Stream.Stream<Frame, E>): Stream.Stream<Uint8Array, E> => {
    const end = chunking?.crlf === true ? "\r\n" : "\n"
    const bytes = frames.pipe(
      Stream.map(({ bare, data, event }) =>
        bare === true
          ? data
          : (chunking?.keepAlive === true ? `: keep-alive${end}${end}` : "") +
            (event === undefined ? "" : `event: ${event}${end}`) +
            `data: ${data}${end}${end}`
      ),
      Stream.encodeText
    )
    const size = chunking?.bytes
    return size === undefined
      ? bytes
      : Stream.mapConcat(bytes, (whole) =>
          Array.from({ length: Math.ceil(whole.length / size) }, (_, index) =>
            whole.subarray(index * size, (index + 1) * size)
          )
        )
  }
