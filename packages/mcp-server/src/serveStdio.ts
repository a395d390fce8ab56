/**
 * Serves on this process's stdin and stdout until the client leaves.
 */
import type { Services } from "@lms-bridge/core/Bridge"
import type { Settings } from "@lms-bridge/core/Settings"
import * as Effect from "effect/Effect"
import { hungUp } from "./hungUp.ts"
import { Runs } from "./runs/Runs.ts"
import * as Server from "./protocol/Server.ts"
import { serveOn } from "./serveOn.ts"

/** The logger must write to stderr: stdout is only for the protocol. Ends with the input, whatever is running. */
export const serveStdio: Effect.Effect<void, Server.TransportFailed, Services | Settings> = Effect.suspend(() =>
  Effect.raceFirst(serveOn(Server.stdioTransport()), hungUp)
).pipe(Effect.provideServiceEffect(Runs, Runs.make), Effect.scoped)
