/**
 * Server-sent events from text that arrives in pieces. `Sse.makeChannel` of `@effect/experimental` drops what follows a
 * `retry:` field or a change between CRLF and LF, and is slow when a piece holds many events.
 */

/** `event` is "" when the server named none. */
export interface ServerSentEvent {
  readonly event: string
  readonly data: string
}

/** What has arrived and is no event yet: an unfinished line, and the fields of an unfinished event. */
export interface Pending {
  readonly line: string
  readonly event: string
  readonly data: string | undefined
}

export interface Parsed {
  readonly pending: Pending
  readonly events: ReadonlyArray<ServerSentEvent>
}

export const nothing: Pending = { line: "", event: "", data: undefined }

/** The next piece of text. Comments, `id:` and `retry:` are passed over. */
export const push = (before: Pending, text: string): Parsed => {
  const lines = (before.line + text).split("\n")
  const line = lines.pop() ?? ""
  const events: Array<ServerSentEvent> = []
  let { data, event } = before
  for (const each of lines) {
    const whole = each.endsWith("\r") ? each.slice(0, -1) : each
    if (whole === "") {
      if (data !== undefined) events.push({ event, data })
      event = ""
      data = undefined
      continue
    }
    const colon = whole.indexOf(":")
    const field = colon === -1 ? whole : whole.slice(0, colon)
    const value = colon === -1 ? "" : whole.slice(whole.charAt(colon + 1) === " " ? colon + 2 : colon + 1)
    if (field === "data") data = data === undefined ? value : `${data}\n${value}`
    else if (field === "event") event = value
  }
  return { pending: { line, event, data }, events }
}

/** The end of the text, which ends the last event: whoever reads its data sees whether it is whole. */
export const end = (pending: Pending): ReadonlyArray<ServerSentEvent> => push(pending, "\n\n").events
