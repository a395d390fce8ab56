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
  const parser = createParser({ onEvent: ({ data, event = "" }) => void events.push({ event, data }) })
  const push = (text: string) => {
    events = []
    parser.feed(text)
    return events
  }
  return { push, end: () => push("\n\n") }
}
