/**
 * `lms server`, `lms daemon`, `lms status` and `lms version` (contract F7, F8, F10): some start LM Studio, some do not.
 */
import * as Effect from "effect/Effect"
import * as Json from "../internal/json.ts"
import type { Command, Session } from "./Session.ts"
import { connect, fail } from "./Session.ts"
import { integerAtLeast, logOptions } from "./Usage.ts"
import * as Words from "./Words.ts"

export const serverStart: Command = {
  shape: {
    name: "start",
    options: [
      { long: "--port", short: "-p", value: "<port>", check: integerAtLeast(0) },
      { long: "--bind", value: "<address>", since: 202510 },
      { long: "--cors" },
      ...logOptions
    ]
  },
  since: 202404,
  run: Effect.fnUntraced(function* (session: Session) {
    // `--port` here is the server's, not LM Studio's own.
    yield* connect({ ...session, parsed: { ...session.parsed, values: new Map() } })
    const { port: last, settings } = yield* session.world.state.get
    const flag = session.parsed.values.get("--port")
    const wanted = flag === undefined ? (last ?? 1234) : Number(flag)
    if (settings.serverRunning && wanted === last) {
      yield* session.err(`Success! Server is now running on port ${wanted}`)
      return 0
    }
    if (settings.serverRunning) yield* session.world.state.stopServer
    return yield* session.world.state.startServer(wanted).pipe(
      Effect.flatMap((port) => Effect.as(session.err(`Success! Server is now running on port ${port}`), 0)),
      Effect.catchTag("SimulatedPortTaken", () =>
        Effect.as(session.err("Error: Failed to verify the server is running. Please try to use another port."), 1)
      )
    )
  })
}

export const serverStop: Command = {
  shape: { name: "stop", options: logOptions },
  since: 202404,
  run: Effect.fnUntraced(function* (session: Session) {
    const { port, settings } = yield* session.world.state.get
    if (!settings.appRunning || !settings.serverRunning)
      return yield* fail(session, "Error: The server is not running.")
    yield* session.world.state.stopServer
    yield* session.err(`Stopped the server on port ${port}.`)
    return 0
  })
}

export const serverStatus: Command = {
  shape: { name: "status", options: [{ long: "--json" }, ...logOptions] },
  since: 202404,
  run: Effect.fnUntraced(function* (session: Session) {
    const { port, settings } = yield* session.world.state.get
    const json = session.parsed.flags.has("--json")
    if (json) {
      yield* session.out(Json.stringify({ running: settings.serverRunning, ...(port === null ? {} : { port }) }))
    }
    if (!json || settings.cliSince < 202602) {
      yield* session.err(
        settings.serverRunning ? `The server is running on port ${port}.` : "The server is not running."
      )
    }
    return 0
  })
}

export const daemonUp: Command = {
  shape: { name: "up", options: [{ long: "--json" }, ...logOptions] },
  since: 202511,
  run: Effect.fnUntraced(function* (session: Session) {
    const before = yield* session.world.state.settings
    yield* connect(session)
    const { appVersion, gui, pid } = yield* session.world.state.settings
    if (session.parsed.flags.has("--json")) {
      yield* session.out(Json.stringify({ status: "running", pid, isDaemon: !gui, version: appVersion }))
    } else if (!before.appRunning) {
      yield* session.out(`${gui ? "LM Studio" : "llmster"} started (PID: ${pid}).`)
    } else {
      yield* session.out(
        gui
          ? `LM Studio is already running (PID: ${pid}); not starting a second daemon.`
          : `The daemon is already running (PID: ${pid}).`
      )
    }
    return 0
  })
}

export const daemonDown: Command = {
  shape: { name: "down", options: logOptions },
  since: 202512,
  run: Effect.fnUntraced(function* (session: Session) {
    const { appRunning, gui } = session.settings
    if (!appRunning) return yield* fail(session, "Daemon is not running.")
    if (gui) {
      return yield* fail(
        session,
        "The daemon is currently running as part of LM Studio. Please exit LM Studio to stop it."
      )
    }
    yield* session.err("Shutting down llmster...")
    yield* session.world.state.stopApp
    yield* session.err("Done.")
    return 0
  })
}

export const daemonStatus: Command = {
  shape: { name: "status", options: [{ long: "--json" }, ...logOptions] },
  since: 202510,
  run: Effect.fnUntraced(function* (session: Session) {
    const { appRunning, appVersion, gui, pid } = session.settings
    if (session.parsed.flags.has("--json")) {
      yield* session.out(
        Json.stringify(appRunning ? { status: "running", pid, isDaemon: !gui } : { status: "not-running" })
      )
    } else {
      yield* session.out(
        appRunning
          ? `${gui ? "LM Studio" : "llmster"} v${appVersion} is running (PID: ${pid})`
          : "LM Studio is not running"
      )
    }
    return 0
  })
}

export const status: Command = {
  shape: { name: "status", options: logOptions },
  since: 202404,
  run: Effect.fnUntraced(function* (session: Session) {
    const { instances, models, port, settings } = yield* session.world.state.get
    if (!settings.appRunning || !settings.serverRunning) {
      yield* session.out("Server:  OFF ")
      return 0
    }
    yield* session.out(`Server: ON (port: ${port})`)
    yield* session.out("\nLoaded Models")
    for (const instance of instances) {
      const bytes = models.find((model) => model.key === instance.key)?.sizeBytes ?? 0
      yield* session.out(`  · ${instance.id} - ${Words.size(bytes, settings.cliSince)}`)
    }
    return 0
  })
}

export const version: Command = {
  shape: { name: "version", options: [{ long: "--json" }] },
  since: 202404,
  run: (session) => {
    const shown = session.settings.cliSince >= 202601 ? session.settings.cliCommit : "0.0.47"
    return Effect.as(
      session.out(session.parsed.flags.has("--json") ? Json.stringify({ version: shown }) : `CLI commit: ${shown}`),
      0
    )
  }
}
