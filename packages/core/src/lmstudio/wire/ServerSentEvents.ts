/** Server-sent events from text that arrives in pieces. */
import { createParser } from "eventsource-parser"

/** `event` is "" when the server named none. */
export interface ServerSentEvent {
  readonly event: string
  readonly data: string
}

/** Reads one stream. `push` returns the events that are complete; `end` also returns one without its blank line. */
export interface Reader {
  readonly push: (text: string) => ReadonlyArray<ServerSentEvent>
  readonly end: () => ReadonlyArray<ServerSentEvent>
}

export const reader = (): Reader => {
  let events: Array<ServerSentEvent> = []
  const parser = createParser({
    onEvent: ({ data, event = "" }) => void events.push({ event, data }),
    // llama.cpp's router writes a bare line into the stream when a model's process ends in a reply (contract R5)
    onError: ({ field, line }) => void (field === "proxy error" && events.push({ event: "error", data: line ?? field }))
  })
  const push = (text: string) => {
    events = []
    parser.feed(text)
    return events
  }
  return { push, end: () => push("\n\n") }
}
