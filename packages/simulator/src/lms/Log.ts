/** `lms log stream` (contract F9): one source per process, JSON lines on stdout, ended by a signal with exit 0. */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Json from "../internal/json.ts"
import type { LogEntry } from "../state/LogStream.ts"
import type { Command, Session } from "./Session.ts"
import { connect, fail } from "./Session.ts"
import { hostOptions, logOptions } from "./Usage.ts"

export const logStream: Command = {
  shape: {
    name: "stream",
    options: [
      { long: "--source", short: "-s", value: "<source>", check: oneOf(["model", "server", "runtime"]) },
      { long: "--filter", value: "<filter>" },
      { long: "--json" },
      { long: "--stats" },
      ...hostOptions,
      ...logOptions
    ]
  },
  since: 202404,
  run: Effect.fnUntraced(function* (session: Session) {
    const source = session.parsed.values.get("--source") ?? "model"
    const filter = session.parsed.values.get("--filter")?.split(",")
    if (source !== "model" && (filter !== undefined || session.parsed.flags.has("--stats"))) {
      return yield* fail(session, "Error: --filter and --stats can only be used with the model source.")
    }
    yield* connect(session)
    const signal = yield* session.terminal.handle(["SIGINT", "SIGTERM"])
    const entries = yield* session.world.logs.subscribe
    yield* session.err("Streaming logs from LM Studio\n")
    const following = Stream.runForEach(
      Stream.filter(entries, (entry) => wanted(entry, source, filter)),
      (entry) => session.out(session.parsed.flags.has("--json") ? Json.stringify(entry) : asText(entry))
    )
    yield* Effect.raceFirst(following, signal)
    return 0
  }, Effect.scoped)
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

function oneOf(allowed: ReadonlyArray<string>) {
  return (value: string) => (allowed.includes(value) ? undefined : `Allowed choices are ${allowed.join(", ")}.`)
}

const sources = {
  "llm.prediction.input": "model",
  "llm.prediction.output": "model",
  "server.log": "server"
} as const

const wanted = ({ data }: LogEntry, source: string, filter: ReadonlyArray<string> | undefined): boolean =>
  sources[data.type] === source && (filter === undefined || filter.some((word) => data.type.endsWith(`.${word}`)))

const asText = ({ data, timestamp }: LogEntry): string => {
  switch (data.type) {
    case "llm.prediction.input":
      return `timestamp: ${timestamp}\ntype: ${data.type}\nmodelIdentifier: ${data.modelIdentifier}\ninput:\n${data.input}\n`
    case "llm.prediction.output":
      return `timestamp: ${timestamp}\ntype: ${data.type}\nmodelIdentifier: ${data.modelIdentifier}\noutput:\n${data.output}\n`
    case "server.log":
      return `[${data.level.toUpperCase()}] ${data.content}`
  }
}
