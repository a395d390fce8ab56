/**
 * Server-sent events from bytes. `Sse.makeChannel` of `@effect/experimental` drops what follows a `retry:` field and what
 * follows a change between CRLF and LF, and is slow when a chunk holds many events; lines are enough here.
 *
 * @since 0.1.0
 */
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"

/**
 * `event` is "" when the server named none.
 *
 * @since 0.1.0
 * @category models
 */
export interface ServerSentEvent {
  readonly event: string
  readonly data: string
}

/**
 * Comments, `id:` and `retry:` are passed over. An event that the end of the stream cuts off before its blank line is
 * emitted all the same: whoever reads `data` sees whether it is whole.
 *
 * @since 0.1.0
 * @category decoding
 */
export const fromBytes = <E, R>(bytes: Stream.Stream<Uint8Array, E, R>): Stream.Stream<ServerSentEvent, E, R> =>
  bytes.pipe(
    Stream.decodeText(),
    Stream.splitLines,
    // the end of the stream ends the last event
    Stream.concat(Stream.make("")),
    Stream.mapAccum(nothing, take),
    Stream.filterMap((event) => event)
  )

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

interface Pending {
  readonly event: string
  readonly data: string | undefined
}

const nothing: Pending = { event: "", data: undefined }

const take = (pending: Pending, line: string): readonly [Pending, Option.Option<ServerSentEvent>] => {
  if (line === "") {
    const { data, event } = pending
    return [nothing, data === undefined ? Option.none() : Option.some({ event, data })]
  }
  const colon = line.indexOf(":")
  const field = colon === -1 ? line : line.slice(0, colon)
  const value = colon === -1 ? "" : line.slice(line.charAt(colon + 1) === " " ? colon + 2 : colon + 1)
  switch (field) {
    case "data":
      return [{ ...pending, data: pending.data === undefined ? value : `${pending.data}\n${value}` }, Option.none()]
    case "event":
      return [{ ...pending, event: value }, Option.none()]
    // "" is a comment, which servers send to keep the connection alive
    default:
      return [pending, Option.none()]
  }
}
