/** The simulator as a program sees LM Studio: real sockets, a real `lms` executable, an LM Studio home folder. */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as HttpApi from "./http/HttpApi.ts"
import * as Json from "./internal/json.ts"
import * as LmsCommand from "./lms/LmsCommand.ts"
import type { Control } from "./SimulatorControl.ts"
import * as SimulatorControl from "./SimulatorControl.ts"
import * as CommandChannel from "./sockets/CommandChannel.ts"
import * as HttpSocket from "./sockets/HttpSocket.ts"
import * as LmsProgram from "./sockets/LmsProgram.ts"
import type { WorldOptions } from "./World.ts"
import * as World from "./World.ts"

export interface Options extends WorldOptions {
  /**
   * Port of the status server; 0 for any free port, which is then only recorded in `<home>/.internal/http-server.json`.
   */
  readonly statusPort?: number
}

export interface RunningSimulator {
  /** `http://127.0.0.1:PORT` */
  readonly baseUrl: string
  /** Where the HTTP server listens, or would listen if it were on. */
  readonly port: number
  readonly statusPort: number
  /** The folder to put on PATH. */
  readonly lmsDirectory: string
  /** The `lms` executable in it. */
  readonly lmsBinary: string
  /** LM Studio's home folder with `.internal/http-server.json`. */
  readonly home: string
  /** The name of the model that answers, for people. */
  readonly name: string
  readonly control: Control
}

/** Runs until the scope closes. Port 0 (the default) means any free port. */
export const start = Effect.fnUntraced(function* (options: Options = {}) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const serverRunning = options.settings?.serverRunning ?? true
  const world = yield* World.make({
    ...options,
    port: options.port ?? 0,
    settings: { ...options.settings, serverRunning: false }
  })
  const listener = yield* HttpSocket.make((request, responder) => HttpApi.serve(world, request, responder))
  const home = yield* fs.makeTempDirectoryScoped({ prefix: "lmstudio-" })
  yield* fs.makeDirectory(path.join(home, ".internal"))
  const write = (file: string, content: unknown) =>
    fs.writeFileString(path.join(home, ".internal", file), Json.stringify(content))
  yield* world.state.useListener({
    open: (wanted) =>
      Effect.tap(listener.open(wanted), (actual) =>
        // The folder is ours and exists: a failure here is a bug or a full disk.
        Effect.orDie(write("http-server-config.json", { port: actual, networkInterface: "127.0.0.1" }))
      ),
    close: listener.close
  })
  const port = yield* world.state.startServer(options.port ?? 0)
  if (!serverRunning) yield* world.state.stopServer
  const status = yield* HttpSocket.make((request, responder) => HttpApi.serveStatus(world, request, responder))
  const statusPort = yield* status.open(options.statusPort ?? 0)
  const channelPort = yield* CommandChannel.listen((terminal) => LmsCommand.run(world, terminal))

  const lmsDirectory = path.join(home, "bin")
  const lmsBinary = path.join(lmsDirectory, "lms")
  yield* fs.makeDirectory(lmsDirectory)
  yield* fs.writeFileString(lmsBinary, LmsProgram.source(process.execPath, channelPort), { mode: 0o755 })
  yield* fs.makeDirectory(path.join(home, "models"))
  const { pid } = yield* world.state.settings
  yield* write("http-server.json", { host: "127.0.0.1", pid, port: statusPort })

  const control = SimulatorControl.of(world)
  const running: RunningSimulator = {
    baseUrl: `http://127.0.0.1:${port}`,
    port,
    statusPort,
    lmsDirectory,
    lmsBinary,
    home,
    name: yield* control.whoAnswers,
    control
  }
  return running
})
