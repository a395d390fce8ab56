/**
 * Succeeds when the client on this process's stdin and stdout has gone.
 */
import * as Effect from "effect/Effect"

/** The SDK's transport reports neither the end of stdin nor that stdout is closed. */
export const hungUp = Effect.async<void>((resume) => {
  const done = () => resume(Effect.void)
  process.stdin.once("end", done).once("close", done)
  process.stdout.on("error", done)
})
