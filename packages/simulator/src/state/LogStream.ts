/** The source of `lms log stream`: predictions and server lines, published as they happen. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as PubSub from "effect/PubSub"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"

export type LogData =
  | {
      readonly type: "llm.prediction.input"
      readonly input: string
      readonly modelPath: string
      readonly modelIdentifier: string
    }
  | {
      readonly type: "llm.prediction.output"
      readonly output: string
      readonly stats: Readonly<Record<string, unknown>>
      readonly modelIdentifier: string
    }
  | { readonly type: "server.log"; readonly content: string; readonly level: "info" | "warn" | "error" }

export interface LogEntry {
  /** Epoch milliseconds. */
  readonly timestamp: number
  readonly data: LogData
}

export interface LogStream {
  readonly publish: (data: LogData) => Effect.Effect<void>
  /** From the moment of subscription; earlier entries are not repeated. */
  readonly subscribe: Effect.Effect<Stream.Stream<LogEntry>, never, Scope.Scope>
}

export const make: Effect.Effect<LogStream> = Effect.map(PubSub.sliding<LogEntry>(1024), (hub) => ({
  publish: (data) =>
    Effect.flatMap(Clock.currentTimeMillis, (timestamp) => Effect.asVoid(PubSub.publish(hub, { timestamp, data }))),
  subscribe: Stream.fromPubSub(hub, { scoped: true })
}))
