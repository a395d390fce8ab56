/**
 * The end of a client that speaks through this process's stdin and stdout.
 */
import * as Effect from "effect/Effect"

/** The SDK's transport reports neither the end of stdin nor that nobody reads stdout any more. */
export const hungUp = Effect.async<void>((resume) => {
  const done = () => resume(Effect.void)
  process.stdin.once("end", done).once("close", done)
  process.stdout.on("error", done)
})
