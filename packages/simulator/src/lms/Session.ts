/**
 * What all `lms` subcommands share: their world and terminal, finding or starting LM Studio, and prompts without a TTY.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { Settings } from "../Settings.ts"
import type { Terminal } from "./Terminal.ts"
import type { World } from "../World.ts"
import type { CommandShape, Parsed } from "./Usage.ts"

/** Ends the command with this code, after all output. */
export class Exit extends Schema.TaggedError<Exit>()("SimulatedExit", { code: Schema.Int }) {
  readonly retryable = false
  override get message() {
    return `exit ${this.code}`
  }
}

export interface Session {
  readonly world: World
  readonly terminal: Terminal
  readonly parsed: Parsed
  readonly settings: Settings
  readonly out: (line: string) => Effect.Effect<void>
  /** All logger output goes to stderr. */
  readonly err: (line: string) => Effect.Effect<void>
}

export interface Command {
  readonly shape: CommandShape
  /** Year and month of its introduction. */
  readonly since: number
  readonly run: (session: Session) => Effect.Effect<number, Exit>
}

export const fail = (session: Session, text: string, code = 1): Effect.Effect<never, Exit> =>
  Effect.zipRight(session.err(text), new Exit({ code }))

/** Connects to LM Studio at `--host`/`--port`, else to the local one, which it starts first when it is off. */
export const connect = Effect.fnUntraced(function* (session: Session) {
  const host = session.parsed.values.get("--host")
  const port = session.parsed.values.get("--port")
  if (host?.includes("://") === true) return yield* fail(session, "Error: Host should not include the protocol.")
  if (host !== undefined && /:\d+$/.test(host)) {
    return yield* fail(session, "Error: Host should not include the port number. Use --port instead.")
  }
  const local = host === undefined || host === "127.0.0.1" || host === "localhost"
  if (local && port === undefined) return yield* wake(session)
  const machine = yield* session.world.state.get
  if (local && machine.settings.serverRunning && String(machine.port) === (port ?? "1234")) return
  return yield* fail(
    session,
    `Error: The server does not appear to be running at ${host ?? "127.0.0.1"}:${port ?? "1234"}. Please make sure the server is running and accessible at the specified address.`
  )
})

/** An inquirer prompt without a TTY: fails when the input ends, waits forever when it is open and silent. */
export const prompt = Effect.fnUntraced(function* (session: Session, question: string) {
  yield* session.err(`? ${question}`)
  const answer = yield* session.terminal.line
  return answer ?? (yield* new Exit({ code: 1 }))
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const startsWithin = Duration.seconds(60)

const wake = Effect.fnUntraced(function* (session: Session) {
  const { appRunning, autostartDelay, installed } = yield* session.world.state.settings
  if (appRunning) return
  const hopeless = "Error: Failed to start or connect to local LM Studio API server."
  if (!installed) {
    yield* session.err("Error: LM Studio daemon is not running and no valid installation could be found or installed.")
    return yield* fail(session, hopeless)
  }
  yield* session.err("Waking up LM Studio service...")
  if (autostartDelay === null) {
    yield* Effect.sleep(startsWithin)
    yield* session.err("Error: Timed out waiting for LM Studio daemon to start.")
    return yield* fail(session, hopeless)
  }
  yield* Effect.sleep(autostartDelay)
  yield* session.world.state.startApp
})
