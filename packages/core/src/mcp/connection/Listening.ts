/**
 * Listens to the changes of a server that speaks 2026-07-28, which sends them only on a stream that the client opens
 * (`subscriptions/listen`). A stream that ends is opened anew, and then all is looked up again.
 */
import { SdkHttpError } from "@modelcontextprotocol/client"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { Ending } from "../reading/Incoming.ts"
import { connectionClosed } from "../transport/FetchedMessages.ts"
import type { TolerantTransport } from "../transport/TolerantTransport.ts"

/** Ends when the server does not know how to, or with the connection. */
export const start = (options: {
  readonly server: string
  readonly listen: TolerantTransport["listen"]
  readonly wanted: Readonly<Record<string, boolean>>
  /** Runs when a stream has begun after another. */
  readonly missed: () => void
  readonly isOpen: () => boolean
}): Effect.Effect<void> => {
  const { isOpen, listen, missed, server, wanted } = options
  /** Until its end; whether it may be opened anew. */
  const stream = (heard: () => void) =>
    Effect.async<boolean>((resume) => {
      const leave = listen(wanted, {
        heard,
        ended: (ending) => resume(Effect.succeed(isOver(ending))),
        failed: (error) => resume(Effect.succeed(isLost(error)))
      })
      return Effect.sync(leave)
    })
  const again = (failures: number, heard: () => void): Effect.Effect<void> =>
    Effect.flatMap(Effect.timed(stream(heard)), ([lasted, mayGoOn]) => {
      if (!isOpen()) return Effect.void
      if (!mayGoOn)
        return Effect.annotateLogs(Effect.logDebug("the server's changes cannot be listened to"), { server })
      const before = Duration.greaterThan(lasted, longest) ? 0 : failures
      const wait = Duration.min(Duration.times(shortest, 2 ** before), longest)
      return Effect.zipRight(Effect.sleep(wait), again(before + 1, missed))
    })
  return again(0, () => {})
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const shortest = Duration.seconds(1)
const longest = Duration.minutes(1)

/** Whether it was a stream that has ended or was cut. Any other answer is a refusal for good. */
const isOver = (ending: Ending) => ending._tag === "Result" || ending.error.code === connectionClosed

/** Whether it may be had later: the server could not be reached, or is not ready. */
const isLost = (error: unknown) =>
  error instanceof SdkHttpError
    ? error.status === 429 || (error.status >= 500 && error.status !== 501)
    : error instanceof TypeError
